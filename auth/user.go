// Package auth brings an app that has no login of its own everything around one: registration, signing in and out, profile,
// change of password, deletion, with pages that the app may replace one by one. It works through the one seam that any other
// login uses as well, [multiaccount.Plugin.SignIn], so accounts that came in by different ways stand side by side in one
// browser session.
//
// The ways beside the password are packages of their own: auth/oidc, auth/magiclink and auth/apitoken. Users live behind
// [Store]; package auth/userdb keeps them in PostgreSQL or SQLite.
package auth

import (
	"errors"
	"time"
)

// User is a person as this package knows him. An app with more to say keeps that under the same id.
type User struct {
	ID      string
	Email   string // as typed at registration
	Name    string // what the switcher shows
	Status  Status
	Home    string // id of the tenant that he was registered with
	Created time.Time
}

// IsActive reports whether the user may act.
func (u User) IsActive() bool { return u.Status == Active }

// Status says whether a user may act.
type Status string

// What a user can be.
const (
	Active   Status = "active"
	Inactive Status = "inactive"
)

// Identity is a user at another provider, such as one of OpenID Connect.
type Identity struct {
	Provider string // the provider's issuer
	Subject  string // its id of the user, which never changes
}

// Errors of a [Store]. They come wrapped and may come joined with each other and with tenant.ErrNameTaken; compare with
// errors.Is.
var (
	// ErrUnknown: there is no such user, or no such token any more.
	ErrUnknown = errors.New("auth: unknown")
	// ErrEmailTaken: another user has the address. Tell it beside the field.
	ErrEmailTaken = errors.New("auth: e-mail address is taken")
	// ErrIdentityTaken: the identity belongs to another user.
	ErrIdentityTaken = errors.New("auth: identity belongs to another user")
	// ErrLastWay: the user could not sign in any more. Ask him for a password first.
	ErrLastWay = errors.New("auth: identity is the last way of signing in")
)
