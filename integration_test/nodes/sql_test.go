package nodes_test

import (
	"testing"
	"time"

	"github.com/multiaccount-go/multiaccount/integration_test/sitetest"
	"github.com/multiaccount-go/multiaccount/internal/postgres"
)

// Two processes that share nothing but a PostgreSQL: each has a Redis of its own inside, for notes and mail.
func TestASwitchReachesTheTabsOfAnotherProcessOverPostgreSQLAlone(t *testing.T) {
	server, err := postgres.Start()
	if err != nil {
		t.Fatal(err)
	}
	defer server.Stop()
	t.Run("two processes", func(t *testing.T) { // which end before the server
		t.Setenv("DATABASE_URL", server.NewDatabase(t))
		t.Setenv("SESSIONS", "sql")
		one, two := sitetest.Start(t, ""), sitetest.Start(t, "")
		aTabFollows(t, one, two)
	})
}

// aTabFollows: somebody signs in at one process and adds an account at the other; what he switches at the one, his tab at the
// other follows. It returns his browser.
func aTabFollows(t *testing.T, one, two *sitetest.Node) *sitetest.Visitor {
	t.Helper()
	v := sitetest.NewVisitor(t)
	v.SignIn(one, alice)
	v.Add(two, bob)
	before := v.Document(two)
	if before.State != "multi" || before.CurrentEmail() != bob {
		t.Fatalf("got %+v, want Alice and Bob, and Bob current", before)
	}
	tab := v.Open(two, before.V)
	v.Switch(one, alice)
	if m := tab.Next(20 * time.Second); m.Type != "session-changed" || m.Reason != "switched" || m.V <= before.V {
		t.Errorf("the tab hears %+v, want the switch", m)
	}
	if got := v.Document(two).CurrentEmail(); got != alice {
		t.Errorf("the other process shows %q, want %s", got, alice)
	}
	return v
}
