package multiaccount

import (
	"errors"

	"github.com/gofiber/fiber/v2"

	"github.com/multiaccount-go/multiaccount/account"
)

// StillCurrent looks once more, at the store and at Config.Users, and returns nil when the account that this request acts as may
// still act: it is current, active, and in the same scope. Else it returns the [Refusal] that [Plugin.Protect] answers with
// now: a switch, a sign-out or a deactivation has come in between. A handler that took its time calls it last, inside of its
// transaction and before the commit, and rolls back on an error.
//
// Without it nothing is done as somebody else either: who acts is fixed when the request comes in. What it prevents is that a
// slow request is carried out for somebody who has left meanwhile. What comes between the call and the commit comes after
// the act. It costs one read of the store and one call of Config.Users.
func (p *Plugin[U]) StillCurrent(c *fiber.Ctx) error {
	v := p.visit(c)
	if err := p.requireUser(v); err != nil {
		return err
	}
	ctx := c.UserContext()
	s, err := p.sessions.LoadByID(ctx, v.session.ID)
	switch {
	case errors.Is(err, account.ErrNotFound):
		return p.refusal(err)
	case err != nil:
		p.log.Error("multiaccount: session store does not answer", "err", err)
		return p.unavailable(err)
	case s.CheckStamp(v.session.Stamp()) != nil:
		return p.refusal(account.ErrStaleStamp)
	}
	current := s.CurrentAccount()
	users, err := p.users(ctx, current.Account)
	switch {
	case err != nil:
		return p.unavailable(err)
	case !current.IsActive(p.sessions.Now()) || !users.active(current.Account):
		return p.refusal(account.ErrNoCurrent)
	}
	return nil
}
