package tenant

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"slices"
	"sync"
	"time"
)

// MemoryStore is a [Store] in the memory of one process, for tests and for trying things out. Its methods may be called
// concurrently.
type MemoryStore struct {
	mu          sync.Mutex
	users       map[string]string // id of the home tenant by user id
	tenants     map[string]*memoryTenant
	invitations map[Hash]Invitation
}

type memoryTenant struct {
	Tenant
	key     string
	members map[string]*memoryMember
}

type memoryMember struct {
	role   Role
	joined time.Time
}

// NewMemoryStore returns an empty store.
func NewMemoryStore() *MemoryStore {
	return &MemoryStore{
		users: map[string]string{}, tenants: map[string]*memoryTenant{}, invitations: map[Hash]Invitation{},
	}
}

// AddUser makes a user known, with a private space as his home. A user who is known already stays as he is.
func (s *MemoryStore) AddUser(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, known := s.users[id]; !known {
		s.settle(id)
	}
}

// HasUser reports whether a user exists: Delete deletes those who belong to nothing else.
func (s *MemoryStore) HasUser(id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, known := s.users[id]
	return known
}

// settle gives a user a private space for his home.
func (s *MemoryStore) settle(userID string) { s.users[userID] = s.create(Name{}, userID).ID }

func (s *MemoryStore) create(name Name, ownerID string) *memoryTenant {
	now := time.Now()
	t := &memoryTenant{
		Tenant:  Tenant{ID: rand.Text(), Name: name.String(), Status: Active, Created: now},
		key:     name.Key(),
		members: map[string]*memoryMember{ownerID: {Owner, now}},
	}
	s.tenants[t.ID] = t
	return t
}

// begin locks the store for a call whose context has not ended.
func (s *MemoryStore) begin(ctx context.Context) (end func(), err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.Lock()
	return s.mu.Unlock, nil
}

// Memberships implements [Store].
func (s *MemoryStore) Memberships(ctx context.Context, userID string) ([]Membership, error) {
	end, err := s.begin(ctx)
	if err != nil {
		return nil, err
	}
	defer end()
	return s.of(userID), nil
}

func (s *MemoryStore) of(userID string) []Membership {
	var all []Membership
	for _, t := range s.tenants {
		if m := t.members[userID]; m != nil {
			all = append(all, s.membership(t, userID, m))
		}
	}
	slices.SortFunc(all, func(a, b Membership) int {
		return cmp.Or(first(a.Home, b.Home), cmp.Compare(a.Tenant.Name, b.Tenant.Name), cmp.Compare(a.Tenant.ID, b.Tenant.ID))
	})
	return all
}

func (s *MemoryStore) membership(t *memoryTenant, userID string, m *memoryMember) Membership {
	return Membership{Tenant: t.Tenant, UserID: userID, Role: m.role, Joined: m.joined, Home: s.users[userID] == t.ID}
}

// first orders what is true before what is not.
func first(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return -1
	}
	return 1
}

// Members implements [Store].
func (s *MemoryStore) Members(ctx context.Context, tenantID string) ([]Membership, error) {
	end, err := s.begin(ctx)
	if err != nil {
		return nil, err
	}
	defer end()
	t := s.tenants[tenantID]
	if t == nil {
		return nil, nil
	}
	var all []Membership
	for id, m := range t.members {
		all = append(all, s.membership(t, id, m))
	}
	slices.SortFunc(all, func(a, b Membership) int {
		return cmp.Or(first(a.Role == Owner, b.Role == Owner), a.Joined.Compare(b.Joined), cmp.Compare(a.UserID, b.UserID))
	})
	return all, nil
}

// Create implements [Store].
func (s *MemoryStore) Create(ctx context.Context, name Name, ownerID string) (Tenant, error) {
	end, err := s.begin(ctx)
	if err != nil {
		return Tenant{}, err
	}
	defer end()
	if s.taken(name, "") {
		return Tenant{}, ErrNameTaken
	}
	if _, known := s.users[ownerID]; !known {
		return Tenant{}, errNoUser
	}
	return s.create(name, ownerID).Tenant, nil
}

var errNoUser = errors.New("tenant: memory store: no such user: call AddUser first")

// taken reports whether a tenant other than but has a name. Private spaces have none.
func (s *MemoryStore) taken(name Name, but string) bool {
	for id, t := range s.tenants {
		if t.key != "" && t.key == name.Key() && id != but {
			return true
		}
	}
	return false
}

// Rename implements [Store].
func (s *MemoryStore) Rename(ctx context.Context, tenantID string, name Name) error {
	return s.change(ctx, tenantID, func(t *memoryTenant) error {
		if s.taken(name, tenantID) {
			return ErrNameTaken
		}
		t.Name, t.key = name.String(), name.Key()
		return nil
	})
}

// SetStatus implements [Store].
func (s *MemoryStore) SetStatus(ctx context.Context, tenantID string, to Status) error {
	return s.change(ctx, tenantID, func(t *memoryTenant) error { t.Status = to; return nil })
}

func (s *MemoryStore) change(ctx context.Context, tenantID string, do func(*memoryTenant) error) error {
	end, err := s.begin(ctx)
	if err != nil {
		return err
	}
	defer end()
	t := s.tenants[tenantID]
	if t == nil {
		return ErrNotFound
	}
	return do(t)
}

// Delete implements [Store].
func (s *MemoryStore) Delete(ctx context.Context, tenantID string) (deleted []string, err error) {
	err = s.change(ctx, tenantID, func(t *memoryTenant) error {
		delete(s.tenants, tenantID)
		for hash, i := range s.invitations {
			if i.TenantID == tenantID {
				delete(s.invitations, hash)
			}
		}
		for id := range t.members {
			others := s.of(id)
			switch {
			case len(others) == 0:
				delete(s.users, id)
				deleted = append(deleted, id)
			case s.users[id] == tenantID:
				s.users[id] = others[0].Tenant.ID
			}
		}
		return nil
	})
	return deleted, err
}

// SetRole implements [Store].
func (s *MemoryStore) SetRole(ctx context.Context, tenantID, userID string, to Role) error {
	return s.change(ctx, tenantID, func(t *memoryTenant) error {
		m := t.members[userID]
		switch {
		case m == nil:
			return ErrNotFound
		case to != Owner && t.onlyOwner(userID):
			return ErrLastOwner
		}
		m.role = to
		return nil
	})
}

// Remove implements [Store].
func (s *MemoryStore) Remove(ctx context.Context, tenantID, userID string) error {
	return s.change(ctx, tenantID, func(t *memoryTenant) error {
		switch {
		case t.members[userID] == nil:
			return ErrNotFound
		case t.onlyOwner(userID):
			return ErrLastOwner
		}
		delete(t.members, userID)
		switch others := s.of(userID); {
		case len(others) == 0:
			s.settle(userID)
		case s.users[userID] == tenantID:
			s.users[userID] = others[0].Tenant.ID
		}
		return nil
	})
}

func (t *memoryTenant) onlyOwner(userID string) bool {
	for id, m := range t.members {
		if (m.role == Owner) != (id == userID) {
			return false
		}
	}
	return t.members[userID] != nil
}

// Invite implements [Store].
func (s *MemoryStore) Invite(ctx context.Context, i Invitation) error {
	return s.change(ctx, i.TenantID, func(*memoryTenant) error {
		for hash, other := range s.invitations {
			if other.TenantID == i.TenantID && other.Email == i.Email {
				delete(s.invitations, hash)
			}
		}
		s.invitations[i.Hash] = i
		return nil
	})
}

// Invitations implements [Store].
func (s *MemoryStore) Invitations(ctx context.Context, tenantID string, now time.Time) ([]Invitation, error) {
	end, err := s.begin(ctx)
	if err != nil {
		return nil, err
	}
	defer end()
	var open []Invitation
	for _, i := range s.invitations {
		if i.TenantID == tenantID && now.Before(i.Expires) {
			i.Hash = Hash{}
			open = append(open, i)
		}
	}
	slices.SortFunc(open, func(a, b Invitation) int { return b.Created.Compare(a.Created) })
	return open, nil
}

// Revoke implements [Store].
func (s *MemoryStore) Revoke(ctx context.Context, tenantID, invitationID string) error {
	return s.change(ctx, tenantID, func(*memoryTenant) error {
		for hash, i := range s.invitations {
			if i.TenantID == tenantID && i.ID == invitationID {
				delete(s.invitations, hash)
				return nil
			}
		}
		return ErrNotFound
	})
}

// Invitation implements [Store].
func (s *MemoryStore) Invitation(ctx context.Context, hash Hash, now time.Time) (Invitation, Tenant, error) {
	end, err := s.begin(ctx)
	if err != nil {
		return Invitation{}, Tenant{}, err
	}
	defer end()
	i, t, err := s.open(hash, now)
	if err != nil {
		return Invitation{}, Tenant{}, err
	}
	return i, t.Tenant, nil
}

func (s *MemoryStore) open(hash Hash, now time.Time) (Invitation, *memoryTenant, error) {
	i, ok := s.invitations[hash]
	if !ok || !now.Before(i.Expires) {
		return Invitation{}, nil, ErrInvitationUsed
	}
	return i, s.tenants[i.TenantID], nil // which lasts as long as its invitations
}

// Accept implements [Store].
func (s *MemoryStore) Accept(ctx context.Context, hash Hash, userID, email string, now time.Time) (Membership, error) {
	end, err := s.begin(ctx)
	if err != nil {
		return Membership{}, err
	}
	defer end()
	i, t, err := s.open(hash, now)
	if err != nil {
		return Membership{}, err
	}
	if _, known := s.users[userID]; !known {
		return Membership{}, errNoUser
	}
	if i.Email != email {
		return Membership{}, ErrOtherAddress
	}
	delete(s.invitations, hash)
	if t.members[userID] != nil {
		return Membership{}, ErrAlreadyMember
	}
	m := &memoryMember{i.Role, now}
	t.members[userID] = m
	return s.membership(t, userID, m), nil
}
