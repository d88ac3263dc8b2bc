package live

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Problem says what is wrong with one field. Rule and Param are for apps that speak other languages than English:
//
//	required                 the field is empty, or a box that has to be ticked is not
//	min, max                 a number is below or above Param
//	min_length, max_length   a text has fewer or more characters than Param
//	min_values, max_values   a list has fewer or more values than Param
//	oneof                    the text is none of Param, which are separated by |
//	email                    the text is no email address
//	number, whole            the text is no number, or no whole number
//	range                    the number does not fit into its Go type
//	bool, time               the text is neither yes nor no, or no date or time
//	characters               the text has control characters or is not UTF-8
//	single                   a field that is no list has several values
//	unknown                  the form has no such field
//	fields                   the whole form, under the name "", has more fields than Param
//	own                      a finding of the app; Param is its text
//
// A Validate method may use rules of its own, when the app's templates know what to say about them.
type Problem struct{ Rule, Param string }

var problemTexts = map[string]string{
	"required":   "Please fill this in.",
	"min":        "Please use a number of at least %s.",
	"max":        "Please use a number of at most %s.",
	"min_length": "Please use at least %s.",
	"max_length": "Please use at most %s.",
	"min_values": "Please choose at least %s.",
	"max_values": "Please choose at most %s.",
	"oneof":      "Please choose one of the given values.",
	"email":      "Please enter an email address.",
	"number":     "Please enter a number.",
	"whole":      "Please enter a whole number.",
	"range":      "This number is too small or too large.",
	"bool":       "Please answer yes or no.",
	"time":       "Please enter a date, or a date and a time.",
	"characters": "Please remove the characters that cannot be shown.",
	"single":     "Please give one value only.",
	"unknown":    "This field does not belong to the form.",
	"fields":     "This form has too many fields.",
	"own":        "%s",
}

// String returns a sentence in English for the person who filled in the form, and "" for the zero Problem. It is text, not
// HTML.
func (p Problem) String() string {
	if p == (Problem{}) {
		return ""
	}
	text, ok := problemTexts[p.Rule]
	switch {
	case !ok:
		return "Please check this."
	case !strings.Contains(text, "%s"):
		return text
	}
	return fmt.Sprintf(text, p.Param+p.unit())
}

// unit is what Param counts.
func (p Problem) unit() string {
	switch {
	case p.Rule != "min_length" && p.Rule != "max_length":
		return ""
	case p.Param == "1":
		return " character"
	}
	return " characters"
}

// Errors are the problems of a form by the name of the field, one each; "" stands for the form as a whole. Nil means that all
// is well. In a template, {{with .Errors.title}}<p>{{.}}</p>{{end}} shows the problem of the field title, if it has one. For
// names that a template cannot say, and elsewhere, errs["due-date"].String() is "" when there is none.
//
// Test with len(errs) > 0. Do not return Errors as an error without that test: a nil map in an error is not a nil error.
type Errors map[string]Problem

// Error lists all fields in the order of their names, for a log. What people see is in each [Problem].
func (e Errors) Error() string {
	var b strings.Builder
	b.WriteString("live: form")
	for i, name := range slices.Sorted(maps.Keys(e)) {
		if i > 0 {
			b.WriteString(";")
		} else {
			b.WriteString(":")
		}
		fmt.Fprintf(&b, " %q: %s", name, e[name]) // quoted: names come from the browser
	}
	return b.String()
}

// Add notes a finding of the app, as a sentence for the person, e.g. that a name is taken. A field that has a problem already
// keeps it: people correct one thing at a time. It also works on nil Errors.
func (e *Errors) Add(field, text string) { e.put(field, Problem{"own", text}) }

func (e *Errors) put(field string, p Problem) {
	if _, ok := (*e)[field]; ok {
		return
	}
	if *e == nil {
		*e = make(Errors)
	}
	(*e)[field] = p
}
