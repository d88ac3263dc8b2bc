// Package answer is what the modules with routes of their own have in common when they talk to browsers and programs: who asks,
// what was sent, and the answers to a change.
package answer

import (
	"net/url"
	"strings"

	"github.com/gofiber/fiber/v2"
)

// Kind is who asks, and so what kind of answer it understands.
type Kind int

// The kinds.
const (
	Page Kind = iota // a browser that navigates
	HTMX
	JSON
)

// Headers of htmx.
const (
	headerRequest  = "HX-Request"
	headerRedirect = "HX-Redirect"
	headerRefresh  = "HX-Refresh"
)

// Of tells by the headers who asks. It only picks the form of the answer and proves nothing.
func Of(c *fiber.Ctx) Kind {
	switch {
	case c.Get(headerRequest) == "true":
		return HTMX
	case strings.Contains(c.Get(fiber.HeaderAccept), fiber.MIMEApplicationJSON) &&
		c.Accepts(fiber.MIMETextHTML, fiber.MIMEApplicationJSON) == fiber.MIMEApplicationJSON:
		return JSON
	}
	return Page
}

// IsPart reports whether htmx asks for what goes into a page, rather than for a whole one.
func IsPart(c *fiber.Ctx) bool {
	return Of(c) == HTMX && c.Get("HX-Boosted") != "true" && c.Get("HX-History-Restore-Request") != "true"
}

// Private keeps an answer out of every cache and every frame: it is personal, and a click on it acts.
func Private(c *fiber.Ctx) {
	c.Set(fiber.HeaderCacheControl, "no-store")
	c.Vary(fiber.HeaderCookie, headerRequest, fiber.HeaderAccept)
	c.Set(fiber.HeaderXFrameOptions, "DENY")
	if len(c.Response().Header.Peek(fiber.HeaderContentSecurityPolicy)) == 0 {
		c.Set(fiber.HeaderContentSecurityPolicy, "frame-ancestors 'none'")
	}
}

// Lead answers a change that was made, in the place of whatever answer there is: a page goes on to a path of this site by 303,
// htmx by HX-Redirect, or HX-Refresh when it is there already; a program gets a document with a status.
func Lead(c *fiber.Ctx, target string, status int, document any) error {
	Private(c)
	c.Response().ResetBody()
	for _, header := range []string{fiber.HeaderLocation, headerRedirect, headerRefresh} {
		c.Response().Header.Del(header)
	}
	switch Of(c) {
	case JSON:
		return c.Status(status).JSON(document)
	case HTMX:
		if here, err := url.Parse(c.Get("HX-Current-URL")); err == nil && here.IsAbs() && here.RequestURI() == target {
			c.Set(headerRefresh, "true")
		} else {
			c.Set(headerRedirect, target)
		}
		return c.SendStatus(fiber.StatusNoContent)
	}
	return c.Redirect(target, fiber.StatusSeeOther)
}

// Problem is what is wrong with one field.
type Problem struct {
	Code string `json:"error"`   // for programs
	Text string `json:"message"` // for people
}

// mistakes is the answer to a program whose form cannot be accepted: that of any refusal, with the fields beside it.
type mistakes struct {
	Problem
	Fields map[string]Problem `json:"fields,omitempty"`
}

// Mistakes tells a program what is wrong with a form as a whole, and with its fields by their names; there may be none.
func Mistakes(c *fiber.Ctx, status int, whole Problem, fields map[string]Problem) error {
	Private(c)
	return c.Status(status).JSON(mistakes{whole, fields})
}
