package oidctest

import (
	"html/template"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
)

// Person is somebody who has an account at a provider.
type Person struct{ Subject, Name, Email string }

// NewForBrowsers starts a provider with pages, for people in a real browser. It speaks http, as localhost: to a browser another
// site than 127.0.0.1, with cookies of its own. It ends with the test.
//
// Like providers do, it remembers who was chosen last and takes him again without asking, unless the client wants it to ask.
func NewForBrowsers(t testing.TB, people ...Person) *Provider {
	t.Helper()
	p := newProvider(t, time.Now)
	p.people = people
	p.server = httptest.NewServer(p.handler())
	p.issuer = strings.Replace(p.server.URL, "127.0.0.1", "localhost", 1)
	t.Cleanup(p.server.Close)
	return p
}

// remembered is the cookie of who was chosen last.
const remembered = "provider-session"

var chooser = template.Must(template.New("").Parse(`<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Choose an account</title>
<link rel="icon" href="data:,"></head>
<body style="font: 1rem system-ui; max-width: 24rem; margin: 4rem auto">
<h1>Choose an account</h1>
<p>to go on to <b>{{.Client}}</b>, which learns your name and your e-mail address.</p>
{{range .People}}<form method="post"><input type="hidden" name="subject" value="{{.Subject}}">
<p><button style="font: inherit; padding: .5rem; width: 100%">{{.Name}} &lt;{{.Email}}&gt;</button></p></form>
{{end}}</body></html>
`))

// authorize is where the app sends people.
func (p *Provider) authorize(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	if !isWellFormed(q) {
		http.Error(w, "not a request of the client", http.StatusBadRequest)
		return
	}
	if cookie, err := r.Cookie(remembered); err == nil && q.Get("prompt") == "" {
		if who, ok := p.person(cookie.Value); ok {
			http.Redirect(w, r, p.signed(q, who), http.StatusSeeOther)
			return
		}
	}
	w.Header().Set("Content-Type", "text/html")
	_ = chooser.Execute(w, struct {
		Client string
		People []Person
	}{ClientID, p.people})
}

// chosen is the button of the page.
func (p *Provider) chosen(w http.ResponseWriter, r *http.Request) {
	who, ok := p.person(r.PostFormValue("subject"))
	if !ok || !isWellFormed(r.URL.Query()) {
		http.Error(w, "nobody was chosen", http.StatusBadRequest)
		return
	}
	http.SetCookie(w, &http.Cookie{Name: remembered, Value: who.Subject, Path: "/", HttpOnly: true})
	http.Redirect(w, r, p.signed(r.URL.Query(), who), http.StatusSeeOther)
}

func (p *Provider) person(subject string) (Person, bool) {
	for _, who := range p.people {
		if who.Subject == subject {
			return who, true
		}
	}
	return Person{}, false
}

func (p *Provider) signed(q url.Values, who Person) string {
	return p.grant(q, who.Subject, map[string]any{"name": who.Name, "email": who.Email, "email_verified": true})
}
