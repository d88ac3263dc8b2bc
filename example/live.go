package main

import (
	"bytes"
	"context"
	"errors"
	"html/template"
	"io"
	"net/url"

	"github.com/gofiber/fiber/v2"
	"github.com/multiaccount-go/multiaccount"
	"github.com/multiaccount-go/multiaccount/auth"
	"github.com/multiaccount-go/multiaccount/hooks"
	"github.com/multiaccount-go/multiaccount/live"
	"github.com/multiaccount-go/multiaccount/switcher"
	"github.com/multiaccount-go/multiaccount/tenant"
)

// liveNotes returns the handler of /live: the same notes as a view that lives on the server. After a switch its socket is
// closed, the browser comes back with the new cookie, the hooks run again and the view mounts for the new account and tenant.
func (s *site) liveNotes() fiber.Handler {
	return live.New(func() live.View { return &notesView{site: s} }, live.Config{
		OnConnect: []live.Hook{hooks.LoadAccounts(s.accounts), hooks.RequireUser(s.accounts), s.tenants.Hook()},
		Page: func(c *fiber.Ctx, _ *live.Socket, body template.HTML) error {
			return s.render(c, look{
				view: "live", title: "Live", follow: multiaccount.FollowFragments, htmx: htmxOf(c), data: body,
			})
		},
	})
}

// notesTopic is where the views of an account hear that its notes have changed, on every process.
func notesTopic(account string) string { return "notes:" + account }

// hereTopic is where people of a tenant see who of them is at their notes right now.
func hereTopic(tenantID string) string { return "here:" + tenantID }

// announceNote tells the account's live views to look again. The message carries nothing: the truth is in the store.
func (s *site) announceNote(ctx context.Context, account string) error {
	return s.accounts.Hub().Publish(ctx, notesTopic(account), nil)
}

// notesView is one tab on /live. One goroutine at a time calls it, so it needs no locks. Its fields are all that it shows.
type notesView struct {
	site *site
	user auth.User

	Tenant tenant.Tenant
	Stamp  string // of the account that the view is drawn for
	Path   string
	HTMX   string // the version that the page has chosen
	Find   string // what the notes are searched for
	Form   noteForm
	Errors live.Errors
	Sent   int // notes so far: the fields are drawn anew, and empty, after each
	List   template.HTML
	Here   []live.Presence // who of the tenant looks at this page
}

// noteForm is the form of a new note.
type noteForm struct {
	Text string `form:"text" check:"required,max=500"`
	Page string `form:"page"` // for a browser without script, which sends the form to /notes
}

// Mount says what the view wants to hear of. It does so before anything is loaded, so that no note is missed in between.
func (v *notesView) Mount(_ context.Context, s *live.Socket) error {
	v.user, _ = hooks.CurrentUser[auth.User](s)
	scope, _ := tenant.Of(s)
	v.Tenant = scope.Tenant
	v.Stamp = hooks.Stamp(s)
	s.Subscribe(notesTopic(v.user.ID))
	s.Subscribe(live.PresenceTopic(hereTopic(v.Tenant.ID)))
	err := s.Track(hereTopic(v.Tenant.ID), v.user.ID, v.user.Name)
	if errors.Is(err, live.ErrCrowded) { // the page works without
		err = nil
	}
	v.Here = s.Hub().Present(hereTopic(v.Tenant.ID))
	return err
}

// Owner is whose notes they are.
func (v *notesView) Owner() string { return v.user.Name }

// StampField is for the form that a browser without script sends.
func (v *notesView) StampField() template.HTML { return switcher.Fields(v.Stamp, "") }

// Params takes over what the address says: which notes to find. It is called again when somebody searches.
func (v *notesView) Params(ctx context.Context, s *live.Socket, params url.Values) (err error) {
	v.Path, v.HTMX, v.Find = s.URL(), params.Get("htmx"), params.Get("q")
	v.List, err = v.drawList(ctx)
	return err
}

// Event does what a form asks for. That it was drawn for the account that is current now has been checked by the hooks.
func (v *notesView) Event(ctx context.Context, s *live.Socket, e live.Event) error {
	defer s.Redraw()
	switch e.Name() {
	case "remove":
		if err := v.site.notes.Remove(ctx, v.user.ID, e.Get("id")); err != nil {
			return err
		}
	default:
		if v.Form, v.Errors = live.Decode[noteForm](e); v.Errors != nil {
			return nil
		}
		if _, err := v.site.notes.Add(ctx, v.user.ID, v.Form.Text); err != nil {
			return err
		}
		v.Form, v.Sent = noteForm{}, v.Sent+1
	}
	return v.site.announceNote(ctx, v.user.ID)
}

// Info hears that the notes have changed, or who is here. All tabs that show the same have the list drawn once.
func (v *notesView) Info(ctx context.Context, s *live.Socket, m live.Message) (err error) {
	if here := hereTopic(v.Tenant.ID); m.Topic == live.PresenceTopic(here) {
		v.Here = s.Hub().Present(here)
		s.Redraw()
		return nil
	}
	v.List, err = m.Once(ctx, v.user.ID+" "+v.Find, v.drawList)
	s.Redraw()
	return err
}

// drawList draws the notes. No stamp is in it: it goes to every browser that is signed in with the account.
func (v *notesView) drawList(ctx context.Context) (template.HTML, error) {
	list, err := v.site.notes.List(ctx, v.user.ID, v.Find)
	if err != nil {
		return "", err
	}
	var b bytes.Buffer
	err = views["live"].ExecuteTemplate(&b, "list", list)
	return template.HTML(b.String()), err
}

// Render draws the whole view. What is sent is only what differs from what the browser shows.
func (v *notesView) Render(_ context.Context, _ *live.Socket, w io.Writer) error {
	return views["live"].ExecuteTemplate(w, "view", v)
}
