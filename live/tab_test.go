package live_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fasthttp/websocket"

	"github.com/multiaccount-go/multiaccount/live"
)

func TestTab(t *testing.T) {
	cases := map[string]func(w *world){
		"a page that is up to date gets the hello only, then what is announced": func(w *world) {
			w.set(state("k", 3, 1))
			c := w.tab("k", 1, 3)
			c.expect("hello", 3)
			w.hub.Announce(state("k", 4, 1))
			c.expect("session-changed", 4)
			w.hub.Announce(state("k", 5, 1))
			c.expect("session-changed", 5)
		},
		"an older page is told at once": func(w *world) {
			w.set(state("k", 3, 1))
			c := w.tab("k", 1, 2)
			c.expect("hello", 3)
			c.expect("session-changed", 3)
			w.hub.Announce(state("k", 3, 1))
			w.hub.Announce(state("k", 4, 1))
			c.expect("session-changed", 4)
		},
		"duplicates and older versions are dropped, another history is not": func(w *world) {
			w.set(state("k", 7, 1))
			c := w.tab("k", 1, 7)
			c.expect("hello", 7)
			w.hub.Announce(state("k", 6, 1))
			w.hub.Announce(state("k", 7, 1))
			w.hub.Announce(state("k", 8, 1))
			c.expect("session-changed", 8)
			w.hub.Announce(state("k", 8, 1))
			other := state("k", 8, 1)
			other.Tag = "other"
			w.hub.Announce(other)
			c.expect("session-changed", 8)
			w.hub.Announce(state("k", 9, 1))
			c.expect("session-changed", 9)
		},
		"an announcement without a generation closes nothing": func(w *world) {
			w.set(state("k", 1, 2))
			c := w.tab("k", 2, 1)
			c.expect("hello", 1)
			w.hub.Announce(state("k", 2, 0))
			c.expect("session-changed", 2)
			w.hub.Announce(state("k", 3, 2))
			c.expect("session-changed", 3)
		},
		"a new generation closes the old sockets with 1012": func(w *world) {
			w.set(state("k", 1, 1))
			old, young := w.tab("k", 1, 1), (*client)(nil)
			old.expect("hello", 1)
			w.set(state("k", 2, 2))
			w.hub.Announce(state("k", 2, 2))
			old.expect("session-changed", 2)
			if code := old.closed(); code != 1012 {
				w.t.Errorf("closed with %d, want 1012", code)
			}
			young = w.tab("k", 2, 2)
			young.expect("hello", 2)
			w.hub.Announce(state("k", 3, 2))
			young.expect("session-changed", 3)
		},
		"a socket that was opened with an old generation goes at once": func(w *world) {
			w.set(state("k", 2, 2))
			c := w.tab("k", 1, 2)
			c.expect("hello", 2)
			c.expect("session-changed", 2)
			if code := c.closed(); code != 1012 {
				w.t.Errorf("closed with %d, want 1012", code)
			}
		},
		"an end closes with 1008": func(w *world) {
			w.set(state("k", 1, 1))
			c := w.tab("k", 1, 1)
			c.expect("hello", 1)
			w.hub.Announce(ended("k", 2))
			c.expect("session-ended", 2)
			if code := c.closed(); code != 1008 {
				w.t.Errorf("closed with %d, want 1008", code)
			}
		},
		"an end is told whatever its version": func(w *world) {
			w.set(state("k", 9, 1))
			c := w.tab("k", 1, 9)
			c.expect("hello", 9)
			w.hub.Announce(ended("k", 0))
			c.expect("session-ended", 0)
			if code := c.closed(); code != 1008 {
				w.t.Errorf("closed with %d, want 1008", code)
			}
		},
		"what has ended already says no hello": func(w *world) {
			w.set(ended("k", 4))
			c := w.tab("k", 1, 3)
			c.expect("session-ended", 4)
			if code := c.closed(); code != 1008 {
				w.t.Errorf("closed with %d, want 1008", code)
			}
		},
		"a truth that cannot be read closes with 1013": func(w *world) {
			w.fail = errors.New("store is gone")
			if code := w.tab("k", 1, 1).closed(); code != 1013 {
				w.t.Errorf("closed with %d, want 1013", code)
			}
		},
		"a panic closes with 1011 and says nothing": func(w *world) {
			w.pause = func() { panic("the password is hunter2") }
			if code := w.tab("k", 1, 1).closed(); code != 1011 {
				w.t.Errorf("closed with %d, want 1011", code)
			}
		},
		"an announcement between join and hello is neither missed nor told twice": func(w *world) {
			reading, resume := make(chan struct{}), make(chan struct{})
			w.set(state("k", 3, 1))
			w.pause = func() { close(reading); <-resume }
			c := w.tab("k", 1, 3)
			<-reading
			w.hub.Announce(state("k", 4, 1)) // Read will answer with 3
			close(resume)
			c.expect("hello", 4)
			c.expect("session-changed", 4)
			w.hub.Announce(state("k", 4, 1))
			w.hub.Announce(state("k", 5, 1))
			c.expect("session-changed", 5)
		},
		"what was read is believed whatever its number, and what comes after it counts from there": func(w *world) {
			w.set(state("k", 7, 1))
			c := w.tab("k", 1, 7)
			c.expect("hello", 7)
			w.hub.Announce(state("k", 9, 1))
			c.expect("session-changed", 9)
			back := state("k", 5, 1) // the database has lost its last writes
			back.AsOf = w.hub.Moment()
			w.hub.Announce(back)
			c.expect("session-changed", 5)
			back.AsOf = w.hub.Moment()
			w.hub.Announce(back)
			w.hub.Announce(state("k", 6, 1))
			c.expect("session-changed", 6)
		},
		"what was read before a change undoes nothing": func(w *world) {
			w.set(state("k", 7, 1))
			c := w.tab("k", 1, 7)
			c.expect("hello", 7)
			read := state("k", 7, 1)
			read.AsOf = w.hub.Moment()
			w.hub.Announce(state("k", 8, 1))
			c.expect("session-changed", 8)
			w.hub.Announce(read)
			if w.hub.Behind(key("k"), 8, "tag8") {
				w.t.Error("what was read before has taken the place of the change")
			}
			read = state("k", 9, 1)
			read.AsOf = 1
			w.hub.Announce(read)
			c.expect("session-changed", 9)
		},
		"what was announced before the database went back is not told to who reads after it": func(w *world) {
			w.set(state("k", 7, 1))
			other := w.tab("k", 1, 7)
			other.expect("hello", 7)
			w.hub.Announce(state("k", 8, 1))
			other.expect("session-changed", 8)
			c := w.tab("k", 1, 7)
			c.expect("hello", 7)
			w.hub.Announce(state("k", 9, 1))
			c.expect("session-changed", 9)
			other.expect("session-changed", 9)
		},
		"the secret of a lost write is none": func(w *world) {
			w.set(state("k", 7, 3))
			c := w.tab("k", 3, 7)
			c.expect("hello", 7)
			back := state("k", 6, 2)
			back.AsOf = w.hub.Moment()
			w.hub.Announce(back)
			c.expect("session-changed", 6)
			if code := c.closed(); code != 1012 {
				w.t.Errorf("closed with %d, want 1012", code)
			}
		},
		"a secret that was rotated away is none, whatever the version": func(w *world) {
			w.set(state("k", 7, 1))
			c := w.tab("k", 1, 7)
			c.expect("hello", 7)
			w.hub.Announce(state("k", 7, 2))
			c.expect("session-changed", 7)
			if code := c.closed(); code != 1012 {
				w.t.Errorf("closed with %d, want 1012", code)
			}
		},
		"who is behind is known": func(w *world) {
			behind := func(version int64, tag string, want bool) {
				w.t.Helper()
				if got := w.hub.Behind(key("k"), version, tag); got != want {
					w.t.Errorf("behind version %d, %s: %v", version, tag, got)
				}
			}
			behind(7, "tag7", false) // nobody is there
			w.set(state("k", 7, 1))
			c := w.tab("k", 1, 7)
			c.expect("hello", 7)
			behind(7, "tag7", false)
			behind(8, "tag7", true)
			behind(6, "tag7", true)
			behind(7, "other", true)
			w.hub.Announce(state("k", 8, 1))
			behind(8, "tag8", false)
			behind(9, "tag8", true)
			behind(7, "tag8", true)
			behind(8, "other", true)
			c.expect("session-changed", 8)
		},
		"only sockets of the key are told": func(w *world) {
			w.set(state("a", 1, 1))
			w.set(state("b", 1, 1))
			a, b := w.tab("a", 1, 1), w.tab("b", 1, 1)
			a.expect("hello", 1)
			b.expect("hello", 1)
			w.hub.Announce(state("a", 2, 1))
			w.hub.Announce(state("b", 3, 1))
			a.expect("session-changed", 2)
			b.expect("session-changed", 3)
			if n := len(w.hub.Followed()); n != 2 {
				w.t.Errorf("%d keys, want 2", n)
			}
		},
	}
	for name, run := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			run(newWorld(t, live.HubConfig{}).listen())
		})
	}
}

// Tabs come and go while versions are announced from two sides, doubled and out of order. Every tab sees versions grow, each
// once, and has the newest in the end.
func TestNoVersionIsMissedOrSeenTwice(t *testing.T) {
	w := newWorld(t, live.HubConfig{Limits: live.Limits{SocketsPerKey: 500}}).listen()
	const keys, last = 3, 300
	var newest [keys]atomic.Int64
	for i := range keys {
		newest[i].Store(1)
		w.set(state(fmt.Sprint("key", i), 1, 1))
	}
	stop := make(chan struct{})
	var announcers, tabs sync.WaitGroup
	for i := range keys {
		name := fmt.Sprint("key", i)
		announcers.Go(func() {
			for v := int64(2); v <= last; v++ {
				w.set(state(name, v, 1))
				newest[i].Store(v)
				w.hub.Announce(state(name, v, 1))
				if rand.IntN(3) == 0 {
					w.hub.Announce(state(name, max(1, v-rand.Int64N(4)), 1)) // an echo, late
				}
				time.Sleep(time.Duration(rand.IntN(3)) * time.Millisecond)
			}
		})
		for range 4 {
			tabs.Go(func() {
				for final := false; !final; {
					select {
					case <-stop:
						final = true
					default:
					}
					page := newest[i].Load() - rand.Int64N(3)
					c := w.tab(name, 1, page)
					var hello, seen int64
					until := rand.IntN(20)
					for n := 0; final || n < until; n++ {
						_ = c.SetReadDeadline(time.Now().Add(5 * time.Second))
						var f frame
						if final && max(hello, seen) == last {
							break
						}
						if err := c.ReadJSON(&f); err != nil {
							if final {
								t.Errorf("%s: page %d ends with hello %d, seen %d: %v", name, page, hello, seen, err)
							}
							break // nothing new for a while
						}
						switch {
						case f.Key != name:
							t.Errorf("tab of %s got %+v", name, f)
						case n == 0 && f.Type != "hello", n > 0 && f.Type != "session-changed":
							t.Errorf("frame %d is %+v", n, f)
						case f.Type == "hello":
							hello = f.V
						case f.V <= seen, n == 1 && f.V < hello, n == 1 && f.V == hello && page == hello:
							t.Errorf("%+v after %d, hello %d, page %d", f, seen, hello, page)
						default:
							seen = f.V
						}
						if max(hello, seen) == last {
							break
						}
					}
					_ = c.Close()
				}
			})
		}
	}
	announcers.Wait()
	close(stop)
	tabs.Wait()
	eventually(t, "all sockets gone", func() bool { return w.hub.Active() == 0 })
}

// TestEventForAClosedSocketReachesTheNextUser: connections come from pools, so whoever writes to one after its handler has
// returned writes to somebody else's socket.
func TestEventForAClosedSocketReachesTheNextUser(t *testing.T) {
	w := newWorld(t, live.HubConfig{Limits: live.Limits{SocketsPerKey: 500}}).listen()
	stop := make(chan struct{})
	var announcers, tabs sync.WaitGroup
	for _, name := range []string{"alice", "bob"} {
		w.set(state(name, 1, 1))
		announcers.Go(func() {
			for v := int64(2); ; v++ {
				select {
				case <-stop:
					return
				default:
				}
				w.set(state(name, v, 1))
				w.hub.Announce(state(name, v, 1))
				time.Sleep(200 * time.Microsecond)
			}
		})
		for range 6 {
			tabs.Go(func() {
				for range 40 {
					c := w.tab(name, 1, 0)
					for range rand.IntN(5) {
						var f frame
						_ = c.SetReadDeadline(time.Now().Add(5 * time.Second))
						if err := c.ReadJSON(&f); err != nil || f.Key != name {
							t.Errorf("socket of %s: %+v, %v", name, f, err)
							break
						}
					}
					_ = c.NetConn().Close()
				}
			})
		}
	}
	tabs.Wait()
	close(stop)
	announcers.Wait()
}

func TestAProcessHoldsSoManySocketsAndNoMore(t *testing.T) {
	w := newWorld(t, live.HubConfig{Limits: live.Limits{Sockets: 2, SocketsPerAddress: 2}}).listen()
	w.set(state("a", 1, 1))
	w.set(state("b", 1, 1))
	a, b := w.tab("a", 1, 1), w.tab("b", 1, 1)
	if _, code := w.dial("/tab/a/1/1"); code != 503 {
		t.Errorf("a third socket: status %d, want 503", code)
	}
	_ = a.Close()
	eventually(t, "a place is free", func() bool {
		c, code := w.dial("/tab/a/1/1")
		return c != nil && code == 101
	})
	b.expect("hello", 1)
}

func TestHandshakeIsRefusedBeforeTheUpgrade(t *testing.T) {
	w := newWorld(t, live.HubConfig{Limits: live.Limits{SocketsPerKey: 2}}).listen()
	w.set(state("k", 1, 1))
	for name, c := range map[string]struct {
		header []string
		want   int
	}{
		"no origin":      {[]string{"Origin", ""}, 403},
		"another origin": {[]string{"Origin", "http://evil.test"}, 403},
		"https":          {[]string{"Origin", "https://" + w.addr + ":444"}, 403},
	} {
		if _, code := w.dial("/tab/k/1/1", c.header...); code != c.want {
			t.Errorf("%s: status %d, want %d", name, code, c.want)
		}
	}
	a, b := w.tab("k", 1, 1), w.tab("k", 1, 1)
	if _, code := w.dial("/tab/k/1/1"); code != 429 {
		t.Errorf("third socket: status %d, want 429", code)
	}
	_ = a.Close()
	eventually(t, "a place is free", func() bool {
		c, code := w.dial("/tab/k/1/1")
		return c != nil && code == 101
	})
	b.expect("hello", 1)

	for name, request := range map[string]string{
		"plain GET": "GET /tab/k/1/1 HTTP/1.1\r\nHost: x\r\n\r\n",
		"no key":    "GET /tab/k/1/1 HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\r\n",
		"HTTP/1.0":  "GET /tab/k/1/1 HTTP/1.0\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n",
	} {
		conn, err := net.Dial("tcp", w.addr)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = conn.Write([]byte(request))
		buf := make([]byte, 12)
		_ = conn.SetReadDeadline(time.Now().Add(5 * time.Second))
		if _, err := conn.Read(buf); err != nil || string(buf[9:12]) != "426" {
			t.Errorf("%s: got %q, %v, want 426", name, buf, err)
		}
		_ = conn.Close()
	}
}

func TestPeerThatSendsWrongThings(t *testing.T) {
	for name, c := range map[string]struct {
		send func(c *client)
		want int
	}{
		"a flood": {func(c *client) {
			for range 200 {
				_ = c.WriteMessage(websocket.TextMessage, []byte("{}"))
			}
		}, 1008},
		"a flood of pings": {func(c *client) {
			for range 200 {
				_ = c.WriteControl(websocket.PingMessage, nil, time.Now().Add(time.Second))
			}
		}, 1008},
		"a message of 17 KiB": {func(c *client) {
			_ = c.WriteMessage(websocket.TextMessage, make([]byte, 17<<10))
		}, 1009},
		"a message of 8 MiB": {func(c *client) {
			_ = c.WriteMessage(websocket.BinaryMessage, make([]byte, 8<<20))
		}, 1009},
		"a frame that announces 2^62 bytes": {func(c *client) {
			_, _ = c.NetConn().Write([]byte{0x81, 0xff, 0x40, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 'x'})
		}, 1009},
		"a frame without a mask": {func(c *client) {
			_, _ = c.NetConn().Write([]byte{0x81, 0x02, 'h', 'i'})
		}, 1002},
		"many small fragments": {func(c *client) {
			first, next := []byte{0x01, 0x81, 0, 0, 0, 0, 'x'}, []byte{0x00, 0x81, 0, 0, 0, 0, 'x'}
			all := first
			for range 17 << 10 {
				all = append(all, next...)
			}
			_, _ = c.NetConn().Write(all)
		}, 1009},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, live.HubConfig{}).listen()
			w.set(state("k", 1, 1))
			bad, good := w.tab("k", 1, 1), w.tab("k", 1, 1)
			bad.expect("hello", 1)
			good.expect("hello", 1)
			c.send(bad)
			if code := bad.closed(); code != c.want {
				t.Errorf("closed with %d, want %d", code, c.want)
			}
			w.hub.Announce(state("k", 2, 1))
			good.expect("session-changed", 2)
		})
	}
}

func TestBinaryAndHalfFramesCostATabNothing(t *testing.T) {
	w := newWorld(t, live.HubConfig{}).listen()
	w.set(state("k", 1, 1))
	c := w.tab("k", 1, 1)
	c.expect("hello", 1)
	_ = c.WriteMessage(websocket.BinaryMessage, []byte{1, 2, 3})
	_, _ = c.NetConn().Write([]byte{0x81, 0x85, 1, 2, 3}) // and no more of it
	w.hub.Announce(state("k", 2, 1))
	c.expect("session-changed", 2)
	w.hub.Announce(ended("k", 3))
	start := time.Now()
	c.expect("session-ended", 3)
	if code := c.closed(); code != 1008 {
		t.Errorf("closed with %d, want 1008", code)
	}
	eventually(t, "the handler is gone", func() bool { return w.hub.Active() == 0 })
	if took := time.Since(start); took > 2*time.Second {
		t.Errorf("took %v, want at most 2s", took)
	}
}

// A peer whose buffers are full costs only itself.
func TestPeerThatNeverReads(t *testing.T) {
	// Whoever waited for the silent peers would wait for this long; half of it is patience with a busy machine.
	const timeout = 3 * time.Second
	w := newWorld(t, live.HubConfig{Limits: live.Limits{WriteTimeout: timeout}}).listen()
	big := func(v int64) live.Announcement {
		a := state("k", v, 1)
		a.Payload = append(a.Payload, make([]byte, 256<<10)...)
		for i := len(a.Payload) - 256<<10; i < len(a.Payload); i++ {
			a.Payload[i] = ' '
		}
		return a
	}
	w.set(state("k", 1, 1))
	for range 5 { // these never read
		c := w.tab("k", 1, 1)
		_ = c.NetConn().(*net.TCPConn).SetReadBuffer(4096)
	}
	good := w.tab("k", 1, 1)
	good.expect("hello", 1)
	var worst time.Duration
	var v int64
	for v = 2; w.hub.Active() > 1; v++ {
		if v > 50_000 {
			t.Fatal("the silent peers are still there")
		}
		start := time.Now()
		w.hub.Announce(big(v))
		if took := time.Since(start); took > timeout/2 {
			t.Errorf("Announce blocked for %v", took)
		}
		good.expect("session-changed", v)
		worst = max(worst, time.Since(start))
	}
	if worst > timeout/2 {
		t.Errorf("the tab that reads had to wait %v", worst)
	}
}

// Once the state says that a socket must go, it goes within two seconds, even if a write to it hangs.
func TestPeerThatNeverReadsIsCutInTime(t *testing.T) {
	w := newWorld(t, live.HubConfig{}).listen()
	w.set(state("k", 1, 1))
	c := w.tab("k", 1, 1)
	c.expect("hello", 1)
	stuck := state("k", 2, 1)
	stuck.Payload = make([]byte, 32<<20)
	w.hub.Announce(stuck)
	time.Sleep(50 * time.Millisecond)
	start := time.Now()
	w.hub.Announce(ended("k", 3))
	eventually(t, "the socket is gone", func() bool { return w.hub.Active() == 0 })
	if took := time.Since(start); took > 2*time.Second {
		t.Errorf("took %v, want at most 2s", took)
	}
}

// A peer that shows signs of life but does not answer the close frame gets no more time for it.
func TestPongsDoNotPostponeTheEnd(t *testing.T) {
	w := newWorld(t, live.HubConfig{}).listen()
	w.set(state("k", 1, 1))
	c := w.tab("k", 1, 1)
	c.expect("hello", 1)
	w.hub.Announce(ended("k", 2))
	start := time.Now()
	eventually(t, "the socket is gone", func() bool {
		_ = c.WriteControl(websocket.PongMessage, nil, time.Now().Add(time.Second))
		return w.hub.Active() == 0
	})
	if took := time.Since(start); took > 2*time.Second {
		t.Errorf("took %v, want at most 2s", took)
	}
}

func TestPings(t *testing.T) {
	w := newWorld(t, live.HubConfig{Limits: live.Limits{PingEvery: 64 * time.Millisecond, PongTimeout: 1500 * time.Millisecond}}).listen()
	w.set(state("k", 1, 1))
	dead, alive := w.tab("k", 1, 1), w.tab("k", 1, 1)
	dead.SetPingHandler(func(string) error { return nil })
	go func() { _, _, _ = dead.ReadMessage(); _, _, _ = dead.ReadMessage() }()
	alive.expect("hello", 1)
	var pings atomic.Int64
	answer := alive.PingHandler()
	alive.SetPingHandler(func(data string) error { pings.Add(1); return answer(data) })
	go func() {
		eventually(t, "the dead peer is cut", func() bool { return w.hub.Active() == 1 })
		time.Sleep(500 * time.Millisecond)
		w.hub.Announce(state("k", 2, 1))
	}()
	alive.expect("session-changed", 2)
	if pings.Load() < 3 {
		t.Errorf("%d pings, want more", pings.Load())
	}
}

func TestCloseOfTheHub(t *testing.T) {
	w := newWorld(t, live.HubConfig{}).listen()
	w.set(state("k", 1, 1))
	tabs := []*client{w.tab("k", 1, 1), w.tab("k", 1, 1)}
	for _, c := range tabs {
		c.expect("hello", 1)
	}
	silent := w.tab("k", 1, 1) // does not answer the close frame
	done := make(chan error, 1)
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		done <- w.hub.Close(ctx)
	}()
	for _, c := range tabs {
		if code := c.closed(); code != 1012 {
			t.Errorf("closed with %d, want 1012", code)
		}
	}
	if err := <-done; err != nil {
		t.Errorf("Close: %v", err)
	}
	if n := w.hub.Active(); n != 0 {
		t.Errorf("%d sockets after Close", n)
	}
	if _, code := w.dial("/tab/k/1/1"); code != 503 {
		t.Errorf("after Close: status %d, want 503", code)
	}
	_ = silent
}

func TestCompressionIsNotNegotiated(t *testing.T) {
	w := newWorld(t, live.HubConfig{}).listen()
	w.set(state("k", 1, 1))
	d := websocket.Dialer{EnableCompression: true}
	conn, resp, err := d.Dial("ws://"+w.addr+"/tab/k/1/1", map[string][]string{"Origin": {"http://" + w.addr}})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if ext := resp.Header.Get("Sec-WebSocket-Extensions"); ext != "" {
		t.Errorf("extensions %q, want none", ext)
	}
}
