package journey_test

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"testing"

	"github.com/multiaccount-go/multiaccount/integration_test/browsertest"
	"github.com/multiaccount-go/multiaccount/integration_test/redisserver"
	"github.com/multiaccount-go/multiaccount/integration_test/sitetest"
)

// blocked returns two nodes behind a balancer that lets no websocket through and keeps nobody on one node: streams are
// held by the one, and what is sent reaches the other.
func blocked(t *testing.T, streams, rest *sitetest.Node) *sitetest.Node {
	t.Helper()
	proxy := &httputil.ReverseProxy{
		FlushInterval: -1,
		Rewrite: func(r *httputil.ProxyRequest) {
			to := rest
			if r.In.Header.Get("X-Live") == "stream" {
				to = streams
			}
			target, err := url.Parse(to.URL)
			if err != nil {
				t.Error(err)
				return
			}
			r.SetURL(target)
			r.Out.Host = r.In.Host
		},
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Upgrade") != "" {
			http.Error(w, "no websockets here", http.StatusForbidden)
			return
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(func() {
		server.CloseClientConnections() // streams do not end by themselves
		server.Close()
	})
	return &sitetest.Node{URL: server.URL, Addr: server.Listener.Addr().String()}
}

// TestWebsocketsAreBlocked uses the live page in two tabs where no websocket gets through: notes, and a switch.
func TestWebsocketsAreBlocked(t *testing.T) {
	server := redisserver.Start(t)
	site := blocked(t, sitetest.Start(t, server.URL()), sitetest.Start(t, server.URL()))
	chromium := browsertest.Start(t)
	for name, page := range map[string]string{"htmx2": "/live", "htmx4": "/live?htmx=4"} {
		t.Run(name, func(t *testing.T) {
			person := chromium.NewPerson(t)
			first, second := person.NewTab(t), person.NewTab(t)
			enter(first, site)
			first.Navigate(site.URL + page)
			first.WaitFor(connected, patience)
			addBob(first)
			second.Navigate(site.URL + page)
			first.WaitFor(connected, patience)
			second.WaitFor(connected+" && "+is("Bob", bob), patience)

			write(first, "#live-form", "milk of Bob")
			first.WaitFor(hasNotes("milk of Bob")+` && document.querySelector('#text').value === ''`, patience)
			second.WaitFor(hasNotes("milk of Bob"), patience)
			write(second, "#live-form", "bread of Bob")
			first.WaitFor(hasNotes("bread of Bob", "milk of Bob"), patience)

			second.Type("#live-form #text", "a secret of Bob")
			first.Click(switchTo("Alice"))
			first.WaitFor(is("Alice", alice)+" && "+hasNotes(), patience)
			second.WaitFor(notice, patience) // with what was typed as Bob it does not simply reload
			second.WaitFor(connected, patience)
			second.Click("#live-form .inline button")
			second.WaitFor(notice+`.textContent.includes('another account')`, patience)
			picture(t, second, name+"-blocked-confused")
			first.WaitFor(connected+" && "+hasNotes(), patience)
			write(first, "#live-form", "note of Alice")
			first.WaitFor(hasNotes("note of Alice"), patience)
			picture(t, first, name+"-blocked")
			flush(t, server)
		})
	}
}
