package main

import (
	"github.com/gofiber/fiber/v2"
	"github.com/multiaccount-go/multiaccount/account"
	"github.com/multiaccount-go/multiaccount/auth"
)

// home is what the first page shows of a person.
type home struct {
	User     auth.User
	Primary  string // e-mail of the primary account; empty in single mode
	Linked   bool   // several accounts are signed in
	Choosing bool   // accounts are signed in, but none is current
	Demo     []auth.User
}

func (s *site) showHome(c *fiber.Ctx) error {
	h := home{Choosing: s.accounts.State(c) == account.StateChoosing}
	user, ok := s.accounts.CurrentUser(c)
	if !ok {
		return s.render(c, look{view: "welcome", title: "Welcome", data: h})
	}
	h.User = user
	if primary, ok := s.accounts.PrimaryUser(c); ok {
		h.Linked, h.Primary = true, primary.Email
	}
	if s.demo {
		var err error
		if h.Demo, err = s.demoUsers(c, user); err != nil {
			return err
		}
	}
	return s.render(c, look{view: "home", title: "Home", data: h})
}

// showPrivate is a page without htmx, for whoever is signed in.
func (s *site) showPrivate(c *fiber.Ctx) error {
	user, _ := s.accounts.CurrentUser(c)
	return s.render(c, look{view: "private", title: "Private", data: user})
}
