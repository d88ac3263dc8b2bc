// Package htmxviews_test opens pages of package htmx in a real Chromium: with both versions of htmx, each with the settings
// of the package and with those that htmx has by itself.
package htmxviews_test

import (
	"fmt"
	"html/template"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/multiaccount-go/multiaccount/htmx"
	"github.com/multiaccount-go/multiaccount/integration_test/browsertest"
)

const patience = 8 * time.Second

// flavour is one kind of page: a version of htmx and whose settings it has.
type flavour struct {
	version htmx.Version
	own     bool // the settings of htmx itself
}

func (f flavour) String() string {
	if f.own {
		return fmt.Sprintf("htmx %v with its own settings", f.version)
	}
	return fmt.Sprintf("htmx %v", f.version)
}

var flavours = []flavour{{version: htmx.V2}, {version: htmx.V4}, {version: htmx.V2, own: true}, {version: htmx.V4, own: true}}

const (
	nonce  = "r4nd0m"
	policy = "default-src 'none'; connect-src 'self'; script-src 'nonce-" + nonce + "'"
)

// head is what the pages load. Those with the settings of this package have a strict policy too.
func (f flavour) head(c *fiber.Ctx) template.HTML {
	scripts := htmx.Scripts(f.version, htmx.Config{Prefix: "/scripts", Nonce: nonce})
	if f.own {
		_, scripts, _ := strings.Cut(string(scripts), "\n") // without the meta element, which is the first line
		return template.HTML(scripts)
	}
	c.Set(fiber.HeaderContentSecurityPolicy, policy)
	return scripts
}

// site is an app with one page, whose parts each make a kind of request.
type site struct {
	flavour
	url string

	mu      sync.Mutex
	targets []string // of the requests to /target
	drawn   int      // whole pages
}

func newSite(t *testing.T, f flavour) *site {
	t.Helper()
	s := &site{flavour: f}
	app := fiber.New(fiber.Config{DisableStartupMessage: true})
	app.Get("/scripts/*", htmx.Handler)
	app.Get("/favicon.ico", func(c *fiber.Ctx) error { return c.SendStatus(fiber.StatusNoContent) })
	app.Get("/", s.items)
	app.All("/error/:status", fail)
	app.All("/plain/:status", func(c *fiber.Ctx) error {
		status, _ := c.ParamsInt("status")
		c.Type("html")
		return c.Status(status).SendString(`<p>plain</p>`)
	})
	app.Get("/target", s.target)
	app.Post("/redirect", func(c *fiber.Ctx) error { return htmx.Redirect(c, "/?item=led") })
	app.Post("/refresh", htmx.Refresh)
	app.Get("/address/:what", address)
	app.Get("/events", events)

	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- app.Listener(listener) }()
	t.Cleanup(func() {
		if err := app.ShutdownWithTimeout(patience); err != nil {
			t.Error(err)
		}
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	s.url = "http://" + listener.Addr().String()
	return s
}

// items is one address for the whole page and for the part of it that shows an item.
func (s *site) items(c *fiber.Ctx) error {
	item := fmt.Sprintf(`<p id="item">%s</p>`, template.HTMLEscapeString(c.Query("item", "none")))
	return htmx.Fragment(c, func(c *fiber.Ctx) error {
		s.mu.Lock()
		s.drawn++
		s.mu.Unlock()
		return c.SendString(`<!doctype html><html lang="en"><head><title>Items</title>` + string(s.head(c)) + `</head><body>
<h1>Items</h1>
<a id="next" href="/?item=next" hx-get="/?item=next" hx-target="#items" hx-push-url="true">Next</a>
<a id="boosted" href="/?item=boosted" hx-boost="true">Boosted</a>
<div id="items">` + item + `</div>
<div id="problem"></div>
<div id="größe 列"></div>
<form id="plain" method="post" action="/redirect"><button>Go</button></form>
<button id="lead" hx-post="/redirect">Lead</button>
<button id="refresh" hx-post="/refresh">Refresh</button>
<div id="row"><button id="go">Go</button></div>
</body></html>`)
	}, func(c *fiber.Ctx) error { return c.SendString(item) })
}

func (s *site) pages() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.drawn
}

// fail answers with an error, in the place that the query names.
func fail(c *fiber.Ctx) error {
	status, err := c.ParamsInt("status")
	if err != nil {
		return err
	}
	if at := c.Query("at"); at != "" {
		htmx.Retarget(c, at)
	}
	return htmx.Error(c, status, template.HTML(fmt.Sprintf(`<p class="error">error %d</p>`, status)))
}

func (s *site) target(c *fiber.Ctx) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.targets = append(s.targets, htmx.TargetID(c))
	return c.SendString("found")
}

func (s *site) lastTarget() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.targets) == 0 {
		return "(no request)"
	}
	return s.targets[len(s.targets)-1]
}

func address(c *fiber.Ctx) (err error) {
	switch c.Params("what") {
	case "push":
		err = htmx.PushURL(c, "/?item=größe")
	case "replace":
		err = htmx.ReplaceURL(c, "/?item=replaced")
	case "keep":
		htmx.KeepURL(c)
	}
	if err != nil {
		return err
	}
	path, ok := htmx.CurrentURL(c)
	return c.SendString(fmt.Sprint("asked from ", path, " ", ok))
}

func events(c *fiber.Ctx) error {
	for _, e := range []struct {
		name   string
		detail any
	}{{"first", nil}, {"second", "größe 列 😀"}, {"third", fiber.Map{"list": []int{1, 2}}}, {"fourth", []int{3}}} {
		if err := htmx.Trigger(c, e.name, e.detail); err != nil {
			return err
		}
	}
	return c.SendString("seen")
}

// open opens the page and waits for htmx.
func (s *site) open(t *testing.T, chromium *browsertest.Browser) *browsertest.Tab {
	t.Helper()
	tab := chromium.NewTab(t)
	tab.Navigate(s.url + "/")
	tab.WaitFor(`window.htmx && document.readyState === 'complete'`, patience)
	return tab
}

// request gives the button attributes of its own and clicks it.
func request(tab *browsertest.Tab, attributes string) {
	browsertest.Evaluate[bool](tab, fmt.Sprintf(`(() => {
		const row = document.querySelector('#row');
		row.innerHTML = %q;
		htmx.process(row);
		row.firstChild.click();
		return true;
	})()`, "<button id=go "+attributes+">Go</button>"))
}
