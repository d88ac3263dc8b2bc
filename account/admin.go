package account

import (
	"context"
	"errors"
	"slices"
	"time"
)

// ErrNoIndex: the store cannot find the sessions of an account. Use one that implements [Index].
var ErrNoIndex = errors.New("store has no index of accounts")

// Activate makes a deactivated link of a session active again. It counts against the maximum: ErrLinkLimit.
func (m *Manager) Activate(ctx context.Context, id SessionID, membership string) (Outcome, error) {
	return m.ChangeByID(ctx, id, func(s *Session, now time.Time) (Effect, error) {
		return s.Activate(membership, now, m.opt.MaxLinked)
	})
}

// Deactivate keeps a linked account in its session but lets nobody act as it. When it is current the session goes to
// the choice; when it is the only one the session ends.
func (m *Manager) Deactivate(ctx context.Context, id SessionID, membership string) (Outcome, error) {
	return m.ChangeByID(ctx, id, func(s *Session, _ time.Time) (Effect, error) { return s.Deactivate(membership) })
}

// Destroy removes a linked account from a session for good.
func (m *Manager) Destroy(ctx context.Context, id SessionID, membership string) (Outcome, error) {
	return m.ChangeByID(ctx, id, func(s *Session, now time.Time) (Effect, error) {
		l := s.Membership(membership)
		if l == nil {
			return Effect{}, ErrNotLinked
		}
		return s.SignOut(l.Account, "", now)
	})
}

// End ends a session from outside of its browser.
func (m *Manager) End(ctx context.Context, id SessionID) (Outcome, error) {
	return m.ChangeByID(ctx, id, func(*Session, time.Time) (Effect, error) {
		return Effect{Action: "session.revoked", Reason: ReasonRevoked, Ended: true}, nil
	})
}

// Sessions returns the live sessions that hold an account, in no particular order. ErrNoIndex when the store cannot tell,
// [UnavailableError] when it does not answer.
func (m *Manager) Sessions(ctx context.Context, accountID string) ([]*Session, error) {
	var held []*Session
	for s, err := range m.EachSession(ctx, accountID) {
		if err != nil {
			return nil, err
		}
		held = append(held, s)
	}
	return held, nil
}

// batchSize is how many sessions are read in one round trip: enough to be quick, few enough to keep nobody else waiting.
const batchSize = 256

func (m *Manager) sessionsOf(ctx context.Context, accountID string) ([]SessionID, error) {
	if m.index == nil {
		return nil, ErrNoIndex
	}
	ctx, cancel := context.WithTimeout(ctx, m.opt.Timeout)
	defer cancel()
	ids, err := m.index.SessionsOf(ctx, accountID)
	if err != nil {
		return nil, &UnavailableError{err}
	}
	return ids, nil
}

// AccountTransition decides what happens to one account of a session, as a [Transition] does.
type AccountTransition func(s *Session, l *Linked, now time.Time) (Effect, error)

// Everywhere applies a transition to every session that holds an account, one after the other, and returns what came of
// it. Sessions that ended meanwhile are passed over; other errors are joined and do not stop the rest, unless the store has
// stopped answering. A sign-in that is just being saved may escape it; see [Manager.RevokeEverywhere].
func (m *Manager) Everywhere(
	ctx context.Context, accountID string, decide func(s *Session, l *Linked, now time.Time) (Effect, error),
) ([]Outcome, error) {
	var outcomes []Outcome
	err := m.everywhere(ctx, accountID, decide, func(out Outcome) { outcomes = append(outcomes, out) })
	return outcomes, err
}

// RevokeEverywhere makes an account sign in again in every session that holds it; a session of this account alone ends. It
// tells of each change as soon as it is saved, and returns how many there were, also beside an error.
//
// A sign-in puts itself into the index first and is saved after that, within twice Options.Timeout or not at all. So this
// waits for as long and looks a second time: whoever had begun to sign in when it was called does not escape.
func (m *Manager) RevokeEverywhere(ctx context.Context, accountID string, tell func(Outcome)) (revoked int, err error) {
	count := func(out Outcome) {
		if out.Effect.Action != "" {
			revoked++
			tell(out)
		}
	}
	revoke := func(s *Session, l *Linked, _ time.Time) (Effect, error) { return s.Revoke(l.Membership) }
	first := m.everywhere(ctx, accountID, revoke, count)
	if errors.Is(first, ErrNoIndex) {
		return 0, first
	}
	select {
	case <-time.After(m.commitTime() + m.opt.Timeout/10): // and a moment more, so that its time is over by then
	case <-ctx.Done():
		return revoked, errors.Join(first, ctx.Err())
	}
	return revoked, errors.Join(first, m.everywhere(ctx, accountID, revoke, count))
}

// maxSilent is how often in a row the store may stay silent before a walk over many sessions is given up.
const maxSilent = 8

// everywhere is Everywhere, in batches, so that it holds no more than one of them at a time.
func (m *Manager) everywhere(ctx context.Context, accountID string, decide AccountTransition, tell func(Outcome)) error {
	ids, err := m.sessionsOf(ctx, accountID)
	if err != nil {
		return err
	}
	var errs []error
	silent := 0
	note := func(err error) {
		var unavailable *UnavailableError
		switch {
		case err == nil:
			silent = 0
		case errors.Is(err, ErrNotFound):
		default:
			if errs = append(errs, err); errors.As(err, &unavailable) {
				silent++
			}
		}
	}
	for batch := range slices.Chunk(ids, batchSize) {
		sessions, err := m.LoadMany(ctx, batch)
		note(err)
		for _, s := range sessions {
			if s == nil || s.Find(accountID) == nil {
				continue
			}
			out, err := m.changeLoaded(ctx, s, ofAccount(accountID, decide))
			if note(err); err == nil {
				tell(out)
			}
			if silent >= maxSilent {
				return errors.Join(errs...)
			}
		}
		if ctx.Err() != nil || silent >= maxSilent {
			return errors.Join(append(errs, ctx.Err())...)
		}
	}
	return errors.Join(errs...)
}

// ofAccount is a transition of one account as a transition of its session. An account that has left needs none.
func ofAccount(accountID string, decide AccountTransition) Transition {
	return func(s *Session, now time.Time) (Effect, error) {
		l := s.Find(accountID)
		if l == nil {
			return Effect{}, nil
		}
		return decide(s, l, now)
	}
}
