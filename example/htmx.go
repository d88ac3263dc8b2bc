package main

import (
	"html/template"

	"github.com/gofiber/fiber/v2"
)

// htmx is the version that a page loads, so that both can be tried: ?htmx=4, else 2. The markup is the same but for the
// names of the websocket attributes.
type htmx struct {
	Version string
	Query   template.URL // to stay with the version
	Config  string       // of the meta element htmx-config
	Scripts []string
}

// In both versions a form's 422 is shown and other errors leave the page alone: the plugin's script shows what the plugin
// refused.
var (
	htmx2 = &htmx{
		Version: "2",
		Config: `{"allowEval":false,"allowScriptTags":false,"selfRequestsOnly":true,"historyCacheSize":0,` +
			`"includeIndicatorStyles":false,"responseHandling":[{"code":"204","swap":false},` +
			`{"code":"[23]..","swap":true},{"code":"422","swap":true},{"code":"...","swap":false,"error":true}]}`,
		Scripts: []string{"vendor/htmx-2.0.11.min.js", "vendor/htmx-ext-ws-2.0.4.min.js", "live.js"},
	}
	htmx4 = &htmx{
		Version: "4",
		Query:   "?htmx=4",
		Config:  `{"mode":"same-origin","includeIndicatorCSS":false,"noSwap":[204,304,"40x","41x","43x","5xx"]}`,
		Scripts: []string{"vendor/htmx-4.0.1.min.js", "vendor/hx-ws-4.0.1.min.js", "live.js"},
	}
)

func htmxOf(c *fiber.Ctx) *htmx {
	if c.Query("htmx") == "4" {
		return htmx4
	}
	return htmx2
}
