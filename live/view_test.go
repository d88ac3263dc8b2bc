package live_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"html"
	"html/template"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fasthttp/websocket"
	"github.com/gofiber/fiber/v2"

	"github.com/multiaccount-go/multiaccount/live"
)

// board is a view: notes of one person, which all tabs of that person show.
type board struct {
	w     *views
	owner string
}

type person string

type views struct {
	*world
	mu    sync.Mutex
	notes map[string][]string

	guard    func(e live.Event) error
	hook     func(c *fiber.Ctx, s *live.Socket) error
	event    func(ctx context.Context, s *live.Socket, e live.Event) error
	executed atomic.Int64
}

func (b *board) Mount(_ context.Context, s *live.Socket) error {
	p, ok := live.Value[person](s)
	if !ok {
		return errors.New("nobody is assigned")
	}
	b.owner = string(p)
	s.Subscribe("notes:" + b.owner)
	return nil
}

func (b *board) Event(ctx context.Context, s *live.Socket, e live.Event) error {
	b.w.executed.Add(1)
	if b.w.event != nil {
		if err := b.w.event(ctx, s, e); err != nil {
			return err
		}
	}
	b.w.mu.Lock()
	b.w.notes[b.owner] = append(b.w.notes[b.owner], e.Get("text"))
	b.w.mu.Unlock()
	return b.w.hub.Publish(ctx, "notes:"+b.owner, []byte(e.Get("text")))
}

func (b *board) Info(_ context.Context, s *live.Socket, m live.Message) error {
	if string(m.Payload) == "all" || m.Missed {
		s.Redraw()
		return nil
	}
	return s.Push(template.HTML(`<ul id="notes" hx-swap-oob="beforeend"><li>` + html.EscapeString(string(m.Payload)) + `</li></ul>`))
}

func (b *board) Render(_ context.Context, _ *live.Socket, w io.Writer) error {
	b.w.mu.Lock()
	defer b.w.mu.Unlock()
	_, err := fmt.Fprintf(w, `<p>%s</p><ul id="notes">`, b.owner)
	for _, n := range b.w.notes[b.owner] {
		fmt.Fprintf(w, "<li>%s</li>", html.EscapeString(n))
	}
	_, _ = io.WriteString(w, "</ul>")
	return err
}

func newViews(t testing.TB, cfg live.HubConfig) *views {
	t.Helper()
	w := &views{world: newWorld(t, cfg), notes: make(map[string][]string)}
	w.app.All("/live/:who", live.New(func() live.View { return &board{w: w} }, live.Config{
		Hub: w.hub,
		OnConnect: []live.Hook{{Name: "person", Connect: func(c *fiber.Ctx, s *live.Socket) error {
			who := strings.Clone(c.Params("who"))
			live.Assign(s, person(who))
			w.mu.Lock()
			now := w.world.truth[key(who)]
			w.mu.Unlock()
			s.Follow(w.subject(key(who), now.Generation, now.Version))
			s.Guard(func(_ context.Context, e live.Event) error {
				if w.guard != nil {
					return w.guard(e)
				}
				return nil
			})
			if w.hook != nil {
				return w.hook(c, s)
			}
			return nil
		}}},
		Page: func(c *fiber.Ctx, _ *live.Socket, body template.HTML) error {
			return c.Type("html").SendString("<main>" + string(body) + "</main>")
		},
	}))
	return w
}

func (w *views) open(who string) *client {
	w.t.Helper()
	c, code := w.dial("/live/" + who)
	if c == nil {
		w.t.Fatalf("handshake: status %d", code)
	}
	return c
}

func (c *client) event(fields string) {
	c.t.Helper()
	if err := c.WriteMessage(websocket.TextMessage, []byte(fields)); err != nil {
		c.t.Fatal(err)
	}
}

func (c *client) expectText(part string) {
	c.t.Helper()
	if text := c.text(); !strings.Contains(text, part) {
		c.t.Fatalf("got %s, want %q in it", text, part)
	}
}

func get(t testing.TB, url string, header ...string) (int, http.Header, string) {
	t.Helper()
	r, _ := http.NewRequest("GET", url, nil)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	defer client.CloseIdleConnections()
	resp, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, _ := io.ReadAll(resp.Body)
	return resp.StatusCode, resp.Header, string(b)
}

func TestViewIsOnePageInManyTabs(t *testing.T) {
	w := newViews(t, live.HubConfig{})
	w.listen()
	w.set(state("alice", 1, 1))
	w.set(state("bob", 1, 1))
	w.notes["alice"] = []string{"<milk>"}
	code, header, body := get(t, "http://"+w.addr+"/live/alice")
	before, after, _ := strings.Cut(body, ` data-live="`)
	if _, after, _ = strings.Cut(after, `"`); code != 200 || before != `<main><div id="live"` || after != ` data-live-reconnecting="Reconnecting…" hx-ext="ws"`+
		` data-ws-connect="/live/alice" hx-ws:connect="/live/alice"><p>alice</p><ul id="notes"><li>&lt;milk&gt;</li></ul></div></main>` {
		t.Errorf("page: %d %s", code, body)
	}
	if header.Get("Cache-Control") != "no-store" {
		t.Errorf("page may be cached: %v", header)
	}
	a1, a2, b := w.open("alice"), w.open("alice"), w.open("bob")
	for _, c := range []*client{a1, a2} {
		c.expectText(`<div id="live" hx-swap-oob="innerHTML"><p>alice</p><ul id="notes"><li>&lt;milk&gt;`)
	}
	b.expectText("<p>bob</p>")
	a1.event(`{"text":"eggs","HEADERS":{"HX-Request":"true","HX-Trigger-Name":null}}`)
	a1.expectText("<li>eggs</li>")
	a2.expectText("<li>eggs</li>")
	a2.event(`{"text":["flour","x"],"headers":{"HX-Request":"true"}}`)
	a1.expectText("<li>flour</li>")
	a2.expectText("<li>flour</li>")
	if err := w.hub.Publish(context.Background(), "notes:bob", []byte("for bob")); err != nil {
		t.Fatal(err)
	}
	b.expectText("for bob") // and nothing of alice's came before it
	_ = w.hub.Publish(context.Background(), "notes:alice", []byte("all"))
	a1.expectText("<li>&lt;milk&gt;</li><li>eggs</li><li>flour</li></ul></div>")
}

// After a change the view's socket says so, closes, and neither executes nor sends anything of the old account.
func TestViewEndsWithTheChange(t *testing.T) {
	w := newViews(t, live.HubConfig{})
	w.listen()
	w.set(state("alice", 1, 1))
	inside, leave := make(chan struct{}), make(chan struct{})
	var push error
	w.event = func(_ context.Context, s *live.Socket, e live.Event) error {
		close(inside)
		<-leave
		push = s.Push(`<p id="x" hx-swap-oob="true">secret of alice</p>`)
		return push
	}
	c := w.open("alice")
	c.expectText("alice")
	c.event(`{"text":"one"}`)
	<-inside
	go func() { // waits behind the first, or comes when all is over
		_ = c.WriteMessage(websocket.TextMessage, []byte(`{"text":"two"}`))
	}()
	w.hub.Announce(state("alice", 2, 1)) // same generation: a view goes all the same
	close(leave)
	c.expect("session-changed", 2)
	if code := c.closed(); code != 1012 {
		t.Errorf("closed with %d, want 1012", code)
	}
	eventually(t, "the socket is gone", func() bool { return w.hub.Active() == 0 })
	if n := w.executed.Load(); n != 1 {
		t.Errorf("%d events were executed, want 1", n)
	}
	if push == nil {
		t.Error("Push reported success")
	}
}

// No event is executed once Announce has returned, not even one that all guards have let pass before.
func TestNoEventAfterTheAnnouncement(t *testing.T) {
	w := newViews(t, live.HubConfig{})
	w.guard = func(e live.Event) error {
		if e.Get("text") == "late" {
			w.hub.Announce(state("alice", 2, 1))
		}
		return nil
	}
	w.listen()
	w.set(state("alice", 1, 1))
	c := w.open("alice")
	c.expectText("alice")
	c.event(`{"text":"in time"}`)
	c.expectText("in time")
	c.event(`{"text":"late"}`)
	c.expect("session-changed", 2)
	if code := c.closed(); code != 1012 {
		t.Errorf("closed with %d, want 1012", code)
	}
	if n := w.executed.Load(); n != 1 {
		t.Errorf("%d events were executed, want 1", n)
	}
}

func TestChangeBetweenHookAndMount(t *testing.T) {
	w := newViews(t, live.HubConfig{})
	w.listen()
	w.set(state("alice", 1, 1))
	w.world.pause = func() { w.set(state("alice", 2, 2)) }
	c := w.open("alice")
	c.expect("session-changed", 2)
	if code := c.closed(); code != 1012 {
		t.Errorf("closed with %d, want 1012", code)
	}
}

func TestGuards(t *testing.T) {
	for name, c := range map[string]struct {
		err   error
		first string // what the browser is told
		want  int    // close code; 0: open
	}{
		"a refusal may leave the socket open": {&live.Refusal{Payload: []byte(`{"type":"refused"}`)}, "refused", 0},
		"a refusal may close it":              {&live.Refusal{Payload: []byte(`{"type":"stale"}`), Close: 1012}, "stale", 1012},
		"any other error is our fault":        {errors.New("the password is hunter2"), "Something went wrong here.", 1011},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newViews(t, live.HubConfig{})
			w.guard = func(e live.Event) error {
				if e.Get("_stamp") != "good" {
					return c.err
				}
				return nil
			}
			w.listen()
			w.set(state("alice", 1, 1))
			tab := w.open("alice")
			tab.expectText("alice")
			tab.event(`{"text":"evil","_stamp":"bad"}`)
			if c.first != "" {
				tab.expectText(c.first)
			}
			if c.want == 0 {
				tab.event(`{"text":"fine","_stamp":"good"}`)
				tab.expectText("fine")
			} else if code := tab.closed(); code != c.want {
				t.Errorf("closed with %d, want %d", code, c.want)
			}
			if strings.Contains(fmt.Sprint(w.notes["alice"]), "evil") {
				t.Error("a refused event was executed")
			}
		})
	}
}

func TestMessagesThatAreNoEvents(t *testing.T) {
	for name, c := range map[string]struct {
		kind int
		text string
		want int
	}{
		"binary":         {websocket.BinaryMessage, "{}", 1003},
		"no UTF-8":       {websocket.TextMessage, "{\"text\":\"\xff\"}", 1007},
		"no JSON":        {websocket.TextMessage, "hello", 1008},
		"no object":      {websocket.TextMessage, "[]", 1008},
		"null":           {websocket.TextMessage, "null", 1008},
		"a nested value": {websocket.TextMessage, `{"text":{"a":"b"}}`, 1008},
		"a mixed list":   {websocket.TextMessage, `{"text":["a",null]}`, 1008},
		"a deep nesting": {websocket.TextMessage, `{"a":` + strings.Repeat("[", 12000), 1008},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newViews(t, live.HubConfig{})
			w.listen()
			w.set(state("alice", 1, 1))
			tab := w.open("alice")
			tab.expectText("alice")
			_ = tab.WriteMessage(c.kind, []byte(c.text))
			if code := tab.closed(); code != c.want {
				t.Errorf("closed with %d, want %d", code, c.want)
			}
			if w.executed.Load() != 0 {
				t.Error("it was executed")
			}
		})
	}
}

func TestPanicInAViewEndsThatViewOnly(t *testing.T) {
	var log lockedBuffer
	w := newViews(t, live.HubConfig{Log: slog.New(slog.NewTextHandler(&log, nil))})
	w.event = func(_ context.Context, _ *live.Socket, e live.Event) error {
		if e.Get("text") == "boom" {
			panic("the password is hunter2")
		}
		return nil
	}
	w.listen()
	w.set(state("alice", 1, 1))
	a, b := w.open("alice"), w.open("alice")
	a.expectText("alice")
	b.expectText("alice")
	a.event(`{"text":"boom"}`)
	a.expectText(`{"type":"failed","message":"Something went wrong here. It is not your fault`)
	if code := a.closed(); code != 1011 {
		t.Errorf("closed with %d, want 1011", code)
	}
	b.event(`{"text":"fine"}`)
	b.expectText("fine")
	if !strings.Contains(log.String(), "hunter2") {
		t.Error("the log does not tell")
	}
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func TestSlowPeersAndSlowViews(t *testing.T) {
	w := newViews(t, live.HubConfig{Limits: live.Limits{WriteTimeout: 10 * time.Second}})
	big := template.HTML(`<p id="x" hx-swap-oob="true">` + strings.Repeat("x", 200<<10) + `</p>`)
	result := make(chan error, 1)
	w.event = func(_ context.Context, s *live.Socket, e live.Event) error {
		var err error
		for range 200 {
			if err = s.Push(big); err != nil {
				break
			}
		}
		result <- err
		return err
	}
	w.listen()
	w.set(state("alice", 1, 1))
	c := w.open("alice")
	c.expectText("alice")
	c.event(`{"text":"x"}`)
	if err := <-result; !errors.Is(err, live.ErrSlow) {
		t.Errorf("got %v, want ErrSlow", err)
	}
	start := time.Now()
	eventually(t, "the socket is gone", func() bool { return w.hub.Active() == 0 })
	if took := time.Since(start); took > 2*time.Second {
		t.Errorf("took %v, want at most 2s", took)
	}

	inside, leave := make(chan struct{}), make(chan struct{})
	w.event = func(context.Context, *live.Socket, live.Event) error { close(inside); <-leave; return nil }
	c = w.open("alice")
	c.expectText("alice")
	c.event(`{"text":"x"}`)
	<-inside
	for range 100 {
		_ = w.hub.Publish(context.Background(), "notes:alice", []byte("news"))
	}
	if code := c.closed(); code != 1013 {
		t.Errorf("closed with %d, want 1013", code)
	}
	close(leave)
}

func TestHooks(t *testing.T) {
	w := newViews(t, live.HubConfig{})
	w.listen()
	w.set(state("alice", 1, 1))
	url := "http://" + w.addr + "/live/alice"
	for name, c := range map[string]struct {
		hook   func(*fiber.Ctx, *live.Socket) error
		page   int
		socket int
	}{
		"halt with a status":      {func(*fiber.Ctx, *live.Socket) error { return &live.Halt{Status: 401} }, 401, 401},
		"halt without anything":   {func(*fiber.Ctx, *live.Socket) error { return &live.Halt{} }, 403, 403},
		"halt with a redirect":    {func(*fiber.Ctx, *live.Socket) error { return &live.Halt{Redirect: "/in"} }, 303, 401},
		"another error":           {func(*fiber.Ctx, *live.Socket) error { return fiber.ErrTeapot }, 418, 418},
		"a panic":                 {func(*fiber.Ctx, *live.Socket) error { panic("hunter2") }, 503, 503},
		"an error without status": {func(*fiber.Ctx, *live.Socket) error { return errors.New("database away") }, 500, 503},
		"following a second time": {func(_ *fiber.Ctx, s *live.Socket) error { s.Follow(live.Subject{}); return nil }, 500, 500},
	} {
		w.hook = c.hook
		if code, _, body := get(t, url); code != c.page || strings.Contains(body, "hunter2") {
			t.Errorf("%s: page %d %s, want %d", name, code, body, c.page)
		}
		if _, code := w.dial("/live/alice"); code != c.socket {
			t.Errorf("%s: socket %d, want %d", name, code, c.socket)
		}
	}
	w.hook = func(*fiber.Ctx, *live.Socket) error { return &live.Halt{Redirect: "/in"} }
	if code, header, _ := get(t, url, "HX-Request", "true"); code != 204 || header.Get("HX-Redirect") != "/in" {
		t.Errorf("htmx: %d %v", code, header)
	}
	w.hook = func(*fiber.Ctx, *live.Socket) error { t.Error("a hook ran for a foreign origin"); return nil }
	if _, code := w.dial("/live/alice", "Origin", "http://evil.test"); code != 403 {
		t.Errorf("foreign origin: status %d, want 403", code)
	}
}

func TestConfigurationMistakesAreReportedTogether(t *testing.T) {
	hook := live.Hook{Name: "a", Connect: func(*fiber.Ctx, *live.Socket) error { return nil }}
	defer func() {
		text := fmt.Sprint(recover())
		for _, want := range []string{"newView", "such as hooks.LoadAccounts(accounts)", "Page is", `ID is "1"`, `"a" is attached twice`, `"b" has no Connect`, "hook 4 has no name"} {
			if !strings.Contains(text, want) {
				t.Errorf("%q misses %q", text, want)
			}
		}
	}()
	live.New(nil, live.Config{ID: "1", OnConnect: []live.Hook{hook, hook, {Name: "b"}, {Connect: hook.Connect}}})
}

// What a hook follows is announced by its own hub, so a view has to be on that one.
func TestHooksBringTheirHub(t *testing.T) {
	one, other := live.NewHub(live.HubConfig{}), live.NewHub(live.HubConfig{})
	page := func(c *fiber.Ctx, _ *live.Socket, _ template.HTML) error { return c.SendStatus(fiber.StatusNoContent) }
	hook := live.Hook{Name: "a", Hub: one, Connect: func(*fiber.Ctx, *live.Socket) error { return nil }}
	view := func() live.View { return &board{} }
	live.New(view, live.Config{OnConnect: []live.Hook{hook}, Page: page})
	defer func() {
		if text := fmt.Sprint(recover()); !strings.Contains(text, `hook "a" belongs to another hub`) {
			t.Errorf("got %s", text)
		}
	}()
	live.New(view, live.Config{Hub: other, OnConnect: []live.Hook{hook}, Page: page})
}

func TestLimitsAreReportedTogether(t *testing.T) {
	if err := (live.Limits{}).Validate(); err != nil {
		t.Errorf("defaults: %v", err)
	}
	err := live.Limits{Sockets: -1, SocketsPerKey: -1, MessagesPerSecond: -1, Burst: -1, MaxMessage: -1, WriteTimeout: -1, PingEvery: 1, PongTimeout: 1}.Validate()
	for _, want := range []string{"Sockets is", "SocketsPerKey", "MessagesPerSecond", "Burst", "MaxMessage", "WriteTimeout", "PingEvery", "PongTimeout"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v misses %s", err, want)
		}
	}
}

// loop is a bus that breaks once.
type loop struct {
	mu     sync.Mutex
	broken bool
	fn     func(string, []byte)
	ready  chan struct{}
}

func (l *loop) Publish(_ context.Context, topic string, payload []byte) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.fn(topic, payload)
	return nil
}

func (l *loop) Subscribe(ctx context.Context, fn func(string, []byte)) error {
	l.mu.Lock()
	first := !l.broken
	l.broken, l.fn = true, fn
	l.mu.Unlock()
	if first {
		return errors.New("connection lost")
	}
	close(l.ready)
	<-ctx.Done()
	return ctx.Err()
}

func TestBus(t *testing.T) {
	bus := &loop{ready: make(chan struct{})}
	w := newViews(t, live.HubConfig{Bus: bus})
	w.listen()
	w.set(state("alice", 1, 1))
	c := w.open("alice")
	c.expectText("alice")
	<-bus.ready
	if err := w.hub.Publish(context.Background(), "notes:alice", []byte("by bus")); err != nil {
		t.Fatal(err)
	}
	c.expectText("by bus")
}
