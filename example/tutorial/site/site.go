// Package site is step 1 of docs/tutorial.md: an app in which people sign in, and the notes that they keep.
package site

import (
	"context"
	"errors"
	"html/template"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/multiaccount-go/multiaccount"
)

// [start user]

// User is somebody who can sign in.
type User struct{ ID, Name string }

var users = map[string]User{"alice": {"alice", "Alice"}, "bob": {"bob", "Bob"}}

// [end user]

// [start site]

// Site is the app: what its handlers need.
type Site struct {
	*fiber.App
	Accounts *multiaccount.Plugin[User]
	Notes    Notes
}

// New returns an app in which people can sign in. End it with Shutdown.
func New() (*Site, error) {
	accounts, err := multiaccount.New(multiaccount.Config[User]{
		Users:   func(context.Context, ...string) (map[string]User, error) { return users, nil },
		Profile: func(u User) multiaccount.Profile { return multiaccount.Profile{Name: u.Name} },
		Paths:   multiaccount.Paths{SignIn: "/sign-in", SignedOut: "/sign-in"},
		// For http://127.0.0.1. Where people are there is https, and this line goes.
		Cookie: multiaccount.CookieConfig{InsecurePlainHTTPForDevelopment: true},
	})
	if err != nil {
		return nil, err
	}
	s := &Site{App: fiber.New(fiber.Config{DisableStartupMessage: true}), Accounts: accounts}
	s.Use(accounts.Handler)  // from here on every handler knows the current user
	accounts.Register(s.App) // add, switch, sign out, chooser, switcher, tab socket
	s.Get("/sign-in", func(c *fiber.Ctx) error { return s.drawSignIn(c, "") })
	s.Post("/sign-in", accounts.SameOrigin(), s.signIn)
	s.Get("/", accounts.RequireUser, s.hello)
	return s, nil
}

// [end site]

// [start sign-in]

var signInPage = template.Must(template.New("").Parse(`<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>Sign in</title>{{.Head}}</head>
<body>
<form id="sign-in" method="post" action="/sign-in">{{.Return}}
  <label for="name">Name</label> <input id="name" name="name" autofocus> <button>Sign in</button>
</form>
{{with .Problem}}<p id="problem" role="alert">{{.}}</p>{{end}}
</body>
</html>`))

func (s *Site) drawSignIn(c *fiber.Ctx, problem string) error {
	return signInPage.Execute(c.Type("html", "utf-8"), fiber.Map{
		"Head": s.Accounts.Head(c), "Return": s.Accounts.ReturnField(c), "Problem": problem,
	})
}

func (s *Site) signIn(c *fiber.Ctx) error {
	user, ok := users[c.FormValue("name")] // here your app checks a password
	if !ok {
		return s.drawSignIn(c.Status(fiber.StatusUnprocessableEntity), "Nobody here has this name.")
	}
	return s.Accounts.SignIn(c, user.ID, "name") // leads back to the page that asked for it
}

func (s *Site) hello(c *fiber.Ctx) error {
	user, _ := s.Accounts.CurrentUser(c)
	return c.SendString("Hello, " + user.Name + "!")
}

// [end sign-in]

// [start shutdown]

// Shutdown sends the open tabs away, then ends the app.
func (s *Site) Shutdown() error {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	return errors.Join(s.Accounts.Close(ctx), s.ShutdownWithContext(ctx))
}

// [end shutdown]
