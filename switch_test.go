package multiaccount_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/multiaccount-go/multiaccount"
	"github.com/multiaccount-go/multiaccount/account"
)

func TestSwitch(t *testing.T) {
	s := newSite(t)
	b := s.signedIn("a", "b")
	b.acts(t, "b", "a")
	before := b.document()
	old := b.twin()

	a := b.do("POST", "/link/switch_to/a", form("_stamp", b.stamp(), "return_to", "/page?x=1"))
	if a.Status != http.StatusSeeOther || a.location() != "/page?x=1" {
		t.Errorf("got %d %s, want 303 to where the person was", a.Status, a.location())
	}
	if old.cookie() == b.cookie() {
		t.Error("the secret was not rotated")
	}
	if old.cookie()[:20] != b.cookie()[:20] {
		t.Error("the session id changed")
	}
	b.acts(t, "a", "a")
	after := b.document()
	if after.Version != before.Version+1 || after.Stamp == before.Stamp {
		t.Errorf("version %d and stamp %s, before %d and %s", after.Version, after.Stamp, before.Version, before.Stamp)
	}
	b.switchTo("b")
	if b.stamp() != before.Stamp {
		t.Error("the stamp of an account is another one after A→B→A")
	}
}

func TestSwitchToTheCurrentAccountDoesNothing(t *testing.T) {
	s := newSite(t)
	b := s.signedIn("a", "b")
	b.unchanged(t, func() {
		if a := b.switchTo("b"); len(a.Cookies) > 0 {
			t.Errorf("cookies are set: %v", a.Cookies)
		}
	})
}

func TestSwitchKeepsTheAbsoluteDeadline(t *testing.T) {
	s := newSite(t, func(c *config) { c.Sessions.Lifetime, c.Sessions.Idle = 3*hour, 2*hour })
	b := s.signedIn("a", "b")
	for i := range 5 {
		s.clock.advance(hour / 2)
		b.switchTo([]string{"a", "b"}[i%2])
	}
	s.clock.advance(hour/2 + 1)
	b.acts(t, "", "")
}

func TestSwitchIsLimited(t *testing.T) {
	s := newSite(t)
	b := s.signedIn("a", "b")
	for i := range 120 {
		b.switchTo([]string{"a", "b"}[i%2])
	}
	b.unchanged(t, func() {
		a := b.do("POST", "/link/switch_to/a", program, stamped(b.stamp()))
		refused(t, a, 429, multiaccount.CodeRateLimited)
		if a.Header.Get("Retry-After") == "" {
			t.Error("no Retry-After")
		}
	})
	s.clock.advance(minute)
	b.switchTo("a")
}

func TestSwitchFromTheChooser(t *testing.T) {
	s := newSite(t)
	b := s.signedIn("a", "b")
	b.post("/link/sign_out/b")
	c := s.signedIn("a", "b", "c")
	if a := c.post("/link/sign_out/c"); a.location() != "/link/choose" {
		t.Fatalf("sign out of the current account leads to %s, want the chooser", a.location())
	}
	choosing := c.document()
	if choosing.State != account.StateChoosing || choosing.Current != nil || choosing.Stamp == "" {
		t.Fatalf("got %+v", choosing)
	}
	if strings.Contains(choosing.Stamp, choosing.Accounts[0].Membership) {
		t.Error("the stamp of a choice names a membership")
	}
	page := c.get("/link/choose")
	if page.Status != 200 || !strings.Contains(page.Body, choosing.Stamp) {
		t.Errorf("the chooser does not carry the stamp of the choice: %d %s", page.Status, page.Body)
	}
	c.switchTo("b")
	c.acts(t, "b", "a")
	refused(t, c.do("POST", "/link/switch_to/a", program, stamped(choosing.Stamp)), 409, multiaccount.CodeStalePage)
}

func TestSwitchToAnAccountThatAgedOutLeadsToSigningIn(t *testing.T) {
	s := newSite(t, func(c *config) { c.Sessions.Lifetime, c.Sessions.Idle = 3*hour, 2*hour })
	b := s.signedIn("a", "b")
	s.clock.advance(2 * hour)
	b.signIn("b") // moves the session's deadline, and the age of b alone
	s.clock.advance(2 * hour)
	if d := b.document(); len(d.Accounts) != 2 || d.Accounts[0].Status != account.StatusSignedOut || d.Current.ID != "b" {
		t.Fatalf("got %+v", d)
	}
	b.unchanged(t, func() {
		a := b.post("/link/switch_to/a")
		if a.Status != http.StatusSeeOther || !strings.HasPrefix(a.location(), "/session/new") || len(a.Cookies) > 0 {
			t.Errorf("got %d %s %v, want 303 to the sign-in page", a.Status, a.location(), a.Cookies)
		}
	})
	b.signIn("a")
	b.acts(t, "a", "a")
}

// Each answer to a change, by who asks.
func TestAnswersToAChange(t *testing.T) {
	s := newSite(t)
	for name, tc := range map[string]struct {
		options []option
		check   func(answer) bool
	}{
		"plain form": {[]option{form("return_to", "/page")}, func(a answer) bool {
			return a.Status == 303 && a.location() == "/page"
		}},
		"htmx on the page it returns to": {[]option{hx, formBody("return_to", "/page")}, func(a answer) bool {
			return a.Status == 204 && a.Header.Get("HX-Refresh") == "true" && a.Header.Get("HX-Redirect") == "" && a.Body == ""
		}},
		"htmx on another page": {[]option{hx, formBody("return_to", "/elsewhere")}, func(a answer) bool {
			return a.Status == 204 && a.Header.Get("HX-Redirect") == "/elsewhere" && a.Header.Get("HX-Refresh") == "" && a.Body == ""
		}},
		"htmx that does not say where it is": {[]option{hx, header("HX-Current-URL", ""), formBody("return_to", "/")},
			func(a answer) bool {
				return a.Status == 204 && a.Header.Get("HX-Redirect") == "/" && a.Header.Get("HX-Refresh") == "" && a.Body == ""
			}},
		"program": {[]option{program}, func(a answer) bool {
			return a.Status == 200 && strings.Contains(a.Body, `"current":{"id":"a","primary":true}`)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			b := s.signedIn("a", "b")
			a := b.do("POST", "/link/switch_to/a", append(tc.options, stamped(b.stamp()))...)
			if !tc.check(a) {
				t.Errorf("got %d %v %s", a.Status, a.Header, a.Body)
			}
			if a.session() == nil {
				t.Error("the browser does not get the new secret")
			}
			private(t, a)
			b.acts(t, "a", "a")
		})
	}
}

// Ids are the app's: whatever they look like, the paths of the document lead to them and to no other.
func TestIdsOfEveryKind(t *testing.T) {
	for _, id := range []string{"a/b", "a b", "50%", "%61", "a+b", "x?y=z", "x#y", "ü", "A", "a:b", "a;b", "{a}", "a,b", "a%2Fb", "*", "-",
		"0190f1c2-7d3e-7c11-9f0a-2b6f5c1d8e44", strings.Repeat("x", 200)} {
		t.Run(id, func(t *testing.T) {
			s := newSite(t)
			s.people.set(user{ID: id, Name: "Name"})
			b := s.browser()
			b.signIn(id)
			b.acts(t, id, "")
			b.link("a") // uses the path that the document names
			b.acts(t, "a", id)
			d := b.document()
			if a := b.get(d.AddPath); a.Status != 200 {
				t.Errorf("add: %d", a.Status)
			}
			if a := b.get(d.Accounts[0].SwitchPath); a.Status != 200 {
				t.Errorf("switch page: %d", a.Status)
			}
			if a := b.post(d.Accounts[0].SwitchPath); a.Status != 303 {
				t.Fatalf("switch: %d %s", a.Status, a.Body)
			}
			b.acts(t, id, id)
			path := strings.Replace(d.Accounts[0].SwitchPath, "switch_to", "sign_out", 1)
			if a := b.post(path, "next", "a"); a.Status != 303 {
				t.Fatalf("sign out: %d %s", a.Status, a.Body)
			}
			b.acts(t, "a", "")
		})
	}
}

func TestAnswersToSigningIn(t *testing.T) {
	s := newSite(t)
	body := formBody("id", "a", "password", "pw-a", "request_path", "/page?x=1")
	if a := s.browser().do("POST", "/sign-in", hx, body); a.Status != 204 || a.Header.Get("HX-Redirect") != "/page?x=1" ||
		a.session() == nil {
		t.Errorf("htmx: %d %v", a.Status, a.Header)
	}
	b := s.browser()
	a := b.do("POST", "/sign-in", program, body)
	if a.Status != 200 || !strings.Contains(a.Body, `,"state":"single","stamp":"v1.`) || a.session() == nil {
		t.Errorf("program: %d %s", a.Status, a.Body)
	}
	private(t, a)
	b.acts(t, "a", "")
}

func TestSwitchPageAsksAndChangesNothing(t *testing.T) {
	s := newSite(t)
	b := s.signedIn("a", "b")
	for name, from := range map[string]option{
		"a link": nav, "a link of another site": xnav, "an image": headers("Sec-Fetch-Dest", "image", "Sec-Fetch-Site", "same-origin"),
		"a frame": headers("Sec-Fetch-Dest", "iframe"), "prefetch": header("Sec-Purpose", "prefetch;prerender"), "nothing": nil,
	} {
		for _, path := range []string{"/link/switch_to/a", "/link/p/a"} {
			t.Run(path+" from "+name, func(t *testing.T) {
				b.unchanged(t, func() {
					options := []option{}
					if from != nil {
						options = append(options, from)
					}
					a := b.do("GET", path, options...)
					if a.Status != 200 {
						t.Fatalf("got %d %s", a.Status, a.Body)
					}
					confirms(t, a, path, b.stamp())
				})
			})
		}
	}
}

// confirms checks a page that asks before something happens: one form, one button, nothing that goes off by itself.
func confirms(t *testing.T, a answer, action, stamp string) {
	t.Helper()
	body := strings.ToLower(a.Body)
	if n := strings.Count(body, "<form"); n != 1 {
		t.Errorf("%d forms, want one", n)
	}
	for _, want := range []string{`method="post"`, fmt.Sprintf(`action="%s"`, action), "<button", strings.ToLower(stamp)} {
		if !strings.Contains(body, want) {
			t.Errorf("page has no %s:\n%s", want, a.Body)
		}
	}
	for _, bad := range []string{"hx-trigger", "http-equiv", "autofocus", ".submit(", "onload"} {
		if strings.Contains(body, bad) {
			t.Errorf("page has %s", bad)
		}
	}
	if !strings.Contains(a.Header.Get("Content-Security-Policy"), "frame-ancestors 'none'") {
		t.Error("another site may frame the page")
	}
}
