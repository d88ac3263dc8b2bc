package journey_test

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/multiaccount-go/multiaccount/integration_test/browsertest"
	"github.com/multiaccount-go/multiaccount/integration_test/redisserver"
	"github.com/multiaccount-go/multiaccount/integration_test/sitetest"
)

// slow returns the site behind a network on which the answers to changes are late, while websockets are not.
func slow(t *testing.T, n *sitetest.Node) *sitetest.Node {
	t.Helper()
	target, err := url.Parse(n.URL)
	if err != nil {
		t.Fatal(err)
	}
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target); r.Out.Host = r.In.Host },
		ModifyResponse: func(r *http.Response) error {
			if r.Request.Method == http.MethodPost && strings.HasPrefix(r.Request.URL.Path, "/link/s") { // switch, sign out
				time.Sleep(1200 * time.Millisecond)
			}
			return nil
		},
	}
	server := httptest.NewServer(proxy)
	t.Cleanup(server.Close)
	return &sitetest.Node{URL: server.URL, Addr: server.Listener.Addr().String()}
}

// TestThePushOvertakesTheAnswer: a tab hears of its own change over the websocket before the answer with the new cookie is
// there. It must wait for that, or the browser would be left with a secret that is about to die.
func TestThePushOvertakesTheAnswer(t *testing.T) {
	server := redisserver.Start(t)
	n := slow(t, sitetest.Start(t, server.URL()))
	chromium := browsertest.Start(t)
	for _, k := range kinds {
		t.Run(k.name, func(t *testing.T) {
			tab := chromium.NewTab(t)
			enter(tab, n)
			tab.Navigate(n.URL + k.second)
			addBob(tab)
			tab.Click(switchTo("Alice"))
			tab.WaitFor(is("Alice", alice), patience)
			settle(tab)
			write(tab, k.form, "with the new secret")
			tab.WaitFor(hasNotes("with the new secret"), patience)
			tab.Click(`#account-switcher [data-accounts-part="sign-out-all"] button`)
			tab.WaitFor(`location.pathname === '/' && document.querySelector('.flash')?.textContent === 'You are signed out.'`, patience)
			quiet(t, tab, refusals...)
		})
		flush(t, server)
	}
}
