package liveclient_test

import (
	"strings"
	"testing"
	"time"

	"github.com/multiaccount-go/multiaccount/integration_test/browsertest"
)

const status = `document.querySelector('#live > [data-live-part=status][role=status]')`

// certain makes all waiting of the page as long as chance can make it, times by.
func certain(tab *browsertest.Tab, by string) { run(tab, "Math.random = () => "+by) }

func TestConnection(t *testing.T) {
	chromium := browsertest.Start(t)

	both(t, "only the first connection says what the page shows", func(t *testing.T, page string) {
		s, tab := newSite(t, "<p>drawn</p>"), newTab(t, chromium)
		open(t, tab, s, page)
		s.close(1012)
		s.awaitLines(t, 2)
		tab.WaitFor(isOpen, patience)
		first, second := look(s, func() string { return s.opened[0] }), look(s, func() string { return s.opened[1] })
		version := strings.TrimPrefix(page, "htmx=")
		if q := queryOf(first); q.Get("_live") != "00000000000000aa" || q.Get("_htmx") != version || q.Get("htmx") != version {
			t.Errorf("first connection: %s", first)
		}
		if q := queryOf(second); q.Has("_live") || q.Get("_htmx") != version {
			t.Errorf("second connection: %s, want no _live", second)
		}
	})

	both(t, "a restart of the server is answered at once, each time", func(t *testing.T, page string) {
		s, tab := newSite(t, ""), newTab(t, chromium)
		open(t, tab, s, page)
		certain(tab, "0.999")
		quickest := patience // of several, as the machine may be busy
		for n := 2; n <= 4; n++ {
			before := time.Now()
			s.close(1012)
			s.awaitLines(t, n)
			quickest = min(quickest, time.Since(before))
			tab.WaitFor(isOpen, patience)
		}
		if quickest > 600*time.Millisecond {
			t.Errorf("came back after %v, want 250 ms and little more", quickest)
		}
	})

	both(t, "a view that fails when it starts is tried again with growing patience, and says why", func(t *testing.T, page string) {
		s, tab := newSite(t, ""), newTab(t, chromium)
		open(t, tab, s, page)
		certain(tab, "0.5") // the longest waits are 1 s, 2 s, 4 s
		s.set(func() {
			s.greeted, s.greet = 2, []string{`{"type":"failed","message":"It <b>broke</b>."}`, "close 1011"}
		})
		s.close(1011)
		s.awaitLines(t, 2)
		tab.WaitFor(status, patience)
		run(tab, `window.gaps = 0; new MutationObserver(() => { if (!`+status+`) gaps++; })
			.observe(document.querySelector('#live'), { childList: true })`)
		s.awaitLines(t, 3)
		settled(tab)
		want(t, tab, `gaps`, "0") // it does not flicker
		want(t, tab, status+`.textContent`, "It <b>broke</b>.")
		want(t, tab, `document.querySelector('#live').dataset.liveState`, "failed")
		s.awaitLines(t, 4)
		if waited := look(s, func() time.Duration { return s.times[3].Sub(s.times[2]) }); waited < 1900*time.Millisecond {
			t.Errorf("the third try came %v after the second, want 2 s", waited)
		}
		tab.WaitFor(isOpen+` && !`+status, patience)
	})

	both(t, "without a connection the person is told after a second, also when the inside is replaced", func(t *testing.T, page string) {
		s, tab := newSite(t, "<p>drawn</p>"), newTab(t, chromium)
		open(t, tab, s, page)
		s.set(func() { s.refuse, s.noStream = 503, 503 })
		s.close(0)
		tab.WaitFor(`document.querySelector('#live').dataset.liveState === 'reconnecting'`, patience)
		want(t, tab, status, "null")
		tab.WaitFor(status+`?.textContent === 'Moment…' && document.querySelector('#live').firstElementChild === `+status, patience)
		run(tab, `document.querySelector('#live').innerHTML = '<p>new</p>'`)
		tab.WaitFor(`document.querySelector('#live').firstElementChild === `+status, patience)
		s.set(func() { s.refuse, s.noStream = 0, 0 })
		run(tab, `dispatchEvent(new Event('online'))`)
		tab.WaitFor(isOpen, patience)
		want(t, tab, `document.querySelector('#live').innerHTML`, "<p>new</p>")
	})

	both(t, "a final close is not tried again", func(t *testing.T, page string) {
		s, tab := newSite(t, ""), newTab(t, chromium)
		open(t, tab, s, page)
		s.close(1008)
		tab.WaitFor(`document.querySelector('#live').dataset.liveState === 'failed'`, patience)
		browsertest.Evaluate[bool](tab, `new Promise(done => setTimeout(done, 1200, true))`)
		if got := s.count(); got != 1 {
			t.Errorf("%d connections, want one", got)
		}
	})

	both(t, "a proxy that goes away is no reason to stay away", func(t *testing.T, page string) {
		s, tab := newSite(t, ""), newTab(t, chromium)
		open(t, tab, s, page)
		s.close(1001)
		s.awaitLines(t, 2)
	})

	for name, wake := range map[string]string{
		"the network comes back": `dispatchEvent(new Event('online'))`,
		"the tab is shown after more than a minute": `const now = Date.now;
			Object.defineProperty(document, 'hidden', { value: true, configurable: true });
			document.dispatchEvent(new Event('visibilitychange'));
			Date.now = () => now() + 61000;
			Object.defineProperty(document, 'hidden', { value: false });
			document.dispatchEvent(new Event('visibilitychange'));
			Date.now = now`,
		"the computer was asleep": `const now = Date.now; Date.now = () => now() + 31000`,
	} {
		both(t, "a socket that may be dead is replaced when "+name, func(t *testing.T, page string) {
			s, tab := newSite(t, ""), newTab(t, chromium)
			open(t, tab, s, page+"&hurry")
			run(tab, wake)
			s.awaitLines(t, 2)
			tab.WaitFor(isOpen, patience)
		})
	}

	both(t, "a page out of the back/forward cache connects again", func(t *testing.T, page string) {
		s, tab := newSite(t, ""), newTab(t, chromium)
		open(t, tab, s, page)
		run(tab, `addEventListener('pageshow', e => e.persisted && (window.restored = true))`)
		tab.Navigate(s.URL + "/other")
		eventually(t, "the end of the first", func() bool {
			select {
			case <-look(s, func() chan struct{} { return s.lines[0].ended }):
				return true
			default:
				return false
			}
		})
		tab.Back()
		tab.WaitFor(`window.restored`, patience) // this test must see it restored
		s.awaitLines(t, 2)
		tab.WaitFor(isOpen, patience)
	})

	both(t, "other sockets of the page are none of its business", func(t *testing.T, page string) {
		s, tab := newSite(t, ""), newTab(t, chromium)
		open(t, tab, s, page)
		want(t, tab, `(window.other = new WebSocket('/link/live')) instanceof WebSocket && 'bufferedAmount' in WebSocket.prototype &&
			other.constructor.prototype === Object.getPrototypeOf(other) && WebSocket.OPEN === 1`, "true")
		run(tab, `const twin = document.querySelector('#live').cloneNode();
			twin.removeAttribute('hx-ext');
			twin.setAttribute('data-ws-connect', '/live?twin')
			document.body.append(twin)`)
		want(t, tab, `new (class extends WebSocket { mine() { return 7; } })(location.origin.replace('http', 'ws') + '/live?twin').mine()`, "7")
	})

	both(t, "what htmx holds behaves as a websocket", func(t *testing.T, page string) {
		s, tab := newSite(t, ""), newTab(t, chromium)
		open(t, tab, s, page)
		run(tab, `const twin = document.querySelector('#live').cloneNode();
			twin.id = 'twin';
			for (const name of ['hx-ext', 'hx-ws:connect']) twin.removeAttribute(name);
			twin.setAttribute('data-ws-connect', '/live?twin');
			document.body.append(twin);
			window.log = [];
			const socket = window.socket = new WebSocket(new URL('/live?twin', location.href.replace('http', 'ws')));
			try { socket.send('early'); } catch (error) { log.push(error.name); }
			socket.onopen = (e) => log.push(e.type, e.target === socket, socket.readyState === socket.OPEN);
			socket.addEventListener('message', (e) => log.push(e.data), { once: true });
			socket.onclose = (e) => log.push(e.code, socket.readyState === WebSocket.CLOSED)`)
		s.awaitLines(t, 2)
		tab.WaitFor(`log.length === 4`, patience)
		s.push(`<p hx-swap-oob="true" id="a">1</p>`)
		tab.WaitFor(`log.length === 5`, patience)
		run(tab, `socket.close(1000, 'done')`)
		tab.WaitFor(`log.length === 7`, patience)
		want(t, tab, `log.join()`, `InvalidStateError,open,true,true,<p hx-swap-oob="true" id="a">1</p>,1000,true`)
	})
}
