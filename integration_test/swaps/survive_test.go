package swaps_test

import (
	"testing"

	"github.com/multiaccount-go/multiaccount/integration_test/browsertest"
)

// box is what is swapped. Everything in it but its text stays the same to the server.
func box(attributes, text string) string {
	return `<div` + attributes + `><p id="p">` + text + `</p>
<input id="i"><input id="c" type="checkbox"><details id="d"><summary>more</summary>x</details>
<div id="s" style="height:50px;overflow:auto"><div style="height:500px">x</div></div></div>`
}

// What the person has done to the elements that a swap is about: what is in want survives it. This is without live.js,
// which puts the rest back.
func TestWhatSurvivesASwap(t *testing.T) {
	const (
		everything = "focus text caret checked open scroll"
		morphed    = "focus text caret checked scroll" // a morph takes the attribute open away
	)
	chromium := browsertest.Start(t)
	for _, version := range versions {
		w := openWire(t, chromium, version)
		for _, tc := range []struct {
			swap, frame string
			want        map[string]string
		}{
			{"true", box(` hx-swap-oob="true" id="box"`, "new"), map[string]string{"2": "", "4": "focus"}},
			{"innerHTML", box(` hx-swap-oob="innerHTML" id="box"`, "new"), map[string]string{"2": "", "4": "focus"}},
			{"outerMorph", box(` hx-swap-oob="outerMorph" id="box"`, "new"), map[string]string{"4": morphed}},
			{"innerMorph", box(` hx-swap-oob="innerMorph" id="box"`, "new"), map[string]string{"4": morphed}},
			{"true of the part that changed", `<p hx-swap-oob="true" id="p">new</p>`, map[string]string{"2": everything, "4": everything}},
			{"afterend", `<div hx-swap-oob="afterend:#p"><p>new</p></div>`, map[string]string{"2": everything, "4": everything}},
			{"beforebegin", `<div hx-swap-oob="beforebegin:#p"><p>new</p></div>`, map[string]string{"2": everything, "4": everything}},
			{"beforeend", `<div hx-swap-oob="beforeend:#box"><p>new</p></div>`, map[string]string{"2": everything, "4": everything}},
			{"delete", `<div hx-swap-oob="delete:#p"></div>`, map[string]string{"2": everything, "4": everything}},
		} {
			want, ok := tc.want[version]
			if !ok {
				continue // htmx 2 has no morph
			}
			t.Run(tc.swap+", htmx "+version, func(t *testing.T) {
				w.show(t, box(` id="box"`, "old"))
				w.Type("#i", "abc")
				browsertest.Evaluate[bool](w.Tab, `(() => {
  i.setSelectionRange(1, 2); c.checked = true; d.open = true; s.scrollTop = 40;
  return true;
})()`)
				w.push(t, tc.frame)
				got := browsertest.Evaluate[string](w.Tab, `Object.entries({
  focus: document.activeElement.id === 'i', text: i.value === 'abc', caret: i.selectionStart === 1 && i.selectionEnd === 2,
  checked: c.checked, open: d.open, scroll: s.scrollTop === 40,
}).filter((one) => one[1]).map((one) => one[0]).join(' ')`)
				if got != want {
					t.Errorf("%q survives, want %q", got, want)
				}
			})
		}
	}
}
