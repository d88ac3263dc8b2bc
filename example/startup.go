package main

import (
	"context"
	"log/slog"
	"time"

	"github.com/gofiber/fiber/v2"
)

// checkNeighbours logs what in this app, or in the Redis behind it, does not go together with several accounts. It stops
// nothing: whoever reads the log decides.
func (s *site) checkNeighbours(ctx context.Context, app *fiber.App, store sessionStore, embedded bool) {
	for _, w := range s.accounts.Check(app) {
		slog.Warn(w.What, "why", w.Why, "do", w.Do, "code", w.Code)
	}
	if embedded {
		return // nobody runs that one for people
	}
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	warnings, err := store.Check(ctx)
	if err != nil {
		slog.Warn("the store of the sessions does not tell its settings", "err", err)
	}
	for _, warning := range warnings {
		slog.Warn(warning)
	}
}
