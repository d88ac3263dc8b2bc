package htmx_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"

	"github.com/multiaccount-go/multiaccount/htmx"
)

// Wherever a redirect leads that is not refused, it is this site.
func FuzzRedirect(f *testing.F) {
	for _, path := range append(foreign, "/", "/a?b=c#d", "/é", "/a//b") {
		f.Add(path)
	}
	app := fiber.New()
	page, err := url.Parse("https://app.test/some/page")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, path string) {
		c := app.AcquireCtx(&fasthttp.RequestCtx{})
		defer app.ReleaseCtx(c)
		if htmx.Redirect(c, path) != nil {
			return
		}
		location := c.GetRespHeader(fiber.HeaderLocation)
		if strings.ContainsFunc(location, func(r rune) bool { return r <= ' ' || r > '~' || r == '\\' }) {
			t.Fatalf("%q leads to %q, which browsers read in another way than it is written", path, location)
		}
		to, err := page.Parse(location)
		if err != nil || to.Host != page.Host || to.Scheme != page.Scheme || to.User != nil || strings.HasPrefix(to.Path, "//") {
			t.Fatalf("%q leads to %q, which is %v (%v)", path, location, to, err)
		}
	})
}
