package sockets_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/gofiber/fiber/v2"
)

// TestPlainHandshake is WS-13: on a site with https, a page that came over plain http opens nothing, whatever it or somebody on
// the way says about how it came, and whether or not the app trusts who says it. A browser has no cookie for it either.
func TestPlainHandshake(t *testing.T) {
	for name, config := range map[string]fiber.Config{
		"every peer may say how it came": {},
		"the peer is a trusted proxy":    {EnableTrustedProxyCheck: true, TrustedProxies: []string{"127.0.0.1"}},
		"the peer is no trusted proxy":   {EnableTrustedProxyCheck: true, TrustedProxies: []string{"192.0.2.1"}},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t, recipe{https: true, app: config})
			in := knock{line: "POST /in?id=a HTTP/1.1"}.and("Host", "app.test").and("Origin", "https://app.test").
				and("Content-Length", "0").must(t, l.node)
			set := in.header.Get("Set-Cookie")
			if in.status != http.StatusSeeOther || !strings.Contains(strings.ToLower(set), "; secure") {
				t.Fatalf("sign in: %d, %q", in.status, set)
			}
			cookie, _, _ := strings.Cut(set, ";")
			for _, d := range doors {
				honest := d.knock(l.node, cookie).with("Host", "app.test").with("Sec-Fetch-Site", "").with("Origin", "https://app.test")
				if got := honest.must(t, l.node); !got.opened() {
					t.Fatalf("%s over https: %d", d.name, got.status)
				}
				isRefused(t, d.name+" without the cookie", honest.with("Cookie", "").must(t, l.node), http.StatusUnauthorized)
				for _, header := range []string{"", "X-Forwarded-Proto: https", "X-Forwarded-Protocol: https", "X-Forwarded-Ssl: on",
					"X-Url-Scheme: https", "Forwarded: proto=https"} {
					for _, origin := range []string{"http://app.test", ""} {
						plain := honest.with("Origin", origin)
						if key, value, ok := strings.Cut(header, ": "); ok {
							plain = plain.and(key, value)
						}
						isRefused(t, fmt.Sprintf("%s: Origin %q, %q", d.name, origin, header), plain.must(t, l.node), http.StatusForbidden)
					}
				}
			}
		})
	}
}
