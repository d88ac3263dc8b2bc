package htmxviews_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/multiaccount-go/multiaccount/htmx"
	"github.com/multiaccount-go/multiaccount/integration_test/browsertest"
)

func TestPages(t *testing.T) {
	chromium := browsertest.Start(t)
	t.Run("parts and errors", func(t *testing.T) { testParts(t, chromium) })
	t.Run("errors by themselves leave the page alone", func(t *testing.T) { testPlainErrors(t, chromium) })
	t.Run("a strict policy", func(t *testing.T) { testStrictPolicy(t, chromium) })
}

func testParts(t *testing.T, chromium *browsertest.Browser) {
	for _, f := range flavours {
		t.Run(f.String(), func(t *testing.T) {
			s := newSite(t, f)
			tab := s.open(t, chromium)

			t.Run("an error is shown inside of the target, whatever the swap", func(t *testing.T) {
				show := func(status int, how string) {
					fill(tab, "#problem", "<b>before</b>")
					request(tab, fmt.Sprintf("hx-get=/error/%d hx-target=#problem %s", status, how))
					wantInside(t, tab, "#problem", fmt.Sprintf(`<p class="error">error %d</p>`, status))
				}
				for _, status := range []int{404, 422, 429, 500} {
					show(status, "")
				}
				for _, how := range []string{"hx-swap=outerHTML", "hx-swap=delete", "hx-swap=none", "hx-swap=beforeend", "hx-push-url=true"} {
					show(409, how)
				}
				wantAddress(t, tab, "/")
			})

			t.Run("an error is shown where the handler wants it", func(t *testing.T) {
				fill(tab, "#problem", "")
				request(tab, `hx-delete='/error/409?at=%23problem' hx-target=#items hx-swap=delete`)
				wantInside(t, tab, "#problem", `<p class="error">error 409</p>`)
				wantInside(t, tab, "#items", `<p id="item">none</p>`)
				request(tab, `hx-get='/error/500?at=%23gr%C3%B6%C3%9Fe%5C+%E5%88%97'`)
				wantInside(t, tab, `[id^=gr]`, `<p class="error">error 500</p>`)
			})

			if f.version == htmx.V2 { // htmx 4 asks for a whole page then
				t.Run("an error is shown where hx-select picks something else", func(t *testing.T) {
					fill(tab, "#problem", "")
					request(tab, `hx-get=/error/404 hx-target=#problem hx-select=#item`)
					wantInside(t, tab, "#problem", `<p class="error">error 404</p>`)
				})
			}

			t.Run("the target is known by its id", func(t *testing.T) {
				request(tab, `hx-get=/target hx-target=#problem`)
				wantInside(t, tab, "#problem", "found")
				if got := s.lastTarget(); got != "problem" {
					t.Errorf("target %q, want problem", got)
				}
				request(tab, `hx-get=/target hx-target='[id^=gr]'`)
				wantInside(t, tab, "[id^=gr]", "found")
				if got := s.lastTarget(); got != "größe 列" {
					t.Errorf("target %q, want größe 列", got)
				}
				request(tab, `hx-get=/target hx-target=h1`)
				wantInside(t, tab, "h1", "found")
				if got := s.lastTarget(); got != "" {
					t.Errorf("target %q, want none", got)
				}
			})

			t.Run("events arrive in order, with the same details", func(t *testing.T) {
				browsertest.Evaluate[bool](tab, `(window.seen = [], ['first', 'second', 'third', 'fourth'].forEach((name) =>
					document.addEventListener(name, ({ target, detail: { elt, ...detail } }) => seen.push([name, target.id, detail]))), true)`)
				request(tab, `hx-get=/events hx-target=#problem`)
				tab.WaitFor(`seen.length === 4`, patience)
				const want = `[["first","go",{}],["second","go",{"value":"größe 列 😀"}],["third","go",{"list":[1,2]}],["fourth","go",{"value":[3]}]]`
				if got := browsertest.Evaluate[string](tab, `JSON.stringify(seen)`); got != want {
					t.Errorf("events %s, want %s", got, want)
				}
			})

			t.Run("the address is kept, replaced, pushed", func(t *testing.T) {
				entries := browsertest.Evaluate[int](tab, `history.length`)
				request(tab, `hx-get=/address/keep hx-target=#problem hx-push-url=true`)
				wantInside(t, tab, "#problem", "asked from / true")
				wantAddress(t, tab, "/")
				request(tab, `hx-get=/address/replace hx-target=#problem hx-push-url=true`)
				tab.WaitFor(`location.search === '?item=replaced'`, patience)
				if got := browsertest.Evaluate[int](tab, `history.length`); got != entries {
					t.Errorf("%d entries in the history, want %d", got, entries)
				}
				request(tab, `hx-get=/address/push hx-target=#problem`)
				tab.WaitFor(`decodeURI(location.search) === '?item=größe'`, patience)
				wantInside(t, tab, "#problem", "asked from /?item=replaced true")
				if got := browsertest.Evaluate[int](tab, `history.length`); got != entries+1 {
					t.Errorf("%d entries in the history, want %d", got, entries+1)
				}
			})

			t.Run("one address: a part for a link, the whole page for the way back", func(t *testing.T) {
				tab.Navigate(s.url + "/?item=start")
				before := s.pages()
				tab.Click("#next")
				wantInside(t, tab, "#items", `<p id="item">next</p>`)
				wantAddress(t, tab, "/?item=next")
				if got := s.pages(); got != before {
					t.Errorf("%d whole pages for a link, want none", got-before)
				}
				fill(tab, "h1", "left")
				tab.Back()
				wantInside(t, tab, "#items", `<p id="item">start</p>`)
				wantInside(t, tab, "h1", "Items")
				tab.Click("#boosted")
				wantInside(t, tab, "#items", `<p id="item">boosted</p>`)
				wantInside(t, tab, "h1", "Items")
			})

			t.Run("a redirect leads a form and htmx to another page", func(t *testing.T) {
				for _, how := range []string{"#plain button", "#lead"} {
					tab.Navigate(s.url + "/")
					tab.Click(how)
					tab.WaitFor(`location.search === '?item=led' && document.readyState === 'complete'`, patience)
					wantInside(t, tab, "#items", `<p id="item">led</p>`)
				}
			})

			t.Run("a refresh draws the page anew", func(t *testing.T) {
				before := s.pages()
				fill(tab, "h1", "old")
				tab.Click("#refresh")
				wantInside(t, tab, "h1", "Items")
				if got := s.pages(); got != before+1 {
					t.Errorf("%d whole pages, want one", got-before)
				}
				wantAddress(t, tab, "/?item=led")
			})
		})
	}
}

// With the settings of this package, both versions show a form that is not right and no other error.
func testPlainErrors(t *testing.T, chromium *browsertest.Browser) {
	for _, f := range flavours[:2] {
		t.Run(f.String(), func(t *testing.T) {
			tab := newSite(t, f).open(t, chromium)
			browsertest.Evaluate[bool](tab, `(window.answers = 0, ['htmx:afterRequest', 'htmx:finally:request'].forEach((name) =>
				document.addEventListener(name, () => answers++)), true)`)
			for i, status := range []int{200, 204, 400, 404, 409, 420, 422, 429, 499, 500, 503} {
				fill(tab, "#problem", "before")
				request(tab, fmt.Sprintf("hx-get=/plain/%d hx-target=#problem", status))
				tab.WaitFor(fmt.Sprintf(`answers === %d`, i+1), patience)
				want := "before"
				if status == 200 || status == 422 {
					want = "<p>plain</p>"
				}
				wantInside(t, tab, "#problem", want)
			}
		})
	}
}

// The policy allows scripts with the nonce and nothing else: no eval, no style, no script that a fragment brings.
func testStrictPolicy(t *testing.T, chromium *browsertest.Browser) {
	for _, f := range flavours[:2] {
		t.Run(f.String(), func(t *testing.T) {
			tab := newSite(t, f).open(t, chromium)
			request(tab, `hx-get=/target hx-target=#problem`)
			wantInside(t, tab, "#problem", "found")
			if got := browsertest.Evaluate[string](tab, `htmx.version`); !strings.HasPrefix(got, f.version.String()+".") {
				t.Errorf("htmx %s, want %v", got, f.version)
			}
			if problems := tab.Problems(); len(problems) > 0 {
				t.Errorf("the console says %q", problems)
			}
		})
	}
}

func fill(tab *browsertest.Tab, selector, html string) {
	browsertest.Evaluate[bool](tab, fmt.Sprintf(`(document.querySelector(%q).innerHTML = %q, true)`, selector, html))
}

func wantInside(t *testing.T, tab *browsertest.Tab, selector, want string) {
	t.Helper()
	tab.WaitFor(fmt.Sprintf(`document.querySelector(%q)?.innerHTML === %q`, selector, want), patience)
}

func wantAddress(t *testing.T, tab *browsertest.Tab, want string) {
	t.Helper()
	if got := browsertest.Evaluate[string](tab, `location.pathname + location.search`); got != want {
		t.Errorf("the address is %s, want %s", got, want)
	}
}
