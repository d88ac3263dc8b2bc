package liveload_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fasthttp/websocket"

	"github.com/multiaccount-go/multiaccount/integration_test/sitetest"
)

// TestServerIsKilled: two hundred views outlive a process that ends without a word. Nobody has to do anything.
func TestServerIsKilled(t *testing.T) {
	const browsers, views = 8, 25
	redis := startRedis(t)
	n := sitetest.Start(t, redis.url())
	a := signIn(t, n, browsers, views)
	a.everyoneSees(n, "before the kill")
	stamp := a.browsers[0].tabs[0].stamp()

	n.Kill()
	a.await(5*time.Second, "the views notice", a.all(""), func(p *tab) bool { return len(p.closes()) == 1 })
	n = sitetest.StartAt(t, redis.url(), n.Addr)
	// The longest wait of a browser that has knocked in vain for the two or three seconds that a start takes.
	took := a.await(20*time.Second, "all views are back", a.all(""), func(p *tab) bool { return p.back(2) })
	t.Logf("%d views are back %v after the new process was ready", browsers*views, took)
	a.everyoneSees(n, "after the kill")

	// What was drawn before the kill still acts as who it was drawn for, and once.
	written := entry(alice, "written in a view")
	a.browsers[0].tabs[0].send(map[string]any{"text": written, "_stamp": stamp})
	a.await(10*time.Second, "the event of a view is executed", a.all(alice), func(p *tab) bool { return p.shows(written) == 1 })

	for _, p := range a.all("") { // a machine that is busy may turn some away with 1013, who then come back once more
		ends := p.closes()
		again := slices.ContainsFunc(ends[1:], func(code int) bool { return code != websocket.CloseTryAgainLater })
		if ends[0] != websocket.CloseAbnormalClosure || again {
			t.Errorf("closed with %v; want one end without a close code, and no other for good", ends)
		}
	}
	for _, notes := range [][]string{a.browsers[0].Notes(n), a.browsers[3].Notes(n)} { // two browsers of Alice
		if got := strings.Count(strings.Join(notes, "\n"), written); got != 1 {
			t.Errorf("the event was executed %d times: %q", got, notes)
		}
	}
	a.verify()
}
