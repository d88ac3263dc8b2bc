package multiaccount_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/gofiber/fiber/v2"
)

// withScopes adds the routes of an app whose accounts work in tenants.
func withScopes(s *site) {
	s.app.Get("/scope", func(c *fiber.Ctx) error { return c.SendString(s.accounts.Scope(c)) })
	s.app.Post("/scope", s.accounts.Protect(), func(c *fiber.Ctx) error {
		return s.accounts.SetScope(c, c.FormValue("scope"), c.FormValue("return_to"))
	})
}

func TestScope(t *testing.T) {
	s := newSite(t)
	withScopes(s)
	b := s.signedIn("a", "b")
	choose := func(scope string) answer {
		t.Helper()
		return b.do("POST", "/scope", form("_stamp", b.stamp(), "scope", scope, "return_to", "/page"))
	}
	is := func(want string) {
		t.Helper()
		if got := b.do("GET", "/scope").Body; got != want {
			t.Errorf("scope is %q, want %q", got, want)
		}
	}
	is("")
	none, before, old := b.stamp(), b.document().Version, b.twin()
	if a := choose("acme"); a.Status != http.StatusSeeOther || a.location() != "/page" {
		t.Fatalf("got %d %s, want 303 to the page", a.Status, a.location())
	}
	is("acme")
	if old.cookie() == b.cookie() || b.document().Version != before+1 {
		t.Error("the secret was not rotated, or the tabs were not told")
	}
	acme := b.stamp()
	choose("globex")
	for name, stale := range map[string]string{"no scope": none, "another scope": acme} {
		b.unchanged(t, func() {
			if a := b.do("POST", "/app/act", form("_stamp", stale, "value", "x")); a.Status != http.StatusConflict {
				t.Errorf("a page drawn in %s acts: %d", name, a.Status)
			}
		})
	}
	b.unchanged(t, func() { choose("globex") })

	// Every account has its own, and a page is right again when the person is back.
	b.switchTo("a")
	is("")
	b.switchTo("b")
	is("globex")
	choose("acme")
	if b.stamp() != acme {
		t.Error("the stamp of a scope is another one after the way back")
	}
	if e := s.audit.take(); e[len(e)-1].Action != "scope.changed" {
		t.Errorf("the last event is %s", e[len(e)-1].Action)
	}
	b.unchanged(t, func() {
		if a := choose(strings.Repeat("x", 129)); a.Status != http.StatusInternalServerError {
			t.Errorf("a scope of 129 bytes: %d", a.Status)
		}
	})
}

func TestScopeNeedsAnAccount(t *testing.T) {
	s := newSite(t, func(c *config) { c.Sessions.SwitchesPerMinute = 2 })
	withScopes(s)
	nobody := s.browser()
	if a := nobody.do("POST", "/scope", form("scope", "acme"), header("Accept", "application/json")); a.Status != http.StatusUnauthorized {
		t.Errorf("nobody: %d", a.Status)
	}
	b := s.signedIn("a")
	for i, want := range []int{303, 303, 429} {
		a := b.do("POST", "/scope", form("_stamp", b.stamp(), "scope", strings.Repeat("x", i+1)))
		if a.Status != want {
			t.Errorf("choice %d: %d, want %d", i+1, a.Status, want)
		}
	}
}
