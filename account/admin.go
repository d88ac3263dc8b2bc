package account

import (
	"context"
	"errors"
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

// Sessions returns the live sessions that hold an account. ErrNoIndex when the store cannot tell, [UnavailableError] when
// it does not answer.
func (m *Manager) Sessions(ctx context.Context, accountID string) ([]*Session, error) {
	if m.index == nil {
		return nil, ErrNoIndex
	}
	ids, err := m.sessionsOf(ctx, accountID)
	if err != nil {
		return nil, err
	}
	loaded, err := m.LoadMany(ctx, ids)
	if err != nil {
		return nil, err
	}
	var held []*Session
	for _, s := range loaded {
		if s != nil && s.Find(accountID) != nil {
			held = append(held, s)
		}
	}
	return held, nil
}

func (m *Manager) sessionsOf(ctx context.Context, accountID string) ([]SessionID, error) {
	ctx, cancel := context.WithTimeout(ctx, m.opt.Timeout)
	defer cancel()
	ids, err := m.index.SessionsOf(ctx, accountID)
	if err != nil {
		return nil, &UnavailableError{err}
	}
	return ids, nil
}

// Everywhere applies a transition to every session that holds an account, one after the other, and returns what came of
// it. Sessions that ended meanwhile are passed over; other errors are joined and do not stop the rest.
func (m *Manager) Everywhere(
	ctx context.Context, accountID string, decide func(s *Session, l *Linked, now time.Time) (Effect, error),
) ([]Outcome, error) {
	sessions, err := m.Sessions(ctx, accountID)
	if err != nil {
		return nil, err
	}
	var outcomes []Outcome
	var errs []error
	for _, s := range sessions {
		out, err := m.ChangeByID(ctx, s.ID, func(s *Session, now time.Time) (Effect, error) {
			l := s.Find(accountID)
			if l == nil {
				return Effect{}, nil
			}
			return decide(s, l, now)
		})
		switch {
		case errors.Is(err, ErrNotFound):
		case err != nil:
			errs = append(errs, err)
		default:
			outcomes = append(outcomes, out)
		}
	}
	return outcomes, errors.Join(errs...)
}
