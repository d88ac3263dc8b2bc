package live_test

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/multiaccount-go/multiaccount/live"
)

// element is an element of a page, for a browser that is made of tests.
type element struct {
	name, id, swap string
	class          string
	inside         []any // *element or string
}

func (e *element) write(b *strings.Builder) {
	fmt.Fprintf(b, "<%s", e.name)
	if e.id != "" {
		fmt.Fprintf(b, ` id="%s"`, e.id)
	}
	if e.class != "" {
		fmt.Fprintf(b, ` class="%s"`, e.class)
	}
	b.WriteString(">")
	for _, one := range e.inside {
		switch one := one.(type) {
		case string:
			b.WriteString(one)
		case *element:
			one.write(b)
		}
	}
	fmt.Fprintf(b, "</%s>", e.name)
}

// html returns what is inside of an element.
func (e *element) html() string {
	var b strings.Builder
	e.write(&b)
	return b.String()[len("<root>") : b.Len()-len("</root>")]
}

// readElements reads markup that is XML too.
func readElements(t testing.TB, html string) *element {
	t.Helper()
	root := &element{name: "root"}
	open := []*element{root}
	dec := xml.NewDecoder(strings.NewReader(html))
	for {
		token, err := dec.Token()
		if errors.Is(err, io.EOF) {
			return root
		}
		if err != nil {
			t.Fatalf("%s: %v", html, err)
		}
		top := open[len(open)-1]
		switch token := token.(type) {
		case xml.StartElement:
			e := &element{name: token.Name.Local}
			for _, a := range token.Attr {
				switch a.Name.Local {
				case "id":
					e.id = a.Value
				case "class":
					e.class = a.Value
				case "hx-swap-oob":
					e.swap = a.Value
				}
			}
			top.inside = append(top.inside, e)
			open = append(open, e)
		case xml.EndElement:
			open = open[:len(open)-1]
		case xml.CharData:
			top.inside = append(top.inside, string(token))
		}
	}
}

// find returns the element with an id, the one around it and its place there.
func (e *element) find(id string) (parent *element, at int) {
	for i, one := range e.inside {
		if kid, ok := one.(*element); ok {
			if kid.id == id {
				return e, i
			}
			if parent, at := kid.find(id); parent != nil {
				return parent, at
			}
		}
	}
	return nil, 0
}

// group says which elements a browser reads together; see mode in package live.
func group(name string) string {
	switch name {
	case "tbody", "thead", "tfoot", "caption", "colgroup":
		return "table"
	case "tr", "col":
		return name
	case "td", "th":
		return "cell"
	}
	return "body"
}

// messages splits a frame where a browser cannot read on.
func messages(t testing.TB, frame string) (all [][]*element) {
	before := ""
	for _, one := range readElements(t, frame).inside {
		e := one.(*element)
		if now := group(e.name); now != before {
			all, before = append(all, nil), now
		}
		all[len(all)-1] = append(all[len(all)-1], e)
	}
	return all
}

// swapIn does with a frame what htmx does.
func (e *element) swapIn(t testing.TB, frame string) {
	t.Helper()
	for _, message := range messages(t, frame) {
		targets := make([]*element, len(message))
		for i, f := range message { // htmx 4 looks for all targets of a message before it swaps the first
			how, id, _ := strings.Cut(f.swap, ":#")
			if f.swap = how; id == "" {
				id = f.id
			}
			if n := e.count(id); n != 1 {
				t.Fatalf("%s: there are %d #%s", frame, n, id)
			}
			parent, at := e.find(id)
			targets[i] = parent.inside[at].(*element)
		}
		for i, f := range message {
			parent, at := e.findElement(targets[i])
			if parent == nil {
				t.Fatalf("%s: #%s has been replaced before", frame, targets[i].id)
			}
			how := f.swap
			f.swap = ""
			switch how {
			case "true":
				parent.inside[at] = f
			case "delete":
				parent.inside = slices.Delete(parent.inside, at, at+1)
			case "afterend":
				parent.inside = slices.Insert(parent.inside, at+1, f.inside...)
			case "beforebegin":
				parent.inside = slices.Insert(parent.inside, at, f.inside...)
			default:
				t.Fatalf("%s: %q is no swap that browsers of both versions know", frame, how)
			}
		}
	}
}

// count returns how many elements have an id.
func (e *element) count(id string) (n int) {
	for _, one := range e.inside {
		if kid, ok := one.(*element); ok {
			n += kid.count(id)
			if kid.id == id {
				n++
			}
		}
	}
	return n
}

// findElement returns where an element is.
func (e *element) findElement(one *element) (parent *element, at int) {
	for i, kid := range e.inside {
		if kid, ok := kid.(*element); ok {
			if kid == one {
				return e, i
			}
			if parent, at := kid.findElement(one); parent != nil {
				return parent, at
			}
		}
	}
	return nil, 0
}

// randomView draws a view out of a small stock of ids, so that two of them have much in common.
func randomView(r *rand.Rand) string {
	used := make(map[string]bool)
	id := func(stock int) string {
		name := fmt.Sprint("n", r.IntN(stock))
		if used[name] || r.IntN(6) == 0 {
			return ""
		}
		used[name] = true
		return name
	}
	var draw func(depth int) *element
	draw = func(depth int) *element {
		e := &element{name: []string{"div", "section", "span"}[r.IntN(3)], id: id(40)}
		if r.IntN(4) == 0 {
			e.class = fmt.Sprint("c", r.IntN(2))
		}
		if r.IntN(2) == 0 {
			e.inside = append(e.inside, fmt.Sprint("text ", r.IntN(3)))
		}
		for range r.IntN(6) {
			if depth < 3 {
				e.inside = append(e.inside, draw(depth+1))
			}
			if r.IntN(5) == 0 {
				e.inside = append(e.inside, "between")
			}
		}
		return e
	}
	root := &element{name: "root"}
	for range 1 + r.IntN(4) {
		root.inside = append(root.inside, draw(0))
	}
	return root.html()
}

// changed changes a few elements of a view: their text, or which elements are in them.
func changed(t *testing.T, r *rand.Rand, html string) string {
	t.Helper()
	root := readElements(t, html)
	var change func(e *element)
	change = func(e *element) {
		for i, one := range e.inside {
			if kid, ok := one.(*element); ok {
				change(kid)
			} else if r.IntN(8) == 0 {
				e.inside[i] = "other text"
			}
		}
		switch n := len(e.inside); {
		case n > 1 && r.IntN(8) == 0:
			i := r.IntN(n)
			e.inside = slices.Delete(e.inside, i, i+1)
		case n > 1 && r.IntN(8) == 0:
			i, j := r.IntN(n), r.IntN(n)
			e.inside[i], e.inside[j] = e.inside[j], e.inside[i]
		}
	}
	change(root)
	return readElements(t, root.html()).html() // texts side by side become one
}

// randomList draws a list whose rows come, go, move and change.
func randomList(r *rand.Rand) string {
	var b strings.Builder
	b.WriteString(`<h2 id="title">x</h2><ul id="list">`)
	for _, row := range r.Perm(12)[:r.IntN(12)] {
		fmt.Fprintf(&b, `<li id="row-%d">row %d, state <b id="state-%d">%d</b></li>`, row, row, row, r.IntN(3))
	}
	b.WriteString(`</ul>`)
	return b.String()
}

// randomTable draws a table as templates do, each row on a line of its own, with something before it that changes too.
func randomTable(r *rand.Rand) string {
	var b strings.Builder
	fmt.Fprintf(&b, "<p id=\"count\">%d rows</p><nav id=\"nav\">", r.IntN(3))
	for _, n := range r.Perm(5)[:1+r.IntN(4)] {
		fmt.Fprintf(&b, ` <a id="nav-%d">to %d of %d</a> `, n, n, r.IntN(2))
	}
	b.WriteString("</nav><table id=\"table\">\n")
	some := func(n int) (list []int) { // most of them, now and then in another order
		for i := range n {
			if r.IntN(6) > 0 {
				list = append(list, i)
			}
		}
		if k := len(list); k > 1 && r.IntN(3) == 0 {
			i, j := r.IntN(k), r.IntN(k)
			list[i], list[j] = list[j], list[i]
		}
		return list
	}
	home := r.IntN(3) // of a row that goes from one part of the table to another
	for _, body := range some(3) {
		fmt.Fprintf(&b, "<tbody id=\"body-%d\">\n", body)
		for _, row := range some(5) {
			name := fmt.Sprintf("row-%d-%d", body, row)
			if row == 4 {
				if name = "row-guest"; home != body {
					continue
				}
			}
			fmt.Fprintf(&b, "<tr id=\"%s\">\n", name)
			for _, cell := range some(3) {
				fmt.Fprintf(&b, `<td id="%s-cell-%d">a cell that is seldom another one: %v</td>`, name, cell, r.IntN(6) == 0)
			}
			b.WriteString("</tr>\n")
		}
		b.WriteString("</tbody>\n")
	}
	b.WriteString("</table>")
	return b.String()
}

var (
	whiteSpace = regexp.MustCompile(`\s+`)
	atTheEdge  = regexp.MustCompile(`(<(?:nav|table|tbody|tr)[^>]*>) | (</(?:nav|table|tbody|tr)>)`)
)

// seen returns HTML as a person sees it: one space is as good as two, and at the edges of a list none is.
func seen(html string) string {
	return atTheEdge.ReplaceAllString(whiteSpace.ReplaceAllString(html, " "), "$1$2")
}

// Whatever is drawn next: the browser shows it after the frame.
func TestDiffTurnsOneIntoTheOther(t *testing.T) {
	afresh := func(_ *testing.T, r *rand.Rand, _ string) string { return randomList(r) }
	anotherTable := func(_ *testing.T, r *rand.Rand, _ string) string { return randomTable(r) }
	for name, tc := range map[string]struct {
		draw func(*rand.Rand) string
		next func(*testing.T, *rand.Rand, string) string
	}{"views": {randomView, changed}, "lists": {randomList, afresh}, "tables": {randomTable, anotherTable}} {
		t.Run(name, func(t *testing.T) {
			parts := 0
			for seed := range uint64(400) {
				r := rand.New(rand.NewPCG(seed, 1))
				was := tc.draw(r)
				is := tc.next(t, r, was)
				o, err := live.NewOutline(was)
				if err != nil {
					t.Fatalf("%s: %v", was, err)
				}
				frame, whole, next, err := o.Diff(is)
				if err != nil {
					t.Fatalf("%s: %v", is, err)
				}
				if fresh, _ := live.NewOutline(is); fresh.Sum() != next.Sum() {
					t.Fatalf("%s: the outline that goes on is another one", is)
				}
				if again, whole, _, _ := next.Diff(is); again != "" || whole {
					t.Fatalf("%s: the same differs: %q", is, again)
				}
				if whole {
					continue
				}
				parts++
				sent, err := o.Bring(live.MessageFor("t", nil), is, "live")
				if want := len(messages(t, frame)); err != nil || len(sent) != want || string(bytes.Join(sent, nil)) != frame {
					t.Fatalf("%q, %v: a browser reads %q from %d messages", sent, err, frame, want)
				}
				for _, message := range sent {
					if n := len(messages(t, string(message))); n != 1 {
						t.Fatalf("%s: a browser reads this from %d messages", message, n)
					}
				}
				page := readElements(t, was)
				page.swapIn(t, frame)
				if got := page.html(); seen(got) != seen(is) {
					t.Fatalf("seed %d\nwas    %s\nframe %q\ngot    %s\nwant   %s", seed, was, frame, seen(got), seen(is))
				}
			}
			if parts < 50 {
				t.Errorf("only %d of 400 were sent in parts: this test tests little", parts)
			}
		})
	}
}

func TestPatchKeepsTheOutline(t *testing.T) {
	tested := 0
	for seed := range uint64(400) {
		r := rand.New(rand.NewPCG(seed, 2))
		view := func() string {
			return `<div id="a"><p id="p">x</p>` + randomList(r) + fmt.Sprintf(`</div><p id="z">%d</p>`, r.IntN(2))
		}
		was, is := view(), view()
		o, err := live.NewOutline(was)
		if err != nil {
			t.Fatal(err)
		}
		page, next := readElements(t, was), readElements(t, is)
		parent, at := next.find("list")
		list := (&element{name: "root", inside: []any{parent.inside[at]}}).html()
		frame, err := o.Patch(list)
		if err != nil {
			t.Fatal(err)
		}
		page.swapIn(t, frame)
		frame, whole, _, err := o.Diff(is)
		if err != nil || whole {
			t.Fatalf("%v, whole %v", err, whole)
		}
		if strings.Contains(frame, "row-") {
			t.Fatalf("the list is sent a second time: %q", frame)
		}
		page.swapIn(t, frame)
		if got := page.html(); got != is {
			t.Fatalf("seed %d\ngot  %s\nwant %s", seed, got, is)
		}
		tested++
	}
	if tested == 0 {
		t.Error("nothing was tested")
	}
}

func TestDiffSendsLittle(t *testing.T) {
	long := strings.Repeat("a long text that stays ", 10)
	rows := func(of ...int) string {
		var b strings.Builder
		b.WriteString("<table id=\"t\"><tbody>\n")
		for _, i := range of {
			fmt.Fprintf(&b, "<tr id=\"r%d\"><td>row %d</td></tr>\n", i, i)
		}
		b.WriteString("</tbody></table>")
		return b.String()
	}
	for name, tc := range map[string]struct {
		was, is, want string
	}{
		"nothing": {rows(1, 2), rows(1, 2), ""},
		"a row at the end, with its white space": {rows(1, 2, 3), rows(1, 2, 3, 4),
			"<tbody hx-swap-oob=\"afterend:#r3\">\n<tr id=\"r4\"><td>row 4</td></tr></tbody>"},
		"rows at the beginning": {rows(3, 4, 5), rows(1, 2, 3, 4, 5),
			"<tbody hx-swap-oob=\"beforebegin:#r3\"><tr id=\"r1\"><td>row 1</td></tr>\n<tr id=\"r2\"><td>row 2</td></tr>\n</tbody>"},
		"a row that went": {rows(1, 2, 3), rows(1, 3), `<tbody hx-swap-oob="delete:#r2"></tbody>`},
		"a row that moved, in one message": {rows(1, 2, 3), rows(2, 3, 1),
			"<tbody hx-swap-oob=\"delete:#r1\"></tbody><tbody hx-swap-oob=\"afterend:#r3\">\n<tr id=\"r1\"><td>row 1</td></tr></tbody>"},
		"a row and a text, which no browser reads together": {`<p id="p">1</p>` + rows(1, 2, 3), `<p id="p">2</p>` + rows(1, 2, 3, 4),
			"<tbody hx-swap-oob=\"afterend:#r3\">\n<tr id=\"r4\"><td>row 4</td></tr></tbody><p hx-swap-oob=\"true\" id=\"p\">2</p>"},
		"a row beside one that changed: it is put there first": {
			`<ul id="l"><li id="a">a</li><li id="b">` + long + `</li></ul>`,
			`<ul id="l"><li id="a">A</li><li id="n">n</li><li id="b">` + long + `</li></ul>`,
			`<div hx-swap-oob="afterend:#a"><li id="n">n</li></div><li hx-swap-oob="true" id="a">A</li>`},
		"an input's value": {`<form id="f"><input id="i" value="a"><br></form>`, `<form id="f"><input id="i" value="b"><br></form>`,
			`<input hx-swap-oob="true" id="i" value="b">`},
		"ids in a picture are no parts": {`<p id="p">a long text</p><svg id="s"><path id="x" d="M0"/></svg>`, `<p id="p">a long text</p><svg id="s"><path id="x" d="M1"/></svg>`,
			`<svg hx-swap-oob="true" id="s"><path id="x" d="M1"/></svg>`},
	} {
		t.Run(name, func(t *testing.T) {
			o, err := live.NewOutline(tc.was)
			if err != nil {
				t.Fatal(err)
			}
			if frame, whole, _, err := o.Diff(tc.is); frame != tc.want || whole || err != nil {
				t.Errorf("got %q, whole %v, %v, want %q", frame, whole, err, tc.want)
			}
		})
	}
}

func TestWhatCannotBeComparedIsSentWhole(t *testing.T) {
	for name, html := range map[string]string{
		"two elements with one id": `<p id="a">x</p><p id="a">y</p>`,
		"an element left open":     `<div id="a"><p id="b">x</div>`,
		"an end without beginning": `<p id="a">x</p></div>`,
	} {
		if _, err := live.NewOutline(html); err == nil {
			t.Errorf("%s: no error", name)
		}
		o, _ := live.NewOutline(`<p id="a">x</p>`)
		if _, whole, next, err := o.Diff(html); !whole || err == nil || next.Sum() != (&live.Outline{}).Sum() {
			t.Errorf("%s: not sent as a whole", name)
		}
	}
}

func TestForgottenPartsAreSentAgain(t *testing.T) {
	html := `<div id="a"><ul id="l"><li id="r1">x</li><li id="r2">y</li></ul></div><p id="p">a long text, so that the list alone is less</p>`
	o, _ := live.NewOutline(html)
	o.Forget("r2")
	frame, _, _, _ := o.Diff(html)
	if !strings.Contains(frame, `id="l"`) || strings.Contains(frame, `id="p"`) {
		t.Errorf("got %s, want the list around the row", frame)
	}
}

func TestWhatIsForgotten(t *testing.T) {
	html := `<div id="a"><select id="s"><option id="o">1</option></select>a text beside it that stays</div><p id="p">a long text, so that the rest alone is less</p>`
	for name, tc := range map[string]struct {
		id    string
		whole bool
		sends string
	}{
		"an option: the select around it":             {"o", false, `<select hx-swap-oob="true" id="s">`},
		"an element outside of the view: nothing":     {"flash", false, ""},
		"a selector that is no id: everything":        {".row", true, ""},
		"a selector that begins with an id: the same": {"a .row", true, ""},
	} {
		t.Run(name, func(t *testing.T) {
			o, _ := live.NewOutline(html)
			o.Forget(tc.id)
			frame, whole, _, _ := o.Diff(html)
			if whole != tc.whole || !strings.HasPrefix(frame, tc.sends) || tc.sends == "" && frame != "" {
				t.Errorf("got %q, whole %v", frame, whole)
			}
		})
	}
	o, _ := live.NewOutline(html)
	if frame, err := o.Patch(`<option id="o">2</option>`); err != nil || frame == "" {
		t.Fatalf("%q, %v", frame, err)
	}
	if frame, _, _, _ := o.Diff(html); frame == "" {
		t.Error("an option that was pushed stays, though the view draws the old one")
	}
}

// An id that a push brings into a second place: what is sent to it would reach both.
func TestPatchWithAnIDFromElsewhere(t *testing.T) {
	const one = `<div id="a"><p id="k">k</p></div><div id="b"><p id="p">x</p></div>`
	o, _ := live.NewOutline(one)
	if _, err := o.Patch(`<div id="a"><p id="k">k</p><p id="p">x</p></div>`); err != nil {
		t.Fatal(err)
	}
	if frame, whole, _, _ := o.Diff(one); !whole {
		t.Errorf("not sent as a whole, but %q", frame)
	}
}

// An id that goes from a list to a table and back, so that it leaves in one message and comes in another.
func TestIDThatBecomesARow(t *testing.T) {
	const (
		long   = `a long text that stays where it is, so that not everything is sent`
		listed = `<ul id="l"><li id="a">` + long + `</li><li id="x">x</li></ul><table id="t"><tr id="r"><td>` + long + `</td></tr></table>`
		rowed  = `<ul id="l"><li id="a">` + long + `</li></ul><table id="t"><tr id="r"><td>` + long + `</td></tr><tr id="x"><td>x</td></tr></table>`
	)
	for was, is := range map[string]string{listed: rowed, rowed: listed} {
		o, _ := live.NewOutline(was)
		frame, whole, _, err := o.Diff(is)
		if whole || err != nil {
			t.Fatalf("whole %v, %v", whole, err)
		}
		page := readElements(t, was)
		page.swapIn(t, frame)
		if got := page.html(); got != is {
			t.Errorf("%s\ngot  %s\nwant %s", frame, got, is)
		}
	}
}

// What stands between two parts is a text or only white space, and white space matters where it is shown.
func TestWhatStandsBetweenParts(t *testing.T) {
	for name, tc := range map[string]struct {
		was, is string
		seen    bool
	}{
		"white space":                            {" ", "\n", false},
		"a space that does not break":            {" ", "\u00a0", true},
		"a comment":                              {" ", "<!-- x -->", true},
		"white space in preformatted text":       {" ", "\n", true},
		"the same, in preformatted text":         {"\n", "\n", false},
		"nothing instead of space, preformatted": {" ", "", true},
	} {
		t.Run(name, func(t *testing.T) {
			around := "div"
			if strings.Contains(name, "preformatted") {
				around = "pre"
			}
			view := func(between string) string {
				return fmt.Sprintf(`<%s><b id="a">x</b>%s<b id="b">y</b></%[1]s>`, around, between)
			}
			o, err := live.NewOutline(view(tc.was))
			if err != nil {
				t.Fatal(err)
			}
			if frame, whole, _, _ := o.Diff(view(tc.is)); (frame != "" || whole) != tc.seen {
				t.Errorf("got %q, whole %v, want a difference: %v", frame, whole, tc.seen)
			}
		})
	}
}

// In these a browser puts elements elsewhere than they are written, and a part would come apart.
func TestPartsThatWouldComeApart(t *testing.T) {
	for html, ok := range map[string]bool{
		`<p id="a">x<ul><li>y</li></ul></p>`:                                                         false,
		`<p id="a"><span><div>y</div></span></p>`:                                                    false,
		`<p><span id="a"><div>y</div></span></p>`:                                                    false,
		`<p>x<ul id="a"><li id="b">y</li></ul></p>`:                                                  false,
		`<div id="a"><p>x<ul></ul></p></div>`:                                                        true,
		`<p id="a"><button><div>y</div></button></p>`:                                                true,
		`<table id="a"><div>x</div></table>`:                                                         false,
		`<table id="a"><tr>x</tr></table>`:                                                           false,
		`<table id="a">x<tr></tr></table>`:                                                           false,
		`<table id="a"> <!-- a comment --> <tr><td>x</td></tr></table>`:                              true,
		`<table id="a"><tr><td>x<p>y</p></td></tr></table>`:                                          true,
		`<table><tbody id="a"><form></form></tbody></table>`:                                         false,
		`<div id="a"><td>x</td></div>`:                                                               false,
		`<table><td id="a">x</td></table>`:                                                           true, // a row comes around it
		`<a id="a"><b><a>x</a></b></a>`:                                                              false,
		`<button id="a"><button>x</button></button>`:                                                 false,
		`<form id="a"><div><form></form></div></form>`:                                               false,
		`<ul id="a"><li id="b">x<li>y</li></li></ul>`:                                                false,
		`<ul id="a"><li id="b">x<ul><li id="c">y</li></ul></li></ul>`:                                true,
		`<dl id="a"><dt id="b">x<dd>y</dd></dt></dl>`:                                                false,
		`<h1 id="a">x<h2>y</h2></h1>`:                                                                false,
		`<table id="a"><thead><tr><th>x</th></tr></thead><caption>y</caption></table>`:               true,
		`<tr id="a"><td>x</td></tr>`:                                                                 true,
		`<p id="a"><svg><foreignObject><div id="b">x</div></foreignObject></svg></p>`:                true,
		`<table id="a"><colgroup><col></colgroup><tbody><tr></tr></tbody></table>`:                   true,
		`<section id="a"><h1>x</h1><p>y</p><hr><p>z</p><form><fieldset></fieldset></form></section>`: true,
	} {
		if _, err := live.NewOutline(html); (err == nil) != ok {
			t.Errorf("%s: %v, want ok %v", html, err, ok)
		}
	}
}

func FuzzOutline(f *testing.F) {
	for _, seed := range []string{`<p id=a>x</p>`, `<ul id="u"><li id="a"><li id="b"></ul>`, `<svg id=s><a id=b></svg>`, `<br id=a>`, `<p id=a>< <b id=c>`} {
		f.Add(seed, `<p id="a">y</p>`)
	}
	f.Fuzz(func(t *testing.T, was, is string) {
		o, err := live.NewOutline(was)
		if err != nil {
			return
		}
		if frame, whole, _, _ := o.Diff(was); frame != "" || whole {
			t.Errorf("%q differs from itself: %q", was, frame)
		}
		_, _, next, err := o.Diff(is)
		if err == nil {
			if fresh, _ := live.NewOutline(is); fresh.Sum() != next.Sum() {
				t.Errorf("%q to %q: another outline goes on", was, is)
			}
		}
		_, _ = o.Patch(is)
	})
}

// BenchmarkDiff answers what a redraw of a list of 200 rows costs of which one has changed, and how much is sent.
func BenchmarkDiff(b *testing.B) {
	draw := func(changed int) string {
		var s strings.Builder
		s.WriteString(`<ul id="list">`)
		for i := range 200 {
			fmt.Fprintf(&s, `<li id="row-%d"><span>A file with a name of some length, number %d</span><b>%v</b></li>`, i, i, i == changed)
		}
		s.WriteString(`</ul>`)
		return s.String()
	}
	was, is := draw(-1), draw(100)
	o, err := live.NewOutline(was)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	var frame string
	for b.Loop() {
		frame, _, _, _ = o.Diff(is)
	}
	if len(frame) == 0 || len(frame) > 1<<10 {
		b.Errorf("%d bytes are sent", len(frame))
	}
	b.ReportMetric(float64(len(frame)), "B/frame")
	b.ReportMetric(float64(len(is)), "B/view")
}
