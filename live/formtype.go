package live

import (
	"errors"
	"fmt"
	"math"
	"net/mail"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"
)

// defaultValues is how many values a list takes when its rules do not say.
const defaultValues = 100

// formType is what there is to know about a struct, found out once.
type formType struct{ byName map[string]*formField }

type formField struct {
	index          int
	one            reflect.Type // of one value
	list, optional bool
	required, raw  bool
	minValues      int // of a list
	maxValues      int
	// read puts a text into a value of type one and says what is wrong with it. Without a problem it has been set.
	read func(text string, into reflect.Value) Problem
}

var formTypes sync.Map // reflect.Type to *formType

// formOf returns what is known about a type, and panics when it is no type of a form.
func formOf(t reflect.Type) *formType {
	if known, ok := formTypes.Load(t); ok {
		return known.(*formType)
	}
	form, err := newFormType(t)
	if err != nil {
		panic(fmt.Sprintf("live: form %v: %v", t, err))
	}
	known, _ := formTypes.LoadOrStore(t, form)
	return known.(*formType)
}

func newFormType(t reflect.Type) (*formType, error) {
	if t.Kind() != reflect.Struct || t == timeType {
		return nil, errors.New("is not a struct of fields")
	}
	var errs []error
	form := &formType{byName: make(map[string]*formField)}
	for i := range t.NumField() {
		field := t.Field(i)
		name, named := field.Tag.Lookup("form")
		rules, ruled := field.Tag.Lookup("check")
		if name == "-" || !field.IsExported() && !field.Anonymous && !named && !ruled {
			continue
		}
		if name == "" {
			name = snake(field.Name)
		}
		f, err := newFormField(field, rules)
		switch {
		case err != nil:
		case strings.HasPrefix(name, "_"), name == "headers", name == "HEADERS":
			err = fmt.Errorf("the name %q is reserved", name)
		case form.byName[name] != nil:
			err = fmt.Errorf("there are two fields named %q", name)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("field %s: %w", field.Name, err))
			continue
		}
		f.index = i
		form.byName[name] = f
	}
	// Otherwise the checks in it would be left out without a word.
	pointer := reflect.PointerTo(t)
	if _, ok := pointer.MethodByName("Validate"); ok && !pointer.Implements(reflect.TypeFor[validator]()) {
		errs = append(errs, errors.New("its method Validate is not func() live.Errors"))
	}
	return form, errors.Join(errs...)
}

func newFormField(field reflect.StructField, rules string) (*formField, error) {
	switch {
	case field.Anonymous:
		return nil, errors.New("is embedded, which is not supported")
	case !field.IsExported():
		return nil, errors.New("has tags but is not exported")
	}
	f := &formField{one: field.Type, maxValues: defaultValues}
	switch field.Type.Kind() {
	case reflect.Slice:
		f.list, f.one = true, field.Type.Elem()
	case reflect.Pointer:
		f.optional, f.one = true, field.Type.Elem()
	}
	r, err := parseRules(rules)
	if err != nil {
		return nil, err
	}
	f.required, f.raw = r.required, r.raw
	if f.list {
		if f.minValues, f.maxValues, err = r.lengths(f.minValues, f.maxValues); err != nil {
			return nil, err
		}
		r.min, r.max = nil, nil
	}
	f.read, err = r.reader(f.one)
	return f, err
}

// formRules is a check tag, read but not yet fitted to a type.
type formRules struct {
	required, email, raw, trim bool
	oneof                      []string
	min, max                   *string
}

func parseRules(tag string) (r formRules, err error) {
	if tag == "" {
		return r, nil
	}
	seen := make(map[string]bool)
	for rule := range strings.SplitSeq(tag, ",") {
		name, param, hasParam := strings.Cut(rule, "=")
		if seen[name] {
			return r, fmt.Errorf("rule %q stands there twice", name)
		}
		seen[name] = true
		takesParam := false
		switch name {
		case "required":
			r.required = true
		case "email":
			r.email = true
		case "raw":
			r.raw = true
		case "trim":
			r.trim = true
		case "min":
			r.min, takesParam = &param, true
		case "max":
			r.max, takesParam = &param, true
		case "oneof":
			r.oneof, takesParam = strings.Split(param, "|"), true
		default:
			return r, fmt.Errorf("rule %q is not known", rule)
		}
		if hasParam != takesParam || takesParam && param == "" {
			return r, fmt.Errorf("rule %q: min, max and oneof have a value, the others have none", rule)
		}
	}
	switch {
	case r.raw && r.trim:
		return r, errors.New("raw and trim exclude each other")
	case slices.Contains(r.oneof, ""):
		return r, errors.New("oneof has an empty value: leave required out instead")
	}
	return r, nil
}

// lengths reads min and max as numbers of characters or values.
func (r formRules) lengths(least, most int) (int, int, error) {
	for _, bound := range []struct {
		param *string
		into  *int
	}{{r.min, &least}, {r.max, &most}} {
		if bound.param == nil {
			continue
		}
		n, err := strconv.Atoi(*bound.param)
		if err != nil || n < 1 {
			return 0, 0, fmt.Errorf("a length of %q: use a whole number above 0", *bound.param)
		}
		*bound.into = n
	}
	if least > most {
		return 0, 0, fmt.Errorf("the least length is %d and the most is %d", least, most)
	}
	return least, most, nil
}

var (
	timeType     = reflect.TypeFor[time.Time]()
	durationType = reflect.TypeFor[time.Duration]()
)

// reader returns what reads one value of a type, with the rules that are about one value.
func (r formRules) reader(t reflect.Type) (func(string, reflect.Value) Problem, error) {
	if t.Kind() != reflect.String && (r.raw || r.trim || r.email || r.oneof != nil) {
		return nil, errors.New("raw, trim, email and oneof are rules for texts")
	}
	switch t.Kind() {
	case reflect.String:
		return r.texts()
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		if t == durationType {
			break // nobody types nanoseconds
		}
		return numbers(r, "whole", reflect.Value.SetInt, func(text string) (int64, error) {
			return strconv.ParseInt(text, 10, t.Bits())
		})
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return numbers(r, "whole", reflect.Value.SetUint, func(text string) (uint64, error) {
			if n, err := strconv.ParseInt(text, 10, 64); err == nil && n < 0 {
				return 0, strconv.ErrRange
			}
			return strconv.ParseUint(text, 10, t.Bits())
		})
	case reflect.Float32, reflect.Float64:
		return numbers(r, "number", reflect.Value.SetFloat, func(text string) (float64, error) {
			if strings.Trim(text, "+-.0123456789eE") != "" { // ParseFloat also takes NaN, Inf and hexadecimal digits
				return 0, strconv.ErrSyntax
			}
			return strconv.ParseFloat(text, t.Bits())
		})
	}
	if r.min != nil || r.max != nil {
		return nil, errors.New("min and max are rules for numbers, texts and lists")
	}
	switch {
	case t.Kind() == reflect.Bool:
		return readBool, nil
	case t == timeType:
		return readTime, nil
	}
	return nil, fmt.Errorf("type %v is not supported", t)
}

func (r formRules) texts() (func(string, reflect.Value) Problem, error) {
	least, most, err := r.lengths(0, math.MaxInt)
	if err != nil {
		return nil, err
	}
	options := strings.Join(r.oneof, "|")
	return func(text string, into reflect.Value) Problem {
		into.SetString(text)
		n := utf8.RuneCountInString(text)
		switch {
		case n < least:
			return Problem{"min_length", strconv.Itoa(least)}
		case n > most:
			return Problem{"max_length", strconv.Itoa(most)}
		case r.oneof != nil && !slices.Contains(r.oneof, text):
			return Problem{"oneof", options}
		case r.email && !bareAddress(text):
			return Problem{Rule: "email"}
		}
		return Problem{}
	}, nil
}

// bareAddress reports whether a text is an address and nothing else, such as a name before it.
func bareAddress(text string) bool {
	if len(text) > 254 { // more does not fit into SMTP
		return false
	}
	a, err := mail.ParseAddress(text)
	return err == nil && a.Address == text
}

// numbers reads with parse, whose errors are strconv's, what set takes, and compares it with min and max.
func numbers[N int64 | uint64 | float64](r formRules, notANumber string, set func(reflect.Value, N),
	parse func(string) (N, error),
) (func(string, reflect.Value) Problem, error) {
	bounds := make([]N, 2)
	for i, param := range []*string{r.min, r.max} {
		if param == nil {
			continue
		}
		var err error
		if bounds[i], err = parse(*param); err != nil {
			return nil, fmt.Errorf("min or max %q does not fit the type", *param)
		}
	}
	least, most := bounds[0], bounds[1]
	if r.min != nil && r.max != nil && least > most {
		return nil, fmt.Errorf("min is %s and max is %s", *r.min, *r.max)
	}
	return func(text string, into reflect.Value) Problem {
		n, err := parse(text)
		switch {
		case errors.Is(err, strconv.ErrRange):
			return Problem{Rule: "range"}
		case err != nil:
			return Problem{Rule: notANumber}
		}
		set(into, n)
		switch {
		case r.min != nil && n < least:
			return Problem{"min", *r.min}
		case r.max != nil && n > most:
			return Problem{"max", *r.max}
		}
		return Problem{}
	}, nil
}

func readBool(text string, into reflect.Value) Problem {
	switch text {
	case "on", "true", "1":
		into.SetBool(true)
	case "off", "false", "0", "":
		into.SetBool(false)
	default:
		return Problem{Rule: "bool"}
	}
	return Problem{}
}

// timeLayouts are what inputs of the types date and datetime-local send, and scripts.
var timeLayouts = []string{time.DateOnly, "2006-01-02T15:04", "2006-01-02T15:04:05", time.RFC3339}

func readTime(text string, into reflect.Value) Problem {
	for _, layout := range timeLayouts {
		if at, err := time.Parse(layout, text); err == nil {
			into.Set(reflect.ValueOf(at))
			return Problem{}
		}
	}
	return Problem{Rule: "time"}
}

var lineEnds = strings.NewReplacer("\r\n", "\n", "\r", "\n")

// clean makes the same text of what a plain form and a script send: the one ends lines with \r\n, the other with \n. It
// reports whether the text has nothing that cannot be shown.
func (f *formField) clean(text string) (string, bool) {
	if f.one.Kind() != reflect.String {
		return strings.TrimSpace(text), true
	}
	if !utf8.ValidString(text) {
		return "", false
	}
	text = lineEnds.Replace(text)
	if strings.ContainsFunc(text, func(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\t' }) {
		return "", false
	}
	if f.raw {
		return text, true
	}
	return strings.TrimSpace(text), true
}

// snake turns a name of Go into the name of a field: DueDate into due_date, UserID into user_id.
func snake(name string) string {
	runes := []rune(name)
	var b strings.Builder
	for i, r := range runes {
		// A word begins at a capital after a small letter or digit, and at the last capital before a small letter.
		if i > 0 && unicode.IsUpper(r) && (!unicode.IsUpper(runes[i-1]) || i+1 < len(runes) && unicode.IsLower(runes[i+1])) &&
			runes[i-1] != '_' {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}
