// Package httpattacks holds the attacks by requests and answers: one function for each, which a test plays on the example
// as it is and a negative control on one that lacks a protection. Numbers such as LK-01 name the case in the project's list
// of attacks.
package httpattacks

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/multiaccount-go/multiaccount/integration_test/attacks/stage"
	"github.com/multiaccount-go/multiaccount/integration_test/sitetest"
)

// refused tells when an answer has not one of the statuses, or sets the session cookie.
func refused(s *stage.Stage, what string, a sitetest.Answer, statuses ...int) {
	s.Helper()
	if !slices.Contains(statuses, a.Status) || a.SetsCookie() {
		s.Breach("%s: %d to %q, cookie set: %v; want %v and no cookie", what, a.Status, a.Location(), a.SetsCookie(),
			statuses)
	}
}

// turnedAway tells when a page does not lead to the sign-in page, or sets the session cookie.
func turnedAway(s *stage.Stage, what string, a sitetest.Answer) {
	s.Helper()
	if a.Status != http.StatusSeeOther || !strings.HasPrefix(a.Location(), "/session/new") || a.SetsCookie() {
		s.Breach("%s: %d to %q, cookie set: %v; want the sign-in page", what, a.Status, a.Location(), a.SetsCookie())
	}
}

// nobody tells when a visitor is taken for somebody by any node.
func nobody(s *stage.Stage, what string, v *sitetest.Visitor) {
	s.Helper()
	for _, n := range s.Nodes() {
		turnedAway(s, what+": GET /private", v.Get(n, "/private"))
		refused(s, what+": POST /notes", v.Post(n, "/notes", url.Values{"text": {"x"}}, "Accept", "application/json"),
			http.StatusUnauthorized)
		if d := v.Document(n); d.State != "anonymous" || d.Current != nil || len(d.Accounts) != 0 {
			s.Breach("%s: the document is %+v", what, d)
		}
		if socket, status := v.TryOpen(n, 1); socket != nil || status != http.StatusUnauthorized {
			s.Breach("%s: handshake of the tab socket: %d, want 401", what, status)
		}
	}
}

// stamped returns the form of a page that was drawn with a stamp.
func stamped(stamp string, pairs ...string) url.Values {
	form := url.Values{"_stamp": {stamp}}
	for i := 0; i < len(pairs); i += 2 {
		form.Add(pairs[i], pairs[i+1])
	}
	return form
}

// post sends a form with a bundle of headers, and with nothing else.
func post(v *sitetest.Visitor, n *sitetest.Node, path string, form url.Values, headers []string) sitetest.Answer {
	return v.Do(http.MethodPost, n.URL+path, form, headers...)
}

// get asks for a page with a bundle of headers.
func get(v *sitetest.Visitor, n *sitetest.Node, path string, headers []string) sitetest.Answer {
	return v.Do(http.MethodGet, n.URL+path, nil, headers...)
}

// emails returns who is in a session, the primary first.
func emails(d sitetest.Document) []string {
	var list []string
	for _, a := range d.Accounts {
		list = append(list, a.Profile.Email)
	}
	return list
}

// alone tells when a session is of anybody else or anybody more than one person.
func alone(s *stage.Stage, what string, v *sitetest.Visitor, email string) {
	s.Helper()
	for _, n := range s.Nodes() {
		if d := v.Document(n); !slices.Equal(emails(d), []string{email}) || d.CurrentEmail() != email {
			s.Breach("%s: the session is of %v, current %q; want %s alone", what, emails(d), d.CurrentEmail(), email)
		}
	}
}
