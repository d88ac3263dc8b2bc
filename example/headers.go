package main

import "github.com/gofiber/fiber/v2"

// contentSecurityPolicy lets a page load from this site and nothing else: no inline script or style, no eval, no frame
// around it. Websockets to this site are covered by 'self'.
const contentSecurityPolicy = "default-src 'self'; connect-src 'self'; img-src 'self' data:; object-src 'none'; " +
	"base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

// securityHeaders goes before everything else, so that refusals and errors carry the headers too. Referrer-Policy leaves
// the path to this site's own pages: the plugin uses it to lead back after a switch.
func securityHeaders(c *fiber.Ctx) error {
	c.Set(fiber.HeaderContentSecurityPolicy, contentSecurityPolicy)
	c.Set(fiber.HeaderXContentTypeOptions, "nosniff")
	c.Set(fiber.HeaderXFrameOptions, "DENY")
	c.Set(fiber.HeaderReferrerPolicy, "same-origin")
	c.Set("Cross-Origin-Opener-Policy", "same-origin")
	return c.Next()
}
