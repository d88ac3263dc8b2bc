package multiaccount

import (
	"context"
	"errors"
	"strings"

	"github.com/gofiber/fiber/v2"

	"github.com/multiaccount-go/multiaccount/account"
)

// visit is what the plugin knows about one request. It is loaded once and shared by all that ask.
type visit[U any] struct {
	cookie  account.Cookie
	session *account.Session // nil: anonymous
	stale   bool             // the secret was rotated away within the grace
	sealed  bool             // and somebody has authenticated since: whose session it is now is kept from this request
	failure error            // the store or the loader did not answer: nothing is known, so nothing is allowed
	users   roster[U]        // of all accounts in the session; read by ids of the session only
	known   bool             // the app's former session has no say: there is, or was, one of ours, or it names nobody who may act
	flashes []Flash          // to show on the next page
	intent  *string          // what the app said by ClaimIntent
}

// visitKey is where a plugin's visit waits in the request's locals. Its type keeps it out of websocket connections.
type visitKey[U any] struct{ of *Plugin[U] }

// Names of the locals that every app gets.
const (
	localCurrent = "current_user"
	localPrimary = "primary_user"
)

// Handler finds out who is signed in, with one call of the store, and sets the locals current_user and primary_user as
// well as those of Config.Locals. Mount it before everything that wants to know, and after the app's own middleware
// that sets the same names. It renders the refusals that handlers below it return.
func (p *Plugin[U]) Handler(c *fiber.Ctx) error {
	if p.cfg.Skip != nil && p.cfg.Skip(c) {
		return c.Next()
	}
	if err := p.sane(c); err != nil {
		return err
	}
	if p.looksItself(c) {
		return c.Next()
	}
	v := p.visit(c)
	defer p.keepPrivate(c, v) // also before an error handler that draws a personal page, and after a panic
	err := p.admit(c, v)
	if err == nil {
		p.expose(c, v)
		err = c.Next()
	}
	return p.render(c, err)
}

// looksItself reports whether a request goes to a route that needs no visit, or not before it has checked something else.
func (p *Plugin[U]) looksItself(c *fiber.Ctx) bool {
	return (c.Method() == fiber.MethodGet || c.Method() == fiber.MethodHead) && (at(c, p.urls.script) || at(c, p.urls.live))
}

// at reports whether a request goes to a path, in the spellings that the app's router takes for it.
func at(c *fiber.Ctx, path string) bool {
	here := c.Path()
	if len(here) < len(path) || len(here) > len(path)+len("/") { // nearly every request; the configuration is a big copy
		return false
	}
	cfg := c.App().Config()
	if !cfg.StrictRouting && len(here) > 1 {
		here = strings.TrimSuffix(here, "/")
	}
	return here == path || !cfg.CaseSensitive && strings.EqualFold(here, path)
}

// visit returns the request's visit, loading it at the first call.
func (p *Plugin[U]) visit(c *fiber.Ctx) *visit[U] {
	if v, ok := c.Locals(visitKey[U]{p}).(*visit[U]); ok {
		return v
	}
	v := &visit[U]{}
	c.Locals(visitKey[U]{p}, v)
	p.identify(c, v)
	if v.session != nil {
		p.loadUsers(c, v)
	}
	return v
}

// identify finds the session that the browser's cookie proves, or adopts the app's former one.
func (p *Plugin[U]) identify(c *fiber.Ctx, v *visit[U]) {
	value, count := p.cookieValue(c)
	v.known = count > 0
	if count == 0 {
		p.adopt(c, v)
		return
	}
	if count > 1 { // somebody tossed a second cookie in: believe neither
		return
	}
	cookie, err := account.ParseCookie(value)
	if err != nil {
		return
	}
	s, err := p.sessions.Load(c.UserContext(), cookie)
	switch {
	case errors.Is(err, account.ErrStaleSecret):
		v.stale = true
	case errors.Is(err, account.ErrNotFound):
		if errors.Is(err, account.ErrBadRecord) {
			p.log.Error("multiaccount: session record cannot be read", "err", err)
		}
		return
	case err != nil:
		v.failure = err
		p.log.Error("multiaccount: session store does not answer", "err", err)
		return
	}
	if v.stale && s.Sealed && !p.signsOut(c) {
		v.sealed = true
		return
	}
	v.cookie, v.session = cookie, s
	if !v.stale && p.sessions.NeedsTouch(s) {
		select {
		case p.touches <- s:
		default: // busy: a later request touches
		}
	}
}

// touchInBackground moves idle deadlines off the request's path.
func (p *Plugin[U]) touchInBackground(ctx context.Context) {
	for {
		select {
		case s := <-p.touches:
			if err := p.sessions.Touch(ctx, s); err != nil && !errors.Is(err, account.ErrNotFound) {
				p.log.Warn("multiaccount: idle deadline not moved; the next request tries again", "err", err)
			}
		case <-ctx.Done():
			return
		}
	}
}

// admit refuses what must not reach a handler: a store that does not answer, and changes with a rotated secret. Signing
// out is let through: its handler knows what to do.
func (p *Plugin[U]) admit(c *fiber.Ctx, v *visit[U]) error {
	if p.signsOut(c) {
		return nil
	}
	if v.failure != nil {
		return p.unavailable(v.failure)
	}
	switch {
	case !v.stale:
		return nil
	case !isSafe(c):
		if err := p.sameOrigin(c); err != nil {
			return err
		}
		return p.refusal(account.ErrStaleSecret)
	case v.sealed && !at(c, p.urls.state): // where the script asks whether to wait for the new cookie
		return p.refusal(account.ErrStaleSecret)
	}
	return nil
}

// signsOut reports whether a request goes to a route that ends the session.
func (p *Plugin[U]) signsOut(c *fiber.Ctx) bool {
	if c.Method() != fiber.MethodPost {
		return false
	}
	return at(c, p.urls.signOut) || p.paths.AppSignOut != "" && at(c, p.paths.AppSignOut)
}

// expose sets the locals. What an app's own middleware found in its former session gives way to the current account.
func (p *Plugin[U]) expose(c *fiber.Ctx, v *visit[U]) {
	var currentUser, primaryUser any
	current, ok := p.current(v)
	if ok {
		currentUser = current
		if primary, ok := p.primary(v); ok {
			primaryUser = primary
		}
	}
	c.Locals(localCurrent, currentUser)
	c.Locals(localPrimary, primaryUser)
	for name, value := range p.cfg.Locals {
		switch {
		case ok:
			c.Locals(name, value(current))
		case v.known || p.cfg.Adopt == nil:
			c.Locals(name, nil)
		}
	}
}

// current returns the current user of a visit.
func (p *Plugin[U]) current(v *visit[U]) (U, bool) {
	if v.session == nil || v.failure != nil {
		var none U
		return none, false
	}
	return p.userOf(v, v.session.CurrentAccount())
}

// primary returns the primary user of a visit; there is none in single mode.
func (p *Plugin[U]) primary(v *visit[U]) (U, bool) {
	if v.session == nil || v.failure != nil || len(v.session.Accounts) < 2 {
		var none U
		return none, false
	}
	return p.userOf(v, v.session.PrimaryAccount())
}

func (p *Plugin[U]) userOf(v *visit[U], l *account.Linked) (U, bool) {
	if l == nil {
		var none U
		return none, false
	}
	u, ok := v.users[l.Account]
	return u.user, ok
}

// keepPrivate keeps personal answers out of every cache, unless the app has said something itself.
func (p *Plugin[U]) keepPrivate(c *fiber.Ctx, v *visit[U]) {
	if v.session == nil && !v.known && !v.sealed {
		if len(c.Response().Header.Peek(fiber.HeaderCacheControl)) == 0 {
			c.Vary(fiber.HeaderCookie) // with one, the page may be another
		}
		return
	}
	if len(c.Response().Header.Peek(fiber.HeaderVary)) == 0 {
		c.Set(fiber.HeaderVary, personalVary)
	} else {
		c.Vary(fiber.HeaderCookie, headerRequest)
	}
	if len(c.Response().Header.Peek(fiber.HeaderCacheControl)) == 0 {
		c.Set(fiber.HeaderCacheControl, noStore)
	}
}

const (
	noStore      = "no-store"
	personalVary = fiber.HeaderCookie + ", " + headerRequest
)
