// Package step3 is step 3 of docs/tutorial.md: the page is a live view.
package step3

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

var templates = template.Must(template.New("notes").Parse(source))

// [start add]

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

// [end add]

// [start view]

// view is one tab. One goroutine at a time calls it, so it needs no locks.
type view struct {
	site  *site.Site
	User  site.User
	Notes []site.Note
}

func (v *view) Mount(_ context.Context, s *live.Socket) error {
	v.User, _ = hooks.CurrentUser[site.User](s)
	v.Notes = v.site.Notes.List(v.User.ID, "")
	return nil
}

func (v *view) Render(_ context.Context, _ *live.Socket, w io.Writer) error {
	return templates.ExecuteTemplate(w, "view", v)
}

// Nothing is sent and nothing is heard yet.
func (v *view) Event(context.Context, *live.Socket, live.Event) error  { return nil }
func (v *view) Info(context.Context, *live.Socket, live.Message) error { return nil }

// [end view]
