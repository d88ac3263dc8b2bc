package live_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fasthttp/websocket"

	"github.com/multiaccount-go/multiaccount/live"
)

// knock tries to open a socket of a key from an address.
func (w *world) knock(name, address string) (*client, int) {
	w.t.Helper()
	c, code := w.dial("/tab/"+name+"/0/0", "X-Forwarded-For", address)
	if c != nil {
		c.expect("hello", 0)
	}
	return c, code
}

func TestSocketsOfAnAddress(t *testing.T) {
	for name, test := range map[string]struct {
		limits    live.Limits
		addresses []string // each opens one, of a session of its own
		refused   bool     // the last
	}{
		"one too many":                      {live.Limits{SocketsPerAddress: 2}, []string{"192.0.2.1", "192.0.2.1", "192.0.2.1"}, true},
		"others have their own":             {live.Limits{SocketsPerAddress: 2}, []string{"192.0.2.1", "192.0.2.1", "192.0.2.2"}, false},
		"another spelling":                  {live.Limits{SocketsPerAddress: 1}, []string{"192.0.2.1", "::ffff:192.0.2.1"}, true},
		"a neighbour of the same customer":  {live.Limits{SocketsPerAddress: 1}, []string{"2001:db8:1:2::3", "2001:db8:1:2:ffff::"}, true},
		"another customer":                  {live.Limits{SocketsPerAddress: 1}, []string{"2001:db8:1:2::3", "2001:db8:1:3::3"}, false},
		"private, and a limit is set":       {live.Limits{SocketsPerAddress: 1}, []string{"10.0.0.1", "10.0.0.1"}, true},
		"by default a tenth of the process": {live.Limits{Sockets: 20}, []string{"192.0.2.1", "192.0.2.1", "192.0.2.1"}, true},
		"private: perhaps a proxy's":        {live.Limits{Sockets: 20}, []string{"10.0.0.1", "10.0.0.1", "10.0.0.1"}, false},
		"loopback: perhaps a proxy's":       {live.Limits{Sockets: 20}, []string{"127.0.0.1", "127.0.0.1", "127.0.0.1"}, false},
		"unique local: perhaps a proxy's":   {live.Limits{Sockets: 20}, []string{"fd00::1", "fd00::1", "fd00::1"}, false},
		"what is no address is one":         {live.Limits{Sockets: 20}, []string{"x, 192.0.2.1", "x, 192.0.2.2", "unknown"}, true},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, live.HubConfig{Limits: test.limits}).listen()
			var open []*client
			for i, address := range test.addresses {
				c, code := w.knock(fmt.Sprint("k", i), address)
				if refused := test.refused && i == len(test.addresses)-1; refused && code != 429 || !refused && code != 101 {
					t.Fatalf("socket %d from %s: %d", i+1, address, code)
				}
				open = append(open, c)
			}
			if !test.refused {
				return
			}
			_ = open[0].Close()
			last := test.addresses[len(test.addresses)-1]
			eventually(t, "the place is free again", func() bool {
				c, code := w.knock("again", last)
				return c != nil && code == 101
			})
		})
	}
}

func TestSocketsOfAnOwner(t *testing.T) {
	w := newWorld(t, live.HubConfig{Limits: live.Limits{SocketsPerOwner: 3}})
	w.owner = func(k live.Key) string { return strings.TrimRight(string(k[:1]), "-") } // "a1" is a's; "-" is nobody's
	w.listen()
	var open []*client
	for _, name := range []string{"a1", "a1", "a2"} {
		open = append(open, w.tab(name, 0, 0))
	}
	if _, code := w.dial("/tab/a3/0/0"); code != 429 {
		t.Errorf("a fourth one: %d, want 429", code)
	}
	w.tab("b1", 0, 0).expect("hello", 0)
	for range 5 {
		w.tab("-", 0, 0).expect("hello", 0)
	}
	for _, c := range open {
		c.expect("hello", 0) // those that were open are as they were
	}
	_ = open[1].Close()
	eventually(t, "the place is free again", func() bool { _, code := w.dial("/tab/a3/0/0"); return code == 101 })
}

// places is a [live.Places] in memory, for several hubs. Time passes when a test says so.
type places struct {
	mu    sync.Mutex
	now   time.Duration
	kept  map[string]map[string]time.Duration // owner, place, its end
	fails error
}

func (p *places) Take(_ context.Context, owner, place string, most int, ttl time.Duration) (bool, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.fails != nil {
		return false, p.fails
	}
	if p.count(owner) >= most {
		return false, nil
	}
	p.keep(owner, place, ttl)
	return true, nil
}

func (p *places) Renew(_ context.Context, all map[string][]string, ttl time.Duration) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	for owner, kept := range all {
		for _, place := range kept {
			p.keep(owner, place, ttl)
		}
	}
	return p.fails
}

func (p *places) Free(_ context.Context, owner, place string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.kept[owner], place)
	return p.fails
}

func (p *places) keep(owner, place string, ttl time.Duration) {
	if p.kept == nil {
		p.kept = map[string]map[string]time.Duration{}
	}
	if p.kept[owner] == nil {
		p.kept[owner] = map[string]time.Duration{}
	}
	p.kept[owner][place] = p.now + ttl
}

func (p *places) count(owner string) (n int) {
	for _, end := range p.kept[owner] {
		if end > p.now {
			n++
		}
	}
	return n
}

func (p *places) of(owner string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.count(owner)
}

func TestSocketsOfAnOwnerOverProcesses(t *testing.T) {
	count := &places{}
	node := func() *world {
		w := newWorld(t, live.HubConfig{Limits: live.Limits{SocketsPerOwner: 3}, Places: count})
		w.owner = func(k live.Key) string { return string(k[:1]) }
		return w.listen()
	}
	one, two := node(), node()
	first := one.tab("a1", 0, 0)
	for _, c := range []*client{first, one.tab("a2", 0, 0), two.tab("a1", 0, 0)} {
		c.expect("hello", 0) // whose place is renewed from here on
	}
	for _, w := range []*world{one, two} {
		if _, code := w.dial("/tab/a4/0/0"); code != 429 {
			t.Errorf("a fourth one: %d, want 429", code)
		}
	}
	two.tab("b1", 0, 0).expect("hello", 0)

	count.mu.Lock()
	count.now = time.Hour // all would be over by now
	count.mu.Unlock()
	one.hub.RenewPlaces(t.Context())
	if n := count.of("a"); n != 2 {
		t.Errorf("%d places of a after process one has renewed its own, want 2", n)
	}
	count.mu.Lock()
	count.kept = nil // the database is empty
	count.mu.Unlock()
	one.hub.RenewPlaces(t.Context())
	two.hub.RenewPlaces(t.Context())
	if a, b := count.of("a"), count.of("b"); a != 3 || b != 1 {
		t.Errorf("%d places of a and %d of b after both have, want 3 and 1", a, b)
	}

	_ = first.Close()
	eventually(t, "the place is free on the other process", func() bool { _, code := two.dial("/tab/a4/0/0"); return code == 101 })

	count.mu.Lock()
	count.fails = errors.New("redis is away")
	count.mu.Unlock()
	if _, code := two.dial("/tab/a5/0/0"); code != 101 {
		t.Errorf("nobody counts: %d, want it let in", code)
	}
	if _, code := two.dial("/tab/a6/0/0"); code != 429 {
		t.Errorf("one more than this process may have alone: %d, want 429", code)
	}
}

// Whoever has used his messages up closes the socket and opens another one, also when the hub has forgotten others meanwhile.
func TestNewSocketIsNoNewBudget(t *testing.T) {
	limits := live.Limits{MessagesPerSecond: 1, Burst: 20, MessagesPerKey: 1, PingEvery: 64 * time.Millisecond}
	w := newWorld(t, live.HubConfig{Limits: limits}).listen()
	send := func(name string, messages int) (code int) {
		c := w.tab(name, 0, 0)
		c.expect("hello", 0)
		for range messages {
			if err := c.WriteMessage(websocket.TextMessage, []byte("{}")); err != nil {
				break
			}
		}
		_ = c.WriteControl(websocket.PingMessage, nil, time.Now().Add(time.Second))
		ponged := errors.New("pong")
		c.SetPongHandler(func(string) error { return ponged })
		_ = c.SetReadDeadline(time.Now().Add(10 * time.Second))
		_, _, err := c.ReadMessage()
		_ = c.Close()
		var closed *websocket.CloseError
		if errors.As(err, &closed) {
			return closed.Code
		}
		if !errors.Is(err, ponged) {
			t.Fatalf("got %v", err)
		}
		return 0
	}
	gone := func() { eventually(t, "its place is free", func() bool { return w.hub.Groups() == 0 }) }
	if code := send("k", 18); code != 0 {
		t.Errorf("the first socket: closed with %d", code)
	}
	for i := range 20 {
		if code := send(fmt.Sprint("brief", i), 1); code != 0 {
			t.Errorf("another key: closed with %d", code)
		}
	}
	gone()
	eventually(t, "the keys that sent little are forgotten", func() bool { return w.hub.Spent() < 2 })
	if code := send("k", 18); code != 1008 { // it could send 2 at once, and one more each second since
		t.Errorf("the second socket: closed with %d, want 1008", code)
	}
	gone()
}

// What a key has sent is forgotten once its budget is whole again.
func TestBudgetsOfTheGoneAreForgotten(t *testing.T) {
	limits := live.Limits{PingEvery: 100 * time.Millisecond, MessagesPerSecond: 100, Burst: 5}
	w := newWorld(t, live.HubConfig{Limits: limits}).listen()
	w.tab("stays", 0, 0)
	for i := range 20 {
		c := w.tab(fmt.Sprint("k", i), 0, 0)
		c.expect("hello", 0)
		_ = c.WriteMessage(websocket.TextMessage, []byte("{}"))
		_ = c.Close()
	}
	eventually(t, "all are forgotten", func() bool { return w.hub.Groups() == 1 && w.hub.Spent() == 0 })
}
