package live

import (
	"crypto/rand"
	"encoding/hex"
	"io"
	"math"
	"slices"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/gofiber/fiber/v2"

	"github.com/multiaccount-go/multiaccount/internal/origin"
)

const (
	idBytes   = 16              // of an id that nobody can guess
	takeWait  = 2 * time.Second // for a view to take an event; the browser then tries again
	swallowed = 4 << 20         // bytes of a body that is refused
	seenMax   = 32              // events from other nodes that are remembered, so that none is executed twice
)

// inlet is where the events of a view come in whose frames go out over an event stream. Its id is a secret of the browser
// that has opened the stream.
type inlet struct {
	id     string
	sender sender
	socket *Socket
	begun  chan struct{}   // closed when the socket and its member may be used
	ended  <-chan struct{} // closed when the view ends

	mu   sync.Mutex // guards the member's budget and seen
	seen []string   // the last calls of other nodes
}

// sender is who may send events to a view: whoever opens the same address and follows the same, as the hooks find out
// again for each event. What a view that follows nothing goes by is the id of the stream alone.
type sender struct {
	Path       string
	Follows    bool
	Key        Key
	Generation int64
}

// sender returns who s belongs to, once the hooks have run.
func (s *Socket) sender() sender {
	who := sender{Path: s.path, Follows: s.follows}
	if s.follows {
		who.Key, who.Generation = s.subject.Key, s.subject.Generation
	}
	return who
}

// newInlet makes an inlet for a socket whose hooks have run and that has not begun.
func newInlet(s *Socket, ended <-chan struct{}) *inlet {
	return &inlet{id: newID(), sender: s.sender(), socket: s, begun: make(chan struct{}), ended: ended}
}

func newID() string {
	b := make([]byte, idBytes)
	_, _ = rand.Read(b) // never fails
	return hex.EncodeToString(b)
}

// inlets are those of this process, by their ids.
type inlets struct {
	mu  sync.Mutex
	all map[string]*inlet
}

func (l *inlets) add(in *inlet) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.all == nil {
		l.all = make(map[string]*inlet)
	}
	l.all[in.id] = in
}

func (l *inlets) remove(in *inlet) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.all, in.id)
}

// find returns the inlet of that id, or nil.
func (l *inlets) find(id string) *inlet {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all[id]
}

// take hands an event to the view, if who may, and returns the HTTP status that says what became of it. Unless that is 204
// the event is not executed, and never will be.
func (in *inlet) take(who sender, e Event) int {
	late := time.NewTimer(takeWait)
	defer late.Stop()
	select {
	case <-in.begun:
	case <-in.ended:
		return fiber.StatusNotFound
	case <-late.C:
		return fiber.StatusServiceUnavailable
	}
	m := in.socket.member
	switch {
	case who.Path != in.sender.Path:
		return fiber.StatusNotFound
	case who != in.sender:
		return fiber.StatusConflict
	case !in.affords():
		m.refuse(closePolicy, "too many messages")
		return fiber.StatusTooManyRequests
	case !m.open():
		return fiber.StatusNotFound
	}
	select {
	case in.socket.events <- e:
		return fiber.StatusNoContent
	case <-in.ended:
		return fiber.StatusNotFound
	case <-late.C:
		return fiber.StatusServiceUnavailable
	}
}

// affords counts an event like a message of a socket.
func (in *inlet) affords() bool {
	m := in.socket.member
	in.mu.Lock()
	defer in.mu.Unlock()
	return m.budget.take(time.Now(), m.hub.limits.MessagesPerSecond, m.hub.limits.Burst) && m.group.affords(m.hub.limits)
}

// first reports whether a call of another node comes for the first time: a bus may bring it twice.
func (in *inlet) first(call string) bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	if slices.Contains(in.seen, call) {
		return false
	}
	if len(in.seen) == seenMax {
		in.seen = in.seen[:copy(in.seen, in.seen[1:])]
	}
	in.seen = append(in.seen, call)
	return true
}

// receive answers a POST with an event for a view that has an event stream. The hooks run again: who sends it may be
// somebody else than who has opened the stream.
func (p *page) receive(c *fiber.Ctx) error {
	h := p.Hub
	if err := h.origins.Unsafe(origin.Read(c)); err != nil {
		return answer(c, err, true)
	}
	if err := h.enter(math.MaxInt); err != nil { // an event of a stream that has its place already
		return answer(c, err, true)
	}
	defer h.left()
	message, err := body(c, h.limits.MaxMessage)
	if err != nil {
		return err
	}
	s := &Socket{page: p} // no view: the hooks only say who asks
	if err = s.locate(c); err == nil {
		err = s.connect(c)
	}
	if err != nil {
		return answer(c, err, true)
	}
	status := fiber.StatusBadRequest
	if e, err := decodeEvent(message); err == nil && utf8.Valid(message) {
		status = h.deliver(c.UserContext(), p, string(c.Request().Header.Peek(streamHeader)), s.sender(), message, e)
	}
	switch status {
	case fiber.StatusNoContent:
		return c.SendStatus(status)
	case fiber.StatusServiceUnavailable:
		c.Set(fiber.HeaderRetryAfter, "1")
	}
	return fiber.NewError(status)
}

// body returns the body of a request as it was sent, up to max bytes.
func body(c *fiber.Ctx, max int) ([]byte, error) {
	r := c.Context().RequestBodyStream()
	if r == nil {
		if b := c.Request().Body(); len(b) <= max {
			return b, nil
		}
		return nil, fiber.ErrRequestEntityTooLarge
	}
	b, err := io.ReadAll(io.LimitReader(r, int64(max)+1)) // the app has told Fiber to leave bodies to its handlers
	switch {
	case err != nil:
		return nil, fiber.ErrBadRequest
	case len(b) > max:
		_, _ = io.CopyN(io.Discard, r, swallowed) // closing with unread bytes resets the connection, and the answer is lost
		return nil, fiber.ErrRequestEntityTooLarge
	}
	return b, nil
}
