package switcher

import (
	"html/template"
	"strings"
)

// Names of the form fields that the plugin's routes read.
const (
	StampField  = "_stamp"    // says for whom the form was drawn
	ReturnField = "return_to" // local path to come back to
)

// Fields returns the hidden inputs of a form: the stamp and the path to come back to. An empty one is left out.
func Fields(stamp, returnTo string) template.HTML {
	var b strings.Builder
	hidden(&b, StampField, stamp)
	hidden(&b, ReturnField, returnTo)
	return template.HTML(b.String())
}

// Hidden returns one hidden input, or nothing when the value is empty.
func Hidden(name, value string) template.HTML {
	var b strings.Builder
	hidden(&b, name, value)
	return template.HTML(b.String())
}

// hidden writes one input. Browsers put what a field held before a reload back into the new page, hidden fields too,
// unless autocomplete is off: a fresh page would then carry the stamp of the stale one.
func hidden(b *strings.Builder, name, value string) {
	if value == "" {
		return
	}
	b.WriteString(`<input type="hidden" name="`)
	template.HTMLEscape(b, []byte(name))
	b.WriteString(`" value="`)
	template.HTMLEscape(b, []byte(value))
	b.WriteString(`" autocomplete="off">`)
}

// Fields returns the hidden inputs that a POST form about this account has to carry.
func (i Item) Fields() template.HTML { return Fields(i.Stamp, i.ReturnTo) }
