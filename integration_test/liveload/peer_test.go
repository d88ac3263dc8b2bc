package liveload_test

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"
)

// What a frame begins with.
const (
	final      = 0x80
	rsv1       = 0x40
	more       = 0x00 // a continuation
	textual    = 0x01
	binaryData = 0x02
	odd        = 0x03 // reserved
	bye        = 0x08
	ping       = 0x09
	pong       = 0x0a
)

// How a connection may end beside a close code that a server sends.
const (
	silent = 1005 // a close frame without a code
	cut    = 1006 // no close frame
	open   = -1   // not at all
	lost   = 0    // whatever a server may say to a peer that it takes for dead: cut, or 1011
)

// peer is the other end of a connection, which does what it likes.
type peer struct {
	t    testing.TB
	conn *net.TCPConn
	in   *bufio.Reader
	id   string // of an event stream
}

// socket opens the websocket at a path by hand. The peer reads nothing by itself.
func (s *server) socket(t testing.TB, path, cookie string) *peer {
	t.Helper()
	p := &peer{t: t, conn: s.tcp()}
	p.in = bufio.NewReader(p.conn)
	fmt.Fprintf(p.conn, "GET %s HTTP/1.1\r\nHost: %s\r\nOrigin: %s\r\nCookie: %s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n", path, s.addr, s.origin, cookie)
	_ = p.conn.SetReadDeadline(time.Now().Add(10 * time.Second))
	response, err := http.ReadResponse(p.in, nil)
	if err != nil || response.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("handshake of %s: %v, %v", path, response, err)
	}
	return p
}

// stream opens the event stream at a path.
func (s *server) stream(t testing.TB, path, cookie string) *peer {
	t.Helper()
	p := &peer{t: t, conn: s.tcp()}
	fmt.Fprintf(p.conn, "GET %s HTTP/1.1\r\nHost: %s\r\nOrigin: %s\r\nCookie: %s\r\nAccept: text/event-stream\r\nX-Live: stream\r\n\r\n",
		path, s.addr, s.origin, cookie)
	_ = p.conn.SetReadDeadline(time.Now().Add(10 * time.Second))
	response, err := http.ReadResponse(bufio.NewReader(p.conn), nil)
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("stream of %s: %v, %v", path, response, err)
	}
	p.in = bufio.NewReader(response.Body)
	var first struct{ ID string }
	if name, data := p.event(); name != "open" || json.Unmarshal([]byte(data), &first) != nil {
		t.Fatalf("stream of %s begins with %q %q", path, name, data)
	}
	p.id = first.ID
	return p
}

// event returns the next event of a stream; its end is called "end".
func (p *peer) event() (name, data string) {
	_ = p.conn.SetReadDeadline(time.Now().Add(10 * time.Second))
	for {
		line, err := p.in.ReadString('\n')
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return "nothing", ""
		} else if err != nil {
			return "end", ""
		}
		field, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
		switch {
		case field == "event":
			name = value
		case field == "data":
			data += value
		case field == "" && value == "" && (name != "" || data != ""):
			return name, data
		}
	}
}

// closed reads a stream up to its end and returns the code of its last event.
func (p *peer) closed() int {
	code := cut
	for {
		switch name, data := p.event(); name {
		case "close":
			var last struct{ Code int }
			if err := json.Unmarshal([]byte(data), &last); err != nil {
				p.t.Errorf("last event is %q", data)
			}
			code = last.Code
		case "end":
			return code
		case "nothing":
			return open
		}
	}
}

// frame makes a frame whose length fits into 16 bits, masked with a key.
func frame(head byte, key [4]byte, payload string) []byte {
	b := []byte{head, final | byte(len(payload))}
	if len(payload) > 125 {
		b = binary.BigEndian.AppendUint16([]byte{head, final | 126}, uint16(len(payload)))
	}
	b = append(b, key[:]...)
	for i := range len(payload) {
		b = append(b, payload[i]^key[i%4])
	}
	return b
}

var key = [4]byte{0x12, 0x34, 0x56, 0x78}

// put writes what may be refused already.
func (p *peer) put(frames ...[]byte) bool {
	_ = p.conn.SetWriteDeadline(time.Now().Add(5 * time.Second))
	for _, f := range frames {
		if _, err := p.conn.Write(f); err != nil {
			return false
		}
	}
	return true
}

// end reads frames up to the end of the connection and returns the code of the close frame. It answers nothing.
func (p *peer) end(limit time.Duration) int {
	code := cut
	_ = p.conn.SetReadDeadline(time.Now().Add(limit))
	for {
		var head [2]byte
		if _, err := io.ReadFull(p.in, head[:]); err != nil {
			if errors.Is(err, os.ErrDeadlineExceeded) {
				return open
			}
			return code
		}
		length := uint64(head[1])
		switch length {
		case 126:
			var n [2]byte
			_, _ = io.ReadFull(p.in, n[:])
			length = uint64(binary.BigEndian.Uint16(n[:]))
		case 127:
			var n [8]byte
			_, _ = io.ReadFull(p.in, n[:])
			length = binary.BigEndian.Uint64(n[:])
		}
		payload := make([]byte, min(length, 1<<20))
		_, _ = io.ReadFull(p.in, payload)
		if head[0] == final|bye {
			if code = silent; len(payload) >= 2 {
				code = int(binary.BigEndian.Uint16(payload))
			}
		}
	}
}
