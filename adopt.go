package multiaccount

import (
	"github.com/gofiber/fiber/v2"
	"github.com/gofiber/fiber/v2/utils"

	"github.com/multiaccount-go/multiaccount/account"
)

// adopt signs the person in whom the app's former session names, once, when a page is asked for.
func (p *Plugin[U]) adopt(c *fiber.Ctx, v *visit[U]) {
	if p.cfg.Adopt == nil || !p.mayAdopt(c) {
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
	if !users.active(id) {
		return
	}
	proof := account.Proof{Account: id, Method: account.MethodAdopted, Device: p.device(c)}
	out, err := p.sessions.SignInWith(c.UserContext(), nil, nil, proof)
	if err != nil {
		v.failure = err
		return
	}
	out.Effect.Action = "session.adopted"
	p.take(c, v, out)
	p.committed(c, out)
	p.keepNewest(c.UserContext(), c, id)
}

// mayAdopt reports whether a request asks for a page of the app, from a client that keeps cookies. The parts of a page come
// in parallel, and each would get a session of its own; so would each request of a program without a cookie jar. Routes
// that may refuse make no session, because no refusal sets the cookie.
func (p *Plugin[U]) mayAdopt(c *fiber.Ctx) bool {
	if !isSafe(c) || asker(c) == askerHTMX || p.isPlugin(c.Path()) {
		return false
	}
	switch c.Get("Sec-Fetch-Dest") {
	case "document":
		return true
	case "": // no browser of today
		return len(c.Request().Header.Peek(fiber.HeaderCookie)) > 0
	}
	return false
}
