package userdb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"
)

// ErrDriver: nothing in this binary speaks to such a database. Import auth/userdb/postgres or auth/userdb/sqlite for it.
var ErrDriver = errors.New("userdb: driver is not imported")

// Option changes a default of [Open].
type Option func(*options)

type options struct {
	conns   int
	migrate bool
}

// WithMaxConns sets how many connections are open at most. Who needs one more waits, as long as his context lets him. All
// processes together must stay below what the server allows (PostgreSQL: max_connections, 100 by default). Default: 20, for
// SQLite 8.
func WithMaxConns(n int) Option { return func(o *options) { o.conns = n } }

// WithoutMigration leaves the schema as it is: for apps that migrate in a step of their own, as a database user who may do
// more. Open then reports a schema that is too old, as [ErrSchema].
func WithoutMigration() Option { return func(o *options) { o.migrate = false } }

// Open opens a database and brings its schema up to date. The address begins with postgres:// or postgresql:// and is what
// pgx understands; or it is sqlite: with the path of a file, which is created when it is missing, readable by its owner
// only. sqlite::memory: is a database for tests that ends with its DB.
//
// Several processes may open one database at the same time; one of them migrates.
func Open(ctx context.Context, address string, opts ...Option) (*DB, error) {
	scheme, rest, _ := strings.Cut(address, ":")
	o := options{conns: 20, migrate: true}
	var driver, source string
	var dialect Dialect
	switch scheme {
	case "postgres", "postgresql":
		dialect, driver, source = Postgres, "pgx", address
	case "sqlite":
		dialect, driver, o.conns = SQLite, "sqlite", 8
		path, err := url.PathUnescape(strings.TrimPrefix(rest, "//"))
		if err != nil {
			return nil, fmt.Errorf("userdb: open: path of the file: %w", err)
		}
		if source, err = sqliteSource(path); err != nil {
			return nil, fmt.Errorf("userdb: open: %w", err)
		}
		if path == inMemory {
			opts = append(opts, WithMaxConns(1)) // each connection would be a database of its own
		}
	default:
		return nil, errors.New("userdb: open: the address begins with none of postgres://, postgresql:// and sqlite: as it must")
	}
	for _, opt := range opts {
		opt(&o)
	}
	if !slices.Contains(sql.Drivers(), driver) {
		return nil, fmt.Errorf("%w: import _ \"github.com/multiaccount-go/multiaccount/auth/userdb/%s\"", ErrDriver, dialect)
	}
	db, err := sql.Open(driver, source)
	if err != nil {
		return nil, fmt.Errorf("userdb: open: %w", err)
	}
	db.SetMaxOpenConns(o.conns)
	db.SetMaxIdleConns(o.conns)
	if dialect == Postgres { // so that the pool follows a server that has moved
		db.SetConnMaxIdleTime(5 * time.Minute)
		db.SetConnMaxLifetime(30 * time.Minute)
	}
	d := New(db, dialect)
	if err := d.prepare(ctx, o.migrate); err != nil {
		_ = db.Close()
		return nil, err
	}
	return d, nil
}

func (d *DB) prepare(ctx context.Context, migrate bool) error {
	if migrate {
		return d.Migrate(ctx)
	}
	return d.checkSchema(ctx)
}

const inMemory = ":memory:"

// sqliteSource returns what the driver opens. The short busy_timeout is for readers, who wait for somebody who recovers the
// log; writers queue in [DB.write], where their contexts count.
func sqliteSource(path string) (string, error) {
	const pragmas = "?_pragma=busy_timeout(100)&_pragma=foreign_keys(1)&_pragma=synchronous(FULL)&_txlock=immediate"
	switch path {
	case "":
		return "", errors.New("the address names no file")
	case inMemory:
		return "file:" + inMemory + pragmas, nil
	}
	// It holds hashes of passwords. SQLite gives the files beside it the same mode.
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return "", err
	}
	if err := file.Close(); err != nil {
		return "", err
	}
	return "file:" + (&url.URL{Path: path}).EscapedPath() + pragmas, nil
}
