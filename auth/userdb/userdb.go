// Package userdb keeps users and tenants in SQL: PostgreSQL 13 or later (tested with 15), or SQLite. One schema serves both
// seams, [auth.Store] and [tenant.Store], so that a registration creates a tenant, its owner and the membership, or nothing:
//
//	import (
//		"github.com/multiaccount-go/multiaccount/auth/userdb"
//		_ "github.com/multiaccount-go/multiaccount/auth/userdb/postgres" // or …/userdb/sqlite
//	)
//
//	db, err := userdb.Open(ctx, "postgres://app:secret@db.internal/app") // or "sqlite:/var/lib/app/users.db"
//	defer db.Close()
//	users, tenants := db.Users(), db.Tenants()
//
// Only the driver that is imported gets into the binary. An app that has a *sql.DB already gives it to [New].
//
// The rules are constraints of the schema, not looks before a leap: keys of names and addresses are unique, nobody is
// without a tenant, roles and states are those that exist. What breaks one comes back as the error of the seam.
//
// Tables: tenants, users, memberships, invitations, identities, tokens, and userdb_versions of the migrations. An app with
// tables of these names gives this package a schema of its own (PostgreSQL: ?search_path=… in the address). More about a
// user goes into a table of the app that references users (id) ON DELETE CASCADE.
//
// Every call returns soon after its context ends, and has no other limit; give every request one. Only who waits for other
// processes that write to SQLite gives up after ten seconds. Texts of errors are for the log: they name what failed, never
// passwords or what people typed.
package userdb

import (
	"context"
	"database/sql"

	"github.com/multiaccount-go/multiaccount/auth"
	"github.com/multiaccount-go/multiaccount/tenant"
)

// Dialect says what a *sql.DB speaks.
type Dialect string

// The dialects, with the drivers they are made for and tested with.
const (
	Postgres Dialect = "postgres" // github.com/jackc/pgx/v5/stdlib
	SQLite   Dialect = "sqlite"   // modernc.org/sqlite
)

// DB is a database with users and tenants. It is safe for concurrent use, also by several processes on one database.
type DB struct {
	sql     *sql.DB
	dialect Dialect
	// writing queues the writers of this process for SQLite, which has one at a time and lets the others poll.
	writing chan struct{}
}

// New works on a database that the caller has opened and goes on to own. It does no I/O; call [DB.Migrate] before the first
// use. Of SQLite it expects WAL mode, and a busy_timeout of at most some 100 milliseconds, since a wait inside of SQLite
// outlasts a context; foreign keys it turns on itself for what it writes.
func New(db *sql.DB, dialect Dialect) *DB {
	return &DB{sql: db, dialect: dialect, writing: make(chan struct{}, 1)}
}

// SQL returns the database below, for its pool's limits and statistics and for tables of the app beside these.
func (d *DB) SQL() *sql.DB { return d.sql }

// Close closes the database below.
func (d *DB) Close() error { return d.sql.Close() }

// Ping reports whether the database answers.
func (d *DB) Ping(ctx context.Context) error { return failed(ctx, "ping", d.sql.PingContext(ctx)) }

// Users returns the users.
func (d *DB) Users() *Users { return &Users{d} }

// Tenants returns the tenants.
func (d *DB) Tenants() *Tenants { return &Tenants{d} }

// Users is the [auth.Store] of a [DB].
type Users struct{ db *DB }

// Tenants is the [tenant.Store] of a [DB].
type Tenants struct{ db *DB }

var (
	_ auth.Store    = (*Users)(nil)
	_ auth.Rehasher = (*Users)(nil)
	_ tenant.Store  = (*Tenants)(nil)
)
