package apitoken_test

import (
	"log"

	"github.com/gofiber/fiber/v2"

	"github.com/multiaccount-go/multiaccount"
	"github.com/multiaccount-go/multiaccount/auth"
	"github.com/multiaccount-go/multiaccount/auth/apitoken"
	"github.com/multiaccount-go/multiaccount/auth/authtest"
)

func Example() {
	users := authtest.NewStore() // an app has userdb.Open
	accounts, err := multiaccount.New(multiaccount.Config[auth.User]{Users: users.ByIDs, Active: auth.User.IsActive})
	if err != nil {
		log.Fatal(err)
	}
	keys, err := apitoken.New(apitoken.Config{Accounts: accounts, Users: users, Prefix: "shop"})
	if err != nil {
		log.Fatal(err)
	}
	app := fiber.New()
	app.Use(accounts.Handler)
	accounts.Register(app)
	keys.Register(app) // the pages in the profile

	api := app.Group("/api", keys.Handler) // the list of what programs may use; before Protect
	api.Get("/whoami", func(c *fiber.Ctx) error {
		key, _ := apitoken.Of(c)
		return c.JSON(fiber.Map{"user": key.UserID, "key": key.Name})
	})

	app.Use(accounts.Protect()) // from here on it is pages
}
