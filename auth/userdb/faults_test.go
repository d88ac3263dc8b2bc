package userdb_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"syscall"
	"testing"

	"github.com/multiaccount-go/multiaccount/auth"
	"github.com/multiaccount-go/multiaccount/auth/userdb"
	"github.com/multiaccount-go/multiaccount/tenant"
)

var errBroken = errors.New("the database is broken")

// TN-03: whichever statement of a registration fails, the commit too, nothing remains, and who tries again succeeds.
func TestARegistrationThatFailsAnywhereLeavesNothing(t *testing.T) {
	onEach(t, func(t *testing.T, address string) {
		db, spy := spied(t, address)
		owner := register(t, db)
		for how, r := range map[string]auth.Registration{
			"with a tenant":           registration(t),
			"with a private space":    {Email: word() + "@example.com", Now: now()},
			"by an invitation":        invited(t, db, owner.Home),
			"by another's invitation": invited(t, db, owner.Home),
		} {
			t.Run(how, func(t *testing.T) {
				failures := failEverywhere(t, db, spy, func(ctx context.Context) error {
					_, err := db.Users().Register(ctx, r)
					return err
				})
				if failures < 4 {
					t.Errorf("only %d statements could fail", failures)
				}
			})
		}
	})
}

func invited(t testing.TB, db *userdb.DB, tenantID string) auth.Registration {
	r := registration(t)
	r.Invitation, r.Tenant = invite(t, db, tenantID, r.Email, tenant.Member).Hash, tenant.Name{}
	return r
}

// TN-03: of a registration whose process is killed on the way nothing remains either, and nobody has to wait for it.
func TestARegistrationWhoseProcessIsKilledLeavesNothing(t *testing.T) {
	onEach(t, func(t *testing.T, address string) {
		db := open(t, address)
		before := census(t, db)
		for _, at := range []string{"INSERT INTO users", "INSERT INTO memberships", "COMMIT"} {
			w := word()
			text, err := json.Marshal(job{Address: address, Forms: []form{{w + "@example.com", w}}, DieAt: at})
			if err != nil {
				t.Fatal(err)
			}
			cmd := exec.CommandContext(t.Context(), os.Args[0])
			cmd.Env = append(os.Environ(), childEnv+"="+string(text))
			out, err := cmd.CombinedOutput()
			var ended *exec.ExitError
			if !errors.As(err, &ended) || ended.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
				t.Fatalf("at %q: %v\n%s", at, err, out)
			}
			if after := census(t, db); after != before {
				t.Errorf("at %q: before %s, after %s", at, before, after)
			}
			r := registration(t)
			r.Email, r.Tenant = w+"@example.com", parse(t, w)
			if _, err := db.Users().Register(t.Context(), r); err != nil {
				t.Errorf("at %q: who tries again: %v", at, err)
			}
			before = census(t, db)
		}
	})
}

// failEverywhere calls something again and again: its first statement fails, then the second, until all succeed. Twice: the
// database fails, or who asked is gone by then. After each failure everything is as before. It returns how many have failed.
func failEverywhere(t *testing.T, db *userdb.DB, spy *spy, call func(ctx context.Context) error) (failures int) {
	t.Helper()
	before := census(t, db)
	for at := 1; ; at++ {
		for _, gone := range []bool{false, true} {
			ctx, cancel := context.WithCancel(t.Context())
			n := 0
			spy.before = func(query string, _ []any) error {
				if query == "ROLLBACK" {
					return nil
				}
				if n++; n != at {
					return nil
				}
				if gone {
					cancel()
					return nil
				}
				return errBroken
			}
			err := call(ctx)
			spy.before = nil
			cancel()
			if err == nil && n < at {
				return failures
			}
			if err == nil && gone && n == at {
				return failures // this was the commit, which SQLite does not give up any more
			}
			want := errBroken
			if gone {
				want = context.Canceled
			}
			is(t, err, want)
			if after := census(t, db); after != before {
				t.Fatalf("statement %d failed: before %s, after %s", at, before, after)
			}
			failures++
		}
	}
}

// What deletes and moves is whole or not at all too.
func TestWhatFailsOnTheWayIsNotDoneByHalf(t *testing.T) {
	onEach(t, func(t *testing.T, address string) {
		db, spy := spied(t, address)
		for name, prepare := range map[string]func() func(ctx context.Context) error{
			"a tenant is deleted": func() func(ctx context.Context) error {
				owner, guest := register(t, db), register(t, db)
				join(t, db, owner.Home, guest, tenant.Member)
				return func(ctx context.Context) error { _, err := db.Tenants().Delete(ctx, owner.Home); return err }
			},
			"a user is deleted": func() func(ctx context.Context) error {
				owner, other := register(t, db), register(t, db)
				join(t, db, owner.Home, other, tenant.Member)
				return func(ctx context.Context) error { return db.Users().Delete(ctx, owner.ID) }
			},
			"a member is removed from his home": func() func(ctx context.Context) error {
				owner, other := register(t, db), register(t, db)
				join(t, db, owner.Home, other, tenant.Owner)
				return func(ctx context.Context) error { return db.Tenants().Remove(ctx, owner.Home, owner.ID) }
			},
			"an invitation is accepted": func() func(ctx context.Context) error {
				owner, other := register(t, db), register(t, db)
				i := invite(t, db, owner.Home, other.Email, tenant.Member)
				return func(ctx context.Context) error {
					_, err := db.Tenants().Accept(ctx, i.Hash, other.ID, other.Email, now())
					return err
				}
			},
			"somebody is invited once more": func() func(ctx context.Context) error {
				owner := register(t, db)
				i := invite(t, db, owner.Home, word()+"@example.com", tenant.Member)
				i.ID, i.Hash = word(), tenant.NewSecret().Hash()
				return func(ctx context.Context) error { return db.Tenants().Invite(ctx, i) }
			},
			"a token is taken": func() func(ctx context.Context) error {
				token := put(t, db, register(t, db).ID)
				return func(ctx context.Context) error {
					_, err := db.Users().TakeToken(ctx, token.Purpose, token.Hash, now())
					return err
				}
			},
		} {
			t.Run(name, func(t *testing.T) {
				if failures := failEverywhere(t, db, spy, prepare()); failures < 3 {
					t.Errorf("only %d statements could fail", failures)
				}
			})
		}
	})
}
