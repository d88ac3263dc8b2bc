package multiaccount_test

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/multiaccount-go/multiaccount"
	"github.com/multiaccount-go/multiaccount/account"
)

const (
	host       = "app.test"
	here       = "https://app.test"
	cookieName = "__Host-accounts"
	graceOver  = 11 * time.Second // the grace of a rotated secret is 10 seconds
)

// browser is a person's browser: it keeps cookies, Secure ones too, and sends them with every request.
type browser struct {
	site *site
	jar  map[string]string
}

func (s *site) browser() *browser { return &browser{site: s, jar: map[string]string{}} }

// twin is a browser with the same cookies, as a thief or a second tab that was quicker would have.
func (b *browser) twin() *browser { return &browser{site: b.site, jar: maps.Clone(b.jar)} }

func (b *browser) cookie() string { return b.jar[cookieName] }

// answer is a response, read to its end.
type answer struct {
	Status  int
	Header  http.Header
	Body    string
	Cookies []*http.Cookie
}

// session returns the Set-Cookie of the session cookie, or nil.
func (a answer) session() *http.Cookie {
	for _, c := range a.Cookies {
		if c.Name == cookieName {
			return c
		}
	}
	return nil
}

func (a answer) location() string { return a.Header.Get("Location") }

// code returns the code of a JSON refusal.
func (a answer) code() string {
	var refusal struct{ Error string }
	_ = json.Unmarshal([]byte(a.Body), &refusal)
	return refusal.Error
}

// option is something that a request carries.
type option func(*http.Request)

func header(name, value string) option { return func(r *http.Request) { r.Header.Set(name, value) } }

func headers(pairs ...string) option {
	return func(r *http.Request) {
		for i := 0; i < len(pairs); i += 2 {
			r.Header.Set(pairs[i], pairs[i+1])
		}
	}
}

// nav is a click on a link of this site.
var nav = headers("Sec-Fetch-Site", "same-origin", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document",
	"Sec-Fetch-User", "?1")

// xnav is a click on a link of another site.
var xnav = headers("Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document", "Referer",
	"https://evil.test/")

// form is a form of this site, with its fields in pairs.
func form(pairs ...string) option {
	return func(r *http.Request) {
		nav(r)
		r.Header.Set("Origin", here)
		setBody(r, "application/x-www-form-urlencoded", fields(pairs...).Encode())
	}
}

// xform is a form of another site.
func xform(pairs ...string) option {
	return func(r *http.Request) {
		form(pairs...)(r)
		headers("Origin", "https://evil.test", "Sec-Fetch-Site", "cross-site", "Referer", "https://evil.test/")(r)
	}
}

// hx is a request of htmx from a page of this site.
var hx = headers("Origin", here, "Sec-Fetch-Site", "same-origin", "Sec-Fetch-Mode", "cors", "Sec-Fetch-Dest", "empty",
	"HX-Request", "true", "HX-Current-URL", here+"/page", "Content-Type", "application/x-www-form-urlencoded")

// program is a request of a script of this site that wants JSON.
var program = headers("Origin", here, "Sec-Fetch-Site", "same-origin", "Sec-Fetch-Mode", "cors", "Sec-Fetch-Dest", "empty",
	"Accept", "application/json", "Content-Type", "application/x-www-form-urlencoded")

func stamped(stamp string) option { return header("X-Account-Stamp", stamp) }

func fields(pairs ...string) url.Values {
	values := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		values.Add(pairs[i], pairs[i+1])
	}
	return values
}

func setBody(r *http.Request, kind, body string) {
	r.Header.Set("Content-Type", kind)
	r.Body, r.ContentLength = io.NopCloser(strings.NewReader(body)), int64(len(body))
}

// do sends a request as the browser would, and keeps the cookies of the answer.
func (b *browser) do(method, target string, options ...option) answer {
	b.site.t.Helper()
	r := httptest.NewRequest(method, target, nil)
	r.Host = host
	for name, value := range b.jar {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	for _, o := range options {
		o(r)
	}
	response, err := b.site.app.Test(r, -1)
	if err != nil {
		b.site.t.Fatalf("%s %s: %v", method, target, err)
	}
	body, err := io.ReadAll(response.Body)
	if err != nil {
		b.site.t.Fatalf("%s %s: %v", method, target, err)
	}
	a := answer{Status: response.StatusCode, Header: response.Header, Body: string(body), Cookies: response.Cookies()}
	seen := map[string]bool{}
	for _, c := range a.Cookies {
		if seen[c.Name] {
			b.site.t.Errorf("%s %s: cookie %s is set twice", method, target, c.Name)
		}
		seen[c.Name] = true
		if c.MaxAge < 0 || !c.Expires.IsZero() && c.Expires.Year() < 2000 {
			delete(b.jar, c.Name)
		} else {
			b.jar[c.Name] = c.Value
		}
	}
	return a
}

func (b *browser) get(target string, options ...option) answer {
	b.site.t.Helper()
	return b.do(http.MethodGet, target, append([]option{nav}, options...)...)
}

// post sends a form that was drawn now, stamp included.
func (b *browser) post(target string, pairs ...string) answer {
	b.site.t.Helper()
	return b.do(http.MethodPost, target, form(append([]string{"_stamp", b.stamp()}, pairs...)...))
}

// document is the session as the browser's scripts see it.
func (b *browser) document() multiaccount.Document {
	b.site.t.Helper()
	a := b.do(http.MethodGet, "/link/accounts", program)
	var d multiaccount.Document
	if err := json.Unmarshal([]byte(a.Body), &d); a.Status != http.StatusOK || err != nil {
		b.site.t.Fatalf("session document: %d %v %s", a.Status, err, a.Body)
	}
	return d
}

func (b *browser) stamp() string { b.site.t.Helper(); return b.document().Stamp }

// signIn signs in, with whatever the session makes of it.
func (b *browser) signIn(id string, pairs ...string) answer {
	b.site.t.Helper()
	a := b.do(http.MethodPost, "/sign-in", form(append([]string{"id", id, "password", "pw-" + id}, pairs...)...))
	if a.Status != http.StatusSeeOther {
		b.site.t.Fatalf("sign in as %s: %d %s", id, a.Status, a.Body)
	}
	return a
}

// link adds an account to the session by the whole journey.
func (b *browser) link(id string) answer {
	b.site.t.Helper()
	begun := b.post(b.document().AddPath)
	if begun.Status != http.StatusSeeOther || begun.location() != "/session/new" {
		b.site.t.Fatalf("begin link: %d %s %s", begun.Status, begun.location(), begun.Body)
	}
	return b.signIn(id)
}

// switchTo switches as a form of the present page does.
func (b *browser) switchTo(id string) answer {
	b.site.t.Helper()
	a := b.post("/link/switch_to/" + id)
	if a.Status != http.StatusSeeOther {
		b.site.t.Fatalf("switch to %s: %d %s", id, a.Status, a.Body)
	}
	return a
}

// signedIn is a browser in which the accounts are signed in; the last one is current, the first one primary.
func (s *site) signedIn(ids ...string) *browser {
	s.t.Helper()
	b := s.browser()
	for i, id := range ids {
		if i == 0 {
			b.signIn(id)
		} else {
			b.link(id)
		}
	}
	delete(b.jar, cookieName+"-flash")
	s.audit.take()
	s.people.takeCalls()
	s.store.takeCalls()
	return b
}

// record is the stored session of a browser, or "" when there is none.
func (b *browser) record() string {
	cookie, err := account.ParseCookie(b.cookie())
	if err != nil {
		return ""
	}
	s, err := b.site.store.MemoryStore.Load(b.site.t.Context(), cookie.ID)
	if err != nil {
		return ""
	}
	data, err := account.Encode(s)
	if err != nil {
		b.site.t.Fatal(err)
	}
	return fmt.Sprintf("%d %d %s %s", s.Revision, s.Version, s.Tag, data)
}

// unchanged runs fn and fails when it changed anything: the session, the cookie, the audit trail's changes, the app's rows.
func (b *browser) unchanged(t *testing.T, fn func()) {
	t.Helper()
	snapshot := func() string {
		return fmt.Sprintf("record: %s\ncookie: %s\nchanges: %d\nrows: %s", b.record(), b.cookie(), b.site.audit.changes(), b.site.rows())
	}
	before := snapshot()
	fn()
	if after := snapshot(); after != before {
		t.Errorf("something changed:\n%s\nbefore:\n%s", after, before)
	}
}

// refused checks a refusal to a program.
func refused(t *testing.T, a answer, status int, code string) {
	t.Helper()
	if a.Status != status || a.code() != code {
		t.Errorf("got %d %q (%.200s), want %d %q", a.Status, a.code(), a.Body, status, code)
	}
	if c := a.session(); c != nil {
		t.Errorf("a refusal touches the session cookie: %v", c)
	}
}

// acts checks who a browser acts as.
func (b *browser) acts(t *testing.T, current, primary string) {
	t.Helper()
	a := b.get("/page")
	local := current + "/" + primary
	if current == "" { // the locals name nobody while nobody acts
		local = "/"
	}
	want := fmt.Sprintf("current=%s primary=%s local=%s id=%s ", orDash(current), orDash(primary), local, current)
	if a.Status != http.StatusOK || !strings.HasPrefix(a.Body, want) {
		t.Errorf("got %d %s, want %s", a.Status, a.Body, want)
	}
}

func orDash(id string) string {
	if id == "" {
		return "-"
	}
	return id
}

// formBody is a body of fields for a request that is no plain form.
func formBody(pairs ...string) option {
	return func(r *http.Request) { setBody(r, "application/x-www-form-urlencoded", fields(pairs...).Encode()) }
}
