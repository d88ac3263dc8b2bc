package multiaccount

import (
	"errors"
	"net/url"
	"strconv"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/multiaccount-go/multiaccount/account"
)

// route makes a handler of one of the plugin's routes: guarded, never cached, and rendering its own refusals, so that it
// works wherever it is mounted.
func (p *Plugin[U]) route(handle func(*fiber.Ctx, *visit[U]) error) fiber.Handler {
	return func(c *fiber.Ctx) error {
		v := p.visit(c)
		p.private(c)
		err := p.admit(c, v)
		if err == nil {
			err = p.protect(c, v)
		}
		if err == nil {
			err = handle(c, v)
		}
		return p.render(c, err)
	}
}

// private marks an answer as personal.
func (p *Plugin[U]) private(c *fiber.Ctx) {
	c.Set(fiber.HeaderCacheControl, noStore)
	c.Vary(fiber.HeaderCookie, headerRequest)
}

// param returns a copy of a path parameter, decoded once, as Fiber leaves it encoded.
func param(c *fiber.Ctx, name string) string {
	if c.App().Config().UnescapePath {
		return string([]byte(c.Params(name))) // Fiber has done it
	}
	value, err := url.PathUnescape(c.Params(name))
	if err != nil {
		return ""
	}
	return string([]byte(value))
}

// own checks that the page is about this session's primary, or in single mode about its one account. The id in the path
// carries no authority: it can only be right or wrong.
func (p *Plugin[U]) own(c *fiber.Ctx, v *visit[U]) error {
	if err := p.requireUser(v); err != nil {
		return err
	}
	if primary := v.session.PrimaryAccount(); primary == nil || primary.Account != param(c, "primary_user_id") {
		return p.refusal(account.ErrNotLinked)
	}
	return nil
}

// linkPage asks whether to add an account. It changes nothing.
func (p *Plugin[U]) linkPage(c *fiber.Ctx, v *visit[U]) error {
	if err := p.own(c, v); err != nil {
		return err
	}
	if err := v.session.RoomToLink(p.sessions.Now(), p.sessions.Options().MaxLinked); err != nil {
		return p.refusal(err)
	}
	return p.drawLinkPage(c, v)
}

// beginLink opens the intent and leads to the app's sign-in page.
func (p *Plugin[U]) beginLink(c *fiber.Ctx, v *visit[U]) error {
	if err := p.own(c, v); err != nil {
		return err
	}
	back := p.cameFrom(c)
	_, err := p.change(c, v, func(s *account.Session, now time.Time) (account.Effect, error) {
		opt := p.sessions.Options()
		return s.BeginLink(back, now, opt.IntentTTL, opt.MaxLinked, opt.LinksPerMinute)
	})
	if err != nil {
		return err
	}
	return p.changed(c, v, p.urls.signIn)
}

// cancelLink drops the intent and leads back to where it was opened.
func (p *Plugin[U]) cancelLink(c *fiber.Ctx, v *visit[U]) error {
	back, ok := p.named(c)
	if !ok && v.session.Intent != nil {
		back, ok = p.returnable(v.session.Intent.ReturnTo)
	}
	if !ok {
		back = p.cameFrom(c)
	}
	_, err := p.change(c, v, func(s *account.Session, _ time.Time) (account.Effect, error) { return s.CancelLink(), nil })
	if err != nil {
		return err
	}
	return p.changed(c, v, back)
}

// member returns the account of this session that the path names. An account whose user must not act is refused like one
// that is unknown.
func (p *Plugin[U]) member(c *fiber.Ctx, v *visit[U], mustAct bool) (*account.Linked, error) {
	if v.session == nil {
		return nil, p.refusal(account.ErrNotFound)
	}
	l := v.session.Find(param(c, "user_id"))
	if l == nil || mustAct && (l.Status == account.StatusInactive || !v.users.active(l.Account)) {
		return nil, p.refusal(account.ErrNotLinked)
	}
	return l, nil
}

// switchPage asks whether to switch. It changes nothing.
func (p *Plugin[U]) switchPage(c *fiber.Ctx, v *visit[U]) error {
	l, err := p.member(c, v, true)
	if err != nil {
		return err
	}
	return p.drawSwitchPage(c, v, l)
}

// switchAccount makes another account of the session current.
func (p *Plugin[U]) switchAccount(c *fiber.Ctx, v *visit[U]) error {
	l, err := p.member(c, v, true)
	if err != nil {
		return err
	}
	target, back := l.Account, p.cameFrom(c)
	out, err := p.change(c, v, func(s *account.Session, now time.Time) (account.Effect, error) {
		return s.Switch(target, now, p.sessions.Options().SwitchesPerMinute)
	})
	switch {
	case errors.Is(err, account.ErrSignInAgain): // as this account, and then on as it
		return p.signInAgain(target)
	case err != nil:
		return err
	}
	if out.Effect.Action != "" {
		p.AddFlash(c, FlashSuccess, p.cfg.Texts.switched(p.profileOf(v, target)))
	}
	return p.changed(c, v, back)
}

// signOutOne takes one account out of the session.
func (p *Plugin[U]) signOutOne(c *fiber.Ctx, v *visit[U]) error {
	l, err := p.member(c, v, false)
	if err != nil {
		return err
	}
	leaving, next, back := l.Account, formValue(c, fieldNext), p.cameFrom(c)
	if next != "" && !v.users.active(next) {
		return p.refusal(account.ErrNotLinked)
	}
	name := p.profileOf(v, leaving)
	_, err = p.change(c, v, func(s *account.Session, now time.Time) (account.Effect, error) {
		return s.SignOut(leaving, next, now)
	})
	if err != nil {
		return err
	}
	p.AddFlash(c, FlashInfo, p.cfg.Texts.signedOut(name))
	switch {
	case v.session == nil:
		p.forget(c) // that was the last one
		back = p.paths.SignedOut
	case v.session.Current == "":
		back = p.urls.choose
	}
	return p.changed(c, v, back)
}

// signOutAll ends the session.
func (p *Plugin[U]) signOutAll(c *fiber.Ctx, v *visit[U]) error {
	if v.session == nil && v.failure == nil {
		return p.refusal(account.ErrNotFound)
	}
	return p.SignOut(c)
}

// chooser shows the accounts when none is current.
func (p *Plugin[U]) chooser(c *fiber.Ctx, v *visit[U]) error {
	switch {
	case v.session == nil:
		return p.refusal(account.ErrNotFound)
	case asker(c) == askerJSON:
		return c.JSON(p.document(v))
	case v.session.Current != "":
		return p.changed(c, v, p.cameFrom(c))
	}
	return p.drawChooser(c, v)
}

// accounts answers with the switcher: a fragment, or the session document.
func (p *Plugin[U]) accounts(c *fiber.Ctx, v *visit[U]) error {
	if asker(c) == askerJSON {
		return c.JSON(p.document(v))
	}
	return p.drawSwitcher(c)
}

// stateAnswer tells a page whether it is still right.
type stateAnswer struct {
	Version  int64  `json:"v"`
	Fresh    bool   `json:"fresh"`
	Stamp    string `json:"stamp"`
	Choosing bool   `json:"choosing,omitempty"` // nobody is current: there is no account that fragments could be drawn for
	Stale    bool   `json:"stale,omitempty"`    // the answer that brings this browser the new cookie is still under way
}

// state compares a page with the session: the same version, or at least the same account.
func (p *Plugin[U]) state(c *fiber.Ctx, v *visit[U]) error {
	if v.session == nil {
		return c.JSON(stateAnswer{Stale: v.sealed})
	}
	drawn, err := strconv.ParseInt(c.Query("v"), 10, 64)
	fresh := err == nil && drawn == v.session.Version || v.session.CheckStamp(c.Query("stamp")) == nil
	return c.JSON(stateAnswer{
		Version: v.session.Version, Fresh: fresh, Stamp: v.session.Stamp(), Choosing: v.session.Current == "", Stale: v.stale,
	})
}
