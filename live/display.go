package live

import (
	"bytes"
	"context"
	"fmt"
	"html/template"
	"slices"
	"strings"
	"sync"
)

// display is what the server knows of what the browser shows of a view.
type display struct {
	drawn string // what the page says it shows, until something is sent

	mu      sync.Mutex // frames go out in the order in which shown changes
	shown   outline
	painted bool // the view has been sent, or the page shows it already
}

// render returns the view's HTML.
func (s *Socket) render(ctx context.Context) (string, error) {
	var b bytes.Buffer
	if err := s.view.Render(ctx, s, &b); err != nil {
		return "", fmt.Errorf("%w: %w", errNoRender, err)
	}
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
	frame, whole, next, err := s.shown.diff(html)
	if err != nil || whole {
		return s.repaint(html, next)
	}
	s.shown = next
	if len(frame) == 0 {
		return nil
	}
	return s.sendEach(string(frame))
}

// paint sends the view for the first time, unless the page shows just that.
func (s *Socket) paint(html string) error {
	next, err := newOutline(html)
	s.painted = true
	if err == nil && s.drawn == fmt.Sprintf("%016x", next.sum()) {
		s.shown = next
		return nil
	}
	return s.repaint(html, next)
}

// repaint sends the view as a whole.
func (s *Socket) repaint(html string, next outline) error {
	s.shown = next
	return s.send(fmt.Appendf(nil, `<div id="%s" hx-swap-oob="innerHTML">%s</div>`, s.page.ID, html))
}

// Push sends elements to the browser at once. Either each says by hx-swap-oob where it goes, as htmx has it, or each has
// an id: then what differs from the element that the browser shows is sent, and nothing when nothing does.
// ErrNotOutOfBand names an element that says neither. Push never blocks; a peer that does not keep up loses the socket:
// ErrSlow.
func (s *Socket) Push(elements template.HTML) error {
	all, err := fragments(string(elements))
	if err != nil {
		return err
	}
	said := slices.ContainsFunc(all, func(f fragment) bool { return f.swap != "" })
	for _, f := range all {
		if said && f.swap == "" {
			return fmt.Errorf("%w: #%s has no hx-swap-oob and others have", ErrNotOutOfBand, f.id)
		}
	}
	if s.member == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.drawn = "" // the browser is about to show something else than the page said
	if !said {
		frame, err := s.shown.patch(all)
		if err != nil || len(frame) == 0 {
			return err
		}
		return s.sendEach(string(frame))
	}
	for _, f := range all {
		s.shown.forget(target(f))
	}
	return s.sendEach(string(elements))
}

// sendEach sends elements in their order, in as few messages as a browser can read them from.
func (s *Socket) sendEach(elements string) error {
	all, err := fragments(elements)
	if err != nil {
		return err
	}
	modeAt := func(i int) mode {
		name, _ := tagName(all[i].html[1:])
		return modeOf(name)
	}
	for from, to := 0, 0; from < len(all); from = to {
		var b bytes.Buffer
		for to = from; to < len(all) && modeAt(to) == modeAt(from); to++ {
			b.WriteString(all[to].html)
		}
		if err := s.send(b.Bytes()); err != nil {
			return err
		}
	}
	return nil
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
