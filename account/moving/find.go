package moving

import (
	"context"
	"errors"
	"fmt"

	"github.com/multiaccount-go/multiaccount/account"
)

// where a session leads.
type where int

const (
	nowhere where = iota
	ended         // there is a marker in the new store
	ending        // there is a marker in the old store: a Delete is under way, or got no further
	inOld
	inTransit // sealed in the old store, not yet in the new one
	inFresh
)

// place is where a session was found, and how. The session is nil when there is none, and has the revision of the store
// that it is in.
type place struct {
	where   where
	session *account.Session
}

// find looks for a session in both stores. Records move in one direction only, so whoever misses one in the new store and
// then in the old one finds it in the new one.
func (m *store) find(ctx context.Context, id account.SessionID) (place, error) {
	if p, err := m.findFresh(ctx, id); err != nil || p.where != nowhere {
		return p, err
	}
	s, err := m.old.Load(ctx, id)
	switch {
	case errors.Is(err, account.ErrNotFound):
		return m.findFresh(ctx, id)
	case err != nil:
		return place{}, fmt.Errorf("moving: old store: %w", err)
	}
	return placeInOld(s), nil
}

// placeInOld reads a record of the old store, of a session that the new one does not have.
func placeInOld(s *account.Session) place {
	switch {
	case isMarker(s):
		return place{where: ending}
	case isSealed(s):
		return place{inTransit, unsealed(s)}
	}
	return place{inOld, s}
}

// placeInFresh reads a record of the new store.
func placeInFresh(s *account.Session) place {
	if isMarker(s) {
		return place{where: ended}
	}
	return place{inFresh, s}
}

func (m *store) findFresh(ctx context.Context, id account.SessionID) (place, error) {
	s, err := m.fresh.Load(ctx, id)
	switch {
	case errors.Is(err, account.ErrNotFound):
		return place{}, nil
	case err != nil:
		return place{}, fmt.Errorf("moving: new store: %w", err)
	}
	return placeInFresh(s), nil
}

// elsewhere is added to the revisions of the store that does not lead. The two stores count by themselves, so the same
// number means another state in each; a session is always saved by the process that loaded it.
const elsewhere = 1 << 62

// show returns the session with the revision under which the caller may save it.
func (m *store) show(p place) *account.Session {
	if (p.where == inFresh) != (m.lead == NewLeads) {
		p.session.Revision += elsewhere
	}
	return p.session
}
