// Package pages draws the bodies of the plugin's own pages: adding an account, confirming a switch, choosing an account,
// and what is shown instead of an effect. Each is a pure function from data to HTML, without style, script or any form
// that submits itself. Paths come in as data.
//
// A body opens with its own h1 and has no main element, so that it fits into an application's layout; [Document] is the
// layout of an application that has none. The fragments are for htmx, which puts them into a page that is there already.
package pages

import (
	"embed"
	"fmt"
	"html/template"
	"strings"

	"github.com/multiaccount-go/multiaccount/switcher"
)

//go:embed *.html
var files embed.FS

var templates = template.Must(template.New("pages").ParseFS(files, "*.html"))

// execute draws a template. The templates and the types of their data are both fixed when this package is built, so an
// error is a mistake in this package that no caller could handle.
func execute(name string, data any) template.HTML {
	var b strings.Builder
	if err := templates.ExecuteTemplate(&b, name, data); err != nil {
		panic(fmt.Errorf("pages: %w", err))
	}
	// Browsers show broken UTF-8 as replacement characters; here it becomes them, so that every reader sees the same.
	return template.HTML(strings.ToValidUTF8(b.String(), "\uFFFD"))
}

// Post is where a form posts to and what it carries.
type Post struct {
	Path     string
	Stamp    string // of who is current now; empty: the form carries none
	ReturnTo string // local path to come back to; empty: the form carries none
}

// Fields returns the hidden inputs of the form.
func (p Post) Fields() template.HTML { return switcher.Fields(p.Stamp, p.ReturnTo) }

// Document returns a whole page around a body. head goes into the head element: the plugin's meta elements and script.
func Document(title string, head, body template.HTML) template.HTML {
	return execute("document", struct {
		Title      string
		Head, Body template.HTML
	}{title, head, body})
}
