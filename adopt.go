package multiaccount

import (
	"github.com/gofiber/fiber/v2"
	"github.com/gofiber/fiber/v2/utils"
)

// adopt signs the person in whom the app's former session names, once, when a page is asked for. A request that may be
// refused makes no session: no refusal sets the cookie.
func (p *Plugin[U]) adopt(c *fiber.Ctx, v *visit[U]) {
	if p.cfg.Adopt == nil || !isSafe(c) {
		return
	}
	switch c.Get("Sec-Fetch-Dest") {
	case "", "document", "empty": // the parts of a page come in parallel; each would get a session of its own
	default:
		return
	}
	id, ok := p.cfg.Adopt(c)
	if !ok || id == "" {
		return
	}
	id = utils.CopyString(id)
	users, err := p.users(c.UserContext(), id)
	if err != nil {
		v.failure = err
		return
	}
	v.known = true
	if !p.active(users, id) {
		return
	}
	out, err := p.sessions.SignIn(c.UserContext(), nil, nil, id, "adopted")
	if err != nil {
		v.failure = err
		return
	}
	out.Effect.Action = "session.adopted"
	p.take(c, v, out)
	p.committed(c, out)
}
