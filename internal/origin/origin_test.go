package origin_test

import (
	"testing"

	"github.com/multiaccount-go/multiaccount/internal/origin"
)

const host = "app.test"

func TestUnsafeRequests(t *testing.T) {
	for _, tc := range []struct {
		name, origin, site string
		insecure           bool
		allowed            []string
		want               bool
		noSocket           bool
	}{
		{name: "own origin", origin: "https://app.test", want: true},
		{name: "own origin, same-origin", origin: "https://app.test", site: "same-origin", want: true},
		{name: "own origin in capitals", origin: "https://APP.test", want: true},
		{name: "own origin with the default port", origin: "https://app.test:443", want: true},
		{name: "no origin, same-origin", site: "same-origin", want: true},
		{name: "neither header"},
		{name: "no origin, none", site: "none"},
		{name: "no origin, same-site", site: "same-site"},
		{name: "no origin, cross-site", site: "cross-site"},
		{name: "no origin, junk", site: "junk"},
		{name: "foreign", origin: "https://evil.test", site: "cross-site"},
		{name: "foreign origin that claims same-origin", origin: "https://evil.test", site: "same-origin"},
		{name: "own origin that comes cross-site", origin: "https://app.test", site: "cross-site"},
		{name: "own origin that comes same-site", origin: "https://app.test", site: "same-site"},
		{name: "null", origin: "null"},
		{name: "null, cross-site", origin: "null", site: "cross-site"},
		{name: "null, same-site", origin: "null", site: "same-site"},
		{name: "null, same-origin: a page that tells no referrer", origin: "null", site: "same-origin", want: true, noSocket: true},
		{name: "file", origin: "file://"},
		{name: "http", origin: "http://app.test"},
		{name: "http in development", origin: "http://app.test", insecure: true, want: true},
		{name: "other port", origin: "https://app.test:444"},
		{name: "suffix", origin: "https://app.test.evil.test"},
		{name: "prefix", origin: "https://evil-app.test"},
		{name: "user part", origin: "https://app.test@evil.test"},
		{name: "own host as user part", origin: "https://evil@app.test"},
		{name: "final dot", origin: "https://app.test."},
		{name: "with a path", origin: "https://app.test/path"},
		{name: "sibling", origin: "https://sibling.app.test", site: "same-site"},
		{name: "allowed sibling", origin: "https://www.app.test", site: "same-site", allowed: []string{"https://www.app.test"}, want: true},
		{name: "beside an allowed one", origin: "https://www2.app.test", allowed: []string{"https://www.app.test"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p := origin.Policy{Allowed: tc.allowed, Insecure: tc.insecure}
			r := origin.Request{Host: host, Origin: tc.origin, FetchSite: tc.site}
			if got := p.Unsafe(r) == nil; got != tc.want {
				t.Errorf("Unsafe lets it through: %v, want %v", got, tc.want)
			}
			wantSocket := tc.want && tc.origin != "" && !tc.noSocket
			if got := p.Socket(r) == nil; got != wantSocket {
				t.Errorf("Socket lets it through: %v, want %v", got, wantSocket)
			}
		})
	}
}

func TestSafeRequestsMayBeSilent(t *testing.T) {
	for site, want := range map[string]bool{"": true, "none": true, "same-origin": true, "same-site": false, "cross-site": false, "junk": false} {
		if got := (origin.Policy{}).Safe(origin.Request{Host: host, FetchSite: site}) == nil; got != want {
			t.Errorf("Sec-Fetch-Site %q passes: %v, want %v", site, got, want)
		}
	}
	if (origin.Policy{}).Safe(origin.Request{Host: host, Origin: "https://evil.test"}) == nil {
		t.Error("a foreign origin passes")
	}
}

func TestPoliciesThatCannotWork(t *testing.T) {
	for _, bad := range []string{"*", "https://*.app.test", "app.test", "https://app.test/", "https://a@app.test", "ftp://app.test", ""} {
		if (origin.Policy{Allowed: []string{bad}}).Validate() == nil {
			t.Errorf("%q is accepted", bad)
		}
	}
	if err := (origin.Policy{Allowed: []string{"https://www.app.test:8443"}}).Validate(); err != nil {
		t.Error(err)
	}
}
