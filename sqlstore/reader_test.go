package sqlstore_test

import (
	"database/sql"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/multiaccount-go/multiaccount/account"
	"github.com/multiaccount-go/multiaccount/sqlstore"
)

// linked makes a session of accounts, the first one the primary, the last one current.
func linked(t testing.TB, store account.Store, accountIDs ...string) *account.Session {
	t.Helper()
	s := newSession()
	s.Accounts = nil
	for i, id := range accountIDs {
		at := s.Seen.Add(time.Duration(i) * time.Minute)
		s.Accounts = append(s.Accounts, account.Linked{Membership: fmt.Sprintf("m%d", i), Account: id, Status: account.StatusActive,
			Method: "password", AuthenticatedAt: at, LinkedAt: at, Deadline: at.Add(time.Hour), Scope: "acme"})
	}
	s.Primary, s.Current = "m0", s.Accounts[len(accountIDs)-1].Membership
	if err := store.Save(t.Context(), s, time.Hour); err != nil {
		t.Fatal(err)
	}
	return s
}

// views is the view of each engine, with times in milliseconds.
var views = map[string]string{
	"PostgreSQL": `SELECT primary_account, linked_account, session, status, current, method, scope,
		extract(epoch FROM linked_at) * 1000, extract(epoch FROM authenticated_at) * 1000, extract(epoch FROM deadline) * 1000,
		extract(epoch FROM seen_at) * 1000 FROM multiaccount.linked_accounts ORDER BY linked_at, session`,
	"SQLite": `SELECT primary_account, linked_account, session, status, current, method, scope,
		linked_at, authenticated_at, deadline, seen_at FROM multiaccount_linked_accounts ORDER BY linked_at, session`,
}

type link struct {
	primary, linked, session, status string
	current                          bool
	method, scope                    string
	linkedAt, authAt, deadline, seen int64
}

// links reads the view as a person with a client does.
func links(t testing.TB, e engine, db *sql.DB) (all []link) {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), views[e.name])
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var l link
		var at [4]float64
		if err := rows.Scan(&l.primary, &l.linked, &l.session, &l.status, &l.current, &l.method, &l.scope,
			&at[0], &at[1], &at[2], &at[3]); err != nil {
			t.Fatal(err)
		}
		l.linkedAt, l.authAt, l.deadline, l.seen = int64(at[0]), int64(at[1]), int64(at[2]), int64(at[3])
		all = append(all, l)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}

func TestAReaderSeesWhichAccountsAreLinked(t *testing.T) {
	onEach(t, func(t *testing.T, e engine, store *sqlstore.Store, db *sql.DB) {
		linked(t, store, "zoe") // signed in alone: nothing is linked
		s := linked(t, store, "alice", "bob", "carol")
		s.Accounts[1].Status = account.StatusSignedOut
		bump(t, store, s)
		got := links(t, e, db)
		if len(got) != 2 {
			t.Fatalf("got %+v, want two rows", got)
		}
		for i, l := range got {
			m := s.Accounts[i+1]
			want := link{"alice", m.Account, l.session, string(m.Status), m.Membership == s.Current, "password", "acme",
				m.LinkedAt.UnixMilli(), m.AuthenticatedAt.UnixMilli(), m.Deadline.UnixMilli(), s.Seen.UnixMilli()}
			if l != want {
				t.Errorf("row %d: got %+v, want %+v", i, l, want)
			}
		}
		if got[0].session != got[1].session || len(got[0].session) != 16 || strings.Contains(s.ID.String(), got[0].session) {
			t.Errorf("sessions %q and %q: want one pseudonym that is not the id", got[0].session, got[1].session)
		}

		// The same three in another browser are other rows; the three columns tell all apart.
		linked(t, store, "alice", "bob", "carol")
		triples := map[string]bool{}
		for _, l := range links(t, e, db) {
			triples[l.primary+"|"+l.linked+"|"+l.session] = true
		}
		if len(triples) != 4 {
			t.Errorf("got %v, want four that differ", triples)
		}

		// Nobody is current, one left, the session ended.
		s.Current, s.Choice = "", "open"
		s.Accounts = s.Accounts[:2]
		bump(t, store, s)
		if got := links(t, e, db); len(got) != 3 || slices.ContainsFunc(got, func(l link) bool { return l.session == "" }) {
			t.Errorf("got %+v, want three rows", got)
		}
		if err := store.Delete(t.Context(), s.ID, account.ReasonSignedOut); err != nil {
			t.Fatal(err)
		}
		if got := links(t, e, db); len(got) != 2 {
			t.Errorf("got %+v, want the two of the other session", got)
		}
	})
}

// What one account or one broken row is must not keep a reader from all the others.
func TestAReaderIsNotStoppedByStrangeRows(t *testing.T) {
	onEach(t, func(t *testing.T, e engine, store *sqlstore.Store, db *sql.DB) {
		linked(t, store, "alice", "böb \x00\"'{}*\n\\u0000")
		linked(t, store, "alice", strings.Repeat("x", 5000))
		table := tableOf(e, "sessions")
		for i, data := range []string{`[]`, `"text"`, `1`, `null`, `{}`, `{"schema":2,"acc":7}`, `{"schema":"1","acc":"x"}`, `{"schema":1,"acc":[]}`} {
			s := linked(t, store, "alice", fmt.Sprint("lost", i))
			run(t, db, `UPDATE `+table+` SET data = $1 WHERE id = $2`, data, s.ID[:])
		}
		got := links(t, e, db)
		if len(got) != 2 || !strings.HasPrefix(got[0].linked, "böb ") && !strings.HasPrefix(got[1].linked, "böb ") {
			t.Errorf("got %+v, want the two rows that can be read", got)
		}
	})
}

// tableOf returns the name of a table of ours.
func tableOf(e engine, name string) string {
	if e.name == onSQLite.name {
		return "multiaccount_" + name
	}
	return "multiaccount." + name
}

func TestForeignContentIsABadRecord(t *testing.T) {
	onEach(t, func(t *testing.T, e engine, store *sqlstore.Store, db *sql.DB) {
		table := tableOf(e, "sessions")
		other, _ := signedIn(t, store, "mallory")
		for name, set := range map[string]string{
			"no object":             `data = '[]'`,
			"an empty object":       `data = '{}'`,
			"another schema":        `data = replace(cast(data AS text), '"schema":1', '"schema":9')` + map[string]string{"PostgreSQL": "::json"}[e.name],
			"another session":       `data = (SELECT data FROM ` + table + ` AS o WHERE o.tag = '` + other.Tag + `')`,
			"more than the maximum": `data = '"` + strings.Repeat("x", 1<<17) + `"'` + map[string]string{"PostgreSQL": "::json"}[e.name],
		} {
			t.Run(name, func(t *testing.T) {
				s, _ := signedIn(t, store, "alice")
				run(t, db, `UPDATE `+table+` SET `+set+` WHERE id = $1`, s.ID[:])
				isBadRecord(t, store, s.ID)
			})
		}
		for name, set := range map[string]string{
			"revision 0": `revision = 0`, "version -1": `version = -1`, "no JSON": `data = 'gob'`, "no tag": `tag = NULL`,
			"a revision in words": `revision = 'one'`, "an id of another length": `id = '12345'`,
		} {
			if _, err := db.ExecContext(t.Context(), `UPDATE `+table+` SET `+set); err == nil {
				t.Errorf("%s: the database takes it", name)
			}
		}
	})
}

// A column that somebody has altered holds what the driver reads as something else.
func TestAlteredColumnsAreABadRecord(t *testing.T) {
	for _, change := range []string{"revision TYPE text", "version TYPE numeric", "tag TYPE bytea USING tag::bytea", "seen_at TYPE text",
		"revision TYPE boolean USING true"} {
		address := onPostgres.migrated(t)
		db := onPostgres.open(t, address)
		s, _ := signedIn(t, onPostgres.on(db, quiet), "alice")
		column, _, _ := strings.Cut(change, " ")
		run(t, db, "DROP VIEW multiaccount.linked_accounts")
		if column != "seen_at" && column != "tag" {
			run(t, db, "ALTER TABLE multiaccount.sessions DROP CONSTRAINT sessions_"+column+"_check")
		}
		run(t, db, "ALTER TABLE multiaccount.sessions ALTER "+change)
		isBadRecord(t, onPostgres.store(t, address), s.ID)
	}
}

// isBadRecord expects one session to be unreadable, and nothing else.
func isBadRecord(t *testing.T, store *sqlstore.Store, id account.SessionID) {
	t.Helper()
	if got, err := store.Load(t.Context(), id); got != nil || !errors.Is(err, account.ErrBadRecord) {
		t.Errorf("Load: got %v, %v, want nil, ErrBadRecord", got, err)
	}
	many, err := store.LoadMany(t.Context(), []account.SessionID{id})
	if err != nil || many[0] != nil {
		t.Errorf("LoadMany: got %v, %v, want nil", many, err)
	}
}

func TestSecretsNeverReachTheDatabase(t *testing.T) {
	onEach(t, func(t *testing.T, e engine, store *sqlstore.Store, db *sql.DB) {
		m := account.NewManager(store, account.Options{})
		s, c := signedIn(t, store, "alice@example.com")
		out, err := m.Change(t.Context(), s, c, func(*account.Session, time.Time) (account.Effect, error) {
			return account.Effect{Action: "test", Reason: account.ReasonUpdated, Rotate: true}, nil
		})
		if err != nil {
			t.Fatal(err)
		}
		names := "SELECT schemaname || '.' || tablename FROM pg_tables WHERE schemaname = 'multiaccount'"
		if e.name == onSQLite.name {
			names = "SELECT name FROM sqlite_schema WHERE type = 'table'"
		}
		text := dump(t, db, names)
		if !strings.Contains(text, "alice@example.com") {
			t.Fatal("the dump shows nothing of the session")
		}
		for _, c := range []account.Cookie{c, *out.Cookie} {
			for _, secret := range []string{string(c.Secret[:]), hex.EncodeToString(c.Secret[:]), c.Value()[22:],
				base64.StdEncoding.EncodeToString(c.Secret[:]), base64.URLEncoding.EncodeToString(c.Secret[:])} {
				if strings.Contains(text, strings.TrimRight(secret, "=")) {
					t.Error("the database holds a secret")
				}
			}
		}
	})
}

// dump returns all that lies in the tables that a query names.
func dump(t testing.TB, db *sql.DB, names string) string {
	t.Helper()
	var text strings.Builder
	for _, name := range texts(t, db, names) {
		rows, err := db.QueryContext(t.Context(), "SELECT * FROM "+name)
		if err != nil {
			t.Fatal(err)
		}
		columns, err := rows.Columns()
		if err != nil {
			t.Fatal(err)
		}
		values, into := make([]any, len(columns)), make([]any, len(columns))
		for i := range values {
			into[i] = &values[i]
		}
		for rows.Next() {
			if err := rows.Scan(into...); err != nil {
				t.Fatal(err)
			}
			for _, v := range values {
				fmt.Fprintf(&text, "%s %x\n", v, v)
			}
		}
		if err := errors.Join(rows.Err(), rows.Close()); err != nil {
			t.Fatal(err)
		}
	}
	return text.String()
}

func texts(t testing.TB, db *sql.DB, query string) (all []string) {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), query)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var s string
		if err := rows.Scan(&s); err != nil {
			t.Fatal(err)
		}
		all = append(all, s)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}
