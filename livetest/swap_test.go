package livetest_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/multiaccount-go/multiaccount/livetest"
)

func TestFramesDoWhatHtmxDoes(t *testing.T) {
	const list = `<ul id="box"><li id="a">A</li><li id="b">B</li></ul>`
	for name, c := range map[string]struct {
		only        int // version; 0: both
		frame, want string
		missed      string
	}{
		"true replaces": {0, `<li hx-swap-oob="true" id="a" class="x">new</li>`,
			`<ul id="box"><li id="a" class="x">new</li><li id="b">B</li></ul>`, ""},
		"outerHTML replaces": {0, `<li hx-swap-oob="outerHTML" id="a">new</li>`,
			`<ul id="box"><li id="a">new</li><li id="b">B</li></ul>`, ""},
		"outerHTML of another id": {0, `<li hx-swap-oob="outerHTML:#a" id="c">C</li>`,
			`<ul id="box"><li id="c">C</li><li id="b">B</li></ul>`, ""},
		"innerHTML fills": {0, `<ul id="box" hx-swap-oob="innerHTML"><li>one</li></ul>`,
			`<ul id="box"><li>one</li></ul>`, ""},
		"beforeend appends": {0, `<ul id="box" hx-swap-oob="beforeend"><li>C</li><li>D</li></ul>`,
			`<ul id="box"><li id="a">A</li><li id="b">B</li><li>C</li><li>D</li></ul>`, ""},
		"afterbegin prepends": {0, `<div hx-swap-oob="afterbegin:#box"><li>0</li><li>1</li></div>`,
			`<ul id="box"><li>0</li><li>1</li><li id="a">A</li><li id="b">B</li></ul>`, ""},
		"afterend comes behind": {0, `<div hx-swap-oob="afterend:#a"><li>1</li><li>2</li></div>`,
			`<ul id="box"><li id="a">A</li><li>1</li><li>2</li><li id="b">B</li></ul>`, ""},
		"beforebegin comes before": {0, `<div hx-swap-oob="beforebegin:#b"><li>1</li></div>`,
			`<ul id="box"><li id="a">A</li><li>1</li><li id="b">B</li></ul>`, ""},
		"delete removes": {0, `<div id="a" hx-swap-oob="delete"></div>`,
			`<ul id="box"><li id="b">B</li></ul>`, ""},
		"outerMorph takes over": {4, `<li hx-swap-oob="outerMorph" id="a" class="x">new</li>`,
			`<ul id="box"><li id="a" class="x">new</li><li id="b">B</li></ul>`, ""},
		"innerMorph takes over": {4, `<ul id="box" hx-swap-oob="innerMorph"><li>one</li></ul>`,
			`<ul id="box"><li>one</li></ul>`, ""},
		"none does nothing": {0, `<ul id="box" hx-swap-oob="none"><li>one</li></ul>`, list, ""},
		"several go in their order": {0,
			`<div id="a" hx-swap-oob="delete"></div><div hx-swap-oob="afterend:#b"><li id="a">A</li></div>`,
			`<ul id="box"><li id="b">B</li><li id="a">A</li></ul>`, ""},
		"what is not there is missed": {0, `<li hx-swap-oob="true" id="z">Z</li>`, list, "[z]"},
		"htmx 2 looks when it comes to it": {2,
			`<li hx-swap-oob="true" id="a">new</li><div hx-swap-oob="afterend:#a"><li>1</li></div>`,
			`<ul id="box"><li id="a">new</li><li>1</li><li id="b">B</li></ul>`, ""},
		// htmx 4.0.1 then inserts beside the element that has left the page: what was to come is lost.
		"htmx 4 looks before it begins": {4,
			`<li hx-swap-oob="true" id="a">new</li><div hx-swap-oob="afterend:#a"><li>1</li></div>`,
			`<ul id="box"><li id="a">new</li><li id="b">B</li></ul>`, ""},
	} {
		for _, version := range []int{2, 4} {
			if c.only != 0 && c.only != version {
				continue
			}
			t.Run(fmt.Sprintf("%s, htmx %d", name, version), func(t *testing.T) {
				page := newStage(list).says(t, version, c.frame)
				if got := page.HTML("box"); got != c.want {
					t.Errorf("got  %s\nwant %s", got, c.want)
				}
				if got := page.Frames()[0].Missed; len(got) > 0 != (c.missed != "") || c.missed != "" && fmt.Sprint(got) != c.missed {
					t.Errorf("missed %v, want %q", got, c.missed)
				}
			})
		}
	}
}

func TestRowsOfTables(t *testing.T) {
	page := newStage(`<table><tbody id="rows"><tr id="r1"><td>1</td></tr></tbody></table>`).says(t, 4,
		`<tbody hx-swap-oob="beforeend:#rows"><tr id="r2"><td id="c">2</td></tr></tbody>`, `<td hx-swap-oob="true" id="c">3</td>`)
	if got := page.Text("rows"); got != "1 3" {
		t.Errorf("got %q", got)
	}
}

func TestFramesThatNoViewShouldSend(t *testing.T) {
	for name, c := range map[string]struct {
		version    int
		frame, why string
	}{
		"an element that says nothing": {4, `<p id="a">x</p>`, `<p id="a"> has no hx-swap-oob`},
		"text outside of elements":     {4, `hello`, "text outside"},
		"nothing":                      {4, ``, "no element"},
		"a way that is none":           {4, `<p id="a" hx-swap-oob="upside">x</p>`, "no way to swap"},
		"no id to go to":               {4, `<p hx-swap-oob="true">x</p>`, "no id"},
		"a selector":                   {4, `<p hx-swap-oob="beforeend:.x">x</p>`, "other than an id"},
		"a morph for htmx 2":           {2, `<p id="a" hx-swap-oob="outerMorph">x</p>`, "htmx 2 does not know it"},
		"broken JSON":                  {4, `{"type":`, "no message"},
		"a navigation elsewhere":       {4, `{"type":"navigated","url":"/other"}`, "not inside it"},
		"a redirect to another site":   {4, `{"type":"redirect","url":"/http"}`, "not followed"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStage(`<p id="a">a</p>`)
			s.response = redirect("https://evil.test/")
			s.play = func(_ int, script script) { script.say(c.frame) }
			tt := &caught{TB: t}
			said := tt.during(func() {
				page := livetest.New(tt, s.app).HTMX(c.version).Open("/view")
				page.Wait(func() bool { return len(page.Frames()) == 1 && tt.said() != "" })
			})
			if !strings.Contains(said, c.why) || strings.Contains(said, "not in 5s") {
				t.Errorf("the test hears %q, want %q", said, c.why)
			}
		})
	}
}

func TestCloseCodes(t *testing.T) {
	for code, back := range map[int]bool{1000: false, 1001: true, 1003: false, 1006: true, 1007: false, 1008: false, 1009: false,
		1011: true, 1012: true, 1013: true} {
		t.Run(fmt.Sprint(code), func(t *testing.T) {
			s := newStage(`<p id="a">a</p>`)
			s.play = func(n int, script script) {
				switch {
				case n > 1:
					script.say(`<p id="a" hx-swap-oob="true">back</p>`)
				case code == 1006:
					script.hangUp()
				default:
					script.end(code)
				}
			}
			page := livetest.New(t, s.app).Open("/view")
			if back {
				page.WaitText("a", "back")
				if got, final := page.Closed(); got != code || final {
					t.Errorf("closed with %d, for good %v", got, final)
				}
			} else if got := page.WaitClosed("live"); got != code {
				t.Errorf("closed with %d", got)
			}
			s.mu.Lock()
			defer s.mu.Unlock()
			if want := []string{"0123456789abcdef", ""}[:len(s.asked)]; !slices.Equal(s.asked, want) {
				t.Errorf("the sockets asked with %q", s.asked)
			}
		})
	}
}

// The suite must notice a server that goes on talking on the socket of the account before.
func TestAFrameToTheOldSocketIsSeen(t *testing.T) {
	s := newStage(`<p id="a">a</p>`)
	s.play = func(n int, script script) {
		if n == 1 {
			script.say(`{"type":"session-changed","v":2}`, `<p id="a" hx-swap-oob="true">secret of alice</p>`)
			script.end(1012)
			return
		}
		script.say(`<p id="a" hx-swap-oob="true">bob</p>`)
	}
	page := livetest.New(t, s.app).Open("/view")
	page.WaitText("a", "bob")
	if late := afterTheChange(page); !strings.Contains(late, "secret of alice") {
		t.Errorf("found %q", late)
	}
}

func TestHandshakesThatAreRefused(t *testing.T) {
	s := newStage(`<p id="a">a</p>`)
	page := livetest.New(t, s.app).Open("/view")
	s.mu.Lock()
	s.refuse = 401
	s.play = func(_ int, script script) { script.say(`<p id="a" hx-swap-oob="true">again</p>`) }
	s.mu.Unlock()
	time.AfterFunc(100*time.Millisecond, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.refuse = 0
	})
	page.Reconnect()
	if got := page.Text("a"); got != "again" {
		t.Errorf("got %q", got)
	}
	s = newStage("")
	s.refuse = 401
	tt := &caught{TB: t}
	said := tt.during(func() { livetest.New(tt, s.app).Patience(50 * time.Millisecond).Open("/view") })
	if !strings.Contains(said, "answered with 401: not today") {
		t.Errorf("the test hears %q", said)
	}
}
