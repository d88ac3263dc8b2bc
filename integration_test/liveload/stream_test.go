package liveload_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/multiaccount-go/multiaccount/integration_test/sitetest"
)

// post sends an event to a view's stream and returns the status.
func (s *server) post(cookie, id, body string) int {
	s.t.Helper()
	response, _ := s.do("POST", "/view?name=stream", body,
		"Cookie", cookie, "Content-Type", "application/json", "X-Live-Stream", id)
	return response.StatusCode
}

// awaits reads a stream until a message has part in it.
func (p *peer) awaits(part string) {
	p.t.Helper()
	for {
		name, data := p.event()
		if name == "end" || name == "nothing" || name == "close" {
			p.t.Fatalf("%q did not come, but %s %s", part, name, data)
		}
		if strings.Contains(data, part) {
			return
		}
	}
}

// TestBadPeersOfAStream: what is wrong with an event that comes by POST ends in its status; only a flood ends the stream.
func TestBadPeersOfAStream(t *testing.T) {
	s := startServer(t, patient)
	cookie := s.signIn("alice")
	good := s.view("good", "alice", cookie)
	stamp := good.stamp()
	event := func(text string) string { return fmt.Sprintf(`{"text":"alice %s","_stamp":%q}`, text, stamp) }
	own := s.stream(t, "/view?name=stream", cookie)
	own.awaits(`hx-swap-oob="innerHTML"`)

	for name, c := range map[string]struct {
		cookie, id, body string
		want             int
	}{
		"a body of 1 MB":                    {cookie, own.id, event("never-" + strings.Repeat("x", 1<<20)), http.StatusRequestEntityTooLarge},
		"an id that is nobody's":            {cookie, strings.Repeat("0", 32), event("never-1"), http.StatusNotFound},
		"an id that is none":                {cookie, "x", event("never-2"), http.StatusNotFound},
		"the id of another session":         {s.signIn("alice"), own.id, event("never-3"), http.StatusConflict},
		"the id of another account":         {s.signIn("bob"), own.id, event("never-4"), http.StatusConflict},
		"the id alone, without the session": {"", own.id, event("never-5"), http.StatusUnauthorized},
		"no JSON":                           {cookie, own.id, "never-6", http.StatusBadRequest},
		"no UTF-8":                          {cookie, own.id, event("never-7\xff"), http.StatusBadRequest},
		"a stamp of nobody":                 {cookie, own.id, `{"text":"alice never-8","_stamp":"v1.junk"}`, http.StatusNoContent},
	} {
		if got := s.post(c.cookie, c.id, c.body); got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
	}
	own.awaits("stale_page") // of the last one: the event was taken, and refused by the view's guards
	if got := s.post(cookie, own.id, event("well")); got != http.StatusNoContent {
		t.Errorf("an event after all that: %d, want 204", got)
	}
	own.awaits("alice well")
	sitetest.Eventually(t, "the neighbour sees it", func() bool { return good.shows("alice well") == 1 })

	speaks := s.stream(t, "/view?name=speaks", cookie)
	_, _ = speaks.conn.Write([]byte("GET /numbers HTTP/1.1\r\n\r\n"))
	if code := speaks.closed(); code == open {
		t.Error("a stream whose peer sends something on it stays open")
	}
	last := http.StatusNoContent
	for i := 0; i < 100 && last == http.StatusNoContent; i++ {
		last = s.post(cookie, own.id, event(fmt.Sprint("executed-flood ", i)))
	}
	if last != http.StatusTooManyRequests {
		t.Errorf("a flood ends with %d, want 429", last)
	}
	if code := own.closed(); code != 1008 {
		t.Errorf("the stream of the flood ends with %d, want 1008", code)
	}
	if got := s.post(cookie, own.id, event("never-9")); got != http.StatusNotFound {
		t.Errorf("an event for the stream that has ended: %d, want 404", got)
	}
	sitetest.Eventually(t, "only the neighbour is there", func() bool { return len(s.numbers().Open) == 1 })
	s.change("alice", "alice last")
	sitetest.Eventually(t, "the neighbour sees the last change", func() bool { return good.shows("alice last") == 1 })
	if n := good.sent("never-"); n > 0 {
		t.Errorf("%d events were executed that should not have been", n)
	}
	if good.verify(); good.connections() != 1 {
		t.Errorf("the neighbour was connected %d times, want once", good.connections())
	}
}
