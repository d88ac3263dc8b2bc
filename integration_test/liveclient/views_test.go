package liveclient_test

import (
	"context"
	"fmt"
	"html/template"
	"io"
	"net"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/multiaccount-go/multiaccount/browser"
	"github.com/multiaccount-go/multiaccount/integration_test/browsertest"
	"github.com/multiaccount-go/multiaccount/internal/origin"
	"github.com/multiaccount-go/multiaccount/live"
)

// counter is a real view: its address holds q, and each event counts.
type counter struct {
	q string
	n int
}

func (v *counter) Mount(context.Context, *live.Socket) error { return nil }

func (v *counter) Params(_ context.Context, _ *live.Socket, params url.Values) error {
	v.q = params.Get("q")
	return nil
}

func (v *counter) Event(_ context.Context, s *live.Socket, _ live.Event) error {
	v.n++
	s.Redraw()
	return nil
}

func (v *counter) Info(context.Context, *live.Socket, live.Message) error { return nil }

func (v *counter) Render(_ context.Context, _ *live.Socket, w io.Writer) error {
	_, err := fmt.Fprintf(w, `<p id="q">%s</p><p id="n">%d</p>
<form id="say" data-live-reset %s><input id="text" name="text"><button>Say</button></form>
<a id="x" href="/live?q=x" hx-get="/live?q=x" hx-target="#live" hx-swap="outerHTML" hx-push-url="true">x</a>`,
		template.HTMLEscapeString(v.q), v.n, live.Send)
	return err
}

// newView serves a counter, without websockets when they are blocked, and returns the URL of its page.
func newView(t *testing.T, scripts string, blocked bool) string {
	t.Helper()
	app := fiber.New(fiber.Config{DisableStartupMessage: true})
	app.Static("/vendor", "../../htmx/vendor")
	app.Get("/live.js", func(c *fiber.Ctx) error { return c.Type("js").Send(browser.Live) })
	app.Get("/favicon.ico", func(c *fiber.Ctx) error { return c.SendStatus(fiber.StatusNoContent) })
	view := live.New(func() live.View { return &counter{} }, live.Config{
		Hub: live.NewHub(live.HubConfig{Origins: origin.Policy{Insecure: true}}),
		Page: func(c *fiber.Ctx, _ *live.Socket, body template.HTML) error {
			return c.Type("html").SendString(`<!doctype html><title>view</title>` + scripts + `<script src="/live.js"></script><body>` + string(body))
		},
	})
	app.Get("/live", func(c *fiber.Ctx) error {
		if blocked && c.Get(fiber.HeaderUpgrade) != "" {
			return fiber.ErrForbidden
		}
		return view(c)
	})
	app.Post("/live", view)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var serving sync.WaitGroup
	serving.Go(func() { _ = app.Listener(listener) })
	t.Cleanup(func() {
		_ = app.ShutdownWithTimeout(time.Second)
		serving.Wait()
	})
	return "http://" + listener.Addr().String() + "/live"
}

func TestViewsOfLive(t *testing.T) {
	chromium := browsertest.Start(t)

	for name, blocked := range map[string]bool{"over a websocket": false, "over a stream": true} {
		both(t, "a view takes events, follows links and keeps what is typed, "+name, func(t *testing.T, page string) {
			scripts := `<script src="/vendor/htmx-2.0.11.min.js"></script><script src="/vendor/htmx-ext-ws-2.0.4.min.js"></script>`
			if page == "htmx=4" {
				scripts = `<script src="/vendor/htmx-4.0.1.min.js"></script><script src="/vendor/hx-ws-4.0.1.min.js"></script>`
			}
			tab := newTab(t, chromium)
			tab.Navigate(newView(t, scripts, blocked))
			tab.WaitFor(isOpen, patience)
			tab.Type("#text", "one\r")
			tab.WaitFor(`document.querySelector('#n').textContent === '1' && document.querySelector('#text').value === ''`, patience)
			tab.Type("#text", "more")
			tab.Click("#x")
			tab.WaitFor(`document.querySelector('#q').textContent === 'x' && location.search === '?q=x'`, patience)
			want(t, tab, `document.querySelector('#text').value + document.querySelector('#n').textContent`, "more1")
			tab.Back()
			tab.WaitFor(`document.querySelector('#q').textContent === '' && location.search === ''`, patience)
			want(t, tab, `document.querySelector('#text').value + document.querySelector('#n').textContent`, "more1")
			if problems := tab.Problems(); !blocked && len(problems) > 0 { // a blocked socket is one
				t.Errorf("console has problems:\n%s", strings.Join(problems, "\n"))
			}
		})
	}
}
