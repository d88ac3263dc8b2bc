package multiaccount_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/gofiber/fiber/v2"
	"github.com/gofiber/fiber/v2/middleware/compress"
	"github.com/gofiber/fiber/v2/middleware/encryptcookie"
	"github.com/gofiber/fiber/v2/middleware/etag"
	"github.com/gofiber/fiber/v2/middleware/helmet"
	"github.com/gofiber/fiber/v2/middleware/recover"
	"github.com/gofiber/fiber/v2/middleware/requestid"

	"github.com/multiaccount-go/multiaccount"
	"github.com/multiaccount-go/multiaccount/account"
	"github.com/multiaccount-go/multiaccount/hooks"
	"github.com/multiaccount-go/multiaccount/live"
)

// plugin makes a plugin that is in no app yet.
func plugin(t *testing.T, change ...func(*config)) (*multiaccount.Plugin[user], *site) {
	t.Helper()
	s := newSite(t)
	p, err := multiaccount.New(func() config {
		cfg := config{Users: s.people.byIDs}
		for _, alter := range change {
			alter(&cfg)
		}
		return cfg
	}())
	if err != nil {
		t.Fatal(err)
	}
	if err := s.accounts.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.accounts = p // which the site closes
	return p, s
}

func codes(warnings []multiaccount.Warning) string {
	var all []string
	for _, w := range warnings {
		all = append(all, w.Code)
	}
	slices.Sort(all)
	return strings.Join(all, " ")
}

func ok(c *fiber.Ctx) error { return c.SendString("ok") }

// Cases with cache, idempotency and csrf are in integration_test/startup: those need a module that the root does without.
func TestCheckFindsNeighboursThatDoNotGoTogether(t *testing.T) {
	type p = *multiaccount.Plugin[user]
	shared := func(c *config) { c.Store = &observedStore{MemoryStore: account.NewMemoryStore()}; c.Bus = noBus{} }
	key := encryptcookie.GenerateKey()
	for name, tc := range map[string]struct {
		app    fiber.Config
		change func(*config)
		mount  func(app *fiber.App, p p, s *site)
		want   string
	}{
		"an app as in the README": {mount: func(app *fiber.App, p p, s *site) {
			app.Use(recover.New(), requestid.New(), compress.New(), etag.New())
			app.Static("/assets", ".")
			app.Use(p.Handler)
			p.Register(app)
			app.Get("/", ok)
			app.Post("/session", p.SameOrigin(), ok)
			app.Post("/session/sign_out", p.SignOut)
			mine := app.Group("/mine", p.Protect(), p.RequireUser)
			mine.Post("/notes", ok)
			mine.Delete("/notes/:id", ok)
			view := s.echoView(hooks.LoadAccounts(p))
			app.Get("/live", view).Post("/live", view)
			app.Use(func(*fiber.Ctx) error { return fiber.ErrNotFound })
		}, change: func(c *config) { c.Paths.AppSignOut = "/session/sign_out" }},
		"guards written as hooks for htmx": {mount: func(app *fiber.App, p p, _ *site) {
			app.Use(p.Handler)
			p.Register(app)
			app.Post("/x", append(hooks.HTMXRequireUser(p), ok)...)
		}},
		"on a group": {mount: func(app *fiber.App, p p, _ *site) {
			app.Use(p.Handler)
			p.Register(app.Group("/auth"))
		}},
		"nothing at all":  {mount: func(*fiber.App, p, *site) {}, want: "handler_not_seen not_registered"},
		"no Handler":      {mount: func(app *fiber.App, p p, _ *site) { p.Register(app) }, want: "handler_not_seen"},
		"no Register":     {mount: func(app *fiber.App, p p, _ *site) { app.Use(p.Handler) }, want: "not_registered"},
		"Register before": {mount: func(app *fiber.App, p p, _ *site) { p.Register(app); app.Use(p.Handler) }, want: "handler_late"},
		"routes without a guard": {mount: func(app *fiber.App, p p, s *site) {
			app.Post("/webhook", ok) // before the Handler: acts as nobody
			app.Use(p.Handler)
			p.Register(app)
			app.Post("/one", ok)
			app.Put("/two/:id", p.RequireUser, ok)
			app.Post("/safe", p.Protect(), ok)
			app.Delete("/three", func(c *fiber.Ctx) error { return c.Next() }, ok)
		}, want: "unguarded"},
		"a guard that comes too late": {mount: func(app *fiber.App, p p, _ *site) {
			app.Use(p.Handler)
			p.Register(app)
			app.Post("/x", ok)
			app.Use(p.Protect())
		}, want: "unguarded"},
		"a guard for other paths": {mount: func(app *fiber.App, p p, _ *site) {
			app.Use(p.Handler)
			p.Register(app)
			app.Use("/y", p.Protect())
			app.Post("/x", ok)
		}, want: "unguarded"},
		"helmet as it comes": {mount: func(app *fiber.App, p p, _ *site) {
			app.Use(helmet.New(), p.Handler)
			p.Register(app)
		}, want: "helmet_embedder helmet_referrer"},
		"helmet with settings": {mount: func(app *fiber.App, p p, _ *site) {
			app.Use(helmet.New(helmet.Config{ReferrerPolicy: "same-origin", CrossOriginEmbedderPolicy: "unsafe-none"}), p.Handler)
			p.Register(app)
		}},
		"helmet somewhere else": {mount: func(app *fiber.App, p p, _ *site) {
			app.Use("/docs", helmet.New())
			app.Get("/docs/*", ok)
			app.Use(p.Handler)
			p.Register(app)
		}},
		"helmet on what Skip leaves out": {mount: func(app *fiber.App, p p, _ *site) {
			app.Use(p.Handler)
			p.Register(app)
			app.Use("/docs", helmet.New())
		}, change: func(c *config) { c.Skip = func(c *fiber.Ctx) bool { return strings.HasPrefix(c.Path(), "/docs") } }},
		"a Skip that panics": {mount: func(app *fiber.App, p p, _ *site) {
			app.Use(p.Handler)
			p.Register(app)
			app.Use("/docs", helmet.New())
		}, change: func(c *config) { c.Skip = func(*fiber.Ctx) bool { panic("no session") } }, want: "helmet_embedder helmet_referrer"},
		"encryptcookie before": {mount: func(app *fiber.App, p p, _ *site) {
			app.Use(encryptcookie.New(encryptcookie.Config{Key: key}), p.Handler)
			p.Register(app)
		}},
		"encryptcookie after": {mount: func(app *fiber.App, p p, _ *site) {
			app.Use(p.Handler)
			app.Use(encryptcookie.New(encryptcookie.Config{Key: key}))
			p.Register(app)
		}, want: "encryptcookie"},
		"Prefork in memory":         {app: fiber.Config{Prefork: true}, mount: mounted, want: "prefork_bus prefork_store"},
		"Prefork with shared parts": {app: fiber.Config{Prefork: true}, mount: mounted, change: shared},
		"addresses from anybody":    {app: fiber.Config{ProxyHeader: "X-Forwarded-For"}, mount: mounted, want: "proxy_header"},
		"addresses from a proxy": {app: fiber.Config{ProxyHeader: "X-Forwarded-For", EnableTrustedProxyCheck: true,
			TrustedProxies: []string{"10.0.0.1"}}, mount: mounted},
		"no page to sign in": {mount: mounted, want: "no_sign_in"},
		"the page to sign in has another name": {mount: func(app *fiber.App, p p, _ *site) {
			mounted(app, p, nil)
			app.Get("/login", ok)
		}, change: func(c *config) { c.Paths.SignIn = "/log-in" }, want: "no_sign_in"},
		"the page to sign in is one of many": {mount: func(app *fiber.App, p p, _ *site) {
			mounted(app, p, nil)
			app.Get("/:page", ok)
		}, change: func(c *config) { c.Paths.SignIn = "/login" }},
		"Protect before signing in": {mount: func(app *fiber.App, p p, _ *site) {
			app.Use(p.Handler, p.Protect())
			p.Register(app)
			app.Post("/session", p.SameOrigin(), ok)
		}, want: "protected_sign_in"},
		"Protect behind signing in": {mount: func(app *fiber.App, p p, _ *site) {
			app.Use(p.Handler)
			p.Register(app)
			app.Post("/session", p.SameOrigin(), ok)
			app.Use(p.Protect())
			app.Post("/x", ok)
		}},
		"a sign-out that the configuration does not name": {mount: func(app *fiber.App, p p, _ *site) {
			mounted(app, p, nil)
			app.Post("/session/sign_out", p.SignOut)
		}, want: "app_sign_out"},
		"GET only": {app: fiber.Config{GETOnly: true}, mount: mounted, want: "get_only"},
	} {
		t.Run(name, func(t *testing.T) {
			if tc.change == nil {
				tc.change = func(*config) {}
			}
			p, s := plugin(t, tc.change)
			app := fiber.New(tc.app)
			if !strings.Contains(tc.want, "no_sign_in") {
				app.Get("/session/new", ok)
			}
			tc.mount(app, p, s)
			got := p.Check(app)
			if codes(got) != tc.want {
				t.Errorf("got  %q\nwant %q\n%v", codes(got), tc.want, got)
			}
			for _, w := range got {
				if w.What == "" || w.Why == "" || w.Do == "" || strings.HasSuffix(w.String(), ".") {
					t.Errorf("got %+v", w)
				}
			}
			if name == "routes without a guard" && len(got) == 1 && !strings.Contains(got[0].What, "POST /one, PUT /two/:id, DELETE /three") {
				t.Errorf("got %s", got[0].What)
			}
		})
	}
}

func mounted(app *fiber.App, p *multiaccount.Plugin[user], _ *site) {
	app.Use(p.Handler)
	p.Register(app)
}

// noBus stands for a bus between processes.
type noBus struct{ live.Bus }

// The warning about encryptcookie is true: nobody stays signed in.
func TestEncryptcookieAfterTheHandlerSignsPeopleOut(t *testing.T) {
	for name, after := range map[string]bool{"before": false, "after": true} {
		s := newSite(t)
		encrypt := encryptcookie.New(encryptcookie.Config{Key: encryptcookie.GenerateKey()})
		s.app = fiber.New()
		if !after {
			s.app.Use(encrypt)
		}
		s.app.Use(s.accounts.Handler)
		if after {
			s.app.Use(encrypt)
		}
		s.app.Get("/page", s.whoAmI)
		s.app.Post("/sign-in", s.signIn)
		b := s.browser()
		b.signIn("a")
		if got := strings.Contains(b.get("/page").Body, "current=a"); got == after {
			t.Errorf("encryptcookie %s: signed in %v", name, got)
		}
	}
}
