package apitoken_test

import (
	"log"

	"github.com/gofiber/fiber/v2"

	"github.com/multiaccount-go/multiaccount"
	"github.com/multiaccount-go/multiaccount/auth"
	"github.com/multiaccount-go/multiaccount/auth/apitoken"
	"github.com/multiaccount-go/multiaccount/auth/authtest"
	"github.com/multiaccount-go/multiaccount/tenant"
)

func Example() {
	users := authtest.NewStore() // an app has userdb.Open
	accounts, err := multiaccount.New(multiaccount.Config[auth.User]{
		Users: users.ByIDs, Active: auth.User.IsActive, Paths: multiaccount.Paths{AppSignOut: "/session/sign_out"},
	})
	if err != nil {
		log.Fatal(err)
	}
	login, err := auth.New(auth.Config{Accounts: accounts, Users: users})
	if err != nil {
		log.Fatal(err)
	}
	tenants, err := tenant.New(tenant.Config{Accounts: accounts, Store: users.Tenants(), People: login.People})
	if err != nil {
		log.Fatal(err)
	}
	keys, err := apitoken.New(apitoken.Config{
		Accounts: accounts, Users: users, Prefix: "shop",
		Scope: tenants.ScopeID, // a key works in the tenant that it was made in
	})
	if err != nil {
		log.Fatal(err)
	}
	app := fiber.New()
	app.Use(accounts.Handler, tenants.Handler)
	accounts.Register(app)
	login.Register(app)
	tenants.Register(app)
	keys.Register(app) // the pages in the profile

	api := app.Group("/api", keys.Handler) // the list of what programs may use; before Protect
	api.Get("/whoami", func(c *fiber.Ctx) error {
		key, _ := apitoken.Of(c)
		scope, err := tenants.ScopeFor(c.UserContext(), key.UserID, key.Scope) // with the role that he has by now
		if err != nil {
			return err
		}
		return c.JSON(fiber.Map{"user": key.UserID, "key": key.Name, "tenant": scope.Tenant.Name, "role": scope.Role})
	})

	app.Use(accounts.Protect()) // from here on it is pages
}
