package userdb_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/multiaccount-go/multiaccount/auth"
	"github.com/multiaccount-go/multiaccount/auth/userdb"
	_ "github.com/multiaccount-go/multiaccount/auth/userdb/postgres"
	_ "github.com/multiaccount-go/multiaccount/auth/userdb/sqlite"
	"github.com/multiaccount-go/multiaccount/internal/postgres"
	"github.com/multiaccount-go/multiaccount/tenant"
)

func TestMain(m *testing.M) {
	if runAsChild() {
		return
	}
	code := m.Run()
	postgres.StopShared()
	os.Exit(code)
}

// onEach runs a test on both engines, each time with the address of an empty database.
func onEach(t *testing.T, test func(t *testing.T, address string)) {
	t.Helper()
	for engine, address := range engines {
		t.Run(engine, func(t *testing.T) { test(t, address(t)) })
	}
}

var engines = map[string]func(t testing.TB) string{
	"SQLite":     func(t testing.TB) string { return "sqlite:" + filepath.Join(t.TempDir(), "users.db") },
	"PostgreSQL": func(t testing.TB) string { return postgres.Shared(t).NewDatabase(t) },
}

// open opens a database for as long as the test lasts.
func open(t testing.TB, address string, opts ...userdb.Option) *userdb.DB {
	t.Helper()
	db, err := userdb.Open(t.Context(), address, opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		awaitIdle(t, db)
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

// awaitIdle waits until all connections are given back: one whose context has ended in the middle is closed a little later.
func awaitIdle(t testing.TB, db *userdb.DB) {
	t.Helper()
	used := 0
	for range 1000 {
		if used = db.SQL().Stats().InUse; used == 0 {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Errorf("%d connections were not given back", used)
}

var drawn atomic.Int64

// word returns a word that no other call returns, of letters that look like no others.
func word() string {
	const letters = "abcdefghkp"
	n := drawn.Add(1)
	w := []byte("word")
	for ; n > 0; n /= int64(len(letters)) {
		w = append(w, letters[n%int64(len(letters))])
	}
	return string(w)
}

func parse(t testing.TB, typed string) tenant.Name {
	t.Helper()
	name, err := tenant.ParseName(typed)
	if err != nil {
		t.Fatalf("name %q: %v", typed, err)
	}
	return name
}

// registration is one that is free: of a tenant, by its owner.
func registration(t testing.TB) auth.Registration {
	t.Helper()
	w := word()
	return auth.Registration{
		Email: w + "@example.com", Name: w, PasswordHash: "hash", Tenant: parse(t, w), Now: now(),
		Identity: &auth.Identity{Provider: "https://idp.example", Subject: w},
	}
}

func register(t testing.TB, db *userdb.DB) auth.User {
	t.Helper()
	user, err := db.Users().Register(t.Context(), registration(t))
	if err != nil {
		t.Fatal(err)
	}
	return user
}

// join makes a user a member of a tenant.
func join(t testing.TB, db *userdb.DB, tenantID string, user auth.User, role tenant.Role) {
	t.Helper()
	i := invite(t, db, tenantID, user.Email, role)
	if _, err := db.Tenants().Accept(t.Context(), i.Hash, user.ID, tenant.EmailKey(user.Email), now()); err != nil {
		t.Fatal(err)
	}
}

func invite(t testing.TB, db *userdb.DB, tenantID, email string, role tenant.Role) tenant.Invitation {
	t.Helper()
	i := tenant.Invitation{
		ID: word(), TenantID: tenantID, Email: tenant.EmailKey(email), Role: role, Hash: tenant.NewSecret().Hash(),
		Created: now(), Expires: now().Add(time.Hour),
	}
	if err := db.Tenants().Invite(t.Context(), i); err != nil {
		t.Fatal(err)
	}
	return i
}

// now is the time in the precision that databases keep.
func now() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }

// rows counts the rows of a table, or of what stands behind FROM.
func rows(t testing.TB, db *userdb.DB, table string, args ...any) (n int) {
	t.Helper()
	if err := db.SQL().QueryRowContext(t.Context(), "SELECT count(*) FROM "+table, args...).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

var tables = []string{"tenants", "users", "memberships", "invitations", "identities", "tokens"}

// census counts the rows of all tables.
func census(t testing.TB, db *userdb.DB) string {
	t.Helper()
	var all []string
	for _, table := range tables {
		all = append(all, fmt.Sprint(table, " ", rows(t, db, table)))
	}
	return strings.Join(all, ", ")
}

// is fails the test when err is not each of the wanted errors.
func is(t testing.TB, err error, wanted ...error) {
	t.Helper()
	for _, want := range wanted {
		if !errors.Is(err, want) {
			t.Errorf("got %v, want %v", err, want)
		}
	}
}

// isNot fails the test when err is one of the unwanted ones.
func isNot(t testing.TB, err error, unwanted ...error) {
	t.Helper()
	for _, not := range unwanted {
		if errors.Is(err, not) {
			t.Errorf("got %v, which is %v", err, not)
		}
	}
}

// atOnce runs a function n times at the same time and returns the errors.
func atOnce(n int, run func(i int) error) []error {
	errs := make([]error, n)
	start := make(chan struct{})
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			<-start
			errs[i] = run(i)
		})
	}
	close(start)
	all.Wait()
	return errs
}

// ended is a context that has ended.
func ended(t testing.TB) context.Context {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	return ctx
}
