package network_test

import (
	"testing"

	"github.com/multiaccount-go/multiaccount/internal/network"
)

func TestOf(t *testing.T) {
	for address, want := range map[string]string{
		"192.0.2.1":           "192.0.2.1/32",
		"::ffff:192.0.2.1":    "192.0.2.1/32",
		"2001:db8:1:2:3::4":   "2001:db8:1:2::/64",
		"2001:DB8:1:2:ffff::": "2001:db8:1:2::/64",
		"fe80::1%eth0":        "fe80::/64",
		"":                    "invalid Prefix",
		"example.com":         "invalid Prefix",
		"192.0.2.1, 10.0.0.1": "invalid Prefix",
	} {
		if got := network.Of(address).String(); got != want {
			t.Errorf("%q: got %s, want %s", address, got, want)
		}
	}
}
