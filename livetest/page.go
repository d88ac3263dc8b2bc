package livetest

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"

	"golang.org/x/net/html"
)

// What package multiaccount puts into pages. This package only does with it what its browser script does.
const (
	stampMeta   = "account-stamp"
	stampMark   = "data-account-stamp"
	stampField  = "_stamp"
	stampHeader = "X-Account-Stamp"
)

// Page is a tab with a page of the app. Its methods are for the goroutine of the test.
type Page struct {
	b       *Browser
	version int

	mu      sync.Mutex
	changed chan struct{} // closed at the next change of what is below
	doc     *html.Node
	drawn   string // the stamp that the page was drawn with
	answer  *Answer
	url     string
	history []entry
	views   []*view
	frames  []Frame
	heard   []Message
	missed  []string // by answers: ids that the page does not have
}

// entry is a place in the history of a tab.
type entry struct {
	url  string
	view string // id of the view that can bring it back, or ""
}

// Open opens an address in a new tab, as if it was typed in, and opens the sockets of all live views of the page. It
// returns once they are open; what the views say then comes later.
func (b *Browser) Open(path string) *Page {
	b.t.Helper()
	p := &Page{b: b, version: b.version, changed: make(chan struct{})}
	b.t.Cleanup(p.Close)
	p.must(p.goTo(request{method: http.MethodGet, url: path, site: "none", header: document()}, true))
	p.opened()
	return p
}

// Close closes the tab. The end of the test does it, too.
func (p *Page) Close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.leave()
}

// Reload loads the page anew. What was typed is not kept, and the stamp is that of whoever is current now.
func (p *Page) Reload() {
	p.b.t.Helper()
	p.visit(p.URL(), false)
}

// visit loads another page of the site, as a link does.
func (p *Page) visit(path string, forward bool) {
	p.b.t.Helper()
	p.mu.Lock()
	r := p.link(path)
	p.mu.Unlock()
	p.must(p.goTo(r, forward))
	p.opened()
}

// URL returns the path and query that the address bar shows.
func (p *Page) URL() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.url
}

// Answer returns what the app answered to the last request over HTTP that this page was loaded by, or has made.
func (p *Page) Answer() *Answer {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.answer
}

// Back presses the back button. What a link inside a view has led away from is brought back over its socket.
func (p *Page) Back() {
	p.b.t.Helper()
	p.mu.Lock()
	if len(p.history) < 2 {
		p.mu.Unlock()
		p.b.t.Fatal("livetest: there is nothing to go back to")
	}
	p.history = p.history[:len(p.history)-1]
	to := p.history[len(p.history)-1]
	p.url = to.url
	v := p.viewByID(to.view)
	if v != nil && v.open() && p.inside(v, to.url) {
		v.navigate(v.element, to.url, false)
		p.mu.Unlock()
		return
	}
	p.mu.Unlock()
	p.visit(to.url, false)
}

// Post sends a form of this page to path: with the stamp that the page was drawn with, unless fields has one. The page stays
// as it is, as with a form that opens in another tab.
func (p *Page) Post(path string, fields url.Values) *Answer {
	p.b.t.Helper()
	p.mu.Lock()
	sent := url.Values{}
	for name, values := range fields {
		sent[name] = values
	}
	if p.drawn != "" && !sent.Has(stampField) {
		sent.Set(stampField, p.drawn)
	}
	r := p.link(path)
	r.method, r.form = http.MethodPost, sent
	p.mu.Unlock()
	answer := p.b.must(p.b.do(r))
	p.mu.Lock()
	p.answer = answer
	p.mu.Unlock()
	return answer
}

// link returns the request that a link of this page makes. path is relative to the page. p.mu is held.
func (p *Page) link(path string) request {
	to := path
	if at, err := resolve(Site+p.url, path); err == nil {
		to = at.String()
	}
	return request{method: http.MethodGet, url: to, site: "same-origin", referer: Site + p.url, header: document()}
}

func (p *Page) must(err error) {
	p.b.t.Helper()
	if err != nil {
		p.b.t.Fatalf("livetest: %v", err)
	}
}

// goTo loads a whole page into the tab.
func (p *Page) goTo(r request, forward bool) error {
	answer, err := p.b.do(r)
	if err != nil {
		return err
	}
	if r.site == "none" && answer.Status >= http.StatusBadRequest {
		return fmt.Errorf("%s answers %d; Get reads answers that are no pages:\n%s", answer.URL, answer.Status, answer.Body)
	}
	if redirects(answer.Status) {
		return fmt.Errorf("%s leads to %q, which is not followed", answer.URL, answer.Header.Get("Location"))
	}
	doc, err := html.Parse(strings.NewReader(answer.Body))
	if err != nil {
		return fmt.Errorf("%s: %w", answer.URL, err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.leave()
	p.doc, p.answer, p.url, p.drawn = doc, answer, answer.URL, ""
	for _, n := range all(doc, func(n *html.Node) bool { return n.Data == "meta" && attr(n, "name") == stampMeta }) {
		p.drawn = attr(n, "content")
	}
	if forward || len(p.history) == 0 {
		p.history = append(p.history, entry{url: p.url})
	}
	p.adopt()
	return nil
}

// leave closes the sockets of the page.
func (p *Page) leave() {
	for _, v := range p.views {
		v.leave()
	}
	p.views = nil
	p.touch()
}

// touch wakes up whoever waits for a change. p.mu is held.
func (p *Page) touch() {
	close(p.changed)
	p.changed = make(chan struct{})
}

// adopt gives a socket to each view that is new in the document, and takes it from those that have left. p.mu is held.
func (p *Page) adopt() {
	stay := p.views[:0]
	for _, v := range p.views {
		if attached(p.doc, v.element) {
			stay = append(stay, v)
		} else {
			v.leave()
		}
	}
	p.views = stay
	for _, n := range all(p.doc, isView) {
		if p.viewOf(n) == nil {
			v := newView(p, n)
			p.views = append(p.views, v)
			p.b.server.spawn(v.run)
		}
	}
	p.touch()
}

// viewOf returns the view whose element is n.
func (p *Page) viewOf(n *html.Node) *view {
	for _, v := range p.views {
		if v.element == n {
			return v
		}
	}
	return nil
}

func (p *Page) viewByID(id string) *view {
	for _, v := range p.views {
		if id != "" && v.id == id {
			return v
		}
	}
	return nil
}

// around returns the view that n is in.
func (p *Page) around(n *html.Node) *view {
	for ; n != nil; n = n.Parent {
		if v := p.viewOf(n); v != nil {
			return v
		}
	}
	return nil
}

// stampOf returns the stamp that an element was drawn with: that of its form, the nearest mark, or that of the page.
func (p *Page) stampOf(n *html.Node) string {
	if form := formOf(p.doc, n); form != nil {
		for _, field := range controls(p.doc, form) {
			if attr(field, "name") == stampField {
				return attr(field, "value")
			}
		}
	}
	marked := closest(n, func(n *html.Node) bool { _, ok := lookup(n, stampMark); return ok })
	if marked != nil {
		return attr(marked, stampMark)
	}
	return p.drawn
}

// inside reports whether an address is another state of a view.
func (p *Page) inside(v *view, link string) bool {
	to, err := resolve(Site+p.url, link)
	if err != nil || !sameSite(to) {
		return false
	}
	at, err := resolve(Site+p.url, v.address())
	return err == nil && at.EscapedPath() == to.EscapedPath()
}

// arrive notes the address that a view shows now. p.mu is held.
func (p *Page) arrive(v *view, link string, push bool) {
	to, err := resolve(Site+p.url, link)
	if err != nil || !p.inside(v, link) {
		p.b.t.Errorf("livetest: #%s says that it has navigated to %q, which is not inside it", v.id, link)
		return
	}
	for _, name := range []string{connect2, connect4} {
		if _, ok := lookup(v.element, name); ok {
			setAttr(v.element, name, local(to))
		}
	}
	now := local(to)
	if now == p.url {
		return
	}
	p.url = now
	if push {
		p.history[len(p.history)-1].view = v.id
		p.history = append(p.history, entry{now, v.id})
	} else {
		p.history[len(p.history)-1] = entry{now, v.id}
	}
}
