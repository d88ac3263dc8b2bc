package userdb_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/multiaccount-go/multiaccount/auth"
	"github.com/multiaccount-go/multiaccount/auth/userdb"
	"github.com/multiaccount-go/multiaccount/internal/postgres"
	"github.com/multiaccount-go/multiaccount/tenant"
)

// cast is who plays in the scenes of TestWhatHappensMeanwhile. The user is at home in the first tenant, the partner in the
// second; both are owners of both. The third person is a member of both, at home elsewhere.
type cast struct {
	user, partner, third auth.User
	first, second        string
}

func newCast(t *testing.T, db *userdb.DB) cast {
	c := cast{user: register(t, db), partner: register(t, db), third: register(t, db)}
	c.first, c.second = c.user.Home, c.partner.Home
	join(t, db, c.first, c.partner, tenant.Owner)
	join(t, db, c.second, c.user, tenant.Owner)
	join(t, db, c.first, c.third, tenant.Member)
	join(t, db, c.second, c.third, tenant.Member)
	return c
}

// While one transaction stands between what it has looked at and what it does, another does the worst at that place. It has
// to wait, or the first has to see it. SQLite has one writer at a time; there is no place in between.
func TestWhatHappensMeanwhile(t *testing.T) {
	var db, other *userdb.DB
	for name, scene := range map[string]struct {
		at        string // the first stops before the statement that begins with this
		first     func(ctx context.Context, c cast) error
		meanwhile func(ctx context.Context, c cast) error
	}{
		"a user loses both of his tenants": {
			"UPDATE users SET home_tenant_id",
			func(ctx context.Context, c cast) error { return db.Tenants().Remove(ctx, c.first, c.user.ID) },
			func(ctx context.Context, c cast) error { return other.Tenants().Remove(ctx, c.second, c.user.ID) },
		},
		"a tenant is deleted, and a member leaves his other one": {
			"DELETE FROM users",
			func(ctx context.Context, c cast) error { return second(db.Tenants().Delete(ctx, c.first)) },
			func(ctx context.Context, c cast) error { return other.Tenants().Remove(ctx, c.second, c.user.ID) },
		},
		"both tenants are deleted, and each is the other home of who is at home in the one": { // PostgreSQL ends one of them
			"UPDATE users SET home_tenant_id",
			func(ctx context.Context, c cast) error { return second(db.Tenants().Delete(ctx, c.first)) },
			func(ctx context.Context, c cast) error { return second(other.Tenants().Delete(ctx, c.second)) },
		},
		"both tenants are deleted": {
			"DELETE FROM users",
			func(ctx context.Context, c cast) error { return second(db.Tenants().Delete(ctx, c.first)) },
			func(ctx context.Context, c cast) error { return second(other.Tenants().Delete(ctx, c.second)) },
		},
		"both owners are deleted": {
			"DELETE FROM users",
			func(ctx context.Context, c cast) error { return db.Users().Delete(ctx, c.user.ID) },
			func(ctx context.Context, c cast) error { return other.Users().Delete(ctx, c.partner.ID) },
		},
		"an owner is deleted, and the other steps down": {
			"DELETE FROM users",
			func(ctx context.Context, c cast) error { return db.Users().Delete(ctx, c.user.ID) },
			func(ctx context.Context, c cast) error {
				return other.Tenants().SetRole(ctx, c.first, c.partner.ID, tenant.Member)
			},
		},
		"both owners step down": {
			"UPDATE memberships",
			func(ctx context.Context, c cast) error {
				return db.Tenants().SetRole(ctx, c.first, c.user.ID, tenant.Member)
			},
			func(ctx context.Context, c cast) error { return other.Tenants().Remove(ctx, c.first, c.partner.ID) },
		},
		"who is to be deleted becomes the owner of one more": {
			"SELECT id FROM users",
			func(ctx context.Context, c cast) error { return db.Users().Delete(ctx, c.user.ID) },
			func(ctx context.Context, c cast) error {
				i := invite(t, other, c.third.Home, c.user.Email, tenant.Owner)
				if _, err := other.Tenants().Accept(ctx, i.Hash, c.user.ID, c.user.Email, now()); err != nil {
					return err
				}
				return other.Tenants().SetRole(ctx, c.third.Home, c.third.ID, tenant.Member)
			},
		},
		"somebody joins a tenant that is deleted": {
			"INSERT INTO memberships",
			func(ctx context.Context, c cast) error {
				guest := register(t, other)
				i := invite(t, other, c.first, guest.Email, tenant.Member)
				return second(db.Tenants().Accept(ctx, i.Hash, guest.ID, guest.Email, now()))
			},
			func(ctx context.Context, c cast) error { return second(other.Tenants().Delete(ctx, c.first)) },
		},
		"somebody registers with a tenant that is deleted": {
			"INSERT INTO users",
			func(ctx context.Context, c cast) error {
				return second(db.Users().Register(ctx, invited(t, other, c.first)))
			},
			func(ctx context.Context, c cast) error { return second(other.Tenants().Delete(ctx, c.first)) },
		},
	} {
		t.Run(name, func(t *testing.T) {
			address := postgres.Shared(t).NewDatabase(t)
			var spy *spy
			db, spy = spied(t, address)
			other = open(t, address)
			c := newCast(t, other)
			done := make(chan error, 1)
			stopped := false
			spy.before = func(query string, _ []any) error {
				if stopped || !strings.HasPrefix(query, scene.at) {
					return nil
				}
				stopped = true
				go func() { done <- scene.meanwhile(t.Context(), c) }()
				awaitDoneOrWaiting(t, other, done)
				return nil
			}
			err := scene.first(t.Context(), c)
			spy.before = nil
			if !stopped {
				t.Fatalf("the first has never come to %q: %v", scene.at, err)
			}
			for what, err := range map[string]error{"the first": err, "the other": <-done} {
				if err != nil && !isOfASeam(err) {
					t.Errorf("%s: %v", what, err)
				}
			}
			(&world{db: other}).inspect(t)
		})
	}
}

// awaitDoneOrWaiting waits until something is done, which it stays, or waits for a lock.
func awaitDoneOrWaiting(t *testing.T, db *userdb.DB, done chan error) {
	t.Helper()
	for range 2000 {
		select {
		case err := <-done:
			done <- err
			return
		default:
		}
		if rows(t, db, "pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'") > 0 {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Fatal("neither done nor waiting after ten seconds")
}

// A user who joins another tenant while his own is deleted: he is deleted and has not joined, or he has joined and is not
// deleted.
func TestWhoJoinsElsewhereWhileHisTenantIsDeleted(t *testing.T) {
	address := postgres.Shared(t).NewDatabase(t)
	db, spy := spied(t, address)
	other := open(t, address)
	for _, at := range []string{"UPDATE users", "DELETE FROM users", "SELECT id FROM users WHERE id IN"} {
		user, host := register(t, other), register(t, other)
		i := invite(t, other, host.Home, user.Email, tenant.Member)
		done := make(chan error, 1)
		stopped := false
		spy.before = func(query string, _ []any) error {
			if stopped || !strings.HasPrefix(query, at) {
				return nil
			}
			stopped = true
			go func() {
				done <- second(other.Tenants().Accept(t.Context(), i.Hash, user.ID, tenant.EmailKey(user.Email), now()))
			}()
			awaitDoneOrWaiting(t, other, done)
			return nil
		}
		deleted, err := db.Tenants().Delete(t.Context(), user.Home)
		spy.before = nil
		if err != nil {
			t.Fatal(err)
		}
		joined := <-done
		if lives := exists(t, other, user.ID); lives != (joined == nil) || lives == (len(deleted) == 1) {
			t.Errorf("at %q: lives %v, joined %v, deleted %v", at, lives, joined, deleted)
		}
	}
}

// Two identities are taken from a user, each while the other one is there still: one of them stays.
func TestTheLastWayInIsNotTakenMeanwhile(t *testing.T) {
	address := postgres.Shared(t).NewDatabase(t)
	db, spy := spied(t, address)
	other := open(t, address)
	r := registration(t)
	r.PasswordHash = ""
	user, err := other.Users().Register(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	identities := []auth.Identity{*r.Identity, {Provider: "p", Subject: word()}}
	if err := other.Users().AddIdentity(t.Context(), user.ID, identities[1]); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	stopped := false
	spy.before = func(query string, _ []any) error {
		if stopped || !strings.HasPrefix(query, "SELECT password_hash") {
			return nil
		}
		stopped = true
		go func() { done <- other.Users().RemoveIdentity(t.Context(), user.ID, identities[1]) }()
		awaitDoneOrWaiting(t, other, done)
		return nil
	}
	first := db.Users().RemoveIdentity(t.Context(), user.ID, identities[0])
	spy.before = nil
	if !stopped {
		t.Fatalf("the first has never looked at what is left: %v", first)
	}
	if second := <-done; first != nil || !errors.Is(second, auth.ErrLastWay) {
		t.Errorf("the first: %v, the other: %v, want only the other refused", first, second)
	}
	if left, err := db.Users().Identities(t.Context(), user.ID); err != nil || len(left) != 1 {
		t.Errorf("left is %+v, %v, want one", left, err)
	}
}
