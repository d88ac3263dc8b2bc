package multiaccount_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/multiaccount-go/multiaccount"
)

const clearHeader = "Clear-Site-Data"

// CA-06: who has signed out of everything leaves nothing in the browser; who goes on as somebody else loses nothing.
func TestWhenTheBrowserForgets(t *testing.T) {
	const all = `"cache", "storage"`
	for name, tc := range map[string]struct {
		accounts []string
		act      func(b *browser) answer
		want     string
	}{
		"sign out of everything": {[]string{"a", "b"}, func(b *browser) answer { return b.post("/link/sign_out") }, all},
		"the same over htmx":     {[]string{"a"}, func(b *browser) answer { return b.do("POST", "/link/sign_out", hx) }, all},
		"the same for a program": {[]string{"a"}, func(b *browser) answer { return b.do("POST", "/link/sign_out", program) }, all},
		"by the app's own route": {[]string{"a"}, func(b *browser) answer { return b.do("POST", "/out", form()) }, all},
		"sign the last one out":  {[]string{"a"}, func(b *browser) answer { return b.post("/link/sign_out/a") }, all},
		"sign one of two out":    {[]string{"a", "b"}, func(b *browser) answer { return b.post("/link/sign_out/b") }, ""},
		"sign one out, go on":    {[]string{"a", "b"}, func(b *browser) answer { return b.post("/link/sign_out/b", "next", "a") }, ""},
		"switch":                 {[]string{"a", "b"}, func(b *browser) answer { return b.post("/link/switch_to/a") }, ""},
		"sign in":                {[]string{"a"}, func(b *browser) answer { return b.signIn("c") }, ""},
		"signed out already":     {nil, func(b *browser) answer { return b.do("POST", "/out", form()) }, ""},
		"from another site":      {[]string{"a"}, func(b *browser) answer { return b.do("POST", "/link/sign_out", xform()) }, ""},
		"the store is away": {[]string{"a"}, func(b *browser) answer {
			b.site.store.fail(errStoreDown)
			return b.do("POST", "/link/sign_out", form())
		}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t)
			b := s.browser()
			if tc.accounts != nil {
				b = s.signedIn(tc.accounts...)
			}
			if got := tc.act(b).Header.Get(clearHeader); got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}

func TestWhatTheBrowserForgetsCanBeSet(t *testing.T) {
	for set, want := range map[multiaccount.ClearSiteData]string{`"cache"`: `"cache"`, multiaccount.ClearNothing: ""} {
		s := newSite(t, func(c *config) { c.ClearSiteData = set })
		if got := s.signedIn("a").post("/link/sign_out").Header.Get(clearHeader); got != want {
			t.Errorf("%s: got %q, want %q", set, got, want)
		}
	}
	for _, wrong := range []multiaccount.ClearSiteData{`"cookies"`, `"cache", "Cookies"`, `"*"`, "cache", "\"cache\"\r\nX: y", `"cache",`} {
		_, err := multiaccount.New(config{Users: newPeople().byIDs, ClearSiteData: wrong})
		if err == nil || !strings.Contains(err.Error(), "ClearSiteData") {
			t.Errorf("%q: got %v, want an error about ClearSiteData", wrong, err)
		}
	}
}

// Over plain http a browser ignores the header, and complains in its console, except on the developer's own machine.
func TestForgettingOverPlainHTTP(t *testing.T) {
	for at, want := range map[string]bool{
		"localhost:3000": true, "127.0.0.1:3000": true, "[::1]:3000": true, "LOCALHOST": true, "shop.localhost": true, "[::1]": true,
		"192.168.1.5:3000": false, "shop.test": false, "localhost.evil.test": false, "127.0.0.1.evil.test": false,
	} {
		s := newSite(t, func(c *config) { c.Cookie.InsecurePlainHTTPForDevelopment = true })
		b := s.browser()
		here := func(r *http.Request) {
			r.Host = at
			headers("Origin", "http://"+at, "Sec-Fetch-Site", "same-origin")(r)
		}
		b.do("POST", "/sign-in", form("id", "a", "password", "pw-a"), here)
		a := b.do("POST", "/link/sign_out", form(), here)
		if a.Status != 303 || (a.Header.Get(clearHeader) != "") != want {
			t.Errorf("%s: %d, got %q", at, a.Status, a.Header.Get(clearHeader))
		}
	}
}
