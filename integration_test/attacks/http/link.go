package httpattacks

import (
	"bytes"
	"fmt"
	"mime/multipart"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/multiaccount-go/multiaccount/integration_test/attacks/stage"
	"github.com/multiaccount-go/multiaccount/integration_test/sitetest"
)

// spellings returns an id in forms that a careless comparison takes for the id. own is the id that is allowed.
func spellings(own, id string) []string {
	return []string{
		id, strings.ToUpper(id), "%" + fmt.Sprintf("%02x", id[0]) + id[1:], "%25" + fmt.Sprintf("%02x", id[0]) + id[1:],
		"{" + id + "}", "%7b" + id + "%7d", "urn:uuid:" + id, strings.ReplaceAll(id, "-", ""), strings.ReplaceAll(id,
			"-", "%2d"),
		id + "/", id + "/.", id + "%2f", id + "%00", id + "%0a", id + "%20", "%20" + id, id + "%ef%bb%bf", id +
			";v=1", id + "?id=" + own,
		own + "%2f..%2f" + id, own + "/../" + id, "./" + id, "%2e/" + id, own + "," + id, own + "%00" + id, own +
			"&id=" + id,
	}
}

// ForeignPrimaryInThePath is LK-01, the hole of the original: Mallory knows Alice's id and names it as the primary whose
// session an account is added to, then switches.
func ForeignPrimaryInThePath(s *stage.Stage) {
	alice, mallory := s.SignedIn(stage.Alice), s.SignedIn(stage.Carol)
	victims, mallorys := s.Snapshot(alice), s.Snapshot(mallory)
	d, id := mallory.Document(s.One), s.ID(alice, stage.Alice)
	cookie := mallory.CookieHeader(s.One)

	for _, n := range s.Nodes() {
		for _, spelled := range spellings(d.Current.ID, id) {
			for _, route := range []string{"/link/p/", "/link/switch_to/", "/link/sign_out/", "/LINK/p/",
				"/link/switch%5fto/", "/link//p/", "/link/./p/"} {
				for _, bundle := range [][]string{stage.Form(n), stage.HX(n, d.Stamp), stage.JSON(n)} {
					body := stamped(d.Stamp, "next", id).Encode()
					lines := append(stage.Lines(bundle...), "Cookie: "+cookie, fmt.Sprint("Content-Length: ", len(body)))
					reply := s.Raw(n, stage.Request(n, "POST", route+spelled, lines, body))
					if reply.Status != http.StatusNotFound || len(reply.Cookies(sitetest.Cookie)) > 0 {
						s.Breach("POST %s%s: %d to %q, want 404\n%s", route, spelled, reply.Status, reply.Location(),
							reply.Body)
					}
				}
				reply := s.Raw(n, stage.Request(n, "GET", route+spelled,
					append(stage.Lines(stage.Nav()...), "Cookie: "+cookie), ""))
				if reply.Status != http.StatusNotFound && reply.Status != http.StatusMethodNotAllowed {
					s.Breach("GET %s%s: %d, want 404", route, spelled, reply.Status)
				}
			}
			if s.Breached() {
				return
			}
		}
	}
	if got := mallory.Get(s.One, "/"); !strings.Contains(got.Body, stage.Carol) ||
		strings.Contains(got.Body, stage.Alice+"</bdi></p>") {
		s.Breach("the first page does not show Mallory alone:\n%s", got.Body)
	}
	mallorys.Unchanged("naming a foreign primary")
	victims.Unchanged("naming a foreign primary")
}

// ForeignPrimaryThroughOtherDoors is LK-02: the id of Alice comes along wherever a request can carry something, to routes
// that Mallory may use.
func ForeignPrimaryThroughOtherDoors(s *stage.Stage) {
	victim := s.SignedIn(stage.Alice)
	before, id := s.Snapshot(victim), s.ID(victim, stage.Alice)
	names := []string{"primary", "primary_user_id", "primary_id", "account", "user_id", "user", "id", "by", "intent",
		"_intent", "membership", "session", "current"}
	smuggled := url.Values{}
	for _, name := range names {
		smuggled.Add(name, id)
		smuggled.Add(name+"[]", id)
	}
	hints := []string{"X-Account-Id", id, "X-User-Id", id, "X-Primary-User-Id", id, "X-Original-URL", "/link/p/" + id,
		"X-Rewrite-URL", "/link/p/" + id}
	mail := s.People(1)[0]

	for _, begin := range []bool{true, false} {
		mallory := s.SignedIn(mail)
		d := mallory.Document(s.Two)
		own := "/link/p/" + d.Current.ID
		if begin {
			form := stamped(d.Stamp)
			for name, values := range smuggled {
				form[name] = append([]string{d.Current.ID}, values...)
			}
			a := post(mallory, s.Two, own+"?"+smuggled.Encode(), form, append(stage.Form(s.Two), hints...))
			if a.Status != http.StatusSeeOther {
				s.Errorf("begin to add: %d\n%s", a.Status, a.Body)
			}
			for kind, body := range bodies(form) {
				lines := append(stage.Lines(append(stage.Form(s.One), hints...)...), "Cookie: "+mallory.CookieHeader(s.One),
					"X-Account-Stamp: "+d.Stamp, "Content-Type: "+kind, fmt.Sprint("Content-Length: ", len(body)))
				s.Raw(s.One, stage.Request(s.One, "POST", own, lines, body)) // whatever it says
			}
		}
		// Mallory signs in as himself; the fields say that it is about Alice.
		form := sitetest.Credentials(mail)
		for name, values := range smuggled {
			if name != "_intent" {
				form[name] = values
			}
		}
		if a := post(mallory, s.One, "/session?"+smuggled.Encode(), form,
			append(stage.Form(s.One), hints...)); a.Status != http.StatusSeeOther {
			s.Errorf("sign in: %d\n%s", a.Status, a.Body)
		}
		alone(s, fmt.Sprintf("signing in with a foreign primary, intent open: %v", begin), mallory, mail)
		if d := mallory.Document(s.One); d.Primary != nil || len(d.Accounts) == 1 && !d.Accounts[0].Primary {
			s.Breach("the primary is %+v, the accounts %+v", d.Primary, d.Accounts)
		}
	}
	before.Unchanged("a foreign primary through other doors")
}

// bodies returns a form as other kinds of body.
func bodies(form url.Values) map[string]string {
	var parts bytes.Buffer
	w := multipart.NewWriter(&parts)
	var members []string
	for name, values := range form {
		for _, value := range values {
			_ = w.WriteField(name, value) // a buffer takes everything
			members = append(members, fmt.Sprintf("%q:%q", name, value))
		}
	}
	_ = w.Close()
	return map[string]string{
		w.FormDataContentType():             parts.String(),
		"application/json":                  "{" + strings.Join(members, ",") + "}",
		"text/plain":                        form.Encode(),
		"application/x-www-form-urlencoded": form.Encode(),
	}
}

// VictimSignsInInsideTheThiefsSession is the part of LK-04 without sockets: Mallory has asked to add an account and plants
// his cookie into the browser of Alice, who signs in.
func VictimSignsInInsideTheThiefsSession(s *stage.Stage) {
	people := s.People(2)
	mallorys, victims := people[0], people[1]
	begin := func() (mallory *sitetest.Visitor, stolen string) {
		mallory = s.SignedIn(mallorys)
		if a := mallory.BeginAdding(s.One); a.Status != http.StatusSeeOther {
			s.Fatalf("begin to add: %d\n%s", a.Status, a.Body)
		}
		return mallory, mallory.SessionCookie(s.One)
	}
	fill := func(form url.Values) url.Values {
		for name, value := range sitetest.Credentials(victims) {
			form[name] = value
		}
		return form
	}

	// Her sign-in page was drawn before the cookie was planted: it said nothing of adding.
	_, stolen := begin()
	victim := s.Visitor()
	form := fill(victim.Form(victim.Get(s.Two, "/session/new"), "/session"))
	stage.Plant(victim, s.Two, stolen)
	if a := post(victim, s.Two, "/session", form, stage.Form(s.Two)); a.Status == http.StatusSeeOther {
		alone(s, "signing in by a page that said nothing of adding", victim, victims)
	} else {
		refused(s, "signing in by a page that said nothing of adding", a, http.StatusConflict)
	}

	// Her sign-in page was drawn with the planted cookie: it has to say whose session this is.
	mallory, stolen := begin()
	victim = s.Visitor()
	stage.Plant(victim, s.Two, stolen)
	page := victim.Get(s.Two, "/session/new")
	if name := mallory.Document(s.One).Accounts[0].Profile.Name; !strings.Contains(page.Body, name) {
		s.Breach("the sign-in page does not name %q, whose session an account is added to:\n%s", name, page.Body)
	}
	if a := post(victim, s.Two, "/session", fill(victim.Form(page, "/session")),
		stage.Form(s.Two)); a.Status != http.StatusSeeOther {
		s.Fatalf("sign in: %d\n%s", a.Status, a.Body)
	}
	document := victim.Document(s.Two)
	stamp := document.Stamp
	shown, _ := document.Find(victims)
	thief := s.Holding(stolen)
	for _, n := range s.Nodes() {
		for _, path := range []string{"/", "/private", "/notes", "/live", "/devices", "/link/accounts", "/link/choose", "/link/state"} {
			a := thief.Get(n, path)
			if strings.Contains(a.Body, victims) || strings.Contains(a.Body, shown.Profile.Name) || strings.Contains(a.Body, stamp) {
				s.Breach("the stolen cookie shows the victim at %s: %d", path, a.Status)
			}
		}
		refused(s, "a note by the stolen cookie", thief.Post(n, "/notes", stamped(stamp, "text", "pwned")),
			http.StatusConflict)
		refused(s, "a switch by the stolen cookie", thief.Post(n, "/link/switch_to/"+s.ID(victim, victims),
			stamped(stamp)), http.StatusConflict)
		if socket, status := thief.TryOpen(n, 1); socket != nil || status != http.StatusConflict &&
			status != http.StatusUnauthorized {
			s.Breach("the stolen cookie opens a tab socket: %d", status)
		}
	}
	endGrace(s, victim.SessionCookie(s.One))
	nobody(s, "the stolen cookie after the grace", thief)
	if rows := s.Rows(s.ID(victim, victims)); len(rows) != 0 {
		s.Breach("the victim has the rows %q", rows)
	}
}

// endGrace lets the time pass in which the secret before the one of cookie draws pages.
func endGrace(s *stage.Stage, cookie string) {
	s.Helper()
	s.Rewrite(cookie, func(record map[string]any) { record["prev_until"] = time.Now().Add(-time.Second).UnixMilli() })
}

// AbandonedLink is LK-06: Alice asked to add an account and went away. Bob uses the computer.
func AbandonedLink(s *stage.Stage) {
	people := s.People(2)
	alices, bobs := people[0], people[1]

	// At once. The sign-in page has to say what would happen, and offers to have nothing to do with it.
	v := s.SignedIn(alices)
	v.BeginAdding(s.One)
	hers := v.SessionCookie(s.One)
	page := v.Get(s.Two, "/session/new")
	if name := v.Document(s.One).Accounts[0].Profile.Name; !strings.Contains(page.Body, name) {
		s.Breach("the sign-in page does not name %q:\n%s", name, page.Body)
	}
	if a := v.Post(s.Two, "/link/cancel", v.Form(page, "/link/cancel")); a.Status != http.StatusSeeOther {
		s.Fatalf("cancel: %d\n%s", a.Status, a.Body)
	}
	form := v.Form(page, "/session") // the page that Alice left open, from before the cancel
	form.Set("email", bobs)
	form.Set("password", sitetest.Password)
	if a := v.Post(s.One, "/session", form); a.Status == http.StatusSeeOther {
		alone(s, "signing in after a cancel", v, bobs)
		nobody(s, "Alice's cookie after Bob has signed in", s.Holding(hers))
	} else { // a page that is about a request which is over may be refused
		refused(s, "signing in after a cancel", a, http.StatusConflict)
		v.SignIn(s.One, bobs)
		alone(s, "signing in after a cancel by a new page", v, bobs)
	}

	// Eleven minutes later.
	v = s.SignedIn(alices)
	v.BeginAdding(s.One)
	page = v.Get(s.Two, "/session/new")
	s.Rewrite(v.SessionCookie(s.One), func(record map[string]any) {
		record["intent"].(map[string]any)["till"] = time.Now().Add(-time.Minute).UnixMilli()
	})
	before := s.Snapshot(v)
	form = v.Form(page, "/session")
	form.Set("email", bobs)
	form.Set("password", sitetest.Password)
	for _, n := range s.Nodes() {
		refused(s, "signing in eleven minutes later", v.Post(n, "/session", form), http.StatusConflict)
		a := v.Post(n, "/session", form, "Accept", "application/json")
		if refused(s, "signing in eleven minutes later, as JSON", a, http.StatusConflict); !strings.Contains(a.Body,
			`"intent_expired"`) {
			s.Breach("signing in eleven minutes later: %s", a.Body)
		}
	}
	before.Unchanged("signing in eleven minutes later")
}

// SignInWithoutAnIntent signs in as somebody else where nobody has asked to add an account, also after a request to add one
// was cancelled, was used, or was asked for by somebody who is not current any more. Nothing may be linked.
func SignInWithoutAnIntent(s *stage.Stage) {
	people := s.People(4)
	a, b, c, d := people[0], people[1], people[2], people[3]
	for name, prepare := range map[string]func(v *sitetest.Visitor){
		"never asked": func(*sitetest.Visitor) {},
		"cancelled": func(v *sitetest.Visitor) {
			v.BeginAdding(s.One)
			v.Post(s.Two, "/link/cancel", stamped(v.Document(s.Two).Stamp))
		},
		"used": func(v *sitetest.Visitor) { v.Add(s.One, d) },
		"asked by another account": func(v *sitetest.Visitor) {
			v.BeginAdding(s.One)
			v.Switch(s.Two, a)
		},
		"asked by an account that has left": func(v *sitetest.Visitor) {
			v.BeginAdding(s.One)
			v.Post(s.Two, "/link/sign_out/"+s.ID(v, b), stamped(v.Document(s.Two).Stamp, "next", s.ID(v, a)))
		},
	} {
		v := s.SignedIn(a, b)
		prepare(v)
		if got := v.Post(s.One, "/session", sitetest.Credentials(c)); got.Status != http.StatusSeeOther {
			s.Fatalf("%s: sign in: %d\n%s", name, got.Status, got.Body)
		}
		alone(s, "signing in as somebody else, "+name, v, c)
	}
}

// ForeignOrUsedIntent signs in by forms that carry the name of a request to add an account which is not the open one.
func ForeignOrUsedIntent(s *stage.Stage) {
	people := s.People(4)
	mallory := s.SignedIn(people[3])
	mallory.BeginAdding(s.One)
	foreign := mallory.Form(mallory.Get(s.One, "/session/new"), "/session").Get("_intent")

	v := s.SignedIn(people[0])
	v.BeginAdding(s.One)
	form := v.Form(v.Get(s.One, "/session/new"), "/session")
	used := form.Get("_intent")
	if used == "" || foreign == "" || used == foreign {
		s.Fatalf("the forms carry the intents %q and %q", used, foreign)
	}
	form.Set("email", people[1])
	form.Set("password", sitetest.Password)
	if a := v.Post(s.Two, "/session", form); a.Status != http.StatusSeeOther {
		s.Fatalf("sign in: %d\n%s", a.Status, a.Body)
	}
	form.Set("email", people[2])
	for _, open := range []bool{false, true} {
		if open {
			v.BeginAdding(s.One)
		}
		before := s.Snapshot(v)
		for name, nonces := range map[string][]string{
			"a used one": {used}, "another session's": {foreign}, "a made-up one": {strings.Repeat("A", len(used))},
			"half of one": {used[:len(used)/2]}, "two of them": {used, foreign}, "two empty ones": {"", ""},
		} {
			form["_intent"] = nonces
			refused(s, fmt.Sprintf("signing in by %s, one is open: %v", name, open), v.Post(s.One, "/session", form),
				http.StatusConflict)
		}
		before.Unchanged("signing in by an intent that is not the open one")
	}
}

// RaceForTheLastPlace is LK-08: forty people sign in at once in one session in which a single place is free, on two nodes.
func RaceForTheLastPlace(s *stage.Stage) {
	const maxLinked, rivals = 5, 40
	people := s.People(maxLinked + rivals)
	v := s.SignedIn(people[:maxLinked]...) // the primary and all but one of those that fit beside it
	if a := v.BeginAdding(s.One); a.Status != http.StatusSeeOther {
		s.Fatalf("begin to add: %d\n%s", a.Status, a.Body)
	}
	tabs := s.Holding(v.SessionCookie(s.One))
	answers := make([]sitetest.Answer, rivals)
	var crowd sync.WaitGroup
	for i, email := range people[maxLinked:] {
		crowd.Go(func() { answers[i] = tabs.Post(s.Nodes()[i%2], "/session", sitetest.Credentials(email)) })
	}
	crowd.Wait()
	winners := 0
	for i, a := range answers {
		if a.Status == http.StatusSeeOther {
			winners++
			v.Take(s.One, a)
			continue
		}
		refused(s, people[maxLinked+i]+" comes too late", a, http.StatusConflict, http.StatusServiceUnavailable)
	}
	if winners != 1 {
		s.Breach("%d of %d got in by one request to add an account; want 1", winners, rivals)
		return
	}
	for _, n := range s.Nodes() {
		if d := v.Document(n); len(d.Accounts) != 1+maxLinked {
			s.Breach("%d accounts are in the session; want the primary and %d", len(d.Accounts), maxLinked)
		}
	}
}

// OneTooMany adds accounts one after the other until the site refuses: by the page, by a request that was opened
// while there
// was room, and by a second session that is merged in no way.
func OneTooMany(s *stage.Stage) {
	const maxLinked = 5
	people := s.People(maxLinked + 2)
	v := s.SignedIn(people[:1+maxLinked]...)
	d := v.Document(s.One)
	before := s.Snapshot(v)
	for _, n := range s.Nodes() {
		refused(s, "the page that asks", v.Get(n, d.AddPath), http.StatusConflict)
		refused(s, "the request to add one too many", v.Post(n, d.AddPath, stamped(d.Stamp)), http.StatusConflict)
	}
	before.Unchanged("asking to add one too many")

	// As if the request had been opened while there was room.
	s.Rewrite(v.SessionCookie(s.One), func(record map[string]any) {
		record["intent"] = map[string]any{"by": record["cur"], "to": "/", "till": time.Now().Add(time.Minute).UnixMilli()}
	})
	before = s.Snapshot(v)
	refused(s, "signing in as one too many", v.Post(s.Two, "/session", sitetest.Credentials(people[1+maxLinked])),
		http.StatusConflict)
	before.Unchanged("signing in as one too many")
}

// DriveByLink is LK-09: a page of the attacker opens the link page in the victim's browser, or asks for it as a picture, a
// frame or a prefetch.
func DriveByLink(s *stage.Stage) {
	v, mallory := s.SignedIn(stage.Alice), s.SignedIn(stage.Carol)
	before := s.Snapshot(v)
	own, foreign := v.Document(s.One).AddPath, mallory.Document(s.One).AddPath
	for _, n := range s.Nodes() {
		for _, bundle := range arrivals() {
			for _, method := range []string{http.MethodGet, http.MethodHead} {
				refused(s, method+" of the attacker's link page", v.Do(method, n.URL+foreign, nil, bundle...),
					http.StatusNotFound)
				refused(s, method+" of the victim's link page", v.Do(method, n.URL+own, nil, bundle...), http.StatusOK)
			}
		}
		refused(s, "a form of the attacker's page", post(v, n, own, stamped(v.Document(n).Stamp), stage.XForm()),
			http.StatusForbidden)
	}
	before.Unchanged("a drive-by link")
}

// arrivals returns how a request can reach the site from a page of somebody else, or from one of the site that shows what
// somebody else wrote.
func arrivals() [][]string {
	all := [][]string{stage.XNav(), {}, {"Sec-Fetch-Site", "none", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest",
		"document", "Sec-Fetch-User", "?1"}}
	for _, site := range []string{"same-origin", "same-site", "cross-site"} {
		for _, dest := range []string{"image", "script", "style", "iframe", "object", "empty", "prefetch"} {
			all = append(all, []string{"Sec-Fetch-Site", site, "Sec-Fetch-Mode", "no-cors", "Sec-Fetch-Dest", dest})
		}
		all = append(all, []string{"Sec-Fetch-Site", site, "Sec-Fetch-Dest", "document", "Sec-Purpose",
			"prefetch;prerender", "Purpose", "prefetch"})
	}
	return all
}

// DegenerateLinks is LK-12: the account that asked, a member, and one that must not act are added.
func DegenerateLinks(s *stage.Stage) {
	people := s.People(2)
	for name, who := range map[string]string{"the account that asked": people[1], "a member": people[0]} {
		v := s.SignedIn(people...)
		members := func() (ids []string) {
			for _, a := range v.Document(s.One).Accounts {
				ids = append(ids, a.Membership)
			}
			return ids
		}
		before := members()
		v.BeginAdding(s.One)
		if a := v.Post(s.Two, "/session", sitetest.Credentials(who)); a.Status != http.StatusSeeOther {
			s.Breach("adding %s: %d", name, a.Status)
		}
		if after := members(); !slices.Equal(before, after) || v.Document(s.Two).CurrentEmail() != who {
			s.Breach("adding %s: the members are %v, were %v; %q is current", name, after, before,
				v.Document(s.Two).CurrentEmail())
		}
	}

	v := s.SignedIn(people[0])
	v.BeginAdding(s.One)
	before := s.Snapshot(v)
	wrong := v.Post(s.One, "/session", url.Values{"email": {stage.Dave}, "password": {"wrong"}})
	right := v.Post(s.One, "/session", sitetest.Credentials(stage.Dave))
	refused(s, "adding somebody who must not act", right, http.StatusUnprocessableEntity)
	if right.Body != wrong.Body {
		s.Breach("adding somebody who must not act does not look like a wrong password:\n%s\n%s", right.Body, wrong.Body)
	}
	before.Unchanged("adding somebody who must not act")
}
