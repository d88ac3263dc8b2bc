package livetest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/fasthttp/websocket"
	"golang.org/x/net/html"
)

// What package live writes into the element of a view, and what its sockets' addresses have beyond that.
const (
	connect2   = "data-ws-connect"
	connect4   = "hx-ws:connect"
	drawnParam = "_live"
)

const (
	outgoing    = 1024 // messages that wait to be sent
	farewell    = 100 * time.Millisecond
	goingAway   = websocket.CloseGoingAway
	abnormal    = websocket.CloseAbnormalClosure
	longestRest = 200 * time.Millisecond // between two connections; browsers wait up to 30 s
)

// comesBack tells after which close codes browsers open a new socket.
func comesBack(code int) bool {
	switch code {
	case abnormal, websocket.CloseInternalServerErr, websocket.CloseServiceRestart, websocket.CloseTryAgainLater,
		websocket.CloseGoingAway, websocket.CloseNoStatusReceived, 1014:
		return true
	}
	return false
}

// Frame is what came over a socket: HTML, or a JSON object.
type Frame struct {
	View       string // id of the view
	Connection int    // which of the view's sockets, from 1
	Data       string
	Missed     []string // ids that the frame has something for and the page does not have: browsers drop it
}

// Message is a JSON object that came over a socket, or an event of the HX-Trigger header of an answer.
type Message struct {
	Type    string `json:"type"` // session-changed, refused, failed, navigated …
	Code    string `json:"code"`
	Reason  string `json:"reason"`
	Message string `json:"message"` // for the person
	URL     string `json:"url"`
	JSON    string `json:"-"` // all of it
}

// view is a live view in a page. Its fields belong to the page's lock, but for the first ones, which never change.
type view struct {
	page *Page
	ctx  context.Context
	end  context.CancelFunc

	id      string
	element *html.Node
	conn    *websocket.Conn // nil while there is none
	out     chan []byte     // to conn
	ending  bool            // the server has said that it closes conn
	count   int             // sockets so far
	frames  int             // that came over the newest of them
	code    int             // that the last socket ended with
	why     string          // the same in words
	final   bool            // it does not come back
}

// isView reports whether an element holds a live view. Other elements have a data-live, too, but no socket.
func isView(n *html.Node) bool {
	_, live := lookup(n, "data-live")
	_, connects := first(n, connect2, connect4)
	return live && connects
}

func newView(p *Page, n *html.Node) *view {
	v := &view{page: p, id: attr(n, "id"), element: n}
	v.ctx, v.end = context.WithCancel(p.b.server.ctx)
	return v
}

// open reports whether there is a socket that takes messages.
func (v *view) open() bool { return v.conn != nil && !v.ending }

// leave ends the socket for good.
func (v *view) leave() {
	v.final = true
	v.end()
}

// address is where the sockets lead.
func (v *view) address() string {
	name := connect4
	if v.page.version == 2 {
		name = connect2
	}
	return attr(v.element, name)
}

// run keeps the view connected until it is left or the server wants no more.
func (v *view) run() {
	for rest := time.Millisecond; ; rest = min(2*rest, longestRest) {
		conn, err := v.dial()
		if err != nil {
			if !v.closed(abnormal, err.Error()) {
				return
			}
		} else {
			since := time.Now()
			code, why := v.listen(conn)
			if time.Since(since) > longestRest {
				rest = time.Millisecond
			}
			if !v.closed(code, why) {
				return
			}
		}
		select {
		case <-v.ctx.Done():
			return
		case <-time.After(rest):
		}
	}
}

// closed notes the end of a connection and reports whether there is to be another one.
func (v *view) closed(code int, why string) bool {
	v.page.mu.Lock()
	defer v.page.mu.Unlock()
	v.conn, v.code, v.why = nil, code, why
	v.final = v.final || !comesBack(code)
	v.page.touch()
	return !v.final
}

// dial opens a socket as htmx does, and says on the first one what the page shows, as live.js does.
func (v *view) dial() (*websocket.Conn, error) {
	p := v.page
	p.mu.Lock()
	link := v.address()
	drawn := attr(v.element, "data-live")
	first := v.count == 0
	at, err := resolve(Site+p.url, link)
	p.mu.Unlock()
	switch {
	case link == "":
		return nil, fmt.Errorf("#%s does not say where its socket is: htmx %d reads %s and %s", v.id, p.version, connect2, connect4)
	case err != nil:
		return nil, err
	}
	if first && drawn != "" {
		query := at.Query()
		query.Set(drawnParam, drawn)
		at.RawQuery = query.Encode()
	}
	header := http.Header{
		"Origin": {Site}, "User-Agent": {"livetest"}, "Sec-Fetch-Site": {"same-origin"}, "Sec-Fetch-Mode": {"websocket"},
	}
	for _, cookie := range p.b.client.Jar.Cookies(at) {
		header.Add("Cookie", cookie.Name+"="+cookie.Value)
	}
	if cookies := header["Cookie"]; len(cookies) > 1 {
		header.Set("Cookie", strings.Join(cookies, "; "))
	}
	page := *at
	at.Scheme = "ws" // the connection counts as encrypted already
	ctx, cancel := context.WithTimeout(v.ctx, p.b.patience)
	defer cancel()
	dialer := websocket.Dialer{NetDialContext: p.b.server.ln.dial}
	conn, response, err := dialer.DialContext(ctx, at.String(), header)
	if response != nil {
		p.b.client.Jar.SetCookies(&page, response.Cookies())
	}
	if err != nil && response != nil {
		body, _ := io.ReadAll(response.Body)
		return nil, fmt.Errorf("the handshake at %s was answered with %d: %s", local(&page), response.StatusCode, body)
	}
	return conn, err
}

// listen takes over what comes, until the socket ends.
func (v *view) listen(conn *websocket.Conn) (code int, why string) {
	p := v.page
	out, over := make(chan []byte, outgoing), make(chan struct{})
	defer close(over)
	p.b.server.spawn(func() { write(conn, out, over) })
	unhook := context.AfterFunc(v.ctx, func() {
		_ = conn.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(goingAway, ""), time.Now().Add(farewell))
		_ = conn.Close()
	})
	defer unhook()
	defer func() { _ = conn.Close() }()
	p.mu.Lock()
	v.conn, v.out, v.ending, v.frames = conn, out, false, 0
	v.count++
	setAttr(v.element, "data-live", "")
	p.touch()
	p.mu.Unlock()
	for {
		_, data, err := conn.ReadMessage()
		var closed *websocket.CloseError
		switch {
		case err == nil:
			v.take(string(data))
		case errors.As(err, &closed):
			return closed.Code, fmt.Sprintf("closed with %d %s", closed.Code, closed.Text)
		default:
			return abnormal, "the connection is lost: " + err.Error()
		}
	}
}

// write sends what is queued, so that nobody waits for a server that is busy: browsers do it the same way.
func write(conn *websocket.Conn, out <-chan []byte, over <-chan struct{}) {
	for {
		select {
		case <-over:
			return
		case message := <-out:
			if conn.WriteMessage(websocket.TextMessage, message) != nil {
				return // the reader meets it, too
			}
		}
	}
}

// take does what a frame says.
func (v *view) take(data string) {
	p := v.page
	p.mu.Lock()
	defer p.mu.Unlock()
	if v.ctx.Err() != nil { // the tab is somewhere else by now
		return
	}
	v.frames++
	frame := Frame{View: v.id, Connection: v.count, Data: data}
	if strings.HasPrefix(data, "{") {
		v.obey(data)
	} else if list, err := pieces(data, p.version); err != nil {
		p.b.t.Errorf("livetest: a frame for #%s: %v:\n%s", v.id, err, data)
	} else {
		frame.Missed = apply(p.doc, list, p.version)
		p.adopt()
	}
	p.frames = append(p.frames, frame)
	p.touch()
}

// obey does what a message says.
func (v *view) obey(data string) {
	p := v.page
	var m struct {
		Message
		Push bool `json:"push"`
	}
	if err := json.Unmarshal([]byte(data), &m); err != nil {
		p.b.t.Errorf("livetest: #%s was sent JSON that is no message: %v:\n%s", v.id, err, data)
		return
	}
	m.JSON = data
	p.heard = append(p.heard, m.Message)
	switch m.Type {
	case "failed", "session-changed", "session-ended":
		// Nobody is so fast that he could send something before the close arrives. With a code it is about one event only.
		v.ending = m.Code == ""
	case "navigated":
		p.arrive(v, m.URL, m.Push)
	case "navigate":
		v.navigate(v.element, m.URL, true)
	case "redirect":
		r := p.link(m.URL)
		p.b.server.spawn(func() {
			if err := p.goTo(r, true); err != nil && p.b.server.ctx.Err() == nil {
				p.b.t.Errorf("livetest: #%s leads elsewhere: %v", v.id, err)
			}
		})
	}
}

// navigate takes the view to another of its addresses. p.mu is held, and the socket is open.
func (v *view) navigate(source *html.Node, link string, push bool) {
	to, err := resolve(Site+v.page.url, link)
	if err != nil {
		v.page.b.t.Errorf("livetest: a link of #%s: %v", v.id, err)
		return
	}
	message := map[string]string{"_params": local(to)}
	if push {
		message["_push"] = "true"
	}
	if stamp := v.page.stampOf(source); stamp != "" {
		message[stampField] = stamp
	}
	data, _ := json.Marshal(message) // strings always encode
	v.queue(data)
}

// queue hands a message to the writer.
func (v *view) queue(data []byte) {
	select {
	case v.out <- data:
	default:
		v.page.b.t.Errorf("livetest: #%s: %d messages wait to be sent", v.id, outgoing)
	}
}
