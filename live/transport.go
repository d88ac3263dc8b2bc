package live

import (
	"encoding/binary"
	"errors"
	"io"
	"math"
	"net"
	"sync"
	"sync/atomic"
	"time"

	fasthttpws "github.com/fasthttp/websocket"
	"github.com/gofiber/contrib/websocket"
	"github.com/gofiber/fiber/v2"
)

// transport is all that this package asks of a websocket connection, or of an event stream that stands in for one. One
// goroutine reads and one at a time writes; readBy and writeBy may be called beside them. Nothing may be called once the
// handler that was given the transport has returned: below it lie pooled objects that then belong to somebody else.
type transport interface {
	// next waits for a message. The reader is valid until next is called again.
	next() (r io.Reader, text bool, err error)
	write(message []byte, deadline time.Time) error
	ping(deadline time.Time) error
	// close writes message, unless it is nil, and the close frame: the last thing that is written.
	close(message []byte, code int, reason string, deadline time.Time) error
	readBy(t time.Time)  // sets the deadline of next, also of one that waits already
	writeBy(t time.Time) // the same for a write that is under way
	// control sets what happens on the peer's pings and pongs. heard is told of each, inside next or a read, and says whether
	// it counts; pong runs inside next or ping.
	control(heard func() bool, pong func())
	// linger is told the error that ended next. Where the transport refused the peer's bytes and said so in a close frame,
	// it swallows what the peer still sends: closing a TCP connection with unread bytes resets it, and the peer would
	// lose the frame.
	linger(err error)
}

const (
	readBuffer  = 256  // per socket, for its whole life; bigger messages are read past it
	writeBuffer = 4096 // pooled; a frame up to this size is one write to the connection
	lingerIdle  = 100 * time.Millisecond
	lingerMax   = time.Second
	pongWait    = time.Second // to answer the peer's ping
)

var writeBuffers sync.Pool

// upgrade answers the handshake with 101 and calls serve with the connection, on a goroutine of its own, after the Fiber
// handler has returned.
func upgrade(c *fiber.Ctx, maxMessage int, serve func(transport)) error {
	return websocket.New(func(conn *websocket.Conn) {
		inner := conn.Conn
		// The package makes copies of every header, cookie and local of the request and keeps them as long as the
		// socket is open. Nobody reads them here, and a session cookie should not lie around in memory for days.
		*conn = websocket.Conn{Conn: inner}
		inner.SetReadLimit(int64(maxMessage))
		serve(&contribTransport{conn: inner})
		// A no-op unless the server was told to keep hijacked connections open.
		_ = inner.Close()
	}, websocket.Config{
		ReadBufferSize:  readBuffer,
		WriteBufferSize: writeBuffer,
		WriteBufferPool: &writeBuffers,
		// The package's own handler would send the text of a panic to the browser. serve recovers by itself.
		RecoverHandler: func(*websocket.Conn) {},
	})(c)
}

// contribTransport is a transport over contrib/websocket.
type contribTransport struct {
	conn   *fasthttpws.Conn
	said   atomic.Bool // the close frame is out, and the library does not know
	inside bool        // a message is being read
}

func (t *contribTransport) next() (io.Reader, bool, error) {
	t.inside = false
	kind, r, err := t.conn.NextReader()
	t.inside = true
	return r, kind == fasthttpws.TextMessage, err
}

func (t *contribTransport) write(message []byte, deadline time.Time) error {
	_ = t.conn.SetWriteDeadline(deadline) // only notes it for the write that follows
	return t.conn.WriteMessage(fasthttpws.TextMessage, message)
}

func (t *contribTransport) ping(deadline time.Time) error {
	return t.conn.WriteControl(fasthttpws.PingMessage, nil, deadline)
}

// close puts both frames into one write: each costs as much as everything else about telling a tab.
func (t *contribTransport) close(message []byte, code int, reason string, deadline time.Time) error {
	farewell := fasthttpws.FormatCloseMessage(code, reason)
	if message == nil {
		return t.conn.WriteControl(fasthttpws.CloseMessage, farewell, deadline)
	}
	t.said.Store(true)
	frames := appendFrame(nil, fasthttpws.TextMessage, message)
	frames = appendFrame(frames, fasthttpws.CloseMessage, farewell)
	conn := t.conn.NetConn()
	if err := conn.SetWriteDeadline(deadline); err != nil {
		return err
	}
	_, err := conn.Write(frames)
	return err
}

// appendFrame appends one whole frame as servers write it: unmasked, and not compressed.
func appendFrame(to []byte, kind int, payload []byte) []byte {
	const final = 0x80
	to = append(to, final|byte(kind))
	switch n := len(payload); {
	case n < 126:
		to = append(to, byte(n))
	case n <= math.MaxUint16:
		to = binary.BigEndian.AppendUint16(append(to, 126), uint16(n))
	default:
		to = binary.BigEndian.AppendUint64(append(to, 127), uint64(n))
	}
	return append(to, payload...)
}

func (t *contribTransport) readBy(at time.Time)  { _ = t.conn.SetReadDeadline(at) }
func (t *contribTransport) writeBy(at time.Time) { _ = t.conn.NetConn().SetWriteDeadline(at) }

func (t *contribTransport) control(heard func() bool, pong func()) {
	t.conn.SetPongHandler(func(string) error {
		// A pong in the middle of a message gives it no more time: nobody may send fragments for ever.
		if heard() && !t.inside {
			pong()
		}
		return nil
	})
	echo := t.conn.CloseHandler()
	t.conn.SetCloseHandler(func(code int, reason string) error {
		if t.said.Load() {
			return nil
		}
		return echo(code, reason)
	})
	t.conn.SetPingHandler(func(data string) error {
		if t.said.Load() || !heard() {
			return nil
		}
		err := t.conn.WriteControl(fasthttpws.PongMessage, []byte(data), time.Now().Add(pongWait))
		if errors.Is(err, fasthttpws.ErrCloseSent) {
			return nil
		}
		return err
	})
}

func (t *contribTransport) linger(err error) {
	var closed *fasthttpws.CloseError
	var network net.Error
	if errors.As(err, &closed) || errors.As(err, &network) || errors.Is(err, io.EOF) {
		return // the peer ended it, or the network did
	}
	conn, end := t.conn.NetConn(), time.Now().Add(lingerMax)
	buf := make([]byte, 4096)
	for time.Now().Before(end) {
		_ = conn.SetReadDeadline(time.Now().Add(lingerIdle))
		if _, err := conn.Read(buf); err != nil {
			return
		}
	}
}
