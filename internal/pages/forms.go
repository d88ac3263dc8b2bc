package pages

import (
	"html/template"
	"net/url"
	"strings"

	"github.com/multiaccount-go/multiaccount/switcher"
)

// Post is where a form posts to and what it carries.
type Post struct {
	Path     string
	Stamp    string // of who is current now; empty: the form carries none
	ReturnTo string // local path to come back to; empty: the form carries none
}

// Fields returns the hidden inputs of the form.
func (p Post) Fields() template.HTML { return switcher.Fields(p.Stamp, p.ReturnTo) }

// get is a local path as a form leads to it. Browsers put the fields of a GET form in place of its action's query, so the
// query travels as fields.
type get struct {
	Path   string
	Fields []field
}

type field struct{ Name, Value string }

// newGet takes a local path apart. The fields keep the order of the query and the names that it has twice.
func newGet(target string) get {
	path, query, _ := strings.Cut(target, "?")
	g := get{Path: path}
	for pair := range strings.SplitSeq(query, "&") {
		name, value, _ := strings.Cut(pair, "=")
		if name != "" {
			g.Fields = append(g.Fields, field{unescape(name), unescape(value)})
		}
	}
	return g
}

// unescape decodes a part of a query. A stray percent sign stands for itself, as browsers and servers read it.
func unescape(s string) string {
	if decoded, err := url.QueryUnescape(s); err == nil {
		return decoded
	}
	return s
}
