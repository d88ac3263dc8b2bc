package account

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"slices"
	"time"
)

// place is one session in which an account can act.
type place struct {
	id         SessionID
	membership string
	proved     time.Time
}

// KeepNewest holds an account to Options.SessionsPerAccount: where it can act in more sessions than that, it leaves those in
// which it signed in longest ago. A session of this account alone ends. Call it after each [Manager.SignInWith], and tell the
// tabs of the outcomes. Without a limit it does nothing, not even a call of the store.
//
// It looks at what is saved, so of several sign-ins at the same time the one that looks last sees them all, and all agree on
// which are the newest. When it fails there may be too many until it is called again: ErrNoIndex, [UnavailableError].
func (m *Manager) KeepNewest(ctx context.Context, accountID string) ([]Outcome, error) {
	if m.opt.SessionsPerAccount == 0 {
		return nil, nil
	}
	places, err := m.places(ctx, accountID)
	if err != nil || len(places) <= m.opt.SessionsPerAccount {
		return nil, err
	}
	slices.SortFunc(places, func(a, b place) int { // newest first; the ids settle what happened in the same millisecond
		return cmp.Or(b.proved.Compare(a.proved), bytes.Compare(b.id[:], a.id[:]))
	})
	var outcomes []Outcome
	var errs []error
	for _, old := range places[m.opt.SessionsPerAccount:] {
		out, err := m.ChangeByID(ctx, old.id, old.displace)
		switch {
		case errors.Is(err, ErrNotFound):
		case err != nil:
			errs = append(errs, err)
		case out.Effect.Action != "":
			outcomes = append(outcomes, out)
		}
		if len(errs) >= maxSilent {
			break
		}
	}
	return outcomes, errors.Join(errs...)
}

func (m *Manager) places(ctx context.Context, accountID string) ([]place, error) {
	var places []place
	for s, err := range m.EachSession(ctx, accountID) {
		if err != nil {
			return nil, err
		}
		if l := s.Find(accountID); l.IsActive(m.opt.Now()) {
			places = append(places, place{s.ID, l.Membership, l.AuthenticatedAt})
		}
	}
	return places, nil
}

// displace takes the account out of its session, unless it has signed in there again since.
func (x place) displace(s *Session, now time.Time) (Effect, error) {
	l := s.Membership(x.membership)
	if l == nil || l.AuthenticatedAt.After(x.proved) {
		return Effect{}, nil
	}
	effect, err := s.Expel(x.membership, now)
	effect.Action = "account.displaced"
	if effect.Ended {
		effect.Action = "session.displaced"
	}
	return effect, err
}
