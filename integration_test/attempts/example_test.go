package attempts_test

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/multiaccount-go/multiaccount/integration_test/redisserver"
	"github.com/multiaccount-go/multiaccount/integration_test/sitetest"
	"github.com/multiaccount-go/multiaccount/internal/postgres"
)

func TestMain(m *testing.M) {
	sitetest.Main(m, func() bool { postgres.StopShared(); return true })
}

// asks are the ways in which a sign-in can be asked for.
var asks = map[string][]string{
	"page":    nil,
	"htmx":    {"HX-Request", "true"},
	"program": {"Accept", "application/json"},
}

var seconds = regexp.MustCompile(`again in \d+ s`)

// seen is an answer as whoever tries to tell two of them apart sees it: all of it but the time of day, and what they typed
// themselves.
func seen(a sitetest.Answer, email string) string {
	header := a.Header.Clone()
	header.Del("Date")
	header.Del("Content-Length") // of the body, which is compared
	if header.Get("Retry-After") != "" {
		header.Set("Retry-After", "some seconds")
	}
	body := strings.ReplaceAll(a.Body, email, "EMAIL")
	return fmt.Sprint(a.Status, "\n", header, "\n", seconds.ReplaceAllString(body, "again in some s"))
}

// EN-01 and EN-05: unknown, wrong, deactivated and without a password look the same, before and after the account is locked.
func TestRefusedSignInsAreTheSameBytes(t *testing.T) {
	t.Setenv("TRIES", "4")
	server := redisserver.Start(t)
	n := sitetest.Start(t, server.URL())
	rdb := redis.NewClient(&redis.Options{Addr: server.Addr})
	t.Cleanup(func() { rdb.Close() })
	db := sitetest.Database(t, rdb)
	for way, headers := range asks {
		t.Run(way, func(t *testing.T) {
			sitetest.NewVisitor(t).Register(n, "Erin "+way, "erin-"+way+"@example.com")
			unset := sitetest.NewVisitor(t)
			unset.Register(n, "Unset "+way, "unset-"+way+"@example.com")
			if err := db.Users().SetPassword(t.Context(), unset.Document(n).Current.ID, ""); err != nil {
				t.Fatal(err)
			}
			idle := sitetest.NewVisitor(t)
			idle.Register(n, "Idle "+way, "idle-"+way+"@example.com")
			if a := idle.Post(n, "/demo/users/"+idle.Document(n).Current.ID+"/status", url.Values{"status": {"inactive"}}); a.Status != http.StatusSeeOther {
				t.Fatalf("deactivate: %d", a.Status)
			}
			var first, firstLocked string
			for _, who := range []struct{ about, email, password string }{
				{"unknown", "nobody-" + way + "@example.com", sitetest.Password},
				{"wrong password", "erin-" + way + "@example.com", "guess"},
				{"deactivated, right password", "idle-" + way + "@example.com", sitetest.Password},
				{"no password set", "unset-" + way + "@example.com", ""},
			} {
				try := func(password string) sitetest.Answer {
					return sitetest.NewVisitor(t).Post(n, "/session", url.Values{"email": {who.email}, "password": {password}}, headers...)
				}
				for range 4 {
					a := try(who.password)
					if a.Status != http.StatusUnprocessableEntity || a.SetsCookie() {
						t.Fatalf("%s: %d, cookie set: %v; want 422 and none\n%s", who.about, a.Status, a.SetsCookie(), a.Body)
					}
					if first == "" {
						first = seen(a, who.email)
					}
					if got := seen(a, who.email); got != first {
						t.Errorf("%s can be told apart:\n%s\nthe first one was\n%s", who.about, got, first)
					}
				}
				spent := time.Now()
				for _, password := range []string{who.password, sitetest.Password, "guess"} {
					a := try(password)
					if a.Status == http.StatusUnprocessableEntity && time.Since(spent) > 9*time.Second {
						continue // the machine is so busy that the wait was over
					}
					if a.Status != http.StatusTooManyRequests || a.Header.Get("Retry-After") == "" || a.SetsCookie() {
						t.Fatalf("%s, fifth try: %d, Retry-After %q; want 429", who.about, a.Status, a.Header.Get("Retry-After"))
					}
					if firstLocked == "" {
						firstLocked = seen(a, who.email)
					}
					if got := seen(a, who.email); got != firstLocked {
						t.Errorf("%s can be told apart when locked:\n%s\nthe first one was\n%s", who.about, got, firstLocked)
					}
				}
			}
		})
	}
}

// RL-02 at the site that people look at: real processes, real hashes.
func TestGuessesAtTheExampleAtOnce(t *testing.T) {
	t.Setenv("TRIES", "5")
	server := redisserver.Start(t)
	nodes := []*sitetest.Node{sitetest.Start(t, server.URL()), sitetest.Start(t, server.URL())}
	owner := sitetest.NewVisitor(t)
	owner.SignIn(nodes[0], "bob@example.com")
	owner.Add(nodes[0], "alice@example.com")
	owner.Switch(nodes[0], "bob@example.com")

	var answers [600]atomic.Int64
	var wg sync.WaitGroup
	began := time.Now()
	for n := range 200 {
		v := sitetest.Holding(t, "")
		wg.Go(func() {
			a := v.Post(nodes[n%2], "/session", url.Values{"email": {"Alice@Example.com "}, "password": {fmt.Sprint("guess ", n)}},
				"X-Forwarded-For", fmt.Sprint("198.51.100.", n))
			answers[a.Status].Add(1)
		})
	}
	wg.Wait()
	// A demo's first wait is 10 seconds, and doubles: a busy machine may need longer than that for so many.
	most := int64(5)
	for wait := 10 * time.Second; time.Since(began) > wait; wait += 10 * time.Second {
		most++
	}
	looked, refused, busy := answers[422].Load(), answers[429].Load(), answers[503].Load()
	if looked > most || looked < 1 || looked+refused+busy != 200 {
		t.Errorf("%d passwords were looked at, %d tries refused, %d found no turn; want %d at most, and 200 in all", looked, refused, busy, most)
	}

	// RL-06: the lock takes nothing from the owner, not even a sign-in at their own browser.
	owner.Switch(nodes[1], "alice@example.com")
	if a := owner.Get(nodes[1], "/private"); a.Status != http.StatusOK {
		t.Errorf("the owner's page: %d", a.Status)
	}
	owner.SignIn(nodes[1], "alice@example.com")
}

// RS-05: without the counter there is no try, and an answer soon.
func TestNobodySignsInWhileRedisHangs(t *testing.T) {
	server := redisserver.Start(t)
	t.Cleanup(server.Resume)
	n := sitetest.Start(t, server.URL())
	server.Hang()
	for path, form := range map[string]url.Values{
		"/session": sitetest.Credentials("alice@example.com"),
		"/registration": {"account_name": {"Erin"}, "email": {"erin@example.com"},
			"password": {sitetest.Password}, "password_confirmation": {sitetest.Password}},
	} {
		for way, headers := range asks {
			a := sitetest.NewVisitor(t).Post(n, path, form, headers...)
			if a.Status != http.StatusServiceUnavailable || a.Header.Get("Retry-After") == "" || a.SetsCookie() || a.Took > 5*time.Second {
				t.Errorf("%s by %s: %d after %v, Retry-After %q, cookie set: %v; want 503 soon, with Retry-After, without a cookie",
					path, way, a.Status, a.Took, a.Header.Get("Retry-After"), a.SetsCookie())
			}
			if way == "program" && !strings.Contains(a.Body, `"error":"store_unavailable"`) {
				t.Errorf("%s: %s", path, a.Body)
			}
		}
	}
	server.Resume()
	sitetest.Eventually(t, "signing in works again", func() bool {
		return sitetest.NewVisitor(t).Post(n, "/session", sitetest.Credentials("alice@example.com")).Status == http.StatusSeeOther
	})
}
