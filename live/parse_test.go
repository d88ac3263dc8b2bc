package live_test

import (
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"testing"

	"github.com/multiaccount-go/multiaccount/live"
)

func TestCheckOutOfBand(t *testing.T) {
	for html, ok := range map[string]bool{
		``:                                 true,
		` <p id=a hx-swap-oob=true>x</p> `: true,
		`<p id="a" hx-swap-oob="true">x</p><!-- > --><br id="b" hx-swap-oob='beforeend'>`: true,
		`<P ID="a" HX-SWAP-OOB="true"><b>x</B></p>`:                                       true,
		`<div data-hx-swap-oob="true" id="a"><p>one<p>two<br><img src=">"></div>`:         true,
		`<svg id="a" hx-swap-oob="true"><path d="M0"/><path/></svg>`:                      true,
		`<div id="a" hx-swap-oob="true">1 < 2<script>"</div>"</script></div>`:             true,
		`<div id="a" hx-swap-oob="true"><p>x</div><b>y</b>`:                               false,
		`<p id="a">x</p>`: false,
		`<p id="a" hx-swap-oob="true">x</p><p id="b">y</p>`:                                 false,
		`<p id="a" title='hx-swap-oob="true"'>x</p>`:                                        false,
		`<p id="a" hx-swap-oob="">x</p>`:                                                    false,
		`<p id="a" hx-swap-oob="true">x`:                                                    false,
		`text`:                                                                              false,
		`<p id="a" hx-swap-oob="true">x</p>text`:                                            false,
		`<p id="a" hx-swap-oob="true">x</p></div>`:                                          false,
		`<div id="a" hx-swap-oob="true"><script>never closed</div>`:                         false,
		`<p id="a" hx-swap-oob="true"`:                                                      false,
		`< p hx-swap-oob="true">`:                                                           false,
		`<hx-partial hx-target="#a"><p>x</p></hx-partial>`:                                  false,
		`<p id="a" hx-swap-oob="true">x</p><script>alert(1)</script>`:                       false,
		`<textarea id="a" hx-swap-oob="true"></p></textarea><p id=b hx-swap-oob=true>x</p>`: true,
	} {
		if err := live.CheckOutOfBand(html); (err == nil) != ok || err != nil && !errors.Is(err, live.ErrNotOutOfBand) {
			t.Errorf("%s: got %v, want ok %v", html, err, ok)
		}
	}
}

func FuzzCheckOutOfBand(f *testing.F) {
	for _, seed := range []string{`<p id=a hx-swap-oob=true>x</p>`, `<script>`, `</`, `<a/`, `<a b='`, `<!--`, `<!`, `<a =`} {
		f.Add(seed)
	}
	f.Fuzz(func(_ *testing.T, html string) { _ = live.CheckOutOfBand(html) }) // ends, and does not panic
}

func FuzzDecodeEvent(f *testing.F) {
	for _, seed := range []string{`{"a":"b","c":["d"],"HEADERS":{}}`, `{"a":1,"b":true,"c":null,"d":[1e9]}`,
		`{"a":"b","a":{}}`, `{"a":[[]]}`, `{"headers":{"a":[1]},"a":"b"} `, `{}{}`, `{"a":"b",}`, `null`, `[]`, `{`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, message []byte) {
		e, err := live.DecodeEvent(message)
		var plain map[string]any // what encoding/json makes of it
		if jsonErr := json.Unmarshal(message, &plain); err == nil && jsonErr != nil {
			t.Fatalf("%q is an event, but no JSON: %v", message, jsonErr)
		}
		if err != nil {
			if e.Fields != nil {
				t.Errorf("%q: an error and fields", message)
			}
			return
		}
		delete(plain, "HEADERS")
		delete(plain, "headers")
		maps.DeleteFunc(plain, func(_ string, value any) bool { return value == nil })
		if len(e.Fields) != len(plain) || len(plain) > 256 {
			t.Errorf("%q has %d fields, the event %d", message, len(plain), len(e.Fields))
		}
		for name, values := range e.Fields {
			value, ok := plain[name]
			if text, isText := value.(string); isText && !slices.Equal(values, []string{text}) {
				t.Errorf("%q: field %q is %q", message, name, values)
			}
			if list, isList := value.([]any); !ok || isList && len(list) != len(values) {
				t.Errorf("%q: field %q is %q", message, name, values)
			}
		}
	})
}
