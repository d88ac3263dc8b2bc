package multiaccount_test

import (
	"context"
	"errors"
	"fmt"
	"html/template"
	"io"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/gofiber/fiber/v2"

	"github.com/multiaccount-go/multiaccount/account"
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

// swept is a store whose answer to a sweep a test decides.
type swept struct {
	*resyncing
	asked  atomic.Int64
	answer atomic.Pointer[func() ([]*account.Session, error)] // nil: the true one
}

func (s *swept) LoadMany(ctx context.Context, ids []account.SessionID) ([]*account.Session, error) {
	s.asked.Add(1)
	if answer := s.answer.Load(); answer != nil {
		return (*answer)()
	}
	return s.resyncing.LoadMany(ctx, ids)
}

func sweptStore(r *swept) func(*config) {
	return func(c *config) {
		r.resyncing = new(resyncing)
		resyncStore(r.resyncing)(c)
		c.Store = r
	}
}

// A store that has just come back may tell its watchers before it answers everybody. Tabs do not wait for the next regular
// sweep then.
func TestASweepThatFailedIsMadeAgainSoon(t *testing.T) {
	var r swept
	s := newSite(t, sweptStore(&r))
	l := s.listen()
	b := s.signedIn("a")
	tab := l.open(b, fmt.Sprintf("/link/live?v=%d", b.document().Version))
	tab.hears("hello")
	s.people.set(user{ID: "a", Inactive: true})
	fails := func() ([]*account.Session, error) { return nil, errors.New("not yet") }
	r.answer.Store(&fails)
	before := r.asked.Load()
	r.resync(t)
	eventually(t, "the sweep asks the store twice", func() bool { return r.asked.Load() > before+1 })
	r.answer.Store(nil)
	tab.hears("session-ended")
}

// A store that can be behind what it has acknowledged: a replica that took over.
func TestTabsLookWhenTheStoreIsBehindWhatTheyWereTold(t *testing.T) {
	var r swept
	s := newSite(t, sweptStore(&r))
	l := s.listen()
	b := s.signedIn("a", "b")
	cookie, err := account.ParseCookie(b.cookie())
	if err != nil {
		t.Fatal(err)
	}
	old, err := r.Load(t.Context(), cookie.ID)
	if err != nil {
		t.Fatal(err)
	}
	if a := b.do("POST", "/link/switch_to/a", program, stamped(b.stamp())); a.Status >= 400 {
		t.Fatalf("switch: %d", a.Status)
	}
	tab := l.open(b, fmt.Sprintf("/link/live?v=%d", b.document().Version))
	tab.hears("hello")
	behind := func() ([]*account.Session, error) { return []*account.Session{old.Clone()}, nil }
	r.answer.Store(&behind)
	r.resync(t)
	tab.hears("session-changed")
}
