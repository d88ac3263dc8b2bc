package multiaccount_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/multiaccount-go/multiaccount"
	"github.com/multiaccount-go/multiaccount/account"
)

func TestLinkJourney(t *testing.T) {
	s := newSite(t)
	b := s.browser()
	if a := b.signIn("a"); a.location() != "/" {
		t.Errorf("signing in leads to %s", a.location())
	}
	b.acts(t, "a", "")
	single := b.document()
	if single.State != account.StateSingle || single.Primary != nil || !single.Accounts[0].Primary || single.AddPath != "/link/p/a" {
		t.Errorf("single: %+v", single)
	}

	page := b.get("/link/p/a", header("Referer", here+"/page?x=1"))
	if page.Status != 200 || !strings.Contains(page.Body, "Name-A") || !strings.Contains(page.Body,
		`name="return_to" value="/page?x=1"`) {
		t.Fatalf("link page: %d %s", page.Status, page.Body)
	}
	before := b.cookie()
	begun := b.do("POST", "/link/p/a", form("_stamp", single.Stamp, "return_to", "/page?x=1"))
	if begun.Status != 303 || begun.location() != "/session/new" {
		t.Fatalf("begin: %d %s", begun.Status, begun.location())
	}
	if b.cookie() != before || b.document().Version != single.Version {
		t.Error("an intent is no change that a tab can see")
	}
	if got := b.get("/session/new").Body; got != `sign in; adding=true to="Name-A" expired=false cancel=/link/cancel` {
		t.Errorf("sign-in page: %s", got)
	}
	s.audit.take()
	done := b.signIn("b")
	if done.location() != "/page?x=1" {
		t.Errorf("the person comes back to %s, not to the page that the link was asked from", done.location())
	}
	if b.cookie() == before {
		t.Error("the secret was not rotated")
	}
	b.acts(t, "b", "a")
	d := b.document()
	if d.State != account.StateMulti || d.Version != single.Version+1 || len(d.Accounts) != 2 || d.Accounts[0].ID != "a" ||
		d.Accounts[1].ID != "b" {
		t.Errorf("multi: %+v", d)
	}
	if got := b.get("/session/new").Body; !strings.Contains(got, "adding=false") {
		t.Errorf("the intent is not used up: %s", got)
	}
}

func TestLinkIntent(t *testing.T) {
	begin := func(t *testing.T, ids ...string) (*site, *browser) {
		s := newSite(t)
		b := s.signedIn(ids...)
		if a := b.post("/link/p/"+ids[0], "return_to", "/page"); a.Status != 303 {
			t.Fatalf("begin: %d %s", a.Status, a.Body)
		}
		return s, b
	}
	signInAs := func(b *browser, id string, kind option) answer {
		return b.do("POST", "/sign-in", kind, formBody("id", id, "password", "pw-"+id))
	}
	t.Run("expires after ten minutes", func(t *testing.T) {
		s, b := begin(t, "a")
		s.clock.advance(10 * minute)
		if got := b.get("/session/new").Body; !strings.Contains(got, "expired=true") {
			t.Errorf("sign-in page: %s", got)
		}
		b.unchanged(t, func() {
			refused(t, signInAs(b, "b", program), 409, multiaccount.CodeIntentExpired)
			if a := signInAs(b, "b", form()); a.Status != 409 || !strings.Contains(a.Body, "/link/cancel") ||
				!strings.Contains(a.Body, "/link/p/a") {
				t.Errorf("page: %d %s", a.Status, a.Body)
			}
		})
		b.acts(t, "a", "")
	})
	t.Run("is open until then", func(t *testing.T) {
		s, b := begin(t, "a")
		s.clock.advance(10*minute - time.Millisecond)
		b.signIn("b")
		b.acts(t, "b", "a")
	})
	t.Run("is cancelled, and the person comes back", func(t *testing.T) {
		_, b := begin(t, "a")
		cookie, version := b.cookie(), b.document().Version
		if a := b.post("/link/cancel"); a.Status != 303 || a.location() != "/page" {
			t.Errorf("cancel: %d %s", a.Status, a.location())
		}
		if b.cookie() != cookie || b.document().Version != version {
			t.Error("cancelling is no change that a tab can see")
		}
		b.signIn("b")
		if d := b.document(); d.State != account.StateSingle || d.Current.ID != "b" {
			t.Errorf("an account was linked without an intent: %+v", d)
		}
	})
	t.Run("is used once", func(t *testing.T) {
		_, b := begin(t, "a")
		b.signIn("b")
		b.signIn("c")
		if d := b.document(); d.State != account.StateSingle || d.Current.ID != "c" {
			t.Errorf("got %+v", d)
		}
	})
	t.Run("is completed by a registration", func(t *testing.T) {
		_, b := begin(t, "a")
		if a := b.do("POST", "/register", form("id", "new")); a.Status != 303 || a.location() != "/page" {
			t.Errorf("register: %d %s", a.Status, a.location())
		}
		b.acts(t, "new", "a")
	})
	t.Run("is completed by a callback of another site", func(t *testing.T) {
		_, b := begin(t, "a")
		if a := b.do("GET", "/callback?id=b", xnav); a.Status != 303 || a.location() != "/page" {
			t.Errorf("callback: %d %s", a.Status, a.location())
		}
		b.acts(t, "b", "a")
	})
	for name, change := range map[string]func(b *browser){
		"a switch":                            func(b *browser) { b.switchTo("a") },
		"signing in as another member":        func(b *browser) { b.signIn("a") },
		"signing out the current account":     func(b *browser) { b.post("/link/sign_out/b", "next", "a") },
		"signing out to the chooser and back": func(b *browser) { b.post("/link/sign_out/b"); b.switchTo("a") },
	} {
		t.Run("is dropped by "+name, func(t *testing.T) {
			_, b := begin(t, "a", "b")
			change(b)
			b.signIn("c")
			if d := b.document(); d.State != account.StateSingle || d.Current.ID != "c" {
				t.Errorf("got %+v", d)
			}
		})
	}
	t.Run("is dropped when the current user is deactivated", func(t *testing.T) {
		s, b := begin(t, "a", "b")
		s.people.set(user{ID: "b", Inactive: true})
		b.acts(t, "", "a")
		b.signIn("c")
		if d := b.document(); d.State != account.StateSingle || d.Current.ID != "c" {
			t.Errorf("got %+v", d)
		}
	})
	t.Run("stays when another account is signed out", func(t *testing.T) {
		_, b := begin(t, "a", "b")
		b.post("/link/sign_out/a")
		b.signIn("c")
		b.acts(t, "c", "b")
	})
}

// Signing in as an account that is in the session already never makes a second membership.
func TestLinkOfAMember(t *testing.T) {
	for name, id := range map[string]string{"the one that asked": "b", "another one": "a"} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t)
			b := s.signedIn("a", "b")
			before := b.document()
			b.post("/link/p/a", "return_to", "/page")
			cookie := b.cookie()
			if a := b.signIn(id); a.location() != "/page" {
				t.Errorf("leads to %s", a.location())
			}
			d := b.document()
			if len(d.Accounts) != 2 || d.Current.ID != id || d.Accounts[0].Membership != before.Accounts[0].Membership ||
				d.Accounts[1].Membership != before.Accounts[1].Membership {
				t.Errorf("got %+v, before %+v", d, before)
			}
			if b.cookie() == cookie {
				t.Error("the secret was not rotated")
			}
		})
	}
}

func TestLinkLimit(t *testing.T) {
	s := newSite(t)
	b := s.signedIn("a", "b", "c", "e", "f")
	b.post("/link/p/a") // the fifth intent
	b.signIn("g")
	b.unchanged(t, func() {
		refused(t, b.do("POST", "/link/p/a", program, stamped(b.stamp())), 409, multiaccount.CodeLinkLimit)
		a := b.do("POST", "/link/p/a", form("_stamp", b.stamp()))
		if a.Status != 409 || !strings.Contains(a.Body, "5") {
			t.Errorf("page: %d %s", a.Status, a.Body)
		}
		refused(t, b.do("GET", "/link/p/a", program), 409, multiaccount.CodeLinkLimit)
	})
	b.post("/link/sign_out/c")
	b.link("h")
	b.acts(t, "h", "a")
}

func TestLinkLimitIsAskedAgainWhenTheIntentIsUsed(t *testing.T) {
	s := newSite(t, func(c *config) { c.Sessions.MaxLinked = 1 })
	b := s.signedIn("a")
	b.post("/link/p/a")
	// Another tab is as far; what it links counts before this one signs in. The intent is one, so it is asked for anew.
	b.signIn("b")
	refused(t, b.do("POST", "/link/p/a", program, stamped(b.stamp())), 409, multiaccount.CodeLinkLimit)
	b.acts(t, "b", "a")
}

func TestLinkOfSomebodyWhoMustNotAct(t *testing.T) {
	s := newSite(t)
	b := s.signedIn("a")
	b.post("/link/p/a")
	b.unchanged(t, func() {
		inactive := b.do("POST", "/sign-in", form("id", "d", "password", "pw-d"))
		unknown := b.do("POST", "/sign-in", form("id", "nobody", "password", "pw-nobody"))
		wrong := b.do("POST", "/sign-in", form("id", "b", "password", "wrong"))
		for _, a := range []answer{inactive, unknown, wrong} {
			if a.Status != 422 || a.Body != wrong.Body || len(a.Cookies) > 0 {
				t.Errorf("got %d %s %v", a.Status, a.Body, a.Cookies)
			}
		}
	})
	t.Run("an app that returns the error as it is", func(t *testing.T) {
		b.unchanged(t, func() {
			inactive, unknown := b.do("GET", "/callback?id=d", program), b.do("GET", "/callback?id=nobody", program)
			refused(t, inactive, 422, multiaccount.CodeNotSignedIn)
			if unknown.Body != inactive.Body {
				t.Errorf("got %s and %s", inactive.Body, unknown.Body)
			}
		})
	})
	b.signIn("b")
	b.acts(t, "b", "a")
}

// A registration asks beforehand whether signing in will work, so that it creates nobody in vain.
func TestCanSignInSaysWhatSignInWouldSay(t *testing.T) {
	s := newSite(t)
	b := s.signedIn("a")
	can := func() int { t.Helper(); return b.do("GET", "/can", nav).Status }
	if got := can(); got != 200 {
		t.Errorf("without an intent: got %d, want 200", got)
	}
	b.post("/link/p/a")
	if got := can(); got != 200 {
		t.Errorf("with an intent: got %d, want 200", got)
	}
	s.clock.advance(11 * time.Minute)
	if got := can(); got != 409 {
		t.Errorf("with an intent that is too old: got %d, want 409", got)
	}
	if got := s.browser().do("GET", "/can", nav).Status; got != 200 {
		t.Errorf("of a stranger: got %d, want 200", got)
	}
}

// Without an intent, signing in as somebody else is a new session of that account alone.
func TestSignInWithoutIntentReplacesTheSession(t *testing.T) {
	s := newSite(t)
	b := s.signedIn("a", "b")
	old := b.twin()
	oldStamp := b.stamp()
	b.signIn("c")
	b.acts(t, "c", "")
	if b.cookie()[:20] == old.cookie()[:20] {
		t.Error("the session id stayed")
	}
	old.acts(t, "", "")
	refused(t, old.do("POST", "/app/act", program, stamped(oldStamp)), 401, multiaccount.CodeNotSignedIn)
	refused(t, b.do("POST", "/app/act", program, stamped(oldStamp)), 409, multiaccount.CodeStalePage)
	s.clock.advance(graceOver)
	old.acts(t, "", "")
}

func TestSignInAgainRefreshesTheSameSession(t *testing.T) {
	s := newSite(t)
	b := s.signedIn("a", "b")
	id, stamp, cookie := b.cookie()[:20], b.stamp(), b.cookie()
	b.signIn("b")
	if b.cookie()[:20] != id || b.cookie() == cookie || b.stamp() != stamp {
		t.Error("want the same session and membership with another secret")
	}
	b.acts(t, "b", "a")
}

// The document as CONTRACT spells it, name by name.
func TestSessionDocument(t *testing.T) {
	s := newSite(t)
	b := s.signedIn("a", "b")
	s.people.set(user{ID: "a", Name: "Alice", Inactive: true})
	a := b.do("GET", "/link/accounts", program)
	var got map[string]any
	if err := json.Unmarshal([]byte(a.Body), &got); err != nil {
		t.Fatal(err)
	}
	d := b.document()
	want := fmt.Sprintf(`{"v":%d,"state":"multi","stamp":"%s","max_linked":5,"current":{"id":"b","primary":false},"primary":{"id":"a"},`+
		`"accounts":[{"id":"a","membership":"%s","current":false,"primary":true,"status":"inactive",`+
		`"profile":{"name":"Alice","email":"a@app.test","avatar_url":""},"switch_path":"/link/switch_to/a"},`+
		`{"id":"b","membership":"%s","current":true,"primary":false,"status":"active",`+
		`"profile":{"name":"Name-B","email":"b@app.test","avatar_url":""},"switch_path":"/link/switch_to/b"}],"add_path":"/link/p/a"}`,
		d.Version, d.Stamp, d.Accounts[0].Membership, d.Accounts[1].Membership)
	if a.Body != want || !strings.HasPrefix(a.Header.Get("Content-Type"), "application/json") || a.Status != http.StatusOK {
		t.Errorf("got\n%s\nwant\n%s", a.Body, want)
	}
	if strings.Contains(a.Body, b.cookie()[:20]) {
		t.Error("the document names the session")
	}
}

// An app can keep accounts apart. Whoever may not join looks like somebody who must not act at all, and nothing changes.
func TestAccountsThatMayNotBeLinked(t *testing.T) {
	var asked [][]string
	var fails error
	s := newSite(t, func(c *config) {
		c.MayLink = func(_ context.Context, others []string, userID string) (bool, error) {
			asked = append(asked, append([]string{userID}, others...))
			return userID != "c", fails
		}
	})
	b := s.signedIn("a", "b")
	if !reflect.DeepEqual(asked, [][]string{{"b", "a"}}) {
		t.Errorf("asked %v, want whether b may join a, and nothing about who signs in first", asked)
	}
	b.post("/link/p/a")
	b.unchanged(t, func() {
		refusal, inactive := b.do("GET", "/callback?id=c", program), b.do("GET", "/callback?id=d", program)
		refused(t, refusal, 422, multiaccount.CodeNotSignedIn)
		if refusal.Body != inactive.Body {
			t.Errorf("it is told why: %s and %s", refusal.Body, inactive.Body)
		}
		fails = errors.New("database is away")
		refused(t, b.do("GET", "/callback?id=e", program), 503, "store_unavailable")
		fails = nil
	})
	b.acts(t, "b", "a")
	asked = nil
	b.signIn("a") // who is in the session already signs in again
	if len(asked) > 0 {
		t.Errorf("asked %v about an account that is linked", asked)
	}
	s.signedIn("c") // alone
}
