package httpattacks

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/multiaccount-go/multiaccount/integration_test/attacks/stage"
	"github.com/multiaccount-go/multiaccount/integration_test/sitetest"
)

// SwitchToSomebodyElse is SW-01: to an account that is not in the session, by every door. What comes back for Alice must be
// what comes back for an id that is nobody's, byte by byte.
func SwitchToSomebodyElse(s *stage.Stage) {
	people := s.People(2)
	alice, v := s.SignedIn(stage.Alice), s.SignedIn(people...)
	before, alices := s.Snapshot(v), s.Snapshot(alice)
	d, foreign := v.Document(s.One), s.ID(alice, stage.Alice)

	doors := map[string]func(n *sitetest.Node, id string) sitetest.Answer{
		"the page": func(n *sitetest.Node, id string) sitetest.Answer {
			return get(v, n, "/link/switch_to/"+id, stage.Nav())
		},
		"the form": func(n *sitetest.Node, id string) sitetest.Answer {
			return post(v, n, "/link/switch_to/"+id, stamped(d.Stamp), stage.Form(n))
		},
		"htmx": func(n *sitetest.Node, id string) sitetest.Answer {
			return post(v, n, "/link/switch_to/"+id, nil, stage.HX(n, d.Stamp))
		},
		"JSON": func(n *sitetest.Node, id string) sitetest.Answer {
			return post(v, n, "/link/switch_to/"+id, stamped(d.Stamp), stage.JSON(n))
		},
		"signing out": func(n *sitetest.Node, id string) sitetest.Answer {
			return post(v, n, "/link/sign_out/"+id, stamped(d.Stamp), stage.Form(n))
		},
		"signing out and going on as": func(n *sitetest.Node, id string) sitetest.Answer {
			return post(v, n, "/link/sign_out/"+d.Current.ID, stamped(d.Stamp, "next", id), stage.Form(n))
		},
		"the link page": func(n *sitetest.Node, id string) sitetest.Answer { return get(v, n, "/link/p/"+id, stage.Nav()) },
	}
	for door, try := range doors {
		for _, n := range s.Nodes() {
			got, unknown := try(n, foreign), try(n, stage.UnknownID)
			refused(s, door+", somebody else", got, http.StatusNotFound)
			if a, b := looks(got, foreign), looks(unknown, stage.UnknownID); a != b {
				s.Breach("%s: somebody else is told from nobody:\n%s\n%s", door, a, b)
			}
		}
	}
	before.Unchanged("switching to somebody else")
	alices.Unchanged("switching to somebody else")
}

// looks returns all that can be seen of an answer, without what the request named and the time.
func looks(a sitetest.Answer, named ...string) string {
	header := a.Header.Clone()
	header.Del("Date")
	text := fmt.Sprint(a.Status, header, a.Body)
	for _, name := range named {
		text = strings.ReplaceAll(text, name, "NAMED")
	}
	return text
}

// SwitchToTheDeactivated is SW-03: a member was made inactive after it joined, before the switch or at the same moment.
func SwitchToTheDeactivated(s *stage.Stage) {
	people := s.People(3)
	v, staff := s.SignedIn(people[1], people[2], people[0]), s.Staff()
	d := v.Document(s.One)
	target, _ := d.Find(people[1])
	staff.SetStatus(s.Two, target.ID, "inactive")
	before := s.Snapshot(v)
	for _, n := range s.Nodes() {
		gone := post(v, n, target.SwitchPath, stamped(d.Stamp), stage.Form(n))
		unknown := post(v, n, "/link/switch_to/"+stage.UnknownID, stamped(d.Stamp), stage.Form(n))
		refused(s, "the form", gone, http.StatusNotFound)
		refused(s, "the page", get(v, n, target.SwitchPath, stage.Nav()), http.StatusNotFound)
		refused(s, "going on as next", post(v, n, "/link/sign_out/"+d.Current.ID, stamped(d.Stamp, "next", target.ID),
			stage.Form(n)), http.StatusNotFound)
		if a, b := looks(gone, target.ID, stage.UnknownID), looks(unknown, target.ID, stage.UnknownID); a != b {
			s.Breach("an inactive account is told from an unknown one:\n%s\n%s", a, b)
		}
	}
	before.Unchanged("switching to an inactive account")

	for round := range 20 {
		staff.SetStatus(s.One, target.ID, "active")
		if at := v.Document(s.Two); at.Current == nil || at.Current.ID == target.ID {
			v.Switch(s.Two, people[0])
		}
		d := v.Document(s.One)
		atOnce(func() { v.TrySwitch(s.Nodes()[round%2], d, people[1]) },
			func() { staff.SetStatus(s.Nodes()[(round+1)%2], target.ID, "inactive") })
		for _, n := range s.Nodes() {
			if d := v.Document(n); d.CurrentEmail() == people[1] ||
				!slices.Contains([]string{"multi", "choosing"}, d.State) {
				s.Breach("round %d: an inactive account acts: %+v", round, d)
			}
			a := v.Post(n, "/notes", stamped(v.Document(n).Stamp, "text", "as an inactive account"))
			if rows := s.Rows(target.ID); len(rows) > 0 {
				s.Breach("round %d: the inactive account has written %q (%d)", round, rows, a.Status)
			}
		}
		if s.Breached() {
			return
		}
	}
}

// atOnce runs functions at the same moment and waits for them.
func atOnce(acts ...func()) {
	start := make(chan struct{})
	var all sync.WaitGroup
	for _, act := range acts {
		all.Go(func() { <-start; act() })
	}
	close(start)
	all.Wait()
}

// SwitchRacesSignOut is SW-05: one tab switches on one node while another one signs out of everything on the other. Whoever
// is faster, the session is over afterwards, and no cookie of it is good for anything.
func SwitchRacesSignOut(s *stage.Stage) {
	people := s.People(2)
	v := s.SignedIn(people...)
	cookie := v.SessionCookie(s.One)
	d, restore := v.Document(s.One), s.Keep(cookie)
	to, _ := d.Find(people[0])
	tab := s.Holding(cookie)
	tally := map[string]int{}
	for round := range 200 {
		var switched, signedOut sitetest.Answer
		one, two := s.Nodes()[round%2], s.Nodes()[(round+1)%2]
		atOnce(func() { late(round); switched = tab.Post(one, to.SwitchPath, stamped(d.Stamp)) },
			func() { late(-round); signedOut = tab.Post(two, "/link/sign_out", nil) })
		tally[fmt.Sprintf("switched: %v", len(issued(switched)) > 0)]++
		if signedOut.Status != http.StatusSeeOther || !strings.HasPrefix(signedOut.Location(), "/") {
			s.Breach("round %d: signing out: %d", round, signedOut.Status)
		}
		if key := s.Key(cookie); key != "" {
			s.Breach("round %d: the record lives: %v", round, s.Record(cookie))
		}
		dead(s, fmt.Sprintf("round %d: the cookie of before", round), cookie)
		for _, c := range issued(switched) {
			dead(s, fmt.Sprintf("round %d: the cookie of the switch", round), c)
		}
		if s.Breached() {
			return
		}
		restore()
	}
	s.Logf("200 races: %v", tally)
}

// late lets one side of a race start later: in every third round the side that gives a positive number, in another
// third the
// one that gives a negative number, by more or less.
func late(round int) {
	switch first := round > 0; {
	case first && round%3 == 1:
		time.Sleep(time.Duration(round%5) * 300 * time.Microsecond)
	case !first && -round%3 == 2:
		time.Sleep(time.Duration(-round%7) * 700 * time.Microsecond)
	}
}

// issued returns the session cookies that an answer sets.
func issued(a sitetest.Answer) []string {
	var values []string
	for _, c := range (&http.Response{Header: a.Header}).Cookies() {
		if c.Name == sitetest.Cookie && c.Value != "" {
			values = append(values, c.Value)
		}
	}
	return values
}

// dead tells when a cookie is good for anything on any node.
func dead(s *stage.Stage, what, cookie string) {
	s.Helper()
	v := s.Holding(cookie)
	for _, n := range s.Nodes() {
		if a := v.Get(n, "/link/state"); a.Status != http.StatusOK || !strings.Contains(a.Body, `"v":0`) || a.SetsCookie() {
			s.Breach("%s is alive on %s: %d %s", what, n.Addr, a.Status, a.Body)
		}
		refused(s, what+" writes", v.Post(n, "/notes", url.Values{"text": {"x"}}, "Accept", "application/json"),
			http.StatusUnauthorized)
	}
}

// SwitchRacesSignOutOfItsTarget is the rest of SW-05: switch to Bob against signing Bob out, and adding somebody against
// signing out of everything.
func SwitchRacesSignOutOfItsTarget(s *stage.Stage) {
	people := s.People(3)
	v := s.SignedIn(people[1], people[0])
	cookie := v.SessionCookie(s.One)
	d, restore := v.Document(s.One), s.Keep(cookie)
	target, _ := d.Find(people[1])
	tab := s.Holding(cookie)
	for round := range 50 {
		var answers [2]sitetest.Answer
		atOnce(func() { late(round); answers[0] = tab.Post(s.One, target.SwitchPath, stamped(d.Stamp)) },
			func() { late(-round); answers[1] = tab.Post(s.Two, "/link/sign_out/"+target.ID, stamped(d.Stamp)) })
		if answers[1].Status == http.StatusSeeOther {
			for _, a := range answers {
				for _, c := range issued(a) {
					if at := s.Holding(c).Document(s.One); slices.Contains(emails(at), people[1]) {
						s.Breach("round %d: who was signed out is still in the session: %v", round, emails(at))
					}
				}
			}
		}
		if live := count(answers[:], func(a sitetest.Answer) bool { return a.Status == http.StatusSeeOther }); live == 0 {
			s.Breach("round %d: neither went through: %d and %d", round, answers[0].Status, answers[1].Status)
		}
		if s.Breached() {
			return
		}
		restore()
	}

	v = s.SignedIn(people[0])
	v.BeginAdding(s.One)
	cookie = v.SessionCookie(s.One)
	restore, tab = s.Keep(cookie), s.Holding(cookie)
	for round := range 10 {
		var linked, signedOut sitetest.Answer
		atOnce(func() { linked = tab.Post(s.One, "/session", sitetest.Credentials(people[2])) },
			func() {
				time.Sleep(time.Duration(round) * 15 * time.Millisecond) // a sign-in takes as long as a hash
				signedOut = tab.Post(s.Two, "/link/sign_out", nil)
			})
		if signedOut.Status != http.StatusSeeOther {
			continue // the link was faster and the cookie of before had no say any more
		}
		dead(s, "the cookie of before", cookie)
		for _, c := range issued(linked) {
			// Who was too late may have got a session of their own; nobody of the old one may be in it.
			if at := s.Holding(c).Document(s.Two); slices.Contains(emails(at), people[0]) {
				s.Breach("round %d: the session that was signed out of goes on with %v", round, emails(at))
			}
		}
		restore()
	}
}

func count(answers []sitetest.Answer, is func(sitetest.Answer) bool) (n int) {
	for _, a := range answers {
		if is(a) {
			n++
		}
	}
	return n
}

// RotatedAwayCookieLogsNobodyOut is SW-07: thirty requests are under way with the old cookie while a tab switches. None of
// them may set a cookie, so the good one stays, and what comes after the switch has no effect.
func RotatedAwayCookieLogsNobodyOut(s *stage.Stage) {
	people := s.People(2)
	v := s.SignedIn(people...)
	d, old := v.Document(s.One), v.SessionCookie(s.One)
	to, _ := d.Find(people[0])
	tab := s.Holding(old)
	var mu sync.Mutex
	acts := []func(){func() { v.TrySwitch(s.Two, d, people[0]) }}
	for i := range 30 {
		acts = append(acts, func() {
			n := s.Nodes()[i%2]
			var a sitetest.Answer
			var good []int
			switch i % 3 {
			case 0:
				a, good = tab.Get(n, "/private"), []int{http.StatusOK}
			case 1:
				a, good = tab.Get(n, "/link/accounts", "Accept", "application/json"), []int{http.StatusOK}
			default:
				a, good = tab.Post(n, "/notes", stamped(d.Stamp, "text", "in flight")), []int{http.StatusSeeOther,
					http.StatusConflict}
			}
			mu.Lock()
			defer mu.Unlock()
			refused(s, "a request in flight", a, good...)
		})
	}
	atOnce(acts...)
	if got := v.Document(s.One).CurrentEmail(); got != people[0] {
		s.Breach("after the switch the browser is %q, want %s", got, people[0])
	}
	if rows := s.Rows(to.ID); len(rows) > 0 {
		s.Breach("a request of the account before wrote %q as the new one", rows)
	}
	rows := len(s.Rows(d.Current.ID))
	stamps := []string{d.Stamp, v.Document(s.Two).Stamp}
	for _, n := range s.Nodes() {
		for _, stamp := range stamps {
			refused(s, "a note by the old cookie", tab.Post(n, "/notes", stamped(stamp, "text", "late")),
				http.StatusConflict)
			refused(s, "a switch by the old cookie", tab.Post(n, d.Accounts[0].SwitchPath, stamped(stamp)),
				http.StatusConflict)
			refused(s, "adding by the old cookie", tab.Post(n, d.AddPath, stamped(stamp)), http.StatusConflict)
			refused(s, "signing in by the old cookie", tab.Post(n, "/session", sitetest.Credentials(people[0])),
				http.StatusConflict)
		}
	}
	if len(s.Rows(to.ID)) > 0 || len(s.Rows(d.Current.ID)) != rows {
		s.Breach("the old cookie has written")
	}
}

// OldSecretOfTwoSwitchesAgo is good for nothing at once: only the last one answers, and only for a moment.
func OldSecretOfTwoSwitchesAgo(s *stage.Stage) {
	people := s.People(2)
	v := s.SignedIn(people...)
	old := v.SessionCookie(s.One)
	v.Switch(s.One, people[0])
	v.Switch(s.Two, people[1])
	nobody(s, "the secret of two switches ago", s.Holding(old))
	stamp := v.Document(s.One).Stamp
	for _, n := range s.Nodes() {
		refused(s, "signing out by it", s.Holding(old).Post(n, "/link/sign_out", stamped(stamp), "Accept",
			"application/json"), http.StatusUnauthorized)
	}
	if got := v.Document(s.One).CurrentEmail(); got != people[1] {
		s.Breach("the browser is %q now", got)
	}
}

// OrderOfRefusals sends requests with several things wrong at once: what is said is in the order of CONTRACT, so that
// nobody
// learns from a 404 or a 409 what only a good request should.
func OrderOfRefusals(s *stage.Stage) {
	people := s.People(3)
	v, other := s.SignedIn(people[0], people[1]), s.SignedIn(people[2])
	old, d := v.SessionCookie(s.One), v.Document(s.One)
	v.Switch(s.One, people[0])
	now := v.Document(s.One)
	before := s.Snapshot(v)
	foreign := s.ID(other, people[2])
	cookies := map[string]*sitetest.Visitor{"a good cookie": v, "the old cookie": s.Holding(old),
		"no cookie": s.Visitor(), "a dead cookie": s.Holding(strings.Repeat("A", 64))}
	for who, visitor := range cookies {
		for what, stamp := range map[string]string{"good": now.Stamp, "old": d.Stamp, "none": "",
			"foreign": other.Document(s.One).Stamp} {
			for whose, id := range map[string]string{"a member": now.Current.ID, "somebody else": foreign,
				"nobody": stage.UnknownID} {
				for _, n := range s.Nodes() {
					wrong := fmt.Sprintf("%s, stamp %s, target %s", who, what, whose)
					form := stamped(stamp)
					a := post(visitor, n, "/link/switch_to/"+id, form,
						append(stage.JSON(n), "Origin", stage.Foreign, "Sec-Fetch-Site", "cross-site"))
					refused(s, wrong+", from another site", a, http.StatusForbidden)
					a = post(visitor, n, "/link/switch_to/"+id, form, stage.JSON(n))
					switch {
					case who == "no cookie" || who == "a dead cookie":
						refused(s, wrong, a, http.StatusUnauthorized)
					case who == "the old cookie" && !strings.Contains(a.Body, "stale_session"), what != "good" &&
						who == "a good cookie" && !strings.Contains(a.Body, "stale_page"):
						s.Breach("%s: %d %s", wrong, a.Status, a.Body)
					case who == "the old cookie" || what != "good":
						refused(s, wrong, a, http.StatusConflict)
					case whose != "a member":
						refused(s, wrong, a, http.StatusNotFound)
					}
				}
			}
		}
	}
	before.Unchanged("requests with several things wrong")
}

// ChooserActsAsNobody lets a session in which nobody is current try what needs somebody, with the stamp of the
// choice, of the
// account that was current, and of an earlier choice.
func ChooserActsAsNobody(s *stage.Stage) {
	people := s.People(3)
	v := s.SignedIn(people...)
	was := v.Document(s.One)
	leave := func() {
		d := v.Document(s.One)
		if a := v.Post(s.One, "/link/sign_out/"+d.Current.ID, stamped(d.Stamp)); a.Status != http.StatusSeeOther {
			s.Fatalf("sign out: %d", a.Status)
		}
		v.Get(s.One, "/")
	}
	leave()
	choice := v.Document(s.One)
	v.Switch(s.Two, people[0])
	as := v.Document(s.Two).Stamp
	leave()
	d := v.Document(s.One)
	if d.State != "choosing" || d.Stamp == choice.Stamp || len(d.Accounts) != 1 {
		s.Breach("nobody is current: %+v; the choice before had the stamp %q", d, choice.Stamp)
	}
	before := s.Snapshot(v)
	for _, n := range s.Nodes() {
		for what, stamp := range map[string]string{"of the choice": d.Stamp, "of who was current": as,
			"of who was current before": was.Stamp, "of the choice before": choice.Stamp} {
			for _, path := range []string{"/notes", "/link/p/" + d.Accounts[0].ID} {
				refused(s, "POST "+path+" with the stamp "+what,
					v.Post(n, path, stamped(stamp, "text", "x"), "Accept", "application/json"),
					http.StatusUnauthorized, http.StatusConflict)
			}
			if what != "of the choice" {
				refused(s, "choosing with the stamp "+what, v.Post(n, d.Accounts[0].SwitchPath, stamped(stamp)),
					http.StatusConflict)
			}
			refused(s, "making somebody inactive", v.Post(n, "/demo/users/"+d.Accounts[0].ID+"/status",
				stamped(stamp, "status", "inactive"), "Accept", "application/json"),
				http.StatusUnauthorized, http.StatusConflict)
		}
		for _, path := range []string{"/private", "/inbox", "/notes", "/live"} {
			if a := v.Get(n, path); a.Status != http.StatusSeeOther || !strings.HasPrefix(a.Location(), "/link/choose") {
				s.Breach("GET %s: %d to %q, want the chooser", path, a.Status, a.Location())
			}
		}
	}
	before.Unchanged("a session in which nobody is current")
}

// WhatAnOldCookieSees bounds what somebody gets out of a cookie that was rotated away while it still draws pages: for
// ten seconds
// from the change and no longer, however often it is used, and no session cookie.
func WhatAnOldCookieSees(s *stage.Stage) {
	people := s.People(2)
	v := s.SignedIn(people...)
	old := v.SessionCookie(s.One)
	v.Switch(s.One, people[0])
	_, rest, _ := strings.Cut(s.Record(v.SessionCookie(s.One))["data"], `"prev_until":`)
	until := rest[:strings.IndexAny(rest, ",}")]
	for i := range 20 {
		a := s.Holding(old).Get(s.Nodes()[i%2], "/notes", "Accept", "application/json")
		refused(s, "a page for the old cookie", a, http.StatusOK)
	}
	if now := s.Record(v.SessionCookie(s.One))["data"]; !strings.Contains(now, `"prev_until":`+until) {
		s.Breach("using the old cookie moved its end from %s: %s", until, now)
	}
	end, err := strconv.ParseInt(until, 10, 64)
	if left := time.Until(time.UnixMilli(end)); err != nil || left > 10*time.Second {
		s.Breach("the old cookie draws pages for another %v (%v)", left, err)
	}
	endGrace(s, v.SessionCookie(s.One))
	nobody(s, "the old cookie afterwards", s.Holding(old))
}
