package sqlstore

import (
	"fmt"
	"time"

	"github.com/multiaccount-go/multiaccount/account"
)

// row is what the database has of a session, in whatever types the driver gave: a column that somebody has altered is a bad
// record, not a failure of the database.
type row struct{ revision, version, tag, seen, data any }

// columns are those of a row, in the order of into.
const columns = "revision, version, tag, seen_at, data"

func (r *row) into() []any { return []any{&r.revision, &r.version, &r.tag, &r.seen, &r.data} }

// session believes all of a row or nothing.
func (r *row) session(id account.SessionID) (*account.Session, error) {
	revision, ok := r.revision.(int64)
	if !ok || revision < 1 {
		return nil, bad("revision", r.revision)
	}
	version, ok := r.version.(int64)
	if !ok || version < 0 {
		return nil, bad("version", r.version)
	}
	tag, ok := r.tag.(string)
	if !ok {
		return nil, bad("tag", r.tag)
	}
	var seen time.Time
	switch at := r.seen.(type) {
	case time.Time:
		seen = time.UnixMilli(at.UnixMilli())
	case int64:
		seen = time.UnixMilli(at)
	default:
		return nil, bad("seen_at", r.seen)
	}
	var data []byte
	switch text := r.data.(type) {
	case []byte:
		data = text
	case string:
		data = []byte(text)
	default:
		return nil, bad("data", r.data)
	}
	s, err := account.Decode(id, data)
	if err != nil {
		return nil, fmt.Errorf("sqlstore: %w", err)
	}
	s.Revision, s.Version, s.Tag, s.Seen = revision, version, tag, seen
	return s, nil
}

// bad names the column and its type, not what is in it.
func bad(column string, value any) error {
	return fmt.Errorf("sqlstore: %w: column %s holds no good %T", account.ErrBadRecord, column, value)
}

// sessionID reads the id of a session.
func sessionID(column []byte) (account.SessionID, error) {
	if len(column) != len(account.SessionID{}) {
		return account.SessionID{}, fmt.Errorf("%w: an id of %d bytes", account.ErrBadRecord, len(column))
	}
	return account.SessionID(column), nil
}
