package multiaccount_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/multiaccount-go/multiaccount"
	"github.com/multiaccount-go/multiaccount/attempts"
)

// limited adds a sign-in door that counts tries to a site: fields id and password, from one address.
func (s *site) limited(counter attempts.Counter) {
	s.t.Helper()
	tries, err := attempts.New(attempts.Config{
		Counter: counter, LoginKey: strings.ToLower, Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
	})
	if err != nil {
		s.t.Fatal(err)
	}
	s.app.Post("/limited", s.accounts.SameOrigin(), func(c *fiber.Ctx) error {
		id := strings.Clone(c.FormValue("id"))
		err := tries.Do(c.UserContext(), attempts.Try{Login: id, Address: c.IP()}, func(context.Context) error {
			if c.FormValue("password") != "pw-"+strings.ToLower(id) {
				return fiber.ErrUnprocessableEntity
			}
			return nil
		})
		if err != nil {
			return err
		}
		return s.accounts.SignIn(c, strings.ToLower(id), "password")
	})
}

// lock uses up the tries at an account.
func (s *site) lock(id string) {
	s.t.Helper()
	for range 5 {
		if a := s.browser().post("/limited", "id", id, "password", "guess"); a.Status != 422 {
			s.t.Fatalf("a guess is answered with %d, want 422", a.Status)
		}
	}
}

func TestTooManyTriesAreAnsweredByWhoAsks(t *testing.T) {
	s := newSite(t, func(c *config) { c.Texts.TooManyTries = "Slowly & surely." })
	s.limited(nil)
	s.lock("v")
	for name, tc := range map[string]struct {
		kind  option
		words []string
	}{
		"page":    {nav, []string{"<title>Too often</title>", "Slowly &amp; surely.", "again in 15 s"}},
		"htmx":    {hx, []string{"<strong>Too often</strong>", "Slowly &amp; surely."}},
		"program": {program, []string{`"error":"rate_limited"`, `"message":"Slowly \u0026 surely."`}},
	} {
		t.Run(name, func(t *testing.T) {
			a := s.browser().do("POST", "/limited", tc.kind, header("Origin", here), formBody("id", "v", "password", "pw-v"))
			if a.Status != 429 || a.Header.Get("Retry-After") != "15" || a.session() != nil {
				t.Errorf("got %d, Retry-After %q, cookie %v; want 429, 15 and none", a.Status, a.Header.Get("Retry-After"), a.session())
			}
			if a.Header.Get("Cache-Control") != "no-store" {
				t.Errorf("Cache-Control is %q", a.Header.Get("Cache-Control"))
			}
			for _, word := range tc.words {
				if !strings.Contains(a.Body, word) {
					t.Errorf("no %s in\n%s", word, a.Body)
				}
			}
			if name == "htmx" && !strings.Contains(a.Header.Get("HX-Trigger"), `"rate_limited"`) {
				t.Errorf("HX-Trigger is %q", a.Header.Get("HX-Trigger"))
			}
		})
	}
	s.audit.take()
	refused(t, s.browser().do("POST", "/limited", program, formBody("id", "v", "password", "pw-v")), 429, "rate_limited")
	if seen := s.audit.take(); len(seen) != 1 || seen[0].Action != "refused" || seen[0].Code != multiaccount.CodeRateLimited {
		t.Errorf("the audit trail got %+v, want one refusal", seen)
	}
}

// RL-06: locking somebody out of signing in takes nothing from them that they have.
func TestLockTakesNothingFromOpenSessions(t *testing.T) {
	s := newSite(t)
	s.limited(nil)
	victim := s.signedIn("a", "v")
	victim.switchTo("a")
	s.lock("v")
	refused(t, s.browser().do("POST", "/limited", program, formBody("id", "v", "password", "pw-v")), 429, "rate_limited")
	victim.switchTo("v")
	victim.acts(t, "v", "a")
	if a := victim.post("/app/act", "value", "x"); a.Status != 200 {
		t.Errorf("acting is answered with %d", a.Status)
	}
}

// RL-05: an account that is locked cannot be added to a session either, and the request to add one stays open.
func TestLinkFlowSharesTheTries(t *testing.T) {
	s := newSite(t)
	s.limited(nil)
	b := s.signedIn("a")
	s.lock("v")
	b.post("/link/p/a")
	b.unchanged(t, func() {
		refused(t, b.do("POST", "/limited", program, formBody("id", "V", "password", "pw-v")), 429, "rate_limited")
	})
	if a := b.post("/limited", "id", "b", "password", "pw-b"); a.Status != 303 {
		t.Errorf("another account is answered with %d", a.Status)
	}
	b.acts(t, "b", "a")
}

type awayCounter struct{}

func (awayCounter) Take(context.Context, []attempts.Bucket) (time.Duration, error) {
	return 0, errors.New("connection refused to 10.0.0.7")
}
func (awayCounter) Forget(context.Context, string) error { return nil }

// RS-05
func TestSignInWithoutACounterIsRefused(t *testing.T) {
	s := newSite(t)
	s.limited(awayCounter{})
	a := s.browser().do("POST", "/limited", program, formBody("id", "v", "password", "pw-v"))
	refused(t, a, 503, "store_unavailable")
	if a.Header.Get("Retry-After") == "" || strings.Contains(a.Body, "10.0.0.7") {
		t.Errorf("Retry-After is %q, and the body\n%s", a.Header.Get("Retry-After"), a.Body)
	}
}

// An address is what the connection says, whatever headers say; a proxy that is trusted speaks for its visitors.
func TestHeadersDoNotChangeTheAddress(t *testing.T) {
	for name, tc := range map[string]struct {
		cfg    fiber.Config
		shared bool
	}{
		"no proxy": {fiber.Config{}, true},
		"a proxy, but this peer is not it": {fiber.Config{
			ProxyHeader: "X-Real-Ip", EnableTrustedProxyCheck: true, TrustedProxies: []string{"192.0.2.1"},
		}, true},
		"the trusted proxy itself": {fiber.Config{
			ProxyHeader: "X-Real-Ip", EnableTrustedProxyCheck: true, TrustedProxies: []string{"0.0.0.0"}, // the peer of app.Test
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t)
			tc.cfg.DisableStartupMessage = true
			s.app = fiber.New(tc.cfg)
			s.routes()
			tries, err := attempts.New(attempts.Config{
				PerAccount: attempts.Backoff{Tries: -1}, PerAddress: attempts.Rate{Tries: 3},
			})
			if err != nil {
				t.Fatal(err)
			}
			s.app.Post("/limited", func(c *fiber.Ctx) error {
				return tries.Do(c.UserContext(), attempts.Try{Address: c.IP()}, func(context.Context) error { return nil })
			})
			looked := 0
			for _, n := range []string{"1", "2", "3", "4", "5", "6", "7", "8"} {
				spoofed := "198.51.100." + n
				a := s.browser().do("POST", "/limited", headers("X-Forwarded-For", spoofed, "X-Real-Ip", spoofed,
					"Forwarded", "for="+spoofed, "X-Client-Ip", spoofed, "Cf-Connecting-Ip", spoofed, "True-Client-Ip", spoofed))
				if a.Status == 200 {
					looked++
				}
			}
			if shared := looked == 3; shared != tc.shared {
				t.Errorf("%d of 8 tries under different headers were let in", looked)
			}
		})
	}
}
