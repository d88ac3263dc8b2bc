package main

import (
	"context"
	"time"

	"github.com/gofiber/fiber/v2"
)

// alive says that the process answers.
func alive(c *fiber.Ctx) error { return c.SendString("ok\n") }

// ready says that the store answers too, so that a load balancer may send people here.
func (s *site) ready(c *fiber.Ctx) error {
	ctx, cancel := context.WithTimeout(c.UserContext(), time.Second)
	defer cancel()
	if err := s.accounts.Ready(ctx); err != nil {
		return c.Status(fiber.StatusServiceUnavailable).SendString("store does not answer\n")
	}
	return c.SendString("ready\n")
}
