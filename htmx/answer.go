package htmx

import (
	"fmt"
	"strings"

	"github.com/gofiber/fiber/v2"
)

// Redirect leads the browser to another page of this site: with 303 after a form, with HX-Redirect for htmx, which would
// otherwise put the other page into its target. It returns [ErrNotLocal] for anything but a path. A path that differs from
// the page's own in its fragment alone does not load the page again; use [Refresh] for that.
func Redirect(c *fiber.Ctx, path string) error {
	target, err := local(path)
	if err != nil {
		return fmt.Errorf("htmx: redirect to %q: %w", path, err)
	}
	return lead(c, target)
}

// RedirectAway is [Redirect] to another site. Never pass a URL that came with the request: it returns [ErrNotWeb] for what is
// no http or https URL, but believes everything else.
func RedirectAway(c *fiber.Ctx, address string) error {
	target, err := remote(address)
	if err != nil {
		return fmt.Errorf("htmx: redirect away to %q: %w", address, err)
	}
	return lead(c, target)
}

func lead(c *fiber.Ctx, target string) error {
	private(c)
	if !Is(c) {
		return c.Redirect(target, fiber.StatusSeeOther)
	}
	c.Set(headerRedirect, target)
	return c.SendStatus(fiber.StatusNoContent)
}

// Refresh has the page loaded again: by HX-Refresh for htmx, else with 303 to the page that the request came from, or to "/"
// when it does not say. It is an answer to what changes something; as the answer to a page it could lead in circles.
func Refresh(c *fiber.Ctx) error {
	if Is(c) {
		private(c)
		c.Set(headerRefresh, "true")
		return c.SendStatus(fiber.StatusNoContent)
	}
	from, ok := ofThisSite(c, c.Get(fiber.HeaderReferer))
	if !ok {
		from = "/"
	}
	return lead(c, from)
}

// PushURL has htmx put a path of this site into the browser's history when it shows the answer. It takes the place of
// ReplaceURL and of KeepURL. It returns [ErrNotLocal] for anything but a path.
func PushURL(c *fiber.Ctx, path string) error { return history(c, headerPushURL, path) }

// ReplaceURL has htmx show a path of this site as the address of the page, without a new entry in its history, when it shows
// the answer. It takes the place of PushURL and of KeepURL. It returns [ErrNotLocal] for anything but a path.
func ReplaceURL(c *fiber.Ctx, path string) error { return history(c, headerReplaceURL, path) }

// KeepURL has htmx leave address and history alone, whatever hx-push-url or hx-replace-url say.
func KeepURL(c *fiber.Ctx) {
	c.Response().Header.Del(headerReplaceURL)
	c.Set(headerPushURL, "false")
}

func history(c *fiber.Ctx, header, path string) error {
	target, err := local(path)
	if err != nil {
		return fmt.Errorf("htmx: %s %q: %w", header, path, err)
	}
	// One of the two: of both, the versions of htmx do not choose the same.
	c.Response().Header.Del(headerPushURL)
	c.Response().Header.Del(headerReplaceURL)
	c.Set(header, target)
	return nil
}

// Retarget has htmx put the answer into another element, which a CSS selector names. The element has to be there: htmx 2
// throws an error otherwise, htmx 4 shows nothing.
func Retarget(c *fiber.Ctx, selector string) { c.Set(headerRetarget, asSelector(selector)) }

// Reswap has htmx put the answer into the page in another way, such as "outerHTML", "beforeend" or "none". What htmx 4 alone
// knows, such as "outerMorph", htmx 2 takes for "innerHTML".
func Reswap(c *fiber.Ctx, style string) { c.Set(headerReswap, printable(style)) }

// private marks an answer as personal, unless the handler has said something else.
func private(c *fiber.Ctx) {
	if len(c.Response().Header.Peek(fiber.HeaderCacheControl)) == 0 {
		c.Set(fiber.HeaderCacheControl, "no-store")
	}
}

// asSelector writes a CSS selector in ASCII, as browsers read headers byte by byte: CSS has escapes for all other signs.
func asSelector(selector string) string {
	var b strings.Builder
	for _, r := range selector {
		if r > '~' {
			fmt.Fprintf(&b, `\%x `, r)
		} else {
			b.WriteRune(r)
		}
	}
	return printable(b.String())
}

// printable replaces what does not belong into a header with spaces, line breaks above all.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return ' '
		}
		return r
	}, text)
}
