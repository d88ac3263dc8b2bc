package hooks_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// source is a browser's end of an event stream, which stands in for a socket.
type source struct {
	t    *testing.T
	conn net.Conn
	body *bufio.Reader
	id   string
}

// stream opens an event stream as a page of this site does. Without one it returns the status.
func (v *visitor) stream(path string) (*source, int) {
	v.t.Helper()
	conn, err := net.Dial("tcp", v.addr)
	if err != nil {
		v.t.Fatal(err)
	}
	v.t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetReadDeadline(time.Now().Add(patience))
	_, _ = fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: %s\r\nSec-Fetch-Site: same-origin\r\nAccept: text/event-stream\r\nX-Live: stream\r\n"+
		"Cookie: %s=%s\r\n\r\n", path, host, cookieName, v.cookie)
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		v.t.Fatal(err)
	}
	if response.StatusCode != 200 || response.Header.Get("Content-Type") != "text/event-stream" {
		return nil, response.StatusCode
	}
	s := &source{t: v.t, conn: conn, body: bufio.NewReader(response.Body)}
	var first struct{ ID string }
	if name, data := s.next(); name != "open" || json.Unmarshal([]byte(data), &first) != nil || first.ID == "" {
		v.t.Fatalf("%s begins with %s %s", path, name, data)
	}
	s.id = first.ID
	return s, 200
}

// next returns the next event.
func (s *source) next() (name, data string) {
	s.t.Helper()
	_ = s.conn.SetReadDeadline(time.Now().Add(patience))
	for {
		line, err := s.body.ReadString('\n')
		field, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
		switch {
		case err == io.EOF:
			return "end", ""
		case err != nil:
			s.t.Fatal(err)
		case field == "event":
			name = value
		case field == "data":
			data += value
		case name != "" || data != "":
			return name, data
		}
	}
}

// expect checks that the next event has that name and part in its data.
func (s *source) expect(name, part string) {
	s.t.Helper()
	if got, data := s.next(); got != name || !strings.Contains(data, part) {
		s.t.Fatalf("got %q %s, want %q with %s", got, data, name, part)
	}
}

// send posts an event and returns the status.
func (v *visitor) send(s *source, path, text, stamp string, header ...string) int {
	v.t.Helper()
	body, _ := json.Marshal(map[string]string{"text": text, "_stamp": stamp})
	r := httptest.NewRequest("POST", path, strings.NewReader(string(body)))
	r.Host = host
	r.Header.Set("Origin", here)
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("X-Live-Stream", s.id)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	if v.cookie != "" {
		r.AddCookie(&http.Cookie{Name: cookieName, Value: v.cookie})
	}
	response, err := v.app.Test(r, -1)
	if err != nil {
		v.t.Fatal(err)
	}
	return response.StatusCode
}

func TestEventStreamInPlaceOfASocket(t *testing.T) {
	site := newSite(t, newStore())
	v := site.signedIn("a", "b")
	asB := v.stamp()
	s, status := v.stream("/mine?_htmx=4")
	if s == nil {
		t.Fatalf("no stream: %d", status)
	}
	s.expect("", "current=Name-B,true primary=Name-A,true id=b")
	if code := v.send(s, "/mine", "well", asB); code != 204 {
		t.Errorf("own event: %d, want 204", code)
	}
	s.expect("", "noted well")
	if code := v.send(s, "/mine", "never", "v1.junk"); code != 204 { // the stamp is the view's own matter
		t.Errorf("wrong stamp: %d, want 204", code)
	}
	s.expect("", "stale_page")
	nobody := &visitor{site: site}
	for name, c := range map[string]struct {
		who    *visitor
		path   string
		header []string
		want   int
	}{
		"another session of the same person": {who: site.signedIn("a", "b"), want: 409},
		"another person":                     {who: site.signedIn("c"), want: 409},
		"nobody":                             {who: nobody, want: 401},
		"nobody, at a view for everybody":    {who: nobody, path: "/live", want: 404},
		"a foreign page":                     {who: v, header: []string{"Origin", "https://evil.test"}, want: 403},
		"a view with other hooks":            {who: v, path: "/live", want: 404},
	} {
		path := "/mine"
		if c.path != "" {
			path = c.path
		}
		if code := c.who.send(s, path, "never", asB, c.header...); code != c.want {
			t.Errorf("%s: %d, want %d", name, code, c.want)
		}
	}
	if _, code := nobody.stream("/mine"); code != 401 {
		t.Errorf("nobody's stream: %d, want 401", code)
	}
	if site.done() != "b:well" {
		t.Errorf("rows %q", site.done())
	}
}

// Over the stream that b has opened, a gets nothing and does nothing.
func TestEventStreamFollowsItsSession(t *testing.T) {
	site := newSite(t, newStore())
	v := site.signedIn("a", "b")
	asB := v.stamp()
	s, _ := v.stream("/mine")
	s.expect("", "id=b")
	v.post("/link/switch_to/a")
	for _, id := range []string{"a", "b"} {
		if err := site.accounts.Hub().Publish(t.Context(), topic(id), nil); err != nil {
			t.Fatal(err)
		}
	}
	for _, stamp := range []string{asB, v.stamp()} {
		if code := v.send(s, "/mine", "never", stamp); code != 404 && code != 409 {
			t.Errorf("an event after the switch: %d, want 404 or 409", code)
		}
	}
	s.expect("", "session-changed")
	s.expect("close", "1012")
	s.expect("end", "")
	next, _ := v.stream("/mine")
	next.expect("", "id=a")
	v.post("/link/sign_out")
	next.expect("", "session-ended")
	next.expect("close", "1008")
	if _, code := v.stream("/mine"); code != 401 {
		t.Errorf("after signing out: %d, want 401", code)
	}
	if site.done() != "" {
		t.Errorf("rows %q", site.done())
	}
}

// A visitor's view is bound to nobody. Once he is signed in, it is not his any more.
func TestEventStreamOfAVisitorWhoSignsIn(t *testing.T) {
	site := newSite(t, newStore())
	v := &visitor{site: site}
	s, status := v.stream("/live")
	if s == nil {
		t.Fatalf("no stream: %d", status)
	}
	s.expect("", "current=,false")
	if code := v.send(s, "/live", "hello", ""); code != 204 {
		t.Errorf("as a visitor: %d, want 204", code)
	}
	s.expect("", "noted hello")
	v.post("/sign-in", "id", "a")
	if code := v.send(s, "/live", "never", v.stamp()); code != 409 {
		t.Errorf("signed in: %d, want 409", code)
	}
	if site.done() != ":hello" {
		t.Errorf("rows %q", site.done())
	}
}
