package htmx_test

import (
	"fmt"
	"html/template"
	"io"
	"net/http/httptest"

	"github.com/gofiber/fiber/v2"

	"github.com/multiaccount-go/multiaccount/htmx"
)

// One address answers a browser with the page and htmx with the part that changes.
func ExampleFragment() {
	views := template.Must(template.New("page").Parse(
		`<head>{{.Scripts}}</head><body><main id="items">{{template "items" .}}</main></body>{{define "items"}}<p>{{.Item}}</p>{{end}}`))
	draw := func(name string) fiber.Handler {
		return func(c *fiber.Ctx) error {
			return views.ExecuteTemplate(c, name, fiber.Map{"Scripts": htmx.Scripts(htmx.V4), "Item": c.Query("q")})
		}
	}
	app := fiber.New()
	app.Get("/htmx/*", htmx.Handler)
	app.Get("/items", func(c *fiber.Ctx) error { return htmx.Fragment(c, draw("page"), draw("items")) })

	r := httptest.NewRequest("GET", "/items?q=milk", nil)
	r.Header.Set("HX-Request", "true")
	response, err := app.Test(r)
	if err != nil {
		fmt.Println(err)
		return
	}
	body, _ := io.ReadAll(response.Body)
	fmt.Println(string(body))
	// Output: <p>milk</p>
}

// A delete that is refused says so in a place of its own. That hx-swap="delete" would take the row away does not matter.
func ExampleError() {
	app := fiber.New()
	app.Delete("/items/:id", func(c *fiber.Ctx) error {
		htmx.Retarget(c, "#problem")
		return htmx.Error(c, fiber.StatusConflict, `<p role="alert">Somebody else was faster.</p>`)
	})

	r := httptest.NewRequest("DELETE", "/items/7", nil)
	r.Header.Set("HX-Request", "true")
	response, err := app.Test(r)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(response.StatusCode, response.Header.Get(htmx.HeaderErrorStatus), response.Header.Get("HX-Retarget"))
	// Output: 200 409 #problem
}
