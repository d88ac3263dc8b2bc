package httpattacks

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"golang.org/x/net/html"

	"github.com/multiaccount-go/multiaccount/integration_test/attacks/stage"
	"github.com/multiaccount-go/multiaccount/integration_test/sitetest"
)

// hostile are texts that some layer of a page, or of htmx, takes for something else.
var hostile = []string{
	`<script>alert(1)</script>`, `<img src=x onerror=alert(1)>`, `"><svg/onload=alert(1)>`, `' onmouseover='alert(1)`,
	`</title><script>alert(1)</script>`, `</template><b>`, `<!--`, `-->`, `{{7*7}}`, `${7*7}`, `{{.}}`,
	`%3Cscript%3E`, `javascript:alert(1)`, `" hx-get="/session/sign_out" hx-trigger="load`, `" hx-on:load="alert(1)`,
	`' data-hx-post='/link/sign_out`, `" ws-connect="wss://evil.test`, `"><meta http-equiv=refresh content=0>`,
	`<div id="account-switcher" hx-swap-oob="true">pwn</div>`,
	`<template><hx-partial hx-target="body">pwn</hx-partial></template>`, `&lt;b&gt;&#60;`, `</textarea><b>`,
	`<base href=//evil.test>`, "a\u202eb\u2066c", `\u003cscript\u003e`, `"};alert(1);//`,
}

// shape returns the elements of a page with the names of their attributes, and those of their values that act.
func shape(s *stage.Stage, body string) []string {
	s.Helper()
	doc, err := html.Parse(strings.NewReader(body))
	if err != nil {
		s.Fatalf("parse: %v", err)
	}
	var list []string
	for node := range doc.Descendants() {
		switch node.Type {
		case html.ElementNode:
			var attrs []string
			for _, a := range node.Attr {
				text := a.Key
				if slices.Contains([]string{"id", "class", "type", "name", "rel", "method", "hx-trigger", "hx-swap",
					"hx-target", "http-equiv"}, a.Key) {
					text += "=" + a.Val
				}
				attrs = append(attrs, text)
			}
			list = append(list, node.Data+" "+strings.Join(attrs, " "))
		case html.CommentNode:
			list = append(list, "a comment")
		}
	}
	return list
}

// HostileNames is XS-01: names and addresses of people in every page that shows them. The elements and attributes of
// the page
// are those of a page that shows harmless ones, and the text is as it was given.
func HostileNames(s *stage.Stage) {
	pages := func(name, email, second string) (bodies []string) {
		s.Insert(name, email)
		s.Insert(name, second)
		v := s.Visitor()
		answer := v.Post(s.One, "/session", sitetest.Credentials(email))
		if answer.Status != http.StatusSeeOther {
			s.Fatalf("sign in as %q: %d", email, answer.Status)
		}
		d := v.Document(s.One)
		see := func(a sitetest.Answer) sitetest.Answer { bodies = append(bodies, a.Body); return a }
		see(v.Get(s.One, "/"))
		see(v.Get(s.One, d.AddPath))
		v.Post(s.One, d.AddPath, stamped(d.Stamp))
		see(v.Get(s.One, "/session/new"))      // adding to …
		see(v.Get(s.Two, "/registration/new")) // the same
		v.Post(s.One, "/session", sitetest.Credentials(second))
		see(v.Get(s.One, "/")) // the flash
		d = v.Document(s.Two)
		see(v.Get(s.Two, d.Accounts[0].SwitchPath))
		see(v.Get(s.One, "/link/accounts"))
		see(v.Get(s.One, "/inbox"))
		see(get(v, s.One, "/inbox/who", stage.HX(s.One, d.Stamp)))
		see(get(v, s.One, "/notes", stage.HX(s.One, d.Stamp)))
		see(v.Get(s.One, "/live"))
		see(v.Get(s.One, "/profile"))
		see(v.Get(s.One, "/mail"))
		see(v.Get(s.One, "/tenants/members"))
		v.Post(s.One, "/board", stamped(d.Stamp, "text", "x"))
		see(v.Get(s.Two, "/board")) // names its author
		v.Post(s.One, d.Accounts[0].SwitchPath, stamped(d.Stamp))
		see(v.Get(s.One, "/"))                                          // the flash of the switch
		see(v.Post(s.Two, "/notes", stamped(d.Stamp, "text", "x")))     // 409: drawn as, currently as
		see(post(v, s.One, "/notes", nil, stage.HX(s.One, d.Stamp)))    // the same as a fragment
		see(v.Get(s.One, "/private"))                                   //
		see(v.Post(s.One, "/notes", stamped("x")))                      // 409 without an account
		d = v.Document(s.Two)                                           //
		v.Post(s.One, "/link/sign_out/"+d.Current.ID, stamped(d.Stamp)) //
		see(v.Get(s.Two, "/link/choose"))
		see(v.Get(s.Two, "/"))
		return bodies
	}
	mails := s.People(2)
	plain := pages("Harmless", "a"+mails[0], "b"+mails[1])
	for i, name := range hostile {
		// Every third also as the address: what registration would never let in may come out of a table.
		first, second := fmt.Sprintf("h%d%s", i, mails[0]), fmt.Sprintf("g%d%s", i, mails[1])
		if i%3 == 0 {
			first = name + first
		}
		for page, body := range pages(name, strings.ToLower(first), second) {
			if got, want := shape(s, body), shape(s, plain[page]); !slices.Equal(got, want) {
				s.Breach("the name %q changes page %d:\n%s", name, page, difference(got, want))
			}
		}
	}
}

// HostileTenants is XS-01 for names of tenants, of those that may be given at all, in every page that shows them.
func HostileTenants(s *stage.Stage) {
	owner := s.People(1)[0]
	pages := func(name string) (bodies []string) {
		v := s.SignedIn(owner)
		invited := s.People(1)[0]
		d := v.Document(s.One)
		see := func(a sitetest.Answer) sitetest.Answer { bodies = append(bodies, a.Body); return a }
		if a := v.Post(s.One, "/tenants", stamped(d.Stamp, "account_name", name)); a.Status != http.StatusSeeOther {
			return nil // no name of a tenant
		}
		see(v.Get(s.Two, "/")) // the flash
		d = v.Document(s.One)
		stamp := stamped(d.Stamp)
		see(v.Get(s.One, "/board"))
		see(v.Get(s.One, "/live"))
		see(get(v, s.Two, "/tenants", stage.HX(s.Two, d.Stamp)))
		see(v.Post(s.One, "/tenants/rename", stamped(d.Stamp, "account_name", name+strings.Repeat("x", 65)))) // the form again
		v.Post(s.One, "/tenants/invitations", stamped(d.Stamp, "email", invited, "role", "member"))
		bodies = append(bodies, strings.ReplaceAll(v.Get(s.Two, "/tenants/members").Body, invited, "invited"))
		guest := s.SignedIn(invited)
		mail := see(guest.Get(s.Two, "/mail"))
		_, path, _ := strings.Cut(mail.Body, `<a href="/invitations/`)
		path, _, found := strings.Cut(path, `"`)
		if !found {
			s.Fatalf("the invitation to %q did not arrive:\n%s", name, mail.Body)
		}
		see(s.Visitor().Get(s.One, "/invitations/"+path))
		see(guest.Get(s.One, "/invitations/"+path))
		guest.Post(s.One, "/invitations/"+path, stamped(guest.Document(s.One).Stamp))
		see(guest.Get(s.One, "/")) // the flash
		see(v.Post(s.One, "/tenants/delete", stamp))
		v.Post(s.One, "/tenants/delete", stamped(d.Stamp, "confirmation", strings.TrimSpace(name)))
		see(v.Get(s.Two, "/")) // the flash
		return bodies
	}
	plain, tried := pages("Harmless"), 0
	for _, name := range hostile {
		bodies := pages(name)
		if bodies != nil {
			tried++
		}
		for page, body := range bodies {
			if got, want := shape(s, body), shape(s, plain[page]); !slices.Equal(got, want) {
				s.Breach("the tenant %q changes page %d:\n%s", name, page, difference(got, want))
			}
		}
	}
	if tried < len(hostile)/2 {
		s.Fatalf("only %d of the names can be those of tenants", tried)
	}
}

// difference returns the first line in which two lists differ.
func difference(got, want []string) string {
	for i := range max(len(got), len(want)) {
		if i >= len(got) || i >= len(want) || got[i] != want[i] {
			return fmt.Sprintf("element %d is %q, want %q", i, got[min(i, len(got)-1)], want[min(i, len(want)-1)])
		}
	}
	return ""
}

// HostileText is XS-01 for what people write, search for and type wrongly.
func HostileText(s *stage.Stage) {
	person := s.People(1)[0]
	v := s.SignedIn(person)
	d := v.Document(s.One)
	look := func(text string) map[string]string {
		v.Post(s.One, "/notes", stamped(d.Stamp, "text", text))
		defer s.Redis.Del(s.Context(), "example:notes:"+d.Current.ID)
		query := url.QueryEscape(text)
		return map[string]string{
			"the page": v.Get(s.Two, "/notes").Body, "the htmx page": v.Get(s.One,
				"/inbox").Body, "the live page": v.Get(s.One, "/live").Body,
			"a search": v.Get(s.One, "/live?htmx=2&q="+query).Body, "the fragment": get(v, s.Two, "/notes",
				stage.HX(s.Two, d.Stamp)).Body,
			"too long a note": v.Post(s.One, "/notes", stamped(d.Stamp, "text", strings.Repeat(text, 501))).Body,
			"signing in": s.Visitor().Post(s.One, "/session",
				url.Values{"email": {text}, "password": {"x"}, "request_path": {text}}).Body,
			"the way to signing in": s.Visitor().Get(s.Two, "/session/new?request_path="+url.QueryEscape("/")+query).Body,
			"registering": s.Visitor().Post(s.Two, "/registration",
				url.Values{"account_name": {strings.Repeat("x", 65) + text}, "email": {text}, "request_path": {text}}).Body,
		}
	}
	// A note has a name of its own, and a path that leads nowhere is left out.
	notes := func(body string) []string {
		return slices.DeleteFunc(shape(s, body), func(element string) bool {
			return strings.HasPrefix(element, "li ") || strings.HasPrefix(element, "input type=hidden name=request_path ")
		})
	}
	plain := look("harmless")
	for _, text := range hostile {
		for page, body := range look(text) {
			if got, want := notes(body), notes(plain[page]); !slices.Equal(got, want) {
				s.Breach("the text %q changes %s:\n%s", text, page, difference(got, want))
			}
		}
	}
}

// HostileFlash plants the cookie of messages: a sibling host can. It must show as text, within bounds, and break nothing.
func HostileFlash(s *stage.Stage) {
	person := s.People(1)[0]
	v := s.SignedIn(person)
	cookie := sitetest.Cookie + "=" + v.SessionCookie(s.One)
	plain := shape(s, sitetest.Holding(s,
		cookie+"; "+sitetest.Cookie+"-flash="+encoded(`[{"k":"info","t":"hello"}]`)).Get(s.One, "/").Body)
	for _, text := range hostile {
		for _, value := range []string{encoded(fmt.Sprintf(`[{"k":"info","t":%q}]`, text)),
			encoded(fmt.Sprintf(`[{"k":%q,"t":"x"}]`, text))} {
			a := sitetest.Holding(s, cookie+"; "+sitetest.Cookie+"-flash="+value).Get(s.One, "/")
			if got := shape(s, a.Body); a.Status != http.StatusOK || a.SetsCookie() ||
				strings.Contains(a.Body, `class="flash"`) && !slices.Equal(got, plain) {
				s.Breach("a planted message %q: %d: %s", text, a.Status, difference(got, plain))
			}
		}
	}
	for _, value := range []string{"x", "e30", encoded("null"), encoded("[null]"), encoded(`{"k":1}`),
		encoded(strings.Repeat("[", 1400)), strings.Repeat("A", 2048), strings.Repeat("A",
			9000), encoded(`[{"k":"\u0000","t":"\ud800"}]`)} {
		if a := sitetest.Holding(s, cookie+"; "+sitetest.Cookie+"-flash="+value).Get(s.One,
			"/"); a.Status != http.StatusOK || strings.Contains(a.Body, `class="flash"`) && len(a.Body) > 20000 {
			s.Breach("a planted message %.40q: %d", value, a.Status)
		}
	}
}

// Hardening is XS-03 without a browser: what the pages forbid themselves.
func Hardening(s *stage.Stage) {
	people := s.People(2)
	v := s.SignedIn(people...)
	d := v.Document(s.One)
	for _, n := range s.Nodes() {
		for _, visitor := range []*sitetest.Visitor{v, s.Visitor()} {
			for _, path := range append(paths(d), "/assets/app.css", "/htmx/live.js", "/link/multiaccount.js", "/healthz") {
				a := visitor.Get(n, path)
				policy := a.Header.Get("Content-Security-Policy")
				for _, want := range []string{"default-src 'self'", "object-src 'none'", "base-uri 'none'",
					"connect-src 'self'", "form-action 'self'"} {
					if !strings.Contains(policy, want) {
						s.Breach("GET %s (%d): the policy %q lacks %q", path, a.Status, policy, want)
					}
				}
				if strings.Contains(policy, "unsafe-") || strings.Contains(policy, "*") ||
					a.Header.Get("X-Content-Type-Options") != "nosniff" || a.Header.Get("Referrer-Policy") == "" ||
					a.Header.Get("Server") != "" {
					s.Breach("GET %s (%d): %v", path, a.Status, a.Header)
				}
				if strings.HasPrefix(a.Header.Get("Content-Type"), "text/html") {
					for _, e := range shape(s, a.Body) {
						if e == "style " || strings.Contains(e, " style") || strings.Contains(e, " on") || e == "script " {
							s.Breach("GET %s: %q, which the policy forbids", path, e)
						}
					}
				}
			}
		}
	}
	page := v.Get(s.One, "/inbox").Body
	for _, want := range []string{`&#34;allowEval&#34;:false`, `&#34;allowScriptTags&#34;:false`,
		`&#34;selfRequestsOnly&#34;:true`, `&#34;historyCacheSize&#34;:0`} {
		if !strings.Contains(page, want) {
			s.Breach("the htmx page does not say %s", want)
		}
	}
}

// ErrorsTalk is XS-04: what comes back when something goes wrong says nothing of the inside and repeats nothing unescaped.
func ErrorsTalk(s *stage.Stage) {
	people := s.People(2)
	v := s.SignedIn(people...)
	d := v.Document(s.One)
	const mark = "<u>zzyzx</u>"
	inside := []string{"goroutine ", "panic", ".go:", "redis", "WRONGTYPE", "accounts:{", "example:{", "fiber",
		"fasthttp", "runtime error", "argon2", "/home/", "EOF", "dial tcp"}
	check := func(what string, r stage.Reply) {
		s.Helper()
		if strings.Contains(r.Body, mark) {
			s.Breach("%s (%d) repeats what was sent:\n%s", what, r.Status, r.Body)
		}
		if r.Status < 400 {
			return
		}
		for _, word := range inside {
			if strings.Contains(strings.ToLower(r.Body), strings.ToLower(word)) {
				s.Breach("%s (%d) says %q:\n%s", what, r.Status, word, r.Body)
			}
		}
		if len(r.Cookies(sitetest.Cookie)) > 0 {
			s.Breach("%s (%d) sets the cookie", what, r.Status)
		}
	}
	for _, n := range s.Nodes() {
		cookie := "Cookie: " + v.CookieHeader(n)
		for _, accept := range []string{"text/html", "application/json", "text/plain", "*/*", "application/xml", ""} {
			for _, target := range []string{"/" + mark, "/nothing?x=" + mark, "/link/switch_to/" + mark,
				"/link/p/" + url.PathEscape(mark), "/link/state?v=" + mark + "&stamp=" +
					mark, "/%zz", "/%", "/inbox?htmx=" + mark, "/live?q=" + url.QueryEscape(mark), "/htmx/" +
					mark, "/assets/" + mark, "/assets/%2e%2e%2fmain.go", "/assets/../main.go", "/" +
					strings.Repeat("a", 6000)} {
				check("GET "+target, s.Raw(n, stage.Request(n, "GET", target,
					append(stage.Lines("Accept", accept), cookie), "")))
			}
			for target, body := range map[string]string{
				"/notes": "text=" + mark, "/link/cancel": "_stamp=" + mark, "/link/switch_to/" +
					d.Current.ID: "_stamp=" + mark, "/session": "email=" + mark + "&password=" + mark,
				"/registration": "account_name=" + mark + "&email=" + mark, "/demo/users/" + mark +
					"/status": "status=active", "/demo/users/x/status": "status=" + mark,
			} {
				for _, kind := range []string{"application/x-www-form-urlencoded", "application/json",
					"multipart/form-data; boundary=" + mark, "text/html"} {
					lines := append(stage.Lines("Accept", accept, "Content-Type", kind, "Origin", n.URL,
						"Sec-Fetch-Site",
						"same-origin"), cookie, "X-Account-Stamp: "+d.Stamp, fmt.Sprint("Content-Length: ", len(body)))
					if target == "/notes" && kind == "application/x-www-form-urlencoded" {
						lines = slices.DeleteFunc(lines, func(l string) bool { return strings.HasPrefix(l, "X-Account") })
					}
					check("POST "+target+" as "+kind, s.Raw(n, stage.Request(n, "POST", target, lines, body)))
				}
			}
		}
		for what, request := range map[string]string{
			"too long a header": stage.Request(n, "GET", "/", []string{"X: " + strings.Repeat(mark, 4000)},
				""), "too big a body": stage.Request(n, "POST", "/notes", append(stage.Lines(stage.Form(n)...),
				cookie, "Content-Length: 100000"), strings.Repeat("a", 100000)),
			"a broken request": "GET " + mark + "\r\n\r\n", "no request": mark +
				"\r\n\r\n", "a bad length": stage.Request(n, "POST", "/notes", []string{"Content-Length: " + mark},
				""), "a bad chunk": stage.Request(n, "POST", "/notes", []string{"Transfer-Encoding: chunked"}, mark+"\r\n"),
			"an unknown method": stage.Request(n, "<U>", "/notes", nil, ""),
		} {
			r := s.Raw(n, request)
			if _, body, _ := strings.Cut(r.Bytes, "\r\n\r\n"); strings.Contains(body, mark) ||
				strings.Contains(body, "goroutine") || strings.Contains(body, ".go:") {
				s.Breach("%s: %q", what, r.Bytes)
			}
		}
	}
	// A key that holds something else than a session.
	broken := s.SignedIn(people[0])
	held := broken.SessionCookie(s.One)
	key := s.Key(held)
	s.Redis.Del(s.Context(), key)
	s.Redis.Set(s.Context(), key, "not a hash", 0)
	for _, n := range s.Nodes() {
		r := s.Raw(n, stage.Request(n, "GET", "/private", []string{"Cookie: " + sitetest.Cookie + "=" + held,
			"Accept: application/json"}, ""))
		if check("a record that is none", r); r.Status != http.StatusUnauthorized &&
			r.Status != http.StatusServiceUnavailable {
			s.Breach("a record that is none: %d", r.Status)
		}
	}
	s.Redis.Del(s.Context(), key)
}

// Smuggling sends requests of which two readers could see different ends: behind a proxy, one of them would be somebody
// else's.
func Smuggling(s *stage.Stage) {
	people := s.People(2)
	v := s.SignedIn(people...)
	before := s.Snapshot(v)
	n := s.One
	hidden := "POST /link/sign_out HTTP/1.1\r\nHost: " + n.Addr + "\r\nCookie: " + sitetest.Cookie +
		"=x\r\nOrigin: " + n.URL +
		"\r\nSec-Fetch-Site: same-origin\r\nAccept: application/json\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
	line := "POST /nothing HTTP/1.1\r\nHost: " + n.Addr + "\r\nOrigin: " + n.URL + "\r\nSec-Fetch-Site: same-origin\r\n"
	length := len(hidden)
	for what, request := range map[string]string{
		"a length and chunks": fmt.Sprintf("Content-Length: %d\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
			length+5),
		"chunks and a length": fmt.Sprintf("Transfer-Encoding: chunked\r\nContent-Length: %d\r\n\r\n0\r\n\r\n",
			length+5),
		"a length and folded chunks": fmt.Sprintf("Content-Length: %d\r\nTransfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n", length+5),
		"two lengths":                fmt.Sprintf("Content-Length: %d\r\nContent-Length: 0\r\n\r\n", length),
		"two lengths, reversed":      fmt.Sprintf("Content-Length: 0\r\nContent-Length: %d\r\n\r\n", length),
		"two lengths in one":         fmt.Sprintf("Content-Length: %d, 0\r\n\r\n", length),
		"a negative length":          "Content-Length: -1\r\n\r\n",
		"a length with a plus":       fmt.Sprintf("Content-Length: +%d\r\n\r\n", length),
		"a length in hex":            fmt.Sprintf("Content-Length: 0x%x\r\n\r\n", length),
		"a blank before the colon":   fmt.Sprintf("Content-Length : %d\r\n\r\n", length),
		"unknown chunks":             "Transfer-Encoding: xchunked\r\n\r\n",
		"a chunk of a bad size":      "Transfer-Encoding: chunked\r\n\r\n-1\r\n\r\n",
	} {
		began := time.Now()
		r := s.Raw(n, line+request+hidden)
		answered := strings.Count(r.Bytes, "HTTP/1.1 ") > 1
		if took := time.Since(began); took > 5*time.Second {
			s.Logf("%s: %v", what, took)
		}
		if answered {
			s.Breach("%s: the hidden request was answered:\n%.500s", what, r.Bytes)
		}
	}
	before.Unchanged("smuggled requests")

	// Header names that a proxy might drop and the site might read.
	stamp := v.Document(n).Stamp
	for _, lines := range [][]string{
		{"Sec_Fetch_Site: same-origin"}, {"Origin : " + n.URL}, {"Origin\t: " + n.URL}, {"X: y\r\n Origin: " + n.URL},
		{"ORIGIN\x00: " + n.URL}, {"X: y\rOrigin: " + n.URL}, {"X-Origin: " + n.URL}, {"HTTP_ORIGIN: " + n.URL},
	} {
		body := stamped(stamp, "text", "x").Encode()
		request := append(append([]string{}, lines...), "Cookie: "+v.CookieHeader(n),
			"Content-Type: application/x-www-form-urlencoded", fmt.Sprint("Content-Length: ", len(body)))
		if r := s.Raw(n, stage.Request(n, "POST", "/notes", request, body)); r.Status == http.StatusSeeOther ||
			r.Status == http.StatusCreated {
			s.Breach("%q counts as where the request comes from: %d", lines, r.Status)
		}
	}
	before.Unchanged("headers in disguise")
}

// SkippedPaths asks for pages by paths that begin like those which the plugin leaves alone. fasthttp resolves a path before
// anybody looks at it; and should Config.Skip be taken in all the same, each guard and each route of the plugin looks for
// the session itself. No single edit of ours makes this attack come through.
func SkippedPaths(s *stage.Stage) {
	person := s.People(1)[0]
	v := s.SignedIn(person)
	d := v.Document(s.One)
	for _, n := range s.Nodes() {
		before := s.Snapshot(v)
		for _, target := range []string{"/assets/../notes", "/assets/..%2fnotes", "/assets/%2e%2e/notes",
			"/assets/x/../../notes", "/assets//notes", "/htmx/../notes", "/assets/../link/sign_out",
			"/assets/..;/notes", "/link/multiaccount.js/../sign_out", "/link/live/../sign_out", "/link/live/",
			"/LINK/LIVE"} {
			for _, cookie := range []string{v.CookieHeader(n), ""} {
				r := s.Raw(n, stage.Request(n, "GET", target, []string{"Cookie: " + cookie}, ""))
				if strings.Contains(r.Body, person) || r.Status == http.StatusOK {
					s.Breach("GET %s: %d\n%s", target, r.Status, r.Body)
				}
				lines := append(stage.Lines(stage.Form(n)...), "Cookie: "+cookie, "Content-Length: 6",
					"X-Account-Stamp: "+d.Stamp)
				if r := s.Raw(n, stage.Request(n, "POST", target, lines, "text=x")); r.Status < 400 &&
					r.Status != http.StatusSeeOther {
					s.Breach("POST %s: %d", target, r.Status)
				}
			}
		}
		before.Unchanged("paths that are skipped")
	}
}

func encoded(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }
