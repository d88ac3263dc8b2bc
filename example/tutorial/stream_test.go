package main

import (
	"bufio"
	"context"
	"encoding/json"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/multiaccount-go/multiaccount/example/tutorial/finished"
	"github.com/multiaccount-go/multiaccount/example/tutorial/site"
)

// Where websockets are blocked the browser reads an event stream and posts what it has to say. livetest does not do that,
// so this test speaks the protocol of docs/http.md itself.
func TestANoteIsAddedWithoutAWebsocket(t *testing.T) {
	s, err := site.New()
	if err != nil {
		t.Fatal(err)
	}
	finished.Add(s)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- s.Listener(ln) }()
	t.Cleanup(func() {
		_ = s.Shutdown()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	jar, _ := cookiejar.New(nil) // fails never
	client := &http.Client{Jar: jar}
	origin := "http://" + ln.Addr().String()
	send := func(method, path, body string, header ...string) *http.Response {
		t.Helper()
		r, err := http.NewRequestWithContext(ctx, method, origin+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Origin", origin)
		for i := 0; i < len(header); i += 2 {
			r.Header.Set(header[i], header[i+1])
		}
		answer, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = answer.Body.Close() })
		return answer
	}
	send("POST", "/sign-in", url.Values{"name": {"alice"}}.Encode(), "Content-Type", "application/x-www-form-urlencoded")
	stream := send("GET", "/notes", "", "Accept", "text/event-stream", "X-Live", "stream")
	lines := bufio.NewScanner(stream.Body)
	next := func(want *regexp.Regexp) string {
		t.Helper()
		for lines.Scan() {
			if m := want.FindStringSubmatch(lines.Text()); m != nil {
				return m[1]
			}
		}
		t.Fatalf("the stream, answered with %d, ended before %s: %v", stream.StatusCode, want, lines.Err())
		return ""
	}
	id := next(regexp.MustCompile(`^data: *\{"id":"(\w+)"\}`))
	stamp := next(regexp.MustCompile(`data-account-stamp="([^"]+)"`))
	event, _ := json.Marshal(map[string]string{"text": "milk", "_stamp": stamp}) // strings always encode
	answer := send("POST", "/notes", string(event), "Content-Type", "application/json", "X-Live-Stream", id)
	if answer.StatusCode != http.StatusNoContent {
		t.Fatalf("the note was answered with %d", answer.StatusCode)
	}
	next(regexp.MustCompile(`<li [^>]*>(milk)<`))
	if answer := send("POST", "/notes", "text=eggs"); answer.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("a POST of no stream was answered with %d", answer.StatusCode)
	}
}
