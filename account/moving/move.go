package moving

import (
	"context"
	"errors"
	"fmt"

	"github.com/multiaccount-go/multiaccount/account"
)

// maxAttempts bounds how often a step is begun anew because somebody else was faster.
const maxAttempts = 100

var errBusy = errors.New("moving: a session changes hands all the time")

// settle finds a session, and ends a move that is due or under way: it is inFresh, inOld while the old store leads, ended or
// nowhere.
func (m *store) settle(ctx context.Context, id account.SessionID) (place, error) {
	for range maxAttempts {
		p, err := m.find(ctx, id)
		if err == nil && p.where == inOld && m.lead == NewLeads {
			p, err = m.seal(ctx, p.session)
		}
		if err == nil && p.where == inTransit {
			p, err = m.transfer(ctx, p.session)
		}
		if !errors.Is(err, account.ErrConflict) {
			return p, err
		}
	}
	return place{}, errBusy
}

// seal is the first write of a move. ErrConflict: the session is not what it was.
func (m *store) seal(ctx context.Context, s *account.Session) (place, error) {
	if err := m.old.Save(ctx, sealed(s), m.life(s)); err != nil {
		return place{}, fmt.Errorf("moving: seal in the old store: %w", err)
	}
	return place{inTransit, s}, nil
}

// transfer is the second write of a move. It comes after the index, like every save that adds accounts. ErrConflict: somebody
// else has done it.
func (m *store) transfer(ctx context.Context, s *account.Session) (place, error) {
	if m.index != nil {
		for _, l := range s.Accounts {
			if err := m.index.Enlist(ctx, l.Account, s.ID, s.Deadline); err != nil {
				return place{}, fmt.Errorf("moving: new store: %w", err)
			}
		}
	}
	moved := s.Clone()
	moved.Revision = 0
	if err := m.fresh.Save(ctx, moved, m.life(s)); err != nil {
		return place{}, fmt.Errorf("moving: new store: %w", err)
	}
	m.clear(ctx, s.ID)
	return place{inFresh, moved}, nil
}

// clear takes the sealed record of a session out of the old store. The new store leads, so this may fail: then the record
// expires.
func (m *store) clear(ctx context.Context, id account.SessionID) {
	_ = m.old.Delete(ctx, id, movedAway)
}
