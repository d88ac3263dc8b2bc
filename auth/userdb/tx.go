package userdb

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

// runner is a database, a transaction in it, or a connection that is in one.
type runner interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// tx runs statements, which both dialects understand unless they say otherwise.
type tx struct {
	ctx     context.Context
	runner  runner
	dialect Dialect
}

// read runs single statements that need no transaction.
func (d *DB) read(ctx context.Context) tx { return tx{ctx, d.sql, d.dialect} }

// exec returns how many rows a statement has changed.
func (x tx) exec(query string, args ...any) (int64, error) {
	if err := check(args); err != nil {
		return 0, err
	}
	result, err := x.runner.ExecContext(x.ctx, query, args...)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

// row reads one row. sql.ErrNoRows.
func (x tx) row(query string, args []any, into ...any) error {
	if err := check(args); err != nil {
		return err
	}
	return x.runner.QueryRowContext(x.ctx, query, args...).Scan(into...)
}

// rows calls scan for each row.
func (x tx) rows(query string, args []any, scan func(row scanner) error) error {
	if err := check(args); err != nil {
		return err
	}
	rows, err := x.runner.QueryContext(x.ctx, query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

type scanner interface{ Scan(into ...any) error }

// Locks on rows that a statement reads, until its transaction ends. SQLite needs none: there all of a transaction is alone.
const (
	lockReference = " FOR KEY SHARE"     // it must not go away, so that a row may refer to it
	lockChange    = " FOR NO KEY UPDATE" // nobody else changes it, or what hangs on it and is looked at under this lock
	lockAlone     = " FOR UPDATE"        // and nothing new refers to it
)

// locking returns a query that locks what it reads.
func (x tx) locking(query, lock string) string {
	if x.dialect == SQLite {
		return query
	}
	return query + lock
}

// lockTenant and lockUser lock a row. sql.ErrNoRows.
func (x tx) lockTenant(id, lock string) error {
	return x.row(x.locking("SELECT id FROM tenants WHERE id = $1", lock), []any{id}, new(string))
}

func (x tx) lockUser(id, lock string) error {
	return x.row(x.locking("SELECT id FROM users WHERE id = $1", lock), []any{id}, new(string))
}

// at returns a time as the dialect keeps it: in microseconds, rounded down.
func (x tx) at(t time.Time) any {
	if x.dialect == SQLite {
		return t.UnixMicro()
	}
	return precise(t)
}

// precise returns a time as it comes back.
func precise(t time.Time) time.Time { return time.UnixMicro(t.UnixMicro()).UTC() }

// instant reads a time of either dialect.
type instant struct{ t *time.Time }

// Scan implements [sql.Scanner].
func (i instant) Scan(from any) error {
	switch v := from.(type) {
	case time.Time:
		*i.t = v.UTC()
	case int64:
		*i.t = time.UnixMicro(v).UTC()
	default:
		return fmt.Errorf("a time is kept as %T", from)
	}
	return nil
}

// optional is NULL for an empty text.
func optional(s string) any {
	if s == "" {
		return nil
	}
	return s
}
