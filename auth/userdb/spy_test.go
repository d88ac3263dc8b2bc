package userdb_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"testing"

	"github.com/multiaccount-go/multiaccount/auth/userdb"
)

// spy sees every statement before the database does, and may fail in its place.
type spy struct {
	driver.Connector
	before func(query string, args []any) error // nil: nothing
}

// spied opens a database that is up to date through a spy.
func spied(t testing.TB, address string) (*userdb.DB, *spy) {
	t.Helper()
	open(t, address)
	dialect, connector, err := connectorTo(address)
	if err != nil {
		t.Fatal(err)
	}
	return watch(t, dialect, connector)
}

// connectorTo returns what connects to a database, without the options of userdb.Open.
func connectorTo(address string) (userdb.Dialect, driver.Connector, error) {
	dialect, name, source := userdb.Postgres, "pgx", address
	if path, ok := cutScheme(address); ok {
		dialect, name = userdb.SQLite, "sqlite"
		source = "file:" + path + "?_pragma=busy_timeout(100)&_pragma=synchronous(OFF)"
	}
	pool, err := sql.Open(name, "")
	if err != nil {
		return "", nil, err
	}
	defer pool.Close()
	if d, ok := pool.Driver().(driver.DriverContext); ok {
		connector, err := d.OpenConnector(source)
		return dialect, connector, err
	}
	return dialect, dsnConnector{source, pool.Driver()}, nil
}

func cutScheme(address string) (path string, isSQLite bool) {
	const scheme = "sqlite:"
	if len(address) > len(scheme) && address[:len(scheme)] == scheme {
		return address[len(scheme):], true
	}
	return "", false
}

// watch sets a spy before what connects to a database.
func watch(t testing.TB, dialect userdb.Dialect, connector driver.Connector) (*userdb.DB, *spy) {
	t.Helper()
	s := &spy{Connector: connector}
	db := userdb.New(sql.OpenDB(s), dialect)
	t.Cleanup(func() {
		awaitIdle(t, db)
		_ = db.Close()
	})
	return db, s
}

// dsnConnector connects by a driver that knows no connectors.
type dsnConnector struct {
	source string
	driver driver.Driver
}

func (c dsnConnector) Connect(context.Context) (driver.Conn, error) { return c.driver.Open(c.source) }
func (c dsnConnector) Driver() driver.Driver                        { return c.driver }

func (s *spy) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := s.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	whole, ok := conn.(wholeConn)
	if !ok {
		return nil, errors.New("the driver's connections cannot do what this test needs")
	}
	return &spyConn{whole, s}, nil
}

func (s *spy) look(query string, args []driver.NamedValue) error {
	if s.before == nil {
		return nil
	}
	values := make([]any, len(args))
	for i, arg := range args {
		values[i] = arg.Value
	}
	return s.before(query, values)
}

// wholeConn is what both drivers' connections can do.
type wholeConn interface {
	driver.Conn
	driver.ConnBeginTx
	driver.ExecerContext
	driver.QueryerContext
}

type spyConn struct {
	wholeConn
	spy *spy
}

func (c *spyConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	if err := c.spy.look(query, args); err != nil {
		return nil, err
	}
	return c.wholeConn.ExecContext(ctx, query, args)
}

func (c *spyConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	if err := c.spy.look(query, args); err != nil {
		return nil, err
	}
	return c.wholeConn.QueryContext(ctx, query, args)
}

func (c *spyConn) BeginTx(ctx context.Context, opts driver.TxOptions) (driver.Tx, error) {
	if err := c.spy.look("BEGIN", nil); err != nil {
		return nil, err
	}
	t, err := c.wholeConn.BeginTx(ctx, opts)
	return spyTx{t, c.spy}, err
}

// CheckNamedValue leaves values to the driver: that of PostgreSQL takes lists.
func (c *spyConn) CheckNamedValue(v *driver.NamedValue) error {
	if checker, ok := c.wholeConn.(driver.NamedValueChecker); ok {
		return checker.CheckNamedValue(v)
	}
	return driver.ErrSkip
}

type spyTx struct {
	driver.Tx
	spy *spy
}

func (t spyTx) Commit() error {
	if err := t.spy.look("COMMIT", nil); err != nil {
		_ = t.Rollback() // as when the connection breaks
		return err
	}
	return t.Tx.Commit()
}
