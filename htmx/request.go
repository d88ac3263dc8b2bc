package htmx

import (
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/gofiber/fiber/v2"
)

// Is reports whether htmx asks rather than a browser that navigates. It proves nothing about who asks: anybody can send the
// header. It notes in Vary that the answer depends on it.
func Is(c *fiber.Ctx) bool {
	c.Vary(headerRequest)
	return c.Get(headerRequest) == "true"
}

// IsFragment reports whether htmx asks for a part of a page. It asks for a whole one when a link is boosted, when it goes back
// in the browser's history, and, in htmx 4, when the target is the body or hx-select picks from the answer. It notes in Vary
// what the answer depends on.
func IsFragment(c *fiber.Ctx) bool {
	c.Vary(headerRequest, headerRequestType, headerBoosted, headerHistoryRestore)
	return c.Get(headerRequest) == "true" && c.Get(headerRequestType) != "full" && c.Get(headerBoosted) != "true" &&
		c.Get(headerHistoryRestore) != "true"
}

// TargetID returns the id of the element that the answer will go into, or "" when it has none or htmx does not ask. It
// understands both versions, of which htmx 2 sends the id and htmx 4 the element's name before it. It notes in Vary that the
// answer depends on it.
func TargetID(c *fiber.Ctx) string {
	c.Vary(headerTarget)
	target, encoded := c.Get(headerTarget), c.Get(headerTargetEncoded) == "true"
	if fromV4(c) {
		_, target, _ = strings.Cut(target, "#")
		encoded = true
	}
	if encoded {
		var err error
		if target, err = url.PathUnescape(target); err != nil {
			return ""
		}
	}
	if !utf8.ValidString(target) {
		return ""
	}
	return strings.Clone(target)
}

// CurrentURL returns path and query of the page that asks, without its fragment. It reports false when htmx does not ask, and
// when the page is on another host than the request.
func CurrentURL(c *fiber.Ctx) (string, bool) {
	return ofThisSite(c, c.Get(headerCurrentURL))
}

// fromV4 tells the versions apart: only htmx 4 names the source of a request.
func fromV4(c *fiber.Ctx) bool { return c.Get(headerSource) != "" || c.Get(headerRequestType) != "" }

// ofThisSite returns path and query of an absolute URL when its host is that of the request.
func ofThisSite(c *fiber.Ctx, address string) (string, bool) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || !strings.EqualFold(u.Host, string(c.Context().Host())) {
		return "", false
	}
	path, err := local(u.RequestURI())
	return path, err == nil
}
