package live_test

import (
	"context"
	"errors"
	"fmt"
	"html"
	"html/template"
	"io"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/multiaccount-go/multiaccount/live"
)

// air is a bus between hubs of one test: it loses, repeats and delays what rule says.
type air struct {
	mu    sync.Mutex
	ends  []*airEnd
	rule  func(from, to int, kind byte) (copies int, delay time.Duration) // nil: all once and at once
	kinds map[byte]int                                                    // messages that were published
	bytes int
}

type airEnd struct {
	air    *air
	number int
	in     chan [2]string
	cut    bool
	late   time.Duration // before a subscription is there
	broken chan struct{} // ends the subscription once
	there  bool
}

func (a *air) end() *airEnd {
	a.mu.Lock()
	defer a.mu.Unlock()
	e := &airEnd{air: a, number: len(a.ends), in: make(chan [2]string, 1<<13), broken: make(chan struct{})}
	a.ends = append(a.ends, e)
	return e
}

// set changes how the air behaves while hubs use it.
func (a *air) set(change func()) {
	a.mu.Lock()
	defer a.mu.Unlock()
	change()
}

func (a *air) sent(kinds string) (n int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for kind, count := range a.kinds {
		if strings.IndexByte(kinds, kind) >= 0 {
			n += count
		}
	}
	return n
}

func (e *airEnd) Publish(_ context.Context, topic string, payload []byte) error {
	a := e.air
	a.mu.Lock()
	defer a.mu.Unlock()
	if e.cut {
		return errors.New("no connection")
	}
	kind := byte('-') // of an app
	if topic == live.PresenceBus {
		kind = payload[1]
	}
	if a.kinds == nil {
		a.kinds = make(map[byte]int)
	}
	a.kinds[kind]++
	a.bytes += len(payload)
	for _, to := range a.ends {
		copies, delay := 1, time.Duration(0)
		if a.rule != nil && to != e {
			copies, delay = a.rule(e.number, to.number, kind)
		}
		message := [2]string{topic, string(payload)}
		for range copies {
			if delay == 0 {
				to.put(message)
				continue
			}
			time.AfterFunc(delay, func() { a.set(func() { to.put(message) }) })
		}
	}
	return nil
}

func (e *airEnd) put(message [2]string) {
	if !e.there || e.cut {
		return
	}
	select {
	case e.in <- message:
	default:
		panic("a hub does not take its messages")
	}
}

func (e *airEnd) Subscribe(ctx context.Context, fn func(string, []byte)) error {
	time.Sleep(e.late)
	e.air.set(func() { e.there = true })
	defer e.air.set(func() { e.there = false })
	for {
		select {
		case m := <-e.in:
			fn(m[0], []byte(m[1]))
		case <-e.broken:
			return errors.New("connection lost")
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// cluster is hubs on one bus, in a bubble with a clock of its own.
type cluster struct {
	t testing.TB
	air
	hubs []*live.Hub
}

func inBubble(t *testing.T, count int, do func(t *testing.T, n *cluster)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		n := &cluster{t: t}
		for range count {
			n.hub()
		}
		do(t, n)
	})
}

func (n *cluster) hub() *live.Hub {
	h := live.NewHub(live.HubConfig{Bus: n.end(), Log: slog.New(slog.NewTextHandler(io.Discard, nil))})
	n.hubs = append(n.hubs, h)
	n.t.Cleanup(func() { n.close(h) })
	return h
}

func (n *cluster) close(h *live.Hub) {
	n.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := h.Close(ctx); err != nil {
		n.t.Error(err)
	}
}

// pass lets time go by, and everything happen that is due until then.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func here(t testing.TB, h *live.Hub, topic, key, meta string) *live.Socket {
	t.Helper()
	s := live.NewBareSocket(h)
	if err := s.Track(topic, key, meta); err != nil {
		t.Fatal(err)
	}
	return s
}

// present is a short text about who is present: key(meta)sockets.
func present(h *live.Hub, topic string) string {
	var all []string
	for _, p := range h.Present(topic) {
		all = append(all, fmt.Sprintf("%s(%s)%d", p.Key, p.Meta, p.Sockets))
	}
	return strings.Join(all, " ")
}

func (n *cluster) expect(topic, want string) {
	n.t.Helper()
	for i, h := range n.hubs {
		if got := present(h, topic); got != want {
			n.t.Errorf("hub %d knows %q, want %q", i, got, want)
		}
	}
}

func watcher(h *live.Hub, topic string) *live.Socket {
	s := live.NewBareSocket(h)
	s.Subscribe(live.PresenceTopic(topic))
	return s
}

func expectNews(t testing.TB, s *live.Socket, what string, want bool) {
	t.Helper()
	all := s.Taken()
	if len(all) > 1 || (len(all) == 1) != want {
		t.Errorf("%s: %d messages, want %v", what, len(all), want)
	}
	for _, m := range all {
		if m.Payload != nil || m.Topic != live.PresenceTopic("page") {
			t.Errorf("%s: message %q of %q", what, m.Payload, m.Topic)
		}
	}
}

// The steps are the same whether all sockets are in one process or each in another; only the delay differs.
func TestPresenceIsByKey(t *testing.T) {
	steps := func(t *testing.T, hub func(int) *live.Hub, wait func()) {
		look := watcher(hub(0), "page")
		see := func(what, want string, news bool) {
			t.Helper()
			wait()
			for i := range 3 {
				if got := present(hub(i), "page"); got != want {
					t.Errorf("%s: hub %d knows %q, want %q", what, i, got, want)
				}
			}
			expectNews(t, look, what, news)
		}
		see("nobody yet", "", false)
		b := here(t, hub(1), "page", "bob", "Bob")
		see("bob comes", "bob(Bob)1", true)
		a1 := here(t, hub(0), "page", "alice", "Alice")
		see("alice comes, before bob", "alice(Alice)1 bob(Bob)1", true)
		a2 := here(t, hub(2), "page", "alice", "Alice")
		see("a second tab of alice is no news", "alice(Alice)2 bob(Bob)1", false)
		if err := a2.Track("page", "alice", "Dr. Alice"); err != nil {
			t.Error(err)
		}
		see("the newest name wins", "alice(Dr. Alice)2 bob(Bob)1", true)
		if err := b.Track("page", "carol", "Carol"); err != nil {
			t.Error(err)
		}
		see("a socket that becomes another key", "alice(Dr. Alice)2 carol(Carol)1", true)
		_ = here(t, hub(1), "elsewhere", "dave", "")
		see("somebody at another topic", "alice(Dr. Alice)2 carol(Carol)1", false)
		a1.End()
		see("one of two tabs goes", "alice(Dr. Alice)1 carol(Carol)1", false)
		a2.Untrack("page")
		a2.Untrack("page")
		see("untracked twice", "carol(Carol)1", true)
		b.End()
		see("nobody is left", "", true)
	}
	t.Run("in one process, where nothing runs", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) { // a goroutine would outlive it, because the hub is not closed
			h := live.NewHub(live.HubConfig{})
			steps(t, func(int) *live.Hub { return h }, func() {})
		})
	})
	t.Run("in three", func(t *testing.T) {
		inBubble(t, 3, func(t *testing.T, n *cluster) {
			steps(t, func(i int) *live.Hub { return n.hubs[i] }, func() { pass(time.Second) })
		})
	})
}

func TestPresenceThatIsNotUsedIsSilent(t *testing.T) {
	inBubble(t, 2, func(t *testing.T, n *cluster) {
		s := live.NewBareSocket(n.hubs[0])
		s.Subscribe("notes")
		pass(time.Minute)
		if len(n.kinds) != 0 {
			t.Errorf("without use: messages %v", n.kinds)
		}
		n.hubs[0].Present("page")
		pass(time.Minute)
		if n.sent("A") > 2 || n.sent("SBG") != 0 {
			t.Errorf("of somebody who only looks: messages %v", n.kinds)
		}
		here(t, n.hubs[0], "page", "alice", "").End()
		if got := present(n.hubs[0], "page"); got != "" {
			t.Errorf("%q is there", got)
		}
	})
}

func TestWhoComesLaterAsks(t *testing.T) {
	for name, late := range map[string]time.Duration{"": 0, " once its subscription is there": 350 * time.Millisecond} {
		t.Run("and learns within two seconds"+name, func(t *testing.T) {
			inBubble(t, 2, func(t *testing.T, n *cluster) {
				here(t, n.hubs[0], "page", "alice", "")
				here(t, n.hubs[1], "page", "bob", "")
				pass(time.Second)
				h := n.hub()
				n.ends[2].late = late
				look := watcher(h, "page")
				pass(1500 * time.Millisecond)
				n.expect("page", "alice()1 bob()1")
				if len(look.Taken()) != 1 {
					t.Error("the view was not told, or twice") // both answers fall into one flush or two
				}
			})
		})
	}
}

// One misses what the other tells, and the other misses the question.
func TestTwoThatBeginTogether(t *testing.T) {
	inBubble(t, 2, func(t *testing.T, n *cluster) {
		n.ends[0].late, n.ends[1].late = time.Second, 200*time.Millisecond
		here(t, n.hubs[0], "page", "alice", "")
		n.hubs[1].Present("page")
		pass(3 * time.Second)
		n.expect("page", "alice()1")
	})
}

func TestBusThatWasAwayIsAskedAgain(t *testing.T) {
	inBubble(t, 2, func(t *testing.T, n *cluster) {
		here(t, n.hubs[0], "page", "alice", "")
		n.hubs[1].Present("page")
		pass(11 * time.Second) // a beat is just over
		n.ends[1].broken <- struct{}{}
		synctest.Wait()
		here(t, n.hubs[0], "page", "bob", "")
		pass(500 * time.Millisecond)
		if got := present(n.hubs[1], "page"); got != "alice()1" {
			t.Fatalf("without a bus: %q", got)
		}
		n.set(func() { n.rule = func(_, _ int, kind byte) (int, time.Duration) { return min(1, int(kind^'B')), 0 } }) // no beats
		pass(2 * time.Second)
		n.expect("page", "alice()1 bob()1")
	})
}

func TestDeadProcessIsForgotten(t *testing.T) {
	inBubble(t, 3, func(t *testing.T, n *cluster) {
		here(t, n.hubs[0], "page", "alice", "")
		here(t, n.hubs[1], "page", "bob", "")
		here(t, n.hubs[2], "page", "alice", "")
		look := watcher(n.hubs[0], "page")
		pass(time.Second)
		n.expect("page", "alice()2 bob()1")
		look.Taken()
		n.set(func() { n.ends[1].cut = true })
		pass(17 * time.Second) // two beats may have been lost
		if got := present(n.hubs[0], "page"); got != "alice()2 bob()1" {
			t.Errorf("forgotten too early: %q", got)
		}
		pass(14 * time.Second)
		for _, i := range []int{0, 2} {
			if got := present(n.hubs[i], "page"); got != "alice()2" {
				t.Errorf("hub %d knows %q", i, got)
			}
		}
		expectNews(t, look, "the dead", true)
		if nodes, keys, _ := n.hubs[0].Remembered(); nodes != 1 || keys != 1 {
			t.Errorf("%d processes with %d keys are remembered, want 1 and 1", nodes, keys)
		}
		n.set(func() { n.ends[1].cut = false })
		pass(14 * time.Second)
		n.expect("page", "alice()2 bob()1") // it only seemed to be dead
		expectNews(t, look, "the dead comes back", true)
	})
}

func TestGoodbye(t *testing.T) {
	inBubble(t, 3, func(t *testing.T, n *cluster) {
		for i, h := range n.hubs {
			here(t, h, "page", fmt.Sprint("k", i), "")
		}
		look := watcher(n.hubs[0], "page")
		pass(time.Second)
		look.Taken()
		// What is published before the goodbye arrives after it.
		n.set(func() {
			n.rule = func(from, _ int, kind byte) (int, time.Duration) {
				if from == 1 && kind == 'S' {
					return 1, 3 * time.Second
				}
				return 1, 0
			}
		})
		here(t, n.hubs[1], "page", "late", "")
		pass(200 * time.Millisecond)
		n.close(n.hubs[1])
		pass(200 * time.Millisecond)
		n.hubs = []*live.Hub{n.hubs[0], n.hubs[2]}
		n.expect("page", "k0()1 k2()1")
		expectNews(t, look, "the goodbye", true)
		pass(5 * time.Second)
		n.expect("page", "k0()1 k2()1")
		expectNews(t, look, "a late message of who is gone", false)
	})
}

func TestGoodbyeOfAProcessThatCannotWait(t *testing.T) {
	inBubble(t, 2, func(t *testing.T, n *cluster) {
		here(t, n.hubs[0], "page", "alice", "")
		pass(time.Second)
		if got := present(n.hubs[1], "page"); got != "" {
			t.Fatalf("who has not asked knows %q", got)
		}
		pass(time.Second)
		n.expect("page", "alice()1")
		release := n.hubs[0].Hold()
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if err := n.hubs[0].Close(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("close: %v", err)
		}
		synctest.Wait()
		pass(200 * time.Millisecond)
		if got := present(n.hubs[1], "page"); got != "" {
			t.Errorf("after the goodbye: %q", got)
		}
		release()
	})
}

func TestLostMessageIsHealedByABeat(t *testing.T) {
	for name, change := range map[string]func(t *testing.T, h *live.Hub, s *live.Socket) (want string){
		"somebody came": func(t *testing.T, h *live.Hub, _ *live.Socket) string {
			here(t, h, "page", "bob", "")
			return "alice()1 bob()1"
		},
		"somebody went": func(_ *testing.T, _ *live.Hub, s *live.Socket) string { s.End(); return "" },
		"another name": func(t *testing.T, _ *live.Hub, s *live.Socket) string {
			if err := s.Track("page", "alice", "Alice"); err != nil {
				t.Error(err)
			}
			return "alice(Alice)1"
		},
		"one more socket": func(t *testing.T, h *live.Hub, _ *live.Socket) string {
			here(t, h, "page", "alice", "")
			return "alice()2"
		},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, 2, func(t *testing.T, n *cluster) {
				s := here(t, n.hubs[0], "page", "alice", "")
				for i := range 100 { // that nothing of the rest has to be told again
					here(t, n.hubs[0], fmt.Sprint("other", i), "carol", "")
				}
				n.hubs[1].Present("page")
				pass(2 * time.Second)
				n.expect("page", "alice()1")
				n.set(func() { n.rule = func(int, int, byte) (int, time.Duration) { return 0, 0 } })
				want := change(t, n.hubs[0], s)
				pass(time.Second)
				if got := present(n.hubs[1], "page"); got != "alice()1" {
					t.Fatalf("it was not lost: %q", got)
				}
				var before, states int
				n.set(func() { n.rule, before, states = nil, n.bytes, n.kinds['S'] })
				pass(13 * time.Second)
				n.expect("page", want)
				n.set(func() { before, states = n.bytes-before, n.kinds['S']-states })
				if states != 1 || before > 3000 {
					t.Errorf("healed with %d messages of state and %d bytes in all, want 1 and few", states, before)
				}
				var asks int
				n.set(func() { asks = n.kinds['A'] })
				pass(time.Minute)
				if n.set(func() { asks = n.kinds['A'] - asks }); asks != 0 {
					t.Errorf("%d questions although all agree", asks)
				}
			})
		})
	}
}

func TestOlderMessageDoesNotUndoANewer(t *testing.T) {
	inBubble(t, 2, func(t *testing.T, n *cluster) {
		n.hubs[1].Present("page")
		s := here(t, n.hubs[0], "page", "alice", "one")
		pass(time.Second)
		slow := func(int, int, byte) (int, time.Duration) { return 2, 2 * time.Second }
		n.set(func() { n.rule = slow })
		_ = s.Track("page", "alice", "two")
		pass(200 * time.Millisecond)
		n.set(func() { n.rule = nil })
		_ = s.Track("page", "alice", "three")
		pass(200 * time.Millisecond)
		n.expect("page", "alice(three)1")
		pass(2 * time.Second)
		n.expect("page", "alice(three)1")
	})
}

func TestOlderMessageDoesNotUndoAnAnswer(t *testing.T) {
	inBubble(t, 2, func(t *testing.T, n *cluster) {
		n.hubs[1].Present("page")
		pass(time.Second)
		n.set(func() { n.rule = func(int, int, byte) (int, time.Duration) { return 1, 25 * time.Second } })
		s := here(t, n.hubs[0], "page", "alice", "")
		pass(200 * time.Millisecond)
		n.set(func() { n.rule = nil })
		pass(14 * time.Second)
		n.expect("page", "alice()1") // as the answer says
		s.End()
		pass(200 * time.Millisecond)
		n.expect("page", "")
		n.set(func() { n.rule = func(_, _ int, kind byte) (int, time.Duration) { return min(1, int(kind^'B')), 0 } }) // no beats
		pass(11 * time.Second)
		n.expect("page", "")
	})
}

func TestCountThatSomebodySawIsNoNews(t *testing.T) {
	inBubble(t, 2, func(t *testing.T, n *cluster) {
		look := watcher(n.hubs[1], "page")
		pass(time.Second)
		here(t, n.hubs[0], "page", "alice", "")
		pass(0)
		here(t, n.hubs[1], "elsewhere", "bob", "") // takes the next flush there
		n.set(func() { n.rule = func(int, int, byte) (int, time.Duration) { return 1, 50 * time.Millisecond } })
		pass(100 * time.Millisecond)
		look.Taken()
		here(t, n.hubs[0], "page", "alice", "")
		pass(0)
		here(t, n.hubs[1], "elsewhere", "carol", "")
		pass(50 * time.Millisecond)
		if got := present(n.hubs[1], "page"); got != "alice()2" {
			t.Fatalf("in between: %q", got)
		}
		pass(time.Second)
		expectNews(t, look, "the count", false)
	})
}

// A view that draws between a change and its end must not go on showing what it has seen.
func TestWhatWasSeenInBetweenIsTakenBack(t *testing.T) {
	inBubble(t, 1, func(t *testing.T, n *cluster) {
		s := here(t, n.hubs[0], "page", "alice", "")
		look := watcher(n.hubs[0], "page")
		pass(time.Second)
		_ = here(t, n.hubs[0], "page", "bob", "") // takes the first flush
		synctest.Wait()
		look.Taken()
		s.Untrack("page")
		synctest.Wait()
		if got := present(n.hubs[0], "page"); got != "bob()1" {
			t.Fatalf("in between: %q", got)
		}
		_ = s.Track("page", "alice", "")
		pass(200 * time.Millisecond)
		expectNews(t, look, "alice is back", true)
		s.Untrack("page")
		synctest.Wait()
		pass(200 * time.Millisecond)
		look.Taken()
		_ = s.Track("page", "alice", "")
		pass(0)
		s.Untrack("page")
		_ = s.Track("page", "alice", "")
		pass(time.Second)
		expectNews(t, look, "alice came; the rest nobody saw", true)
	})
}

// Whatever happens on the way, all agree some seconds after it has stopped.
func TestAllAgreeInTheEnd(t *testing.T) {
	for seed := range uint64(12) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			inBubble(t, 3, func(t *testing.T, n *cluster) {
				r := rand.New(rand.NewPCG(seed, 1)) // with air's mutex, or before there is anybody else
				chaos := rand.New(rand.NewPCG(seed, 2))
				n.rule = func(int, int, byte) (int, time.Duration) {
					if chaos.IntN(3) == 0 {
						return 0, 0
					}
					return 1 + chaos.IntN(2), time.Duration(chaos.IntN(2000)) * time.Millisecond
				}
				type tracked struct {
					hub        int
					topic, key string
				}
				sockets := make(map[*live.Socket]tracked)
				for range 400 {
					if len(sockets) > 60 || len(sockets) > 0 && r.IntN(3) == 0 {
						for s := range sockets {
							s.End()
							delete(sockets, s)
							break
						}
					} else {
						one := tracked{r.IntN(3), fmt.Sprint("topic", r.IntN(6)), fmt.Sprint("key", r.IntN(12))}
						sockets[here(t, n.hubs[one.hub], one.topic, one.key, "")] = one
					}
					pass(time.Duration(r.IntN(300)) * time.Millisecond)
				}
				n.set(func() { n.rule = nil })
				pass(16 * time.Second) // what is still in the air, a beat, its answer
				for i := range 6 {
					topic := fmt.Sprint("topic", i)
					counts := make(map[string]int)
					for _, one := range sockets {
						if one.topic == topic {
							counts[one.key]++
						}
					}
					var want []string
					for key, count := range counts {
						want = append(want, fmt.Sprintf("%s()%d", key, count))
					}
					slices.SortFunc(want, func(a, b string) int {
						ka, _, _ := strings.Cut(a, "(")
						kb, _, _ := strings.Cut(b, "(")
						return strings.Compare(ka, kb)
					})
					n.expect(topic, strings.Join(want, " "))
				}
				for s := range sockets {
					s.End()
				}
				pass(14 * time.Second)
				for i, h := range n.hubs {
					if nodes, keys, told := h.Remembered(); nodes != 2 || keys != 0 || told != 0 {
						t.Errorf("hub %d still knows %d keys of %d processes and has told %d", i, keys, nodes, told)
					}
				}
			})
		})
	}
}

func TestThousandTabsMakeFewMessages(t *testing.T) {
	for name, topic := range map[string]func(int) string{
		"of one topic":            func(int) string { return "page" },
		"each of a topic its own": func(i int) string { return fmt.Sprint("page", i) },
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, 2, func(t *testing.T, n *cluster) {
				n.hubs[0].Present("page")
				n.hubs[1].Present("page")
				pass(2 * time.Second)
				before := n.sent("SBAG")
				for i := range 1000 {
					here(t, n.hubs[0], topic(i), fmt.Sprintf("account-%04d", i), "Some Name")
					if i%100 == 0 {
						pass(10 * time.Millisecond)
					}
				}
				pass(500 * time.Millisecond)
				if got := n.sent("SBAG") - before; got > 6 {
					t.Errorf("%d messages", got)
				}
				if _, keys, _ := n.hubs[1].Remembered(); keys != 1000 {
					t.Errorf("the other process knows %d keys", keys)
				}
			})
		})
	}
}

func TestBigTopicIsTold(t *testing.T) {
	inBubble(t, 2, func(t *testing.T, n *cluster) {
		for i := range 1000 {
			here(t, n.hubs[0], "page", fmt.Sprintf("%0100d", i), strings.Repeat("x", 256))
		}
		pass(time.Second)
		n.hubs[1].Present("page")
		pass(2 * time.Second)
		if got := len(n.hubs[1].Present("page")); got != 1000 {
			t.Errorf("the other process knows %d", got)
		}
	})
}

type panickingBus struct{ *airEnd }

func (panickingBus) Publish(context.Context, string, []byte) error { panic("no connection") }

func TestBusThatPanics(t *testing.T) {
	inBubble(t, 0, func(t *testing.T, n *cluster) {
		h := live.NewHub(live.HubConfig{Bus: panickingBus{n.end()}, Log: slog.New(slog.NewTextHandler(io.Discard, nil))})
		here(t, h, "page", "alice", "")
		pass(time.Minute)
		if got := present(h, "page"); got != "alice()1" {
			t.Errorf("present: %q", got)
		}
		n.close(h)
	})
}

func TestMalformedNodeMessages(t *testing.T) {
	good := string(live.StateMessage(1, 2, "page", "alice", "bob"))
	if _, keys, err := live.RecodeNodeMessage([]byte(good)); err != nil || keys != 2 {
		t.Fatalf("%d keys, %v", keys, err)
	}
	keys := func(keys ...string) string { return string(live.StateMessage(1, 2, "page", keys...)) }
	many := make([]string, 129)
	for i := range many {
		many[i] = fmt.Sprintf("%03d", i)
	}
	record := good[42:]
	for name, message := range map[string]string{
		"keys out of order":   keys("bob", "alice"),
		"a key twice":         keys("bob", "bob"),
		"an empty key":        keys("", "bob"),
		"a long key":          keys(strings.Repeat("x", 129)),
		"too many keys":       keys(many...),
		"no topic":            string(live.StateMessage(1, 2, "", "bob")),
		"a long topic":        string(live.StateMessage(1, 2, strings.Repeat("x", 257), "bob")),
		"no such part":        strings.Replace(good, "page\x00", "page\x10", 1),
		"no sockets":          good[:len(good)-1] + "\x00",
		"a huge number":       good[:len(good)-1] + "\xff\xff\xff\xff\xff\x7f",
		"too big as a whole":  good + strings.Repeat(record, (64<<10)/len(record)),
		"another version":     "\x02" + good[1:],
		"an unknown kind":     "\x01X" + good[2:],
		"a beat that is long": "\x01B" + strings.Repeat("x", 32+512+1),
		"an ask cut short":    "\x01A" + strings.Repeat("x", 32+15),
		"a goodbye with more": "\x01G" + strings.Repeat("x", 33),
	} {
		if _, _, err := live.RecodeNodeMessage([]byte(message)); err == nil {
			t.Errorf("%s was taken", name)
		}
	}
	for n := range len(good) {
		if _, _, err := live.RecodeNodeMessage([]byte(good[:n])); err == nil && n != 42 {
			t.Errorf("%d of %d bytes were taken", n, len(good))
		}
	}
}

func TestWhatCannotBeTracked(t *testing.T) {
	h := live.NewHub(live.HubConfig{})
	long := func(n int) string { return strings.Repeat("x", n) }
	for name, c := range map[string]struct{ topic, key, meta string }{
		"no topic":         {"", "k", ""},
		"no key":           {"t", "", ""},
		"a long topic":     {long(257), "k", ""},
		"a long key":       {"t", long(129), ""},
		"a long meta":      {"t", "k", long(257)},
		"a reserved topic": {live.PresenceTopic("t"), "k", ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := live.NewBareSocket(h)
			if err := s.Track(c.topic, c.key, c.meta); !errors.Is(err, live.ErrTrack) {
				t.Errorf("got %v", err)
			}
			if len(h.Present(c.topic)) != 0 {
				t.Error("somebody is present")
			}
		})
	}
	s := here(t, h, long(256), long(128), long(256))
	if len(h.Present(long(256))) != 1 {
		t.Error("what is allowed is not present")
	}
	s.End()
}

func TestCrowds(t *testing.T) {
	t.Run("a socket at too many topics", func(t *testing.T) {
		h := live.NewHub(live.HubConfig{})
		s := live.NewBareSocket(h)
		for i := range live.MaxTracked {
			if err := s.Track(fmt.Sprint(i), "k", ""); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.Track("more", "k", ""); !errors.Is(err, live.ErrCrowded) || present(h, "more") != "" {
			t.Errorf("got %v", err)
		}
		if err := s.Track("0", "k", "new"); err != nil || present(h, "0") != "k(new)1" {
			t.Errorf("one that is there already: %v, %s", err, present(h, "0"))
		}
	})
	t.Run("too many keys of a topic", func(t *testing.T) {
		h := live.NewHub(live.HubConfig{})
		var last *live.Socket
		for i := range live.MaxTopicKeys {
			last = here(t, h, "page", fmt.Sprintf("%05d", i), "")
		}
		s := live.NewBareSocket(h)
		if err := s.Track("page", "more", ""); !errors.Is(err, live.ErrCrowded) {
			t.Errorf("got %v", err)
		}
		here(t, h, "page", "00000", "") // another tab of who is there
		list := h.Present("page")
		if len(list) != live.MaxPresent || list[0].Sockets != 2 || list[len(list)-1].Key != fmt.Sprintf("%05d", live.MaxPresent-1) {
			t.Errorf("%d are present, the first %v", len(list), list[0])
		}
		if err := last.Track("page", "more", ""); !errors.Is(err, live.ErrCrowded) {
			t.Errorf("one who becomes somebody else: %v", err)
		}
		last.End()
		if err := s.Track("page", "more", ""); err != nil {
			t.Errorf("after one has left: %v", err)
		}
	})
	t.Run("too many topics of a process", func(t *testing.T) {
		h := live.NewHub(live.HubConfig{})
		for i := range live.MaxCells {
			here(t, h, fmt.Sprint(i), "k", "")
		}
		if err := live.NewBareSocket(h).Track("more", "k", ""); !errors.Is(err, live.ErrCrowded) {
			t.Errorf("got %v", err)
		}
	})
}

func TestNobodyReachesReservedTopics(t *testing.T) {
	inBubble(t, 2, func(t *testing.T, n *cluster) {
		h := n.hubs[0]
		spy := live.NewBareSocket(h)
		spy.Subscribe(live.PresenceBus)
		look := watcher(h, "page")
		pass(time.Second)
		for _, topic := range []string{live.PresenceBus, live.PresenceTopic("page")} {
			if err := h.Publish(context.Background(), topic, nil); err == nil {
				t.Errorf("published to %q", topic)
			}
		}
		_ = n.ends[1].Publish(context.Background(), live.PresenceTopic("page"), []byte("from a stranger"))
		here(t, n.hubs[1], "elsewhere", "alice", "")
		pass(time.Second)
		if got := append(spy.Taken(), look.Taken()...); len(got) != 0 {
			t.Errorf("%d messages, the first of %q", len(got), got[0].Topic)
		}
	})
}

// What strangers may say is bounded, and none of it is kept longer than they live.
func TestFloodOfStrangers(t *testing.T) {
	inBubble(t, 1, func(t *testing.T, n *cluster) {
		h := n.hubs[0]
		h.Present("page")
		here(t, h, "page", "alice", "")
		pass(time.Second)
		say := func(message []byte) {
			n.set(func() { n.ends[0].put([2]string{live.PresenceBus, string(message)}) })
			synctest.Wait()
		}
		var keys []string
		for i := range 128 {
			keys = append(keys, fmt.Sprintf("%03d", i))
		}
		for i := range live.MaxRemote/128 + 100 {
			say(live.StateMessage(1, uint64(i+1), fmt.Sprintf("topic%05d", i), keys...))
		}
		if _, keys, _ := h.Remembered(); keys != live.MaxRemote {
			t.Errorf("%d keys are remembered, want %d", keys, live.MaxRemote)
		}
		for i := range live.MaxNodes + 100 {
			say(live.StateMessage(byte(i), 1, strings.Repeat("x", 1+i/256), "k"))
		}
		if nodes, _, _ := h.Remembered(); nodes != live.MaxNodes {
			t.Errorf("%d processes are remembered, want %d", nodes, live.MaxNodes)
		}
		for _, message := range []string{"", "x", strings.Repeat("\x01", 40), strings.Repeat("S", 1<<20)} {
			say([]byte(message))
		}
		n.expect("page", "alice()1")
		pass(31 * time.Second)
		if nodes, keys, _ := h.Remembered(); nodes != 0 || keys != 0 {
			t.Errorf("%d processes and %d keys are remembered of nobody", nodes, keys)
		}
	})
}

func FuzzNodeMessage(f *testing.F) {
	f.Add(live.StateMessage(1, 2, "page", "alice", "bob"))
	f.Add(live.StateMessage(1, 2, "page"))
	f.Add(append([]byte("\x01A"), make([]byte, 48)...))
	f.Add(append([]byte("\x01B"), make([]byte, 32+512)...))
	f.Add(append([]byte("\x01G"), make([]byte, 32)...))
	f.Add(append(live.StateMessage(1, 2, "page"), 0xff, 0xff, 0xff, 0xff, 0x7f))
	f.Fuzz(func(t *testing.T, data []byte) {
		again, keys, err := live.RecodeNodeMessage(data)
		if err != nil {
			return
		}
		if keys > len(data)/5 {
			t.Fatalf("%d keys in %d bytes", keys, len(data))
		}
		third, _, err := live.RecodeNodeMessage(again) // the first may have longer numbers than needed
		if err != nil || string(third) != string(again) {
			t.Fatalf("%v: %q became %q", err, again, third)
		}
	})
}

// room is a view that shows who is looking.
type room struct{ hub *live.Hub }

func (v *room) Mount(_ context.Context, s *live.Socket) error {
	who := s.Route("who")
	s.Subscribe(live.PresenceTopic("room"))
	return s.Track("room", who, strings.ToUpper(who))
}

func (v *room) Event(_ context.Context, s *live.Socket, e live.Event) error {
	if e.Get("do") == "hide" {
		s.Untrack("room")
		return nil
	}
	return errors.New("broken")
}

func (v *room) Info(_ context.Context, s *live.Socket, _ live.Message) error {
	s.Redraw()
	return nil
}

func (v *room) Render(_ context.Context, _ *live.Socket, w io.Writer) error {
	var names []string
	for _, p := range v.hub.Present("room") {
		names = append(names, fmt.Sprintf("%s×%d", p.Meta, p.Sockets))
	}
	_, err := fmt.Fprintf(w, `<p id="who">here: %s.</p>`, html.EscapeString(strings.Join(names, ", ")))
	return err
}

func TestViewShowsWhoIsLooking(t *testing.T) {
	bus := &air{}
	for name, cfg := range map[string]live.HubConfig{"alone": {}, "over a bus": {Bus: bus.end()}} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, cfg)
			w.app.Get("/room/:who", live.New(func() live.View { return &room{w.hub} }, live.Config{
				Hub:  w.hub,
				Page: func(c *fiber.Ctx, _ *live.Socket, body template.HTML) error { return c.SendString(string(body)) },
			}))
			w.listen()
			open := func(who string) *client {
				c, code := w.dial("/room/" + who)
				if c == nil {
					t.Fatalf("handshake: status %d", code)
				}
				return c
			}
			until := func(c *client, want string) {
				t.Helper()
				for !strings.Contains(c.text(), want) { // its own coming may be news for a view
				}
			}
			if _, _, body := get(t, "http://"+w.addr+"/room/nobody"); !strings.Contains(body, "here: .") {
				t.Errorf("who only gets the page is present: %s", body)
			}
			a := open("alice")
			until(a, "here: ALICE×1.")
			b := open("bob")
			until(b, "here: ALICE×1, BOB×1.")
			until(a, "here: ALICE×1, BOB×1.")
			b.event(`{"do":"hide"}`)
			until(a, "here: ALICE×1.")
			c := open("carol")
			until(a, "here: ALICE×1, CAROL×1.")
			c.event(`{"do":"break"}`) // a view that fails is gone too
			until(a, "here: ALICE×1.")
			c = open("carol")
			until(a, "here: ALICE×1, CAROL×1.")
			_ = c.Close()
			until(a, "here: ALICE×1.")
		})
	}
}

// BenchmarkPresence answers what it costs when 1,000 sockets come to one topic at once and go again, of 1,000 keys and of
// one: the time until all are tracked, the time until another process knows them, messages and bytes on the bus.
func BenchmarkPresence(b *testing.B) {
	for name, key := range map[string]func(int) string{
		"keys=1000": func(i int) string { return fmt.Sprintf("0193f2a0-7a3c-7000-8000-%012d", i) },
		"keys=1":    func(int) string { return "0193f2a0-7a3c-7000-8000-000000000000" },
	} {
		for _, over := range []string{"alone", "bus"} {
			b.Run(name+"/"+over, func(b *testing.B) {
				n := &cluster{t: b}
				h, other := live.NewHub(live.HubConfig{}), (*live.Hub)(nil)
				if over == "bus" {
					h, other = n.hub(), n.hub()
				}
				known := func(sockets int) {
					for other != nil {
						got := 0
						for _, p := range other.Present("page") {
							got += p.Sockets
						}
						if got == sockets {
							return
						}
						time.Sleep(time.Millisecond)
					}
				}
				sockets := make([]*live.Socket, 1000)
				for i := range sockets {
					sockets[i] = live.NewBareSocket(h)
				}
				var tracking time.Duration
				b.ReportAllocs()
				for b.Loop() {
					start := time.Now()
					for i, s := range sockets {
						if err := s.Track("page", key(i), "Somebody's Name"); err != nil {
							b.Fatal(err)
						}
					}
					tracking += time.Since(start)
					known(len(sockets))
					for _, s := range sockets {
						s.Untrack("page")
					}
					known(0)
				}
				b.ReportMetric(float64(tracking.Nanoseconds())/float64(b.N*len(sockets)), "ns/track")
				n.set(func() {
					b.ReportMetric(float64(n.kinds['S'])/float64(b.N), "messages/op")
					b.ReportMetric(float64(n.bytes)/float64(b.N), "bus-bytes/op")
				})
			})
		}
	}
}
