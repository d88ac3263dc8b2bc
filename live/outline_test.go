package live_test

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
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

// swap does with a frame what htmx does.
func (e *element) swapIn(t testing.TB, frame string) {
	t.Helper()
	for _, one := range readElements(t, frame).inside {
		f := one.(*element)
		how, id, _ := strings.Cut(f.swap, ":#")
		if id == "" {
			id = f.id
		}
		parent, at := e.find(id)
		if parent == nil {
			t.Fatalf("%s goes to #%s, which is not there", frame, id)
		}
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
		e := &element{name: []string{"div", "p", "li"}[r.IntN(3)], id: id(40)}
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

// Whatever is drawn next: the browser shows it after the frame.
func TestDiffTurnsOneIntoTheOther(t *testing.T) {
	afresh := func(t *testing.T, r *rand.Rand, _ string) string { return randomList(r) }
	for name, tc := range map[string]struct {
		draw func(*rand.Rand) string
		next func(*testing.T, *rand.Rand, string) string
	}{"views": {randomView, changed}, "lists": {randomList, afresh}} {
		t.Run(name, func(t *testing.T) {
			parts := 0
			for seed := range uint64(1500) {
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
				page := readElements(t, was)
				page.swapIn(t, frame)
				if got := page.html(); got != is {
					t.Fatalf("seed %d\nwas   %s\nframe %s\ngot   %s\nwant  %s", seed, was, frame, got, is)
				}
			}
			if parts < 100 {
				t.Errorf("only %d of 1500 were sent in parts: this test tests little", parts)
			}
		})
	}
}

func TestPatchKeepsTheOutline(t *testing.T) {
	tested := 0
	for seed := range uint64(1500) {
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
			t.Fatalf("the list is sent a second time: %s", frame)
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
	rows := func(of ...int) string {
		var b strings.Builder
		b.WriteString("<table id=\"t\"><tbody>\n")
		for _, i := range of {
			fmt.Fprintf(&b, "<tr id=\"r%d\"><td>row %d</td></tr>\n", i, i)
		}
		b.WriteString("</tbody></table>")
		return b.String()
	}
	for name, tc := range map[string]struct{ was, is, want string }{
		"nothing": {rows(1, 2), rows(1, 2), ""},
		"a row at the end": {rows(1, 2, 3), rows(1, 2, 3, 4),
			`<tbody hx-swap-oob="afterend:#r3"><tr id="r4"><td>row 4</td></tr></tbody>`},
		"rows at the beginning": {rows(3, 4, 5), rows(1, 2, 3, 4, 5),
			"<tbody hx-swap-oob=\"beforebegin:#r3\"><tr id=\"r1\"><td>row 1</td></tr>\n<tr id=\"r2\"><td>row 2</td></tr></tbody>"},
		"a row that went":  {rows(1, 2, 3), rows(1, 3), `<div id="r2" hx-swap-oob="delete"></div>`},
		"an input's value": {`<form id="f"><input id="i" value="a"><br></form>`, `<form id="f"><input id="i" value="b"><br></form>`, `<input hx-swap-oob="true" id="i" value="b">`},
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
	b.ReportMetric(float64(len(frame)), "B/frame")
	b.ReportMetric(float64(len(is)), "B/view")
}
