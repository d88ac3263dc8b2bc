package httpattacks

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"

	"github.com/multiaccount-go/multiaccount/integration_test/attacks/stage"
	"github.com/multiaccount-go/multiaccount/integration_test/sitetest"
)

// RandomActs lets four tabs of one browser do anything at the same moment on two nodes, five times in a row and then from the
// start, and looks in between: nobody is in the session who did not sign in inside it or was signed out of it, there are not
// too many, at most one is current, both nodes agree, and versions only grow.
func RandomActs(s *stage.Stage) {
	const epochs, rounds = 20, 5
	seed := rand.Uint64()
	random := rand.New(rand.NewPCG(seed, 1))
	people := s.People(8)
	first := s.SignedIn(people[:5]...)
	beginning := first.SessionCookie(s.One)
	restore := s.Keep(beginning)
	for range epochs {
		restore()
		v := s.Visitor()
		stage.Plant(v, s.One, beginning)
		if randomEpoch(s, random, v, people, rounds); s.Breached() {
			s.Breach("the seed was %d", seed)
			return
		}
	}
}

func randomEpoch(s *stage.Stage, random *rand.Rand, v *sitetest.Visitor, people []string, rounds int) {
	proved := map[string]bool{} // who has sent a right password since the session began
	for _, email := range emails(v.Document(s.One)) {
		proved[email] = true
	}
	session, version := v.SessionCookie(s.One)[:21], v.Document(s.One).V
	var history []string
	for round := range rounds {
		d := v.Document(s.One)
		tabs := []tabAct{}
		for range 4 {
			tabs = append(tabs, randomAct(random, d, people))
		}
		cookie := v.SessionCookie(s.One)
		answers := make([]sitetest.Answer, len(tabs))
		var acts []func()
		for i, tab := range tabs {
			history = append(history, fmt.Sprintf("%d: %s", round, tab.name))
			n, client := s.Nodes()[random.IntN(2)], sitetest.Holding(s, "")
			if cookie != "" {
				client = s.Holding(cookie)
			}
			acts = append(acts, func() { answers[i] = client.Post(n, tab.path, tab.form) })
		}
		atOnce(acts...)
		left := map[string]bool{}
		for i, a := range answers {
			switch {
			case a.Status >= 500 && a.Status != http.StatusServiceUnavailable:
				s.Breach("%s: %d", history[len(history)-len(tabs)+i], a.Status)
			case tabs[i].signsIn != "":
				proved[tabs[i].signsIn] = true
			case tabs[i].signsOut != "" && len(issued(a)) > 0:
				left[tabs[i].signsOut] = true
			}
		}
		for _, i := range random.Perm(len(answers)) { // answers arrive in any order, and the last cookie stays
			if len(issued(answers[i])) > 0 {
				v.Take(s.One, answers[i])
			}
		}
		newest(s, v, answers)
		one, two := v.Document(s.One), v.Document(s.Two)
		why := func() string { return "after\n" + strings.Join(history, "\n") }
		if fmt.Sprint(one.V, emails(one), one.CurrentEmail()) != fmt.Sprint(two.V, emails(two), two.CurrentEmail()) {
			s.Breach("the nodes differ: %+v, %+v; %s", one, two, why())
		}
		current := 0
		for _, a := range one.Accounts {
			if a.Current {
				current++
			}
		}
		members := emails(one)
		if slices.Sort(members); len(slices.Compact(members)) != len(one.Accounts) || len(one.Accounts) > 6 ||
			current > 1 || (current == 1) != (one.Current != nil) {
			s.Breach("the session is %+v; %s", one, why())
		}
		if one.State == "anonymous" { // it was signed out of
			return
		}
		if id := v.SessionCookie(s.One)[:21]; id != session {
			session, version = id, 0
			for email := range proved { // a new session begins with who has just signed in
				proved[email] = slices.ContainsFunc(tabs, func(t tabAct) bool { return t.signsIn == email })
			}
		}
		for _, email := range emails(one) {
			again := slices.ContainsFunc(tabs, func(t tabAct) bool { return t.signsIn == email })
			if !proved[email] || left[email] && !again {
				s.Breach("%s is in the session, signed in inside it: %v, signed out: %v; %s", email, proved[email],
					left[email], why())
			}
		}
		if one.V < version {
			s.Breach("the version went from %d to %d; %s", version, one.V, why())
		}
		version = one.V
		if s.Breached() {
			return
		}
	}
}

// newest makes the browser keep the cookie that is good, as it would had the answers come in the order of what they did.
func newest(s *stage.Stage, v *sitetest.Visitor, answers []sitetest.Answer) {
	s.Helper()
	for _, a := range answers {
		for _, c := range issued(a) {
			state := s.Holding(c).Get(s.One, "/link/state", "Accept", "application/json").Body
			if !strings.Contains(state, `"v":0,`) && !strings.Contains(state, `"stale":true`) {
				v.Take(s.One, a)
			}
		}
	}
}

// tabAct is what one tab does.
type tabAct struct {
	name, path        string
	form              map[string][]string
	signsIn, signsOut string
}

func randomAct(random *rand.Rand, d sitetest.Document, people []string) tabAct {
	signIn := people[random.IntN(len(people))]
	if len(d.Accounts) == 0 {
		return tabAct{name: "sign in " + signIn, path: "/session", form: sitetest.Credentials(signIn), signsIn: signIn}
	}
	member := d.Accounts[random.IntN(len(d.Accounts))]
	switch random.IntN(12) {
	case 0:
		return tabAct{name: "sign in " + signIn, path: "/session", form: sitetest.Credentials(signIn), signsIn: signIn}
	case 1, 2, 3:
		if d.AddPath != "" {
			return tabAct{name: "add", path: d.AddPath, form: stamped(d.Stamp)}
		}
		fallthrough
	case 4, 5, 6:
		return tabAct{name: "switch to " + member.Profile.Email, path: member.SwitchPath, form: stamped(d.Stamp)}
	case 7, 8:
		return tabAct{
			name: "sign out " + member.Profile.Email, path: "/link/sign_out/" + member.ID, form: stamped(d.Stamp),
			signsOut: member.Profile.Email,
		}
	case 9:
		return tabAct{name: "cancel", path: "/link/cancel", form: stamped(d.Stamp)}
	}
	return tabAct{name: "note", path: "/notes", form: stamped(d.Stamp, "text", "x")}
}
