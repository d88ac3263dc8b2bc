// Package script_test runs the browser script against a real Chromium and a small fake of the plugin's routes, so that
// every answer the script can get, also the rare ones, is one line of a test.
package script_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fasthttp/websocket"

	"github.com/multiaccount-go/multiaccount/browser"
)

const patience = 8 * time.Second

// sent is one unsafe or htmx request as the site got it.
type sent struct {
	Path, Header, Field string
	Status              int
}

// site fakes the session of one browser: an account, a version, the tab sockets, and pages that show the account.
type site struct {
	*httptest.Server

	mu       sync.Mutex
	account  string // "" is signed out
	version  int
	cached   int // how many more pages are alice's, version 1, whatever is current, as from an old cache
	refuse   int // status with which handshakes are refused
	sockets  map[*websocket.Conn]chan []byte
	opened   []string       // query of each handshake, refused ones too
	requests []sent         // to /act, /post and the fragments
	loads    map[string]int // pages drawn per account
	asked    int            // questions to /link/state
	workspace
}

func newSite(t *testing.T, account string) *site {
	t.Helper()
	s := &site{
		account: account, sockets: map[*websocket.Conn]chan []byte{}, loads: map[string]int{},
		workspace: workspace{gates: map[string]chan struct{}{}, waiting: map[string]int{}},
	}
	if account != "" {
		s.version = 1
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /page", s.page)
	mux.HandleFunc("GET /bare", s.bare)
	mux.HandleFunc("GET /other", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<title>other</title><p>other") })
	mux.HandleFunc("GET /favicon.ico", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	mux.HandleFunc("GET /link/multiaccount.js", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/javascript; charset=utf-8")
		w.Write(browser.Script)
	})
	mux.HandleFunc("GET /link/state", s.state)
	mux.HandleFunc("GET /link/live", s.live)
	mux.HandleFunc("GET /inbox", s.guarded(s.inbox))
	mux.HandleFunc("GET /more", s.guarded(s.more))
	mux.HandleFunc("POST /act", s.guarded(func() string { return "done" }))
	mux.HandleFunc("POST /post", s.guarded(func() string { return "posted" }))
	mux.Handle("GET /vendor/", http.StripPrefix("/vendor/", http.FileServer(http.Dir("../../htmx/vendor"))))
	s.workspaceRoutes(mux)
	s.Server = httptest.NewServer(strictPolicy(s.gated(mux)))
	t.Cleanup(func() {
		s.openGates()
		s.closeSockets(websocket.CloseGoingAway)
		s.closeView()
		s.Close()
	})
	return s
}

func strictPolicy(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", "default-src 'self'")
		next.ServeHTTP(w, r)
	})
}

func stampOf(account string) string {
	if account == "" {
		return ""
	}
	return "v1." + account
}

// page draws a page for the current account. Its query chooses htmx (2, 4 or none) and the follow policy.
func (s *site) page(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	account, version := s.account, s.version
	if s.cached > 0 {
		s.cached--
		account, version = "alice", 1
	}
	stale := r.Header.Get("HX-Request") != "" && r.Header.Get("X-Account-Stamp") != stampOf(account)
	if !stale {
		s.loads[account]++
	}
	s.mu.Unlock()
	if stale { // as any page behind Protect
		w.Header().Set("HX-Refresh", "true")
		w.WriteHeader(http.StatusConflict)
		return
	}

	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	fmt.Fprintf(w, `%[5]s<h1 id="who">%[1]s</h1><p id="account-announcer" aria-live="polite"></p>
<form id="note" method="post" action="/post">
  <textarea name="text"></textarea>
  <input type="checkbox" name="urgent">
  <select name="kind"><option>one</option><option>two</option></select>
  <button>Save</button>
</form>
<form id="search" data-account-ignore-input><input name="q"></form>
<form id="foreign" method="post" action="https://elsewhere.invalid/post"><button>Leave</button></form>
<button id="act" hx-post="/act" hx-swap="none">Act</button>
<button id="more" hx-get="/more" hx-target="#list" hx-swap="beforeend">More</button>
<a id="pushed" hx-get="/more" hx-target="#list" hx-push-url="/page?pushed=1&htmx=%[3]s&follow=%[2]s">Push</a>
<div id="list"></div>
%[4]s
</body></html>`, account, r.FormValue("follow"), r.FormValue("htmx"), inboxOf(account), head(account, version, r))
}

// head is the start of a page, up to and with the opening tag of its body.
func head(account string, version int, r *http.Request) string {
	htmx := map[string]string{
		"2": `<meta name="htmx-config" content='{"includeIndicatorStyles":false}'><script src="/vendor/htmx-2.0.11.min.js" defer></script>
<script src="/vendor/htmx-ext-ws-2.0.4.min.js" defer></script>`,
		// Not deferred: a deferred htmx 4 may start before an extension that is deferred too has loaded.
		"4": `<script src="/vendor/htmx-4.0.1.min.js"></script><script src="/vendor/hx-ws-4.0.1.min.js"></script>`,
	}[r.FormValue("htmx")]
	return fmt.Sprintf(`<!doctype html><html lang="en"><head><title>%[1]s</title>
<meta name="account-stamp" content="%[2]s"><meta name="session-version" content="%[3]d">%[4]s
<script src="/link/multiaccount.js" defer data-state="/link/state" data-live="/link/live" data-follow="%[5]s"></script>
</head><body>`, account, stampOf(account), version, htmx, r.FormValue("follow"))
}

// bare is a page with the script and none of the parts it works with.
func (s *site) bare(w http.ResponseWriter, _ *http.Request) {
	fmt.Fprint(w, `<!doctype html><title>bare</title><script src="/link/multiaccount.js"></script><p>bare`)
}

func inboxOf(account string) string {
	return fmt.Sprintf(`<div id="inbox" hx-get="/inbox" hx-trigger="session-changed from:body" hx-target="this" hx-swap="outerHTML">
<p id="inbox-of">inbox of %[1]s</p><button id="inbox-act" hx-post="/act" hx-swap="none">Act</button>
<button id="kept" hx-preserve hx-post="/act" hx-swap="none">Kept</button></div>`, account)
}

func (s *site) inbox() string { return inboxOf(s.account) }

func (s *site) more() string {
	return fmt.Sprintf(`<form class="fetched" method="post" action="/post"><input name="text" value="%s"><button>Post</button></form>`, s.account)
}

// guarded answers like a route behind Protect: 409 and HX-Refresh unless the stamp is the current account's.
func (s *site) guarded(answer func() string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		request := sent{Path: r.URL.Path, Header: r.Header.Get("X-Account-Stamp"), Field: r.PostFormValue("_stamp"), Status: 200}
		stamp := request.Header
		if stamp == "" {
			stamp = request.Field
		}
		if stamp != stampOf(s.account) {
			request.Status = http.StatusConflict
		}
		s.requests = append(s.requests, request)
		if request.Status == http.StatusConflict {
			if r.Header.Get("HX-Request") != "" {
				w.Header().Set("HX-Refresh", "true")
			}
			w.WriteHeader(http.StatusConflict)
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprint(w, answer())
	}
}

func (s *site) state(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked++
	fresh := s.account != "" && (r.FormValue("v") == fmt.Sprint(s.version) || r.FormValue("stamp") == stampOf(s.account))
	json.NewEncoder(w).Encode(map[string]any{"v": s.version, "fresh": fresh, "stamp": stampOf(s.account)})
}

func (s *site) live(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.opened = append(s.opened, r.URL.RawQuery)
	refuse, version := s.refuse, s.version
	s.mu.Unlock()
	if refuse != 0 {
		w.WriteHeader(refuse)
		return
	}
	conn, err := (&websocket.Upgrader{}).Upgrade(w, r, nil)
	if err != nil {
		return
	}
	defer conn.Close()
	out := make(chan []byte, 16)
	hello, _ := json.Marshal(map[string]any{"type": "hello", "v": version})
	out <- hello
	s.mu.Lock()
	s.sockets[conn] = out
	s.mu.Unlock()
	go func() {
		for {
			if _, _, err := conn.ReadMessage(); err != nil {
				s.mu.Lock()
				if _, known := s.sockets[conn]; known {
					delete(s.sockets, conn)
					close(out)
				}
				s.mu.Unlock()
				return
			}
		}
	}()
	for message := range out {
		if code := strings.TrimPrefix(string(message), "close "); code != string(message) {
			var number int
			fmt.Sscan(code, &number)
			conn.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(number, ""), time.Now().Add(time.Second))
			continue
		}
		if conn.WriteMessage(websocket.TextMessage, message) != nil {
			return
		}
	}
}

// set makes account current in the version after, without telling anybody.
func (s *site) set(account string) (version int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.account = account
	s.version++
	if account == "" {
		s.version = 0
	}
	return s.version
}

// switchTo is a switch as the plugin does it: the change, the message to every tab, the close with 1012.
func (s *site) switchTo(account string) {
	s.tell("session-changed", s.set(account), "switched")
	s.closeSockets(websocket.CloseServiceRestart)
}

func (s *site) tell(kind string, version int, reason string) {
	message, _ := json.Marshal(map[string]any{"type": kind, "v": version, "reason": reason})
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, out := range s.sockets {
		out <- message
	}
}

func (s *site) closeSockets(code int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, out := range s.sockets {
		out <- fmt.Appendf(nil, "close %d", code)
	}
}

// look reads the site's books under its lock.
func look[T any](s *site, read func() T) T {
	s.mu.Lock()
	defer s.mu.Unlock()
	return read()
}

func (s *site) tabs() int { return look(s, func() int { return len(s.sockets) }) }

func (s *site) handshakes() int { return look(s, func() int { return len(s.opened) }) }

func (s *site) loadsOf(account string) int { return look(s, func() int { return s.loads[account] }) }

func (s *site) last() sent {
	return look(s, func() sent {
		if len(s.requests) == 0 {
			return sent{}
		}
		return s.requests[len(s.requests)-1]
	})
}

func (s *site) sentCount() int { return look(s, func() int { return len(s.requests) }) }

// eventually waits for something to become true at the site.
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
