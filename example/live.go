package main

import (
	"context"
	"errors"
	"html/template"
	"io"
	"strings"

	"github.com/gofiber/fiber/v2"
	"github.com/multiaccount-go/multiaccount"
	"github.com/multiaccount-go/multiaccount/example/notes"
	"github.com/multiaccount-go/multiaccount/example/users"
	"github.com/multiaccount-go/multiaccount/hooks"
	"github.com/multiaccount-go/multiaccount/live"
	"github.com/multiaccount-go/multiaccount/switcher"
)

// liveNotes returns the handler of /live: the same notes as a view that lives on the server. After a switch its socket is
// closed, the browser comes back with the new cookie, the hooks run again and the view mounts for the new account.
func (s *site) liveNotes() fiber.Handler {
	return live.New(func() live.View { return &notesView{site: s} }, live.Config{
		OnConnect: []live.Hook{hooks.LoadAccounts(s.accounts), hooks.RequireUser(s.accounts), chosenHTMX},
		Page:      s.livePage,
	})
}

// livePage draws the page around the view, and beside the view the form that a person types into.
func (s *site) livePage(c *fiber.Ctx, socket *live.Socket, body template.HTML) error {
	return s.render(c, look{
		view: "live", title: "Live", follow: multiaccount.FollowFragments, htmx: htmxOf(c),
		data: livePanel{panel: livePanelOf(socket).panel, HTMX: htmxOf(c), View: body},
	})
}

// livePanelOf returns what the views and the form of a socket's account begin with.
func livePanelOf(s *live.Socket) livePanel {
	user, _ := hooks.CurrentUser[users.User](s)
	chosen, _ := live.Value[*htmx](s)
	return livePanel{
		panel: panel{Name: user.Name, Stamp: switcher.Fields(hooks.Stamp(s), ""), Page: notesPage("/live" + string(chosen.Query))},
		HTMX:  chosen,
	}
}

// chosenHTMX is a hook of this page's own: it hands the view something from the request, which is over when the view
// begins to live.
var chosenHTMX = live.Hook{Name: "chosen htmx", Connect: func(c *fiber.Ctx, s *live.Socket) error {
	live.Assign(s, htmxOf(c))
	return nil
}}

// notesTopic is where the views of an account hear that its notes have changed, on every process.
func notesTopic(account string) string { return "notes:" + account }

// announceNote tells the account's live views to look again. The message carries nothing: the truth is in the store.
func (s *site) announceNote(ctx context.Context, account string) error {
	return s.accounts.Hub().Publish(ctx, notesTopic(account), nil)
}

// notesView is one tab on /live. One goroutine at a time calls it, so it needs no locks.
type notesView struct {
	site    *site
	account string
	panel   livePanel
}

// livePanel is what the view draws.
type livePanel struct {
	panel
	HTMX *htmx
	View template.HTML // in the page
}

// Mount subscribes first and loads second, so that no note is missed in between. The form gets the stamp of the account
// that the socket was opened for; the browser script keeps what somebody is typing into it.
func (v *notesView) Mount(ctx context.Context, s *live.Socket) error {
	v.account, v.panel = hooks.CurrentID(s), livePanelOf(s)
	s.Subscribe(notesTopic(v.account))
	if err := v.load(ctx); err != nil {
		return err
	}
	return v.push(s, "push-fields")
}

func (v *notesView) load(ctx context.Context) (err error) {
	v.panel.Notes, err = v.site.notes.List(ctx, v.account)
	return err
}

// Event keeps a note. That the form was drawn for the account that is current now has been checked by the hooks' guard.
func (v *notesView) Event(ctx context.Context, s *live.Socket, e live.Event) error {
	v.panel.Text, v.panel.Error, v.panel.Focus = "", "", true
	_, err := v.site.notes.Add(ctx, v.account, e.Get("text"))
	var problem notes.Problem
	switch {
	case errors.As(err, &problem):
		v.panel.Text, v.panel.Error = e.Get("text"), problem.Error()
	case err != nil:
		return err
	default:
		if err := v.site.announceNote(ctx, v.account); err != nil {
			return err
		}
	}
	return v.push(s, "push-fields")
}

// Info hears that the notes have changed. It draws the list alone, so that nobody loses what they are typing.
func (v *notesView) Info(ctx context.Context, s *live.Socket, _ live.Message) error {
	if err := v.load(ctx); err != nil {
		return err
	}
	return v.push(s, "push-list")
}

// push sends one part of the view.
func (v *notesView) push(s *live.Socket, part string) error {
	var b strings.Builder
	if err := views["live"].ExecuteTemplate(&b, part, v.panel); err != nil {
		return err
	}
	return s.Push(template.HTML(b.String()))
}

// Render draws the whole view.
func (v *notesView) Render(_ context.Context, _ *live.Socket, w io.Writer) error {
	return views["live"].ExecuteTemplate(w, "view", v.panel)
}
