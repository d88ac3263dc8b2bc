package sqlstore_test

import (
	"crypto/sha256"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/multiaccount-go/multiaccount/attempts"
	"github.com/multiaccount-go/multiaccount/sqlstore"
)

// The function in the database and the package count by the same rules, whatever was counted before.
func TestTheDatabaseCountsLikeThePackage(t *testing.T) {
	db := onPostgres.open(t, onPostgres.migrated(t))
	counter := sqlstore.NewCounter(db, quiet)
	random := rand.New(rand.NewPCG(1, 2))
	clock := func() time.Time {
		var now time.Time
		if err := db.QueryRowContext(t.Context(), "SELECT clock_timestamp()").Scan(&now); err != nil {
			t.Fatal(err)
		}
		return now
	}
	took, refused := 0, 0
	for range 300 {
		b := attempts.Bucket{Key: "b", Tries: random.IntN(4), Step: time.Duration(1+random.IntN(3)) * time.Second}
		if random.IntN(2) > 0 {
			b.Longest, b.Memory = time.Duration(3+random.IntN(20))*time.Second, time.Minute
		}
		was := attempts.State{Used: random.IntN(100), At: clock().UnixMilli() + int64(random.IntN(12_000)-8_000)}
		if b.Longest == 0 {
			b.Tries, was.Used = b.Tries+1, 0
		}
		over := random.IntN(10) == 0
		life := "1 minute"
		if over {
			life = "-1 minute"
		}
		key := sha256.Sum256([]byte(b.Key))
		run(t, db, `INSERT INTO multiaccount.tries (bucket, used, at, until) VALUES ($1, $2, $3, now() + $4::text::interval)
			ON CONFLICT (bucket) DO UPDATE SET used = excluded.used, at = excluded.at, until = excluded.until`,
			key[:], was.Used, was.At, life)
		if over {
			was = attempts.State{}
		}
		earliest := clock()
		wait, err := counter.Take(t.Context(), []attempts.Bucket{b})
		if err != nil {
			t.Fatal(err)
		}
		latest := clock()
		if most, least := b.Wait(was, earliest), b.Wait(was, latest); wait < least || wait > most {
			t.Fatalf("%+v after %+v: wait %v, want %v to %v", b, was, wait, least, most)
		}
		if wait > 0 {
			refused++
			continue
		}
		took++
		var now attempts.State
		if err := db.QueryRowContext(t.Context(), "SELECT used, at FROM multiaccount.tries").Scan(&now.Used, &now.At); err != nil {
			t.Fatal(err)
		}
		least, _ := b.Take(was, earliest)
		most, _ := b.Take(was, latest)
		if now.Used != most.Used || now.At < least.At || now.At > most.At {
			t.Fatalf("%+v after %+v: %+v, want %+v to %+v", b, was, now, least, most)
		}
	}
	if took < 50 || refused < 50 {
		t.Errorf("%d took and %d were refused: the test shows little", took, refused)
	}
}

// Sweeps and what is forgotten take rows away that others are about to count in: no try goes uncounted, nobody waits in a circle.
func TestNoTryEscapesWhileRowsAreRemoved(t *testing.T) {
	address := onPostgres.migrated(t)
	db := onPostgres.open(t, address)
	store, counter := onPostgres.store(t, address), sqlstore.NewCounter(db, quiet)
	a := attempts.Bucket{Key: "a", Tries: 1, Step: time.Hour}
	b := attempts.Bucket{Key: "b", Tries: 1000, Step: time.Hour}
	for range 20 {
		run(t, db, "UPDATE multiaccount.tries SET until = now() - interval '1 minute'")
		var let atomic.Int64
		var wg sync.WaitGroup
		wg.Go(func() {
			if _, err := store.Sweep(t.Context(), 10); err != nil {
				t.Error(err)
			}
		})
		for i := range 8 {
			wg.Go(func() {
				buckets := []attempts.Bucket{a, b}
				if i%2 == 0 {
					buckets = []attempts.Bucket{b, a}
				}
				wait, err := counter.Take(t.Context(), buckets)
				if err != nil {
					t.Error(err)
				}
				if err == nil && wait == 0 {
					let.Add(1)
				}
			})
		}
		wg.Wait()
		if n := let.Load(); n != 1 {
			t.Errorf("%d were let through, want 1", n)
		}
	}
	run(t, db, "UPDATE multiaccount.tries SET until = now() - interval '1 minute'")
	if _, err := store.Sweep(t.Context(), 10); err != nil {
		t.Fatal(err)
	}
	if n := count(t, db, "SELECT count(*) FROM multiaccount.tries"); n != 0 {
		t.Errorf("%d buckets are left, want none", n)
	}
}

// The same, at the moment that matters: the row is there when a try is about to wait for it, and gone when it has it.
func TestATryCountsInARowThatWasRemovedBeforeItsEyes(t *testing.T) {
	db := onPostgres.open(t, onPostgres.migrated(t))
	counter, b := sqlstore.NewCounter(db, quiet), []attempts.Bucket{{Key: "a", Tries: 2, Step: time.Hour}}
	if wait, err := counter.Take(t.Context(), b); wait != 0 || err != nil {
		t.Fatal(wait, err)
	}
	other, err := db.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = other.Rollback() }() // after the commit: does nothing
	if _, err := other.ExecContext(t.Context(), "SELECT FROM multiaccount.tries FOR UPDATE"); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() {
		wait, err := counter.Take(t.Context(), b)
		if err == nil && wait != 0 {
			t.Errorf("wait %v, want none: what was counted is forgotten", wait)
		}
		done <- err
	}()
	eventually(t, "the try waits for the row", func() bool {
		return count(t, db, `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`) > 0
	})
	if _, err := other.ExecContext(t.Context(), "DELETE FROM multiaccount.tries"); err != nil {
		t.Fatal(err)
	}
	if err := other.Commit(); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if n := count(t, db, "SELECT count(*) FROM multiaccount.tries WHERE at > 0"); n != 1 {
		t.Error("the try is counted nowhere")
	}
}
