package oidc_test

import (
	"log"
	"os"

	"github.com/gofiber/fiber/v2"

	"github.com/multiaccount-go/multiaccount"
	"github.com/multiaccount-go/multiaccount/auth"
	"github.com/multiaccount-go/multiaccount/auth/authtest"
	"github.com/multiaccount-go/multiaccount/auth/oidc"
)

func Example() {
	users := authtest.NewStore() // an app has userdb.Open
	accounts, err := multiaccount.New(multiaccount.Config[auth.User]{Users: users.ByIDs, Active: auth.User.IsActive})
	if err != nil {
		log.Fatal(err)
	}
	providers, err := oidc.New(oidc.Config{
		Accounts: accounts, Users: users, BaseURL: "https://www.example.com", Key: make([]byte, 32), // 32 random bytes
		Providers: []oidc.Provider{{
			Name: "google", Label: "Google", Issuer: "https://accounts.google.com",
			ClientID: "the id that Google gave", ClientSecret: os.Getenv("GOOGLE_CLIENT_SECRET"),
		}},
	})
	if err != nil {
		log.Fatal(err)
	}
	app := fiber.New()
	app.Use(accounts.Handler)
	accounts.Register(app)
	providers.Register(app) // auth.Config has OtherWays for providers.SignInHTML, and ProfileParts for providers.ConnectHTML
}
