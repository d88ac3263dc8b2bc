package multiaccount_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/multiaccount-go/multiaccount"
)

// The confused tab: a page that was drawn for B acts while A is current.
func TestStamps(t *testing.T) {
	s := newSite(t)
	b := s.signedIn("a", "b")
	asB := b.stamp()
	b.switchTo("a")
	asA := b.stamp()
	other := s.signedIn("a").stamp()
	for name, tc := range map[string]struct {
		header, field string
		status        int
	}{
		"in the field":                      {"", asA, 200},
		"in the header":                     {asA, "", 200},
		"in both":                           {asA, asA, 200},
		"stale in the field":                {"", asB, 409},
		"stale in the header":               {asB, "", 409},
		"stale header, good field":          {asB, asA, 409},
		"good header, stale field":          {asA, asB, 409},
		"missing":                           {"", "", 409},
		"of another session of this person": {"", other, 409},
		"junk":                              {"", "v1.junk", 409},
		"cut off":                           {"", asA[:len(asA)-1], 409},
		"one character more":                {"", asA + "A", 409},
		"without its version":               {"", strings.TrimPrefix(asA, "v1."), 409},
		"membership with a foreign MAC":     {"", asA[:strings.LastIndex(asA, ".")] + asB[strings.LastIndex(asB, "."):], 409},
	} {
		t.Run(name, func(t *testing.T) {
			rows := s.rows()
			send := func(kind ...option) answer {
				o := append(kind, func(r *http.Request) {
					if tc.header != "" {
						r.Header.Set("X-Account-Stamp", tc.header)
					}
				})
				return b.do("POST", "/app/act", o...)
			}
			a := send(form("_stamp", tc.field, "value", "x"))
			h := send(hx, formBody("_stamp", tc.field, "value", "x"))
			if a.Status != tc.status || h.Status != tc.status {
				t.Fatalf("form %d, htmx %d, want %d: %s", a.Status, h.Status, tc.status, a.Body)
			}
			if tc.status == 200 {
				if got, want := s.rows(), strings.TrimSpace(rows+" a:x a:x"); got != want {
					t.Errorf("rows %q, want %q", got, want)
				}
				return
			}
			if s.rows() != rows {
				t.Errorf("it acted: %s", s.rows())
			}
			if h.Header.Get("HX-Refresh") != "true" || len(a.Cookies)+len(h.Cookies) > 0 {
				t.Errorf("htmx: %v", h.Header)
			}
			refused(t, send(program, formBody("_stamp", tc.field)), 409, multiaccount.CodeStalePage)
		})
	}
}

func TestStampFieldComesOnceAndInTheBody(t *testing.T) {
	s := newSite(t)
	b := s.signedIn("a", "b")
	asB := b.stamp()
	b.switchTo("a")
	asA := b.stamp()
	for name, options := range map[string][]option{
		"twice, the second stale": {form("_stamp", asA, "_stamp", asB)},
		"twice, the first stale":  {form("_stamp", asB, "_stamp", asA)},
		"twice, both good":        {form("_stamp", asA, "_stamp", asA)},
		"json":                    {form(), func(r *http.Request) { setBody(r, "application/json", `{"_stamp":"`+asA+`"}`) }},
		"plain text":              {form(), func(r *http.Request) { setBody(r, "text/plain", "_stamp="+asA) }},
		"no type":                 {form(), func(r *http.Request) { setBody(r, "", "_stamp="+asA) }},
	} {
		t.Run(name, func(t *testing.T) {
			b.unchanged(t, func() {
				if a := b.do("POST", "/app/act", options...); a.Status != 409 {
					t.Errorf("got %d %s", a.Status, a.Body)
				}
			})
		})
	}
	t.Run("only in the query", func(t *testing.T) {
		b.unchanged(t, func() {
			if a := b.do("POST", "/app/act?_stamp="+asA+"&X-Account-Stamp="+asA, form()); a.Status != 409 {
				t.Errorf("got %d", a.Status)
			}
		})
	})
	t.Run("multipart", func(t *testing.T) {
		body := fmt.Sprintf("--x\r\nContent-Disposition: form-data; name=\"_stamp\"\r\n\r\n%s\r\n--x--\r\n", asA)
		if a := b.do("POST", "/app/act", form(), func(r *http.Request) {
			setBody(r, "multipart/form-data; boundary=x",
				body)
		}); a.Status != 200 {
			t.Errorf("got %d", a.Status)
		}
	})
}

// A stamp names a membership: it works again after A→B→A, and dies when the account leaves, also when it comes back.
func TestStampLivesAsLongAsItsMembership(t *testing.T) {
	s := newSite(t)
	b := s.signedIn("a", "b")
	asB := b.stamp()
	b.switchTo("a")
	b.switchTo("b")
	if a := b.do("POST", "/app/act", form("_stamp", asB, "value", "again")); a.Status != 200 || s.rows() != "b:again" {
		t.Errorf("after B→A→B: %d %s", a.Status, s.rows())
	}
	b.post("/link/sign_out/b", "next", "a")
	b.link("b")
	refused(t, b.do("POST", "/app/act", program, stamped(asB)), 409, multiaccount.CodeStalePage)
}

func TestStalePageNamesBothAndOffersToGoBack(t *testing.T) {
	s := newSite(t)
	b := s.signedIn("a", "b")
	asB := b.stamp()
	b.switchTo("a")
	a := b.do("POST", "/app/act", form("_stamp", asB, "value", "x"), header("Referer", here+"/page"))
	for _, want := range []string{"Name-A", "Name-B", `action="/link/switch_to/b"`, `method="get" action="/page"`, b.stamp()} {
		if !strings.Contains(a.Body, want) {
			t.Errorf("page has no %s:\n%s", want, a.Body)
		}
	}
	if strings.Contains(a.Body, `value="x"`) {
		t.Error("the page would send the form again")
	}
	t.Run("a stamp of another session names nobody", func(t *testing.T) {
		v := s.signedIn("v")
		if a := b.do("POST", "/app/act", form("_stamp", v.stamp())); strings.Contains(a.Body, "Name-V") ||
			strings.Contains(a.Body, "switch_to") {
			t.Errorf("got %s", a.Body)
		}
	})
}

// Fragments of one account must not land in the page of another: htmx asks with the stamp of its page.
func TestProtectedHTMXReads(t *testing.T) {
	s := newSite(t)
	b := s.signedIn("a", "b")
	asB := b.stamp()
	b.switchTo("a")
	for name, tc := range map[string]struct {
		options []option
		status  int
	}{
		"the current account's":      {[]option{hx, stamped(b.stamp())}, 200},
		"stale":                      {[]option{hx, stamped(asB)}, 409},
		"missing":                    {[]option{hx}, 409},
		"from another site":          {[]option{hx, stamped(b.stamp()), header("Origin", "https://evil.test")}, 403},
		"other site says the fetch":  {[]option{hx, stamped(b.stamp()), header("Sec-Fetch-Site", "cross-site")}, 403},
		"not htmx: draws a new page": {[]option{nav}, 200},
		"not htmx: stale stamp":      {[]option{nav, stamped(asB)}, 200},
	} {
		t.Run(name, func(t *testing.T) {
			b.unchanged(t, func() {
				for _, path := range []string{"/app/fragment", "/link/accounts"} {
					a := b.do("GET", path, tc.options...)
					if a.Status != tc.status {
						t.Errorf("%s: got %d %s, want %d", path, a.Status, a.Body, tc.status)
					}
					if tc.status == 409 && (a.Header.Get("HX-Refresh") != "true" || strings.Contains(a.Body, "Name-")) {
						t.Errorf("%s: %v %s", path, a.Header, a.Body)
					}
				}
			})
		})
	}
	t.Run("history restore: of a page as a whole, not of the switcher", func(t *testing.T) {
		for path, want := range map[string]int{"/app/fragment": 200, "/link/accounts": 409, "/LINK/accounts/": 409} {
			if a := b.do("GET", path, hx, header("HX-History-Restore-Request", "true")); a.Status != want {
				t.Errorf("%s: %d, want %d", path, a.Status, want)
			}
		}
	})
	t.Run("of a page whose session ended", func(t *testing.T) {
		stamp := b.stamp()
		b.post("/link/sign_out")
		if a := b.do("GET", "/link/accounts", hx, stamped(stamp)); a.Status != 401 || a.Header.Get("HX-Redirect") == "" {
			t.Errorf("got %d %v", a.Status, a.Header)
		}
	})
}

// Sec-Fetch-Site against Origin, each with a good stamp.
func TestOriginOfUnsafeRequests(t *testing.T) {
	s := newSite(t)
	b := s.signedIn("a", "b")
	stamp := b.stamp()
	sites := []string{"same-origin", "none", "same-site", "cross-site", "", "junk"}
	origins := []string{here, "https://evil.test", "null", "", "http://app.test", here + ":8443", here + ":443",
		"https://APP.test", "https://sub.app.test",
		"https://app.test.evil.test", "https://app.test@evil.test", "https://app.test/", "app.test", "https://"}
	passes := map[string]bool{}
	for _, o := range []string{here, here + ":443", "https://APP.test"} {
		for _, site := range []string{"same-origin", "", "none"} {
			passes[site+" "+o] = true
		}
	}
	passes["same-origin "] = true
	passes["same-origin null"] = true // a page that tells no referrer, as helmet makes them
	for _, site := range sites {
		for _, o := range origins {
			for _, referer := range []string{here + "/page", "https://evil.test/", ""} {
				name := fmt.Sprintf("site %q origin %q referer %q", site, o, referer)
				request := func(r *http.Request) {
					formBody("_stamp", stamp, "value", "x")(r)
					for h, v := range map[string]string{"Sec-Fetch-Site": site, "Origin": o, "Referer": referer} {
						if v != "" {
							r.Header.Set(h, v)
						}
					}
				}
				want := 403
				if passes[site+" "+o] {
					want = 200
				}
				rows := s.rows()
				if a := b.do("POST", "/app/act", request); a.Status != want {
					t.Errorf("%s: got %d, want %d", name, a.Status, want)
				}
				if acted := s.rows() != rows; acted != (want == 200) {
					t.Errorf("%s: acted %v", name, acted)
				}
			}
		}
	}
	t.Run("headers twice", func(t *testing.T) {
		for _, name := range []string{"Origin", "Sec-Fetch-Site"} {
			a := b.do("POST", "/app/act", form("_stamp", stamp), func(r *http.Request) {
				r.Header[name] = append(r.Header[name],
					r.Header.Get(name))
			})
			if a.Status != 403 {
				t.Errorf("%s: got %d", name, a.Status)
			}
		}
	})
	t.Run("own origin without a stamp is not enough", func(t *testing.T) {
		if a := b.do("POST", "/app/act", form()); a.Status != 409 {
			t.Errorf("got %d", a.Status)
		}
	})
}

func TestConfiguredOriginsAreTrusted(t *testing.T) {
	s := newSite(t, func(c *config) { c.Origins = []string{"https://www.example.com"} })
	b := s.signedIn("a")
	if a := b.do("POST", "/app/act", form("_stamp", b.stamp()), header("Origin", "https://www.example.com")); a.Status != 200 {
		t.Errorf("got %d", a.Status)
	}
	for _, o := range []string{"https://example.com", "http://www.example.com", "https://www.example.com.evil.test",
		"https://www.example.com:444"} {
		if a := b.do("POST", "/app/act", form("_stamp", b.stamp()), header("Origin", o)); a.Status != 403 {
			t.Errorf("%s: got %d", o, a.Status)
		}
	}
}

// Sign-in and registration need no stamp, but no other site may send them, and a stamp that is sent must be right.
func TestSameOriginForms(t *testing.T) {
	for _, path := range []string{"/sign-in", "/register"} {
		t.Run(path, func(t *testing.T) {
			s := newSite(t)
			nobody := s.browser()
			credentials := []string{"id", "m", "password", "pw-m"}
			if a := nobody.do("POST", path, xform(credentials...)); a.Status != 403 || len(a.Cookies) > 0 {
				t.Errorf("another site, nobody signed in: %d %v", a.Status, a.Cookies)
			}
			if a := nobody.do("POST", path, formBody(credentials...)); a.Status != 403 || len(a.Cookies) > 0 {
				t.Errorf("from nowhere: %d %v", a.Status, a.Cookies)
			}
			b := s.signedIn("a", "b")
			asB := b.stamp()
			b.switchTo("a")
			b.post("/link/p/a")
			b.unchanged(t, func() {
				if a := b.do("POST", path, xform(credentials...)); a.Status != 403 {
					t.Errorf("another site, open intent: %d", a.Status)
				}
				if a := b.do("POST", path, form(append(credentials, "_stamp", asB)...)); a.Status != 409 {
					t.Errorf("stale stamp: %d", a.Status)
				}
			})
			if a := b.do("POST", path, form(append(credentials, "_stamp", b.stamp())...)); a.Status != 303 {
				t.Errorf("current stamp: %d %s", a.Status, a.Body)
			}
			b.acts(t, "m", "a")
		})
	}
}

// A form that carries a good stamp and another one was put together by somebody. Where none is demanded, neither counts.
func TestSeveralStampsOnASignInFormAreRefused(t *testing.T) {
	s := newSite(t)
	b := s.signedIn("a", "b")
	asB := b.stamp()
	b.switchTo("a")
	asA := b.stamp()
	for name, stamps := range map[string][]string{
		"good and stale": {asA, asB}, "stale and good": {asB, asA}, "twice the same": {asA, asA}, "good and empty": {asA, ""},
		"both stale": {asB, asB},
	} {
		t.Run(name, func(t *testing.T) {
			credentials := fields("id", "c", "password", "pw-c", "_stamp", stamps[0], "_stamp", stamps[1])
			b.unchanged(t, func() {
				a := b.do("POST", "/sign-in", program, func(r *http.Request) {
					setBody(r, "application/x-www-form-urlencoded", credentials.Encode())
				})
				refused(t, a, 409, multiaccount.CodeStalePage)
			})
		})
	}
}

// Who is choosing has a session and a stamp, but nobody to act as: an app's route below Protect alone must not run.
func TestProtectNeedsAnAccountToActAs(t *testing.T) {
	s := newSite(t)
	s.app.Post("/write", s.accounts.Protect(), s.act)
	s.app.Get("/read", s.accounts.Protect(), s.whoAmI)
	b := s.choosing(t)
	stamp := b.stamp()
	if stamp == "" {
		t.Fatal("a chooser without a stamp")
	}
	b.unchanged(t, func() {
		refused(t, b.do("POST", "/write", program, stamped(stamp)), 401, multiaccount.CodeNotSignedIn)
		if a := b.do("POST", "/write", form("_stamp", stamp)); a.Status != 303 || !strings.HasPrefix(a.location(), "/link/choose") {
			t.Errorf("form: %d %s", a.Status, a.location())
		}
		a := b.do("POST", "/write", hx, stamped(stamp))
		if a.Status != 401 || !strings.HasPrefix(a.Header.Get("HX-Redirect"), "/link/choose") {
			t.Errorf("htmx: %d %v", a.Status, a.Header)
		}
		if a := b.do("GET", "/read", hx, stamped(stamp)); a.Status != 200 {
			t.Errorf("a fragment for those who choose: %d", a.Status)
		}
	})
	b.switchTo("a") // the plugin's own routes take the choice's stamp
	b.acts(t, "a", "")
	other := s.choosing(t)
	if a := other.post("/link/sign_out"); a.Status != 303 || other.record() != "" {
		t.Errorf("signing out of the choice: %d %s", a.Status, a.Body)
	}
}
