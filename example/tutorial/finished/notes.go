// Package finished is docs/tutorial.md to its end: with the switcher in the page, and event streams.
package finished

import (
	"context"
	_ "embed"
	"errors"
	"html/template"
	"io"
	"net/url"
	"strings"

	"github.com/gofiber/fiber/v2"
	"github.com/multiaccount-go/multiaccount"
	"github.com/multiaccount-go/multiaccount/example/tutorial/site"
	"github.com/multiaccount-go/multiaccount/hooks"
	"github.com/multiaccount-go/multiaccount/htmx"
	"github.com/multiaccount-go/multiaccount/live"
	"github.com/multiaccount-go/multiaccount/switcher"
)

//go:embed notes.html
var source string

var templates = template.Must(template.New("notes").Funcs(template.FuncMap{
	"send": func() template.HTMLAttr { return live.Send },
}).Parse(source))

// Add adds the page of notes to an app.
func Add(s *site.Site) {
	s.Get("/htmx/*", htmx.Handler) // htmx, its websocket extension and live.js, from the binary
	// [start routes]
	notes := live.New(func() live.View { return &view{site: s} }, live.Config{
		OnConnect: []live.Hook{hooks.LoadAccounts(s.Accounts), hooks.RequireUser(s.Accounts)},
		Page:      func(c *fiber.Ctx, _ *live.Socket, body template.HTML) error { return draw(c, s, body) },
	})
	s.Get("/notes", notes)
	s.Post("/notes", notes)
	// [end routes]
}

// [start draw]

// draw sends the whole page. Its parts follow a switch by themselves, so it is not loaded anew.
func draw(c *fiber.Ctx, s *site.Site, body template.HTML) error {
	accounts, err := s.Accounts.SwitcherHTML(c)
	if err != nil {
		return err
	}
	return templates.ExecuteTemplate(c.Type("html", "utf-8"), "page", fiber.Map{
		"Head": s.Accounts.Head(c, multiaccount.FollowFragments), "Scripts": htmx.Scripts(htmx.V4), "View": body,
		"Switcher": accounts, "Announcer": switcher.Announcer(), "Flashes": s.Accounts.Flashes(c),
	})
}

// [end draw]

// view is one tab. One goroutine at a time calls it, so it needs no locks.
type view struct {
	site  *site.Site
	User  site.User
	Stamp string
	Find  string // what the notes are searched for
	List  template.HTML
	Here  []live.Presence

	Form   noteForm
	Errors live.Errors
	Sent   int // notes so far: the fields are drawn anew, and empty, after each
}

// noteForm is the form of a new note.
type noteForm struct {
	Text string `form:"text" check:"required,max=200"`
}

// topic is where the tabs of an account hear that its notes have changed.
func topic(account string) string { return "notes:" + account }

// room is where everybody is who has the page open.
const room = "notes"

func (v *view) Mount(_ context.Context, s *live.Socket) error {
	v.User, _ = hooks.CurrentUser[site.User](s)
	v.Stamp = hooks.Stamp(s)
	s.Subscribe(topic(v.User.ID)) // before the notes are loaded, so that none is missed in between
	s.Subscribe(live.PresenceTopic(room))
	err := s.Track(room, v.User.ID, v.User.Name)
	if err != nil && !errors.Is(err, live.ErrCrowded) { // the page is of use to whoever is not seen, too
		return err
	}
	v.Here = v.site.Accounts.Hub().Present(room)
	return nil
}

// Params takes over what the address says. It is called after Mount, and again when somebody searches or goes back.
func (v *view) Params(ctx context.Context, _ *live.Socket, params url.Values) (err error) {
	v.Find = params.Get("q")
	v.List, err = v.drawList(ctx)
	return err
}

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
	if m.Topic == live.PresenceTopic(room) {
		v.Here = v.site.Accounts.Hub().Present(room)
		return nil
	}
	v.List, err = m.Once(ctx, v.User.ID+" "+v.Find, v.drawList)
	return err
}

// drawList draws the notes, once for all tabs of the account that search for the same. No stamp is in it: that belongs to
// one browser.
func (v *view) drawList(context.Context) (template.HTML, error) {
	var b strings.Builder
	err := templates.ExecuteTemplate(&b, "list", v.site.Notes.List(v.User.ID, v.Find))
	return template.HTML(b.String()), err
}

func (v *view) Render(_ context.Context, _ *live.Socket, w io.Writer) error {
	return templates.ExecuteTemplate(w, "view", v)
}
