package userdb_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/multiaccount-go/multiaccount/auth"
	"github.com/multiaccount-go/multiaccount/auth/userdb"
	"github.com/multiaccount-go/multiaccount/tenant"
)

// statement is one that a store has sent.
type statement struct {
	query string
	args  []any
}

// PT-06: in a big database no statement of any method reads a whole table.
func TestNoStatementReadsAWholeTable(t *testing.T) {
	onEach(t, func(t *testing.T, address string) {
		db, spy := spied(t, address)
		fill(t, db)
		plans := open(t, address)
		explain := "EXPLAIN "
		if isSQLite(db) {
			explain = "EXPLAIN QUERY PLAN "
		}
		for method, call := range methods(t, db) {
			var sent []statement
			spy.before = func(query string, args []any) error {
				sent = append(sent, statement{query, args})
				return nil
			}
			if err := call(); err != nil {
				t.Errorf("%s: %v", method, err)
			}
			spy.before = nil
			for _, s := range sent {
				verb, _, _ := strings.Cut(strings.ToUpper(strings.TrimSpace(s.query)), " ")
				if !slices.Contains([]string{"SELECT", "INSERT", "UPDATE", "DELETE"}, verb) {
					continue
				}
				plan := planOf(t, plans, explain+s.query, s.args)
				if slices.ContainsFunc(plan, readsAll) {
					t.Errorf("%s reads a whole table:\n%s\n%s", method, s.query, strings.Join(plan, "\n"))
				}
			}
			if len(sent) == 0 {
				t.Errorf("%s has sent nothing", method)
			}
		}
	})
}

// readsAll reports whether a line of a plan goes through a table from its beginning.
func readsAll(line string) bool {
	if strings.Contains(line, "json_each") || strings.Contains(line, "CONSTANT ROW") {
		return false
	}
	return strings.Contains(line, "Seq Scan on") || strings.HasPrefix(strings.TrimSpace(line), "SCAN ")
}

func planOf(t testing.TB, db *userdb.DB, query string, args []any) (lines []string) {
	t.Helper()
	found, err := db.SQL().QueryContext(t.Context(), query, args...)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	defer found.Close()
	columns, err := found.Columns()
	if err != nil {
		t.Fatal(err)
	}
	for found.Next() {
		values := make([]any, len(columns))
		for i := range values {
			values[i] = new(any)
		}
		if err := found.Scan(values...); err != nil {
			t.Fatal(err)
		}
		lines = append(lines, fmt.Sprint(*values[len(values)-1].(*any))) // SQLite has numbers before the text
	}
	if err := found.Err(); err != nil { // SQLite has no plan for a plain INSERT
		t.Fatalf("%s: %v", query, err)
	}
	return lines
}

// fill makes a database big enough that reading all of it is not the fastest way any more.
func fill(t testing.TB, db *userdb.DB) {
	t.Helper()
	series, time, hash := "SELECT n FROM generate_series(1, 3000) AS n", "timestamp '2026-01-01'", "decode(lpad(to_hex(n), 64, '0'), 'hex')"
	if isSQLite(db) {
		series = "WITH RECURSIVE s (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < 300) SELECT n FROM s"
		time, hash = "0", "CAST(printf('%032d', n) AS BLOB)"
	}
	for _, statement := range []string{
		"INSERT INTO tenants (id, name, name_key, created_at) SELECT 't' || n, 'n' || n, 'k' || n, @time FROM (@series) AS s",
		"INSERT INTO users (id, email, email_key, name, home_tenant_id, created_at) SELECT 'u' || n, 'e' || n, 'e' || n, 'n', 't' || n, @time FROM (@series) AS s",
		"INSERT INTO memberships (tenant_id, user_id, role, joined_at) SELECT 't' || n, 'u' || n, 'owner', @time FROM (@series) AS s",
		"INSERT INTO invitations (id, tenant_id, email_key, role, invited_by, hash, created_at, expires_at) SELECT 'i' || n, 't' || n, 'e', 'member', 'u' || n, @hash, @time, @time FROM (@series) AS s",
		"INSERT INTO identities (provider, subject, user_id) SELECT 'p', 's' || n, 'u' || n FROM (@series) AS s",
		"INSERT INTO tokens (id, purpose, hash, user_id, data, created_at, expires_at) SELECT 'k' || n, 'p', @hash, 'u' || n, '', @time, @time FROM (@series) AS s",
		"ANALYZE",
	} {
		statement = strings.NewReplacer("@series", series, "@time", time, "@hash", hash).Replace(statement)
		if _, err := db.SQL().ExecContext(t.Context(), statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
}

// methods calls all methods of both seams, in a way that each does what it is for.
func methods(t testing.TB, db *userdb.DB) map[string]func() error {
	users, tenants, ctx := db.Users(), db.Tenants(), t.Context()
	user := func() auth.User { return register(t, db) }
	member := func() (tenantID string, who auth.User) {
		owner, who := user(), user()
		join(t, db, owner.Home, who, tenant.Owner)
		return owner.Home, who
	}
	home, who := member()
	leaving, leaver := member()
	third, _ := member()
	one, other, doomed, someone := user(), user(), user(), user()
	token, key, invitation, guest := put(t, db, one.ID), put(t, db, one.ID), invite(t, db, one.Home, other.Email, tenant.Member), invited(t, db, one.Home)
	revoked := invite(t, db, other.Home, "a@example.com", tenant.Member)
	created := parse(t, word())
	mine := auth.Identity{Provider: "p", Subject: word()}
	if err := errors.Join(users.SetPassword(ctx, one.ID, "hash"), users.AddIdentity(ctx, one.ID, mine)); err != nil {
		t.Fatal(err)
	}
	return map[string]func() error{
		"Register":        func() error { return second(users.Register(ctx, registration(t))) },
		"Register, guest": func() error { return second(users.Register(ctx, guest)) },
		"Available":       func() error { return users.Available(ctx, "free@example.com", parse(t, word())) },
		"ByIDs":           func() error { return second(users.ByIDs(ctx, one.ID, other.ID)) },
		"ByEmail":         func() error { return second(byEmail(t, db, other.Email)) },
		"ByIdentity":      func() error { return second(users.ByIdentity(ctx, auth.Identity{Provider: "p", Subject: "s7"})) },
		"SetEmail":        func() error { return users.SetEmail(ctx, one.ID, word()+"@example.com") },
		"SetName":         func() error { return users.SetName(ctx, one.ID, "name") },
		"SetPassword":     func() error { return users.SetPassword(ctx, one.ID, "hash") },
		"Rehash":          func() error { return users.Rehash(ctx, one.ID, "hash", "another") },
		"SetStatus":       func() error { return users.SetStatus(ctx, one.ID, auth.Inactive) },
		"AddIdentity":     func() error { return users.AddIdentity(ctx, one.ID, auth.Identity{Provider: "p", Subject: word()}) },
		"Identities":      func() error { return second(users.Identities(ctx, "u7")) },
		"RemoveIdentity":  func() error { return users.RemoveIdentity(ctx, one.ID, mine) },
		"Delete":          func() error { return users.Delete(ctx, doomed.ID) },
		"PutToken":        func() error { put(t, db, one.ID); return nil },
		"Token":           func() error { return second(users.Token(ctx, purpose, token.Hash, now())) },
		"TakeToken":       func() error { return second(users.TakeToken(ctx, purpose, key.Hash, now())) },
		"Tokens":          func() error { return second(users.Tokens(ctx, purpose, one.ID, now())) },
		"DropToken":       func() error { return users.DropToken(ctx, purpose, other.ID, put(t, db, other.ID).ID) },
		"Memberships":     func() error { return second(tenants.Memberships(ctx, who.ID)) },
		"Members":         func() error { return second(tenants.Members(ctx, home)) },
		"Create":          func() error { return second(tenants.Create(ctx, created, one.ID)) },
		"Rename":          func() error { return tenants.Rename(ctx, home, parse(t, word())) },
		"Tenant status":   func() error { return tenants.SetStatus(ctx, home, tenant.Suspended) },
		"Delete a tenant": func() error { return second(tenants.Delete(ctx, third)) },
		"SetRole":         func() error { return tenants.SetRole(ctx, home, who.ID, tenant.Member) },
		"Remove":          func() error { return tenants.Remove(ctx, leaving, leaver.ID) },
		"Remove from home": func() error {
			join(t, db, someone.Home, one, tenant.Owner)
			return tenants.Remove(ctx, someone.Home, someone.ID)
		},
		"Invite":      func() error { invite(t, db, home, "b@example.com", tenant.Member); return nil },
		"Invitations": func() error { return second(tenants.Invitations(ctx, one.Home, now())) },
		"Revoke":      func() error { return tenants.Revoke(ctx, other.Home, revoked.ID) },
		"Accept":      func() error { return second(tenants.Accept(ctx, invitation.Hash, other.ID, other.Email, now())) },
		"Sweep":       func() error { return second(db.Sweep(ctx, now())) },
	}
}

// Deleting follows foreign keys, and each of them has an index that leads there. EXPLAIN does not show this.
func TestEveryForeignKeyHasAnIndex(t *testing.T) {
	onEach(t, func(t *testing.T, address string) {
		db := open(t, address)
		keys, missing := "pg_constraint WHERE contype = 'f'", `pg_constraint c WHERE c.contype = 'f' AND NOT EXISTS (
			SELECT 1 FROM pg_index i WHERE i.indrelid = c.conrelid AND i.indkey[0] = c.conkey[1])`
		if isSQLite(db) {
			keys = "sqlite_schema m, pragma_foreign_key_list(m.name) f WHERE m.type = 'table'"
			missing = keys + ` AND NOT EXISTS (SELECT 1 FROM pragma_index_list(m.name) l, pragma_index_info(l.name) i
				WHERE i.seqno = 0 AND i.name = f."from")`
		}
		if n := rows(t, db, keys); n != 7 {
			t.Errorf("%d foreign keys, want 7", n)
		}
		if n := rows(t, db, missing); n != 0 {
			t.Errorf("%d foreign keys have no index", n)
		}
	})
}

func TestAllUsersOfASessionCostOneQuery(t *testing.T) {
	onEach(t, func(t *testing.T, address string) {
		db, spy := spied(t, address)
		var ids []string
		for range 5 {
			ids = append(ids, register(t, db).ID)
		}
		queries := 0
		spy.before = func(string, []any) error { queries++; return nil }
		known, err := db.Users().ByIDs(t.Context(), append(ids, "nobody", ids[0])...)
		spy.before = nil
		if err != nil || len(known) != 5 || queries != 1 {
			t.Errorf("%d users by %d queries: %v, want 5 by one", len(known), queries, err)
		}
		for _, none := range [][]string{nil, {"nobody"}} {
			if known, err := db.Users().ByIDs(t.Context(), none...); err != nil || len(known) != 0 || known == nil {
				t.Errorf("ids %v: %v %v", none, known, err)
			}
		}
	})
}
