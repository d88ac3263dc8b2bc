package nodes_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/multiaccount-go/multiaccount/account"
	"github.com/multiaccount-go/multiaccount/integration_test/redisserver"
	"github.com/multiaccount-go/multiaccount/integration_test/sitetest"
)

// The example as it is, two processes of it, on a Redis of the size where one server ends: the one that has the session
// dies, and soon whoever is signed in is still signed in, switches, and is followed.
func TestTheExampleOutlivesItsRedis(t *testing.T) {
	for name, start := range map[string]func(t *testing.T) (url string, kill func(sessionKey string)){
		"Sentinel": func(t *testing.T) (string, func(string)) {
			s := redisserver.StartSentinel(t)
			return s.URL(), func(string) { s.Primary().Stop() }
		},
		"cluster": func(t *testing.T) (string, func(string)) {
			servers := redisserver.StartReplicatedCluster(t)
			return redisserver.ClusterURL(servers), func(key string) { redisserver.MasterOf(t, servers, key).Stop() }
		},
	} {
		t.Run(name, func(t *testing.T) {
			url, kill := start(t)
			one, two := sitetest.Start(t, url), sitetest.Start(t, url)
			v := aTabFollows(t, one, two)
			cookie, err := account.ParseCookie(v.SessionCookie(one))
			if err != nil {
				t.Fatal(err)
			}
			kill(fmt.Sprintf("accounts:{p%02d}:s:%s", cookie.ID[0]%64, cookie.ID))
			deadline := time.Now().Add(30 * time.Second)
			for _, node := range []*sitetest.Node{one, two} { // each finds out by itself who has taken over
				a := v.Get(node, "/link/accounts", "Accept", "application/json")
				for ; a.Status != http.StatusOK; a = v.Get(node, "/link/accounts", "Accept", "application/json") {
					if a.Status != http.StatusServiceUnavailable || a.SetsCookie() || time.Now().After(deadline) {
						t.Fatalf("while nobody has taken over: %d, sets a cookie %v", a.Status, a.SetsCookie())
					}
					time.Sleep(50 * time.Millisecond)
				}
			}
			before := v.Document(two)
			if before.State != "multi" || before.CurrentEmail() != alice {
				t.Fatalf("after it: %+v, want Alice and Bob, and Alice current", before)
			}
			tab := v.Open(two, before.V)
			v.Switch(one, bob)
			if m := tab.Next(20 * time.Second); m.Type != "session-changed" || m.V <= before.V {
				t.Errorf("the tab hears %+v, want the switch", m)
			}
			if got := v.Document(two).CurrentEmail(); got != bob {
				t.Errorf("the other process shows %q, want %s", got, bob)
			}
		})
	}
}
