package sockets_test

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/multiaccount-go/multiaccount/integration_test/sitetest"
)

// knock is a request as it goes over the wire: nobody repairs it.
type knock struct {
	line string // without the end of line
	head [][2]string
	body string // behind the head, without a Content-Length of its own
}

// with replaces a header, or leaves it out when the value is empty.
func (k knock) with(name, value string) knock {
	head := [][2]string{}
	for _, h := range k.head {
		if !strings.EqualFold(h[0], name) {
			head = append(head, h)
		}
	}
	if k.head = head; value != "" {
		return k.and(name, value)
	}
	return k
}

// and adds a header, whether or not there is one of that name.
func (k knock) and(name, value string) knock {
	k.head = append(append([][2]string{}, k.head...), [2]string{name, value})
	return k
}

// as replaces the request line.
func (k knock) as(line string) knock { k.line = line; return k }

// behind adds what follows the head in the same packet.
func (k knock) behind(body string) knock { k.body = body; return k }

func (k knock) bytes() []byte {
	var b strings.Builder
	b.WriteString(k.line + "\r\n")
	for _, h := range k.head {
		b.WriteString(h[0] + ": " + h[1] + "\r\n")
	}
	b.WriteString("\r\n" + k.body)
	return []byte(b.String())
}

// reply is what comes back to a knock. conn stays open when the connection became a socket or a stream.
type reply struct {
	status int
	header http.Header
	body   string
	conn   net.Conn
	r      *bufio.Reader
}

// opened reports whether the door is open: a websocket or an event stream.
func (r reply) opened() bool {
	return r.status == http.StatusSwitchingProtocols ||
		r.status == http.StatusOK && strings.HasPrefix(r.header.Get("Content-Type"), "text/event-stream")
}

// patience is for what comes at once unless the machine is busy.
const patience = 15 * time.Second

// send knocks at a node. An error says that no answer came.
func (k knock) send(t testing.TB, addr string) (reply, error) {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return reply{}, err
	}
	t.Cleanup(func() { conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(patience))
	if _, err := conn.Write(k.bytes()); err != nil {
		return reply{}, err
	}
	r := bufio.NewReader(conn)
	method, _, _ := strings.Cut(k.line, " ")
	resp, err := http.ReadResponse(r, &http.Request{Method: method})
	if err != nil {
		return reply{}, err
	}
	got := reply{status: resp.StatusCode, header: resp.Header, conn: conn, r: r}
	if got.opened() {
		if got.status == http.StatusOK {
			got.r = bufio.NewReader(resp.Body)
		}
		return got, nil
	}
	body, err := io.ReadAll(resp.Body)
	got.body = string(body)
	if resp.Close || err != nil {
		conn.Close()
	}
	return got, err
}

// must is send for a test that needs an answer.
func (k knock) must(t testing.TB, n *sitetest.Node) reply {
	t.Helper()
	for range busyTries {
		got, err := k.send(t, n.Addr)
		if err != nil {
			t.Fatalf("%s: no answer: %v", k.line, err)
		}
		if !busy(got.status, got.body) {
			return got
		}
	}
	t.Fatalf("%s: the store is away", k.line)
	return reply{}
}

// door is one of the ways to stay connected.
type door struct {
	name   string
	path   string
	stream bool // an event stream instead of a websocket
	view   bool // a live view instead of a tab
}

var (
	tabSocket  = door{name: "tab socket", path: "/link/live"}
	viewSocket = door{name: "live view", path: "/live", view: true}
	tabStream  = door{name: "tab stream", path: "/link/live", stream: true}
	viewStream = door{name: "view stream", path: "/live", stream: true, view: true}

	doors = []door{tabSocket, viewSocket, tabStream, viewStream}
	views = []door{viewSocket, viewStream}
)

// at is the door with a query.
func (d door) at(query string) door { d.path += query; return d }

// knock is what an honest page sends to open the door with a cookie.
func (d door) knock(n *sitetest.Node, cookie string) knock {
	k := knock{line: "GET " + d.path + " HTTP/1.1"}.and("Host", n.Addr)
	if cookie != "" {
		k = k.and("Cookie", cookie)
	}
	if d.stream {
		return k.and("Accept", "text/event-stream").and("X-Live", "stream").and("Sec-Fetch-Site", "same-origin")
	}
	return k.and("Origin", n.URL).and("Connection", "Upgrade").and("Upgrade", "websocket").
		and("Sec-WebSocket-Version", "13").and("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")
}

// wire is an open socket or stream. It answers nothing by itself, neither pings nor closes.
type wire struct {
	t    testing.TB
	door door
	node *sitetest.Node
	conn net.Conn
	r    *bufio.Reader
	id   string // of a view's stream

	writing sync.Mutex
	seen    []string // all messages so far
}

// open opens a door, and reads what comes first: the hello of a tab, the view of a view.
func (b *browser) open(n *sitetest.Node, d door) *wire {
	b.t.Helper()
	if !d.view && !strings.Contains(d.path, "?") {
		d = d.at(fmt.Sprintf("?v=%d", b.Document(n).V))
	}
	got := d.knock(n, b.CookieHeader(n)).must(b.t, n)
	if !got.opened() {
		b.t.Fatalf("%s: %d, want it open\n%s", d.name, got.status, got.body)
	}
	if set := got.header.Values("Set-Cookie"); len(set) > 0 {
		b.t.Errorf("%s: the answer sets %q", d.name, set)
	}
	w := wireOf(b.t, n, d, got)
	first, code := w.next(patience)
	if code != 0 || !d.view && messageOf(first).Type != "hello" || d.view && !strings.Contains(first, "live-view") {
		b.t.Fatalf("%s: first comes %q, code %d", d.name, first, code)
	}
	return w
}

func wireOf(t testing.TB, n *sitetest.Node, d door, got reply) *wire {
	return &wire{t: t, door: d, node: n, conn: got.conn, r: got.r}
}

// Ends of a wire that are no close codes.
const (
	silent = -1 // nothing came in time
	cut    = -2 // the connection ended without a close
)

// next returns the next message, or the code that the wire closes with, or silent, or cut.
func (w *wire) next(wait time.Duration) (message string, code int) {
	_ = w.conn.SetReadDeadline(time.Now().Add(wait))
	read := w.readFrame
	if w.door.stream {
		read = w.readEvent
	}
	message, code, err := read()
	var network net.Error
	switch {
	case errors.As(err, &network) && network.Timeout():
		return "", silent
	case err != nil:
		return "", cut
	case code == 0:
		w.seen = append(w.seen, message)
	}
	return message, code
}

func (w *wire) readFrame() (message string, code int, err error) {
	for {
		var head [2]byte
		if _, err := io.ReadFull(w.r, head[:]); err != nil {
			return "", 0, err
		}
		n := uint64(head[1] & 0x7f)
		switch n {
		case 126:
			var size [2]byte
			_, err = io.ReadFull(w.r, size[:])
			n = uint64(binary.BigEndian.Uint16(size[:]))
		case 127:
			var size [8]byte
			_, err = io.ReadFull(w.r, size[:])
			n = binary.BigEndian.Uint64(size[:])
		}
		if err != nil {
			return "", 0, err
		}
		if head[0]&0x70 != 0 || head[1]&0x80 != 0 || head[0]&0x80 == 0 || n > 16<<20 {
			return "", 0, fmt.Errorf("a strange frame: % x", head)
		}
		payload := make([]byte, n)
		if _, err := io.ReadFull(w.r, payload); err != nil {
			return "", 0, err
		}
		switch head[0] & 0x0f {
		case 1:
			return string(payload), 0, nil
		case 8:
			if len(payload) < 2 {
				return "", 1005, nil
			}
			return "", int(binary.BigEndian.Uint16(payload)), nil
		}
	}
}

func (w *wire) readEvent() (message string, code int, err error) {
	var name string
	var data []string
	for {
		line, err := w.r.ReadString('\n')
		if err != nil {
			return "", 0, err
		}
		line = strings.TrimSuffix(line, "\n")
		if strings.ContainsRune(line, '\r') {
			return "", 0, fmt.Errorf("a browser reads two lines: %q", line)
		}
		field, value, _ := strings.Cut(line, ": ")
		switch {
		case line == "" && name == "" && data == nil: // behind a comment
		case line != "" && field == "event":
			name = value
		case line != "" && field == "data":
			data = append(data, value)
		case line != "" && field == "": // a ping
		case line != "":
			return "", 0, fmt.Errorf("a strange line: %q", line)
		case name == "open":
			var first struct{ ID string }
			err := json.Unmarshal([]byte(strings.Join(data, "\n")), &first)
			if err != nil {
				return "", 0, err
			}
			w.id, name, data = first.ID, "", nil
		case name == "close":
			var last struct{ Code int }
			err := json.Unmarshal([]byte(strings.Join(data, "\n")), &last)
			return "", last.Code, err
		case name == "":
			return strings.Join(data, "\n"), 0, nil
		default:
			return "", 0, fmt.Errorf("a strange event: %q", name)
		}
	}
}

// message is what a tab or a view is told in JSON.
type message struct {
	Type, Reason, Code, Message, URL string
	V                                int64
}

// messageOf returns the zero message for HTML.
func messageOf(text string) (m message) {
	_ = json.Unmarshal([]byte(text), &m)
	return m
}

// closed reads until the wire ends, and returns how: a code, cut, or silent when it stays open.
func (w *wire) closed(wait time.Duration) int {
	for end := time.Now().Add(wait); ; {
		if _, code := w.next(time.Until(end)); code != 0 {
			return code
		}
	}
}

// until reads until a message contains part, and returns that. It fails the test when none does.
func (w *wire) until(part string) string {
	w.t.Helper()
	for end := time.Now().Add(patience); ; {
		text, code := w.next(time.Until(end))
		if code != 0 {
			w.t.Fatalf("%s: ends with %d before %q came; it got %q", w.door.name, code, part, w.seen)
		}
		if strings.Contains(text, part) {
			return text
		}
	}
}

// expectClose reads to the end, which has to come at once with that code.
func (w *wire) expectClose(want int) {
	w.t.Helper()
	if code := w.closed(atOnce); code != want {
		w.t.Errorf("%s: closed with %d, want %d; it got %q", w.door.name, code, want, w.seen)
	}
}

// knows reports whether anything that came so far contains part.
func (w *wire) knows(part string) bool {
	for _, text := range w.seen {
		if strings.Contains(text, part) {
			return true
		}
	}
	return false
}

// ended reports whether the TCP connection is over, waiting for it.
func (w *wire) ended(wait time.Duration) bool {
	for end := time.Now().Add(wait); ; {
		if _, code := w.next(time.Until(end)); code < 0 {
			return code == cut
		}
	}
}

// frame is a websocket frame as a browser masks it, or not.
func frame(first byte, payload string, masked bool) []byte {
	b := []byte{first}
	second := byte(0)
	if masked {
		second = 0x80
	}
	switch n := len(payload); {
	case n < 126:
		b = append(b, second|byte(n))
	case n < 1<<16:
		b = binary.BigEndian.AppendUint16(append(b, second|126), uint16(n))
	default:
		b = binary.BigEndian.AppendUint64(append(b, second|127), uint64(n))
	}
	if !masked {
		return append(b, payload...)
	}
	mask := [4]byte{1, 2, 3, 4}
	b = append(b, mask[:]...)
	for i := range len(payload) {
		b = append(b, payload[i]^mask[i%4])
	}
	return b
}

const (
	textFrame   = 0x81 // whole
	binaryFrame = 0x82
	closeFrame  = 0x88
	pingFrame   = 0x89
	pongFrame   = 0x8a
)

// write sends bytes as they are. Errors mean that the other side has cut the wire, which reading tells as well.
func (w *wire) write(b []byte) error {
	w.writing.Lock()
	defer w.writing.Unlock()
	_ = w.conn.SetWriteDeadline(time.Now().Add(patience))
	_, err := w.conn.Write(b)
	return err
}

// say sends one event: over a websocket, or by POST with the browser's cookie of now. It returns the status of the POST, and
// 0 for a websocket.
func (b *browser) say(w *wire, event string) int {
	b.t.Helper()
	if !w.door.stream {
		_ = w.write(frame(textFrame, event, true))
		return 0
	}
	return b.post(w.node, w.door.path, w.id, event).status
}

// post sends an event to a stream, as the page does.
func (b *browser) post(n *sitetest.Node, path, id, event string) reply {
	b.t.Helper()
	return b.postKnock(n, path, id, event).must(b.t, n)
}

func (b *browser) postKnock(n *sitetest.Node, path, id, event string) knock {
	b.t.Helper()
	k := knock{line: "POST " + path + " HTTP/1.1", body: event}
	return k.and("Host", n.Addr).and("Cookie", b.CookieHeader(n)).and("Origin", n.URL).and("Sec-Fetch-Site", "same-origin").
		and("Content-Type", "application/json").and("X-Live-Stream", id).and("Connection", "close").
		and("Content-Length", fmt.Sprint(len(event)))
}

// event is a message of a view's form: pairs of name and value.
func event(fields ...string) string {
	object := map[string]string{}
	for i := 0; i+1 < len(fields); i += 2 {
		object[fields[i]] = fields[i+1]
	}
	data, _ := json.Marshal(object)
	return string(data)
}

// everyDoor runs an attack at each of some doors.
func everyDoor(t *testing.T, doors []door, attack func(t *testing.T, d door)) {
	t.Helper()
	for _, d := range doors {
		t.Run(d.name, func(t *testing.T) { attack(t, d) })
	}
}
