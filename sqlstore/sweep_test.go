package sqlstore_test

import (
	"context"
	"database/sql"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/multiaccount-go/multiaccount/account"
	"github.com/multiaccount-go/multiaccount/sqlstore"
)

// aged moves rows two days into the past.
var aged = map[string]string{"PostgreSQL": " - interval '2 days'", "SQLite": " - 172800000"}

// expired saves sessions and lets them expire.
func expired(t testing.TB, e engine, store *sqlstore.Store, db *sql.DB, n int) (ids []account.SessionID) {
	t.Helper()
	for range n {
		s, _ := signedIn(t, store, "alice")
		ids = append(ids, s.ID)
		run(t, db, "UPDATE "+tableOf(e, "sessions")+" SET expires_at = expires_at"+aged[e.name]+" WHERE id = $1", s.ID[:])
		run(t, db, "UPDATE "+tableOf(e, "enlisted")+" SET until = until"+aged[e.name]+" - "+ // more than any session lives
			map[string]string{"PostgreSQL": "interval '1000 days'", "SQLite": "86400000000"}[e.name]+" WHERE session = $1", s.ID[:])
	}
	return ids
}

func TestSweepTakesWhatHasExpiredInSmallBatches(t *testing.T) {
	onEach(t, func(t *testing.T, e engine, store *sqlstore.Store, db *sql.DB) {
		live, _ := signedIn(t, store, "alice")
		expired(t, e, store, db, 25)
		hears := watch(t, store)
		rows := func(table string) int { return count(t, db, "SELECT count(*) FROM "+tableOf(e, table)) }
		for _, left := range []int{16, 6, 1, 1} {
			if _, err := store.Sweep(t.Context(), 10); err != nil {
				t.Fatal(err)
			}
			if s, i := rows("sessions"), rows("enlisted"); s != left || i != left {
				t.Errorf("%d sessions and %d entries of the index are left, want %d", s, i, left)
			}
		}
		if removed, err := store.Sweep(t.Context(), 10); err != nil || removed != 0 {
			t.Errorf("got %d, %v, want nothing to remove", removed, err)
		}
		if _, err := store.Load(t.Context(), live.ID); err != nil {
			t.Errorf("a session that lives: %v", err)
		}
		if ids, err := store.SessionsOf(t.Context(), "alice"); err != nil || len(ids) != 1 {
			t.Errorf("the index: %v, %v", ids, err)
		}
		bump(t, store, live)
		hears.versions(t, live.ID, live.Version)
		if hears.mu.Lock(); len(hears.heard) != 1 {
			t.Errorf("heard %+v, want nothing of what has expired", hears.heard)
		}
		hears.mu.Unlock()
		for _, limit := range []int{0, -1} {
			if _, err := store.Sweep(t.Context(), limit); err == nil {
				t.Errorf("limit %d: got nil, want an error", limit)
			}
		}
	})
}

// What has expired is never answered, swept or not, and nothing brings it back.
func TestWhatHasExpiredIsGoneBeforeItIsSwept(t *testing.T) {
	onEach(t, func(t *testing.T, e engine, store *sqlstore.Store, db *sql.DB) {
		id := expired(t, e, store, db, 1)[0]
		if _, err := store.Load(t.Context(), id); !errors.Is(err, account.ErrNotFound) {
			t.Errorf("Load: %v", err)
		}
		if many, err := store.LoadMany(t.Context(), []account.SessionID{id}); err != nil || many[0] != nil {
			t.Errorf("LoadMany: %v, %v", many, err)
		}
		if err := store.Touch(t.Context(), id, time.Now(), time.Hour); !errors.Is(err, account.ErrNotFound) {
			t.Errorf("Touch: %v", err)
		}
		if err := store.Delete(t.Context(), id, account.ReasonRevoked); !errors.Is(err, account.ErrNotFound) {
			t.Errorf("Delete: %v", err)
		}
		if ids, err := store.SessionsOf(t.Context(), "alice"); err != nil || len(ids) != 0 {
			t.Errorf("SessionsOf: %v, %v", ids, err)
		}
		late := newSession()
		late.ID, late.Revision = id, 1
		if err := store.Save(t.Context(), late, time.Hour); !errors.Is(err, account.ErrConflict) {
			t.Errorf("Save: %v", err)
		}
		if n := count(t, db, "SELECT count(*) FROM "+tableOf(e, "sessions")); n != 1 {
			t.Errorf("%d rows, want the one that nobody has swept", n)
		}
	})
}

// Several processes sweep while others save and touch: nothing that lives goes, and nobody waits for ever.
func TestSweepsAndSavesDoNotDisturbEachOther(t *testing.T) {
	onEach(t, func(t *testing.T, e engine, store *sqlstore.Store, db *sql.DB) {
		expired(t, e, store, db, 60)
		var wg sync.WaitGroup
		for range 3 {
			wg.Go(func() {
				for range 10 {
					if _, err := store.Sweep(t.Context(), 5); err != nil {
						t.Error(err)
					}
				}
			})
			wg.Go(func() {
				s := newSession()
				for range 20 {
					s.Version++
					if err := errors.Join(store.Save(t.Context(), s, time.Hour),
						store.Touch(t.Context(), s.ID, time.Now(), time.Hour)); err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
		wg.Wait()
		if n := count(t, db, "SELECT count(*) FROM "+tableOf(e, "sessions")); n != 3 {
			t.Errorf("%d rows, want the three that live", n)
		}
	})
}

func TestRunSweepsEverythingAtOnceAndEndsWithItsContext(t *testing.T) {
	onEach(t, func(t *testing.T, e engine, store *sqlstore.Store, db *sql.DB) {
		expired(t, e, store, db, 20)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- store.Run(ctx) }()
		eventually(t, "everything that has expired is gone", func() bool {
			return count(t, db, "SELECT count(*) FROM "+tableOf(e, "sessions")) == 0
		})
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want context.Canceled", err)
		}
	})
}
