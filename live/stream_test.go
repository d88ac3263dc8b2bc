package live_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/gofiber/fiber/v2/middleware/compress"
	"github.com/gofiber/fiber/v2/middleware/etag"
	"github.com/gofiber/fiber/v2/middleware/helmet"
	recoverer "github.com/gofiber/fiber/v2/middleware/recover"

	"github.com/multiaccount-go/multiaccount/live"
)

func TestStreamOfATab(t *testing.T) {
	for name, c := range map[string]func(w *world){
		"gets the hello, then what is announced": func(w *world) {
			s := w.stream("/tab/k/1/3")
			if s.id != "" {
				t.Error("a tab has an id to send events with")
			}
			s.hears("hello", 3)
			w.hub.Announce(state("k", 4, 1))
			s.hears("session-changed", 4)
		},
		"an older page is told at once": func(w *world) {
			s := w.stream("/tab/k/1/2")
			s.hears("hello", 3)
			s.hears("session-changed", 3)
		},
		"a new generation closes with 1012": func(w *world) {
			s := w.stream("/tab/k/1/3")
			s.hears("hello", 3)
			w.hub.Announce(state("k", 4, 2))
			s.hears("session-changed", 4)
			s.closes(1012)
		},
		"an end closes with 1008": func(w *world) {
			s := w.stream("/tab/k/1/3")
			s.hears("hello", 3)
			w.hub.Announce(ended("k", 4))
			s.hears("session-ended", 4)
			s.closes(1008)
		},
		"a truth that cannot be read closes with 1013": func(w *world) {
			w.fail = errors.New("store is gone")
			w.stream("/tab/k/1/3").closes(1013)
		},
		"a payload of several lines arrives whole": func(w *world) {
			s := w.stream("/tab/k/1/3")
			s.hears("hello", 3)
			a := state("k", 4, 1)
			a.Payload = []byte("{\r\n\"a\":\n\n1\r}\n")
			w.hub.Announce(a)
			if got := s.expect(""); got != "{\n\"a\":\n\n1\n}\n" {
				t.Errorf("got %q", got)
			}
		},
		"it counts like a socket": func(w *world) {
			for range 2 {
				w.stream("/tab/k/1/3").hears("hello", 3)
			}
			if _, resp, _ := w.ask("GET /tab/k/1/3 HTTP/1.1"); resp.StatusCode != 429 {
				t.Errorf("a third one: %d, want 429", resp.StatusCode)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, live.HubConfig{Limits: live.Limits{SocketsPerKey: 2}}).listen()
			w.set(state("k", 3, 1))
			c(w)
		})
	}
}

func TestHeaderOfAStream(t *testing.T) {
	w := newWorld(t, live.HubConfig{}).listen()
	w.set(state("k", 1, 1))
	s, resp, _ := w.ask("GET /tab/k/1/1 HTTP/1.1")
	if s == nil {
		t.Fatal("no stream")
	}
	for name, want := range map[string]string{
		"Content-Type": "text/event-stream", "Cache-Control": "no-store", "X-Accel-Buffering": "no",
		"Content-Length": "", "Transfer-Encoding": "", "Content-Encoding": "",
	} {
		if got := s.header.Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if !resp.Close || resp.StatusCode != 200 || resp.ContentLength != -1 || resp.TransferEncoding != nil {
		t.Errorf("close %v, status %d, length %d, encoding %v", resp.Close, resp.StatusCode, resp.ContentLength, resp.TransferEncoding)
	}
}

func TestRequestsThatAreNoStream(t *testing.T) {
	w := newStage(t, live.HubConfig{})
	w.listen()
	for name, c := range map[string]struct {
		line   string
		header []string
		stream bool
	}{
		"HEAD":                       {line: "HEAD %s HTTP/1.1"},
		"HTTP/1.0, as some proxies":  {line: "GET %s HTTP/1.0", stream: true},
		"another Accept":             {header: []string{"Accept", "text/html, */*"}},
		"no Accept":                  {header: []string{"Accept", ""}},
		"no X-Live":                  {header: []string{"X-Live", ""}},
		"another X-Live":             {header: []string{"X-Live", "yes"}},
		"one kind of several counts": {header: []string{"Accept", "text/html;q=0.5, Text/Event-Stream;q=1"}, stream: true},
	} {
		if c.line == "" {
			c.line = "GET %s HTTP/1.1"
		}
		s, resp, body := w.ask(fmt.Sprintf(c.line, "/tab/k/0/0"), c.header...)
		if (s != nil) != c.stream || !c.stream && resp.StatusCode != 426 {
			t.Errorf("%s: tab: status %d %s", name, resp.StatusCode, body)
		}
		s, resp, body = w.ask(fmt.Sprintf(c.line, "/list/a"), c.header...)
		if (s != nil) != c.stream || !c.stream && (resp.StatusCode != 200 || !strings.HasPrefix(body, "<main>") && !strings.HasPrefix(name, "HEAD")) {
			t.Errorf("%s: view: status %d %s", name, resp.StatusCode, body)
		}
	}
	for method, want := range map[string]int{"POST": 405, "PUT": 405, "DELETE": 405} {
		r, _ := http.NewRequest(method, "http://app.test/list/a", nil)
		resp, err := w.app.Test(r)
		if err != nil || resp.StatusCode != want || resp.Header.Get("Allow") != "GET, HEAD" {
			t.Errorf("%s: %v, %v", method, resp, err)
		}
	}
}

// A stream carries what one person may see, and a POST acts for that person: both only for pages of this site.
func TestStreamsForPagesOfOtherSites(t *testing.T) {
	g := newStage(t, live.HubConfig{})
	g.listen()
	s := g.view()
	for name, c := range map[string]struct {
		origin, site string
		want         bool
	}{
		"own page, GET":           {"", "same-origin", true},
		"own page":                {"http://" + g.addr, "same-origin", true},
		"own page, old browser":   {"http://" + g.addr, "", true},
		"neither says anything":   {"", "", false},
		"foreign":                 {"https://evil.test", "cross-site", false},
		"foreign, claims to be":   {"https://evil.test", "same-origin", false},
		"cross-site GET":          {"", "cross-site", false},
		"same-site":               {"", "same-site", false},
		"typed into the address":  {"", "none", false},
		"null":                    {"null", "cross-site", false},
		"own origin, cross-site":  {"http://" + g.addr, "cross-site", false},
		"https in front of http ": {"https://" + g.addr + "0", "", false},
	} {
		for _, path := range []string{"/tab/k/0/0", "/list/a"} {
			got, resp, _ := g.ask("GET "+path+" HTTP/1.1", "Origin", c.origin, "Sec-Fetch-Site", c.site)
			if (got != nil) != c.want || !c.want && resp.StatusCode != 403 {
				t.Errorf("%s: GET %s: status %d", name, path, resp.StatusCode)
			}
		}
		want := 403
		if c.want {
			want = 204
		}
		g.sends(want, s.id, `{"text":"x"}`, "Origin", c.origin, "Sec-Fetch-Site", c.site)
	}
	eventually(t, "the events of the own pages are executed", func() bool { return g.did() == "x,x,x" })
}

func TestViewOverAStream(t *testing.T) {
	g := newStage(t, live.HubConfig{})
	g.listen()
	g.set(state("alice", 1, 1))
	for name, session := range map[string]string{"follows a session": "alice", "follows nothing": ""} {
		t.Run(name, func(t *testing.T) {
			g.executed = nil
			s := g.stream("/list/a?_htmx=4", "X-Session", session)
			if got := s.expect("live"); got != "<div id=\"live\" hx-swap-oob=\"innerHTML\"><h1>a</h1>\n<ul id=\"all\">\n\n\n</ul></div>" {
				t.Errorf("got %q", got)
			}
			g.sends(204, s.id, `{"text":"milk","HEADERS":{"HX-Request":"true"}}`, "X-Session", session)
			s.expect("milk")
			g.sends(204, s.id, `{"text":"<eggs>"}`, "X-Session", session)
			s.expect("milk,&lt;eggs&gt;")
			if err := g.hub.Publish(context.Background(), "list", []byte("for all")); err != nil {
				t.Fatal(err)
			}
			s.expect("for all")
			if g.did() != "milk,<eggs>" {
				t.Errorf("executed: %s", g.did())
			}
		})
	}
}

// The first connect of a page that shows the same already gets nothing but the open event.
func TestStreamOfAPageThatIsUpToDate(t *testing.T) {
	g := newStage(t, live.HubConfig{})
	g.listen()
	_, _, page := get(t, "http://"+g.addr+"/list/a")
	_, after, _ := strings.Cut(page, ` data-live="`)
	drawn, _, _ := strings.Cut(after, `"`)
	s := g.stream("/list/a?_htmx=4&_live=" + drawn)
	g.sends(204, s.id, `{"text":"one"}`)
	s.expect("one") // and nothing before it
}

func TestEventsByPostThatAreRefused(t *testing.T) {
	for name, c := range map[string]struct {
		path, id, body string
		header         []string
		want           int
	}{
		"an id that nobody has":               {id: strings.Repeat("0", 32), want: 404},
		"an id that is none":                  {id: "../../etc", want: 404},
		"somebody else's session":             {header: []string{"X-Session", "bob"}, want: 409},
		"no session":                          {header: []string{"X-Session", ""}, want: 409},
		"an older secret of the session":      {header: []string{"X-Session", "alice", "X-Test", "rotated"}, want: 409},
		"nobody":                              {header: []string{"X-Session", "nobody"}, want: 401},
		"another view's address":              {path: "/other/a", want: 404},
		"another address of the same view":    {path: "/list/b", want: 404},
		"a foreign page":                      {header: []string{"X-Session", "alice", "Origin", "https://evil.test"}, want: 403},
		"no JSON":                             {body: "text=milk", want: 400},
		"no object":                           {body: "[]", want: 400},
		"nested":                              {body: `{"text":{"a":"b"}}`, want: 400},
		"not UTF-8":                           {body: "{\"text\":\"\xff\"}", want: 400},
		"nothing":                             {body: " ", want: 400},
		"a byte too much":                     {body: `{"text":"` + strings.Repeat("x", 16<<10-10) + `"}`, want: 413},
		"a megabyte":                          {body: `{"text":"` + strings.Repeat("x", 1<<20) + `"}`, want: 413},
		"a megabyte of somebody else's":       {header: []string{"X-Session", "bob"}, body: strings.Repeat(" ", 1<<20), want: 413},
		"as much as may be":                   {body: `{"text":"` + strings.Repeat("x", 16<<10-11) + `"}`, want: 204},
		"a query that differs is no obstacle": {path: "/list/a?q=1", want: 204},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, streaming := range []bool{false, true} {
				g := newStage(t, live.HubConfig{})
				g.app.Server().StreamRequestBody = streaming
				g.listen()
				g.set(state("alice", 1, 1))
				g.set(state("bob", 1, 1))
				s := g.view("X-Session", "alice")
				path, id, body, header := c.path, c.id, c.body, c.header
				if path == "" {
					path = "/list/a"
				}
				if id == "" {
					id = s.id
				}
				if body == "" {
					body = `{"text":"milk"}`
				}
				if header == nil {
					header = []string{"X-Session", "alice"}
				}
				if len(header) > 2 && header[3] == "rotated" {
					g.set(state("alice", 1, 2))
				}
				if got, _ := g.post(path, id, body, header...); got != c.want {
					t.Errorf("status %d, want %d", got, c.want)
				}
				if c.want == 204 {
					s.expect("all")
					continue
				}
				g.set(state("alice", 1, 1))
				g.sends(204, s.id, `{"text":"and the stream lives on"}`, "X-Session", "alice")
				s.expect("and the stream lives on")
				if got := g.did(); got != "and the stream lives on" {
					t.Errorf("executed: %s", got)
				}
			}
		})
	}
}

// The hooks that let an event pass have to be those of the view that gets it.
func TestAddressOfTwoViews(t *testing.T) {
	g := newStage(t, live.HubConfig{})
	g.listen()
	s := g.stream("/split")
	s.expect("live")
	if code, _ := g.post("/split", s.id, `{"text":"x"}`); code != 404 || g.did() != "" {
		t.Errorf("status %d, executed: %s", code, g.did())
	}
}

// What the view's own guards refuse is taken, and refused over the stream.
func TestGuardsOfAStream(t *testing.T) {
	g := newStage(t, live.HubConfig{})
	g.guard = func(e live.Event) error {
		if e.Get("_stamp") != "good" {
			return &live.Refusal{Payload: []byte(`{"type":"refused"}`)}
		}
		return nil
	}
	g.listen()
	s := g.view()
	g.sends(204, s.id, `{"text":"evil","_stamp":"bad"}`)
	s.expect(`{"type":"refused"}`)
	g.sends(204, s.id, `{"text":"fine","_stamp":"good"}`)
	s.expect("fine")
	if g.did() != "fine" {
		t.Errorf("executed: %s", g.did())
	}
}

// After a change the stream says so and ends. Nothing of the new account comes over it, and it takes no event any more, be it
// from the old secret or from the new one.
func TestStreamEndsWithTheChange(t *testing.T) {
	g := newStage(t, live.HubConfig{})
	inside, leave := make(chan struct{}), make(chan struct{})
	g.event = func(s *live.Socket, e live.Event) error {
		if e.Get("text") != "slow" {
			return nil
		}
		close(inside)
		<-leave
		if s.Push(`<p id="x" hx-swap-oob="true">secret</p>`) == nil {
			t.Error("Push reported success")
		}
		return nil
	}
	g.listen()
	g.set(state("alice", 1, 1))
	s := g.view("X-Session", "alice")
	g.sends(204, s.id, `{"text":"slow"}`, "X-Session", "alice")
	<-inside
	late := make(chan int)
	go func() {
		code, _ := g.post("/list/a", s.id, `{"text":"waits"}`, "X-Session", "alice")
		late <- code
	}()
	g.hub.Announce(state("alice", 2, 2))
	g.sends(404, s.id, `{"text":"late"}`, "X-Session", "alice")
	g.set(state("alice", 2, 2))
	if code, _ := g.post("/list/a", s.id, `{"text":"new secret"}`, "X-Session", "alice"); code != 409 && code != 404 {
		t.Errorf("the new secret: %d, want 409 or 404", code)
	}
	if code := <-late; code != 404 && code != 409 {
		t.Errorf("the event that waited: %d, want 404 or 409", code)
	}
	s.hears("session-changed", 2)
	close(leave)
	s.closes(1012)
	eventually(t, "the view is gone", func() bool { return g.hub.Active() == 0 })
	if g.did() != "slow" {
		t.Errorf("executed: %s", g.did())
	}
	if n := g.hub.Inlets(); n != 0 {
		t.Errorf("%d streams are remembered", n)
	}
}

func TestFloodOfPosts(t *testing.T) {
	g := newStage(t, live.HubConfig{Limits: live.Limits{MessagesPerSecond: 1, Burst: 3}})
	g.listen()
	g.set(state("alice", 1, 1))
	s := g.view("X-Session", "alice")
	for range 5 { // somebody else cannot use it up
		g.sends(409, s.id, `{"text":"x"}`, "X-Session", "bob")
	}
	last := 0
	for range 8 {
		if last, _ = g.post("/list/a", s.id, `{"text":"x"}`, "X-Session", "alice"); last != 204 {
			break
		}
	}
	if last != 429 {
		t.Errorf("the flood ended with %d, want 429", last)
	}
	for name, data := s.next(); ; name, data = s.next() {
		if name == "close" {
			if !strings.Contains(data, "1008") || !strings.Contains(data, "too many messages") {
				t.Errorf("closed with %s", data)
			}
			break
		}
		if name != "" {
			t.Fatalf("got %s %s", name, data)
		}
	}
	eventually(t, "the stream is gone", func() bool { return g.hub.Active() == 0 })
	g.sends(404, s.id, `{"text":"x"}`, "X-Session", "alice")
}

func TestPanicOverAStream(t *testing.T) {
	g := newStage(t, live.HubConfig{})
	g.event = func(*live.Socket, live.Event) error { panic("the password is hunter2") }
	g.listen()
	s := g.view()
	g.sends(204, s.id, `{"text":"x"}`)
	if got := s.expect(`"type":"failed"`); strings.Contains(got, "hunter2") {
		t.Errorf("the panic is told: %s", got)
	}
	s.closes(1011)
}

// An event that a busy view does not take is given back: it is not executed, so the browser may send it again.
func TestBusyView(t *testing.T) {
	g := newStage(t, live.HubConfig{})
	inside, leave := make(chan struct{}), make(chan struct{})
	g.event = func(_ *live.Socket, e live.Event) error {
		if e.Get("text") == "slow" {
			close(inside)
			<-leave
		}
		return nil
	}
	g.listen()
	s := g.view()
	g.sends(204, s.id, `{"text":"slow"}`)
	<-inside
	code, header := g.post("/list/a", s.id, `{"text":"given back"}`)
	if code != 503 || header.Get("Retry-After") == "" {
		t.Errorf("status %d, Retry-After %q", code, header.Get("Retry-After"))
	}
	close(leave)
	s.expect("slow")
	g.sends(204, s.id, `{"text":"again"}`)
	s.expect("slow,again")
}

func TestPeersOfAStreamThatLeave(t *testing.T) {
	for name, leave := range map[string]func(s *source){
		"it closes the connection":     func(s *source) { _ = s.conn.Close() },
		"it sends something":           func(s *source) { _, _ = s.conn.Write([]byte("GET / HTTP/1.1\r\n\r\n")) },
		"it says it has nothing more ": func(s *source) { _ = s.conn.(interface{ CloseWrite() error }).CloseWrite() },
	} {
		t.Run(name, func(t *testing.T) {
			g := newStage(t, live.HubConfig{})
			g.listen()
			g.set(state("k", 1, 1))
			tab, view := g.stream("/tab/k/1/1"), g.view()
			tab.hears("hello", 1)
			from := time.Now()
			leave(tab)
			leave(view)
			eventually(t, "both are gone", func() bool { return g.hub.Active() == 0 && g.hub.Inlets() == 0 })
			if took := time.Since(from); took > time.Second {
				t.Errorf("it took %v", took)
			}
		})
	}
}

// A stream lives on without a word of the peer: pings that can be written are enough.
func TestPingsOfAStream(t *testing.T) {
	w := newWorld(t, live.HubConfig{Limits: live.Limits{PingEvery: 64 * time.Millisecond, PongTimeout: 300 * time.Millisecond}}).listen()
	w.set(state("k", 1, 1))
	s := w.stream("/tab/k/1/1")
	s.hears("hello", 1)
	version := int64(1)
	for end := time.Now().Add(900 * time.Millisecond); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		version++
		w.hub.Announce(state("k", version, 1))
		s.hears("session-changed", version)
	}
	if s.pings < 4 {
		t.Errorf("%d pings in 900 ms", s.pings)
	}
}

func TestSlowReaderOfAStreamIsCut(t *testing.T) {
	g := newStage(t, live.HubConfig{Limits: live.Limits{WriteTimeout: 100 * time.Millisecond}})
	g.listen()
	g.set(state("k", 1, 1))
	for name, feed := range map[string]func(){
		"a view that sends more than is read": func() {
			g.view()
			big := []byte(strings.Repeat("x", 200<<10))
			eventually(t, "the stream is cut", func() bool {
				_ = g.hub.Publish(context.Background(), "list", big)
				return g.hub.Active() == 0
			})
		},
		"a tab in the middle of a write": func() {
			g.stream("/tab/k/1/1").hears("hello", 1)
			a := state("k", 2, 1)
			a.Payload = []byte(strings.Repeat("x", 16<<20))
			g.hub.Announce(a)
		},
	} {
		feed()
		eventually(t, name+" is cut", func() bool { return g.hub.Active() == 0 })
	}
}

func TestCloseOfTheHubEndsStreams(t *testing.T) {
	g := newStage(t, live.HubConfig{})
	g.listen()
	g.set(state("k", 1, 1))
	tab, view := g.stream("/tab/k/1/1"), g.view()
	tab.hears("hello", 1)
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := g.hub.Close(ctx); err != nil {
		t.Fatal(err)
	}
	tab.closes(1012)
	view.closes(1012)
	for _, path := range []string{"/tab/k/1/1", "/list/a"} {
		if _, resp, _ := g.ask("GET " + path + " HTTP/1.1"); resp.StatusCode != 503 {
			t.Errorf("GET %s: status %d, want 503", path, resp.StatusCode)
		}
	}
	g.sends(503, view.id, `{"text":"x"}`)
}

// Handlers in front may compress and tag answers, and set headers: these are sent with the stream.
func TestStreamBehindOtherHandlers(t *testing.T) {
	for _, encoding := range []string{"gzip", "br", "deflate", "zstd"} {
		g := newStage(t, live.HubConfig{}, recoverer.New(), helmet.New(helmet.Config{ContentSecurityPolicy: "default-src 'self'"}), compress.New(), etag.New(),
			func(c *fiber.Ctx) error {
				c.Cookie(&fiber.Cookie{Name: "a", Value: "1"})
				err := c.Next()
				c.Set("X-After", "yes")
				c.Set("Content-Encoding", encoding) // as some compressors leave it
				c.Set("Content-Length", "0")
				return err
			})
		g.listen()
		g.set(state("k", 1, 1))
		tab := g.stream("/late/k", "Accept-Encoding", encoding, "If-None-Match", "*")
		tab.hears("hello", 1)
		view := g.view("Accept-Encoding", encoding)
		g.sends(204, view.id, `{"text":"milk"}`)
		view.expect("milk")
		for _, s := range []*source{tab, view} {
			for name, want := range map[string]string{"Content-Encoding": "", "Content-Length": "", "X-After": "yes", "Set-Cookie": "a=1; path=/; SameSite=Lax",
				"Content-Security-Policy": "default-src 'self'", "X-Content-Type-Options": "nosniff"} {
				if got := s.header.Get(name); got != want {
					t.Errorf("%s: %s is %q, want %q", encoding, name, got, want)
				}
			}
		}
	}
}

// A handler in front that refuses after all, when ours has returned, is obeyed.
func TestHandlerInFrontRefusesTheStream(t *testing.T) {
	for name, after := range map[string]fiber.Handler{
		"by an error": func(c *fiber.Ctx) error {
			_ = c.Next()
			return fiber.NewError(418, "no tea")
		},
		"by a panic": func(c *fiber.Ctx) error {
			_ = c.Next()
			panic("late")
		},
	} {
		t.Run(name, func(t *testing.T) {
			g := newStage(t, live.HubConfig{}, recoverer.New(), after)
			g.listen()
			for _, path := range []string{"/late/k", "/list/a"} {
				s, resp, _ := g.ask("GET " + path + " HTTP/1.1")
				if s != nil || resp.StatusCode != 418 && resp.StatusCode != 500 {
					t.Errorf("%s: stream %v, status %d", path, s != nil, resp.StatusCode)
				}
			}
			eventually(t, "the places are free again", func() bool { return g.hub.Active() == 0 && g.hub.Inlets() == 0 })
		})
	}
}
