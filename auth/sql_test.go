package auth_test

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"github.com/multiaccount-go/multiaccount/auth/userdb"
	_ "github.com/multiaccount-go/multiaccount/auth/userdb/postgres"
	_ "github.com/multiaccount-go/multiaccount/auth/userdb/sqlite"
	"github.com/multiaccount-go/multiaccount/internal/postgres"
)

func TestMain(m *testing.M) {
	code := m.Run()
	postgres.StopShared()
	os.Exit(code)
}

// onEach runs a test with the users in a file of SQLite, and in PostgreSQL.
func onEach(t *testing.T, test func(t *testing.T, s *site)) {
	t.Helper()
	t.Run("SQLite", func(t *testing.T) { test(t, newSQLSite(t, "sqlite:"+filepath.Join(t.TempDir(), "users.db"))) })
	t.Run("PostgreSQL", func(t *testing.T) { test(t, newSQLSite(t, postgres.Shared(t).NewDatabase(t))) })
}

// newSQLSite is a site with its users in a database.
func newSQLSite(t testing.TB, address string) *site {
	t.Helper()
	users, err := userdb.Open(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := users.Close(); err != nil {
			t.Errorf("closing the database: %v", err)
		}
	})
	return newSiteOn(t, &db{Store: users.Users(), tenants: users.Tenants()})
}

// From registration to deletion with the users in a database: what the pages say of a real store's errors.
func TestALifeInADatabase(t *testing.T) {
	onEach(t, func(t *testing.T, s *site) {
		v := s.visitor()
		v.leads(v.register("Acme", "Alice@example.com"), "/")
		if got := s.tenants("alice@example.com"); !slices.Equal(got, []string{"Acme:owner"}) || v.current() != "Alice@example.com" {
			t.Errorf("belongs to %v, current %q", got, v.current())
		}
		a := s.visitor().register("acme", "ALICE@example.com")
		if a.Status != 422 || problem(t, a, "account_name") == "" || problem(t, a, "email") == "" {
			t.Errorf("got %d %s", a.Status, a.Body)
		}
		v.leads(v.submit("/profile", "/profile", "email", "alice@new.example.com", "name", "Alice"), "/profile")
		v.leads(v.submit("/profile", "/profile/password", "password", better, "password_confirmation", better), "/profile")
		v.leads(v.post("/session/sign_out", url.Values{"_stamp": {v.stamp()}}), "/")
		v.must(422, v.signIn("alice@new.example.com", good))
		v.must(303, v.signIn("ALICE@new.example.com", better))
		v.leads(v.submit("/profile", "/profile/delete"), "/")
		if _, ok := s.user("alice@new.example.com"); ok || !s.isFree("Acme") || v.current() != "" {
			t.Error("is there still")
		}
	})
}

// TN-04
func TestOfManyWhoRegisterWithOneNameAtOnceInADatabaseOneDoes(t *testing.T) {
	onEach(t, func(t *testing.T, s *site) {
		const many = 20
		statuses := make([]int, many)
		var all sync.WaitGroup
		for i := range many {
			all.Go(func() {
				statuses[i] = s.visitor().post("/registration", url.Values{"account_name": {[]string{"Acme", "ACME", " acme "}[i%3]},
					"email": {fmt.Sprintf("user%d@example.com", i)}, "password": {good}, "password_confirmation": {good}}).Status
			})
		}
		all.Wait()
		slices.Sort(statuses)
		if statuses[0] != 303 || statuses[1] != 422 || statuses[many-1] != 422 {
			t.Errorf("got %v", statuses)
		}
	})
}
