package multiaccount

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/gofiber/fiber/v2/utils"

	"github.com/multiaccount-go/multiaccount/account"
)

// visit is what the plugin knows about one request. It is loaded once and shared by all that ask.
type visit[U any] struct {
	cookie  account.Cookie
	session *account.Session // nil: anonymous
	stale   bool             // the secret was rotated away within the grace
	failure error            // the store or the loader did not answer: nothing is known, so nothing is allowed
	users   map[string]U     // of all accounts in the session; read by ids of the session only
	known   bool             // the app's former session has no say: there is, or was, one of ours, or it names nobody who may act
	flashes []Flash          // to show on the next page
}

// visitKey is where a visit waits in the request's locals. Its type keeps it out of websocket connections.
type visitKey struct{}

// Names of the locals that every app gets.
const (
	localCurrent = "current_user"
	localPrimary = "primary_user"
)

// Handler finds out who is signed in, with one call of the store, and sets the locals current_user and primary_user as
// well as those of Config.Locals. Mount it before everything that wants to know, and after the app's own middleware
// that sets the same names. It renders the refusals that handlers below it return.
func (p *Plugin[U]) Handler(c *fiber.Ctx) error {
	if p.cfg.Skip != nil && p.cfg.Skip(c) || p.looksItself(c) {
		return c.Next()
	}
	v := p.visit(c)
	err := p.admit(c, v)
	if err == nil {
		p.expose(c, v)
		err = c.Next()
	}
	err = p.render(c, err)
	p.keepPrivate(c, v) // before the app's error handler, which may draw a personal page too
	return err
}

// looksItself reports whether a request goes to a route that needs no visit, or not before it has checked something else.
func (p *Plugin[U]) looksItself(c *fiber.Ctx) bool {
	return strings.EqualFold(c.Path(), p.urls.script) || strings.EqualFold(c.Path(), p.urls.live)
}

// visit returns the request's visit, loading it at the first call.
func (p *Plugin[U]) visit(c *fiber.Ctx) *visit[U] {
	if v, ok := c.Locals(visitKey{}).(*visit[U]); ok {
		return v
	}
	v := &visit[U]{}
	c.Locals(visitKey{}, v)
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

// loadUsers loads the users of all accounts at once, and takes a current one that must not act any more out of action.
func (p *Plugin[U]) loadUsers(c *fiber.Ctx, v *visit[U]) {
	ids := make([]string, len(v.session.Accounts))
	for i, l := range v.session.Accounts {
		ids[i] = l.Account
	}
	if v.users, v.failure = p.users(c.UserContext(), ids...); v.failure != nil {
		return
	}
	if l := v.session.CurrentAccount(); l != nil && !(l.IsActive(p.sessions.Now()) && p.active(v.users, l.Account)) {
		p.stepDown(c, v, l.Membership)
	}
}

// users calls the app's loader. A loader that fails or panics must not open a door: the request ends with 503.
func (p *Plugin[U]) users(ctx context.Context, ids ...string) (users map[string]U, err error) {
	ctx, cancel := context.WithTimeout(ctx, usersTimeout)
	defer cancel()
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("multiaccount: Config.Users panicked: %v", r)
		}
		if err != nil {
			p.log.Error("multiaccount: users cannot be loaded", "err", err)
		}
	}()
	return p.cfg.Users(ctx, ids...)
}

// usersTimeout bounds the app's loader, if it minds its context.
const usersTimeout = 2 * time.Second

// active reports whether a user exists and may act.
func (p *Plugin[U]) active(users map[string]U, id string) bool {
	u, ok := users[id]
	return ok && p.cfg.Active(u)
}

// stepDown makes sure that a membership which must not act is not current, whoever asked.
func (p *Plugin[U]) stepDown(c *fiber.Ctx, v *visit[U], membership string) {
	out, err := p.sessions.ChangeByID(c.UserContext(), v.session.ID, retire(membership, p.sessions.Now))
	switch {
	case errors.Is(err, account.ErrNotFound):
		v.session = nil
	case err != nil:
		v.failure = err
	default:
		p.committed(c, out)
		v.session = out.Session
		if v.session != nil && v.session.Current != "" && v.session.Current != membership {
			// Another tab switched meanwhile. Nothing is known about that account yet, so this request acts as nobody.
			v.failure = &account.UnavailableError{Err: account.ErrConflict}
		}
	}
}

// retire takes a membership out of action, because its time is over or its user must not act.
func retire(membership string, now func() time.Time) account.Transition {
	return func(s *account.Session, _ time.Time) (account.Effect, error) {
		l := s.Membership(membership)
		if l == nil || s.Current != membership {
			return account.Effect{}, nil
		}
		if !l.IsActive(now()) {
			return s.Expire(now()), nil
		}
		return s.Retire(membership)
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
	if v.stale && !isSafe(c) {
		if err := p.sameOrigin(c); err != nil {
			return err
		}
		return p.refusal(account.ErrStaleSecret)
	}
	return nil
}

// signsOut reports whether a request goes to a route that ends the session.
func (p *Plugin[U]) signsOut(c *fiber.Ctx) bool {
	if c.Method() != fiber.MethodPost {
		return false
	}
	at := strings.TrimSuffix(c.Path(), "/")
	return strings.EqualFold(at, p.urls.signOut) || p.paths.AppSignOut != "" && strings.EqualFold(at, p.paths.AppSignOut)
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
	return u, ok
}

// keepPrivate keeps personal answers out of every cache, unless the app has said something itself.
func (p *Plugin[U]) keepPrivate(c *fiber.Ctx, v *visit[U]) {
	if v.session == nil && !v.known {
		return
	}
	c.Vary(fiber.HeaderCookie, headerRequest)
	if len(c.Response().Header.Peek(fiber.HeaderCacheControl)) == 0 {
		c.Set(fiber.HeaderCacheControl, noStore)
	}
}

const noStore = "no-store"

// cookieValue returns a copy of the session cookie and how often it came.
func (p *Plugin[U]) cookieValue(c *fiber.Ctx) (value string, count int) {
	for name, sent := range c.Context().Request.Header.Cookies() {
		if string(name) == p.cfg.Cookie.Name {
			value, count = string(sent), count+1
		}
	}
	return value, count
}

// setCookie gives the browser the cookie of a session, for as long as the session can live.
func (p *Plugin[U]) setCookie(c *fiber.Ctx, cookie account.Cookie, deadline time.Time) {
	p.writeCookie(c, p.cfg.Cookie.Name, cookie.Value(), max(deadline.Sub(p.sessions.Now()), time.Second))
}

// signedOutValue stays in a browser whose session ended, where an app's former session could be adopted anew otherwise.
const signedOutValue = "signed-out"

// expireCookie takes the session cookie away.
func (p *Plugin[U]) expireCookie(c *fiber.Ctx) {
	if p.cfg.Adopt != nil {
		p.writeCookie(c, p.cfg.Cookie.Name, signedOutValue, 400*24*time.Hour)
		return
	}
	p.writeCookie(c, p.cfg.Cookie.Name, "", -time.Second)
}

func (p *Plugin[U]) writeCookie(c *fiber.Ctx, name, value string, life time.Duration) {
	cookie := &fiber.Cookie{
		Name: name, Value: value, Path: "/", MaxAge: int(life / time.Second),
		Secure: !p.cfg.Cookie.InsecurePlainHTTPForDevelopment, HTTPOnly: true, SameSite: fiber.CookieSameSiteLaxMode,
	}
	if life < 0 {
		cookie.Expires = time.Unix(1, 0)
	}
	c.Cookie(cookie)
}

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

// take makes an outcome the state of this request and gives the browser what it needs.
func (p *Plugin[U]) take(c *fiber.Ctx, v *visit[U], out account.Outcome) {
	v.session = out.Session
	if out.Session == nil {
		p.expireCookie(c)
		return
	}
	if out.Cookie != nil {
		v.cookie, v.stale = *out.Cookie, false
		p.setCookie(c, *out.Cookie, out.Session.Deadline)
	}
}
