// Package step4 is step 4 of docs/tutorial.md: a form.
package step4

import (
	"context"
	_ "embed"
	"html/template"
	"io"

	"github.com/gofiber/fiber/v2"
	"github.com/multiaccount-go/multiaccount/example/tutorial/site"
	"github.com/multiaccount-go/multiaccount/hooks"
	"github.com/multiaccount-go/multiaccount/htmx"
	"github.com/multiaccount-go/multiaccount/live"
)

//go:embed notes.html
var source string

// [start templates]

var templates = template.Must(template.New("notes").Funcs(template.FuncMap{
	"send": func() template.HTMLAttr { return live.Send },
}).Parse(source))

// [end templates]

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

// [start view]

// view is one tab. One goroutine at a time calls it, so it needs no locks.
type view struct {
	site  *site.Site
	User  site.User
	Stamp string
	Notes []site.Note

	Form   noteForm
	Errors live.Errors
	Sent   int // notes so far: the fields are drawn anew, and empty, after each
}

// noteForm is the form of a new note.
type noteForm struct {
	Text string `form:"text" check:"required,max=200"`
}

func (v *view) Mount(_ context.Context, s *live.Socket) error {
	v.User, _ = hooks.CurrentUser[site.User](s)
	v.Stamp = hooks.Stamp(s)
	v.Notes = v.site.Notes.List(v.User.ID, "")
	return nil
}

// [end view]

// [start event]

func (v *view) Event(_ context.Context, s *live.Socket, e live.Event) error {
	s.Redraw()
	if v.Form, v.Errors = live.Decode[noteForm](e); len(v.Errors) > 0 {
		return nil
	}
	v.site.Notes.Add(v.User.ID, v.Form.Text)
	v.Form, v.Sent = noteForm{}, v.Sent+1
	v.Notes = v.site.Notes.List(v.User.ID, "")
	return nil
}

// [end event]

// Info hears nothing yet.
func (v *view) Info(context.Context, *live.Socket, live.Message) error { return nil }

func (v *view) Render(_ context.Context, _ *live.Socket, w io.Writer) error {
	return templates.ExecuteTemplate(w, "view", v)
}
