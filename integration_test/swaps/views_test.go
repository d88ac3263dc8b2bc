package swaps_test

import (
	"context"
	"encoding/json"
	"fmt"
	"html/template"
	"io"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"github.com/gofiber/fiber/v2"

	"github.com/multiaccount-go/multiaccount/integration_test/browsertest"
	"github.com/multiaccount-go/multiaccount/internal/origin"
	"github.com/multiaccount-go/multiaccount/live"
)

// easel is what all views draw.
type easel struct {
	mu   sync.Mutex
	html string
}

func (e *easel) get() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.html
}

func (e *easel) set(html string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.html = html
}

type painting struct{ *easel }

func (p painting) Mount(_ context.Context, s *live.Socket) error {
	s.Subscribe("easel")
	return nil
}

func (p painting) Event(context.Context, *live.Socket, live.Event) error { return nil }

func (p painting) Info(_ context.Context, s *live.Socket, _ live.Message) error {
	s.Redraw()
	return nil
}

func (p painting) Render(_ context.Context, _ *live.Socket, w io.Writer) error {
	_, err := io.WriteString(w, p.get())
	return err
}

// some returns most numbers below n, now and then in another order.
func some(r *rand.Rand, n int) (list []int) {
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

// scene draws what views are made of, much of it as before.
func scene(r *rand.Rand) string {
	var b strings.Builder
	fmt.Fprintf(&b, "<p id=\"count\">%d rows</p>\n<nav id=\"nav\">", r.IntN(3))
	for _, n := range some(r, 4) {
		fmt.Fprintf(&b, ` <a id="nav-%d">to %d</a> `, n, n)
	}
	fmt.Fprintf(&b, "</nav>\n<form id=\"form\"><input name=\"n\" value=\"%d\"><select id=\"choice\">", r.IntN(2))
	for _, n := range some(r, 3) {
		fmt.Fprintf(&b, `<option id="choice-%d">%d</option>`, n, n)
	}
	b.WriteString("</select></form>\n<ul id=\"list\">\n")
	for _, n := range some(r, 6) {
		fmt.Fprintf(&b, "<li id=\"item-%d\">item of some length %d <b id=\"state-%d\">%d</b></li>\n", n, n, n, r.IntN(3))
	}
	b.WriteString("</ul>\n<table id=\"table\">\n")
	for _, body := range some(r, 3) {
		fmt.Fprintf(&b, "<tbody id=\"body-%d\">\n", body)
		for _, row := range some(r, 5) {
			fmt.Fprintf(&b, "<tr id=\"row-%d-%d\">\n", body, row)
			for _, cell := range some(r, 3) {
				fmt.Fprintf(&b, `<td id="cell-%d-%d-%d">a cell that is seldom another one: %v</td>`, body, row, cell, r.IntN(6) == 0)
			}
			b.WriteString("</tr>\n")
		}
		b.WriteString("</tbody>\n")
	}
	b.WriteString("</table>")
	return b.String()
}

// canon is JavaScript: the HTML of an element as a person sees it, whatever htmx leaves on elements.
const canon = `(element) => {
  const copy = element.cloneNode(true);
  for (const e of copy.querySelectorAll('*')) {
    e.removeAttribute('data-htmx-powered');
    if (!e.classList.length) e.removeAttribute('class');
  }
  return copy.innerHTML.replace(/\s+/g, ' ').replace(/(<(?:nav|ul|table|tbody|tr)[^>]*>) | (<\/(?:nav|ul|table|tbody|tr)>)/g, '$1$2').trim();
}`

// Whatever a view draws: after what is sent the page is as if it had been loaded anew.
func TestViewsAreAsIfLoadedAnew(t *testing.T) {
	chromium := browsertest.Start(t)
	for _, version := range versions {
		t.Run("htmx "+version, func(t *testing.T) {
			r := rand.New(rand.NewPCG(1, 1))
			e := &easel{html: scene(r)}
			hub := live.NewHub(live.HubConfig{Origins: origin.Policy{Insecure: true}})
			app := fiber.New(fiber.Config{DisableStartupMessage: true})
			app.Get("/", live.New(func() live.View { return painting{e} }, live.Config{
				Hub: hub,
				Page: func(c *fiber.Ctx, _ *live.Socket, body template.HTML) error {
					c.Type("html", "utf-8")
					return c.SendString(`<!doctype html><html lang="en"><head><title>view</title>` + scripts(version) + counting +
						`</head><body>` + string(body) + `</body></html>`)
				},
			}))
			url := start(t, app)
			t.Cleanup(func() { _ = hub.Close(context.Background()) })
			tab := chromium.NewTab(t)
			tab.Navigate(url)
			tab.WaitFor("window.done > 0", patience) // the first message draws the view
			browsertest.Evaluate[bool](tab, `(window.first = document.querySelector('#table'), window.kept = 0, true)`)
			for range 60 {
				was, is := e.get(), scene(r)
				e.set(is)
				if err := hub.Publish(context.Background(), "easel", nil); err != nil {
					t.Fatal(err)
				}
				text, _ := json.Marshal(is)
				if !browsertest.Evaluate[bool](tab, fmt.Sprintf(`(async () => {
  const canon = %s, fresh = document.createElement('div');
  fresh.innerHTML = %s;
  const want = canon(fresh);
  for (let i = 0; i < 150; i++) {
    window.got = canon(document.querySelector('#live'));
    if (window.got === want && !document.querySelector('.htmx-added,.htmx-settling,.htmx-swapping')) {
      window.kept += window.first.isConnected;
      return true;
    }
    await new Promise((done) => setTimeout(done, 20));
  }
  window.want = want;
  return false;
})()`, canon, text)) {
					t.Fatalf("was  %s\n\ngot  %s\n\nwant %s", was, browsertest.Evaluate[string](tab, "window.got"),
						browsertest.Evaluate[string](tab, "window.want"))
				}
			}
			if kept := browsertest.Evaluate[int](tab, "window.kept"); kept == 0 {
				t.Error("the table was replaced each time: this test tests little")
			}
			if problems := tab.Problems(); len(problems) > 0 {
				t.Errorf("console: %q", problems)
			}
		})
	}
}
