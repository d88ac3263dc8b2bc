package main

import (
	"bytes"
	"context"
	"embed"
	"errors"
	"fmt"
	"html/template"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"path"
	"strings"

	"github.com/gofiber/fiber/v2"
	"github.com/multiaccount-go/multiaccount"
	"github.com/multiaccount-go/multiaccount/account"
	"github.com/multiaccount-go/multiaccount/auth"
	"github.com/multiaccount-go/multiaccount/example/assets"
	"github.com/multiaccount-go/multiaccount/example/board"
	"github.com/multiaccount-go/multiaccount/example/notes"
	"github.com/multiaccount-go/multiaccount/example/users"
	"github.com/multiaccount-go/multiaccount/live"
	"github.com/multiaccount-go/multiaccount/switcher"
	"github.com/multiaccount-go/multiaccount/tenant"
)

// site is the app: what its handlers need.
type site struct {
	accounts *multiaccount.Plugin[auth.User]
	login    *auth.Auth
	tenants  *tenant.Tenants
	users    *users.Users
	notes    *notes.Notes
	board    *board.Board
	mail     mailbox
	ways     ways
	demo     bool // anybody who is signed in may make users active and inactive
}

//go:embed views
var viewFiles embed.FS

// views has one template for each page, every one together with the layout and the shared parts.
var views = parseViews()

func parseViews() map[string]*template.Template {
	base := template.Must(template.New("").Funcs(template.FuncMap{
		"asset":     assets.URL,
		"announcer": switcher.Announcer,
		"send":      func() template.HTMLAttr { return live.Send },
	}).ParseFS(viewFiles, "views/shared/*.html"))
	names, err := fs.Glob(viewFiles, "views/*.html")
	if err != nil {
		panic(err)
	}
	parsed := map[string]*template.Template{}
	for _, name := range names {
		page := template.Must(template.Must(base.Clone()).ParseFS(viewFiles, name))
		parsed[strings.TrimSuffix(path.Base(name), ".html")] = page
	}
	return parsed
}

// page is what every template gets.
type page struct {
	Title    string
	Head     template.HTML // for whom the page is drawn, and the browser script
	Stamp    template.HTML // hidden field that says the same in a form
	Switcher template.HTML
	Tenants  template.HTML // switcher of the tenants of the current account
	Beside   bool          // the switchers have a place beside the page
	Flashes  []multiaccount.Flash
	Email    string // of the current user; empty when nobody is
	Path     string
	HTMX     *htmxPage // nil: the page does without
	Data     any
}

// look is what a handler says about the page that it draws.
type look struct {
	view   string
	title  string
	status int // 0: 200
	follow multiaccount.Follow
	htmx   *htmxPage
	data   any
}

// render draws a page into a buffer first: an error is never half a page.
func (s *site) render(c *fiber.Ctx, l look) error {
	tenants := s.tenantSwitcher(c) // before the stamp is drawn: it may choose another tenant
	p := page{
		Title: l.title, Stamp: s.accounts.StampField(c), Head: s.accounts.Head(c, l.follow),
		Flashes: s.accounts.Flashes(c), Path: c.Path(), HTMX: l.htmx, Data: l.data,
	}
	if u, ok := s.accounts.CurrentUser(c); ok {
		p.Email = u.Email
	}
	if m := s.accounts.Switcher(c); len(m.Accounts) > 0 {
		var b bytes.Buffer
		if err := switcher.Render(&b, m); err != nil {
			return err
		}
		p.Switcher = template.HTML(b.String())
		p.Tenants = tenants
		p.Beside = !(l.view == "plugin" && m.State == account.StateChoosing) // the chooser is the list already
	}
	if l.status != 0 {
		c.Status(l.status)
	}
	return send(c, l.view, "layout", p)
}

// send executes one template of a view.
func send(c *fiber.Ctx, view, name string, data any) error {
	var b bytes.Buffer
	if err := views[view].ExecuteTemplate(&b, name, data); err != nil {
		return fmt.Errorf("draw %s: %w", view, err)
	}
	c.Set(fiber.HeaderContentType, fiber.MIMETextHTMLCharsetUTF8)
	return c.Send(b.Bytes())
}

// tenantSwitcher draws the switcher of tenants. A page, which may be the one that says what is wrong, does without it when the
// tenants cannot be looked up.
func (s *site) tenantSwitcher(c *fiber.Ctx) template.HTML {
	html, err := s.tenants.SwitcherHTML(c)
	if err != nil {
		return ""
	}
	return html
}

// layout puts the plugin's own pages, and those about tenants, into this site's design.
func (s *site) layout(c *fiber.Ctx, p multiaccount.Page) error {
	return s.render(c, look{view: "plugin", title: p.Title, status: p.Status, data: p.Body})
}

// formLayout is layout for the pages to register, to sign in and to change oneself.
func (s *site) formLayout(c *fiber.Ctx, p multiaccount.Page) error {
	return s.render(c, look{view: "form", title: p.Title, status: p.Status, data: p.Body})
}

// folder returns the pages of a package that look different here.
func folder(name string) fs.FS {
	files, err := fs.Sub(viewFiles, name)
	if err != nil {
		panic(err) // the name is right
	}
	return files
}

// failed answers errors that no handler answered. What went wrong goes into the log, never into the page.
func (s *site) failed(c *fiber.Ctx, err error) error {
	var known *fiber.Error
	errors.As(err, &known)
	switch {
	case isUnavailable(err):
		slog.Error("store does not answer", "method", c.Method(), "path", c.Path(), "err", err)
		c.Set(fiber.HeaderRetryAfter, "5")
		return fail(c, fiber.StatusServiceUnavailable, "store_unavailable", "The store does not answer. Please try again soon.")
	case known == nil:
		slog.Error("request failed", "method", c.Method(), "path", c.Path(), "err", err)
		return fail(c, fiber.StatusInternalServerError, "failed", "It is not your fault; please try again.")
	case known.Code == fiber.StatusNotFound:
		return fail(c, known.Code, "not_found", "There is no such page.")
	}
	return fail(c, known.Code, "failed", "This request cannot be answered.")
}

func fail(c *fiber.Ctx, status int, code, text string) error {
	c.Status(status)
	if wantsJSON(c) {
		return c.JSON(fiber.Map{"error": code, "message": text})
	}
	return send(c, "failed", "document", text)
}

// isUnavailable reports whether an error says that Redis cannot be reached, or not in time, or that other processes write to
// the file of SQLite for too long.
func isUnavailable(err error) bool {
	var network net.Error
	return users.IsBusy(err) || errors.As(err, &network) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, io.EOF)
}

// wantsJSON reports whether a program asks rather than a browser.
func wantsJSON(c *fiber.Ctx) bool {
	return strings.Contains(c.Get(fiber.HeaderAccept), fiber.MIMEApplicationJSON)
}
