package multiaccount

import (
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf16"

	"github.com/gofiber/fiber/v2"

	"github.com/multiaccount-go/multiaccount/live"
	"github.com/multiaccount-go/multiaccount/switcher"
)

// Where a request carries its stamp.
const (
	StampField  = switcher.StampField // in a form, and in an event of a live view
	StampHeader = "X-Account-Stamp"   // in a request of htmx or of a script
)

// Names that travel in requests and answers.
const (
	headerRequest    = "HX-Request"
	fieldReturnTo    = switcher.ReturnField
	fieldRequestPath = "request_path"
	fieldNext        = "next"
)

// who asks, and so what kind of answer it understands
type askerKind int

const (
	askerPage askerKind = iota // a browser that navigates
	askerHTMX
	askerJSON
)

// asker tells by the headers who asks. HX-Request is no proof of anything: it only picks the form of the answer.
func asker(c *fiber.Ctx) askerKind {
	switch {
	case strings.EqualFold(c.Get(fiber.HeaderUpgrade), "websocket"):
		return askerJSON // a handshake follows no redirect and shows no page
	case c.Get(headerRequest) == "true":
		return askerHTMX
	case live.IsConnect(c):
		return askerJSON // an event stream and what belongs to it, for a script
	case strings.Contains(c.Get(fiber.HeaderAccept), fiber.MIMEApplicationJSON) &&
		c.Accepts(fiber.MIMETextHTML, fiber.MIMEApplicationJSON) == fiber.MIMEApplicationJSON:
		return askerJSON
	}
	return askerPage
}

// isSafe reports whether a request promises to change nothing.
func isSafe(c *fiber.Ctx) bool {
	switch c.Method() {
	case fiber.MethodGet, fiber.MethodHead, fiber.MethodOptions, fiber.MethodTrace:
		return true
	}
	return false
}

// formValue returns a field of the posted form, or "" when it does not come exactly once.
func formValue(c *fiber.Ctx, name string) string {
	if values := formValues(c, name); len(values) == 1 {
		return values[0]
	}
	return ""
}

// formValues returns copies of all values of a field of the posted form. Unlike Fiber's FormValue, it never looks into the
// query, where links and logs carry values around.
func formValues(c *fiber.Ctx, name string) []string {
	if isSafe(c) {
		return nil
	}
	var values []string
	kind := strings.ToLower(c.Get(fiber.HeaderContentType))
	switch {
	case strings.HasPrefix(kind, fiber.MIMEApplicationForm):
		for _, value := range c.Request().PostArgs().PeekMulti(name) {
			values = append(values, string(value))
		}
	case strings.HasPrefix(kind, fiber.MIMEMultipartForm):
		if form, err := c.MultipartForm(); err == nil {
			values = append(values, form.Value[name]...)
		}
	}
	return values
}

// asHeader returns a value as JSON that fits into a header: everything beyond ASCII is escaped.
func asHeader(value any) string {
	data, err := json.Marshal(value)
	if err != nil {
		return ""
	}
	var b strings.Builder
	for _, unit := range utf16.Encode([]rune(string(data))) {
		if unit < ' ' || unit > '~' {
			fmt.Fprintf(&b, `\u%04x`, unit)
		} else {
			b.WriteByte(byte(unit))
		}
	}
	return b.String()
}
