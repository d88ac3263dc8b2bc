package sqlstore_test

import (
	"database/sql"
	"errors"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/multiaccount-go/multiaccount/account"
	"github.com/multiaccount-go/multiaccount/internal/postgres"
	"github.com/multiaccount-go/multiaccount/sqlstore"
)

func TestMigratingAgainChangesNothing(t *testing.T) {
	onEach(t, func(t *testing.T, e engine, store *sqlstore.Store, db *sql.DB) {
		s, _ := signedIn(t, store, "alice")
		for range 3 {
			if err := store.Migrate(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := store.Load(t.Context(), s.ID); err != nil {
			t.Errorf("the session is gone: %v", err)
		}
	})
}

// Each has a pool of its own, as a process has.
func TestManyMigrateAnEmptyDatabaseAtOnce(t *testing.T) {
	for _, e := range []engine{onPostgres, onSQLite} {
		t.Run(e.name, func(t *testing.T) {
			address := e.make(t)
			var wg sync.WaitGroup
			begin := make(chan struct{})
			for range 12 {
				db := e.open(t, address)
				if err := db.PingContext(t.Context()); err != nil { // so that they are as near to each other as can be
					t.Fatal(err)
				}
				store := e.on(db, quiet)
				wg.Go(func() {
					<-begin
					if err := store.Migrate(t.Context()); err != nil {
						t.Error(err)
					}
				})
			}
			close(begin)
			wg.Wait()
			signedIn(t, e.store(t, address), "alice")
		})
	}
}

func TestNamespacesKeepApplicationsApart(t *testing.T) {
	onEach(t, func(t *testing.T, e engine, ours *sqlstore.Store, db *sql.DB) {
		theirs := e.on(db, quiet, sqlstore.WithNamespace("theirs"))
		if err := theirs.Migrate(t.Context()); err != nil {
			t.Fatal(err)
		}
		hears := watch(t, theirs)
		s, _ := signedIn(t, ours, "alice")
		if _, err := theirs.Load(t.Context(), s.ID); !errors.Is(err, account.ErrNotFound) {
			t.Errorf("got %v, want ErrNotFound", err)
		}
		if ids, err := theirs.SessionsOf(t.Context(), "alice"); err != nil || len(ids) != 0 {
			t.Errorf("got %v, %v, want none", ids, err)
		}
		their, _ := signedIn(t, theirs, "alice")
		hears.versions(t, their.ID, their.Version)
		if got := hears.changes(s.ID); len(got) != 0 {
			t.Errorf("heard of a session of others: %v", got)
		}
	})
}

// The app's role may do as little as the operator wants: the schema is there, and the view is all that a reader sees.
func TestRolesOfPostgreSQL(t *testing.T) {
	server := postgres.Shared(t)
	address := server.NewDatabase(t)
	owner := onPostgres.open(t, address)
	name := address[strings.LastIndex(address, "/")+1:]
	app, reader := "app_"+name, "reader_"+name
	for _, statement := range []string{
		"CREATE ROLE " + app + " LOGIN PASSWORD 'app'", "CREATE ROLE " + reader + " LOGIN PASSWORD 'reader'",
		"REVOKE ALL ON DATABASE " + name + " FROM PUBLIC", "GRANT CONNECT ON DATABASE " + name + " TO " + app + ", " + reader,
		"CREATE SCHEMA multiaccount AUTHORIZATION " + app,
	} {
		run(t, owner, statement)
	}
	as := func(role, password string) *sql.DB {
		u, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		u.User = url.UserPassword(role, password)
		return onPostgres.open(t, u.String())
	}
	db := as(app, "app")
	store := sqlstore.PostgreSQL(db, quiet)
	if err := store.Migrate(t.Context()); err != nil {
		t.Fatalf("migrate as a role that may not create a schema: %v", err)
	}
	linked(t, store, "alice", "bob")
	run(t, db, "GRANT USAGE ON SCHEMA multiaccount TO "+reader)
	run(t, db, "GRANT SELECT ON multiaccount.linked_accounts TO "+reader)
	reads := as(reader, "reader")
	if n := count(t, reads, "SELECT count(*) FROM multiaccount.linked_accounts"); n != 1 {
		t.Errorf("a reader sees %d rows, want 1", n)
	}
	if _, err := reads.ExecContext(t.Context(), "SELECT data FROM multiaccount.sessions"); err == nil {
		t.Error("who may read the view may read the sessions too")
	}
}
