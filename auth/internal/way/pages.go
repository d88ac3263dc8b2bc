// Package way is what the ways of signing in have in common: pages that an app may replace one by one, cookies that last for
// the minutes that a sign-in takes, and checks of their configuration.
package way

import (
	"bytes"
	"errors"
	"fmt"
	"html/template"
	"io/fs"
	"slices"
	"strings"

	"github.com/gofiber/fiber/v2"

	"github.com/multiaccount-go/multiaccount"
	"github.com/multiaccount-go/multiaccount/internal/answer"
)

// Layout puts a page into the app's design, like the layout of the plugin.
type Layout = func(c *fiber.Ctx, page multiaccount.Page) error

// Pages draws pages from templates.
type Pages struct {
	lang      string
	layout    Layout
	head      func(c *fiber.Ctx) template.HTML
	templates *template.Template
}

// CheckNames returns an error for the files of own that are called like none of the defaults, which nobody would ever see.
func CheckNames(own fs.FS, defaults []string) error {
	if own == nil {
		return nil
	}
	names, err := fs.Glob(own, "*.html")
	if err != nil {
		return fmt.Errorf("field Templates: %w", err)
	}
	unknown := slices.DeleteFunc(names, func(name string) bool { return slices.Contains(defaults, name) })
	if len(unknown) == 0 {
		return nil
	}
	return fmt.Errorf("field Templates has %s, which nothing draws: the names are %s", strings.Join(unknown, ", "),
		strings.Join(defaults, ", "))
}

// NewPages reads the templates. A file of own that is called like one of the defaults stands in its place.
func NewPages(defaults, own fs.FS, lang string, layout Layout, head func(c *fiber.Ctx) template.HTML) (*Pages, error) {
	p := &Pages{lang: lang, layout: layout, head: head, templates: template.New("")}
	if p.layout == nil {
		p.layout = plainLayout
	}
	names, err := fs.Glob(defaults, "*.html")
	if err != nil {
		return nil, err
	}
	if err := CheckNames(own, names); err != nil {
		return nil, err
	}
	for _, name := range names {
		text, err := fs.ReadFile(defaults, name)
		if own != nil {
			var ownText []byte
			if ownText, err = fs.ReadFile(own, name); err == nil {
				text = ownText
			} else if errors.Is(err, fs.ErrNotExist) {
				err = nil
			}
		}
		if err != nil {
			return nil, fmt.Errorf("template %s: %w", name, err)
		}
		if _, err := p.templates.New(name).Parse(string(text)); err != nil {
			return nil, fmt.Errorf("template %s: %w", name, err)
		}
	}
	return p, nil
}

// Draw answers with a page, or with its body alone for htmx. It is never cached.
func (p *Pages) Draw(c *fiber.Ctx, status int, name, title string, data any) error {
	body, err := p.Body(name, data)
	if err != nil {
		return err
	}
	answer.Private(c)
	if answer.Of(c) == answer.HTMX {
		c.Type("html", "utf-8")
		return c.Status(status).SendString(string(body))
	}
	return p.layout(c, multiaccount.Page{Status: status, Lang: p.lang, Title: title, Head: p.head(c), Body: body})
}

// Body returns what a template makes of data.
func (p *Pages) Body(name string, data any) (template.HTML, error) {
	var b bytes.Buffer
	if err := p.templates.ExecuteTemplate(&b, name, data); err != nil {
		return "", fmt.Errorf("template %s: %w", name, err)
	}
	return template.HTML(b.String()), nil
}

var document = template.Must(template.New("").Parse(`<!doctype html>
<html lang="{{.Lang}}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{.Title}}</title>
{{.Head}}
</head>
<body>
<main>
{{.Body}}
</main>
</body>
</html>
`))

func plainLayout(c *fiber.Ctx, page multiaccount.Page) error {
	var b bytes.Buffer
	if err := document.Execute(&b, page); err != nil {
		return err
	}
	c.Type("html", "utf-8")
	return c.Status(page.Status).Send(b.Bytes())
}
