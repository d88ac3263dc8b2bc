package sqlstore_test

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/multiaccount-go/multiaccount/account"
	"github.com/multiaccount-go/multiaccount/sqlstore"
)

// late is how much longer than its context a call may take on a slow machine. What is not bounded takes for ever.
const late = 10 * time.Second

// exhausted returns a pool whose only connection is busy.
func exhausted(t testing.TB, e engine) *sql.DB {
	t.Helper()
	db := e.open(t, e.migrated(t))
	db.SetMaxOpenConns(1)
	c, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return db
}

// locked returns a pool on a database that somebody else keeps locked.
func locked(t testing.TB, e engine, statements ...string) *sql.DB {
	t.Helper()
	address := e.migrated(t)
	c, err := e.open(t, address).Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	for _, statement := range statements {
		if _, err := c.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	return e.open(t, address)
}

// silent returns a pool whose connections are open and bring nothing.
func silent(t testing.TB) *sql.DB {
	t.Helper()
	w, far := wired(t, onPostgres.migrated(t))
	db := onPostgres.open(t, far)
	if err := db.PingContext(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.hush()
	return db
}

// TestEveryMethodIsBounded: whatever the database does.
func TestEveryMethodIsBounded(t *testing.T) {
	hanging := "postgres://test:secret@" + hangingListener(t) + "/test?sslmode=disable"
	for name, tt := range map[string]struct {
		store *sqlstore.Store
		reads bool // go on
	}{
		"accepts and says nothing": {store: onPostgres.store(t, hanging)},
		"hangs while connected":    {store: sqlstore.PostgreSQL(silent(t), quiet)},
		"refuses":                  {store: onPostgres.store(t, "postgres://test:secret@127.0.0.1:1/test")},
		"the pool is exhausted":    {store: sqlstore.PostgreSQL(exhausted(t, onPostgres), quiet)},
		"tables are locked": {store: sqlstore.PostgreSQL(locked(t, onPostgres, "BEGIN",
			"LOCK TABLE multiaccount.sessions, multiaccount.enlisted IN ACCESS EXCLUSIVE MODE"), quiet)},
		"SQLite, the pool is exhausted":   {store: sqlstore.SQLite(exhausted(t, onSQLite), quiet)},
		"SQLite, somebody else writes on": {store: sqlstore.SQLite(locked(t, onSQLite, "BEGIN IMMEDIATE"), quiet), reads: true},
	} {
		t.Run(name, func(t *testing.T) {
			for how, limited := range map[string]func() (context.Context, context.CancelFunc){
				"deadline": func() (context.Context, context.CancelFunc) {
					return context.WithTimeout(t.Context(), 300*time.Millisecond)
				},
				"cancelled": func() (context.Context, context.CancelFunc) {
					ctx, cancel := context.WithCancel(t.Context())
					time.AfterFunc(300*time.Millisecond, cancel)
					return ctx, cancel
				},
			} {
				t.Run(how, func(t *testing.T) { isBounded(t, tt.store, tt.reads, limited) })
			}
		})
	}
}

func isBounded(t *testing.T, store *sqlstore.Store, reads bool, limited func() (context.Context, context.CancelFunc)) {
	s := newSession()
	calls := map[string]func(ctx context.Context) error{
		"Save":   func(ctx context.Context) error { return store.Save(ctx, s, time.Hour) },
		"Delete": func(ctx context.Context) error { return store.Delete(ctx, s.ID, account.ReasonRevoked) },
		"Touch":  func(ctx context.Context) error { return store.Touch(ctx, s.ID, time.Now(), time.Hour) },
		"Enlist": func(ctx context.Context) error { return store.Enlist(ctx, "alice", s.ID, time.Now()) },
		"Sweep":  func(ctx context.Context) error { _, err := store.Sweep(ctx, 10); return err },
	}
	if !reads {
		calls["Load"] = func(ctx context.Context) error { _, err := store.Load(ctx, s.ID); return err }
		calls["LoadMany"] = func(ctx context.Context) error { _, err := store.LoadMany(ctx, []account.SessionID{s.ID}); return err }
		calls["SessionsOf"] = func(ctx context.Context) error { _, err := store.SessionsOf(ctx, "alice"); return err }
	} else if _, err := store.Load(t.Context(), s.ID); !errors.Is(err, account.ErrNotFound) {
		t.Errorf("a reader waits for a writer: %v", err)
	}
	var wg sync.WaitGroup
	for method, call := range calls {
		wg.Go(func() {
			ctx, cancel := limited()
			defer cancel()
			began := time.Now()
			err := call(ctx)
			if took := time.Since(began); took > late {
				t.Errorf("%s returned after %v", method, took)
			}
			if !saysNothing(err) || strings.Contains(err.Error(), "secret") {
				t.Errorf("%s: got %v, want an error that says nothing about the session", method, err)
			}
		})
	}
	wg.Wait()
}

func TestADatabaseThatWasSilentIsUsedAgain(t *testing.T) {
	w, far := wired(t, onPostgres.migrated(t))
	store := onPostgres.store(t, far)
	s, _ := signedIn(t, store, "alice")
	w.hush()
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
			defer cancel()
			if _, err := store.Load(ctx, s.ID); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("while it is silent: got %v, want the context's end", err)
			}
		})
	}
	wg.Wait()
	w.speak()
	eventually(t, "the store works again", func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := store.Load(ctx, s.ID)
		return err == nil
	})
}
