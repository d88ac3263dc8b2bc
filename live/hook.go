package live

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"time"

	"github.com/gofiber/fiber/v2"
)

// hookWait bounds what the hooks of one request may wait for, through their user context.
const hookWait = 5 * time.Second

// Hook runs before a view is mounted.
type Hook struct {
	Name string // for messages; a view has each name once
	// Connect runs on the goroutine of the request, for the page and again for the handshake of its socket, so that a
	// refusal is an HTTP status and not a socket that closes. It may assign values, follow a subject and set guards. Where
	// websockets are blocked it runs for each event as well, which then comes by POST: to see who sends it; values and guards
	// are those of the handshake. An error ends the request: a [*Halt] with a status or a redirect, any other goes to the
	// app's error handler, unless it says no status and the request is no page: that is 503 with Retry-After. Its
	// c.UserContext() ends after five seconds. What it keeps of c's strings it has to copy.
	Connect func(c *fiber.Ctx, s *Socket) error
	// Hub is where the subjects that the hook follows are announced. Default: the hook follows nothing, or any hub will do
	Hub *Hub
}

// Halt is the error of a hook that does not let a request through.
type Halt struct {
	Status   int    // Default: 303 with a Redirect, else 403
	Redirect string // where the person goes instead; a handshake gets a status only
}

func (h *Halt) Error() string {
	return fmt.Sprintf("live: halted with status %d, redirect %q", h.Status, h.Redirect)
}

func (h *Halt) answer(c *fiber.Ctx, socket bool) error {
	refused := h.Status >= 400
	switch {
	case refused && (socket || h.Redirect == ""):
		return fiber.NewError(h.Status)
	case h.Redirect == "":
		return fiber.ErrForbidden
	case socket: // browsers do not follow redirects of a handshake
		return fiber.ErrUnauthorized
	case c.Get("HX-Request") == "true":
		c.Set("HX-Redirect", h.Redirect)
		if refused {
			return c.SendStatus(h.Status)
		}
		return c.SendStatus(fiber.StatusNoContent)
	case h.Status >= 300 && h.Status < 400:
		return c.Redirect(h.Redirect, h.Status)
	}
	return c.Redirect(h.Redirect, fiber.StatusSeeOther)
}

// Refusal is the error of a guard or a view that tells the browser why.
type Refusal struct {
	Payload []byte // one JSON object, sent as it is; nil: none
	Close   int    // the code to close with afterwards; 0: the socket stays open
}

func (r *Refusal) Error() string { return fmt.Sprintf("live: refused, close code %d", r.Close) }

// Follow makes the socket follow sub: on every visible change it is told, and then closed with 1012 so that the browser comes
// back with what holds now. At most one hook follows something; a second one fails the request. A socket that follows nothing
// counts towards no limit of sockets.
func (s *Socket) Follow(sub Subject) {
	if s.follows {
		s.misuse = errors.New("live: Follow was called twice")
	}
	s.follows, s.subject = true, sub
}

// Guard adds a check that runs before each event, on the goroutine of the view. The event is executed only when all guards
// return nil. See [View] for what errors do.
func (s *Socket) Guard(check func(ctx context.Context, e Event) error) {
	s.guards = append(s.guards, check)
}

// Assign gives the socket a value of type T, for hooks to hand something to the view. A further value of the same type
// replaces it. Strings of a *fiber.Ctx have to be copied before.
func Assign[T any](s *Socket, v T) {
	if s.values == nil {
		s.values = make(map[reflect.Type]any)
	}
	s.values[reflect.TypeFor[T]()] = v
}

// Value returns the socket's value of type T, and whether there is one.
func Value[T any](s *Socket) (T, bool) {
	v, ok := s.values[reflect.TypeFor[T]()].(T)
	return v, ok
}

// decided reports whether an error of a hook says itself what to answer. Any other is a database that is away, for example: then
// nobody knows yet whether the browser may connect, and it has to come back.
func decided(err error) bool {
	var halt *Halt
	var status *fiber.Error
	return errors.As(err, &halt) || errors.As(err, &status)
}

// connect runs the hooks.
func (s *Socket) connect(c *fiber.Ctx) error {
	before := c.UserContext()
	defer c.SetUserContext(before)
	ctx, cancel := context.WithTimeout(before, hookWait)
	defer cancel()
	c.SetUserContext(ctx)
	for _, hook := range s.page.OnConnect {
		err := protect(func() error { return hook.Connect(c, s) })
		if err == nil {
			continue
		}
		if errors.Is(err, errPanic) || IsConnect(c) && !decided(err) {
			s.page.Hub.log.Error("live: hook", "hook", hook.Name, "err", err)
			c.Set(fiber.HeaderRetryAfter, "5")
			return fiber.ErrServiceUnavailable
		}
		return err
	}
	if s.follows && s.subject.Read == nil {
		return errNoRead
	}
	return s.misuse
}
