package auth_test

import (
	"context"
	"fmt"
	"log"
	"log/slog"
	"net/http/httptest"

	"github.com/gofiber/fiber/v2"

	"github.com/multiaccount-go/multiaccount"
	"github.com/multiaccount-go/multiaccount/auth"
	"github.com/multiaccount-go/multiaccount/auth/authtest"
)

// An app without a login of its own. Its users are in a database: see package auth/userdb.
func Example() {
	users := authtest.NewStore() // for this example: in memory

	accounts, err := multiaccount.New(multiaccount.Config[auth.User]{
		Users:   users.ByIDs,
		Active:  auth.User.IsActive,
		Profile: func(u auth.User) multiaccount.Profile { return multiaccount.Profile{Name: u.Name, Email: u.Email} },
		Paths:   multiaccount.Paths{AppSignOut: "/session/sign_out"},
		Log:     slog.New(slog.DiscardHandler),
	})
	if err != nil {
		log.Fatal(err)
	}
	defer accounts.Close(context.Background())
	login, err := auth.New(auth.Config{Accounts: accounts, Users: users})
	if err != nil {
		log.Fatal(err)
	}

	app := fiber.New()
	app.Use(accounts.Handler)
	accounts.Register(app)
	login.Register(app) // /session/new, /registration/new, /profile, …
	app.Get("/private", login.RequireAuthenticated, func(c *fiber.Ctx) error {
		u, _ := accounts.CurrentUser(c)
		return c.SendString("Welcome " + u.Email)
	})

	answer, err := app.Test(httptest.NewRequest("GET", "/private", nil))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(answer.StatusCode, answer.Header.Get("Location"))
	// Output: 303 /session/new?request_path=%2Fprivate
}
