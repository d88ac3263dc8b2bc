package live_test

import (
	"fmt"
	"maps"
	"net/url"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/multiaccount-go/multiaccount/live"
)

type color string

// everything has a field of each kind.
type everything struct {
	Title   string  `form:"title" check:"required,min=2,max=5"`
	Color   color   `check:"oneof=red|green"`
	Mail    string  `check:"trim,email"`
	Secret  string  `check:"raw,max=4"`
	Agreed  bool    `check:"required"`
	News    bool    //
	Answer  *bool   `check:"required"`
	Age     int8    `check:"min=-5,max=100"`
	Big     int64   //
	Count   uint    `check:"max=9"`
	Price   float64 `check:"min=0.5"`
	Small   float32
	Limit   *int `check:"max=10"`
	DueDate time.Time
	Until   *time.Time
	Tags    []string    `check:"min=2,max=3,oneof=a|b|c"`
	Mails   []string    `check:"required,email"`
	IDs     []uint16    `form:"ids"`
	Days    []time.Time //
	Many    []string    //
	Owner   string      `form:"-"`
	private int
}

// fine are the values that everything needs.
var fine = url.Values{"title": {"abc"}, "agreed": {"on"}, "answer": {"false"}, "mails": {"a@b.test"}}

// with is fine with other values for the fields that pairs name.
func with(pairs ...string) url.Values {
	values, other := maps.Clone(fine), make(url.Values)
	for i := 0; i < len(pairs); i += 2 {
		other.Add(pairs[i], pairs[i+1])
	}
	maps.Copy(values, other)
	return values
}

func without(name string) url.Values {
	values := with()
	delete(values, name)
	return values
}

func TestFormsAreRead(t *testing.T) {
	lastDay := time.Date(2026, 2, 28, 0, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		values url.Values
		field  string // of everything
		want   any
	}{
		"a text without the space around it": {with("title", " a b\t\u00a0"), "Title", "a b"},
		"a raw text with it":                 {with("secret", " a "), "Secret", " a "},
		"an own type of text":                {with("color", "green"), "Color", color("green")},
		"characters and not bytes count":     {with("title", "ßßßß🙂"), "Title", "ßßßß🙂"},
		"line ends of a plain form":          {with("title", "a\r\nb\rc"), "Title", "a\nb\nc"},
		"an address":                         {with("mail", "a+b@c.test"), "Mail", "a+b@c.test"},
		"a box with a tick":                  {with("news", "on"), "News", true},
		"true":                               {with("news", "true"), "News", true},
		"1":                                  {with("news", " 1"), "News", true},
		"a box without a tick":               {with(), "News", false},
		"a box that is off":                  {with("news", "off"), "News", false},
		"a no where an answer is required":   {with(), "Answer", false},
		"the least number":                   {with("age", "-5"), "Age", int8(-5)},
		"the greatest number":                {with("age", "+100 "), "Age", int8(100)},
		"an empty number":                    {with("price", " "), "Price", 0.0},
		"all digits of a big number":         {with("big", "-9223372036854775808"), "Big", int64(-1 << 63)},
		"a number without sign":              {with("count", "9"), "Count", uint(9)},
		"a float":                            {with("price", "1.5e2"), "Price", 150.0},
		"an optional number":                 {with("limit", "10"), "Limit", 10},
		"an optional number that is zero":    {with("limit", "0"), "Limit", 0},
		"an optional number that is empty":   {with("limit", ""), "Limit", nil},
		"an optional number that is absent":  {with(), "Limit", nil},
		"a date":                             {with("due_date", "2026-02-28"), "DueDate", lastDay},
		"a date and a time":                  {with("due_date", "2026-02-28T23:59"), "DueDate", lastDay.Add(24*time.Hour - time.Minute)},
		"a date and a time with a fraction":  {with("due_date", "2026-02-28T23:59:01.5"), "DueDate", lastDay.Add(24*time.Hour - 58500*time.Millisecond)},
		"a time with a zone":                 {with("until", "2026-02-28T23:59:01+01:00"), "Until", lastDay.Add(23*time.Hour - 59*time.Second)},
		"a list in its order":                {with("tags", "b", "tags", "a", "tags", "b"), "Tags", []string{"b", "a", "b"}},
		"a list that is absent":              {with(), "Tags", []string(nil)},
		"a list of numbers":                  {with("ids", "1", "ids", "65535"), "IDs", []uint16{1, 65535}},
		"an empty text keeps its place":      {with("many", "a", "many", " ", "many", "c"), "Many", []string{"a", "", "c"}},
		"a list of 100":                      {many(100), "Many", strings.Split(strings.Repeat("x", 100), "")},
		"reserved names are left alone":      {with("_stamp", "x", "_event", "y"), "Title", "abc"},
	} {
		got, errs := live.DecodeValues[everything](c.values)
		if errs != nil {
			t.Errorf("%s: %v", name, errs)
			continue
		}
		var have any // nil for a pointer that is nil
		if v := reflect.Indirect(reflect.ValueOf(got).FieldByName(c.field)); v.IsValid() {
			have = v.Interface()
		}
		if at, ok := have.(time.Time); ok {
			have = at.UTC()
		}
		if !reflect.DeepEqual(have, c.want) {
			t.Errorf("%s: got %#v, want %#v", name, have, c.want)
		}
	}
}

func many(n int) url.Values {
	values := with()
	values["many"] = strings.Split(strings.Repeat("x", n), "")
	return values
}

func TestFormsAreChecked(t *testing.T) {
	for name, c := range map[string]struct {
		values url.Values
		field  string
		want   live.Problem
	}{
		"a required text is absent":             {without("title"), "title", live.Problem{Rule: "required"}},
		"a required text is all space":          {with("title", " \n\u2003"), "title", live.Problem{Rule: "required"}},
		"a required box has no tick":            {without("agreed"), "agreed", live.Problem{Rule: "required"}},
		"a required box is off":                 {with("agreed", "off"), "agreed", live.Problem{Rule: "required"}},
		"a required answer is absent":           {without("answer"), "answer", live.Problem{Rule: "required"}},
		"a required list is absent":             {without("mails"), "mails", live.Problem{Rule: "required"}},
		"a required list has an empty value":    {with("mails", "a@b.test", "mails", ""), "mails", live.Problem{Rule: "required"}},
		"a short text":                          {with("title", "a "), "title", live.Problem{Rule: "min_length", Param: "2"}},
		"a long text":                           {with("title", "abcdef"), "title", live.Problem{Rule: "max_length", Param: "5"}},
		"space counts in a raw text":            {with("secret", " abc "), "secret", live.Problem{Rule: "max_length", Param: "4"}},
		"none of the choices":                   {with("color", "Red"), "color", live.Problem{Rule: "oneof", Param: "red|green"}},
		"all of the choices":                    {with("color", "red|green"), "color", live.Problem{Rule: "oneof", Param: "red|green"}},
		"an address without @":                  {with("mail", "ab.test"), "mail", live.Problem{Rule: "email"}},
		"an address with a name":                {with("mail", "A <a@b.test>"), "mail", live.Problem{Rule: "email"}},
		"an address in brackets":                {with("mail", "<a@b.test>"), "mail", live.Problem{Rule: "email"}},
		"two addresses":                         {with("mail", "a@b.test,c@d.test"), "mail", live.Problem{Rule: "email"}},
		"an address with a header after it":     {with("mail", "a@b.test\nBcc: c@d.test"), "mail", live.Problem{Rule: "email"}},
		"an address of 255 bytes":               {with("mail", strings.Repeat("a", 248)+"@b.test"), "mail", live.Problem{Rule: "email"}},
		"a zero byte":                           {with("title", "a\x00b"), "title", live.Problem{Rule: "characters"}},
		"an escape sequence":                    {with("many", "ok", "many", "\x1b[2J"), "many", live.Problem{Rule: "characters"}},
		"a control character of the upper half": {with("secret", "\u0085"), "secret", live.Problem{Rule: "characters"}},
		"a text that is not UTF-8":              {with("title", "ab\xff"), "title", live.Problem{Rule: "characters"}},
		"a box with a text":                     {with("news", "maybe"), "news", live.Problem{Rule: "bool"}},
		"below the least":                       {with("age", "-6"), "age", live.Problem{Rule: "min", Param: "-5"}},
		"above the greatest":                    {with("age", "101"), "age", live.Problem{Rule: "max", Param: "100"}},
		"more than the type holds":              {with("age", "128"), "age", live.Problem{Rule: "range"}},
		"more than any type holds":              {with("big", "9223372036854775808"), "big", live.Problem{Rule: "range"}},
		"less than nothing":                     {with("count", "-1"), "count", live.Problem{Rule: "range"}},
		"an optional number is too much":        {with("limit", "11"), "limit", live.Problem{Rule: "max", Param: "10"}},
		"a fraction where none fits":            {with("age", "1.0"), "age", live.Problem{Rule: "whole"}},
		"a whole number with an exponent":       {with("count", "1e0"), "count", live.Problem{Rule: "whole"}},
		"a number with underscores":             {with("big", "1_000"), "big", live.Problem{Rule: "whole"}},
		"a number in hexadecimal":               {with("big", "0x10"), "big", live.Problem{Rule: "whole"}},
		"no number":                             {with("price", "ten"), "price", live.Problem{Rule: "number"}},
		"NaN":                                   {with("price", "NaN"), "price", live.Problem{Rule: "number"}},
		"infinity":                              {with("small", "+Inf"), "small", live.Problem{Rule: "number"}},
		"a float in hexadecimal":                {with("price", "0x1p4"), "price", live.Problem{Rule: "number"}},
		"a float that is too big":               {with("price", "1e999"), "price", live.Problem{Rule: "range"}},
		"a float that is too big for 32 bits":   {with("small", "1e39"), "small", live.Problem{Rule: "range"}},
		"a float below the least":               {with("price", "0.49"), "price", live.Problem{Rule: "min", Param: "0.5"}},
		"a day that there is not":               {with("due_date", "2026-02-29"), "due_date", live.Problem{Rule: "time"}},
		"a time of day":                         {with("until", "23:59"), "until", live.Problem{Rule: "time"}},
		"a list that is too short":              {with("tags", "a"), "tags", live.Problem{Rule: "min_values", Param: "2"}},
		"a list that is too long": {with("tags", "a", "tags", "a", "tags", "b", "tags", "b"),
			"tags", live.Problem{Rule: "max_values", Param: "3"}},
		"a list with none of the choices":         {with("tags", "a", "tags", "d"), "tags", live.Problem{Rule: "oneof", Param: "a|b|c"}},
		"a list with no address":                  {with("mails", "a@b.test", "mails", "b"), "mails", live.Problem{Rule: "email"}},
		"a list with no number":                   {with("ids", "1", "ids", ""), "ids", live.Problem{Rule: "whole"}},
		"a list with no day":                      {with("days", "2026-02-28", "days", "x"), "days", live.Problem{Rule: "time"}},
		"a list of 101":                           {many(101), "many", live.Problem{Rule: "max_values", Param: "100"}},
		"two values where there is room for 1":    {with("title", "abc", "title", "abc"), "title", live.Problem{Rule: "single"}},
		"a field that is not of the form":         {with("admin", "true"), "admin", live.Problem{Rule: "unknown"}},
		"a field that the browser has not to set": {with("owner", "root"), "owner", live.Problem{Rule: "unknown"}},
		"the name that the field has in Go":       {with("Owner", "root"), "Owner", live.Problem{Rule: "unknown"}},
		"a field that is not exported":            {with("private", "1"), "private", live.Problem{Rule: "unknown"}},
	} {
		got, errs := live.DecodeValues[everything](c.values)
		if len(errs) != 1 || errs[c.field] != c.want {
			t.Errorf("%s: got %v, want %v", name, errs, c.want)
		}
		if got.Owner != "" || got.private != 0 {
			t.Errorf("%s: a field that is none was set", name)
		}
	}
}

func TestFormWithTooManyFieldsIsNotReadAtAll(t *testing.T) {
	values := with()
	for i := len(values); i < 257; i++ {
		values.Set(fmt.Sprint("f", i), "x")
	}
	got, errs := live.DecodeValues[everything](values)
	if want := (live.Errors{"": {Rule: "fields", Param: "256"}}); !reflect.DeepEqual(errs, want) || got.Title != "" {
		t.Errorf("got %d errors, title %q", len(errs), got.Title)
	}
}

func TestFormCanBeDrawnAgainWithWhatWasTyped(t *testing.T) {
	got, errs := live.DecodeValues[everything](with("title", "far too long", "age", "101", "limit", "11",
		"tags", "d", "mail", "x", "count", "x"))
	if len(errs) != 6 || got.Title != "far too long" || got.Age != 101 || got.Limit == nil || *got.Limit != 11 ||
		!reflect.DeepEqual(got.Tags, []string{"d"}) || got.Mail != "x" || got.Count != 0 {
		t.Errorf("got %+v with %v", got, errs)
	}
	if got, _ := live.DecodeValues[everything](with("limit", "ten")); got.Limit != nil {
		t.Errorf("what could not be read is %v", *got.Limit)
	}
}

func TestEventsAndPlainFormsShareOneType(t *testing.T) {
	e, err := live.DecodeEvent([]byte(`{"_event":"add","title":"abc","agreed":true,"answer":"1","age":7,` +
		`"limit":null,"mails":["a@b.test"],"ids":[1,2]}`))
	if err != nil {
		t.Fatal(err)
	}
	ofEvent, errs := live.Decode[everything](e)
	if errs != nil {
		t.Fatal(errs)
	}
	values, err := url.ParseQuery("title=abc&agreed=on&answer=true&age=7&limit=&mails=a%40b.test&ids=1&ids=2")
	if err != nil {
		t.Fatal(err)
	}
	ofForm, errs := live.DecodeValues[everything](values)
	if errs != nil || !reflect.DeepEqual(ofEvent, ofForm) {
		t.Errorf("got %+v and %+v, %v", ofEvent, ofForm, errs)
	}
}

func TestFieldsHaveTheNamesOfGoInSnakeCase(t *testing.T) {
	type names struct{ A, DueDate, UserID, HTTPPort, X509Key, Line2, Ärger, With_Line string }
	for _, name := range []string{"a", "due_date", "user_id", "http_port", "x509_key", "line2", "ärger", "with_line"} {
		if _, errs := live.DecodeValues[names](url.Values{name: {"x"}}); errs != nil {
			t.Errorf("%s: %v", name, errs)
		}
	}
}

// span and stay have the last word, one by value and one by pointer.
type span struct {
	From, To int `check:"required"`
}

func (s span) Validate() (errs live.Errors) {
	if s.To < s.From {
		errs.Add("to", "Please end after the beginning.")
	}
	return errs
}

type stay struct{ Name string }

func (s *stay) Validate() live.Errors {
	s.Name = strings.ToLower(s.Name)
	if s.Name == "root" {
		return live.Errors{"name": {Rule: "taken", Param: s.Name}}
	}
	return live.Errors{}
}

func TestFormsMayHaveTheLastWord(t *testing.T) {
	if got, errs := live.DecodeValues[span](url.Values{"from": {"2"}, "to": {"3"}}); errs != nil || got.To != 3 {
		t.Errorf("got %v, %v", got, errs)
	}
	_, errs := live.DecodeValues[span](url.Values{"from": {"2"}, "to": {"1"}})
	if want := (live.Errors{"to": {Rule: "own", Param: "Please end after the beginning."}}); !reflect.DeepEqual(errs, want) {
		t.Errorf("got %v, want %v", errs, want)
	}
	_, errs = live.DecodeValues[span](url.Values{"from": {"2"}, "x": {"1"}})
	if len(errs) != 2 || errs["to"].Rule != "required" || errs["x"].Rule != "unknown" {
		t.Errorf("a finding replaced a rule: %v", errs)
	}
	if got, errs := live.DecodeValues[stay](url.Values{"name": {"Anna"}}); errs != nil || got.Name != "anna" {
		t.Errorf("got %v, %v; no findings have to be nil", got, errs)
	}
	_, errs = live.DecodeValues[stay](url.Values{"name": {"Root"}})
	if p := errs["name"]; p.Rule != "taken" || p.Param != "root" || p.String() != "Please check this." {
		t.Errorf("got %v", errs)
	}
}

type wrongValidate struct{ A string }

func (wrongValidate) Validate() error { return nil }

func TestMistakesInAFormTypeAreNamed(t *testing.T) {
	type embedded struct{ span }
	for want, must := range map[string]func(){
		"form string: is not a struct":                     live.MustForm[string],
		"form *live_test.stay: is not a struct":            live.MustForm[*stay],
		"form time.Time: is not a struct of fields":        live.MustForm[time.Time],
		"field M: type map[string]string is not supported": live.MustForm[struct{ M map[string]string }],
		"field S: type struct {} is not supported":         live.MustForm[struct{ S struct{} }],
		"field L: type []string is not supported":          live.MustForm[struct{ L [][]string }],
		"field P: type *int is not supported":              live.MustForm[struct{ P **int }],
		"field P: type []int is not supported":             live.MustForm[struct{ P *[]int }],
		"field C: type complex128 is not supported":        live.MustForm[struct{ C complex128 }],
		"field D: type time.Duration is not supported":     live.MustForm[struct{ D time.Duration }],
		"field A: type interface {} is not supported":      live.MustForm[struct{ A any }],
		"field span: is embedded":                          live.MustForm[embedded],
		"field a: has tags but is not exported": func() {
			live.MustForm[struct {
				a string `check:"required"`
			}]()
		},
		`field A: the name "_event" is reserved`: func() {
			live.MustForm[struct {
				A string `form:"_event"`
			}]()
		},
		`field Headers: the name "headers" is reserved`: live.MustForm[struct{ Headers string }],
		`field B: there are two fields named "a"`: func() {
			live.MustForm[struct {
				A string
				B string `form:"a"`
			}]()
		},
		`field A: rule "requird" is not known`: func() {
			live.MustForm[struct {
				A string `check:"requird"`
			}]()
		},
		`field A: rule " max=5" is not known`: func() {
			live.MustForm[struct {
				A string `check:"required, max=5"`
			}]()
		},
		`field A: rule "max" stands there twice`: func() {
			live.MustForm[struct {
				A string `check:"max=5,max=6"`
			}]()
		},
		`field A: rule "max": min, max and oneof have a value`: func() {
			live.MustForm[struct {
				A string `check:"max"`
			}]()
		},
		`field A: rule "max=": min, max and oneof have a value`: func() {
			live.MustForm[struct {
				A string `check:"max="`
			}]()
		},
		`field A: rule "email=x": min, max and oneof have`: func() {
			live.MustForm[struct {
				A string `check:"email=x"`
			}]()
		},
		`field A: a length of "-1"`: func() {
			live.MustForm[struct {
				A string `check:"min=-1"`
			}]()
		},
		`field A: a length of "many"`: func() {
			live.MustForm[struct {
				A []string `check:"max=many"`
			}]()
		},
		"field A: the least length is 9 and the most is 8": func() {
			live.MustForm[struct {
				A string `check:"min=9,max=8"`
			}]()
		},
		"field A: the least length is 200 and the most is 100": func() {
			live.MustForm[struct {
				A []string `check:"min=200"`
			}]()
		},
		"field A: min is 9 and max is 8": func() {
			live.MustForm[struct {
				A int `check:"min=9,max=8"`
			}]()
		},
		`field A: min or max "300" does not fit`: func() {
			live.MustForm[struct {
				A int8 `check:"max=300"`
			}]()
		},
		`field A: min or max "-1" does not fit`: func() {
			live.MustForm[struct {
				A uint `check:"min=-1"`
			}]()
		},
		`field A: min or max "NaN" does not fit`: func() {
			live.MustForm[struct {
				A float64 `check:"min=NaN"`
			}]()
		},
		"field A: min and max are rules for numbers": func() {
			live.MustForm[struct {
				A time.Time `check:"min=1"`
			}]()
		},
		"field A: raw, trim, email and oneof are rules for texts": func() {
			live.MustForm[struct {
				A int `check:"oneof=1|2"`
			}]()
		},
		"field A: raw and trim exclude each other": func() {
			live.MustForm[struct {
				A string `check:"raw,trim"`
			}]()
		},
		"field A: oneof has an empty value": func() {
			live.MustForm[struct {
				A string `check:"oneof=a|"`
			}]()
		},
		"its method Validate is not func() live.Errors": live.MustForm[wrongValidate],
		"field B: type chan int is not supported":       live.MustForm[struct{ A, B chan int }], // the second mistake
	} {
		if got := panicOf(must); !strings.HasPrefix(got, "live: form ") || !strings.Contains(got, want) {
			t.Errorf("panics with %q, want %q", got, want)
		}
	}
	decode := func() { live.DecodeValues[wrongValidate](nil) }
	if first, second := panicOf(decode), panicOf(decode); first == "" || first != second {
		t.Errorf("Decode panics with %q, then %q", first, second)
	}
	if got := panicOf(live.MustForm[everything]); got != "" {
		t.Errorf("a good type panics with %q", got)
	}
}

func panicOf(f func()) (text string) {
	defer func() {
		if p := recover(); p != nil {
			text = fmt.Sprint(p)
		}
	}()
	f()
	return ""
}

func TestProblemsAreSentencesForPeople(t *testing.T) {
	for p, want := range map[live.Problem]string{
		{}:                                  "",
		{Rule: "required"}:                  "Please fill this in.",
		{Rule: "max_length", Param: "500"}:  "Please use at most 500 characters.",
		{Rule: "min_length", Param: "1"}:    "Please use at least 1 character.",
		{Rule: "min", Param: "0.5"}:         "Please use a number of at least 0.5.",
		{Rule: "max_values", Param: "3"}:    "Please choose at most 3.",
		{Rule: "own", Param: "100 % taken"}: "100 % taken",
		{Rule: "nobody knows"}:              "Please check this.",
	} {
		if got := p.String(); got != want {
			t.Errorf("%v: got %q, want %q", p.Rule, got, want)
		}
	}
	for _, rule := range []string{"required", "min", "max", "min_length", "max_length", "min_values", "max_values", "oneof", "email",
		"number", "whole", "range", "bool", "time", "characters", "single", "unknown", "fields"} {
		if text := (live.Problem{Rule: rule, Param: "2"}).String(); text == "Please check this." || strings.Contains(text, "%") {
			t.Errorf("%s: %q", rule, text)
		}
	}
}

func TestErrorsAreOneErrorForTheLog(t *testing.T) {
	var errs live.Errors
	errs.Add("name", "This name is taken.")
	errs.Add("name", "This name is rude.")
	errs["a\n"] = live.Problem{Rule: "unknown"}
	var err error = errs
	if want := `live: form: "a\n": This field does not belong to the form.; "name": This name is taken.`; err.Error() != want {
		t.Errorf("got %s, want %s", err, want)
	}
}

func TestFormTypesMayBeReadConcurrently(t *testing.T) {
	type fresh struct{ Name string } // nobody has asked for it before
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if got, errs := live.DecodeValues[fresh](url.Values{"name": {"x"}}); errs != nil || got.Name != "x" {
				t.Errorf("got %v, %v", got, errs)
			}
		})
	}
	wg.Wait()
}

func FuzzDecodeForm(f *testing.F) {
	for _, seed := range []string{fine.Encode(), "title=a%00b&x=1", "age=1e9&price=NaN&small=0x1p9", "tags=a&tags=&ids=-1&many=%0D%0A%FF",
		"due_date=2026-02-28T25:00&until=2026-02-28T23:59:01%2B01:00", "mail=%3Ca@b%3E&mails=(x)a@b&limit=%20&_x=y"} {
		f.Add(seed)
	}
	printable := func(text string) bool {
		return utf8.ValidString(text) && !strings.ContainsFunc(text, func(r rune) bool {
			return unicode.IsControl(r) && r != '\n' && r != '\t'
		})
	}
	f.Fuzz(func(t *testing.T, query string) {
		values, _ := url.ParseQuery(query)
		got, errs := live.DecodeValues[everything](values)
		for _, text := range append([]string{got.Title, string(got.Color), got.Mail, got.Secret}, got.Many...) {
			if !printable(text) {
				t.Errorf("%q let %q in", query, text)
			}
		}
		if got.Price != got.Price || got.Price-got.Price != 0 || len(got.Many) > 100 || got.Owner != "" {
			t.Errorf("%q became %+v", query, got)
		}
		if _, again := live.DecodeValues[everything](values); !reflect.DeepEqual(errs, again) {
			t.Errorf("%q: %v, then %v", query, errs, again)
		}
		if errs != nil {
			if len(errs) == 0 || errs.Error() == "" {
				t.Errorf("%q: errors without an error", query)
			}
			return
		}
		if n := utf8.RuneCountInString(got.Title); n < 2 || n > 5 || !got.Agreed || got.Answer == nil || len(got.Mails) == 0 ||
			got.Age < -5 || got.Age > 100 || got.Count > 9 || len(got.Tags) == 1 || len(got.Tags) > 3 {
			t.Errorf("%q passed as %+v", query, got)
		}
	})
}
