package multiaccount

import (
	"html/template"

	"github.com/gofiber/fiber/v2"

	"github.com/multiaccount-go/multiaccount/account"
	"github.com/multiaccount-go/multiaccount/internal/pages"
)

// Page is one of the plugin's own pages, to be put into the app's layout: the link and switch pages, the chooser, and the
// pages that say why something did not happen.
type Page struct {
	Status int
	Title  string
	Head   template.HTML // belongs into the head element; the same as [Plugin.Head]
	Body   template.HTML
}

// plainLayout is the layout of an app that has none.
func plainLayout(c *fiber.Ctx, page Page) error {
	c.Type("html", "utf-8")
	return c.Status(page.Status).SendString(string(pages.Document(page.Title, page.Head, page.Body)))
}

// draw answers with a page that nobody else may frame: a click on it acts.
func (p *Plugin[U]) draw(c *fiber.Ctx, status int, title string, body template.HTML) error {
	if len(c.Response().Header.Peek(fiber.HeaderContentSecurityPolicy)) == 0 {
		c.Set(fiber.HeaderContentSecurityPolicy, "frame-ancestors 'none'")
	}
	c.Set(fiber.HeaderXFrameOptions, "DENY")
	return p.cfg.Layout(c, Page{Status: status, Title: title, Head: p.Head(c), Body: body})
}

// fragment answers htmx with a piece of a page.
func (p *Plugin[U]) fragment(c *fiber.Ctx, html template.HTML) error {
	c.Type("html", "utf-8")
	return c.SendString(string(html))
}

func (p *Plugin[U]) post(v *visit[U], path, returnTo string) pages.Post {
	return pages.Post{Path: path, Stamp: v.session.Stamp(), ReturnTo: returnTo}
}

func (p *Plugin[U]) drawLinkPage(c *fiber.Ctx, v *visit[U]) error {
	primary, back := v.session.PrimaryAccount().Account, p.cameFrom(c)
	return p.draw(c, fiber.StatusOK, "Add an account", pages.Link(pages.LinkPage{
		Primary: p.profileOf(v, primary), Post: p.post(v, with(p.urls.link, primary), back), CancelPath: back,
	}))
}

func (p *Plugin[U]) drawSwitchPage(c *fiber.Ctx, v *visit[U], to *account.Linked) error {
	back := p.cameFrom(c)
	return p.draw(c, fiber.StatusOK, "Switch account", pages.Switch(pages.SwitchPage{
		From: p.profilePointer(v, v.session.CurrentAccount()), To: p.profileOf(v, to.Account),
		Post: p.post(v, with(p.urls.switchTo, to.Account), back), CancelPath: back,
	}))
}

func (p *Plugin[U]) drawChooser(c *fiber.Ctx, _ *visit[U]) error {
	m := p.Switcher(c)
	m.ReturnTo = p.cameFrom(c)
	body, err := pages.Choose(m)
	if err != nil {
		return err
	}
	return p.draw(c, fiber.StatusOK, "Choose an account", body)
}

func (p *Plugin[U]) drawSwitcher(c *fiber.Ctx) error {
	html, err := p.SwitcherHTML(c)
	if err != nil {
		return err
	}
	return p.fragment(c, html)
}

func (p *Plugin[U]) profilePointer(v *visit[U], l *account.Linked) *Profile {
	if l == nil {
		return nil
	}
	profile := p.profileOf(v, l.Account)
	return &profile
}

// titles of the refusal pages.
var titles = map[string]string{
	CodeNotSignedIn: "Not signed in", CodeBadOrigin: "Not from this site", CodeNotFound: "Not found",
	CodeStaleSession: "Account changed", CodeLinkLimit: "No more accounts", CodeIntentExpired: "Time has run out",
	CodeRateLimited: "Too often", CodeStoreUnavailable: "Not available at the moment",
}

// refusePage answers a refusal with a whole page.
func (p *Plugin[U]) refusePage(c *fiber.Ctx, r *Refusal) error {
	v := p.visit(c)
	if r.Code == CodeStalePage && v.session != nil {
		return p.draw(c, r.Status, "Another account", pages.Stale(p.stalePage(c, v)))
	}
	page := pages.RefusalPage{Title: titles[r.Code], Message: r.Message, RetryAfter: r.RetryAfter, ContinuePath: p.cameFrom(c)}
	if r.Code == CodeIntentExpired && v.session != nil && v.session.Intent != nil {
		back, _ := p.returnable(v.session.Intent.ReturnTo)
		page.ContinuePath, page.ContinueLabel = p.addPath(v.session), "Start again"
		page.Actions = []pages.Action{{Label: "Cancel adding", Post: p.post(v, p.urls.cancel, back)}}
	}
	return p.draw(c, r.Status, page.Title, pages.Refusal(page))
}

// refusalFragment answers a refusal with a piece of a page.
func refusalFragment(r *Refusal) template.HTML {
	return pages.RefusalFragment(pages.RefusalPage{Title: titles[r.Code], Message: r.Message, RetryAfter: r.RetryAfter})
}

// stalePage says for whom a form was drawn and offers to go back to that account. The stamp is only believed about an
// account of this very session, and only to name it.
func (p *Plugin[U]) stalePage(c *fiber.Ctx, v *visit[U]) pages.StalePage {
	back := p.cameFrom(c)
	page := pages.StalePage{Current: p.profilePointer(v, v.session.CurrentAccount()), ContinuePath: back}
	if page.Current == nil {
		page.ContinuePath = p.urls.choose
	}
	for _, stamp := range stamps(c) {
		drawnFor := v.session.Stamped(stamp)
		if drawnFor == nil || drawnFor.Membership == v.session.Current {
			continue
		}
		page.DrawnFor = p.profilePointer(v, drawnFor)
		if drawnFor.IsActive(p.sessions.Now()) && p.active(v.users, drawnFor.Account) {
			post := p.post(v, with(p.urls.switchTo, drawnFor.Account), back)
			page.SwitchBack = &post
		}
	}
	return page
}
