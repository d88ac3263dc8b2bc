package live

import (
	"context"
	"fmt"
	"html/template"
	"strings"
	"sync"
)

// display is what the server knows of what the browser shows of a view.
type display struct {
	drawn string // what the page says it shows, until something is sent
	size  int    // of the HTML that was drawn last, in bytes

	mu      sync.Mutex // frames go out in the order in which shown changes
	shown   *outline
	painted bool         // the view has been sent, or the page shows it already
	alike   *comparisons // of the views that show the same message, while one is being shown
}

// render returns the view's HTML.
func (s *Socket) render(ctx context.Context) (string, error) {
	var b strings.Builder
	b.Grow(s.size)
	if err := s.view.Render(ctx, s, &b); err != nil {
		return "", fmt.Errorf("%w: %w", errNoRender, err)
	}
	s.size = b.Len()
	return b.String(), nil
}

// update makes the browser show html as the whole view.
func (s *Socket) update(html string) error {
	if s.member == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.painted {
		return s.paint(html)
	}
	return s.bring(s.alike.of(pair{s.shown, html, s.page.ID}))
}

// paint sends the view for the first time, unless the page shows just that.
func (s *Socket) paint(html string) error {
	next, err := newOutline(html)
	s.painted = true
	s.shown = next
	if err == nil && s.drawn == fmt.Sprintf("%016x", next.sum()) {
		return nil
	}
	return s.send(wholeView(s.page.ID, html))
}

// bring sends what a comparison says. It is called with mu.
func (s *Socket) bring(c comparison) error {
	if c.err != nil {
		return c.err
	}
	s.shown = c.next
	for _, frame := range c.frames {
		if err := s.send(frame); err != nil {
			return err
		}
	}
	return nil
}

// share lets the view compare together with others until it is called with nil.
func (s *Socket) share(with *comparisons) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.alike = with
}

// Push sends elements to the browser at once. Either each says by hx-swap-oob where it goes, as htmx has it, or each has
// an id: then what differs from the element that the browser shows is sent, and nothing when nothing does.
// ErrNotOutOfBand names an element that says neither. Push never blocks; a peer that does not keep up loses the socket:
// ErrSlow.
func (s *Socket) Push(elements template.HTML) error {
	if s.member == nil {
		_, _, err := pushed(string(elements))
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.alike.of(pair{shown: s.shown, html: string(elements)})
	if c.err == nil {
		s.drawn = "" // the browser is about to show something else than the page said
	}
	return s.bring(c)
}

// target returns the id of the element that a fragment goes to, or "" when a selector says more than an id.
func target(f fragment) string {
	_, selector, named := strings.Cut(f.swap, ":")
	if !named {
		return f.id
	}
	id, ok := strings.CutPrefix(selector, "#")
	if !ok {
		return ""
	}
	return id
}
