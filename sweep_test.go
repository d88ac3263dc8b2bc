package multiaccount_test

import (
	"context"
	"fmt"
	"html/template"
	"io"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/gofiber/fiber/v2"

	"github.com/multiaccount-go/multiaccount/hooks"
	"github.com/multiaccount-go/multiaccount/live"
)

// echo is a view that sends back the text of each event.
type echo struct{}

func (echo) Mount(context.Context, *live.Socket) error              { return nil }
func (echo) Info(context.Context, *live.Socket, live.Message) error { return nil }

func (echo) Event(_ context.Context, s *live.Socket, e live.Event) error {
	return s.Push(template.HTML(`<p id="echo" hx-swap-oob="true">` + template.HTMLEscapeString(e.Get("text")) + `</p>`))
}

func (echo) Render(_ context.Context, _ *live.Socket, w io.Writer) error {
	_, err := io.WriteString(w, "ready")
	return err
}

// echoView makes the handler of a page with an echo.
func (s *site) echoView(on ...live.Hook) fiber.Handler {
	return live.New(func() live.View { return echo{} }, live.Config{
		Hub: s.accounts.Hub(), OnConnect: on,
		Page: func(c *fiber.Ctx, _ *live.Socket, body template.HTML) error { return c.SendString(string(body)) },
	})
}

// A view that belongs to no session has a key that the store does not know. That is no ended session.
func TestSweepSparesViewsOfNobody(t *testing.T) {
	var r resyncing
	s := newSite(t, resyncStore(&r))
	s.app.Get("/without-hooks", s.echoView())
	s.app.Get("/with-accounts", s.echoView(hooks.LoadAccounts(s.accounts)))
	l := s.listen()
	views := map[string]*socket{}
	for _, path := range []string{"/without-hooks", "/with-accounts"} {
		views[path] = l.open(s.browser(), path)
		if got := views[path].frame(); !strings.Contains(got, "ready") {
			t.Fatalf("%s: got %s", path, got)
		}
	}
	b := s.signedIn("a")
	tab := l.open(b, fmt.Sprintf("/link/live?v=%d", b.document().Version))
	tab.hears("hello")

	s.people.set(user{ID: "a", Inactive: true}) // in the app's own table: only a sweep finds out
	r.resync(t)
	tab.hears("session-ended") // and by then every key was announced
	tab.closes(1008)
	for path, view := range views {
		if err := view.WriteJSON(map[string]string{"text": "still here"}); err != nil {
			t.Fatal(err)
		}
		if got := view.frame(); !strings.Contains(got, "still here") {
			t.Errorf("%s: got %s", path, got)
		}
	}
}

// The sweep runs in the background, where nobody else would catch a panic of the app.
func TestSweepSurvivesAPanicOfActive(t *testing.T) {
	var r resyncing
	var panics, panicked atomic.Bool
	s := newSite(t, resyncStore(&r), func(c *config) {
		c.Active = func(u user) bool {
			if panics.Load() {
				panicked.Store(true)
				panic("a bug of the app")
			}
			return !u.Inactive
		}
	})
	l := s.listen()
	b := s.signedIn("a", "b")
	tab := l.open(b, fmt.Sprintf("/link/live?v=%d", b.document().Version))
	tab.hears("hello")

	panics.Store(true)
	r.resync(t)
	eventually(t, "the sweep asks Active", panicked.Load)
	panics.Store(false)
	b.acts(t, "b", "a") // nobody was taken out of action by it

	s.people.set(user{ID: "b", Inactive: true})
	r.resync(t)
	tab.hears("session-changed")
	if d := b.document(); d.Current != nil {
		t.Errorf("got %+v", d)
	}
}
