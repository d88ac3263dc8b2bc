package sqlstore

import (
	"context"
	"time"

	"github.com/multiaccount-go/multiaccount/account"
)

// postgres speaks to PostgreSQL. Each method is one statement, and so one round trip and one transaction.
type postgres struct{ *conn }

// table names a table of ours.
func (c *conn) table(name string) string { return c.namespace + "." + name }

// channel is what notifications about something go over. PostgreSQL has one set of channels for a whole database.
func (c *conn) channel(of string) string { return c.namespace + "." + of }

// microseconds is a parameter that is multiplied with an interval, so that times are added to the server's clock.
func microseconds(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }

func (p *postgres) load(ctx context.Context, id account.SessionID) (r row, err error) {
	err = p.db.QueryRowContext(ctx, `SELECT `+columns+` FROM `+p.table("sessions")+` WHERE id = $1 AND expires_at > now()`,
		id[:]).Scan(r.into()...)
	return r, err
}

func (p *postgres) loadMany(ctx context.Context, ids []account.SessionID) (map[account.SessionID]row, error) {
	keys := make([][]byte, len(ids))
	for i, id := range ids {
		keys[i] = id[:]
	}
	found, err := p.db.QueryContext(ctx, `SELECT id, `+columns+` FROM `+p.table("sessions")+`
		WHERE id = ANY ($1) AND expires_at > now()`, keys)
	if err != nil {
		return nil, err
	}
	return collect(found, len(ids))
}

// save writes and tells in one statement. The row of another writer that has not committed is waited for and then
// compared again, so of two writers of one revision the second finds nothing to update.
func (p *postgres) save(ctx context.Context, w write) (bool, error) {
	written := `UPDATE ` + p.table("sessions") + `
		SET revision = $2 + 1, version = $3, tag = $4, pseudonym = $5, seen_at = $6, data = $7,
			expires_at = now() + $8::float8 * interval '1 microsecond'
		WHERE id = $1 AND revision = $2 AND expires_at > now() RETURNING id`
	if w.revision == 0 {
		written = `INSERT INTO ` + p.table("sessions") + ` AS old
			(id, revision, version, tag, pseudonym, seen_at, data, expires_at)
			VALUES ($1, $2 + 1, $3, $4, $5, $6, $7, now() + $8::float8 * interval '1 microsecond')
			ON CONFLICT (id) DO UPDATE SET revision = excluded.revision, version = excluded.version, tag = excluded.tag,
				seen_at = excluded.seen_at, data = excluded.data, expires_at = excluded.expires_at
			WHERE old.expires_at <= now() RETURNING id`
	}
	return p.tell(ctx, `WITH written AS (`+written+`) SELECT pg_notify($9, $10)::text FROM written`,
		w.id[:], w.revision, w.version, w.tag, w.pseudonym, w.seen, string(w.data), microseconds(w.ttl),
		p.channel("changes"), w.notice)
}

func (p *postgres) delete(ctx context.Context, id account.SessionID, notice string) (bool, error) {
	return p.tell(ctx, `WITH gone AS (DELETE FROM `+p.table("sessions")+` WHERE id = $1 AND expires_at > now() RETURNING version)
		SELECT pg_notify($2, $3::text || (version + 1) || '}')::text FROM gone`, id[:], p.channel("changes"), notice)
}

// tell runs a statement that answers a row when it has changed and told something.
func (p *postgres) tell(ctx context.Context, query string, args ...any) (told bool, err error) {
	err = again(func() error {
		rows, err := p.db.QueryContext(ctx, query, args...)
		if err != nil {
			return err
		}
		defer rows.Close()
		told = rows.Next()
		return closed(rows)
	})
	return told && err == nil, err
}

func (p *postgres) touch(ctx context.Context, id account.SessionID, seen time.Time, ttl time.Duration) (bool, error) {
	n, err := p.exec(ctx, `UPDATE `+p.table("sessions")+` SET seen_at = greatest(seen_at, $2),
		expires_at = greatest(expires_at, now() + $3::float8 * interval '1 microsecond')
		WHERE id = $1 AND expires_at > now()`, id[:], seen, microseconds(ttl))
	return n > 0, err
}

func (p *postgres) enlist(ctx context.Context, account []byte, id account.SessionID, life time.Duration) error {
	_, err := p.exec(ctx, `INSERT INTO `+p.table("enlisted")+` AS old (account, session, until)
		VALUES ($1, $2, now() + $3::float8 * interval '1 microsecond')
		ON CONFLICT (account, session) DO UPDATE SET until = greatest(old.until, excluded.until)`,
		account, id[:], microseconds(life))
	return err
}

func (p *postgres) sessionsOf(ctx context.Context, account []byte) ([]account.SessionID, error) {
	rows, err := p.db.QueryContext(ctx, `SELECT session FROM `+p.table("enlisted")+` WHERE account = $1 AND until > now()`, account)
	if err != nil {
		return nil, err
	}
	return collectIDs(rows)
}

// exec returns how many rows a statement has changed.
func (c *conn) exec(ctx context.Context, query string, args ...any) (n int64, err error) {
	err = again(func() error {
		result, err := c.db.ExecContext(ctx, query, args...)
		if err != nil {
			return err
		}
		n, err = result.RowsAffected()
		return err
	})
	return n, err
}

// again tries a statement again that PostgreSQL has ended, with nothing done, in favour of another one.
func again(try func() error) (err error) {
	for range 5 {
		err = try()
		if state := sqlState(err); state != serialization && state != deadlock {
			break
		}
	}
	return err
}
