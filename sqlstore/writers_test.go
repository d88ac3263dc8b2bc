package sqlstore_test

import (
	"bufio"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/multiaccount-go/multiaccount/account"
	"github.com/multiaccount-go/multiaccount/sqlstore"
)

func TestOfAHundredWhoSaveOneRevisionOneWins(t *testing.T) {
	for name, e := range map[string]struct {
		engine
		setting string
	}{
		"PostgreSQL": {onPostgres, ""},
		"PostgreSQL with serializable transactions": {onPostgres, "?default_transaction_isolation=serializable"},
		"SQLite": {onSQLite, ""},
	} {
		t.Run(name, func(t *testing.T) {
			address := e.migrated(t) + e.setting
			stores := []*sqlstore.Store{e.store(t, address), e.store(t, address), e.store(t, address)}
			s, _ := signedIn(t, stores[0], "alice")
			hears := watch(t, stores[0])
			for round := range 3 {
				errs := make([]error, 100)
				copies := make([]*account.Session, len(errs))
				var wg sync.WaitGroup
				for i := range errs {
					copies[i] = s.Clone()
					copies[i].Version++
					copies[i].Tag = fmt.Sprint("writer ", i)
					wg.Go(func() { errs[i] = stores[i%len(stores)].Save(t.Context(), copies[i], time.Hour) })
				}
				wg.Wait()
				var won *account.Session
				for i, err := range errs {
					switch {
					case err == nil && won != nil:
						t.Fatalf("round %d: two have won", round)
					case err == nil:
						won = copies[i]
					case !errors.Is(err, account.ErrConflict):
						t.Fatalf("round %d: got %v, want nil or ErrConflict", round, err)
					}
				}
				stored, err := stores[1].Load(t.Context(), s.ID)
				if err != nil || won == nil || stored.Tag != won.Tag || stored.Revision != s.Revision+1 {
					t.Fatalf("round %d: stored %+v, %v; won %+v", round, stored, err, won)
				}
				s = stored
				if got := hears.versions(t, s.ID, s.Version); len(got) != round+1 {
					t.Fatalf("round %d: heard of %d saves", round, len(got))
				}
			}
		})
	}
}

// What cannot be told is not written either: the notice is too long for PostgreSQL.
func TestAWriteThatCannotBeToldIsNone(t *testing.T) {
	store := onPostgres.store(t, onPostgres.migrated(t))
	s, _ := signedIn(t, store, "alice")
	mine := s.Clone()
	mine.Tag = strings.Repeat("x", 9000)
	if err := store.Save(t.Context(), mine, time.Hour); !saysNothing(err) || mine.Revision != s.Revision {
		t.Errorf("got %v and revision %d, want an error and %d", err, mine.Revision, s.Revision)
	}
	if err := store.Delete(t.Context(), s.ID, account.Reason(strings.Repeat("x", 9000))); !saysNothing(err) {
		t.Errorf("delete: got %v, want an error", err)
	}
	got, err := store.Load(t.Context(), s.ID)
	if err != nil || got.Tag != s.Tag || got.Revision != s.Revision {
		t.Errorf("got %+v, %v, want the session as it was", got, err)
	}
}

// trips counts the round trips of a pool.
type trips struct {
	mu                sync.Mutex
	queries, prepares int
}

func (r *trips) TraceQueryStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryStartData) context.Context {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.queries++
	return ctx
}

func (r *trips) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

func (r *trips) TracePrepareStart(ctx context.Context, _ *pgx.Conn, _ pgx.TracePrepareStartData) context.Context {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.prepares++
	return ctx
}

func (r *trips) TracePrepareEnd(context.Context, *pgx.Conn, pgx.TracePrepareEndData) {}

func (r *trips) take() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	text := fmt.Sprintf("%d statements, %d prepared", r.queries, r.prepares)
	r.queries, r.prepares = 0, 0
	return text
}

func TestEveryMethodIsOneRoundTrip(t *testing.T) {
	cfg, err := pgx.ParseConfig(onPostgres.migrated(t))
	if err != nil {
		t.Fatal(err)
	}
	counted := new(trips)
	cfg.Tracer = counted
	db := stdlib.OpenDB(*cfg)
	defer db.Close()
	db.SetMaxOpenConns(1) // so that statements are prepared once
	store, ctx := sqlstore.PostgreSQL(db, quiet), t.Context()
	for round := range 2 {
		s := newSession()
		ids := []account.SessionID{s.ID, account.NewCookie().ID, s.ID}
		for _, step := range []struct {
			method string
			call   func() error
		}{
			{"Save of a new one", func() error { return store.Save(ctx, s, time.Hour) }},
			{"Load", func() error { _, err := store.Load(ctx, s.ID); return err }},
			{"LoadMany", func() error { _, err := store.LoadMany(ctx, ids); return err }},
			{"Save", func() error { return store.Save(ctx, s, time.Hour) }},
			{"Touch", func() error { return store.Touch(ctx, s.ID, time.Now(), time.Hour) }},
			{"Enlist", func() error { return store.Enlist(ctx, "alice", s.ID, s.Deadline) }},
			{"SessionsOf", func() error { _, err := store.SessionsOf(ctx, "alice"); return err }},
			{"Delete", func() error { return store.Delete(ctx, s.ID, account.ReasonSignedOut) }},
		} {
			counted.take()
			if err := step.call(); err != nil {
				t.Errorf("%s: %v", step.method, err)
			}
			if got := counted.take(); round > 0 && got != "1 statements, 0 prepared" {
				t.Errorf("%s: %s, want one round trip", step.method, got)
			}
		}
	}
}

// A process that is killed while it saves to SQLite leaves the row and the change of each save, or neither.
func TestAKilledProcessLeavesNoHalfSave(t *testing.T) {
	address := onSQLite.migrated(t)
	db := onSQLite.open(t, address)
	store := sqlstore.SQLite(db, quiet)
	s, _ := signedIn(t, store, "alice")
	for range 5 {
		cmd := exec.CommandContext(t.Context(), os.Args[0])
		cmd.Env = append(os.Environ(), saverEnv+"="+address, saverEnv+"_ID="+s.ID.String())
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		lines, acknowledged := bufio.NewScanner(out), ""
		for range 20 {
			if !lines.Scan() {
				t.Fatal("the process has ended by itself")
			}
		}
		_ = cmd.Process.Kill()
		for acknowledged = lines.Text(); lines.Scan(); acknowledged = lines.Text() {
		}
		_ = cmd.Wait() // reports the kill
		stored, err := store.Load(t.Context(), s.ID)
		if err != nil {
			t.Fatal(err)
		}
		var version int64
		if _, err := fmt.Sscan(acknowledged, &version); err != nil {
			t.Fatal(err)
		}
		told := count(t, db, `SELECT notice ->> 'v' FROM multiaccount_changes ORDER BY seq DESC LIMIT 1`)
		if stored.Version < version || stored.Version > version+1 || int64(told) != stored.Version {
			t.Errorf("acknowledged %d, stored %d, told %d", version, stored.Version, told)
		}
		*s = *stored
		bump(t, store, s)
	}
}

const saverEnv = "SQLSTORE_TEST_SAVES_TO"

// saveForEver is what the child of that test does instead of testing. It prints each version that is saved.
func saveForEver(address string) {
	fail := func(err error) {
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
	}
	db, err := sql.Open("sqlite", address)
	fail(err)
	id, err := account.ParseSessionID(os.Getenv(saverEnv + "_ID"))
	fail(err)
	store, ctx := sqlstore.SQLite(db), context.Background()
	s, err := store.Load(ctx, id)
	for fail(err); ; fmt.Println(s.Version) {
		s.Version++
		fail(store.Save(ctx, s, time.Hour))
	}
}
