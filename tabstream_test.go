package multiaccount_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// stream asks for the event stream that stands in for the socket of a tab, and returns a function that reads the next event.
// Without a stream the function is nil.
func (l *listener) stream(b *browser, path string, header ...string) (func() (name, data string), *http.Response) {
	l.t.Helper()
	conn, err := net.Dial("tcp", l.addr)
	if err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() { _ = conn.Close() })
	request := "GET " + path + " HTTP/1.1\r\nHost: " + host + "\r\nAccept: text/event-stream\r\nX-Live: stream\r\n"
	if len(header) == 0 {
		header = []string{"Sec-Fetch-Site: same-origin"}
	}
	for name, value := range b.jar {
		header = append(header, "Cookie: "+name+"="+value)
	}
	_ = conn.SetReadDeadline(time.Now().Add(patience))
	_, _ = fmt.Fprint(conn, request, strings.Join(header, "\r\n"), "\r\n\r\n")
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		l.t.Fatal(err)
	}
	if response.Header.Get("Content-Type") != "text/event-stream" {
		return nil, response
	}
	lines := bufio.NewScanner(response.Body)
	return func() (name, data string) {
		l.t.Helper()
		_ = conn.SetReadDeadline(time.Now().Add(patience))
		for lines.Scan() {
			field, value, _ := strings.Cut(lines.Text(), ": ")
			switch {
			case field == "event":
				name = value
			case field == "data":
				data += value
			case name != "" || data != "":
				return name, data
			}
		}
		if err := lines.Err(); err != nil {
			l.t.Fatalf("stream: %v", err)
		}
		return "end", ""
	}, response
}

func TestTabOverAnEventStream(t *testing.T) {
	s := newSite(t)
	l := s.listen()
	b := s.browser()
	b.signIn("a")
	b.link("b")
	next, response := l.stream(b, fmt.Sprintf("/link/live?v=%d", b.document().Version))
	if next == nil {
		t.Fatalf("no stream: %d", response.StatusCode)
	}
	hears := func(want, kind string) {
		t.Helper()
		name, data := next()
		var m struct{ Type string }
		if name != want || kind != "" && (json.Unmarshal([]byte(data), &m) != nil || m.Type != kind) {
			t.Fatalf("got %q %s, want %q %s", name, data, want, kind)
		}
	}
	hears("open", "")
	hears("", "hello")
	b.switchTo("a") // makes a new secret, so the stream ends
	hears("", "session-changed")
	if name, data := next(); name != "close" || !strings.Contains(data, "1012") {
		t.Errorf("got %q %s", name, data)
	}
	hears("end", "")
	if next, response = l.stream(b, fmt.Sprintf("/link/live?v=%d", b.document().Version)); next == nil {
		t.Fatalf("no stream: %d", response.StatusCode)
	}
	hears("open", "")
	hears("", "hello")
	b.post("/link/sign_out")
	hears("", "session-ended")
	if name, data := next(); name != "close" || !strings.Contains(data, "1008") {
		t.Errorf("got %q %s", name, data)
	}
	if next, response := l.stream(b, "/link/live"); next != nil || response.StatusCode != 401 {
		t.Errorf("after signing out: status %d, want 401", response.StatusCode)
	}
}

func TestTabStreamsForPagesOfThisSiteOnly(t *testing.T) {
	s := newSite(t)
	l := s.listen()
	b := s.browser()
	b.signIn("a")
	for name, c := range map[string]struct {
		header string
		want   int
	}{
		"own page":                {"Sec-Fetch-Site: same-origin", 200},
		"own page with an origin": {"Origin: " + here, 200},
		"nothing is said":         {"X-Other: 1", 403},
		"cross-site":              {"Sec-Fetch-Site: cross-site", 403},
		"foreign origin":          {"Origin: https://evil.test", 403},
		"a handshake without an origin": {"Sec-Fetch-Site: same-origin\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
			"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==", 403},
		"half a handshake": {"Sec-Fetch-Site: same-origin\r\nConnection: Upgrade\r\nUpgrade: websocket", 426},
	} {
		if _, response := l.stream(b, "/link/live", c.header); response.StatusCode != c.want {
			t.Errorf("%s: status %d, want %d", name, response.StatusCode, c.want)
		}
	}
}
