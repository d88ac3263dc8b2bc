package httpattacks

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/multiaccount-go/multiaccount/integration_test/attacks/stage"
	"github.com/multiaccount-go/multiaccount/integration_test/sitetest"
)

// elsewhere are return paths that lead away from the site, or that some reader takes for such.
var elsewhere = []string{
	"//evil.test", "///evil.test", `/\evil.test`, `\/evil.test`, `/\/evil.test`, `//\evil.test`, `\\evil.test`,
	"/\t/evil.test", "/%09/evil.test",
	"/\n/evil.test", "/\r/evil.test", "/%0a/evil.test", "/%0d%0a/evil.test", "/%5cevil.test", "/%5Cevil.test",
	"/%2f%2fevil.test", "/%2Fevil.test", "/..//evil.test",
	"/a/../../evil", "/a//evil.test", "/./evil.test", "/a/..", "/%2e%2e/evil", "/.%2e//evil.test",
	"https://evil.test", "HTTPS:evil.test", "https:/evil.test", "https:evil.test",
	"http:///evil.test", "javascript:alert(1)", "JaVaScRiPt:alert(1)", "java\nscript:alert(1)",
	"\x01javascript:alert(1)", "data:text/html,x", "vbscript:x", "evil.test",
	"@evil.test", "?x", "#x", "", " /a", "/a b", "/ /evil.test", "\x00", "/a\x00b", "/%00", "/\u2028evil.test",
	"/\u202eevil", "/\u00a0/evil.test", "/\u3000/evil.test",
	"/\ufeff/evil.test", "/\x7f", "/\x85/evil.test", "/\xff\xfe", "/%ff", "/" + strings.Repeat("a",
		3000), "//evil.test%2f..", "/;@evil.test/..//", "//google.com@evil.test", "/%zz",
	"/%u2215evil.test", "\ufeff//evil.test", "/\u200b/evil.test", "///", "/\\", "//",
}

// ours are return paths that stay, with how they come out.
var ours = map[string]string{
	"/a?b=c": "/a?b=c", "/ü": "/%C3%BC", "/a?next=//evil.test": "/a?next=//evil.test", "/x%250d%250a": "/x%250d%250a",
	"/\uff0f\uff0fevil.test": "/%EF%BC%8F%EF%BC%8Fevil.test",
	"/a#frag":                "/a", "/a?q=ü": "/a?q=%C3%BC", "/notes": "/notes",
}

// returnDoors are the ways in which a request names where to go afterwards. Each returns where the answer leads.
func returnDoors(s *stage.Stage, v *sitetest.Visitor) map[string]func(path string) sitetest.Answer {
	d := v.Document(s.One)
	self, n := "/link/switch_to/"+d.Current.ID, s.One
	form := func(route, field string) func(string) sitetest.Answer {
		return func(path string) sitetest.Answer { return v.Post(n, route, stamped(d.Stamp, field, path)) }
	}
	query := func(route, field string) func(string) sitetest.Answer {
		return func(path string) sitetest.Answer {
			return v.Post(n, route+"?"+url.Values{field: {path}}.Encode(), stamped(d.Stamp))
		}
	}
	header := func(name string) func(string) sitetest.Answer {
		return func(path string) sitetest.Answer {
			if strings.ContainsFunc(path, func(r rune) bool { return r < ' ' || r == 0x7f }) || path == "" ||
				path[0] != '/' {
				return sitetest.Answer{Status: http.StatusSeeOther,
					Header: http.Header{"Location": {"/"}}} // no header can carry it
			}
			return v.Post(n, self, stamped(d.Stamp), name, n.URL+path)
		}
	}
	return map[string]func(path string) sitetest.Answer{
		"return_to of a switch": form(self, "return_to"), "request_path of a switch": form(self, "request_path"),
		"return_to in the query": query(self, "return_to"), "request_path in the query": query("/link/cancel",
			"request_path"),
		"return_to of a cancel": form("/link/cancel",
			"return_to"), "Referer": header("Referer"), "HX-Current-URL": header("HX-Current-URL"),
		"the record": func(path string) sitetest.Answer {
			if a := v.Post(n, d.AddPath, stamped(d.Stamp, "return_to", path)); a.Location() != "/session/new" {
				return a
			}
			return v.Post(s.Two, "/link/cancel", stamped(d.Stamp))
		},
	}
}

// OpenRedirect is RD-01: whatever a request names, the answer leads to a page of the site.
func OpenRedirect(s *stage.Stage) {
	people := s.People(2)
	v := s.SignedIn(people...)
	for door, try := range returnDoors(s, v) {
		for _, path := range elsewhere {
			if a := try(path); a.Status != http.StatusSeeOther || a.Location() != "/" {
				if door == "Referer" || door == "HX-Current-URL" {
					if local(a.Location()) {
						continue // the part behind the host, as a browser would have resolved it
					}
				}
				s.Breach("%s %q: %d to %q, want /", door, path, a.Status, a.Location())
			}
		}
		for path, want := range ours {
			if strings.Contains(door, "er") && (door == "Referer" || door == "HX-Current-URL") &&
				strings.ContainsAny(path, "#") {
				continue
			}
			if a := try(path); a.Location() != want {
				s.Breach("%s %q: %d to %q, want %q", door, path, a.Status, a.Location(), want)
			}
		}
		if s.Breached() {
			return
		}
	}
	d := v.Document(s.One)
	self := "/link/switch_to/" + d.Current.ID
	for what, form := range map[string]url.Values{
		"an array":          {"return_to[]": {"//evil.test"}},
		"several":           {"return_to": {"/notes", "//evil.test"}},
		"several, reversed": {"return_to": {"//evil.test", "/notes"}},
		"several good ones": {"return_to": {"/a", "/b"}},
		"as next":           {"next": {"//evil.test"}},
		"as url":            {"url": {"//evil.test"}, "redirect": {"//evil.test"}, "continue": {"//evil.test"}},
	} {
		form.Set("_stamp", d.Stamp)
		if a := v.Post(s.One, self, form); a.Location() != "/" {
			s.Breach("%s: to %q, want /", what, a.Location())
		}
	}
	for _, referer := range []string{stage.Foreign + "/notes", "http://evil.test@" + s.One.Addr + "/notes",
		"http://" + s.One.Addr + ".evil.test/notes", "//" + s.One.Addr + "//evil.test", "http://" + s.One.Addr +
			"//evil.test", "javascript://" + s.One.Addr + "/notes%0aalert(1)"} {
		if a := v.Post(s.One, self, stamped(d.Stamp), "Referer", referer); !local(a.Location()) ||
			strings.Contains(a.Location(), "evil") {
			s.Breach("Referer %q: to %q", referer, a.Location())
		}
	}

	// Signing in costs a hash each, so with some of them only.
	for _, path := range append([]string{"/link/sign_out", "/SESSION/sign_out/", "/%6cink/p/x"}, elsewhere[:12]...) {
		for _, field := range []string{"request_path", "return_to"} {
			form := sitetest.Credentials(people[0])
			form.Set(field, path)
			if a := s.Visitor().Post(s.Two, "/session", form); a.Location() != "/" {
				s.Breach("signing in with %s %q: to %q", field, path, a.Location())
			}
		}
	}
	for _, path := range elsewhere {
		page := s.Visitor().Get(s.Two, "/session/new?"+url.Values{"request_path": {path}}.Encode())
		if page.Status != http.StatusOK || strings.Contains(page.Body, `href="`+path) && path != "" &&
			path[0] != '/' && path[0] != '#' {
			s.Breach("the sign-in page with request_path %q: %d\n%s", path, page.Status, page.Body)
		}
	}
}

// local reports whether a browser stays on the site when it follows a Location.
func local(location string) bool {
	base, _ := url.Parse("https://app.test/x")
	u, err := base.Parse(location)
	return err == nil && u.Host == "app.test" && u.Scheme == "https" && strings.HasPrefix(location, "/") &&
		!strings.HasPrefix(location, "//") &&
		!strings.ContainsAny(location, "\\\t\r\n")
}

// OpenRedirectByHTMX is RD-02 without a browser: what htmx goes to, unchecked.
func OpenRedirectByHTMX(s *stage.Stage) {
	people := s.People(2)
	v := s.SignedIn(people...)
	d := v.Document(s.One)
	self := "/link/switch_to/" + d.Current.ID
	for _, n := range s.Nodes() {
		for _, path := range elsewhere {
			for _, field := range []string{"return_to", "request_path"} {
				for route, headers := range map[string][]string{self: stage.HX(n, d.Stamp),
					"/link/cancel": stage.HX(n, d.Stamp), d.AddPath: stage.HX(n, d.Stamp)} {
					a := post(v, n, route, url.Values{field: {path}}, headers)
					for _, name := range []string{"HX-Redirect", "HX-Location", "HX-Push-Url", "HX-Replace-Url",
						"Location", "Refresh"} {
						if got := a.Header.Get(name); got != "" && got != "/" && got != "/session/new" {
							s.Breach("POST %s by htmx with %s %q: %s: %q", route, field, path, name, got)
						}
					}
				}
			}
		}
		// Refused: the way to the sign-in page carries where to come back to.
		for _, path := range elsewhere {
			a := post(s.Visitor(), n, "/notes?"+url.Values{"return_to": {path}}.Encode(),
				url.Values{"request_path": {path}}, stage.HX(n, ""))
			if got := a.Header.Get("HX-Redirect"); got != "/session/new" {
				s.Breach("refused by htmx with %q: HX-Redirect %q", path, got)
			}
		}
	}
}

// ReturnToARouteThatActs is RD-05: nobody is led to a route of the plugin, nor to the app's sign-out, in any spelling.
func ReturnToARouteThatActs(s *stage.Stage) {
	people := s.People(2)
	v := s.SignedIn(people...)
	d := v.Document(s.One)
	for door, try := range returnDoors(s, v) {
		for _, path := range []string{
			"/link/sign_out", "/link/sign_out?x", "/LINK/SIGN_OUT", "/link/sign_out/", d.Accounts[0].SwitchPath,
			d.AddPath, "/link/live", "/LINK/p/x/", "/%6cink/sign_out", "/l%69nk/p/x",
			"/link", "/link/", "/link/choose", "/link/state", "/link/multiaccount.js", "/session/sign_out",
			"/SESSION/SIGN_OUT/", "/session/sign%5fout", "/%73ession/sign_out", "/session/new", "/session/new/",
			"/Session/New?x=1",
			"/link%2fsign_out", "/link;x/sign_out", "/link%3b/sign_out",
		} {
			a := try(path)
			if a.Location() == "/" {
				continue
			}
			// What is none of these routes for the router may be led to: then it must be a page that is not there.
			if r := s.Raw(s.One, stage.Request(s.One, "GET", a.Location(),
				[]string{"Cookie: " + v.CookieHeader(s.One)}, "")); r.Status != http.StatusNotFound {
				s.Breach("%s %q: to %q, which answers %d", door, path, a.Location(), r.Status)
			}
		}
	}
}

// ForeignHost is RD-06: the request names another host, in every way that it can be named.
func ForeignHost(s *stage.Stage) {
	people := s.People(2)
	v := s.SignedIn(people...)
	d := v.Document(s.One)
	n := s.One
	cookie := "Cookie: " + v.CookieHeader(n)
	body := stamped(d.Stamp).Encode()
	for what, head := range map[string]string{
		"Host": "%s %s HTTP/1.1\r\nHost: evil.test\r\n",
		"Host and forwarded": "%s %s HTTP/1.1\r\nHost: " + n.Addr +
			"\r\nX-Forwarded-Host: evil.test\r\nX-Forwarded-Proto: https\r\nForwarded: host=evil.test\r\nX-Host: evil.test\r\n" +
			"X-Forwarded-Server: evil.test\r\nX-HTTP-Host-Override: evil.test\r\n",
		"the request line":          "%s http://evil.test%s HTTP/1.1\r\nHost: " + n.Addr + "\r\n",
		"the request line, reverse": "%s http://" + n.Addr + "%s HTTP/1.1\r\nHost: evil.test\r\n",
		"two Hosts":                 "%s %s HTTP/1.1\r\nHost: " + n.Addr + "\r\nHost: evil.test\r\n",
		"a user before":             "%s %s HTTP/1.1\r\nHost: " + n.Addr + "@evil.test\r\n",
		"a path behind":             "%s %s HTTP/1.1\r\nHost: " + n.Addr + "/evil.test\r\n",
		"HTTP/1.0":                  "%s %s HTTP/1.0\r\nX-Forwarded-Host: evil.test\r\n",
	} {
		for _, path := range []string{"/", "/session/new", "/private", "/link/accounts", d.AddPath, "/nothing"} {
			const rest = "Referer: http://evil.test/notes\r\nConnection: close\r\n\r\n"
			r := s.Raw(n, fmt.Sprintf(head, "GET", path)+cookie+"\r\n"+rest)
			if strings.Contains(r.Bytes, "evil.test") && r.Status < 400 {
				s.Breach("%s: GET %s names it:\n%s", what, path, r.Bytes)
			}
			r = s.Raw(n, fmt.Sprintf(head, "GET", path)+rest)
			if location := r.Location(); location != "" && !local(location) || strings.Contains(r.Location(), "evil.test") {
				s.Breach("%s: GET %s by nobody leads to %q", what, path, location)
			}
		}
		for _, origin := range []string{"Origin: http://evil.test\r\nReferer: http://evil.test/x\r\n",
			"Origin: " + n.URL + "\r\nSec-Fetch-Site: same-origin\r\nReferer: http://evil.test/x\r\n"} {
			r := s.Raw(n, fmt.Sprintf(head, "POST", "/link/switch_to/"+d.Current.ID)+cookie+"\r\n"+origin+
				"Content-Type: application/x-www-form-urlencoded\r\nConnection: close\r\nContent-Length: "+
				fmt.Sprint(len(body))+"\r\n\r\n"+body)
			if location := r.Location(); strings.Contains(location, "evil.test") || location != "" && !local(location) {
				s.Breach("%s: a switch leads to %q", what, location)
			}
			if len(r.Cookies(sitetest.Cookie)) > 0 {
				s.Breach("%s: a switch to the current account sets the cookie", what)
			}
		}
		// The page of a foreign host is none of this one, whatever a proxy is said to have seen.
		if what == "Host and forwarded" {
			r := s.Raw(n, fmt.Sprintf(head, "POST",
				"/link/sign_out")+cookie+"\r\nOrigin: https://evil.test\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
			if r.Status != http.StatusForbidden {
				s.Breach("%s: signing out from the host that a proxy is said to have seen: %d", what, r.Status)
			}
		}
	}
	if got := v.Document(n); got.CurrentEmail() != people[1] {
		s.Breach("the browser is %q", got.CurrentEmail())
	}
}

// HeaderInjection is HI-01: line ends, NULs and what decoders make of other characters, wherever a value may get into
// a header. That no line ends get into one is fasthttp's work, which writes a space instead; ours is that a return path with
// such characters is none, and that texts go into cookies and headers encoded.
func HeaderInjection(s *stage.Stage) {
	people := s.People(2)
	v := s.SignedIn(people...)
	d := v.Document(s.One)
	const planted = "Set-Cookie: " + sitetest.Cookie + "=AAAA; Path=/"
	n := s.Two
	cookie := "Cookie: " + v.CookieHeader(n)
	intact := func(what string, r stage.Reply) {
		s.Helper()
		header, _, _ := strings.Cut(r.Bytes, "\r\n\r\n")
		names := map[string]bool{}
		for _, line := range strings.Split(header, "\r\n")[1:] {
			name, _, ok := strings.Cut(line, ":")
			names[strings.ToLower(name)] = true
			if !ok || strings.ContainsAny(name, " \t") {
				s.Breach("%s: the header line %q", what, line)
			}
		}
		if r.Status == 0 || names["x-injected"] || len(r.Cookies(sitetest.Cookie)) > 0 ||
			strings.ContainsAny(strings.ReplaceAll(header, "\r\n", ""), "\r\n\x00") ||
			strings.Contains(r.Body, "\r\n\r\nHTTP/1.") {
			s.Breach("%s: the answer is\n%q", what, r.Bytes)
		}
	}
	const ours = "%0d%0a%00%0b" // a path with one of these is no return path
	stays := func(what, end string, r stage.Reply) {
		s.Helper()
		for _, name := range []string{"Location", "HX-Location", "HX-Redirect"} {
			if strings.Contains(ours, end) && strings.Contains(r.Header.Get(name), "/x") {
				s.Breach("%s: leads to %q", what, r.Header.Get(name))
			}
		}
	}
	for _, end := range []string{"%0d%0a", "%0a", "%0d", "%00", "%E5%98%8A%E5%98%8D", "%250d%250a", "%c4%8d%c4%8a",
		"%u000d%u000a", "%e2%80%a8", "%0d%0a%20", "%0b", "%85"} {
		for _, payload := range []string{end + strings.ReplaceAll(planted, " ", "%20"), end + "X-Injected:%201",
			end + end + "<script>alert(1)</script>"} {
			for _, target := range []string{
				"/session/new?request_path=/x" + payload, "/session/new?return_to=/x" + payload, "/private" +
					payload, "/private?x=" + payload, "/notes/" + payload, "/link/switch_to/" + payload,
				"/link/p/" + payload, "/link/choose?return_to=/x" + payload, "/link/p/" + d.Current.ID +
					"?return_to=/x" + payload, "/assets/" + payload, "/htmx/" + payload, "/link/state?v=" +
					payload, "/link/multiaccount.js?v=" + payload,
			} {
				intact("GET "+target, s.Raw(n, stage.Request(n, "GET", target, []string{cookie}, "")))
				intact("GET "+target+" by nobody", s.Raw(n, stage.Request(n, "GET", target, nil, "")))
			}
			decoded, err := url.QueryUnescape(payload)
			if err != nil {
				decoded = payload
			}
			for _, path := range []string{"/link/switch_to/" + d.Current.ID, "/link/cancel", d.AddPath} {
				for _, bundle := range [][]string{stage.Form(n), stage.HX(n, d.Stamp)} {
					body := stamped(d.Stamp, "return_to", "/x"+decoded).Encode() + "&request_path=/x" + payload
					lines := append(stage.Lines(bundle...), cookie, fmt.Sprint("Content-Length: ", len(body)),
						"Referer: "+n.URL+"/x"+payload)
					r := s.Raw(n, stage.Request(n, "POST", path, lines, body))
					intact("POST "+path+" with "+payload, r)
					stays("POST "+path+" with "+payload, end, r)
				}
			}
			for _, name := range []string{"Referer", "HX-Current-URL"} {
				lines := append(stage.Lines(stage.HX(n, "")...), name+": "+n.URL+"/x"+payload, "Content-Length: 0")
				intact("refused with "+name+" "+payload, s.Raw(n, stage.Request(n, "POST", "/notes", lines, "")))
				lines = append(stage.Lines(stage.Form(n)...), name+": "+n.URL+"/x"+decoded, "Content-Length: 0")
				if !strings.ContainsAny(decoded, "\r\n\x00") { // else it is the request that is split
					intact("refused with "+name+" "+decoded, s.Raw(n, stage.Request(n, "POST", "/notes", lines, "")))
				}
			}
		}
	}

	// A name that goes into flash messages and into the headers of htmx.
	for _, name := range []string{"Evil\r\nX-Injected: 1", "Evil\nSet-Cookie: " + sitetest.Cookie + "=AAAA",
		"Evil\x01", "Evil嘊嘍X-Injected: 1", `Evil","x":"`, "Evil\u2028X"} {
		email := s.People(1)[0]
		email = "x" + email
		s.Insert(name, email)
		w := s.SignedIn(people[0])
		w.BeginAdding(s.One)
		body := sitetest.Credentials(email).Encode()
		lines := append(stage.Lines(stage.Form(n)...), "Cookie: "+w.CookieHeader(n),
			fmt.Sprint("Content-Length: ", len(body)))
		r := s.Raw(n, stage.Request(n, "POST", "/session", lines, body))
		if len(r.Cookies(sitetest.Cookie)) != 1 || len(r.Cookies(sitetest.Cookie+"-flash")) != 1 ||
			r.Header.Get("X-Injected") != "" {
			s.Breach("adding %q: %q", name, r.Bytes)
		}
	}
}
