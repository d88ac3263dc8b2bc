package multiaccount_test

import (
	"bytes"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"

	"github.com/multiaccount-go/multiaccount"
)

// The original lets whoever knows A's id become A: the id in the URL of the link page is believed. Here M, signed in alone,
// sends A's id to every route there is.
func TestTakeoverByForeignPrimaryID(t *testing.T) {
	s := newSite(t)
	victim, m := s.signedIn("a"), s.signedIn("m")
	before := victim.record()
	routes := []struct{ method, path string }{
		{"GET", "/link/p/a"}, {"HEAD", "/link/p/a"}, {"POST", "/link/p/a"},
		{"GET", "/link/switch_to/a"}, {"HEAD", "/link/switch_to/a"}, {"POST", "/link/switch_to/a"},
		{"POST", "/link/sign_out/a"},
	}
	for _, r := range routes {
		for name, kind := range map[string]option{"form": form("_stamp", m.stamp()), "htmx": hx, "program": program} {
			t.Run(r.method+" "+r.path+" by "+name, func(t *testing.T) {
				m.unchanged(t, func() {
					a := m.do(r.method, r.path, kind, stamped(m.stamp()))
					if a.Status != http.StatusNotFound {
						t.Errorf("got %d %s, want 404", a.Status, a.Body)
					}
					if len(a.Cookies) > 0 {
						t.Errorf("a cookie is set: %v", a.Cookies)
					}
				})
			})
		}
	}
	t.Run("next of a sign-out", func(t *testing.T) {
		two := s.signedIn("m", "b")
		two.unchanged(t, func() {
			refused(t, two.do("POST", "/link/sign_out/b", program, stamped(two.stamp()), formBody("next", "a")), 404, "not_found")
		})
	})
	m.acts(t, "m", "")
	if d := m.document(); len(d.Accounts) != 1 || d.Accounts[0].ID != "m" || !d.Accounts[0].Primary {
		t.Errorf("M's session holds %+v", d.Accounts)
	}
	if victim.record() != before {
		t.Error("A's session changed")
	}
}

func TestTakeoverInOtherSpellings(t *testing.T) {
	s := newSite(t)
	s.signedIn("a")
	m := s.signedIn("m")
	for _, path := range []string{
		"/link/p/A", "/LINK/P/a", "/link/p/%61", "/link/p/%41", "/link/p/{a}", "/link/p/a/", "/link/p//a", "/link/p/m%2F..%2Fa",
		"/link/p/m/../a", "/link/p/a?primary_user_id=m", "/link/p/a;m", "/link/p/a%00", "/link/p/a%20", "/link/p/%2561",
		"/link/p/a,m", "/link/switch_to/%61", "/link/switch_to/A", "/Link/Switch_To/a", "/link/switch_to/a/",
		"/link/switch_to/m%2F..%2Fa",
		"/link/switch_to/a?user_id=m",
	} {
		for _, method := range []string{"GET", "POST"} {
			t.Run(method+" "+path, func(t *testing.T) {
				m.unchanged(t, func() {
					a := m.do(method, path, form("_stamp", m.stamp()))
					if a.Status != http.StatusNotFound && a.Status != http.StatusMethodNotAllowed {
						t.Errorf("got %d %s %s, want 404", a.Status, a.location(), a.Body)
					}
				})
			})
		}
	}
	m.acts(t, "m", "")
}

// Nothing that a request names beside the path decides for whom a link is opened or completed.
func TestTakeoverThroughOtherDoors(t *testing.T) {
	names := []string{"primary", "primary_user_id", "user_id", "account", "id", "intent", "by"}
	var many bytes.Buffer
	w := multipart.NewWriter(&many)
	_ = w.WriteField("_stamp", "")
	for _, n := range names {
		_ = w.WriteField(n, "a")
	}
	_ = w.Close()
	doors := map[string]func(m *browser) []option{
		"fields": func(m *browser) []option {
			pairs := []string{"_stamp", m.stamp()}
			for _, n := range names {
				pairs = append(pairs, n, "a", n, "m", n, "a")
			}
			return []option{form(pairs...)}
		},
		"json": func(m *browser) []option {
			return []option{form(), stamped(m.stamp()), func(r *http.Request) {
				setBody(r, "application/json", `{"primary":"a","primary_user_id":"a","user_id":"a"}`)
			}}
		},
		"multipart": func(m *browser) []option {
			return []option{form(), stamped(m.stamp()), func(r *http.Request) { setBody(r, w.FormDataContentType(), many.String()) }}
		},
		"headers and cookies": func(m *browser) []option {
			return []option{form("_stamp", m.stamp()), header("X-Account", "a"), header("X-Primary-User-Id", "a"), func(r *http.Request) {
				for _, n := range names {
					r.AddCookie(&http.Cookie{Name: n, Value: "a"})
				}
			}}
		},
	}
	query := "?" + strings.Join(names, "=a&") + "=a"
	for name, with := range doors {
		t.Run(name, func(t *testing.T) {
			s := newSite(t)
			s.signedIn("a")
			m := s.signedIn("m")
			if a := m.do("POST", "/link/p/m"+query, with(m)...); a.Status != http.StatusSeeOther {
				t.Fatalf("own link: %d %s", a.Status, a.Body)
			}
			m.signIn("b", "primary", "a", "primary_user_id", "a", "intent", "a", "user_id", "a")
			if d := m.document(); len(d.Accounts) != 2 || d.Primary == nil || d.Primary.ID != "m" || d.Current.ID != "b" {
				t.Errorf("got %+v", d)
			}
		})
	}
}

// Whoever planted his cookie in a victim's browser gets nothing when the victim signs in there: without the intent the
// victim's session is a new one, with it the thief's copy of the cookie is dead.
func TestVictimSignsInInsideOfThiefsSession(t *testing.T) {
	t.Run("without an intent", func(t *testing.T) {
		s := newSite(t)
		thief := s.signedIn("m")
		victim := thief.twin()
		victim.signIn("v")
		if victim.cookie()[:20] == thief.cookie()[:20] {
			t.Error("the victim goes on with the thief's session id")
		}
		thief.acts(t, "", "")
		if d := victim.document(); d.State != "single" || d.Current.ID != "v" {
			t.Errorf("got %+v", d)
		}
	})
	t.Run("with an intent", func(t *testing.T) {
		s := newSite(t)
		thief := s.signedIn("m")
		thief.post("/link/p/m")
		victim := thief.twin()
		victim.signIn("v")
		refused(t, thief.do("POST", "/app/act", program, stamped(victim.stamp())), 409, multiaccount.CodeStaleSession)
		s.clock.advance(graceOver)
		refused(t, thief.do("POST", "/app/act", program, stamped(victim.stamp())), 401, multiaccount.CodeNotSignedIn)
		thief.acts(t, "", "")
	})
}
