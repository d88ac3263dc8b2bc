// Package account is the domain of multiaccount: one browser session that holds several signed-in accounts.
//
// A [Session] is plain data. Its methods are the transitions of the state machine: they do no I/O, so a table test
// covers them. A [Manager] loads a session, lets a transition decide, and saves it with compare-and-set, again and
// again until it wins or the answer is no. A [Store] keeps the records; [MemoryStore] keeps them in this process.
//
// The package uses the standard library only and knows nothing about HTTP frameworks or about the application's users:
// an account is an id.
package account

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"time"
)

var encoding = base64.RawURLEncoding.Strict()

// SessionID names a session record. It is random and never used twice, but it is not a secret: what proves the holder
// is the [Secret] beside it in the cookie.
type SessionID [16]byte

// String returns the id as 22 characters of base64url.
func (id SessionID) String() string { return encoding.EncodeToString(id[:]) }

// MarshalText makes the id a string in JSON.
func (id SessionID) MarshalText() ([]byte, error) { return encoding.AppendEncode(nil, id[:]), nil }

// UnmarshalText reads what MarshalText wrote.
func (id *SessionID) UnmarshalText(text []byte) error {
	parsed, err := ParseSessionID(string(text))
	if err != nil {
		return err
	}
	*id = parsed
	return nil
}

// ParseSessionID reads what [SessionID.String] wrote.
func ParseSessionID(s string) (SessionID, error) {
	var id SessionID
	if len(s) != encoding.EncodedLen(len(id)) {
		return id, fmt.Errorf("account: session id: want %d characters, got %d", encoding.EncodedLen(len(id)), len(s))
	}
	// The decoder skips line breaks wherever they stand, so a text with one decodes to fewer bytes.
	n, err := encoding.Decode(id[:], []byte(s))
	if err != nil {
		return SessionID{}, fmt.Errorf("account: session id: %w", err)
	}
	if n != len(id) {
		return SessionID{}, fmt.Errorf("account: session id: want %d bytes, got %d", len(id), n)
	}
	return id, nil
}

// State says how many accounts a session holds and whether one of them is acting.
type State string

// The states of a session. A visitor without a session is anonymous.
const (
	StateAnonymous State = "anonymous"
	StateSingle    State = "single"   // one account, and it is current
	StateMulti     State = "multi"    // several accounts, one of them current
	StateChoosing  State = "choosing" // accounts, but none is current: the person must choose
	StateEnded     State = "ended"    // nothing is left; the record is deleted
)

// Status says whether a linked account can be switched to.
type Status string

// What a linked account can be.
const (
	StatusActive    Status = "active"
	StatusInactive  Status = "inactive"   // the link was deactivated, or the user is
	StatusSignedOut Status = "signed_out" // must sign in again: aged out, or revoked elsewhere
)

// Reason says why the visible part of a session changed. It travels to every open tab.
type Reason string

// The reasons a tab can be told.
const (
	ReasonLinked      Reason = "linked"
	ReasonSwitched    Reason = "switched"
	ReasonSignedOut   Reason = "signed_out"
	ReasonRevoked     Reason = "revoked"
	ReasonDeactivated Reason = "deactivated"
	ReasonUpdated     Reason = "updated"
)

// Linked is one account of a session, made by a successful authentication inside that session and by nothing else.
type Linked struct {
	Membership      string    // random, new at each link: what a stamp names
	Account         string    // the application's id of the user
	Status          Status    // as stored; see StatusAt
	Method          string    // how the person proved to be this user, e.g. "password"
	AuthenticatedAt time.Time // when they did so last
	LinkedAt        time.Time // when the account joined this session
	Deadline        time.Time // after this moment the person must sign in again
	Scope           string    // what the person works in as this user, such as a tenant; the application's word, often empty
}

// StatusAt returns the status at a moment: an active account whose deadline has passed is signed out.
func (l Linked) StatusAt(now time.Time) Status {
	if l.Status == StatusActive && !now.Before(l.Deadline) {
		return StatusSignedOut
	}
	return l.Status
}

// IsActive reports whether the account can act, or be switched to, at a moment.
func (l Linked) IsActive(now time.Time) bool { return l.StatusAt(now) == StatusActive }

// MethodAdopted is how an account signed in that was taken over from the application's former session: nobody proved
// anything at that moment.
const MethodAdopted = "adopted"

// IsRecent reports whether the account can act, and the person proved less than maxAge ago to be this user. An adopted
// account has no proof of a known age.
func (l Linked) IsRecent(now time.Time, maxAge time.Duration) bool {
	return l.IsActive(now) && l.Method != MethodAdopted && now.Sub(l.AuthenticatedAt) < maxAge
}

// Intent is the open request of a signed-in person to add another account. There is at most one in a session.
type Intent struct {
	By       string    // membership that asked
	Nonce    string    // random, new at each request: what a sign-in form drawn for this one carries
	ReturnTo string    // local path of the page it was asked from
	Expires  time.Time // after this moment signing in is refused instead of linked
}

// randomID returns 128 random bits as text. crypto/rand never fails: it ends the program instead.
func randomID() string {
	var b [16]byte
	rand.Read(b[:])
	return encoding.EncodeToString(b[:])
}
