package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"
	"syscall"
)

// idler is a tab that does nothing once it is open.
type idler interface {
	alive() error // nil: the connection is open
	close()
}

// openIdleTab opens a tab of ours, which is sent something at first.
func openIdleTab(addr string, p *person) (idler, error) {
	t, err := openTab(addr, tabPath(p.session.Version), p.cookie)
	if err != nil {
		return nil, err
	}
	if _, err := t.expect(opText); err != nil {
		t.close()
		return nil, err
	}
	return t, nil
}

// openEcho opens a tab that gets a text because it says one.
func openEcho(addr string, p *person) (idler, error) {
	t, err := openTab(addr, tabPath(p.session.Version), p.cookie)
	if err != nil {
		return nil, err
	}
	if err = t.say(`{"type":"hello","v":1}`); err == nil {
		_, err = t.expect(opText)
	}
	if err != nil {
		t.close()
		return nil, err
	}
	return t, nil
}

// alive pings the tab: it has carried something both ways.
func (t tab) alive() error { return t.ping() }

// stream is a tab of a live view whose frames come over an event stream.
type stream struct{ *client }

// openStream opens a stream and reads the whole view from it.
func openStream(addr string, p *person) (idler, error) {
	c, err := dialHTTP(addr)
	if err != nil {
		return nil, err
	}
	c.r = bufio.NewReaderSize(c.conn, 1024)
	s := stream{c}
	r, err := c.do(fmt.Appendf(nil, streamRequest, tabPath(p.session.Version), addr, addr, cookieName, p.cookie))
	if err == nil && r.status != 200 {
		err = fmt.Errorf("event stream: status %d", r.status)
	}
	for range 2 { // the opening, and the view
		if err == nil {
			err = s.skipEvent()
		}
	}
	if err != nil {
		c.close()
		return nil, err
	}
	return s, nil
}

var streamRequest = strings.ReplaceAll(`GET %s HTTP/1.1
Host: %s
Connection: keep-alive
Cache-Control: no-store
User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36
Accept: text/event-stream
X-Live: stream
Sec-Fetch-Site: same-origin
Sec-Fetch-Mode: cors
Sec-Fetch-Dest: empty
Referer: http://%s/
Accept-Encoding: gzip, deflate, br, zstd
Accept-Language: en-GB,en-US;q=0.9,en;q=0.8,de;q=0.7
Cookie: theme=dark; consent=2026-01-01; %s=%s

`, "\n", "\r\n")

// skipEvent reads an event, which ends with an empty line, and pings in front of it.
func (s stream) skipEvent() error {
	data := false
	for {
		line, err := s.r.ReadSlice('\n')
		switch {
		case err != nil:
			return err
		case len(line) > 1:
			data = data || line[0] != ':'
		case data:
			return nil
		}
	}
}

// alive looks whether the stream has ended, without waiting. A ping may have come in the meantime, and nothing else.
func (s stream) alive() error {
	raw, err := s.conn.SyscallConn()
	if err != nil {
		return err
	}
	var next [1]byte
	var n int
	var cause error
	err = raw.Read(func(fd uintptr) bool {
		n, _, cause = syscall.Recvfrom(int(fd), next[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		return true
	})
	switch {
	case err != nil:
		return err
	case errors.Is(cause, syscall.EAGAIN):
		return nil
	case cause != nil:
		return cause
	case n == 0:
		return io.EOF
	case next[0] != ':':
		return errors.New("an event that nobody has caused")
	}
	return nil
}
