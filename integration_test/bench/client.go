package main

import (
	"bufio"
	"bytes"
	"fmt"
	"net"
	"strconv"
	"strings"
)

// client is an HTTP client that costs little beside what it measures: one connection, requests made beforehand, and of an
// answer it looks at no more than it must.
type client struct {
	conn *net.TCPConn
	r    *bufio.Reader
}

// response is what a measurement wants to know of an answer. The body is valid until the next request.
type response struct {
	status int
	cookie string // the new session cookie, if there is one
	body   []byte
}

func dialHTTP(addr string) (*client, error) {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return nil, err
	}
	return &client{conn.(*net.TCPConn), bufio.NewReader(conn)}, nil
}

// close cuts the connection, so that no port waits for packets of this run.
func (c *client) close() {
	_ = c.conn.SetLinger(0)
	_ = c.conn.Close()
}

// get makes a request.
func get(addr, path, cookie string) []byte {
	return []byte("GET " + path + " HTTP/1.1\r\nHost: " + addr + "\r\nCookie: " + cookieName + "=" + cookie + "\r\n\r\n")
}

func (c *client) do(request []byte) (response, error) {
	if err := c.send(request); err != nil {
		return response{}, err
	}
	return c.receive()
}

func (c *client) send(request []byte) error {
	_, err := c.conn.Write(request)
	return err
}

var (
	headerLength = []byte("Content-Length: ")
	headerCookie = []byte("Set-Cookie: " + cookieName + "=")
)

func (c *client) receive() (response, error) {
	var r response
	line, err := c.r.ReadSlice('\n')
	if err != nil {
		return r, err
	}
	if len(line) < 12 {
		return r, fmt.Errorf("no HTTP answer: %q", line)
	}
	if r.status, err = strconv.Atoi(string(line[9:12])); err != nil {
		return r, err
	}
	length := 0
	for {
		if line, err = c.r.ReadSlice('\n'); err != nil {
			return r, err
		}
		if len(line) == 2 {
			break
		}
		if value, ok := bytes.CutPrefix(line, headerLength); ok {
			if length, err = strconv.Atoi(string(bytes.TrimSpace(value))); err != nil {
				return r, err
			}
		}
		if value, ok := bytes.CutPrefix(line, headerCookie); ok {
			r.cookie, _, _ = strings.Cut(string(value), ";")
		}
	}
	if r.status == 101 {
		return r, nil
	}
	if r.body, err = c.r.Peek(length); err != nil {
		return r, err
	}
	_, err = c.r.Discard(length)
	return r, err
}
