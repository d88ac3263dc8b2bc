package multiaccount_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/gofiber/fiber/v2"
	"github.com/gofiber/fiber/v2/middleware/session"
)

// oldApp is an app as it was: a Fiber session holds user_id, a middleware puts it into the locals, handlers read that.
type oldApp struct {
	*site
	sessions *session.Store
	adopted  int
}

// rollOut puts the plugin into the old app: the configuration names what its handlers read, and who was signed in before.
func rollOut(t *testing.T) *oldApp {
	o := &oldApp{sessions: session.New(session.Config{KeyLookup: "cookie:old_session"})}
	o.site = newSite(t, func(c *config) {
		c.Locals = map[string]func(user) any{"user_id": func(u user) any { return u.ID }, "user_name": func(u user) any { return u.Name }}
		c.Adopt = func(c *fiber.Ctx) (string, bool) {
			o.adopted++
			id, ok := c.Locals("user_id").(string)
			return id, ok
		}
		c.Paths.AppSignOut = "/out"
	})
	o.app = fiber.New()
	o.app.Use(o.loadUser)
	o.app.Post("/old-login", func(c *fiber.Ctx) error { // before the plugin was there
		s, err := o.sessions.Get(c)
		if err != nil {
			return err
		}
		s.Set("user_id", strings.Clone(c.FormValue("id")))
		return s.Save()
	})
	o.app.Use(o.accounts.Handler)
	o.accounts.Register(o.app)
	o.app.Get("/mine", o.mine)
	o.app.Get("/page", o.whoAmI)
	o.app.Get("/flash", func(c *fiber.Ctx) error { return c.JSON(o.accounts.Flashes(c)) })
	o.app.Post("/write", o.accounts.Protect(), o.mine)
	o.app.Post("/sign-in", o.accounts.SameOrigin(), o.signIn)
	o.app.Post("/out", o.accounts.SignOut)
	return o
}

func (o *oldApp) loadUser(c *fiber.Ctx) error {
	s, err := o.sessions.Get(c)
	if err != nil {
		return err
	}
	if id, ok := s.Get("user_id").(string); ok {
		c.Locals("user_id", id)
	}
	return c.Next()
}

// mine is a handler of the old app, unchanged.
func (o *oldApp) mine(c *fiber.Ctx) error {
	return c.SendString(fmt.Sprint(c.Locals("user_id")))
}

// visitor is a browser that signed in to the old app.
func (o *oldApp) visitor(id string) *browser {
	b := o.browser()
	b.do("POST", "/old-login", form("id", id))
	return b
}

func (b *browser) reads(t *testing.T, want string) {
	t.Helper()
	if got := b.get("/mine").Body; got != want {
		t.Errorf("the old handler reads %s, want %s", got, want)
	}
}

func TestNobodyIsSignedOutByTheRollOut(t *testing.T) {
	o := rollOut(t)
	b := o.visitor("a")
	b.reads(t, "a")
	if b.cookie() == "" {
		t.Fatal("the person was not adopted")
	}
	wellSet(t, o.visitor("b").get("/mine"), true)
	b.acts(t, "a", "")
	asked := o.adopted
	b.reads(t, "a")
	if o.adopted != asked {
		t.Error("a person with a session of ours is asked for again")
	}
	o.browser().reads(t, "<nil>")
}

func TestOldHandlersFollowASwitch(t *testing.T) {
	o := rollOut(t)
	b := o.visitor("a")
	b.reads(t, "a")
	b.post("/link/p/a")
	b.signIn("b")
	b.reads(t, "b")
	b.switchTo("a")
	b.reads(t, "a")
	if a := b.post("/link/sign_out/a"); a.location() != "/link/choose" {
		t.Errorf("leads to %s", a.location())
	}
	b.reads(t, "<nil>") // choosing: not the one whom the old session still names
	b.switchTo("b")
	b.reads(t, "b")
}

func TestNoAdoptionAfterSigningOut(t *testing.T) {
	for name, out := range map[string]func(b *browser) answer{
		"by the plugin's route": func(b *browser) answer { return b.do("POST", "/link/sign_out", form()) },
		"by the app's route":    func(b *browser) answer { return b.do("POST", "/out", form()) },
		"of the last account":   func(b *browser) answer { return b.post("/link/sign_out/a") },
	} {
		t.Run(name, func(t *testing.T) {
			o := rollOut(t)
			b := o.visitor("a")
			b.reads(t, "a")
			old := b.cookie()
			a := out(b)
			if a.Status != 303 {
				t.Fatalf("got %d %s", a.Status, a.Body)
			}
			wellSet(t, a, true)
			if b.cookie() == old {
				t.Error("the cookie stayed")
			}
			b.reads(t, "<nil>")
			b.acts(t, "", "")
			b.signIn("b")
			b.reads(t, "b")
		})
	}
	t.Run("as the first request after the roll-out", func(t *testing.T) {
		o := rollOut(t)
		b := o.visitor("a")
		if a := b.do("POST", "/out", form()); a.Status != 303 {
			t.Errorf("got %d", a.Status)
		}
		b.reads(t, "<nil>")
	})
	t.Run("while the store is down", func(t *testing.T) {
		o := rollOut(t)
		b := o.visitor("a")
		b.reads(t, "a")
		o.store.fail(errStoreDown)
		if a := b.do("POST", "/out", form()); a.Status != 503 {
			t.Errorf("got %d", a.Status)
		}
		o.store.fail(nil)
		b.reads(t, "<nil>")
	})
	t.Run("nor after the session ended elsewhere", func(t *testing.T) {
		o := rollOut(t)
		b := o.visitor("a")
		b.reads(t, "a")
		thief := b.twin()
		b.do("POST", "/out", form())
		thief.reads(t, "<nil>")
	})
}

func TestAdoptionIsRefused(t *testing.T) {
	t.Run("to somebody inactive", func(t *testing.T) {
		o := rollOut(t)
		b := o.visitor("d")
		b.acts(t, "", "")
		b.reads(t, "<nil>")
		if b.cookie() != "" {
			t.Error("a session was made")
		}
	})
	t.Run("to somebody unknown", func(t *testing.T) {
		o := rollOut(t)
		b := o.visitor("nobody")
		b.acts(t, "", "")
		b.reads(t, "<nil>")
	})
	t.Run("while the store is down: nothing is known", func(t *testing.T) {
		o := rollOut(t)
		b := o.visitor("a")
		o.store.fail(errStoreDown)
		if a := b.get("/mine"); a.Status != 503 || a.session() != nil {
			t.Errorf("got %d %v", a.Status, a.Cookies)
		}
		o.store.fail(nil)
		b.reads(t, "a")
	})
}

// A request that is refused makes no session: no refusal sets the cookie.
func TestUnsafeRequestsDoNotAdopt(t *testing.T) {
	o := rollOut(t)
	for name, kind := range map[string]option{"form": form(), "another site": xform(), "htmx": hx} {
		b := o.visitor("a")
		if a := b.do("POST", "/write", kind); a.Status < 300 || a.Status == 303 && !strings.HasPrefix(a.location(),
			"/session/new") || a.session() != nil {
			t.Errorf("%s: %d %v", name, a.Status, a.Cookies)
		}
		b.reads(t, "a")
	}
}

// The images and scripts of a page come in parallel: they must not make a session each.
func TestPartsOfAPageDoNotAdopt(t *testing.T) {
	o := rollOut(t)
	b := o.visitor("a")
	for _, dest := range []string{"image", "script", "style", "font", "iframe"} {
		if a := b.get("/mine", header("Sec-Fetch-Dest", dest)); a.Body != "a" || a.session() != nil {
			t.Errorf("%s: %s %v", dest, a.Body, a.Cookies)
		}
	}
}

// What follows a page in the same breath, or leads nowhere, makes no session: each would make one of its own.
func TestOnlyPagesOfTheAppAdopt(t *testing.T) {
	o := rollOut(t)
	o.app.Get("/refused", func(*fiber.Ctx) error { return fiber.ErrForbidden })
	b := o.visitor("a")
	for name, ask := range map[string]func() answer{
		"htmx":                       func() answer { return b.do("GET", "/mine", hx) },
		"htmx that says document":    func() answer { return b.get("/mine", header("HX-Request", "true")) },
		"a script":                   func() answer { return b.do("GET", "/mine", program) },
		"a switch page: 404":         func() answer { return b.get("/link/switch_to/b") },
		"a link page: 404":           func() answer { return b.get("/link/p/b") },
		"another site's switch page": func() answer { return b.do("GET", "/link/switch_to/b", xnav) },
		"the chooser":                func() answer { return b.get("/LINK/choose/") },
		"the switcher":               func() answer { return b.get("/link/accounts") },
		"the state":                  func() answer { return b.get("/link/state") },
		"the tab socket: 401 or 403": func() answer { return b.get("/link/live", headers("Connection", "Upgrade", "Upgrade", "websocket")) },
		"no such route":              func() answer { return b.get("/link/nothing") },
	} {
		t.Run(name, func(t *testing.T) {
			if a := ask(); len(a.Cookies) > 0 {
				t.Errorf("%d sets %v", a.Status, a.Cookies)
			}
		})
	}
	if o.adopted != 0 {
		t.Errorf("the app was asked %d times who is signed in", o.adopted)
	}
	b.reads(t, "a")
}

// A program that signs in by a header has no cookie jar: each of its requests would leave a session behind.
func TestClientsWithoutCookiesAreNotAdopted(t *testing.T) {
	asked := 0
	s := newSite(t, func(c *config) {
		c.Adopt = func(c *fiber.Ctx) (string, bool) { asked++; return "a", c.Get("Authorization") == "Bearer a" }
	})
	token := header("Authorization", "Bearer a")
	for range 3 {
		if a := s.browser().do("GET", "/page", token); a.Status != 200 || len(a.Cookies) > 0 {
			t.Errorf("%d %v", a.Status, a.Cookies)
		}
	}
	if calls := s.store.takeCalls(); asked > 0 || len(calls) > 0 {
		t.Errorf("asked %d times, store %v", asked, calls)
	}
	old := s.browser() // too old to say what it asks for, but it keeps cookies
	old.jar["theme"] = "dark"
	if a := old.do("GET", "/page", token); a.session() == nil {
		t.Error("an old browser is not adopted")
	}
	if a := s.browser().get("/page", token); a.session() == nil {
		t.Error("the first page of a browser is not adopted")
	}
}

// A browser that forgot the cookie would be adopted anew, after signing out too. 400 days is as long as browsers keep one.
func TestCookieIsKeptAsLongAsAdoptionIsOn(t *testing.T) {
	const days = 24 * 60 * 60
	o := rollOut(t)
	b := o.visitor("a")
	adopted := b.get("/mine")
	linked := b.signIn("b")
	left := b.do("POST", "/out", form())
	for name, a := range map[string]answer{"adopted": adopted, "signed in": linked, "signed out": left} {
		if c := a.session(); c == nil || c.MaxAge != 400*days {
			t.Errorf("%s: %+v, want 400 days", name, c)
		}
	}
	s := newSite(t)
	if c := s.browser().signIn("a").session(); c == nil || c.MaxAge <= 0 || c.MaxAge >= 400*days {
		t.Errorf("without Adopt: %+v, want the lifetime of the session", c)
	}
}

func TestLocalsWithoutAdopt(t *testing.T) {
	s := newSite(t, func(c *config) {
		c.Locals = map[string]func(user) any{"user_id": func(u user) any { return u.ID }}
	})
	s.app = fiber.New()
	s.app.Use(func(c *fiber.Ctx) error { c.Locals("user_id", "from the old session"); return c.Next() })
	s.app.Use(s.accounts.Handler)
	s.app.Get("/mine", func(c *fiber.Ctx) error { return c.SendString(fmt.Sprint(c.Locals("user_id"))) })
	s.app.Post("/sign-in", s.accounts.SameOrigin(), func(c *fiber.Ctx) error {
		if err := s.accounts.SignIn(c, strings.Clone(c.FormValue("id")), "password"); err != nil {
			return err
		}
		return c.SendString(fmt.Sprint(c.Locals("user_id"))) // the app's own answer
	})
	b := s.browser()
	b.reads(t, "<nil>")
	if a := b.do("POST", "/sign-in", form("id", "a")); a.Body != "a" {
		t.Errorf("in the request that signs in: %s", a.Body)
	}
	b.reads(t, "a")
}
