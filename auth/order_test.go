package auth_test

import (
	"log/slog"
	"testing"

	"github.com/gofiber/fiber/v2"

	"github.com/multiaccount-go/multiaccount"
	"github.com/multiaccount-go/multiaccount/auth"
	"github.com/multiaccount-go/multiaccount/auth/apitoken"
	"github.com/multiaccount-go/multiaccount/auth/authtest"
	"github.com/multiaccount-go/multiaccount/tenant"
)

// The order in docs/registration.md is one that nothing is to be said about, and another one is.
func TestNothingIsWrongWithTheOrderThatTheDocumentationNames(t *testing.T) {
	for sentence, late := range map[string]bool{"as documented": false, "Protect before the sign-in": true} {
		t.Run(sentence, func(t *testing.T) {
			users := authtest.NewStore()
			quiet := slog.New(slog.DiscardHandler)
			accounts, err := multiaccount.New(multiaccount.Config[auth.User]{
				Users: users.ByIDs, Active: auth.User.IsActive, Paths: multiaccount.Paths{AppSignOut: "/session/sign_out"}, Log: quiet,
			})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = accounts.Close(t.Context()) })
			login, err := auth.New(auth.Config{Accounts: accounts, Users: users, Log: quiet})
			if err != nil {
				t.Fatal(err)
			}
			tenants, err := tenant.New(tenant.Config{Accounts: accounts, Store: users.Tenants(), People: login.People, Log: quiet})
			if err != nil {
				t.Fatal(err)
			}
			keys, err := apitoken.New(apitoken.Config{Accounts: accounts, Users: users, Scope: tenants.ScopeID, Log: quiet})
			if err != nil {
				t.Fatal(err)
			}
			nothing := func(c *fiber.Ctx) error { return c.SendStatus(fiber.StatusNoContent) }
			app := fiber.New()
			app.Use(accounts.Handler, tenants.Handler)
			if late {
				app.Use(accounts.Protect())
			}
			accounts.Register(app)
			login.Register(app)
			tenants.Register(app)
			keys.Register(app)
			app.Post("/api/notes", keys.Handler, nothing)
			app.Use(accounts.Protect())
			app.Get("/private", login.RequireAuthenticated, nothing)
			app.Post("/private", login.RequireAuthenticated, nothing)
			if found := accounts.Check(app); (len(found) > 0) != late {
				t.Errorf("warnings %v", found)
			}
		})
	}
}
