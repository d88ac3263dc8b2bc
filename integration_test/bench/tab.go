package main

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"strings"
)

// Websocket frames, as far as a tab of this program meets them.
const (
	opText  = 0x1
	opClose = 0x8
	opPing  = 0x9
	opPong  = 0xA
)

// tab is an open tab, without a browser around it. Nobody reads until a measurement asks, and then one goroutine reads tab
// after tab: what came for the others waits in the kernel. So the receiving end costs a read for each frame and no wake-up
// for each tab, the same with ours and with the floor.
type tab struct{ *client }

// tabPath is where the tabs of a session are told of its changes.
func tabPath(version int64) string { return fmt.Sprintf("/link/live?v=%d", version) }

// openTab makes the handshake that a browser makes, with all that browsers send: what a server keeps of it is part of what
// a tab costs.
func openTab(addr, path, cookie string) (tab, error) {
	c, err := dialHTTP(addr)
	if err != nil {
		return tab{}, err
	}
	c.r = bufio.NewReaderSize(c.conn, 1024)
	r, err := c.do(fmt.Appendf(nil, handshake, path, addr, addr, cookieName, cookie))
	if err == nil && r.status != 101 {
		err = fmt.Errorf("handshake: status %d", r.status)
	}
	if err != nil {
		c.close()
		return tab{}, err
	}
	return tab{c}, nil
}

var handshake = strings.ReplaceAll(`GET %s HTTP/1.1
Host: %s
Connection: Upgrade
Pragma: no-cache
Cache-Control: no-cache
User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36
Upgrade: websocket
Origin: http://%s
Sec-WebSocket-Version: 13
Accept-Encoding: gzip, deflate, br, zstd
Accept-Language: en-GB,en-US;q=0.9,en;q=0.8,de;q=0.7
Cookie: theme=dark; consent=2026-01-01; %s=%s
Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==
Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits

`, "\n", "\r\n")

// next reads one frame that is no ping. Those come whenever they like, and the server of a benchmark waits an hour for the
// pong. The payload is valid until the next read.
func (t tab) next() (op byte, payload []byte, err error) {
	for {
		if op, payload, err = t.frame(); err != nil || op != opPing {
			return op, payload, err
		}
	}
}

func (t tab) frame() (op byte, payload []byte, err error) {
	head, err := t.r.Peek(2)
	if err != nil {
		return 0, nil, err
	}
	op, length, skip := head[0]&0xF, int(head[1]), 2
	if length == 126 {
		if head, err = t.r.Peek(4); err != nil {
			return 0, nil, err
		}
		length, skip = int(binary.BigEndian.Uint16(head[2:])), 4
	}
	frame, err := t.r.Peek(skip + length)
	if err != nil {
		return 0, nil, err
	}
	_, err = t.r.Discard(len(frame))
	return op, frame[skip:], err
}

// expect reads one frame and says no to any other kind.
func (t tab) expect(op byte) ([]byte, error) {
	got, payload, err := t.next()
	if err == nil && got != op {
		err = fmt.Errorf("frame of kind %#x, want %#x", got, op)
	}
	return payload, err
}

// ping sends a ping and waits for the answer: the connection is open, and has carried something both ways.
func (t tab) ping() error {
	if err := t.send([]byte{0x89, 0x80, 0, 0, 0, 0}); err != nil {
		return err
	}
	_, err := t.expect(opPong)
	return err
}

// say sends a short text, masked with zeros.
func (t tab) say(text string) error {
	return t.send(append([]byte{0x81, 0x80 | byte(len(text)), 0, 0, 0, 0}, text...))
}

// textFrame is a text as a server sends it.
func textFrame(text string) []byte { return append([]byte{0x81, byte(len(text))}, text...) }

// expectAll reads one text from each tab and returns when the last one has it.
func expectAll(tabs []tab) error {
	for i, t := range tabs {
		if _, err := t.expect(opText); err != nil {
			return fmt.Errorf("tab %d of %d: %w", i+1, len(tabs), err)
		}
	}
	return nil
}

func closeAll[T interface{ close() }](tabs []T) {
	for _, t := range tabs {
		t.close()
	}
}
