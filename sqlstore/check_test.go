package sqlstore_test

import (
	"strings"
	"testing"

	"github.com/multiaccount-go/multiaccount/sqlstore"
)

// warns expects warnings, in order, by a word of each.
func warns(t *testing.T, store *sqlstore.Store, words ...string) {
	t.Helper()
	got, err := store.Check(t.Context())
	if err != nil || len(got) != len(words) {
		t.Fatalf("got %q, %v, want warnings about %q", got, err, words)
	}
	for i, word := range words {
		if !strings.Contains(got[i], word) {
			t.Errorf("got %q, want a warning about %q", got[i], word)
		}
	}
}

// The server of the tests runs without fsync, so that warning is there each time.
func TestCheckNamesWhatLosesSessionsInPostgreSQL(t *testing.T) {
	address := onPostgres.migrated(t)
	db := onPostgres.open(t, address)
	store := sqlstore.PostgreSQL(db, quiet)
	warns(t, store, "fsync off and synchronous_commit on")
	warns(t, onPostgres.store(t, address+"?synchronous_commit=off"), "fsync off and synchronous_commit off")
	run(t, db, "ALTER TABLE multiaccount.sessions SET UNLOGGED")
	db.SetMaxOpenConns(2)
	warns(t, store, "fsync", "unlogged", "at most 2 connections")
	run(t, db, `INSERT INTO multiaccount.sessions (id, revision, version, tag, pseudonym, seen_at, expires_at, data)
		SELECT decode(lpad(to_hex(n), 32, '0'), 'hex'), 1, 1, '', '', now(), now() - interval '2 days', '{}'
		FROM generate_series(1, 10000) n`)
	warns(t, store, "fsync", "unlogged", "expired a day ago", "at most 2 connections")
}

func TestCheckNamesWhatLosesSessionsInSQLite(t *testing.T) {
	address := onSQLite.migrated(t)
	warns(t, onSQLite.store(t, address))
	plain, _, _ := strings.Cut(address, "?")
	warns(t, onSQLite.store(t, plain+"?_pragma=synchronous(NORMAL)&_pragma=busy_timeout(5000)"), "power cut", "busy_timeout of 5000")
	db := onSQLite.open(t, onSQLite.make(t))
	db.SetMaxOpenConns(1) // nobody else may be there when the mode changes
	store := sqlstore.SQLite(db)
	if err := store.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	run(t, db, "PRAGMA journal_mode = DELETE")
	warns(t, store, "journal_mode")
}
