package liveload_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fasthttp/websocket"
)

// tab is a page with a live view in a browser without a screen: it opens the socket that the page names, shows what comes
// and, like browser/live.js, comes back when the connection is gone.
type tab struct {
	t      testing.TB
	origin string // of the site
	cookie string
	socket string // path and query that the page's element names
	list   string // id of the list whose rows are looked at
	mine   string // what rows of this account begin with; others must not be seen
	others []string
	lost   chan struct{} // gets a token at each end of a connection

	mu      sync.Mutex
	screen  *screen
	conn    *websocket.Conn
	whole   bool     // the connection has shown the view, or the page was up to date
	frames  []string // of HTML, since the page was opened
	told    []string // types of the JSON messages
	opened  int      // connections so far
	ends    []int    // their close codes; 1006 without one
	refused []int    // status of handshakes that were not let in; 0: nothing listens
	strange bool     // something came that must never come, and the test has failed
}

// openTab opens a page and its socket, and looks after both until the test ends.
func openTab(t testing.TB, origin, path, cookie, list, mine string, others ...string) *tab {
	t.Helper()
	p := &tab{
		t: t, origin: origin, cookie: cookie, list: list, mine: mine, others: others, lost: make(chan struct{}, 64),
	}
	body := p.page(path)
	var err error
	if p.screen, err = newScreen(body); err != nil {
		t.Fatal(err)
	}
	element := p.screen.find("hx-ext", "ws")
	if element == nil {
		t.Fatalf("no live view on %s:\n%s", path, body)
	}
	p.socket = attribute(element, "data-ws-connect")
	p.look(body)
	first := p.socket + "?"
	if strings.Contains(p.socket, "?") {
		first = p.socket + "&"
	}
	if err := p.dial(first + url.Values{"_live": {attribute(element, "data-live")}}.Encode()); err != nil {
		t.Fatalf("socket of %s: %v", path, err)
	}
	p.whole = true // the page shows the view already; what differs comes as a frame
	ctx, stop := context.WithCancel(context.Background())
	var work sync.WaitGroup
	work.Go(func() { p.live(ctx) })
	t.Cleanup(func() {
		stop()
		p.mu.Lock()
		if p.conn != nil {
			_ = p.conn.Close()
		}
		p.mu.Unlock()
		work.Wait()
	})
	return p
}

func (p *tab) page(path string) string {
	p.t.Helper()
	request, err := http.NewRequest(http.MethodGet, p.origin+path, nil)
	if err != nil {
		p.t.Fatal(err)
	}
	request.Header.Set("Cookie", p.cookie)
	request.Header.Set("Accept", "text/html")
	client := http.Client{Timeout: 15 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	defer client.CloseIdleConnections()
	response, err := client.Do(request)
	if err != nil {
		p.t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		p.t.Fatalf("GET %s: %d, %v", path, response.StatusCode, err)
	}
	return string(body)
}

// dial connects. Its error holds the status of a refusal.
func (p *tab) dial(path string) error {
	d := websocket.Dialer{HandshakeTimeout: 10 * time.Second}
	header := http.Header{"Origin": {p.origin}, "Cookie": {p.cookie}}
	conn, response, err := d.Dial("ws"+strings.TrimPrefix(p.origin, "http")+path, header)
	p.mu.Lock()
	defer p.mu.Unlock()
	if err != nil {
		status := 0
		if response != nil {
			_ = response.Body.Close()
			status = response.StatusCode
		}
		p.refused = append(p.refused, status)
		return fmt.Errorf("status %d: %w", status, err)
	}
	p.conn, p.whole = conn, false
	p.opened++
	return nil
}

// live reads until ctx ends, and comes back with the delays of browser/live.js.
func (p *tab) live(ctx context.Context) {
	for tries := 0; ; {
		p.mu.Lock()
		conn := p.conn
		p.mu.Unlock()
		if conn != nil {
			began := time.Now()
			code := p.read(conn)
			_ = conn.Close()
			p.mu.Lock()
			p.conn, p.whole = nil, false
			if ctx.Err() == nil {
				p.ends = append(p.ends, code)
			}
			p.mu.Unlock()
			select {
			case p.lost <- struct{}{}:
			default:
			}
			if tries++; time.Since(began) > 5*time.Second {
				tries = 0
			}
			if code == websocket.CloseServiceRestart && tries < 3 {
				tries = -1 // come back at once
			}
		}
		longest := 250 * time.Millisecond
		if tries >= 0 {
			longest = min(30*time.Second, 500*time.Millisecond<<tries)
		}
		select {
		case <-time.After(rand.N(longest)):
		case <-ctx.Done():
			return
		}
		tries = max(tries, 0)
		if err := p.dial(p.socket); err != nil {
			tries++
		}
		if ctx.Err() != nil { // nobody closes this connection any more
			p.mu.Lock()
			if p.conn != nil {
				_ = p.conn.Close()
			}
			p.mu.Unlock()
			return
		}
	}
}

// read takes what comes over one connection and returns its close code.
func (p *tab) read(conn *websocket.Conn) int {
	for {
		_, data, err := conn.ReadMessage()
		var closed *websocket.CloseError
		switch {
		case errors.As(err, &closed):
			return closed.Code
		case err != nil:
			return websocket.CloseAbnormalClosure
		}
		p.take(string(data))
	}
}

func (p *tab) take(text string) {
	p.look(text)
	p.mu.Lock()
	defer p.mu.Unlock()
	if strings.HasPrefix(text, "{") {
		var m struct{ Type string }
		if err := json.Unmarshal([]byte(text), &m); err != nil {
			p.complain("a message that is no JSON", text)
		}
		p.told = append(p.told, m.Type)
		return
	}
	p.frames = append(p.frames, text)
	p.whole = true
	if err := p.screen.apply(text); err != nil {
		p.complain(err.Error(), text)
	}
}

// look checks that nothing of another account is in what comes.
func (p *tab) look(text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, other := range p.others {
		if strings.Contains(text, other) {
			p.complain("rows of another account", text)
		}
	}
}

// complain fails the test for what came, once. It is called with mu.
func (p *tab) complain(what, text string) {
	p.t.Helper()
	if !p.strange {
		p.t.Errorf("a view of %q got %s: %.2000s", p.mine, what, text)
	}
	p.strange = true
}

// send sends a form, as the extension of htmx does.
func (p *tab) send(fields map[string]any) {
	p.t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.conn == nil {
		p.t.Fatal("the view has no connection to send over")
	}
	fields["HEADERS"] = map[string]string{"HX-Request": "true"}
	if err := p.conn.WriteJSON(fields); err != nil {
		p.t.Fatalf("send: %v", err)
	}
}

// stamp returns the stamp that the view was drawn with.
func (p *tab) stamp() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if n := p.screen.find("data-account-stamp", ""); n != nil {
		return attribute(n, "data-account-stamp")
	}
	return ""
}

// back reports whether the view is connected for the nth time, and shows itself.
func (p *tab) back(nth int) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.conn != nil && p.whole && p.opened >= nth
}

func (p *tab) connections() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.opened
}

// closes returns the close codes of the connections that have ended.
func (p *tab) closes() []int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.ends)
}

// history returns copies of what was told, how connections ended, and which were not let in.
func (p *tab) history() (told []string, ends, refused []int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.told), slices.Clone(p.ends), slices.Clone(p.refused)
}

// shows returns how many rows of the list have that text.
func (p *tab) shows(text string) (n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	rows, _ := p.screen.rows(p.list)
	for _, row := range rows {
		if row == text {
			n++
		}
	}
	return n
}

// sent returns how many frames had that text in them.
func (p *tab) sent(text string) (n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, frame := range p.frames {
		if strings.Contains(frame, text) {
			n++
		}
	}
	return n
}

// verify fails the test for what must not have happened to the view of somebody who is signed in all the time.
func (p *tab) verify() {
	p.t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	if slices.Contains(p.told, "session-ended") || slices.Contains(p.ends, websocket.ClosePolicyViolation) {
		p.t.Errorf("a view of %q was signed out: told %q, closed with %v", p.mine, p.told, p.ends)
	}
	for _, status := range p.refused {
		if status != 0 && status != http.StatusServiceUnavailable {
			p.t.Errorf("a view of %q was refused with %d", p.mine, status)
		}
	}
	if rows, ok := p.screen.rows(p.list); !ok {
		p.t.Errorf("a view of %q has no list", p.mine)
	} else {
		for _, row := range rows {
			if !strings.HasPrefix(row, p.mine) {
				p.t.Errorf("a view of %q shows %q", p.mine, row)
			}
		}
	}
}
