package httpattacks

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/net/html"

	"github.com/multiaccount-go/multiaccount/auth"
	"github.com/multiaccount-go/multiaccount/integration_test/attacks/stage"
	"github.com/multiaccount-go/multiaccount/integration_test/sitetest"
)

// changing returns every route that changes something, with a form that would do it.
func changing(d sitetest.Document, other string) map[string]url.Values {
	form := func(pairs ...string) url.Values { return stamped(d.Stamp, pairs...) }
	credentials := sitetest.Credentials(other)
	credentials.Set("_stamp", d.Stamp)
	routes := map[string]url.Values{
		"/link/cancel": form(), "/link/sign_out": form(), "/session/sign_out": form(), "/session": credentials,
		"/notes": form("text", "x"),
		"/registration": form("account_name", "Evil "+other, "email", "evil-"+other, "password", sitetest.Password,
			"password_confirmation", sitetest.Password),
		d.AddPath: form(),
		"/demo/users/" + d.Accounts[0].ID + "/status": form("status", "inactive"),
	}
	for _, a := range d.Accounts {
		routes[a.SwitchPath], routes["/link/sign_out/"+a.ID] = form(), form()
	}
	return routes
}

// CrossSitePost is CS-01: the attacker's page sends a form to each route that changes something. It even has a good stamp.
func CrossSitePost(s *stage.Stage) {
	people := s.People(3)
	v := s.SignedIn(people[:2]...)
	v.BeginAdding(s.One)
	before, d := s.Snapshot(v), v.Document(s.One)
	for path, form := range changing(d, people[2]) {
		for _, n := range s.Nodes() {
			bare := url.Values{}
			for name, values := range form {
				if name != "_stamp" {
					bare[name] = values
				}
			}
			for how, a := range map[string]sitetest.Answer{
				"with a good stamp": post(v, n, path, form, stage.XForm()),
				"without a stamp":   post(v, n, path, bare, stage.XForm()),
				"from a sibling": post(v, n, path, form,
					append(stage.XForm(), "Sec-Fetch-Site", "same-site", "Origin", "https://evil."+n.Addr)),
				"from another port": post(v, n, path, form,
					append(stage.XForm(), "Sec-Fetch-Site", "same-site", "Origin", "http://127.0.0.1:1")),
				"from an old browser": post(v, n, path, form, append(stage.XForm(), "Sec-Fetch-Site", "")),
				"from a sandbox":      post(v, n, path, form, append(stage.XForm(), "Origin", "null")),
				"without a word": post(v, n, path, form,
					append(stage.XForm(), "Sec-Fetch-Site", "", "Origin", "")),
				"with a referer of ours": post(v, n, path, form,
					append(stage.XForm(), "Sec-Fetch-Site", "", "Origin", "", "Referer", n.URL+"/")),
				"with an origin of ours": post(v, n, path, form, append(stage.XForm(), "Origin", n.URL)),
				"as JSON":                post(v, n, path, form, append(stage.XForm(), "Accept", "application/json")),
				"by htmx of another site": post(v, n, path, form,
					append(stage.HX(n, d.Stamp), "Origin", stage.Foreign, "Sec-Fetch-Site", "cross-site")),
				"with the host in the user": post(v, n, path, form,
					append(stage.XForm(), "Sec-Fetch-Site", "", "Origin", "http://"+n.Addr+"@evil.test")),
			} {
				refused(s, "POST "+path+" "+how, a, http.StatusForbidden)
			}
		}
	}
	before.Unchanged("cross-site forms")

	// From the site itself, but without a stamp: every route that acts as an account demands it.
	for path, form := range changing(d, people[2]) {
		delete(form, "_stamp")
		if !slices.Contains([]string{"/link/sign_out", "/session/sign_out", "/session", "/registration"}, path) &&
			!strings.HasPrefix(path, "/demo") {
			for _, n := range s.Nodes() {
				refused(s, "POST "+path+" of this site without a stamp", post(v, n, path, form, stage.Form(n)),
					http.StatusConflict)
			}
		}
	}
	before.Unchanged("forms without a stamp")
}

// WhereRequestsComeFrom is CS-02: all that Sec-Fetch-Site, Origin and Referer can say together.
func WhereRequestsComeFrom(s *stage.Stage) {
	people := s.People(2)
	v := s.SignedIn(people...)
	d := v.Document(s.One)
	n := s.One
	own, absent := n.URL, ""
	for _, site := range []string{"same-origin", "none", "same-site", "cross-site", absent, "junk", "Same-Origin",
		"same-origin, cross-site"} {
		for _, origin := range []string{own, stage.Foreign, "null", absent, "http://127.0.0.1:1",
			"http://localhost:" + port(n), own + ".evil.test", own + "/", "//" + n.Addr, n.Addr, "javascript:" +
				own, "file://", own + " " + stage.Foreign} {
			for _, referer := range []string{own + "/notes", stage.Foreign + "/", absent} {
				// As CONTRACT and the list have it: the site itself says so, or an old browser names it as the origin.
				passes := site == "same-origin" && slices.Contains([]string{own, "null", absent}, origin) ||
					(site == "none" || site == absent) && origin == own
				headers := []string{"Sec-Fetch-Site", site, "Origin", origin, "Referer", referer, "Content-Type",
					"application/x-www-form-urlencoded"}
				a := post(v, n, "/link/switch_to/"+d.Current.ID, stamped(d.Stamp),
					headers) // changes nothing even when it passes
				what := fmt.Sprintf("Sec-Fetch-Site %q, Origin %q, Referer %q", site, origin, referer)
				if passes && a.Status != http.StatusSeeOther {
					s.Breach("%s: %d; an honest page would be refused", what, a.Status)
				}
				if !passes {
					refused(s, what, a, http.StatusForbidden)
				}
				a = post(v, n, "/link/switch_to/"+d.Current.ID, nil, headers)
				if want := map[bool]int{true: http.StatusConflict, false: http.StatusForbidden}[passes]; a.Status != want {
					s.Breach("%s, without a stamp: %d, want %d", what, a.Status, want)
				}
			}
		}
	}
	// Headers that a browser sends once come twice.
	for _, twice := range [][]string{
		{"Origin: " + own, "Origin: " + stage.Foreign}, {"Origin: " + stage.Foreign,
			"Origin: " + own}, {"Origin: " + own, "Origin: " + own},
		{"Sec-Fetch-Site: same-origin", "Sec-Fetch-Site: cross-site"}, {"Sec-Fetch-Site: cross-site",
			"Sec-Fetch-Site: same-origin"},
		{"sec-fetch-site: cross-site", "SEC-FETCH-SITE: same-origin"},
	} {
		body := stamped(d.Stamp).Encode()
		lines := append([]string{"Cookie: " + v.CookieHeader(n), "Content-Type: application/x-www-form-urlencoded",
			fmt.Sprint("Content-Length: ", len(body))}, twice...)
		if r := s.Raw(n, stage.Request(n, "POST", "/link/switch_to/"+d.Current.ID, lines,
			body)); r.Status != http.StatusForbidden {
			s.Breach("%q: %d, want 403", twice, r.Status)
		}
	}
}

func port(n *sitetest.Node) string { return n.Addr[strings.LastIndexByte(n.Addr, ':')+1:] }

// LoginCSRF is CS-03: the attacker's page signs a browser in, or registers somebody in it.
func LoginCSRF(s *stage.Stage) {
	people := s.People(2)
	before := s.Keys("accounts:*:s:*")
	for _, n := range s.Nodes() {
		for _, headers := range [][]string{stage.XForm(), append(stage.XForm(), "Sec-Fetch-Site", ""),
			append(stage.XForm(), "Origin", "null"), append(stage.XForm(), "Origin", "", "Sec-Fetch-Site", "")} {
			v := s.Visitor()
			refused(s, "signing a browser in", post(v, n, "/session", sitetest.Credentials(people[0]), headers),
				http.StatusForbidden)
			refused(s, "registering in a browser", post(v, n, "/registration", url.Values{
				"account_name": {"Evil"}, "email": {"evil@evil.test"}, "password": {sitetest.Password},
				"password_confirmation": {sitetest.Password},
			}, headers), http.StatusForbidden)
			nobody(s, "a browser that a foreign page has signed in", v)
		}
	}
	if after := s.Keys("accounts:*:s:*"); len(after) != len(before) {
		s.Breach("there are %d sessions, were %d", len(after), len(before))
	}
	if _, _, err := s.Database.Users().ByEmail(s.Context(), "evil@evil.test"); !errors.Is(err, auth.ErrUnknown) {
		s.Breach("a foreign page has registered somebody")
	}
}

// LoginCSRFIntoTheLink is CS-04: the victim has asked to add an account, and the attacker's page signs in as the attacker.
func LoginCSRFIntoTheLink(s *stage.Stage) {
	people := s.People(3)
	v := s.SignedIn(people[:2]...)
	d := v.Document(s.One)
	for _, n := range s.Nodes() {
		refused(s, "a foreign page asks to add an account", post(v, n, d.AddPath, stamped(d.Stamp), stage.XForm()),
			http.StatusForbidden)
	}
	v.BeginAdding(s.One)
	before := s.Snapshot(v)
	form := v.Form(v.Get(s.One, "/session/new"), "/session")
	for name, value := range sitetest.Credentials(people[2]) {
		form[name] = value
	}
	for _, n := range s.Nodes() {
		refused(s, "with a guessed intent", post(v, n, "/session", form, stage.XForm()), http.StatusForbidden)
		refused(s, "without", post(v, n, "/session", sitetest.Credentials(people[2]), stage.XForm()), http.StatusForbidden)
		refused(s, "cancelling", post(v, n, "/link/cancel", stamped(d.Stamp), stage.XForm()), http.StatusForbidden)
	}
	before.Unchanged("signing in from a foreign page")
	if a := v.Post(s.Two, "/session", form); a.Status != http.StatusSeeOther || len(v.Document(s.One).Accounts) != 3 {
		s.Breach("the honest sign-in afterwards: %d, %v", a.Status, emails(v.Document(s.One)))
	}
}

// GetChangesNothing is CS-05: every path that is known, by every safe method, in every way that a foreign page, a
// picture, a
// prefetch or a preview can ask for it.
func GetChangesNothing(s *stage.Stage) {
	people := s.People(2)
	v := s.SignedIn(people...)
	v.BeginAdding(s.One)
	d := v.Document(s.One)
	before := s.Snapshot(v)
	tab := s.Holding(v.SessionCookie(s.One))
	for i, bundle := range arrivals() {
		for _, path := range paths(d) {
			n := s.Nodes()[i%2]
			for _, query := range []string{"",
				"?_method=POST&_stamp=" + url.QueryEscape(d.Stamp) + "&next=" + d.Accounts[0].ID + "&text=x"} {
				if strings.Contains(path, "?") && query != "" {
					continue
				}
				a := tab.Do(http.MethodGet, n.URL+path+query, nil, bundle...)
				if a.SetsCookie() || a.Status >= 500 {
					s.Breach("GET %s%s with %q: %d, cookie set: %v", path, query, bundle, a.Status, a.SetsCookie())
				}
			}
		}
	}
	n := s.Two
	for _, path := range paths(d) {
		for _, method := range []string{"HEAD", "OPTIONS", "TRACE", "PROPFIND", "CONNECT", "get", "post"} {
			lines := append(stage.Lines(stage.Nav()...), "Cookie: "+v.CookieHeader(n), "X-Account-Stamp: "+d.Stamp,
				"X-HTTP-Method-Override: POST")
			r := s.Raw(n, stage.Request(n, method, path, lines, ""))
			if len(r.Cookies(sitetest.Cookie)) > 0 || r.Status >= 500 && r.Status != http.StatusNotImplemented {
				s.Breach("%s %s: %d, cookies %q", method, path, r.Status, r.Cookies(sitetest.Cookie))
			}
			if method == "TRACE" && strings.Contains(r.Body, v.SessionCookie(n)) {
				s.Breach("TRACE %s sends the cookie back:\n%s", path, r.Body)
			}
		}
		// A body on a request that changes nothing.
		body := stamped(d.Stamp, "text", "x", "next", d.Accounts[0].ID).Encode()
		lines := append(stage.Lines(stage.Form(n)...), "Cookie: "+v.CookieHeader(n),
			fmt.Sprint("Content-Length: ", len(body)))
		s.Raw(n, stage.Request(n, "GET", path, lines, body))
	}
	before.Unchanged("safe requests")
}

// OtherUnsafeMethods tries PUT, PATCH and DELETE and methods that nobody knows: they are unsafe too.
func OtherUnsafeMethods(s *stage.Stage) {
	people := s.People(2)
	v := s.SignedIn(people...)
	before, d := s.Snapshot(v), v.Document(s.One)
	for _, n := range s.Nodes() {
		for path, form := range changing(d, people[1]) {
			for _, method := range []string{"PUT", "PATCH", "DELETE", "LINK", "POSTX", "Post"} {
				body := form.Encode()
				for _, bundle := range [][]string{stage.Form(n), stage.XForm()} {
					lines := append(stage.Lines(bundle...), "Cookie: "+v.CookieHeader(n),
						fmt.Sprint("Content-Length: ", len(body)), "X-HTTP-Method-Override: POST")
					r := s.Raw(n, stage.Request(n, method, path, lines, body))
					if len(r.Cookies(sitetest.Cookie)) > 0 || r.Status < 400 && r.Status != http.StatusSeeOther ||
						r.Status >= 500 && r.Status != http.StatusNotImplemented {
						s.Breach("%s %s: %d, cookies %q", method, path, r.Status, r.Cookies(sitetest.Cookie))
					}
				}
			}
		}
	}
	before.Unchanged("other methods")
}

// SelfSubmittingConfirmPage is CS-07: a foreign page leads to a page that asks. Nothing in it may answer for the person.
func SelfSubmittingConfirmPage(s *stage.Stage) {
	people := s.People(2)
	v := s.SignedIn(people...)
	d := v.Document(s.One)
	for _, path := range []string{d.AddPath, d.Accounts[0].SwitchPath, d.AddPath + "?return_to=%2Fnotes&autosubmit=1",
		d.Accounts[0].SwitchPath + "?confirm=1"} {
		for _, n := range s.Nodes() {
			a := get(v, n, path, stage.XNav())
			if refused(s, "GET "+path, a, http.StatusOK); a.Header.Get("Refresh") != "" {
				s.Breach("GET %s refreshes itself", path)
			}
			doc, err := html.Parse(strings.NewReader(a.Body))
			if err != nil {
				s.Fatalf("parse: %v", err)
			}
			buttons := 0
			for node := range doc.Descendants() {
				for _, attr := range node.Attr {
					trigger := attr.Key == "hx-trigger" && (strings.Contains(attr.Val, "load") ||
						strings.Contains(attr.Val, "every") ||
						strings.Contains(attr.Val, "revealed") || strings.Contains(attr.Val, "intersect"))
					if trigger || strings.HasPrefix(attr.Key, "on") || attr.Key == "autofocus" ||
						strings.HasPrefix(strings.ToLower(attr.Val), "javascript:") {
						s.Breach("GET %s: <%s %s=%q>", path, node.Data, attr.Key, attr.Val)
					}
				}
				switch node.Data {
				case "script":
					if src := attr(node, "src"); !strings.HasPrefix(src, "/link/multiaccount.js") ||
						node.FirstChild != nil {
						s.Breach("GET %s: a script from %q", path, src)
					}
				case "meta":
					if attr(node, "http-equiv") != "" {
						s.Breach("GET %s: meta %q", path, attr(node, "content"))
					}
				case "iframe", "object", "embed", "img":
					if node.Data != "img" || !strings.HasPrefix(attr(node, "src"), "/assets/") {
						s.Breach("GET %s: <%s src=%q>", path, node.Data, attr(node, "src"))
					}
				case "button":
					buttons++
				}
			}
			if buttons == 0 {
				s.Breach("GET %s has no button", path)
			}
		}
	}
}

func attr(node *html.Node, key string) string {
	for _, a := range node.Attr {
		if a.Key == key {
			return a.Val
		}
	}
	return ""
}

// HXRequestProvesNothing is CS-08: a foreign page that managed to send the header is refused, and no preflight promises
// anything. What a foreign page reads without a preflight it cannot read either.
func HXRequestProvesNothing(s *stage.Stage) {
	people := s.People(2)
	v := s.SignedIn(people...)
	before, d := s.Snapshot(v), v.Document(s.One)
	for _, n := range s.Nodes() {
		for path, form := range changing(d, people[1]) {
			refused(s, "POST "+path, post(v, n, path, form, append(stage.XForm(), "HX-Request", "true",
				"X-Requested-With", "XMLHttpRequest")), http.StatusForbidden)
			a := v.Do(http.MethodOptions, n.URL+path, nil, "Origin", stage.Foreign, "Access-Control-Request-Method", "POST",
				"Access-Control-Request-Headers", "hx-request,x-account-stamp,content-type", "Sec-Fetch-Site", "cross-site")
			shared(s, "the preflight of "+path, a)
		}
		for _, path := range append(paths(d), "/link/multiaccount.js") {
			a := get(v, n, path, append(stage.JSON(n), "Origin", stage.Foreign, "Sec-Fetch-Site", "cross-site"))
			shared(s, "GET "+path, a)
			hx := get(v, n, path, append(stage.HX(n, d.Stamp), "Origin", stage.Foreign, "Sec-Fetch-Site", "cross-site"))
			if strings.HasPrefix(path, "/link/") && path != "/link/multiaccount.js" && hx.Status < 400 {
				s.Breach("GET %s by htmx of a foreign page: %d", path, hx.Status)
			}
		}
	}
	before.Unchanged("HX-Request from a foreign page")
}

// shared tells when an answer lets a foreign page read it.
func shared(s *stage.Stage, what string, a sitetest.Answer) {
	s.Helper()
	for name := range a.Header {
		if strings.HasPrefix(name, "Access-Control-Allow") {
			s.Breach("%s: %s: %s", what, name, a.Header.Get(name))
		}
	}
	if a.SetsCookie() {
		s.Breach("%s sets the cookie", what)
	}
}

// BodiesInDisguise is CS-11: the stamp, and what is done, in bodies that a form of another site could make or that parsers
// read differently.
func BodiesInDisguise(s *stage.Stage) {
	people := s.People(2)
	v := s.SignedIn(people...)
	before, d := s.Snapshot(v), v.Document(s.One)
	good := stamped(d.Stamp, "text", "x").Encode()
	multipart := func(parts ...string) string {
		var b strings.Builder
		for _, part := range parts {
			b.WriteString("--b\r\nContent-Disposition: form-data; " + part + "\r\n")
		}
		return b.String() + "--b--\r\n"
	}
	const text = "name=\"text\"\r\n\r\nx"
	for how, c := range map[string]struct{ kind, target, body string }{
		"plain text":                     {"text/plain", "/notes", good},
		"plain text that says otherwise": {"text/plain; application/x-www-form-urlencoded", "/notes", good},
		"no type":                        {"", "/notes", good},
		"an unknown type": {"application/x-www-form-urlencodedx/y", "/notes",
			"_stamp=&" + good + "&" + good},
		"JSON that is a form":    {"application/json", "/notes", good},
		"JSON":                   {"application/json", "/notes", `{"_stamp":"` + d.Stamp + `","text":"x"}`},
		"JSON as text":           {"text/plain", "/notes", `{"_stamp":"` + d.Stamp + `","text":"x"}`},
		"XML":                    {"application/xml", "/notes", "<a _stamp=\"" + d.Stamp + "\"/>"},
		"the stamp in the query": {"application/x-www-form-urlencoded", "/notes?" + good, "text=x"},
		"all of it in the query": {"application/x-www-form-urlencoded", "/notes?" + good, ""},
		"the stamp twice":        {"application/x-www-form-urlencoded", "/notes", good + "&_stamp=" + d.Stamp},
		"the stamp in an array": {"application/x-www-form-urlencoded", "/notes",
			"_stamp[]=" + d.Stamp + "&text=x"},
		"the stamp by index": {"application/x-www-form-urlencoded", "/notes",
			"_stamp[0]=" + d.Stamp + "&text=x"},
		"the stamp in capitals": {"application/x-www-form-urlencoded", "/notes", "_STAMP=" + d.Stamp + "&text=x"},
		"with semicolons":       {"application/x-www-form-urlencoded", "/notes", "text=x;_stamp=" + d.Stamp},
		"the name behind a NUL": {"application/x-www-form-urlencoded", "/notes",
			"%00_stamp=" + d.Stamp + "&text=x"},
		"the name in UTF-16": {"application/x-www-form-urlencoded; charset=utf-16", "/notes",
			"%00_%00s=" + d.Stamp + "&text=x"},
		"two values in parts": {"multipart/form-data; boundary=b", "/notes",
			multipart("name=\"_stamp\"\r\n\r\n"+d.Stamp, "name=\"_stamp\"\r\n\r\n"+d.Stamp, text)},
		"the stamp as a file": {"multipart/form-data; boundary=b", "/notes",
			"--b\r\nContent-Disposition: form-data; name=\"_stamp\"; filename=\"a\"\r\n\r\n" + d.Stamp +
				"\r\n--b\r\nContent-Disposition: form-data; " + text + "\r\n--b--\r\n"},
		"parts without an end": {"multipart/form-data; boundary=b", "/notes",
			"--b\r\nContent-Disposition: form-data; name=\"_stamp\"\r\n\r\n" + d.Stamp},
		"parts without a boundary":      {"multipart/form-data", "/notes", multipart("name=\"_stamp\"\r\n\r\n" + d.Stamp)},
		"an empty body":                 {"application/x-www-form-urlencoded", "/notes", ""},
		"a stamp of an old page beside": {"application/x-www-form-urlencoded", "/notes", good + "&_stamp="},
		"a stamp with a BOM":            {"application/x-www-form-urlencoded", "/notes", "\xef\xbb\xbf" + good},
		"compressed": {"application/x-www-form-urlencoded\r\nContent-Encoding: gzip", "/notes",
			good + "&" + good},
		"UTF-7": {"application/x-www-form-urlencoded", "/notes",
			"+AF8-stamp=" + d.Stamp + "&text=x"},
	} {
		for _, n := range s.Nodes() {
			lines := append(stage.Lines("Origin", n.URL, "Sec-Fetch-Site", "same-origin", "Content-Type", c.kind),
				"Cookie: "+v.CookieHeader(n), fmt.Sprint("Content-Length: ", len(c.body)))
			r := s.Raw(n, stage.Request(n, "POST", c.target, lines, c.body))
			if !slices.Contains([]int{http.StatusConflict, http.StatusBadRequest}, r.Status) ||
				len(r.Cookies(sitetest.Cookie)) > 0 {
				s.Breach("%s: %d, want 409\n%s", how, r.Status, r.Body)
			}
			// From another site it is refused before anything is read.
			lines[0], lines[1] = "Origin: "+stage.Foreign, "Sec-Fetch-Site: cross-site"
			if r := s.Raw(n, stage.Request(n, "POST", c.target, lines, c.body)); r.Status != http.StatusForbidden &&
				r.Status != http.StatusBadRequest {
				s.Breach("%s from another site: %d, want 403", how, r.Status)
			}
		}
	}
	before.Unchanged("bodies in disguise")
	honest := multipart("name=\"_stamp\"\r\n\r\n"+d.Stamp, text)
	lines := append(stage.Lines(stage.Form(s.One)...), "Cookie: "+v.CookieHeader(s.One), fmt.Sprint("Content-Length: ", len(honest)))
	lines = append(slices.DeleteFunc(lines, func(line string) bool { return strings.HasPrefix(line, "Content-Type") }),
		"Content-Type: multipart/form-data; boundary=b")
	if r := s.Raw(s.One, stage.Request(s.One, "POST", "/notes", lines, honest)); r.Status != http.StatusSeeOther {
		s.Errorf("an honest form in parts is refused too: %d\n%s", r.Status, r.Body)
	}
}

// ForeignHandshake is WS-01 in short, as bytes: a page of another site opens a websocket of the tab or of a live view.
func ForeignHandshake(s *stage.Stage) {
	v := s.SignedIn(s.People(1)...)
	for _, n := range s.Nodes() {
		for _, target := range []string{"/link/live?v=1", "/LINK/live/", "/live"} {
			own := "Origin: " + n.URL
			for _, origin := range []string{
				own, "Origin: " + stage.Foreign, "Origin: null", "X-" + own, own + ".evil.test", "Origin: http://127.0.0.1:1",
				own + "\r\nOrigin: " + stage.Foreign, own + "\r\nSec-Fetch-Site: cross-site",
			} {
				want := http.StatusForbidden
				if origin == own {
					want = http.StatusSwitchingProtocols
				}
				lines := []string{"Cookie: " + v.CookieHeader(n), origin, "Upgrade: websocket", "Connection: Upgrade",
					"Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="}
				request := strings.Replace(stage.Request(n, "GET", target, lines, ""), "Connection: close\r\n", "", 1)
				if r := s.Handshake(n, request); r.Status != want {
					s.Breach("a handshake of %s with %q: %d, want %d", target, origin, r.Status, want)
				}
			}
		}
	}
}

// SignOutInOtherSpellings tries to get the mild checks of signing out for routes that are none: those that end a
// session are
// asked for a good origin and nothing else.
func SignOutInOtherSpellings(s *stage.Stage) {
	people := s.People(2)
	v := s.SignedIn(people...)
	d := v.Document(s.One)
	for _, n := range s.Nodes() {
		for _, target := range []string{
			"/link/sign_out/" + d.Accounts[0].ID, "/LINK/SIGN_OUT/" +
				d.Accounts[0].ID, "/link/sign_out//", "/link/sign_out/%20", "/link/sign_out/..", "/link/sign_out%2f" +
				d.Accounts[0].ID,
			"/link/sign_out/" + d.Accounts[0].ID +
				"/", "//link/sign_out", "/link//sign_out", "/link/sign%5fout", "/link/./sign_out",
			"/link/x/../sign_out", "/link/sign_out;x", "/link/sign_out/../switch_to/" + d.Accounts[0].ID,
			"/link/cancel/../sign_out", "/notes/../link/sign_out", "/notes#/link/sign_out", "/notes?/link/sign_out",
			"/notes/%2e%2e/link/sign_out",
		} {
			before := s.Snapshot(v)
			lines := append(stage.Lines(stage.Form(n)...), "Cookie: "+v.CookieHeader(n), "Content-Length: 6")
			r := s.Raw(n, stage.Request(n, "POST", target, lines, "text=x"))
			if !slices.Contains([]int{http.StatusConflict, http.StatusNotFound, http.StatusBadRequest,
				http.StatusMethodNotAllowed}, r.Status) {
				s.Breach("POST %s without a stamp: %d to %q", target, r.Status, r.Location())
			}
			before.Unchanged("POST " + target)
		}
	}
	// What they are for works in the spellings of the router, and only from this site.
	for _, path := range []string{"/link/sign_out", "/LINK/sign_out/", "/session/sign_out/"} {
		v := s.SignedIn(people[0])
		refused(s, "POST "+path+" from another site", post(v, s.One, path, nil, stage.XForm()), http.StatusForbidden)
		cookie := v.SessionCookie(s.One)
		if a := v.Post(s.One, path, nil); a.Status == http.StatusSeeOther {
			dead(s, "after "+path, cookie)
		}
	}
}

// Framing is FR-01: every page and fragment forbids to be framed.
func Framing(s *stage.Stage) {
	people := s.People(2)
	v := s.SignedIn(people...)
	d := v.Document(s.One)
	check := func(what string, a sitetest.Answer) {
		if !strings.Contains(a.Header.Get("Content-Security-Policy"), "frame-ancestors 'none'") ||
			a.Header.Get("X-Frame-Options") != "DENY" {
			s.Breach("%s (%d): Content-Security-Policy %q, X-Frame-Options %q", what, a.Status,
				a.Header.Get("Content-Security-Policy"), a.Header.Get("X-Frame-Options"))
		}
	}
	for _, n := range s.Nodes() {
		for _, path := range paths(d) {
			check("GET "+path, get(v, n, path, stage.XNav()))
			check("GET "+path+" by htmx", get(v, n, path, stage.HX(n, d.Stamp)))
			check("GET "+path+" by nobody", get(s.Visitor(), n, path, stage.XNav()))
		}
		check("a refusal", post(v, n, "/notes", nil, stage.Form(n)))
		check("a refusal for another site", post(v, n, "/notes", nil, stage.XForm()))
	}
	v.Post(s.One, "/link/sign_out/"+d.Current.ID, stamped(d.Stamp))
	check("the chooser", v.Get(s.Two, "/link/choose"))
}
