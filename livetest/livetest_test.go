package livetest_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/multiaccount-go/multiaccount/livetest"
)

func versions(t *testing.T, test func(t *testing.T, version int)) {
	for _, version := range []int{2, 4} {
		t.Run(fmt.Sprint("htmx ", version), func(t *testing.T) { test(t, version) })
	}
}

func TestAFormOfAView(t *testing.T) {
	versions(t, func(t *testing.T, version int) {
		s := newShop(t)
		page := s.signedIn(t, version, "alice").Open("/live")
		if got := page.Text("owner"); got != "alice" {
			t.Errorf("the page is drawn for %q", got)
		}
		page.Submit("note-form", livetest.Fields{"text": "milk"})
		page.WaitText("notes-list", "milk")
		page.Submit("note-form", livetest.Fields{"text": "eggs & flour"})
		page.WaitText("notes-list", "eggs & flour")
		if got := page.Text("notes-list"); got != "milk Delete eggs & flour Delete" {
			t.Errorf("the list shows %q", got)
		}
		page.Click("delete-1")
		page.Wait(func() bool { return !page.Has("note-1") })
		if notes := s.of("alice"); len(notes) != 1 || notes[0].Text != "eggs & flour" {
			t.Errorf("the app has %v", notes)
		}
	})
}

func TestAFormWithAMistake(t *testing.T) {
	versions(t, func(t *testing.T, version int) {
		page := newShop(t).signedIn(t, version, "alice").Open("/live")
		page.Submit("note-form", livetest.Fields{"text": strings.Repeat("long ", 8)})
		page.WaitText("text-error", "at most 20 characters")
		if got := page.Value("note-text"); !strings.HasPrefix(got, "long long") {
			t.Errorf("the form is drawn with %q again", got)
		}
		page.Submit("note-form", livetest.Fields{"text": "short"})
		page.WaitText("notes-list", "short")
		page.Wait(func() bool { return !page.Has("text-error") })
	})
}

func TestTwoPagesSeeEachOther(t *testing.T) {
	versions(t, func(t *testing.T, version int) {
		b := newShop(t).signedIn(t, version, "alice")
		one, two := b.Open("/live"), b.Open("/live")
		stranger := b.Another()
		stranger.Post("/session", url.Values{"id": {"bob"}})
		other := stranger.Open("/live")
		one.Submit("note-form", livetest.Fields{"text": "milk"})
		two.WaitText("notes-list", "milk")
		two.Submit("note-form", livetest.Fields{"text": "eggs"})
		one.WaitText("notes-list", "eggs")
		other.Submit("note-form", livetest.Fields{"text": "bread"})
		other.WaitText("notes-list", "bread")
		if got := other.Text("notes-list"); strings.Contains(got, "milk") {
			t.Errorf("another person reads %q", got)
		}
	})
}

func TestNavigationInsideAView(t *testing.T) {
	versions(t, func(t *testing.T, version int) {
		page := newShop(t).signedIn(t, version, "alice").Open("/live")
		for _, text := range []string{"milk", "eggs"} {
			page.Submit("note-form", livetest.Fields{"text": text})
			page.WaitText("notes-list", text)
		}
		page.Click("only-eggs")
		page.WaitURL("/live?only=eggs")
		page.Wait(func() bool { return !page.Has("note-1") })
		if m := page.WaitMessage("navigated"); m.URL != "/live?only=eggs" || !strings.Contains(m.JSON, `"push":true`) {
			t.Errorf("navigated: %+v", m)
		}
		page.Reconnect()
		if got := page.Text("notes-list"); got != "eggs Delete" {
			t.Errorf("a new connection shows %q", got)
		}
		page.Back()
		page.Wait(func() bool { return page.Has("note-1") })
		if got := page.URL(); got != "/live" {
			t.Errorf("the address is %q", got)
		}
		page.Submit("find-form", livetest.Fields{"only": "milk"}) // the view itself navigates
		page.Wait(func() bool { return page.URL() == "/live?only=milk" && !page.Has("note-2") })
		page.Click("leave")
		page.WaitMessage("redirect")
		page.Wait(func() bool { return page.URL() == "/" })
	})
}

func TestALinkIsFollowedByHTTPWhileThereIsNoSocket(t *testing.T) {
	page := newShop(t).signedIn(t, 2, "alice").Open("/live")
	page.Send("live", livetest.Fields{"_params": "/elsewhere", "_stamp": page.Value("stamp")}) // final
	if code := page.WaitClosed(); code != 1008 {
		t.Errorf("closed with %d", code)
	}
	page.Click("only-eggs")
	if _, closed := page.Closed(); closed || page.URL() != "/live?only=eggs" || page.Answer().Header.Get("HX-Push-Url") == "" {
		t.Errorf("the page is at %q, closed %v, header %v", page.URL(), closed, page.Answer().Header)
	}
	page.Submit("note-form", livetest.Fields{"text": "eggs"})
	page.WaitText("notes-list", "eggs")
}

func TestAViewThatFailsComesBack(t *testing.T) {
	versions(t, func(t *testing.T, version int) {
		page := newShop(t).signedIn(t, version, "alice").Open("/live")
		page.Click("fail")
		if m := page.WaitMessage("failed"); m.Message == "" {
			t.Error("the person is told nothing")
		}
		page.Submit("note-form", livetest.Fields{"text": "milk"})
		page.WaitText("notes-list", "milk")
		if code, final := page.Closed(); code != 1011 || final {
			t.Errorf("closed with %d, for good: %v", code, final)
		}
	})
}

func TestASwitchOfAccounts(t *testing.T) {
	versions(t, func(t *testing.T, version int) {
		s := newShop(t)
		b := s.signedIn(t, version, "alice", "bob")
		page, confused := b.Open("/live"), b.Open("/live")
		if got := page.Text("owner"); got != "bob" {
			t.Fatalf("current is %q", got)
		}
		if a := page.Post("/link/switch_to/alice", nil); a.Status != 200 {
			t.Fatalf("switch: %d %s", a.Status, a.Body)
		}
		page.WaitMessage("session-changed")
		page.WaitText("owner", "alice")
		page.Submit("note-form", livetest.Fields{"text": "milk"})
		page.WaitText("notes-list", "milk")
		if len(s.of("alice")) != 1 || len(s.of("bob")) != 0 {
			t.Errorf("alice has %v and bob %v", s.of("alice"), s.of("bob"))
		}
		if late := afterTheChange(page); late != "" {
			t.Errorf("the socket of bob was sent something after the switch: %s", late)
		}
		// The tab itself is bob's until it is loaded again, and so is what it posts.
		if a := confused.Post("/link/switch_to/bob", nil); a.Status != 409 {
			t.Errorf("a stale page could switch: %d", a.Status)
		}
		confused.Reload()
		if a := confused.Post("/link/switch_to/bob", nil); a.Status != 200 {
			t.Errorf("switch: %d %s", a.Status, a.Body)
		}
		page.WaitText("owner", "bob")
	})
}

// afterTheChange returns what a socket was sent after it had been told of a change.
func afterTheChange(page *livetest.Page) string {
	told := map[int]bool{}
	for _, frame := range page.Frames() {
		if told[frame.Connection] {
			return frame.Data
		}
		told[frame.Connection] = strings.Contains(frame.Data, `"session-changed"`)
	}
	return ""
}

func TestAConfusedTabChangesNothing(t *testing.T) {
	versions(t, func(t *testing.T, version int) {
		s := newShop(t)
		page := s.signedIn(t, version, "alice").Open("/live")
		for name, fields := range map[string]livetest.Fields{
			"without a stamp":        {"text": "evil"},
			"with a forged one":      {"text": "evil", "_stamp": "v1.x.y"},
			"with two":               {"text": "evil", "_stamp": []string{"a", "b"}},
			"with one of another":    {"text": "evil", "_stamp": page.Text("title")},
			"with one in no strings": {"text": "evil", "_stamp": true},
		} {
			before := len(page.Messages())
			page.Send("live", fields)
			page.Wait(func() bool { return len(page.Messages()) > before })
			if m := page.Messages()[before]; m.Code != "stale_page" || m.Message == "" {
				t.Errorf("%s: %+v", name, m)
			}
		}
		page.Submit("note-form", livetest.Fields{"text": "fine"})
		page.WaitText("notes-list", "fine")
		if notes := s.of("alice"); len(notes) != 1 {
			t.Errorf("the app has %v", notes)
		}
	})
}

func TestSigningOutEndsTheSocket(t *testing.T) {
	s := newShop(t)
	page := s.signedIn(t, 4, "alice").Open("/live")
	if a := page.Post("/link/sign_out", nil); a.Status != 200 {
		t.Fatalf("sign out: %d %s", a.Status, a.Body)
	}
	page.WaitMessage("session-ended")
	if code := page.WaitClosed(); code != 1008 {
		t.Errorf("closed with %d", code)
	}
	page.Reload()
	if got := page.URL(); !strings.HasPrefix(got, "/session/new") {
		t.Errorf("the page leads to %q", got)
	}
}
