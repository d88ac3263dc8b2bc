// Package liveclient_test runs browser/live.js against a real Chromium, both versions of htmx and a server that speaks the
// protocol of live views by hand, so that it can misbehave on purpose.
package liveclient_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fasthttp/websocket"

	"github.com/multiaccount-go/multiaccount/browser"
	"github.com/multiaccount-go/multiaccount/integration_test/browsertest"
)

const (
	patience = 8 * time.Second
	streamID = "0123456789abcdef0123456789abcdef"
	isOpen   = `document.querySelector('#live').dataset.liveState === 'open'`
)

// line is one connection of the view, a websocket or an event stream: what is put into it goes to the browser.
type line struct {
	out    chan string // "close 1012" ends it
	ended  chan struct{}
	stream bool
}

// site is a live view, its page, and the routes of the plugin that multiaccount.js asks.
type site struct {
	*httptest.Server

	mu       sync.Mutex
	body     string // of the view, when a page is drawn
	refuse   int    // status of websocket handshakes; 0 lets them in
	hang     bool   // handshakes get no answer
	noStream int    // status of event streams; 0 lets them in
	noPost   int    // status of one POST
	retry    string // Retry-After of what is refused
	greet    []string
	greeted  int      // lines that get greet; negative: all
	opened   []string // query of each handshake and stream that came, with the kind in front
	times    []time.Time
	lines    []*line
	said     []map[string]any // by the view, in their order
	posts    []string         // X-Live-Stream of each POST
	requests []string         // pages and fragments
	account  string
	version  int
	tabs     []*line
	tabSeen  []string
	noTab    int // status of the tab's websockets
	end      chan struct{}
}

func newSite(t *testing.T, body string) *site {
	t.Helper()
	s := &site{body: body, account: "alice", version: 1, end: make(chan struct{})}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /live", s.view)
	mux.HandleFunc("POST /live", s.take)
	mux.HandleFunc("GET /link/state", s.state)
	mux.HandleFunc("GET /link/live", s.tab)
	mux.HandleFunc("GET /other", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<title>other</title><p>other") })
	mux.HandleFunc("GET /favicon.ico", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	for path, script := range map[string][]byte{
		"/live.js": browser.Live, "/multiaccount.js": browser.Script,
		// Long waits of the page take a twentieth of their time, so that nobody waits for them.
		"/hurry.js": []byte(`for (const name of ['setTimeout', 'setInterval']) {
			const wait = window[name];
			window[name] = (call, ms, ...rest) => wait(call, ms >= 5000 ? ms / 20 : ms, ...rest);
		}`),
	} {
		mux.HandleFunc("GET "+path, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/javascript; charset=utf-8")
			w.Write(script)
		})
	}
	mux.Handle("GET /vendor/", http.StripPrefix("/vendor/", http.FileServer(http.Dir("../../htmx/vendor"))))
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", "default-src 'self'")
		mux.ServeHTTP(w, r)
	}))
	t.Cleanup(func() {
		close(s.end)
		s.closeAll(1000)
		s.CloseClientConnections()
		s.Close()
	})
	return s
}

// view answers with a page, the view alone, a socket or a stream.
func (s *site) view(w http.ResponseWriter, r *http.Request) {
	kind := "page"
	switch {
	case strings.EqualFold(r.Header.Get("Upgrade"), "websocket"):
		kind = "socket"
	case r.Header.Get("X-Live") == "stream":
		kind = "stream"
	}
	s.mu.Lock()
	var status int
	hang, retry := s.hang, s.retry
	switch kind {
	case "page":
		s.requests = append(s.requests, r.URL.RequestURI())
	default:
		s.opened = append(s.opened, kind+" "+r.URL.RawQuery)
		s.times = append(s.times, time.Now())
		status = s.refuse
		if kind == "stream" {
			status = s.noStream
		}
	}
	s.mu.Unlock()
	switch {
	case kind == "page":
		s.page(w, r)
	case kind == "socket" && hang:
		<-s.end
	case status != 0:
		if retry != "" {
			w.Header().Set("Retry-After", retry)
		}
		w.WriteHeader(status)
	case kind == "socket":
		s.socket(w, r)
	default:
		s.stream(w, r, s.join(true))
	}
}

// page draws the view in its element, and the page around it unless htmx asks for the view alone.
func (s *site) page(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	body, account, version := s.body, s.account, s.version
	s.mu.Unlock()
	query := r.URL.Query()
	fragment := r.Header.Get("HX-Request") != "" && r.Header.Get("HX-History-Restore-Request") == ""
	connect := func(v string) string {
		q := r.URL.Query()
		q.Set("_htmx", v)
		return html.EscapeString("/live?" + q.Encode())
	}
	view := fmt.Sprintf(`<div id="live" data-live="00000000000000aa" data-live-reconnecting="Moment…" hx-ext="ws" data-ws-connect="%s" hx-ws:connect="%s">%s</div>`,
		connect("2"), connect("4"), body)
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	if fragment {
		w.Header().Set("HX-Push-Url", r.URL.RequestURI())
		fmt.Fprint(w, view)
		return
	}
	var head string
	if query.Has("hurry") {
		head += `<script src="/hurry.js"></script>`
	}
	if query.Has("accounts") {
		head += fmt.Sprintf(`<meta name="account-stamp" content="v1.%s"><meta name="session-version" content="%d">
<script src="/multiaccount.js" data-state="/link/state" data-live="/link/live" data-follow="fragments"></script>`, account, version)
	}
	if query.Get("htmx") == "4" {
		head += `<script src="/vendor/htmx-4.0.1.min.js"></script><script src="/vendor/hx-ws-4.0.1.min.js"></script>`
	} else {
		head += `<meta name="htmx-config" content='{"includeIndicatorStyles":false,"historyCacheSize":0}'>
<script src="/vendor/htmx-2.0.11.min.js"></script><script src="/vendor/htmx-ext-ws-2.0.4.min.js"></script>`
	}
	fmt.Fprintf(w, `<!doctype html><html lang="en"><head><title>live</title>%s<script src="/live.js"></script></head>
<body><p id="account-announcer" aria-live="polite"></p>%s</body></html>`, head, view)
}

// join makes a line known. It starts with what the site greets with.
func (s *site) join(stream bool) *line {
	l := &line{out: make(chan string, 64), ended: make(chan struct{}), stream: stream}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.greeted != 0 {
		s.greeted--
		for _, frame := range s.greet {
			l.out <- frame
		}
	}
	s.lines = append(s.lines, l)
	return l
}

func (s *site) socket(w http.ResponseWriter, r *http.Request) {
	conn, err := (&websocket.Upgrader{}).Upgrade(w, r, nil)
	if err != nil {
		return
	}
	defer conn.Close()
	l := s.join(false)
	go func() {
		defer close(l.ended)
		for {
			var message map[string]any
			if conn.ReadJSON(&message) != nil {
				return
			}
			s.mu.Lock()
			s.said = append(s.said, message)
			s.mu.Unlock()
		}
	}()
	carry(conn, l)
}

// carry writes what is put into a line to a websocket until one of them ends.
func carry(conn *websocket.Conn, l *line) {
	for {
		select {
		case <-l.ended:
			return
		case frame := <-l.out:
			var code int
			switch n, _ := fmt.Sscanf(frame, "close %d", &code); {
			case n == 1 && code == 0:
				return // the network broke
			case n == 1:
				conn.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(code, ""), time.Now().Add(time.Second))
				select {
				case <-l.ended:
				case <-time.After(time.Second):
				}
				return
			default:
				if conn.WriteMessage(websocket.TextMessage, []byte(frame)) != nil {
					return
				}
			}
		}
	}
}

func (s *site) stream(w http.ResponseWriter, r *http.Request, l *line) {
	defer close(l.ended)
	w.Header().Set("Content-Type", "text/event-stream")
	send := func(event, data string) {
		if event != "" {
			fmt.Fprintf(w, "event: %s\n", event)
		}
		for part := range strings.SplitSeq(data, "\n") {
			fmt.Fprintf(w, "data: %s\n", part)
		}
		fmt.Fprint(w, "\n")
		w.(http.Flusher).Flush()
	}
	fmt.Fprint(w, ": ping\n\n")
	send("open", `{"id":"`+streamID+`"}`)
	for {
		select {
		case <-s.end:
			return
		case <-r.Context().Done():
			return
		case frame := <-l.out:
			var code int
			if n, _ := fmt.Sscanf(frame, "close %d", &code); n == 1 {
				if code != 0 {
					send("close", fmt.Sprintf(`{"code":%d,"reason":""}`, code))
				}
				return
			}
			send("", frame)
		}
	}
}

// take is the way of events beside a stream.
func (s *site) take(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.posts = append(s.posts, strings.TrimSpace(
		r.Header.Get("X-Live-Stream")+" "+r.Header.Get("Content-Type")+" "+r.Header.Get("X-Account-Stamp")))
	if status := s.noPost; status != 0 {
		s.noPost = 0
		if s.retry != "" {
			w.Header().Set("Retry-After", s.retry)
		}
		w.WriteHeader(status)
		return
	}
	var message map[string]any
	json.Unmarshal(body, &message)
	s.said = append(s.said, message)
	w.WriteHeader(http.StatusNoContent)
}

func (s *site) state(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	json.NewEncoder(w).Encode(map[string]any{
		"v": s.version, "stamp": "v1." + s.account, "fresh": r.FormValue("stamp") == "v1."+s.account,
	})
}

// tab is the tab socket, as a websocket or as a stream.
func (s *site) tab(w http.ResponseWriter, r *http.Request) {
	stream := r.Header.Get("X-Live") == "stream"
	s.mu.Lock()
	l := &line{out: make(chan string, 8), ended: make(chan struct{}), stream: stream}
	s.tabSeen = append(s.tabSeen, map[bool]string{true: "stream", false: "socket"}[stream])
	l.out <- fmt.Sprintf(`{"type":"hello","v":%d}`, s.version)
	refuse := s.noTab
	if !stream && refuse != 0 {
		s.mu.Unlock()
		w.WriteHeader(refuse)
		return
	}
	s.tabs = append(s.tabs, l)
	s.mu.Unlock()
	if stream {
		s.stream(w, r, l)
		return
	}
	conn, err := (&websocket.Upgrader{}).Upgrade(w, r, nil)
	if err != nil {
		return
	}
	defer conn.Close()
	go func() {
		defer close(l.ended)
		for {
			if _, _, err := conn.ReadMessage(); err != nil {
				return
			}
		}
	}()
	carry(conn, l)
}

// set changes what the site does, under its lock.
func (s *site) set(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
}

func look[T any](s *site, read func() T) T {
	s.mu.Lock()
	defer s.mu.Unlock()
	return read()
}

// count returns how many handshakes and streams came.
func (s *site) count() int { return look(s, func() int { return len(s.opened) }) }

func (s *site) last() string { return look(s, func() string { return s.opened[len(s.opened)-1] }) }

// push sends a frame over the newest line of the view.
func (s *site) push(frame string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lines[len(s.lines)-1].out <- frame
}

// draw makes html the whole inside of the view.
func (s *site) draw(html string) { s.push(`<div id="live" hx-swap-oob="innerHTML">` + html + `</div>`) }

func (s *site) close(code int) { s.push(fmt.Sprintf("close %d", code)) }

func (s *site) closeAll(code int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range append(s.lines, s.tabs...) {
		select {
		case l.out <- fmt.Sprintf("close %d", code):
		default:
		}
	}
}

// message waits for the n-th message of the view and returns it.
func (s *site) message(t *testing.T, n int) map[string]any {
	t.Helper()
	eventually(t, fmt.Sprintf("message %d of the view", n), func() bool { return look(s, func() bool { return len(s.said) >= n }) })
	return look(s, func() map[string]any { return s.said[n-1] })
}

func (s *site) awaitLines(t *testing.T, n int) {
	t.Helper()
	eventually(t, fmt.Sprintf("%d lines", n), func() bool { return look(s, func() bool { return len(s.lines) >= n }) })
}

// open shows the page and waits until its view is connected.
func open(t *testing.T, tab *browsertest.Tab, s *site, query string) {
	t.Helper()
	tab.Navigate(s.URL + "/live?" + query)
	tab.WaitFor(isOpen, patience)
	s.awaitLines(t, 1)
}

// run runs a JavaScript statement in the page.
func run(tab *browsertest.Tab, statement string) {
	browsertest.Evaluate[bool](tab, "(() => {"+statement+"; return true; })()")
}

func get(tab *browsertest.Tab, expression string) string {
	return browsertest.Evaluate[string](tab, "String("+expression+")")
}

func want(t *testing.T, tab *browsertest.Tab, expression, want string) {
	t.Helper()
	if got := get(tab, expression); got != want {
		t.Errorf("%s is %q, want %q", expression, got, want)
	}
}

func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for !holds() {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within %v", what, patience)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// TestMain lets more tests run at a time than there are processors: they wait for most of their time.
func TestMain(m *testing.M) {
	flag.Parse()
	_ = flag.Set("test.parallel", "4") // a flag of package testing, which is always there
	os.Exit(m.Run())
}

var opening sync.Mutex // a browser opens one tab at a time

func newTab(t *testing.T, chromium *browsertest.Browser) *browsertest.Tab {
	t.Helper()
	opening.Lock()
	defer opening.Unlock()
	return chromium.NewTab(t)
}

// both runs a test with each version of htmx.
func both(t *testing.T, name string, test func(t *testing.T, htmx string)) {
	t.Helper()
	for _, version := range []string{"2", "4"} {
		t.Run(name+", htmx "+version, func(t *testing.T) {
			t.Parallel()
			test(t, "htmx="+version)
		})
	}
}

// settled gives the page time to do what it must not do.
func settled(tab *browsertest.Tab) {
	browsertest.Evaluate[bool](tab, `new Promise(done => setTimeout(done, 400, true))`)
}

func queryOf(opened string) url.Values {
	_, query, _ := strings.Cut(opened, " ")
	values, _ := url.ParseQuery(query)
	return values
}
