package live_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/multiaccount-go/multiaccount/live"
)

func TestWhatBrowsersSendAsAnEvent(t *testing.T) {
	const (
		noObject = "message is not a JSON object"
		noField  = "a field is neither a string, a number, a boolean nor a flat list of them"
		tooMany  = "message has too many fields"
	)
	for name, c := range map[string]struct{ message, want string }{
		"fields are strings and lists":     {`{"a":"b","c":["d","e"]}`, `map["a":["b"] "c":["d" "e"]]`},
		"hx-vals of htmx 4 have types":     {`{"n":-1.50e3,"y":true,"l":["x",2,false]}`, `map["l":["x" "2" "false"] "n":["-1.50e3"] "y":["true"]]`},
		"a big number keeps its digits":    {`{"id":9007199254740993}`, `map["id":["9007199254740993"]]`},
		"null is absent":                   {`{"a":null,"b":"c"}`, `map["b":["c"]]`},
		"headers are dropped":              {`{"HEADERS":{"HX-Request":"true"},"headers":{"x":[{}]},"a":"b"}`, `map["a":["b"]]`},
		"the last of two counts":           {`{"a":"first","a":["second"]}`, `map["a":["second"]]`},
		"null is the last of two":          {`{"a":"first","a":null}`, `map[]`},
		"an empty object is an event":      {` {} `, `map[]`},
		"an empty list has no values":      {`{"a":[]}`, `map["a":[]]`},
		"escapes are read":                 {`{"a\u0062":"\u00e4\n"}`, `map["ab":["ä\n"]]`},
		"256 fields are taken":             {object(256), ""},
		"headers do not count as fields":   {`{"headers":{},` + object(256)[1:], ""},
		"257 fields are too many":          {object(257), tooMany},
		"the same field 257 times as well": {`{` + strings.Repeat(`"a":"b",`, 256) + `"a":"b"}`, tooMany},
		"an object in a field":             {`{"a":{"b":"c"}}`, noField},
		"a list in a list":                 {`{"a":["b",["c"]]}`, noField},
		"a hole in a list":                 {`{"a":["b",null]}`, noField},
		"an object that never ends":        {`{"a":` + strings.Repeat(`{"a":`, 9000), noField},
		"lists that never end":             {`{"a":` + strings.Repeat(`[`, 9000), noField},
		"two objects":                      {`{}{}`, noObject},
		"an object and a bracket":          {`{"a":"b"}]`, noObject},
		"an object that is cut off":        {`{"a":"b"`, noObject},
		"a list that is cut off":           {`{"a":["b"`, noObject},
		"headers that are cut off":         {`{"headers":{"a":`, noObject},
		"no comma":                         {`{"a":"b" "c":"d"}`, noObject},
		"a comma too many":                 {`{"a":"b",}`, noObject},
		"a name without quotes":            {`{a:"b"}`, noObject},
		"a list":                           {`["a"]`, noObject},
		"nothing":                          {``, noObject},
	} {
		e, err := live.DecodeEvent([]byte(c.message))
		got := fmt.Sprintf("%q", map[string][]string(e.Fields))
		if err != nil {
			got = err.Error()
		}
		if c.want == "" {
			got, c.want = fmt.Sprint(len(e.Fields), err), "256 <nil>"
		}
		if got != c.want {
			t.Errorf("%s: got %s, want %s", name, got, c.want)
		}
	}
}

func object(fields int) string {
	var b strings.Builder
	for i := range fields {
		fmt.Fprintf(&b, `,"f%d":"x"`, i)
	}
	return "{" + b.String()[1:] + "}"
}

func TestEventTellsItsNameAndAllValues(t *testing.T) {
	e, err := live.DecodeEvent([]byte(`{"_event":"rename","tag":["a","b"]}`))
	if err != nil {
		t.Fatal(err)
	}
	if e.Name() != "rename" || e.Get("tag") != "a" || !slices.Equal(e.All("tag"), []string{"a", "b"}) {
		t.Errorf("name %q, first tag %q, tags %q of %q", e.Name(), e.Get("tag"), e.All("tag"), slices.Collect(maps.Keys(e.Fields)))
	}
	if none := (live.Event{}); none.Name() != "" || none.Get("tag") != "" || none.All("tag") != nil {
		t.Error("an event without fields has some")
	}
}
