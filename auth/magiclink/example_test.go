package magiclink_test

import (
	"context"
	"fmt"
	"log"

	"github.com/gofiber/fiber/v2"

	"github.com/multiaccount-go/multiaccount"
	"github.com/multiaccount-go/multiaccount/auth"
	"github.com/multiaccount-go/multiaccount/auth/authtest"
	"github.com/multiaccount-go/multiaccount/auth/magiclink"
)

func Example() {
	users := authtest.NewStore() // an app has userdb.Open
	accounts, err := multiaccount.New(multiaccount.Config[auth.User]{Users: users.ByIDs, Active: auth.User.IsActive})
	if err != nil {
		log.Fatal(err)
	}
	links, err := magiclink.New(magiclink.Config{
		Accounts: accounts, Users: users, BaseURL: "https://www.example.com",
		Send: func(_ context.Context, email, link string) error { // an app has a mailer
			_, err := fmt.Printf("to %s: %s\n", email, link)
			return err
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	app := fiber.New()
	app.Use(accounts.Handler)
	accounts.Register(app)
	links.Register(app) // auth.Config has SignInWays for links.FormHTML
	app.Hooks().OnShutdown(func() error { return links.Close(context.Background()) })
}
