package multiaccount_test

import (
	"fmt"
	"testing"

	"github.com/gofiber/fiber/v2"

	"github.com/multiaccount-go/multiaccount"
	"github.com/multiaccount-go/multiaccount/account"
)

// The guards hold by themselves too: an app may mount them without Handler, on a part of its routes say.
func TestGuardsWithoutHandler(t *testing.T) {
	s := newSite(t)
	b := s.signedIn("a", "b")
	old := b.twin()
	b.switchTo("a")
	stamp := b.stamp()
	s.app = fiber.New()
	s.app.Post("/act", s.accounts.Protect(), s.accounts.RequireUser, s.act)
	s.app.Post("/sign-in", s.accounts.SameOrigin(), s.signIn)
	s.app.Get("/mine", s.accounts.RequireUser, s.whoAmI)
	s.app.Get("/fragment", s.accounts.Protect(), s.whoAmI)

	refused(t, b.do("POST", "/act", program), 409, multiaccount.CodeStalePage)
	refused(t, b.do("POST", "/act", xform(), header("Accept", "application/json"), stamped(stamp)), 403, multiaccount.CodeBadOrigin)
	refused(t, s.browser().do("POST", "/act", program), 401, multiaccount.CodeNotSignedIn)
	refused(t, old.do("POST", "/act", program, stamped(stamp)), 409, multiaccount.CodeStaleSession)
	refused(t, old.do("POST", "/sign-in", program), 409, multiaccount.CodeStaleSession)
	refused(t, s.browser().do("GET", "/mine", program), 401, multiaccount.CodeNotSignedIn)
	if a := s.browser().do("GET", "/fragment", hx); a.Status != 200 {
		t.Errorf("a fragment for everybody: %d", a.Status)
	}
	if a := b.do("POST", "/act", program, stamped(stamp), formBody("value", "x")); a.Status != 200 || s.rows() != "a:x" {
		t.Errorf("got %d, rows %q", a.Status, s.rows())
	}
	s.store.fail(errStoreDown)
	for _, path := range []string{"/act", "/sign-in"} {
		refused(t, b.do("POST", path, program, stamped(stamp)), 503, multiaccount.CodeStoreUnavailable)
	}
	refused(t, b.do("GET", "/mine", program), 503, multiaccount.CodeStoreUnavailable)
	if a := b.do("GET", "/fragment", hx, stamped(stamp)); a.Status != 503 || len(a.Cookies) > 0 {
		t.Errorf("a fragment while the store is down: %d", a.Status)
	}
	if s.rows() != "a:x" {
		t.Errorf("rows %q", s.rows())
	}
}

// A record that cannot be read is no session, and nobody is told why.
func TestUnreadableRecord(t *testing.T) {
	s := newSite(t)
	b := s.signedIn("a")
	s.store.fail(fmt.Errorf("store: %w", account.ErrBadRecord))
	cookie := b.cookie()
	b.acts(t, "", "")
	refused(t, b.do("GET", "/app", program), 401, multiaccount.CodeNotSignedIn)
	if b.cookie() != cookie {
		t.Error("the cookie changed")
	}
}

// An account acts no longer than its own authentication lasts, however fresh the session is.
func TestCurrentAccountAgesOut(t *testing.T) {
	s := newSite(t, func(c *config) { c.Sessions.Lifetime, c.Sessions.Idle = 3*hour, 2*hour })
	b := s.signedIn("a", "b")
	s.clock.advance(2 * hour)
	b.signIn("b") // the session and b last for three hours more, a for one
	b.switchTo("a")
	s.clock.advance(hour - minute)
	b.acts(t, "a", "a")
	stamp := b.stamp()
	s.clock.advance(minute)
	s.audit.take()
	refused(t, b.do("POST", "/app/act", program, stamped(stamp)), 409, multiaccount.CodeStalePage)
	if e := s.audit.take(); len(e) != 2 || e[0].Action != "account.expired" || e[1].Action != "refused" {
		t.Errorf("got %+v", e)
	}
	if d := b.document(); d.State != account.StateChoosing || d.Accounts[0].Status != account.StatusSignedOut {
		t.Errorf("got %+v", d)
	}
	b.switchTo("b")
	b.acts(t, "b", "a")
}

// Whoever signs in is loaded too: a loader that fails then opens nothing.
func TestLoaderFailsAtSignIn(t *testing.T) {
	s := newSite(t)
	b := s.signedIn("a")
	b.post("/link/p/a")
	s.people.takeCalls()
	calls := 0
	s.people.answer(func() (map[string]user, error, bool) {
		calls++
		return nil, errStoreDown, calls == 2
	})
	b.unchanged(t, func() {
		refused(t, b.do("POST", "/sign-in", program, formBody("id", "b", "password", "pw-b")), 503, multiaccount.CodeStoreUnavailable)
	})
	b.signIn("b")
	b.acts(t, "b", "a")
}
