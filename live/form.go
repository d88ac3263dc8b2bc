package live

import (
	"net/url"
	"reflect"
	"strconv"
	"strings"
)

// Decode reads the fields of an event into a struct of type T and checks them. The errors are nil when all is well. Otherwise
// the struct still holds what could be read, so that the form can be drawn again with what the person typed; use it for
// nothing else. It may be called concurrently.
//
// Fields of T are exported and not embedded. Each is a string, a bool, an integer, a float or a [time.Time], a list of one of
// these, or a pointer to one of these: nil when the field is absent or empty. The tags of
//
//	Title string    `form:"title" check:"required,max=80"`
//	Mail  string    `check:"email"`
//	Due   time.Time // a date, a datetime-local (both taken as UTC) or RFC 3339
//	Tags  []string  `check:"max=5,oneof=red|green"`
//	Owner string    `form:"-"` // not a field of the form
//
// are form, the field's name (default: that of Go in snake case, so DueDate is due_date), and check, its rules:
//
//	required   is not empty; a bool is true, unless it is a pointer; a list has a value and none of them is empty
//	min, max   bounds, both inclusive, of a number's value, a text's length in characters, a list's length. A list without
//	           max takes up to 100 values
//	oneof=a|b  the text, or each text of a list, is one of these
//	email      the text, or each text of a list, is a bare email address
//	raw        the text is taken with the space around it, as passwords are. Default is trim
//
// A field that is absent or empty breaks no rule but required, and is the zero value. In a list, every value that was sent
// counts and keeps its place, an empty one too: it is "" in a list of texts, and a problem in one of numbers or times.
//
// Numbers have to fit into their type; NaN and infinity are none. A checkbox sends "on", or nothing: on, true and 1 are true;
// off, false, 0, empty and absent are false. Line ends of texts become \n; other control characters but \t, and what is not
// UTF-8, are a problem. So is a field that T does not have, unless its name begins with "_", and a second value for what is
// not a list.
//
// When T or *T has a method Validate() Errors it runs at the end, in any case, and what it finds is added for the fields that
// have no problem yet.
//
// A T that cannot work (a type that is not supported, an unknown rule) is a mistake in the program: Decode panics with all
// of them. [MustForm] finds them at start.
func Decode[T any](e Event) (T, Errors) { return DecodeValues[T](e.Fields) }

// DecodeValues does what [Decode] does with the values of a plain form, so that an HTTP handler and a live view share one
// type. In Fiber, url.ParseQuery(string(c.Body())) reads them.
func DecodeValues[T any](values url.Values) (T, Errors) {
	form := formOf(reflect.TypeFor[T]())
	var into T
	if len(values) > maxFields {
		return into, Errors{"": {"fields", strconv.Itoa(maxFields)}}
	}
	var errs Errors
	for name := range values {
		if _, ok := form.byName[name]; !ok && !strings.HasPrefix(name, "_") {
			errs.put(name, Problem{Rule: "unknown"})
		}
	}
	of := reflect.ValueOf(&into).Elem()
	for name, f := range form.byName {
		if p := f.decode(values[name], of.Field(f.index)); p != (Problem{}) {
			errs.put(name, p)
		}
	}
	if v, ok := any(&into).(validator); ok {
		for name, p := range v.Validate() {
			errs.put(name, p)
		}
	}
	return into, errs
}

// MustForm panics when T is no type for [Decode], and says all that is wrong with it. Call it where the program starts.
func MustForm[T any]() { formOf(reflect.TypeFor[T]()) }

// validator is what a form may be to have a last word about itself.
type validator interface{ Validate() Errors }

// decode reads the values of one field. No problem is the zero Problem.
func (f *formField) decode(values []string, into reflect.Value) Problem {
	if f.list {
		return f.decodeList(values, into)
	}
	if len(values) > 1 {
		return Problem{Rule: "single"}
	}
	var text string
	if len(values) == 1 {
		var ok bool
		if text, ok = f.clean(values[0]); !ok {
			return Problem{Rule: "characters"}
		}
	}
	if text == "" {
		if f.required {
			return Problem{Rule: "required"}
		}
		return Problem{}
	}
	one := reflect.New(f.one).Elem()
	p := f.read(text, one)
	switch {
	case p != (Problem{}) && one.IsZero(): // nothing could be read
	case f.optional:
		into.Set(one.Addr())
	default:
		into.Set(one)
	}
	if f.required && f.one.Kind() == reflect.Bool && !f.optional && p == (Problem{}) && !one.Bool() {
		return Problem{Rule: "required"}
	}
	return p
}

// decodeList reads all values although one of them is wrong, as long as they are not too many: none may move or get lost
// where the form is drawn again. The first problem counts.
func (f *formField) decodeList(values []string, into reflect.Value) (first Problem) {
	if len(values) == 0 {
		if f.required {
			return Problem{Rule: "required"}
		}
		return Problem{}
	}
	if len(values) > f.maxValues {
		return Problem{"max_values", strconv.Itoa(f.maxValues)}
	}
	list := reflect.MakeSlice(into.Type(), len(values), len(values))
	for i, value := range values {
		var p Problem
		switch text, ok := f.clean(value); {
		case !ok:
			p = Problem{Rule: "characters"}
		case text == "" && f.required:
			p = Problem{Rule: "required"}
		default:
			p = f.read(text, list.Index(i))
		}
		if first == (Problem{}) {
			first = p
		}
	}
	into.Set(list)
	if first == (Problem{}) && len(values) < f.minValues {
		return Problem{"min_values", strconv.Itoa(f.minValues)}
	}
	return first
}
