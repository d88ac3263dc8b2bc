// Package sqlstore keeps sessions in SQL: in PostgreSQL 13 or later (tested with 15) for any number of nodes, or in SQLite
// for one node.
//
//	db, err := sql.Open("pgx", "postgres://app:secret@db.internal/app") // import _ "github.com/jackc/pgx/v5/stdlib"
//	store := sqlstore.PostgreSQL(db)
//	err = store.Migrate(ctx)
//	go store.Run(ctx) // removes what has expired
//
// With PostgreSQL an app on several nodes needs nothing else: [NewBus] carries the messages of live views, and [NewCounter]
// keeps the counts of tries at signing in.
//
// A session is one row. A save compares, writes and tells every watcher in one statement, over NOTIFY in PostgreSQL and
// over a table in SQLite. Times are the database's: clocks of nodes may differ. What has expired is never answered, whether
// [Store.Sweep] has removed it or not.
//
// # Reading
//
// The view linked_accounts shows in plain rows which accounts are linked to which, for people and programs that report or
// investigate: primary_account, linked_account, session, status, current, method, scope, linked_at, authenticated_at,
// deadline, seen_at, expires_at. The first three together are unique. The session is the pseudonym that the events of the
// audit trail have, not the id in the cookie. The view reads every session, so it is for reports, not for requests. A
// session of one account has no row. In PostgreSQL the view is multiaccount.linked_accounts, and a reader needs USAGE on that
// schema too; in SQLite it is multiaccount_linked_accounts, and times are Unix milliseconds.
//
// # Pools
//
// The caller owns the *sql.DB: nothing here closes it. Every call returns soon after its context ends, and has no other
// limit. In PostgreSQL each [Store.Watch] and each [Bus.Subscribe] keeps one connection of the pool, so a limit of the pool
// has to be at least two above what requests need. LISTEN needs a connection of its own: between here and the server may be
// a pooler in session mode, but none in transaction mode.
package sqlstore

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"time"

	"github.com/multiaccount-go/multiaccount/account"
)

// Store is an [account.Store] on a SQL database, with the powers of [account.Index] and [account.BatchLoader]. It is safe
// for concurrent use. Make it with [PostgreSQL] or [SQLite].
type Store struct {
	conn
	engine engine
}

var (
	_ account.Store       = (*Store)(nil)
	_ account.Index       = (*Store)(nil)
	_ account.BatchLoader = (*Store)(nil)
)

// engine is what the dialects do in their own ways. Errors are the driver's; [Store] says what they mean.
type engine interface {
	load(ctx context.Context, id account.SessionID) (row, error) // sql.ErrNoRows
	loadMany(ctx context.Context, ids []account.SessionID) (map[account.SessionID]row, error)
	save(ctx context.Context, w write) (bool, error)
	// delete tells notice, which ends where the version belongs.
	delete(ctx context.Context, id account.SessionID, notice string) (bool, error)
	touch(ctx context.Context, id account.SessionID, seen time.Time, ttl time.Duration) (bool, error)
	enlist(ctx context.Context, account []byte, id account.SessionID, life time.Duration) error
	sessionsOf(ctx context.Context, account []byte) ([]account.SessionID, error)
	watch(ctx context.Context, fn func(account.Change)) error
	migrate(ctx context.Context) error
	sweep(ctx context.Context, limit int) (int, error)
	check(ctx context.Context) ([]string, error)
}

// PostgreSQL returns a store on a database that was opened with the driver of pgx, and which the caller goes on to own. It
// does no I/O; call [Store.Migrate] before the first use. What cannot work is reported by [Store.Validate] and by every
// method.
func PostgreSQL(db *sql.DB, opts ...Option) *Store {
	s := &Store{conn: newConn(db, opts)}
	s.engine = &postgres{&s.conn}
	return s
}

// SQLite returns a store on a database that was opened with modernc.org/sqlite, and which the caller goes on to own. It
// does no I/O; call [Store.Migrate] before the first use. What cannot work is reported by [Store.Validate] and by every
// method.
//
// It is for one node: the file must not lie on a network. Changes are told at once within a Store, so a process shares one;
// another Store, and another process on the same node, hears them within a quarter of a second. One process writes at a time.
//
// Open the database with a short busy timeout, since a wait inside of SQLite outlasts a context, and with synchronous
// writes, since a sign-out must outlive a power cut:
//
//	sql.Open("sqlite", "file:sessions.db?_pragma=busy_timeout(100)&_pragma=synchronous(FULL)")
func SQLite(db *sql.DB, opts ...Option) *Store {
	s := &Store{conn: newConn(db, opts)}
	s.engine = newSQLite(&s.conn)
	return s
}

// Validate reports everything about the database and the options that cannot work, all at once.
func (s *Store) Validate() error { return s.invalid }

// Option changes a default of [PostgreSQL], [SQLite], [NewBus] or [NewCounter].
type Option func(*conn)

// WithNamespace sets where tables are kept: in PostgreSQL in a schema of that name, in SQLite in tables whose names begin
// with it and an underscore. Up to 32 small letters, digits and underscores, a letter first, and no word of SQL. Two
// applications in one database need two; all processes of one need the same. Default: "multiaccount".
func WithNamespace(name string) Option { return func(c *conn) { c.namespace = name } }

// WithLogger sets where lost connections and malformed messages are reported. Default: slog.Default().
func WithLogger(log *slog.Logger) Option { return func(c *conn) { c.log = log } }

// WithProbe sets how often the connection of a Watch or a Subscribe to PostgreSQL is probed when nothing comes over it. One
// that has answered nothing for three times as long is given up for a new one. Default: 3 seconds.
func WithProbe(every time.Duration) Option { return func(c *conn) { c.probe = every } }

// conn is what the store, the bus and the counter share: a database that is not ours, and how to use it.
type conn struct {
	db        *sql.DB
	namespace string
	log       *slog.Logger
	probe     time.Duration
	invalid   error
}

func newConn(db *sql.DB, opts []Option) conn {
	c := conn{db: db, namespace: "multiaccount", probe: 3 * time.Second}
	for _, option := range opts {
		option(&c)
	}
	c.log = cmp.Or(c.log, slog.Default())
	c.invalid = c.validate()
	return c
}

// plain is a name that needs no quotes.
var plain = regexp.MustCompile(`^[a-z][a-z0-9_]{0,31}$`)

func (c *conn) validate() error {
	var errs []error
	if c.db == nil {
		errs = append(errs, errors.New("sqlstore: the database is nil: open one with sql.Open"))
	}
	if !plain.MatchString(c.namespace) {
		errs = append(errs, fmt.Errorf("sqlstore: namespace is %q: use up to 32 of a-z, 0-9 and _, a letter first", c.namespace))
	}
	if c.probe <= 0 {
		errs = append(errs, fmt.Errorf("sqlstore: probe interval is %v: use a positive time", c.probe))
	}
	return errors.Join(errs...)
}
