package journey_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/multiaccount-go/multiaccount/integration_test/browsertest"
	"github.com/multiaccount-go/multiaccount/integration_test/redisserver"
	"github.com/multiaccount-go/multiaccount/integration_test/sitetest"
)

// foreign is another site: localhost and 127.0.0.1 are the same machine, but no browser takes them for the same site. Its page
// links to an address and also posts to it, which its visitor does not see.
func foreign(t *testing.T, target string) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprintf(w, `<!doctype html><title>Foreign</title><link rel="icon" href="data:,"><a id="link" href="%[1]s">Look</a>
			<form id="form" method="post" action="%[1]s"><button>Win</button></form>`, target)
	}))
	t.Cleanup(server.Close)
	return strings.Replace(server.URL, "127.0.0.1", "localhost", 1)
}

// TestConfirmPagesWaitForThePerson: a page that asks before a change never answers itself, wherever the visitor comes from.
func TestConfirmPagesWaitForThePerson(t *testing.T) {
	n := sitetest.Start(t, redisserver.Start(t).URL())
	chromium := browsertest.Start(t)
	person := chromium.NewPerson(t)
	setup := person.NewTab(t)
	enter(setup, n)
	addBob(setup)
	stillBob := `document.querySelector('#account-switcher [aria-current] [data-accounts-part="name"]')?.textContent === 'Bob'`
	for name, page := range map[string]struct{ path, says string }{
		"switch": {"/link/switch_to/" + ids["Alice"], "Switch to Alice?"},
		"link":   {"/link/p/" + ids["Alice"], "Add an account to Alice"},
	} {
		t.Run(name, func(t *testing.T) {
			tab := person.NewTab(t)
			asks := fmt.Sprintf(`document.readyState === 'complete' && location.pathname === %q &&
				document.querySelector('h1').textContent.startsWith(%q)`, page.path, page.says)
			still := func(how string) {
				t.Helper()
				tab.WaitFor(asks, patience)
				settle(tab)
				tab.WaitFor(asks+" && "+stillBob, patience)
				if open := browsertest.Evaluate[bool](tab, `fetch('/session/new').then(r => r.text()).then(t => t.includes('Adding an account'))`); open {
					t.Errorf("%s: an account is being added", how)
				}
			}
			tab.Navigate(n.URL + page.path)
			still("typed address")
			picture(t, tab, "confirm-"+name)

			evil := foreign(t, n.URL+page.path)
			tab.Navigate(evil)
			tab.Click("#link")
			still("link on another site")

			tab.Navigate(evil)
			tab.Click("#form button")
			tab.WaitFor(`document.readyState === 'complete' && location.pathname !== '/'`, patience)
			tab.Navigate(n.URL + "/")
			tab.WaitFor(is("Bob", bob), patience)
			quiet(t, tab, "403", "401")
		})
	}
}
