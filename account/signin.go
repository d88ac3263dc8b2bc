package account

import (
	"cmp"
	"context"
	"errors"
	"time"
	"unicode/utf8"
)

// Proof is what a sign-in brings along, once its credential was found to be right.
type Proof struct {
	Account string  // the application's id of the user
	Method  string  // how the person proved to be this user, e.g. "password"
	Device  string  // what to call the browser by in a list of devices; empty: what it was called before
	Intent  *string // nonce that the sign-in form carried, see [Session.MeansIntent]; nil: it carried none

	// MayLink is asked before the account is added to a session of others, with the ids of all of them as they are at the
	// commit; it may be asked several times. Its error is returned, and nothing changes. nil: it may.
	MayLink func(others []string) error
}

// SignIn is [Manager.SignInWith] for a form that says nothing of adding an account.
func (m *Manager) SignIn(ctx context.Context, before *Session, c *Cookie, accountID, method string) (Outcome, error) {
	return m.SignInWith(ctx, before, c, Proof{Account: accountID, Method: method})
}

// SignInWith records that a person has just proved to be an account. before and c are what the request came with, or nil.
// What happens depends on the record, as it is at the commit; what the form carries can only make it less:
//
//   - no session: a new one, of this account alone;
//   - an account of the session: it is refreshed and becomes current;
//   - an open intent that the form means: the account is linked and becomes current (ErrLinkLimit, ErrIntentExpired);
//   - else: a new session of this account alone, and the old one ends.
//
// A form that means an intent which is not the open one is ErrIntentExpired, and nothing changes.
//
// ErrStaleSecret: the secret was rotated away since before was loaded, however long ago. The session lives on under another
// secret that the browser has or is about to get, so nothing is changed or started; the person reloads and signs in again.
//
// An account id is UTF-8 text and not empty: ErrBadAccount.
func (m *Manager) SignInWith(ctx context.Context, before *Session, c *Cookie, p Proof) (Outcome, error) {
	if p.Account == "" || !utf8.ValidString(p.Account) {
		return Outcome{}, ErrBadAccount
	}
	if before == nil || c == nil {
		return m.start(ctx, p)
	}
	digest := c.Secret.Digest()
	prove := func(s *Session) error {
		if m.authenticate(s, digest) != nil {
			return ErrStaleSecret // not ErrNotFound: the secret was good when the request began
		}
		return nil
	}
	out, err := m.change(ctx, before, prove, func(s *Session) (Outcome, error) {
		out, err := m.try(ctx, s, c, m.signingIn(p))
		if errors.Is(err, ErrNoIntent) {
			return m.replace(ctx, s, p)
		}
		return out, err
	})
	if errors.Is(err, ErrNotFound) { // the old session ended meanwhile
		return m.start(ctx, p)
	}
	return out, err
}

// signingIn is what an account that has just signed in does to a session that is there already.
func (m *Manager) signingIn(p Proof) Transition {
	return func(s *Session, now time.Time) (Effect, error) {
		adds, err := s.MeansIntent(p.Intent)
		if err != nil {
			return Effect{}, err
		}
		if !adds {
			s.Intent = nil
		}
		s.Device = cmp.Or(p.Device, s.Device)
		auth := m.authentication(p, now)
		if s.Find(p.Account) != nil {
			return s.Reauthenticate(auth, m.opt.Lifetime, m.opt.MaxLinked)
		}
		others := s.Accounts
		effect, err := s.Link(auth, m.opt.MaxLinked)
		if err == nil && p.MayLink != nil {
			err = p.MayLink(accountsOf(others))
		}
		return effect, err
	}
}

func accountsOf(all []Linked) []string {
	ids := make([]string, len(all))
	for i, l := range all {
		ids[i] = l.Account
	}
	return ids
}

func (m *Manager) authentication(p Proof, now time.Time) Authentication {
	return Authentication{Account: p.Account, Method: p.Method, At: now, Deadline: now.Add(m.opt.ProofLifetime)}
}

// start makes a new session under an id that no client ever chose. There is no intent that the form could mean.
func (m *Manager) start(ctx context.Context, p Proof) (Outcome, error) {
	var none *Session
	if _, err := none.MeansIntent(p.Intent); err != nil {
		return Outcome{}, err
	}
	now := m.opt.Now()
	c := NewCookie()
	s := newSession(c.ID, m.authentication(p, now), m.opt.Lifetime)
	s.Secret, s.Generation, s.Device = c.Secret.Digest(), 1, p.Device
	if err := m.commit(ctx, s, nil, now); err != nil {
		return Outcome{}, err
	}
	return Outcome{Effect: Effect{Action: "session.created", Rotate: true}, Session: s, Cookie: &c}, nil
}

// replace ends the old session for a new one. The new one is taken back when the old one cannot be ended, so that the
// person has one or the other, never both and never none. ErrConflict: the old one is not what it was.
func (m *Manager) replace(ctx context.Context, old *Session, p Proof) (Outcome, error) {
	out, err := m.start(ctx, p)
	if err != nil {
		return Outcome{}, err
	}
	if err := m.close(ctx, old, m.opt.Now()); err != nil {
		_, undo := m.delete(context.WithoutCancel(ctx), out.Session.ID, ReasonSignedOut)
		return Outcome{}, errors.Join(err, undo)
	}
	// The old session is over, even if this fails: then its record expires, and the sweep tells its tabs.
	_, _ = m.delete(context.WithoutCancel(ctx), old.ID, ReasonSignedOut)
	out.Effect.Action, out.Before = "session.replaced", old
	return out, nil
}
