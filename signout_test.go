package multiaccount_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/multiaccount-go/multiaccount"
	"github.com/multiaccount-go/multiaccount/account"
)

func TestSignOutOne(t *testing.T) {
	for name, tc := range map[string]struct {
		leaving, next    string
		location         string
		current, primary string
	}{
		"another than the current one":          {"b", "", "/page", "c", "a"},
		"the current one, to the chooser":       {"c", "", "/link/choose", "", "a"},
		"the current one, to the one named":     {"c", "b", "/page", "b", "a"},
		"the primary: the oldest link follows":  {"a", "", "/page", "c", "b"},
		"another one, next has no say in it":    {"b", "a", "/page", "c", "a"},
		"the current one, to the primary named": {"c", "a", "/page", "a", "a"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t)
			b := s.signedIn("a", "b", "c")
			cookie, version := b.cookie(), b.document().Version
			a := b.post("/link/sign_out/"+tc.leaving, "next", tc.next, "return_to", "/page")
			if a.Status != 303 || a.location() != tc.location {
				t.Errorf("got %d %s, want 303 %s", a.Status, a.location(), tc.location)
			}
			if b.cookie() == cookie {
				t.Error("the secret was not rotated")
			}
			b.acts(t, tc.current, tc.primary)
			d := b.document()
			if len(d.Accounts) != 2 || d.Version != version+1 {
				t.Errorf("got %+v", d)
			}
			refused(t, b.do("POST", "/link/switch_to/"+tc.leaving, program, stamped(b.stamp())), 404, multiaccount.CodeNotFound)
		})
	}
}

func TestSignOutOneRefusesAForeignNext(t *testing.T) {
	s := newSite(t)
	b := s.signedIn("a", "b", "c")
	s.people.set(user{ID: "a", Inactive: true})
	for name, next := range map[string]string{"unknown": "nobody", "foreign": "v", "inactive": "a", "the one that leaves": "c"} {
		t.Run(name, func(t *testing.T) {
			b.unchanged(t, func() {
				refused(t, b.do("POST", "/link/sign_out/c", program, stamped(b.stamp()), formBody("next", next)), 404,
					multiaccount.CodeNotFound)
			})
		})
	}
	t.Run("but an inactive account may leave", func(t *testing.T) {
		if a := b.post("/link/sign_out/a"); a.Status != 303 {
			t.Errorf("got %d", a.Status)
		}
		b.acts(t, "c", "b")
	})
}

func TestSignOutOfTheLastAccountEndsTheSession(t *testing.T) {
	s := newSite(t)
	b := s.signedIn("a")
	old := b.twin()
	a := b.post("/link/sign_out/a")
	if a.Status != 303 || a.location() != "/" || b.cookie() != "" {
		t.Errorf("got %d %s, cookie %q", a.Status, a.location(), b.cookie())
	}
	old.acts(t, "", "")
	if old.record() != "" {
		t.Error("the record is still there")
	}
}

func TestSignOutOfEverything(t *testing.T) {
	for name, tc := range map[string]struct {
		path string
		kind option
		want func(answer) bool
	}{
		"by form": {"/link/sign_out", form(), func(a answer) bool { return a.Status == 303 && a.location() == "/" }},
		"by htmx": {"/link/sign_out", hx, func(a answer) bool {
			return a.Status == 204 &&
				a.Header.Get("HX-Redirect") == "/"
		}},
		"by a program": {"/link/sign_out", program, func(a answer) bool {
			return a.Status == 200 &&
				strings.Contains(a.Body, `"state":"anonymous"`)
		}},
		"by the app's own route":   {"/out", form(), func(a answer) bool { return a.Status == 303 && a.location() == "/" }},
		"in another spelling":      {"/LINK/Sign_Out/", form(), func(a answer) bool { return a.Status == 303 }},
		"with a stamp of long ago": {"/link/sign_out", form("_stamp", "v1.old"), func(a answer) bool { return a.Status == 303 }},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t)
			b := s.signedIn("a", "b")
			old := b.twin()
			stamp := b.stamp()
			a := b.do("POST", tc.path, tc.kind)
			if !tc.want(a) {
				t.Errorf("got %d %v %s", a.Status, a.Header, a.Body)
			}
			if c := a.session(); c == nil || c.MaxAge >= 0 || b.cookie() != "" {
				t.Errorf("the cookie stays: %v", c)
			}
			b.acts(t, "", "")
			old.acts(t, "", "")
			refused(t, old.do("POST", "/app/act", program, stamped(stamp)), 401, multiaccount.CodeNotSignedIn)
			if old.record() != "" {
				t.Error("the record is still there")
			}
		})
	}
}

func TestSignOutFromAnotherSiteIsRefused(t *testing.T) {
	s := newSite(t)
	b := s.signedIn("a", "b")
	for _, path := range []string{"/link/sign_out", "/link/sign_out/b", "/out"} {
		for name, kind := range map[string]option{"form": xform(), "nowhere": formBody()} {
			b.unchanged(t, func() {
				if a := b.do("POST", path, kind, stamped(b.stamp())); a.Status != 403 || len(a.Cookies) > 0 {
					t.Errorf("%s from %s: got %d %v", path, name, a.Status, a.Cookies)
				}
			})
		}
	}
}

// With the secret that was just rotated away one may sign out, and do nothing else unsafe.
func TestSignOutWithARotatedSecret(t *testing.T) {
	for _, path := range []string{"/link/sign_out", "/out"} {
		t.Run(path, func(t *testing.T) {
			s := newSite(t)
			b := s.signedIn("a", "b")
			old := b.twin()
			b.switchTo("a")
			refused(t, old.do("POST", "/link/sign_out/b", program, stamped(b.stamp())), 409, multiaccount.CodeStaleSession)
			if a := old.do("POST", path, form()); a.Status != 303 || old.cookie() != "" {
				t.Errorf("got %d %s, cookie %q", a.Status, a.Body, old.cookie())
			}
			b.acts(t, "", "")
		})
	}
	t.Run("but not after the grace", func(t *testing.T) {
		s := newSite(t)
		b := s.signedIn("a", "b")
		old := b.twin()
		b.switchTo("a")
		s.clock.advance(graceOver)
		b.unchanged(t, func() { refused(t, old.do("POST", "/link/sign_out", program), 401, multiaccount.CodeNotSignedIn) })
	})
}

// The one exception to "no 4xx or 5xx touches the cookie".
func TestSignOutWhileTheStoreIsDown(t *testing.T) {
	for _, path := range []string{"/link/sign_out", "/out"} {
		for name, kind := range map[string]option{"form": form(), "htmx": hx, "program": program} {
			t.Run(path+" by "+name, func(t *testing.T) {
				s := newSite(t)
				b := s.signedIn("a", "b")
				s.store.fail(errStoreDown)
				a := b.do("POST", path, kind)
				if a.Status != http.StatusServiceUnavailable || a.Header.Get("Retry-After") == "" {
					t.Errorf("got %d %v", a.Status, a.Header)
				}
				if c := a.session(); c == nil || c.MaxAge >= 0 || b.cookie() != "" {
					t.Errorf("the cookie stays: %v", c)
				}
				if !strings.Contains(a.Body, "This browser is signed out") || strings.Contains(a.Body, errStoreDown.Error()) {
					t.Errorf("got %s", a.Body)
				}
				private(t, a)
			})
		}
	}
	t.Run("from another site the cookie stays", func(t *testing.T) {
		s := newSite(t)
		b := s.signedIn("a")
		s.store.fail(errStoreDown)
		if a := b.do("POST", "/link/sign_out", xform()); a.Status != 403 || len(a.Cookies) > 0 {
			t.Errorf("got %d %v", a.Status, a.Cookies)
		}
	})
	t.Run("signing out one account is an ordinary refusal", func(t *testing.T) {
		s := newSite(t)
		b := s.signedIn("a", "b")
		s.store.fail(errStoreDown)
		refused(t, b.do("POST", "/link/sign_out/b", program), 503, multiaccount.CodeStoreUnavailable)
	})
	t.Run("when only the users cannot be loaded it works", func(t *testing.T) {
		s := newSite(t)
		b := s.signedIn("a", "b")
		old := b.twin()
		s.people.answer(func() (map[string]user, error, bool) { return nil, errStoreDown, true })
		if a := b.do("POST", "/link/sign_out", form()); a.Status != 303 || b.cookie() != "" || old.record() != "" {
			t.Errorf("got %d %s", a.Status, a.Body)
		}
	})
}

func TestSignOutOfNobody(t *testing.T) {
	s := newSite(t)
	nobody := s.browser()
	refused(t, nobody.do("POST", "/link/sign_out", program), 401, multiaccount.CodeNotSignedIn)
	if a := nobody.do("POST", "/out", form()); a.Status != 303 || len(a.Cookies) > 0 {
		t.Errorf("the app's route: got %d %v", a.Status, a.Cookies)
	}
	if calls := s.store.takeCalls(); len(calls) > 0 {
		t.Errorf("it costs %v", calls)
	}
}

// A session that was signed out does not come back by a request that was slow.
func TestSlowRequestDoesNotBringASessionBack(t *testing.T) {
	s := newSite(t)
	b := s.signedIn("a", "b")
	old, stamp := b.twin(), b.stamp()
	var inside bool
	s.people.answer(func() (map[string]user, error, bool) {
		if !inside { // the slow request has loaded its session: everything else happens now
			inside = true
			cookie, err := account.ParseCookie(old.cookie())
			if err == nil {
				err = s.store.MemoryStore.Delete(t.Context(), cookie.ID, account.ReasonSignedOut)
			}
			if err != nil {
				t.Error(err)
			}
		}
		return nil, nil, false
	})
	refused(t, b.do("POST", "/link/switch_to/a", program, stamped(stamp)), 401, multiaccount.CodeNotSignedIn)
	if old.record() != "" {
		t.Error("the session is back")
	}
}
