package live

import (
	"context"
	"crypto/rand"
	"errors"
	"net/url"
	"reflect"
	"slices"
	"strings"

	"github.com/gofiber/fiber/v2"
)

const (
	queueFrames = 64        // that wait for a slow peer
	queueBytes  = 256 << 10 // the same; one frame may be bigger when nothing else waits
	queueInfos  = 32        // that wait for a busy view
)

var (
	// ErrSlow: the peer takes less than it is sent. The socket is closed with 1013, and the page is drawn anew when the
	// browser comes back.
	ErrSlow = errors.New("live: peer is too slow")

	errEnded    = errors.New("live: socket has ended")
	errNoRender = errors.New("live: Render failed")
)

// Socket is what a view and its hooks know of the page: its address, values, guards, topics, and the way to the browser.
// While the page is drawn there is no browser yet: Push, Redraw, Subscribe, Navigate and Redirect then do nothing. Push may
// be called from any goroutine until the context of the view has ended, the other methods only inside a callback of the
// view or a hook.
type Socket struct {
	page    *page
	view    View
	path    string
	params  url.Values
	route   map[string]string
	values  map[reflect.Type]any
	guards  []func(context.Context, Event) error
	subject Subject
	follows bool
	misuse  error
	mounted bool

	member  *member // nil while the page is drawn
	topics  []string
	tracked map[string]string // key by topic
	events  chan Event
	infos   inbox
	redraw  bool
	next    *destination
	arrived *navigation
	display
}

func newSocket(p *page) *Socket {
	return &Socket{page: p, view: p.newView(), display: display{shown: unknown}}
}

// Connected reports whether there is a browser at the other end: false while the page is drawn.
func (s *Socket) Connected() bool { return s.member != nil }

// Redraw renders the view once more after the current callback has returned, and sends what differs from what the browser
// shows: elements with an id of which something other than elements with an id has changed, rows that came, went or moved.
func (s *Socket) Redraw() { s.redraw = true }

// Hub returns the hub of the view, to publish and to ask who is present.
func (s *Socket) Hub() *Hub { return s.page.Hub }

// Subscribe makes Info get what is published to topic from now on, until the socket ends. A view that takes longer with
// its messages than they come loses the socket with 1013; of messages without a payload only the newest of a topic waits.
func (s *Socket) Subscribe(topic string) {
	if s.member == nil || slices.Contains(s.topics, topic) {
		return
	}
	s.topics = append(s.topics, topic)
	s.page.Hub.topics.add(topic, s)
	if strings.HasPrefix(topic, presencePrefix) {
		s.page.Hub.presence.begin()
	}
}

func (s *Socket) inform(msg Message) {
	if !s.infos.put(msg) {
		s.member.refuse(closeOverloaded, "view is too slow")
	}
}

// send queues a frame.
func (s *Socket) send(frame []byte) error {
	m := s.member
	if m == nil {
		return nil
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	out := m.view
	m.supersede()
	switch {
	case m.code != 0 || m.closing || m.gone:
		return errEnded
	case len(out.frames) > 0 && (len(out.frames) >= queueFrames || out.bytes+len(frame) > queueBytes):
		m.end(closeOverloaded, "too slow")
		m.carry()
		return ErrSlow
	}
	out.frames = append(out.frames, frame)
	out.bytes += len(frame)
	m.carry()
	return nil
}

// upgrade lets the socket begin. Errors come before the upgrade.
func (s *Socket) upgrade(c *fiber.Ctx) error {
	sub := s.subject
	if !s.follows {
		_, _ = rand.Read(sub.Key[:]) // never fails
		sub.Read = func(context.Context) (Announcement, error) { return Announcement{}, nil }
	}
	sub.Hello = nil
	s.events = make(chan Event)
	s.infos = newInbox()
	ctx, end := context.WithCancelCause(context.Background())
	out := &outbox{end: end, alone: !s.follows}
	if wantsStream(c) {
		out.inlet = newInlet(s, ctx.Done())
	}
	s.subject = Subject{}
	err := s.page.Hub.upgrade(c, sub, out, func(m *member, conn transport) error {
		s.member = m
		if out.inlet != nil {
			close(out.inlet.begun)
		}
		return s.run(ctx, conn)
	})
	if err != nil {
		end(err)
	}
	return err
}
