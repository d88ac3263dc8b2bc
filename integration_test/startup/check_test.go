// Package startup_test looks at what Plugin.Check says of apps that use Fiber's own middleware, and whether it is true.
package startup_test

import (
	"context"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/gofiber/fiber/v2/middleware/cache"
	"github.com/gofiber/fiber/v2/middleware/csrf"
	"github.com/gofiber/fiber/v2/middleware/idempotency"

	"github.com/multiaccount-go/multiaccount"
)

type user struct{ ID string }

type plugin = *multiaccount.Plugin[user]

func newPlugin(t *testing.T) plugin {
	t.Helper()
	p, err := multiaccount.New(multiaccount.Config[user]{
		Users: func(_ context.Context, ids ...string) (map[string]user, error) {
			users := map[string]user{}
			for _, id := range ids {
				users[id] = user{id}
			}
			return users, nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := p.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	return p
}

// app mounts the plugin behind some middleware, and says who is current on /who.
func app(p plugin, before ...any) *fiber.App {
	app := fiber.New()
	if len(before) > 0 {
		app.Use(before...)
	}
	app.Use(p.Handler)
	p.Register(app)
	app.Get("/sign-in/:id", func(c *fiber.Ctx) error { return p.SignIn(c, c.Params("id"), "test") })
	app.Post("/sign-in/:id", p.SameOrigin(), func(c *fiber.Ctx) error { return p.SignIn(c, c.Params("id"), "test") })
	app.Get("/who", func(c *fiber.Ctx) error { return c.SendString("you are " + p.CurrentID(c)) })
	return app
}

func codes(warnings []multiaccount.Warning) string {
	var all []string
	for _, w := range warnings {
		all = append(all, w.Code)
	}
	slices.Sort(all)
	return strings.Join(all, " ")
}

func TestCheckFindsWhatMixesPeopleUp(t *testing.T) {
	for name, tc := range map[string]struct {
		mount func(app *fiber.App, p plugin)
		want  string
	}{
		"cache before":      {func(app *fiber.App, p plugin) { app.Use(cache.New(), p.Handler); p.Register(app) }, "cache"},
		"cache after":       {func(app *fiber.App, p plugin) { app.Use(p.Handler); p.Register(app); app.Use(cache.New()) }, "cache"},
		"cache on one page": {func(app *fiber.App, p plugin) { app.Use(p.Handler); p.Register(app); app.Get("/x", cache.New(), ok) }, "cache"},
		"cache of files": {func(app *fiber.App, p plugin) {
			app.Use("/assets", cache.New())
			app.Static("/assets", ".")
			app.Use(p.Handler)
			p.Register(app)
		}, ""},
		"idempotency": {func(app *fiber.App, p plugin) { app.Use(idempotency.New(), p.Handler); p.Register(app) }, "idempotency"},
		"csrf":        {func(app *fiber.App, p plugin) { app.Use(csrf.New(), p.Handler); p.Register(app) }, "csrf"},
		"csrf that leaves the plugin out": {func(app *fiber.App, p plugin) {
			app.Use(csrf.New(csrf.Config{Next: func(c *fiber.Ctx) bool { return strings.HasPrefix(c.Path(), "/link/") }}), p.Handler)
			p.Register(app)
		}, ""},
		"csrf for a part of the app": {func(app *fiber.App, p plugin) { app.Use("/shop", csrf.New()); app.Use(p.Handler); p.Register(app) }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			p, app := newPlugin(t), fiber.New()
			app.Get("/session/new", ok)
			tc.mount(app, p)
			if got := p.Check(app); codes(got) != tc.want {
				t.Errorf("got %q, want %q: %v", codes(got), tc.want, got)
			}
		})
	}
}

func ok(c *fiber.Ctx) error { return c.SendString("ok") }

// request sends one request with a cookie, and returns the status, the body and the session cookie of the answer.
func request(t *testing.T, app *fiber.App, method, path, cookie string, header ...string) (int, string, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, "https://app.test"+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	if cookie != "" {
		r.AddCookie(&http.Cookie{Name: "__Host-accounts", Value: cookie})
	}
	answer, err := app.Test(r, -1)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range answer.Cookies() {
		if c.Name == "__Host-accounts" {
			cookie = c.Value
		}
	}
	return answer.StatusCode, string(body), cookie
}

// Each warning is true: this is what happens to somebody who does not mind it.
func TestTheWarningsAreTrue(t *testing.T) {
	t.Run("cache", func(t *testing.T) {
		site := app(newPlugin(t), cache.New())
		_, _, alice := request(t, site, "POST", "/sign-in/alice", "")
		_, _, bob := request(t, site, "POST", "/sign-in/bob", "")
		request(t, site, "GET", "/who", alice)
		if _, body, _ := request(t, site, "GET", "/who", bob); body != "you are alice" {
			t.Errorf("bob reads %q: Fiber's cache minds who asks now, so the warning may go", body)
		}
	})
	t.Run("idempotency", func(t *testing.T) {
		site := app(newPlugin(t), idempotency.New())
		const key = "00000000-0000-0000-0000-000000000001"
		_, _, alice := request(t, site, "POST", "/sign-in/alice", "", "X-Idempotency-Key", key)
		if _, _, bob := request(t, site, "POST", "/sign-in/bob", "", "X-Idempotency-Key", key); bob != alice {
			t.Error("bob has a cookie of his own: Fiber's idempotency minds who asks now, so the warning may go")
		}
	})
	t.Run("csrf", func(t *testing.T) {
		site := app(newPlugin(t))
		_, _, alice := request(t, site, "POST", "/sign-in/alice", "")
		if status, _, _ := request(t, site, "POST", "/link/sign_out", alice); status != 303 {
			t.Fatalf("signing out: %d", status)
		}
		p := newPlugin(t)
		site = app(p, csrf.New())
		_, _, alice = request(t, site, "GET", "/sign-in/alice", "")
		if status, _, _ := request(t, site, "POST", "/link/sign_out", alice); status != 403 {
			t.Errorf("signing out behind csrf: %d, want 403", status)
		}
	})
}
