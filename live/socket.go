package live

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"html/template"
	"io"
	"reflect"
	"sync"
	"unicode/utf8"

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

// Socket is what a view and its hooks know of the page: values, guards, topics, and the way to the browser. While the page is
// drawn there is no browser yet: Push, Redraw and Subscribe then do nothing. Push may be called from any goroutine until
// the context of the view has ended, the other methods only inside a callback of the view or a hook.
type Socket struct {
	page    *page
	view    View
	values  map[reflect.Type]any
	guards  []func(context.Context, Event) error
	subject Subject
	follows bool
	misuse  error

	member *member // nil while the page is drawn
	topics []string
	events chan Event
	infos  chan Message
	redraw bool
}

func newSocket(p *page) *Socket { return &Socket{page: p, view: p.newView()} }

// Connected reports whether there is a browser at the other end: false while the page is drawn.
func (s *Socket) Connected() bool { return s.member != nil }

// Push sends elements to the browser, which puts each where its id and hx-swap-oob say. ErrNotOutOfBand names an element that
// does not say. It never blocks; a peer that does not keep up loses the socket: ErrSlow.
func (s *Socket) Push(elements template.HTML) error {
	if err := checkOutOfBand(string(elements)); err != nil {
		return err
	}
	return s.send([]byte(elements))
}

// Redraw renders the whole view once more and sends it, after the current callback has returned.
func (s *Socket) Redraw() { s.redraw = true }

// Subscribe makes Info get what is published to topic from now on, until the socket ends. A view that takes longer with
// its messages than they come loses the socket with 1013.
func (s *Socket) Subscribe(topic string) {
	if s.member == nil {
		return
	}
	s.topics = append(s.topics, topic)
	s.page.Hub.topics.add(topic, s)
}

func (s *Socket) inform(msg Message) {
	select {
	case s.infos <- msg:
	default:
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
	out := m.view
	m.supersede()
	switch {
	case m.code != 0 || m.closing || m.gone:
		m.mu.Unlock()
		return errEnded
	case len(out.frames) > 0 && (len(out.frames) >= queueFrames || out.bytes+len(frame) > queueBytes):
		m.mu.Unlock()
		m.refuse(closeOverloaded, "too slow")
		return ErrSlow
	}
	out.frames = append(out.frames, frame)
	out.bytes += len(frame)
	m.mu.Unlock()
	select {
	case out.wake <- struct{}{}:
	default:
	}
	return nil
}

// render returns the view inside its element.
func (s *Socket) render(ctx context.Context, swap string) (string, error) {
	var b bytes.Buffer
	fmt.Fprintf(&b, `<div id="%s"%s>`, s.page.ID, swap)
	if err := s.view.Render(ctx, s, &b); err != nil {
		return "", fmt.Errorf("%w: %w", errNoRender, err)
	}
	b.WriteString("</div>")
	return b.String(), nil
}

// upgrade lets the socket begin. Errors come before the upgrade.
func (s *Socket) upgrade(c *fiber.Ctx) error {
	sub := s.subject
	if !s.follows {
		_, _ = rand.Read(sub.Key[:]) // never fails
		sub.Read = func(context.Context) (Announcement, error) { return Announcement{}, nil }
	}
	sub.Hello = nil
	s.subject = Subject{}
	s.events = make(chan Event)
	s.infos = make(chan Message, queueInfos)
	ctx, end := context.WithCancelCause(context.Background())
	out := &outbox{wake: make(chan struct{}, 1), end: end, alone: !s.follows}
	err := s.page.Hub.upgrade(c, sub, out, func(m *member, conn transport) error {
		s.member = m
		return s.run(ctx, conn)
	})
	if err != nil {
		end(err)
	}
	return err
}

// run is the life of a view: this goroutine reads, one writes, one owns the view. It returns when all three have ended.
func (s *Socket) run(ctx context.Context, conn transport) error {
	m := s.member
	var wg sync.WaitGroup
	defer wg.Wait()
	defer m.view.end(errEnded)
	wg.Go(func() { s.write(ctx) })
	wg.Go(func() {
		defer s.unsubscribe()
		if err := protect(func() error { return s.own(ctx) }); err != nil {
			s.fail(err)
		}
	})
	return protect(func() error {
		return m.listen(conn, func(r io.Reader, text bool) error { return s.read(ctx, r, text) })
	})
}

// write carries frames to the peer. Before it ends it lets out what the end itself has to say.
func (s *Socket) write(ctx context.Context) {
	for {
		select {
		case <-s.member.view.wake:
			s.member.flush()
		case <-ctx.Done():
			s.member.flush()
			return
		}
	}
}

// read takes one message. What cannot be an event closes the socket.
func (s *Socket) read(ctx context.Context, r io.Reader, text bool) error {
	if !text {
		s.member.shut(closeUnsupported, "text only", nil)
		return nil
	}
	message, err := io.ReadAll(r)
	if err != nil {
		return nil // the next read meets it again
	}
	if !utf8.Valid(message) {
		s.member.shut(closeInvalidText, "", nil)
		return nil
	}
	e, err := decodeEvent(message)
	if err != nil {
		s.page.Hub.log.Warn("live: message refused", "err", err)
		s.member.shut(closePolicy, err.Error(), nil)
		return nil
	}
	select {
	case s.events <- e:
	case <-ctx.Done():
	}
	return nil
}

// own is the only goroutine that touches the view.
func (s *Socket) own(ctx context.Context) error {
	if !s.member.open() {
		return nil
	}
	if err := s.view.Mount(ctx, s); err != nil {
		return err
	}
	s.redraw = true
	for {
		if s.redraw {
			s.redraw = false
			html, err := s.render(ctx, ` hx-swap-oob="innerHTML"`)
			if err != nil {
				return err
			}
			if err := s.send([]byte(html)); err != nil {
				return err
			}
		}
		err := s.step(ctx)
		var refusal *Refusal
		if errors.As(err, &refusal) && refusal.Close == 0 {
			err = nil
			if refusal.Payload != nil {
				err = s.send(refusal.Payload)
			}
		}
		if err != nil {
			return err
		}
	}
}

// step waits for one thing to do and does it, unless the socket has ended in the meantime.
func (s *Socket) step(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return errEnded
	case e := <-s.events:
		for _, guard := range s.guards {
			if err := guard(ctx, e); err != nil {
				return err
			}
		}
		if !s.member.open() { // not before the guards, so that nothing slips in between
			return errEnded
		}
		return s.view.Event(ctx, s, e)
	case msg := <-s.infos:
		if !s.member.open() {
			return errEnded
		}
		return s.view.Info(ctx, s, msg)
	}
}

// fail ends the socket with what an error has to say to the browser.
func (s *Socket) fail(err error) {
	var refusal *Refusal
	switch {
	case errors.Is(err, errEnded), errors.Is(err, ErrSlow):
	case errors.As(err, &refusal):
		s.member.shut(cmp.Or(refusal.Close, closeOurFault), "", refusal.Payload)
		return
	case !s.member.open() && errors.Is(err, context.Canceled): // the view noticed the end, that is all
	default:
		s.page.Hub.log.Error("live: view", "err", err)
	}
	s.member.shut(closeOurFault, "", nil)
}

func (s *Socket) unsubscribe() {
	for _, topic := range s.topics {
		s.page.Hub.topics.remove(topic, s)
	}
}
