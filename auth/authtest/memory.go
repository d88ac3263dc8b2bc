package authtest

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/multiaccount-go/multiaccount/auth"
	"github.com/multiaccount-go/multiaccount/tenant"
)

// Store is an [auth.Store] in the memory of one process, for tests. Its methods may be called concurrently.
type Store struct {
	tenants *tenant.MemoryStore

	mu         sync.Mutex
	users      map[string]row
	identities map[auth.Identity]string // id of the user
	tokens     []auth.Token
}

type row struct {
	auth.User
	hash string
}

// NewStore returns an empty store.
func NewStore() *Store {
	return &Store{tenants: tenant.NewMemoryStore(), users: map[string]row{}, identities: map[auth.Identity]string{}}
}

// Tenants returns the tenants that the users of this store belong to.
func (s *Store) Tenants() tenant.Store { return s.tenants }

// begin locks the store for a call whose context has not ended, and drops users who were deleted with their tenant.
func (s *Store) begin(ctx context.Context) (end func(), err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.Lock()
	for id := range s.users {
		if !s.tenants.HasUser(id) {
			s.drop(id)
		}
	}
	return s.mu.Unlock, nil
}

// drop forgets a user and what hangs on him.
func (s *Store) drop(id string) {
	delete(s.users, id)
	for i, owner := range s.identities {
		if owner == id {
			delete(s.identities, i)
		}
	}
	s.tokens = slices.DeleteFunc(s.tokens, func(t auth.Token) bool { return t.UserID == id })
}

// byEmail returns the user with an address. An empty one is nobody's.
func (s *Store) byEmail(email string) (row, bool) {
	key := tenant.EmailKey(email)
	for _, r := range s.users {
		if key != "" && tenant.EmailKey(r.Email) == key {
			return r, true
		}
	}
	return row{}, false
}

// nameTaken reports whether a name would be refused: by trying it on a tenant that exists for the moment.
func (s *Store) nameTaken(ctx context.Context, name tenant.Name) bool {
	if name == (tenant.Name{}) {
		return false
	}
	id := rand.Text()
	s.tenants.AddUser(id)
	t, err := s.tenants.Create(ctx, name, id)
	if err == nil {
		_, _ = s.tenants.Delete(ctx, t.ID)
	}
	s.leave(ctx, id)
	return errors.Is(err, tenant.ErrNameTaken)
}

// leave deletes a user of the tenants who has only a private space left.
func (s *Store) leave(ctx context.Context, id string) {
	ctx = context.WithoutCancel(ctx) // what was begun is ended
	all, _ := s.tenants.Memberships(ctx, id)
	for _, m := range all {
		_, _ = s.tenants.Delete(ctx, m.Tenant.ID)
	}
}

// Available implements [auth.Store].
func (s *Store) Available(ctx context.Context, email string, name tenant.Name) error {
	end, err := s.begin(ctx)
	if err != nil {
		return err
	}
	defer end()
	return s.available(ctx, email, name, nil)
}

func (s *Store) available(ctx context.Context, email string, name tenant.Name, i *auth.Identity) error {
	var errs []error
	if _, taken := s.byEmail(email); taken {
		errs = append(errs, auth.ErrEmailTaken)
	}
	if s.nameTaken(ctx, name) {
		errs = append(errs, tenant.ErrNameTaken)
	}
	if i != nil && s.identities[*i] != "" {
		errs = append(errs, auth.ErrIdentityTaken)
	}
	return errors.Join(errs...)
}

// Register implements [auth.Store].
func (s *Store) Register(ctx context.Context, r auth.Registration) (auth.User, error) {
	end, err := s.begin(ctx)
	if err != nil {
		return auth.User{}, err
	}
	defer end()
	if err := s.available(ctx, r.Email, r.Tenant, r.Identity); err != nil {
		return auth.User{}, err
	}
	id := rand.Text()
	s.tenants.AddUser(id)
	home, err := s.settle(ctx, id, r)
	if err != nil {
		s.leave(ctx, id)
		return auth.User{}, err
	}
	u := auth.User{
		ID: id, Email: strings.Clone(r.Email), Name: strings.Clone(r.Name), Status: auth.Active, Home: home, Created: r.Now,
	}
	s.users[id] = row{u, r.PasswordHash}
	if r.Identity != nil {
		s.identities[*r.Identity] = id
	}
	return u, nil
}

// settle gives a new user the home that his registration asks for, in the place of his private space.
func (s *Store) settle(ctx context.Context, id string, r auth.Registration) (home string, err error) {
	private, err := s.tenants.Memberships(ctx, id)
	if err != nil {
		return "", err
	}
	home = private[0].Tenant.ID
	switch {
	case r.Invitation != (tenant.Hash{}):
		m, err := s.tenants.Accept(ctx, r.Invitation, id, tenant.EmailKey(r.Email), r.Now)
		if err != nil {
			return "", err
		}
		home = m.Tenant.ID
	case r.Tenant != (tenant.Name{}):
		t, err := s.tenants.Create(ctx, r.Tenant, id)
		if err != nil {
			return "", err
		}
		home = t.ID
	default:
		return home, nil
	}
	_, err = s.tenants.Delete(ctx, private[0].Tenant.ID)
	return home, err
}

// ByIDs implements [auth.Store].
func (s *Store) ByIDs(ctx context.Context, ids ...string) (map[string]auth.User, error) {
	end, err := s.begin(ctx)
	if err != nil {
		return nil, err
	}
	defer end()
	found := map[string]auth.User{}
	for _, id := range ids {
		if r, ok := s.users[id]; ok {
			found[r.ID] = r.User
		}
	}
	return found, nil
}

// ByEmail implements [auth.Store].
func (s *Store) ByEmail(ctx context.Context, email string) (auth.User, string, error) {
	end, err := s.begin(ctx)
	if err != nil {
		return auth.User{}, "", err
	}
	defer end()
	r, ok := s.byEmail(email)
	if !ok {
		return auth.User{}, "", auth.ErrUnknown
	}
	return r.User, r.hash, nil
}

// ByIdentity implements [auth.Store].
func (s *Store) ByIdentity(ctx context.Context, i auth.Identity) (auth.User, error) {
	end, err := s.begin(ctx)
	if err != nil {
		return auth.User{}, err
	}
	defer end()
	r, ok := s.users[s.identities[i]]
	if !ok {
		return auth.User{}, auth.ErrUnknown
	}
	return r.User, nil
}

// change changes one user who exists.
func (s *Store) change(ctx context.Context, userID string, do func(r *row) error) error {
	end, err := s.begin(ctx)
	if err != nil {
		return err
	}
	defer end()
	r, ok := s.users[userID]
	if !ok {
		return auth.ErrUnknown
	}
	if err := do(&r); err != nil {
		return err
	}
	s.users[r.ID] = r
	return nil
}

// SetEmail implements [auth.Store].
func (s *Store) SetEmail(ctx context.Context, userID, email string) error {
	return s.change(ctx, userID, func(r *row) error {
		if other, taken := s.byEmail(email); taken && other.ID != r.ID {
			return auth.ErrEmailTaken
		}
		r.Email = strings.Clone(email)
		return nil
	})
}

// SetName implements [auth.Store].
func (s *Store) SetName(ctx context.Context, userID, name string) error {
	return s.change(ctx, userID, func(r *row) error { r.Name = strings.Clone(name); return nil })
}

// SetPassword implements [auth.Store].
func (s *Store) SetPassword(ctx context.Context, userID, hash string) error {
	return s.change(ctx, userID, func(r *row) error { r.hash = strings.Clone(hash); return nil })
}

// Rehash implements [auth.Rehasher].
func (s *Store) Rehash(ctx context.Context, userID, former, hash string) error {
	return s.change(ctx, userID, func(r *row) error {
		if r.hash == former {
			r.hash = strings.Clone(hash)
		}
		return nil
	})
}

// SetStatus implements [auth.Store].
func (s *Store) SetStatus(ctx context.Context, userID string, to auth.Status) error {
	return s.change(ctx, userID, func(r *row) error { r.Status = to; return nil })
}

// AddIdentity implements [auth.Store].
func (s *Store) AddIdentity(ctx context.Context, userID string, i auth.Identity) error {
	return s.change(ctx, userID, func(r *row) error {
		if owner := s.identities[i]; owner != "" && owner != r.ID {
			return auth.ErrIdentityTaken
		}
		s.identities[i] = r.ID
		return nil
	})
}

// Identities implements [auth.Store].
func (s *Store) Identities(ctx context.Context, userID string) ([]auth.Identity, error) {
	end, err := s.begin(ctx)
	if err != nil {
		return nil, err
	}
	defer end()
	return s.identitiesOf(userID), nil
}

func (s *Store) identitiesOf(userID string) (all []auth.Identity) {
	for i, owner := range s.identities {
		if owner == userID {
			all = append(all, i)
		}
	}
	slices.SortFunc(all, func(a, b auth.Identity) int {
		return cmp.Or(cmp.Compare(a.Provider, b.Provider), cmp.Compare(a.Subject, b.Subject))
	})
	return all
}

// RemoveIdentity implements [auth.Store].
func (s *Store) RemoveIdentity(ctx context.Context, userID string, i auth.Identity) error {
	return s.change(ctx, userID, func(r *row) error {
		hasPassword := r.hash != "" && tenant.EmailKey(r.Email) != ""
		switch {
		case s.identities[i] != r.ID:
			return auth.ErrUnknown
		case !hasPassword && len(s.identitiesOf(r.ID)) == 1:
			return auth.ErrLastWay
		}
		delete(s.identities, i)
		return nil
	})
}

// Delete implements [auth.Store].
func (s *Store) Delete(ctx context.Context, userID string) error {
	end, err := s.begin(ctx)
	if err != nil {
		return err
	}
	defer end()
	if _, ok := s.users[userID]; !ok {
		return auth.ErrUnknown
	}
	all, err := s.tenants.Memberships(ctx, userID)
	if err != nil {
		return err
	}
	for _, m := range all {
		if err := s.quit(ctx, m); err != nil {
			return err
		}
	}
	s.leave(ctx, userID)
	s.drop(userID)
	return nil
}

// quit takes a user out of a tenant: the last member with it, the last owner after another one has become it.
func (s *Store) quit(ctx context.Context, m tenant.Membership) error {
	members, err := s.tenants.Members(ctx, m.Tenant.ID)
	if err != nil {
		return err
	}
	others := slices.DeleteFunc(members, func(o tenant.Membership) bool { return o.UserID == m.UserID })
	if len(others) == 0 {
		return nil // leave deletes it
	}
	err = s.tenants.Remove(ctx, m.Tenant.ID, m.UserID)
	if !errors.Is(err, tenant.ErrLastOwner) {
		return err
	}
	heir := slices.MinFunc(others, func(a, b tenant.Membership) int { return a.Joined.Compare(b.Joined) })
	if err := s.tenants.SetRole(ctx, m.Tenant.ID, heir.UserID, tenant.Owner); err != nil {
		return err
	}
	return s.tenants.Remove(ctx, m.Tenant.ID, m.UserID)
}

// PutToken implements [auth.Store].
func (s *Store) PutToken(ctx context.Context, t auth.Token) error {
	end, err := s.begin(ctx)
	if err != nil {
		return err
	}
	defer end()
	if _, ok := s.users[t.UserID]; t.UserID != "" && !ok {
		return auth.ErrUnknown
	}
	s.tokens = append(s.tokens, t)
	return nil
}

// Token implements [auth.Store].
func (s *Store) Token(ctx context.Context, purpose auth.Purpose, hash auth.Hash, now time.Time) (auth.Token, error) {
	return s.token(ctx, purpose, hash, now, false)
}

// TakeToken implements [auth.Store].
func (s *Store) TakeToken(ctx context.Context, purpose auth.Purpose, hash auth.Hash, now time.Time) (auth.Token, error) {
	return s.token(ctx, purpose, hash, now, true)
}

func (s *Store) token(
	ctx context.Context, purpose auth.Purpose, hash auth.Hash, now time.Time, take bool,
) (auth.Token, error) {
	end, err := s.begin(ctx)
	if err != nil {
		return auth.Token{}, err
	}
	defer end()
	for i, t := range s.tokens {
		if t.Purpose == purpose && t.Hash == hash && now.Before(t.Expires) {
			if take {
				s.tokens = slices.Delete(s.tokens, i, i+1)
			}
			return t, nil
		}
	}
	return auth.Token{}, auth.ErrUnknown
}

// Tokens implements [auth.Store].
func (s *Store) Tokens(ctx context.Context, purpose auth.Purpose, userID string, now time.Time) ([]auth.Token, error) {
	end, err := s.begin(ctx)
	if err != nil {
		return nil, err
	}
	defer end()
	var all []auth.Token
	for _, t := range s.tokens {
		if t.Purpose == purpose && t.UserID == userID && now.Before(t.Expires) {
			all = append(all, t)
		}
	}
	slices.SortStableFunc(all, func(a, b auth.Token) int { return b.Created.Compare(a.Created) })
	return all, nil
}

// DropToken implements [auth.Store].
func (s *Store) DropToken(ctx context.Context, purpose auth.Purpose, userID, id string) error {
	end, err := s.begin(ctx)
	if err != nil {
		return err
	}
	defer end()
	kept := slices.DeleteFunc(slices.Clone(s.tokens), func(t auth.Token) bool {
		return t.Purpose == purpose && t.UserID == userID && userID != "" && t.ID == id
	})
	if len(kept) == len(s.tokens) {
		return auth.ErrUnknown
	}
	s.tokens = kept
	return nil
}
