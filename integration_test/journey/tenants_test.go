package journey_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/multiaccount-go/multiaccount/integration_test/browsertest"
	"github.com/multiaccount-go/multiaccount/integration_test/redisserver"
	"github.com/multiaccount-go/multiaccount/integration_test/sitetest"
)

// worksIn is true when a page is that of an account in a tenant.
func worksIn(email, tenant string) string {
	return fmt.Sprintf(`document.readyState === 'complete' &&
		document.querySelector('#account-switcher [aria-current] [data-accounts-part="email"]')?.textContent === %q &&
		document.querySelector('#tenant-switcher [data-tenants-part="summary"] bdi')?.textContent === %q`, email, tenant)
}

// boardOf is true when a page is the board of a tenant with these messages.
func boardOf(tenant string, texts ...string) string {
	list, _ := json.Marshal(append([]string{}, texts...)) // texts always encode
	return fmt.Sprintf(`document.readyState === 'complete' && document.querySelector('#board-title bdi')?.textContent === %q &&
		JSON.stringify([...document.querySelectorAll('#board li span')].map(e => e.textContent)) === %q`, tenant, list)
}

// workIn clicks the button of the other one of two tenants in their switcher.
func workIn(tab *browsertest.Tab) { tab.Click(`#tenant-switcher [data-tenants-part="switch"] button`) }

// post writes on the board that a tab shows.
func post(tab *browsertest.Tab, text string) {
	tab.Type("#board-form #text", text)
	tab.Click("#board-form button")
}

// TestTenants registers, which makes a tenant, creates a second one, switches between them, invites somebody and switches
// between accounts, while a tab on the other process, which nobody touches, follows.
func TestTenants(t *testing.T) {
	server := redisserver.Start(t)
	one, two := sitetest.Start(t, server.URL()), sitetest.Start(t, server.URL())
	chromium := browsertest.Start(t)
	person := chromium.NewPerson(t)
	first, second := person.NewTab(t), person.NewTab(t)
	const erin, acme, birch = "erin@example.com", "Acme Ltd", "Birch Ltd"

	// Mistakes first: all of them beside their fields, and what was typed is kept.
	first.Navigate(one.URL + "/registration/new")
	first.Type("#account_name", "Alice")
	first.Type("#email", "alice@example.com")
	first.Type("#password", "short")
	first.Click(`form[action="/registration"] button`)
	first.WaitFor(`document.readyState === 'complete' &&
		['account_name', 'email', 'password', 'password_confirmation'].every(f => document.querySelector('#' + f + '-problem')) &&
		document.querySelector('#account_name').value === 'Alice' && document.querySelector('#password').value === ''`, patience)
	picture(t, first, "tenants-mistakes")
	quiet(t, first, "422")

	first.Navigate(one.URL + "/registration/new")
	first.Type("#account_name", acme)
	first.Type("#email", erin)
	first.Type("#password", sitetest.Password)
	first.Type("#password_confirmation", sitetest.Password)
	first.Click(`form[action="/registration"] button`)
	first.WaitFor(worksIn(erin, acme), patience)
	first.Navigate(one.URL + "/board")
	post(first, "of Acme")
	first.WaitFor(boardOf(acme, "of Acme"), patience)
	second.Navigate(two.URL + "/board")
	second.WaitFor(boardOf(acme, "of Acme"), patience)

	// A second tenant, in which both tabs work from now on.
	first.Click(`#tenant-switcher [data-tenants-part="create"] a`)
	first.WaitFor(`document.readyState === 'complete' && document.querySelector('#account-name')`, patience)
	first.Type("#account-name", birch)
	first.Click(`main [data-tenants-part="new"] button`)
	first.WaitFor(worksIn(erin, birch), patience)
	picture(t, first, "tenants-switcher")
	second.WaitFor(worksIn(erin, birch)+" && "+boardOf(birch), patience)
	workIn(first)
	first.WaitFor(worksIn(erin, acme), patience)
	second.WaitFor(worksIn(erin, acme)+" && "+boardOf(acme, "of Acme"), patience)
	quiet(t, first, "422")
	quiet(t, second)

	// Bob is invited to the first one. He is added to the session, reads his mail and accepts.
	first.Navigate(one.URL + "/tenants/members")
	first.Type("#invite-email", bob)
	first.Click(`[data-tenants-part="invite"] button`)
	first.WaitFor(`document.readyState === 'complete' && document.querySelector('[data-tenants-part="invitation-list"]')?.textContent.includes('bob@example.com')`, patience)
	picture(t, first, "tenants-members")
	first.Click(`#account-switcher [data-accounts-part="add"] a`)
	first.WaitFor(`document.readyState === 'complete' && document.querySelector('main form[action^="/link/p/"] button')`, patience)
	first.Click(`main form[action^="/link/p/"] button`)
	first.WaitFor(onSignIn, patience)
	signIn(first, bob)
	first.WaitFor(worksIn(bob, "Bob"), patience)
	second.WaitFor(worksIn(bob, "Bob")+" && "+boardOf("Bob"), patience)
	first.Navigate(one.URL + "/mail")
	picture(t, first, "tenants-mail")
	first.Click(`main a[href^="/invitations/"]`)
	first.WaitFor(`document.readyState === 'complete' && document.querySelector('main [data-tenants-part="accept"] button')`, patience)
	picture(t, first, "tenants-invitation")
	first.Click(`main [data-tenants-part="accept"] button`)
	first.WaitFor(worksIn(bob, acme), patience)
	second.WaitFor(worksIn(bob, acme)+" && "+boardOf(acme, "of Acme"), patience)
	post(second, "of Bob")
	second.WaitFor(boardOf(acme, "of Bob", "of Acme"), patience)
	picture(t, second, "tenants-board")

	// Each account keeps the tenant that it works in, and the other tab follows both kinds of switch.
	first.Navigate(one.URL + "/board")
	workIn(first) // Bob's own
	first.WaitFor(worksIn(bob, "Bob")+" && "+boardOf("Bob"), patience)
	second.WaitFor(worksIn(bob, "Bob")+" && "+boardOf("Bob"), patience)
	second.Click(`#account-switcher form[action^="/link/switch_to/"] button`)
	second.WaitFor(worksIn(erin, acme)+" && "+boardOf(acme, "of Bob", "of Acme"), patience)
	first.WaitFor(worksIn(erin, acme)+" && "+boardOf(acme, "of Bob", "of Acme"), patience)
	quiet(t, first, append([]string{"422"}, refusals...)...)
	quiet(t, second, refusals...)

	// Bob in a browser of his own, in the same tenant: the two see each other.
	bobs := chromium.NewPerson(t).NewTab(t)
	bobs.Navigate(two.URL + "/session/new?request_path=%2Flive")
	signIn(bobs, bob)
	bobs.WaitFor(worksIn(bob, "Bob"), patience)
	workIn(bobs)
	bobs.WaitFor(worksIn(bob, acme), patience)
	bobs.Navigate(two.URL + "/live")
	first.Navigate(one.URL + "/live")
	for _, tab := range []*browsertest.Tab{first, bobs} {
		tab.WaitFor(`['Acme Ltd', 'Bob'].every(name => [...document.querySelectorAll('#live-here bdi')].slice(1).some(e => e.textContent === name))`, patience)
	}
	picture(t, bobs, "tenants-live")
}
