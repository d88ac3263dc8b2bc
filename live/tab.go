package live

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"io"
	"time"

	"github.com/gofiber/contrib/websocket"
	"github.com/gofiber/fiber/v2"

	"github.com/multiaccount-go/multiaccount/internal/origin"
)

// Subject says what a socket follows. Its functions run after the request is over: they must not use the *fiber.Ctx, nor
// strings taken from it without a copy.
type Subject struct {
	Key        Key
	Owner      string // whose socket it is, such as an account: [Limits].SocketsPerOwner. Default: nobody's
	Generation int64  // of the credential that opened the socket
	Version    int64  // that the page was drawn with
	// Read returns the newest state, with the Tag that its announcement carries. It is called once, after the socket has
	// begun to follow, so that nothing can happen unseen in between. ctx ends after five seconds. Required.
	Read func(ctx context.Context) (Announcement, error)
	// Hello makes the first frame, a JSON object. Default: none. Views send none.
	Hello func(a Announcement) []byte
}

var errNoRead = errors.New("live: Subject.Read is missing")

// ServeTab upgrades the request to a socket, or answers it with an event stream where websockets are blocked, that follows s
// and sends nothing but what is announced. First comes Hello, then at once the Payload of the newest state if that is not the
// Version of the page. What the browser sends over a socket is counted and ignored. Errors come before the upgrade, and the
// request is not answered yet: ErrNotUpgrade, [origin.ErrForeign], ErrClosed, ErrFull or
// ErrTooManySockets.
func (h *Hub) ServeTab(c *fiber.Ctx, s Subject) error {
	if s.Read == nil {
		return errNoRead
	}
	if err := h.handshake(c); err != nil {
		return err
	}
	return h.upgrade(c, s, nil, func(m *member, conn transport) error {
		return m.listen(conn, func(r io.Reader, _ bool) error {
			_, _ = io.Copy(io.Discard, r) // an unread message would only be measured from its second fragment on
			return nil
		})
	})
}

// handshake checks everything about a handshake that does not depend on who sends it.
func (h *Hub) handshake(c *fiber.Ctx) error {
	check := h.origins.Socket
	switch {
	case websocket.IsWebSocketUpgrade(c):
		if !whole(c) {
			return ErrNotUpgrade
		}
	case wantsStream(c):
		check = h.origins.Unsafe // browsers send no Origin with a GET to the own site
	default:
		return ErrNotUpgrade
	}
	if err := check(origin.Read(c)); err != nil {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.room(h.limits.Sockets)
}

// whole reports whether a websocket handshake has all that belongs to one.
func whole(c *fiber.Ctx) bool {
	header := &c.Context().Request.Header
	nonce, err := base64.StdEncoding.DecodeString(string(header.Peek("Sec-Websocket-Key")))
	return c.Method() == fiber.MethodGet && header.IsHTTP11() &&
		bytes.Equal(header.Peek("Sec-Websocket-Version"), []byte("13")) && err == nil && len(nonce) == 16
}

// upgrade admits the socket, answers the handshake and serves it.
func (h *Hub) upgrade(c *fiber.Ctx, s Subject, view *outbox, remain func(*member, transport) error) error {
	seat, err := h.reserve(h.claim(s, c.IP()))
	if err != nil {
		return err
	}
	m := seat.member
	m.view = view
	if !websocket.IsWebSocketUpgrade(c) {
		stream(c, func(conn *streamTransport) {
			if seat.take() {
				h.serveStream(m, conn, s, func(conn transport) error { return remain(m, conn) })
			}
		})
		return nil
	}
	err = upgrade(c, h.limits.MaxMessage, func(conn transport) {
		if !seat.take() {
			_ = conn.close(nil, closeOverloaded, "", time.Now().Add(closeWrite))
			return
		}
		m.serve(conn, s, func(conn transport) error { return remain(m, conn) })
	})
	if err != nil {
		if seat.take() {
			h.leave(m)
		}
		return ErrNotUpgrade
	}
	return nil
}
