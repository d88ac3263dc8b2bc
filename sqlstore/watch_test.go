package sqlstore_test

import (
	"context"
	"database/sql"
	"errors"
	"net"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/multiaccount-go/multiaccount/account"
	"github.com/multiaccount-go/multiaccount/internal/postgres"
	"github.com/multiaccount-go/multiaccount/sqlstore"
)

// killListeners ends the connections that listen, and returns how many there were.
func killListeners(t testing.TB, db *sql.DB) int {
	t.Helper()
	return count(t, db, `SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
		WHERE datname = current_database() AND query LIKE 'LISTEN%' AND pid <> pg_backend_pid()`)
}

func TestWatchSurvivesAKilledConnection(t *testing.T) {
	address := onPostgres.migrated(t)
	db := onPostgres.open(t, address)
	// Without a probe LISTEN stays the last statement of its connection, by which killListeners finds it.
	store := sqlstore.PostgreSQL(onPostgres.open(t, address), quiet, sqlstore.WithProbe(time.Hour))
	s, _ := signedIn(t, store, "alice")
	e := watch(t, store)
	for round := 1; round <= 3; round++ {
		if n := killListeners(t, db); n != 1 {
			t.Fatalf("%d connections listen, want 1", n)
		}
		e.awaitResyncs(t, round+1)
		first := s.Version + 1
		for range 50 {
			bump(t, store, s)
		}
		got := e.versions(t, s.ID, s.Version)
		if i := slices.Index(got, first); i < 0 || len(got)-i != 50 {
			t.Errorf("after the resync: heard %d of 50 changes", len(got)-i)
		}
		if got := e.resyncCount(); got != round+1 {
			t.Errorf("after %d kills: got %d resyncs, want %d: one for each connection", round, got, round+1)
		}
	}
}

func TestWatchAndStoreSurviveACrashOfTheServer(t *testing.T) {
	server, err := postgres.Start()
	if err != nil {
		t.Fatal(err)
	}
	defer server.Stop()
	store := onPostgres.store(t, server.NewDatabase(t))
	if err := store.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	s, _ := signedIn(t, store, "alice")
	id := s.ID
	e := watch(t, store)
	saved := make(chan struct{})
	go func() { // saves until the server is gone
		defer close(saved)
		for next := *s; ; *s = next {
			next.Version++
			if err := store.Save(t.Context(), &next, time.Hour); err != nil {
				if !saysNothing(err) {
					t.Errorf("while the server ends: got %v, want an error that says nothing about the session", err)
				}
				return
			}
		}
	}()
	eventually(t, "some saves are heard", func() bool { return len(e.changes(id)) > 10 })
	server.Crash()
	<-saved
	if _, err := store.Load(t.Context(), s.ID); !saysNothing(err) {
		t.Errorf("while the server is down: got %v, want an error that says nothing about the session", err)
	}
	if err := server.Restart(); err != nil {
		t.Fatal(err)
	}
	e.awaitResyncs(t, 2)
	var after *account.Session
	eventually(t, "the store answers again", func() bool { after, err = store.Load(t.Context(), s.ID); return err == nil })
	// The last one was saved whole, or not at all: its answer got lost.
	if d := after.Version - s.Version; d < 0 || d > 1 || after.Revision-s.Revision != d {
		t.Errorf("version %d and revision %d after %d and %d were saved", after.Version, after.Revision, s.Version, s.Revision)
	}
	bump(t, store, after)
	e.versions(t, s.ID, after.Version)
}

// A link that breaks without a sign is noticed by its silence, and one on which nothing happens is left alone.
func TestWatchNoticesASilentLink(t *testing.T) {
	address := onPostgres.migrated(t)
	w, far := wired(t, address)
	store := sqlstore.PostgreSQL(onPostgres.open(t, far), quiet, sqlstore.WithProbe(200*time.Millisecond))
	e := watch(t, store)
	time.Sleep(time.Second) // several probes long
	if got := e.resyncCount(); got != 1 {
		t.Fatalf("a quiet but healthy link: got %d resyncs, want 1", got)
	}
	w.hush()
	near := onPostgres.store(t, address)
	s, _ := signedIn(t, near, "alice")
	time.Sleep(time.Second) // longer than three probes
	w.cut()                 // what is on the way gets lost
	w.speak()
	e.awaitResyncs(t, 2)
	bump(t, near, s)
	e.versions(t, s.ID, s.Version)
}

// The same, of a wire that never says that it is broken.
func TestWatchGivesASilentLinkUp(t *testing.T) {
	w, far := wired(t, onPostgres.migrated(t))
	db := onPostgres.open(t, far)
	e := watch(t, sqlstore.PostgreSQL(db, quiet, sqlstore.WithProbe(100*time.Millisecond)))
	w.hush()
	eventually(t, "the silent connection is given up", func() bool {
		w.mu.Lock()
		defer w.mu.Unlock()
		return len(w.open) == 0 || db.Stats().OpenConnections == 0
	})
	w.speak()
	e.awaitResyncs(t, 2)
}

// PostgreSQL has one queue of notifications for all: who does not read his share would keep everybody from saving.
func TestASlowWatcherIsToldThatHeHasMissedSome(t *testing.T) {
	onEach(t, func(t *testing.T, eng engine, store *sqlstore.Store, db *sql.DB) {
		s, _ := signedIn(t, store, "alice")
		busy, proceed := make(chan struct{}), make(chan struct{})
		var once sync.Once
		e := startWatch(t, store, func(c account.Change) {
			if !c.Resync {
				once.Do(func() { close(busy); <-proceed })
			}
		})
		e.awaitResyncs(t, 1)
		bump(t, store, s)
		<-busy
		for range 1100 {
			bump(t, store, s)
		}
		if eng.name == onPostgres.name {
			eventually(t, "the queue of PostgreSQL is empty", func() bool {
				return count(t, db, `SELECT (pg_notification_queue_usage() * 1000000)::int`) == 0
			})
		}
		close(proceed)
		e.awaitResyncs(t, 2)
		bump(t, store, s)
		got := e.versions(t, s.ID, s.Version)
		if !slices.IsSorted(got) || len(got) > 1050 {
			t.Errorf("heard %d changes, in order: %v; want the first, a resync and what came after it", len(got), slices.IsSorted(got))
		}
		if got := e.resyncCount(); got != 2 {
			t.Errorf("got %d resyncs, want 2", got)
		}
	})
}

func TestWatchIgnoresMalformedNotices(t *testing.T) {
	onEach(t, func(t *testing.T, eng engine, store *sqlstore.Store, db *sql.DB) {
		s, _ := signedIn(t, store, "alice")
		e := watch(t, store)
		for _, text := range []string{"", "{", "null", `{"id":"short","v":99}`, `{"v":99}`, `[]`, strings.Repeat("x", 7000)} {
			if eng.name == onSQLite.name {
				run(t, db, `INSERT INTO multiaccount_changes (notice) VALUES (?)`, text)
			} else {
				run(t, db, `SELECT pg_notify('multiaccount.changes', $1)`, text)
			}
		}
		bump(t, store, s)
		if got := e.versions(t, s.ID, s.Version); !slices.Equal(got, []int64{s.Version}) {
			t.Errorf("got versions %v, want only %d", got, s.Version)
		}
		if got := e.resyncCount(); got != 1 {
			t.Errorf("got %d resyncs, want 1", got)
		}
	})
}

// deafDialer dials like into a network that drops every packet, and does not even look at the context.
func deafDialer(t testing.TB, address string) *sql.DB {
	t.Helper()
	cfg, err := pgx.ParseConfig(address)
	if err != nil {
		t.Fatal(err)
	}
	over := make(chan struct{})
	t.Cleanup(func() { close(over) })
	cfg.DialFunc = func(context.Context, string, string) (net.Conn, error) {
		<-over
		return nil, errors.New("test is over")
	}
	return stdlib.OpenDB(*cfg)
}

func TestWatchEndsPromptly(t *testing.T) {
	hanging := "postgres://test:secret@" + hangingListener(t) + "/test?sslmode=disable"
	for name, store := range map[string]*sqlstore.Store{
		"while PostgreSQL is well":                  onPostgres.store(t, onPostgres.migrated(t)),
		"while PostgreSQL refuses":                  onPostgres.store(t, "postgres://test@127.0.0.1:1/test"),
		"while PostgreSQL accepts and says nothing": onPostgres.store(t, hanging),
		"while dialing hangs":                       sqlstore.PostgreSQL(deafDialer(t, hanging), quiet),
		"while SQLite is well":                      onSQLite.store(t, onSQLite.migrated(t)),
		"while there is no file":                    onSQLite.store(t, "file:"+t.TempDir()+"/missing/sessions.db"),
	} {
		t.Run(name, func(t *testing.T) {
			e := startWatch(t, store, nil)
			time.Sleep(100 * time.Millisecond) // whatever it does, it is in the middle of it
			began := time.Now()
			if err := e.end(); !errors.Is(err, context.Canceled) {
				t.Errorf("got %v, want context.Canceled", err)
			}
			if took := time.Since(began); took > 5*time.Second {
				t.Errorf("Watch ran %v longer than its context", took)
			}
		})
	}
}

func TestWatchLeavesNothingBehind(t *testing.T) {
	onEach(t, func(t *testing.T, _ engine, store *sqlstore.Store, db *sql.DB) {
		e := watch(t, store)
		if err := e.end(); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		eventually(t, "no goroutine of the watch is left", func() bool {
			stacks := make([]byte, 1<<20)
			return !strings.Contains(string(stacks[:runtime.Stack(stacks, true)]), "sqlstore.(*listener)")
		})
		if n := db.Stats().InUse; n != 0 {
			t.Errorf("%d connections are in use", n)
		}
	})
	t.Run("no connection listens that the pool hands to others", func(t *testing.T) {
		db := onPostgres.open(t, onPostgres.migrated(t))
		db.SetMaxOpenConns(3)
		store := sqlstore.PostgreSQL(db, quiet)
		for range 3 {
			_ = watch(t, store).end()
		}
		for range 3 {
			c, err := db.Conn(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			var n int
			if err := c.QueryRowContext(t.Context(), "SELECT count(*) FROM pg_listening_channels()").Scan(&n); err != nil || n != 0 {
				t.Errorf("a connection of the pool listens to %d channels, %v", n, err)
			}
		}
	})
}

// Notifications come over pgx only.
func TestWatchNeedsTheDriverOfPgx(t *testing.T) {
	store := sqlstore.PostgreSQL(opened("sqlite")(t, "file:"+t.TempDir()+"/x.db"), quiet)
	if err := store.Watch(t.Context(), func(account.Change) {}); !errors.Is(err, sqlstore.ErrDriver) {
		t.Errorf("got %v, want ErrDriver", err)
	}
}

// A backup that was brought back has other changes under the same numbers.
func TestWatchNoticesThatTheChangesOfSQLiteAreOthers(t *testing.T) {
	db := onSQLite.open(t, onSQLite.migrated(t))
	store := sqlstore.SQLite(db, quiet)
	s, _ := signedIn(t, store, "alice")
	for range 5 {
		bump(t, store, s)
	}
	e := watch(t, store)
	run(t, db, "DELETE FROM multiaccount_changes WHERE seq > 2")
	run(t, db, "UPDATE sqlite_sequence SET seq = 2")
	e.awaitResyncs(t, 2)
	bump(t, store, s)
	e.versions(t, s.ID, s.Version)
}
