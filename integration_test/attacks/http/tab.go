package httpattacks

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/multiaccount-go/multiaccount/integration_test/attacks/stage"
	"github.com/multiaccount-go/multiaccount/integration_test/sitetest"
)

// FormOfAnotherAccount is CT-01: a form is drawn for one account, another tab switches, the form is sent.
func FormOfAnotherAccount(s *stage.Stage) {
	people := s.People(2)
	v := s.SignedIn(people[1], people[0])
	drawnFor := v.Document(s.One)
	form := v.Form(v.Get(s.One, "/notes"), "/notes")
	form.Set("text", "written as the first")
	v.Switch(s.Two, people[1])
	before, now := s.Snapshot(v), v.Document(s.Two)

	for _, n := range s.Nodes() {
		fresh := v.Document(n).Stamp
		for how, try := range map[string]func() sitetest.Answer{
			"as a form": func() sitetest.Answer { return post(v, n, "/notes", form, stage.Form(n)) },
			"as JSON":   func() sitetest.Answer { return post(v, n, "/notes", form, stage.JSON(n)) },
			"by htmx, stamped as drawn": func() sitetest.Answer {
				return post(v, n, "/notes", form, stage.HX(n, drawnFor.Stamp))
			},
			// The script of the page knows the newest stamp already; the form keeps the one it was drawn with.
			"by htmx, stamped anew": func() sitetest.Answer { return post(v, n, "/notes", form, stage.HX(n, fresh)) },
			"with a newer header":   func() sitetest.Answer { return v.Post(n, "/notes", form, "X-Account-Stamp", fresh) },
			"with an older header": func() sitetest.Answer {
				return v.Post(n, "/notes", stamped(fresh, "text", "x"), "X-Account-Stamp", drawnFor.Stamp)
			},
			"with both stamps": func() sitetest.Answer {
				return v.Post(n, "/notes", url.Values{"_stamp": {drawnFor.Stamp, fresh}, "text": {"x"}})
			},
			"with both stamps, reversed": func() sitetest.Answer {
				return v.Post(n, "/notes", url.Values{"_stamp": {fresh, drawnFor.Stamp}, "text": {"x"}})
			},
			"without a stamp":     func() sitetest.Answer { return v.Post(n, "/notes", url.Values{"text": {"x"}}) },
			"with an empty stamp": func() sitetest.Answer { return v.Post(n, "/notes", stamped("", "text", "x")) },
			"switching": func() sitetest.Answer {
				return v.Post(n, "/link/switch_to/"+drawnFor.Current.ID, stamped(drawnFor.Stamp))
			},
			"signing one out": func() sitetest.Answer {
				return v.Post(n, "/link/sign_out/"+drawnFor.Current.ID, stamped(drawnFor.Stamp))
			},
			"asking to add one": func() sitetest.Answer { return v.Post(n, now.AddPath, stamped(drawnFor.Stamp)) },
			"cancelling":        func() sitetest.Answer { return v.Post(n, "/link/cancel", stamped(drawnFor.Stamp)) },
			"signing in": func() sitetest.Answer {
				form := sitetest.Credentials(people[0])
				form.Set("_stamp", drawnFor.Stamp)
				return v.Post(n, "/session", form)
			},
		} {
			a := try()
			refused(s, "the form "+how, a, http.StatusConflict)
			if refresh := a.Header.Get("HX-Refresh") == "true"; refresh != strings.Contains(how, "htmx") {
				s.Breach("the form %s: HX-Refresh is %v", how, refresh)
			}
		}
	}
	before.Unchanged("a form of another account")
	if s.Breached() {
		return
	}
	if rows := s.Rows(drawnFor.Current.ID); len(rows) > 0 {
		s.Breach("the account that the form was drawn for has the rows %q", rows)
	}

	page := v.Post(s.One, "/notes", form)
	for _, email := range people {
		if !strings.Contains(page.Body, email) {
			s.Breach("the refusal does not say that %s is involved:\n%s", email, page.Body)
		}
	}
	if strings.Contains(page.Body, form.Get("text")) {
		s.Breach("the refusal carries what was typed, so a click could send it as somebody else:\n%s", page.Body)
	}
	back, _ := now.Find(people[0])
	v.Post(s.Two, back.SwitchPath, v.Form(page, back.SwitchPath))
	if a := v.Post(s.One, "/notes", form); a.Status != http.StatusSeeOther {
		s.Breach("after switching back the form is refused: %d", a.Status)
	}
	if rows := s.Rows(drawnFor.Current.ID); !slices.Equal(rows, []string{"written as the first"}) {
		s.Breach("after switching back the rows are %q", rows)
	}
}

// HTMXOfAnotherAccount is the part of CT-04 without a browser: a page of one account fetches fragments after a
// switch. None of
// the other account's may come back.
func HTMXOfAnotherAccount(s *stage.Stage) {
	people := s.People(2)
	v := s.SignedIn(people[1], people[0])
	v.Post(s.One, "/notes", stamped(v.Document(s.One).Stamp, "text", "a row of the first"))
	old := v.Document(s.One).Stamp
	v.Switch(s.Two, people[1])
	v.Post(s.Two, "/notes", stamped(v.Document(s.Two).Stamp, "text", "a row of the second"))
	name := v.Document(s.One).Accounts[0].Profile.Name
	for _, n := range s.Nodes() {
		for _, path := range []string{"/notes", "/inbox/who", "/link/accounts", "/link/choose", v.Document(n).AddPath,
			v.Document(n).Accounts[1].SwitchPath} {
			for how, headers := range map[string][]string{
				"with the old stamp":     stage.HX(n, old),
				"without a stamp":        stage.HX(n, ""),
				"with a stamp of nobody": stage.HX(n, "v1.AAAAAAAAAAAAAAAAAAAAAA.AAAAAAAAAAAAAAAAAAAAAA"),
				"of a boosted link":      append(stage.HX(n, old), "HX-Boosted", "true"),
				"of htmx 4": append(stage.HX(n, old), "HX-Request-Type", "partial", "Accept",
					"text/html"),
				"that says it speaks JSON too": append(stage.HX(n, old), "Accept", "application/json"),
			} {
				a := get(v, n, path, headers)
				if refused(s, "GET "+path+" by htmx "+how, a, http.StatusConflict); a.Header.Get("HX-Refresh") != "true" {
					s.Breach("GET %s by htmx %s: the page is not refreshed", path, how)
				}
				for _, secret := range []string{people[1], name, "a row of"} {
					if strings.Contains(a.Body, secret) {
						s.Breach("GET %s by htmx %s shows %q:\n%s", path, how, secret, a.Body)
					}
				}
			}
		}
		if a := get(v, n, "/notes", stage.Nav()); a.Status != http.StatusOK ||
			!strings.Contains(a.Body, "a row of the second") {
			s.Breach("opening the page by itself: %d", a.Status)
		}
	}
}

// HistoryRestoreLaundersAFragment asks with the header by which htmx restores a page of its history, which needs no stamp
// because the page is drawn anew: what comes back must be a whole page. Of a route that knows only a fragment, what
// comes back
// must be stamped for whom it shows, so that it cannot act as the account of the page that it goes into.
func HistoryRestoreLaundersAFragment(s *stage.Stage) {
	people := s.People(2)
	v := s.SignedIn(people[1], people[0])
	old := v.Document(s.One).Stamp
	v.Switch(s.Two, people[1])
	for _, n := range s.Nodes() {
		for _, path := range []string{"/notes", "/inbox/who", "/link/accounts"} {
			a := get(v, n, path, append(stage.HX(n, old), "HX-History-Restore-Request", "true"))
			if path == "/notes" && !strings.Contains(a.Body, "<html") || strings.Contains(a.Body, old) ||
				path == "/link/accounts" && a.Status != http.StatusConflict {
				s.Breach("GET %s to restore the history of a page of another account (%d):\n%s", path, a.Status, a.Body)
			}
		}
		// What changes something is not restored.
		refused(s, "a note that restores the history",
			post(v, n, "/notes", url.Values{"text": {"x"}}, append(stage.HX(n, old), "HX-History-Restore-Request",
				"true")), http.StatusConflict)
	}
}

// NothingIsExempt is CT-08 as far as it exists: no route is exempt from the stamp, whatever a request says that it is.
func NothingIsExempt(s *stage.Stage) {
	people := s.People(2)
	v := s.SignedIn(people...)
	before := s.Snapshot(v)
	for _, n := range s.Nodes() {
		for how, headers := range map[string][]string{
			"a token":              {"Authorization", "Bearer token"},
			"basic authentication": {"Authorization", "Basic YTpi"},
			"an API key":           {"X-Api-Key", "key"},
			"JSON":                 {"Accept", "application/json", "Content-Type", "application/json"},
			"an XMLHttpRequest":    {"X-Requested-With", "XMLHttpRequest"},
			"a handshake": {"Upgrade", "websocket", "Connection", "Upgrade", "Sec-WebSocket-Version", "13",
				"Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="},
			"an event stream":       {"Accept", "text/event-stream", "X-Live", "stream"},
			"part of a stream":      {"X-Live", "stream", "X-Live-Stream", "x"},
			"a preflight's promise": {"Access-Control-Request-Method", "POST"},
			"a proxy's word": {"X-Forwarded-For", "127.0.0.1", "X-Forwarded-Host", n.Addr, "X-Real-IP",
				"127.0.0.1"},
			"another method":         {"X-HTTP-Method-Override", "GET", "X-Method-Override", "GET", "X-HTTP-Method", "GET"},
			"a health check":         {"User-Agent", "kube-probe/1.30"},
			"a history restore":      {"HX-History-Restore-Request", "true"},
			"a stamp of another use": {"X-CSRF-Token", v.Document(n).Stamp, "X-XSRF-Token", v.Document(n).Stamp},
		} {
			for _, path := range []string{"/notes", v.Document(n).Accounts[0].SwitchPath, v.Document(n).AddPath,
				"/link/cancel"} {
				a := v.Post(n, path, url.Values{"text": {"x"}, "_method": {"GET"}}, headers...)
				refused(s, "POST "+path+" as "+how, a, http.StatusConflict)
			}
		}
	}
	good := v.Document(s.One).Stamp
	tossed := sitetest.Holding(s, v.CookieHeader(s.One)+"; _stamp="+good+"; csrf_="+good+"; X-Account-Stamp="+good)
	refused(s, "a stamp in a cookie", tossed.Post(s.One, "/notes", url.Values{"text": {"x"}}), http.StatusConflict)
	refused(s, "a stamp in the query", v.Post(s.One, "/notes?_stamp="+url.QueryEscape(good),
		url.Values{"text": {"x"}}), http.StatusConflict)
	before.Unchanged("what says that it is exempt")
}

// ForgedStamps is CS-09 and beyond: stamps of other sessions, of accounts that are not current or have left, and what
// is left
// of a good one after a change. There is no cookie beside them that could be tossed.
func ForgedStamps(s *stage.Stage) {
	people := s.People(3)
	v, mallory := s.SignedIn(people[0], people[1]), s.SignedIn(people[2])
	other := s.SignedIn(people[1]) // the same account in another browser
	v.Switch(s.One, people[0])
	ofFirst := v.Document(s.One).Stamp
	v.Switch(s.One, people[1])
	left := v.Document(s.One)
	// The second account leaves and comes back: its membership is another one.
	v.Post(s.One, "/link/sign_out/"+left.Current.ID, stamped(left.Stamp, "next", s.ID(v, people[0])))
	v.Add(s.One, people[1])
	v.Get(s.One, "/")
	good := v.Document(s.One).Stamp
	parts := strings.Split(good, ".")
	foreign := strings.Split(mallory.Document(s.One).Stamp, ".")
	membership := func(email string) string { m, _ := v.Document(s.One).Find(email); return m.Membership }
	if membership(people[1]) != parts[1] {
		s.Fatalf("the stamp %q is not of the membership %q", good, membership(people[1]))
	}
	forged := map[string]string{
		"Mallory's own":                  mallory.Document(s.One).Stamp,
		"of the account in a browser":    other.Document(s.One).Stamp,
		"of the account not current":     ofFirst,
		"of the membership that left":    left.Stamp,
		"Mallory's MAC":                  parts[0] + "." + parts[1] + "." + foreign[2],
		"Mallory's membership":           parts[0] + "." + foreign[1] + "." + parts[2],
		"without its MAC":                parts[0] + "." + parts[1] + ".",
		"only the MAC":                   parts[2],
		"half of the MAC":                good[:len(good)-11],
		"more":                           good + "A",
		"padded":                         good + "==",
		"in capitals":                    strings.ToUpper(good),
		"of another version":             "v2." + parts[1] + "." + parts[2],
		"without its version":            parts[1] + "." + parts[2],
		"with a blank before":            " " + good + " ",
		"with a NUL":                     good + "\x00",
		"of two":                         good + "," + ofFirst,
		"with the last bit flipped":      good[:len(good)-1] + flipLow(good[len(good)-1]),
		"with the first bit flipped":     parts[0] + "." + parts[1] + "." + flip(parts[2][0]) + parts[2][1:],
		"several":                        "several",
		"the word that forms use inside": "ambiguous",
	}
	before := s.Snapshot(v)
	for name, stamp := range forged {
		for _, n := range s.Nodes() {
			if name != "with a blank before" && name != "with a NUL" { // which a header cannot carry
				refused(s, "a stamp "+name+" in the header",
					v.Post(n, "/notes", url.Values{"text": {"x"}}, "X-Account-Stamp", stamp), http.StatusConflict)
				refused(s, "a stamp "+name+" beside a good one",
					v.Post(n, "/notes", stamped(good, "text", "x"), "X-Account-Stamp", stamp), http.StatusConflict)
			}
			refused(s, "a stamp "+name, v.Post(n, "/notes", stamped(stamp, "text", "x")), http.StatusConflict)
			refused(s, "a stamp "+name+" to sign in by", v.Post(n, "/link/cancel", stamped(stamp)), http.StatusConflict)
		}
	}
	// Twice in the header: neither the first nor the last may decide alone.
	for _, n := range s.Nodes() {
		for how, two := range map[string][2]string{"the good one first": {good, ofFirst},
			"the good one last": {ofFirst, good}} {
			lines := append(stage.Lines(stage.JSON(n)...), "Cookie: "+v.CookieHeader(n), "X-Account-Stamp: "+two[0],
				"X-Account-Stamp: "+two[1], "Content-Length: 6")
			if r := s.Raw(n, stage.Request(n, "POST", "/notes", lines, "text=x")); r.Status != http.StatusConflict {
				s.Breach("two headers with stamps, %s: %d, want 409", how, r.Status)
			}
		}
	}
	before.Unchanged("forged stamps")
	if a := v.Post(s.One, "/notes", stamped(good, "text", "by the good one")); a.Status != http.StatusSeeOther {
		s.Errorf("the good stamp is refused too: %d", a.Status)
	}
}

// flipLow changes the lowest bit that the last character of a stamp carries.
func flipLow(c byte) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	return string(alphabet[strings.IndexByte(alphabet, c)^1]) // an unused bit: another spelling of the same bytes
}

// NoteRacesSwitch sends forms of the first account while another tab switches to the second: by the cookie of before, and by the
// new one as soon as the browser has it. Whatever comes of it, a row is the first account's or there is none.
func NoteRacesSwitch(s *stage.Stage) {
	people := s.People(2)
	v := s.SignedIn(people[1], people[0])
	cookie := v.SessionCookie(s.One)
	d, restore := v.Document(s.One), s.Keep(cookie)
	to, _ := d.Find(people[1])
	tab := s.Holding(cookie)
	kept := 0
	for round := range 100 {
		answers := make([]sitetest.Answer, 4)
		note := func(i int, by *sitetest.Visitor) {
			form := stamped(d.Stamp, "text", fmt.Sprintf("round %d, %d", round, i))
			answers[i] = by.Post(s.Nodes()[i%2], "/notes", form)
		}
		acts := []func(){func() {
			late(round)
			a := tab.Post(s.Nodes()[round%2], to.SwitchPath, stamped(d.Stamp))
			if fresh := issued(a); len(fresh) != 1 {
				s.Breach("round %d: the switch set %d cookies (%d)", round, len(fresh), a.Status)
			} else {
				note(3, s.Holding(fresh[0]))
			}
		}}
		for i := range 3 {
			acts = append(acts, func() { late(-round); note(i, tab) })
		}
		atOnce(acts...)
		kept += count(answers, func(a sitetest.Answer) bool { return a.Status == http.StatusSeeOther })
		for _, a := range answers {
			refused(s, "a note during a switch", a, http.StatusSeeOther, http.StatusConflict)
		}
		if rows := s.Rows(to.ID); len(rows) > 0 {
			s.Breach("round %d: the second account has the rows %q", round, rows)
		}
		if s.Breached() {
			return
		}
		restore()
	}
	rows := s.Redis.LLen(s.Context(), "example:notes:"+d.Current.ID).Val()
	if want := min(kept, 200); int(rows) != want { // the example keeps the newest 200
		s.Breach("the first account has %d rows, %d were accepted", rows, kept)
	}
}

// RefusalNamesSomebodyElse sends forms that were drawn for accounts which are not in the session, or not any more: the page
// that refuses them must not say who that is.
func RefusalNamesSomebodyElse(s *stage.Stage) {
	people := s.People(3)
	v, other := s.SignedIn(people[0], people[1]), s.SignedIn(people[2])
	left := v.Document(s.One)
	v.Post(s.One, "/link/sign_out/"+left.Current.ID, stamped(left.Stamp, "next", s.ID(v, people[0])))
	v.Get(s.One, "/")
	for what, stamp := range map[string]string{people[1]: left.Stamp, people[2]: other.Document(s.One).Stamp} {
		for _, n := range s.Nodes() {
			for how, headers := range map[string][]string{"page": stage.Form(n), "htmx": stage.HX(n, stamp),
				"JSON": stage.JSON(n)} {
				a := post(v, n, "/notes", stamped(stamp, "text", "x"), headers)
				refused(s, "a form of "+what+" by "+how, a, http.StatusConflict)
				if strings.Contains(a.Body+fmt.Sprint(a.Header), what) {
					s.Breach("the refusal names %s:\n%s", what, a.Body)
				}
			}
		}
	}
}
