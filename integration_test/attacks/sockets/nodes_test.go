package sockets_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/multiaccount-go/multiaccount/integration_test/sitetest"
)

// deafNode starts a further process on the shared Redis. hears decides whether it gets the notices about changes of
// sessions; everything else it may do, so that it does not know that anything is wrong.
func deafNode(t *testing.T, w *world) (n *sitetest.Node, hears func(bool)) {
	t.Helper()
	user := fmt.Sprintf("node%d", people.Add(1))
	acl := func(rules ...any) {
		t.Helper()
		if err := w.rdb.Do(t.Context(), append([]any{"ACL", "SETUSER", user}, rules...)...).Err(); err != nil {
			t.Fatalf("ACL SETUSER: %v", err)
		}
	}
	acl("on", ">secret", "~*", "+@all", "allchannels")
	hears = func(yes bool) {
		t.Helper()
		acl("resetchannels", "&accounts:live") // cuts who listens to more
		if yes {
			acl("resetchannels", "allchannels")
		}
	}
	return sitetest.Start(t, "redis://"+user+":secret@"+w.redis.Addr+"/0"), hears
}

// TestNodeThatMissesTheMessage is WS-04, the second half of LK-05, and CT-02: a switch and a sign-out reach a node by no
// message. What is sent over the sockets that should be closed by then is not executed; when the feed is back, or after half
// a minute without, they are closed.
func TestNodeThatMissesTheMessage(t *testing.T) {
	t.Parallel()
	w := site(t)
	n, hears := deafNode(t, w)
	type victim struct {
		switched, ended *browser
		wires           []*wire // of both, in the order of doors
	}
	prepare := func() victim {
		t.Helper()
		v := victim{switched: signedIn(t, w, 2), ended: signedIn(t, w, 1)}
		v.wires = append(v.switched.openAll(n, doors), v.ended.openAll(n, doors)...)
		return v
	}
	change := func(v victim) {
		t.Helper()
		v.switched.Switch(w.one, v.switched.who[0].email)
		if a := v.ended.Post(w.one, "/session/sign_out", nil); a.Status != http.StatusSeeOther {
			t.Fatalf("sign out: %d", a.Status)
		}
	}
	untouched := func(v victim) {
		t.Helper()
		for i, wire := range v.wires {
			if text, code := wire.next(50 * time.Millisecond); code != silent {
				t.Fatalf("socket %d: %d %q: the node is not deaf", i, code, text)
			}
		}
	}
	finish := func(v victim, within time.Duration) {
		t.Helper()
		end := time.Now().Add(within)
		for i, wire := range v.wires {
			want := comeBack
			if i >= len(doors) {
				want = policy
			}
			if code := wire.closed(time.Until(end)); code != want {
				t.Errorf("socket %d, %s: %d, want it closed with %d within %v", i, wire.door.name, code, want, within)
			}
			if wire.knows(v.switched.who[0].name) {
				t.Errorf("socket %d, %s shows the account after the switch: %q", i, wire.door.name, wire.seen)
			}
		}
	}

	acting, forgotten, healed := prepare(), prepare(), prepare()
	old := acting.switched.CookieHeader(n)
	stamps := []string{acting.switched.stamp(), acting.ended.stamp()}
	hears(false)
	time.Sleep(300 * time.Millisecond) // Redis has cut the connection; messages that are on their way still arrive
	change(acting)
	change(forgotten)
	change(healed)
	swept := time.Now()
	untouched(acting)

	// CT-02: an event with the right stamp of then, over the sockets of then.
	views, ends := acting.wires[1], acting.wires[5]
	_ = views.write(frame(textFrame, event("_stamp", stamps[0], "text", "too late"), true))
	_ = ends.write(frame(textFrame, event("_stamp", stamps[1], "text", "too late"), true))
	views.expectClose(comeBack)
	ends.expectClose(policy)
	stream := acting.wires[3]
	k := acting.switched.postKnock(n, "/live", stream.id, event("_stamp", stamps[0], "text", "too late"))
	for name, request := range map[string]knock{"new cookie": k, "old cookie": k.with("Cookie", old)} {
		if got := request.must(t, n); got.status != http.StatusConflict {
			t.Errorf("event by POST with the %s: %d, want 409", name, got.status)
		}
	}
	for _, p := range append(slices.Clone(acting.switched.who), acting.ended.who...) {
		w.expectNotes(t, p)
	}
	for _, d := range doors {
		isRefused(t, d.name+" with the old cookie", d.knock(n, old).must(t, n), http.StatusConflict)
	}

	finish(forgotten, 35*time.Second-time.Since(swept))
	for _, wire := range healed.wires {
		wire.conn.Close()
	}
	healed = prepare()
	change(healed)
	untouched(healed)
	hears(true)
	finish(healed, 10*time.Second)
}

// TestNodesOfAnotherRelease is WS-14: during an update the processes say things to each other that not all understand, or an
// application that shares the Redis says something. Nobody falls over, nobody is let in, nobody becomes deaf.
func TestNodesOfAnotherRelease(t *testing.T) {
	w := site(t)
	b := signedIn(t, w, 2)
	var wires []*wire
	for _, n := range w.nodes() {
		wires = append(wires, b.openAll(n, doors)...)
	}
	partition, id, _ := strings.Cut(b.key(), ":s:")
	for _, text := range []string{
		"", "x", "null", "[]", "{}", "1", `"x"`, "{", `{"id":""}`, `{"id":"` + id + `"}`,
		`{"id":["` + id + `"],"v":1}`, `{"id":"` + id + `","v":"x"}`,
		`{"id":"` + id + `","v":1e400}`, `{"id":"` + id[1:] + `","v":1,"ended":true}`,
		`{"id":"` + id + `","v":1,"reason":"` + strings.Repeat("x", 1<<20) + `"}`,
		`{"id":"` + id + `","kind":"account-merged","v":1,"new":{"deep":[1,2,3]}}`, "\x00\xff\xfe", strings.Repeat("[", 1<<16),
	} {
		w.rdb.Publish(t.Context(), partition+":changes", text)
	}
	foreign := "accounts:{p00}"
	if partition == foreign {
		foreign = "accounts:{p01}"
	}
	w.rdb.Publish(t.Context(), foreign+":changes", `{"id":"`+id+`","v":9000000000000000,"ended":true}`)
	for _, text := range []string{
		"", "x", ":", "-1:x", "99:x", "0:", "5:notes", "12:\x00live:event{}", "11:\x00live:event{}",
		"11:\x00live:eventnull", "14:\x00live:presence", "14:\x00live:presence\x02S",
		"14:\x00live:presence\x01S" + strings.Repeat("\xff", 40),
		"14:\x00live:presence\x01Z" + strings.Repeat("\x00", 40), "13:\x00live:answer:{}", "9:\x00live:new{}",
		fmt.Sprintf("11:\x00live:event"+`{"Node":"x","Call":"x","Stream":%q,"Sender":{"Path":"/live"},"Event":{"text":"forged"}}`, wires[3].id),
	} {
		w.rdb.Publish(t.Context(), "accounts:live", text)
	}
	for i, wire := range wires {
		text, code := wire.next(200 * time.Millisecond)
		for code == 0 && strings.Contains(text, "live-here") {
			text, code = wire.next(200 * time.Millisecond)
		}
		if code != silent {
			t.Errorf("socket %d, %s: %d, %q", i, wire.door.name, code, text)
		}
	}
	b.Switch(w.one, b.who[0].email)
	for _, wire := range wires {
		wire.expectClose(comeBack)
	}
	w.expectNotes(t, b.who[0])
	w.expectNotes(t, b.who[1])

	t.Run("a record of a newer form lets nobody in", func(t *testing.T) {
		b := signedIn(t, w, 1)
		key := b.key()
		data := w.rdb.HGet(t.Context(), key, "data").Val()
		var record map[string]any
		if err := json.Unmarshal([]byte(data), &record); err != nil {
			t.Fatal(err)
		}
		for name, change := range map[string]func(map[string]any){
			"schema 2":                  func(r map[string]any) { r["schema"] = 2 },
			"another id":                func(r map[string]any) { r["id"] = "AAAAAAAAAAAAAAAAAAAAAA" },
			"current is not a member":   func(r map[string]any) { r["cur"] = "nobody" },
			"a member without a status": func(r map[string]any) { r["acc"].([]any)[0].(map[string]any)["s"] = "root" },
		} {
			changed := map[string]any{}
			if err := json.Unmarshal([]byte(data), &changed); err != nil {
				t.Fatal(err)
			}
			change(changed)
			text, _ := json.Marshal(changed)
			w.rdb.HSet(t.Context(), key, "data", text)
			for _, d := range doors {
				isRefused(t, d.name+": "+name, d.knock(w.two, b.CookieHeader(w.two)).must(t, w.two), http.StatusUnauthorized)
			}
		}
		w.rdb.HSet(t.Context(), key, "data", data)
		b.open(w.two, tabSocket)
	})
}

// TestProcessThatEnds is WS-15: a process is told to end while sockets are open and events are coming. Every event is executed
// whole or not at all, and the browser goes on with the right account elsewhere.
func TestProcessThatEnds(t *testing.T) {
	t.Parallel()
	w := site(t)
	n := sitetest.Start(t, w.redis.URL())
	b := signedIn(t, w, 2)
	b.Switch(w.one, b.who[0].email)
	stamp := b.stamp()
	wires := b.openAll(n, doors)
	var writing sync.WaitGroup
	accepted := 0
	for i, wire := range []*wire{wires[1], wires[3]} {
		writing.Go(func() {
			for k := range 20 { // a burst, as fast as it is taken
				text := event("_stamp", stamp, "text", fmt.Sprintf("%d %d ", i, k)+strings.Repeat("x", 400))
				if wire.door.stream {
					got, err := b.postKnock(n, "/live", wire.id, text).send(t, n.Addr)
					if err != nil || got.status != http.StatusNoContent {
						return
					}
					accepted++
					continue
				}
				if wire.write(frame(textFrame, text, true)) != nil {
					return
				}
			}
		})
	}
	sitetest.Eventually(t, "the first events are executed", func() bool { return len(w.notesOf(t, b.who[0])) >= 4 })
	n.Terminate()
	for _, wire := range wires {
		if code := wire.closed(15 * time.Second); code != comeBack {
			t.Errorf("%s: closed with %d, want %d", wire.door.name, code, comeBack)
		}
	}
	writing.Wait()
	if code := n.WaitEnd(30 * time.Second); code != 0 {
		t.Errorf("the process ends with %d", code)
	}
	next := map[string]int{}
	notes := w.notesOf(t, b.who[0])
	slices.Reverse(notes)
	for _, note := range notes {
		door, rest, _ := strings.Cut(note, " ")
		number, text, _ := strings.Cut(rest, " ")
		if k, err := strconv.Atoi(number); err != nil || k != next[door] || text != strings.Repeat("x", 400) {
			t.Errorf("note %q, want number %d, whole", note, next[door])
		}
		next[door]++
	}
	if next["1"] > accepted+1 || next["1"] < accepted-1 { // the last one may have been taken by a view that ended
		t.Errorf("%d events by POST were taken, and %d executed", accepted, next["1"])
	}
	for _, d := range doors {
		wire := b.open(w.two, d)
		if d.view && !wire.knows(b.who[0].name) {
			t.Errorf("%s on the other node shows %q", d.name, wire.seen)
		}
	}
	w.expectNotes(t, b.who[1])
}
