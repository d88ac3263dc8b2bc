package nodes_test

import (
	"net/url"
	"testing"

	"github.com/multiaccount-go/multiaccount/auth/userdb"
	_ "github.com/multiaccount-go/multiaccount/auth/userdb/postgres" // driver
	"github.com/multiaccount-go/multiaccount/integration_test/sitetest"
	"github.com/multiaccount-go/multiaccount/internal/postgres"
)

// The example with its users and tenants in a PostgreSQL, by the routes that people use: two register in one browser, each
// with a tenant of his own, and each finds his own when they switch.
func TestPeopleRegisterAndSwitchOnPostgreSQL(t *testing.T) {
	server, err := postgres.Start()
	if err != nil {
		t.Fatal(err)
	}
	defer server.Stop()
	t.Run("the example", func(t *testing.T) { // which ends before the server
		database := server.NewDatabase(t)
		t.Setenv("DATABASE_URL", database)
		n := sitetest.Start(t, "")
		v := sitetest.NewVisitor(t)
		const erin, frank = "erin@example.com", "frank@example.com"
		v.Register(n, "Erin's", erin)
		v.BeginAdding(n)
		v.Register(n, "Frank's", frank)
		d := v.Document(n)
		if d.State != "multi" || d.CurrentEmail() != frank {
			t.Fatalf("got %+v, want both, and Frank current", d)
		}
		for _, c := range []struct{ email, tenant string }{{erin, "Erin's"}, {frank, "Frank's"}} {
			if v.Document(n).CurrentEmail() != c.email {
				v.Switch(n, c.email)
			}
			if got := where(v, n); got != c.tenant {
				t.Errorf("%s works in %q, want %q", c.email, got, c.tenant)
			}
		}

		// A name that another has is refused by the database that both share.
		other := sitetest.NewVisitor(t)
		form := other.Form(other.Get(n, "/registration/new"), "/registration")
		for name, values := range (url.Values{"account_name": {"ERIN'S"}, "email": {"grace@example.com"},
			"password": {"correct horse battery"}, "password_confirmation": {"correct horse battery"}}) {
			form[name] = values
		}
		if a := other.Post(n, "/registration", form); a.Status != 422 {
			t.Errorf("a name that is taken: got %d", a.Status)
		}

		db, err := userdb.Open(t.Context(), database)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = db.Close() }()
		u, _, err := db.Users().ByEmail(t.Context(), erin)
		if err != nil {
			t.Fatalf("Erin is not in PostgreSQL: %v", err)
		}
		in, err := db.Tenants().Memberships(t.Context(), u.ID)
		if err != nil || len(in) != 1 || in[0].Tenant.Name != "Erin's" {
			t.Errorf("Erin belongs to %+v, error %v", in, err)
		}
	})
}
