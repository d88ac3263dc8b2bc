package sockets_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// TestEventForTheNextUserOfAConnection is EV-01: tabs of some sessions come and go without a word, as fast as they can, while
// their sessions change, and others open. Connections are pooled below Fiber: whoever writes a moment too late writes to
// somebody else.
func TestEventForTheNextUserOfAConnection(t *testing.T) {
	t.Parallel()
	w := site(t)
	restless := []*browser{signedIn(t, w, 2), signedIn(t, w, 2)}
	quiet := []*browser{signedIn(t, w, 1), signedIn(t, w, 1)}
	const long = 10 * time.Second
	end := time.Now().Add(long)
	running := func() bool { return time.Now().Before(end) }
	var cookies [2]atomic.Value // of the restless, as they are now
	for i, b := range restless {
		cookies[i].Store(b.CookieHeader(w.one))
	}
	var work sync.WaitGroup
	var comings, changes, frames atomic.Int64
	for i, b := range restless {
		work.Go(func() { // two changes a second: more are too many for one session
			for k := 0; running(); k++ {
				b.Switch(w.nodes()[k%2], b.who[k%2].email)
				cookies[i].Store(b.CookieHeader(w.one))
				b.note(w.nodes()[k%2], "restless")
				changes.Add(2)
				time.Sleep(500 * time.Millisecond)
			}
		})
		for range 3 {
			work.Go(func() {
				for running() {
					n, d := w.nodes()[rand.IntN(2)], doors[rand.IntN(len(doors))]
					got, err := d.knock(n, cookies[i].Load().(string)).send(t, n.Addr)
					if err != nil {
						t.Errorf("%s: %v", d.name, err)
						return
					}
					comings.Add(1)
					if rand.IntN(2) == 0 && got.opened() {
						wireOf(t, n, d, got).next(time.Duration(rand.IntN(20)) * time.Millisecond)
					}
					got.conn.Close()
				}
			})
		}
	}
	foreign := []string{"restless"}
	for _, b := range restless {
		for _, p := range b.who {
			foreign = append(foreign, p.name)
		}
	}
	for i, b := range quiet {
		version, cookie, stamp := b.Document(w.one).V, b.CookieHeader(w.one), b.stamp()
		for k := range 3 {
			work.Go(func() {
				for round := 0; running(); round++ {
					n, d := w.nodes()[round%2], doors[(round+k)%len(doors)]
					got, err := d.at(fmt.Sprintf("?v=%d", version)).knock(n, cookie).send(t, n.Addr)
					if err != nil || !got.opened() {
						if got.status != http.StatusTooManyRequests {
							t.Errorf("%s: %d %v", d.name, got.status, err)
						}
						continue
					}
					wire := wireOf(t, n, d, got)
					if d == viewSocket {
						_ = wire.write(frame(textFrame, event("_stamp", stamp, "_params", "/live?q=quiet"), true))
					}
					code := wire.closed(time.Duration(50+rand.IntN(200)) * time.Millisecond)
					if code != silent {
						t.Errorf("quiet %d, %s: ends with %d: %q", i, d.name, code, wire.seen)
					}
					for _, text := range wire.seen {
						frames.Add(1)
						kind := messageOf(text).Type
						if !d.view && (kind != "hello" || len(wire.seen) > 1) || d.view && kind != "" && kind != "navigated" ||
							slices.ContainsFunc(foreign, func(name string) bool { return strings.Contains(text, name) }) {
							t.Errorf("quiet %d, %s hears %q", i, d.name, wire.seen)
						}
					}
					got.conn.Close()
				}
			})
		}
	}
	work.Wait()
	t.Logf("%d connections came and went, %d changes, %d frames were looked at", comings.Load(), changes.Load(), frames.Load())
	if comings.Load() < 50 || frames.Load() < 50 {
		t.Error("that is too little to show anything")
	}
}

// TestReusedBuffersMixSessions is EV-02: a hundred connections, each of another person, stay open and send requests in random
// order. What the app was given to keep, ids, paths and agents, stays what it was, and nobody is taken for somebody else.
func TestReusedBuffersMixSessions(t *testing.T) {
	t.Parallel()
	l := newLab(t, recipe{})
	const many = 100
	browsers := make([]*browser, many)
	for i := range browsers {
		browsers[i] = l.signedIn(fmt.Sprintf("person-%03d-%s", i, strings.Repeat(string(rune('a'+i%26)), 1+i%7)))
	}
	end := time.Now().Add(8 * time.Second)
	var work sync.WaitGroup
	var requests atomic.Int64
	for i, b := range browsers {
		work.Go(func() {
			own := b.who[0].id
			mark := fmt.Sprintf("mark-%03d", i)
			stamp := b.Document(l.node).Stamp
			for round := 0; time.Now().Before(end); round++ {
				requests.Add(1)
				switch rand.IntN(4) {
				case 0:
					if a := b.Get(l.node, "/who?"+mark, "User-Agent", mark); a.Body != own {
						t.Errorf("%s is taken for %q", own, a.Body)
					}
				case 1: // a refusal, which the app's audit trail keeps with all that it says
					b.Post(l.node, "/link/switch_to/"+mark, map[string][]string{"_stamp": {stamp}}, "User-Agent", mark)
				case 2:
					wire := b.open(l.node, views[round%2].at("?"+mark))
					if !wire.knows(own) {
						t.Errorf("%s sees %q", own, wire.seen)
					}
					b.say(wire, event("_stamp", stamp, "text", mark))
					wire.until(mark)
					wire.conn.Close()
				case 3:
					if d := b.Document(l.node); d.Current == nil || d.Current.ID != own {
						t.Errorf("%s has the document %+v", own, d)
					}
				}
			}
		})
	}
	work.Wait()
	l.mu.Lock()
	defer l.mu.Unlock()
	t.Logf("%d requests, %d events", requests.Load(), len(l.events))
	if requests.Load() < 10*many {
		t.Error("that is too little to show anything")
	}
	known := map[string]int{}
	for i, b := range browsers {
		known[b.who[0].id] = i
	}
	for _, id := range l.asked {
		if _, ok := known[id]; !ok {
			t.Fatalf("the app's loader kept the id %q, which is nobody's", id)
		}
	}
	refusals, sessions := 0, map[string]string{} // pseudonyms by mark
	for _, e := range l.events {
		if e.Code != "not_found" {
			continue
		}
		refusals++
		if sessions[e.UserAgent] == "" {
			sessions[e.UserAgent] = e.Session
		}
		if e.Path != "/link/switch_to/"+e.UserAgent || e.Session == "" || e.Session != sessions[e.UserAgent] ||
			e.Method != http.MethodPost || e.IP != "127.0.0.1" {
			t.Fatalf("an event that was kept says %+v, and the session is %q", e, sessions[e.UserAgent])
		}
	}
	if len(sessions) > many {
		t.Errorf("%d sessions were refused something, want %d", len(sessions), many)
	}
	if refusals < many {
		t.Errorf("%d refusals were kept: too few to show anything", refusals)
	}
}
