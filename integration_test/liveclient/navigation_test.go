package liveclient_test

import (
	"strings"
	"testing"

	"github.com/multiaccount-go/multiaccount/integration_test/browsertest"
)

// links is a view with the ways to go to another state of it. Its hole is the version of htmx.
const links = `<a id="pushed" href="/live?%PAGE%&q=x" hx-get="/live?%PAGE%&q=x" hx-target="#live" hx-swap="outerHTML" hx-push-url="true">x</a>
<a id="plain" href="/live?%PAGE%&q=y" hx-get="/live?%PAGE%&q=y" hx-target="#live" hx-swap="outerHTML">y</a>
<a id="elsewhere" href="/other" hx-get="/other" hx-target="#live" hx-swap="innerHTML">elsewhere</a>
<form id="search" action="/live" hx-get="/live" hx-target="#live" hx-swap="outerHTML" hx-push-url="true">
<input type="hidden" name="htmx" value="%VERSION%"><input id="q" name="q"></form><p id="count">0</p>`

func linksOf(page string) string {
	return strings.NewReplacer("%PAGE%", page, "%VERSION%", strings.TrimPrefix(page, "htmx=")).Replace(links)
}

// pages returns how many pages and fragments were asked for.
func pages(s *site) int { return look(s, func() int { return len(s.requests) }) }

func TestNavigation(t *testing.T) {
	chromium := browsertest.Start(t)

	// followed clicks on the link that pushes, and lets the view arrive there.
	followed := func(t *testing.T, page string) (*site, *browsertest.Tab) {
		t.Helper()
		s, tab := newSite(t, linksOf(page)), newTab(t, chromium)
		open(t, tab, s, page)
		tab.Click("#pushed")
		message := s.message(t, 1)
		if message["_params"] != "/live?"+page+"&q=x" || message["_push"] != "true" || len(message) != 2 {
			t.Fatalf("sent %v", message)
		}
		s.push(`{"type":"navigated","url":"/live?` + page + `&q=x","push":true}`)
		tab.WaitFor(`location.search === '?`+page+`&q=x'`, patience)
		return s, tab
	}

	both(t, "a link inside the view goes over its socket, and the next connection goes to where the view is", func(t *testing.T, page string) {
		s, tab := followed(t, page)
		want(t, tab, `history.length`, "3") // the empty tab, the page, the entry of the link
		s.close(1012)
		s.awaitLines(t, 2)
		if q := queryOf(s.last()); q.Get("q") != "x" || q.Get("_htmx") != strings.TrimPrefix(page, "htmx=") {
			t.Errorf("second connection: %s, want q=x", s.last())
		}
		if got := pages(s); got != 1 {
			t.Errorf("%d pages and fragments, want only the first page", got)
		}
	})

	both(t, "a link that does not push replaces the address", func(t *testing.T, page string) {
		s, tab := newSite(t, linksOf(page)), newTab(t, chromium)
		open(t, tab, s, page)
		tab.Click("#plain")
		if message := s.message(t, 1); message["_params"] != "/live?"+page+"&q=y" || len(message) != 1 {
			t.Fatalf("sent %v", message)
		}
		s.push(`{"type":"navigated","url":"/live?` + page + `&q=y"}`)
		tab.WaitFor(`location.search === '?`+page+`&q=y'`, patience)
		want(t, tab, `history.length`, "2")
	})

	both(t, "back and forward go over the socket and leave the focus where it is", func(t *testing.T, page string) {
		s, tab := followed(t, page)
		tab.Type("#q", "typed")
		tab.Back()
		if message := s.message(t, 2); message["_params"] != "/live?"+page || len(message) != 1 {
			t.Fatalf("back sent %v", message)
		}
		s.push(`{"type":"navigated","url":"/live?` + page + `"}`)
		settled(tab)
		want(t, tab, `document.activeElement.id + location.search`, "q?"+page)
		run(tab, `history.forward()`)
		if message := s.message(t, 3); message["_params"] != "/live?"+page+"&q=x" || len(message) != 1 {
			t.Fatalf("forward sent %v", message)
		}
		settled(tab)
		if got := pages(s); got != 1 {
			t.Errorf("%d pages and fragments, want only the first page", got)
		}
	})

	both(t, "back without a connection loads the page", func(t *testing.T, page string) {
		s, tab := followed(t, page)
		s.set(func() { s.refuse, s.noStream = 503, 503 })
		s.close(0)
		tab.WaitFor(`!(`+isOpen+`)`, patience)
		tab.Back()
		eventually(t, "the page", func() bool { return pages(s) == 2 })
	})

	both(t, "a form that asks goes over the socket", func(t *testing.T, page string) {
		s, tab := newSite(t, linksOf(page)), newTab(t, chromium)
		open(t, tab, s, page)
		tab.Type("#q", "a b&c\r")
		if message := s.message(t, 1); message["_params"] != "/live?"+page+"&q=a+b%26c" || message["_push"] != "true" {
			t.Errorf("sent %v", message)
		}
	})

	both(t, "without a connection a link fetches the view, which connects", func(t *testing.T, page string) {
		s, tab := newSite(t, linksOf(page)), newTab(t, chromium)
		s.set(func() { s.refuse, s.noStream = 503, 503 })
		tab.Navigate(s.URL + "/live?" + page)
		eventually(t, "a handshake", func() bool { return s.count() >= 1 })
		s.set(func() { s.refuse = 0; s.body += `<p id="new">new</p>` })
		tab.WaitFor(`document.querySelector('#live').dataset.liveState === 'connecting'`, patience)
		run(tab, `document.querySelector('#pushed').click()`)
		tab.WaitFor(`document.querySelector('#new') && location.search === '?`+page+`&q=x' && `+isOpen, patience)
		if q := queryOf(s.last()); q.Get("q") != "x" || q.Get("_live") == "" {
			t.Errorf("connection: %s, want the first one of q=x", s.last())
		}
		if got := pages(s); got != 2 {
			t.Errorf("%d pages and fragments, want two", got)
		}
	})

	both(t, "a link that leads elsewhere is left to htmx", func(t *testing.T, page string) {
		s, tab := newSite(t, linksOf(page)), newTab(t, chromium)
		open(t, tab, s, page)
		tab.Click("#elsewhere")
		tab.WaitFor(`document.querySelector('#live').textContent.includes('other')`, patience)
		if got := look(s, func() int { return len(s.said) }); got != 0 {
			t.Errorf("%d messages, want none", got)
		}
	})

	both(t, "a link that is followed while the connection breaks is followed after it", func(t *testing.T, page string) {
		s, tab := newSite(t, linksOf(page)), newTab(t, chromium)
		open(t, tab, s, page)
		tab.Click("#pushed")
		s.message(t, 1)
		s.close(0)
		s.awaitLines(t, 2)
		if message := s.message(t, 2); message["_params"] != "/live?"+page+"&q=x" || message["_push"] != "true" {
			t.Errorf("after the break sent %v", message)
		}
	})

	both(t, "the view asks to go on, and to leave", func(t *testing.T, page string) {
		s, tab := newSite(t, linksOf(page)), newTab(t, chromium)
		open(t, tab, s, page)
		s.push(`{"type":"navigate","url":"/live?` + page + `&q=z"}`)
		if message := s.message(t, 1); message["_params"] != "/live?"+page+"&q=z" || message["_push"] != "true" {
			t.Errorf("sent %v", message)
		}
		s.push(`{"type":"redirect","url":"javascript:document.title='taken'"}`)
		s.push(`{"type":"redirect","url":"/other"}`)
		tab.WaitFor(`location.pathname === '/other'`, patience)
	})

	both(t, "an address outside the view is not shown as its own", func(t *testing.T, page string) {
		s, tab := newSite(t, linksOf(page)), newTab(t, chromium)
		open(t, tab, s, page)
		s.push(`{"type":"navigated","url":"https://elsewhere.invalid/live","push":true}`)
		s.push(`{"type":"navigated","url":"/other","push":true}`)
		s.push(`<p id="count" hx-swap-oob="true">1</p>`)
		tab.WaitFor(`document.querySelector('#count').textContent === '1'`, patience)
		want(t, tab, `location.pathname + new URL(document.querySelector('#live').dataset.wsConnect, location.href).origin`, "/live"+s.URL)
	})

	both(t, "a link says what it will send, and may be stopped", func(t *testing.T, page string) {
		s, tab := newSite(t, linksOf(page)), newTab(t, chromium)
		open(t, tab, s, page)
		run(tab, `document.addEventListener('live:navigate', (event) => {
			if (event.target.id === 'plain') event.preventDefault();
			event.detail.message.from = event.target.id;
		})`)
		tab.Click("#plain")
		tab.Click("#pushed")
		if message := s.message(t, 1); message["from"] != "pushed" {
			t.Errorf("sent %v", message)
		}
		if got := pages(s); got != 1 {
			t.Errorf("%d pages and fragments, want only the first page", got)
		}
	})
}

func TestAccounts(t *testing.T) {
	chromium := browsertest.Start(t)
	page := func(page string) string { return page + "&accounts" }

	both(t, "a link carries the stamp of the page", func(t *testing.T, version string) {
		s, tab := newSite(t, linksOf(page(version))), newTab(t, chromium)
		open(t, tab, s, page(version))
		tab.Click("#pushed")
		if message := s.message(t, 1); message["_stamp"] != "v1.alice" {
			t.Errorf("sent %v, want alice's stamp", message)
		}
	})

	both(t, "what was typed for the account of the view survives an update, and still counts as unsaved", func(t *testing.T, version string) {
		s, tab := newSite(t, drawn("", "0")), newTab(t, chromium)
		open(t, tab, s, page(version))
		tab.Type("#text", "typed")
		redraw(tab, s, "", "1")
		want(t, tab, `document.querySelector('#text').value`, "typed")
		s.set(func() {
			s.account, s.version = "bob", 2
			s.tabs[0].out <- `{"type":"session-changed","v":2,"reason":"switched"}`
		})
		tab.WaitFor(`document.querySelector('#account-notice')`, patience) // asks: the text is alice's
		s.draw(drawn("", "2"))
		settled(tab)
		want(t, tab, `document.querySelector('#text').value + document.querySelector('#count').textContent`, "typed1")
	})

	both(t, "text of one account does not get into the view of another, although the tab has not heard of the switch", func(t *testing.T, version string) {
		s, tab := newSite(t, drawn("", "0")), newTab(t, chromium)
		open(t, tab, s, page(version))
		tab.Type("#text", "typed by alice")
		s.set(func() {
			s.account, s.version = "bob", 2
			s.greeted, s.greet = 1, []string{`<div id="live" hx-swap-oob="innerHTML">` + drawn("", "bob's") + `</div>`}
		})
		s.close(1012)
		s.awaitLines(t, 2)
		tab.WaitFor(`document.querySelector('meta[name="account-stamp"]').content === 'v1.bob'`, patience)
		settled(tab)
		want(t, tab, `document.querySelector('#text').value + document.querySelector('#count').textContent`, "typed by alice0")
	})

	both(t, "text does not move into a form that carries the stamp of another account", func(t *testing.T, version string) {
		s, tab := newSite(t, drawn("", "0")), newTab(t, chromium)
		open(t, tab, s, version)
		tab.Type("#text", "typed by alice")
		s.draw(strings.Replace(drawn("", "1"), `<div id="inner">`, `<input type="hidden" name="_stamp" value="v1.bob"><div id="inner">`, 1))
		tab.WaitFor(`document.querySelector('#count').textContent === '1'`, patience)
		settled(tab)
		want(t, tab, `document.querySelector('#text').value`, "")
	})
}
