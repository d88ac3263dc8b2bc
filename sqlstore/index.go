package sqlstore

import (
	"context"
	"crypto/sha256"
	"time"

	"github.com/multiaccount-go/multiaccount/account"
)

// slack keeps entries of the index for longer than asked, so that clocks may differ: an entry too many costs a look, an
// entry too few would let a session escape a sign-out everywhere.
const slack = time.Hour

// Enlist implements [account.Index]. In PostgreSQL it costs one round trip.
func (s *Store) Enlist(ctx context.Context, accountID string, id account.SessionID, until time.Time) error {
	if s.invalid != nil {
		return s.invalid
	}
	digest := sha256.Sum256([]byte(accountID))
	return failed(ctx, "enlist", s.engine.enlist(ctx, digest[:], id, time.Until(until)+slack))
}

// SessionsOf implements [account.Index]. It costs one round trip.
func (s *Store) SessionsOf(ctx context.Context, accountID string) ([]account.SessionID, error) {
	if s.invalid != nil {
		return nil, s.invalid
	}
	digest := sha256.Sum256([]byte(accountID))
	ids, err := s.engine.sessionsOf(ctx, digest[:])
	return ids, failed(ctx, "sessions of account", err)
}
