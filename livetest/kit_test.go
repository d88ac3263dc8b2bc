package livetest_test

import (
	"bytes"
	"context"
	"fmt"
	"html/template"
	"io"
	"log/slog"
	"net/url"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/multiaccount-go/multiaccount"
	"github.com/multiaccount-go/multiaccount/account"
	"github.com/multiaccount-go/multiaccount/hooks"
	"github.com/multiaccount-go/multiaccount/live"
	"github.com/multiaccount-go/multiaccount/livetest"
)

// TestMain fails when this package leaves a goroutine behind.
func TestMain(m *testing.M) {
	code := m.Run()
	for end := time.Now().Add(5 * time.Second); code == 0; time.Sleep(10 * time.Millisecond) {
		stacks := make([]byte, 1<<20)
		stacks = stacks[:runtime.Stack(stacks, true)]
		if !bytes.Contains(stacks, []byte("livetest.(*view)")) && !bytes.Contains(stacks, []byte("live.(*Socket")) {
			break
		}
		if time.Now().After(end) {
			fmt.Fprintf(os.Stderr, "goroutines left behind:\n%s\n", stacks)
			code = 1
		}
	}
	os.Exit(code)
}

type person struct{ ID, Name string }

// shop is a small app: everybody has a list of notes, which all his tabs show.
type shop struct {
	app      *fiber.App
	accounts *multiaccount.Plugin[person]

	mu    sync.Mutex
	next  int
	notes map[string][]note // by account
}

type note struct {
	ID   int
	Text string
	Done bool
}

func newShop(t testing.TB) *shop {
	t.Helper()
	s := &shop{app: fiber.New(fiber.Config{DisableStartupMessage: true}), notes: map[string][]note{}}
	var err error
	s.accounts, err = multiaccount.New(multiaccount.Config[person]{
		Users: func(_ context.Context, ids ...string) (map[string]person, error) {
			found := map[string]person{}
			for _, id := range ids {
				found[id] = person{id, strings.ToUpper(id)}
			}
			return found, nil
		},
		Store: account.NewMemoryStore(), Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := s.accounts.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	p := s.accounts
	s.app.Use(p.Handler)
	p.Register(s.app)
	s.app.Post("/session", p.SameOrigin(), func(c *fiber.Ctx) error {
		return p.SignIn(c, strings.Clone(c.FormValue("id")), "password")
	})
	s.app.Get("/", func(c *fiber.Ctx) error { return c.SendString("home") })
	s.app.Get("/session/new", func(c *fiber.Ctx) error { return c.SendString("please sign in") })
	s.app.Get("/live", live.New(func() live.View { return &list{shop: s} }, live.Config{
		OnConnect: []live.Hook{hooks.LoadAccounts(p), hooks.RequireUser(p)},
		Page: func(c *fiber.Ctx, _ *live.Socket, body template.HTML) error {
			return c.Type("html", "utf-8").SendString("<!DOCTYPE html><html><head><title>Notes</title>" + string(p.Head(c)) +
				`</head><body><h1 id="title">Notes</h1>` + string(body) + `</body></html>`)
		},
	}))
	return s
}

func (s *shop) of(id string) []note {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]note(nil), s.notes[id]...)
}

func (s *shop) change(id string, fn func([]note) []note) error {
	s.mu.Lock()
	s.notes[id] = fn(s.notes[id])
	s.mu.Unlock()
	return s.accounts.Hub().Publish(context.Background(), "notes:"+id, nil)
}

// list is the live view.
type list struct {
	shop  *shop
	me    string
	only  string // text that notes have to have in them
	typed string
	errs  live.Errors
}

type entry struct {
	Text string `check:"required,max=20"`
}

func (v *list) Mount(_ context.Context, s *live.Socket) error {
	v.me = hooks.CurrentID(s)
	s.Subscribe("notes:" + v.me)
	return nil
}

func (v *list) Params(_ context.Context, _ *live.Socket, params url.Values) error {
	v.only = params.Get("only")
	return nil
}

func (v *list) Event(_ context.Context, s *live.Socket, e live.Event) error {
	s.Redraw()
	switch e.Name() {
	case "delete":
		return v.shop.change(v.me, func(notes []note) (kept []note) {
			for _, n := range notes {
				if fmt.Sprint(n.ID) != e.Get("note") {
					kept = append(kept, n)
				}
			}
			return kept
		})
	case "leave":
		return s.Redirect("/")
	case "find":
		s.Navigate("/live?only=" + url.QueryEscape(e.Get("only")))
		return nil
	case "fail":
		panic("the view is broken")
	}
	in, errs := live.Decode[entry](e)
	v.typed, v.errs = in.Text, errs
	if len(errs) > 0 {
		return nil
	}
	v.typed = ""
	return v.shop.change(v.me, func(notes []note) []note {
		v.shop.next++
		return append(notes, note{ID: v.shop.next, Text: in.Text})
	})
}

func (v *list) Info(_ context.Context, s *live.Socket, _ live.Message) error {
	s.Redraw()
	return nil
}

var drawing = template.Must(template.New("").Parse(`<p id="owner">{{.Owner}}</p>
<form id="note-form" {{.Send}}>{{.Stamp}}<input type="hidden" name="_event" value="add">
<input id="note-text" name="text" value="{{.Typed}}" required>
{{range $field, $problem := .Errs}}<p id="{{$field}}-error">{{$problem}}</p>{{end}}<button id="add">Add</button></form>
<form id="find-form" data-account-stamp="{{.Plain}}" {{.Send}}>
<input name="only"><button name="_event" value="find" id="find">Find</button></form>
<a id="only-eggs" href="/live?only=eggs" hx-get="/live?only=eggs" hx-target="#live" hx-swap="outerHTML" hx-push-url="true">Eggs</a>
<button id="leave" {{.Send}} hx-vals='{"_event":"leave"}'>Leave</button>
<button id="fail" {{.Send}} hx-vals='{"_event":"fail"}'>Fail</button>
<ul id="notes-list">{{range .Notes}}<li id="note-{{.ID}}">{{.Text}}
<button id="delete-{{.ID}}" {{$.Send}} hx-vals='{"_event":"delete","note":{{.ID}}}'>Delete</button></li>{{end}}</ul>`))

func (v *list) Render(_ context.Context, s *live.Socket, w io.Writer) error {
	var shown []note
	for _, n := range v.shop.of(v.me) {
		if strings.Contains(n.Text, v.only) {
			shown = append(shown, n)
		}
	}
	stamp := template.HTML(`<input type="hidden" name="_stamp" id="stamp" value="` + template.HTMLEscapeString(hooks.Stamp(s)) + `">`)
	return drawing.Execute(w, map[string]any{"Owner": v.me, "Send": live.Send, "Stamp": stamp, "Plain": hooks.Stamp(s),
		"Typed": v.typed,
		"Errs":  v.errs, "Notes": shown})
}

// signedIn is a browser in which accounts are signed in; the first is primary, the last is current.
func (s *shop) signedIn(t testing.TB, version int, ids ...string) *livetest.Browser {
	t.Helper()
	b := livetest.New(t, s.app).HTMX(version)
	for i, id := range ids {
		if i > 0 {
			b.Open("/live").Post("/link/p/"+ids[0], nil)
		}
		if a := b.Post("/session", url.Values{"id": {id}}); a.Status != 200 {
			t.Fatalf("sign in: %d %s", a.Status, a.Body)
		}
	}
	return b
}

// caught is a test that is expected to fail.
type caught struct {
	testing.TB
	mu   sync.Mutex
	text string
}

func (c *caught) note(text string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.text += text + "\n"
}

func (c *caught) Errorf(format string, args ...any) { c.note(fmt.Sprintf(format, args...)) }
func (c *caught) Fatalf(format string, args ...any) {
	c.note(fmt.Sprintf(format, args...))
	runtime.Goexit()
}
func (c *caught) Fatal(args ...any) { c.note(fmt.Sprint(args...)); runtime.Goexit() }

func (c *caught) said() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.text
}

// during runs fn as a test of its own until it ends or gives up, and returns what it complains about.
func (c *caught) during(fn func()) string {
	done := make(chan struct{})
	go func() {
		defer close(done)
		fn()
	}()
	<-done
	return c.said()
}
