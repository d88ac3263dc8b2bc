package sockets_test

import (
	"context"
	"fmt"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/multiaccount-go/multiaccount/integration_test/sitetest"
	"github.com/multiaccount-go/multiaccount/live"
	"github.com/multiaccount-go/multiaccount/redisstore"
)

// TestTooManySocketsOfAnAccount is DO-05 over processes: one account is signed in in several browsers, each at another
// process. Those that are open stay so, and the places of a process that died become free by themselves.
func TestTooManySocketsOfAnAccount(t *testing.T) {
	w := site(t)
	const most = 6
	prefix := redisstore.WithPrefix(fmt.Sprintf("crowd-%d", time.Now().UnixNano()))
	r := recipe{sockets: live.Limits{SocketsPerOwner: most}, places: redisstore.NewPlaces(w.rdb, prefix)}
	labs := []*lab{newLab(t, r), newLab(t, r)}
	var browsers []*browser
	var wires []*wire
	for _, l := range labs {
		browsers = append(browsers, l.signedIn("a"))
	}
	for i := range most {
		l, b := labs[i%2], browsers[i%2]
		wires = append(wires, b.open(l.node, doors[i%len(doors)]))
	}
	for i, l := range labs {
		for _, d := range doors {
			got := d.knock(l.node, browsers[i].CookieHeader(l.node)).must(t, l.node)
			isRefused(t, "one more "+d.name, got, http.StatusTooManyRequests)
			if got.header.Get("Retry-After") == "" {
				t.Errorf("%s: 429 without Retry-After", d.name)
			}
		}
		l.signedIn("b").open(l.node, tabSocket) // somebody else is not shut out
	}
	for i, wire := range wires {
		if text, code := wire.next(time.Millisecond); code != silent {
			t.Errorf("socket %d: %d, %q", i, code, text)
		}
	}
	for _, wire := range wires[:2] {
		wire.conn.Close() // without a word
	}
	for i, l := range labs {
		sitetest.Eventually(t, "a place is free again", func() bool {
			return tabSocket.knock(l.node, browsers[i].CookieHeader(l.node)).must(t, l.node).opened()
		})
	}
}

// TestTooManySocketsOfAnAddress is DO-05 for those who sign in as many as they like, all from one place. The address is the
// one that the proxy in front says, and nothing else that the client sends.
func TestTooManySocketsOfAnAddress(t *testing.T) {
	const most = 5
	l := newLab(t, recipe{
		sockets: live.Limits{SocketsPerAddress: most},
		app:     fiber.Config{ProxyHeader: "X-Real-IP", EnableTrustedProxyCheck: true, TrustedProxies: []string{"127.0.0.1"}},
	})
	from := func(d door, account, address string) reply {
		b := l.signedIn(account)
		return d.knock(l.node, b.CookieHeader(l.node)).and("X-Real-IP", address).and("X-Forwarded-For", account).
			and("Forwarded", "for="+account).must(t, l.node)
	}
	var open []reply
	for i := range most {
		got := from(doors[i%len(doors)], fmt.Sprint("a", i), "192.0.2.7")
		if !got.opened() {
			t.Fatalf("socket %d: %d", i, got.status)
		}
		open = append(open, got)
	}
	for i, d := range doors {
		isRefused(t, "one more "+d.name, from(d, fmt.Sprint("b", i), "192.0.2.7"), http.StatusTooManyRequests)
	}
	if got := from(tabSocket, "c", "192.0.2.8"); !got.opened() {
		t.Errorf("somebody else: %d", got.status)
	}
	open[0].conn.Close()
	sitetest.Eventually(t, "a place is free again", func() bool { return from(tabSocket, "d", "192.0.2.7").opened() })
}

// counting is a board that counts the events of all of its kind.
type counting struct {
	board
	executed *atomic.Int64
}

func (v *counting) Event(ctx context.Context, s *live.Socket, e live.Event) error {
	v.executed.Add(1)
	return v.board.Event(ctx, s, e)
}

// TestMessageFloodOverNewSockets is DO-02 for those who connect anew as soon as they have used up what they may send.
func TestMessageFloodOverNewSockets(t *testing.T) {
	var executed atomic.Int64
	l := newLab(t, recipe{
		sockets: live.Limits{MessagesPerSecond: 2, Burst: 10, MessagesPerKey: 4},
		view:    func(*lab) live.View { return &counting{executed: &executed} },
	})
	b := l.signedIn("a")
	stamp := b.stamp()
	for _, d := range views {
		before, began, refused := executed.Load(), time.Now(), 0
		for range 20 {
			wire := b.open(l.node, d)
			for range 9 {
				switch status := b.say(wire, event("_stamp", stamp, "text", "flood")); {
				case status == http.StatusTooManyRequests:
					refused++
				case d.stream && status != http.StatusNoContent && status != http.StatusNotFound:
					t.Fatalf("%s: %d", d.name, status)
				}
			}
			if !d.stream && wire.closed(300*time.Millisecond) == policy {
				refused++
			}
			wire.conn.Close()
		}
		most := 20 + int64(4*time.Since(began).Seconds()) + 1
		if n := executed.Load() - before; n > most || refused == 0 {
			t.Errorf("%s: %d events of 180 were executed, want %d at most; %d times refused", d.name, n, most, refused)
		}
	}
}
