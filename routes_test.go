package multiaccount_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	script "github.com/multiaccount-go/multiaccount/browser"
)

const (
	minute = time.Minute
	hour   = time.Hour
)

// private checks that no cache may keep an answer.
func private(t *testing.T, a answer) {
	t.Helper()
	if got := a.Header.Get("Cache-Control"); !strings.Contains(got, "no-store") {
		t.Errorf("Cache-Control is %q, want no-store", got)
	}
	vary := strings.Join(a.Header.Values("Vary"), ", ")
	if !strings.Contains(vary, "Cookie") || !strings.Contains(vary, "HX-Request") {
		t.Errorf("Vary is %q, want Cookie and HX-Request", vary)
	}
	if a.Header.Get("Etag") != "" || a.Header.Get("Last-Modified") != "" {
		t.Error("a personal answer has a validator")
	}
}

var (
	getRoutes = []string{"/link/p/a", "/link/switch_to/a", "/link/switch_to/b", "/link/choose", "/link/accounts",
		"/link/state?v=1", "/link/live?v=1"}
	postRoutes = []string{"/link/p/a", "/link/cancel", "/link/switch_to/a", "/link/switch_to/b", "/link/sign_out/a",
		"/link/sign_out/b",
		"/link/sign_out"}
	unchangingPages = append([]string{"/link/p/unknown", "/link/switch_to/unknown", "/link/cancel", "/link/sign_out",
		"/link/sign_out/b",
		"/link/multiaccount.js", "/link", "/link/"}, getRoutes...)
)

func TestNothingChangesByASafeMethod(t *testing.T) {
	s := newSite(t)
	b := s.signedIn("a", "b")
	b.post("/link/p/a") // an open intent must survive too
	for _, path := range unchangingPages {
		for _, method := range []string{"GET", "HEAD", "OPTIONS"} {
			for name, kind := range map[string]option{"page": nav, "another site": xnav, "htmx": hx, "program": program,
				"nothing": func(*http.Request) {}} {
				t.Run(method+" "+path+" by "+name, func(t *testing.T) {
					b.unchanged(t, func() {
						if a := b.do(method, path, kind, stamped(b.stamp())); len(a.Cookies) > 0 || a.Status >= 500 {
							t.Errorf("got %d, cookies %v", a.Status, a.Cookies)
						}
					})
				})
			}
		}
	}
}

func TestPersonalAnswersAreNotStored(t *testing.T) {
	s := newSite(t)
	b := s.signedIn("a", "b")
	anonymous := s.browser()
	for _, who := range []*browserNamed{{"signed in", b}, {"signed out", anonymous}} {
		for name, kind := range map[string]option{"page": nav, "htmx": hx, "program": program} {
			for _, path := range getRoutes {
				t.Run("GET "+path+" "+who.name+" by "+name, func(t *testing.T) {
					if a := who.do("GET", path, kind); a.Status != http.StatusUpgradeRequired { // which says nothing of anybody
						private(t, a)
					}
				})
			}
			for _, path := range postRoutes {
				t.Run("POST "+path+" from another site "+who.name+" by "+name, func(t *testing.T) {
					private(t, who.do("POST", path, kind, header("Origin", "https://evil.test")))
				})
			}
		}
	}
	for _, path := range []string{"/page", "/app", "/document", "/session/new", "/nowhere"} { // the last one is the app's own 404
		private(t, b.get(path))
	}
	private(t, anonymous.get("/app")) // 303 to the sign-in page
}

type browserNamed struct {
	name string
	*browser
}

// Every unsafe route, without a session, from another site, and with a stale stamp: each asker gets its form of the refusal.
func TestUnsafeRoutesRefuse(t *testing.T) {
	s := newSite(t)
	b := s.signedIn("a", "b")
	stale := b.stamp()
	b.switchTo("a")
	for _, path := range append(slices.Clone(postRoutes), "/app/act") {
		t.Run("from another site "+path, func(t *testing.T) {
			for name, kind := range map[string]option{"form": xform("_stamp", b.stamp()), "htmx": hx, "program": program} {
				b.unchanged(t, func() {
					a := b.do("POST", path, kind, stamped(b.stamp()), header("Origin", "https://evil.test"))
					if a.Status != 403 || len(a.Cookies) > 0 || a.Header.Get("Access-Control-Allow-Origin") != "" {
						t.Errorf("%s: got %d %v", name, a.Status, a.Header)
					}
					if name == "program" {
						refused(t, a, 403, "bad_origin")
					}
				})
			}
		})
		t.Run("signed out "+path, func(t *testing.T) {
			nobody := s.browser()
			if a := nobody.do("POST", path, form()); a.Status != 303 || !strings.HasPrefix(a.location(), "/session/new") ||
				len(a.Cookies) > 0 {
				t.Errorf("form: got %d %s %v", a.Status, a.location(), a.Cookies)
			}
			if a := nobody.do("POST", path, hx); a.Status != 401 || !strings.HasPrefix(a.Header.Get("HX-Redirect"), "/session/new") {
				t.Errorf("htmx: got %d %v", a.Status, a.Header)
			}
			refused(t, nobody.do("POST", path, program), 401, "not_signed_in")
		})
		if path == "/link/sign_out" { // demands no stamp
			continue
		}
		for name, stamp := range map[string]string{"stale": stale, "missing": "", "forged": "v1.x.y"} {
			t.Run(name+" stamp "+path, func(t *testing.T) {
				b.unchanged(t, func() {
					if a := b.do("POST", path, form("_stamp", stamp)); a.Status != 409 || len(a.Cookies) > 0 {
						t.Errorf("form: got %d %s", a.Status, a.Body)
					}
					if a := b.do("POST", path, hx, stamped(stamp)); a.Status != 409 || a.Header.Get("HX-Refresh") != "true" || len(a.Cookies) > 0 {
						t.Errorf("htmx: got %d %v", a.Status, a.Header)
					}
					refused(t, b.do("POST", path, program, stamped(stamp)), 409, "stale_page")
				})
			})
		}
	}
}

func TestAccountsRoute(t *testing.T) {
	s := newSite(t)
	b := s.signedIn("a", "b")
	t.Run("as a fragment", func(t *testing.T) {
		a := b.do("GET", "/link/accounts", hx, stamped(b.stamp()))
		if a.Status != 200 || !strings.Contains(a.Body, "Name-A") || !strings.Contains(a.Body, "/link/switch_to/a") ||
			strings.Contains(a.Body, "<html") {
			t.Errorf("got %d %s", a.Status, a.Body)
		}
	})
	t.Run("for nobody", func(t *testing.T) {
		nobody := s.browser()
		for name, kind := range map[string]option{"page": nav, "htmx": hx} {
			if a := nobody.do("GET", "/link/accounts", kind); a.Status != 200 || strings.Contains(a.Body, "switch_to") ||
				len(a.Cookies) > 0 {
				t.Errorf("%s: got %d %s", name, a.Status, a.Body)
			}
		}
		a := nobody.do("GET", "/link/accounts", program)
		var got map[string]any
		if err := json.Unmarshal([]byte(a.Body), &got); err != nil || got["state"] != "anonymous" || got["v"] != 0.0 ||
			got["stamp"] != "" ||
			got["current"] != nil || got["primary"] != nil || len(got["accounts"].([]any)) != 0 || got["max_linked"] != 5.0 {
			t.Errorf("got %s", a.Body)
		}
	})
}

func TestStateRoute(t *testing.T) {
	s := newSite(t)
	b := s.signedIn("a", "b")
	asB := b.document()
	ask := func(query string) string {
		t.Helper()
		a := b.get("/link/state" + query)
		if a.Status != 200 {
			t.Fatalf("got %d %s", a.Status, a.Body)
		}
		return a.Body
	}
	want := func(got string, fresh bool) {
		t.Helper()
		d := b.document()
		var m map[string]any
		if err := json.Unmarshal([]byte(got), &m); err != nil || len(m) != 3 || m["v"] != float64(d.Version) ||
			m["stamp"] != d.Stamp || m["fresh"] != fresh {
			t.Errorf("got %s, want v %d, fresh %v, stamp %s", got, d.Version, fresh, d.Stamp)
		}
	}
	want(ask("?v=3&stamp="), asB.Version == 3)
	b.switchTo("a")
	want(ask("?v=2&stamp="+asB.Stamp), false)
	b.switchTo("b")
	want(ask("?v=2&stamp="+asB.Stamp), true) // an older version, but drawn for the same account
	want(ask(""), false)
	want(ask("?v=junk&stamp=junk"), false)
	if got := s.browser().get("/link/state?v=3&stamp=" + asB.Stamp).Body; got != `{"v":0,"fresh":false,"stamp":""}` {
		t.Errorf("nobody: got %s", got)
	}
}

func TestChooserRoute(t *testing.T) {
	s := newSite(t)
	b := s.signedIn("a", "b")
	if a := b.get("/link/choose"); a.Status != 303 || a.location() != "/" {
		t.Errorf("somebody is current: got %d %s", a.Status, a.location())
	}
	if a := s.browser().get("/link/choose"); a.Status != 303 || a.location() != "/session/new" {
		t.Errorf("signed out: got %d %s", a.Status, a.location())
	}
	b.post("/link/sign_out/b")
	a := b.get("/link/choose")
	if a.Status != 200 || !strings.Contains(a.Body, "Name-A") || strings.Contains(a.Body, "Name-B") {
		t.Errorf("choosing: got %d %s", a.Status, a.Body)
	}
	if got := b.get("/app"); got.Status != 303 || !strings.HasPrefix(got.location(), "/link/choose") {
		t.Errorf("a page that needs a user: got %d %s, want the chooser", got.Status, got.location())
	}
	if got := b.get("/link/p/a"); got.Status != 303 || !strings.HasPrefix(got.location(), "/link/choose") {
		t.Errorf("adding an account: got %d %s, want the chooser", got.Status, got.location())
	}
	b.acts(t, "", "")
}

func TestWhoAsks(t *testing.T) {
	s := newSite(t)
	for accept, json := range map[string]bool{
		"": false, "*/*": false, "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8": false, "application/json": true,
		"application/json, text/plain, */*": true, "text/html, application/json;q=0.9": false, "text/html;q=0.5, application/json": true,
		"image/avif,image/webp,*/*;q=0.8": false,
	} {
		a := s.browser().do("GET", "/app", func(r *http.Request) {
			if accept != "" {
				r.Header.Set("Accept", accept)
			}
		})
		if want := map[bool]int{true: 401, false: 303}[json]; a.Status != want {
			t.Errorf("Accept %q: got %d, want %d", accept, a.Status, want)
		}
	}
}

func TestScriptRoute(t *testing.T) {
	s := newSite(t)
	b := s.signedIn("a")
	a := b.get("/link/multiaccount.js")
	if a.Status != 200 || a.Body != string(script.Script) || a.Header.Get("Etag") != script.ETag || len(a.Cookies) > 0 ||
		!strings.HasPrefix(a.Header.Get("Content-Type"), "text/javascript") {
		t.Errorf("got %d %v", a.Status, a.Header)
	}
	if calls := s.store.takeCalls(); len(calls) > 0 {
		t.Errorf("the script costs %v", calls)
	}
	if a := b.get("/link/multiaccount.js", header("If-None-Match", script.ETag)); a.Status != 304 || a.Body != "" {
		t.Errorf("got %d", a.Status)
	}
}

// What the tab socket refuses before the upgrade.
func TestTabSocketRefusals(t *testing.T) {
	s := newSite(t)
	socket := headers("Connection", "Upgrade", "Upgrade", "websocket", "Sec-WebSocket-Version", "13",
		"Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==", "Origin", here, "Accept", "application/json")
	b := s.signedIn("a", "b")
	old := b.twin()
	b.switchTo("a")
	evil := header("Origin", "https://evil.test")
	refused(t, s.browser().do("GET", "/link/live?v=1", socket), 401, "not_signed_in")
	refused(t, old.do("GET", "/link/live?v=1", socket), 409, "stale_session")
	refused(t, b.do("GET", "/link/live?v=1", socket, evil), 403, "bad_origin")
	refused(t, s.browser().do("GET", "/link/live?v=1", socket, evil), 403, "bad_origin") // 403 is decided before 401
	refused(t, old.do("GET", "/link/live?v=1", socket, evil), 403, "bad_origin")         // and before 409
	s.store.fail(errStoreDown)
	refused(t, b.do("GET", "/link/live?v=1", socket), 503, "store_unavailable")
}
