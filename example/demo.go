package main

import (
	"errors"

	"github.com/gofiber/fiber/v2"
	"github.com/multiaccount-go/multiaccount/auth"
	"github.com/multiaccount-go/multiaccount/example/users"
)

// demoUsers returns who can be made inactive on the first page: the users that exist at the start, and oneself.
func (s *site) demoUsers(c *fiber.Ctx, self auth.User) ([]auth.User, error) {
	ids := users.SeedIDs()
	found, err := s.users.ByIDs(c.UserContext(), ids...)
	if err != nil {
		return nil, err
	}
	var list []auth.User
	for _, id := range ids {
		if u, ok := found[id]; ok {
			list = append(list, u)
		}
	}
	if _, listed := found[self.ID]; !listed {
		list = append(list, self)
	}
	return list, nil
}

// setStatus makes a user active or inactive, as a back office would. A site that people use has no such door.
func (s *site) setStatus(c *fiber.Ctx) error {
	status := auth.Status(form(c, "status"))
	if status != auth.Active && status != auth.Inactive {
		return fiber.ErrUnprocessableEntity
	}
	id := c.Params("id")
	if err := s.users.SetStatus(c.UserContext(), id, status); errors.Is(err, auth.ErrUnknown) {
		return fiber.ErrNotFound
	} else if err != nil {
		return err
	}
	// Whoever acts as this user right now is told, in every tab, on every process.
	if err := s.accounts.UserChanged(c.UserContext(), id); err != nil {
		return err
	}
	if wantsJSON(c) {
		return c.JSON(fiber.Map{"id": id, "status": status})
	}
	return c.Redirect("/", fiber.StatusSeeOther)
}
