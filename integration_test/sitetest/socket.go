package sitetest

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/fasthttp/websocket"
)

// Message is what a tab is told.
type Message struct {
	Type   string
	V      int64
	Reason string
}

// Socket is the websocket of an open tab.
type Socket struct {
	*websocket.Conn
	t testing.TB
}

// Open opens the socket of a page that shows version v, and reads the hello.
func (v *Visitor) Open(n *Node, version int64) *Socket {
	v.t.Helper()
	s, status := v.TryOpen(n, version)
	if s == nil {
		v.t.Fatalf("sitetest: the tab socket was refused: %d", status)
	}
	if m := s.Next(5 * time.Second); m.Type != "hello" {
		v.t.Fatalf("sitetest: first message is %+v, want a hello", m)
	}
	return s
}

// TryOpen sends the handshake of a tab socket. When it is refused the socket is nil and status says why. headers are
// pairs of name and value, which go before what a page of the site sends.
func (v *Visitor) TryOpen(n *Node, version int64, headers ...string) (s *Socket, status int) {
	v.t.Helper()
	header := http.Header{"Origin": {n.URL}}
	if v.jar != nil {
		header.Set("Cookie", v.CookieHeader(n))
	} else if h, ok := v.client.Transport.(holding); ok {
		header.Set("Cookie", h.cookie)
	}
	for i := 0; i < len(headers); i += 2 {
		header.Set(headers[i], headers[i+1])
	}
	dialer := websocket.Dialer{HandshakeTimeout: 5 * time.Second}
	conn, resp, err := dialer.Dial(fmt.Sprintf("ws://%s/link/live?v=%d", n.Addr, version), header)
	if err != nil {
		if resp == nil {
			v.t.Errorf("sitetest: handshake: %v", err)
			return nil, 0
		}
		resp.Body.Close()
		return nil, resp.StatusCode
	}
	v.t.Cleanup(func() { conn.Close() })
	return &Socket{conn, v.t}, resp.StatusCode
}

// Next returns the next message. It fails the test when none comes in time.
func (s *Socket) Next(timeout time.Duration) Message {
	s.t.Helper()
	_ = s.SetReadDeadline(time.Now().Add(timeout))
	_, data, err := s.ReadMessage()
	if err != nil {
		s.t.Fatalf("sitetest: no message: %v", err)
	}
	var m Message
	if err := json.Unmarshal(data, &m); err != nil {
		s.t.Fatalf("sitetest: message %q: %v", data, err)
	}
	return m
}

// Closed returns the code that the socket is closed with, skipping messages. It fails the test when it stays open.
func (s *Socket) Closed(timeout time.Duration) int {
	s.t.Helper()
	_ = s.SetReadDeadline(time.Now().Add(timeout))
	for {
		_, _, err := s.ReadMessage()
		var closed *websocket.CloseError
		if errors.As(err, &closed) {
			return closed.Code
		}
		if err != nil {
			s.t.Fatalf("sitetest: the socket was not closed: %v", err)
		}
	}
}
