package hooks_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/gofiber/fiber/v2"

	"github.com/multiaccount-go/multiaccount"
	"github.com/multiaccount-go/multiaccount/hooks"
)

type person struct{ Name string }

// A fragment that htmx fetches, for whoever is signed in. A person who is not gets to the sign-in page as a whole, and a
// page that was drawn for another account is drawn anew instead of getting the fragment.
func ExampleHTMXRequireUser() {
	accounts, err := multiaccount.New(multiaccount.Config[person]{
		Users: func(_ context.Context, ids ...string) (map[string]person, error) {
			return map[string]person{"a1": {"Alice"}, "b2": {"Bob"}}, nil
		},
	})
	if err != nil {
		panic(err)
	}
	defer accounts.Close(context.Background())

	inbox := func(c *fiber.Ctx) error {
		u, _ := accounts.CurrentUser(c)
		return c.SendString("Inbox of " + u.Name)
	}
	app := fiber.New()
	app.Get("/inbox", append(hooks.HTMXRequireUser(accounts), inbox)...)
	app.Post("/session", accounts.SameOrigin(), func(c *fiber.Ctx) error {
		if err := accounts.SignIn(c, c.FormValue("id"), "password"); err != nil {
			return err
		}
		return c.Status(fiber.StatusOK).SendString(accounts.Stamp(c))
	})

	// fetch is what htmx does in a page with that stamp.
	fetch := func(stamp string, cookies []*http.Cookie) {
		r := httptest.NewRequest("GET", "/inbox", nil)
		r.Header.Set("HX-Request", "true")
		r.Header.Set("HX-Current-URL", "https://example.com/mail")
		r.Header.Set("Sec-Fetch-Site", "same-origin")
		r.Header.Set("X-Account-Stamp", stamp)
		for _, cookie := range cookies {
			r.AddCookie(cookie)
		}
		answer, err := app.Test(r)
		if err != nil {
			panic(err)
		}
		if answer.StatusCode == fiber.StatusOK {
			body, _ := io.ReadAll(answer.Body)
			fmt.Println(answer.StatusCode, string(body))
			return
		}
		h := answer.Header
		fmt.Printf("%d redirect %q, refresh %q\n", answer.StatusCode, h.Get("HX-Redirect"), h.Get("HX-Refresh"))
	}
	fetch("", nil)

	signIn := httptest.NewRequest("POST", "/session", strings.NewReader("id=b2"))
	signIn.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	signIn.Header.Set("Origin", "https://example.com")
	answer, err := app.Test(signIn)
	if err != nil {
		panic(err)
	}
	stamp, _ := io.ReadAll(answer.Body)
	fetch(string(stamp), answer.Cookies())
	fetch("of-another-account", answer.Cookies())
	// Output:
	// 401 redirect "/session/new?request_path=%2Fmail", refresh ""
	// 200 Inbox of Bob
	// 409 redirect "", refresh "true"
}

// A fragment for everybody, that says more to whoever is signed in.
func ExampleHTMXLoadAccounts() {
	accounts, err := multiaccount.New(multiaccount.Config[person]{
		Users: func(context.Context, ...string) (map[string]person, error) { return nil, nil },
	})
	if err != nil {
		panic(err)
	}
	defer accounts.Close(context.Background())

	app := fiber.New()
	app.Get("/greeting", append(hooks.HTMXLoadAccounts(accounts), func(c *fiber.Ctx) error {
		if u, ok := c.Locals("current_user").(person); ok {
			return c.SendString("Hello, " + u.Name)
		}
		return c.SendString("Hello, stranger")
	})...)

	r := httptest.NewRequest("GET", "/greeting", nil)
	r.Header.Set("HX-Request", "true")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	answer, err := app.Test(r)
	if err != nil {
		panic(err)
	}
	body, _ := io.ReadAll(answer.Body)
	fmt.Println(answer.StatusCode, string(body))
	// Output:
	// 200 Hello, stranger
}
