package httpattacks

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/multiaccount-go/multiaccount/integration_test/attacks/stage"
	"github.com/multiaccount-go/multiaccount/integration_test/sitetest"
)

// Resurrection is SE-01: many requests that write to a session are under way on both nodes while it is signed out of.
func Resurrection(s *stage.Stage) {
	people := s.People(2)
	v := s.SignedIn(people...)
	cookie := v.SessionCookie(s.One)
	d, restore := v.Document(s.One), s.Keep(cookie)
	to, _ := d.Find(people[0])
	tab := s.Holding(cookie)
	for round := range 60 {
		answers := make([]sitetest.Answer, 12)
		var acts []func()
		for i := range answers {
			acts = append(acts, func() {
				n, form := s.Nodes()[i%2], stamped(d.Stamp)
				switch i % 6 {
				case 0, 1:
					answers[i] = tab.Post(n, d.AddPath, form)
				case 2:
					answers[i] = tab.Post(n, "/link/cancel", form)
				case 3:
					answers[i] = tab.Post(n, to.SwitchPath, form)
				case 4:
					answers[i] = tab.Post(n, "/link/sign_out/"+to.ID, form)
				default:
					answers[i] = tab.Get(n, "/private")
				}
			})
		}
		var out sitetest.Answer
		acts = append(acts, func() {
			time.Sleep(time.Duration(round%6) * time.Millisecond)
			out = tab.Post(s.Nodes()[round%2], "/link/sign_out", nil)
		})
		atOnce(acts...)
		if len(out.Location()) > 0 && !strings.HasPrefix(out.Location(),
			"/session/new") { // else two rotations were faster than it
			if s.Key(cookie) != "" {
				s.Breach("round %d: the session that was signed out of is back: %v", round, s.Record(cookie))
			}
			dead(s, "the cookie of before", cookie)
			for i, a := range answers {
				for _, c := range issued(a) {
					dead(s, fmt.Sprintf("round %d: the cookie that request %d got", round, i), c)
				}
			}
		}
		if s.Breached() {
			return
		}
		restore()
	}
}

// OldSecretComesBack is SE-02: requests with the old cookie write while a switch rotates it.
func OldSecretComesBack(s *stage.Stage) {
	people := s.People(2)
	v := s.SignedIn(people...)
	cookie := v.SessionCookie(s.One)
	d, restore := v.Document(s.One), s.Keep(cookie)
	to, _ := d.Find(people[0])
	tab := s.Holding(cookie)
	for round := range 60 {
		writers := make([]sitetest.Answer, 8)
		var acts []func()
		for i := range writers {
			path := []string{d.AddPath, "/link/cancel"}[i/2%2]
			acts = append(acts, func() { writers[i] = tab.Post(s.Nodes()[i%2], path, stamped(d.Stamp)) })
		}
		var switched sitetest.Answer
		acts = append(acts, func() {
			time.Sleep(time.Duration(round%4) * time.Millisecond)
			switched = tab.Post(s.Nodes()[round%2], to.SwitchPath, stamped(d.Stamp))
		})
		atOnce(acts...)
		fresh := issued(switched)
		if len(fresh) != 1 {
			s.Breach("round %d: the switch set %d cookies (%d)", round, len(fresh), switched.Status)
			return
		}
		for _, a := range writers {
			refused(s, "a writer with the old cookie", a, http.StatusSeeOther, http.StatusConflict)
		}
		for _, n := range s.Nodes() {
			if got := s.Holding(fresh[0]).Document(n); got.CurrentEmail() != people[0] {
				s.Breach("round %d: the new cookie is of %q in state %q", round, got.CurrentEmail(), got.State)
			}
			refused(s, "the old cookie", tab.Post(n, d.AddPath, stamped(s.Holding(fresh[0]).Document(n).Stamp)),
				http.StatusConflict)
		}
		if s.Breached() {
			return
		}
		restore()
	}
}

// Fixation is SE-03: the victim signs in with a cookie that the attacker has chosen.
func Fixation(s *stage.Stage) {
	people := s.People(2)
	mallorys, victims := people[0], people[1]
	chosen := strings.Repeat("Zm9v", 16)
	ended := s.SignedIn(mallorys)
	old := ended.SessionCookie(s.One)
	ended.Post(s.One, "/link/sign_out", nil)
	for name, planted := range map[string]string{"one that the attacker made up": chosen,
		"one of a session that ended": old} {
		v := s.Visitor()
		stage.Plant(v, s.One, planted)
		v.SignIn(s.Two, victims)
		if got := v.SessionCookie(s.One); got == planted || got[:22] == planted[:22] {
			s.Breach("%s: it stayed: %q", name, got)
		}
		nobody(s, name, s.Holding(planted))
	}

	// The attacker's live session: it is replaced, and never becomes the victim's.
	mallory := s.SignedIn(mallorys)
	planted, stamp := mallory.SessionCookie(s.One), mallory.Document(s.One).Stamp
	v := s.Visitor()
	stage.Plant(v, s.One, planted)
	v.SignIn(s.Two, victims)
	alone(s, "signing in inside of the attacker's session", v, victims)
	nobody(s, "the attacker's cookie afterwards", s.Holding(planted))
	refused(s, "a form of before signing in", v.Post(s.One, "/notes", stamped(stamp, "text", "x")), http.StatusConflict)

	// Elsewhere than in the cookie.
	live := s.SignedIn(mallorys).SessionCookie(s.One)
	for name, address := range map[string]string{
		"the query": "/private?" + url.Values{sitetest.Cookie: {live},
			"session": {live}}.Encode(), "the path": "/private;" + sitetest.Cookie + "=" + live,
	} {
		if a := s.Visitor().Get(s.One, address); a.Status == http.StatusOK || a.SetsCookie() {
			s.Breach("a session in %s: %d", name, a.Status)
		}
	}
	for name, headers := range map[string][]string{
		"a header of its name": {sitetest.Cookie, live}, "Authorization": {"Authorization", "Bearer " + live},
		"X-Session": {"X-Session", live, "X-Session-Id", live}, "Cookie2": {"Cookie2", sitetest.Cookie + "=" + live},
		"the __Host- name": {"Cookie", "__Host-accounts=" + live},
	} {
		turnedAway(s, "a session in "+name, s.Visitor().Get(s.One, "/private", headers...))
	}
	fresh := s.Visitor()
	form := sitetest.Credentials(victims)
	form.Set(sitetest.Cookie, live)
	form.Set("session", live)
	if a := fresh.Post(s.One, "/session", form); slices.Contains(issued(a), live) {
		s.Breach("signing in takes the session of a field over")
	}
	alone(s, "signing in with a session in a field", fresh, victims)
}

// ReplayOfOldCookies is SE-04: every cookie that a session ever had, after it was signed out of, at every door of
// both nodes.
func ReplayOfOldCookies(s *stage.Stage) {
	people := s.People(3)
	v := s.Visitor()
	var cookies []string
	note := func() { cookies = append(cookies, v.SessionCookie(s.One)) }
	v.SignIn(s.One, people[0])
	note()
	for _, email := range people[1:] {
		v.Add(s.Two, email)
		note()
	}
	for _, email := range people {
		v.Switch(s.One, email)
		note()
	}
	stamp := v.Document(s.One).Stamp
	v.Post(s.Two, "/link/sign_out/"+s.ID(v, people[0]), stamped(stamp))
	note()
	v.SignIn(s.One, people[2])
	note()
	v.Post(s.Two, "/link/sign_out", nil)

	if got := len(slices.Compact(slices.Sorted(slices.Values(cookies)))); got != len(cookies) {
		s.Breach("%d of %d cookies differ", got, len(cookies))
	}
	for i, cookie := range cookies {
		nobody(s, fmt.Sprintf("cookie %d of %d", i+1, len(cookies)), s.Holding(cookie))
	}
}

// HalfACookie combines the id of one session with the secrets of others: an id alone carries no authority, not even to sign
// its owner out.
func HalfACookie(s *stage.Stage) {
	const idLength = 22 // the id is 16 bytes: 21 characters and a part of the next
	people := s.People(2)
	victim, mallory := s.SignedIn(people[0]), s.SignedIn(people[1])
	before := s.Snapshot(victim)
	good, other := victim.SessionCookie(s.One), mallory.SessionCookie(s.One)
	stamp, id := victim.Document(s.One).Stamp, s.ID(victim, people[0])
	forged := []string{good[:idLength] + other[idLength:], good[:idLength] + strings.Repeat("A", len(good)-idLength),
		swapCase(good)}
	for i := idLength; i < len(good); i += 7 {
		forged = append(forged, good[:i]+flip(good[i])+good[i+1:])
	}
	for _, cookie := range forged {
		v := s.Holding(cookie)
		nobody(s, "half a cookie", v)
		for _, n := range s.Nodes() {
			for _, path := range []string{"/link/sign_out", "/session/sign_out",
				"/link/sign_out/" + id, "/link/cancel"} {
				v.Post(n, path, stamped(stamp)) // whatever it answers
			}
		}
	}
	before.Unchanged("half a cookie")
}

func flip(c byte) string {
	if c == 'A' {
		return "B"
	}
	return "A"
}

func swapCase(text string) string {
	return strings.Map(func(r rune) rune {
		if up := strings.ToUpper(string(r)); up != string(r) {
			return rune(up[0])
		}
		return rune(strings.ToLower(string(r))[0])
	}, text)
}

// transition is a row of the table of SE-06.
type transition struct {
	name    string
	rotates string // "": the cookie stays; "secret": same id, new secret; "session": a new id; "end": it is taken away
	renews  bool   // the absolute deadline moves
	do      func(v *sitetest.Visitor) sitetest.Answer
}

// Rotation is SE-06: after each transition the cookie is new or the same, as it should be, and there is exactly one.
func Rotation(s *stage.Stage) {
	people := s.People(4)
	a, b, c, stranger := people[0], people[1], people[2], people[3]
	signIn := func(email string) func(*sitetest.Visitor) sitetest.Answer {
		return func(v *sitetest.Visitor) sitetest.Answer {
			return v.Post(s.One, "/session", sitetest.Credentials(email))
		}
	}
	// on posts to a route about one of the people.
	on := func(route, email string, fields ...string) func(*sitetest.Visitor) sitetest.Answer {
		return func(v *sitetest.Visitor) sitetest.Answer {
			d := v.Document(s.Two)
			target, ok := d.Find(email)
			if !ok {
				target.ID = stage.UnknownID
			}
			form := stamped(d.Stamp)
			for i := 0; i < len(fields); i += 2 {
				other, _ := d.Find(fields[i+1])
				form.Set(fields[i], other.ID)
			}
			return v.Post(s.Two, route+target.ID, form)
		}
	}
	look := func(path string, headers ...string) func(*sitetest.Visitor) sitetest.Answer {
		return func(v *sitetest.Visitor) sitetest.Answer { return v.Get(s.Two, path, headers...) }
	}
	steps := []transition{
		{"signing in", "session", true, signIn(a)},
		{"a page", "", false, look("/")},
		{"a page with a flash", "", false, look("/private")},
		{"the link page", "", false, look("/link/state")},
		{"asking to add an account", "", false, func(v *sitetest.Visitor) sitetest.Answer { return v.BeginAdding(s.One) }},
		{"cancelling", "", false, func(v *sitetest.Visitor) sitetest.Answer {
			return v.Post(s.One, "/link/cancel", stamped(v.Document(s.One).Stamp))
		}},
		{"a wrong password", "", false, func(v *sitetest.Visitor) sitetest.Answer {
			return v.Post(s.One, "/session", url.Values{"email": {b}, "password": {"wrong"}})
		}},
		{"asking again", "", false, func(v *sitetest.Visitor) sitetest.Answer { return v.BeginAdding(s.One) }},
		{"adding the second account", "secret", false, signIn(b)},
		{"asking for the third", "", false, func(v *sitetest.Visitor) sitetest.Answer { return v.BeginAdding(s.One) }},
		{"adding the third account", "secret", false, signIn(c)},
		{"the switch page", "", false, func(v *sitetest.Visitor) sitetest.Answer {
			to, _ := v.Document(s.One).Find(a)
			return v.Get(s.One, to.SwitchPath)
		}},
		{"switching", "secret", false, on("/link/switch_to/", a)},
		{"switching to the current one", "", false, on("/link/switch_to/", a)},
		{"switching to a stranger", "", false, on("/link/switch_to/", stranger)},
		{"signing in again as the current one", "secret", true, signIn(a)},
		{"signing in again as another member", "secret", true, signIn(c)},
		{"signing out one that is not current", "secret", false, on("/link/sign_out/", b)},
		{"signing out a stranger", "", false, on("/link/sign_out/", stranger)},
		{"signing out the current one", "secret", false, on("/link/sign_out/", c)},
		{"choosing", "secret", false, on("/link/switch_to/", a)},
		{"asking for a fourth", "", false, func(v *sitetest.Visitor) sitetest.Answer { return v.BeginAdding(s.One) }},
		{"adding the fourth account", "secret", false, signIn(b)},
		{"signing out the current one and going on", "secret", false, on("/link/sign_out/", b, "next", a)},
		{"signing in as somebody else", "session", true, signIn(stranger)},
		{"signing out the last one", "end", false, on("/link/sign_out/", stranger)},
		{"signing in once more", "session", true, signIn(a)},
		{"signing out of everything", "end", false,
			func(v *sitetest.Visitor) sitetest.Answer { return v.Post(s.Two, "/link/sign_out", nil) }},
	}
	v := s.Visitor()
	for _, step := range steps {
		old := v.SessionCookie(s.One)
		var deadline any
		if old != "" {
			deadline = deadlineOf(s, old)
			time.Sleep(2 * time.Millisecond) // the deadline counts milliseconds
		}
		answer := step.do(v)
		fresh, set := v.SessionCookie(s.One), 0
		for _, c := range (&http.Response{Header: answer.Header}).Cookies() {
			if c.Name == sitetest.Cookie {
				set++
			}
		}
		rotated := ""
		switch {
		case fresh == "" && old != "":
			rotated = "end"
		case fresh != old && (old == "" || fresh[:21] != old[:21]):
			rotated = "session"
		case fresh != old:
			rotated = "secret"
		}
		if rotated != step.rotates || set > 1 || (set == 1) != (step.rotates != "") {
			s.Breach("%s (%d): rotates %q by %d cookies, want %q", step.name, answer.Status, rotated, set, step.rotates)
		}
		if rotated == "secret" {
			if moved := deadlineOf(s, fresh) != deadline; moved != step.renews {
				s.Breach("%s: the absolute deadline moves: %v, want %v", step.name, moved, step.renews)
			}
		}
		if old == "" || rotated == "" {
			continue
		}
		want := http.StatusUnauthorized
		if rotated == "secret" {
			want = http.StatusConflict
		}
		for _, n := range s.Nodes() {
			refused(s, step.name+", then a note by the cookie of before",
				s.Holding(old).Post(n, "/notes", stamped(v.Document(n).Stamp, "text", "x"), "Accept",
					"application/json"), want)
		}
	}
}

// CookieAttributes is SE-10: every cookie that any route sets, crawled as somebody who does everything once.
func CookieAttributes(s *stage.Stage) {
	people := s.People(2)
	v := s.Visitor()
	var answers []sitetest.Answer
	do := func(a sitetest.Answer) { answers = append(answers, a) }
	do(v.Post(s.One, "/session", sitetest.Credentials(people[0])))
	do(v.BeginAdding(s.One))
	do(v.Post(s.One, "/session", sitetest.Credentials(people[1])))
	d := v.Document(s.One)
	for _, path := range paths(d) {
		for _, method := range []string{"GET", "HEAD", "OPTIONS"} {
			do(v.Do(method, s.One.URL+path, nil))
		}
	}
	do(v.TrySwitch(s.One, d, people[0]))
	do(v.Get(s.One, "/"))
	do(v.Post(s.One, "/link/sign_out/"+d.Accounts[0].ID, stamped(v.Document(s.One).Stamp)))
	do(v.Get(s.One, "/link/choose"))
	do(v.Post(s.One, "/session/sign_out", nil))
	do(v.Get(s.One, "/"))
	seen := map[string]int{}
	for _, a := range answers {
		for _, line := range a.Header.Values("Set-Cookie") {
			c, err := http.ParseSetCookie(line)
			if err != nil {
				s.Breach("Set-Cookie: %s: %v", line, err)
				continue
			}
			seen[fmt.Sprintf("%s, taken away: %v", c.Name, c.MaxAge < 0 || c.Value == "")]++
			if !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Path != "/" || c.Domain != "" || len(line) > 4096 ||
				!strings.HasPrefix(c.Name, sitetest.Cookie) {
				s.Breach("Set-Cookie: %s", line)
			}
		}
	}
	want := []string{
		sitetest.Cookie + ", taken away: false", sitetest.Cookie + ", taken away: true",
		sitetest.Cookie + "-flash, taken away: false", sitetest.Cookie + "-flash, taken away: true",
	}
	if got := slices.Sorted(maps.Keys(seen)); !slices.Equal(got, want) {
		s.Breach("the cookies are %v, want %v", got, want)
	}
}

// paths returns every page and fragment of the example that somebody can ask for, also those that only POST should know.
func paths(d sitetest.Document) []string {
	list := []string{
		"/", "/private", "/inbox", "/inbox?htmx=4", "/inbox/who", "/notes", "/live", "/session/new",
		"/session/new?request_path=%2Fprivate",
		"/registration/new", "/link/choose", "/link/accounts", "/link/state", "/link/state?v=1&stamp=x",
		"/link/sign_out", "/link/cancel",
		"/session", "/session/sign_out", "/registration", "/link", "/link/nothing", "/nothing", "/link/p/" +
			stage.UnknownID,
		"/link/switch_to/" + stage.UnknownID,
	}
	if d.AddPath != "" {
		list = append(list, d.AddPath)
	}
	for _, a := range d.Accounts {
		list = append(list, a.SwitchPath, "/link/sign_out/"+a.ID, "/demo/users/"+a.ID+"/status")
	}
	return list
}

// CookieTossing is SE-11: somebody on a sibling host adds a second session cookie, or writes one in another way.
func CookieTossing(s *stage.Stage) {
	people := s.People(2)
	victim, mallory := s.SignedIn(people[0]), s.SignedIn(people[1])
	before := s.Snapshot(victim)
	good, tossed, name := victim.SessionCookie(s.One), mallory.SessionCookie(s.One), sitetest.Cookie
	many := strings.Repeat("x=1; ", 199)
	headers := map[string][]string{
		"tossed first":              {name + "=" + tossed + "; " + name + "=" + good},
		"tossed last":               {name + "=" + good + "; " + name + "=" + tossed},
		"in two headers":            {name + "=" + good, name + "=" + tossed},
		"in two headers, reversed":  {name + "=" + tossed, name + "=" + good},
		"the same twice":            {name + "=" + good + "; " + name + "=" + good},
		"an empty one beside it":    {name + "=" + good + "; " + name + "="},
		"without blanks":            {name + "=" + good + ";" + name + "=" + tossed},
		"among many":                {many + name + "=" + tossed + "; " + many + name + "=" + good},
		"with a path as of RFC2965": {`$Version=1; ` + name + "=" + good + `; $Path="/link"; ` + name + "=" + tossed},
		"in capitals":               {strings.ToUpper(name) + "=" + good},
		"with a comma":              {name + "=" + good + "," + name + "=" + tossed},
		"a blank in the value":      {name + "=" + good[:30] + " " + good[30:]},
		"a tab behind":              {name + "=" + good + "\tx"},
		"bytes beyond ASCII":        {name + "=" + good[:63] + "\xff"},
		"percent-encoded":           {name + "=%" + fmt.Sprintf("%02X", good[0]) + good[1:]},
	}
	key, stamp := s.Key(good), victim.Document(s.One).Stamp
	for how, lines := range headers {
		commands := s.Commands(func() {
			for _, n := range s.Nodes() {
				request := append(stage.Lines(stage.JSON(n)...), "X-Account-Stamp: "+stamp)
				for _, line := range lines {
					request = append(request, "Cookie: "+line)
				}
				for _, r := range []stage.Reply{
					s.Raw(n, stage.Request(n, "GET", "/private", request, "")),
					s.Raw(n, stage.Request(n, "POST", "/notes", append(request, "Content-Length: 6"), "text=x")),
				} {
					if !slices.Contains([]int{http.StatusUnauthorized, http.StatusBadRequest}, r.Status) ||
						len(r.Cookies(name)) > 0 {
						s.Breach("%s: %d, cookies %q; want 401 and none\n%s", how, r.Status, r.Cookies(name), r.Body)
					}
				}
			}
		})
		for _, command := range commands {
			if strings.Contains(command, key) {
				s.Breach("%s: Redis was asked: %s", how, command)
			}
		}
	}
	before.Unchanged("tossing a cookie")
}

// DeactivatedActs is SE-15: somebody is made inactive on one node and goes on on the other.
func DeactivatedActs(s *stage.Stage) {
	staff := s.Staff()
	for range 3 {
		people := s.People(2)
		sole, v := s.SignedIn(people[0]), s.SignedIn(people...)
		soleID, id := s.ID(sole, people[0]), s.ID(v, people[1])
		stamps := []string{sole.Document(s.One).Stamp, v.Document(s.One).Stamp}
		for _, n := range s.Nodes() { // both have the user in their cache
			sole.Get(n, "/private")
			v.Get(n, "/private")
		}
		staff.SetStatus(s.Two, soleID, "inactive")
		staff.SetStatus(s.One, id, "inactive")
		// The node that was not told by this request hears of it a moment later.
		for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
			if sole.Get(s.One, "/private").Status != http.StatusOK {
				break
			}
		}

		turnedAway(s, "the only account", sole.Get(s.One, "/private"))
		nobody(s, "the only account", sole)
		hx := post(sole, s.One, "/notes", url.Values{"text": {"x"}}, stage.HX(s.One, stamps[0]))
		if refused(s, "the only account by htmx", hx, http.StatusUnauthorized); hx.Header.Get("HX-Redirect") == "" {
			s.Breach("the only account by htmx is led nowhere")
		}
		for _, n := range s.Nodes() {
			a := v.Get(n, "/private")
			if a.Status != http.StatusSeeOther || !strings.HasPrefix(a.Location(), "/link/choose") {
				s.Breach("the current account of two: GET /private: %d to %q", a.Status, a.Location())
			}
			for _, stamp := range []string{stamps[1], v.Document(n).Stamp} {
				refused(s, "the current account of two writes",
					v.Post(n, "/notes", stamped(stamp, "text", "x"), "Accept", "application/json"),
					http.StatusUnauthorized, http.StatusConflict)
				refused(s, "the current account of two asks to add one",
					v.Post(n, "/link/p/"+s.ID(v, people[0]), stamped(stamp), "Accept", "application/json"),
					http.StatusUnauthorized, http.StatusConflict)
			}
			if d := v.Document(n); d.State != "choosing" || d.Current != nil {
				s.Breach("the current account of two: %+v", d)
			}
		}
		if rows := append(s.Rows(soleID), s.Rows(id)...); len(rows) > 0 {
			s.Breach("inactive accounts have written %q", rows)
		}
	}
}

// SignOutOfOne is SE-17: of one that is not current, of the current one, of the last, of one that is not there; twice
// at once.
func SignOutOfOne(s *stage.Stage) {
	people := s.People(3)
	v := s.SignedIn(people...)
	out := func(n *sitetest.Node, email, id string) sitetest.Answer {
		return v.Post(n, "/link/sign_out/"+id, stamped(v.Document(n).Stamp))
	}
	d := v.Document(s.One)
	if a := out(s.One, people[1], s.ID(v, people[1])); a.Status != http.StatusSeeOther {
		s.Breach("one that is not current: %d", a.Status)
	}
	if d := v.Document(s.Two); slices.Contains(emails(d), people[1]) || d.CurrentEmail() != people[2] {
		s.Breach("one that is not current: %v, current %q", emails(d), d.CurrentEmail())
	}
	gone, _ := d.Find(people[1])
	before := s.Snapshot(v)
	for _, n := range s.Nodes() {
		refused(s, "one that has left", out(n, "", gone.ID), http.StatusNotFound)
		refused(s, "nobody", out(n, "", stage.UnknownID), http.StatusNotFound)
		refused(s, "itself as next", v.Post(n, "/link/sign_out/"+d.Current.ID,
			stamped(v.Document(n).Stamp, "next", d.Current.ID)), http.StatusNotFound)
		refused(s, "one that has left as next", v.Post(n, "/link/sign_out/"+d.Current.ID,
			stamped(v.Document(n).Stamp, "next", gone.ID)), http.StatusNotFound)
		if page := v.Get(n, "/"); strings.Contains(page.Body, people[1]) {
			s.Breach("the page still names who has left")
		}
	}
	before.Unchanged("signing out who is not there")

	// Two tabs sign the current one out.
	tab, stamp := s.Holding(v.SessionCookie(s.One)), v.Document(s.One).Stamp
	answers := make([]sitetest.Answer, 6)
	var acts []func()
	for i := range answers {
		acts = append(acts, func() {
			answers[i] = tab.Post(s.Nodes()[i%2], "/link/sign_out/"+d.Current.ID, stamped(stamp))
		})
	}
	atOnce(acts...)
	winners := 0
	for _, a := range answers {
		if len(issued(a)) > 0 {
			winners++
			v.Take(s.One, a)
		} else {
			refused(s, "the second tab", a, http.StatusConflict, http.StatusNotFound, http.StatusSeeOther)
		}
	}
	if winners != 1 {
		s.Breach("%d tabs have signed the same account out", winners)
	}
	if d := v.Document(s.Two); d.State != "choosing" || d.Current != nil || len(d.Accounts) != 1 {
		s.Breach("after the current one: %+v; want that nobody is promoted", d)
	}
	cookie := v.SessionCookie(s.One)
	out(s.Two, people[0], s.ID(v, people[0]))
	nobody(s, "after the last one", s.Holding(cookie))
}

// TwoAccountsSignEachOtherOut at the same moment, on two nodes: whatever goes through, whoever was signed out is out.
func TwoAccountsSignEachOtherOut(s *stage.Stage) {
	people := s.People(2)
	v := s.SignedIn(people...)
	cookie := v.SessionCookie(s.One)
	d, restore := v.Document(s.One), s.Keep(cookie)
	tab := s.Holding(cookie)
	for round := range 60 {
		answers := make([]sitetest.Answer, 2)
		atOnce(func() {
			late(round)
			answers[0] = tab.Post(s.One, "/link/sign_out/"+d.Accounts[0].ID, stamped(d.Stamp))
		},
			func() {
				late(-round)
				answers[1] = tab.Post(s.Two, "/link/sign_out/"+d.Accounts[1].ID, stamped(d.Stamp))
			})
		for i, a := range answers {
			if a.Status != http.StatusSeeOther || strings.HasPrefix(a.Location(), "/session/new") {
				continue // refused, so nothing was promised
			}
			for _, b := range answers {
				for _, c := range issued(b) {
					if got := s.Holding(c).Document(s.Nodes()[round%2]); slices.Contains(emails(got),
						d.Accounts[i].Profile.Email) {
						s.Breach("round %d: %s was signed out and is in the session: %v", round,
							d.Accounts[i].Profile.Email, emails(got))
					}
				}
			}
		}
		if s.Breached() {
			return
		}
		restore()
	}
}

// deadlineOf returns when the session of a cookie ends, however busy it is.
func deadlineOf(s *stage.Stage, cookie string) string {
	s.Helper()
	_, rest, _ := strings.Cut(s.Record(cookie)["data"], `"deadline":`)
	return rest[:strings.IndexAny(rest, ",}")]
}
