package multiaccount_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/multiaccount-go/multiaccount/account"
)

// wellSet checks the attributes of everything that is ever set, deletions included.
func wellSet(t *testing.T, a answer, secure bool) {
	t.Helper()
	for _, raw := range a.Header.Values("Set-Cookie") {
		lower := strings.ToLower(raw)
		for _, want := range []string{"; path=/;", "; httponly", "; samesite=lax"} {
			if !strings.Contains(lower+";", want) {
				t.Errorf("%s lacks %s", raw, want)
			}
		}
		if strings.Contains(lower, "; secure") != secure || strings.HasPrefix(raw, "__Host-") != secure {
			t.Errorf("%s: want Secure and __Host- to be %v", raw, secure)
		}
		if strings.Contains(lower, "domain") || len(raw) > 4096 {
			t.Errorf("%s has a domain or is too long", raw)
		}
	}
}

func TestCookieAttributes(t *testing.T) {
	for name, insecure := range map[string]bool{"https": false, "plain http for development": true} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, func(c *config) { c.Cookie.InsecurePlainHTTPForDevelopment = insecure })
			b := s.browser()
			cookie := cookieName
			if insecure {
				cookie = "accounts-insecure"
			}
			steps := []func() answer{
				func() answer { return b.signIn("a") }, func() answer { b.post("/link/p/a"); return b.signIn("b") },
				func() answer { return b.switchTo("a") },
				func() answer { return b.get("/flash") }, func() answer { return b.post("/link/sign_out/b") },
				func() answer { return b.signIn("c") },
				func() answer { return b.post("/link/sign_out") },
			}
			for i, step := range steps {
				a := step()
				wellSet(t, a, !insecure)
				set := slices.IndexFunc(a.Cookies, func(c *http.Cookie) bool { return c.Name == cookie })
				if (set >= 0) != (i != 3) {
					t.Errorf("step %d sets %v", i, a.Cookies)
				}
				if set >= 0 && i < 6 {
					if life := time.Duration(a.Cookies[set].MaxAge) * time.Second; life <= 13*24*hour || life > 14*24*hour {
						t.Errorf("step %d: the cookie lives for %v", i, life)
					}
				}
			}
			if _, there := b.jar[cookie]; there {
				t.Error("the cookie is still in the browser")
			}
		})
	}
}

// Whatever does not look like a cookie of ours never reaches the store.
func TestForeignCookies(t *testing.T) {
	s := newSite(t)
	good := s.signedIn("a").cookie()
	other := s.signedIn("v").cookie()
	for name, raw := range map[string]string{
		"a key of the store":          cookieName + "=ma:{p01}:s:AAAAAAAAAAAAAAAAAAAAAA",
		"a key, percent-encoded":      cookieName + "=ma%3A%7Bp01%7D%3As%3AAAAA",
		"too short":                   cookieName + "=" + good[:63],
		"too long":                    cookieName + "=" + good + "A",
		"other alphabet":              cookieName + "=" + strings.Repeat("+/", 32),
		"percent-encoded":             cookieName + "=%41" + good[1:],
		"empty":                       cookieName + "=",
		"3 kB":                        cookieName + "=" + strings.Repeat("A", 3000),
		"invalid bytes":               cookieName + "=" + strings.Repeat("\xff", 64),
		"the same one twice":          cookieName + "=" + good + "; " + cookieName + "=" + good,
		"two sessions":                cookieName + "=" + other + "; " + cookieName + "=" + good,
		"two sessions, the other way": cookieName + "=" + good + "; " + cookieName + "=" + other,
		"junk before":                 cookieName + "=junk; " + cookieName + "=" + good,
		"junk behind":                 cookieName + "=" + good + "; " + cookieName + "=junk",
		"another case":                "__host-accounts=" + good,
		"without the prefix":          "accounts=" + good,
	} {
		t.Run(name, func(t *testing.T) {
			s.store.takeCalls()
			b := s.browser()
			a := b.get("/page", header("Cookie", raw))
			if a.Status != 200 || !strings.HasPrefix(a.Body, "current=- primary=- local=/ id= state=anonymous") || len(a.Cookies) > 0 {
				t.Errorf("got %d %s %v", a.Status, a.Body, a.Cookies)
			}
			if calls := s.store.takeCalls(); len(calls) > 0 {
				t.Errorf("the store is asked: %v", calls)
			}
		})
	}
	t.Run("among 200 others it is found", func(t *testing.T) {
		raw := strings.Repeat("x=y; ", 200) + cookieName + "=" + good
		if a := s.browser().get("/page", header("Cookie", raw)); !strings.HasPrefix(a.Body, "current=a") {
			t.Errorf("got %s", a.Body)
		}
	})
	t.Run("named elsewhere it is ignored", func(t *testing.T) {
		a := s.browser().do("GET", "/page?"+cookieName+"="+good, header(cookieName, good), header("Authorization", "Bearer "+good))
		if !strings.HasPrefix(a.Body, "current=-") {
			t.Errorf("got %s", a.Body)
		}
	})
	t.Run("right session, wrong secret", func(t *testing.T) {
		b := s.browser()
		b.jar[cookieName] = good[:22] + other[22:]
		b.acts(t, "", "")
	})
}

// Nobody chooses the id of the session in which another one signs in.
func TestSessionFixation(t *testing.T) {
	s := newSite(t)
	live := s.signedIn("m")
	ended := s.signedIn("m")
	endedValue := ended.cookie()
	ended.post("/link/sign_out")
	for name, planted := range map[string]string{
		"well-formed, made up": account.NewCookie().Value(), "ended": endedValue, "live, of the attacker": live.cookie(), "junk": "junk",
	} {
		t.Run(name, func(t *testing.T) {
			b := s.browser()
			b.jar[cookieName] = planted
			b.signIn("v")
			if b.cookie() == planted || len(planted) > 22 && b.cookie()[:21] == planted[:21] {
				t.Error("the planted id is in use")
			}
			b.acts(t, "v", "")
			thief := s.browser()
			thief.jar[cookieName] = planted
			thief.acts(t, "", "")
		})
	}
}

func TestAnonymousVisitorsLeaveNothing(t *testing.T) {
	s := newSite(t)
	b := s.browser()
	for _, path := range []string{"/", "/page", "/session/new", "/app", "/document", "/link/accounts", "/link/state",
		"/link/choose", "/flash"} {
		if a := b.get(path); len(a.Cookies) > 0 {
			t.Errorf("%s sets %v", path, a.Cookies)
		}
	}
	if a := b.do("POST", "/sign-in", form("id", "a", "password", "wrong")); a.Status != 422 || len(a.Cookies) > 0 {
		t.Errorf("wrong password: %d %v", a.Status, a.Cookies)
	}
	if calls := s.store.takeCalls(); len(calls) > 0 {
		t.Errorf("the store is asked: %v", calls)
	}
}
