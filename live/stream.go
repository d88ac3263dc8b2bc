package live

import (
	"bytes"
	"errors"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"time"

	"github.com/gofiber/contrib/websocket"
	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"
)

// Where websockets are blocked, a browser connects by an event stream: the answer to a GET that does not end. What it has to
// say comes by POST, see inlet.
const (
	streamAsked  = "X-Live"        // header of the GET
	streamWord   = "stream"        // its value
	streamHeader = "X-Live-Stream" // header of a POST: the id of the stream that it belongs to
	eventStream  = "text/event-stream"
)

// IsConnect reports whether a request belongs to the connection of a page that is open already: the handshake of its
// websocket, the request for its event stream, or an event that is sent by POST. Hooks that set up what only a connection
// needs ask it; what it returns for a page that is drawn is false.
func IsConnect(c *fiber.Ctx) bool {
	return websocket.IsWebSocketUpgrade(c) || wantsStream(c) || sendsEvent(c)
}

// wantsStream reports whether a request asks for an event stream. A page of another site cannot make one: X-Live is a
// header of its own.
func wantsStream(c *fiber.Ctx) bool {
	if c.Method() != fiber.MethodGet || c.Get(streamAsked) != streamWord {
		return false
	}
	for kind := range strings.SplitSeq(c.Get(fiber.HeaderAccept), ",") {
		kind, _, _ = strings.Cut(kind, ";")
		if strings.EqualFold(strings.TrimSpace(kind), eventStream) {
			return true
		}
	}
	return false
}

func sendsEvent(c *fiber.Ctx) bool {
	return c.Method() == fiber.MethodPost && c.Get(streamHeader) != ""
}

// stream takes the connection over and calls serve, which has to call open first, on a goroutine of its own, after all
// handlers have returned.
func stream(c *fiber.Ctx, serve func(*streamTransport)) {
	ctx := c.Context() // unlike c, it goes back into its pool only after the function below has returned
	ctx.HijackSetNoResponse(true)
	ctx.Hijack(func(conn net.Conn) {
		serve(&streamTransport{conn: conn, request: ctx})
		// A no-op unless the server was told to keep hijacked connections open.
		_ = conn.Close()
	})
}

// serveStream answers the request for an event stream and serves it. The inlet of a view is there before the browser knows
// its id, and as long as the view.
func (h *Hub) serveStream(m *member, conn *streamTransport, s Subject, remain func(transport) error) {
	var first opening
	if m.view != nil {
		in := m.view.inlet
		first.ID = in.id
		h.inlets.add(in)
		defer h.inlets.remove(in)
	}
	if err := conn.open(first, time.Now().Add(h.limits.WriteTimeout)); err != nil {
		h.leave(m)
		return
	}
	m.serve(conn, s, remain)
}

// opening is the data of the first event.
type opening struct {
	ID string `json:"id,omitempty"` // of a view's stream; tabs send nothing
}

// streamTransport is a transport over an event stream. Nothing but its end comes from the peer on this connection.
//
// There are no pongs: a ping that could be written counts as a sign of life. A peer that is dead, and said no goodbye, is cut
// by TCP: by its keep-alive, or when the pings that it does not acknowledge are given up; one that takes nothing any more by
// the deadline of a write.
type streamTransport struct {
	conn    net.Conn
	request *fasthttp.RequestCtx // until open
	pong    func()
	said    atomic.Bool // the close event is out
}

var (
	errRefused = errors.New("live: a handler has refused the stream")
	errSpoke   = errors.New("live: the peer of an event stream sent something on it")
)

// open answers the request with what the handlers in front have put into the response's header, and with the first event.
// An error says that there is no stream.
func (t *streamTransport) open(first any, deadline time.Time) error {
	answer := &t.request.Response
	t.request = nil
	if answer.StatusCode() != fiber.StatusOK { // by a handler in front, after ours
		answer.SetConnectionClose()
		_ = t.conn.SetWriteDeadline(deadline)
		_, err := answer.WriteTo(t.conn)
		return errors.Join(errRefused, err)
	}
	h := &answer.Header
	for _, name := range []string{fiber.HeaderContentEncoding, fiber.HeaderContentLength, fiber.HeaderTransferEncoding} {
		h.Del(name) // of a body that is none: a compressor leaves them, for example
	}
	h.SetContentType(eventStream)
	h.Set(fiber.HeaderCacheControl, "no-store")
	h.Set("X-Accel-Buffering", "no")
	h.SetConnectionClose()
	return t.send(appendEvent(h.AppendBytes(nil), "open", encode(first)), deadline)
}

func (t *streamTransport) send(b []byte, deadline time.Time) error {
	if err := t.conn.SetWriteDeadline(deadline); err != nil {
		return err
	}
	_, err := t.conn.Write(b)
	return err
}

// next returns when the peer is gone, which is all that can happen.
func (t *streamTransport) next() (io.Reader, bool, error) {
	n, err := t.conn.Read(make([]byte, 1))
	if n > 0 {
		err = errSpoke
	}
	return nil, false, err
}

func (t *streamTransport) write(message []byte, deadline time.Time) error {
	return t.send(appendEvent(nil, "", message), deadline)
}

func (t *streamTransport) ping(deadline time.Time) error {
	err := t.send([]byte(": ping\n\n"), deadline)
	if err == nil {
		t.pong()
	}
	return err
}

// closing is the data of the last event.
type closing struct {
	Code   int    `json:"code"`
	Reason string `json:"reason,omitempty"`
}

func (t *streamTransport) close(message []byte, code int, reason string, deadline time.Time) error {
	var b []byte
	if message != nil {
		b = appendEvent(b, "", message)
	}
	t.said.Store(true)
	return t.send(appendEvent(b, "close", encode(closing{code, reason})), deadline)
}

// readBy sets the deadline of next. Nobody answers the close event: after it the connection ends at once.
func (t *streamTransport) readBy(at time.Time) {
	if t.said.Load() {
		at = longAgo
	}
	_ = t.conn.SetReadDeadline(at)
}

func (t *streamTransport) writeBy(at time.Time)               { _ = t.conn.SetWriteDeadline(at) }
func (t *streamTransport) control(_ func() bool, pong func()) { t.pong = pong }
func (t *streamTransport) linger(error)                       {}

// appendEvent appends one event: its name unless that is empty, and its data line by line. The browser joins the lines with
// line feeds again, whatever ended them here; HTML and JSON mean the same then.
func appendEvent(to []byte, name string, data []byte) []byte {
	if name != "" {
		to = append(append(append(to, "event: "...), name...), '\n')
	}
	for more := true; more; {
		var line []byte
		line, data, more = cutLine(data)
		to = append(append(append(to, "data: "...), line...), '\n')
	}
	return append(to, '\n')
}

func cutLine(data []byte) (line, rest []byte, more bool) {
	i := bytes.IndexAny(data, "\r\n")
	if i < 0 {
		return data, nil, false
	}
	rest = data[i+1:]
	if data[i] == '\r' && len(rest) > 0 && rest[0] == '\n' {
		rest = rest[1:]
	}
	return data[:i], rest, true
}
