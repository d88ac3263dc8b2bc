package nodes_test

import (
	"maps"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/multiaccount-go/multiaccount/integration_test/sitetest"
)

// TestTakeoverByForeignID: Mallory knows Alice's id and tries it on every route of the site, on both nodes.
func TestTakeoverByForeignID(t *testing.T) {
	s := start(t)
	victim := two(t, s.one) // Alice and Bob
	mallory := sitetest.NewVisitor(t)
	mallory.SignIn(s.two, carol)
	victims, mallorys := victim.Document(s.one), mallory.Document(s.two)
	cookie := mallory.SessionCookie(s.two)
	own := mallorys.Current.ID

	for _, target := range victims.Accounts {
		for _, id := range []string{target.ID, target.Membership} {
			post := func(path, next string) func(*sitetest.Node) sitetest.Answer {
				return func(n *sitetest.Node) sitetest.Answer {
					return mallory.Post(n, path, url.Values{"_stamp": {mallorys.Stamp}, "next": {next}})
				}
			}
			get := func(path string) func(*sitetest.Node) sitetest.Answer {
				return func(n *sitetest.Node) sitetest.Answer { return mallory.Get(n, path) }
			}
			attempts := map[string]func(*sitetest.Node) sitetest.Answer{
				"the link page":            get("/link/p/" + id),
				"beginning a link":         post("/link/p/"+id, ""),
				"the switch page":          get("/link/switch_to/" + id),
				"switching":                post("/link/switch_to/"+id, ""),
				"signing out":              post("/link/sign_out/"+id, ""),
				"going on as next":         post("/link/sign_out/"+own, id),
				"with an encoded id":       post("/link/switch_to/"+strings.ReplaceAll(id, "-", "%2d"), ""),
				"with a slash behind":      post("/link/switch_to/"+id+"/", ""),
				"in capitals on the route": post("/LINK/Switch_To/"+id, ""),
			}
			for name, attempt := range attempts {
				for i, n := range []*sitetest.Node{s.one, s.two} {
					if a := attempt(n); a.Status != http.StatusNotFound || a.SetsCookie() {
						t.Errorf("%s of %s on node %d: %d, cookie set: %v; want 404 and nothing set",
							name, target.Profile.Email, i+1, a.Status, a.SetsCookie())
					}
				}
			}
		}
	}
	if got := mallory.Document(s.two); !reflect.DeepEqual(got, mallorys) || mallory.SessionCookie(s.two) != cookie {
		t.Errorf("Mallory's session is %+v, want it unchanged: %+v", got, mallorys)
	}
	if got := victim.Document(s.one); !reflect.DeepEqual(got, victims) {
		t.Errorf("the victim's session is %+v, want it unchanged: %+v", got, victims)
	}

	t.Run("unknown, foreign and inactive ids look the same", func(t *testing.T) {
		page := func(id string) string {
			a := mallory.Post(s.one, "/link/switch_to/"+id, url.Values{"_stamp": {mallorys.Stamp}})
			return strings.ReplaceAll(a.Body, id, "ID")
		}
		if foreign, unknown := page(victims.Current.ID), page("00000000-0000-4000-8000-000000000000"); foreign != unknown {
			t.Errorf("a foreign id is told from an unknown one:\n%s\n%s", foreign, unknown)
		}
	})
}

// TestTheWrongAccountCannotAct: a form is drawn for Alice, another tab switches to Bob, the form is sent.
func TestTheWrongAccountCannotAct(t *testing.T) {
	s := start(t)
	v := two(t, s.one)
	v.Switch(s.one, alice)
	form := v.Form(v.Get(s.one, "/notes"), "/notes")
	form.Set("text", "from Alice")
	v.Switch(s.two, bob)

	unchanged := func(t *testing.T) {
		t.Helper()
		if notes := v.Notes(s.two); len(notes) != 0 {
			t.Errorf("Bob has the notes %q", notes)
		}
	}
	for name, headers := range map[string][]string{
		"as a page": nil,
		"by htmx":   {"HX-Request", "true", "HX-Current-URL", s.two.URL + "/inbox"},
		"as JSON":   {"Accept", "application/json"},
	} {
		t.Run(name, func(t *testing.T) {
			a := v.Post(s.two, "/notes", form, headers...)
			if a.Status != http.StatusConflict || a.SetsCookie() {
				t.Errorf("got %d, cookie set: %v; want 409\n%s", a.Status, a.SetsCookie(), a.Body)
			}
			if refresh := a.Header.Get("HX-Refresh"); (refresh == "true") != (name == "by htmx") {
				t.Errorf("HX-Refresh is %q", refresh)
			}
			unchanged(t)
		})
	}
	t.Run("without a stamp", func(t *testing.T) {
		if a := v.Post(s.one, "/notes", url.Values{"text": {"whose?"}}); a.Status != http.StatusConflict {
			t.Errorf("got %d, want 409", a.Status)
		}
		unchanged(t)
	})
	t.Run("with the stamp in the query", func(t *testing.T) {
		path := "/notes?_stamp=" + url.QueryEscape(v.Document(s.one).Stamp)
		if a := v.Post(s.one, path, url.Values{"text": {"leaked"}}); a.Status != http.StatusConflict {
			t.Errorf("got %d, want 409", a.Status)
		}
		unchanged(t)
	})
	t.Run("with the secret that was just rotated away", func(t *testing.T) {
		fresh := v.Form(v.Get(s.one, "/notes"), "/notes")
		fresh.Set("text", "too late")
		old := v.CookieHeader(s.one)
		v.Switch(s.two, alice)
		v.Switch(s.two, bob)
		if a := sitetest.Holding(t, old).Post(s.one, "/notes", fresh); a.Status != http.StatusConflict && a.Status != http.StatusSeeOther {
			t.Errorf("got %d, want 409, or the sign-in page", a.Status)
		}
		unchanged(t)
	})
	t.Run("the page offers both ways out, and switching back makes the form work", func(t *testing.T) {
		page := v.Post(s.two, "/notes", form)
		alices, _ := v.Document(s.two).Find(alice)
		back := v.Form(page, alices.SwitchPath)
		if a := v.Post(s.two, alices.SwitchPath, back); a.Status != http.StatusSeeOther {
			t.Fatalf("the page's own button: %d\n%s", a.Status, a.Body)
		}
		if notes := v.Notes(s.one); len(notes) != 0 {
			t.Errorf("Alice has the notes %q before her form works", notes)
		}
		if a := v.Post(s.two, "/notes", form); a.Status != http.StatusSeeOther {
			t.Errorf("the form as Alice again: %d\n%s", a.Status, a.Body)
		}
		if notes := v.Notes(s.one); !slices.Equal(notes, []string{"from Alice"}) {
			t.Errorf("Alice has the notes %q", notes)
		}
	})
}

// TestForgedCookies: what no honest browser sends is nobody, on every page, and never an error.
func TestForgedCookies(t *testing.T) {
	s := start(t)
	v := two(t, s.one)
	good := v.SessionCookie(s.one)
	rdb := redis.NewClient(&redis.Options{Addr: s.redis.Addr})
	t.Cleanup(func() { rdb.Close() })

	cookies := map[string]string{
		"empty":              "",
		"not base64":         "%%%",
		"4 kB of garbage":    strings.Repeat("A", 4<<10),
		"a NUL":              "AAAA%00AAAA",
		"one byte changed":   flip(good),
		"one byte less":      good[:len(good)-1],
		"one byte more":      good + "A",
		"twice in one value": good + good,
		"padded":             good + "==",
		"a path":             "../../" + good,
		"a pattern":          "*",
	}
	for _, key := range rdb.Keys(t.Context(), "*").Val() {
		cookies["the name of the key "+key] = key
	}
	for name, value := range cookies {
		for _, n := range []*sitetest.Node{s.one, s.two} {
			nobody(t, name, sitetest.Holding(t, sitetest.Cookie+"="+value), n)
		}
	}
	for name, header := range map[string]string{
		"twice, good first":          sitetest.Cookie + "=" + good + "; " + sitetest.Cookie + "=AAAA",
		"twice, good last":           sitetest.Cookie + "=AAAA; " + sitetest.Cookie + "=" + good,
		"twice the same":             sitetest.Cookie + "=" + good + "; " + sitetest.Cookie + "=" + good,
		"under the other name":       "__Host-accounts=" + good,
		"under the name in capitals": strings.ToUpper(sitetest.Cookie) + "=" + good,
	} {
		nobody(t, name, sitetest.Holding(t, header), s.one)
	}
	if got := v.Document(s.one).CurrentEmail(); got != bob {
		t.Errorf("the honest visitor is %q now, want %s", got, bob)
	}
}

func flip(cookie string) string {
	last := "A"
	if strings.HasSuffix(cookie, "A") {
		last = "Q"
	}
	return cookie[:len(cookie)-1] + last
}

// nobody checks that a visitor is treated as one who is not signed in.
func nobody(t *testing.T, name string, v *sitetest.Visitor, n *sitetest.Node) {
	t.Helper()
	if a := v.Get(n, "/"); a.Status != http.StatusOK || strings.Contains(a.Body, "@example.com</bdi>") || a.SetsCookie() {
		t.Errorf("%s: GET /: %d, cookie set: %v, or somebody is shown", name, a.Status, a.SetsCookie())
	}
	if a := v.Get(n, "/private"); a.Status != http.StatusSeeOther || !strings.HasPrefix(a.Location(), "/session/new") || a.SetsCookie() {
		t.Errorf("%s: GET /private: %d to %q", name, a.Status, a.Location())
	}
	if a := v.Post(n, "/notes", url.Values{"text": {"x"}}, "Accept", "application/json"); a.Status != http.StatusUnauthorized {
		t.Errorf("%s: POST /notes: %d, want 401", name, a.Status)
	}
	if d := v.Document(n); d.State != "anonymous" || d.Current != nil || len(d.Accounts) != 0 {
		t.Errorf("%s: the document is %+v", name, d)
	}
	if socket, status := v.TryOpen(n, 1); socket != nil || status != http.StatusUnauthorized {
		t.Errorf("%s: handshake: %d, want 401", name, status)
	}
}

// TestForeignSitesChangeNothing sends what a page of another site could make a browser send.
func TestForeignSitesChangeNothing(t *testing.T) {
	s := start(t)
	v := two(t, s.one)
	d := v.Document(s.one)
	alices, _ := d.Find(alice)
	paths := map[string]string{
		"switch": alices.SwitchPath, "sign out one": "/link/sign_out/" + alices.ID, "sign out all": "/link/sign_out",
		"begin a link": d.AddPath, "cancel": "/link/cancel", "the app's sign-out": "/session/sign_out",
		"the app's sign-in": "/session", "a note": "/notes", "register": "/registration",
	}
	senders := map[string][]string{
		"cross-site":              {"Sec-Fetch-Site", "cross-site", "Origin", "https://evil.example"},
		"a sibling":               {"Sec-Fetch-Site", "same-site", "Origin", "https://other.127.0.0.1"},
		"another port":            {"Sec-Fetch-Site", "same-site", "Origin", s.two.URL},
		"an old browser":          {"Sec-Fetch-Site", "", "Origin", "https://evil.example"},
		"a sandbox":               {"Sec-Fetch-Site", "", "Origin", "null"},
		"neither header":          {"Sec-Fetch-Site", "", "Origin", ""},
		"headers that contradict": {"Sec-Fetch-Site", "cross-site", "Origin", s.one.URL},
	}
	form := sitetest.Credentials(carol)
	maps.Copy(form, url.Values{"_stamp": {d.Stamp}, "text": {"x"}})
	for sender, headers := range senders {
		for name, path := range paths {
			if a := v.Post(s.one, path, form, headers...); a.Status != http.StatusForbidden || a.SetsCookie() {
				t.Errorf("%s from %s: %d, cookie set: %v; want 403", name, sender, a.Status, a.SetsCookie())
			}
		}
	}
	// Opening a confirm page changes nothing, by whatever method and from wherever.
	for _, path := range []string{alices.SwitchPath, d.AddPath} {
		for _, method := range []string{http.MethodGet, http.MethodHead} {
			if a := v.Do(method, s.one.URL+path, nil, "Sec-Fetch-Site", "cross-site"); a.Status != http.StatusOK || a.SetsCookie() {
				t.Errorf("%s %s: %d, cookie set: %v", method, path, a.Status, a.SetsCookie())
			}
		}
	}
	if got := v.Document(s.one); !reflect.DeepEqual(got, d) {
		t.Errorf("the session is %+v, want it unchanged: %+v", got, d)
	}
	if notes := v.Notes(s.one); len(notes) != 0 {
		t.Errorf("Bob has the notes %q", notes)
	}
}
