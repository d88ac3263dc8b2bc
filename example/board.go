package main

import (
	"cmp"
	"errors"
	"html/template"

	"github.com/gofiber/fiber/v2"
	"github.com/multiaccount-go/multiaccount/example/board"
	"github.com/multiaccount-go/multiaccount/tenant"
)

// boardPage is what the board shows: the same to everybody who works in the tenant.
type boardPage struct {
	Tenant tenant.Tenant
	Fields template.HTML // hidden: the account and the tenant that the form is drawn for
	Text   string        // as typed, when it could not be kept
	Error  string
	Posts  []boardPost
}

type boardPost struct{ Author, Text string }

// showBoard shows the board of the tenant that the person works in.
func (s *site) showBoard(c *fiber.Ctx) error {
	if !wantsJSON(c) {
		return s.drawBoard(c, boardPage{}, 0)
	}
	scope, err := s.tenants.Scope(c)
	if err != nil {
		return err
	}
	posts, err := s.board.List(c.UserContext(), scope.Tenant.ID)
	if err != nil {
		return err
	}
	return c.JSON(fiber.Map{"tenant": scope.Tenant.ID, "posts": posts})
}

func (s *site) drawBoard(c *fiber.Ctx, p boardPage, status int) error {
	scope, err := s.tenants.Scope(c)
	if err != nil {
		return err
	}
	posts, err := s.board.List(c.UserContext(), scope.Tenant.ID)
	if err != nil {
		return err
	}
	var authors []string
	for _, post := range posts {
		authors = append(authors, post.AuthorID)
	}
	known, err := s.users.ByIDs(c.UserContext(), authors...)
	if err != nil {
		return err
	}
	for _, post := range posts {
		p.Posts = append(p.Posts, boardPost{cmp.Or(known[post.AuthorID].Name, "Somebody"), post.Text})
	}
	p.Tenant, p.Fields = scope.Tenant, s.tenants.StampField(c)
	return s.render(c, look{view: "board", title: "Board", status: status, data: p})
}

// addPost keeps a post of the person, in the tenant that he works in. Require has made sure that the form was drawn there.
func (s *site) addPost(c *fiber.Ctx) error {
	scope, err := s.tenants.Scope(c)
	if err != nil {
		return err
	}
	text := form(c, "text")
	post, err := s.board.Add(c.UserContext(), scope.Tenant.ID, scope.AccountID, text)
	var problem board.Problem
	switch {
	case errors.As(err, &problem) && wantsJSON(c):
		return c.Status(fiber.StatusUnprocessableEntity).JSON(wrongText(problem.Error()))
	case errors.As(err, &problem):
		return s.drawBoard(c, boardPage{Text: text, Error: problem.Error()}, fiber.StatusUnprocessableEntity)
	case err != nil:
		return err
	case wantsJSON(c):
		return c.Status(fiber.StatusCreated).JSON(fiber.Map{"tenant": scope.Tenant.ID, "post": post})
	}
	return c.Redirect("/board", fiber.StatusSeeOther)
}
