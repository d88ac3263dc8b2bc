package main

import (
	"context"
	"errors"
	"time"

	"github.com/gofiber/fiber/v2"
)

// alive says that the process answers.
func alive(c *fiber.Ctx) error { return c.SendString("ok\n") }

// ready says that Redis and the database answer too, so that a load balancer may send people here.
func (s *site) ready(c *fiber.Ctx) error {
	ctx, cancel := context.WithTimeout(c.UserContext(), time.Second)
	defer cancel()
	if err := errors.Join(s.accounts.Ready(ctx), s.users.Ready(ctx)); err != nil {
		return c.Status(fiber.StatusServiceUnavailable).SendString("store does not answer\n")
	}
	return c.SendString("ready\n")
}
