package hooks_test

import (
	"net/url"
	"strings"
	"testing"
)

func TestRequireLinkedAsksForASecondAccount(t *testing.T) {
	s := newSite(t, newStore())
	for name, tc := range map[string]struct {
		who      *visitor
		page     int
		location string
		socket   int
	}{
		"several accounts":  {s.signedIn("a", "b"), 200, "", 101},
		"one account":       {s.signedIn("a"), 303, "/link/p/a?return_to=" + url.QueryEscape("/linked?x=1"), 403},
		"nobody":            {s.signedIn(), 303, "/session/new?request_path=" + url.QueryEscape("/linked?x=1"), 401},
		"nobody but choice": {choosing(s), 303, "/link/choose?return_to=" + url.QueryEscape("/linked?x=1"), 401},
	} {
		t.Run(name, func(t *testing.T) {
			a := tc.who.do("GET", "/linked?x=1", nil, "Accept", "text/html")
			if a.Status != tc.page || a.Header.Get("Location") != tc.location {
				t.Errorf("page: %d %q, want %d %q", a.Status, a.Header.Get("Location"), tc.page, tc.location)
			}
			if _, status := tc.who.dial("/linked"); status != tc.socket {
				t.Errorf("socket: %d, want %d", status, tc.socket)
			}
		})
	}
	t.Run("the person comes back", func(t *testing.T) {
		v := s.signedIn("a")
		if a := v.do("GET", "/link/p/a?return_to=%2Flinked", nil); !strings.Contains(a.Body, `value="/linked"`) {
			t.Errorf("the page that adds an account does not lead back: %s", a.Body)
		}
	})
}

// A link inside a view is a GET of htmx, whose answer goes into a page that may be another account's.
func TestViewIsNotDrawnIntoAPageOfAnotherAccount(t *testing.T) {
	s := newSite(t, newStore())
	v := s.signedIn("a", "b")
	asB := v.stamp()
	v.post("/link/switch_to/a")
	inside := []string{"HX-Request", "true", "HX-Target", "live", "X-Account-Stamp"}
	if a := v.do("GET", "/mine", nil, append(inside, asB)...); a.Status != 409 || strings.Contains(a.Body, "Name-A") {
		t.Errorf("with the stamp of b: %d %s, want 409", a.Status, a.Body)
	}
	if a := v.do("GET", "/mine", nil, append(inside, v.stamp())...); a.Status != 200 || !strings.Contains(a.Body, "current=Name-A") {
		t.Errorf("with the stamp of a: %d %s", a.Status, a.Body)
	}
}
