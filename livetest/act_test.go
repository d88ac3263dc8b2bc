package livetest_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/multiaccount-go/multiaccount/livetest"
)

const everything = `<form id="form" data-ws-send hx-ws:send hx-vals='{"n":1}'>
<input type="hidden" name="hidden" value="h"><input name="text" value="drawn"><input name="off" value="x" disabled>
<textarea name="area">
two
lines</textarea><input type="checkbox" name="box" value="1" checked><input type="checkbox" name="box" value="2">
<input type="checkbox" name="bare" id="bare">
<input type="radio" name="side" value="l"><input type="radio" name="side" value="r" checked>
<select name="size" id="size"><option>S<option value="m" selected>M</select><select name="many" multiple><option>1<option>2</select>
<input type="file" name="file"><fieldset disabled><input name="inside" value="x"></fieldset>
<button name="do" value="first" id="first">1</button><button name="do" value="second" id="second">2</button>
<button type="button" id="dead">dead</button><button id="gone" disabled>gone</button></form>
<input name="far" value="f" form="form">`

func TestWhatAFormSends(t *testing.T) {
	for name, c := range map[string]struct {
		do   func(page *livetest.Page)
		want string
	}{
		"as it was drawn": {func(p *livetest.Page) { p.Submit("form", nil) },
			"area:two\nlines box:1 do:first far:f hidden:h n:1 side:r size:m text:drawn"},
		"with another button": {func(p *livetest.Page) { p.Click("second") },
			"area:two\nlines box:1 do:second far:f hidden:h n:1 side:r size:m text:drawn"},
		"filled in": {func(p *livetest.Page) {
			p.Submit("form", livetest.Fields{"text": "x", "area": "", "box": []string{"2"}, "bare": true, "side": "l",
				"size": "S", "many": []string{"1", "2"}, "far": "g"})
		}, "area: bare:on box:2 do:first far:g hidden:h many:[1 2] n:1 side:l size:S text:x"},
		"with boxes of one name": {func(p *livetest.Page) { p.Submit("form", livetest.Fields{"box": []string{"1", "2"}, "bare": false}) },
			"area:two\nlines box:[1 2] do:first far:f hidden:h n:1 side:r size:m text:drawn"},
	} {
		versions(t, func(t *testing.T, version int) {
			s := newStage(everything)
			page := s.says(t, version)
			c.do(page)
			m := s.received(page, 1)
			headers := map[int]string{2: "HEADERS", 4: "headers"}[version]
			if h, _ := m[headers].(map[string]any); h["HX-Request"] != "true" || h["HX-Current-URL"] != livetest.Site+"/view" {
				t.Errorf("%s: the headers are %v", name, m)
			}
			delete(m, headers)
			if got := fmt.Sprint(m); got != "map["+c.want+"]" {
				t.Errorf("%s:\ngot  %s\nwant %s", name, got, c.want)
			}
		})
	}
}

func TestStampsGoAlong(t *testing.T) {
	s := newStage(`<form id="own" data-ws-send hx-ws:send><input type="hidden" name="_stamp" value="of the form"></form>
<div data-account-stamp="of the mark"><button id="marked" data-ws-send hx-ws:send>x</button></div>
<button id="plain" data-ws-send hx-ws:send name="b" value="c">x</button>
<a id="link" href="/view?a=b" hx-get="/view?a=b" hx-target="#live">x</a>`)
	s.head = `<meta name="account-stamp" content="of the page">`
	s.response = func(c *fiber.Ctx) error { return c.SendString("done") }
	page := s.says(t, 4)
	page.Submit("own", nil)
	page.Click("marked")
	page.Click("plain")
	page.Click("link")
	page.Send("live", livetest.Fields{"a": "b", "c": true})
	for i, want := range []string{"of the form", "of the mark", "of the page", "of the page", ""} {
		m := s.received(page, i+1)
		if got, _ := m["_stamp"].(string); got != want {
			t.Errorf("message %d has the stamp %q, want %q", i+1, got, want)
		}
	}
	if m := s.received(page, 3); m["b"] != "c" {
		t.Errorf("a button sends %v", m)
	}
	if m := s.received(page, 4); m["_params"] != "/view?a=b" || m["_push"] != nil {
		t.Errorf("a link sends %v", m)
	}
	if m := s.received(page, 5); fmt.Sprint(m) != "map[a:b c:true]" {
		t.Errorf("Send adds something: %v", m)
	}
	page.Post("/http", url.Values{"a": {"b"}})
	if got := s.form.Encode(); got != "_stamp=of+the+page&a=b" || s.headers["Origin"] != livetest.Site ||
		s.headers["Sec-Fetch-Site"] != "same-origin" {
		t.Errorf("Post sends %s with %v", got, s.headers)
	}
}

func TestFieldsThatSendByThemselves(t *testing.T) {
	s := newStage(`<form id="f"><input id="alone" name="a" data-ws-send hx-ws:send><input name="b" value="x"></form>
<form id="g" data-ws-send hx-ws:send hx-trigger="input delay:100ms"><input id="by-form" name="a"></form>
<input id="asks" name="q" hx-get="/http" hx-target="#out"><p id="out"></p>`)
	s.response = func(c *fiber.Ctx) error { return c.SendString("found " + c.Query("q")) }
	page := s.says(t, 4)
	page.Change("alone", "1")
	if m := s.received(page, 1); m["a"] != "1" || m["b"] != "x" {
		t.Errorf("got %v", m)
	}
	page.Change("by-form", "2")
	if m := s.received(page, 2); m["a"] != "2" {
		t.Errorf("got %v", m)
	}
	page.Change("asks", "milk")
	if got := page.Text("out"); got != "found milk" {
		t.Errorf("got %q", got)
	}
}

func redirect(to string) func(*fiber.Ctx) error {
	return func(c *fiber.Ctx) error { return c.Redirect(to, 303) }
}

func TestRequestsOverHTTP(t *testing.T) {
	const inside = `<p id="out">old</p><form id="post" hx-post="/http" hx-target="#out"><input name="a" value="b"></form>
<form id="plain" action="/http" method="post"><textarea name="a">x
y</textarea></form><form id="search" action="/http"><input name="q" value="milk"></form>
<a id="link" href="http?x=1">link</a><button id="whole" hx-delete="/http" hx-target="#out" hx-swap="outerHTML">x</button>`
	html := func(status int, body string, header ...string) func(*fiber.Ctx) error {
		return func(c *fiber.Ctx) error {
			for i := 0; i+1 < len(header); i += 2 {
				c.Set(header[i], header[i+1])
			}
			return c.Status(status).Type("html").SendString(body)
		}
	}
	for name, c := range map[string]struct {
		answer func(*fiber.Ctx) error
		do     func(*livetest.Page)
		check  func(*livetest.Page) bool
	}{
		"an answer is swapped in": {html(200, `<b>new</b><p id="outside" hx-swap-oob="true">changed</p>`),
			func(p *livetest.Page) { p.Submit("post", nil) },
			func(p *livetest.Page) bool { return p.Text("out") == "new" && p.Text("outside") == "changed" }},
		"so is a 422": {html(422, "wrong"),
			func(p *livetest.Page) { p.Submit("post", nil) },
			func(p *livetest.Page) bool { return p.Text("out") == "wrong" }},
		"no other error is": {html(500, "bug"),
			func(p *livetest.Page) { p.Submit("post", nil) },
			func(p *livetest.Page) bool { return p.Text("out") == "old" && p.Answer().Status == 500 }},
		"a 204 changes nothing": {html(204, ""),
			func(p *livetest.Page) { p.Submit("post", nil) },
			func(p *livetest.Page) bool { return p.Text("out") == "old" }},
		"the answer names another place": {html(200, "new", "HX-Retarget", "#outside", "HX-Reswap", "beforeend"),
			func(p *livetest.Page) { p.Submit("post", nil) },
			func(p *livetest.Page) bool { return p.Text("out") == "old" && p.Text("outside") == "outsidenew" }},
		"the answer has an event": {html(200, "", "HX-Trigger", `{"account-refused":{"code":"c","message":"m"}}`),
			func(p *livetest.Page) { p.Submit("post", nil) },
			func(p *livetest.Page) bool { return p.WaitMessage("account-refused").Code == "c" }},
		"the answer leads away": {html(200, "", "HX-Redirect", "/view?away"),
			func(p *livetest.Page) { p.Submit("post", nil) },
			func(p *livetest.Page) bool { return p.URL() == "/view?away" && p.Has("out") }},
		"a redirect is followed": {redirect("/view"),
			func(p *livetest.Page) { p.Submit("plain", nil) },
			func(p *livetest.Page) bool { return p.URL() == "/view" && p.Has("out") }},
		"a plain form shows its answer": {html(200, `<p id="shown">x</p>`), func(p *livetest.Page) { p.Submit("plain", nil) },
			func(p *livetest.Page) bool { return p.Has("shown") && !p.Has("out") && p.URL() == "/http" }},
		"a form that asks has a query": {html(200, `<p id="shown">x</p>`),
			func(p *livetest.Page) { p.Submit("search", nil) },
			func(p *livetest.Page) bool { return p.URL() == "/http?q=milk" }},
		"a link is followed, and back": {html(200, `<p id="shown">x</p>`),
			func(p *livetest.Page) { p.Click("link"); p.Back() },
			func(p *livetest.Page) bool { return p.URL() == "/view" && p.Has("out") }},
		"an element may be replaced": {html(200, `<i id="new">x</i>`),
			func(p *livetest.Page) { p.Click("whole") },
			func(p *livetest.Page) bool { return !p.Has("out") && p.Has("new") }},
	} {
		versions(t, func(t *testing.T, version int) {
			s := newStage(inside)
			s.response = c.answer
			page := s.says(t, version)
			c.do(page)
			if !c.check(page) {
				t.Errorf("%s: the page is %s\n%s", name, page.URL(), page.HTML(""))
			}
			target := map[int]string{2: "out", 4: "p#out"}[version]
			if s.headers["Hx-Request"] != "" && s.headers["Hx-Target"] != target {
				t.Errorf("%s: HX-Target is %q", name, s.headers["Hx-Target"])
			}
			if s.form.Has("a") && s.headers["Hx-Request"] == "" && s.form.Get("a") != "x\r\ny" {
				t.Errorf("%s: the form has %q", name, s.form)
			}
		})
	}
}

func TestMistakesSayWhatToDo(t *testing.T) {
	const inside = everything + `<a id="away" href="https://other.test/">x</a>
<button id="two" data-ws-send>2</button><p id="p">p</p><p id="twin"></p><p id="twin"></p>`
	for want, do := range map[string]func(*livetest.Page){
		`no element has the id "nope"; there are away, bare,`: func(p *livetest.Page) { p.Text("nope") },
		`2 elements have the id "twin"`:                       func(p *livetest.Page) { p.Text("twin") },
		`#p is no field; Text reads`:                          func(p *livetest.Page) { p.Value("p") },
		`#p is a p, not a form`:                               func(p *livetest.Page) { p.Submit("p", nil) },
		`no field "nope"; it has hidden, text, off`:           func(p *livetest.Page) { p.Submit("form", livetest.Fields{"nope": "x"}) },
		`"off" is disabled`:                                   func(p *livetest.Page) { p.Submit("form", livetest.Fields{"off": "x"}) },
		`"side" has no choice "up"; it has ["l" "r"]`:         func(p *livetest.Page) { p.Submit("form", livetest.Fields{"side": "up"}) },
		`"size" has no choice "XL"`:                           func(p *livetest.Page) { p.Submit("form", livetest.Fields{"size": "XL"}) },
		`fewer fields "text" than the 2 values`:               func(p *livetest.Page) { p.Submit("form", livetest.Fields{"text": []string{"a", "b"}}) },
		`"text" is a int`:                                     func(p *livetest.Page) { p.Submit("form", livetest.Fields{"text": 1}) },
		`"text" is a text, not a box`:                         func(p *livetest.Page) { p.Submit("form", livetest.Fields{"text": true}) },
		`"file" takes a file`:                                 func(p *livetest.Page) { p.Submit("form", livetest.Fields{"file": "x"}) },
		`#gone is disabled`:                                   func(p *livetest.Page) { p.Click("gone") },
		`nothing happens when #dead is clicked`:               func(p *livetest.Page) { p.Click("dead") },
		`#lost is not inside a live view`:                     func(p *livetest.Page) { p.Click("lost") },
		`#away leads to another site`:                         func(p *livetest.Page) { p.Click("away") },
		`#two does not send with htmx 4: write`:               func(p *livetest.Page) { p.Click("two") },
		`nothing is sent when #size changes`:                  func(p *livetest.Page) { p.Change("size", "S") },
		`nothing to go back to`:                               func(p *livetest.Page) { p.Back() },
		`no live view "nope"; it has ["live"]`:                func(p *livetest.Page) { p.Closed("nope") },
		`#p has the text "p", want "q" in it`:                 func(p *livetest.Page) { p.WaitText("p", "q") },
		`no message "x" has come`:                             func(p *livetest.Page) { p.WaitMessage("x") },
		`page /view, htmx 4, 0 frames`:                        func(p *livetest.Page) { p.Wait(func() bool { return false }) },
	} {
		t.Run(want, func(t *testing.T) {
			s := newStage(inside)
			tt := &caught{TB: t}
			finished := false
			said := tt.during(func() {
				page := livetest.New(tt, s.app).Patience(100 * time.Millisecond).Open("/view")
				do(page)
				finished = true
			})
			if !strings.Contains(said, want) || finished {
				t.Errorf("the test hears %q, goes on %v", said, finished)
			}
		})
	}
}

func TestMistakesWithBrowsers(t *testing.T) {
	s := newStage("")
	b := livetest.New(t, s.app)
	for want, do := range map[string]func(tt *caught){
		"is served already; b.Another()":          func(tt *caught) { livetest.New(tt, s.app) },
		"HTMX(3): there are 2 and 4":              func(tt *caught) { livetest.New(tt, newStage("").app).HTMX(3) },
		"/nowhere answers 404; Get reads answers": func(tt *caught) { livetest.New(tt, newStage("").app).Open("/nowhere") },
	} {
		tt := &caught{TB: t}
		if said := tt.during(func() { do(tt) }); !strings.Contains(said, want) {
			t.Errorf("the test hears %q, want %q", said, want)
		}
	}
	if a := b.Get("/nowhere"); a.Status != 404 || a.URL != "/nowhere" {
		t.Errorf("Get: %+v", a)
	}
}
