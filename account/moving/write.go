package moving

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/multiaccount-go/multiaccount/account"
)

// Save implements [account.Store]. It needs a session that was loaded through this very store. ErrConflict can also mean that
// the session was moved since.
func (m *store) Save(ctx context.Context, s *account.Session, ttl time.Duration) error {
	if s.Revision == 0 {
		return m.create(ctx, s, ttl)
	}
	leads, revision := m.lead, s.Revision
	if revision >= elsewhere {
		leads, revision = NewLeads-leads, revision-elsewhere
	}
	if leads == OldLeads && m.lead == NewLeads {
		return account.ErrConflict // load it again, which moves it: the old store is to run empty
	}
	written := *s
	written.Revision = revision
	if err := m.at(leads).Save(ctx, &written, ttl); err != nil {
		return err
	}
	s.Revision += written.Revision - revision
	return nil
}

func (m *store) at(leads Lead) account.Store {
	if leads == NewLeads {
		return m.fresh
	}
	return m.old
}

// create saves a session that is in neither store. Ids are drawn by one process and never used twice.
func (m *store) create(ctx context.Context, s *account.Session, ttl time.Duration) error {
	p, err := m.find(ctx, s.ID)
	switch {
	case err != nil:
		return err
	case p.where != nowhere:
		return account.ErrConflict
	}
	return m.at(m.lead).Save(ctx, s, ttl)
}

// Delete implements [account.Store].
func (m *store) Delete(ctx context.Context, id account.SessionID, why account.Reason) error {
	for range maxAttempts {
		p, err := m.find(ctx, id)
		if err != nil {
			return err
		}
		switch p.where {
		case nowhere, ended:
			return account.ErrNotFound
		case ending: // whoever put the marker there told nobody, if that was the last that he did
			if err := m.old.Delete(ctx, id, why); err != nil && !errors.Is(err, account.ErrNotFound) {
				return fmt.Errorf("moving: old store: %w", err)
			}
			return account.ErrNotFound
		case inOld:
			err = m.endOld(ctx, p.session, why)
		case inTransit:
			p.session.Revision = 0
			err = m.endFresh(ctx, p.session, why)
		case inFresh:
			err = m.endFresh(ctx, p.session, why)
		}
		if !errors.Is(err, account.ErrConflict) {
			return err
		}
	}
	return errBusy
}

// endOld ends a session where the old store leads. A delete alone would also take a sealed record, and the session would
// live on in the new store.
func (m *store) endOld(ctx context.Context, s *account.Session, why account.Reason) error {
	if err := m.old.Save(ctx, marker(s, why), m.memory(s)); err != nil {
		return fmt.Errorf("moving: end in the old store: %w", err)
	}
	if err := m.old.Delete(ctx, s.ID, why); err != nil && !errors.Is(err, account.ErrNotFound) {
		return fmt.Errorf("moving: end in the old store: %w", err)
	}
	return nil
}

// endFresh ends a session where the new store leads, or would by the next step. The marker is what its watchers are told.
func (m *store) endFresh(ctx context.Context, s *account.Session, why account.Reason) error {
	end := marker(s, why)
	end.Version++
	if err := m.fresh.Save(ctx, end, m.memory(s)); err != nil {
		return fmt.Errorf("moving: end in the new store: %w", err)
	}
	m.clear(ctx, s.ID)
	return nil
}

// Touch implements [account.Store].
func (m *store) Touch(ctx context.Context, id account.SessionID, seen time.Time, ttl time.Duration) error {
	for range maxAttempts {
		p, err := m.settle(ctx, id)
		switch {
		case err != nil:
			return err
		case p.where == inFresh:
			return m.fresh.Touch(ctx, id, seen, ttl)
		case p.where != inOld:
			return account.ErrNotFound
		}
		if err := m.old.Touch(ctx, id, seen, ttl); err != nil && !errors.Is(err, account.ErrNotFound) {
			return fmt.Errorf("moving: old store: %w", err)
		}
		// A session that was being sealed has taken its time to live along already, so it needs the touch where it is now.
		if p, err = m.find(ctx, id); err != nil || p.where == inOld {
			return err
		}
	}
	return errBusy
}
