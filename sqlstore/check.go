package sqlstore

import (
	"context"
	"fmt"
)

// Check asks the database for settings that lose sessions or changes, and returns what an operator should change, in
// sentences for a log; none: nothing was found. Call it once at the start, after [Store.Migrate], and go on whatever it says.
// An error means that the database did not tell, or [ErrSchema].
func (s *Store) Check(ctx context.Context) ([]string, error) {
	if s.invalid != nil {
		return nil, s.invalid
	}
	warnings, err := s.engine.check(ctx)
	if err != nil {
		return nil, failed(ctx, "check", err)
	}
	return warnings, nil
}

// unswept is the number of sessions that expired a day ago from which on nobody seems to sweep.
const unswept = 10_000

func unsweptWarning(table string) string {
	return fmt.Sprintf("table %s holds %d sessions and more that expired a day ago: call Run, or Sweep from a job", table, unswept)
}

func (p *postgres) check(ctx context.Context) (warnings []string, err error) {
	var version, old int
	var standby, unlogged bool
	var durable, commit, encoding string
	var queue float64
	err = p.db.QueryRowContext(ctx, `SELECT current_setting('server_version_num')::int, pg_is_in_recovery(),
			current_setting('fsync'), current_setting('synchronous_commit'), current_setting('server_encoding'),
			pg_notification_queue_usage(),
			(SELECT relpersistence = 'u' FROM pg_class WHERE oid = $1::regclass),
			(SELECT count(*) FROM (SELECT FROM `+p.table("sessions")+` WHERE expires_at < now() - interval '1 day' LIMIT $2) o)`,
		p.table("sessions"), unswept).Scan(&version, &standby, &durable, &commit, &encoding, &queue, &unlogged, &old)
	if err != nil {
		return nil, err
	}
	warn := func(problem bool, format string, args ...any) {
		if problem {
			warnings = append(warnings, fmt.Sprintf(format, args...))
		}
	}
	warn(version < 130000, "PostgreSQL is older than version 13, which is the oldest that this package is written for")
	warn(standby, "this PostgreSQL is a standby, which takes no writes: name the primary in the address")
	warn(durable == "off" || commit == "off", "PostgreSQL has fsync %s and synchronous_commit %s: after a crash people who had "+
		"signed out would be signed in again. Both have to be on", durable, commit)
	warn(unlogged, "table %s is unlogged: after a crash of PostgreSQL everybody is signed out", p.table("sessions"))
	warn(encoding != "UTF8", "the database has the encoding %s: text that it does not know cannot be saved. Use UTF8", encoding)
	warn(queue > 0.5, "the queue of notifications is %.0f %% full, and when it is full nobody can save: look in pg_stat_activity "+
		"for a connection that listens and is in a transaction for a long time", 100*queue)
	warn(old >= unswept, "%s", unsweptWarning(p.table("sessions")))
	limit := p.db.Stats().MaxOpenConnections
	warn(limit == 1 || limit == 2, "the pool has at most %d connections: a Watch and a Subscribe keep one each, so nothing may be "+
		"left for requests", limit)
	return warnings, nil
}

func (e *sqlite) check(ctx context.Context) (warnings []string, err error) {
	c, err := e.db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	var journal string
	var synchronous, timeout, old int
	for _, q := range []struct {
		query string
		into  any
	}{
		{"PRAGMA journal_mode", &journal},
		{"PRAGMA synchronous", &synchronous},
		{"PRAGMA busy_timeout", &timeout},
		{fmt.Sprintf(`SELECT count(*) FROM (SELECT 1 FROM %s WHERE expires_at < %d LIMIT %d)`,
			e.table("sessions"), e.now()-24*60*60*1000, unswept), &old},
	} {
		if err := c.QueryRowContext(ctx, q.query).Scan(q.into); err != nil {
			return nil, err
		}
	}
	const full, longest = 2, 1000
	if journal != "wal" && journal != "memory" { // which a database in memory has
		warnings = append(warnings, "SQLite has journal_mode "+journal+": readers wait for writers. Call Migrate, which turns WAL on")
	}
	if synchronous < full {
		warnings = append(warnings, "SQLite does not write synchronously: after a power cut people who had signed out may be signed "+
			"in again. Add _pragma=synchronous(FULL) to the address")
	}
	if timeout > longest {
		warnings = append(warnings, fmt.Sprintf("SQLite has a busy_timeout of %d ms, which outlasts the context of a request. Use "+
			"_pragma=busy_timeout(100)", timeout))
	}
	if old >= unswept {
		warnings = append(warnings, unsweptWarning(e.table("sessions")))
	}
	return warnings, nil
}
