package httpattacks

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"

	"github.com/multiaccount-go/multiaccount/integration_test/attacks/stage"
	"github.com/multiaccount-go/multiaccount/integration_test/sitetest"
)

// StoredAnswers is CA-01: every answer that depends on the session forbids to store it and has nothing to compare by.
func StoredAnswers(s *stage.Stage) {
	people := s.People(2)
	v := s.SignedIn(people...)
	d := v.Document(s.One)
	check := func(what string, a sitetest.Answer) {
		s.Helper()
		if !strings.Contains(a.Header.Get("Cache-Control"), "no-store") || a.Header.Get("ETag") != "" ||
			a.Header.Get("Last-Modified") != "" || a.Header.Get("Expires") != "" {
			s.Breach("%s (%d): Cache-Control %q, ETag %q, Last-Modified %q", what, a.Status,
				a.Header.Get("Cache-Control"), a.Header.Get("ETag"), a.Header.Get("Last-Modified"))
		}
	}
	for _, n := range s.Nodes() {
		for _, path := range paths(d) {
			check("GET "+path, v.Get(n, path))
			check("GET "+path+" by htmx", get(v, n, path, stage.HX(n, d.Stamp)))
			check("GET "+path+" by htmx of an old page", get(v, n, path, stage.HX(n, "x")))
			check("GET "+path+" as JSON", get(v, n, path, stage.JSON(n)))
			check("HEAD "+path, v.Do(http.MethodHead, n.URL+path, nil))
			check("GET "+path+" with a range", v.Get(n, path, "Range", "bytes=0-10", "If-None-Match", "*",
				"If-Modified-Since", "Wed, 25 Nov 2026 00:00:00 GMT"))
			// A cookie that is none: the answer would be another one with a good cookie.
			check("GET "+path+" with a dead cookie", s.Holding(strings.Repeat("A", 64)).Get(n, path))
		}
		for _, path := range []string{"/private", "/notes", "/link/accounts", "/link/state", d.AddPath,
			d.Accounts[0].SwitchPath, "/link/choose", "/inbox/who"} {
			check("GET "+path+" by nobody", s.Visitor().Get(n, path))
			check("GET "+path+" by nobody, as JSON", get(s.Visitor(), n, path, stage.JSON(n)))
		}
	}
	for path, form := range changing(d, people[1]) {
		if !strings.HasSuffix(path, "/sign_out") && path != "/session" && path != "/registration" {
			check("POST "+path+" from another site", post(v, s.One, path, form, stage.XForm()))
			check("POST "+path+" of an old page", post(v, s.One, path, stamped("x"), stage.Form(s.One)))
		}
	}
	check("a switch", v.TrySwitch(s.One, d, people[0]))
	check("adding", v.BeginAdding(s.Two))
	check("signing in", v.Post(s.Two, "/session", sitetest.Credentials(people[1])))
	check("a wrong password", v.Post(s.Two, "/session", url.Values{"email": {people[1]}, "password": {"wrong"}}))
	check("signing out", v.Post(s.One, "/link/sign_out", nil))
}

// sharedCache stands before the site and keeps what RFC 9111 lets a shared cache keep, as long and as often as it
// may: it takes
// what says nothing of its age for fresh, and what says nothing of what it depends on for the same for everybody.
type sharedCache struct {
	mu     sync.Mutex
	stored map[string][]kept
}

type kept struct {
	request http.Header
	answer  sitetest.Answer
}

// get answers from the store or asks the site.
func (c *sharedCache) get(v *sitetest.Visitor, n *sitetest.Node, path string, headers http.Header) (a sitetest.Answer,
	hit bool) {
	var pairs []string
	for name, values := range headers {
		pairs = append(pairs, name, values[0])
	}
	asked := headers.Clone()
	if cookie := v.CookieHeader(n); cookie != "" {
		asked.Set("Cookie", cookie)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, k := range c.stored[path] {
		if matches(k, asked) {
			return k.answer, true
		}
	}
	a = v.Get(n, path, pairs...)
	if storable(a) {
		c.stored[path] = append(c.stored[path], kept{asked, a})
	}
	return a, false
}

// storable follows section 3 of the RFC, with heuristic freshness for the statuses that have it.
func storable(a sitetest.Answer) bool {
	directives := strings.ToLower(strings.Join(a.Header.Values("Cache-Control"), ","))
	if strings.Contains(directives, "no-store") || strings.Contains(directives, "private") {
		return false
	}
	if strings.Contains(directives, "no-cache") || strings.Contains(directives, "max-age=0") {
		return false // stored, but asked for anew each time
	}
	heuristic := slices.Contains([]int{200, 203, 204, 206, 300, 301, 308, 404, 405, 410, 414, 501}, a.Status)
	return heuristic || strings.Contains(directives, "max-age") || strings.Contains(directives, "public")
}

// matches follows section 4.1: the headers that Vary names are the same.
func matches(k kept, asked http.Header) bool {
	for _, line := range k.answer.Header.Values("Vary") {
		for _, name := range strings.Split(line, ",") {
			if name = strings.TrimSpace(name); name == "*" || k.request.Get(name) != asked.Get(name) {
				return false
			}
		}
	}
	return true
}

// SharedCacheInFront is CA-02: one person after the other asks the cache for the same addresses, also such as a cache
// takes for
// files, in different roles and with headers that it does not look at.
func SharedCacheInFront(s *stage.Stage) {
	people := s.People(2)
	first, second := s.SignedIn(people[0]), s.SignedIn(people[1])
	for i, v := range []*sitetest.Visitor{first, second} {
		v.Post(s.One, "/notes", stamped(v.Document(s.One).Stamp, "text", "a row of "+people[i]))
	}
	cache := &sharedCache{stored: map[string][]kept{}}
	addresses := paths(first.Document(s.One))
	for _, page := range []string{"/", "/private", "/notes", "/link/accounts", "/inbox", "/link/state", "/link/choose"} {
		for _, suffix := range []string{"/x.css", ".css", ";x.css", "%2ex.css", "%00.css", "?x.css", "%3fx.js",
			"%23x.png", "/..%2fx.js", "/%2e%2e/assets/x.css", "//", "%0a.css", "\\x.css", "/a.js?b=c"} {
			if !strings.ContainsAny(page+suffix, "\\") && page != "/" {
				addresses = append(addresses, page+suffix)
			}
		}
	}
	addresses = append(addresses, "/assets/..%2fprivate", "/assets/%2e%2e/notes", "/htmx/..%2fnotes",
		"/link/multiaccount.js", "/assets/app.css", "/link/multiaccount.js/../accounts")
	kinds := map[string]http.Header{
		"page": {}, "htmx": {"Hx-Request": {"true"},
			"Sec-Fetch-Site": {"same-origin"}}, "json": {"Accept": {"application/json"}},
		"unkeyed": {"X-Forwarded-Host": {"evil.test"}, "X-Original-Url": {"/private"},
			"X-Forwarded-Prefix": {"/evil"}, "Origin": {stage.Foreign}},
		"stream": {"X-Live": {"stream"}, "Accept": {"text/event-stream"}},
	}
	nobody := s.Visitor()
	for _, path := range addresses {
		for _, kind := range slices.Sorted(maps.Keys(kinds)) {
			if kind == "stream" && strings.HasPrefix(path, "/live") {
				continue // an answer without an end
			}
			for _, who := range []struct {
				name    string
				visitor *sitetest.Visitor
				foreign []string
			}{
				{"the first", first, people[1:]}, {"the second", second, people[:1]}, {"nobody", nobody,
					people}, {"the first again", first, people[1:]},
			} {
				a, hit := cache.get(who.visitor, s.One, path, kinds[kind])
				for _, email := range who.foreign {
					if strings.Contains(a.Body, email) {
						s.Breach("GET %s (%s): %s sees %s, from the cache: %v\n%s", path, kind, who.name, email, hit,
							a.Body)
					}
				}
				if hit && a.SetsCookie() {
					s.Breach("GET %s: the cache hands out a session cookie", path)
				}
				if strings.Contains(a.Body+a.Location(), "evil.test") &&
					strings.HasPrefix(a.Header.Get("Content-Type"), "text/html") {
					s.Breach("GET %s: the answer carries what a header said:\n%s", path, a.Body)
				}
			}
			if s.Breached() {
				return
			}
		}
	}
}

// Variants is CA-03: a page and its fragment at one address say that they differ, also to those without a session,
// and a request
// that restores a page of the history gets the page.
func Variants(s *stage.Stage) {
	people := s.People(2)
	v := s.SignedIn(people...)
	d := v.Document(s.One)
	for _, n := range s.Nodes() {
		for _, path := range []string{"/notes", "/link/accounts", "/live", "/", "/private", "/inbox", d.AddPath,
			d.Accounts[0].SwitchPath} {
			for kind, a := range map[string]sitetest.Answer{
				"page": v.Get(n, path), "htmx": get(v, n, path, stage.HX(n, d.Stamp)), "restore": get(v, n, path,
					append(stage.HX(n, d.Stamp), "HX-History-Restore-Request", "true")),
			} {
				vary := strings.ToLower(strings.Join(a.Header.Values("Vary"), ","))
				if !strings.Contains(vary, "cookie") || !strings.Contains(vary, "hx-request") {
					s.Breach("GET %s (%s): Vary is %q", path, kind, vary)
				}
				if kind == "restore" && path == "/notes" && !strings.Contains(a.Body, "<html") {
					s.Breach("GET %s to restore the history is a fragment", path)
				}
			}
		}
	}
	page, fragment := v.Get(s.One, "/notes"), get(v, s.One, "/notes", stage.HX(s.One, d.Stamp))
	if !strings.Contains(page.Body, "<html") || strings.Contains(fragment.Body, "<html") {
		s.Breach("the page and the fragment of /notes do not differ")
	}
}
