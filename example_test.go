package multiaccount_test

import (
	"context"
	"fmt"
	"io"
	"net/http/httptest"
	"strings"

	"github.com/gofiber/fiber/v2"

	"github.com/multiaccount-go/multiaccount"
)

type person struct{ ID, Name, Password string }

// Here a map stands in for the app's table of users.
var members = map[string]person{"a1": {"a1", "Alice", "secret"}, "b2": {"b2", "Bob", "hush"}}

// byIDs loads users in one go. Ids that do not exist are left out.
func byIDs(_ context.Context, ids ...string) (map[string]person, error) {
	found := make(map[string]person)
	for _, id := range ids {
		if u, ok := members[id]; ok {
			found[id] = u
		}
	}
	return found, nil
}

func Example() {
	accounts, err := multiaccount.New(multiaccount.Config[person]{
		Users:   byIDs,
		Profile: func(u person) multiaccount.Profile { return multiaccount.Profile{Name: u.Name} },
	})
	if err != nil {
		panic(err)
	}
	defer accounts.Close(context.Background())

	app := fiber.New()
	app.Use(accounts.Handler)
	accounts.Register(app)
	app.Post("/session", accounts.SameOrigin(), func(c *fiber.Ctx) error {
		u, ok := members[c.FormValue("id")]
		if !ok || u.Password != c.FormValue("password") {
			return c.Status(fiber.StatusUnprocessableEntity).SendString("Wrong id or password.")
		}
		return accounts.SignIn(c, u.ID, "password")
	})
	app.Get("/", accounts.RequireUser, func(c *fiber.Ctx) error {
		u, _ := accounts.CurrentUser(c)
		return c.SendString("Hello, " + u.Name)
	})

	signIn := httptest.NewRequest("POST", "/session", strings.NewReader("id=a1&password=secret"))
	signIn.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	signIn.Header.Set("Origin", "https://example.com") // of the page with the form
	answer, err := app.Test(signIn)
	if err != nil {
		panic(err)
	}
	fmt.Println(answer.StatusCode, answer.Header.Get("Location"))

	home := httptest.NewRequest("GET", "/", nil)
	home.AddCookie(answer.Cookies()[0])
	if answer, err = app.Test(home); err != nil {
		panic(err)
	}
	body, _ := io.ReadAll(answer.Body)
	fmt.Println(answer.StatusCode, string(body))
	// Output:
	// 303 /
	// 200 Hello, Alice
}
