package tenant_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/gofiber/fiber/v2"

	"github.com/multiaccount-go/multiaccount"
	"github.com/multiaccount-go/multiaccount/tenant"
)

// An app whose users belong to tenants. Every query that it makes has the tenant of the scope in it.
func Example() {
	store := tenant.NewMemoryStore()
	store.AddUser("alice")
	home, err := store.Memberships(context.Background(), "alice")
	if err != nil {
		panic(err)
	}
	acme, err := tenant.ParseName("Acme")
	if err != nil {
		panic(err) // a *tenant.NameError, to be told beside the field
	}
	if err := store.Rename(context.Background(), home[0].Tenant.ID, acme); err != nil {
		panic(err)
	}

	accounts, err := multiaccount.New(multiaccount.Config[string]{
		Users: func(context.Context, ...string) (map[string]string, error) {
			return map[string]string{"alice": "Alice"}, nil
		},
	})
	if err != nil {
		panic(err)
	}
	defer accounts.Close(context.Background())
	tenants, err := tenant.New(tenant.Config{
		Accounts: accounts,
		Store:    store,
		People: func(context.Context, ...string) (map[string]tenant.Person, error) {
			return map[string]tenant.Person{"alice": {Name: "Alice", Email: "alice@example.com"}}, nil
		},
	})
	if err != nil {
		panic(err)
	}

	app := fiber.New()
	app.Use(accounts.Handler, tenants.Handler)
	accounts.Register(app)
	tenants.Register(app)
	app.Get("/notes", tenants.Require(tenant.Member), func(c *fiber.Ctx) error {
		scope, err := tenants.Scope(c)
		if err != nil {
			return err
		}
		return c.SendString(fmt.Sprintf("Notes of %q, for its %s", scope.Tenant.Name, scope.Role))
	})
	app.Post("/session", accounts.SameOrigin(), func(c *fiber.Ctx) error {
		if err := accounts.SignIn(c, "alice", "password"); err != nil {
			return err
		}
		return c.SendStatus(fiber.StatusNoContent)
	})

	signIn := httptest.NewRequest("POST", "/session", strings.NewReader(""))
	signIn.Header.Set("Origin", "https://example.com")
	answer, err := app.Test(signIn)
	if err != nil {
		panic(err)
	}
	fetch := func(cookies []*http.Cookie) {
		r := httptest.NewRequest("GET", "/notes", nil)
		for _, cookie := range cookies {
			r.AddCookie(cookie)
		}
		answer, err := app.Test(r)
		if err != nil {
			panic(err)
		}
		body, _ := io.ReadAll(answer.Body)
		fmt.Println(answer.StatusCode, string(body), answer.Header.Get("Location"))
	}
	fetch(nil)
	fetch(answer.Cookies())
	// Output:
	// 303  /session/new?request_path=%2Fnotes
	// 200 Notes of "Acme", for its owner
}
