package live_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"html"
	"html/template"
	"io"
	"net"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/multiaccount-go/multiaccount/live"
)

// stage is a world with a view at /list/:room whose session is named by a header, as a cookie would.
type stage struct {
	*world
	mu       sync.Mutex
	executed []string
	event    func(s *live.Socket, e live.Event) error
	guard    func(e live.Event) error
}

// newStage makes one; each of before is a handler in front of everything.
func newStage(t testing.TB, cfg live.HubConfig, before ...fiber.Handler) *stage {
	t.Helper()
	g := &stage{world: newWorld(t, cfg)}
	for _, handler := range before {
		g.app.Use(handler)
	}
	g.app.Get("/late/:key", func(c *fiber.Ctx) error { // behind the handlers of before, unlike /tab
		return status(c, g.hub.ServeTab(c, g.subject(key(c.Params("key")), 1, 1)))
	})
	view := func() fiber.Handler {
		return live.New(func() live.View { return &list{g: g} }, live.Config{
			Hub: g.hub,
			OnConnect: []live.Hook{{Name: "session", Connect: func(c *fiber.Ctx, s *live.Socket) error {
				name := strings.Clone(c.Get("X-Session"))
				if name == "nobody" {
					return &live.Halt{Redirect: "/sign-in"}
				}
				if name != "" && live.IsConnect(c) {
					g.world.mu.Lock()
					now := g.truth[key(name)]
					g.world.mu.Unlock()
					s.Follow(g.subject(key(name), now.Generation, now.Version))
				}
				s.Guard(func(_ context.Context, e live.Event) error {
					if g.guard != nil {
						return g.guard(e)
					}
					return nil
				})
				return nil
			}}},
			Page: func(c *fiber.Ctx, _ *live.Socket, body template.HTML) error {
				return c.Type("html").SendString("<main>" + string(body) + "</main>")
			},
		})
	}
	g.app.All("/list/:room", view())
	g.app.All("/other/:room", view())
	g.app.Get("/split", view())
	g.app.Post("/split", view()) // another view, with hooks of its own, at the same address
	return g
}

func (g *stage) did() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return strings.Join(g.executed, ",")
}

// list is a view: what was executed, one line each.
type list struct{ g *stage }

func (l *list) Mount(_ context.Context, s *live.Socket) error { s.Subscribe("list"); return nil }

func (l *list) Event(_ context.Context, s *live.Socket, e live.Event) error {
	if l.g.event != nil {
		if err := l.g.event(s, e); err != nil {
			return err
		}
	}
	l.g.mu.Lock()
	l.g.executed = append(l.g.executed, e.Get("text"))
	l.g.mu.Unlock()
	s.Redraw()
	return nil
}

func (l *list) Info(_ context.Context, s *live.Socket, m live.Message) error {
	return s.Push(template.HTML(`<p id="info" hx-swap-oob="true">` + html.EscapeString(string(m.Payload)) + `</p>`))
}

func (l *list) Render(_ context.Context, s *live.Socket, w io.Writer) error {
	l.g.mu.Lock()
	defer l.g.mu.Unlock()
	_, err := fmt.Fprintf(w, "<h1>%s</h1>\n<ul id=\"all\">\r\n%s\n\n</ul>", s.Route("room"), html.EscapeString(strings.Join(l.g.executed, ",")))
	return err
}

// source is a browser's end of an event stream, over a connection of its own.
type source struct {
	t      testing.TB
	conn   net.Conn
	header http.Header
	body   *bufio.Reader
	id     string
	pings  int
}

// ask sends a request for an event stream, as a page of this site does; a pair of header and value replaces one, and an
// empty value takes it away. It returns nil and the body when the answer is no stream.
func (w *world) ask(line string, header ...string) (*source, *http.Response, string) {
	w.t.Helper()
	h := map[string]string{"Host": w.addr, "Accept": "text/event-stream", "X-Live": "stream", "Sec-Fetch-Site": "same-origin"}
	for i := 0; i+1 < len(header); i += 2 {
		h[header[i]] = header[i+1]
	}
	request := line + "\r\n"
	for name, value := range h {
		if value != "" {
			request += name + ": " + value + "\r\n"
		}
	}
	conn, err := net.Dial("tcp", w.addr)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = conn.Close() })
	_, _ = io.WriteString(conn, request+"\r\n")
	_ = conn.SetReadDeadline(time.Now().Add(5 * time.Second))
	method, _, _ := strings.Cut(line, " ")
	asked := &http.Request{Method: method}
	resp, err := http.ReadResponse(bufio.NewReader(conn), asked)
	if err != nil {
		w.t.Fatalf("%s: %v", line, err)
	}
	if resp.Header.Get("Content-Type") != "text/event-stream" {
		b, _ := io.ReadAll(resp.Body)
		_ = conn.Close()
		return nil, resp, string(b)
	}
	return &source{t: w.t, conn: conn, header: resp.Header, body: bufio.NewReader(resp.Body)}, resp, ""
}

// stream opens an event stream and reads its first event.
func (w *world) stream(path string, header ...string) *source {
	w.t.Helper()
	s, resp, body := w.ask("GET "+path+" HTTP/1.1", header...)
	if s == nil {
		w.t.Fatalf("no stream: status %d %s", resp.StatusCode, body)
		return nil
	}
	name, data := s.next()
	var first struct{ ID string }
	if err := json.Unmarshal([]byte(data), &first); name != "open" || err != nil {
		w.t.Fatalf("first event is %q %q", name, data)
	}
	s.id = first.ID
	return s
}

// view opens the event stream of the view and reads what it draws first.
func (g *stage) view(header ...string) *source {
	g.t.Helper()
	s := g.stream("/list/a?_htmx=4", header...)
	if !regexp.MustCompile(`^[0-9a-f]{32}$`).MatchString(s.id) {
		g.t.Fatalf("id of the stream is %q", s.id)
	}
	s.expect(`<div id="live" hx-swap-oob="innerHTML"><h1>a</h1>`)
	return s
}

// next returns the next event: name and data. The end of the stream has the name "end".
func (s *source) next() (name, data string) {
	s.t.Helper()
	_ = s.conn.SetReadDeadline(time.Now().Add(5 * time.Second))
	var lines []string
	for {
		line, err := s.body.ReadString('\n')
		if timeout, ok := err.(net.Error); ok && timeout.Timeout() {
			s.t.Fatal("nothing comes over the stream")
		}
		if err != nil {
			return "end", ""
		}
		line = strings.TrimSuffix(line, "\n")
		field, value, _ := strings.Cut(line, ": ")
		switch {
		case line == "" && name == "" && lines == nil: // after a comment
		case line == "":
			return name, strings.Join(lines, "\n")
		case field == "event":
			name = value
		case field == "data":
			lines = append(lines, value)
		case field == "":
			s.pings++
		default:
			s.t.Fatalf("strange line %q", line)
		}
	}
}

// expect reads the next message and checks that part is in it.
func (s *source) expect(part string) string {
	s.t.Helper()
	name, data := s.next()
	if name != "" || !strings.Contains(data, part) {
		s.t.Fatalf("got %q %q, want %q in a message", name, data, part)
	}
	return data
}

// hears is expect for messages of the world.
func (s *source) hears(kind string, version int64) {
	s.t.Helper()
	var f frame
	if name, data := s.next(); name != "" || json.Unmarshal([]byte(data), &f) != nil || f.Type != kind || f.V != version {
		s.t.Fatalf("got %q %q, want %s with version %d", name, data, kind, version)
	}
}

// closes checks that the stream ends now, with that code, and that the connection does not wait for anything then.
func (s *source) closes(code int) {
	s.t.Helper()
	name, data := s.next()
	var last struct{ Code int }
	if name != "close" || json.Unmarshal([]byte(data), &last) != nil || last.Code != code {
		s.t.Fatalf("got %q %q, want a close with %d", name, data, code)
	}
	from := time.Now()
	if name, data := s.next(); name != "end" {
		s.t.Fatalf("after the close: %q %q", name, data)
	}
	if took := time.Since(from); took > 500*time.Millisecond {
		s.t.Errorf("the connection stayed open for %v", took)
	}
}

// post sends an event as a page of this site does, and returns the status.
func (w *world) post(path, id, body string, header ...string) (int, http.Header) {
	w.t.Helper()
	r, _ := http.NewRequest("POST", "http://"+w.addr+path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Origin", "http://"+w.addr)
	r.Header.Set("X-Live-Stream", id)
	for i := 0; i+1 < len(header); i += 2 {
		if r.Header.Del(header[i]); header[i+1] != "" {
			r.Header.Set(header[i], header[i+1])
		}
	}
	client := http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true},
		Timeout:       10 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	resp, err := client.Do(r)
	if err != nil {
		w.t.Errorf("POST: %v", err)
		return 0, nil
	}
	_ = resp.Body.Close()
	return resp.StatusCode, resp.Header
}

// sends posts an event and checks the status.
func (g *stage) sends(want int, id, body string, header ...string) {
	g.t.Helper()
	if got, _ := g.post("/list/a", id, body, header...); got != want {
		g.t.Errorf("POST %.60s: %d, want %d", body, got, want)
	}
}

// relayBus joins hubs of one process. It brings each message to all of them, as often as copies says.
type relayBus struct {
	mu     sync.Mutex
	copies int
	deaf   func(topic string) bool
	fns    map[int]func(string, []byte)
	next   int
}

func (b *relayBus) Publish(_ context.Context, topic string, payload []byte) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	for range b.copies {
		for _, fn := range b.fns {
			if b.deaf == nil || !b.deaf(topic) {
				fn(topic, payload)
			}
		}
	}
	return nil
}

func (b *relayBus) Subscribe(ctx context.Context, fn func(string, []byte)) error {
	b.mu.Lock()
	if b.fns == nil {
		b.fns = make(map[int]func(string, []byte))
	}
	b.next++
	n := b.next
	b.fns[n] = fn
	b.mu.Unlock()
	<-ctx.Done()
	b.mu.Lock()
	delete(b.fns, n)
	b.mu.Unlock()
	return ctx.Err()
}

// joined reports how many hubs listen.
func (b *relayBus) joined() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.fns)
}
