package htmx

import (
	"html/template"
	"strconv"

	"github.com/gofiber/fiber/v2"
)

// HeaderErrorStatus names the header with the status that an [Error] has, for logs, scripts and tests.
const HeaderErrorStatus = "X-Error-Status"

// Fragment answers one address in two ways: with the whole page, or with the fragment when [IsFragment]. Exactly one of the
// two is called. The answer is HTML and is not stored, neither by the browser nor on the way, unless Cache-Control was set
// before or is set by what is called.
func Fragment(c *fiber.Ctx, page, fragment fiber.Handler) error {
	draw := page
	if IsFragment(c) {
		draw = fragment
	}
	private(c)
	c.Set(fiber.HeaderContentType, fiber.MIMETextHTMLCharsetUTF8)
	return draw(c)
}

// Error answers with an error that people see, with both versions of htmx and whatever their configuration says about
// errors. It goes into the inside of the request's target, whatever hx-swap says, as hx-swap may delete the target or show
// nothing; say otherwise with [Retarget] and [Reswap] before. Address and history of the page stay as they are.
//
//	htmx.Retarget(c, "#problem")
//	return htmx.Error(c, fiber.StatusConflict, `<p role="alert">Somebody else was faster.</p>`)
//
// There is no way to have htmx 2 show an answer with an error status when it is configured not to, as it is by default. So
// htmx gets the status 200, and the real one in the header X-Error-Status. A browser that navigates gets the real status.
// The html is what [Fragment] would have sent: a document unless [IsFragment].
func Error(c *fiber.Ctx, status int, html template.HTML) error {
	private(c)
	c.Set(fiber.HeaderContentType, fiber.MIMETextHTMLCharsetUTF8)
	if !Is(c) {
		return c.Status(status).SendString(string(html))
	}
	if len(c.Response().Header.Peek(headerReswap)) == 0 {
		Reswap(c, "innerHTML")
	}
	if IsFragment(c) && !fromV4(c) { // htmx 4 asks for a whole page when it has hx-select
		c.Set(headerReselect, "unset")
	}
	KeepURL(c)
	c.Set(HeaderErrorStatus, strconv.Itoa(status))
	return c.Status(fiber.StatusOK).SendString(string(html))
}
