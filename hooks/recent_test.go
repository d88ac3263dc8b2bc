package hooks_test

import (
	"encoding/json"
	"net/url"
	"testing"
	"time"

	"github.com/multiaccount-go/multiaccount/hooks"
)

func TestRequireRecent(t *testing.T) {
	s := newSite(t, newStore())
	v := s.signedIn("a")
	if a := v.do("GET", "/recent?x=1", nil); a.Status != 200 {
		t.Fatalf("just signed in: %d", a.Status)
	}
	c, status := v.dial("/recent?x=1")
	if status != 101 {
		t.Fatalf("socket: %d", status)
	}
	c.frame()
	say := func(text string) { c.write(text, v.stamp()) }
	say("in time")
	c.frame()

	s.later.Store(int64(10 * time.Minute))
	again := "/session/new?" + url.Values{"again": {"a"}, "request_path": {"/recent?x=1"}}.Encode()
	say("too late")
	var message struct{ Type, URL string }
	if text := c.frame(); json.Unmarshal([]byte(text), &message) != nil || message.Type != "redirect" || message.URL != again {
		t.Errorf("the view is told %s, want a redirect to %s", text, again)
	}
	if got := s.done(); got != "a:in time" {
		t.Errorf("executed %s", got)
	}
	if a := v.do("GET", "/recent?x=1", nil, "Accept", "text/html"); a.Status != 303 || a.Header.Get("Location") != again {
		t.Errorf("page: %d %s, want 303 to %s", a.Status, a.Header.Get("Location"), again)
	}
	if _, status := v.dial("/recent"); status != 401 {
		t.Errorf("socket: %d, want 401", status)
	}
	if _, status := s.signedIn().dial("/recent"); status != 401 {
		t.Errorf("nobody's socket: %d, want 401", status)
	}

	v.post("/sign-in", "id", "a")
	if a := v.do("GET", "/recent", nil); a.Status != 200 {
		t.Errorf("after signing in again: %d", a.Status)
	}
}

func TestRequireRecentForNoTimeIsAMistake(t *testing.T) {
	s := newSite(t, newStore())
	defer func() {
		if recover() == nil {
			t.Error("nobody would ever get through, and it was taken")
		}
	}()
	hooks.RequireRecent[user](s.accounts, 0)
}
