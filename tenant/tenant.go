// Package tenant keeps the tenants of an app: the companies, teams or households that users belong to, with roles and
// invitations. Each browser session remembers for each of its accounts which tenant the person works in, so that two tabs
// of two accounts, and two browsers of one, never disturb each other.
//
// The package knows users by their ids only. How tenants are stored is behind [Store]; package auth/userdb keeps them in
// SQL, together with the users, so that a registration creates both or neither.
package tenant

import (
	"errors"
	"time"
)

// Tenant is what users belong to.
type Tenant struct {
	ID      string
	Name    string // as people typed it. Empty: the private space of one user, which nothing shows
	Status  Status
	Created time.Time
}

// IsActive reports whether anybody may work in the tenant.
func (t Tenant) IsActive() bool { return t.Status == Active }

// Status says whether anybody may work in a tenant.
type Status string

// What a tenant can be.
const (
	Active    Status = "active"
	Suspended Status = "suspended"
)

// Role says what a member may do.
type Role string

// The roles, from the most to the least powerful. A tenant always has an owner.
const (
	Owner  Role = "owner"  // everything, also deleting the tenant
	Admin  Role = "admin"  // members and invitations, but not owners
	Member Role = "member" // work
)

var rank = map[Role]int{Member: 1, Admin: 2, Owner: 3}

// Valid reports whether r is one of the roles.
func (r Role) Valid() bool { return rank[r] > 0 }

// AtLeast reports whether r may do what min may. A role that does not exist may nothing.
func (r Role) AtLeast(min Role) bool { return r.Valid() && min.Valid() && rank[r] >= rank[min] }

// Membership is one user in one tenant.
type Membership struct {
	Tenant Tenant
	UserID string
	Role   Role
	Joined time.Time
	Home   bool // the tenant that the user was registered with: he is deleted with it, unless he belongs to others by then
}

// Errors of a [Store]. They come wrapped; compare with errors.Is.
var (
	// ErrNotFound: there is no such tenant, member or invitation, or it is none of the asker's business.
	ErrNotFound = errors.New("tenant: not found")
	// ErrNameTaken: another tenant has the name, or one that people would take for it. Tell it beside the field.
	ErrNameTaken = errors.New("tenant: name is taken")
	// ErrLastOwner: a tenant must keep an owner. Make somebody else owner first, or delete the tenant.
	ErrLastOwner = errors.New("tenant: it would have no owner")
	// ErrAlreadyMember: the user belongs to the tenant already.
	ErrAlreadyMember = errors.New("tenant: already a member")
	// ErrInvitationUsed: the invitation was accepted, was revoked, or is too old. Ask for another one.
	ErrInvitationUsed = errors.New("tenant: invitation is not open")
	// ErrOtherAddress: the invitation is for another e-mail address. Sign in with that one.
	ErrOtherAddress = errors.New("tenant: invitation is for another address")
)
