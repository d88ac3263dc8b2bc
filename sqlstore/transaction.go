package sqlstore

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"time"
)

// runner is a connection that is in a transaction.
type runner interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// write runs a function in a transaction that is the only one that writes, from its beginning on.
func (e *sqlite) write(ctx context.Context, do func(x runner) error) (err error) {
	select {
	case e.writing <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-e.writing }()
	c, err := e.db.Conn(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	if err := begin(ctx, c); err != nil {
		return err
	}
	defer func() { err = end(ctx, c, err) }()
	if err := do(c); err != nil {
		return err
	}
	return ctx.Err()
}

// begin waits for other stores and processes that write, until ctx ends.
func begin(ctx context.Context, c *sql.Conn) error {
	const pause = 2 * time.Millisecond
	for {
		_, err := c.ExecContext(ctx, "BEGIN IMMEDIATE")
		if !isBusy(err) {
			return err
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// end commits, or takes everything back after an error. It is a matter of the disk and does not look at the context: an end
// that was interrupted would leave open what has happened.
func end(ctx context.Context, c *sql.Conn, err error) error {
	ctx = context.WithoutCancel(ctx)
	if err == nil {
		if _, err = c.ExecContext(ctx, "COMMIT"); err == nil {
			return nil
		}
	}
	if _, stuck := c.ExecContext(ctx, "ROLLBACK"); stuck != nil {
		_ = c.Raw(func(any) error { return driver.ErrBadConn }) // nobody gets this connection with what is open on it
	}
	return err
}
