package sqlstore

import (
	"context"
	"database/sql"
	"encoding/json"
	"time"

	"github.com/multiaccount-go/multiaccount/account"
)

// sqlite speaks to SQLite. The clock is this machine's, which all of its processes share.
type sqlite struct {
	*conn
	writing chan struct{} // queues the writers of this store, which SQLite would let poll
	watchers
}

func newSQLite(c *conn) *sqlite { return &sqlite{conn: c, writing: make(chan struct{}, 1)} }

// table names a table of ours.
func (e *sqlite) table(name string) string { return e.namespace + "_" + name }

func (e *sqlite) now() int64 { return time.Now().UnixMilli() }

// until returns the moment when a life is over, rounded up.
func (e *sqlite) until(life time.Duration) int64 {
	return time.Now().Add(life).Add(time.Millisecond - 1).UnixMilli()
}

func (e *sqlite) load(ctx context.Context, id account.SessionID) (r row, err error) {
	err = e.db.QueryRowContext(ctx, `SELECT `+columns+` FROM `+e.table("sessions")+` WHERE id = ? AND expires_at > ?`,
		id[:], e.now()).Scan(r.into()...)
	return r, err
}

// loadMany passes the ids as one list, so that there is one statement whatever their number.
func (e *sqlite) loadMany(ctx context.Context, ids []account.SessionID) (map[account.SessionID]row, error) {
	keys := make([]string, len(ids))
	for i, id := range ids {
		keys[i] = hexadecimal(id)
	}
	list, err := json.Marshal(keys)
	if err != nil {
		return nil, err
	}
	found, err := e.db.QueryContext(ctx, `SELECT id, `+columns+` FROM `+e.table("sessions")+`
		WHERE id IN (SELECT unhex(value) FROM json_each(?)) AND expires_at > ?`, string(list), e.now())
	if err != nil {
		return nil, err
	}
	return collect(found, len(ids))
}

func (e *sqlite) save(ctx context.Context, w write) (bool, error) {
	return e.tell(ctx, func(x runner) (string, error) {
		query := `UPDATE ` + e.table("sessions") + ` SET revision = ?2 + 1, version = ?3, tag = ?4, pseudonym = ?5, seen_at = ?6,
			data = ?7, expires_at = ?8 WHERE id = ?1 AND revision = ?2 AND expires_at > ?9`
		if w.revision == 0 {
			query = `INSERT INTO ` + e.table("sessions") + `
				(id, revision, version, tag, pseudonym, seen_at, data, expires_at) VALUES (?1, ?2 + 1, ?3, ?4, ?5, ?6, ?7, ?8)
				ON CONFLICT (id) DO UPDATE SET revision = excluded.revision, version = excluded.version, tag = excluded.tag,
					seen_at = excluded.seen_at, data = excluded.data, expires_at = excluded.expires_at
				WHERE expires_at <= ?9`
		}
		n, err := changed(x.ExecContext(ctx, query, w.id[:], w.revision, w.version, w.tag, w.pseudonym, w.seen.UnixMilli(),
			string(w.data), e.until(w.ttl), e.now()))
		if err != nil || n == 0 {
			return "", err
		}
		return w.notice, nil
	})
}

func (e *sqlite) delete(ctx context.Context, id account.SessionID, notice string) (bool, error) {
	return e.tell(ctx, func(x runner) (string, error) {
		var full string
		err := x.QueryRowContext(ctx, `DELETE FROM `+e.table("sessions")+` WHERE id = ?1 AND expires_at > ?2
			RETURNING ?3 || (version + 1) || '}'`, id[:], e.now(), notice).Scan(&full)
		if err == sql.ErrNoRows {
			return "", nil
		}
		return full, err
	})
}

// tell runs a change that returns a notice when it has changed something, and tells it in the same transaction.
func (e *sqlite) tell(ctx context.Context, change func(x runner) (notice string, err error)) (told bool, err error) {
	err = e.write(ctx, func(x runner) error {
		told = false
		notice, err := change(x)
		if err != nil || notice == "" {
			return err
		}
		result, err := x.ExecContext(ctx, `INSERT INTO `+e.table("changes")+` (notice) VALUES (?)`, notice)
		if err != nil {
			return err
		}
		seq, err := result.LastInsertId()
		if err != nil {
			return err
		}
		told = true
		_, err = x.ExecContext(ctx, `DELETE FROM `+e.table("changes")+` WHERE seq <= ?`, seq-maxPending)
		return err
	})
	if err != nil {
		return false, err
	}
	if told {
		e.wake()
	}
	return told, nil
}

func (e *sqlite) touch(ctx context.Context, id account.SessionID, seen time.Time, ttl time.Duration) (touched bool, err error) {
	err = e.write(ctx, func(x runner) error {
		n, err := changed(x.ExecContext(ctx, `UPDATE `+e.table("sessions")+`
			SET seen_at = max(seen_at, ?2), expires_at = max(expires_at, ?3) WHERE id = ?1 AND expires_at > ?4`,
			id[:], seen.UnixMilli(), e.until(ttl), e.now()))
		touched = n > 0
		return err
	})
	return touched && err == nil, err
}

func (e *sqlite) enlist(ctx context.Context, account []byte, id account.SessionID, life time.Duration) error {
	return e.write(ctx, func(x runner) error {
		_, err := x.ExecContext(ctx, `INSERT INTO `+e.table("enlisted")+` AS old (account, session, until) VALUES (?, ?, ?)
			ON CONFLICT (account, session) DO UPDATE SET until = max(old.until, excluded.until)`, account, id[:], e.until(life))
		return err
	})
}

func (e *sqlite) sessionsOf(ctx context.Context, account []byte) ([]account.SessionID, error) {
	rows, err := e.db.QueryContext(ctx, `SELECT session FROM `+e.table("enlisted")+` WHERE account = ? AND until > ?`,
		account, e.now())
	if err != nil {
		return nil, err
	}
	return collectIDs(rows)
}

// changed returns how many rows a statement has changed.
func changed(result sql.Result, err error) (int64, error) {
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}
