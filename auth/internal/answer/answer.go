// Package answer is what the ways of signing in have in common when they talk to browsers and programs: who asks, what a
// form says, pages that an app may replace one by one, and cookies that last for the minutes that a sign-in takes.
package answer

import (
	"encoding/json"
	"strings"

	"github.com/gofiber/fiber/v2"
	"github.com/gofiber/fiber/v2/utils"
)

// Kind is who asks, and so what kind of answer it understands.
type Kind int

// The kinds.
const (
	Page Kind = iota // a browser that navigates
	HTMX
	JSON
)

// Of tells by the headers who asks. It only picks the form of the answer and proves nothing.
func Of(c *fiber.Ctx) Kind {
	switch {
	case c.Get("HX-Request") == "true":
		return HTMX
	case strings.Contains(c.Get(fiber.HeaderAccept), fiber.MIMEApplicationJSON) &&
		c.Accepts(fiber.MIMETextHTML, fiber.MIMEApplicationJSON) == fiber.MIMEApplicationJSON:
		return JSON
	}
	return Page
}

// Posted returns a copy of a field of the posted form or JSON object. A field that does not come exactly once, or is neither
// text nor a number, is empty. The query, which links and logs carry around, is not looked at.
func Posted(c *fiber.Ctx, name string) string {
	var values []string
	switch kind := strings.ToLower(c.Get(fiber.HeaderContentType)); {
	case c.Method() == fiber.MethodGet || c.Method() == fiber.MethodHead:
	case strings.HasPrefix(kind, fiber.MIMEApplicationForm):
		for _, value := range c.Request().PostArgs().PeekMulti(name) {
			values = append(values, string(value))
		}
	case strings.HasPrefix(kind, fiber.MIMEMultipartForm):
		if form, err := c.MultipartForm(); err == nil {
			values = form.Value[name]
		}
	case strings.HasPrefix(kind, fiber.MIMEApplicationJSON):
		var object map[string]json.RawMessage
		var text string
		var number json.Number
		switch {
		case json.Unmarshal(c.Body(), &object) != nil:
		case json.Unmarshal(object[name], &text) == nil:
			values = []string{text}
		case json.Unmarshal(object[name], &number) == nil:
			values = []string{number.String()}
		}
	}
	if len(values) != 1 {
		return ""
	}
	return utils.CopyString(values[0])
}

// Queried returns a copy of a parameter of the query that comes at most once; ok is false when it comes more often.
func Queried(c *fiber.Ctx, name string) (value string, ok bool) {
	values := c.Context().QueryArgs().PeekMulti(name)
	if len(values) == 0 {
		return "", true
	}
	return string(values[0]), len(values) == 1
}

// Private keeps an answer out of every cache and every frame.
func Private(c *fiber.Ctx) {
	c.Set(fiber.HeaderCacheControl, "no-store")
	c.Set(fiber.HeaderXFrameOptions, "DENY")
	if len(c.Response().Header.Peek(fiber.HeaderContentSecurityPolicy)) == 0 {
		c.Set(fiber.HeaderContentSecurityPolicy, "frame-ancestors 'none'")
	}
}

// Lead sends whoever asks on to a path of this site: a page by 303, htmx by HX-Redirect; a program gets the document.
func Lead(c *fiber.Ctx, target string, status int, document any) error {
	Private(c)
	switch Of(c) {
	case JSON:
		return c.Status(status).JSON(document)
	case HTMX:
		c.Set("HX-Redirect", target)
		return c.SendStatus(fiber.StatusNoContent)
	}
	return c.Redirect(target, fiber.StatusSeeOther)
}
