// Package tenanttest is the suite that every [tenant.Store] must pass. A store's own test is a few lines:
//
//	func TestStore(t *testing.T) {
//		tenanttest.Run(t, func(t *testing.T) tenanttest.Fixture {
//			s := mystore.New(...)
//			return tenanttest.Fixture{Store: s, NewUser: s.newUser, HasUser: s.hasUser}
//		})
//	}
//
// Each check is named after the sentence of the contract that it holds the store to.
package tenanttest

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/multiaccount-go/multiaccount/tenant"
)

// Fixture is a store with the users that its backend needs.
type Fixture struct {
	Store tenant.Store
	// NewUser makes a user with an address, who has nothing but a private space, which is his home, and returns his id. Each
	// address comes once.
	NewUser func(t testing.TB, email string) (id string)
	// HasUser reports whether a user exists.
	HasUser func(t testing.TB, id string) bool
}

// Run holds a store to the contract of [tenant.Store]. newFixture is called once for each check, and may be called
// concurrently. The store need not be empty: the suite draws names and addresses that nobody else uses.
func Run(t *testing.T, newFixture func(t *testing.T) Fixture) {
	t.Helper()
	for _, c := range slices.Concat(tenants, members, invitations, races) {
		t.Run(c.sentence, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			c.run(&stage{TB: t, Fixture: f})
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

// name draws a name that begins with prefix.
func (s *stage) name(prefix string) tenant.Name {
	s.Helper()
	return s.parse(prefix + " " + word())
}

func (s *stage) parse(typed string) tenant.Name {
	s.Helper()
	n, err := tenant.ParseName(typed)
	if err != nil {
		s.Fatalf("name %q: %v", typed, err)
	}
	return n
}

// person is a user with his address.
type person struct{ id, email string }

func (s *stage) person() person {
	s.Helper()
	email := word() + "@example.com"
	return person{s.NewUser(s, email), email}
}

// tenant makes one with an owner and members.
func (s *stage) tenant(owner person, members ...person) tenant.Tenant {
	s.Helper()
	t, err := s.Store.Create(s.Context(), s.name("tenant"), owner.id)
	s.ok(err)
	for _, m := range members {
		s.join(t, m, tenant.Member)
	}
	return t
}

// join makes a person a member, by an invitation.
func (s *stage) join(t tenant.Tenant, who person, as tenant.Role) {
	s.Helper()
	_, err := s.accept(s.invite(t, who.email, as), who)
	s.ok(err)
}

// invite keeps an invitation of an hour.
func (s *stage) invite(t tenant.Tenant, email string, as tenant.Role) tenant.Invitation {
	s.Helper()
	i := s.invitation(t, email, as)
	s.ok(s.Store.Invite(s.Context(), i))
	return i
}

// invitation is one of an hour, by the first owner, that no store knows yet.
func (s *stage) invitation(t tenant.Tenant, email string, as tenant.Role) tenant.Invitation {
	s.Helper()
	owners := s.members(t)
	if len(owners) == 0 {
		s.Fatal("a tenant without members")
	}
	created := now()
	return tenant.Invitation{
		ID: word(), TenantID: t.ID, Email: email, Role: as, By: owners[0].UserID, Hash: tenant.NewSecret().Hash(),
		Created: created, Expires: created.Add(time.Hour),
	}
}

func (s *stage) accept(i tenant.Invitation, who person) (tenant.Membership, error) {
	return s.Store.Accept(s.Context(), i.Hash, who.id, who.email, now())
}

func (s *stage) members(t tenant.Tenant) []tenant.Membership {
	s.Helper()
	all, err := s.Store.Members(s.Context(), t.ID)
	s.ok(err)
	return all
}

func (s *stage) memberships(who person) []tenant.Membership {
	s.Helper()
	all, err := s.Store.Memberships(s.Context(), who.id)
	s.ok(err)
	return all
}

// membership returns what a person is in a tenant.
func (s *stage) membership(t tenant.Tenant, who person) (tenant.Membership, bool) {
	s.Helper()
	for _, m := range s.memberships(who) {
		if m.Tenant.ID == t.ID {
			return m, true
		}
	}
	return tenant.Membership{}, false
}

// home returns the tenant that is a person's home, of which there is exactly one.
func (s *stage) home(who person) tenant.Tenant {
	s.Helper()
	var homes []tenant.Tenant
	for _, m := range s.memberships(who) {
		if m.Home {
			homes = append(homes, m.Tenant)
		}
	}
	if len(homes) != 1 {
		s.Fatalf("a user has %d homes, want one", len(homes))
	}
	return homes[0]
}

// move makes a tenant the home of a member: he leaves the private space that he came with.
func (s *stage) move(who person, into tenant.Tenant) {
	s.Helper()
	private := s.home(who)
	if _, err := s.Store.Delete(s.Context(), private.ID); err != nil {
		s.Fatalf("deleting a private space: %v", err)
	}
	if got := s.home(who); got.ID != into.ID {
		s.Fatalf("home is %q, want the only tenant that is left", got.Name)
	}
}

func (s *stage) ok(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

func (s *stage) is(err, want error) {
	s.Helper()
	if !errors.Is(err, want) {
		s.Errorf("got %v, want %v", err, want)
	}
}

func (s *stage) roles(t tenant.Tenant) map[string]tenant.Role {
	s.Helper()
	roles := map[string]tenant.Role{}
	for _, m := range s.members(t) {
		roles[m.UserID] = m.Role
	}
	return roles
}

// now is the time in the precision that databases keep.
func now() time.Time { return time.Now().UTC().Truncate(time.Millisecond) }

// atOnce runs a function n times at the same time and returns the errors.
func atOnce(n int, run func(i int) error) []error {
	errs := make([]error, n)
	start := make(chan struct{})
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			<-start
			errs[i] = run(i)
		})
	}
	close(start)
	all.Wait()
	return errs
}

// ended is a context that has ended.
func ended(s *stage) context.Context {
	ctx, cancel := context.WithCancel(s.Context())
	cancel()
	return ctx
}
