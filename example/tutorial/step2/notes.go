// Package step2 is step 2 of docs/tutorial.md: a plain page.
package step2

import (
	_ "embed"
	"html/template"

	"github.com/gofiber/fiber/v2"
	"github.com/multiaccount-go/multiaccount/example/tutorial/site"
)

// [start page]

//go:embed notes.html
var source string

var templates = template.Must(template.New("notes").Parse(source))

// Add adds the page of notes to an app.
func Add(s *site.Site) {
	s.Get("/notes", s.Accounts.RequireUser, func(c *fiber.Ctx) error {
		user, _ := s.Accounts.CurrentUser(c)
		return templates.ExecuteTemplate(c.Type("html", "utf-8"), "page", fiber.Map{
			"Head": s.Accounts.Head(c), "User": user, "Notes": s.Notes.List(user.ID, ""),
		})
	})
}

// [end page]
