package sockets_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/multiaccount-go/multiaccount/integration_test/sitetest"
)

// openAll opens all doors on a node.
func (b *browser) openAll(n *sitetest.Node, doors []door) []*wire {
	b.t.Helper()
	var open []*wire
	for _, d := range doors {
		open = append(open, b.open(n, d))
	}
	return open
}

// add adds an existing account to the session, by the form as it is drawn.
func (b *browser) add(p person) {
	b.t.Helper()
	if a := b.BeginAdding(b.w.one); a.Status != http.StatusSeeOther {
		b.t.Fatalf("begin to add: %d\n%s", a.Status, a.Body)
	}
	b.signIn(p)
	b.who = append(b.who, p)
}

// lastWord checks that a wire, since it had so many messages, got at most one more: that its session changed or ended. What
// presence still had to say about the view itself does not count.
func (w *wire) lastWord(before int, want string) {
	w.t.Helper()
	after := slices.DeleteFunc(slices.Clone(w.seen[before:]),
		func(text string) bool { return strings.Contains(text, `id="live-here"`) })
	if len(after) > 1 || len(after) == 1 && messageOf(after[0]).Type != want {
		w.t.Errorf("%s: the last it gets is %q, want one %s at most", w.door.name, after, want)
	}
	for _, text := range after {
		said := map[string]any{}
		_ = json.Unmarshal([]byte(text), &said)
		for name := range said {
			if name != "type" && name != "v" && name != "reason" {
				w.t.Errorf("%s: the notice tells %s: %q", w.door.name, name, text)
			}
		}
	}
}

// TestOldSocketKeepsReceiving is LK-05 and, for each way a secret is rotated, WS-12: a socket that was opened before keeps
// getting what the account after it may see. It sits on the other node, and answers nothing.
func TestOldSocketKeepsReceiving(t *testing.T) {
	t.Parallel()
	w := site(t)
	b := signedIn(t, w, 2)
	first, second := b.who[0], b.who[1]
	third := signedIn(t, w, 1)
	fourth := elsewhere(t, w, first)
	for _, test := range []struct {
		name   string
		rotate func()
		writer *browser // in another browser, as who is current then
	}{
		{"switch", func() { b.Switch(w.one, first.email) }, fourth},
		{"link", func() { b.add(third.who[0]) }, third},
		{"sign in again", func() { b.signIn(third.who[0]) }, third},
		{"switch back and forth", func() { b.Switch(w.one, second.email); b.Switch(w.one, first.email) }, fourth},
		{"sign one out", func() {
			d := b.Document(w.one)
			gone, _ := d.Find(second.email)
			if a := b.Post(w.one, "/link/sign_out/"+gone.ID, url.Values{"_stamp": {d.Stamp}}); a.Status != http.StatusSeeOther {
				t.Fatalf("sign out one: %d", a.Status)
			}
		}, fourth},
	} {
		t.Run(test.name, func(t *testing.T) {
			old := b.CookieHeader(w.one)
			wires := append(b.openAll(w.two, doors), b.openAll(w.one, views)...)
			counts := make([]int, len(wires))
			for i, wire := range wires {
				counts[i] = len(wire.seen)
			}
			test.rotate()
			secret := "for-the-new-account-" + strings.ReplaceAll(test.name, " ", "-")
			test.writer.note(w.one, secret)
			test.writer.note(w.two, secret)
			for i, wire := range wires {
				wire.expectClose(comeBack)
				wire.lastWord(counts[i], "session-changed")
				if wire.knows(secret) {
					t.Errorf("%s: the old socket got %q", wire.door.name, wire.seen)
				}
				if !wire.ended(atOnce) {
					t.Errorf("%s: the connection of a peer that does not answer the close stays open", wire.door.name)
				}
			}
			for _, d := range doors {
				want := http.StatusConflict
				if test.name == "switch back and forth" { // the secret before the last one
					want = http.StatusUnauthorized
				}
				isRefused(t, d.name+" with the old cookie", d.knock(w.two, old).must(t, w.two), want)
			}
			for _, wire := range b.openAll(w.two, doors) {
				wire.conn.Close()
			}
		})
	}
}

// TestOldCookieAfterTheGrace is the end of LK-05: once the ten seconds are over, the old cookie opens nothing.
func TestOldCookieAfterTheGrace(t *testing.T) {
	t.Parallel()
	w := site(t)
	b := signedIn(t, w, 2)
	old := b.CookieHeader(w.one)
	b.Switch(w.one, b.who[0].email)
	began := time.Now()
	for tabSocket.knock(w.one, old).must(t, w.one).status == http.StatusConflict && time.Since(began) < time.Minute {
		time.Sleep(100 * time.Millisecond) // the grace of the example is real time
	}
	if took := time.Since(began); took > 12*time.Second {
		t.Errorf("the old cookie was let down gently for %v, want 10s", took)
	}
	for _, n := range w.nodes() {
		for _, d := range doors {
			isRefused(t, d.name, d.knock(n, old).must(t, n), http.StatusUnauthorized)
		}
	}
	if a := b.Get(w.two, "/private"); a.Status != http.StatusOK {
		t.Errorf("the new cookie: %d", a.Status)
	}
}

// TestVictimSignsInInsideOfAPlantedSession is LK-04: Mallory has planted the cookie of his own session in the victim's
// browser and listens with a copy of it.
func TestVictimSignsInInsideOfAPlantedSession(t *testing.T) {
	w := site(t)
	victim := signedIn(t, w, 1)
	for _, test := range []struct {
		name   string
		intent bool
	}{{"while Mallory is adding an account", true}, {"while he is not", false}} {
		t.Run(test.name, func(t *testing.T) {
			mallory := signedIn(t, w, 1)
			if test.intent {
				if a := mallory.BeginAdding(w.one); a.Status != http.StatusSeeOther {
					t.Fatalf("begin to add: %d", a.Status)
				}
			}
			planted := mallory.CookieHeader(w.one)
			wires := append(mallory.openAll(w.one, doors), mallory.openAll(w.two, doors)...)
			counts := make([]int, len(wires))
			for i, wire := range wires {
				counts[i] = len(wire.seen)
			}
			a := sitetest.Holding(t, planted).Post(w.one, "/session", sitetest.Credentials(victim.who[0].email))
			if a.Status != http.StatusSeeOther || !a.SetsCookie() {
				t.Fatalf("the victim signs in: %d, sets a cookie: %v", a.Status, a.SetsCookie())
			}
			victim.note(w.one, "of-the-victim")
			victim.note(w.two, "of-the-victim")
			for i, wire := range wires {
				code := wire.closed(atOnce)
				if code != comeBack && code != policy {
					t.Errorf("%s: closed with %d", wire.door.name, code)
				}
				for _, text := range wire.seen[counts[i]:] {
					kind := messageOf(text).Type
					if kind != "session-changed" && kind != "session-ended" && !strings.Contains(text, `id="live-here"`) {
						t.Errorf("%s: Mallory hears %q", wire.door.name, text)
					}
				}
				if wire.knows("of-the-victim") || wire.knows(victim.who[0].name) {
					t.Errorf("%s: Mallory sees the victim: %q", wire.door.name, wire.seen)
				}
			}
			for _, n := range w.nodes() {
				for _, d := range doors {
					got := d.knock(n, planted).must(t, n)
					if got.opened() || got.status != http.StatusConflict && got.status != http.StatusUnauthorized {
						t.Errorf("%s with the planted cookie: %d, open: %v", d.name, got.status, got.opened())
					}
				}
			}
		})
	}
}

// TestSignOutMissesSocketsOfOlderSecrets is SE-07: sockets were opened under three secrets, and then everything is signed out.
func TestSignOutMissesSocketsOfOlderSecrets(t *testing.T) {
	t.Parallel()
	w := site(t)
	b := signedIn(t, w, 2)
	other := signedIn(t, w, 1)
	var wires []*wire
	openBoth := func() {
		wires = append(wires, b.openAll(w.one, doors)...)
		wires = append(wires, b.openAll(w.two, doors)...)
	}
	openBoth()
	b.Switch(w.one, b.who[0].email)
	openBoth()
	b.add(other.who[0])
	openBoth()
	if a := b.Post(w.one, "/session/sign_out", nil); a.Status != http.StatusSeeOther {
		t.Fatalf("sign out: %d", a.Status)
	}
	for i, wire := range wires {
		code := wire.closed(atOnce)
		if last := i >= 16; last && code != policy || !last && code != policy && code != comeBack {
			t.Errorf("socket %d, %s: closed with %d", i, wire.door.name, code)
		}
		if !wire.ended(atOnce) {
			t.Errorf("socket %d, %s: the connection stays open", i, wire.door.name)
		}
	}
}

// TestDeactivatedUserStaysConnected is WS-03: a user is made inactive, on one node, while he acts on both.
func TestDeactivatedUserStaysConnected(t *testing.T) {
	w := site(t)
	b := signedIn(t, w, 2)
	gone := b.who[1]
	alone := elsewhere(t, w, gone)
	beside := signedIn(t, w, 1)
	beside.add(gone)
	beside.Switch(w.one, beside.who[0].email)

	type group struct {
		about string
		b     *browser
		wires []*wire
	}
	var groups []group
	for about, b := range map[string]*browser{"current": b, "the only one": alone, "beside another": beside} {
		groups = append(groups, group{about, b, append(b.openAll(w.one, doors), b.openAll(w.two, doors)...)})
	}
	stamp := b.stamp()
	notes := func() int64 { return w.rdb.LLen(t.Context(), "example:notes:"+gone.id).Val() }
	status(t, w, w.one, gone, "inactive")

	// What comes from the feed of notes now is for nobody, and what the views still send is not executed.
	before := notes()
	w.rdb.LPush(t.Context(), "example:notes:"+gone.id, "11111111-1111-4111-8111-111111111111 after-the-end")
	w.publishNotes(t, gone.id)
	for _, g := range groups {
		for _, wire := range g.wires {
			if wire.door.view && !wire.door.stream {
				_ = wire.write(frame(textFrame, event("_stamp", stamp, "text", "acts after the end"), true))
			}
		}
	}
	for _, g := range groups {
		for _, wire := range g.wires {
			var code int
			var told message
			for code == 0 && told.Type == "" {
				var text string
				text, code = wire.next(atOnce)
				told = messageOf(text)
			}
			want := map[bool]string{true: "session-ended", false: "session-changed"}[g.about == "the only one"]
			if told.Type != want {
				t.Errorf("%s, %s: told %+v, code %d; want %s", g.about, wire.door.name, told, code, want)
			}
			switch {
			case g.about == "the only one":
				wire.expectClose(policy)
			case wire.door.view:
				wire.expectClose(comeBack)
			}
			if g.about != "beside another" && wire.knows("after-the-end") {
				t.Errorf("%s, %s: data of the deactivated user goes out: %q", g.about, wire.door.name, wire.seen)
			}
		}
	}
	if after := notes(); after != before+1 {
		t.Errorf("the deactivated user has %d notes, want %d", after, before+1)
	}
	for _, g := range groups {
		for _, wire := range g.wires {
			if wire.id == "" || g.about == "beside another" {
				continue
			}
			if got := g.b.post(wire.node, "/live", wire.id,
				event("_stamp", stamp, "text", "posted after the end")); got.status != http.StatusUnauthorized {
				t.Errorf("%s: an event by POST: %d, want 401", g.about, got.status)
			}
		}
	}
	for _, d := range views {
		isRefused(t, d.name+" while choosing", d.knock(w.two, b.CookieHeader(w.two)).must(t, w.two), http.StatusUnauthorized)
	}
}

// publishNotes tells the views of an account, as a process of the site does, that its notes have changed.
func (w *world) publishNotes(t testing.TB, account string) {
	t.Helper()
	topic := "notes:" + account
	if err := w.rdb.Publish(t.Context(), "accounts:live", fmt.Sprintf("%d:%s", len(topic), topic)).Err(); err != nil {
		t.Fatal(err)
	}
}

// TestEventsOfOtherSessions is EV-03: who else hears what happens in a session. Another session of the same account hears of
// its deactivation and of nothing else.
func TestEventsOfOtherSessions(t *testing.T) {
	t.Parallel()
	w := site(t)
	b := signedIn(t, w, 2)
	same, third := elsewhere(t, w, b.who[0]), signedIn(t, w, 1)
	own := []*wire{b.open(w.one, tabSocket), b.open(w.two, tabSocket), b.open(w.one, tabStream), b.open(w.two, tabStream)}
	var others []*wire
	for _, n := range w.nodes() {
		for _, d := range []door{tabSocket, tabStream} {
			others = append(others, same.open(n, d), third.open(n, d))
		}
	}
	var versions []int64
	happen := func(what func()) {
		t.Helper()
		what()
		versions = append(versions, b.Document(w.one).V)
		for i, wire := range own {
			text, _ := wire.next(atOnce)
			if m := messageOf(text); m.Type != "session-changed" || m.V != versions[len(versions)-1] {
				t.Errorf("own socket %d hears %q, want version %d", i, text, versions[len(versions)-1])
			}
			wire.expectClose(comeBack)
			own[i] = b.open(wire.node, map[bool]door{true: tabStream, false: tabSocket}[wire.door.stream])
		}
	}
	happen(func() { b.Switch(w.one, b.who[0].email) })
	happen(func() { b.add(third.who[0]) })
	happen(func() { b.Switch(w.two, b.who[0].email) })
	happen(func() {
		d := b.Document(w.one)
		if a := b.Post(w.two, "/link/sign_out/"+third.who[0].id, url.Values{"_stamp": {d.Stamp}}); a.Status != http.StatusSeeOther {
			t.Fatalf("sign out one: %d", a.Status)
		}
	})
	for i := 1; i < len(versions); i++ {
		if versions[i] <= versions[i-1] {
			t.Errorf("versions do not grow: %v", versions)
		}
	}
	status(t, w, w.two, b.who[0], "inactive")
	for i, wire := range own {
		if text, _ := wire.next(atOnce); messageOf(text).Reason != "deactivated" {
			t.Errorf("own socket %d hears %q of the deactivation", i, text)
		}
	}
	for i, wire := range others {
		isSame, wait := i%2 == 0, 200*time.Millisecond
		if isSame {
			wait = atOnce
		}
		code := wire.closed(wait)
		switch {
		case isSame && (code != policy || len(wire.seen) != 2 || messageOf(wire.seen[1]).Type != "session-ended"):
			t.Errorf("the other session of the account: %d, %q", code, wire.seen)
		case !isSame && (code != silent || len(wire.seen) != 1):
			t.Errorf("somebody else's session: %d, %q", code, wire.seen)
		}
	}
}

// TestTabThatWasAwayStaysWrong is CT-05: a tab was offline during the switch and comes back with what it knew.
func TestTabThatWasAwayStaysWrong(t *testing.T) {
	w := site(t)
	b := signedIn(t, w, 2)
	old := b.Document(w.one)
	b.Switch(w.one, b.who[0].email)
	for _, query := range []string{
		fmt.Sprint(old.V), "0", "", "-1", "9223372036854775807", "9223372036854775808", "1e9", "%00", strings.Repeat("9", 500),
	} {
		for _, d := range []door{tabSocket, tabStream} {
			wire := b.open(w.two, d.at("?v="+query+"&stamp="+old.Stamp))
			text, _ := wire.next(atOnce)
			if m := messageOf(text); m.Type != "session-changed" || m.V <= old.V {
				t.Errorf("%s with v=%.30s is told %q", d.name, query, text)
			}
			wire.conn.Close()
		}
	}
	t.Run("a version from the future does not make it deaf", func(t *testing.T) {
		var wires []*wire
		for _, d := range []door{tabSocket, tabStream} {
			wires = append(wires, b.open(w.two, d.at("?v=9223372036854775807")))
		}
		b.Switch(w.one, b.who[1].email)
		for _, wire := range wires {
			wire.expectClose(comeBack)
		}
	})
	t.Run("a view that comes back gets the whole view of who is current now", func(t *testing.T) {
		page := b.Get(w.two, "/live").Body
		hash := drawnHash(page)
		b.Switch(w.one, b.who[0].email)
		for _, d := range views {
			wire := b.open(w.two, d.at("?_live="+hash)) // fails when nothing is sent
			if !wire.knows(b.who[0].name) || wire.knows(b.who[1].name) {
				t.Errorf("%s shows %q", d.name, wire.seen)
			}
		}
	})
}

// drawnHash returns what a page says that its view shows.
func drawnHash(page string) string {
	if m := regexp.MustCompile(`data-live="([0-9a-f]{16})"`).FindStringSubmatch(page); m != nil {
		return m[1]
	}
	return ""
}

// TestEventsOutOfOrder is CT-07: notices of changes arrive twice, and in the wrong order. The record has the last word.
func TestEventsOutOfOrder(t *testing.T) {
	t.Parallel()
	w := site(t)
	for _, d := range []door{tabSocket, tabStream} {
		t.Run(d.name, func(t *testing.T) {
			b := signedIn(t, w, 1)
			wire := b.open(w.two, d)
			v := messageOf(wire.seen[0]).V
			for _, step := range []int64{3, 8} {
				w.rdb.HSet(t.Context(), b.key(), "ver", v+step, "tag", fmt.Sprint("tag", step))
				for _, late := range []int64{7, 6, 8, 8, 3, 7} {
					w.notice(t, b, map[string]any{"v": v + late, "n": fmt.Sprint("tag", late), "reason": "updated"})
				}
				if m := messageOf(wire.until("session-changed")); m.V != v+step {
					t.Errorf("told of version %d, want %d", m.V-v, step)
				}
			}
			if code := wire.closed(time.Second); code != silent {
				t.Errorf("ends with %d", code)
			}
			if len(wire.seen) != 3 {
				t.Errorf("told more than twice: %q", wire.seen)
			}
		})
	}
}

// TestForgedNotices: somebody else who can publish on the Redis says that a session is far ahead, or has ended, or that its
// secret is old. No tab hears of it, and each follows the switch that comes then.
func TestForgedNotices(t *testing.T) {
	w := site(t)
	b := signedIn(t, w, 2)
	var wires []*wire
	for _, n := range w.nodes() {
		wires = append(wires, b.openAll(n, doors)...)
	}
	v := b.Document(w.one).V
	const huge = int64(9_000_000_000_000_000)
	for _, fields := range []map[string]any{
		{"v": huge, "n": "x", "reason": "switched"}, {"v": v + 1, "n": "x", "reason": "switched"}, {"v": v, "n": "x"},
		{"v": v + 1, "g": huge, "n": "y"}, {"v": v, "n": "z", "ended": true, "reason": "revoked"}, {"v": huge, "ended": true},
	} {
		w.notice(t, b, fields)
	}
	for i, wire := range wires {
		if text, code := wire.next(200 * time.Millisecond); code != silent && !strings.Contains(text, "live-here") {
			t.Errorf("socket %d, %s: %d, %q", i, wire.door.name, code, text)
		}
	}
	b.Switch(w.one, b.who[0].email)
	for _, wire := range wires {
		wire.expectClose(comeBack)
		if !wire.knows(fmt.Sprintf(`"v":%d,`, b.Document(w.one).V)) {
			t.Errorf("%s was told %q", wire.door.name, wire.seen)
		}
	}
}

// notice publishes a notice about a browser's session, with what fields say beside its id.
func (w *world) notice(t testing.TB, b *browser, fields map[string]any) {
	t.Helper()
	partition, id, _ := strings.Cut(b.key(), ":s:")
	fields["id"] = id
	data, _ := json.Marshal(fields)
	if n, err := w.rdb.Publish(t.Context(), partition+":changes", data).Result(); err != nil || n == 0 {
		t.Fatalf("notice: %d nodes, %v", n, err)
	}
}

// TestSwitchOverASocket is SW-01: messages that ask for what only a form may do.
func TestSwitchOverASocket(t *testing.T) {
	t.Parallel()
	w := site(t)
	b, other := signedIn(t, w, 2), signedIn(t, w, 1)
	before := b.Document(w.one)
	for _, target := range []person{other.who[0], b.who[0], {id: "00000000-0000-4000-8000-000000000000"}} {
		for _, d := range doors {
			wire := b.open(w.two, d)
			for _, text := range []string{
				event("action", "switch", "account", target.id),
				event("_event", "switch", "_stamp", before.Stamp, "account", target.id),
				event("_event", "switch_to", "_stamp", before.Stamp, "user_id", target.id),
				event("type", "session-changed", "v", "99999999999999"),
				event("_stamp", before.Stamp, "current_user", target.id, "primary_user_id", target.id, "_subject", target.id),
				event("_stamp", before.Stamp, "_params", "/link/switch_to/"+target.id),
			} {
				if d.view || !d.stream {
					b.say(wire, text)
				}
			}
			wait := 200 * time.Millisecond
			if d.view {
				wait = atOnce
			}
			if code := wire.closed(wait); d.view && code != policy || !d.view && code != silent {
				t.Errorf("%s: ends with %d", d.name, code)
			}
			if wire.knows(other.who[0].name) {
				t.Errorf("%s shows somebody else: %q", d.name, wire.seen)
			}
		}
	}
	if now := b.Document(w.one); now.V != before.V || now.CurrentEmail() != before.CurrentEmail() || len(now.Accounts) != 2 {
		t.Errorf("the session is %+v, want it unchanged: %+v", now, before)
	}
}

// TestDeadCookiesKnockForEver is the second half of WS-12: what browsers that come back with a dead cookie cost.
func TestDeadCookiesKnockForEver(t *testing.T) {
	w := site(t)
	b := signedIn(t, w, 1)
	key, cookie := b.key(), b.CookieHeader(w.one)
	if a := b.Post(w.one, "/session/sign_out", nil); a.Status != http.StatusSeeOther {
		t.Fatalf("sign out: %d", a.Status)
	}
	const tries = 20
	for _, d := range doors {
		reads := recordReads(t, w, key)
		for range tries {
			isRefused(t, d.name, d.knock(w.two, cookie).must(t, w.two), http.StatusUnauthorized)
		}
		if n := reads(); n > tries {
			t.Errorf("%s: %d reads for %d refused handshakes", d.name, n, tries)
		}
	}
}

// TestDoorThatOpensDuringASwitch: whatever moment of opening a switch falls into, a door is refused, or closed at once, or
// belongs to the account after the switch as a whole.
func TestDoorThatOpensDuringASwitch(t *testing.T) {
	w := site(t)
	b := signedIn(t, w, 2)
	for round := range 48 {
		d, n := doors[round%len(doors)], w.nodes()[round/4%2]
		to, from := b.who[round%2], b.who[1-round%2]
		before, cookie := b.Document(w.one), b.CookieHeader(w.one)
		if before.CurrentEmail() != from.email { // the round before was refused
			t.Fatalf("round %d begins as %s", round, before.CurrentEmail())
		}
		switched := make(chan struct{})
		go func() {
			defer close(switched)
			time.Sleep(rand.N(8 * time.Millisecond))
			if a := b.TrySwitch(w.one, before, to.email); a.Status != http.StatusSeeOther {
				t.Errorf("switch: %d", a.Status)
			}
		}()
		got := d.at(fmt.Sprintf("?v=%d", before.V)).knock(n, cookie).must(t, n)
		<-switched
		if !got.opened() {
			if got.status != http.StatusConflict {
				t.Errorf("round %d, %s: %d", round, d.name, got.status)
			}
			continue
		}
		wire := wireOf(t, n, d, got)
		wire.expectClose(comeBack)
		if wire.knows(to.name) {
			t.Errorf("round %d, %s: a door of %s shows %s: %q", round, d.name, from.name, to.name, wire.seen)
		}
	}
}
