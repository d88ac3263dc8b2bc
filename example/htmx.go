package main

import (
	"html/template"

	"github.com/gofiber/fiber/v2"
	"github.com/multiaccount-go/multiaccount/htmx"
)

// htmxPage says which version of htmx a page loads, so that both can be tried: ?htmx=4, else 2. The markup is the same.
type htmxPage struct {
	Version htmx.Version
	Query   template.URL // to stay with the version
	Scripts template.HTML
}

var (
	htmx2 = &htmxPage{Version: htmx.V2, Scripts: htmx.Scripts(htmx.V2)}
	htmx4 = &htmxPage{Version: htmx.V4, Scripts: htmx.Scripts(htmx.V4), Query: "?htmx=4"}
)

func htmxOf(c *fiber.Ctx) *htmxPage {
	if c.Query("htmx") == htmx.V4.String() {
		return htmx4
	}
	return htmx2
}
