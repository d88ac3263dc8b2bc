package journey_test

import (
	"fmt"
	"testing"

	"github.com/multiaccount-go/multiaccount/integration_test/browsertest"
	"github.com/multiaccount-go/multiaccount/integration_test/redisserver"
	"github.com/multiaccount-go/multiaccount/integration_test/sitetest"
)

// TestLiveView uses the page /live as a person does, in two tabs of one account.
func TestLiveView(t *testing.T) {
	server := redisserver.Start(t)
	site := sitetest.Start(t, server.URL())
	chromium := browsertest.Start(t)
	for name, page := range map[string]string{"htmx2": "/live", "htmx4": "/live?htmx=4"} {
		t.Run(name, func(t *testing.T) {
			person := chromium.NewPerson(t)
			first, second := person.NewTab(t), person.NewTab(t)
			enter(first, site)
			first.Navigate(site.URL + page)
			second.Navigate(site.URL + page)
			first.WaitFor(connected, patience)
			second.WaitFor(connected, patience)

			// A mistake is told beside its field, and what was typed is kept.
			first.Type("#live-form #text", "   ")
			first.Click("#live-form .inline button")
			first.WaitFor(`document.querySelector('#text-error')?.textContent === 'Please fill this in.' &&
				document.querySelector('#text').getAttribute('aria-invalid') === 'true'`, patience)
			picture(t, first, name+"-live-error")

			// A note empties the form, and the other tab has it, beside what is being typed there.
			first.Type("#live-form #text", "milk")
			second.Type("#live-form #text", "half a sen")
			first.Click("#live-form .inline button")
			first.WaitFor(hasNotes("milk")+` && document.querySelector('#text').value === '' && !document.querySelector('#text-error')`, patience)
			second.WaitFor(hasNotes("milk"), patience)
			second.WaitFor(`document.querySelector('#text').value === 'half a sen' && document.activeElement.id === 'text'`, patience)
			mark(first, "#notes-list li")
			second.Type("#live-form #text", "tence")
			second.Click("#live-form .inline button")
			first.WaitFor(hasNotes("half a sentence", "milk"), patience)
			first.WaitFor(`document.querySelectorAll('#notes-list li')[1].dataset.marked === 'yes'`, patience) // the list was not drawn anew

			// A search is a link inside of the view: the address changes, the socket and the other fields stay.
			mark(first, "#live")
			first.Type("#live-search #q", "MILK")
			first.Click("#live-search button")
			first.WaitFor(hasNotes("milk")+` && new URLSearchParams(location.search).get('q') === 'MILK'`, patience)
			first.WaitFor(`document.querySelector('#live').dataset.marked === 'yes'`, patience)
			second.WaitFor(hasNotes("half a sentence", "milk"), patience)
			picture(t, first, name+"-live-found")
			first.Back()
			first.WaitFor(hasNotes("half a sentence", "milk")+` && !new URLSearchParams(location.search).has('q') &&
				document.querySelector('#q').value === ''`, patience)

			first.Click("#notes-list li:nth-child(2) button")
			first.WaitFor(hasNotes("half a sentence"), patience)
			second.WaitFor(hasNotes("half a sentence"), patience)
			first.Reload()
			first.WaitFor(hasNotes("half a sentence")+" && "+connected, patience)
			quiet(t, first)
			quiet(t, second)
		})
		flush(t, server)
	}
}

// connected is true when the socket of the live view is open.
const connected = `document.querySelector('#live')?.dataset.liveState === 'open'`

// mark notes on an element that it is the same one later.
func mark(tab *browsertest.Tab, selector string) {
	browsertest.Evaluate[bool](tab, fmt.Sprintf(`(document.querySelector(%q).dataset.marked = 'yes') === 'yes'`, selector))
}

// TestLiveViewOutlivesTheServer kills the server under a person who is typing.
func TestLiveViewOutlivesTheServer(t *testing.T) {
	server := redisserver.Start(t)
	chromium := browsertest.Start(t)
	for name, page := range map[string]string{"htmx2": "/live", "htmx4": "/live?htmx=4"} {
		t.Run(name, func(t *testing.T) {
			site := sitetest.Start(t, server.URL())
			tab := chromium.NewPerson(t).NewTab(t)
			enter(tab, site)
			tab.Navigate(site.URL + page)
			tab.WaitFor(connected, patience)
			tab.Type("#live-form #text", "half a sen")
			site.Kill()
			tab.WaitFor(`document.querySelector('[data-live-part="status"]')?.textContent === 'Reconnecting…'`, patience)
			picture(t, tab, name+"-live-reconnecting")
			sitetest.StartAt(t, server.URL(), site.Addr)
			tab.WaitFor(connected+` && !document.querySelector('[data-live-part="status"]')`, 4*patience)
			tab.WaitFor(`document.querySelector('#text').value === 'half a sen'`, patience)
			tab.Type("#live-form #text", "tence")
			tab.Click("#live-form .inline button")
			tab.WaitFor(hasNotes("half a sentence"), patience)
			flush(t, server)
		})
	}
}

// TestConfusedTab sends an event that was typed as Alice after another tab has become Bob: over a socket that is open, and
// from the queue of one that was not.
func TestConfusedTab(t *testing.T) {
	server := redisserver.Start(t)
	site := sitetest.Start(t, server.URL())
	chromium := browsertest.Start(t)
	for name, page := range map[string]string{"htmx2": "/live", "htmx4": "/live?htmx=4"} {
		for _, way := range []string{"open", "queued"} {
			t.Run(name+" "+way, func(t *testing.T) {
				person := chromium.NewPerson(t)
				first, second := person.NewTab(t), person.NewTab(t)
				enter(first, site)
				first.Navigate(site.URL + page)
				first.WaitFor(connected, patience)
				addBob(first)
				first.WaitFor(connected, patience)
				second.Navigate(site.URL + page)
				second.WaitFor(connected+" && "+is("Bob", bob), patience)
				second.Type("#live-form #text", "a secret of Bob")
				browsertest.Evaluate[bool](second, `(() => {
					window.spied = [];
					document.addEventListener('htmx:wsBeforeMessage', e => spied.push(e.detail.message));
					document.addEventListener('htmx:ws:before:message:incoming', e => spied.push(e.detail.message.data));
					return true;
				})()`)
				if way == "queued" { // the event is sent the moment the socket has gone, and the extension keeps it
					browsertest.Evaluate[bool](second, `(() => {
						const send = () => document.querySelector('#live-form .inline button').click();
						for (const name of ['htmx:wsClose', 'htmx:ws:close']) document.addEventListener(name, send, { once: true });
						return true;
					})()`)
				}
				first.Click(switchTo("Alice"))
				first.WaitFor(is("Alice", alice), patience)
				second.WaitFor(notice, patience)
				second.WaitFor(connected, patience)
				if way == "open" {
					second.Click("#live-form .inline button")
				}
				second.WaitFor(`spied.some(message => message.includes('"code":"stale_page"'))`, patience)
				second.WaitFor(notice+`.textContent.includes('another account')`, patience)
				second.WaitFor(`document.querySelector('#text').value === 'a secret of Bob'`, patience)
				settle(second)
				picture(t, second, name+"-live-confused-"+way)
				first.WaitFor(hasNotes(), patience)
				second.Navigate(site.URL + page)
				second.WaitFor(is("Alice", alice)+" && "+hasNotes(), patience)
				second.Click(switchTo("Bob"))
				second.WaitFor(is("Bob", bob)+" && "+hasNotes(), patience)
				flush(t, server)
			})
		}
	}
}
