package multiaccount_test

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/multiaccount-go/multiaccount"
	"github.com/multiaccount-go/multiaccount/account"
	"github.com/multiaccount-go/multiaccount/live"
)

// guardedSite has routes that want an authentication of the last five minutes.
func guardedSite(t *testing.T, change ...func(*config)) *site {
	s := newSite(t, change...)
	p := s.accounts
	recent := p.RequireRecent(5 * minute)
	s.app.Get("/settings", recent, s.whoAmI)
	s.app.Post("/settings", p.Protect(), recent, s.act)
	s.app.Get("/recent", func(c *fiber.Ctx) error {
		if p.Recent(c, 5*minute) {
			return c.SendString("yes")
		}
		return c.SendString("no")
	})
	s.app.Get("/again", func(c *fiber.Ctx) error { return sayAgain(c, p) })
	s.app.Post("/again", func(c *fiber.Ctx) error { return sayAgain(c, p) })
	return s
}

func sayAgain(c *fiber.Ctx, p *multiaccount.Plugin[user]) error {
	again, ok := p.Again(c)
	if !ok {
		return c.SendString("no")
	}
	return c.SendString(again.Who.Name + "|" + string(again.Field))
}

func TestRequireRecent(t *testing.T) {
	s := guardedSite(t)
	b := s.signedIn("a", "b")
	s.clock.advance(5*minute - time.Second)
	b.link("c") // b stays as old as it is
	b.switchTo("b")
	if a := b.get("/settings"); a.Status != 200 {
		t.Fatalf("a second before: %d", a.Status)
	}
	if a := b.get("/recent"); a.Body != "yes" {
		t.Errorf("a second before: %s", a.Body)
	}
	s.clock.advance(time.Second)
	if a := b.get("/recent"); a.Body != "no" {
		t.Errorf("five minutes after: %s", a.Body)
	}
	lead := func(back string) string {
		return "/session/new?" + url.Values{"again": {"b"}, "request_path": {back}}.Encode()
	}
	stamp := b.stamp()
	b.unchanged(t, func() {
		if a := b.get("/settings?x=1"); a.Status != 303 || a.location() != lead("/settings?x=1") || len(a.Cookies) > 0 {
			t.Errorf("page: %d %s %v", a.Status, a.location(), a.Cookies)
		}
		if a := b.do("POST", "/settings", form("_stamp", stamp, "value", "1"), header("Referer", here+"/settings")); a.Status != 303 ||
			a.location() != lead("/settings") || len(a.Cookies) > 0 {
			t.Errorf("form: %d %s", a.Status, a.location())
		}
		for _, method := range []string{"GET", "POST"} {
			a := b.do(method, "/settings", hx, stamped(stamp), formBody("value", "1"))
			if a.Status != 401 || a.Header.Get("HX-Redirect") != lead("/page") || len(a.Cookies) > 0 {
				t.Errorf("htmx %s: %d %v", method, a.Status, a.Header)
			}
			refused(t, b.do(method, "/settings", program, stamped(stamp), formBody("value", "1")), 401, multiaccount.CodeSignInAgain)
		}
	})
	t.Run("another account of the session has its own age", func(t *testing.T) {
		b.switchTo("c")
		if a := b.get("/settings"); a.Status != 200 {
			t.Errorf("got %d", a.Status)
		}
		b.switchTo("b")
		if a := b.get("/settings"); a.Status != 303 {
			t.Errorf("a switch made the authentication newer: %d", a.Status)
		}
	})
	t.Run("signing in again leads back", func(t *testing.T) {
		membership := b.document().Stamp
		if a := b.signIn("b", "request_path", "/settings?x=1", "again", "b"); a.location() != "/settings?x=1" {
			t.Errorf("leads to %s", a.location())
		}
		if a := b.get("/settings?x=1"); a.Status != 200 || b.document().Stamp != membership || len(b.document().Accounts) != 3 {
			t.Errorf("got %d %+v", a.Status, b.document())
		}
		if a := b.post("/settings", "value", "2"); a.Status != 200 || s.rows() != "b:2" {
			t.Errorf("got %d, %s", a.Status, s.rows())
		}
	})
	t.Run("also while an account is being added", func(t *testing.T) {
		s.clock.advance(6 * minute)
		if a := b.post(b.document().AddPath, "return_to", "/page"); a.Status != 303 {
			t.Fatal(a.Status)
		}
		if a := b.signIn("b", "request_path", "/settings", "again", "b"); a.location() != "/settings" {
			t.Errorf("leads to %s", a.location())
		}
	})
	t.Run("nobody is signed in", func(t *testing.T) {
		if a := s.browser().get("/settings"); a.Status != 303 || a.location() != "/session/new?request_path=%2Fsettings" {
			t.Errorf("got %d %s", a.Status, a.location())
		}
	})
	t.Run("nobody is current", func(t *testing.T) {
		if a := s.choosing(t).get("/settings"); a.Status != 303 || a.location() != "/link/choose?return_to=%2Fsettings" {
			t.Errorf("got %d %s", a.Status, a.location())
		}
	})
	t.Run("the store is away", func(t *testing.T) {
		s.store.fail(errStoreDown)
		defer s.store.fail(nil)
		if a := b.get("/settings"); a.Status != 503 {
			t.Errorf("got %d", a.Status)
		}
	})
}

// A former session of the app says who somebody is, but nobody proved anything.
func TestAnAdoptedSessionIsNoRecentProof(t *testing.T) {
	s := guardedSite(t, func(c *config) {
		c.Adopt = func(c *fiber.Ctx) (string, bool) { return c.Cookies("former"), c.Cookies("former") != "" }
	})
	b := s.browser()
	b.jar["former"] = "a"
	b.acts(t, "a", "")
	if a := b.get("/settings"); a.Status != 303 || !strings.HasPrefix(a.location(), "/session/new?again=a") {
		t.Errorf("got %d %s", a.Status, a.location())
	}
	b.signIn("a")
	if a := b.get("/settings"); a.Status != 200 {
		t.Errorf("after signing in: %d", a.Status)
	}
}

func TestRequireRecentRefusesAnAgeThatNobodyHas(t *testing.T) {
	s := newSite(t)
	for _, age := range []time.Duration{0, -minute, time.Millisecond} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%v: no panic", age)
				}
			}()
			s.accounts.RequireRecent(age)
		}()
	}
}

// The page says who is to sign in again, whatever the link names.
func TestAgainNamesAccountsOfTheSessionOnly(t *testing.T) {
	s := guardedSite(t)
	b := s.signedIn("a", "b")
	if a := b.get("/again?again=a"); a.Body != `Name-A|<input type="hidden" name="again" value="a" autocomplete="off">` {
		t.Errorf("got %s", a.Body)
	}
	if a := b.do("POST", "/again", form("again", "b")); !strings.HasPrefix(a.Body, "Name-B|") {
		t.Errorf("got %s", a.Body)
	}
	s.people.set(user{ID: "b", Inactive: true})
	for name, query := range map[string]string{
		"a stranger": "?again=c", "an unknown one": "?again=nobody", "two": "?again=a&again=a", "nobody": "", "empty": "?again=",
		"one who must not act": "?again=b",
	} {
		if a := b.get("/again" + query); a.Body != "no" {
			t.Errorf("%s: got %s", name, a.Body)
		}
	}
	if a := s.browser().get("/again?again=a"); a.Body != "no" {
		t.Errorf("of an anonymous visitor: got %s", a.Body)
	}
}

// SW-04: a member whose own authentication is too old, in a session that is not.
func TestMembershipHasItsOwnAge(t *testing.T) {
	s := newSite(t, func(c *config) { c.Sessions.ProofLifetime = 2 * hour })
	b := s.signedIn("a", "b")
	s.clock.advance(hour)
	b.signIn("a")
	s.clock.advance(hour)
	for range 3 { // rotations refresh nothing
		b.link("c")
		b.switchTo("a")
		b.post("/link/sign_out/c")
	}
	if d := b.document(); d.Current.ID != "a" || d.Accounts[1].Status != account.StatusSignedOut {
		t.Fatalf("got %+v", d)
	}
	stamp := b.stamp()
	want := "/session/new?again=b&request_path=%2Fpage%3Fx%3D1"
	b.unchanged(t, func() {
		a := b.do("POST", "/link/switch_to/b", form("_stamp", stamp, "return_to", "/page?x=1"))
		if a.Status != 303 || a.location() != want || len(a.Cookies) > 0 {
			t.Errorf("page: %d %s", a.Status, a.location())
		}
		a = b.do("POST", "/link/switch_to/b", hx, stamped(stamp), formBody("return_to", "/page?x=1"))
		if a.Status != 401 || a.Header.Get("HX-Redirect") != want || len(a.Cookies) > 0 {
			t.Errorf("htmx: %d %v", a.Status, a.Header)
		}
		refused(t, b.do("POST", "/link/switch_to/b", program, stamped(stamp)), 401, multiaccount.CodeSignInAgain)
	})
	if a := b.signIn("b", "request_path", "/page?x=1", "again", "b"); a.location() != "/page?x=1" {
		t.Errorf("leads to %s", a.location())
	}
	b.acts(t, "b", "a")

	t.Run("the current one ages out: nobody acts", func(t *testing.T) {
		s.clock.advance(hour)
		b.signIn("a")
		b.switchTo("b")
		s.clock.advance(hour)
		b.acts(t, "", "a")
		b.switchTo("a")
		b.acts(t, "a", "a")
	})
	t.Run("the only one ages out: the session ends", func(t *testing.T) {
		b := s.signedIn("c")
		s.clock.advance(2 * hour)
		b.acts(t, "", "")
		if b.record() != "" {
			t.Error("the record is still there")
		}
	})
}

// The refusal of a live event leads to signing in again and back to the view.
func TestRecentGuard(t *testing.T) {
	s := newSite(t)
	guards := make(chan func(string) error, 1)
	s.app.Get("/feed", func(c *fiber.Ctx) error {
		guard := s.accounts.RecentGuard(c, 5*minute)
		guards <- func(stamp string) error { return guard(t.Context(), stamp) }
		return c.SendString("view")
	})
	b := s.signedIn("a")
	b.get("/feed?page=2")
	guard := <-guards
	if err := guard("any"); err != nil {
		t.Errorf("got %v", err)
	}
	s.clock.advance(5 * minute)
	s.audit.take()
	var refusal *live.Refusal
	if err := guard("any"); !errors.As(err, &refusal) || refusal.Close != 0 ||
		string(refusal.Payload) != `{"type":"redirect","url":"/session/new?again=a\u0026request_path=%2Ffeed%3Fpage%3D2"}` {
		t.Errorf("got %v %s", err, refusal.Payload)
	}
	if events := s.audit.take(); len(events) != 1 || events[0].Code != multiaccount.CodeSignInAgain {
		t.Errorf("got %+v", events)
	}
	if a := s.browser().get("/feed"); a.Status != http.StatusOK || (<-guards)("") == nil {
		t.Error("nobody is signed in, and the event passes")
	}
}
