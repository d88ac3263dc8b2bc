// Package journey_test goes through the example the way people do: with a real browser, several tabs, mouse and keyboard.
package journey_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/multiaccount-go/multiaccount/integration_test/browsertest"
	"github.com/multiaccount-go/multiaccount/integration_test/redisserver"
	"github.com/multiaccount-go/multiaccount/integration_test/sitetest"
)

func TestMain(m *testing.M) { sitetest.Main(m) }

const (
	alice = "alice@example.com"
	bob   = "bob@example.com"

	patience = 8 * time.Second // for what has to happen at once; it takes longer on a busy machine only
)

// kind is a way in which the example shows an account.
type kind struct {
	name          string
	first, second string // pages of the two tabs
	form          string // of a note, on the second page
	pushes        bool   // a note of one tab appears in the other one
	out           string // true once nobody is signed in, on the second page
}

var kinds = []kind{
	{name: "plain", first: "/", second: "/notes", form: "#note-form", out: onSignIn},
	{name: "htmx2", first: "/inbox", second: "/inbox", form: "#note-form", out: onSignIn},
	{name: "htmx4", first: "/inbox?htmx=4", second: "/inbox?htmx=4", form: "#note-form", out: onSignIn},
	{name: "live2", first: "/live", second: "/live", form: "#live-form", pushes: true, out: onSignIn},
	{name: "live4", first: "/live?htmx=4", second: "/live?htmx=4", form: "#live-form", pushes: true, out: onSignIn},
}

const (
	onSignIn  = `document.readyState === 'complete' && location.pathname === '/session/new' && document.querySelector('input[name="password"]')`
	onChooser = `document.readyState === 'complete' && location.pathname === '/link/choose' && document.querySelector('h1').textContent === 'Choose an account'`
	notice    = `document.querySelector('#account-notice[role=alert]')`
)

// is is true when the page shows an account, and no other one, wherever it shows the current one.
func is(name, email string) string {
	return fmt.Sprintf(`document.readyState === 'complete' &&
		document.querySelector('#account-switcher [aria-current] [data-accounts-part="email"]')?.textContent === %q &&
		[...document.querySelectorAll('#notes-title bdi, #live-title bdi, #who strong, .card h1 bdi')].every(e => e.textContent === %q)`, email, name)
}

// hasNotes is true when the page shows these notes and no others.
func hasNotes(texts ...string) string {
	if len(texts) == 0 {
		texts = []string{"Nothing here yet."}
	}
	return fmt.Sprintf(`[...document.querySelectorAll('#notes-list li')].map(e => e.textContent).join('|') === %q`, strings.Join(texts, "|"))
}

// switchTo is the button that makes an account current.
func switchTo(name string) string { return button("switch_to", name) }

// signOut is the button that signs an account out.
func signOut(name string) string { return button("sign_out", name) }

var ids = map[string]string{"Alice": seedID(alice), "Bob": seedID(bob)}

func button(route, name string) string {
	return fmt.Sprintf(`#account-switcher form[action="/link/%s/%s"] button`, route, ids[name])
}

// signIn fills the sign-in form that a tab shows.
func signIn(tab *browsertest.Tab, email string) {
	tab.Type("#email", email)
	tab.Type("#password", sitetest.Password)
	tab.Click(`form[action="/session"] button`)
}

// enter starts at the welcome page.
func enter(tab *browsertest.Tab, n *sitetest.Node) {
	tab.Navigate(n.URL + "/")
	tab.Click(`main a[href="/session/new"]`)
	tab.WaitFor(onSignIn, patience)
	signIn(tab, alice)
	tab.WaitFor(is("Alice", alice), patience)
	tab.WaitFor(`document.body.innerText.includes('Single-account mode')`, patience)
}

// addBob goes from the switcher over the confirm page and the sign-in form, and comes back.
func addBob(tab *browsertest.Tab) {
	here := browsertest.Evaluate[string](tab, "location.href")
	tab.Click(`#account-switcher [data-accounts-part="add"] a`)
	tab.WaitFor(`document.querySelector('h1').textContent.includes('Add an account to Alice')`, patience)
	tab.Click(`main form[action^="/link/p/"] button`)
	tab.WaitFor(onSignIn+` && document.querySelector('main').innerText.includes('Adding an account to Alice')`, patience)
	signIn(tab, bob)
	tab.WaitFor(is("Bob", bob)+fmt.Sprintf(` && location.href === %q`, here), patience)
	tab.WaitFor(`document.querySelector('.flash').textContent.includes('Bob was added')`, patience)
}

// write sends a note by the form that a tab shows.
func write(tab *browsertest.Tab, form, text string) {
	calm(tab)
	tab.Type(form+" #text", text)
	tab.Click(form + " .inline button")
}

// calm waits until the page has not changed for a while: a live view draws its form again when its socket has opened.
func calm(tab *browsertest.Tab) {
	tab.WaitFor(`new Promise(done => {
		let quiet = setTimeout(done, 400, true);
		new MutationObserver(() => { clearTimeout(quiet); quiet = setTimeout(done, 400, true); })
			.observe(document.querySelector('main'), { childList: true, subtree: true });
	})`, patience)
}

// settle gives the page time to do what it must not do.
func settle(tab *browsertest.Tab) {
	browsertest.Evaluate[bool](tab, `new Promise(done => setTimeout(done, 700, true))`)
}

// refusals are what the console may say after an account has left: fragments and sockets of it are refused, and htmx logs
// an event without a text for each of them.
var refusals = []string{"401", "409", "HTTP Authentication failed", "htmx:ws:error: [object Event]", "error: [object Event]"}

// quiet checks that a tab's console has no errors, but for answers that the step before was meant to get.
func quiet(t *testing.T, tab *browsertest.Tab, allowed ...string) {
	t.Helper()
problems:
	for _, problem := range tab.Problems() {
		for _, part := range allowed {
			if strings.Contains(problem, part) {
				continue problems
			}
		}
		t.Errorf("console: %s", problem)
	}
}

// picture keeps a screenshot in the folder that SCREENSHOTS names.
func picture(t *testing.T, tab *browsertest.Tab, name string) {
	t.Helper()
	tab.Screenshot(filepath.Join(pictures(t), name+".png"))
}

func pictures(t *testing.T) string {
	t.Helper()
	folder := os.Getenv("SCREENSHOTS")
	if folder == "" {
		return t.TempDir()
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	return folder
}

// TestJourney goes the whole way, once for each kind of page, with both tabs on one process and with each on its own.
func TestJourney(t *testing.T) {
	server := redisserver.Start(t)
	one, two := sitetest.Start(t, server.URL()), sitetest.Start(t, server.URL())
	chromium := browsertest.Start(t)
	for i, k := range kinds {
		t.Run(k.name, func(t *testing.T) {
			there := one
			if i%2 == 1 {
				there = two
			}
			person := chromium.NewPerson(t)
			journey(t, k, person.NewTab(t), person.NewTab(t), one, there)
		})
		flush(t, server)
	}
}

func journey(t *testing.T, k kind, first, second *browsertest.Tab, here, there *sitetest.Node) {
	defer func() {
		if t.Failed() {
			t.Logf("live sockets of htmx 4: %s, %s", socketOf(first), socketOf(second))
		}
	}()
	enter(first, here)
	first.Navigate(here.URL + k.second)
	write(first, k.form, "of Alice")
	first.WaitFor(hasNotes("of Alice"), patience)
	first.Navigate(here.URL + k.first)
	addBob(first)
	picture(t, first, k.name+"-bob-added")

	second.Navigate(there.URL + k.second)
	second.WaitFor(is("Bob", bob)+" && "+hasNotes(), patience)

	// A switch in one tab is followed by the other, which nobody touches.
	first.Click(switchTo("Alice"))
	first.WaitFor(is("Alice", alice), patience)
	second.WaitFor(is("Alice", alice)+" && "+hasNotes("of Alice"), patience)
	picture(t, second, k.name+"-followed")
	second.Click(switchTo("Bob"))
	second.WaitFor(is("Bob", bob)+" && "+hasNotes(), patience)
	first.WaitFor(is("Bob", bob), patience)

	// What was drawn anew for Bob works as Bob.
	write(second, k.form, "of Bob")
	second.WaitFor(hasNotes("of Bob"), patience)
	if k.pushes {
		first.WaitFor(hasNotes("of Bob"), patience)
		write(first, k.form, "live")
		second.WaitFor(hasNotes("live", "of Bob"), patience)
		first.WaitFor(hasNotes("live", "of Bob"), patience)
	}
	quiet(t, first)
	quiet(t, second)
	unsaved(t, k, first, second)

	// The current account leaves: both tabs have to choose.
	first.Click(signOut("Bob"))
	first.WaitFor(onChooser, patience)
	picture(t, first, k.name+"-chooser")
	second.WaitFor(onChooser, patience)
	first.Click(`main form[action^="/link/switch_to/"] button`)
	first.WaitFor(is("Alice", alice), patience)
	second.WaitFor(is("Alice", alice)+" && "+hasNotes("of Alice"), patience)

	// Everybody leaves.
	first.Click(`#account-switcher [data-accounts-part="sign-out-all"] button`)
	first.WaitFor(`document.readyState === 'complete' && location.pathname === '/' && document.querySelector('main a[href="/session/new"]')`, patience)
	second.WaitFor(k.out, patience)
	picture(t, second, k.name+"-signed-out")
	quiet(t, first, refusals...)
	quiet(t, second, refusals...)
}

// socketOf describes the socket of a live view that htmx 4 holds, for a journey that failed.
func socketOf(tab *browsertest.Tab) string {
	return browsertest.Evaluate[string](tab, `(() => {
		const held = [...document.querySelectorAll('.card')].map(e => e._htmx?.ws?.connection).find(Boolean);
		return JSON.stringify({ hidden: document.hidden, attempt: held?.attempt, timer: held?.timer, state: held?.socket?.readyState });
	})()`)
}

// unsaved has text in a form of Bob while the other tab becomes Alice.
func unsaved(t *testing.T, k kind, first, second *browsertest.Tab) {
	t.Helper()
	bobs := []string{"of Bob"}
	if k.pushes {
		bobs = []string{"live", "of Bob"}
	}
	calm(second)
	second.Type(k.form+" #text", "half a sentence")
	first.Click(switchTo("Alice"))
	first.WaitFor(is("Alice", alice), patience)
	if !k.pushes { // a live view comes back as Alice beside the form, which is told apart when it is sent
		second.WaitFor(notice, patience)
	}
	settle(second)
	picture(t, second, k.name+"-notice")
	if got := browsertest.Evaluate[string](second, `document.querySelector('#text').value`); got != "half a sentence" {
		t.Errorf("the form holds %q, want what was typed", got)
	}
	second.Click(k.form + " .inline button")
	if k.name != "plain" {
		// htmx leaves the page as it is: the text is still there, and the person is asked.
		settle(second)
		second.WaitFor(notice+` && document.querySelector('#text').value === 'half a sentence'`, patience)
		second.WaitFor(`!document.querySelector('.flash')`, patience) // "You are Bob now." would be a lie
		picture(t, second, k.name+"-refused")
		quiet(t, second, refusals...)
		second.Click(`#account-notice [data-accounts-part="notice-reload"]`)
		second.WaitFor(is("Alice", alice)+" && "+hasNotes("of Alice")+` && document.querySelector('#text').value === ''`, patience)
		first.Click(switchTo("Bob"))
		first.WaitFor(is("Bob", bob), patience)
		second.WaitFor(is("Bob", bob)+" && "+hasNotes(bobs...), patience)
		return
	}
	second.WaitFor(`document.querySelector('h1').textContent === 'This page belongs to another account'`, patience)
	picture(t, second, k.name+"-refused")
	quiet(t, second, "409")
	// Back as Bob, who is offered on the page itself.
	second.Click(fmt.Sprintf(`main form[action="/link/switch_to/%s"] button`, ids["Bob"]))
	second.WaitFor(is("Bob", bob)+" && "+hasNotes("of Bob"), patience)
	first.WaitFor(is("Bob", bob), patience)
	first.Click(switchTo("Alice"))
	second.WaitFor(is("Alice", alice)+" && "+hasNotes("of Alice"), patience)
	first.Click(switchTo("Bob"))
	second.WaitFor(is("Bob", bob), patience)
	first.WaitFor(is("Bob", bob), patience)
}
