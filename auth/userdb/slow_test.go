package userdb_test

import (
	"context"
	"database/sql"
	"errors"
	"net"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/multiaccount-go/multiaccount/auth"
	"github.com/multiaccount-go/multiaccount/auth/userdb"
	"github.com/multiaccount-go/multiaccount/internal/postgres"
	"github.com/multiaccount-go/multiaccount/tenant"
)

// What a database that does not answer may cost: the time that the context gives, and a little.
const (
	given = 150 * time.Millisecond
	soon  = 3 * time.Second
)

// takesAsLongAsItMay fails the test unless something ends soon after its context, and says that this was why.
func takesAsLongAsItMay(t *testing.T, what string, call func(ctx context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), given)
	defer cancel()
	start := time.Now()
	err := call(ctx)
	if took := time.Since(start); took > soon {
		t.Errorf("%s took %v", what, took)
	}
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%s: got %v, want the context's end", what, err)
	}
}

func TestADatabaseThatIsLockedKeepsNobodyLongerThanHisContext(t *testing.T) {
	onEach(t, func(t *testing.T, address string) {
		db, other := open(t, address), open(t, address)
		owner := register(t, db)
		token := put(t, db, owner.ID)
		unlock := lock(t, other)
		calls := map[string]func(ctx context.Context) error{
			"Register":  func(ctx context.Context) error { return second(db.Users().Register(ctx, registration(t))) },
			"SetName":   func(ctx context.Context) error { return db.Users().SetName(ctx, owner.ID, "name") },
			"Delete":    func(ctx context.Context) error { return db.Users().Delete(ctx, owner.ID) },
			"TakeToken": func(ctx context.Context) error { return second(db.Users().TakeToken(ctx, purpose, token.Hash, now())) },
			"Create":    func(ctx context.Context) error { return second(db.Tenants().Create(ctx, parse(t, word()), owner.ID)) },
			"Remove":    func(ctx context.Context) error { return db.Tenants().Remove(ctx, owner.Home, owner.ID) },
			"Sweep":     func(ctx context.Context) error { return second(db.Sweep(ctx, now().Add(time.Hour))) },
		}
		if !isSQLite(db) { // whose readers go on meanwhile
			calls["ByIDs"] = func(ctx context.Context) error { return second(db.Users().ByIDs(ctx, owner.ID)) }
			calls["Available"] = func(ctx context.Context) error { return db.Users().Available(ctx, "", tenant.Name{}) }
			calls["Members"] = func(ctx context.Context) error { return second(db.Tenants().Members(ctx, owner.Home)) }
		} else if !exists(t, db, owner.ID) {
			t.Error("a reader waits for a writer")
		}
		for what, call := range calls {
			takesAsLongAsItMay(t, what, call)
		}
		// Many who wait at once do not wait for each other.
		start := time.Now()
		for _, err := range atOnce(30, func(int) error {
			ctx, cancel := context.WithTimeout(t.Context(), given)
			defer cancel()
			return db.Users().SetName(ctx, owner.ID, "name")
		}) {
			is(t, err, context.DeadlineExceeded)
		}
		if took := time.Since(start); took > soon {
			t.Errorf("thirty at once took %v", took)
		}
		unlock()
		if err := db.Users().SetName(t.Context(), owner.ID, "after"); err != nil {
			t.Errorf("afterwards: %v", err)
		}
		known, err := db.Users().ByIDs(t.Context(), owner.ID)
		if err != nil || known[owner.ID].Name != "after" {
			t.Errorf("kept %+v %v", known, err)
		}
	})
}

// lock keeps a database from everybody else until it is unlocked.
func lock(t *testing.T, db *userdb.DB) (unlock func()) {
	t.Helper()
	conn, err := db.SQL().Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	statements := []string{"BEGIN", "LOCK TABLE users, tenants, tokens, memberships, invitations IN ACCESS EXCLUSIVE MODE"}
	if isSQLite(db) {
		statements = []string{"BEGIN EXCLUSIVE"}
	}
	for _, statement := range statements {
		if _, err := conn.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	return func() {
		t.Helper()
		if _, err := conn.ExecContext(t.Context(), "ROLLBACK"); err != nil {
			t.Error(err)
		}
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestAPoolThatIsExhaustedKeepsNobodyLongerThanHisContext(t *testing.T) {
	onEach(t, func(t *testing.T, address string) {
		db := open(t, address, userdb.WithMaxConns(1))
		owner := register(t, db)
		conn, err := db.SQL().Conn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		takesAsLongAsItMay(t, "a read", func(ctx context.Context) error { return second(db.Users().ByIDs(ctx, owner.ID)) })
		takesAsLongAsItMay(t, "a write", func(ctx context.Context) error { return db.Users().SetName(ctx, owner.ID, "name") })
		if err := conn.Close(); err != nil {
			t.Fatal(err)
		}
		if !exists(t, db, owner.ID) {
			t.Error("the pool stays exhausted")
		}
	})
}

// A server that accepts a connection and says nothing.
func TestAServerThatSaysNothingKeepsNobodyLongerThanHisContext(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	takesAsLongAsItMay(t, "Open", func(ctx context.Context) error {
		return second(userdb.Open(ctx, "postgres://test:secret@"+l.Addr().String()+"/test?sslmode=disable"))
	})
}

// A server that goes away and comes back: what was open is opened anew, and nothing is told of passwords.
func TestErrorsTellNoSecrets(t *testing.T) {
	server, err := postgres.Start()
	if err != nil {
		t.Fatal(err)
	}
	defer server.Stop()
	address := server.NewDatabase(t)
	db := open(t, address)
	r := registration(t)
	r.PasswordHash = "secret hash"
	user, err := db.Users().Register(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	refused := []error{
		second(db.Users().Register(t.Context(), r)),
		db.Users().SetStatus(t.Context(), user.ID, "admin"),
		second(userdb.Open(t.Context(), strings.Replace(address, server.Password(), "wrong-secret", 1))),
		second(userdb.Open(t.Context(), address+"?sslmode=secret-of-nobody")),
	}
	server.Stop()
	refused = append(refused,
		second(db.Users().Register(t.Context(), registration(t))),
		second(db.Users().ByIDs(t.Context(), user.ID)),
		db.Users().SetPassword(t.Context(), user.ID, "secret hash"),
		second(userdb.Open(t.Context(), address)),
		db.Ping(t.Context()),
	)
	for _, err := range refused {
		if err == nil {
			t.Error("one call succeeded")
			continue
		}
		isNot(t, err, auth.ErrUnknown, sql.ErrNoRows)
		for _, secret := range []string{server.Password(), "wrong-secret", "secret hash", r.Email, url.QueryEscape(r.Email)} {
			if strings.Contains(err.Error(), secret) {
				t.Errorf("%q tells %q", err, secret)
			}
		}
	}
}
