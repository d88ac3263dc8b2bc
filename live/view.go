package live

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"html/template"
	"io"
	"net/url"
	"slices"

	"github.com/gofiber/contrib/websocket"
	"github.com/gofiber/fiber/v2"

	"github.com/multiaccount-go/multiaccount/internal/origin"
)

// View is one page that lives on the server. A new one is made for every page that is drawn and for every socket, and one
// goroutine at a time calls its methods: it needs no locks. Each gets a context that ends with the request or the socket.
// An error or a panic ends this view only: it goes to the log, the person reads [Texts].Failed, and the browser comes back
// to a new view. A [*Refusal] says itself what the browser is told.
//
// The order is Mount, Params, Render; then Event, Info and Params as they come; at the end Unmount. Params and Unmount are
// optional: [WithParams], [WithUnmount].
type View interface {
	// Mount prepares the view, first for the page and then again for its socket; [Socket.Connected] tells which.
	// Subscribe here, then load: what is published in between comes as Info. A [*Halt] leads the person elsewhere.
	Mount(ctx context.Context, s *Socket) error
	// Event handles what the browser sent, after all guards have let it pass. [Decode] reads its fields.
	Event(ctx context.Context, s *Socket, e Event) error
	// Info handles a message of a topic that the view has subscribed to.
	Info(ctx context.Context, s *Socket, m Message) error
	// Render writes the view's HTML. It is put into the page, and drawn again after [Socket.Redraw]; then only the
	// elements with an id that differ are sent. So give an id to what changes by itself, and to each row of a list.
	Render(ctx context.Context, s *Socket, w io.Writer) error
}

// WithParams is a view whose address has a query that says what it shows.
type WithParams interface {
	// Params takes over the query: after each Mount, and when a link inside the view leads to another query of the same
	// path. Then the view is drawn again and the browser shows the new address; the back button calls Params again.
	// Everything in params is untrusted.
	Params(ctx context.Context, s *Socket, params url.Values) error
}

// WithUnmount is a view that has something to put away.
type WithUnmount interface {
	// Unmount is the last call to the view of a socket, when nothing can be sent any more. ctx ends after five seconds.
	// The view of a page, which never had a socket, is not unmounted: hold nothing unless [Socket.Connected].
	Unmount(ctx context.Context, s *Socket)
}

// Config configures [New].
type Config struct {
	Hub       *Hub   // Default: the hub that a hook brings along
	OnConnect []Hook // run in this order before Mount. Names are unique
	// Page sends the whole page around body: the element that holds the view and opens its socket. The page loads htmx with
	// its websocket extension and browser/live.js; package htmx has all three. Required.
	Page  func(c *fiber.Ctx, s *Socket, body template.HTML) error
	ID    string // of the element that the view is drawn into. Default: "live"
	Texts Texts  // Default: English
}

// isID reports whether an id needs no escaping, neither in HTML nor in a selector.
func isID(s string) bool {
	for i := range len(s) {
		if c := s[i]; !letter(c) && (i == 0 || c != '-' && c != '_' && (c < '0' || c > '9')) {
			return false
		}
	}
	return s != ""
}

func (cfg Config) validate(newView func() View) error {
	var errs []error
	check := func(ok bool, text string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf(text, args...))
		}
	}
	check(newView != nil, "newView is missing")
	check(cfg.Hub != nil, "Hub is missing: name one, or attach a hook that brings its own, such as hooks.LoadAccounts(accounts)")
	check(cfg.Page != nil, "Page is missing")
	check(isID(cfg.ID), "ID is %q: use letters, digits, - and _", cfg.ID)
	seen := make(map[string]bool)
	for i, hook := range cfg.OnConnect {
		check(hook.Name != "", "hook %d has no name", i+1)
		check(hook.Connect != nil, "hook %q has no Connect", hook.Name)
		check(!seen[hook.Name], "hook %q is attached twice", hook.Name)
		check(hook.Hub == nil || hook.Hub == cfg.Hub, "hook %q belongs to another hub: what it follows would not be heard", hook.Name)
		seen[hook.Name] = true
	}
	return errors.Join(errs...)
}

// New returns a handler for one path: GET draws the page, and the websocket that the page opens to the same address keeps it
// alive. Where websockets are blocked the browser gets an event stream by GET and sends its events by POST, with the same
// hooks and callbacks: route POST to the handler as well. It answers a POST that belongs to no stream with 405: an app takes
// its forms in elsewhere, or hands over here only what [IsConnect] is true for.
// New panics with all mistakes of the configuration at once. The handler returns errors for the app's error handler: what a
// hook or the page's Mount returned, or a [*fiber.Error].
func New(newView func() View, cfg Config) fiber.Handler {
	if cfg.ID == "" {
		cfg.ID = "live"
	}
	for _, hook := range cfg.OnConnect {
		cfg.Hub = cmp.Or(cfg.Hub, hook.Hub)
	}
	if err := cfg.validate(newView); err != nil {
		panic(fmt.Sprintf("live: New: %v", err))
	}
	cfg.OnConnect = slices.Clone(cfg.OnConnect)
	cfg.Texts = cfg.Texts.withDefaults()
	p := &page{newView: newView, Config: cfg}
	return func(c *fiber.Ctx) error {
		// The page holds what one person may see, and the answer depends on whether a socket is asked for.
		c.Set(fiber.HeaderCacheControl, "no-store")
		c.Vary(fiber.HeaderCookie, fiber.HeaderUpgrade, streamAsked, "HX-Request", "HX-Target", "HX-History-Restore-Request")
		switch {
		case websocket.IsWebSocketUpgrade(c), wantsStream(c):
			return p.upgrade(c)
		case sendsEvent(c):
			return p.receive(c)
		case c.Method() == fiber.MethodGet, c.Method() == fiber.MethodHead:
			return p.draw(c)
		}
		c.Set(fiber.HeaderAllow, "GET, HEAD")
		return fiber.ErrMethodNotAllowed
	}
}

// page is what New makes of its arguments.
type page struct {
	newView func() View
	Config
}

// draw answers with the whole page, or with the view alone when a link inside the view was followed without a socket.
func (p *page) draw(c *fiber.Ctx) error {
	s := newSocket(p)
	err := s.locate(c)
	if err == nil {
		err = s.connect(c)
	}
	if err != nil {
		return answer(c, err, false)
	}
	var body template.HTML
	err = protect(func() error {
		if err := s.begin(c.UserContext()); err != nil {
			return err
		}
		html, err := s.render(c.UserContext())
		if err != nil {
			return err
		}
		o, err := newOutline(html)
		if err != nil {
			p.Hub.log.Warn("live: a view cannot be compared and is always sent as a whole", "path", s.path, "err", err)
		}
		body = s.element(html, o.sum())
		return nil
	})
	if err != nil {
		return answer(c, p.hide(err), false)
	}
	if p.wants(c) {
		c.Set("HX-Push-Url", s.URL())
		c.Set(fiber.HeaderContentType, fiber.MIMETextHTMLCharsetUTF8)
		return c.SendString(string(body))
	}
	return p.Page(c, s, body)
}

// upgrade answers with a socket.
func (p *page) upgrade(c *fiber.Ctx) error {
	err := p.Hub.handshake(c)
	if err != nil {
		return answer(c, err, true)
	}
	s := newSocket(p)
	if err = s.locate(c); err == nil {
		err = s.connect(c)
	}
	if err != nil {
		return answer(c, err, true)
	}
	return answer(c, s.upgrade(c), true)
}

// hide keeps a panic out of the answer.
func (p *page) hide(err error) error {
	if errors.Is(err, errPanic) {
		p.Hub.log.Error("live: page", "err", err)
		return fiber.ErrInternalServerError
	}
	return err
}

// answer makes of an error what Fiber's error handlers understand, or redirects.
func answer(c *fiber.Ctx, err error, socket bool) error {
	var halt *Halt
	switch {
	case errors.Is(err, ErrNotUpgrade):
		return fiber.ErrUpgradeRequired
	case errors.Is(err, origin.ErrForeign):
		return fiber.ErrForbidden
	case errors.Is(err, ErrTooManySockets):
		c.Set(fiber.HeaderRetryAfter, "5")
		return fiber.ErrTooManyRequests
	case errors.Is(err, ErrClosed), errors.Is(err, ErrFull):
		c.Set(fiber.HeaderRetryAfter, "1")
		return fiber.ErrServiceUnavailable
	case errors.As(err, &halt):
		return halt.answer(c, socket)
	}
	return err
}
