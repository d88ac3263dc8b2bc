package auth

import (
	"context"
	"crypto/sha256"
	"time"

	"github.com/multiaccount-go/multiaccount/tenant"
)

// Store keeps users. All methods may be called concurrently, return soon after their context ends, and do what they do as a
// whole or not at all. The package authtest holds the suite that every implementation must pass.
type Store interface {
	// Register creates a user, together with the tenant that he is registered with. ErrEmailTaken, ErrIdentityTaken,
	// tenant.ErrNameTaken, joined when several are true; tenant.ErrInvitationUsed, tenant.ErrOtherAddress. Neither the
	// user nor the tenant exists after an error, and an invitation stays open.
	Register(ctx context.Context, r Registration) (User, error)
	// Available looks ahead what Register would say of an address and a tenant's name, so that mistakes are told together and
	// cost no hash. An empty one is not looked at. What it says may be wrong a moment later.
	Available(ctx context.Context, email string, name tenant.Name) error

	// ByIDs returns the users that exist among ids, with one query.
	ByIDs(ctx context.Context, ids ...string) (map[string]User, error)
	// ByEmail returns a user and the hash of his password, which is empty when he has none. ErrUnknown.
	ByEmail(ctx context.Context, email string) (User, string, error)
	// ByIdentity returns the user that an identity belongs to. ErrUnknown.
	ByIdentity(ctx context.Context, i Identity) (User, error)
	// Identities returns the identities of a user, ordered by provider and subject. Whoever does not exist has none.
	Identities(ctx context.Context, userID string) ([]Identity, error)

	// SetEmail and the other Set methods change a user. ErrUnknown; ErrEmailTaken, ErrIdentityTaken.
	SetEmail(ctx context.Context, userID, email string) error
	SetName(ctx context.Context, userID, name string) error
	SetPassword(ctx context.Context, userID, hash string) error
	SetStatus(ctx context.Context, userID string, to Status) error
	AddIdentity(ctx context.Context, userID string, i Identity) error
	// RemoveIdentity takes an identity from a user. ErrUnknown: he does not have it. ErrLastWay: without it he could not sign
	// in, having no other identity, and no password with an address; of several calls at the same time the last one says so.
	RemoveIdentity(ctx context.Context, userID string, i Identity) error
	// Delete deletes a user, with what hangs on him: tokens, identities, memberships, and the tenants in which he is the only
	// member. Where others are left without an owner, the member who joined first becomes it. ErrUnknown.
	Delete(ctx context.Context, userID string) error

	// PutToken keeps a token until it expires.
	PutToken(ctx context.Context, t Token) error
	// Token returns a token that has not expired. ErrUnknown.
	Token(ctx context.Context, purpose Purpose, hash Hash, now time.Time) (Token, error)
	// TakeToken is Token that works once: of several calls at the same time one succeeds. ErrUnknown.
	TakeToken(ctx context.Context, purpose Purpose, hash Hash, now time.Time) (Token, error)
	// Tokens returns the tokens of a user that have not expired, the newest first.
	Tokens(ctx context.Context, purpose Purpose, userID string, now time.Time) ([]Token, error)
	// DropToken deletes one token of a user by its id. ErrUnknown.
	DropToken(ctx context.Context, purpose Purpose, userID, id string) error
}

// Registration is a user to be.
type Registration struct {
	Email        string // canonical is what EmailKey makes of it; two users never have the same
	Name         string
	PasswordHash string    // empty: he signs in in another way
	Identity     *Identity // nil: none
	// Tenant is the name of a tenant of his own, which is created with him as its owner. The zero Name: none.
	Tenant tenant.Name
	// Invitation joins the tenant of an open invitation instead. The zero Hash: none. Without tenant and invitation he gets a
	// private space without a name, so that everybody always belongs somewhere.
	Invitation tenant.Hash
	Now        time.Time
}

// Purpose keeps tokens of one kind from being used as another.
type Purpose string

// Hash is the SHA-256 of a token's secret, which itself is kept nowhere.
type Hash [sha256.Size]byte

// Token is a secret that stands for something until it expires: a link in an e-mail, or a key for programs.
type Token struct {
	ID      string
	Purpose Purpose
	Hash    Hash
	UserID  string // empty: nobody yet
	Data    string // what the purpose needs, such as an e-mail address or a name
	Created time.Time
	Expires time.Time
}
