package account

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"
)

// Options are the numbers of a [Manager]. Zero means the default.
type Options struct {
	MaxLinked         int              // active accounts beside the primary. Default: 5
	Idle              time.Duration    // a session nobody uses ends after this. Default: 24 hours
	Lifetime          time.Duration    // a session ends after this, however busy. Default: 14 days
	ProofLifetime     time.Duration    // an account signs in again after this, however new its session. Default: Lifetime
	Grace             time.Duration    // how long a rotated secret answers safe requests. Default: 10 seconds
	IntentTTL         time.Duration    // time to sign in after asking to add an account. Default: 10 minutes
	SwitchesPerMinute int              // in one session. Default: 120
	LinksPerMinute    int              // that are begun in one session. Default: 120
	Timeout           time.Duration    // for one answer of the store. Default: 500 milliseconds
	Now               func() time.Time // Default: time.Now

	// SessionsPerAccount is in how many sessions, so browsers, an account can be signed in; one more ends the oldest. It needs
	// a store that is an [Index], and at each sign-in a look at all sessions of the account. Default: 0, no limit.
	SessionsPerAccount int
}

func (o Options) withDefaults() Options {
	o.MaxLinked = cmp.Or(o.MaxLinked, 5)
	o.Idle = cmp.Or(o.Idle, 24*time.Hour)
	o.Lifetime = cmp.Or(o.Lifetime, 14*24*time.Hour)
	o.ProofLifetime = cmp.Or(o.ProofLifetime, o.Lifetime)
	o.Grace = cmp.Or(o.Grace, 10*time.Second)
	o.IntentTTL = cmp.Or(o.IntentTTL, 10*time.Minute)
	o.SwitchesPerMinute = cmp.Or(o.SwitchesPerMinute, 120)
	o.LinksPerMinute = cmp.Or(o.LinksPerMinute, 120)
	o.Timeout = cmp.Or(o.Timeout, 500*time.Millisecond)
	if o.Now == nil {
		o.Now = time.Now
	}
	return o
}

// maxMaxLinked keeps a full session far below [MaxRecord].
const maxMaxLinked = 100

// Validate reports every option that cannot work, all at once.
func (o Options) Validate() error {
	var errs []error
	check := func(ok bool, text string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf(text, args...))
		}
	}
	o = o.withDefaults()
	check(o.MaxLinked > 0 && o.MaxLinked <= maxMaxLinked, "MaxLinked is %d: use 1 to %d", o.MaxLinked, maxMaxLinked)
	check(o.Idle >= time.Second, "Idle is %v: use a second or more", o.Idle)
	check(o.Lifetime >= o.Idle, "Lifetime (%v) is shorter than Idle (%v): raise the one or lower the other", o.Lifetime, o.Idle)
	check(o.ProofLifetime >= time.Second && o.ProofLifetime <= o.Lifetime,
		"ProofLifetime is %v: use a second or more and at most Lifetime (%v)", o.ProofLifetime, o.Lifetime)
	check(o.Grace > 0 && o.Grace <= 30*time.Second, "Grace is %v: use more than 0 and at most 30s", o.Grace)
	check(o.IntentTTL > 0, "IntentTTL is %v: use a positive time", o.IntentTTL)
	check(o.LinksPerMinute > 0, "LinksPerMinute is %d: use 1 or more", o.LinksPerMinute)
	check(o.SwitchesPerMinute > 0, "SwitchesPerMinute is %d: use 1 or more", o.SwitchesPerMinute)
	check(o.SessionsPerAccount >= 0, "SessionsPerAccount is %d: use 1 or more, or 0 for no limit", o.SessionsPerAccount)
	check(o.Timeout > 0, "Timeout is %v: use a positive time", o.Timeout)
	return errors.Join(errs...)
}

// Manager loads sessions, lets transitions decide, and saves what they decided. It is safe for concurrent use.
type Manager struct {
	store Store
	index Index // nil when the store has none
	opt   Options
}

// NewManager returns a manager over a store. The options must pass [Options.Validate].
func NewManager(store Store, opt Options) *Manager {
	m := &Manager{store: store, opt: opt.withDefaults()}
	m.index, _ = store.(Index)
	return m
}

// Options returns the options in force, defaults filled in.
func (m *Manager) Options() Options { return m.opt }

// Now returns the manager's time.
func (m *Manager) Now() time.Time { return m.opt.Now() }

// Load returns the session that a cookie proves, after one call of the store. ErrNotFound: treat the visitor as
// anonymous. ErrStaleSecret comes together with the session: the secret was rotated away within the grace. A store that
// does not answer is an [UnavailableError].
func (m *Manager) Load(ctx context.Context, c Cookie) (*Session, error) {
	s, err := m.load(ctx, c.ID)
	if err != nil {
		return nil, err
	}
	if err := m.authenticate(s, c.Secret.Digest()); err != nil {
		if errors.Is(err, ErrStaleSecret) {
			return s, err
		}
		return nil, err
	}
	return s, nil
}

// authenticate holds a digest against the secrets of a session.
func (m *Manager) authenticate(s *Session, d Digest) error {
	switch {
	case d.Equal(s.Secret):
		return nil
	case d.Equal(s.Previous) && m.opt.Now().Before(s.PreviousUntil):
		return ErrStaleSecret
	}
	return ErrNotFound
}

// LoadByID returns a session from outside of any browser. Errors: ErrNotFound, [UnavailableError].
func (m *Manager) LoadByID(ctx context.Context, id SessionID) (*Session, error) {
	return m.load(ctx, id)
}

func (m *Manager) load(ctx context.Context, id SessionID) (*Session, error) {
	ctx, cancel := context.WithTimeout(ctx, m.opt.Timeout)
	defer cancel()
	s, err := m.store.Load(ctx, id)
	switch {
	case errors.Is(err, ErrNotFound):
		return nil, ErrNotFound
	case errors.Is(err, ErrBadRecord):
		return nil, fmt.Errorf("%w: %w", ErrNotFound, err)
	case err != nil:
		return nil, &UnavailableError{err}
	case !m.opt.Now().Before(s.Deadline):
		return nil, ErrNotFound
	}
	return s, nil
}

// Outcome is what a change led to.
type Outcome struct {
	Effect  Effect
	Session *Session // after the change; nil when it ended
	Before  *Session // as the transition found it; nil when there was no session
	Cookie  *Cookie  // what the browser must get; nil: the one it has stays
}

// Transition decides what happens to a session. It may run several times, each time on a fresh copy, so it must do
// nothing but change that copy. An error stops the change; nothing is saved then.
type Transition func(s *Session, now time.Time) (Effect, error)

// Change applies a transition for the browser that holds c. s is the session as loaded for this request; when somebody
// else was faster it is loaded again, c is proved again and the transition decides again, so nobody acts on what is no
// longer true. Errors: those of the transition, ErrStaleSecret, ErrNotFound, [UnavailableError].
func (m *Manager) Change(ctx context.Context, s *Session, c Cookie, decide Transition) (Outcome, error) {
	digest := c.Secret.Digest()
	prove := func(s *Session) error { return m.authenticate(s, digest) }
	return m.change(ctx, s, prove, func(s *Session) (Outcome, error) { return m.try(ctx, s, &c, decide) })
}

// ChangeByID applies a transition from outside of any browser, for the application's back office.
func (m *Manager) ChangeByID(ctx context.Context, id SessionID, decide Transition) (Outcome, error) {
	s, err := m.load(ctx, id)
	if err != nil {
		return Outcome{}, err
	}
	return m.changeLoaded(ctx, s, decide)
}

// changeLoaded is ChangeByID for a session that was just loaded.
func (m *Manager) changeLoaded(ctx context.Context, s *Session, decide Transition) (Outcome, error) {
	prove := func(*Session) error { return nil }
	return m.change(ctx, s, prove, func(s *Session) (Outcome, error) { return m.try(ctx, s, nil, decide) })
}

// maxAttempts bounds the retries of a change. Each lost attempt means that somebody else's change went through.
const maxAttempts = 100

// change tries with s, and with the session loaded again as long as somebody else was faster.
func (m *Manager) change(
	ctx context.Context, s *Session, prove func(*Session) error, try func(*Session) (Outcome, error),
) (Outcome, error) {
	for attempt := range maxAttempts {
		if attempt > 0 {
			if err := pause(ctx, attempt); err != nil {
				return Outcome{}, &UnavailableError{err}
			}
			var err error
			if s, err = m.load(ctx, s.ID); err != nil {
				return Outcome{}, err
			}
		}
		if err := prove(s); err != nil {
			return Outcome{}, err
		}
		out, err := try(s)
		if !errors.Is(err, ErrConflict) {
			return out, err
		}
	}
	return Outcome{}, &UnavailableError{ErrConflict}
}

// pause keeps writers that lost against each other from losing in step.
func pause(ctx context.Context, attempt int) error {
	select {
	case <-time.After(rand.N(time.Duration(min(attempt, 10)) * time.Millisecond)):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// try decides and saves once.
func (m *Manager) try(ctx context.Context, s *Session, c *Cookie, decide Transition) (Outcome, error) {
	now := m.opt.Now()
	out := Outcome{Session: s.Clone(), Before: s}
	effect, err := decide(out.Session, now)
	if err != nil {
		return Outcome{}, err
	}
	out.Effect = effect
	switch {
	case effect == Effect{}:
		return out, nil
	case effect.Ended:
		out.Session = nil
		if err := m.end(ctx, s, now, effect.Reason); err != nil {
			return Outcome{}, err
		}
		return out, nil
	}
	if effect.Reason != "" {
		out.Session.Version++
		out.Session.Tag = randomID()
		out.Session.Reason = effect.Reason
	}
	if effect.Rotate && c != nil {
		fresh := NewCookie()
		fresh.ID = s.ID
		out.Session.rotate(fresh.Secret.Digest(), now, m.opt.Grace, effect.authenticated())
		out.Cookie = &fresh
	}
	if err := m.commit(ctx, out.Session, s, now); err != nil {
		return Outcome{}, err
	}
	return out, nil
}

// commit enlists what a session holds and saves it, both within commitTime: whoever finds an entry without its session knows
// how long the session can still come.
func (m *Manager) commit(ctx context.Context, s, before *Session, now time.Time) error {
	ctx, cancel := context.WithTimeout(ctx, m.commitTime())
	defer cancel()
	if err := m.enlist(ctx, s, before); err != nil {
		return err
	}
	return m.save(ctx, s, now, m.ttl(s, now))
}

// commitTime is two answers of the store: one to enlist, one to save.
func (m *Manager) commitTime() time.Duration { return 2 * m.opt.Timeout }

// end deletes a session because a transition left nothing of it.
func (m *Manager) end(ctx context.Context, s *Session, now time.Time, why Reason) error {
	if err := m.close(ctx, s, now); err != nil {
		return err
	}
	_, err := m.delete(ctx, s.ID, why)
	return err
}

// close ends a session before its record is deleted. Delete asks for no revision, and this save does: when somebody linked
// an account meanwhile, it is a conflict and whoever wants the end decides again.
func (m *Manager) close(ctx context.Context, s *Session, now time.Time) error {
	closed := s.Clone()
	closed.Deadline, closed.Secret, closed.Previous = now, Digest{}, Digest{}
	return m.save(ctx, closed, now, m.ttl(s, now))
}

func (m *Manager) save(ctx context.Context, s *Session, now time.Time, ttl time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, m.opt.Timeout)
	defer cancel()
	s.Seen = now
	err := m.store.Save(ctx, s, ttl)
	if err != nil && !errors.Is(err, ErrConflict) {
		return &UnavailableError{err}
	}
	return err
}

// ttl is the idle time, cut by the absolute deadline.
func (m *Manager) ttl(s *Session, now time.Time) time.Duration {
	return max(min(m.opt.Idle, s.Deadline.Sub(now)), time.Millisecond)
}

// delete reports whether there was something to delete. Nothing is no error: the session is gone either way.
func (m *Manager) delete(ctx context.Context, id SessionID, why Reason) (deleted bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, m.opt.Timeout)
	defer cancel()
	err = m.store.Delete(ctx, id, why)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return false, &UnavailableError{err}
	}
	return err == nil, nil
}

// enlist puts the accounts that a save will add, or will keep for longer, into the index. It comes before the save: an
// entry too many costs a look, an entry too few would let a session escape a sign-out everywhere.
func (m *Manager) enlist(ctx context.Context, s, before *Session) error {
	if m.index == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, m.opt.Timeout)
	defer cancel()
	for _, l := range s.Accounts {
		if before != nil && before.Membership(l.Membership) != nil && s.Deadline.Equal(before.Deadline) {
			continue
		}
		if err := m.index.Enlist(ctx, l.Account, s.ID, s.Deadline); err != nil {
			return &UnavailableError{err}
		}
	}
	return nil
}

// SignOutAll ends the session that s was loaded from. A secret within the grace is enough: signing out is always allowed.
// When the session has ended already the outcome has no effect: each end is told once.
func (m *Manager) SignOutAll(ctx context.Context, s *Session) (Outcome, error) {
	deleted, err := m.delete(ctx, s.ID, ReasonSignedOut)
	if err != nil {
		return Outcome{}, err
	}
	out := Outcome{Before: s}
	if deleted {
		out.Effect = Effect{Action: "session.ended", Reason: ReasonSignedOut, Ended: true}
	}
	return out, nil
}

// NeedsTouch reports whether the session was last seen long enough ago that it is worth a write: a twentieth of the idle
// time.
func (m *Manager) NeedsTouch(s *Session) bool {
	return m.opt.Now().Sub(s.Seen) >= m.opt.Idle/20
}

// Touch moves the idle deadline of a session, never to an earlier time. Call it in the background; a failure costs nothing
// but the next try.
func (m *Manager) Touch(ctx context.Context, s *Session) error {
	ctx, cancel := context.WithTimeout(ctx, m.opt.Timeout)
	defer cancel()
	now := m.opt.Now()
	return m.store.Touch(ctx, s.ID, now, m.ttl(s, now))
}

// LoadMany reads sessions for a sweep, in one round trip where the store can. nil stands for an ended session. A store
// that does not answer is an [UnavailableError].
func (m *Manager) LoadMany(ctx context.Context, ids []SessionID) ([]*Session, error) {
	if batch, ok := m.store.(BatchLoader); ok {
		return m.loadBatch(ctx, batch, ids)
	}
	sessions := make([]*Session, len(ids))
	for i, id := range ids {
		s, err := m.load(ctx, id)
		if err != nil && !errors.Is(err, ErrNotFound) {
			return nil, err
		}
		sessions[i] = s
	}
	return sessions, nil
}

func (m *Manager) loadBatch(ctx context.Context, batch BatchLoader, ids []SessionID) ([]*Session, error) {
	ctx, cancel := context.WithTimeout(ctx, m.opt.Timeout)
	defer cancel()
	sessions, err := batch.LoadMany(ctx, ids)
	if err != nil {
		return nil, &UnavailableError{err}
	}
	now := m.opt.Now()
	for i, s := range sessions {
		if s != nil && !now.Before(s.Deadline) {
			sessions[i] = nil
		}
	}
	return sessions, nil
}

// Watch is the store's change feed; see [Store].
func (m *Manager) Watch(ctx context.Context, fn func(Change)) error { return m.store.Watch(ctx, fn) }

// Ready reports whether the store answers.
func (m *Manager) Ready(ctx context.Context) error {
	if _, err := m.load(ctx, NewCookie().ID); !errors.Is(err, ErrNotFound) {
		return err
	}
	return nil
}
