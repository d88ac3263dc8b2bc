package tenant

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"time"
)

// Store keeps tenants. All methods may be called concurrently, return soon after their context ends, and do what they do as
// a whole or not at all. The package tenanttest holds the suite that every implementation must pass.
type Store interface {
	// Memberships returns what a user belongs to, home first, then by name; suspended tenants too.
	Memberships(ctx context.Context, userID string) ([]Membership, error)
	// Members returns who belongs to a tenant, owners first, then by the time they joined.
	Members(ctx context.Context, tenantID string) ([]Membership, error)

	// Create makes a tenant with its owner. ErrNameTaken.
	Create(ctx context.Context, name Name, ownerID string) (Tenant, error)
	// Rename gives a tenant another name. ErrNameTaken, ErrNotFound.
	Rename(ctx context.Context, tenantID string, name Name) error
	// SetStatus suspends a tenant, or makes it active again. ErrNotFound.
	SetStatus(ctx context.Context, tenantID string, to Status) error
	// Delete deletes a tenant with its memberships and invitations. Members who belong to another tenant get that as their
	// home; the others are deleted with it, and their ids are returned. ErrNotFound.
	Delete(ctx context.Context, tenantID string) (deleted []string, err error)

	// SetRole gives a member another role. ErrNotFound, ErrLastOwner.
	SetRole(ctx context.Context, tenantID, userID string, to Role) error
	// Remove takes a member out of a tenant. When it was his home, another tenant of his becomes it, and when he has none, a
	// private space does. ErrNotFound, ErrLastOwner.
	Remove(ctx context.Context, tenantID, userID string) error

	// Invite keeps an invitation until it expires, in the place of an open one of the same tenant for the same address.
	Invite(ctx context.Context, i Invitation) error
	// Invitations returns the open invitations of a tenant, the newest first. Their Hash is empty.
	Invitations(ctx context.Context, tenantID string, now time.Time) ([]Invitation, error)
	// Revoke closes an open invitation. ErrNotFound.
	Revoke(ctx context.Context, tenantID, invitationID string) error
	// Invitation returns an open invitation with its tenant and leaves it open. ErrInvitationUsed.
	Invitation(ctx context.Context, hash Hash, now time.Time) (Invitation, Tenant, error)
	// Accept makes a user a member and closes the invitation, in one step. email is the user's own, in the form that
	// [EmailKey] gives. ErrInvitationUsed, ErrOtherAddress, ErrAlreadyMember (the invitation is closed then too).
	Accept(ctx context.Context, hash Hash, userID, email string, now time.Time) (Membership, error)
}

// Invitation asks the owner of an e-mail address to join a tenant.
type Invitation struct {
	ID       string
	TenantID string
	Email    string // as [EmailKey] gives it
	Role     Role
	By       string // user who invites
	Hash     Hash   // of the secret in the link; the secret itself is kept nowhere
	Created  time.Time
	Expires  time.Time
}

// Hash is the SHA-256 of the secret in an invitation's link.
type Hash [sha256.Size]byte

// Secret is what an invitation's link carries: 256 random bits.
type Secret string

// NewSecret returns a fresh one.
func NewSecret() Secret {
	b := make([]byte, 32)
	_, _ = rand.Read(b) // never fails
	return Secret(base64.RawURLEncoding.EncodeToString(b))
}

// Hash returns what a store keeps.
func (s Secret) Hash() Hash { return sha256.Sum256([]byte(s)) }
