package multiaccount_test

import (
	"strings"
	"testing"

	"github.com/multiaccount-go/multiaccount"
)

// A secret that was rotated away answers safe requests for ten seconds, unless somebody has authenticated since, refuses
// unsafe ones, and is dead then.
func TestRotatedSecret(t *testing.T) {
	for name, by := range map[string]struct {
		rotate func(b *browser)
		shows  bool
	}{
		"by a switch":            {func(b *browser) { b.switchTo("a") }, true},
		"by a link":              {func(b *browser) { b.link("c") }, false},
		"by signing in again":    {func(b *browser) { b.signIn("b") }, false},
		"by signing out another": {func(b *browser) { b.post("/link/sign_out/a") }, true},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t)
			b := s.signedIn("a", "b")
			old := b.twin()
			by.rotate(b)
			now := b.document()
			if !by.shows {
				for _, path := range []string{"/", "/app", "/link/accounts", "/link/choose", "/document", "/session/new"} {
					refused(t, old.do("GET", path, program), 409, multiaccount.CodeStaleSession)
					if a := old.get(path); a.Status != 409 || strings.Contains(a.Body, "Name-") || len(a.Cookies) > 0 {
						t.Errorf("within the grace, %s: %d %s", path, a.Status, a.Body)
					}
				}
				if a := old.get("/link/state"); a.Status != 200 || !strings.Contains(a.Body, `"stale":true`) {
					t.Errorf("the script is not told to wait: %d %s", a.Status, a.Body)
				}
			} else if got := old.document(); got.Stamp != now.Stamp || got.Current.ID != now.Current.ID {
				t.Errorf("within the grace: %+v, want %+v", got, now)
			}
			if a := old.get("/app"); by.shows && a.Status != 200 || len(a.Cookies) > 0 {
				t.Errorf("within the grace: %d %v", a.Status, a.Cookies)
			}
			b.unchanged(t, func() {
				for _, path := range []string{"/app/act", "/careless", "/link/switch_to/" + now.Current.ID, "/link/p/a",
					"/link/cancel", "/link/sign_out/b", "/sign-in", "/register"} {
					a := old.do("POST", path, program, stamped(now.Stamp), formBody("id", "c", "password", "pw-c", "value", "x"))
					refused(t, a, 409, multiaccount.CodeStaleSession)
					if h := old.do("POST", path, hx, stamped(now.Stamp)); h.Status != 409 || len(h.Cookies) > 0 {
						t.Errorf("htmx: %d %v", h.Status, h.Cookies)
					}
				}
				if a := old.do("GET", "/callback?id=c", xnav); a.Status != 409 || len(a.Cookies) > 0 {
					t.Errorf("signing in by a callback: %d %v", a.Status, a.Cookies)
				}
			})
			s.clock.advance(graceOver)
			refused(t, old.do("POST", "/app/act", program, stamped(now.Stamp)), 401, multiaccount.CodeNotSignedIn)
			old.acts(t, "", "")
			b.acts(t, now.Current.ID, primaryOf(now))
		})
	}
}

func primaryOf(d multiaccount.Document) string {
	if d.Primary == nil {
		return ""
	}
	return d.Primary.ID
}

func TestSecretIsDeadAtTheSecondRotation(t *testing.T) {
	s := newSite(t)
	b := s.signedIn("a", "b")
	first := b.twin()
	b.switchTo("a")
	second := b.twin()
	b.switchTo("b")
	first.acts(t, "", "")
	second.acts(t, "b", "a")
	refused(t, first.do("POST", "/app/act", program, stamped(b.stamp())), 401, multiaccount.CodeNotSignedIn)
}

// Everything that a browser ever held is worth nothing after its session ended.
func TestNoOldSecretComesBack(t *testing.T) {
	s := newSite(t)
	b := s.signedIn("a", "b")
	var old []*browser
	for _, id := range []string{"a", "b", "a"} {
		old = append(old, b.twin())
		b.switchTo(id)
	}
	b.post("/link/sign_out/b")
	old = append(old, b.twin())
	stamp := b.stamp()
	b.post("/link/sign_out")
	for i, o := range old {
		refused(t, o.do("POST", "/app/act", program, stamped(stamp)), 401, multiaccount.CodeNotSignedIn)
		if a := o.get("/app"); a.Status != 303 || len(a.Cookies) > 0 {
			t.Errorf("cookie %d: %d %v", i, a.Status, a.Cookies)
		}
	}
}

func TestAbsoluteDeadline(t *testing.T) {
	s := newSite(t)
	b := s.signedIn("a", "b")
	for range 13 {
		s.clock.advance(24 * hour)
		b.acts(t, "b", "a")
	}
	s.clock.advance(24 * hour)
	b.acts(t, "", "")
}
