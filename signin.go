package multiaccount

import (
	"context"
	"errors"
	"net/url"

	"github.com/gofiber/fiber/v2"
	"github.com/gofiber/fiber/v2/utils"

	"github.com/multiaccount-go/multiaccount/account"
)

// SignIn is the one seam between the plugin and any way of signing in: call it when the credential of userID has just been
// checked, whatever it was. method names how, for the audit trail. Depending on the session and on no account that the
// request names, it starts a session, completes the open link, refreshes an account of the session, or replaces the
// session of somebody else; with [Plugin.IntentField] a form completes no link that it knows nothing of. It writes the cookie
// and an answer: 303 for a page, HX-Redirect for htmx, the session document for JSON. The caller may return it or overwrite
// the answer with its own.
//
// The error is a [Refusal], which p.Handler renders when it is returned. errors.Is(err, account.ErrInactive): the user does
// not exist, must not act, or must not join the accounts of this session (Config.MayLink); answer as for a wrong password.
func (p *Plugin[U]) SignIn(c *fiber.Ctx, userID, method string) (err error) {
	defer func() { p.denied(c, err) }() // the app may answer an error itself
	v := p.visit(c)
	if err = p.Available(c); err != nil {
		return err
	}
	if err = p.mildly(c, v); err != nil {
		return err
	}
	userID = utils.CopyString(userID)
	users, err := p.users(c.UserContext(), userID)
	if err != nil {
		return p.unavailable(err)
	}
	if !users.active(userID) {
		return p.mayNotSignIn()
	}
	var cookie *account.Cookie
	if v.session != nil {
		cookie = &v.cookie
	}
	out, err := p.sessions.SignInWith(c.UserContext(), v.session, cookie, account.Proof{
		Account: userID, Method: utils.CopyString(method), Intent: p.claimed(c, v), Device: p.device(c),
		MayLink: func(others []string) error { return p.mayLink(c.UserContext(), others, userID) },
	})
	if errors.Is(err, account.ErrInactive) {
		return p.mayNotSignIn()
	}
	if err != nil {
		return p.refusal(err)
	}
	if v.users == nil {
		v.users = roster[U]{}
	}
	v.users[userID] = users[userID]
	target := p.afterSigningIn(c, out)
	p.take(c, v, out)
	p.committed(c, out)
	p.keepNewest(c.UserContext(), c, userID)
	p.expose(c, v)
	switch out.Effect.Action {
	case "link.completed":
		p.AddFlash(c, FlashSuccess, p.cfg.Texts.linked(p.profileOf(v, userID)))
	case "link.refreshed":
		p.AddFlash(c, FlashInfo, p.cfg.Texts.alreadyLinked(p.profileOf(v, userID)))
	}
	return p.changed(c, v, target)
}

// mayNotSignIn is the answer to a good credential of a user who must not act here. It does not tell why.
func (p *Plugin[U]) mayNotSignIn() error {
	return &Refusal{Status: fiber.StatusUnprocessableEntity, Code: CodeNotSignedIn, Message: p.cfg.Texts.SignInRefused,
		cause: account.ErrInactive}
}

// mayLink asks the app whether an account may join others. One that may not looks like one that must not act at all.
func (p *Plugin[U]) mayLink(ctx context.Context, others []string, userID string) error {
	if p.cfg.MayLink == nil {
		return nil
	}
	may, err := p.cfg.MayLink(ctx, others, userID)
	if err != nil {
		p.log.Error("multiaccount: Config.MayLink does not say who may be linked", "err", err)
		return &account.UnavailableError{Err: err}
	}
	if !may {
		return account.ErrInactive
	}
	return nil
}

// CanSignIn returns the [Refusal] that SignIn would answer to somebody new now, because adding an account took too long or
// because no further one fits, or because the form answers another request to add one; else nil. Ask before creating a user: a
// registration that cannot sign in should not register. It does not ask Config.MayLink, which wants to know the user.
func (p *Plugin[U]) CanSignIn(c *fiber.Ctx) error {
	v := p.visit(c)
	if v.failure != nil {
		return p.unavailable(v.failure)
	}
	if err := p.mildly(c, v); err != nil {
		return err
	}
	adds, err := v.session.MeansIntent(p.claimed(c, v))
	if err != nil {
		return p.refusal(err)
	}
	if !adds {
		return nil
	}
	now := p.sessions.Now()
	if err := v.session.CheckIntent(now); err != nil {
		return p.refusal(err)
	}
	if err := v.session.RoomToLink(now, p.sessions.Options().MaxLinked); err != nil {
		return p.refusal(err)
	}
	return nil
}

// afterSigningIn returns where the person goes: back to the page where adding the account began, or to the page that asked
// for signing in. A member may be asked to sign in again while an account is being added.
func (p *Plugin[U]) afterSigningIn(c *fiber.Ctx, out account.Outcome) string {
	asked, byPage := p.named(c)
	action := out.Effect.Action
	if action == "link.completed" || action == "link.refreshed" && !byPage {
		if target, ok := p.returnable(out.Before.Intent.ReturnTo); ok {
			return target
		}
	}
	if byPage {
		return asked
	}
	return p.paths.Home
}

// SignOut ends the session with all of its accounts and answers like the plugin's own sign-out route. Call it from the
// app's sign-out handler and name that route in Paths.AppSignOut.
func (p *Plugin[U]) SignOut(c *fiber.Ctx) error {
	v := p.visit(c)
	if err := p.sameOrigin(c); err != nil {
		return err
	}
	if v.session == nil && v.failure == nil {
		if p.cfg.Adopt != nil {
			p.expireCookie(c) // nor is the person adopted at the next request
		}
		return p.changed(c, v, p.paths.SignedOut)
	}
	err := v.failure
	if v.session != nil {
		var out account.Outcome
		if out, err = p.sessions.SignOutAll(c.UserContext(), v.session); err == nil {
			v.failure = nil
			p.take(c, v, out)
			p.forget(c)
			p.committed(c, out)
			p.expose(c, v)
			p.AddFlash(c, FlashInfo, p.cfg.Texts.SignedOutAll)
			return p.changed(c, v, p.paths.SignedOut)
		}
	}
	r := p.unavailable(err)
	r.Message, r.expireCookie = p.cfg.Texts.SignOutUnavailable, true
	return r
}

// changed answers a change that was made, by who asks.
func (p *Plugin[U]) changed(c *fiber.Ctx, v *visit[U], target string) error {
	p.private(c)
	switch asker(c) {
	case askerJSON:
		return c.Status(fiber.StatusOK).JSON(p.document(v))
	case askerHTMX:
		if here, err := url.Parse(c.Get("HX-Current-URL")); err == nil && here.IsAbs() && here.RequestURI() == target {
			c.Set("HX-Refresh", "true")
		} else {
			c.Set("HX-Redirect", target)
		}
		return c.SendStatus(fiber.StatusNoContent)
	}
	return c.Redirect(target, fiber.StatusSeeOther)
}

// change applies a transition for the browser that asks, and gives it what came of it.
func (p *Plugin[U]) change(c *fiber.Ctx, v *visit[U], decide account.Transition) (account.Outcome, error) {
	out, err := p.save(c, v, decide)
	if err != nil {
		return out, p.refusal(err)
	}
	p.take(c, v, out)
	p.record(c, out, subjectOf(out.Before, out.Session))
	p.expose(c, v)
	return out, nil
}

// save applies a transition and tells the tabs of it.
func (p *Plugin[U]) save(c *fiber.Ctx, v *visit[U], decide account.Transition) (account.Outcome, error) {
	defer p.changing(v.session.ID)()
	out, err := p.sessions.Change(c.UserContext(), v.session, v.cookie, decide)
	if err == nil {
		p.announceOutcome(out)
	}
	return out, err
}
