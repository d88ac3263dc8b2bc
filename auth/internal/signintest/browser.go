package signintest

import (
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/multiaccount-go/multiaccount"
	"github.com/multiaccount-go/multiaccount/internal/htmltest"
)

// Browser keeps the cookies of one person. It follows no redirects. It is for one goroutine; [Browser.Copy] makes another.
type Browser struct {
	site    *Site
	cookies map[string]string
}

// Browser returns one without cookies.
func (s *Site) Browser() *Browser { return &Browser{site: s, cookies: map[string]string{}} }

// Copy returns a browser with the same cookies, such as for a request at the same time.
func (b *Browser) Copy() *Browser { return &Browser{site: b.site, cookies: maps.Clone(b.cookies)} }

// Answer is what a browser got.
type Answer struct {
	t      testing.TB
	Status int
	Header http.Header
	Body   string
}

// Headers of requests, as further arguments in pairs.
var (
	FromElsewhere = []string{"Origin", "https://evil.test", "Sec-Fetch-Site", "cross-site"}
	ByLink        = []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document"}
	AsJSON        = []string{"Accept", "application/json"}
	AsHTMX        = []string{"HX-Request", "true"}
)

// Get follows a link.
func (b *Browser) Get(path string, headers ...string) *Answer {
	b.site.T.Helper()
	return b.Do(http.MethodGet, path, nil, headers...)
}

// Post sends a form of a page of the site.
func (b *Browser) Post(path string, fields url.Values, headers ...string) *Answer {
	b.site.T.Helper()
	return b.Do(http.MethodPost, path, fields, append([]string{"Origin", Origin, "Sec-Fetch-Site", "same-origin"}, headers...)...)
}

// Do sends a request with headers in pairs; of those with one name the last one counts.
func (b *Browser) Do(method, path string, fields url.Values, headers ...string) *Answer {
	b.site.T.Helper()
	var body io.Reader
	if fields != nil {
		body = strings.NewReader(fields.Encode())
	}
	r := httptest.NewRequest(method, strings.TrimPrefix(path, Origin), body)
	r.Host = strings.TrimPrefix(Origin, "https://")
	if fields != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	for name, value := range b.cookies {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	answer, err := b.site.App.Test(r, -1)
	if err != nil {
		b.site.T.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		b.site.T.Fatal(err)
	}
	for _, cookie := range answer.Cookies() {
		if cookie.MaxAge < 0 || cookie.Value == "" {
			delete(b.cookies, cookie.Name)
		} else {
			b.cookies[cookie.Name] = cookie.Value
		}
	}
	return &Answer{t: b.site.T, Status: answer.StatusCode, Header: answer.Header, Body: string(text)}
}

// Cookie returns a cookie that the browser has.
func (b *Browser) Cookie(name string) string { return b.cookies[name] }

// SetCookie gives the browser a cookie.
func (b *Browser) SetCookie(name, value string) { b.cookies[name] = value }

// Enter signs a user in, without any of the ways that are tested.
func (b *Browser) Enter(userID string) *Browser {
	b.site.T.Helper()
	b.Post("/enter", url.Values{"id": {userID}}).Is(http.StatusSeeOther)
	return b
}

// Add opens a request to add an account.
func (b *Browser) Add() {
	b.site.T.Helper()
	b.Post(b.Session().AddPath, url.Values{"_stamp": {b.Stamp()}}).Is(http.StatusSeeOther)
}

// Intent returns the nonce of the open request to add an account, empty when none is open.
func (b *Browser) Intent() string {
	b.site.T.Helper()
	return b.Get("/intent").Body
}

// Stamp returns what a page that is drawn now sends along.
func (b *Browser) Stamp() string {
	b.site.T.Helper()
	return b.Get("/stamp").Body
}

// Session returns what the plugin knows of the browser.
func (b *Browser) Session() multiaccount.Document {
	b.site.T.Helper()
	var d multiaccount.Document
	if err := json.Unmarshal([]byte(b.Get("/who").Body), &d); err != nil {
		b.site.T.Fatal(err)
	}
	return d
}

// Is fails the test when the answer has another status.
func (a *Answer) Is(status int) *Answer {
	a.t.Helper()
	if a.Status != status {
		a.t.Fatalf("got status %d with %s, want %d", a.Status, a.Body, status)
	}
	return a
}

// Says fails the test when the answer does not have a text.
func (a *Answer) Says(text string) *Answer {
	a.t.Helper()
	if !strings.Contains(a.Body, text) {
		a.t.Errorf("got %s, want %q in it", a.Body, text)
	}
	return a
}

// Leads fails the test when the answer does not redirect there.
func (a *Answer) Leads(path string) *Answer {
	a.t.Helper()
	if got := a.Header.Get("Location"); a.Status != http.StatusSeeOther || got != path {
		a.t.Fatalf("got status %d to %q with %s, want 303 to %q", a.Status, got, a.Body, path)
	}
	return a
}

// Form returns the fields of the form whose action is a path, as the page has them.
func (a *Answer) Form(action string) url.Values {
	a.t.Helper()
	for _, form := range htmltest.Parse(a.t, a.Body).Tags("form") {
		if form.Attr["action"] != action {
			continue
		}
		fields := url.Values{}
		for _, input := range form.Tags("input") {
			fields.Add(input.Attr["name"], input.Attr["value"])
		}
		return fields
	}
	a.t.Fatalf("got %s, want a form to %s", a.Body, action)
	return nil
}

// CurrentID returns who acts in the browser, empty when nobody does.
func (b *Browser) CurrentID() string {
	b.site.T.Helper()
	if current := b.Session().Current; current != nil {
		return current.ID
	}
	return ""
}

// IDs returns the accounts of the browser's session.
func (b *Browser) IDs() []string {
	b.site.T.Helper()
	var ids []string
	for _, a := range b.Session().Accounts {
		ids = append(ids, a.ID)
	}
	return ids
}
