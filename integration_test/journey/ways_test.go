package journey_test

import (
	"fmt"
	"net/http"
	"net/url"
	"testing"

	"github.com/multiaccount-go/multiaccount/integration_test/browsertest"
	"github.com/multiaccount-go/multiaccount/integration_test/redisserver"
	"github.com/multiaccount-go/multiaccount/integration_test/sitetest"
	"github.com/multiaccount-go/multiaccount/internal/oidctest"
)

const olga = "olga@example.org"

// add opens a request to add an account, and leaves the tab on the sign-in page.
func add(tab *browsertest.Tab) {
	tab.Click(`#account-switcher [data-accounts-part="add"] a`)
	tab.WaitFor(`document.readyState === 'complete' && document.querySelector('main form[action^="/link/p/"] button')`, patience)
	tab.Click(`main form[action^="/link/p/"] button`)
	tab.WaitFor(onSignIn+` && document.querySelector('main').innerText.includes('Adding an account to ')`, patience)
}

// become switches to an account in the switcher.
func become(tab *browsertest.Tab, email string) {
	tab.WaitFor(`document.readyState === 'complete' && document.querySelector('#account-switcher')`, patience)
	browsertest.Evaluate[bool](tab, fmt.Sprintf(`[...document.querySelectorAll('#account-switcher [data-accounts-part="account"]')].some(e => {
		if (e.querySelector('[data-accounts-part="email"]').textContent !== %q) return false;
		e.querySelector('form[action^="/link/switch_to/"] button').id = 'become';
		return true;
	})`, email))
	tab.Click("#become")
}

const onProvider = `document.readyState === 'complete' && location.hostname === 'localhost' && document.querySelector('h1')?.textContent === 'Choose an account'`

// TestThreeWaysOfSigningInInOneSession puts an account that came by password, one that came by OpenID Connect and one that came
// by a link in an e-mail into one browser session, and switches among them. A tab on the other process, which nobody touches,
// follows.
func TestThreeWaysOfSigningInInOneSession(t *testing.T) {
	provider := oidctest.NewForBrowsers(t, oidctest.Person{Subject: "4711", Name: "Olga", Email: olga},
		oidctest.Person{Subject: "4712", Name: "Oleg", Email: "oleg@example.org"})
	server := redisserver.Start(t)
	environment := []string{"OIDC_ISSUER=" + provider.Issuer(), "OIDC_CLIENT_ID=" + oidctest.ClientID,
		"OIDC_CLIENT_SECRET=" + oidctest.ClientSecret}
	one := sitetest.StartWith(t, server.URL(), environment...)
	two := sitetest.StartWith(t, server.URL(), environment...)
	person := browsertest.Start(t).NewPerson(t)
	first, second := person.NewTab(t), person.NewTab(t)
	both := func(email, tenant string) {
		t.Helper()
		first.WaitFor(worksIn(email, tenant), patience)
		second.WaitFor(worksIn(email, tenant), patience)
	}

	// By password.
	first.Navigate(one.URL + "/session/new?request_path=%2Fboard")
	picture(t, first, "ways-sign-in")
	signIn(first, alice)
	first.WaitFor(worksIn(alice, "Alice"), patience)
	second.Navigate(two.URL + "/board")
	both(alice, "Alice")

	// By OpenID Connect: the provider is asked to let the person choose, and who is new here names his tenant.
	add(first)
	picture(t, first, "ways-add")
	first.Click(`form[action="/auth/sso"] button`)
	first.WaitFor(onProvider, patience)
	if got := browsertest.Evaluate[string](first, `new URLSearchParams(location.search).get('prompt')`); got != "select_account" {
		t.Errorf("the provider is asked with prompt %q, want select_account: it would take whoever is signed in there", got)
	}
	picture(t, first, "ways-provider")
	first.Click(`form:has(input[value="4711"]) button`)
	first.WaitFor(`document.readyState === 'complete' && location.pathname === '/auth/new' && document.querySelector('#account_name')`, patience)
	picture(t, first, "ways-new")
	first.Type("#account_name", "Olga’s Shop")
	first.Click(`form[action="/auth/new"] button`)
	both(olga, "Olga’s Shop")
	first.WaitFor(`location.pathname === '/board' && document.querySelector('.flash')?.textContent.includes('Olga was added')`, patience)

	// By a link in an e-mail.
	add(first)
	first.Type(`form[action="/magic_link"] input[type=email]`, bob)
	first.Click(`form[action="/magic_link"] button`)
	first.WaitFor(`document.readyState === 'complete' && location.pathname === '/magic_link/sent'`, patience)
	picture(t, first, "ways-sent")
	first.Click(`main a[href="/mail"]`)
	first.WaitFor(`document.readyState === 'complete' && document.querySelector('#links')`, patience)
	sitetest.Eventually(t, "the e-mail is there", func() bool { // it is sent after the answer
		first.Reload()
		return browsertest.Evaluate[bool](first, `Boolean(document.querySelector('main a[href^="/magic_link/"]'))`)
	})
	picture(t, first, "ways-mail")
	first.Click(`main a[href^="/magic_link/"]`)
	first.WaitFor(`document.readyState === 'complete' && document.querySelector('main').innerText.includes('You will sign in as bob@example.com.') &&
		document.querySelector('main').innerText.includes('added to the session of Olga')`, patience)
	picture(t, first, "ways-link")
	first.Click(`form[action="/magic_link/session"] button`)
	both(bob, "Bob")
	first.WaitFor(`location.pathname === '/board'`, patience)

	// Among the three, in either tab.
	become(second, olga)
	both(olga, "Olga’s Shop")
	become(first, alice)
	both(alice, "Alice")
	become(second, bob)
	both(bob, "Bob")
	picture(t, second, "ways-three")
	quiet(t, first)
	quiet(t, second)

	disconnect(t, first, one)
}

// Where it is not a demo, nobody reads other people's links.
func TestLinksToSignInAreForADemo(t *testing.T) {
	server := redisserver.Start(t)
	for demo, want := range map[string]int{"1": http.StatusOK, "0": http.StatusSeeOther} {
		n, v := sitetest.StartWith(t, server.URL(), "DEMO="+demo), sitetest.NewVisitor(t)
		if got := v.Get(n, "/mail").Status; got != want {
			t.Errorf("with DEMO=%s, /mail answers somebody who is not signed in with %d, want %d", demo, got, want)
		}
		asked := v.Post(n, "/magic_link", url.Values{"email": {alice}}).Status
		if want == http.StatusOK && asked != http.StatusSeeOther || want != http.StatusOK && asked != http.StatusNotFound {
			t.Errorf("with DEMO=%s, asking for a link is answered with %d", demo, asked)
		}
	}
}

// disconnect goes to the profile, where who has a password connects and disconnects an account at the provider, and who has
// none keeps his.
func disconnect(t *testing.T, tab *browsertest.Tab, n *sitetest.Node) {
	t.Helper()
	const disconnects = `form[action="/auth/sso/disconnect"] button`
	said := func(text string) string {
		return fmt.Sprintf(`document.readyState === 'complete' && document.querySelector('.flash')?.textContent.includes(%q)`, text)
	}
	become(tab, alice)
	tab.WaitFor(worksIn(alice, "Alice"), patience)
	tab.Navigate(n.URL + "/profile")
	tab.Click(`form[action="/auth/sso/connect"] button`)
	tab.WaitFor(onProvider, patience)
	tab.Click(`form:has(input[value="4712"]) button`)
	tab.WaitFor(said("is connected. You can sign in with it now."), patience)
	picture(t, tab, "ways-profile")
	tab.Click(disconnects)
	tab.WaitFor(said("is disconnected.")+` && !document.querySelector('form[action="/auth/sso/disconnect"]')`, patience)
	quiet(t, tab)

	become(tab, olga)
	tab.WaitFor(worksIn(olga, "Olga’s Shop"), patience)
	tab.Navigate(n.URL + "/profile")
	tab.Click(disconnects)
	tab.WaitFor(`document.readyState === 'complete' && document.querySelector('main').innerText.includes('stays connected while you have no password')`, patience)
	picture(t, tab, "ways-last")
	quiet(t, tab, "409")
}
