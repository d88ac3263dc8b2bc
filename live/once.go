package live

import (
	"context"
	"html/template"
	"sync"
)

// Message is what was published to a topic.
type Message struct {
	Topic   string
	Payload []byte // shared by all receivers: must not be modified
	// Missed: messages of the topic may have been lost while the bus was not there. Look at what is true now; the payload is
	// empty. A view whose messages have no payload looks anyway.
	Missed bool
	drawn  *drawings
}

// Once returns what draw makes of this message, and calls draw only once for all views of this process that ask with the
// same key: a hundred tabs that show the same need one query and one rendering. Everything that the HTML depends on beside
// the message belongs into the key, above all the account it is for. A stamp must not be in it, because that belongs to one
// browser. An error is returned to the view whose draw failed; the others try for themselves. ctx bounds the waiting.
func (m Message) Once(ctx context.Context, key string, draw func(ctx context.Context) (template.HTML, error)) (template.HTML, error) {
	if m.drawn == nil {
		return draw(ctx)
	}
	for {
		d, mine := m.drawn.take(key)
		if mine {
			return m.drawn.make(ctx, key, d, draw)
		}
		select {
		case <-d.done:
			if d.ok {
				return d.html, nil
			}
		case <-ctx.Done():
			return "", ctx.Err()
		}
	}
}

// drawings are what views have drawn of one message, and the comparisons they have made. They go with it.
type drawings struct {
	mu          sync.Mutex
	all         map[string]*drawing
	comparisons comparisons
}

type drawing struct {
	done chan struct{}
	html template.HTML
	ok   bool
}

// take returns the drawing for a key, and whether the caller is the one to make it.
func (d *drawings) take(key string) (*drawing, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if one := d.all[key]; one != nil {
		return one, false
	}
	if d.all == nil {
		d.all = make(map[string]*drawing)
	}
	one := &drawing{done: make(chan struct{})}
	d.all[key] = one
	return one, true
}

// make draws. A drawing that failed, also by a panic, is forgotten before those who wait for it are released: one of them
// tries next.
func (d *drawings) make(
	ctx context.Context, key string, one *drawing, draw func(context.Context) (template.HTML, error),
) (html template.HTML, err error) {
	defer close(one.done)
	defer func() {
		if !one.ok {
			d.mu.Lock()
			delete(d.all, key)
			d.mu.Unlock()
		}
	}()
	html, err = draw(ctx)
	one.html, one.ok = html, err == nil
	return html, err
}
