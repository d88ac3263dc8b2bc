// Package swaps_test finds out in a real Chromium what the two versions of htmx do with HTML that comes over a websocket.
// Package live relies on it, and no manual says it.
package swaps_test

import (
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/gofiber/contrib/websocket"
	"github.com/gofiber/fiber/v2"

	"github.com/multiaccount-go/multiaccount/htmx"
	"github.com/multiaccount-go/multiaccount/integration_test/browsertest"
)

const patience = 8 * time.Second

var versions = []string{"2", "4"}

// scripts are the script elements of a page. Not deferred: htmx 4 may start before an extension that is deferred too.
func scripts(version string) string {
	files := map[string][]string{
		"2": {"htmx-2.0.11.min.js", "htmx-ext-ws-2.0.4.min.js"},
		"4": {"htmx-4.0.1.min.js", "hx-ws-4.0.1.min.js"},
	}[version]
	var b strings.Builder
	for _, file := range files {
		fmt.Fprintf(&b, `<script src="/htmx/%s"></script>`, file)
	}
	return b.String()
}

// start serves app on a port of this machine and returns its address.
func start(t *testing.T, app *fiber.App) string {
	t.Helper()
	app.Get("/htmx/*", htmx.Handler)
	app.Get("/favicon.ico", func(c *fiber.Ctx) error { return c.SendStatus(fiber.StatusNoContent) })
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- app.Listener(listener) }()
	t.Cleanup(func() {
		if err := app.ShutdownWithTimeout(time.Second); err != nil {
			t.Logf("shutdown: %v", err)
		}
		<-served
	})
	return "http://" + listener.Addr().String()
}

// counting is the script of a page that counts the messages that htmx has dealt with.
const counting = `<script>
window.done = 0;
for (const name of ['htmx:wsAfterMessage', 'htmx:ws:after:message:incoming']) document.addEventListener(name, () => window.done++);
for (const name of ['htmx:wsOpen', 'htmx:ws:after:connection']) document.addEventListener(name, () => window.opened = true);
</script>`

// wire is a page whose socket takes frames as they are.
type wire struct {
	*browsertest.Tab
	frames chan string
	sent   int
}

// openWire opens a page whose socket is up. What is in the element that opens it comes by frames.
func openWire(t *testing.T, chromium *browsertest.Browser, version string) *wire {
	t.Helper()
	w := &wire{Tab: chromium.NewTab(t), frames: make(chan string)}
	app := fiber.New(fiber.Config{DisableStartupMessage: true})
	app.Get("/", func(c *fiber.Ctx) error {
		c.Type("html", "utf-8")
		return c.SendString(`<!doctype html><html lang="en"><head><title>wire</title>` + scripts(version) + counting + `</head><body>
<div id="live" hx-ext="ws" data-ws-connect="/ws" hx-ws:connect="/ws"></div></body></html>`)
	})
	app.Get("/ws", websocket.New(func(c *websocket.Conn) {
		for frame := range w.frames {
			if c.WriteMessage(websocket.TextMessage, []byte(frame)) != nil {
				return
			}
		}
	}))
	url := start(t, app)
	t.Cleanup(func() { close(w.frames) }) // before the app shuts down
	w.Navigate(url)
	w.WaitFor("window.opened", patience)
	return w
}

// show puts new elements into the element.
func (w *wire) show(t *testing.T, inside string) {
	t.Helper()
	w.push(t, `<div id="live" hx-swap-oob="innerHTML">`+inside+`</div>`)
	if got := w.inside(); got != inside {
		t.Fatalf("the page shows %s, want %s", got, inside)
	}
}

// push sends a frame and waits until htmx has dealt with it.
func (w *wire) push(t *testing.T, frame string) {
	t.Helper()
	select {
	case w.frames <- frame:
	case <-time.After(patience):
		t.Fatal("the socket takes no frame")
	}
	w.sent++
	w.WaitFor(fmt.Sprintf("window.done === %d", w.sent), patience)
	w.WaitFor(`!document.querySelector('.htmx-added, .htmx-settling, .htmx-swapping')`, patience)
}

// inside returns what the element holds, without what htmx leaves on elements.
func (w *wire) inside() string {
	return browsertest.Evaluate[string](w.Tab, `(() => {
  const copy = document.querySelector('#live').cloneNode(true);
  for (const e of copy.querySelectorAll('*')) {
    e.removeAttribute('data-htmx-powered');
    if (!e.classList.length) e.removeAttribute('class');
  }
  return copy.innerHTML;
})()`)
}
