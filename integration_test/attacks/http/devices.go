package httpattacks

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"golang.org/x/net/html"

	"github.com/multiaccount-go/multiaccount/integration_test/attacks/stage"
	"github.com/multiaccount-go/multiaccount/integration_test/sitetest"
)

// deviceTokens returns what the page of devices names other browsers by.
func deviceTokens(s *stage.Stage, page string) (tokens []string) {
	s.Helper()
	doc, err := html.Parse(strings.NewReader(page))
	if err != nil {
		s.Fatalf("parse: %v", err)
	}
	for node := range doc.Descendants() {
		if node.Data == "input" && attr(node, "name") == "token" {
			tokens = append(tokens, attr(node, "value"))
		}
	}
	return tokens
}

// ForeignDevice is SE-18 by its attacks: somebody ends the session of another browser by a token of somebody else, of
// another
// session, of another account, by an index, or by what a session is called elsewhere.
func ForeignDevice(s *stage.Stage) {
	people := s.People(3)
	one, two := s.SignedIn(people[1], people[0]), s.SignedIn(people[0])
	mallory, mallorys := s.SignedIn(people[2]), s.SignedIn(people[2])
	page := one.Get(s.One, "/devices")
	tokens := deviceTokens(s, page.Body)
	if len(tokens) != 1 || len(deviceTokens(s, mallory.Get(s.One, "/devices").Body)) != 1 {
		s.Fatalf("the page of devices has the tokens %q (%d)", tokens, page.Status)
	}
	for what, cookie := range map[string]string{"its own": one.SessionCookie(s.One),
		"the other's": two.SessionCookie(s.One)} {
		for name, text := range map[string]string{"id": cookie[:21], "secret": cookie[22:], "key": s.Key(cookie)} {
			if strings.Contains(page.Body, text) {
				s.Breach("the page of devices holds the %s of %s session", name, what)
			}
		}
	}
	before := []stage.Snapshot{s.Snapshot(one), s.Snapshot(two), s.Snapshot(mallory), s.Snapshot(mallorys)}
	guesses := []string{"", "0", "1", "*", two.SessionCookie(s.One), two.SessionCookie(s.One)[:22],
		s.Key(two.SessionCookie(s.One)), two.Document(s.One).Accounts[0].Membership, s.ID(two,
			people[0]), tokens[0][:len(tokens[0])-1], tokens[0] + "A"}
	end := func(v *sitetest.Visitor, n *sitetest.Node, token string, headers ...string) sitetest.Answer {
		return v.Post(n, "/devices/end", stamped(v.Document(n).Stamp, "token", token), headers...)
	}
	for _, n := range s.Nodes() {
		for _, token := range append(guesses, tokens...) {
			refused(s, "Mallory ends "+token, end(mallory, n, token), http.StatusNotFound)
			refused(s, "the browser that it is ends "+token, end(two, n, token), http.StatusNotFound)
		}
		if s.Breached() {
			return
		}
		for _, token := range append(guesses, deviceTokens(s, mallory.Get(n, "/devices").Body)...) {
			refused(s, "guessing "+token, end(one, n, token), http.StatusNotFound)
		}
		refused(s, "from another site", end(one, n, tokens[0], stage.XForm()...), http.StatusForbidden)
		refused(s, "without a stamp", one.Post(n, "/devices/end", url.Values{"token": tokens}), http.StatusConflict)
		one.Get(n, "/devices/end?token="+url.QueryEscape(tokens[0])+"&_stamp="+url.QueryEscape(one.Document(n).Stamp))
	}
	for _, snapshot := range before {
		snapshot.Unchanged("ending the session of a foreign browser")
	}
	// As the other account of its own session.
	one.Switch(s.One, people[1])
	refused(s, "as another account of the session", end(one, s.Two, tokens[0]), http.StatusNotFound)
	refused(s, "with the stamp of the account that it is about",
		one.Post(s.One, "/devices/end", stamped("v1.x.y", "token", tokens[0])), http.StatusConflict)
	before[1].Unchanged("ending a browser as another account")
	// The honest one.
	one.Switch(s.One, people[0])
	cookie := two.SessionCookie(s.One)
	if a := end(one, s.Two, deviceTokens(s, one.Get(s.Two, "/devices").Body)[0]); a.Status != http.StatusSeeOther {
		s.Breach("the honest one: %d", a.Status)
	}
	nobody(s, "the browser that was ended", s.Holding(cookie))
	refused(s, "once more", end(one, s.One, tokens[0]), http.StatusNotFound)
}

// ProofOfAnotherAccount goes after what only a recent proof opens: with one that is too old, with the recent proof of
// another
// account of the session, and with everything that touches a session without proving anything.
func ProofOfAnotherAccount(s *stage.Stage) {
	people := s.People(2)
	v, other := s.SignedIn(people[1], people[0]), s.SignedIn(people[0])
	before := s.Snapshot(other)
	token := deviceTokens(s, v.Get(s.One, "/devices").Body)[0]
	age := func() {
		s.Rewrite(v.SessionCookie(s.One), func(record map[string]any) {
			for _, member := range record["acc"].([]any) {
				member.(map[string]any)["at"] = time.Now().Add(-time.Hour).UnixMilli()
			}
		})
	}
	try := func(what string) {
		s.Helper()
		for _, n := range s.Nodes() {
			form := stamped(v.Document(n).Stamp, "token", token)
			a := post(v, n, "/devices/end", form, stage.JSON(n))
			if refused(s, what+", as JSON", a, http.StatusUnauthorized); !strings.Contains(a.Body, `"sign_in_again"`) {
				s.Breach("%s, as JSON: %s", what, a.Body)
			}
			turnedAway(s, what, post(v, n, "/devices/end", form, stage.Form(n)))
			hx := post(v, n, "/devices/end", form, stage.HX(n, v.Document(n).Stamp))
			if refused(s, what+", by htmx", hx,
				http.StatusUnauthorized); !strings.HasPrefix(hx.Header.Get("HX-Redirect"), "/session/new") {
				s.Breach("%s, by htmx: led to %q", what, hx.Header.Get("HX-Redirect"))
			}
		}
	}
	age()
	try("an old proof")
	v.Switch(s.One, people[1])
	v.Switch(s.Two, people[0])
	try("an old proof after two switches")
	v.BeginAdding(s.One)
	v.Post(s.One, "/link/cancel", stamped(v.Document(s.One).Stamp))
	v.Post(s.One, "/session", url.Values{"email": {people[0]}, "password": {"wrong"}})
	try("an old proof after a wrong password")
	v.SignIn(s.One, people[1]) // the other account proves itself again
	v.Switch(s.Two, people[0])
	try("the proof of another account")
	v.BeginAdding(s.Two)
	v.SignIn(s.One, people[1])
	v.Switch(s.One, people[0])
	try("the proof of another account, added again")
	before.Unchanged("without a recent proof")

	// The page that asks to sign in again names nobody who is not in the session.
	mallory := s.SignedIn(s.People(1)...)
	for _, id := range []string{s.ID(v, people[0]), stage.UnknownID, "<b>"} {
		if page := mallory.Get(s.One, "/session/new?again="+url.QueryEscape(id)); strings.Contains(page.Body,
			people[0]) || strings.Contains(page.Body, "<b>") {
			s.Breach("the sign-in page names whom %q is:\n%s", id, page.Body)
		}
	}
	v.SignIn(s.One, people[0])
	if got := v.Post(s.Two, "/devices/end", stamped(v.Document(s.Two).Stamp, "token",
		token)); !slices.Contains([]int{http.StatusSeeOther, http.StatusNotFound}, got.Status) {
		s.Breach("with a recent proof: %d", got.Status)
	}
}
