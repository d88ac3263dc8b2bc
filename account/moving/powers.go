package moving

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/multiaccount-go/multiaccount/account"
)

// LoadMany implements [account.BatchLoader]. It moves nothing: a sweep is no use of a session.
func (m *store) LoadMany(ctx context.Context, ids []account.SessionID) ([]*account.Session, error) {
	places := make([]place, len(ids))
	missing := func(is ...where) (at []int) {
		for i, p := range places {
			if slices.Contains(is, p.where) {
				at = append(at, i)
			}
		}
		return at
	}
	look := func(store account.Store, at []int, found func(s *account.Session) place) error {
		wanted := make([]account.SessionID, len(at))
		for n, i := range at {
			wanted[n] = ids[i]
		}
		sessions, err := loadMany(ctx, store, wanted)
		for n, s := range sessions {
			if s != nil {
				places[at[n]] = found(s)
			}
		}
		return err
	}
	// The same order as for one; a sealed record is all that there is only if the new store has none.
	if err := look(m.fresh, missing(nowhere), placeInFresh); err != nil {
		return nil, fmt.Errorf("moving: new store: %w", err)
	}
	if err := look(m.old, missing(nowhere), placeInOld); err != nil {
		return nil, fmt.Errorf("moving: old store: %w", err)
	}
	if err := look(m.fresh, missing(nowhere, inTransit), placeInFresh); err != nil {
		return nil, fmt.Errorf("moving: new store: %w", err)
	}
	sessions := make([]*account.Session, len(ids))
	for i, p := range places {
		if p.session != nil {
			sessions[i] = m.show(p)
		}
	}
	return sessions, nil
}

// loadMany reads in one round trip where the store can.
func loadMany(ctx context.Context, store account.Store, ids []account.SessionID) ([]*account.Session, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	if batch, ok := store.(account.BatchLoader); ok {
		return batch.LoadMany(ctx, ids)
	}
	sessions := make([]*account.Session, len(ids))
	for i, id := range ids {
		s, err := store.Load(ctx, id)
		if err != nil && !errors.Is(err, account.ErrNotFound) && !errors.Is(err, account.ErrBadRecord) {
			return nil, err
		}
		sessions[i] = s
	}
	return sessions, nil
}

// indexed is a store over two that can find the sessions of an account.
type indexed struct {
	*store
	old, fresh account.Index
}

// Enlist implements [account.Index]. While the old store leads, both learn of it: a session may be in either, and a process
// that uses one store alone asks that one alone.
func (m *indexed) Enlist(ctx context.Context, accountID string, id account.SessionID, until time.Time) error {
	if m.lead == OldLeads {
		if err := m.old.Enlist(ctx, accountID, id, until); err != nil {
			return fmt.Errorf("moving: old store: %w", err)
		}
	}
	if err := m.fresh.Enlist(ctx, accountID, id, until); err != nil {
		return fmt.Errorf("moving: new store: %w", err)
	}
	return nil
}

// SessionsOf implements [account.Index]. The old store is asked first: an entry is in the new store before its session is.
func (m *indexed) SessionsOf(ctx context.Context, accountID string) ([]account.SessionID, error) {
	ids, err := m.old.SessionsOf(ctx, accountID)
	if err != nil {
		return nil, fmt.Errorf("moving: old store: %w", err)
	}
	moved, err := m.fresh.SessionsOf(ctx, accountID)
	if err != nil {
		return nil, fmt.Errorf("moving: new store: %w", err)
	}
	seen := make(map[account.SessionID]bool, len(ids)+len(moved))
	return slices.DeleteFunc(append(ids, moved...), func(id account.SessionID) bool {
		known := seen[id]
		seen[id] = true
		return known
	}), nil
}
