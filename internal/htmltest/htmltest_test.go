package htmltest

import "testing"

// The parser is a safety net of other tests, so it has to refuse what an escaping mistake leaves behind.
func TestParserRefuses(t *testing.T) {
	for about, markup := range map[string]string{
		"a bare < in text":               `<p>1 < 2</p>`,
		"a comment":                      `<p><!-- x --></p>`,
		"an attribute without quotes":    `<p id=x></p>`,
		"an attribute in single quotes":  `<p id='x'></p>`,
		"an attribute twice":             `<p id="x" id="y"></p>`,
		"attributes without a space":     `<p id="x"class="y"></p>`,
		"an attribute that does not end": `<p id="x></p>`,
		"an element that does not end":   `<p><b></b>`,
		"elements that overlap":          `<p><b></p></b>`,
		"an end without a start":         `</p>`,
		"a tag in capitals":              `<SCRIPT></SCRIPT>`,
		"a slash in a tag":               `<br/>`,
	} {
		p := parser{rest: markup}
		if root, err := p.parse(); err == nil {
			t.Errorf("%s: was read as\n%s", about, root.Shape())
		}
	}
}

func TestParserReads(t *testing.T) {
	root := Parse(t, "<!doctype html>\n<p id=\"a&amp;b\" hidden>1 &lt; <b>2</b>\n &#43; 3<br></p>")
	p := root.Tags("p")[0]
	if p.Attr["id"] != "a&b" || p.Text() != "1 < 2 + 3" || len(root.With("hidden", "")) != 1 || len(root.With("class", "")) != 0 {
		t.Errorf("got %v and %q", p.Attr, p.Text())
	}
	if got, want := root.Shape(), "p [id hidden]\n b []\n br []\n"; got != want {
		t.Errorf("got shape %q, want %q", got, want)
	}
}
