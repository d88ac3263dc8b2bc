package main

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"modernc.org/sqlite"

	"github.com/multiaccount-go/multiaccount/internal/postgres"
	"github.com/multiaccount-go/multiaccount/sqlstore"
)

func (b *bench) postgresSide() (*storeSide, error) {
	server, err := postgres.Start()
	if err != nil {
		return nil, err
	}
	side, err := b.postgresAt(server)
	if err != nil {
		server.Stop()
	}
	return side, err
}

func (b *bench) postgresAt(server *postgres.Server) (*storeSide, error) {
	config, err := pgx.ParseConfig(server.URL())
	if err != nil {
		return nil, err
	}
	alone := stdlib.OpenDB(*config)
	for _, statement := range []string{"ALTER SYSTEM SET fsync = on", "SELECT pg_reload_conf()"} {
		if _, err := alone.ExecContext(b.ctx, statement); err != nil {
			return nil, errors.Join(err, alone.Close())
		}
	}
	var trips tripCounter
	tracer := &pgTape{to: alone}
	config.DialFunc, config.Tracer = trips.dial, tracer
	db := stdlib.OpenDB(*config)
	store := sqlstore.PostgreSQL(db)
	closeAll := func() { db.Close(); alone.Close() }
	if err := store.Migrate(b.ctx); err != nil {
		closeAll()
		return nil, err
	}
	return &storeSide{
		name: "PostgreSQL", store: store, trips: trips.n.Load, tape: &tracer.tape,
		close: func() { closeAll(); server.Stop() },
		busy: func() (time.Duration, error) { // of the process that serves this one connection
			var pid int
			const question = "SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
			if err := alone.QueryRowContext(b.ctx, question).Scan(&pid); err != nil {
				return 0, err
			}
			return cpuOf(pid)
		},
		used: func() (n int64, err error) {
			err = alone.QueryRowContext(b.ctx, `SELECT sum(pg_total_relation_size(oid))::bigint FROM pg_class
				WHERE relnamespace = 'multiaccount'::regnamespace AND relkind = 'r'`).Scan(&n)
			return n, err
		},
	}, nil
}

// pgTape is a tracer of pgx that remembers statements.
type pgTape struct {
	tape
	to *sql.DB // that repeats them
}

func (t *pgTape) TraceQueryStart(ctx context.Context, _ *pgx.Conn, q pgx.TraceQueryStartData) context.Context {
	var args []any
	for _, arg := range q.Args {
		if _, option := arg.(pgx.QueryResultFormats); !option {
			args = append(args, arg)
		}
	}
	t.add(func(ctx context.Context) error { return readAll(t.to.QueryContext(ctx, q.SQL, args...)) })
	return ctx
}

func (t *pgTape) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

// readAll reads the rows of an answer without looking at them.
func readAll(rows *sql.Rows, err error) error {
	if err != nil {
		return err
	}
	for rows.Next() {
	}
	return errors.Join(rows.Err(), rows.Close())
}

func (b *bench) sqliteSide() (*storeSide, error) {
	dir, err := os.MkdirTemp("", "bench-sqlite-")
	if err != nil {
		return nil, err
	}
	file := "file:" + filepath.Join(dir, "sessions.db") + "?_pragma=busy_timeout(100)&_pragma=synchronous(FULL)"
	alone := sql.OpenDB(sqliteFile{file, nil})
	alone.SetMaxOpenConns(1) // its statements belong to one transaction
	recorder := &sqliteTape{to: alone}
	db := sql.OpenDB(sqliteFile{file, recorder})
	store := sqlstore.SQLite(db)
	closeAll := func() { db.Close(); alone.Close(); os.RemoveAll(dir) }
	if err := store.Migrate(b.ctx); err != nil {
		closeAll()
		return nil, err
	}
	return &storeSide{
		name: "SQLite", store: store, tape: &recorder.tape, close: closeAll,
		used: func() (n int64, err error) {
			err = alone.QueryRowContext(b.ctx, `SELECT (SELECT page_count FROM pragma_page_count) *
				(SELECT page_size FROM pragma_page_size)`).Scan(&n)
			return n, err
		},
	}, nil
}

// sqliteFile makes connections to a file, which a tape may listen to.
type sqliteFile struct {
	name string
	tape *sqliteTape
}

func (f sqliteFile) Driver() driver.Driver { return &sqlite.Driver{} }

func (f sqliteFile) Connect(context.Context) (driver.Conn, error) {
	conn, err := f.Driver().Open(f.name)
	if err != nil || f.tape == nil {
		return conn, err
	}
	full, ok := conn.(sqliteConn)
	if !ok {
		return nil, fmt.Errorf("a connection of SQLite is a %T, which cannot be listened to", conn)
	}
	return &heardConn{full, f.tape}, nil
}

// sqliteConn is what the driver's connections can do, and a heard one must be able to do too.
type sqliteConn interface {
	driver.Conn
	driver.ConnBeginTx
	driver.ConnPrepareContext
	driver.ExecerContext
	driver.QueryerContext
	driver.Pinger
	driver.SessionResetter
	driver.Validator
}

// heardConn tells a tape what it is asked.
type heardConn struct {
	sqliteConn
	tape *sqliteTape
}

func (c *heardConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	c.tape.hear(args, func(ctx context.Context, args []any) error {
		_, err := c.tape.to.ExecContext(ctx, query, args...)
		return err
	})
	return c.sqliteConn.ExecContext(ctx, query, args)
}

func (c *heardConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	c.tape.hear(args, func(ctx context.Context, args []any) error {
		return readAll(c.tape.to.QueryContext(ctx, query, args...))
	})
	return c.sqliteConn.QueryContext(ctx, query, args)
}

// sqliteTape remembers the statements of a connection.
type sqliteTape struct {
	tape
	to *sql.DB // that repeats them
}

func (t *sqliteTape) hear(named []driver.NamedValue, again func(context.Context, []any) error) {
	args := make([]any, len(named))
	for i, arg := range named {
		args[i] = arg.Value
	}
	t.add(func(ctx context.Context) error { return again(ctx, args) })
}
