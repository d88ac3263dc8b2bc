package tenant

import (
	"encoding/json"
	"net/url"
	"strings"

	"github.com/gofiber/fiber/v2"

	"github.com/multiaccount-go/multiaccount/live"
)

const headerRequest = "HX-Request"

// who asks, and so what kind of answer it understands
type askerKind int

const (
	askerPage askerKind = iota // a browser that navigates
	askerHTMX
	askerJSON
)

// asker tells by the headers who asks. It only picks the form of the answer.
func asker(c *fiber.Ctx) askerKind {
	switch {
	case c.Get(headerRequest) == "true":
		return askerHTMX
	case strings.Contains(c.Get(fiber.HeaderAccept), fiber.MIMEApplicationJSON) &&
		c.Accepts(fiber.MIMETextHTML, fiber.MIMEApplicationJSON) == fiber.MIMEApplicationJSON:
		return askerJSON
	}
	return askerPage
}

// drawsPage reports whether the answer is a whole page or a document, in whose place nothing of another tenant stays: not a
// piece that goes into a page, not a socket that belongs to one.
func drawsPage(c *fiber.Ctx) bool {
	if c.Method() != fiber.MethodGet || live.IsConnect(c) || strings.EqualFold(c.Get(fiber.HeaderUpgrade), "websocket") {
		return false
	}
	return c.Get(headerRequest) != "true" || c.Get("HX-History-Restore-Request") == "true"
}

// posted returns a copy of a field of the request's body, a form or a JSON object, and whether it is there. A field that
// comes twice is there and empty. The query, which links and logs carry around, is not looked at.
func posted(c *fiber.Ctx, name string) (string, bool) {
	var values []string
	switch kind := strings.ToLower(c.Get(fiber.HeaderContentType)); {
	case c.Method() == fiber.MethodGet || c.Method() == fiber.MethodHead:
	case strings.HasPrefix(kind, fiber.MIMEApplicationForm):
		for _, value := range c.Request().PostArgs().PeekMulti(name) {
			values = append(values, string(value))
		}
	case strings.HasPrefix(kind, fiber.MIMEMultipartForm):
		if form, err := c.MultipartForm(); err == nil {
			for _, value := range form.Value[name] {
				values = append(values, strings.Clone(value))
			}
		}
	case strings.HasPrefix(kind, fiber.MIMEApplicationJSON):
		var object map[string]json.RawMessage
		if json.Unmarshal(c.Body(), &object) == nil && object[name] != nil {
			var text string
			_ = json.Unmarshal(object[name], &text) // what is no text is empty
			values = append(values, text)
		}
	}
	switch len(values) {
	case 0:
		return "", false
	case 1:
		return values[0], true
	}
	return "", true
}

func field(c *fiber.Ctx, name string) string {
	value, _ := posted(c, name)
	return value
}

// pathParam returns a copy of a path parameter, decoded once, as Fiber leaves it encoded.
func pathParam(c *fiber.Ctx, name string) string {
	if c.App().Config().UnescapePath {
		return strings.Clone(c.Params(name))
	}
	value, err := url.PathUnescape(c.Params(name))
	if err != nil {
		return ""
	}
	return strings.Clone(value)
}

// with appends an id to a path.
func with(path, id string) string {
	return path + "/" + strings.ReplaceAll(url.PathEscape(id), "+", "%2B")
}

// lead answers a change that was made: a page goes on to a path, htmx too, a program gets a document.
func lead(c *fiber.Ctx, target string, status int, document any) error {
	switch asker(c) {
	case askerJSON:
		return c.Status(status).JSON(document)
	case askerHTMX:
		c.Set("HX-Redirect", target)
		return c.SendStatus(fiber.StatusNoContent)
	}
	return c.Redirect(target, fiber.StatusSeeOther)
}
