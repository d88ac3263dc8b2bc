package hooks

import (
	"context"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/multiaccount-go/multiaccount"
	"github.com/multiaccount-go/multiaccount/live"
)

// RequireRecent is for views that do what an old session must not do, such as ending other sessions: it lets nobody connect
// who proved to be the current user maxAge ago or longer, and executes no event once that time is over. A page, and the
// browser that sent the event, are led to signing in again and come back. It includes [RequireUser], works with and
// without [LoadAccounts], and panics when maxAge is shorter than a second.
func RequireRecent[U any](p *multiaccount.Plugin[U], maxAge time.Duration) live.Hook {
	p.RequireRecent(maxAge) // panics here rather than before the first visitor
	return live.Hook{Name: "require recent", Connect: func(c *fiber.Ctx, s *live.Socket) error {
		if err := p.CheckRecent(c, maxAge); err != nil {
			return err
		}
		allow := p.RecentGuard(c, maxAge)
		s.Guard(func(ctx context.Context, _ live.Event) error { return allow(ctx, "") })
		return nil
	}}
}
