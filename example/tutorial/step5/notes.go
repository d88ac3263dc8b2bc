// Package step5 is step 5 of docs/tutorial.md: other tabs follow.
package step5

import (
	"context"
	_ "embed"
	"html/template"
	"io"
	"strings"

	"github.com/gofiber/fiber/v2"
	"github.com/multiaccount-go/multiaccount/example/tutorial/site"
	"github.com/multiaccount-go/multiaccount/hooks"
	"github.com/multiaccount-go/multiaccount/htmx"
	"github.com/multiaccount-go/multiaccount/live"
)

//go:embed notes.html
var source string

var templates = template.Must(template.New("notes").Funcs(template.FuncMap{
	"send": func() template.HTMLAttr { return live.Send },
}).Parse(source))

// Add adds the page of notes to an app.
func Add(s *site.Site) {
	s.Get("/htmx/*", htmx.Handler) // htmx, its websocket extension and live.js, from the binary
	s.Get("/notes", live.New(func() live.View { return &view{site: s} }, live.Config{
		OnConnect: []live.Hook{hooks.LoadAccounts(s.Accounts), hooks.RequireUser(s.Accounts)},
		Page: func(c *fiber.Ctx, _ *live.Socket, body template.HTML) error {
			return templates.ExecuteTemplate(c.Type("html", "utf-8"), "page", fiber.Map{
				"Head": s.Accounts.Head(c), "Scripts": htmx.Scripts(htmx.V4), "View": body,
			})
		},
	}))
}

// view is one tab. One goroutine at a time calls it, so it needs no locks.
type view struct {
	site  *site.Site
	User  site.User
	Stamp string
	List  template.HTML

	Form   noteForm
	Errors live.Errors
	Sent   int // notes so far: the fields are drawn anew, and empty, after each
}

// noteForm is the form of a new note.
type noteForm struct {
	Text string `form:"text" check:"required,max=200"`
}

// [start mount]

// topic is where the tabs of an account hear that its notes have changed.
func topic(account string) string { return "notes:" + account }

func (v *view) Mount(ctx context.Context, s *live.Socket) (err error) {
	v.User, _ = hooks.CurrentUser[site.User](s)
	v.Stamp = hooks.Stamp(s)
	s.Subscribe(topic(v.User.ID)) // before the notes are loaded, so that none is missed in between
	v.List, err = v.drawList(ctx)
	return err
}

// [end mount]

// [start event]

func (v *view) Event(ctx context.Context, s *live.Socket, e live.Event) error {
	s.Redraw()
	if v.Form, v.Errors = live.Decode[noteForm](e); len(v.Errors) > 0 {
		return nil
	}
	v.site.Notes.Add(v.User.ID, v.Form.Text)
	v.Form, v.Sent = noteForm{}, v.Sent+1
	return v.site.Accounts.Hub().Publish(ctx, topic(v.User.ID), nil)
}

func (v *view) Info(ctx context.Context, s *live.Socket, m live.Message) (err error) {
	s.Redraw()
	v.List, err = m.Once(ctx, v.User.ID, v.drawList)
	return err
}

// drawList draws the notes, once for all tabs of the account. No stamp is in it: that belongs to one browser.
func (v *view) drawList(context.Context) (template.HTML, error) {
	var b strings.Builder
	err := templates.ExecuteTemplate(&b, "list", v.site.Notes.List(v.User.ID, ""))
	return template.HTML(b.String()), err
}

// [end event]

func (v *view) Render(_ context.Context, _ *live.Socket, w io.Writer) error {
	return templates.ExecuteTemplate(w, "view", v)
}
