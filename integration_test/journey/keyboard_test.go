package journey_test

import (
	"fmt"
	"testing"

	"github.com/multiaccount-go/multiaccount/integration_test/browsertest"
	"github.com/multiaccount-go/multiaccount/integration_test/redisserver"
	"github.com/multiaccount-go/multiaccount/integration_test/sitetest"
)

// focusIs is true when an element has the focus and shows it.
func focusIs(selector string) string {
	return fmt.Sprintf(`document.activeElement?.matches(%q) && document.activeElement.matches(':focus-visible') &&
		getComputedStyle(document.activeElement).outlineStyle !== 'none' &&
		parseFloat(getComputedStyle(document.activeElement).outlineWidth) >= 2`, selector)
}

// tabTo presses Tab until an element has the focus, as somebody without a mouse does.
func tabTo(t *testing.T, tab *browsertest.Tab, selector string) {
	t.Helper()
	tab.Type("a.brand", "\t")
	for range 40 {
		if browsertest.Evaluate[bool](tab, fmt.Sprintf(`Boolean(document.activeElement?.matches(%q))`, selector)) {
			tab.WaitFor(focusIs(selector), patience)
			return
		}
		tab.Type(":focus", "\t")
	}
	t.Fatalf("%s is not reached with the Tab key", selector)
}

// TestKeyboardAlone goes from the first page to a switch and out again without a mouse.
func TestKeyboardAlone(t *testing.T) {
	n := sitetest.Start(t, redisserver.Start(t).URL())
	chromium := browsertest.Start(t)
	for _, page := range []string{"/", "/inbox", "/inbox?htmx=4", "/live"} {
		t.Run(page, func(t *testing.T) {
			tab := chromium.NewTab(t)
			tab.Navigate(n.URL + "/session/new")
			tab.Type("#email", alice)
			tab.Type("#password", sitetest.Password+"\r") // Enter sends the form
			tab.WaitFor(is("Alice", alice), patience)
			tab.Navigate(n.URL + page)
			tabTo(t, tab, `[data-accounts-part="add"] a`)
			tab.Type(":focus", "\r")
			tab.WaitFor(`document.readyState === 'complete' && document.querySelector('main form[action^="/link/p/"] button')`, patience)
			tabTo(t, tab, `main form[action^="/link/p/"] button`)
			tab.Type(":focus", "\r")
			tab.WaitFor(onSignIn, patience)
			tab.Type("#email", bob)
			tab.Type("#password", sitetest.Password+"\r")
			tab.WaitFor(is("Bob", bob), patience)

			tabTo(t, tab, switchTo("Alice"))
			tab.Type(":focus", "\r")
			tab.WaitFor(is("Alice", alice), patience)
			tabTo(t, tab, switchTo("Bob"))
			tab.Type(":focus", " ") // the space bar presses buttons too
			tab.WaitFor(is("Bob", bob), patience)
			tabTo(t, tab, `#account-switcher [data-accounts-part="sign-out-all"] button`)
			tab.Type(":focus", "\r")
			tab.WaitFor(`document.readyState === 'complete' && document.querySelector('main a[href="/session/new"]')`, patience)
			quiet(t, tab, refusals...)
		})
	}
}
