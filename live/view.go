package live

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"html/template"
	"io"
	"regexp"
	"slices"

	"github.com/gofiber/contrib/websocket"
	"github.com/gofiber/fiber/v2"

	"github.com/multiaccount-go/multiaccount/internal/origin"
)

// View is one page that lives on the server. A new one is made for every page that is drawn and for every socket, and one
// goroutine at a time calls its methods: it needs no locks. An error or a panic ends this view only. A [*Refusal] says what
// the browser is told; any other error goes to the log and closes the socket with 1011.
type View interface {
	// Mount prepares the view, first for the page and then again for its socket; [Socket.Connected] tells which.
	// Subscribe here, then load: what is published in between comes as Info.
	Mount(ctx context.Context, s *Socket) error
	// Event handles what the browser sent, after all guards have let it pass.
	Event(ctx context.Context, s *Socket, e Event) error
	// Info handles a message of a topic that the view has subscribed to.
	Info(ctx context.Context, s *Socket, m Message) error
	// Render writes the view's HTML. It is put into the page, and sent as a whole when a socket opens and after Redraw.
	// Inputs that a person types into belong outside, or a redraw empties them.
	Render(ctx context.Context, s *Socket, w io.Writer) error
}

// Config configures [New].
type Config struct {
	Hub       *Hub   // Default: the hub that a hook brings along
	OnConnect []Hook // run in this order before Mount. Names are unique
	// Page sends the whole page around body. There, an element around body opens the socket: ws-connect with the page's own
	// URL, and hx-ext="ws" for htmx 2. Required.
	Page func(c *fiber.Ctx, s *Socket, body template.HTML) error
	ID   string // of the element that the view is drawn into. Default: "live"
}

var plainID = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_-]*$`)

func (cfg Config) validate(newView func() View) error {
	var errs []error
	check := func(ok bool, text string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf(text, args...))
		}
	}
	check(newView != nil, "newView is missing")
	check(cfg.Hub != nil, "Hub is missing: name one, or attach a hook that brings its own")
	check(cfg.Page != nil, "Page is missing")
	check(plainID.MatchString(cfg.ID), "ID is %q: use letters, digits, - and _", cfg.ID)
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

// New returns a handler for one URL: GET draws the page, and the websocket that the page opens to the same URL keeps it
// alive. It panics with all mistakes of the configuration at once. The handler returns errors for the app's error handler: what
// a hook or the page's Mount returned, or a [*fiber.Error].
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
	p := &page{newView: newView, Config: cfg}
	return func(c *fiber.Ctx) error {
		// The page holds what one person may see, and the answer depends on whether a socket is asked for.
		c.Set(fiber.HeaderCacheControl, "no-store")
		c.Vary(fiber.HeaderCookie, fiber.HeaderUpgrade)
		if websocket.IsWebSocketUpgrade(c) {
			return p.upgrade(c)
		}
		return p.draw(c)
	}
}

// page is what New makes of its arguments.
type page struct {
	newView func() View
	Config
}

// draw answers with the whole page.
func (p *page) draw(c *fiber.Ctx) error {
	s := newSocket(p)
	if err := s.connect(c); err != nil {
		return answer(c, err, false)
	}
	var body string
	err := protect(func() (err error) {
		if err = s.view.Mount(c.UserContext(), s); err != nil {
			return err
		}
		body, err = s.render(c.UserContext(), "")
		return err
	})
	if err != nil {
		return answer(c, p.hide(err), false)
	}
	return p.Page(c, s, template.HTML(body))
}

// upgrade answers with a socket.
func (p *page) upgrade(c *fiber.Ctx) error {
	err := p.Hub.handshake(c)
	if err != nil {
		return answer(c, err, true)
	}
	s := newSocket(p)
	if err := s.connect(c); err != nil {
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
	case errors.Is(err, ErrClosed):
		c.Set(fiber.HeaderRetryAfter, "1")
		return fiber.ErrServiceUnavailable
	case errors.As(err, &halt):
		return halt.answer(c, socket)
	}
	return err
}
