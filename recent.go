package multiaccount

import (
	"context"
	"encoding/json"
	"fmt"
	"html/template"
	"net/url"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/multiaccount-go/multiaccount/account"
	"github.com/multiaccount-go/multiaccount/live"
	"github.com/multiaccount-go/multiaccount/switcher"
)

// fieldAgain names the account that a sign-in page was opened for, because its authentication is too old.
const fieldAgain = "again"

// Recent reports whether the person proved less than maxAge ago to be the current user. What was taken over from the app's
// former session never counts.
func (p *Plugin[U]) Recent(c *fiber.Ctx, maxAge time.Duration) bool {
	return p.CheckRecent(c, maxAge) == nil
}

// RequireRecent returns a handler for what should not be done on the word of a session of last week: a change of the password,
// ending another device's session. Whoever is not signed in is led on as by [Plugin.RequireUser]. Whoever authenticated
// maxAge ago or longer is led to signing in again as the current account, and back: a page by 303, htmx by HX-Redirect, a
// program gets 401 with the code sign_in_again. Mount it after [Plugin.Protect]. A form that was posted is not sent again.
//
// It panics when maxAge is shorter than a second: nobody would ever get through.
func (p *Plugin[U]) RequireRecent(maxAge time.Duration) fiber.Handler {
	mustLast(maxAge)
	return func(c *fiber.Ctx) error {
		if err := p.CheckRecent(c, maxAge); err != nil {
			return p.render(c, err)
		}
		return c.Next()
	}
}

func mustLast(maxAge time.Duration) {
	if maxAge < time.Second {
		panic(fmt.Sprintf("multiaccount: an authentication of at most %v: use a second or more", maxAge))
	}
}

// CheckRecent returns nil when the person proved less than maxAge ago to be the current user, else the [Refusal] that
// [Plugin.RequireRecent] answers with. For hooks; routes use RequireRecent.
func (p *Plugin[U]) CheckRecent(c *fiber.Ctx, maxAge time.Duration) error {
	v := p.visit(c)
	if err := p.requireUser(v); err != nil {
		return err
	}
	if l := v.session.CurrentAccount(); !l.IsRecent(p.sessions.Now(), maxAge) {
		return p.signInAgain(l.Account)
	}
	return nil
}

// RecentGuard is for hooks, beside [Plugin.EventGuard]: the check that an event of a live view has to pass before it is
// executed. It reads nothing, because signing in again ends the socket. The error is a [*live.Refusal], which leads the
// browser to signing in again and back to the view. It panics like RequireRecent.
func (p *Plugin[U]) RecentGuard(c *fiber.Ctx, maxAge time.Duration) func(ctx context.Context, stamp string) error {
	mustLast(maxAge)
	v := p.visit(c)
	if err := p.requireUser(v); err != nil {
		return func(context.Context, string) error { return p.postponeEvent() }
	}
	l := *v.session.CurrentAccount()
	back, _ := p.returnable(c.OriginalURL())
	message, _ := json.Marshal(map[string]string{"type": "redirect", "url": p.againPath(l.Account, back)}) // strings always encode
	return p.auditLive(c, v.session, func(context.Context, string) error {
		if l.IsRecent(p.sessions.Now(), maxAge) {
			return nil
		}
		return &refusedEvent{&live.Refusal{Payload: message}, CodeSignInAgain}
	})
}

// signInAgain is the refusal that leads to signing in as one account of the session.
func (p *Plugin[U]) signInAgain(accountID string) *Refusal {
	return &Refusal{Status: fiber.StatusUnauthorized, Code: CodeSignInAgain, Message: p.cfg.Texts.SignInAgain, again: accountID,
		cause: account.ErrSignInAgain}
}

// againPath is the sign-in page for one account of the session, and where to go on from there.
func (p *Plugin[U]) againPath(accountID, back string) string {
	query := url.Values{fieldAgain: {accountID}}
	if back != "" && back != p.paths.Home {
		query.Set(fieldRequestPath, back)
	}
	return p.urls.signIn + "?" + query.Encode()
}

// Again tells a sign-in page that an account of the session has to sign in again.
type Again struct {
	Who   Profile       // who is to sign in; anybody else who does replaces or changes the session as always
	Field template.HTML // hidden input for the form, so that it says the same after a wrong password
}

// Again reports whether the sign-in page was opened because an account of this session has to sign in again: it was switched
// to, or asked for something that [Plugin.RequireRecent] guards. The page should say who. It decides nothing.
func (p *Plugin[U]) Again(c *fiber.Ctx) (Again, bool) {
	v := p.visit(c)
	if v.session == nil || v.failure != nil {
		return Again{}, false
	}
	id := formValue(c, fieldAgain)
	if values := c.Context().QueryArgs().PeekMulti(fieldAgain); id == "" && len(values) == 1 {
		id = string(values[0])
	}
	l := v.session.Find(id)
	if l == nil || !v.users.active(id) {
		return Again{}, false
	}
	return Again{Who: p.profileOf(v, id), Field: switcher.Hidden(fieldAgain, id)}, true
}
