package swaps_test

import (
	"testing"

	"github.com/multiaccount-go/multiaccount/integration_test/browsertest"
)

// What each swap does, and what a message may look like.
func TestSwaps(t *testing.T) {
	const (
		list  = `<p id="p">x</p><ul id="l"><li id="a">a</li><li id="b">b</li></ul>`
		table = `<p id="p">x</p><table id="t"><tbody id="tb"><tr id="a"><td id="c">a</td></tr><tr id="b"><td>b</td></tr></tbody></table>`
		rest  = `</tbody></table>`
		field = `<p id="p">x</p><select id="s"><option id="o">1</option></select>`
	)
	both := func(want string) map[string]string { return map[string]string{"2": want, "4": want} }
	chromium := browsertest.Start(t)
	cases := map[string]struct {
		inside, frame string
		want          map[string]string
	}{
		"true":       {list, `<li hx-swap-oob="true" id="a">A</li>`, both(`<p id="p">x</p><ul id="l"><li id="a">A</li><li id="b">b</li></ul>`)},
		"outerHTML":  {list, `<li hx-swap-oob="outerHTML" id="a">A</li>`, both(`<p id="p">x</p><ul id="l"><li id="a">A</li><li id="b">b</li></ul>`)},
		"innerHTML":  {list, `<div hx-swap-oob="innerHTML" id="a">A</div>`, both(`<p id="p">x</p><ul id="l"><li id="a">A</li><li id="b">b</li></ul>`)},
		"delete":     {list, `<div hx-swap-oob="delete" id="a"></div>`, both(`<p id="p">x</p><ul id="l"><li id="b">b</li></ul>`)},
		"delete:#id": {list, `<div hx-swap-oob="delete:#a"></div>`, both(`<p id="p">x</p><ul id="l"><li id="b">b</li></ul>`)},
		"beforeend:#id": {list, `<ul hx-swap-oob="beforeend:#l"><li id="n">n</li></ul>`,
			both(`<p id="p">x</p><ul id="l"><li id="a">a</li><li id="b">b</li><li id="n">n</li></ul>`)},
		"afterend:#id, white space stays": {list, `<div hx-swap-oob="afterend:#a"> <li id="n">n</li></div>`,
			both(`<p id="p">x</p><ul id="l"><li id="a">a</li> <li id="n">n</li><li id="b">b</li></ul>`)},
		"beforebegin:#id": {list, `<div hx-swap-oob="beforebegin:#a"><li id="n">n</li></div>`,
			both(`<p id="p">x</p><ul id="l"><li id="n">n</li><li id="a">a</li><li id="b">b</li></ul>`)},
		"an element in a new place: it leaves first": {list, `<div hx-swap-oob="delete" id="a"></div><div hx-swap-oob="afterend:#b"><li id="a">a</li></div>`,
			both(`<p id="p">x</p><ul id="l"><li id="b">b</li><li id="a">a</li></ul>`)},
		// htmx 4 looks for the targets of a message before it swaps any.
		"a place beside an element that was swapped before": {list, `<li hx-swap-oob="true" id="a">A</li><div hx-swap-oob="afterend:#a"><li id="n">n</li></div>`,
			map[string]string{
				"2": `<p id="p">x</p><ul id="l"><li id="a">A</li><li id="n">n</li><li id="b">b</li></ul>`,
				"4": `<p id="p">x</p><ul id="l"><li id="a">A</li><li id="b">b</li></ul>`,
			}},
		"a place beside an element that is swapped after": {list, `<div hx-swap-oob="afterend:#a"><li id="n">n</li></div><li hx-swap-oob="true" id="a">A</li>`,
			both(`<p id="p">x</p><ul id="l"><li id="a">A</li><li id="n">n</li><li id="b">b</li></ul>`)},

		// The browser reads a message as the inside of a <template>: its first element says what may follow.
		"a row": {table, `<tr hx-swap-oob="true" id="b"><td>B</td></tr>`,
			both(`<p id="p">x</p><table id="t"><tbody id="tb"><tr id="a"><td id="c">a</td></tr><tr id="b"><td>B</td></tr>` + rest)},
		"a cell": {table, `<td hx-swap-oob="true" id="c">A</td>`,
			both(`<p id="p">x</p><table id="t"><tbody id="tb"><tr id="a"><td id="c">A</td></tr><tr id="b"><td>b</td></tr>` + rest)},
		"an option": {field, `<option hx-swap-oob="true" id="o">2</option>`,
			both(`<p id="p">x</p><select id="s"><option id="o">2</option></select>`)},
		"rows in a tbody": {table, `<tbody hx-swap-oob="afterend:#a"><tr id="n"><td>n</td></tr></tbody>`,
			both(`<p id="p">x</p><table id="t"><tbody id="tb"><tr id="a"><td id="c">a</td></tr><tr id="n"><td>n</td></tr><tr id="b"><td>b</td></tr>` + rest)},
		"a row that leaves and comes, both in a tbody": {table,
			`<tbody hx-swap-oob="delete:#a"></tbody><tbody hx-swap-oob="afterend:#b"><tr id="a"><td id="c">a</td></tr></tbody>`,
			both(`<p id="p">x</p><table id="t"><tbody id="tb"><tr id="b"><td>b</td></tr><tr id="a"><td id="c">a</td></tr>` + rest)},
		"cells in a tr, and a row": {table, `<tr hx-swap-oob="afterend:#c"><td>n</td></tr><tr hx-swap-oob="true" id="b"><td>B</td></tr>`,
			both(`<p id="p">x</p><table id="t"><tbody id="tb"><tr id="a"><td id="c">a</td><td>n</td></tr><tr id="b"><td>B</td></tr>` + rest)},
		// What is left over of a message takes the place of everything in htmx 4: live must never send such a message.
		"a row after something else is lost": {table, `<div hx-swap-oob="delete" id="a"></div><tbody hx-swap-oob="afterend:#b"><tr id="n"><td>n</td></tr></tbody>`,
			map[string]string{
				"2": `<p id="p">x</p><table id="t"><tbody id="tb"><tr id="b"><td>b</td></tr>` + rest,
				"4": `n`,
			}},
		"a row after rows in a tbody is lost": {table, `<tbody hx-swap-oob="delete:#a"></tbody><tr hx-swap-oob="true" id="b"><td>B</td></tr>`,
			map[string]string{
				"2": `<p id="p">x</p><table id="t"><tbody id="tb"><tr id="b"><td>b</td></tr>` + rest,
				"4": `<tbody></tbody>`,
			}},
		"a form after rows comes apart": {table, `<tbody hx-swap-oob="delete:#a"></tbody><div hx-swap-oob="true" id="p"><form><input></form></div>`,
			both(`<div id="p"><form></form><input></div><table id="t"><tbody id="tb"><tr id="b"><td>b</td></tr>` + rest)},
		"a list in a paragraph leaves it": {`<p id="p">x</p>`, `<p hx-swap-oob="true" id="p">y<ul><li>z</li></ul></p>`,
			map[string]string{"2": `<p id="p">y</p>`, "4": `<ul><li>z</li></ul><p></p>`}},
		"what is no row leaves a table": {table, `<table hx-swap-oob="true" id="t"><div>lost</div></table>`,
			map[string]string{"2": `<p id="p">x</p><table id="t"></table>`, "4": `<div>lost</div>`}},
	}
	for _, version := range versions {
		w := openWire(t, chromium, version)
		for name, tc := range cases {
			t.Run(name+", htmx "+version, func(t *testing.T) {
				w.show(t, tc.inside)
				w.push(t, tc.frame)
				if got := w.inside(); got != tc.want[version] {
					t.Errorf("%s\ngot  %s\nwant %s", tc.frame, got, tc.want[version])
				}
			})
		}
	}
}
