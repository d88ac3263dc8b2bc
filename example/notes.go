package main

import (
	"errors"
	"html/template"

	"github.com/gofiber/fiber/v2"
	"github.com/multiaccount-go/multiaccount/example/notes"
	"github.com/multiaccount-go/multiaccount/htmx"
)

// panel is what shows notes: who they belong to, the form and the list.
type panel struct {
	Name  string // of the account
	Stamp template.HTML
	Page  string // where a form without htmx leads back to
	Text  string // as typed, when it could not be kept
	Error string
	Focus bool // put the cursor back after a note was sent
	Notes []notes.Note
}

// panel returns the notes of the current account.
func (s *site) panel(c *fiber.Ctx) (panel, error) {
	user, _ := s.accounts.CurrentUser(c)
	list, err := s.notes.List(c.UserContext(), user.ID, "")
	return panel{Name: user.Name, Stamp: s.accounts.StampField(c), Page: notesPage(c.OriginalURL()), Notes: list}, err
}

// notesPage picks one of the pages that have the form; nobody can name another one.
func notesPage(path string) string {
	switch path {
	case "/inbox", "/inbox?htmx=4", "/live", "/live?htmx=4":
		return string([]byte(path))
	}
	return "/notes"
}

func (s *site) showNotes(c *fiber.Ctx) error {
	panel, err := s.panel(c)
	if err != nil {
		return err
	}
	if wantsJSON(c) {
		return c.JSON(fiber.Map{"account": s.accounts.CurrentID(c), "notes": panel.Notes})
	}
	return htmx.Fragment(c, func(c *fiber.Ctx) error {
		return s.render(c, look{view: "notes", title: "Notes", data: panel})
	}, func(c *fiber.Ctx) error {
		return send(c, "notes", "notes-panel", panel)
	})
}

// addNote keeps a note for the account that is current. Protect has made sure that the form was drawn for it.
func (s *site) addNote(c *fiber.Ctx) error {
	account, text := s.accounts.CurrentID(c), form(c, "text")
	note, err := s.notes.Add(c.UserContext(), account, text)
	var problem notes.Problem
	if errors.As(err, &problem) {
		return s.refuseNote(c, text, problem)
	}
	if err != nil {
		return err
	}
	if err := s.announceNote(c.UserContext(), account); err != nil {
		return err
	}
	switch {
	case wantsJSON(c):
		return c.Status(fiber.StatusCreated).JSON(fiber.Map{"account": account, "note": note})
	case htmx.IsFragment(c):
		panel, err := s.panel(c)
		if err != nil {
			return err
		}
		panel.Page = notesPage(form(c, "page"))
		return send(c, "notes", "notes-panel", panel)
	}
	return c.Redirect(notesPage(form(c, "page")), fiber.StatusSeeOther)
}

// refuseNote shows the form again with what was typed and what is wrong with it.
func (s *site) refuseNote(c *fiber.Ctx, text string, problem notes.Problem) error {
	c.Status(fiber.StatusUnprocessableEntity)
	if wantsJSON(c) {
		return c.JSON(wrongText(problem.Error()))
	}
	panel, err := s.panel(c)
	if err != nil {
		return err
	}
	panel.Text, panel.Error, panel.Page = text, problem.Error(), notesPage(form(c, "page"))
	if htmx.IsFragment(c) {
		return send(c, "notes", "notes-panel", panel)
	}
	return s.render(c, look{view: "notes", title: "Notes", status: fiber.StatusUnprocessableEntity, data: panel})
}
