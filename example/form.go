package main

import (
	"encoding/json"
	"strings"

	"github.com/gofiber/fiber/v2"
)

// form returns a field of the request's body: of a form, or of a JSON object. Unlike Fiber's FormValue it never looks into
// the query, where a password would end up in logs.
func form(c *fiber.Ctx, name string) string {
	kind := strings.ToLower(c.Get(fiber.HeaderContentType))
	switch {
	case strings.HasPrefix(kind, fiber.MIMEApplicationForm):
		return string(c.Request().PostArgs().Peek(name))
	case strings.HasPrefix(kind, fiber.MIMEMultipartForm):
		if posted, err := c.MultipartForm(); err == nil && len(posted.Value[name]) > 0 {
			return posted.Value[name][0]
		}
	case strings.HasPrefix(kind, fiber.MIMEApplicationJSON):
		var object map[string]any
		if json.Unmarshal(c.Body(), &object) == nil {
			text, _ := object[name].(string)
			return text
		}
	}
	return ""
}

// wrongText tells a program that the field text cannot be accepted, in the form that the library has for it.
func wrongText(why string) fiber.Map {
	return fiber.Map{"error": "invalid", "message": why,
		"fields": fiber.Map{"text": fiber.Map{"error": "invalid", "message": why}}}
}
