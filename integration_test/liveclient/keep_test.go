package liveclient_test

import (
	"strings"
	"testing"

	"github.com/multiaccount-go/multiaccount/integration_test/browsertest"
)

// fields is a view with one of everything that a person can change. Its holes are a value, and what is drawn beside it.
var fields = `<form id="form" data-ws-send hx-ws:send>
<div id="inner"><input id="text" name="text" value="%VALUE%"><textarea name="note">drawn</textarea>
<input type="checkbox" name="urgent"><input type="checkbox" name="of" value="a"><input type="checkbox" name="of" value="b" checked>
<input type="radio" name="kind" value="x" checked><input type="radio" name="kind" value="y"><input type="radio" name="kind" value="z">
<select name="one"><option>a<option>b<option>c</select>
<select name="many" multiple><option>a<option selected>b<option>c</select>
<input type="number" name="number"></div><button id="send">Send</button></form>
<ul id="list">` + rows + `</ul>
<div id="rows"><p id="row-1"><input name="amount"></p><p id="row-2"><input name="amount"></p></div>
<p id="pair"><input name="twice"><input name="twice"></p>
<div id="rich" contenteditable>rich</div>
<details id="more"><summary id="summary">More</summary>text</details><p id="count">%COUNT%</p>`

var rows = strings.Repeat("<li>row</li>", 40)

func drawn(value, count string) string {
	return strings.NewReplacer("%VALUE%", value, "%COUNT%", count).Replace(fields)
}

// shown is everything that fields can hold, in one string.
const shown = `(() => {
	const field = (selector) => document.querySelector(selector);
	const choices = [...document.querySelectorAll('#inner :checked')].map((each) => each.value || each.text);
	return [field('#text').value, field('textarea').value, choices.join(''), field('[name=number]').value,
		field('#row-1 input').value, field('#row-2 input').value, field('#rich').textContent, field('#more').open].join('|');
})()`

const (
	untouched = "|drawn|bxab||||rich|false"
	filled    = "typed|typed, drawn|onaycac|7||12|!rich|true"
)

// fill changes every field as a person does.
func fill(tab *browsertest.Tab) {
	tab.Type("textarea", "typed, ")
	tab.Click("[name=urgent]")
	tab.Click("[name=of][value=a]")
	tab.Click("[name=of][value=b]")
	tab.Click("[name=kind][value=y]")
	tab.Type("[name=one]", "c")
	run(tab, `const many = document.querySelector('[name=many]');
		for (const [i, on] of [true, false, true].entries()) many.options[i].selected = on;
		many.dispatchEvent(new Event('change', { bubbles: true }))`)
	tab.Type("[name=number]", "7")
	tab.Type("#row-2 input", "12")
	tab.Type("#rich", "!")
	tab.Click("#summary")
	tab.Type("#text", "typed")
}

// redraw draws the inside of the view and waits until it is there.
func redraw(tab *browsertest.Tab, s *site, value, count string) {
	s.draw(drawn(value, count))
	tab.WaitFor(`document.querySelector('#count').textContent === '`+count+`'`, patience)
	settled(tab)
}

func TestKeep(t *testing.T) {
	chromium := browsertest.Start(t)

	both(t, "what the person did survives an update, and the next one", func(t *testing.T, page string) {
		s, tab := newSite(t, drawn("", "0")), newTab(t, chromium)
		open(t, tab, s, page)
		run(tab, `const sheet = new CSSStyleSheet(); sheet.replaceSync('#list { height: 50px; overflow: auto }'); document.adoptedStyleSheets.push(sheet)`)
		want(t, tab, shown, untouched)
		fill(tab)
		want(t, tab, shown, filled)
		run(tab, `document.querySelector('#list').scrollTop = 77; document.querySelector('#text').setSelectionRange(1, 3, 'backward')`)
		settled(tab)
		for _, count := range []string{"1", "2"} {
			run(tab, `window.before = document.querySelector('#text')`)
			redraw(tab, s, "", count)
			want(t, tab, `before.isConnected`, "false") // else nothing was replaced
			want(t, tab, shown, filled)
			want(t, tab, `document.activeElement.id`, "text")
			want(t, tab, `[document.activeElement.selectionStart, document.activeElement.selectionEnd, document.activeElement.selectionDirection]`,
				"1,3,backward")
			want(t, tab, `document.querySelector('#list').scrollTop`, "77")
		}
	})

	both(t, "where the server draws something else than before, the server wins", func(t *testing.T, page string) {
		s, tab := newSite(t, drawn("", "0")), newTab(t, chromium)
		open(t, tab, s, page)
		fill(tab)
		changed := strings.NewReplacer(`>drawn<`, `>other<`, `name="urgent"`, `name="urgent" checked`, `value="z"`, `value="z" checked`,
			`value="x" checked`, `value="x"`, `<option selected>b`, `<option>b`, `<details id="more"`, `<details id="more" open`, `>rich<`, `>poor<`,
			`<option>a<option>b<option>c</select>
<select name="many"`, `<option>a<option selected>b<option>c</select>
<select name="many"`).Replace(drawn("theirs", "1"))
		s.draw(changed)
		tab.WaitFor(`document.querySelector('#count').textContent === '1'`, patience)
		settled(tab)
		want(t, tab, shown, "theirs|other|onazb|7||12|poor|true")
	})

	both(t, "what nobody touched is as the server draws it", func(t *testing.T, page string) {
		s, tab := newSite(t, drawn("", "0")), newTab(t, chromium)
		open(t, tab, s, page)
		run(tab, `document.querySelector('#text').value = 'set by code'`)
		redraw(tab, s, "", "1")
		want(t, tab, shown, untouched)
	})

	both(t, "a form that was sent is empty when the server draws it anew, but not what was typed since", func(t *testing.T, page string) {
		s, tab := newSite(t, drawn("", "0")), newTab(t, chromium)
		open(t, tab, s, page)
		tab.Type("#text", "typed\r")
		if got := s.message(t, 1)["text"]; got != "typed" {
			t.Fatalf("sent %q", got)
		}
		tab.Type("#row-2 input", "12")
		tab.Type("textarea", "!")
		redraw(tab, s, "", "1")
		want(t, tab, shown, "|!drawn|bxab|||12|rich|false")
	})

	both(t, "a form with data-live-reset is empty as soon as it is sent", func(t *testing.T, page string) {
		s, tab := newSite(t, strings.Replace(drawn("", "0"), `id="form"`, `id="form" data-live-reset`, 1)), newTab(t, chromium)
		open(t, tab, s, page)
		tab.Type("#text", "typed\r")
		tab.WaitFor(`document.querySelector('#text').value === ''`, patience)
		if got := s.message(t, 1)["text"]; got != "typed" {
			t.Errorf("sent %q", got)
		}
	})

	both(t, "text does not move to another row or another kind of field", func(t *testing.T, page string) {
		s, tab := newSite(t, drawn("", "0")), newTab(t, chromium)
		open(t, tab, s, page)
		tab.Type("#row-2 input", "12")
		tab.Type("#text", "typed")
		tab.Type("#pair :last-child", "second") // nothing tells the two of a pair from each other
		s.draw(strings.NewReplacer(`<p id="row-1"><input name="amount"></p>`, ``, `<p id="row-2">`, `<p id="row-1"><input name="amount"></p><p id="row-2">`,
			`<input id="text" name="text" value="">`, `<input id="text" name="text" type="checkbox" value="">`).Replace(drawn("", "1")))
		tab.WaitFor(`document.querySelector('#count').textContent === '1'`, patience)
		settled(tab)
		want(t, tab, shown, "|drawn|bxab|||12|rich|false")
		want(t, tab, `[...document.querySelectorAll('#pair input')].map((each) => each.value).join()`, ",")
	})

	both(t, "an update that somebody cancels is left alone", func(t *testing.T, page string) {
		s, tab := newSite(t, drawn("", "0")), newTab(t, chromium)
		open(t, tab, s, page)
		tab.Type("#text", "typed")
		run(tab, `document.addEventListener('htmx:oobBeforeSwap', (e) => e.target.id === 'form' && e.preventDefault());
			document.addEventListener('htmx:before:swap', ({ detail }) => {
				const at = detail.tasks.findIndex(({ target }) => target.id === 'form');
				if (at >= 0) detail.tasks.splice(at, 1);
			});
			window.before = document.querySelector('#text')`)
		s.push(`<form id="form" hx-swap-oob="true">gone</form><p id="count" hx-swap-oob="true">1</p>`)
		tab.WaitFor(`document.querySelector('#count').textContent === '1'`, patience)
		want(t, tab, `before.isConnected && before.value`, "typed")
	})

	both(t, "the focus stays although the new content wants it", func(t *testing.T, page string) {
		s, tab := newSite(t, drawn("", "0")), newTab(t, chromium)
		autofocus := strings.Replace(drawn("", "1"), `<textarea`, `<textarea autofocus`, 1)
		open(t, tab, s, page)
		s.draw(autofocus)
		tab.WaitFor(`document.querySelector('#count').textContent === '1'`, patience)
		tab.Type("#text", "typed")
		s.draw(strings.Replace(autofocus, `"count">1`, `"count">2`, 1))
		tab.WaitFor(`document.querySelector('#count').textContent === '2'`, patience)
		settled(tab)
		want(t, tab, `document.activeElement.id`, "text")
	})

	t.Run("a morph of htmx 4 leaves details open", func(t *testing.T) {
		t.Parallel()
		s, tab := newSite(t, drawn("", "0")), newTab(t, chromium)
		open(t, tab, s, "htmx=4")
		fill(tab)
		s.push(`<div id="live" hx-swap-oob="innerMorph">` + drawn("", "1") + `</div>`)
		tab.WaitFor(`document.querySelector('#count').textContent === '1'`, patience)
		settled(tab)
		want(t, tab, shown, filled)
	})
}
