package userdb

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"
)

// retries is how often a transaction is tried that PostgreSQL ends in favour of another one.
const retries = 10

// write runs a function in a transaction. The function may run several times, so it must not do anything else.
//
// In PostgreSQL every statement sees what was committed before it began. Who looks before he writes has to lock what he
// looks at, in this order, which keeps writers from waiting for each other in a circle: tenants, then users, then the rest.
// Where that cannot be had PostgreSQL ends one of them, who tries again.
func (d *DB) write(ctx context.Context, do func(x tx) error) error {
	once := d.writePostgres
	if d.dialect == SQLite {
		once = d.writeSQLite
	}
	for try := 1; ; try++ {
		err := once(ctx, do)
		if !isPassing(err) || try == retries {
			return err
		}
		if err := pause(ctx, time.Duration(try)*10*time.Millisecond); err != nil {
			return err
		}
	}
}

func (d *DB) writePostgres(ctx context.Context, do func(x tx) error) error {
	t, err := d.sql.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelReadCommitted})
	switch {
	case errors.Is(err, driver.ErrBadConn):
		return fmt.Errorf("%w: %w", errNotBegun, err)
	case err != nil:
		return err
	}
	if err := do(tx{ctx, t, Postgres}); err != nil {
		_ = t.Rollback() // what matters is told; a connection on which it fails is not used again
		return err
	}
	return t.Commit()
}

// writeSQLite takes the lock for writing before it reads anything: a transaction that reads first and finds the lock taken
// later could only fail.
func (d *DB) writeSQLite(ctx context.Context, do func(x tx) error) (err error) {
	select {
	case d.writing <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-d.writing }()
	conn, err := d.sql.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := begin(ctx, conn); err != nil {
		return err
	}
	// The end is a matter of the disk. An end that was interrupted would leave open what has happened.
	unhurried := context.WithoutCancel(ctx)
	defer func() {
		if err == nil {
			_, err = conn.ExecContext(unhurried, "COMMIT")
		}
		if err == nil {
			return
		}
		if _, stuck := conn.ExecContext(unhurried, "ROLLBACK"); stuck != nil {
			_ = conn.Raw(func(any) error { return driver.ErrBadConn }) // nobody gets this connection with what is open on it
		}
	}()
	if err := do(tx{ctx, conn, SQLite}); err != nil {
		return err
	}
	return ctx.Err()
}

// begin waits for the processes that write until the context ends, at most for ten seconds.
func begin(ctx context.Context, conn *sql.Conn) error {
	if _, err := conn.ExecContext(ctx, "PRAGMA foreign_keys = ON"); err != nil { // of the connection; off by default
		return err
	}
	const patience = 10 * time.Second
	for start := time.Now(); ; {
		_, err := conn.ExecContext(ctx, "BEGIN IMMEDIATE")
		if err == nil || !isBusy(err) || time.Since(start) > patience {
			return err
		}
		if err := pause(ctx, 5*time.Millisecond); err != nil {
			return err
		}
	}
}

// pause waits for some time around d, less when the context ends.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d/2 + rand.N(d))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
