package hooks

import (
	"github.com/gofiber/fiber/v2"

	"github.com/multiaccount-go/multiaccount"
	"github.com/multiaccount-go/multiaccount/live"
)

// RequireLinked lets nobody connect whose session has one account only. A page leads to where an account is added, and back
// afterwards, or whoever is not signed in to the sign-in page; a socket is refused with 403 or 401 before the upgrade. It
// works with and without [LoadAccounts], and includes [RequireUser].
func RequireLinked[U any](p *multiaccount.Plugin[U]) live.Hook {
	return live.Hook{Name: "require linked", Connect: func(c *fiber.Ctx, _ *live.Socket) error {
		addPath, err := p.CheckLinked(c)
		if err != nil || addPath == "" {
			return err
		}
		return &live.Halt{Status: fiber.StatusForbidden, Redirect: addPath}
	}}
}
