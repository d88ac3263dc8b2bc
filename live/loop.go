package live

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
	"unicode/utf8"
)

// unmountWait bounds Unmount, for which the context of the view comes too late.
const unmountWait = 5 * time.Second

// Names of reserved fields. An event with paramsField is no event but a link inside the view that was followed.
const (
	paramsField = "_params" // the address
	pushField   = "_push"   // present when it is a new entry of the browser's history
)

// run is the life of a view: this goroutine reads and another one owns the view. It returns when both have ended.
func (s *Socket) run(ctx context.Context, conn transport) error {
	m := s.member
	var wg sync.WaitGroup
	defer wg.Wait()
	defer m.view.end(errEnded)
	wg.Go(func() {
		defer s.unmount()
		if err := protect(func() error { return s.own(ctx) }); err != nil {
			s.fail(ctx, err)
		}
	})
	return protect(func() error {
		err := m.listen(conn, func(r io.Reader, text bool) error { return s.read(ctx, r, text) })
		if err == nil {
			m.cut()
		}
		return err
	})
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

// begin mounts the view at its address.
func (s *Socket) begin(ctx context.Context) error {
	s.mounted = true
	if err := s.view.Mount(ctx, s); err != nil {
		return err
	}
	if view, ok := s.view.(WithParams); ok {
		return view.Params(ctx, s, s.params)
	}
	return nil
}

// own is the only goroutine that touches the view.
func (s *Socket) own(ctx context.Context) error {
	if !s.member.open() {
		return nil
	}
	if err := s.begin(ctx); err != nil {
		return err
	}
	s.redraw = true
	for {
		if err := s.show(ctx); err != nil {
			return err
		}
		s.share(nil)
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

// show brings to the browser what the last callback has asked for.
func (s *Socket) show(ctx context.Context) error {
	if s.next != nil {
		if err := s.goTo(ctx); err != nil {
			return err
		}
	}
	if s.redraw {
		s.redraw = false
		html, err := s.render(ctx)
		if err != nil {
			return err
		}
		if err := s.update(html); err != nil {
			return err
		}
	}
	if s.arrived != nil {
		message := s.arrived
		s.arrived = nil
		return s.tell(message)
	}
	return nil
}

// goTo takes the view to another of its addresses. One that lies elsewhere is left to the browser.
func (s *Socket) goTo(ctx context.Context) error {
	step := *s.next
	s.next = nil
	view, ok := s.view.(WithParams)
	params, inside := s.target(step.url)
	if !ok || !inside {
		return s.Redirect(step.url)
	}
	s.params = params
	if err := view.Params(ctx, s, params); err != nil {
		return err
	}
	s.redraw = true
	s.arrived = &navigation{Type: "navigated", URL: s.URL(), Push: step.push}
	return nil
}

// destination is where the view shall go next.
type destination struct {
	url  string
	push bool // as a new entry of the browser's history
}

// navigation is the message that tells the browser where the view is.
type navigation struct {
	Type string `json:"type"`
	URL  string `json:"url"`
	Push bool   `json:"push,omitempty"`
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
		return s.take(ctx, e)
	case <-s.infos.some:
		if !s.member.open() {
			return errEnded
		}
		msg := s.infos.take()
		s.share(&msg.drawn.comparisons)
		return s.view.Info(ctx, s, msg)
	}
}

// take hands an event to the view, or follows a link inside it.
func (s *Socket) take(ctx context.Context, e Event) error {
	if !e.Fields.Has(paramsField) {
		return s.view.Event(ctx, s, e)
	}
	to := e.Get(paramsField)
	if _, inside := s.target(to); !inside {
		return &Refusal{Close: closePolicy} // no page of this view sends that
	}
	s.next = &destination{to, e.Fields.Has(pushField)}
	return nil
}

// fail ends the socket with what an error has to say to the browser. ctx is the view's.
func (s *Socket) fail(ctx context.Context, err error) {
	var refusal *Refusal
	var halt *Halt
	switch {
	case errors.Is(err, errEnded), errors.Is(err, ErrSlow):
		s.member.shut(closeOurFault, "", nil) // unless it is closed already, with a better reason
	case errors.As(err, &refusal):
		s.member.shut(cmp.Or(refusal.Close, closeOurFault), "", refusal.Payload)
	case errors.As(err, &halt) && halt.Redirect != "":
		s.member.shut(closePolicy, "", encode(navigation{Type: "redirect", URL: halt.Redirect}))
	case errors.As(err, &halt):
		s.member.shut(closePolicy, "", nil)
	case ctx.Err() != nil && errors.Is(err, context.Canceled): // the view noticed the end, that is all
		s.member.shut(closeOurFault, "", nil)
	default:
		s.page.Hub.log.Error("live: view", "path", s.path, "err", err)
		s.member.shut(closeOurFault, "", encode(failure{Type: "failed", Message: s.page.Texts.Failed}))
	}
}

// encode makes a message of a struct of strings and booleans, which always encodes.
func encode(message any) []byte {
	data, _ := json.Marshal(message)
	return data
}

// tell sends a message to the script in the page.
func (s *Socket) tell(message any) error { return s.send(encode(message)) }

// failure is the message that tells the person that a view has ended by its own fault.
type failure struct {
	Type    string `json:"type"`
	Message string `json:"message"`
}

// unmount ends what the view has begun.
func (s *Socket) unmount() {
	for _, topic := range s.topics {
		s.page.Hub.topics.remove(topic, s)
	}
	for topic := range s.tracked {
		s.Untrack(topic)
	}
	view, ok := s.view.(WithUnmount)
	if !ok || !s.mounted {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), unmountWait)
	defer cancel()
	if err := protect(func() error { view.Unmount(ctx, s); return nil }); err != nil {
		s.page.Hub.log.Error("live: view", "path", s.path, "err", err)
	}
}

// Navigate takes the view to another of its addresses, as a link inside it does, after the current callback has returned:
// a path and query of this site. What lies outside the view is loaded as a page. To is not for what the browser sent.
func (s *Socket) Navigate(to string) { s.next = &destination{to, true} }

// Redirect makes the browser leave the page for an address of this site. The error says that it is none.
func (s *Socket) Redirect(to string) error {
	if !strings.HasPrefix(to, "/") || strings.HasPrefix(to, "//") || strings.ContainsFunc(to, unsafeInURL) {
		return fmt.Errorf("live: redirect to %q: not a path of this site", to)
	}
	return s.tell(navigation{Type: "redirect", URL: to})
}

// unsafeInURL reports characters that browsers drop from an address or read as a slash.
func unsafeInURL(r rune) bool { return r == '\\' || r < ' ' || r == 0x7f }
