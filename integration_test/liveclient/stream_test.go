package liveclient_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/multiaccount-go/multiaccount/integration_test/browsertest"
)

const form = `<form id="say" data-ws-send hx-ws:send><input id="text" name="text"><button>Say</button></form><p id="count">0</p>`

// kinds lists how the view was asked for, such as "socket socket stream".
func kinds(s *site) string {
	var kinds []string
	for _, each := range look(s, func() []string { return slices.Clone(s.opened) }) {
		kind, _, _ := strings.Cut(each, " ")
		kinds = append(kinds, kind)
	}
	return strings.Join(kinds, " ")
}

// openBlocked opens a page whose websockets are refused and waits until the view has its stream.
func openBlocked(t *testing.T, tab *browsertest.Tab, s *site, page string) {
	t.Helper()
	s.set(func() { s.refuse = 403 })
	open(t, tab, s, page)
}

func TestStream(t *testing.T) {
	chromium := browsertest.Start(t)

	both(t, "where websockets are blocked the view lives on a stream", func(t *testing.T, page string) {
		s, tab := newSite(t, form), newTab(t, chromium)
		openBlocked(t, tab, s, page)
		if got := kinds(s); got != "socket socket stream" {
			t.Fatalf("asked for %s, want two sockets and a stream", got)
		}
		if q := queryOf(s.last()); q.Get("_live") != "00000000000000aa" {
			t.Errorf("stream: %s, want it to say what the page shows", s.last())
		}
		s.push("<p id=\"count\" hx-swap-oob=\"true\">\n<b>1</b></p>")
		tab.WaitFor(`document.querySelector('#count').innerHTML === '\n<b>1</b>'`, patience)
		for n, text := range []string{"one", "two", "three"} {
			run(tab, `document.querySelector('#text').value = '`+text+`'; document.querySelector('#say').requestSubmit()`)
			if n == 0 {
				s.message(t, 1)
			}
		}
		s.message(t, 3)
		for n, text := range []string{"one", "two", "three"} {
			if got := s.message(t, n+1)["text"]; got != text {
				t.Errorf("message %d is %q, want %q", n+1, got, text)
			}
		}
		if got := look(s, func() string { return s.posts[0] }); got != streamID+" application/json" {
			t.Errorf("posted with %q", got)
		}
		s.close(1012)
		s.awaitLines(t, 2)
		tab.WaitFor(isOpen, patience)
		if got := kinds(s); got != "socket socket stream stream" {
			t.Errorf("asked for %s, want no socket where they are blocked", got)
		}
		if q := queryOf(s.last()); q.Has("_live") {
			t.Errorf("second stream: %s, want no _live", s.last())
		}
	})

	both(t, "a guard in front of the view finds the stamp where every request has it", func(t *testing.T, page string) {
		s, tab := newSite(t, form), newTab(t, chromium)
		openBlocked(t, tab, s, page+"&accounts=1")
		run(tab, `document.querySelector('#text').value = 'one'; document.querySelector('#say').requestSubmit()`)
		if got := s.message(t, 1)["_stamp"]; got != "v1.alice" {
			t.Errorf("the message has stamp %v", got)
		}
		if got := look(s, func() string { return s.posts[0] }); got != streamID+" application/json v1.alice" {
			t.Errorf("posted with %q", got)
		}
	})

	both(t, "that sockets are blocked is remembered in the tab for ten minutes", func(t *testing.T, page string) {
		s, tab := newSite(t, ""), newTab(t, chromium)
		openBlocked(t, tab, s, page)
		tab.Reload()
		tab.WaitFor(isOpen, patience)
		if got := kinds(s); got != "socket socket stream stream" {
			t.Fatalf("asked for %s, want a stream at once after the reload", got)
		}
		want(t, tab, `Math.round((sessionStorage.getItem('live-sockets-blocked') - Date.now()) / 60000)`, "10")
		run(tab, `sessionStorage.setItem('live-sockets-blocked', Date.now() - 1)`)
		s.set(func() { s.refuse = 0 })
		tab.Reload()
		tab.WaitFor(isOpen, patience)
		if got := kinds(s); got != "socket socket stream stream socket" {
			t.Errorf("asked for %s, want a socket when the time is over", got)
		}
	})

	both(t, "a handshake without an answer is given up for a stream", func(t *testing.T, page string) {
		s, tab := newSite(t, ""), newTab(t, chromium)
		s.set(func() { s.hang = true })
		open(t, tab, s, page+"&hurry")
		if got := kinds(s); got != "socket stream" {
			t.Errorf("asked for %s, want one socket and a stream", got)
		}
	})

	both(t, "a server that is down is not taken for blocked sockets, and its patience is kept to", func(t *testing.T, page string) {
		s, tab := newSite(t, ""), newTab(t, chromium)
		s.set(func() { s.refuse, s.noStream, s.retry = 429, 429, "2" })
		tab.Navigate(s.URL + "/live?" + page)
		certain(tab, "0")
		eventually(t, "a stream", func() bool { return strings.HasSuffix(kinds(s), "stream") })
		n := s.count()
		s.set(func() { s.refuse = 0 })
		s.awaitLines(t, 1)
		if got := kinds(s); got != "socket socket stream socket" {
			t.Errorf("asked for %s, want a socket again", got)
		}
		if waited := look(s, func() time.Duration { return s.times[n].Sub(s.times[n-1]) }); waited < 1900*time.Millisecond {
			t.Errorf("came back after %v, want the 2 s of Retry-After", waited)
		}
		want(t, tab, `sessionStorage.getItem('live-sockets-blocked')`, "null")
	})

	both(t, "an event that is refused for its haste is sent again, before those after it", func(t *testing.T, page string) {
		s, tab := newSite(t, form), newTab(t, chromium)
		openBlocked(t, tab, s, page)
		s.set(func() { s.noPost = 429 })
		for _, text := range []string{"one", "two"} {
			run(tab, `document.querySelector('#text').value = '`+text+`'; document.querySelector('#say').requestSubmit()`)
		}
		if one, two := s.message(t, 1)["text"], s.message(t, 2)["text"]; one != "one" || two != "two" {
			t.Errorf("said %v, then %v", one, two)
		}
	})

	for name, status := range map[string]int{"is not known any more": 404, "is of another session": 409} {
		both(t, "a stream that "+name+" is opened anew", func(t *testing.T, page string) {
			s, tab := newSite(t, form), newTab(t, chromium)
			openBlocked(t, tab, s, page)
			s.set(func() { s.noPost = status })
			run(tab, `document.querySelector('#say').requestSubmit()`)
			s.awaitLines(t, 2)
			tab.WaitFor(isOpen, patience)
		})
	}

	both(t, "a stream that breaks off is opened anew", func(t *testing.T, page string) {
		s, tab := newSite(t, form), newTab(t, chromium)
		openBlocked(t, tab, s, page)
		s.close(0)
		s.awaitLines(t, 2)
	})

	both(t, "a stream that falls silent is opened anew", func(t *testing.T, page string) {
		s, tab := newSite(t, form), newTab(t, chromium)
		openBlocked(t, tab, s, page+"&hurry")
		// It may be silent for 75 s, which are 3.75 s here; opening it may take 16 s.
		browsertest.Evaluate[bool](tab, `new Promise(done => setTimeout(done, 2000, true))`)
		if got := look(s, func() int { return len(s.lines) }); got != 1 {
			t.Errorf("%d streams after 40 s of silence, want one", got)
		}
		s.awaitLines(t, 2)
	})
}

func TestTabStream(t *testing.T) {
	chromium := browsertest.Start(t)

	seen := func(s *site) string { return look(s, func() string { return strings.Join(s.tabSeen, " ") }) }

	t.Run("where websockets are blocked the tab follows over a stream", func(t *testing.T) {
		t.Parallel()
		s, tab := newSite(t, ""), newTab(t, chromium)
		s.set(func() { s.noTab, s.refuse = 403, 403 })
		tab.Navigate(s.URL + "/live?htmx=2&accounts")
		eventually(t, "a stream of the tab", func() bool { return look(s, func() bool { return len(s.tabs) == 1 }) })
		if got := seen(s); got != "socket socket stream" && got != "socket stream" { // the view may find out before
			t.Errorf("tab asked for %s", got)
		}
		s.set(func() {
			s.account, s.version = "bob", 2
			s.tabs[0].out <- `{"type":"session-changed","v":2,"reason":"switched"}`
		})
		tab.WaitFor(`document.querySelector('meta[name="account-stamp"]').content === 'v1.bob'`, patience)
		s.set(func() { s.tabs[0].out <- "close 1012" })
		eventually(t, "the tab is back", func() bool { return look(s, func() bool { return len(s.tabs) == 2 }) })
		s.set(func() { s.tabs[1].out <- "close 1008" })
		settled(tab)
		n := len(seen(s))
		browsertest.Evaluate[bool](tab, `new Promise(done => setTimeout(done, 1200, true))`)
		if got := seen(s); len(got) != n {
			t.Errorf("tab asked for %s, want nothing after 1008", got)
		}
	})

	t.Run("a server that refuses the tab both ways gets sockets again", func(t *testing.T) {
		t.Parallel()
		s, tab := newSite(t, ""), newTab(t, chromium)
		s.set(func() { s.noTab = 403 })
		tab.Navigate(s.URL + "/live?htmx=4&accounts")
		eventually(t, "a stream of the tab", func() bool { return strings.HasSuffix(seen(s), "stream") })
		want(t, tab, `document.querySelector('#live').dataset.liveState`, "open")
	})
}
