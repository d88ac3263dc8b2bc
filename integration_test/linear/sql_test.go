package linear_test

import (
	"database/sql"
	"io"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver
	_ "modernc.org/sqlite"             // the driver

	"github.com/multiaccount-go/multiaccount/account"
	"github.com/multiaccount-go/multiaccount/internal/postgres"
	"github.com/multiaccount-go/multiaccount/sqlstore"
)

func TestMain(m *testing.M) {
	code := m.Run()
	postgres.StopShared()
	os.Exit(code)
}

var quiet = sqlstore.WithLogger(slog.New(slog.NewTextHandler(io.Discard, nil)))

func open(t *testing.T, driver, address string) *sql.DB {
	t.Helper()
	db, err := sql.Open(driver, address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func migrated(t *testing.T, store *sqlstore.Store) *sqlstore.Store {
	t.Helper()
	if err := store.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return store
}

// onPostgreSQL is a PostgreSQL that each process reaches over a wire of its own.
func onPostgreSQL(t *testing.T) backend {
	address := postgres.Shared(t).NewDatabase(t)
	calm := migrated(t, sqlstore.PostgreSQL(open(t, "pgx", address), quiet))
	direct, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	handles := make([]account.Store, clients)
	for i := range handles {
		failing := *direct
		failing.Host = wire(t, direct.Host)
		handles[i] = sqlstore.PostgreSQL(open(t, "pgx", failing.String()), quiet)
	}
	return backend{calm, func(client int) account.Store { return handles[client] }}
}

// inFile is a SQLite file that several stores have open. It has no wire; what fails is between the store and who asks.
func inFile(t *testing.T) backend {
	address := "file:" + filepath.Join(t.TempDir(), "sessions.db") + "?_pragma=busy_timeout(100)"
	calm := migrated(t, sqlstore.SQLite(open(t, "sqlite", address), quiet))
	handles := make([]account.Store, clients)
	for i := range handles {
		handles[i] = unsure{sqlstore.SQLite(open(t, "sqlite", address), quiet)}
	}
	return backend{calm, func(client int) account.Store { return handles[client] }}
}
