package multiaccount

import (
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/multiaccount-go/multiaccount/account"
)

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
	life := max(deadline.Sub(p.sessions.Now()), time.Second)
	if p.cfg.Adopt != nil {
		life = remembered // a browser that forgot it would be adopted anew
	}
	p.writeCookie(c, p.cfg.Cookie.Name, cookie.Value(), life)
}

// remembered is as long as browsers keep any cookie.
const remembered = 400 * 24 * time.Hour

// signedOutValue stays in a browser whose session ended, where an app's former session could be adopted anew otherwise.
const signedOutValue = "signed-out"

// expireCookie takes the session cookie away.
func (p *Plugin[U]) expireCookie(c *fiber.Ctx) {
	if p.cfg.Adopt != nil {
		p.writeCookie(c, p.cfg.Cookie.Name, signedOutValue, remembered)
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
