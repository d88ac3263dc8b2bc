package multiaccount

import (
	"fmt"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/gofiber/fiber/v2/utils"

	"github.com/multiaccount-go/multiaccount/account"
)

// Scope returns what the current account works in, such as a tenant, or "" when SetScope never said so. It is what the
// person chose, not a proof: check that the user still belongs there.
func (p *Plugin[U]) Scope(c *fiber.Ctx) string {
	if s := p.visit(c).session; s != nil {
		if l := s.CurrentAccount(); l != nil {
			return l.Scope
		}
	}
	return ""
}

// SetScope makes the current account of this session work in another scope, such as a tenant, after the app has checked
// that the user belongs there. It acts like a switch: pages drawn before can no longer act, every open tab is told, and
// views mount anew. Other sessions and the other accounts keep their scopes. A scope has up to 128 bytes. It writes the
// cookie and an answer that leads to returnTo, a local path, or to where the request came from; the caller may overwrite it.
// Put Protect in front of the route. The error is a [Refusal].
func (p *Plugin[U]) SetScope(c *fiber.Ctx, scope, returnTo string) error {
	v := p.visit(c)
	if err := p.requireUser(v); err != nil {
		return err
	}
	if len(scope) > account.MaxScope {
		return fmt.Errorf("multiaccount: scope has %d bytes, %d are allowed: use an id", len(scope), account.MaxScope)
	}
	target, ok := p.returnable(returnTo)
	if !ok {
		target = p.cameFrom(c)
	}
	scope = utils.CopyString(scope)
	_, err := p.change(c, v, func(s *account.Session, now time.Time) (account.Effect, error) {
		return s.SetScope(scope, now, p.sessions.Options().SwitchesPerMinute)
	})
	if err != nil {
		return err
	}
	return p.changed(c, v, target)
}
