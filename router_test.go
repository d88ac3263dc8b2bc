package multiaccount_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/gofiber/fiber/v2"

	"github.com/multiaccount-go/multiaccount"
)

// spelled makes a site whose router is configured in some way, with app routes at other spellings of the plugin's.
func spelled(t *testing.T, router fiber.Config) *site {
	t.Helper()
	s := newSite(t)
	router.DisableStartupMessage = true
	s.app = fiber.New(router)
	s.routes()
	for _, path := range []string{"/OUT", "/out/", "/LINK/SIGN_OUT", "/link/sign_out/"} {
		s.app.Post(path, s.accounts.Protect(), s.act)
	}
	for _, path := range []string{"/LINK/LIVE", "/link/live/", "/LINK/multiaccount.js", "/link/multiaccount.js/"} {
		s.app.Get(path, s.whoAmI)
	}
	for _, path := range []string{"/link/live", "/link/multiaccount.js"} {
		s.app.Post(path, s.whoAmI)
	}
	return s
}

// Signing out needs no stamp and no store. Where the router tells /OUT from /out, the one is not the other's exception.
func TestExceptionOfSigningOutIsForItsRouteOnly(t *testing.T) {
	exact := spelled(t, fiber.Config{CaseSensitive: true, StrictRouting: true})
	b := exact.signedIn("a")
	for _, path := range []string{"/OUT", "/out/", "/LINK/SIGN_OUT", "/link/sign_out/"} {
		b.unchanged(t, func() {
			refused(t, b.do("POST", path, program), 409, multiaccount.CodeStalePage)
			exact.store.fail(errStoreDown)
			a := b.do("POST", path, program, stamped("v1.any"))
			exact.store.fail(nil)
			refused(t, a, 503, multiaccount.CodeStoreUnavailable)
		})
	}
	b.unchanged(t, func() { // nor is another method
		if a := b.do("PUT", "/link/sign_out", form()); a.Status != 404 && a.Status != 405 {
			t.Errorf("PUT: %d", a.Status)
		}
	})
	if a := b.do("POST", "/out", form()); a.Status != 303 || b.cookie() != "" {
		t.Errorf("the route itself: %d %s", a.Status, a.Body)
	}

	lax := spelled(t, fiber.Config{})
	for _, path := range []string{"/OUT", "/out/", "/LINK/SIGN_OUT", "/link/sign_out/"} {
		b := lax.signedIn("a")
		lax.store.fail(errStoreDown)
		if a := b.do("POST", path, form()); a.Status != 503 || b.cookie() != "" {
			t.Errorf("%s while the store is down: %d, cookie %q", path, a.Status, b.cookie())
		}
		lax.store.fail(nil)
		b = lax.signedIn("a")
		if a := b.do("POST", path, form()); a.Status != 303 || b.record() != "" {
			t.Errorf("%s: %d %s", path, a.Status, a.Body)
		}
	}
}

// Handler leaves the script and the socket alone, and nothing else that is called alike.
func TestHandlerPassesItsOwnRoutesByOnly(t *testing.T) {
	s := spelled(t, fiber.Config{CaseSensitive: true, StrictRouting: true})
	b := s.signedIn("a")
	for _, request := range []string{"GET /LINK/LIVE", "GET /link/live/", "GET /LINK/multiaccount.js",
		"GET /link/multiaccount.js/", "POST /link/live", "POST /link/multiaccount.js"} {
		method, path, _ := strings.Cut(request, " ")
		if a := b.do(method, path, form()); a.Status != 200 || !strings.HasPrefix(a.Body, "current=a primary=- local=a/ ") {
			t.Errorf("%s: %d %s", request, a.Status, a.Body)
		}
	}
	s.store.takeCalls()
	lax := spelled(t, fiber.Config{})
	b = lax.signedIn("a")
	for _, path := range []string{"/link/multiaccount.js", "/LINK/MULTIACCOUNT.JS", "/link/multiaccount.js/"} {
		if a := b.get(path); a.Status != 200 || len(lax.store.takeCalls()) > 0 {
			t.Errorf("%s: %d, or the store was asked", path, a.Status)
		}
	}
}

// With UnescapePath Fiber decodes parameters by itself. Decoding once more would make one account of another.
func TestIdsAreDecodedOnceWithUnescapePath(t *testing.T) {
	for _, id := range []string{"%61", "50%", "a b", "a+b", "x?y=z", "x#y", "ü", "a%2Fb"} {
		t.Run(id, func(t *testing.T) {
			s := newSite(t)
			s.app = fiber.New(fiber.Config{UnescapePath: true, DisableStartupMessage: true})
			s.routes()
			s.people.set(user{ID: id, Name: "Name"})
			b := s.browser()
			b.signIn(id)
			b.link("a")
			if a := b.post(b.document().Accounts[0].SwitchPath); a.Status != 303 {
				t.Fatalf("switch: %d %s", a.Status, a.Body)
			}
			b.acts(t, id, id)
		})
	}
}

// The plugin's pages name its paths, and a group with a parameter has as many as there are values.
func TestRegisterOnAGroupWithAParameterPanics(t *testing.T) {
	for _, prefix := range []string{"/:tenant", "/of/:tenant/x", "/*", "/+"} {
		s := newSite(t)
		told := func() (told string) {
			defer func() { told = fmt.Sprint(recover()) }()
			s.accounts.Register(fiber.New().Group(prefix))
			return
		}()
		for _, want := range []string{"multiaccount: Register", prefix, "parameters"} {
			if !strings.Contains(told, want) {
				t.Errorf("%s: got %q, want it to tell of %q", prefix, told, want)
			}
		}
	}
	s := newSite(t)
	s.app = fiber.New()
	s.app.Use(s.accounts.Handler)
	s.accounts.Register(s.app.Group("/team"))
	s.app.Post("/sign-in", s.accounts.SameOrigin(), s.signIn)
	b := s.browser()
	b.signIn("a")
	if a := b.get("/team/link/accounts", program); a.Status != 200 || !strings.Contains(a.Body, `"add_path":"/team/link/p/a"`) {
		t.Errorf("on a group without: %d %s", a.Status, a.Body)
	}
}
