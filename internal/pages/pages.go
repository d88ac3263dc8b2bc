// Package pages draws the bodies of the plugin's own pages: adding an account, confirming a switch, choosing an account,
// and what is shown instead of an effect. Each is a pure function from data to HTML, without style, script or any form
// that submits itself. Paths and words come in as data; the words are complete, see [WithDefaults].
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

var templates = template.Must(template.New("pages").Funcs(template.FuncMap{"say": say}).ParseFS(files, "*.html"))

// phrase is a text around an account of which more than the name may be shown.
type phrase struct {
	switcher.Phrase
	Account switcher.Profile
}

// say puts an account into a text. Templates call it.
func say(text string, account switcher.Profile) phrase {
	return phrase{switcher.NewPhrase(text, account.Label()), account}
}

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

// Document returns a whole page around a body, in the language lang. head goes into the head element: the plugin's meta
// elements and script.
func Document(lang, title string, head, body template.HTML) template.HTML {
	return execute("document", struct {
		Lang, Title string
		Head, Body  template.HTML
	}{lang, title, head, body})
}
