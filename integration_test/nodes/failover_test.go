package nodes_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

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
			kill(sessionKey(t, v.SessionCookie(one)))
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

// What docs/redis.md says of changes that the primary acknowledged and no replica had: the session is put back to what it was.
func TestAChangeThatAFailOverLost(t *testing.T) {
	server := redisserver.Start(t)
	rdb := redis.NewClient(&redis.Options{Addr: server.Addr})
	defer rdb.Close()
	one := sitetest.Start(t, server.URL())
	losing := func(t *testing.T, v *sitetest.Visitor, change func()) {
		t.Helper()
		key := sessionKey(t, v.SessionCookie(one))
		before, err := rdb.Dump(t.Context(), key).Result()
		if err != nil {
			t.Fatal(err)
		}
		change()
		if err := rdb.RestoreReplace(t.Context(), key, time.Hour, before).Err(); err != nil {
			t.Fatal(err)
		}
	}

	t.Run("a switch: signed out, never somebody else", func(t *testing.T) {
		v := sitetest.NewVisitor(t)
		v.SignIn(one, alice)
		v.Add(one, bob)
		losing(t, v, func() { v.Switch(one, alice) })
		if d := v.Document(one); d.State != "anonymous" {
			t.Errorf("got %s as %q", d.State, d.CurrentEmail())
		}
		v.SignIn(one, alice) // and all is well
		if d := v.Document(one); d.CurrentEmail() != alice {
			t.Errorf("signed in again: got %s as %q", d.State, d.CurrentEmail())
		}
	})
	t.Run("a sign-out: the session lives, the browser has no cookie of it", func(t *testing.T) {
		v := sitetest.NewVisitor(t)
		v.SignIn(one, alice)
		kept := sitetest.Holding(t, v.CookieHeader(one))
		losing(t, v, func() { v.Post(one, "/link/sign_out", nil) })
		if d := v.Document(one); d.State != "anonymous" {
			t.Errorf("the browser: got %s as %q", d.State, d.CurrentEmail())
		}
		if d := kept.Document(one); d.CurrentEmail() != alice {
			t.Errorf("who has kept the cookie: got %s, want what it was before", d.State)
		}
	})
	t.Run("a sign-in: not signed in", func(t *testing.T) {
		v := sitetest.NewVisitor(t)
		v.SignIn(one, alice)
		if err := rdb.Del(t.Context(), sessionKey(t, v.SessionCookie(one))).Err(); err != nil {
			t.Fatal(err)
		}
		if d := v.Document(one); d.State != "anonymous" {
			t.Errorf("got %s as %q", d.State, d.CurrentEmail())
		}
	})
}

// sessionKey is where redisstore keeps the session of a cookie.
func sessionKey(t *testing.T, value string) string {
	t.Helper()
	cookie, err := account.ParseCookie(value)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("accounts:{p%02d}:s:%s", cookie.ID[0]%64, cookie.ID)
}
