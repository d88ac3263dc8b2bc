// Package origin decides whether a request comes from a page of this site. It looks at what browsers send by themselves
// and scripts cannot forge: Sec-Fetch-Site, Origin and Host. It never looks at X-Forwarded-*: anybody can write those.
package origin

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"

	"github.com/gofiber/fiber/v2"
)

// ErrForeign: the request comes from another site, or does not say where from. Answer 403.
var ErrForeign = errors.New("request does not come from a page of this site")

// Policy says which origins count as this site. The zero Policy: only https on the host that the request names.
type Policy struct {
	Allowed  []string // further origins, such as "https://www.example.com"; exact, without a path
	Insecure bool     // plain http on the request's host counts too
}

// Validate reports every allowed origin that is none.
func (p Policy) Validate() error {
	var errs []error
	for _, o := range p.Allowed {
		u, err := url.Parse(o)
		if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || strings.Contains(o, "*") ||
			u.Path != "" || u.RawQuery != "" || u.User != nil || u.Fragment != "" {
			errs = append(errs, fmt.Errorf("origin %q: write scheme and host, like https://www.example.com; wildcards are not possible", o))
		}
	}
	return errors.Join(errs...)
}

// Request is what a request says about where it comes from.
type Request struct {
	Host      string
	Origin    string
	FetchSite string
	repeated  bool // a header that a browser sends once came twice
}

// Read takes the headers out of a request. The result holds views of the request's buffers: use it before the handler
// returns.
func Read(c *fiber.Ctx) Request {
	h := &c.Context().Request.Header
	return Request{
		Host:      string(h.Host()),
		Origin:    c.Get(fiber.HeaderOrigin),
		FetchSite: c.Get("Sec-Fetch-Site"),
		repeated:  len(h.PeekAll(fiber.HeaderOrigin)) > 1 || len(h.PeekAll("Sec-Fetch-Site")) > 1,
	}
}

// Unsafe checks a request that may change something: it has to say that it comes from this site.
func (p Policy) Unsafe(r Request) error {
	switch {
	case r.repeated:
		return ErrForeign
	case r.Origin == "null" && r.FetchSite == "same-origin":
		return nil // a page with Referrer-Policy: no-referrer; what has no origin of its own is cross-site
	case r.Origin != "":
		return p.both(r)
	case r.FetchSite == "same-origin":
		return nil
	}
	return ErrForeign
}

// Safe checks a request that changes nothing but whose answer goes into a page: it must not say that it comes from
// elsewhere.
func (p Policy) Safe(r Request) error {
	switch {
	case r.repeated:
		return ErrForeign
	case r.Origin != "":
		return p.both(r)
	case r.FetchSite == "" || r.FetchSite == "same-origin" || r.FetchSite == "none":
		return nil
	}
	return ErrForeign
}

// Socket checks a websocket handshake, for which browsers always send Origin and no CORS rule holds.
func (p Policy) Socket(r Request) error {
	if r.repeated || r.Origin == "" {
		return ErrForeign
	}
	return p.both(r)
}

// both holds Origin against the policy, and Sec-Fetch-Site against what an allowed origin can send.
func (p Policy) both(r Request) error {
	for _, allowed := range p.Allowed {
		if strings.EqualFold(allowed, r.Origin) {
			return nil
		}
	}
	own := p.own(r)
	if !own || r.FetchSite != "" && r.FetchSite != "same-origin" && r.FetchSite != "none" {
		return ErrForeign
	}
	return nil
}

// own reports whether Origin is the host that the request was sent to.
func (p Policy) own(r Request) bool {
	scheme, host, ok := strings.Cut(r.Origin, "://")
	if !ok || host == "" || r.Host == "" || strings.ContainsAny(host, "/?#@\\ ") {
		return false
	}
	port := ""
	switch strings.ToLower(scheme) {
	case "https":
		port = "443"
	case "http":
		if !p.Insecure {
			return false
		}
		port = "80"
	default:
		return false
	}
	return strings.EqualFold(withPort(host, port), withPort(r.Host, port))
}

func withPort(host, port string) string {
	if _, _, err := net.SplitHostPort(host); err == nil {
		return host
	}
	return host + ":" + port
}
