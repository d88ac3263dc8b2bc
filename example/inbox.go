package main

import (
	"github.com/gofiber/fiber/v2"
	"github.com/multiaccount-go/multiaccount"
)

// showInbox is an htmx page. It follows a switch by fetching the parts that belong to an account, not by reloading.
func (s *site) showInbox(c *fiber.Ctx) error {
	panel, err := s.panel(c)
	if err != nil {
		return err
	}
	return s.render(c, look{
		view: "inbox", title: "Inbox", follow: multiaccount.FollowFragments, htmx: htmxOf(c), data: panel,
	})
}

// showWho is a fragment of the inbox.
func (s *site) showWho(c *fiber.Ctx) error {
	user, _ := s.accounts.CurrentUser(c)
	return send(c, "inbox", "who", user)
}
