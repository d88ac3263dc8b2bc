// Package faults_test breaks Redis, and the wire to it, under running processes of the example.
package faults_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/multiaccount-go/multiaccount/integration_test/redisserver"
	"github.com/multiaccount-go/multiaccount/integration_test/sitetest"
)

func TestMain(m *testing.M) { sitetest.Main(m) }

const (
	alice = "alice@example.com"
	bob   = "bob@example.com"

	policy   = 1008
	comeBack = 1012
)

// two returns a visitor who is signed in as Alice and Bob, and is Bob.
func two(t *testing.T, n *sitetest.Node) *sitetest.Visitor {
	t.Helper()
	v := sitetest.NewVisitor(t)
	v.SignIn(n, alice)
	v.Add(n, bob)
	return v
}

// TestRedisIsAway: whatever way Redis is away, everything that needs it is refused in time and nobody loses their session.
func TestRedisIsAway(t *testing.T) {
	ways := map[string]func(*testing.T) (url string, away, back func()){
		"it hangs": func(t *testing.T) (string, func(), func()) {
			server := redisserver.Start(t)
			t.Cleanup(server.Resume) // or its own end would wait
			return server.URL(), server.Hang, server.Resume
		},
		"the wire is silent": func(t *testing.T) (string, func(), func()) {
			wire := newLink(t, redisserver.Start(t))
			return wire.URL(), wire.Silence, wire.Heal
		},
		"nothing listens": func(t *testing.T) (string, func(), func()) {
			wire := newLink(t, redisserver.Start(t))
			return wire.URL(), wire.Refuse, wire.Heal
		},
		"it is slow": func(t *testing.T) (string, func(), func()) {
			wire := newLink(t, redisserver.Start(t))
			return wire.URL(), func() { wire.Delay(1500 * time.Millisecond) }, wire.Heal
		},
	}
	for name, way := range ways {
		t.Run(name, func(t *testing.T) {
			redisURL, away, back := way(t)
			n := sitetest.Start(t, redisURL)
			stays, leaves := two(t, n), two(t, n)
			d := stays.Document(n)
			tab := stays.Open(n, d.V)
			cookie, alices := stays.SessionCookie(n), account(t, d, alice)
			stamped := url.Values{"_stamp": {d.Stamp}, "text": {"lost"}}

			away()
			refused := func(what string, a sitetest.Answer) {
				t.Helper()
				if a.Status != http.StatusServiceUnavailable || a.Header.Get("Retry-After") == "" || a.SetsCookie() {
					t.Errorf("%s: %d, Retry-After %q, cookie set: %v; want 503 with Retry-After, and the cookie untouched",
						what, a.Status, a.Header.Get("Retry-After"), a.SetsCookie())
				}
				if a.Took > time.Second {
					t.Errorf("%s took %v, want less than a second", what, a.Took)
				}
			}
			refused("a page", stays.Get(n, "/private"))
			refused("the first page", stays.Get(n, "/"))
			refused("a page as JSON", stays.Get(n, "/link/accounts", "Accept", "application/json"))
			refused("a fragment", stays.Get(n, "/notes", "HX-Request", "true", "Sec-Fetch-Site", "same-origin", "X-Account-Stamp", d.Stamp))
			refused("a switch", stays.Post(n, alices.SwitchPath, stamped))
			refused("a note", stays.Post(n, "/notes", stamped))
			if socket, status := stays.TryOpen(n, d.V); socket != nil || status != http.StatusServiceUnavailable {
				t.Errorf("handshake: %d, want 503", status)
			}

			out := leaves.Post(n, "/session/sign_out", nil)
			if out.Status != http.StatusServiceUnavailable || leaves.SessionCookie(n) != "" {
				t.Errorf("sign out: %d, cookie %q; want 503 and no cookie", out.Status, leaves.SessionCookie(n))
			}
			if !strings.Contains(out.Body, "This browser is signed out.") || !strings.Contains(out.Body, "deadline") {
				t.Errorf("the page does not say what signing out means now:\n%s", out.Body)
			}

			for path, want := range map[string]int{"/": 200, "/session/new": 200, "/healthz": 200, "/readyz": 503, "/private": 303} {
				if a := sitetest.NewVisitor(t).Get(n, path); a.Status != want || a.Took > 2*time.Second {
					t.Errorf("a stranger gets %d for %s after %v, want %d", a.Status, path, a.Took, want)
				}
			}

			back()
			sitetest.Eventually(t, "pages are back", func() bool { return stays.Get(n, "/private").Status == http.StatusOK })
			if now := stays.Document(n); stays.SessionCookie(n) != cookie || now.Stamp != d.Stamp || now.CurrentEmail() != bob {
				t.Errorf("after the outage the session is %+v, want it as before: %+v", now, d)
			}
			if notes := stays.Notes(n); len(notes) != 0 {
				t.Errorf("refused notes were kept: %q", notes)
			}
			if got := leaves.Document(n).State; got != "anonymous" {
				t.Errorf("who signed out is %s again", got)
			}
			stays.Switch(n, alice)
			if m := tab.Next(5 * time.Second); m.Type != "session-changed" {
				t.Errorf("the tab that was open all the time is told %+v", m)
			}
			if code := tab.Closed(2 * time.Second); code != comeBack {
				t.Errorf("closed with %d, want %d", code, comeBack)
			}
		})
	}
}

func account(t *testing.T, d sitetest.Document, email string) sitetest.Account {
	t.Helper()
	a, ok := d.Find(email)
	if !ok {
		t.Fatalf("%s is not in %+v", email, d)
	}
	return a
}

// TestRedisComesBackEmpty: whoever was signed in is not any more, and open tabs learn it.
func TestRedisComesBackEmpty(t *testing.T) {
	server := redisserver.Start(t)
	n := sitetest.Start(t, server.URL())
	v := two(t, n)
	tab := v.Open(n, v.Document(n).V)
	server.Stop()
	if a := v.Get(n, "/private"); a.Status != http.StatusServiceUnavailable || a.Took > time.Second {
		t.Errorf("a page while Redis is gone: %d after %v", a.Status, a.Took)
	}
	server.Restart()
	sitetest.Eventually(t, "the page leads to signing in", func() bool {
		a := v.Get(n, "/private")
		return a.Status == http.StatusSeeOther && strings.HasPrefix(a.Location(), "/session/new")
	})
	if m := tab.Next(10 * time.Second); m.Type != "session-ended" {
		t.Errorf("the open tab is told %+v, want that the session ended", m)
	}
	if code := tab.Closed(2 * time.Second); code != policy {
		t.Errorf("closed with %d, want %d", code, policy)
	}
	// Registering needs nothing that was there before.
	v.Register(n, "Frank Ltd", "frank@example.com")
	if got := v.Document(n).CurrentEmail(); got != "frank@example.com" {
		t.Errorf("after registering: %q", got)
	}
}

// TestNoAnswerIsLost cuts the wire between Redis's deed and its word. The client sends again, and it must count once.
func TestNoAnswerIsLost(t *testing.T) {
	server := redisserver.Start(t)
	wire := newLink(t, server)
	n := sitetest.Start(t, wire.URL())
	v := two(t, n)
	for i, to := range []string{alice, bob, alice} {
		before := v.Document(n)
		wire.LoseAnswerTo("evalsha")
		v.Switch(n, to) // fails when it is not 303
		if !wire.Lost() {
			t.Fatal("no answer was lost, so nothing was tried")
		}
		if d := v.Document(n); d.CurrentEmail() != to || d.V != before.V+1 {
			t.Errorf("switch %d: %s with version %d, want %s with version %d", i, d.CurrentEmail(), d.V, to, before.V+1)
		}
	}
	for range 3 {
		wire.LoseAnswerTo("hgetall")
		if a := v.Get(n, "/private"); a.Status != http.StatusOK {
			t.Errorf("a page whose read was cut once: %d", a.Status)
		}
	}
	wire.Cut()
	if a := v.Get(n, "/private"); a.Status != http.StatusOK {
		t.Errorf("a page after all connections were cut: %d", a.Status)
	}
}

func killSubscribers(t *testing.T, server *redisserver.Server) {
	t.Helper()
	rdb := redis.NewClient(&redis.Options{Addr: server.Addr})
	defer rdb.Close()
	if n, err := rdb.ClientKillByFilter(t.Context(), "TYPE", "pubsub").Result(); err != nil || n == 0 {
		t.Fatalf("%d connections killed, %v", n, err)
	}
}

// TestChangesDuringADeafMoment: a node that hears nothing of a change compares with the store once it hears again.
func TestChangesDuringADeafMoment(t *testing.T) {
	server := redisserver.Start(t)
	wire := newLink(t, server)
	deaf, other := sitetest.Start(t, wire.URL()), sitetest.Start(t, server.URL())

	follows := func(t *testing.T, v *sitetest.Visitor, tab *sitetest.Socket, version int64) {
		t.Helper()
		began := time.Now()
		if m := tab.Next(8 * time.Second); m.Type != "session-changed" || m.V <= version {
			t.Errorf("the tab is told %+v, want more than version %d", m, version)
		}
		if code := tab.Closed(2 * time.Second); code != comeBack {
			t.Errorf("closed with %d, want %d", code, comeBack)
		}
		t.Logf("told after %v", time.Since(began))
	}
	t.Run("the connection of the change feed is killed", func(t *testing.T) {
		v := two(t, other)
		for _, to := range []string{alice, bob, alice} {
			version := v.Document(other).V
			tab := v.Open(deaf, version)
			killSubscribers(t, server)
			v.Switch(other, to)
			follows(t, v, tab, version)
		}
	})
	t.Run("the node is cut off for a while", func(t *testing.T) {
		v := two(t, other)
		version := v.Document(other).V
		tab := v.Open(deaf, version)
		wire.Refuse()
		v.Switch(other, alice)
		v.Switch(other, bob)
		wire.Heal()
		follows(t, v, tab, version)
	})
	t.Run("the session ends while the node is cut off", func(t *testing.T) {
		v := two(t, other)
		tab := v.Open(deaf, v.Document(other).V)
		wire.Refuse()
		v.Post(other, "/session/sign_out", nil)
		wire.Heal()
		if m := tab.Next(8 * time.Second); m.Type != "session-ended" {
			t.Errorf("the tab is told %+v", m)
		}
		if code := tab.Closed(2 * time.Second); code != policy {
			t.Errorf("closed with %d, want %d", code, policy)
		}
	})
	t.Run("the wire falls silent and what was on it is gone", func(t *testing.T) {
		v := two(t, other)
		version := v.Document(other).V
		tab := v.Open(deaf, version)
		wire.Silence()
		v.Switch(other, alice)
		wire.Cut()
		wire.Heal()
		follows(t, v, tab, version)
	})
}
