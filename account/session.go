package account

import (
	"crypto/rand"
	"crypto/subtle"
	"fmt"
	"slices"
	"time"
)

// Session is one browser session and the accounts signed in to it. It is plain data and not safe for concurrent use.
type Session struct {
	ID         SessionID
	Revision   int64     // of the store: counts every save. 0: not saved yet
	Version    int64     // grows by one with what a tab can see: accounts, status, who is current
	Generation int64     // counts the secrets: a socket opened under an older one must close
	Tag        string    // random per version
	Reason     Reason    // why Version moved last
	Seen       time.Time // last request, within a twentieth of the idle time

	Current  string   // membership that acts now; empty while choosing
	Primary  string   // membership the others are linked to
	Choice   string   // names the open choice while choosing; empty otherwise
	Accounts []Linked // oldest link first
	Intent   *Intent  // open request to add an account, or nil

	Secret        Digest // of the secret that is valid
	Previous      Digest // of the secret before it, which answers safe requests
	PreviousUntil time.Time
	Sealed        bool   // the previous secret shows nothing: somebody has authenticated since
	StampKey      []byte // of the MAC in stamps; lives as long as the session

	Device   string // what the person calls the browser by, such as "Firefox on Linux"; often empty
	Created  time.Time
	Deadline time.Time // the session ends then, however busy it is
	Switches Window
	Links    Window // that were begun
}

// Window counts what was done within a minute, so that the limit holds over tabs and nodes.
type Window struct {
	Start time.Time
	Count int
}

// Authentication is a proof that just succeeded: the application checked the credential.
type Authentication struct {
	Account  string
	Method   string
	At       time.Time
	Deadline time.Time // the account must sign in again after this moment
}

// Effect is what a transition did, beyond the session itself. The zero Effect: nothing happened, nothing to save.
type Effect struct {
	Action string // name for the audit trail, e.g. "account.switched"
	Reason Reason // what tabs are told; empty when they can see no difference
	Rotate bool   // the browser must get a new secret
	Ended  bool   // nothing is left: delete the record
}

// authenticated reports whether somebody proved who they are.
func (e Effect) authenticated() bool {
	switch e.Action {
	case "link.completed", "link.refreshed", "session.reauthenticated":
		return true
	}
	return false
}

// newSession returns the session of one account that has just signed in. Versions begin with the time, so that they grow from
// one session of a browser to the next: a tab that shows version 7 of the old one must not be taken for one of the new.
func newSession(id SessionID, auth Authentication, lifetime time.Duration) *Session {
	s := &Session{
		ID: id, Version: auth.At.UnixMilli(), Tag: randomID(), Reason: ReasonUpdated, Seen: auth.At,
		StampKey: make([]byte, 32), Created: auth.At, Deadline: auth.At.Add(lifetime),
	}
	rand.Read(s.StampKey)
	s.admit(auth)
	s.Primary = s.Current
	return s
}

// State derives the state from the accounts.
func (s *Session) State() State {
	switch {
	case len(s.Accounts) == 0:
		return StateEnded
	case s.Current == "":
		return StateChoosing
	case len(s.Accounts) == 1:
		return StateSingle
	}
	return StateMulti
}

// Find returns the linked account with the application's id, or nil. Ids are compared byte by byte.
func (s *Session) Find(account string) *Linked {
	return s.find(func(l Linked) bool { return l.Account == account })
}

// Membership returns the linked account with the membership id, or nil.
func (s *Session) Membership(id string) *Linked {
	return s.find(func(l Linked) bool { return l.Membership == id })
}

func (s *Session) find(is func(Linked) bool) *Linked {
	if i := slices.IndexFunc(s.Accounts, is); i >= 0 {
		return &s.Accounts[i]
	}
	return nil
}

// CurrentAccount returns the account that acts now, or nil. It never stands in another account for a missing one.
func (s *Session) CurrentAccount() *Linked { return s.Membership(s.Current) }

// PrimaryAccount returns the account that the others are linked to, or nil in an ended session.
func (s *Session) PrimaryAccount() *Linked { return s.Membership(s.Primary) }

// Ordered returns the accounts as people see them: the primary first, then the oldest link first.
func (s *Session) Ordered() []Linked {
	ordered := make([]Linked, 0, len(s.Accounts))
	if primary := s.PrimaryAccount(); primary != nil {
		ordered = append(ordered, *primary)
	}
	for _, l := range s.Accounts {
		if l.Membership != s.Primary {
			ordered = append(ordered, l)
		}
	}
	return ordered
}

// Active returns the linked accounts beside the primary that can act, oldest link first.
func (s *Session) Active(now time.Time) []Linked {
	var active []Linked
	for _, l := range s.Accounts {
		if l.Membership != s.Primary && l.IsActive(now) {
			active = append(active, l)
		}
	}
	return active
}

// maxDormant bounds the accounts of a session that do not count as linked because they cannot act.
const maxDormant = 16

// RoomToLink returns ErrLinkLimit when no further account fits: max active ones beside the primary.
func (s *Session) RoomToLink(now time.Time, max int) error {
	if len(s.Active(now)) >= max || len(s.Accounts) > max+maxDormant {
		return ErrLinkLimit
	}
	return nil
}

// BeginLink opens the one intent of the session in the name of the current account, replacing an older one.
func (s *Session) BeginLink(returnTo string, now time.Time, ttl time.Duration, max, perMinute int) (Effect, error) {
	if s.Current == "" {
		return Effect{}, ErrNoCurrent
	}
	if err := s.RoomToLink(now, max); err != nil {
		return Effect{}, err
	}
	if err := s.Links.count(now, perMinute); err != nil {
		return Effect{}, err
	}
	s.Intent = &Intent{By: s.Current, Nonce: randomID(), ReturnTo: returnTo, Expires: now.Add(ttl)}
	return Effect{Action: "link.begun"}, nil
}

// CancelLink drops the open intent, if there is one.
func (s *Session) CancelLink() Effect {
	if s.Intent == nil {
		return Effect{}
	}
	s.Intent = nil
	return Effect{Action: "link.cancelled"}
}

// MeansIntent says what a sign-in form means, by the nonce that it carries. A form without one (nil) means whatever is open. An
// empty nonce was drawn while no intent was open: the person never agreed to add an account to this session. Any other one
// names an intent, and when that is not the open one, because it was used, cancelled or replaced, it is ErrIntentExpired.
// s may be nil: nothing is open then.
func (s *Session) MeansIntent(nonce *string) (bool, error) {
	open := s != nil && s.Intent != nil
	switch {
	case nonce == nil:
		return open, nil
	case open && subtle.ConstantTimeCompare([]byte(*nonce), []byte(s.Intent.Nonce)) == 1:
		return true, nil
	case *nonce == "":
		return false, nil
	}
	return false, ErrIntentExpired
}

// CheckIntent returns nil when an account may be linked now, else ErrNoIntent or ErrIntentExpired.
func (s *Session) CheckIntent(now time.Time) error {
	switch {
	case s.Intent == nil || s.Intent.By != s.Current:
		return ErrNoIntent
	case !now.Before(s.Intent.Expires):
		return ErrIntentExpired
	}
	return nil
}

// Link adds the account that has just authenticated, makes it current and uses the intent up. An account that is in the
// session already never gets a second membership: ErrSelfLink, ErrAlreadyLinked.
func (s *Session) Link(auth Authentication, max int) (Effect, error) {
	if err := s.CheckIntent(auth.At); err != nil {
		return Effect{}, err
	}
	if l := s.Find(auth.Account); l != nil {
		if l.Membership == s.Intent.By {
			return Effect{}, ErrSelfLink
		}
		return Effect{}, ErrAlreadyLinked
	}
	if err := s.RoomToLink(auth.At, max); err != nil {
		return Effect{}, err
	}
	s.admit(auth)
	return Effect{Action: "link.completed", Reason: ReasonLinked, Rotate: true}, nil
}

// admit appends an account and makes it current.
func (s *Session) admit(auth Authentication) {
	s.Accounts = append(s.Accounts, Linked{
		Membership: randomID(), Account: auth.Account, Status: StatusActive, Method: auth.Method,
		AuthenticatedAt: auth.At, LinkedAt: auth.At, Deadline: auth.Deadline,
	})
	s.act(s.Accounts[len(s.Accounts)-1].Membership)
}

// act makes a membership current. Whoever asked for a link is not current any more, so the intent goes.
func (s *Session) act(membership string) {
	s.Current, s.Choice, s.Intent = membership, "", nil
}

// Reauthenticate refreshes an account of the session that has just signed in again, makes it current, and moves the
// absolute deadline: the only transition that does.
func (s *Session) Reauthenticate(auth Authentication, lifetime time.Duration, max int) (Effect, error) {
	l := s.Find(auth.Account)
	if l == nil {
		return Effect{}, ErrNotLinked
	}
	if l.Status == StatusInactive {
		return Effect{}, ErrInactive
	}
	if !l.IsActive(auth.At) && l.Membership != s.Primary && len(s.Active(auth.At)) >= max {
		return Effect{}, ErrLinkLimit
	}
	l.Status, l.Method, l.AuthenticatedAt, l.Deadline = StatusActive, auth.Method, auth.At, auth.Deadline
	s.Deadline = auth.At.Add(lifetime)
	effect := Effect{Action: "session.reauthenticated", Reason: ReasonUpdated, Rotate: true}
	if s.Intent != nil {
		effect.Action = "link.refreshed"
	}
	if s.Current != l.Membership {
		effect.Reason = ReasonSwitched
	}
	s.act(l.Membership)
	return effect, nil
}

// Switch makes another account of the session current. Switching to the current one does nothing at all.
func (s *Session) Switch(account string, now time.Time, perMinute int) (Effect, error) {
	l := s.Find(account)
	if l == nil {
		return Effect{}, ErrNotLinked
	}
	switch l.StatusAt(now) {
	case StatusInactive:
		return Effect{}, ErrInactive
	case StatusSignedOut:
		return Effect{}, ErrSignInAgain
	}
	if l.Membership == s.Current {
		return Effect{}, nil
	}
	if err := s.Switches.count(now, perMinute); err != nil {
		return Effect{}, err
	}
	s.act(l.Membership)
	return Effect{Action: "account.switched", Reason: ReasonSwitched, Rotate: true}, nil
}

// count returns ErrRateLimited when there were too many within this minute.
func (w *Window) count(now time.Time, perMinute int) error {
	if now.Sub(w.Start) >= time.Minute {
		*w = Window{Start: now}
	}
	if w.Count >= perMinute {
		return ErrRateLimited
	}
	w.Count++
	return nil
}

// MaxScope is the length in bytes that a scope may have.
const MaxScope = 128

// SetScope makes the current account work in another scope, such as a tenant: pages drawn in the former one can no longer
// act, as after a switch. Whether the user may work there is for the application to check, now and at each request.
func (s *Session) SetScope(scope string, now time.Time, perMinute int) (Effect, error) {
	l := s.CurrentAccount()
	switch {
	case l == nil:
		return Effect{}, ErrNoCurrent
	case len(scope) > MaxScope:
		return Effect{}, fmt.Errorf("account: scope has %d bytes, %d are allowed", len(scope), MaxScope)
	case l.Scope == scope:
		return Effect{}, nil
	}
	if err := s.Switches.count(now, perMinute); err != nil {
		return Effect{}, err
	}
	l.Scope = scope
	s.Intent = nil
	return Effect{Action: "scope.changed", Reason: ReasonSwitched, Rotate: true}, nil
}

// SignOut takes one account out of the session. When it is the current one the session goes on as next, an account of
// this session, or leads to the choice when next is empty.
func (s *Session) SignOut(account, next string, now time.Time) (Effect, error) {
	l := s.Find(account)
	if l == nil {
		return Effect{}, ErrNotLinked
	}
	var successor string
	if next != "" {
		n := s.Find(next)
		if n == nil || next == account {
			return Effect{}, ErrNotLinked
		}
		if !n.IsActive(now) {
			return Effect{}, ErrInactive
		}
		successor = n.Membership
	}
	current := l.Membership == s.Current
	s.remove(l.Membership)
	effect := Effect{Action: "account.signed_out", Reason: ReasonSignedOut, Rotate: true}
	switch {
	case len(s.Accounts) == 0:
		return Effect{Action: "session.ended", Reason: ReasonSignedOut, Ended: true}, nil
	case current && successor != "":
		s.act(successor)
	case current:
		s.choose()
	}
	return effect, nil
}

// Expel takes an account out of the session from another one, as [Session.SignOut] does from this one.
func (s *Session) Expel(membership string, now time.Time) (Effect, error) {
	l := s.Membership(membership)
	if l == nil {
		return Effect{}, ErrNotLinked
	}
	effect, err := s.SignOut(l.Account, "", now)
	effect.Action, effect.Reason = "account.revoked", ReasonRevoked
	if effect.Ended {
		effect.Action = "session.revoked"
	}
	return effect, err
}

// remove drops a membership; when the primary leaves, the account linked longest takes its place.
func (s *Session) remove(membership string) {
	s.Accounts = slices.DeleteFunc(s.Accounts, func(l Linked) bool { return l.Membership == membership })
	if s.Primary == membership && len(s.Accounts) > 0 {
		s.Primary = s.Accounts[0].Membership
	}
}

// choose leaves no account current.
func (s *Session) choose() {
	s.Current, s.Choice, s.Intent = "", randomID(), nil
}

// Deactivate marks one link inactive, for an application's back office. The record keeps it, so Activate can undo it.
func (s *Session) Deactivate(membership string) (Effect, error) {
	return s.suspend(membership, StatusInactive, Effect{Action: "link.deactivated", Reason: ReasonDeactivated})
}

// Revoke makes one account of the session sign in again, after a change of its password say. An inactive link stays
// inactive: signing in must not undo Deactivate, nor Activate undo this.
func (s *Session) Revoke(membership string) (Effect, error) {
	if l := s.Membership(membership); l != nil && l.Status != StatusSignedOut {
		l.Deadline = l.AuthenticatedAt // spent, whatever the status becomes later
		if l.Status == StatusInactive {
			return Effect{Action: "account.revoked"}, nil
		}
	}
	return s.suspend(membership, StatusSignedOut, Effect{Action: "account.revoked", Reason: ReasonRevoked})
}

func (s *Session) suspend(membership string, to Status, effect Effect) (Effect, error) {
	l := s.Membership(membership)
	if l == nil {
		return Effect{}, ErrNotLinked
	}
	if l.Status == to {
		return Effect{}, nil
	}
	l.Status = to
	return s.stepDown(membership, effect), nil
}

// Retire answers the application's word that a user must not act any more. The link itself stays as it is, so that the
// account can be switched to again once the user is active again.
func (s *Session) Retire(membership string) (Effect, error) {
	if s.Membership(membership) == nil {
		return Effect{}, ErrNotLinked
	}
	return s.stepDown(membership, Effect{Action: "account.deactivated", Reason: ReasonDeactivated}), nil
}

// Expire sends a current account whose authentication is too old to the choice.
func (s *Session) Expire(now time.Time) Effect {
	l := s.CurrentAccount()
	if l == nil || l.IsActive(now) {
		return Effect{}
	}
	return s.stepDown(l.Membership, Effect{Action: "account.expired", Reason: ReasonRevoked})
}

// stepDown makes sure that a membership does not act: it was the only one, it was current, or nothing more happens.
func (s *Session) stepDown(membership string, effect Effect) Effect {
	switch {
	case len(s.Accounts) == 1:
		effect.Ended = true
	case s.Current == membership:
		s.choose()
	}
	return effect
}

// Activate makes a deactivated link active again, within the maximum.
func (s *Session) Activate(membership string, now time.Time, max int) (Effect, error) {
	l := s.Membership(membership)
	switch {
	case l == nil:
		return Effect{}, ErrNotLinked
	case l.Status == StatusActive:
		return Effect{}, nil
	case l.Status == StatusSignedOut:
		return Effect{}, ErrSignInAgain
	}
	if membership != s.Primary && len(s.Active(now)) >= max {
		return Effect{}, ErrLinkLimit
	}
	l.Status = StatusActive
	return Effect{Action: "link.activated", Reason: ReasonUpdated}, nil
}

// rotate gives the browser a new secret. The old one answers safe requests for the grace and nothing else. After an
// authentication it does not even that: whoever planted or copied the cookie before must not see whom it let in.
func (s *Session) rotate(to Digest, now time.Time, grace time.Duration, authenticated bool) {
	s.Previous, s.PreviousUntil, s.Sealed = s.Secret, now.Add(grace), authenticated
	s.Secret = to
	s.Generation++
}

// Clone returns a copy that shares nothing with s.
func (s *Session) Clone() *Session {
	c := *s
	c.Accounts = slices.Clone(s.Accounts)
	c.StampKey = slices.Clone(s.StampKey)
	if s.Intent != nil {
		intent := *s.Intent
		c.Intent = &intent
	}
	return &c
}
