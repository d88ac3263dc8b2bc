package stage

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/multiaccount-go/multiaccount/integration_test/sitetest"
)

// Reply is what came back for raw bytes.
type Reply struct {
	Bytes  string // everything that Raw has read
	Status int    // of the first answer; 0: there was none, or it was no HTTP
	Header http.Header
	Body   string
}

// Location returns where a redirect leads.
func (r Reply) Location() string { return r.Header.Get("Location") }

// Cookies returns the values of the Set-Cookie header that belong to a name.
func (r Reply) Cookies(name string) []string {
	var values []string
	for _, c := range (&http.Response{Header: r.Header}).Cookies() {
		if c.Name == name {
			values = append(values, c.Value)
		}
	}
	return values
}

const (
	patience = 15 * time.Second // for the first byte of an answer
	silence  = 2 * time.Second  // after which nothing more comes
)

// Raw sends bytes as they are, such as no client of HTTP writes them, and reads until the node closes the connection or has
// been silent for a while.
func (s *Stage) Raw(n *sitetest.Node, request string) Reply {
	s.Helper()
	conn := s.dial(n, request)
	defer conn.Close()
	var got bytes.Buffer
	var err error
	for buf := make([]byte, 16<<10); err == nil; {
		var size int
		size, err = conn.Read(buf)
		got.Write(buf[:size])
		_ = conn.SetReadDeadline(time.Now().Add(silence))
	}
	if errors.Is(err, os.ErrDeadlineExceeded) && got.Len() == 0 {
		s.Errorf("stage: no answer to %.80q", request)
	}
	r := read(bytes.NewReader(got.Bytes()))
	r.Bytes = got.String()
	return r
}

// Handshake is [Stage.Raw] for a connection that may stay open: it returns the first answer as soon as it is there.
func (s *Stage) Handshake(n *sitetest.Node, request string) Reply {
	s.Helper()
	conn := s.dial(n, request)
	defer conn.Close()
	return read(conn)
}

// dial opens a connection and writes to it. What a node refuses while it is still coming is written in part.
func (s *Stage) dial(n *sitetest.Node, request string) net.Conn {
	s.Helper()
	conn, err := net.DialTimeout("tcp", n.Addr, 5*time.Second)
	if err != nil {
		s.Fatalf("stage: %v", err)
	}
	_ = conn.SetDeadline(time.Now().Add(patience))
	_, _ = io.WriteString(conn, request)
	return conn
}

// read reads the first answer. What is no answer has the status 0.
func read(from io.Reader) Reply {
	resp, err := http.ReadResponse(bufio.NewReader(from), nil)
	if err != nil {
		return Reply{Header: http.Header{}}
	}
	r := Reply{Status: resp.StatusCode, Header: resp.Header}
	if r.Status != http.StatusSwitchingProtocols {
		body, _ := io.ReadAll(resp.Body) // cut short is what it is
		r.Body = string(body)
	}
	return r
}

// Request writes a request with the target and the header lines as they are. It closes the connection afterwards.
func Request(n *sitetest.Node, method, target string, lines []string, body string) string {
	var b strings.Builder
	b.WriteString(method + " " + target + " HTTP/1.1\r\nHost: " + n.Addr + "\r\nConnection: close\r\n")
	for _, line := range lines {
		b.WriteString(line + "\r\n")
	}
	b.WriteString("\r\n" + body)
	return b.String()
}

// Lines turns a bundle of headers into lines for [Request], leaving empty values out.
func Lines(headers ...string) []string {
	var lines []string
	for i := 0; i < len(headers); i += 2 {
		if headers[i+1] != "" {
			lines = append(lines, headers[i]+": "+headers[i+1])
		}
	}
	return lines
}
