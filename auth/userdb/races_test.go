package userdb_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/multiaccount-go/multiaccount/auth"
	"github.com/multiaccount-go/multiaccount/auth/userdb"
	"github.com/multiaccount-go/multiaccount/tenant"
)

// Whatever many do at the same time to few users and tenants: everybody has a home to which he belongs, every tenant has an
// owner, and nobody gets an error that a seam does not have.
func TestWhateverManyDoAtOnceEverybodyHasAHomeAndEveryTenantAnOwner(t *testing.T) {
	onEach(t, func(t *testing.T, address string) {
		db := open(t, address)
		w := &world{db: db}
		for range 6 {
			w.users = append(w.users, register(t, db))
		}
		for _, u := range w.users {
			w.tenants = append(w.tenants, u.Home)
		}
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				for range 60 {
					if err := w.act(t); err != nil && !isOfASeam(err) {
						t.Errorf("%v", err)
					}
				}
			})
		}
		all.Wait()
		w.inspect(t)
	})
}

// world is a few users and tenants, of which some exist no more.
type world struct {
	db      *userdb.DB
	mu      sync.Mutex
	users   []auth.User
	tenants []string
}

func (w *world) pick() (user auth.User, tenantID string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.users[rand.IntN(len(w.users))], w.tenants[rand.IntN(len(w.tenants))]
}

// add lets somebody take the place of another, so that there are never more than a few.
func (w *world) add(u auth.User) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.users[rand.IntN(len(w.users))], w.tenants[rand.IntN(len(w.tenants))] = u, u.Home
}

// act does one thing to somebody.
func (w *world) act(t *testing.T) error {
	users, tenants, ctx := w.db.Users(), w.db.Tenants(), t.Context()
	user, tenantID := w.pick()
	role := []tenant.Role{tenant.Owner, tenant.Admin, tenant.Member}[rand.IntN(3)]
	switch rand.IntN(12) {
	case 0:
		_, err := tenants.Delete(ctx, tenantID)
		return err
	case 1:
		return users.Delete(ctx, user.ID)
	case 2, 3:
		return tenants.Remove(ctx, tenantID, user.ID)
	case 4, 5:
		return tenants.SetRole(ctx, tenantID, user.ID, role)
	case 6:
		u, err := users.Register(ctx, registration(t))
		if err == nil {
			w.add(u)
		}
		return err
	case 7:
		r := registration(t)
		i, err := w.invite(ctx, tenantID, r.Email, role)
		if err != nil {
			return err
		}
		r.Invitation = i
		u, err := users.Register(ctx, r)
		if err == nil {
			w.add(u)
		}
		return err
	case 8:
		return second(tenants.Create(ctx, parse(t, word()), user.ID))
	default:
		i, err := w.invite(ctx, tenantID, user.Email, role)
		if err != nil {
			return err
		}
		return second(tenants.Accept(ctx, i, user.ID, tenant.EmailKey(user.Email), now()))
	}
}

func (w *world) invite(ctx context.Context, tenantID, email string, role tenant.Role) (tenant.Hash, error) {
	hash := tenant.NewSecret().Hash()
	return hash, w.db.Tenants().Invite(ctx, tenant.Invitation{
		TenantID: tenantID, Email: tenant.EmailKey(email), Role: role, Hash: hash, Created: now(), Expires: now().Add(time.Hour),
	})
}

func isOfASeam(err error) bool {
	for _, known := range []error{
		auth.ErrUnknown, tenant.ErrNotFound, tenant.ErrLastOwner, tenant.ErrAlreadyMember, tenant.ErrInvitationUsed,
	} {
		if errors.Is(err, known) {
			return true
		}
	}
	return false
}

func (w *world) inspect(t *testing.T) {
	t.Helper()
	for what, from := range map[string]string{
		"users who do not belong to their home": `users u WHERE NOT EXISTS (
			SELECT 1 FROM memberships m WHERE m.user_id = u.id AND m.tenant_id = u.home_tenant_id)`,
		"tenants without an owner": `tenants t WHERE NOT EXISTS (
			SELECT 1 FROM memberships m WHERE m.tenant_id = t.id AND m.role = 'owner')`,
	} {
		if n := rows(t, w.db, from); n > 0 {
			t.Errorf("%d %s", n, what)
		}
	}
	if rows(t, w.db, "users") == 0 {
		t.Error("nobody is left to look at")
	}
}
