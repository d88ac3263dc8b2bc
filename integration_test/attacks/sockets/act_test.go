package sockets_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// notesOf returns the notes of a person as they lie in Redis, newest first.
func (w *world) notesOf(t testing.TB, p person) []string {
	t.Helper()
	entries, err := w.rdb.LRange(t.Context(), "example:notes:"+p.id, 0, -1).Result()
	if err != nil {
		t.Fatal(err)
	}
	texts := []string{}
	for _, entry := range entries {
		_, text, _ := strings.Cut(entry, " ")
		texts = append(texts, text)
	}
	return texts
}

// expectNotes checks the notes of a person, oldest first.
func (w *world) expectNotes(t testing.TB, p person, want ...string) {
	t.Helper()
	got := w.notesOf(t, p)
	slices.Reverse(got)
	if !slices.Equal(got, want) {
		t.Errorf("%s has the notes %q, want %q", p.name, got, want)
	}
}

// TestSignedOutSocketActs is WS-05: a message is on its way, and a fragment too, at the moment of the sign-out.
func TestSignedOutSocketActs(t *testing.T) {
	t.Parallel()
	w := site(t)
	p := signedIn(t, w, 1).who[0]
	writer := elsewhere(t, w, p)
	everyDoor(t, views, func(t *testing.T, d door) {
		for round := range 4 {
			b := elsewhere(t, w, p)
			wire := b.open(w.two, d)
			stamp, old := b.stamp(), b.Visitor
			say := func(text string) {
				b := &browser{Visitor: old, t: t, w: w}
				b.say(wire, event("_stamp", stamp, "text", text))
			}
			done := make(chan struct{})
			go func() {
				defer close(done)
				time.Sleep(rand.N(20 * time.Millisecond))
				if a := old.Post(w.one, "/session/sign_out", nil); a.Status != http.StatusSeeOther {
					t.Errorf("sign out: %d", a.Status)
				}
			}()
			for i := range 4 {
				say(fmt.Sprintf("early %d %d", round, i))
			}
			<-done
			for range 3 {
				say(fmt.Sprintf("late %d", round))
			}
			writer.note(w.two, fmt.Sprintf("after the end %d of a %s", round, d.name))
			wire.expectClose(policy)
			if !wire.ended(atOnce) {
				t.Error("the connection stays open")
			}
			if wire.knows(fmt.Sprintf("after the end %d of a %s", round, d.name)) {
				t.Errorf("the ended session sees %q", wire.seen)
			}
		}
		for _, text := range w.notesOf(t, p) {
			if strings.HasPrefix(text, "late") {
				t.Errorf("executed after the sign-out: %q", text)
			}
		}
	})
}

// TestEventOfThePageBefore is CT-02 and CT-03: htmx kept what was typed as Alice while there was no connection, and sends it
// over the next one, which is Bob's.
func TestEventOfThePageBefore(t *testing.T) {
	t.Parallel()
	w := site(t)
	everyDoor(t, views, func(t *testing.T, d door) {
		b := signedIn(t, w, 2)
		alice, bob := b.who[0], b.who[1]
		b.Switch(w.one, alice.email)
		stamp := b.stamp()
		wire := b.open(w.two, d)
		b.Switch(w.one, bob.email)
		b.say(wire, event("_stamp", stamp, "text", "over the old one")) // too late already, whatever the socket has heard
		wire.expectClose(comeBack)
		next := b.open(w.two, d)
		for range 3 {
			b.say(next, event("_stamp", stamp, "text", "over the next one"))
			m := messageOf(next.until(`"session-changed"`))
			if m.Code != "stale_page" || m.Message == "" {
				t.Errorf("the page is told %+v", m)
			}
		}
		b.say(next, event("_stamp", b.stamp(), "text", "by Bob"))
		next.until("by Bob")
		w.expectNotes(t, alice)
		w.expectNotes(t, bob, "by Bob")
	})
}

// TestStampsWhereTheyDoNotBelong: the right stamp in the wrong place, the wrong one in the right place, and several.
func TestStampsWhereTheyDoNotBelong(t *testing.T) {
	w := site(t)
	b := signedIn(t, w, 2)
	current, beside := b.who[1], b.who[0]
	good := b.stamp()
	b.Switch(w.one, beside.email)
	others := b.stamp()
	b.Switch(w.one, current.email)
	elsewheres := elsewhere(t, w, current).stamp()
	membership, mac, _ := strings.Cut(strings.TrimPrefix(good, "v1."), ".")
	quoted := fmt.Sprintf("%q", good)

	messages := map[string]string{
		"none":                             `{"text":"x"}`,
		"an empty one":                     `{"_stamp":"","text":"x"}`,
		"null":                             `{"_stamp":null,"text":"x"}`,
		"a number":                         `{"_stamp":1,"text":"x"}`,
		"true":                             `{"_stamp":true,"text":"x"}`,
		"an empty list":                    `{"_stamp":[],"text":"x"}`,
		"the right one twice":              `{"_stamp":[` + quoted + `,` + quoted + `],"text":"x"}`,
		"a right and a wrong one":          `{"_stamp":[` + quoted + `,"x"],"text":"x"}`,
		"a wrong and a right one":          `{"_stamp":["x",` + quoted + `],"text":"x"}`,
		"a wrong one behind the right one": `{"_stamp":` + quoted + `,"_stamp":"x","text":"x"}`,
		"in capitals":                      `{"_STAMP":` + quoted + `,"text":"x"}`,
		"under the name of the header":     `{"X-Account-Stamp":` + quoted + `,"text":"x"}`,
		"in the HEADERS of htmx 2":         `{"HEADERS":{"X-Account-Stamp":` + quoted + `,"_stamp":` + quoted + `},"text":"x"}`,
		"in the headers of htmx 4":         `{"headers":{"X-Account-Stamp":` + quoted + `,"_stamp":` + quoted + `},"text":"x"}`,
		"HEADERS that are no object":       `{"HEADERS":[` + quoted + `],"text":"x"}`,
		"HEADERS with a cookie and a host": `{"HEADERS":{"Cookie":"accounts-insecure=x","Host":"evil.example"},"text":"x"}`,
		"a blank before it":                `{"_stamp":" ` + good + `","text":"x"}`,
		"a blank behind it":                `{"_stamp":"` + good + ` ","text":"x"}`,
		"a NUL behind it":                  `{"_stamp":"` + good + `\u0000","text":"x"}`,
		"a letter too few":                 fmt.Sprintf(`{"_stamp":%q,"text":"x"}`, good[:len(good)-1]),
		"without its version":              fmt.Sprintf(`{"_stamp":%q,"text":"x"}`, strings.TrimPrefix(good, "v1.")),
		"the other account's":              fmt.Sprintf(`{"_stamp":%q,"text":"x"}`, others),
		"the same account's, elsewhere":    fmt.Sprintf(`{"_stamp":%q,"text":"x"}`, elsewheres),
		"this membership, elsewhere's MAC": fmt.Sprintf(`{"_stamp":"v1.%s.%s","text":"x"}`, membership,
			elsewheres[strings.LastIndex(elsewheres, ".")+1:]),
		"this MAC with no membership":       fmt.Sprintf(`{"_stamp":"v1..%s","text":"x"}`, mac),
		"an object":                         `{"_stamp":{"0":` + quoted + `},"text":"x"}`,
		"nested in the text":                `{"text":{"_stamp":` + quoted + `,"text":"x"}}`,
		"in another event's list":           `[{"_stamp":` + quoted + `,"text":"x"}]`,
		"two objects":                       `{"text":"x"}{"_stamp":` + quoted + `,"text":"x"}`,
		"a navigation without":              `{"_params":"/live?q=x"}`,
		"a navigation as the other account": fmt.Sprintf(`{"_params":"/live?q=x","_stamp":%q}`, others),
	}
	everyDoor(t, views, func(t *testing.T, d door) {
		d = d.at("?_stamp=" + good + "&stamp=" + good) // not here either
		wire := b.open(w.one, d)
		sent := 0
		for name, text := range messages {
			if sent++; sent%8 == 0 {
				wire.conn.Close()
				wire = b.open(w.one, d) // before it is a flood
			}
			before := len(wire.seen)
			if code := b.say(wire, text); d.stream && code == http.StatusBadRequest {
				continue // no event at all
			}
			told, code := "", 0
			for told == "" && code == 0 {
				if told, code = wire.next(patience); strings.Contains(told, `id="live-here"`) {
					told = ""
				}
			}
			switch {
			case code == policy:
				wire = b.open(w.one, d)
			case code != 0 || messageOf(told).Code != "stale_page":
				t.Errorf("%s: told %q, code %d", name, wire.seen[before:], code)
			}
		}
		w.expectNotes(t, current)
		w.expectNotes(t, beside)
	})
	t.Run("the same event as it should be", func(t *testing.T) {
		wire := b.open(w.one, viewSocket)
		b.say(wire, `{"_stamp":`+quoted+`,"text":"once","HEADERS":{"HX-Request":"true","X-Account-Stamp":"x"}}`)
		wire.until("once")
		w.expectNotes(t, current, "once")
	})
}

// TestNavigationToForeignAddresses: a page, or whoever writes messages by hand, asks the view to go to where it does not live.
func TestNavigationToForeignAddresses(t *testing.T) {
	w := site(t)
	b := signedIn(t, w, 1)
	stamp := b.stamp()
	outside := []string{
		"/notes", "/", "", "live", "live?q=x", "?q=x", "#x", "//evil.example/live", "///evil.example/live",
		`/\evil.example/live`, `\\evil.example\live`,
		"http://evil.example/live", "https:/live", "https:live", "javascript:alert(1)", "data:text/html,x", "/live/",
		"/LIVE", "/live/../notes", "/live/../live",
		"/./live", "/live%2f", "/%6cive", "/live\n", "\n/live", " /live", "/live\x00", "/live\\", "/live;x",
		"/live@evil.example", "@evil.example", "/link/sign_out",
		"/live?%zz", "/live?q=%", "/live?" + strings.Repeat("q", 5000), "/live?a;b",
	}
	inside := []string{
		"/live?q=x", "/live", "/live?q=%0d%0aSet-Cookie:%20x=y", "/live?q=//evil.example", "/live?q=%3Cscript%3E",
		"/live?q=\"><script>", "/live?_live=0000000000000000&q=x",
		"/live?htmx=4&q=\u2028", "/live?q=x#//evil.example", "/live?_params=/notes", "/live?q=" + strings.Repeat("%ff", 100),
	}
	check := func(t *testing.T, wire *wire, to string) (code int) {
		b.say(wire, event("_params", to, "_push", "true", "_stamp", stamp, "text", "no event"))
		for {
			text, code := wire.next(patience)
			m := messageOf(text)
			switch {
			case code != 0:
				return code
			case m.Type == "redirect" || m.Type == "navigate":
				t.Errorf("%q: the browser is sent to %q", to, m.URL)
			case m.Type == "navigated":
				path, _, _ := strings.Cut(m.URL, "?")
				if path != "/live" || strings.ContainsAny(text, "<>\r\n\u2028") ||
					strings.Contains(m.URL, "_live=") || strings.Contains(m.URL, "#") {
					t.Errorf("%q: the browser shows %q", to, m.URL)
				}
				return 0
			}
		}
	}
	everyDoor(t, views, func(t *testing.T, d door) {
		b = signedIn(t, w, 1) // each with messages of its own to spend
		stamp = b.stamp()
		for _, to := range outside {
			wire := b.open(w.two, d)
			if code := check(t, wire, to); code != policy {
				t.Errorf("%.60q: %d, want to be closed with %d", to, code, policy)
			}
			wire.conn.Close()
		}
		wire := b.open(w.two, d)
		for _, to := range inside {
			if code := check(t, wire, to); code != 0 {
				t.Fatalf("%q: closed with %d", to, code)
			}
		}
		w.expectNotes(t, b.who[0])
	})
}

// TestTopicsOfTheAccountBefore is WS-09: after a switch the tab's view hears of the account that it shows, and of no other.
func TestTopicsOfTheAccountBefore(t *testing.T) {
	w := site(t)
	b := signedIn(t, w, 2)
	alice, bob := b.who[0], b.who[1]
	asAlice, asBob := elsewhere(t, w, alice), elsewhere(t, w, bob)
	for round, to := range []person{alice, bob, alice} {
		b.Switch(w.one, to.email)
		for _, n := range w.nodes() {
			for _, d := range views {
				wire := b.open(n, d)
				text := fmt.Sprintf("%d-%s-%v", round, n.Addr, d.stream)
				asAlice.note(w.other(n), "Alice's "+text)
				asBob.note(w.other(n), "Bob's "+text)
				own, foreign := "Alice&#39;s "+text, "Bob&#39;s "+text
				if to == bob {
					own, foreign = foreign, own
				}
				wire.until(own)
				b.say(wire, event("_params", "/live?q="+fmt.Sprint(round), "_stamp", b.stamp(), "account", alice.id,
					"topic", "notes:"+bob.id))
				wire.until("navigated")
				if wire.knows(foreign) {
					t.Errorf("the view of %s shows %q", to.name, foreign)
				}
				wire.conn.Close()
			}
		}
	}
}

// TestOneDrawingForAll is WS-10: a change concerns many sockets and is drawn for several at once; each shows what its own
// account may see, and no stamp but its own.
func TestOneDrawingForAll(t *testing.T) {
	t.Parallel()
	w := site(t)
	b := signedIn(t, w, 2)
	alice := b.who[0]
	same := elsewhere(t, w, alice)
	writer := elsewhere(t, w, alice)
	groups := []struct {
		b      *browser
		query  string
		sees   bool
		stamps []string
	}{{b: b}, {b: same, sees: true}, {b: same, query: "?q=event+3", sees: true}, {b: same, query: "?q=else"},
		{b: writer, sees: true}}
	type open struct {
		wire  *wire
		group int
	}
	var wires []open
	for i, g := range groups {
		for _, n := range w.nodes() {
			for _, d := range views {
				wires = append(wires, open{g.b.open(n, d.at(g.query)), i})
			}
		}
	}
	stamps := map[int]string{}
	drawn := regexp.MustCompile(`event \d`)
	for i, g := range groups {
		stamps[i] = g.b.stamp()
	}
	for i := range 5 {
		writer.note(w.nodes()[i%2], fmt.Sprintf("event %d", i))
	}
	for _, open := range wires {
		g := groups[open.group]
		if g.sees {
			open.wire.until("event 3")
		} else if open.wire.closed(200*time.Millisecond) != silent {
			t.Error("a view was closed")
		}
		for _, text := range open.wire.seen {
			if !g.sees && drawn.MatchString(text) {
				t.Errorf("group %d sees %q", open.group, text)
			}
			for i, stamp := range stamps {
				if groups[i].b != g.b && strings.Contains(text, stamp) {
					t.Errorf("group %d gets the stamp of group %d: %q", open.group, i, text)
				}
			}
		}
	}
}

// TestHashOfAnotherPage: the first socket of a page says what the page shows already. With another page's hash it must not be
// taken for right.
func TestHashOfAnotherPage(t *testing.T) {
	w := site(t)
	b, other := signedIn(t, w, 1), signedIn(t, w, 1)
	hash := func(b *browser) string { return drawnHash(b.Get(w.one, "/live").Body) }
	own, foreign := hash(b), hash(other)
	if len(own) != 16 || own == foreign {
		t.Fatalf("hashes are %q and %q", own, foreign)
	}
	for _, d := range views {
		for name, query := range map[string]string{
			"another person's": foreign, "zeros": "0000000000000000", "twice": foreign + "&_live=" + own, "empty": "",
			"longer":      own + "0",
			"in capitals": strings.ToUpper(own) + "x", "of the same page with another query": own + "&q=x",
		} {
			wire := b.open(w.two, d.at("?_live="+query)) // reads the whole view, or fails
			if !wire.knows(b.who[0].name) || wire.knows(other.who[0].name) {
				t.Errorf("%s, %s: shows %q", d.name, name, wire.seen)
			}
			wire.conn.Close()
		}
	}
}

// TestRemovingSomebodyElsesNote: an event names a row that the account does not own.
func TestRemovingSomebodyElsesNote(t *testing.T) {
	w := site(t)
	victim, mallory := signedIn(t, w, 1), signedIn(t, w, 1)
	victim.note(w.one, "stays")
	entry := w.rdb.LIndex(t.Context(), "example:notes:"+victim.who[0].id, 0).Val()
	id, _, _ := strings.Cut(entry, " ")
	for _, d := range views {
		wire := mallory.open(w.two, d)
		for _, name := range []string{id, entry, "*", victim.who[0].id, "", id + "\x00", id[:8]} {
			mallory.say(wire, event("_stamp", mallory.stamp(), "_event", "remove", "id", name, "account",
				victim.who[0].id, "user_id", victim.who[0].id))
		}
		mallory.say(wire, event("_stamp", mallory.stamp(), "text", "done by a "+d.name))
		wire.until("done by a " + d.name)
	}
	w.expectNotes(t, victim.who[0], "stays")
}

// TestFragmentOfAViewForAStalePage is CT-04 where the view is fetched instead of connected: htmx in a page that was drawn for
// Alice asks for the view, and would swap Bob's into it.
func TestFragmentOfAViewForAStalePage(t *testing.T) {
	w := site(t)
	b := signedIn(t, w, 2)
	stale := b.stamp()
	b.Switch(w.one, b.who[0].email)
	for _, target := range []string{"live", "div#live", "other", ""} {
		for name, stamp := range map[string]string{"a stale stamp": stale, "no stamp": "", "junk": "v1.x.y"} {
			for _, extra := range [][]string{{}, {"Accept", "text/event-stream"},
				{"X-Live-Stream", strings.Repeat("a", 32)}, {"HX-Boosted", "true"}} {
				headers := append([]string{"HX-Request", "true", "HX-Target", target, "X-Account-Stamp", stamp,
					"Sec-Fetch-Site", "same-origin"}, extra...)
				a := b.Get(w.two, "/live", headers...)
				if a.Status != http.StatusConflict || a.Header.Get("HX-Refresh") != "true" ||
					strings.Contains(a.Body, b.who[0].name) {
					t.Errorf("target %q, %s, %q: %d, HX-Refresh %q; want 409, and nothing of the account", target,
						name, extra, a.Status, a.Header.Get("HX-Refresh"))
				}
			}
		}
	}
	a := b.Get(w.two, "/live", "HX-Request", "true", "HX-Target", "live", "X-Account-Stamp", b.stamp(),
		"Sec-Fetch-Site", "same-origin")
	if a.Status != http.StatusOK || !strings.Contains(a.Body, b.who[0].name) || strings.Contains(a.Body, "<html") {
		t.Errorf("with the right stamp: %d", a.Status)
	}
}
