// Package liveload_test has many live views open at once and breaks what is around them: the server, Redis, and the peers
// of the sockets. What holds for one view in a quiet test has to hold for two hundred in a bad moment.
package liveload_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/multiaccount-go/multiaccount/integration_test/sitetest"
)

const (
	alice = "alice@example.com"
	bob   = "bob@example.com"
	carol = "carol@example.com"
)

var everybody = []string{alice, bob, carol}

// mark is what notes of an account begin with.
func mark(email string) string { return "note-of-" + strings.TrimSuffix(email, "@example.com") + ":" }

// entry is the text of a note, of which no other one is a part.
func entry(email, what string) string { return mark(email) + " " + what + "." }

// browserOf is a browser of the example whose current account has an e-mail address, and its open views.
type browserOf struct {
	*sitetest.Visitor
	email string
	tabs  []*tab
}

// audience is everybody who looks at the example.
type audience struct {
	t        testing.TB
	browsers []*browserOf
}

// signIn makes browsers in turn for Alice, for Alice and Bob who is Bob, and for Carol, and opens that many views in each.
func signIn(t testing.TB, n *sitetest.Node, browsers, views int) *audience {
	t.Helper()
	a := &audience{t: t}
	for i := range browsers {
		v := &browserOf{Visitor: sitetest.NewVisitor(t), email: everybody[i%3]}
		switch v.email {
		case bob:
			v.SignIn(n, alice)
			v.Add(n, bob)
		default:
			v.SignIn(n, v.email)
		}
		a.browsers = append(a.browsers, v)
	}
	for _, email := range everybody { // something to tell the accounts apart by
		a.add(n, email, "first")
	}
	for _, v := range a.browsers {
		var others []string
		for _, email := range everybody {
			if email != v.email {
				others = append(others, mark(email))
			}
		}
		v.tabs = make([]*tab, views)
		for i := range v.tabs {
			v.tabs[i] = openTab(t, n.URL, "/live", v.CookieHeader(n), "notes-list", mark(v.email), others...)
		}
	}
	return a
}

// add writes a note for an account by the form of a page, and returns its text.
func (a *audience) add(n *sitetest.Node, email, what string) string {
	a.t.Helper()
	text := entry(email, what)
	for _, v := range a.browsers {
		if v.email != email {
			continue
		}
		answer := v.Post(n, "/notes", url.Values{"_stamp": {v.Document(n).Stamp}, "text": {text}})
		if answer.Status != http.StatusSeeOther {
			a.t.Fatalf("a note of %s: %d\n%s", email, answer.Status, answer.Body)
		}
		return text
	}
	a.t.Fatalf("nobody is %s", email)
	return ""
}

// all returns the open views, of one account or with "" of everybody.
func (a *audience) all(email string) (tabs []*tab) {
	for _, v := range a.browsers {
		if email == "" || v.email == email {
			tabs = append(tabs, v.tabs...)
		}
	}
	return tabs
}

// await waits until something holds for all views.
func (a *audience) await(limit time.Duration, what string, tabs []*tab, holds func(*tab) bool) time.Duration {
	a.t.Helper()
	began := time.Now()
	for _, p := range tabs {
		for !holds(p) {
			if time.Since(began) > limit {
				left := 0
				for _, p := range tabs {
					if !holds(p) {
						left++
					}
				}
				told, ends, refused := p.history()
				a.t.Fatalf("not within %v: %s; %d of %d views are left, one was told %q, closed with %v, refused with %v",
					limit, what, left, len(tabs), told, ends, refused)
			}
			time.Sleep(2 * time.Millisecond)
		}
	}
	return time.Since(began)
}

// everyoneSees writes a note for each account and checks that each of its views gets it in one frame, and shows it in one
// row. what is written once more afterwards tells when a second frame would have come.
func (a *audience) everyoneSees(n *sitetest.Node, what string) {
	a.t.Helper()
	for _, round := range []string{what, "after " + what} {
		for _, email := range everybody {
			text := a.add(n, email, round)
			a.await(10*time.Second, fmt.Sprintf("%q is shown", text), a.all(email), func(p *tab) bool { return p.shows(text) > 0 })
		}
	}
	for _, v := range a.browsers {
		text := entry(v.email, what)
		for i, p := range v.tabs {
			if rows, frames := p.shows(text), p.sent(text); rows != 1 || frames != 1 {
				a.t.Errorf("view %d of %s has %q in %d rows and got it in %d frames, want 1 and 1", i, v.email, text, rows, frames)
			}
		}
	}
}

func (a *audience) verify() {
	a.t.Helper()
	for _, p := range a.all("") {
		p.verify()
	}
}
