package live_test

import (
	"context"
	"errors"
	"fmt"
	"html/template"
	"io"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/multiaccount-go/multiaccount/live"
)

// diary is a view that notes which of its methods were called.
type diary struct {
	w     *diaries
	page  string
	lines []string
}

type diaries struct {
	*world
	mu        sync.Mutex
	calls     []string
	mount     func(s *live.Socket) error
	event     func(s *live.Socket, e live.Event) error
	unmounted atomic.Int64
	rendered  atomic.Int64
}

func (w *diaries) note(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.calls = append(w.calls, fmt.Sprintf(format, args...))
}

func (w *diaries) noted() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	defer func() { w.calls = nil }()
	return strings.Join(w.calls, " ")
}

func (d *diary) Mount(_ context.Context, s *live.Socket) error {
	d.w.note("mount:%v:%s", s.Connected(), s.Route("room"))
	s.Subscribe("room:" + s.Route("room"))
	if d.w.mount != nil {
		return d.w.mount(s)
	}
	return nil
}

func (d *diary) Params(_ context.Context, s *live.Socket, params url.Values) error {
	d.page = params.Get("page")
	d.w.note("params:%s", params.Encode())
	if d.page == "broken" {
		return errors.New("no such page")
	}
	return nil
}

func (d *diary) Event(_ context.Context, s *live.Socket, e live.Event) error {
	if d.w.event != nil {
		return d.w.event(s, e)
	}
	d.lines = append(d.lines, e.Get("text"))
	s.Redraw()
	return nil
}

func (d *diary) Info(ctx context.Context, s *live.Socket, m live.Message) error {
	html, err := m.Once(ctx, "line", func(context.Context) (template.HTML, error) {
		d.w.rendered.Add(1)
		return template.HTML(`<p id="news">` + template.HTMLEscapeString(string(m.Payload)) + `</p>`), nil
	})
	d.w.note("info")
	return errors.Join(err, s.Push(html))
}

func (d *diary) Render(_ context.Context, s *live.Socket, w io.Writer) error {
	_, err := fmt.Fprintf(w, `<h2 id="at">%s</h2><p id="news"></p><ul id="lines">`, template.HTMLEscapeString(s.URL()))
	for i, line := range d.lines {
		_, _ = fmt.Fprintf(w, `<li id="line-%d">%s</li>`, i, line)
	}
	_, _ = io.WriteString(w, "<li>end</li></ul>")
	return err
}

func (d *diary) Unmount(ctx context.Context, s *live.Socket) {
	d.w.note("unmount:%v", ctx.Err())
	d.w.unmounted.Add(1)
}

func newDiaries(t testing.TB, limits live.Limits) *diaries {
	t.Helper()
	w := &diaries{world: newWorld(t, live.HubConfig{Limits: limits})}
	w.app.Get("/rooms/:room", live.New(func() live.View { return &diary{w: w} }, live.Config{
		Hub: w.hub,
		Page: func(c *fiber.Ctx, _ *live.Socket, body template.HTML) error {
			return c.SendString("<main>" + string(body) + "</main>")
		},
	}))
	w.listen()
	return w
}

func (w *diaries) open(path string) *client {
	w.t.Helper()
	c, code := w.dial(path)
	if c == nil {
		w.t.Fatalf("handshake: status %d", code)
	}
	return c
}

func (w *diaries) expectCalls(want string) {
	w.t.Helper()
	var got string
	eventually(w.t, "calls: "+want, func() bool { got += " " + w.noted(); return strings.TrimSpace(got) == want })
}

func TestLifeOfAView(t *testing.T) {
	w := newDiaries(t, live.Limits{})
	code, header, body := get(t, "http://"+w.addr+"/rooms/7?page=2&x=%22%3C&_live=1")
	for _, want := range []string{
		`<main><div id="live" data-live="`, `data-ws-connect="/rooms/7?page=2&amp;x=%22%3C"`,
		`hx-ws:connect="/rooms/7?page=2&amp;x=%22%3C"`, `<h2 id="at">/rooms/7?page=2&amp;x=%22%3C</h2>`,
	} {
		if code != 200 || !strings.Contains(body, want) {
			t.Errorf("page: %d %s misses %s", code, body, want)
		}
	}
	if vary := header.Get("Vary"); !strings.Contains(vary, "HX-Request") || !strings.Contains(vary, "Cookie") {
		t.Errorf("Vary: %q", vary)
	}
	w.expectCalls("mount:false:7 params:page=2&x=%22%3C")

	c := w.open("/rooms/7?page=2")
	c.expectText(`<div id="live" hx-swap-oob="innerHTML"><h2 id="at">/rooms/7?page=2</h2>`)
	w.expectCalls("mount:true:7 params:page=2")

	c.event(`{"_params":"/rooms/7?page=3","_push":"true"}`)
	c.expectText(`/rooms/7?page=3</h2>`)
	c.expectText(`{"type":"navigated","url":"/rooms/7?page=3","push":true}`)
	w.expectCalls("params:page=3")
	c.event(`{"_params":"/rooms/7"}`) // the back button
	c.expectText(`/rooms/7</h2>`)
	c.expectText(`{"type":"navigated","url":"/rooms/7"}`)
	w.expectCalls("params:")

	_ = c.Close()
	w.expectCalls("unmount:<nil>")
}

// What a page of this view never sends must not lead the server or the browser anywhere.
func TestNavigationStaysInsideTheView(t *testing.T) {
	w := newDiaries(t, live.Limits{})
	for _, to := range []string{
		"/rooms/8", "//evil.test/rooms/7", "https://evil.test/rooms/7", `/\evil.test`, "javascript:alert(1)", "/rooms/7%2f..",
		"/rooms/7?%zz", "/rooms/7?" + strings.Repeat("x", 5000), "", "?page=1", "/rooms/7/../8",
	} {
		c := w.open("/rooms/7")
		c.expectText("/rooms/7")
		c.event(fmt.Sprintf(`{"_params":%q}`, to))
		if code := c.closed(); code != 1008 {
			t.Errorf("%.40q: closed with %d, want 1008", to, code)
		}
		w.noted()
	}
}

func TestViewLeadsElsewhere(t *testing.T) {
	w := newDiaries(t, live.Limits{})
	w.event = func(s *live.Socket, e live.Event) error {
		switch to := e.Get("to"); e.Name() {
		case "navigate":
			s.Navigate(to)
		case "redirect":
			return s.Redirect(to)
		}
		return nil
	}
	for name, tc := range map[string]struct{ event, to, want string }{
		"inside":                {"navigate", "/rooms/7?page=9", `{"type":"navigated","url":"/rooms/7?page=9","push":true}`},
		"to another page":       {"navigate", "/elsewhere?x=1", `{"type":"redirect","url":"/elsewhere?x=1"}`},
		"by leaving":            {"redirect", "/rooms/7", `{"type":"redirect","url":"/rooms/7"}`},
		"not to another site":   {"redirect", "//evil.test", `"failed"`},
		"not by a backslash":    {"redirect", `/\evil.test`, `"failed"`},
		"not by a line break":   {"redirect", "/\n/evil.test", `"failed"`},
		"not by a scheme":       {"navigate", "javascript:alert(1)", `"failed"`},
		"not by another origin": {"navigate", "https://evil.test/rooms/7", `"failed"`},
	} {
		t.Run(name, func(t *testing.T) {
			c := w.open("/rooms/7")
			c.expectText("/rooms/7")
			c.event(fmt.Sprintf(`{"_event":%q,"to":%q}`, tc.event, tc.to))
			text := c.text()
			if strings.HasPrefix(text, "<") { // the view at its new address
				text = c.text()
			}
			if !strings.Contains(text, tc.want) {
				t.Errorf("got %s, want %s", text, tc.want)
			}
		})
	}
	t.Run("by Mount of a socket", func(t *testing.T) {
		w.mount = func(s *live.Socket) error { return &live.Halt{Redirect: "/in"} }
		c := w.open("/rooms/7")
		c.expectText(`{"type":"redirect","url":"/in"}`)
		if code := c.closed(); code != 1008 {
			t.Errorf("closed with %d, want 1008", code)
		}
		if code, header, _ := get(t, "http://"+w.addr+"/rooms/7"); code != 303 || header.Get("Location") != "/in" {
			t.Errorf("page: %d %v", code, header)
		}
	})
}

// Without a socket or a script, htmx fetches the view alone.
func TestLinkInsideAViewIsAnswered(t *testing.T) {
	w := newDiaries(t, live.Limits{})
	for name, tc := range map[string]struct {
		header []string
		alone  bool
	}{
		"htmx 2":                 {[]string{"HX-Request", "true", "HX-Target", "live"}, true},
		"htmx 4":                 {[]string{"HX-Request", "true", "HX-Target", "div#live"}, true},
		"another target":         {[]string{"HX-Request", "true", "HX-Target", "main"}, false},
		"no htmx":                {[]string{"HX-Target", "live"}, false},
		"a history that is back": {[]string{"HX-Request", "true", "HX-Target", "live", "HX-History-Restore-Request", "true"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			code, header, body := get(t, "http://"+w.addr+"/rooms/7?page=4", tc.header...)
			if code != 200 || strings.HasPrefix(body, "<main>") == tc.alone || !strings.Contains(body, "/rooms/7?page=4</h2>") {
				t.Errorf("%d %s", code, body)
			}
			if push := header.Get("HX-Push-Url"); (push == "/rooms/7?page=4") != tc.alone {
				t.Errorf("HX-Push-Url: %q", push)
			}
		})
	}
}

// A page that is fresh does not get sent what it shows already; one whose server draws something else does.
func TestFreshPageIsNotDrawnTwice(t *testing.T) {
	w := newDiaries(t, live.Limits{})
	_, _, body := get(t, "http://"+w.addr+"/rooms/7")
	_, drawn, _ := strings.Cut(body, `data-live="`)
	drawn, _, _ = strings.Cut(drawn, `"`)
	c := w.open("/rooms/7?_live=" + drawn)
	c.event(`{"text":"first"}`)
	if text := c.text(); strings.Contains(text, `id="at"`) || !strings.Contains(text, "first") {
		t.Errorf("got %s, want the line alone", text)
	}
	c = w.open("/rooms/7?_live=0123456789abcdef")
	c.expectText(`id="at"`)
}

func TestHundredTabsAreDrawnOnce(t *testing.T) {
	w := newDiaries(t, live.Limits{})
	const tabs = 100
	clients := make([]*client, tabs)
	for i := range clients {
		clients[i] = w.open("/rooms/7")
		clients[i].expectText("/rooms/7")
	}
	for change := range 3 {
		if err := w.hub.Publish(t.Context(), "room:7", []byte{'a' + byte(change)}); err != nil {
			t.Fatal(err)
		}
		for _, c := range clients {
			c.expectText(string([]byte{'a' + byte(change)}))
		}
		if n := w.rendered.Load(); n != int64(change+1) {
			t.Fatalf("%d renderings after %d changes", n, change+1)
		}
	}
}

func TestOnce(t *testing.T) {
	hub := live.NewHub(live.HubConfig{})
	t.Cleanup(func() { _ = hub.Close(context.Background()) })
	msg := live.MessageFor("t", nil)
	fail := errors.New("store down")
	if _, err := msg.Once(t.Context(), "a", func(context.Context) (template.HTML, error) { return "", fail }); !errors.Is(err, fail) {
		t.Errorf("got %v", err)
	}
	func() {
		defer func() { _ = recover() }()
		_, _ = msg.Once(t.Context(), "a", func(context.Context) (template.HTML, error) { panic("boom") })
	}()
	inside, leave := make(chan struct{}), make(chan struct{})
	var drawn atomic.Int64
	draw := func(context.Context) (template.HTML, error) {
		if drawn.Add(1) == 1 {
			close(inside)
			<-leave
			return "", fail
		}
		return "fine", nil
	}
	first := make(chan error, 1)
	go func() { _, err := msg.Once(t.Context(), "a", draw); first <- err }()
	<-inside
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := msg.Once(gone, "a", draw); !errors.Is(err, context.Canceled) {
		t.Errorf("a view that has ended waits: %v", err)
	}
	var wg sync.WaitGroup
	for range 10 {
		wg.Go(func() {
			if html, err := msg.Once(t.Context(), "a", draw); html != "fine" || err != nil {
				t.Errorf("got %q, %v: somebody else's error", html, err)
			}
		})
	}
	close(leave)
	wg.Wait()
	if err := <-first; !errors.Is(err, fail) || drawn.Load() != 2 {
		t.Errorf("got %v after %d drawings, want its own error after 2", err, drawn.Load())
	}
	if html, _ := msg.Once(t.Context(), "b", func(context.Context) (template.HTML, error) { return "b", nil }); html != "b" {
		t.Errorf("another key got %q", html)
	}
}

// A view that is busy looks again once, at the newest state, however often it was told to.
func TestLookAgainWaitsOnce(t *testing.T) {
	w := newDiaries(t, live.Limits{})
	inside, leave := make(chan struct{}), make(chan struct{})
	w.event = func(*live.Socket, live.Event) error { close(inside); <-leave; return nil }
	c := w.open("/rooms/7")
	c.expectText("/rooms/7")
	c.event(`{"text":"x"}`)
	<-inside
	w.noted()
	for range 1000 {
		_ = w.hub.Publish(t.Context(), "room:7", nil)
	}
	_ = w.hub.Publish(t.Context(), "room:7", []byte("last"))
	close(leave)
	for !strings.Contains(c.text(), "last") {
	}
	if calls := w.noted(); calls != "info info" {
		t.Errorf("calls %q, want two", calls)
	}
}

// The browsers of many tabs are sent away one after the other, within the time that there is.
func TestCloseDrains(t *testing.T) {
	const tabs = 200
	w := newDiaries(t, live.Limits{})
	codes := make(chan time.Time, tabs)
	for range tabs {
		c := w.open("/rooms/7")
		c.expectText("/rooms/7")
		go func() {
			if code := c.closed(); code != 1012 {
				t.Errorf("closed with %d, want 1012", code)
			}
			codes <- time.Now()
		}()
	}
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Second)
	defer cancel()
	if err := w.hub.Close(ctx); err != nil {
		t.Fatalf("Close does not keep within its time: %v", err)
	}
	first := <-codes
	var last time.Time
	for range tabs - 1 {
		last = <-codes
	}
	if spread := last.Sub(first); spread < 300*time.Millisecond {
		t.Errorf("all were sent away within %v", spread)
	}
}
