package sqlstore

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/multiaccount-go/multiaccount/account"
)

// write is a session as a save writes it.
type write struct {
	id        account.SessionID
	revision  int64 // that the caller loaded; 0: the row must not exist
	version   int64
	tag       string
	pseudonym string
	seen      time.Time
	data      []byte
	ttl       time.Duration
	notice    string
}

// Load implements [account.Store]. It costs one round trip.
func (s *Store) Load(ctx context.Context, id account.SessionID) (*account.Session, error) {
	if s.invalid != nil {
		return nil, s.invalid
	}
	r, err := s.engine.load(ctx, id)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return nil, account.ErrNotFound
	case err != nil:
		return nil, failed(ctx, "load", err)
	}
	return r.session(id)
}

// LoadMany implements [account.BatchLoader]. It costs one round trip.
func (s *Store) LoadMany(ctx context.Context, ids []account.SessionID) ([]*account.Session, error) {
	if s.invalid != nil || len(ids) == 0 {
		return nil, s.invalid
	}
	rows, err := s.engine.loadMany(ctx, ids)
	if err != nil {
		return nil, failed(ctx, "load many", err)
	}
	sessions := make([]*account.Session, len(ids))
	for i, id := range ids {
		if r, ok := rows[id]; ok {
			sessions[i], _ = r.session(id) // an unreadable one is nil
		}
	}
	return sessions, nil
}

// Save implements [account.Store]. In PostgreSQL it costs one round trip. After an error that is not [account.ErrConflict] the
// session may have been saved all the same, when the connection was lost on the way back: load it again.
func (s *Store) Save(ctx context.Context, session *account.Session, ttl time.Duration) error {
	if s.invalid != nil {
		return s.invalid
	}
	if ttl <= 0 {
		return fmt.Errorf("sqlstore: save: ttl is %v, it must be positive", ttl)
	}
	data, err := account.Encode(session)
	if err != nil {
		return err
	}
	notice, err := json.Marshal(account.Change{
		ID: session.ID, Version: session.Version, Generation: session.Generation, Tag: session.Tag, Reason: session.Reason,
	})
	if err != nil {
		return fmt.Errorf("sqlstore: save: %w", err)
	}
	written, err := s.engine.save(ctx, write{
		id: session.ID, revision: session.Revision, version: session.Version, tag: session.Tag, pseudonym: pseudonym(session.ID),
		seen: session.Seen, data: data, ttl: ttl, notice: string(notice),
	})
	switch {
	case err != nil:
		return failed(ctx, "save", err)
	case !written:
		return account.ErrConflict
	}
	session.Revision++
	return nil
}

// Delete implements [account.Store]. In PostgreSQL it costs one round trip.
func (s *Store) Delete(ctx context.Context, id account.SessionID, why account.Reason) error {
	if s.invalid != nil {
		return s.invalid
	}
	reason, err := json.Marshal(why)
	if err != nil {
		return fmt.Errorf("sqlstore: delete: %w", err)
	}
	deleted, err := s.engine.delete(ctx, id, fmt.Sprintf(`{"id":"%s","ended":true,"reason":%s,"v":`, id, reason))
	switch {
	case err != nil:
		return failed(ctx, "delete", err)
	case !deleted:
		return account.ErrNotFound
	}
	return nil
}

// Touch implements [account.Store]. In PostgreSQL it costs one round trip.
func (s *Store) Touch(ctx context.Context, id account.SessionID, seen time.Time, ttl time.Duration) error {
	if s.invalid != nil {
		return s.invalid
	}
	if ttl <= 0 {
		return fmt.Errorf("sqlstore: touch: ttl is %v, it must be positive", ttl)
	}
	touched, err := s.engine.touch(ctx, id, seen, ttl)
	switch {
	case err != nil:
		return failed(ctx, "touch", err)
	case !touched:
		return account.ErrNotFound
	}
	return nil
}

// Watch implements [account.Store]. In PostgreSQL it keeps one connection of the pool and takes another one whenever that is
// lost. A watcher that falls more than a thousand changes behind gets a Resync instead of them: PostgreSQL must never wait
// for one, since its queue of notifications is one for all databases, and when it is full nobody can save. fn runs on the
// caller's goroutine.
func (s *Store) Watch(ctx context.Context, fn func(account.Change)) error {
	if s.invalid != nil {
		return s.invalid
	}
	return s.engine.watch(ctx, fn)
}

// heed reads a change notice and hands it on.
func (c *conn) heed(ctx context.Context, notice string, fn func(account.Change)) {
	var change account.Change
	if err := json.Unmarshal([]byte(notice), &change); err != nil || change.ID == (account.SessionID{}) {
		c.log.WarnContext(ctx, "sqlstore: ignored a malformed change notice", "err", err)
		return
	}
	fn(change)
}

// pseudonym names a session as the events of the audit trail do, without naming its key.
func pseudonym(id account.SessionID) string {
	sum := sha256.Sum256(append([]byte("audit\x00"), id[:]...))
	return base64.RawURLEncoding.EncodeToString(sum[:12])
}
