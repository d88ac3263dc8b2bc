package nodes_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/multiaccount-go/multiaccount/integration_test/sitetest"
)

// browsers of which the example knows the names
const (
	onLinux   = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
	onWindows = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"
)

// signInOn signs in by the real page, with a browser of some name.
func signInOn(t *testing.T, n *sitetest.Node, agent, email string) *sitetest.Visitor {
	t.Helper()
	v := sitetest.NewVisitor(t)
	form := v.Form(v.Get(n, "/session/new"), "/session")
	form.Set("email", email)
	form.Set("password", sitetest.Password)
	if a := v.Post(n, "/session", form, "User-Agent", agent); a.Status != http.StatusSeeOther {
		t.Fatalf("sign in: %d\n%s", a.Status, a.Body)
	}
	return v
}

// SE-18: Alice sees on one node where she is signed in, and ends a session that another node serves.
func TestDevicesOfBothNodes(t *testing.T) {
	s := start(t)
	desk := signInOn(t, s.one, onLinux, alice)
	office := signInOn(t, s.two, onWindows, alice)
	other := signInOn(t, s.two, onWindows, bob)

	page := desk.Get(s.one, "/devices")
	for _, name := range []string{"Firefox on Linux", "Chrome on Windows", "This browser"} {
		if !strings.Contains(page.Body, name) {
			t.Errorf("the page (%d) does not name %q:\n%s", page.Status, name, page.Body)
		}
	}
	if n := strings.Count(page.Body, `action="/devices/end"`); n != 1 {
		t.Errorf("%d other browsers are shown, want the one of Alice", n)
	}
	for _, v := range []*sitetest.Visitor{desk, office, other} {
		if strings.Contains(page.Body, v.SessionCookie(s.one)[:21]) {
			t.Error("the page holds the id of a session")
		}
	}

	form := desk.Form(page, "/devices/end")
	stolen := url.Values{"_stamp": {other.Document(s.two).Stamp}, "token": form["token"]}
	if a := other.Post(s.two, "/devices/end", stolen); a.Status != http.StatusNotFound {
		t.Errorf("Bob ends a browser of Alice: %d", a.Status)
	}
	own := url.Values{"_stamp": {office.Document(s.two).Stamp}, "token": form["token"]}
	if a := office.Post(s.two, "/devices/end", own); a.Status != http.StatusNotFound {
		t.Errorf("the token works on another browser of Alice: %d", a.Status)
	}
	tab := office.Open(s.two, office.Document(s.two).V)
	if a := desk.Post(s.one, "/devices/end", form); a.Status != http.StatusSeeOther || a.Location() != "/devices" {
		t.Fatalf("got %d to %q:\n%s", a.Status, a.Location(), a.Body)
	}
	if m := tab.Next(5 * time.Second); m.Type != "session-ended" || m.Reason != "revoked" {
		t.Errorf("the tab on the other node is told %+v", m)
	}
	if code := tab.Closed(5 * time.Second); code != policy {
		t.Errorf("closed with %d, want %d", code, policy)
	}
	if a := office.Get(s.two, "/private"); a.Status != http.StatusSeeOther || !strings.HasPrefix(a.Location(), "/session/new") {
		t.Errorf("the ended browser gets %d to %q", a.Status, a.Location())
	}
	if desk.Document(s.two).CurrentEmail() != alice || other.Document(s.one).CurrentEmail() != bob {
		t.Error("somebody else was signed out")
	}
	if a := desk.Post(s.one, "/devices/end", form); a.Status != http.StatusNotFound {
		t.Errorf("once more: %d", a.Status)
	}
}

// LK-06: Alice begins to add an account and leaves. Bob signs in on the page that was open since before, on the other node.
func TestSignInPageOfBeforeAddsNothing(t *testing.T) {
	s := start(t)
	v := sitetest.NewVisitor(t)
	v.SignIn(s.one, alice)
	before := v.Form(v.Get(s.two, "/session/new"), "/session")
	if a := v.BeginAdding(s.one); a.Status != http.StatusSeeOther {
		t.Fatalf("begin: %d", a.Status)
	}
	left := sitetest.Holding(t, v.CookieHeader(s.one))
	sign := func(form url.Values, email string) sitetest.Answer {
		form.Set("email", email)
		form.Set("password", sitetest.Password)
		return v.Post(s.two, "/session", form)
	}
	if a := sign(before, bob); a.Status != http.StatusSeeOther {
		t.Fatalf("got %d\n%s", a.Status, a.Body)
	}
	if d := v.Document(s.one); d.State != "single" || d.CurrentEmail() != bob {
		t.Errorf("got %+v, want Bob alone", d)
	}
	if d := left.Document(s.two); d.State != "anonymous" {
		t.Errorf("the session of Alice lives on: %+v", d)
	}

	t.Run("while the page that says so adds", func(t *testing.T) {
		v.BeginAdding(s.one)
		saying := v.Form(v.Get(s.two, "/session/new"), "/session")
		if a := sign(saying, carol); a.Status != http.StatusSeeOther {
			t.Fatalf("got %d\n%s", a.Status, a.Body)
		}
		if d := v.Document(s.one); d.State != "multi" || d.CurrentEmail() != carol {
			t.Errorf("got %+v, want Bob and Carol", d)
		}
		if a := sign(saying, alice); a.Status != http.StatusConflict || a.SetsCookie() {
			t.Errorf("the same page once more: %d", a.Status)
		}
	})
}
