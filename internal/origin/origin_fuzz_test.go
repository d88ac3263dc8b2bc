package origin_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/multiaccount-go/multiaccount/internal/origin"
)

// FuzzOwn: an origin that passes for this site is, as a browser reads it, https on the very host of the request.
func FuzzOwn(f *testing.F) {
	for _, o := range []string{"https://app.test", "https://app.test:443", "https://APP.test", "http://app.test", "null", "", "https://evil.test",
		"https://app.test.evil.test", "https://app.test@evil.test", "https://app.test/", "https://app.test:443:443", "https://[::1]", "HTTPS://app.test",
		"https://app.test\x00", "https:// app.test", "https://app.test\\@evil.test", "https://app.test#", "file://app.test"} {
		f.Add(o, "app.test", "")
		f.Add(o, "app.test:443", "same-origin")
	}
	f.Add("https://[::1]", "[::1]:443", "none")
	f.Add("https://app.test", "app.test", "cross-site")
	f.Add("https://app.test/path", "app.test/path", "")
	f.Add("https://me@app.test", "me@app.test", "")
	f.Fuzz(func(t *testing.T, from, host, site string) {
		r := origin.Request{Host: host, Origin: from, FetchSite: site}
		var p origin.Policy
		socket, unsafe := p.Socket(r), p.Unsafe(r)
		if socket == nil && unsafe != nil {
			t.Fatalf("%+v opens a socket and may not post", r)
		}
		if site == "cross-site" || site == "same-site" {
			if unsafe == nil || p.Safe(r) == nil {
				t.Fatalf("%+v passes", r)
			}
		}
		if socket != nil {
			return
		}
		u, err := url.Parse(from)
		if err != nil {
			return // no browser sends it
		}
		port := func(host string) string {
			if i := strings.LastIndex(host, ":"); i >= 0 && !strings.HasSuffix(host, "]") {
				return host
			}
			return host + ":443"
		}
		if !strings.EqualFold(u.Scheme, "https") || u.User != nil || u.Path != "" || !strings.EqualFold(port(u.Host), port(host)) {
			t.Fatalf("%+v passes, and leads to %v", r, u)
		}
	})
}
