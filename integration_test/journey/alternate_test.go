package journey_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/multiaccount-go/multiaccount/integration_test/browsertest"
	"github.com/multiaccount-go/multiaccount/integration_test/redisserver"
	"github.com/multiaccount-go/multiaccount/integration_test/sitetest"
)

// TestAlternatingTabs (case CT-09): five tabs of all kinds, and a person who switches and writes in any of them as fast as they can,
// without a look at what the others show. Every note that was taken is of the account that its page showed at the click.
func TestAlternatingTabs(t *testing.T) {
	server := redisserver.Start(t)
	nodes := []*sitetest.Node{sitetest.Start(t, server.URL())}
	person := browsertest.Start(t).NewPerson(t)
	pages := []string{"/notes", "/inbox", "/inbox?htmx=4", "/live", "/live?htmx=4"}
	first := person.NewTab(t)
	enter(first, nodes[0])
	first.Navigate(nodes[0].URL + pages[0])
	addBob(first)
	tabs := []*browsertest.Tab{first}
	for _, page := range pages[1:] {
		tab := person.NewTab(t)
		tab.Navigate(nodes[0].URL + page)
		tabs = append(tabs, tab)
	}

	rnd := rand.New(rand.NewPCG(1, 2))
	for n := range 200 {
		i := rnd.IntN(len(tabs))
		act := fmt.Sprintf(`
			const again = document.querySelector('#account-notice [data-accounts-part="notice-reload"]');
			if (again && %t) { again.click(); return true; }
			const field = document.querySelector('#text'), who = document.querySelector('#notes-title bdi, #live-title bdi')?.textContent;
			if (!field || !who) { location.assign(%q); return true; }
			field.value = '%d by ' + who;
			field.dispatchEvent(new Event('input', { bubbles: true }));
			field.form.querySelector('.inline button').click();`, rnd.IntN(2) == 0, pages[i], n)
		if rnd.IntN(6) == 0 {
			act = `document.querySelector('#account-switcher form[action^="/link/switch_to/"] button')?.click();`
		}
		// The page may be one that is being replaced: then it is asked again.
		tabs[i].WaitFor(`(() => { if (document.readyState !== 'complete') return false; `+act+` return true; })()`, 2*patience)
		tabs[i].WaitFor(`new Promise(done => setTimeout(done, 80, true))`, patience)
	}
	for _, tab := range tabs {
		settle(tab) // what is on its way
	}

	for name, email := range map[string]string{"Alice": alice, "Bob": bob} {
		v := sitetest.NewVisitor(t)
		v.SignIn(nodes[0], email)
		notes := v.Notes(nodes[0])
		t.Logf("%s has %d notes", name, len(notes))
		if len(notes) < 5 {
			t.Errorf("%s has %d notes: nothing was tried", name, len(notes))
		}
		for _, text := range notes {
			if !strings.HasSuffix(text, " by "+name) {
				t.Errorf("%s has the note %q", name, text)
			}
		}
	}
}
