package multiaccount_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/multiaccount-go/multiaccount"
	"github.com/multiaccount-go/multiaccount/account"
)

// 403 > 401 > stale_session > stale_page > 404 > link_limit: what is wrong first is said, and nothing else.
func TestOrderOfRefusals(t *testing.T) {
	s := newSite(t, func(c *config) { c.Sessions.MaxLinked = 1 })
	b := s.signedIn("a", "b") // full
	old := b.twin()
	b.switchTo("a")
	nobody := s.browser()
	evil := header("Origin", "https://evil.test")
	for name, tc := range map[string]struct {
		who    *browser
		path   string
		stamp  string
		evil   bool
		status int
		code   string
	}{
		"everything is wrong":          {nobody, "/link/p/foreign", "stale", true, 403, "bad_origin"},
		"all but the origin":           {nobody, "/link/p/foreign", "stale", false, 401, "not_signed_in"},
		"rotated secret, foreign":      {old, "/link/p/foreign", "stale", true, 403, "bad_origin"},
		"rotated secret":               {old, "/link/p/foreign", "stale", false, 409, "stale_session"},
		"rotated secret, good stamp":   {old, "/link/p/a", b.stamp(), false, 409, "stale_session"},
		"stale page of a foreign id":   {b, "/link/p/foreign", "stale", false, 409, "stale_page"},
		"stale page":                   {b, "/link/p/a", "stale", false, 409, "stale_page"},
		"foreign id in a full session": {b, "/link/p/foreign", b.stamp(), false, 404, "not_found"},
		"full session":                 {b, "/link/p/a", b.stamp(), false, 409, "link_limit"},
		"switch: stale page, foreign":  {b, "/link/switch_to/foreign", "stale", false, 409, "stale_page"},
		"switch: foreign":              {b, "/link/switch_to/foreign", b.stamp(), false, 404, "not_found"},
		"cancel: rotated secret":       {old, "/link/cancel", "", false, 409, "stale_session"},
		"app's route: everything":      {nobody, "/app/act", "stale", true, 403, "bad_origin"},
		"app's route: rotated secret":  {old, "/app/act", "stale", false, 409, "stale_session"},
	} {
		t.Run(name, func(t *testing.T) {
			tc.who.unchanged(t, func() {
				o := []option{program, stamped(tc.stamp)}
				if tc.evil {
					o = append(o, evil)
				}
				refused(t, tc.who.do("POST", tc.path, o...), tc.status, tc.code)
			})
		})
	}
}

// Nobody learns from an answer whether an id exists.
func TestUnknownForeignAndInactiveLookTheSame(t *testing.T) {
	s := newSite(t)
	s.signedIn("v")
	b := s.signedIn("a", "b", "c")
	s.people.set(user{ID: "c", Name: "Name-C", Inactive: true})
	s.people.remove("b")
	b.signIn("a")
	b.get("/flash")
	ids := map[string]string{"unknown": "x", "foreign": "v", "inactive, foreign": "d", "inactive, in the session": "c",
		"deleted, in the session": "b"}
	for _, path := range []string{"/link/switch_to/", "/link/p/"} {
		for _, method := range []string{"GET", "POST"} {
			for asker, kind := range map[string]option{"form": form("_stamp", b.stamp()), "htmx": hx, "program": program} {
				var first string
				for name, id := range ids {
					a := b.do(method, path+id, kind, stamped(b.stamp()))
					a.Header.Del("Date")
					got := strings.Join([]string{http.StatusText(a.Status), a.Body, a.Header.Get("HX-Trigger"),
						a.Header.Get("Content-Length")}, "\n")
					if first == "" {
						first = got
					}
					if a.Status != 404 || got != first {
						t.Errorf("%s %s by %s, %s: %d differs:\n%s\nfrom\n%s", method, path, asker, name, a.Status, got, first)
					}
				}
			}
		}
	}
}

func TestSignedOutPageLeadsToSignInAndBack(t *testing.T) {
	s := newSite(t)
	nobody := s.browser()
	a := nobody.get("/app/?x=1&y=2")
	want := "/session/new?request_path=" + url.QueryEscape("/app/?x=1&y=2")
	if a.Status != 303 || a.location() != want || len(a.Cookies) > 0 {
		t.Fatalf("got %d %s %v, want 303 %s", a.Status, a.location(), a.Cookies, want)
	}
	if a := nobody.signIn("a", "request_path", "/app/?x=1&y=2"); a.location() != "/app/?x=1&y=2" {
		t.Errorf("signing in leads to %s", a.location())
	}
	t.Run("dead cookies stay as they are", func(t *testing.T) {
		for _, value := range []string{account.NewCookie().Value(), "junk"} {
			dead := s.browser()
			dead.jar[cookieName] = value
			if a := dead.get("/app"); a.Status != 303 || len(a.Cookies) > 0 {
				t.Errorf("got %d %v", a.Status, a.Cookies)
			}
			refused(t, dead.do("GET", "/app", program), 401, "not_signed_in")
		}
	})
	t.Run("a form leads back to the page that it was on", func(t *testing.T) {
		a := nobody.twin().do("POST", "/link/switch_to/x", form("return_to", "/page"), header("Cookie", ""))
		if a.Status != 303 || a.location() != "/session/new?request_path=%2Fpage" {
			t.Errorf("got %d %s", a.Status, a.location())
		}
	})
}

func TestFormsOfARefusal(t *testing.T) {
	s := newSite(t)
	b := s.signedIn("a")
	t.Run("page", func(t *testing.T) {
		a := b.get("/link/switch_to/x")
		if a.Status != 404 || !strings.HasPrefix(a.Body, "<!doctype html>") || !strings.HasPrefix(a.Header.Get("Content-Type"),
			"text/html") {
			t.Errorf("got %d %v %s", a.Status, a.Header, a.Body)
		}
		private(t, a)
	})
	t.Run("htmx", func(t *testing.T) {
		a := b.do("POST", "/link/switch_to/x", hx, stamped(b.stamp()))
		if a.Status != 404 || strings.Contains(a.Body, "<html") || !strings.Contains(a.Body, "<div") || a.Header.Get("HX-Refresh") != "" {
			t.Errorf("got %d %v %s", a.Status, a.Header, a.Body)
		}
		private(t, a)
	})
	t.Run("program", func(t *testing.T) {
		a := b.do("POST", "/link/switch_to/x", program, stamped(b.stamp()))
		if a.Status != 404 || a.Body != `{"error":"not_found","message":"There is no such account in this browser session."}` {
			t.Errorf("got %d %s", a.Status, a.Body)
		}
		private(t, a)
	})
	t.Run("all with the same text", func(t *testing.T) {
		for _, kind := range []option{form("_stamp", b.stamp()), hx, program} {
			if a := b.do("POST", "/link/switch_to/x", kind, stamped(b.stamp())); !strings.Contains(a.Body,
				"There is no such account in this browser session.") {
				t.Errorf("got %s", a.Body)
			}
		}
	})
}

// Nothing is known, so nothing is allowed and nobody is signed out.
func TestStoreDoesNotAnswer(t *testing.T) {
	s := newSite(t, func(c *config) { c.Sessions.Timeout = 100 * time.Millisecond })
	b := s.signedIn("a", "b")
	stamp := b.stamp()
	paths := []struct{ method, path string }{{"GET", "/page"}, {"GET", "/app"}, {"POST", "/app/act"}, {"POST", "/careless"},
		{"POST", "/sign-in"},
		{"GET", "/link/accounts"}, {"GET", "/link/state"}, {"GET", "/link/choose"}, {"GET", "/link/p/a"}, {"POST", "/link/p/a"},
		{"GET", "/link/switch_to/a"}, {"POST", "/link/switch_to/a"}, {"POST", "/link/cancel"}, {"POST", "/link/sign_out/a"}}
	check := func(t *testing.T) {
		for _, r := range paths {
			for name, kind := range map[string]option{"form": form("_stamp", stamp), "htmx": hx, "program": program} {
				cookie, rows := b.cookie(), s.rows()
				a := b.do(r.method, r.path, kind, stamped(stamp))
				if a.Status != 503 || a.Header.Get("Retry-After") == "" || len(a.Cookies) > 0 || b.cookie() != cookie || s.rows() != rows {
					t.Errorf("%s %s by %s: %d %v", r.method, r.path, name, a.Status, a.Header)
				}
				if strings.Contains(a.Body, "refused") || strings.Contains(a.Body, "deadline") {
					t.Errorf("%s %s: the cause leaves the server: %s", r.method, r.path, a.Body)
				}
				private(t, a)
			}
		}
	}
	t.Run("refuses", func(t *testing.T) {
		s.store.fail(errStoreDown)
		check(t)
		if err := s.accounts.Ready(t.Context()); err == nil {
			t.Error("ready")
		}
	})
	t.Run("hangs", func(t *testing.T) {
		s.store.fail(nil)
		s.store.mu.Lock()
		s.store.hang = true
		s.store.mu.Unlock()
		start := time.Now()
		refused(t, b.do("GET", "/page", program), 503, multiaccount.CodeStoreUnavailable)
		if took := time.Since(start); took > time.Second {
			t.Errorf("it took %v", took)
		}
		s.store.mu.Lock()
		s.store.hang = false
		s.store.mu.Unlock()
	})
	t.Run("visitors without a session are served", func(t *testing.T) {
		s.store.fail(errStoreDown)
		s.browser().acts(t, "", "")
	})
	t.Run("and is back", func(t *testing.T) {
		s.store.fail(nil)
		b.acts(t, "b", "a")
		if err := s.accounts.Ready(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// A change is saved and the browser knows, or neither.
func TestStoreFailsInTheMiddleOfAChange(t *testing.T) {
	s := newSite(t)
	b := s.signedIn("a", "b")
	stamp := b.stamp()
	for _, path := range []string{"/link/switch_to/a", "/link/sign_out/a", "/link/p/a"} {
		s.people.answer(func() (map[string]user, error, bool) { s.store.fail(errStoreDown); return nil, nil, false })
		b.unchanged(t, func() {
			refused(t, b.do("POST", path, program, stamped(stamp)), 503, multiaccount.CodeStoreUnavailable)
		})
		s.people.answer(nil)
		s.store.fail(nil)
	}
	b.acts(t, "b", "a")
}
