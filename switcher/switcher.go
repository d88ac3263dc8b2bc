// Package switcher draws the account switcher: the accounts of a session, who is current, and what can be done about it.
//
// It is a pure function from a [Model] to HTML: the same model gives the same bytes, and nothing is loaded, looked up or
// remembered. The markup brings no style and no script. It has hooks for both instead: every part is marked with
// data-accounts-part, what varies with data-state, and who is current with aria-current. It holds under a Content
// Security Policy without unsafe-inline.
//
// Everything works without JavaScript: a change is a form with a button. Where htmx (2 or 4) is on the page the same
// forms post in the background, and the switcher fetches itself anew when the event session-changed reaches body.
//
// A page that redraws the switcher in place should also have one [Announcer], outside of it.
//
// What the parts look like is decided by [Slots]. The functions of this package may be called concurrently.
package switcher

import (
	"bytes"
	"context"
	"embed"
	"html/template"
	"io"
	"strings"
)

// ElementID is the id of the switcher's outermost element.
const ElementID = "account-switcher"

// AnnouncerID is the id of the element that [Announcer] draws.
const AnnouncerID = "account-announcer"

//go:embed *.html
var files embed.FS

var templates = template.Must(template.New("switcher").ParseFS(files, "*.html"))

// Component is a piece of HTML. It is the interface of templ under our own name: every templ component is one, and ours
// fit into templ, while neither imports the other.
type Component interface {
	Render(ctx context.Context, w io.Writer) error
}

// ComponentFunc makes a function a [Component].
type ComponentFunc func(ctx context.Context, w io.Writer) error

// Render calls f.
func (f ComponentFunc) Render(ctx context.Context, w io.Writer) error { return f(ctx, w) }

// Render writes the switcher in its default markup. It writes all of it or, when it returns an error of its own, nothing.
func Render(w io.Writer, m Model) error { return RenderWith(w, m, Slots{}) }

// RenderWith writes the switcher with the parts that slots replaces. Slots see context.Background; use [New] to hand them
// another context. An error of a slot is returned and nothing is written.
func RenderWith(w io.Writer, m Model, slots Slots) error {
	return New(m, slots).Render(context.Background(), w)
}

// New returns the whole switcher as a component, for templates and layouts that take one.
func New(m Model, slots Slots) Component {
	return whole(func(ctx context.Context, b *bytes.Buffer) error {
		m := m.prepared()
		contents, err := draw(ctx, Contents(m, slots))
		if err != nil {
			return err
		}
		return templates.ExecuteTemplate(b, "switcher", struct {
			Model
			Summary  Phrase
			Contents template.HTML
		}{m, m.summary(), contents})
	})
}

// Contents returns what is inside the switcher: the list of accounts and the controls below it, without the outer
// element that has the id and refreshes itself. A page that is about the accounts anyway, such as the chooser, shows it.
func Contents(m Model, slots Slots) Component {
	return whole(func(ctx context.Context, b *bytes.Buffer) error {
		if err := m.check(); err != nil {
			return err
		}
		drawn, err := slots.withDefaults(m.Texts.withDefaults()).draw(ctx, m.prepared())
		if err != nil {
			return err
		}
		return templates.ExecuteTemplate(b, "contents", drawn)
	})
}

// Announcer returns an empty live region. Put it once into a page, outside of everything that is swapped: screen readers
// speak up when the text of a live region changes, but not when the region itself arrives with its text, which is what a
// redrawn switcher does. The browser script writes into it when the account has changed.
func Announcer() template.HTML { return announcer }

const announcer template.HTML = `<div id="` + AnnouncerID +
	`" data-accounts-part="announcer" role="status" aria-live="polite"></div>`

// whole is a component that is drawn into a buffer first, so that an error is never half a page.
func whole(into func(ctx context.Context, b *bytes.Buffer) error) Component {
	return ComponentFunc(func(ctx context.Context, w io.Writer) error {
		var b bytes.Buffer
		if err := into(ctx, &b); err != nil {
			return err
		}
		_, err := b.WriteTo(w)
		return err
	})
}

// draw runs a component. What comes out is code's word, not data's: components escape what they are given.
func draw(ctx context.Context, c Component) (template.HTML, error) {
	if c == nil {
		return "", nil
	}
	var b strings.Builder
	if err := c.Render(ctx, &b); err != nil {
		return "", err
	}
	return template.HTML(b.String()), nil
}
