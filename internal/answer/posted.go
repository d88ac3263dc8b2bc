package answer

import (
	"encoding/json"
	"net/url"
	"strings"

	"github.com/gofiber/fiber/v2"
)

// Body is the fields of a request's body, a form or a JSON object. The zero value has none.
type Body struct {
	form   func(name string) []string
	object map[string]json.RawMessage
}

// Read returns the fields of a request that may change something. The query, which links and logs carry around, is not
// looked at.
func Read(c *fiber.Ctx) Body {
	switch kind := strings.ToLower(c.Get(fiber.HeaderContentType)); {
	case c.Method() == fiber.MethodGet || c.Method() == fiber.MethodHead:
	case strings.HasPrefix(kind, fiber.MIMEApplicationForm):
		return Body{form: func(name string) (values []string) {
			for _, value := range c.Request().PostArgs().PeekMulti(name) {
				values = append(values, string(value))
			}
			return values
		}}
	case strings.HasPrefix(kind, fiber.MIMEMultipartForm):
		if form, err := c.MultipartForm(); err == nil {
			return Body{form: func(name string) []string { return form.Value[name] }}
		}
	case strings.HasPrefix(kind, fiber.MIMEApplicationJSON):
		var object map[string]json.RawMessage
		if json.Unmarshal(c.Body(), &object) == nil {
			return Body{object: object}
		}
	}
	return Body{}
}

// Text returns a copy of a field, or "" when it does not come exactly once, or is neither text nor a number.
func (b Body) Text(name string) string {
	if b.form != nil {
		if values := b.form(name); len(values) == 1 {
			return strings.Clone(values[0])
		}
		return ""
	}
	var text string
	var number json.Number
	switch sent := b.object[name]; {
	case json.Unmarshal(sent, &text) == nil:
		return text
	case json.Unmarshal(sent, &number) == nil:
		return number.String()
	}
	return ""
}

// Has reports whether a field is there at all.
func (b Body) Has(name string) bool {
	if b.form != nil {
		return len(b.form(name)) > 0
	}
	return b.object[name] != nil
}

// Posted returns one field of a request's body as Text does.
func Posted(c *fiber.Ctx, name string) string { return Read(c).Text(name) }

// Queried returns a copy of a parameter of the query that comes at most once; ok is false when it comes more often.
func Queried(c *fiber.Ctx, name string) (value string, ok bool) {
	values := c.Context().QueryArgs().PeekMulti(name)
	if len(values) == 0 {
		return "", true
	}
	return string(values[0]), len(values) == 1
}

// Param returns a copy of a parameter of the path, decoded once, as Fiber leaves it encoded.
func Param(c *fiber.Ctx, name string) string {
	if c.App().Config().UnescapePath {
		return strings.Clone(c.Params(name))
	}
	value, err := url.PathUnescape(c.Params(name))
	if err != nil {
		return ""
	}
	return strings.Clone(value)
}
