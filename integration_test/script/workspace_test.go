package script_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/fasthttp/websocket"

	"github.com/multiaccount-go/multiaccount/integration_test/browsertest"
)

// A frame for the live view, or an answer with the same parts: an element with a field in it, and one without.
const (
	counted = `<p id="count" hx-swap-oob="true">1</p>`
	emptied = `<div id="say-fields" hx-swap-oob="innerHTML"><input id="say-text" name="text"></div>` + counted
)

// workspace is the part of the site where people work while the account changes: a page with forms whose answers take
// their time, fragments with fields in them, and a live view.
type workspace struct {
	gates   map[string]chan struct{} // path -> closed when its requests may go on
	waiting map[string]int           // requests that have come to the gate of a path
	view    *websocket.Conn          // of the newest live view; written to under the lock of the site
	said    []map[string]any         // what the live view has sent
}

func (s *site) workspaceRoutes(mux *http.ServeMux) {
	mux.HandleFunc("GET /workspace", s.workspacePage)
	mux.HandleFunc("GET /draft", s.guarded(func() string { return draftOf(s.account) }))
	mux.HandleFunc("GET /poll", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("POST /leave", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/other", http.StatusSeeOther) })
	mux.HandleFunc("POST /lead", func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("HX-Redirect", "/other") })
	mux.HandleFunc("POST /stay", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	mux.HandleFunc("POST /refuse", refuse)
	mux.HandleFunc("GET /view", s.viewSocket)
	mux.HandleFunc("GET /cleared", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, emptied) })
}

// workspacePage draws the page in the version of htmx and with the follow policy that its query chooses.
func (s *site) workspacePage(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	account, version := s.account, s.version
	s.loads[account]++
	s.mu.Unlock()
	connect, send := `hx-ext="ws" ws-connect="/view"`, "ws-send"
	if r.FormValue("htmx") == "4" {
		connect, send = `hx-ws:connect="/view"`, "hx-ws:send"
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	fmt.Fprintf(w, `%[2]s<h1 id="who">%[1]s</h1><p id="account-announcer" aria-live="polite"></p>
<form id="leave" method="post" action="/leave"><input name="text"><button>Leave</button></form>
<form id="stay" method="post" action="/stay"><input name="text"><button>Stay</button></form>
<a id="other" href="/other">Other</a>
<button id="lead" hx-post="/lead">Lead</button>
<button id="idle" hx-post="/stay">Idle</button>
<button id="refuse" hx-post="/refuse" hx-swap="none">Refuse</button>
<button id="refuse-stale" hx-post="/refuse?code=stale_account" hx-swap="none">Refuse as stale</button>
<div id="poll" hx-get="/poll" hx-trigger="every 200ms" hx-swap="none"></div>
%[3]s
%[4]s
<div id="view" %[5]s>
<form id="say" method="post" action="/post" %[6]s><div id="say-fields"><input id="say-text" name="text"></div></form>
<div id="beside"><input id="beside-text"></div>
<p id="count">0</p>
</div>
<div id="outside"><input id="outside-text"></div>
</body></html>`, account, head(account, version, r), inboxOf(account), draftOf(account), connect, send)
}

func draftOf(account string) string {
	return fmt.Sprintf(`<div id="draft" hx-get="/draft" hx-trigger="session-changed from:body" hx-target="this" hx-swap="outerHTML">
<p id="draft-of">draft of %[1]s</p><input id="draft-text" name="text"></div>`, account)
}

// refuse answers as the plugin does to a request of htmx.
func refuse(w http.ResponseWriter, r *http.Request) {
	code := r.FormValue("code")
	if code == "" {
		code = "too_many"
	}
	why, _ := json.Marshal(map[string]any{"account-refused": map[string]string{"code": code, "message": "Too <b>many</b>."}})
	w.Header().Set("HX-Trigger", string(why))
	w.Header().Set("HX-Reswap", "none")
	w.WriteHeader(http.StatusTooManyRequests)
}

// gated lets requests of a path with a gate wait until it is opened.
func (s *site) gated(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		gate := s.gates[r.URL.Path]
		if gate != nil {
			s.waiting[r.URL.Path]++
		}
		s.mu.Unlock()
		if gate != nil {
			select {
			case <-gate:
			case <-r.Context().Done(): // the browser does not want the answer any more
				return
			}
		}
		next.ServeHTTP(w, r)
	})
}

// hold makes requests of path wait until openGates.
func (s *site) hold(path string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.gates[path] = make(chan struct{})
}

func (s *site) openGates() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for path, gate := range s.gates {
		close(gate)
		delete(s.gates, path)
	}
}

// awaitAtGate waits until a request of path has come and waits for openGates.
func (s *site) awaitAtGate(t *testing.T, path string) {
	t.Helper()
	eventually(t, "a request of "+path, func() bool { return look(s, func() bool { return s.waiting[path] > 0 }) })
}

// switchAndTell switches and waits until the tab has asked what is current now.
func (s *site) switchAndTell(t *testing.T, account string) {
	t.Helper()
	questions := func() int { return look(s, func() int { return s.asked }) }
	before := questions()
	s.switchTo(account)
	eventually(t, "a question of the tab", func() bool { return questions() > before })
}

func (s *site) viewSocket(w http.ResponseWriter, r *http.Request) {
	conn, err := (&websocket.Upgrader{}).Upgrade(w, r, nil)
	if err != nil {
		return
	}
	defer conn.Close()
	s.mu.Lock()
	s.view = conn
	s.mu.Unlock()
	for {
		var message map[string]any
		if conn.ReadJSON(&message) != nil {
			return
		}
		s.mu.Lock()
		s.said = append(s.said, message)
		s.mu.Unlock()
	}
}

// push sends a frame to the live view.
func (s *site) push(t *testing.T, frame string) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.view.WriteMessage(websocket.TextMessage, []byte(frame)); err != nil {
		t.Fatalf("push to the live view: %v", err)
	}
}

func (s *site) closeView() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.view != nil {
		s.view.Close()
	}
}

// openWorkspace shows the workspace in a tab and waits until both of its sockets are up.
func openWorkspace(t *testing.T, tab *browsertest.Tab, s *site, query string) {
	t.Helper()
	tab.Navigate(s.URL + "/workspace?" + query)
	eventually(t, "the tab's socket", func() bool { return s.tabs() == 1 })
	if strings.Contains(query, "htmx=2") || strings.Contains(query, "htmx=4") {
		eventually(t, "the view's socket", func() bool { return look(s, func() bool { return s.view != nil }) })
	}
}

func value(tab *browsertest.Tab, selector string) string {
	return browsertest.Evaluate[string](tab, fmt.Sprintf("document.querySelector(%q).value", selector))
}
