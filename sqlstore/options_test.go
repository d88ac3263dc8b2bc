package sqlstore_test

import (
	"database/sql"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/multiaccount-go/multiaccount/account"
	"github.com/multiaccount-go/multiaccount/sqlstore"
)

func TestValidateNamesTheMistake(t *testing.T) {
	unused := opened("pgx")(t, "postgres://nobody@127.0.0.1:1/nothing")
	for name, tt := range map[string]struct {
		db   *sql.DB
		opts []sqlstore.Option
		want string
	}{
		"no database":               {nil, nil, "database is nil"},
		"no namespace":              {unused, with(sqlstore.WithNamespace("")), "namespace"},
		"a statement in it":         {unused, with(sqlstore.WithNamespace("a;drop table users")), "namespace"},
		"a quote in it":             {unused, with(sqlstore.WithNamespace(`a"b`)), "namespace"},
		"capital letters":           {unused, with(sqlstore.WithNamespace("Shop")), "namespace"},
		"a line break at the end":   {unused, with(sqlstore.WithNamespace("a\n")), "namespace"},
		"a long name":               {unused, with(sqlstore.WithNamespace(strings.Repeat("a", 33))), "namespace"},
		"never probing":             {unused, with(sqlstore.WithProbe(0)), "probe"},
		"everything is as it may":   {unused, with(sqlstore.WithNamespace("shop_2"), sqlstore.WithProbe(time.Second)), ""},
		"the longest name there is": {unused, with(sqlstore.WithNamespace(strings.Repeat("a", 32))), ""},
	} {
		t.Run(name, func(t *testing.T) {
			for _, e := range []engine{onPostgres, onSQLite} {
				store := e.on(tt.db, tt.opts...)
				err := store.Validate()
				if tt.want == "" {
					if err != nil {
						t.Errorf("%s: got %v, want nil", e.name, err)
					}
					continue
				}
				if err == nil || !strings.Contains(err.Error(), tt.want) {
					t.Fatalf("%s: got %v, want an error about %q", e.name, err, tt.want)
				}
				for method, got := range everyMethod(t, store) {
					if !errors.Is(got, err) {
						t.Errorf("%s, %s: got %v, want the same error", e.name, method, got)
					}
				}
				if got := store.Watch(t.Context(), func(account.Change) {}); !errors.Is(got, err) {
					t.Errorf("%s, Watch: got %v, want the same error", e.name, got)
				}
				if got := store.Run(t.Context()); !errors.Is(got, err) {
					t.Errorf("%s, Run: got %v, want the same error", e.name, got)
				}
			}
		})
	}
}

func with(opts ...sqlstore.Option) []sqlstore.Option { return opts }

// everyMethod calls all methods but Watch and Run, which go on trying.
func everyMethod(t testing.TB, store *sqlstore.Store) map[string]error {
	t.Helper()
	ctx, id, now := t.Context(), account.NewCookie().ID, time.Now()
	_, load := store.Load(ctx, id)
	_, loadMany := store.LoadMany(ctx, []account.SessionID{id})
	_, sessionsOf := store.SessionsOf(ctx, "alice")
	_, sweep := store.Sweep(ctx, 10)
	_, check := store.Check(ctx)
	return map[string]error{
		"Load": load, "LoadMany": loadMany, "SessionsOf": sessionsOf, "Sweep": sweep, "Check": check,
		"Save":    store.Save(ctx, newSession(), time.Hour),
		"Delete":  store.Delete(ctx, id, account.ReasonRevoked),
		"Touch":   store.Touch(ctx, id, now, time.Hour),
		"Enlist":  store.Enlist(ctx, "alice", id, now),
		"Migrate": store.Migrate(ctx),
	}
}

// newSession is one that no store has seen.
func newSession() *account.Session {
	c, now := account.NewCookie(), time.UnixMilli(time.Now().UnixMilli())
	return &account.Session{
		ID: c.ID, Version: 1, Generation: 1, Tag: "tag", Reason: account.ReasonUpdated, Seen: now,
		Current: "first", Primary: "first", Secret: c.Secret.Digest(), StampKey: make([]byte, 32),
		Accounts: []account.Linked{{Membership: "first", Account: "alice", Status: account.StatusActive, Method: "password",
			AuthenticatedAt: now, LinkedAt: now, Deadline: now.Add(time.Hour)}},
		Created: now, Deadline: now.Add(time.Hour),
	}
}

// saysNothing reports whether an error leaves open what is with the session.
func saysNothing(err error) bool {
	return err != nil && !errors.Is(err, account.ErrNotFound) && !errors.Is(err, account.ErrConflict) &&
		!errors.Is(err, account.ErrBadRecord)
}

func TestNobodyThereIsNoWordAboutSessions(t *testing.T) {
	for _, store := range []*sqlstore.Store{
		sqlstore.PostgreSQL(opened("pgx")(t, "postgres://nobody:secret@127.0.0.1:1/nothing"), quiet),
		sqlstore.SQLite(opened("sqlite")(t, "file:"+t.TempDir()+"/missing/sessions.db"), quiet),
	} {
		for method, err := range everyMethod(t, store) {
			if !saysNothing(err) || !strings.HasPrefix(err.Error(), "sqlstore: ") || strings.Contains(err.Error(), "secret") {
				t.Errorf("%s: got %v, want an error of ours that says nothing about the session", method, err)
			}
		}
	}
}

func TestWithoutOurTablesTheErrorNamesTheCure(t *testing.T) {
	for _, e := range []engine{onPostgres, onSQLite} {
		store, ctx, id := e.store(t, e.make(t)), t.Context(), account.NewCookie().ID
		_, load := store.Load(ctx, id)
		_, loadMany := store.LoadMany(ctx, []account.SessionID{id})
		_, sessionsOf := store.SessionsOf(ctx, "alice")
		_, sweep := store.Sweep(ctx, 10)
		_, check := store.Check(ctx)
		for method, err := range map[string]error{
			"Load": load, "LoadMany": loadMany, "SessionsOf": sessionsOf, "Sweep": sweep, "Check": check,
			"Save":   store.Save(ctx, newSession(), time.Hour),
			"Delete": store.Delete(ctx, id, account.ReasonRevoked),
			"Touch":  store.Touch(ctx, id, time.Now(), time.Hour),
			"Enlist": store.Enlist(ctx, "alice", id, time.Now()),
		} {
			if !errors.Is(err, sqlstore.ErrSchema) || !saysNothing(err) {
				t.Errorf("%s, %s: got %v, want ErrSchema", e.name, method, err)
			}
		}
	}
}
