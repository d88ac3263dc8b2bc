// Package hygiene_test looks for what an account leaves behind in the browser when another one goes on, or nobody: on the
// way back through the history, and in the storage.
package hygiene_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
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
	note  = "a secret of Alice"

	patience = 15 * time.Second
)

// pages of the example that show notes of the current account, drawn by htmx 2, by htmx 4, and by none.
var pages = map[string]string{
	"plain": "/notes", "htmx2": "/inbox", "htmx4": "/inbox?htmx=4", "live2": "/live", "live4": "/live?htmx=4",
}

// call posts a form as the page's own scripts would, with the stamp of the current account, and waits for the end of it.
func call(tab *browsertest.Tab, path string, fields ...string) {
	var pairs []string
	for i := 0; i < len(fields); i += 2 {
		pairs = append(pairs, fmt.Sprintf("[%q,%q]", fields[i], fields[i+1]))
	}
	status := browsertest.Evaluate[int](tab, fmt.Sprintf(`(async () => {
		const now = await (await fetch('/link/accounts', { headers: { Accept: 'application/json' } })).json();
		const body = new URLSearchParams([%s]);
		if (now.stamp) body.set('_stamp', now.stamp);
		return (await fetch(%q, { method: 'POST', body })).status;
	})()`, strings.Join(pairs, ","), path))
	if status != http.StatusOK {
		panic(fmt.Sprintf("%s: %d", path, status))
	}
}

// switchTo makes an account current.
func switchTo(tab *browsertest.Tab, email string) {
	path := browsertest.Evaluate[string](tab, fmt.Sprintf(`fetch('/link/accounts', { headers: { Accept: 'application/json' } })
		.then(answer => answer.json()).then(all => all.accounts.find(a => a.profile.email === %q).switch_path)`, email))
	call(tab, path)
}

func signIn(tab *browsertest.Tab, email string) {
	call(tab, "/session", "email", email, "password", sitetest.Password)
}

// begin signs Alice in, lets her write a note, adds Bob and goes back to being Alice.
func begin(tab *browsertest.Tab, n *sitetest.Node) {
	tab.Navigate(n.URL + "/session/new")
	signIn(tab, alice)
	call(tab, "/notes", "text", note)
	call(tab, browsertest.Evaluate[string](tab, `fetch('/link/accounts', { headers: { Accept: 'application/json' } })
		.then(answer => answer.json()).then(all => all.add_path)`))
	signIn(tab, bob)
	switchTo(tab, alice)
}

const (
	showsNote = `document.readyState === 'complete' && document.body.innerText.includes('` + note + `')`
	showsBob  = `document.readyState === 'complete' && document.querySelector('#account-switcher [aria-current]')?.textContent.includes('` + bob + `') &&
		[...document.querySelectorAll('#notes-title bdi, #live-title bdi, #who strong')].every(e => e.textContent === 'Bob')`
	showsEntry = `document.readyState === 'complete' && document.querySelector('input[name=password]')`
	// Everything a page says, and all that its scripts can find in the browser.
	whatIsLeft = `document.documentElement.outerHTML + JSON.stringify(sessionStorage) + JSON.stringify(localStorage)`
	// The same without the page.
	whatIsKept = `JSON.stringify(sessionStorage) + JSON.stringify(localStorage)`
)

// nothingOfAlice fails when something of her is in the page or in the storage. Bob's switcher names her: she is in the session.
func nothingOfAlice(t *testing.T, tab *browsertest.Tab, named bool) {
	t.Helper()
	left := browsertest.Evaluate[string](tab, whatIsLeft)
	kept := browsertest.Evaluate[string](tab, whatIsKept)
	if strings.Contains(left, note) || strings.Contains(kept, alice) || !named && strings.Contains(left, alice) {
		t.Errorf("something of Alice is left:\n%s\n%s", left, kept)
	}
}

// elsewhere is a page of another site.
func elsewhere(t *testing.T) string {
	t.Helper()
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprint(w, `<link rel="icon" href="data:,"><title>elsewhere</title>`)
	}))
	t.Cleanup(site.Close)
	return site.URL
}

// CA-04: who goes back to a page of Alice after she has gone finds nothing of her.
func TestBackAfterSheHasGone(t *testing.T) {
	server := redisserver.Start(t)
	site := sitetest.Start(t, server.URL())
	chromium := browsertest.Start(t)
	away := elsewhere(t)
	for kind, page := range pages {
		t.Run(kind, func(t *testing.T) {
			person := chromium.NewPerson(t)
			tab, other := person.NewTab(t), person.NewTab(t)
			begin(other, site)
			for _, step := range []struct {
				name  string
				gone  func()
				shown string
				named bool
			}{
				{"after a switch", func() { switchTo(other, bob) }, showsBob, true},
				{"after signing out", func() { call(other, "/session/sign_out") }, showsEntry, false},
			} {
				if !step.named { // the second time: she comes back
					tab.Navigate(away)
					switchTo(other, alice)
				}
				tab.Navigate(site.URL + page)
				tab.WaitFor(showsNote, patience)
				tab.Navigate(away)
				step.gone()
				tab.Back()
				tab.WaitFor(step.shown, patience)
				nothingOfAlice(t, tab, step.named)
			}
		})
	}
}

// CA-05: neither does who goes back inside of a page that has put addresses into the history.
func TestBackInsideOfAPage(t *testing.T) {
	server := redisserver.Start(t)
	site := sitetest.Start(t, server.URL())
	chromium := browsertest.Start(t)
	away := elsewhere(t)
	for kind, page := range map[string]string{"htmx2": "/live", "htmx4": "/live?htmx=4"} {
		t.Run(kind, func(t *testing.T) {
			person := chromium.NewPerson(t)
			tab, other := person.NewTab(t), person.NewTab(t)
			begin(other, site)
			for _, step := range []struct {
				name  string
				gone  func()
				shown string
				named bool
			}{
				{"after a switch", func() { switchTo(other, bob) }, showsBob, true},
				{"after signing out", func() { call(other, "/session/sign_out") }, showsEntry, false},
			} {
				if !step.named { // the second time: she comes back
					tab.Navigate(away)
					switchTo(other, alice)
				}
				tab.Navigate(site.URL + page)
				tab.WaitFor(showsNote, patience)
				tab.Type("#live-search #q", "secret")
				tab.Click("#live-search button")
				tab.WaitFor(showsNote+` && new URLSearchParams(location.search).get('q') === 'secret'`, patience)
				if kept := browsertest.Evaluate[string](tab, whatIsKept); strings.Contains(kept, note) || strings.Contains(kept, alice) {
					t.Errorf("while she is at it: %s", kept)
				}
				step.gone()
				tab.WaitFor(step.shown, patience) // the tab follows
				nothingOfAlice(t, tab, step.named)
				tab.Back()
				tab.WaitFor(`new URLSearchParams(location.search).get('q') !== 'secret'`, patience)
				tab.WaitFor(step.shown, patience)
				nothingOfAlice(t, tab, step.named)
			}
		})
	}
}

// CA-06: after signing out of everything nothing of the origin is in the browser's storage; after a switch it is untouched.
func TestTheBrowserForgets(t *testing.T) {
	site := sitetest.Start(t, redisserver.Start(t).URL())
	tab := browsertest.Start(t).NewTab(t)
	begin(tab, site)
	tab.Navigate(site.URL + "/notes")
	browsertest.Evaluate[bool](tab, `(localStorage.setItem('draft', 'x'), document.cookie = 'theme=dark', true)`)
	switchTo(tab, bob)
	if got := browsertest.Evaluate[string](tab, `localStorage.getItem('draft') ?? ''`); got != "x" {
		t.Errorf("a switch has emptied the storage: %q", got)
	}
	tab.Navigate(site.URL + "/notes")
	tab.WaitFor(showsBob, patience)
	begun := time.Now()
	tab.Click(`form[action="/link/sign_out"] button`)
	tab.WaitFor(`document.readyState === 'complete' && document.body.innerText.includes('You are signed out')`, patience)
	t.Logf("signing out, with clearing, took %v", time.Since(begun))
	if got := browsertest.Evaluate[string](tab, `localStorage.getItem('draft') ?? ''`); got != "" {
		t.Errorf("after signing out the storage has %q", got)
	}
	if got := browsertest.Evaluate[string](tab, `document.cookie`); !strings.Contains(got, "theme=dark") {
		t.Errorf("signing out has taken cookies of others: %q", got)
	}
}
