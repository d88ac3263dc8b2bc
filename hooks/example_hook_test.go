package hooks_test

import (
	"context"
	"fmt"
	"html/template"
	"io"
	"net/http/httptest"
	"strings"

	"github.com/gofiber/fiber/v2"

	"github.com/multiaccount-go/multiaccount"
	"github.com/multiaccount-go/multiaccount/hooks"
	"github.com/multiaccount-go/multiaccount/live"
)

// employer is whom an account works for.
type employer struct{ Name string }

// desk is a view that shows it.
type desk struct{}

func (*desk) Mount(context.Context, *live.Socket) error              { return nil }
func (*desk) Event(context.Context, *live.Socket, live.Event) error  { return nil }
func (*desk) Info(context.Context, *live.Socket, live.Message) error { return nil }
func (*desk) Render(_ context.Context, s *live.Socket, w io.Writer) error {
	works, _ := live.Value[employer](s)
	_, err := fmt.Fprintf(w, "%s works for %s", hooks.CurrentID(s), works.Name)
	return err
}

// A hook of the app's own, here one that loads the tenant, comes after LoadAccounts. It runs for the page and for every socket,
// also after a switch, so a view never has the tenant of another account.
func ExampleLoadAccounts() {
	accounts, err := multiaccount.New(multiaccount.Config[string]{
		Users: func(context.Context, ...string) (map[string]string, error) {
			return map[string]string{"alice": "Alice"}, nil
		},
	})
	if err != nil {
		panic(err)
	}
	defer accounts.Close(context.Background())
	employers := map[string]employer{"alice": {"Acme"}} // a query, where an app is real
	loadEmployer := live.Hook{Name: "load employer", Connect: func(_ *fiber.Ctx, s *live.Socket) error {
		live.Assign(s, employers[hooks.CurrentID(s)])
		return nil
	}}

	app := fiber.New()
	app.Use(accounts.Handler)
	app.Get("/desk", live.New(func() live.View { return &desk{} }, live.Config{
		OnConnect: []live.Hook{hooks.LoadAccounts(accounts), hooks.RequireUser(accounts), loadEmployer},
		Page:      func(c *fiber.Ctx, _ *live.Socket, body template.HTML) error { return c.SendString(string(body)) },
	}))
	app.Post("/session", accounts.SameOrigin(), func(c *fiber.Ctx) error { return accounts.SignIn(c, "alice", "password") })

	signIn := httptest.NewRequest("POST", "/session", nil)
	signIn.Header.Set("Origin", "https://example.com")
	signedIn, err := app.Test(signIn)
	if err != nil {
		panic(err)
	}
	r := httptest.NewRequest("GET", "/desk", nil)
	for _, cookie := range signedIn.Cookies() {
		r.AddCookie(cookie)
	}
	answer, err := app.Test(r)
	if err != nil {
		panic(err)
	}
	page, _ := io.ReadAll(answer.Body)
	fmt.Println(strings.Contains(string(page), "alice works for Acme"))
	// Output: true
}
