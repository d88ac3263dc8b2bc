package sqlstore

import (
	"database/sql"
	"errors"

	"github.com/multiaccount-go/multiaccount/account"
)

// collect reads rows with an id before the columns, and closes them.
func collect(rows *sql.Rows, expected int) (map[account.SessionID]row, error) {
	defer rows.Close()
	found := make(map[account.SessionID]row, expected)
	for rows.Next() {
		var key []byte
		var r row
		if err := rows.Scan(append([]any{&key}, r.into()...)...); err != nil {
			return nil, err
		}
		id, err := sessionID(key)
		if err != nil {
			return nil, err
		}
		found[id] = r
	}
	return found, closed(rows)
}

// collectIDs reads rows of ids, and closes them.
func collectIDs(rows *sql.Rows) ([]account.SessionID, error) {
	defer rows.Close()
	ids := []account.SessionID{}
	for rows.Next() {
		var key []byte
		if err := rows.Scan(&key); err != nil {
			return nil, err
		}
		id, err := sessionID(key)
		if err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	return ids, closed(rows)
}

// closed closes rows and returns whatever has gone wrong with them.
func closed(rows *sql.Rows) error { return errors.Join(rows.Close(), rows.Err()) }
