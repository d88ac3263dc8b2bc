package livetest

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/net/html"
)

// at calls fn with the element that has an id. fn must not end the test.
func (p *Page) at(id string, fn func(n *html.Node)) {
	p.b.t.Helper()
	p.mu.Lock()
	n, err := element(p.doc, id)
	if err == nil {
		fn(n)
	}
	p.mu.Unlock()
	p.must(err)
}

// Text returns the text of an element with single spaces between words and between blocks. What people cannot read, such as
// a script, is not in it.
func (p *Page) Text(id string) (text string) {
	p.b.t.Helper()
	p.at(id, func(n *html.Node) { text = textOf(n) })
	return text
}

// HTML returns an element as HTML, or with "" the whole page.
func (p *Page) HTML(id string) (text string) {
	p.b.t.Helper()
	if id == "" {
		p.mu.Lock()
		defer p.mu.Unlock()
		return outer(p.doc)
	}
	p.at(id, func(n *html.Node) { text = outer(n) })
	return text
}

// Has reports whether there is an element with an id.
func (p *Page) Has(id string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(byID(p.doc, id)) > 0
}

// Attr returns an attribute of an element. false: it has none of that name.
func (p *Page) Attr(id, name string) (value string, ok bool) {
	p.b.t.Helper()
	p.at(id, func(n *html.Node) { value, ok = lookup(n, name) })
	return value, ok
}

// Value returns the value that an input, select or textarea was drawn with.
func (p *Page) Value(id string) (value string) {
	p.b.t.Helper()
	field := false
	p.at(id, func(n *html.Node) { value, field = valueOf(n), kind(n) != "" })
	if !field {
		p.b.t.Fatalf("livetest: #%s is no field; Text reads other elements", id)
	}
	return value
}

// Frames returns what came over the sockets of this tab, in its order.
func (p *Page) Frames() []Frame {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.frames)
}

// Messages returns the JSON messages that came over the sockets of this tab, and the events of answers' HX-Trigger.
func (p *Page) Messages() []Message {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.heard)
}

// Wait waits until done returns true, and fails the test when that takes too long. done is called on this goroutine, after
// each change of the page and every few milliseconds. Inside it ask Has before Text, which wants the element to be there.
func (p *Page) Wait(done func() bool) {
	p.b.t.Helper()
	p.wait(func() string { return "what Wait was asked to wait for" }, done)
}

// WaitText waits until an element is there and its text has part in it.
func (p *Page) WaitText(id, part string) {
	p.b.t.Helper()
	found := func() (text string, err error) {
		p.mu.Lock()
		defer p.mu.Unlock()
		n, err := element(p.doc, id)
		if err != nil {
			return "", err
		}
		return textOf(n), nil
	}
	p.wait(func() string {
		text, err := found()
		if err != nil {
			return err.Error()
		}
		return fmt.Sprintf("#%s has the text %q, want %q in it", id, text, part)
	}, func() bool {
		text, err := found()
		return err == nil && strings.Contains(text, part)
	})
}

// WaitURL waits until the page is at an address, such as "/notes?page=2". A view that goes on tells its address after its
// HTML, so wait for this before anything that makes the page connect anew.
func (p *Page) WaitURL(url string) {
	p.b.t.Helper()
	p.wait(func() string { return fmt.Sprintf("the page is at %s, want %s", p.URL(), url) },
		func() bool { return p.URL() == url })
}

// WaitMessage waits until a message of some type has come, now or before, and returns the newest.
func (p *Page) WaitMessage(kind string) (m Message) {
	p.b.t.Helper()
	p.wait(func() string {
		return fmt.Sprintf("no message %q has come; there were %v", kind, p.Messages())
	}, func() bool {
		for _, one := range slices.Backward(p.Messages()) {
			if one.Type == kind {
				m = one
				return true
			}
		}
		return false
	})
	return m
}

const pollEvery = 5 * time.Millisecond

func (p *Page) wait(wanted func() string, done func() bool) {
	p.b.t.Helper()
	late := time.NewTimer(p.b.patience)
	defer late.Stop()
	for {
		p.mu.Lock()
		changed := p.changed
		p.mu.Unlock()
		if done() {
			return
		}
		select {
		case <-changed:
		case <-time.After(pollEvery):
		case <-late.C:
			p.b.t.Fatalf("livetest: not in %v: %s\n%s", p.b.patience, wanted(), p.report())
		}
	}
}

// What a report shows of a tab: frames, and bytes.
const (
	lastFrames   = 5
	longestFrame = 1 << 10
	longestPage  = 16 << 10
)

// report tells what a person would look at when a test has failed.
func (p *Page) report() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var b strings.Builder
	fmt.Fprintf(&b, "page %s, htmx %d, %d frames\n", p.url, p.version, len(p.frames))
	for _, v := range p.views {
		fmt.Fprintf(&b, "socket of #%s: %s\n", v.id, v.state())
	}
	for _, frame := range p.frames[max(0, len(p.frames)-lastFrames):] {
		fmt.Fprintf(&b, "frame of #%s, connection %d: %s\n", frame.View, frame.Connection, short(frame.Data, longestFrame))
	}
	for _, frame := range p.frames {
		if len(frame.Missed) > 0 {
			fmt.Fprintf(&b, "a frame had something for %q, which the page does not have\n", frame.Missed)
		}
	}
	if len(p.missed) > 0 {
		fmt.Fprintf(&b, "an answer had something for %q, which the page does not have\n", p.missed)
	}
	return b.String() + short(outer(p.doc), longestPage)
}

func short(text string, most int) string {
	if len(text) > most {
		return text[:most] + "…"
	}
	return text
}

func (v *view) state() string {
	switch {
	case v.open():
		return "open"
	case v.conn != nil:
		return "about to be closed by the server"
	case v.final:
		return v.why + ", for good"
	case v.why != "":
		return v.why + ", comes back"
	}
	return "not open yet"
}

// Closed reports whether the socket of a view has ended for good, and the close code: of the view with that id, or of the
// only one of the page. While it is about to come back the answer is false with the code of the last connection.
func (p *Page) Closed(view ...string) (code int, ok bool) {
	p.b.t.Helper()
	p.mu.Lock()
	v, err := p.named(view)
	if err == nil {
		code, ok = v.code, v.final
	}
	p.mu.Unlock()
	p.must(err)
	return code, ok
}

// WaitClosed waits until the socket of a view has ended for good, and returns the close code.
func (p *Page) WaitClosed(view ...string) (code int) {
	p.b.t.Helper()
	p.wait(func() string { return "the socket has not ended" }, func() (ok bool) {
		p.b.t.Helper()
		code, ok = p.Closed(view...)
		return ok
	})
	return code
}

// Reconnect breaks the connection of a view, as a network does, and waits until the view has shown itself on a new one. What
// is under way is lost; see WaitURL.
func (p *Page) Reconnect(view ...string) {
	p.b.t.Helper()
	p.mu.Lock()
	v, err := p.named(view)
	if err == nil && v.final {
		err = fmt.Errorf("the socket of #%s: %s", v.id, v.state())
	}
	if err != nil {
		p.mu.Unlock()
		p.must(err)
	}
	before := v.count
	if v.conn != nil {
		_ = v.conn.Close()
	}
	p.mu.Unlock()
	p.wait(func() string { return "the view has not come back" }, func() bool {
		p.mu.Lock()
		defer p.mu.Unlock()
		return v.count > before && v.frames > 0
	})
}

// named returns the view that a caller means. p.mu is held.
func (p *Page) named(ids []string) (*view, error) {
	var there []string
	for _, v := range p.views {
		there = append(there, v.id)
	}
	switch {
	case len(ids) > 1:
		return nil, fmt.Errorf("one view at a time, not %q", ids)
	case len(ids) == 0 && len(p.views) == 1:
		return p.views[0], nil
	case len(ids) == 0:
		return nil, fmt.Errorf("the page has %d live views, so say which: %q", len(p.views), there)
	}
	if v := p.viewByID(ids[0]); v != nil {
		return v, nil
	}
	return nil, fmt.Errorf("the page has no live view %q; it has %q", ids[0], there)
}

// opened waits until all views have had a socket.
func (p *Page) opened() {
	p.b.t.Helper()
	p.wait(func() string { return "not every live view has got its socket" }, func() bool {
		p.mu.Lock()
		defer p.mu.Unlock()
		for _, v := range p.views {
			if v.count == 0 && !v.final {
				return false
			}
		}
		return true
	})
}
