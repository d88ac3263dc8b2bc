package multiaccount

import (
	"fmt"
	"net/url"
	"path"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/gofiber/fiber/v2"
)

// maxReturnPath bounds a return path in bytes: it goes into the session record.
const maxReturnPath = 2048

// localPath returns a path of this site in the one spelling that browsers and proxies read alike, without its fragment.
// It refuses whatever could lead elsewhere: other hosts and schemes, control characters, backslashes, dot segments, also
// when they are hidden behind one level of percent-encoding.
func localPath(raw string) (string, bool) {
	if raw == "" || len(raw) > maxReturnPath || raw[0] != '/' {
		return "", false
	}
	for _, r := range raw {
		if r <= ' ' || r == '\\' || r == unicode.ReplacementChar ||
			unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || unicode.IsSpace(r) {
			return "", false
		}
	}
	u, err := url.Parse(raw)
	if err != nil || u.Scheme != "" || u.Host != "" || u.User != nil || u.Opaque != "" {
		return "", false
	}
	if strings.Contains(u.Path, "//") || strings.ContainsFunc(u.Path, func(r rune) bool {
		return r < ' ' || r == '\\' || r == unicode.ReplacementChar || unicode.IsControl(r)
	}) {
		return "", false
	}
	clean := path.Clean(u.Path)
	if clean != u.Path && clean+"/" != u.Path {
		return "", false
	}
	u.Fragment, u.RawFragment = "", ""
	out := (&url.URL{Path: u.Path, RawPath: u.RawPath, RawQuery: escapeNonASCII(u.RawQuery)}).String()
	return out, strings.HasPrefix(out, "/") && !strings.HasPrefix(out, "//")
}

// escapeNonASCII writes a query so that it fits into a header. What is encoded already stays as it is.
func escapeNonASCII(query string) string {
	var b strings.Builder
	for _, octet := range []byte(query) {
		if octet < utf8.RuneSelf {
			b.WriteByte(octet)
		} else {
			fmt.Fprintf(&b, "%%%02X", octet)
		}
	}
	return b.String()
}

// isPlugin reports whether a path belongs to the plugin or signs people in, in any spelling that the router accepts: no
// change may lead back there.
func (p *Plugin[U]) isPlugin(local string) bool {
	u, err := url.Parse(local)
	if err != nil {
		return true
	}
	at := strings.TrimSuffix(strings.ToLower(u.Path), "/")
	base := strings.ToLower(p.urls.base)
	return at == base || strings.HasPrefix(at, base+"/") || at == strings.ToLower(p.urls.signIn) ||
		p.paths.AppSignOut != "" && at == strings.ToLower(p.paths.AppSignOut)
}

// returnable checks a path that somebody else named.
func (p *Plugin[U]) returnable(raw string) (string, bool) {
	local, ok := localPath(raw)
	if !ok || p.isPlugin(local) {
		return "", false
	}
	return local, true
}

// named returns the return path that the request names in a field or in its query.
func (p *Plugin[U]) named(c *fiber.Ctx) (string, bool) {
	for _, name := range []string{fieldReturnTo, fieldRequestPath} {
		value := formValue(c, name)
		if values := c.Context().QueryArgs().PeekMulti(name); value == "" && len(values) == 1 {
			value = string(values[0])
		}
		if target, ok := p.returnable(value); ok {
			return target, true
		}
	}
	return "", false
}

// cameFrom returns the page that the person was on, or the home page.
func (p *Plugin[U]) cameFrom(c *fiber.Ctx) string {
	if target, ok := p.named(c); ok {
		return target
	}
	for _, header := range []string{"HX-Current-URL", fiber.HeaderReferer} {
		u, err := url.Parse(c.Get(header))
		if err != nil || !strings.EqualFold(u.Host, string(c.Context().Host())) {
			continue
		}
		if target, ok := p.returnable(u.RequestURI()); ok {
			return target
		}
	}
	return p.paths.Home
}
