package live

import (
	"fmt"
	"slices"
	"sync"
)

// keptBytes is about how much of HTML, frames and outlines is kept with one message. A view that hangs holds up to queueInfos
// messages. What is beyond it each view compares for itself.
const keptBytes = 512 << 10

// comparisons are those that views have made because of one message. They go with it.
//
// What a view has to send depends on what its browser shows and on the HTML to show, and on nothing else. So views for which
// both are the same get the same frames, and one of them compares; whom they belong to does not matter.
type comparisons struct {
	mu    sync.Mutex
	made  map[pair]func() comparison
	shown map[uint64]*outline // by their hashes, so that browsers that show the same have the same outline
	bytes int
}

// pair is what a browser shows and what it is to show. As a key of made it stands for what the outline says: there outlines
// that are equal are one.
type pair struct {
	shown *outline
	html  string
	into  string // the id of the element that the HTML is to be in; empty: the HTML is elements that a view pushes
}

// comparison is what a pair differs by. It may belong to many views: nothing of it is modified.
type comparison struct {
	frames [][]byte // in the order in which they are to be sent
	next   *outline // what the browser shows then
	err    error    // nothing is to be sent, and the browser shows what it showed
}

// of compares a pair, or returns what another view has found. A nil receiver keeps nothing.
func (c *comparisons) of(p pair) comparison {
	if c == nil {
		return p.compare()
	}
	return c.share(p)()
}

// share returns the function that compares a pair, once for all who have the same. When it panics it does so for each.
func (c *comparisons) share(p pair) func() comparison {
	hash := p.shown.hash()
	c.mu.Lock()
	defer c.mu.Unlock()
	p.shown = c.same(p.shown, hash)
	if known := c.made[p]; known != nil {
		return known
	}
	if c.bytes >= keptBytes {
		return p.compare
	}
	if c.made == nil {
		c.made = make(map[pair]func() comparison)
	}
	c.bytes += len(p.html)
	c.made[p] = sync.OnceValue(func() comparison {
		found := p.compare()
		c.grow(found.size())
		return found
	})
	return c.made[p]
}

// same returns the outline that stands for all that are equal to o. It is called with mu.
func (c *comparisons) same(o *outline, hash uint64) *outline {
	known := c.shown[hash]
	switch {
	case known != nil && known.equal(o):
		return known
	case known == nil && c.bytes < keptBytes:
		if c.shown == nil {
			c.shown = make(map[uint64]*outline)
		}
		c.shown[hash] = o
		c.bytes += o.size()
	}
	return o // also one that has the hash of another by chance: it stands for itself
}

func (c *comparisons) grow(n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.bytes += n
}

func (c *comparison) size() int {
	n := c.next.size()
	for _, frame := range c.frames {
		n += len(frame)
	}
	return n
}

func (p pair) compare() comparison {
	if p.into == "" {
		return p.shown.push(p.html)
	}
	frames, whole, next, err := p.shown.diff(p.html)
	if err != nil || whole {
		return comparison{frames: [][]byte{wholeView(p.into, p.html)}, next: next}
	}
	return comparison{frames: frames, next: next}
}

// wholeView returns the frame that replaces everything inside of a view's element.
func wholeView(into, html string) []byte {
	return fmt.Appendf(nil, `<div id="%s" hx-swap-oob="innerHTML">%s</div>`, into, html)
}

// push returns what sends elements as Socket.Push does.
func (o *outline) push(html string) comparison {
	all, said, err := pushed(html)
	if err != nil {
		return comparison{next: o, err: err}
	}
	if !said {
		frames, next, err := o.patch(all)
		if err != nil {
			return comparison{next: o, err: err}
		}
		return comparison{frames: frames, next: next}
	}
	next := o
	changes := make([]change, len(all))
	for i, f := range all {
		next = next.forget(target(f))
		name, _ := tagName(f.html[1:])
		changes[i] = change{mode: modeOf(name), html: f.html}
	}
	return comparison{frames: inMessages(changes), next: next}
}

// pushed returns the elements of HTML that a view pushes, and whether they say by hx-swap-oob where they go. Either all do
// or none.
func pushed(html string) (all []fragment, said bool, err error) {
	if all, err = fragments(html); err != nil {
		return nil, false, err
	}
	said = slices.ContainsFunc(all, func(f fragment) bool { return f.swap != "" })
	for _, f := range all {
		if said && f.swap == "" {
			return nil, false, fmt.Errorf("%w: #%s has no hx-swap-oob and others have", ErrNotOutOfBand, f.id)
		}
	}
	return all, said, nil
}
