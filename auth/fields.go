package auth

import (
	"errors"
	"fmt"
	"github.com/multiaccount-go/multiaccount/internal/answer"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// Field is a further field of the registration form. What is typed is cut of white space around it and goes to
// Config.Registered; it is stored nowhere else.
type Field struct {
	Name         string // of the form field: letters, digits, _ and brackets, such as phone or company[size]. Required
	Label        string // what people read beside it. Required
	Type         string // of the input, such as tel. Default: text
	Autocomplete string // what browsers fill it with, such as tel. Default: off
	Hint         string // below the input. Default: none
	Required     bool   // may not be empty
	Max          int    // characters. Default: 200
	// Check returns what is wrong with a value, in words for people, or "". It may be called concurrently, also with an empty
	// value unless Required. Default: everything is right.
	Check func(value string) string
}

var fieldName = regexp.MustCompile(`^[a-z][a-z0-9_]*(\[[a-z0-9_]+\])*$`)

// reserved are names of fields that mean something already.
var reserved = []string{FieldEmail, FieldPassword, FieldConfirmation, FieldCurrentPassword, FieldName, FieldAccountName,
	FieldInvitation, "request_path", "return_to", "next", "again"}

// inputTypes are what a field may be.
var inputTypes = []string{"", "text", "tel", "url", "number", "date", "search", "email"}

func validateFields(fields []Field) error {
	var errs []error
	seen := map[string]bool{}
	for i, f := range fields {
		mistake := func(format string, args ...any) {
			errs = append(errs, fmt.Errorf("field Fields[%d].%s", i, fmt.Sprintf(format, args...)))
		}
		if !fieldName.MatchString(f.Name) {
			mistake("Name is %q: use lower-case letters, digits, _ and brackets", f.Name)
		}
		if slices.Contains(reserved, f.Name) || seen[f.Name] {
			mistake("Name is %q, which is taken", f.Name)
		}
		seen[f.Name] = true
		if f.Label == "" {
			mistake("Label is missing: people have to know what to type")
		}
		if !slices.Contains(inputTypes, f.Type) {
			mistake("Type is %q: use one of %s", f.Type, strings.Join(inputTypes[1:], ", "))
		}
		if f.Max < 0 {
			mistake("Max is %d: use 1 or more", f.Max)
		}
	}
	return errors.Join(errs...)
}

func (f Field) max() int {
	if f.Max == 0 {
		return 200
	}
	return f.Max
}

// values reads the fields of the app.
func (a *Auth) values(p Problems, from answer.Body) map[string]string {
	values := map[string]string{}
	for _, f := range a.cfg.Fields {
		value := strings.TrimSpace(from.Text(f.Name))
		values[f.Name] = value
		switch {
		case value == "" && f.Required:
			a.note(p, f.Name, "blank", a.cfg.Texts.Problems["field.blank"])
		case !utf8.ValidString(value) || strings.ContainsFunc(value, isUnreadable):
			a.note(p, f.Name, "unreadable", a.cfg.Texts.Problems["field.unreadable"])
		case utf8.RuneCountInString(value) > f.max():
			a.note(p, f.Name, "too_long", a.cfg.Texts.Problems["field.too_long"])
		case f.Check != nil:
			if wrong := f.Check(value); wrong != "" {
				a.note(p, f.Name, "invalid", wrong)
			}
		}
	}
	return values
}
