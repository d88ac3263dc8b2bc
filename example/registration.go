package main

import (
	"context"
	"errors"
	"html/template"

	"github.com/gofiber/fiber/v2"
	"github.com/multiaccount-go/multiaccount"
	"github.com/multiaccount-go/multiaccount/attempts"
	"github.com/multiaccount-go/multiaccount/example/users"
)

// registrationForm is what the registration page shows. Passwords are never sent back.
type registrationForm struct {
	AccountName string
	Email       string
	RequestPath string
	Errors      users.FieldErrors
	Adding      *multiaccount.Adding
	Intent      template.HTML // hidden field: what the page says of adding an account
}

func (s *site) showRegistration(c *fiber.Ctx) error {
	return s.drawRegistration(c, registrationForm{RequestPath: c.Query("request_path")}, 0)
}

func (s *site) drawRegistration(c *fiber.Ctx, f registrationForm, status int) error {
	if adding, ok := s.accounts.Adding(c); ok {
		f.Adding = &adding
	}
	f.Intent = s.accounts.IntentField(c)
	return s.render(c, look{view: "registration", title: "Register", status: status, data: f})
}

// register creates a tenant account with its first user and signs the person in, which also completes the link when
// somebody is just adding an account.
func (s *site) register(c *fiber.Ctx) error {
	if err := s.accounts.CanSignIn(c); err != nil {
		return err // before anything is created
	}
	var user users.User
	err := s.limits.registration.Do(c.UserContext(), attempts.Try{Address: c.IP()}, func(ctx context.Context) (err error) {
		user, err = s.users.Register(ctx, users.Registration{
			AccountName:          form(c, "account_name"),
			Email:                form(c, "email"),
			Password:             form(c, "password"),
			PasswordConfirmation: form(c, "password_confirmation"),
		})
		return err
	})
	var problems users.FieldErrors
	switch {
	case errors.As(err, &problems) && wantsJSON(c):
		answer := fiber.Map{"error": "invalid", "message": "Please look at the fields again.", "fields": problems}
		return c.Status(fiber.StatusUnprocessableEntity).JSON(answer)
	case errors.As(err, &problems):
		return s.drawRegistration(c, registrationForm{
			AccountName: form(c, "account_name"), Email: form(c, "email"), RequestPath: form(c, "request_path"), Errors: problems,
		}, fiber.StatusUnprocessableEntity)
	case err != nil:
		return err
	}
	if err := s.accounts.SignIn(c, user.ID, "registration"); err != nil {
		return err
	}
	s.accounts.AddFlash(c, multiaccount.FlashSuccess, "Welcome! The account "+user.Name+" is ready.")
	return nil
}
