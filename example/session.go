package main

import (
	"cmp"
	"errors"
	"html/template"

	"github.com/gofiber/fiber/v2"
	"github.com/multiaccount-go/multiaccount"
	"github.com/multiaccount-go/multiaccount/account"
	"github.com/multiaccount-go/multiaccount/example/users"
)

// signInForm is what the sign-in page shows.
type signInForm struct {
	Email       string
	RequestPath string // where to go afterwards; the plugin checks it
	Error       string
	Intent      template.HTML // hidden field: what the page says of adding an account

	Current string // name of who is signed in already; empty when nobody is
	AddPath string // page that asks before an account is added
	Adding  *multiaccount.Adding
	Again   *multiaccount.Again // an account of the session that has to sign in again
}

func (s *site) showSignIn(c *fiber.Ctx) error {
	return s.drawSignIn(c, signInForm{RequestPath: c.Query("request_path")}, 0)
}

func (s *site) drawSignIn(c *fiber.Ctx, f signInForm, status int) error {
	if user, ok := s.accounts.CurrentUser(c); ok {
		f.Current, f.AddPath = user.Name, s.accounts.Switcher(c).AddPath
	}
	if adding, ok := s.accounts.Adding(c); ok {
		f.Adding = &adding
	}
	if again, ok := s.accounts.Again(c); ok {
		f.Again, f.Email = &again, cmp.Or(f.Email, again.Who.Email)
	}
	f.Intent = s.accounts.IntentField(c)
	return s.render(c, look{view: "sign_in", title: "Sign in", status: status, data: f})
}

// wrongCredentials is the one answer to everything that can be wrong with signing in.
const wrongCredentials = "The e-mail address or the password is not right."

// signIn checks the credential, which is the app's business, and leaves the rest to the plugin: it starts a session, adds
// the account to the one that asked for it, or refreshes it, and leads on.
func (s *site) signIn(c *fiber.Ctx) error {
	email := form(c, "email")
	user, err := s.authenticate(c, email, form(c, "password"))
	if err == nil {
		err = s.accounts.SignIn(c, user.ID, "password")
	}
	if !errors.Is(err, users.ErrCredentials) && !errors.Is(err, account.ErrInactive) {
		return err
	}
	if wantsJSON(c) {
		answer := fiber.Map{"error": "wrong_credentials", "message": wrongCredentials}
		return c.Status(fiber.StatusUnprocessableEntity).JSON(answer)
	}
	again := signInForm{Email: email, RequestPath: form(c, "request_path"), Error: wrongCredentials}
	return s.drawSignIn(c, again, fiber.StatusUnprocessableEntity)
}

// signOut ends the session with all of its accounts.
func (s *site) signOut(c *fiber.Ctx) error { return s.accounts.SignOut(c) }
