package sqlstore_test

import (
	"database/sql"
	"io"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // driver
	_ "modernc.org/sqlite"             // driver

	"github.com/multiaccount-go/multiaccount/account"
	"github.com/multiaccount-go/multiaccount/internal/postgres"
	"github.com/multiaccount-go/multiaccount/sqlstore"
)

func TestMain(m *testing.M) {
	if address := os.Getenv(saverEnv); address != "" {
		saveForEver(address)
	}
	code := m.Run()
	postgres.StopShared()
	os.Exit(code)
}

var quiet = sqlstore.WithLogger(slog.New(slog.NewTextHandler(io.Discard, nil)))

// engine is a kind of database.
type engine struct {
	name string
	make func(t testing.TB) (address string) // of an empty database
	open func(t testing.TB, address string) *sql.DB
	on   func(db *sql.DB, opts ...sqlstore.Option) *sqlstore.Store
}

var (
	onPostgres = engine{"PostgreSQL", func(t testing.TB) string { return postgres.Shared(t).NewDatabase(t) }, opened("pgx"), sqlstore.PostgreSQL}
	onSQLite   = engine{"SQLite", func(t testing.TB) string {
		path := filepath.Join(t.TempDir(), "sessions.db")
		return "file:" + (&url.URL{Path: path}).EscapedPath() + "?_pragma=busy_timeout(100)&_pragma=synchronous(FULL)"
	}, opened("sqlite"), sqlstore.SQLite}
)

func opened(driver string) func(t testing.TB, address string) *sql.DB {
	return func(t testing.TB, address string) *sql.DB {
		t.Helper()
		db, err := sql.Open(driver, address)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = db.Close() })
		return db
	}
}

// store returns a store on a pool of its own, as another process has one.
func (e engine) store(t testing.TB, address string) *sqlstore.Store {
	return e.on(e.open(t, address), quiet)
}

// migrated returns the address of a database with our tables.
func (e engine) migrated(t testing.TB) string {
	t.Helper()
	address := e.make(t)
	if err := e.store(t, address).Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return address
}

// onEach runs a test on both engines, with a store and its database.
func onEach(t *testing.T, test func(t *testing.T, e engine, store *sqlstore.Store, db *sql.DB)) {
	t.Helper()
	for _, e := range []engine{onPostgres, onSQLite} {
		t.Run(e.name, func(t *testing.T) {
			db := e.open(t, e.migrated(t))
			test(t, e, e.on(db, quiet), db)
		})
	}
}

// signedIn makes a session of an account and returns it with its cookie.
func signedIn(t testing.TB, store account.Store, accountID string) (*account.Session, account.Cookie) {
	t.Helper()
	out, err := account.NewManager(store, account.Options{}).SignIn(t.Context(), nil, nil, accountID, "password")
	if err != nil {
		t.Fatalf("sign in: %v", err)
	}
	return out.Session, *out.Cookie
}

// bump saves a session with the next version.
func bump(t testing.TB, store account.Store, s *account.Session) {
	t.Helper()
	s.Version++
	if err := store.Save(t.Context(), s, time.Hour); err != nil {
		t.Fatalf("save: %v", err)
	}
}

// run runs a statement beside the store.
func run(t testing.TB, db *sql.DB, query string, args ...any) {
	t.Helper()
	if _, err := db.ExecContext(t.Context(), query, args...); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
}

// count returns the number that a query answers.
func count(t testing.TB, db *sql.DB, query string, args ...any) (n int) {
	t.Helper()
	if err := db.QueryRowContext(t.Context(), query, args...).Scan(&n); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return n
}

func eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); !holds(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("still not after 30 seconds: %s", what)
		}
	}
}
