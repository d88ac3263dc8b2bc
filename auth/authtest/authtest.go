// Package authtest is the suite that every [auth.Store] must pass. A store's own test is a few lines:
//
//	func TestStore(t *testing.T) {
//		authtest.Run(t, func(t *testing.T) authtest.Fixture {
//			s := mystore.New(...)
//			return authtest.Fixture{Store: s, Tenants: s.tenants()}
//		})
//	}
//
// Each check is named after the sentence of the contract that it holds the store to. [NewStore] is a store in memory, for
// tests.
package authtest

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/multiaccount-go/multiaccount/auth"
	"github.com/multiaccount-go/multiaccount/tenant"
)

// Fixture is a store of users, and the one of the tenants that they belong to. Both work on the same data.
type Fixture struct {
	Store   auth.Store
	Tenants tenant.Store
}

// Run holds a store to the contract of [auth.Store]. newFixture is called once for each check, and may be called
// concurrently. The store need not be empty: the suite draws names and addresses that nobody else uses.
func Run(t *testing.T, newFixture func(t *testing.T) Fixture) {
	t.Helper()
	for _, c := range slices.Concat(registrations, lookups, changes, deletions, tokens, races) {
		t.Run(c.sentence, func(t *testing.T) {
			t.Parallel()
			c.run(&stage{TB: t, Fixture: newFixture(t)})
		})
	}
}

// check is one sentence of the contract.
type check struct {
	sentence string
	run      func(s *stage)
}

// stage is what a check plays on: a store, with shorthands that fail the test.
type stage struct {
	testing.TB
	Fixture
}

// word draws a word that nobody else has, of letters that look like no others.
func word() string {
	const letters = "abcdefghkpqstuvwxyz"
	w := make([]byte, 20)
	for i := range w {
		w[i] = letters[rand.IntN(len(letters))]
	}
	return string(w)
}

// address draws an e-mail address.
func address() string { return word() + "@example.com" }

// name draws a name of a tenant.
func (s *stage) name() tenant.Name {
	s.Helper()
	return s.parse("Tenant " + word())
}

func (s *stage) parse(typed string) tenant.Name {
	s.Helper()
	n, err := tenant.ParseName(typed)
	if err != nil {
		s.Fatalf("name %q: %v", typed, err)
	}
	return n
}

// registration is one with an address, a name and a password, and no tenant.
func registration() auth.Registration {
	return auth.Registration{Email: address(), Name: "Name of " + word(), PasswordHash: "hash of " + word(), Now: now()}
}

func (s *stage) register(r auth.Registration) auth.User {
	s.Helper()
	u, err := s.Store.Register(s.Context(), r)
	s.ok(err)
	return u
}

// user is somebody who is registered with a private space.
func (s *stage) user() auth.User {
	s.Helper()
	return s.register(registration())
}

// byID returns a user, if he exists.
func (s *stage) byID(id string) (auth.User, bool) {
	s.Helper()
	found, err := s.Store.ByIDs(s.Context(), id)
	s.ok(err)
	u, ok := found[id]
	return u, ok
}

// exists reports whether an address belongs to somebody.
func (s *stage) exists(email string) bool {
	s.Helper()
	_, _, err := s.Store.ByEmail(s.Context(), email)
	if err != nil {
		s.is(err, auth.ErrUnknown)
	}
	return err == nil
}

func (s *stage) identities(userID string) []auth.Identity {
	s.Helper()
	all, err := s.Store.Identities(s.Context(), userID)
	s.ok(err)
	return all
}

func (s *stage) memberships(userID string) []tenant.Membership {
	s.Helper()
	all, err := s.Tenants.Memberships(s.Context(), userID)
	s.ok(err)
	return all
}

// invite keeps an invitation of an hour.
func (s *stage) invite(to tenant.Tenant, by auth.User, email string, as tenant.Role) tenant.Hash {
	s.Helper()
	i := tenant.Invitation{
		ID: word(), TenantID: to.ID, Email: tenant.EmailKey(email), Role: as, By: by.ID, Hash: tenant.NewSecret().Hash(),
		Created: now(), Expires: now().Add(time.Hour),
	}
	s.ok(s.Tenants.Invite(s.Context(), i))
	return i.Hash
}

// isOpen reports whether an invitation can be accepted.
func (s *stage) isOpen(i tenant.Hash) bool {
	s.Helper()
	_, _, err := s.Tenants.Invitation(s.Context(), i, now())
	if err != nil {
		s.is(err, tenant.ErrInvitationUsed)
	}
	return err == nil
}

// owner is somebody with a tenant of his own.
func (s *stage) owner() (auth.User, tenant.Tenant) {
	s.Helper()
	r := registration()
	r.Tenant = s.name()
	u := s.register(r)
	all := s.memberships(u.ID)
	if len(all) != 1 {
		s.Fatalf("belongs to %+v, want one tenant", all)
	}
	return u, all[0].Tenant
}

// join registers somebody with an invitation, some time ago.
func (s *stage) join(to tenant.Tenant, by auth.User, as tenant.Role, ago time.Duration) auth.User {
	s.Helper()
	r := registration()
	r.Now = now().Add(-ago)
	r.Invitation = s.invite(to, by, r.Email, as)
	return s.register(r)
}

// available reports what Available says.
func (s *stage) available(email string, name tenant.Name) error {
	return s.Store.Available(s.Context(), email, name)
}

func (s *stage) ok(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

// is checks that an error is all of those.
func (s *stage) is(err error, want ...error) {
	s.Helper()
	for _, w := range want {
		if !errors.Is(err, w) {
			s.Errorf("got error %v, want %v", err, w)
		}
	}
}

// isNot checks that an error is none of those.
func (s *stage) isNot(err error, unwanted ...error) {
	s.Helper()
	for _, w := range unwanted {
		if errors.Is(err, w) {
			s.Errorf("got error %v, which is %v too", err, w)
		}
	}
}

// now is the time in the precision that databases keep.
func now() time.Time { return time.Now().UTC().Truncate(time.Millisecond) }

const many = 16

// atOnce runs a function many times at the same time and returns the errors.
func atOnce(run func(i int) error) []error {
	errs := make([]error, many)
	start := make(chan struct{})
	var all sync.WaitGroup
	for i := range many {
		all.Go(func() {
			<-start
			errs[i] = run(i)
		})
	}
	close(start)
	all.Wait()
	return errs
}

// one checks that one of several calls succeeded and the others were refused with an error, and returns which did.
func (s *stage) one(errs []error, refused error) (winner int) {
	s.Helper()
	winner = -1
	for i, err := range errs {
		switch {
		case err != nil:
			s.is(err, refused)
		case winner >= 0:
			s.Fatalf("calls %d and %d both succeeded", winner, i)
		default:
			winner = i
		}
	}
	if winner < 0 {
		s.Fatal("no call succeeded")
	}
	return winner
}

// ended is a context that has ended.
func (s *stage) ended() context.Context {
	ctx, cancel := context.WithCancel(s.Context())
	cancel()
	return ctx
}
