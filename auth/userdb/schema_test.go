package userdb_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/multiaccount-go/multiaccount/auth"
	"github.com/multiaccount-go/multiaccount/auth/userdb"
	"github.com/multiaccount-go/multiaccount/tenant"
)

// PT-01, PT-03, PT-10, PT-16: what must not be is refused by the database itself, whoever writes.
func TestTheSchemaRefuses(t *testing.T) {
	onEach(t, func(t *testing.T, address string) {
		db := open(t, address)
		there := register(t, db)
		time, bytes := "'2026-01-01'", "bytea"
		if isSQLite(db) {
			time, bytes = "0", "BLOB"
		}
		fill := strings.NewReplacer("@time", time, "@home", "'"+there.Home+"'", "@user", "'"+there.ID+"'",
			"@hash", "CAST('"+strings.Repeat("h", 32)+"' AS "+bytes+")")
		before := census(t, db)
		for sentence, statement := range map[string]string{
			"a tenant without a name":             "INSERT INTO tenants (id, name_key, created_at) VALUES ('t', 'key', @time)",
			"a tenant with an empty name":         "INSERT INTO tenants (id, name, created_at) VALUES ('t', '', @time)",
			"a tenant without a key":              "INSERT INTO tenants (id, name, created_at) VALUES ('t', 'Acme', @time)",
			"a tenant with an empty key":          "INSERT INTO tenants (id, name, name_key, created_at) VALUES ('t', 'Acme', '', @time)",
			"a private space with a name":         "INSERT INTO tenants (id, name, name_key, private, created_at) VALUES ('t', 'Acme', 'acme', TRUE, @time)",
			"a state of tenants that is none":     "UPDATE tenants SET status = 'closed'",
			"a user without a tenant":             "INSERT INTO users (id, email, name, created_at) VALUES ('u', '', '', @time)",
			"a user whose tenant is nothing":      "INSERT INTO users (id, email, name, home_tenant_id, created_at) VALUES ('u', '', '', NULL, @time)",
			"a user whose tenant does not exist":  "INSERT INTO users (id, email, name, home_tenant_id, created_at) VALUES ('u', '', '', 'nowhere', @time)",
			"a user who loses his tenant":         "UPDATE users SET home_tenant_id = NULL",
			"an address without a key":            "UPDATE users SET email_key = NULL",
			"a key without an address":            "UPDATE users SET email = ''",
			"an empty key":                        "UPDATE users SET email = '', email_key = ''",
			"a state of users that is none":       "UPDATE users SET status = 'admin'",
			"a role that is none":                 "UPDATE memberships SET role = 'root'",
			"a member twice":                      "INSERT INTO memberships (tenant_id, user_id, role, joined_at) VALUES (@home, @user, 'member', @time)",
			"a member of nothing":                 "INSERT INTO memberships (tenant_id, user_id, role, joined_at) VALUES ('nowhere', @user, 'member', @time)",
			"nobody as a member":                  "INSERT INTO memberships (tenant_id, user_id, role, joined_at) VALUES (@home, 'nobody', 'member', @time)",
			"an invitation to nothing":            "INSERT INTO invitations (id, tenant_id, email_key, role, hash, created_at, expires_at) VALUES ('i', 'nowhere', 'a', 'member', @hash, @time, @time)",
			"an invitation with a short hash":     "INSERT INTO invitations (id, tenant_id, email_key, role, hash, created_at, expires_at) VALUES ('i', @home, 'a', 'member', substr(@hash, 1, 8), @time, @time)",
			"a token of nobody who exists":        "INSERT INTO tokens (id, purpose, hash, user_id, data, created_at, expires_at) VALUES ('k', 'p', @hash, 'nobody', '', @time, @time)",
			"a token without a purpose":           "INSERT INTO tokens (id, purpose, hash, data, created_at, expires_at) VALUES ('k', '', @hash, '', @time, @time)",
			"an identity of nobody who exists":    "INSERT INTO identities (provider, subject, user_id) VALUES ('p', 's', 'nobody')",
			"an identity without a subject":       "INSERT INTO identities (provider, subject, user_id) VALUES ('p', '', @user)",
			"a user without an id":                "INSERT INTO users (id, email, name, home_tenant_id, created_at) VALUES ('', '', '', @home, @time)",
			"a user with an id that is not there": "INSERT INTO users (id, email, name, home_tenant_id, created_at) VALUES (NULL, '', '', @home, @time)",
		} {
			_, err := db.SQL().ExecContext(t.Context(), fill.Replace(statement))
			if err == nil {
				t.Errorf("%s is kept", sentence)
			} else if !isConstraint(err) {
				t.Errorf("%s: %v, which is no constraint", sentence, err)
			}
		}
		if after := census(t, db); after != before {
			t.Errorf("before %s, after %s", before, after)
		}
	})
}

// PT-04: also when somebody deletes a tenant by hand, its users go with it, and with them what hangs on them.
func TestTheSchemaTakesAlongWhatHangsOnATenant(t *testing.T) {
	onEach(t, func(t *testing.T, address string) {
		db := open(t, address)
		owner, other := register(t, db), register(t, db)
		put(t, db, owner.ID)
		put(t, db, other.ID)
		invite(t, db, owner.Home, "a@example.com", tenant.Member)
		if _, err := db.SQL().ExecContext(t.Context(), "DELETE FROM tenants WHERE id = $1", owner.Home); err != nil {
			t.Fatal(err)
		}
		if got := census(t, db); got != "tenants 1, users 1, memberships 1, invitations 0, identities 1, tokens 1" {
			t.Errorf("left %s", got)
		}
	})
}

// isConstraint reports whether a constraint was broken, in the words of either driver.
func isConstraint(err error) bool {
	var postgres interface{ SQLState() string }
	var sqlite interface{ Code() int }
	return errors.As(err, &postgres) && strings.HasPrefix(postgres.SQLState(), "23") ||
		errors.As(err, &sqlite) && sqlite.Code()&0xff == 19
}

// The seams have errors for what the schema refuses.
func TestWhatTheSchemaRefusesIsToldInTheWordsOfTheSeams(t *testing.T) {
	onEach(t, func(t *testing.T, address string) {
		db := open(t, address)
		users, tenants, ctx := db.Users(), db.Tenants(), t.Context()
		one, other := registration(t), registration(t)
		user, err := users.Register(ctx, one)
		if err != nil {
			t.Fatal(err)
		}
		second, err := users.Register(ctx, other)
		if err != nil {
			t.Fatal(err)
		}
		is(t, users.SetEmail(ctx, user.ID, strings.ToUpper(other.Email)), auth.ErrEmailTaken)
		is(t, users.AddIdentity(ctx, user.ID, *other.Identity), auth.ErrIdentityTaken)
		if err := users.AddIdentity(ctx, user.ID, *one.Identity); err != nil {
			t.Errorf("an identity that is his own already: %v", err)
		}
		is(t, users.AddIdentity(ctx, "nobody", auth.Identity{Provider: "p", Subject: "s"}), auth.ErrUnknown)
		is(t, tenants.Rename(ctx, user.Home, other.Tenant), tenant.ErrNameTaken)
		if err := tenants.Rename(ctx, user.Home, one.Tenant); err != nil {
			t.Errorf("a name that is its own already: %v", err)
		}
		_, err = tenants.Create(ctx, parse(t, word()), "nobody")
		is(t, err, tenant.ErrNotFound)
		is(t, tenants.Invite(ctx, tenant.Invitation{TenantID: "nothing", Email: "a@example.com", Role: tenant.Member}), tenant.ErrNotFound)
		is(t, tenants.Invite(ctx, tenant.Invitation{TenantID: user.Home, By: "nobody", Email: "a@example.com", Role: tenant.Member}), tenant.ErrNotFound)
		i := invite(t, db, user.Home, second.Email, tenant.Member)
		_, err = tenants.Accept(ctx, i.Hash, "nobody", second.Email, now())
		is(t, err, tenant.ErrNotFound)
		if _, _, err := tenants.Invitation(ctx, i.Hash, now()); err != nil {
			t.Errorf("the invitation is closed by nobody: %v", err)
		}
		for what, err := range map[string]error{
			"a role":           tenants.SetRole(ctx, user.Home, user.ID, "root"),
			"a state":          users.SetStatus(ctx, user.ID, "admin"),
			"a tenant's state": tenants.SetStatus(ctx, user.Home, "closed"),
			"no name":          tenants.Rename(ctx, user.Home, tenant.Name{}),
		} {
			if err == nil {
				t.Errorf("%s that does not exist is kept", what)
			}
			isNot(t, err, auth.ErrUnknown, auth.ErrEmailTaken, tenant.ErrNotFound, tenant.ErrNameTaken)
		}
	})
}

// PT-16: a tenant that goes away in the middle of a registration is an invitation that is used, not a failure.
func TestATenantThatVanishesWhileSomebodyRegisters(t *testing.T) {
	onEach(t, func(t *testing.T, address string) {
		db, spy := spied(t, address)
		owner := register(t, db)
		r := invited(t, db, owner.Home)
		isGone := false
		spy.before = func(query string, _ []any) error {
			if isGone || !strings.Contains(query, "FROM tenants") || isSQLite(db) {
				return nil
			}
			isGone = true // after the invitation was found, before its tenant is locked
			_, err := open(t, address).Tenants().Delete(t.Context(), owner.Home)
			return err
		}
		if isSQLite(db) { // there nothing happens in between: a registration has the database for itself
			if _, err := db.Tenants().Delete(t.Context(), owner.Home); err != nil {
				t.Fatal(err)
			}
			isGone = true
		}
		_, err := db.Users().Register(t.Context(), r)
		spy.before = nil
		is(t, err, tenant.ErrInvitationUsed)
		if got := census(t, db); !isGone || got != "tenants 0, users 0, memberships 0, invitations 0, identities 0, tokens 0" {
			t.Errorf("gone %v; left: %s", isGone, got)
		}
	})
}

// Texts that a database cannot keep are not found, and are never told as a failure of the server.
func TestHostileTextsAreNotFound(t *testing.T) {
	onEach(t, func(t *testing.T, address string) {
		db := open(t, address)
		users, tenants, ctx := db.Users(), db.Tenants(), t.Context()
		user := register(t, db)
		for _, id := range []string{"", "\x00", "\xff", "a\x00b", "'; DROP TABLE users; --", strings.Repeat("x", 100_000), "$1", "%"} {
			known, err := users.ByIDs(ctx, id, user.ID, id)
			if err != nil || len(known) != 1 || known[user.ID] != user {
				t.Errorf("ids with %.20q: %+v %v", id, known, err)
			}
			for _, err := range []error{
				second(byEmail(t, db, id)), second(users.ByIdentity(ctx, auth.Identity{Provider: id, Subject: id})),
				users.SetEmail(ctx, id, "a@example.com"), users.SetName(ctx, id, "a"), users.SetPassword(ctx, id, "a"),
				users.SetStatus(ctx, id, auth.Active), users.AddIdentity(ctx, id, auth.Identity{Provider: "p", Subject: "s"}),
				users.Delete(ctx, id), users.DropToken(ctx, purpose, id, id),
				second(users.Token(ctx, auth.Purpose(id), auth.Hash{}, now())), second(users.TakeToken(ctx, auth.Purpose(id), auth.Hash{}, now())),
			} {
				is(t, err, auth.ErrUnknown)
			}
			for _, err := range []error{
				tenants.SetStatus(ctx, id, tenant.Active), second(tenants.Delete(ctx, id)), tenants.SetRole(ctx, id, id, tenant.Member),
				tenants.SetRole(ctx, user.Home, id, tenant.Owner), tenants.Remove(ctx, user.Home, id), tenants.Remove(ctx, id, user.ID),
				tenants.Revoke(ctx, id, id), tenants.Revoke(ctx, user.Home, id), tenants.Rename(ctx, id, parse(t, word())),
				second(tenants.Create(ctx, parse(t, word()), id)),
			} {
				is(t, err, tenant.ErrNotFound)
			}
			if all, err := tenants.Members(ctx, id); err != nil || len(all) != 0 {
				t.Errorf("members of %.20q: %v %v", id, all, err)
			}
			if all, err := users.Tokens(ctx, purpose, id, now()); err != nil || len(all) != 0 {
				t.Errorf("tokens of %.20q: %v %v", id, all, err)
			}
			if all, err := tenants.Invitations(ctx, id, now()); err != nil || len(all) != 0 {
				t.Errorf("invitations of %.20q: %v %v", id, all, err)
			}
		}
		for _, text := range []string{"\x00", "\xff"} {
			r := registration(t)
			r.Name = text
			_, err := users.Register(ctx, r)
			if err == nil || users.SetName(ctx, user.ID, text) == nil || users.SetEmail(ctx, user.ID, text+"@example.com") == nil {
				t.Errorf("%q was kept", text)
			}
		}
	})
}

func second[T any](_ T, err error) error { return err }

// byEmail leaves the hash out.
func byEmail(t testing.TB, db *userdb.DB, email string) (auth.User, error) {
	user, _, err := db.Users().ByEmail(t.Context(), email)
	return user, err
}
