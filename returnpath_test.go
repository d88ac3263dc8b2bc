package multiaccount_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/multiaccount-go/multiaccount"
)

// hostilePaths lead elsewhere, or could for some browser or proxy: each is answered with the default.
var hostilePaths = []string{
	"//evil.test", "///evil.test", `/\evil.test`, `\/evil.test`, `/\/evil.test`, `//\evil.test`, "/\t/evil.test",
	"/%09/evil.test", "/\n/evil.test",
	"/\r/evil.test", "/%0a/evil.test", "/%5cevil.test", "/%5c%5cevil.test", "/%2f%2fevil.test", "/%2Fevil.test",
	"/..//evil.test", "/a/../../evil", "/./a", "/a/..",
	"/%2e%2e/evil", "/a/%2e%2e/b", "https://evil.test", "HTTPS:evil.test", "https:/evil.test", "https:evil.test",
	"javascript:alert(1)", "JaVaScRiPt:alert(1)",
	"data:text/html,x", "evil.test", "@evil.test", "?x", "#x", "", " /page", "/pa ge", "/page ", "/page\x00", "/page%00",
	"/page\u2028x", "/page\u202ex", "/page\u00a0x",
	"/page\xff", "/page%ff", "/page\x7f", "/page%7f", "/" + strings.Repeat("a", 3000), "/x\r\nSet-Cookie: a=b",
	"/x%0d%0aSet-Cookie:%20a=b", "/x%0aSet-Cookie:%20a=b",
	"/x%0dSet-Cookie:%20a=b", "/x%c4%8d%c4%8a\u010a\r", "/%zz", "/%", "/a//b",
}

// pluginPaths would act or lead round in circles.
var pluginPaths = []string{
	"/link", "/link/", "/link/sign_out", "/link/switch_to/b", "/link/p/m", "/link/live", "/LINK/p/x/", "/%6cink/sign_out",
	"/l%69nk", "/link?x=1", "/link/choose#x",
	"/session/new", "/session/new/", "/Session/New?request_path=%2Fpage", "/out", "/OUT/",
}

// goodPaths are answered with that page, in one spelling.
var goodPaths = map[string]string{
	"/page": "/page", "/": "/", "/a?b=c": "/a?b=c", "/ü": "/%C3%BC", "/a?next=//evil.test": "/a?next=//evil.test",
	"/x%250d%250a": "/x%250d%250a",
	"/／／evil.test": "/%EF%BC%8F%EF%BC%8Fevil.test", "/page#part": "/page", "/page/": "/page/", "/a%20b": "/a%20b",
	"/links": "/links", "/linked/x": "/linked/x",
	"/a?q=%C3%BC%20x": "/a?q=%C3%BC%20x", "/a?q=ü%20x&r=1": "/a?q=%C3%BC%20x&r=1", "/outside": "/outside", "/a:b@c": "/a:b@c",
	"/a%2Fb": "/a%2Fb",
}

// journeys name a return path to every route that takes one, and return where the browser is sent.
func journeys(s *site) map[string]func(path string) string {
	return map[string]func(path string) string{
		"request_path of a sign-in": func(path string) string {
			return s.browser().signIn("a", "request_path", path).location()
		},
		"return_to of a registration": func(path string) string {
			return s.browser().do("POST", "/register", form("id", "r", "return_to", path)).location()
		},
		"return_to of a switch": func(path string) string {
			return s.signedIn("a", "b").post("/link/switch_to/a", "return_to", path).location()
		},
		"return_to of a switch by htmx": func(path string) string {
			b := s.signedIn("a", "b")
			return b.do("POST", "/link/switch_to/a", hx, stamped(b.stamp()), header("HX-Current-URL", ""),
				formBody("return_to", path)).Header.Get("HX-Redirect")
		},
		"return_to of a sign-out": func(path string) string {
			return s.signedIn("a", "b").post("/link/sign_out/a", "return_to", path).location()
		},
		"return_to of cancelling": func(path string) string {
			return s.signedIn("a", "b").post("/link/cancel", "return_to", path).location()
		},
		"the page where linking began": func(path string) string {
			b := s.signedIn("a")
			b.post("/link/p/a", "return_to", path)
			return b.signIn("b").location()
		},
	}
}

func TestReturnPaths(t *testing.T) {
	s := newSite(t)
	for name, journey := range journeys(s) {
		t.Run(name, func(t *testing.T) {
			for _, path := range append(hostilePaths, pluginPaths...) {
				if got := journey(path); got != "/" {
					t.Errorf("%q leads to %q, want the default", path, got)
				}
			}
			for path, want := range goodPaths {
				if got := journey(path); got != want {
					t.Errorf("%q leads to %q, want %q", path, got, want)
				}
			}
		})
	}
}

func TestReturnPathByHeader(t *testing.T) {
	s := newSite(t)
	for name, tc := range map[string]struct{ referer, want string }{
		"page of this site":     {here + "/page?x=1", "/page?x=1"},
		"with a fragment":       {here + "/page#x", "/page"},
		"page of another site":  {"https://evil.test/page", "/"},
		"this host as a user":   {"https://app.test@evil.test/page", "/"},
		"another port":          {here + ":8443/page", "/"},
		"sibling":               {"https://sub.app.test/page", "/"},
		"only a path":           {"/page", "/"},
		"a route of the plugin": {here + "/link/switch_to/a", "/"},
		"the sign-in page":      {here + "/session/new?request_path=/x", "/"},
		"two slashes":           {here + "//evil.test", "/"},
		"encoded slashes":       {here + "/%2f%2fevil.test", "/"},
		"a backslash":           {here + `/\evil.test`, "/"},
		"javascript":            {"javascript://app.test/%0aalert(1)", "/"},
		"opaque":                {"https:app.test", "/"},
		"none":                  {"", "/"},
	} {
		for _, name2 := range []string{"Referer", "HX-Current-URL"} {
			t.Run(name+" in "+name2, func(t *testing.T) {
				b := s.signedIn("a", "b")
				a := b.do("POST", "/link/switch_to/a", form("_stamp", b.stamp()), func(r *http.Request) {
					if tc.referer != "" {
						r.Header.Set(name2, tc.referer)
					}
				})
				if a.location() != tc.want {
					t.Errorf("leads to %q, want %q", a.location(), tc.want)
				}
			})
		}
	}
}

func TestReturnPathNamedTwiceOrInAList(t *testing.T) {
	s := newSite(t)
	for _, pairs := range [][]string{{"return_to", "/page", "return_to", "//evil.test"}, {"return_to", "/x", "return_to",
		"/y"}, {"return_to[]", "/x"}, {"return_to[0]", "/x"}} {
		if a := s.signedIn("a", "b").post("/link/switch_to/a", pairs...); a.location() != "/" {
			t.Errorf("%v leads to %q", pairs, a.location())
		}
	}
	b := s.signedIn("a", "b")
	if a := b.do("GET", "/link/p/a?return_to=/x&return_to=/y", nav); !strings.Contains(a.Body, `name="return_to" value="/"`) {
		t.Errorf("in a query: %s", a.Body)
	}
}

// What a request names must not break out of the headers of its answer.
func TestNoHeaderIsInjected(t *testing.T) {
	s := newSite(t)
	for _, path := range []string{"/x%0d%0aSet-Cookie:%20evil=1", "/x%0aevil:1", "/x%0d", "/x%00",
		"/x%E5%98%8A%E5%98%8DSet-Cookie:evil", "/x%250d%250aevil:1"} {
		for _, target := range []string{"/session/new?request_path=" + path, "/app/?return_to=" + path,
			"/link/choose?return_to=" + path, "/app" + path, "/link/switch_to" + path,
			"/link/p" + path} {
			for name, kind := range map[string]option{"page": nav, "htmx": hx, "program": program} {
				a := s.browser().do("GET", target, kind, header("HX-Current-URL", here+path))
				for h := range a.Header {
					if strings.Contains(strings.ToLower(h), "evil") || h == "Set-Cookie" {
						t.Errorf("%s by %s: header %s", target, name, h)
					}
				}
				if a.Status >= 500 {
					t.Errorf("%s by %s: %d", target, name, a.Status)
				}
			}
		}
	}
}

// Whatever a path is, resolved by a browser it stays on this site.
func FuzzLocalPath(f *testing.F) {
	for _, path := range hostilePaths {
		f.Add(path)
	}
	for path := range goodPaths {
		f.Add(path)
	}
	base, err := url.Parse(here)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, path string) {
		local, ok := multiaccount.LocalPath(path)
		if !ok {
			return
		}
		if !strings.HasPrefix(local, "/") || strings.HasPrefix(local, "//") || strings.ContainsAny(local, "\\\r\n\t\x00 ") {
			t.Fatalf("%q became %q", path, local)
		}
		for _, r := range local {
			if r <= ' ' || r > '~' {
				t.Fatalf("%q became %q", path, local)
			}
		}
		to, err := base.Parse(local)
		if err != nil || to.Scheme != "https" || to.Host != host || to.User != nil {
			t.Fatalf("%q became %q, which leads to %v (%v)", path, local, to, err)
		}
		if again, ok := multiaccount.LocalPath(local); !ok || again != local {
			t.Fatalf("%q became %q, and that %q", path, local, again)
		}
	})
}
