package multiaccount_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/multiaccount-go/multiaccount"
	"github.com/multiaccount-go/multiaccount/account"
	"github.com/multiaccount-go/multiaccount/live"
)

func TestNewReportsEveryMistakeAtOnce(t *testing.T) {
	_, err := multiaccount.New(config{
		Follow:   "jump",
		Locals:   map[string]func(user) any{"user_id": nil, "current_user": func(user) any { return nil }},
		Sessions: account.Options{MaxLinked: -1, Grace: time.Hour, Lifetime: time.Minute},
		Sockets:  live.Limits{MaxMessage: -1},
		Paths:    multiaccount.Paths{Link: "p", Switch: "/same", SignOut: "/same", Home: "https://evil.test", SignIn: "/sign in"},
		Cookie:   multiaccount.CookieConfig{Name: "accounts"},
		Origins:  []string{"www.example.com", "https://*.example.com"},
	})
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{"Users", "Follow", `Locals["user_id"]`, `Locals["current_user"]`, "MaxLinked", "Grace",
		"Lifetime", "MaxMessage",
		"Paths.Link", "Paths.SignOut", "Paths.Home", "Paths.SignIn", "Cookie.Name", "www.example.com", "https://*.example.com"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("nothing about %s in:\n%v", want, err)
		}
	}
}

func TestNewRefuses(t *testing.T) {
	users := func(context.Context, ...string) (map[string]user, error) { return nil, nil }
	for name, alter := range map[string]func(*config){
		"a base of everything":               func(c *config) { c.Paths.Base = "/" },
		"a path with a parameter":            func(c *config) { c.Paths.Switch = "/to/:id" },
		"a path that ends with a slash":      func(c *config) { c.Paths.Base = "/link/" },
		"the same path twice, in other case": func(c *config) { c.Paths.State, c.Paths.Live = "/x", "/X" },
		"a home on another host":             func(c *config) { c.Paths.Home = "//evil.test" },
		"a cookie name with a space":         func(c *config) { c.Cookie.Name = "__Host-my accounts" },
		"a __Host- name over plain http": func(c *config) {
			c.Cookie = multiaccount.CookieConfig{Name: "__Host-x", InsecurePlainHTTPForDevelopment: true}
		},
		"a plain name over https":                 func(c *config) { c.Cookie.Name = "x" },
		"an origin with a path":                   func(c *config) { c.Origins = []string{"https://example.com/"} },
		"an idle time beyond the lifetime":        func(c *config) { c.Sessions.Idle = 30 * 24 * time.Hour },
		"a local that the plugin sets itself":     func(c *config) { c.Locals = map[string]func(user) any{"primary_user": func(user) any { return 1 }} },
		"a follow policy that does not exist":     func(c *config) { c.Follow = "RELOAD" },
		"a limit that nobody can be within":       func(c *config) { c.Sockets.SocketsPerKey = -1 },
		"more accounts than a record should hold": func(c *config) { c.Sessions.MaxLinked = 1000 },
	} {
		t.Run(name, func(t *testing.T) {
			c := config{Users: users}
			alter(&c)
			if p, err := multiaccount.New(c); err == nil {
				t.Error("it was accepted")
				_ = p.Close(t.Context())
			}
		})
	}
}

func TestNewWithUsersAlone(t *testing.T) {
	s := newSite(t, func(c *config) { *c = config{Users: c.Users} })
	b := s.browser()
	b.signIn("d") // no Active: everybody may
	b.link("b")
	b.acts(t, "b", "d")
	if a := b.do("GET", "/link/accounts", program); !strings.Contains(a.Body, `"name":"b"`) {
		t.Errorf("without a Profile the id is shown: %s", a.Body)
	}
}

// Every path can be another one, and whatever leads to a path follows.
func TestEveryPathIsConfigurable(t *testing.T) {
	paths := multiaccount.Paths{Base: "/konten", Link: "/dazu", Cancel: "/abbrechen", Switch: "/wechseln",
		SignOut: "/abmelden", Choose: "/auswahl", Accounts: "/liste",
		State: "/stand", Live: "/live-konten", Script: "/konten.js", SignIn: "/anmelden", Home: "/start", SignedOut: "/ciao",
		AppSignOut: "/out"}
	for name, prefix := range map[string]string{"on the app": "", "on a group": "/bereich"} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, func(c *config) { c.Paths = paths })
			s.app = fiber.New()
			s.app.Use(s.accounts.Handler)
			if prefix == "" {
				s.accounts.Register(s.app)
			} else {
				s.accounts.Register(s.app.Group(prefix))
			}
			s.app.Get("/page", s.whoAmI)
			s.app.Get("/app", s.accounts.RequireUser, s.whoAmI)
			s.app.Get("/document", s.fullPage)
			s.app.Post("/sign-in", s.accounts.SameOrigin(), s.signIn)
			base := prefix + "/konten"
			b := s.browser()

			if a := b.get("/app"); a.location() != "/anmelden?request_path=%2Fapp" {
				t.Errorf("signed out: %s", a.location())
			}
			if a := b.signIn("a"); a.location() != "/start" {
				t.Errorf("sign in: %s", a.location())
			}
			page := b.get("/document").Body
			for _, want := range []string{base + "/konten.js", base + "/stand", base + "/live-konten"} {
				if !strings.Contains(page, want) {
					t.Errorf("head has no %s: %s", want, page)
				}
			}
			stamp := func() string {
				_, rest, _ := strings.Cut(b.get("/document").Body, `name="account-stamp" content="`)
				value, _, _ := strings.Cut(rest, `"`)
				return value
			}
			post := func(path string, pairs ...string) answer {
				return b.do("POST", path, form(append(pairs, "_stamp", stamp())...))
			}
			for path, status := range map[string]int{"/konten.js": 200, "/stand": 200, "/liste": 200, "/dazu/a": 200,
				"/dazu/x": 404, "/wechseln/a": 200, "/auswahl": 303} {
				if a := b.get(base + path); a.Status != status {
					t.Errorf("%s: %d", path, a.Status)
				}
			}
			if a := post(base+"/dazu/a", "return_to", base+"/abmelden"); a.location() != "/anmelden" {
				t.Errorf("begin: %d %s", a.Status, a.location())
			}
			if a := post(base + "/abbrechen"); a.location() != "/start" {
				t.Errorf("cancel: %s", a.location())
			}
			post(base + "/dazu/a")
			if a := b.signIn("b"); a.location() != "/start" {
				t.Errorf("link: %s", a.location())
			}
			fragment := b.do("GET", base+"/liste", hx, stamped(stamp())).Body
			for _, want := range []string{base + "/wechseln/a", base + "/dazu/a", base + "/abmelden", base + "/liste"} {
				if !strings.Contains(fragment, `"`+want) {
					t.Errorf("switcher has no %s: %s", want, fragment)
				}
			}
			if strings.Contains(fragment+page, `"/link`) || strings.Contains(fragment+page, "/session/new") {
				t.Errorf("a default path is left: %s", fragment+page)
			}
			if a := post(base+"/wechseln/a", "return_to", "/page"); a.location() != "/page" {
				t.Errorf("switch: %s", a.location())
			}
			if a := post(base + "/abmelden/a"); a.location() != base+"/auswahl" {
				t.Errorf("sign out: %s", a.location())
			}
			if a := b.get("/app"); !strings.HasPrefix(a.location(), base+"/auswahl") {
				t.Errorf("choosing: %s", a.location())
			}
			old := b.twin()
			post(base + "/wechseln/b")
			if a := old.do("POST", base+"/abmelden", form()); a.location() != "/ciao" {
				t.Errorf("sign out of everything with a rotated secret: %d %s", a.Status, a.location())
			}
		})
	}
}

// What is skipped costs nothing and works while the store is down.
func TestSkip(t *testing.T) {
	s := newSite(t, func(c *config) { c.Skip = func(c *fiber.Ctx) bool { return c.Path() == "/healthz" } })
	s.app.Get("/healthz", func(c *fiber.Ctx) error { return c.SendString("ok") })
	b := s.signedIn("a")
	s.store.fail(errStoreDown)
	if a := b.get("/healthz"); a.Status != 200 || a.Body != "ok" {
		t.Errorf("got %d %s", a.Status, a.Body)
	}
	if calls := s.store.takeCalls(); len(calls) > 0 {
		t.Errorf("it costs %v", calls)
	}
}

func TestLayout(t *testing.T) {
	s := newSite(t, func(c *config) {
		c.Layout = func(c *fiber.Ctx, p multiaccount.Page) error {
			c.Type("html")
			return c.Status(p.Status).SendString("<my-layout title=\"" + p.Title + "\">" + string(p.Head) + string(p.Body) + "</my-layout>")
		}
	})
	b := s.signedIn("a", "b")
	stamp := b.stamp()
	for path, status := range map[string]int{"/link/p/a": 200, "/link/switch_to/a": 200, "/link/switch_to/x": 404} {
		if a := b.get(path); a.Status != status || !strings.HasPrefix(a.Body, "<my-layout") || !strings.Contains(a.Body, stamp) {
			t.Errorf("%s: %d %s", path, a.Status, a.Body)
		}
	}
	if a := b.do("POST", "/app/act", form()); a.Status != 409 || !strings.HasPrefix(a.Body, "<my-layout") {
		t.Errorf("stale page: %d %s", a.Status, a.Body)
	}
}

// While nobody knows who is signed in, a layout's switcher does not offer to sign in.
func TestLayoutWithASwitcherWhileTheStoreIsDown(t *testing.T) {
	var s *site
	s = newSite(t, func(c *config) {
		c.Layout = func(c *fiber.Ctx, p multiaccount.Page) error {
			html, err := s.accounts.SwitcherHTML(c)
			if err != nil {
				return err
			}
			return c.Status(p.Status).SendString(string(html) + "|" + string(p.Body))
		}
	})
	b := s.signedIn("a")
	if a := b.get("/link/p/a"); !strings.Contains(a.Body, "account-switcher") {
		t.Fatalf("while all is well: %s", a.Body)
	}
	s.store.fail(errStoreDown)
	if a := b.get("/link/p/a"); a.Status != 503 || !strings.HasPrefix(a.Body, "|") {
		t.Errorf("got %d %s", a.Status, a.Body)
	}
}

func TestTextsAndFollow(t *testing.T) {
	s := newSite(t, func(c *config) {
		c.Texts.NotFound, c.Texts.LinkLimit = "Gibt es nicht <hier>.", "Mehr als %d gehen nicht."
		c.Follow, c.Sessions.MaxLinked = multiaccount.FollowFragments, 1
	})
	b := s.signedIn("a", "b")
	if a := b.get("/link/switch_to/x"); !strings.Contains(a.Body, "Gibt es nicht &lt;hier&gt;.") {
		t.Errorf("got %s", a.Body)
	}
	if a := b.do("POST", "/link/p/a", program, stamped(b.stamp())); !strings.Contains(a.Body, "Mehr als 1 gehen nicht.") {
		t.Errorf("got %s", a.Body)
	}
	if page := b.get("/document").Body; !strings.Contains(page, `data-follow="fragments"`) {
		t.Errorf("got %s", page)
	}
}
