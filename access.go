package multiaccount

import (
	"bytes"
	"html/template"
	"strings"

	"github.com/gofiber/fiber/v2"

	"github.com/multiaccount-go/multiaccount/account"
	"github.com/multiaccount-go/multiaccount/browser"
	"github.com/multiaccount-go/multiaccount/switcher"
)

// CurrentUser returns the user who acts in this request. false: nobody is signed in, or the person has to choose.
func (p *Plugin[U]) CurrentUser(c *fiber.Ctx) (U, bool) { return p.current(p.visit(c)) }

// PrimaryUser returns the user whom the other accounts are linked to. false: there is one account, or none.
// While the person has to choose there is a primary user but no local primary_user: templates test the one for the other.
func (p *Plugin[U]) PrimaryUser(c *fiber.Ctx) (U, bool) { return p.primary(p.visit(c)) }

// CurrentID returns the id of the current account, or "".
func (p *Plugin[U]) CurrentID(c *fiber.Ctx) string {
	v := p.visit(c)
	if v.failure != nil {
		return ""
	}
	return currentID(v.session)
}

// State returns how many accounts are signed in and whether one is current.
func (p *Plugin[U]) State(c *fiber.Ctx) account.State { return p.Document(c).State }

// Session returns a copy of the session record behind a request, or nil. It holds no secret, only digests.
func (p *Plugin[U]) Session(c *fiber.Ctx) *account.Session {
	v := p.visit(c)
	if v.session == nil || v.failure != nil {
		return nil
	}
	return v.session.Clone()
}

// Stamp returns what every page, form and message drawn in this request must carry, or "" when nobody is signed in.
func (p *Plugin[U]) Stamp(c *fiber.Ctx) string { return p.Document(c).Stamp }

// StampField returns the hidden input that every form of the app needs.
func (p *Plugin[U]) StampField(c *fiber.Ctx) template.HTML { return switcher.Fields(p.Stamp(c), "") }

var head = template.Must(template.New("head").Parse(`<meta name="account-stamp" content="{{.Stamp}}">
<meta name="session-version" content="{{.Version}}">
<script src="{{.Script}}" data-state="{{.State}}" data-live="{{.Live}}" data-follow="{{.Follow}}"></script>
`))

// Head returns what belongs into the head of every page: for whom it is drawn, which version of the session it shows, and
// the browser script. A page can follow differently from Config.Follow by naming its policy.
func (p *Plugin[U]) Head(c *fiber.Ctx, follow ...Follow) template.HTML {
	policy := p.cfg.Follow
	if len(follow) > 0 && follow[0].valid() {
		policy = follow[0]
	}
	d := p.Document(c)
	var b bytes.Buffer
	err := head.Execute(&b, map[string]any{
		"Stamp": d.Stamp, "Version": d.Version, "Follow": string(policy),
		"Script": p.urls.script + "?v=" + scriptVersion, "State": p.urls.state, "Live": p.urls.live,
	})
	if err != nil { // only a change of the template above can make it fail, and a test draws it
		p.log.Error("multiaccount: head cannot be drawn", "err", err)
	}
	return template.HTML(b.String())
}

// Switcher returns what package switcher draws, for markup of the app's own. [Plugin.SwitcherHTML] draws it.
func (p *Plugin[U]) Switcher(c *fiber.Ctx) switcher.Model {
	v := p.visit(c)
	m := switcher.Model{
		State: account.StateAnonymous, AccountsPath: p.urls.accounts, SignInPath: p.urls.signIn, Texts: p.cfg.Texts.Switcher,
		ReturnTo: p.here(c),
	}
	if v.session == nil || v.failure != nil {
		return m
	}
	m.State, m.Stamp, m.Accounts = v.session.State(), v.session.Stamp(), p.switcherAccounts(v)
	m.AddPath, m.SignOutAllPath = p.addPath(v.session), p.urls.signOut
	return m
}

// here returns the page that a request draws, or for a fragment the page it goes into.
func (p *Plugin[U]) here(c *fiber.Ctx) string {
	if asker(c) == askerPage && isSafe(c) {
		if target, ok := p.returnable(c.OriginalURL()); ok {
			return target
		}
	}
	return p.cameFrom(c)
}

// SwitcherHTML returns the switcher of a request, drawn with Config.Slots. It is the element that the browser script and
// htmx refresh after a change. On the page that says that the store does not answer it is empty: nobody knows who is signed in.
func (p *Plugin[U]) SwitcherHTML(c *fiber.Ctx) (template.HTML, error) {
	if p.visit(c).failure != nil {
		return "", nil
	}
	var b bytes.Buffer
	err := switcher.RenderWith(&b, p.Switcher(c), p.cfg.Slots)
	return template.HTML(b.String()), err
}

// ReturnField returns the hidden input by which a sign-in or registration form leads back to the page that asked for
// signing in. Without one in the request it is empty.
func (p *Plugin[U]) ReturnField(c *fiber.Ctx) template.HTML {
	target, ok := p.named(c)
	if !ok {
		return ""
	}
	return switcher.Hidden(fieldRequestPath, target)
}

// Adding tells a sign-in page that an account is about to be added.
type Adding struct {
	To         Profile // whose session it is added to
	Expired    bool    // asked for too long ago: signing in would be refused
	CancelPath string  // POST, with the stamp
	AgainPath  string  // page to ask again
}

// Adding reports whether signing in now adds an account to the session of somebody who is signed in already. The sign-in
// page should say so, and offer to cancel.
func (p *Plugin[U]) Adding(c *fiber.Ctx) (Adding, bool) {
	v := p.visit(c)
	if v.session == nil || v.failure != nil || v.session.Intent == nil {
		return Adding{}, false
	}
	by := v.session.CurrentAccount()
	if by == nil {
		return Adding{}, false
	}
	return Adding{
		To: p.profileOf(v, by.Account), Expired: v.session.CheckIntent(p.sessions.Now()) != nil,
		CancelPath: p.urls.cancel, AgainPath: p.addPath(v.session),
	}, true
}

// scriptVersion names the script's content in its URL.
var scriptVersion = strings.Trim(browser.ETag, `"`)

// script serves the browser script. With its version in the URL it may be kept for ever.
func (p *Plugin[U]) script(c *fiber.Ctx) error {
	c.Set(fiber.HeaderETag, browser.ETag)
	c.Set(fiber.HeaderXContentTypeOptions, "nosniff")
	c.Set(fiber.HeaderCacheControl, "public, no-cache")
	if c.Query("v") == scriptVersion {
		c.Set(fiber.HeaderCacheControl, "public, max-age=31536000, immutable")
	}
	if c.Get(fiber.HeaderIfNoneMatch) == browser.ETag {
		return c.SendStatus(fiber.StatusNotModified)
	}
	c.Set(fiber.HeaderContentType, "text/javascript; charset=utf-8")
	return c.Send(browser.Script)
}
