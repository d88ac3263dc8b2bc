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
	Lang   string // language of title and body, as in the lang attribute
	Title  string
	Head   template.HTML // belongs into the head element; the same as [Plugin.Head]
	Body   template.HTML
}

// plainLayout is the layout of an app that has none.
func plainLayout(c *fiber.Ctx, page Page) error {
	c.Type("html", "utf-8")
	return c.Status(page.Status).SendString(string(pages.Document(page.Lang, page.Title, page.Head, page.Body)))
}

// draw answers with a page that nobody else may frame: a click on it acts.
func (p *Plugin[U]) draw(c *fiber.Ctx, status int, title string, body template.HTML) error {
	if len(c.Response().Header.Peek(fiber.HeaderContentSecurityPolicy)) == 0 {
		c.Set(fiber.HeaderContentSecurityPolicy, "frame-ancestors 'none'")
	}
	c.Set(fiber.HeaderXFrameOptions, "DENY")
	return p.cfg.Layout(c, Page{Status: status, Lang: p.cfg.Texts.Pages.Lang, Title: title, Head: p.Head(c), Body: body})
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
	t := p.cfg.Texts.Pages
	return p.draw(c, fiber.StatusOK, t.LinkTitle, pages.Link(pages.LinkPage{
		Texts: t, Primary: p.profileOf(v, primary), Post: p.post(v, with(p.urls.link, primary), back), CancelPath: back,
	}))
}

func (p *Plugin[U]) drawSwitchPage(c *fiber.Ctx, v *visit[U], to *account.Linked) error {
	back := p.cameFrom(c)
	t := p.cfg.Texts.Pages
	return p.draw(c, fiber.StatusOK, t.SwitchTitle, pages.Switch(pages.SwitchPage{
		Texts: t, From: p.profilePointer(v, v.session.CurrentAccount()), To: p.profileOf(v, to.Account),
		Post: p.post(v, with(p.urls.switchTo, to.Account), back), CancelPath: back,
	}))
}

func (p *Plugin[U]) drawChooser(c *fiber.Ctx, _ *visit[U]) error {
	m := p.Switcher(c)
	m.ReturnTo = p.cameFrom(c)
	body, err := pages.Choose(c.UserContext(), pages.ChoosePage{Texts: p.cfg.Texts.Pages, Model: m, Slots: p.cfg.Slots})
	if err != nil {
		return err
	}
	return p.draw(c, fiber.StatusOK, p.cfg.Texts.Pages.ChooseTitle, body)
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

// refusePage answers a refusal with a whole page.
func (p *Plugin[U]) refusePage(c *fiber.Ctx, r *Refusal) error {
	v := p.visit(c)
	if r.Code == CodeStalePage && v.session != nil {
		return p.draw(c, r.Status, p.cfg.Texts.title(r.Code), pages.Stale(p.stalePage(c, v)))
	}
	page := p.refusalPage(r)
	page.ContinuePath = p.cameFrom(c)
	if r.Code == CodeIntentExpired {
		p.leadOn(v, &page)
	}
	return p.draw(c, r.Status, page.Title, pages.Refusal(page))
}

// leadOn says how to go on when adding an account was not possible any more.
func (p *Plugin[U]) leadOn(v *visit[U], page *pages.RefusalPage) {
	if v.session == nil {
		page.ContinuePath = p.urls.signIn // whose session it was is over: there is nothing to add an account to
		return
	}
	if add := p.addPath(v.session); add != "" {
		page.ContinuePath, page.ContinueLabel = add, page.Texts.StartAgain
	}
	if v.session.Intent != nil {
		back, _ := p.returnable(v.session.Intent.ReturnTo)
		page.Actions = []pages.Action{{Label: page.Texts.CancelAdding, Post: p.post(v, p.urls.cancel, back)}}
	}
}

// refusalFragment answers a refusal with a piece of a page.
func (p *Plugin[U]) refusalFragment(r *Refusal) template.HTML {
	return pages.RefusalFragment(p.refusalPage(r))
}

// refusalPage says why something did not happen, without a way on.
func (p *Plugin[U]) refusalPage(r *Refusal) pages.RefusalPage {
	t := &p.cfg.Texts
	return pages.RefusalPage{Texts: t.Pages, Title: t.title(r.Code), Message: r.Message, RetryAfter: r.RetryAfter}
}

// stalePage says for whom a form was drawn and offers to go back to that account. The stamp is only believed about an
// account of this very session, and only to name it.
func (p *Plugin[U]) stalePage(c *fiber.Ctx, v *visit[U]) pages.StalePage {
	back := p.cameFrom(c)
	page := pages.StalePage{
		Texts: p.cfg.Texts.Pages, Current: p.profilePointer(v, v.session.CurrentAccount()), ContinuePath: back,
	}
	if page.Current == nil {
		page.ContinuePath = p.urls.choose
	}
	for _, stamp := range stamps(c) {
		drawnFor := v.session.Stamped(stamp)
		if drawnFor == nil || drawnFor.Membership == v.session.Current {
			continue
		}
		page.DrawnFor = p.profilePointer(v, drawnFor)
		if drawnFor.IsActive(p.sessions.Now()) && v.users.active(drawnFor.Account) {
			post := p.post(v, with(p.urls.switchTo, drawnFor.Account), back)
			page.SwitchBack = &post
		}
	}
	return page
}
