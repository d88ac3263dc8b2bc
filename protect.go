package multiaccount

import (
	"net/url"

	"github.com/gofiber/fiber/v2"
	"github.com/gofiber/fiber/v2/utils"

	"github.com/multiaccount-go/multiaccount/account"
	"github.com/multiaccount-go/multiaccount/internal/origin"
)

// Protect returns a handler that keeps the wrong account from acting. Mount it, with app.Use or before a route, where the app
// changes something or answers htmx. Unsafe requests and htmx requests must come from this site and carry the stamp of the
// account that is current now; unsafe ones also need a current account. Everything else passes. The stamp travels in the
// header X-Account-Stamp, in the field _stamp, or in both: then both must be right.
func (p *Plugin[U]) Protect() fiber.Handler {
	return func(c *fiber.Ctx) error {
		v := p.visit(c)
		err := p.protect(c, v)
		if err == nil && !isSafe(c) && !p.signsOut(c) {
			err = p.requireUser(v) // who is choosing has a stamp, but nobody to act as
		}
		if err != nil {
			return p.render(c, err)
		}
		return c.Next()
	}
}

// protect decides in a fixed order: origin, session, secret, stamp.
func (p *Plugin[U]) protect(c *fiber.Ctx, v *visit[U]) error {
	htmx := asker(c) == askerHTMX
	switch {
	case isSafe(c) && !htmx:
		return nil
	case p.signsOut(c):
		return p.sameOrigin(c) // always possible: with an old page, an old secret, without the store
	case v.failure != nil:
		return p.unavailable(v.failure)
	}
	if err := p.sameOrigin(c); err != nil {
		return err
	}
	sent := stamps(c)
	switch {
	case v.sealed:
		return p.refusal(account.ErrStaleSecret)
	case v.session == nil && isSafe(c) && len(sent) == 0:
		return nil // a page for everybody, drawn for nobody
	case v.session == nil:
		return p.refusal(account.ErrNotFound)
	case v.stale && !isSafe(c):
		return p.refusal(account.ErrStaleSecret)
	case isSafe(c) && c.Get("HX-History-Restore-Request") == "true" && !at(c, p.urls.accounts):
		return nil // draws the whole page anew, as the switcher does not
	case len(sent) == 0:
		p.hint("a page sends no stamp: put Head into its head and StampField into its forms", "path", utils.CopyString(c.Path()))
		return p.refusal(account.ErrStaleStamp)
	}
	return p.allCurrent(v, sent)
}

// SameOrigin returns a handler for forms that need no account: sign-in, registration. Mount it before them. Unsafe requests
// must come from this site; a stamp is not demanded, but one that is sent must be current.
func (p *Plugin[U]) SameOrigin() fiber.Handler {
	return func(c *fiber.Ctx) error {
		if err := p.mildly(c, p.visit(c)); err != nil {
			return p.render(c, err)
		}
		return c.Next()
	}
}

func (p *Plugin[U]) mildly(c *fiber.Ctx, v *visit[U]) error {
	switch {
	case isSafe(c):
		return nil
	case p.signsOut(c):
		return p.sameOrigin(c)
	case v.failure != nil:
		return p.unavailable(v.failure)
	}
	if err := p.sameOrigin(c); err != nil {
		return err
	}
	if v.stale {
		return p.refusal(account.ErrStaleSecret)
	}
	return p.allCurrent(v, stamps(c))
}

// RequireUser is itself a handler: it lets nobody through without a current account. A page leads to the sign-in page, or
// to the chooser, and back afterwards, when the sign-in form carries [Plugin.ReturnField].
func (p *Plugin[U]) RequireUser(c *fiber.Ctx) error {
	if err := p.CheckUser(c); err != nil {
		return p.render(c, err)
	}
	return c.Next()
}

// CheckUser returns nil when an account is current, else the [Refusal] that [Plugin.RequireUser] answers with. For hooks;
// routes use RequireUser.
func (p *Plugin[U]) CheckUser(c *fiber.Ctx) error { return p.requireUser(p.visit(c)) }

// CheckPage returns nil when the page that asks was drawn for the account that is current, or when it does not matter: the
// check that [Plugin.Protect] makes, else its [Refusal]. For hooks; routes use Protect.
func (p *Plugin[U]) CheckPage(c *fiber.Ctx) error { return p.protect(c, p.visit(c)) }

// CheckLinked returns nil when further accounts are linked to the session of the current one. Else the [Refusal] of
// [Plugin.CheckUser], or where the person adds an account and comes back from. For hooks.
func (p *Plugin[U]) CheckLinked(c *fiber.Ctx) (addPath string, err error) {
	if err := p.CheckUser(c); err != nil {
		return "", err
	}
	s := p.visit(c).session
	if s.State() == account.StateMulti {
		return "", nil
	}
	return p.addPath(s) + "?" + url.Values{fieldReturnTo: {p.here(c)}}.Encode(), nil
}

// Available returns nil when it is known who is signed in, be it nobody, else the [Refusal] of a store or a loader that does
// not answer, or of a cookie from before somebody authenticated. For hooks; p.Handler checks it for routes.
func (p *Plugin[U]) Available(c *fiber.Ctx) error {
	v := p.visit(c)
	switch {
	case v.failure != nil:
		return p.unavailable(v.failure)
	case v.sealed:
		return p.refusal(account.ErrStaleSecret)
	}
	return nil
}

func (p *Plugin[U]) requireUser(v *visit[U]) error {
	if v.failure != nil {
		return p.unavailable(v.failure)
	}
	if v.sealed {
		return p.refusal(account.ErrStaleSecret)
	}
	if v.session == nil || v.session.Current == "" {
		return p.refusal(account.ErrNoCurrent)
	}
	return nil
}

// sameOrigin refuses what does not come from a page of this site.
func (p *Plugin[U]) sameOrigin(c *fiber.Ctx) error {
	check := p.origins.Unsafe
	if isSafe(c) {
		check = p.origins.Safe
	}
	r := origin.Read(c)
	err := check(r)
	if err == nil {
		return nil
	}
	if !p.origins.Insecure && (origin.Policy{Insecure: true}).Unsafe(r) == nil {
		p.plainHTTP.Do(func() {
			p.log.Warn("multiaccount: refused a page of this host over plain http. For development set " +
				"Cookie.InsecurePlainHTTPForDevelopment; elsewhere use https")
		})
	}
	return p.refusal(err)
}

// hint tells a developer what is missing in the app. It is silent where people are: anybody could fill the log.
func (p *Plugin[U]) hint(text string, args ...any) {
	if p.cfg.Cookie.InsecurePlainHTTPForDevelopment {
		p.log.Warn("multiaccount: "+text, args...)
	}
}

// stamps returns the stamps that a request carries. An empty one is what a page without an account sends: none.
func stamps(c *fiber.Ctx) []string {
	var sent []string
	fields := formValues(c, StampField)
	if len(fields) > 1 || len(c.Request().Header.PeekAll(StampHeader)) > 1 {
		return []string{ambiguous}
	}
	for _, stamp := range append(fields, c.Get(StampHeader)) {
		if stamp != "" {
			sent = append(sent, stamp)
		}
	}
	return sent
}

// ambiguous stands for a form, or a header, that carries several stamps. It is nobody's.
const ambiguous = "several"

// allCurrent refuses a stamp that is not the current account's.
func (p *Plugin[U]) allCurrent(v *visit[U], sent []string) error {
	for _, stamp := range sent {
		if v.session == nil || v.session.CheckStamp(stamp) != nil {
			return p.refusal(account.ErrStaleStamp)
		}
	}
	return nil
}
