package livetest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"golang.org/x/net/html"
)

// ajax is what an element asks htmx to do.
type ajax struct{ method, url string }

// ajaxOf returns what an element asks for by hx-get and the like.
func (p *Page) ajaxOf(n *html.Node) (ajax, bool) {
	for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete} {
		name := "hx-" + strings.ToLower(method)
		if to, ok := first(n, name, "data-"+name); ok {
			return ajax{method, to}, true
		}
	}
	return ajax{}, false
}

// inherited returns an htmx attribute of an element or of one around it that hands it down.
func (p *Page) inherited(n *html.Node, name string) (value string, from *html.Node) {
	for at := n; at != nil; at = at.Parent {
		names := []string{name + ":inherited", "data-" + name + ":inherited"}
		if p.version == 2 || at == n {
			names = append(names, name, "data-"+name)
		}
		if value, ok := first(at, names...); ok {
			return value, at
		}
	}
	return "", nil
}

// ask sends the request of an element and swaps in the answer, or takes a link inside a view to its socket as live.js does.
// p.mu is held.
func (p *Page) ask(n *html.Node, a ajax, values url.Values) (func() error, error) {
	target, err := p.target(n)
	if err != nil {
		return nil, err
	}
	extra, err := p.vals(n)
	if err != nil {
		return nil, err
	}
	for name, value := range extra {
		values.Set(name, fmt.Sprint(value))
	}
	link := a.url
	if link == "" {
		link = p.url
	}
	at, err := resolve(Site+p.url, link)
	if err != nil {
		return nil, err
	}
	if !sameSite(at) {
		return nil, fmt.Errorf("#%s asks another site: %s", attr(n, "id"), at)
	}
	if (a.method == http.MethodGet || a.method == http.MethodDelete) && len(values) > 0 {
		query := at.Query()
		for name, list := range values {
			query[name] = list
		}
		at.RawQuery, values = query.Encode(), nil
	}
	pushURL, _ := p.inherited(n, "hx-push-url")
	push := pushURL != "" && pushURL != "false"
	if v := p.viewOf(target); v != nil && v.open() && a.method == http.MethodGet && p.inside(v, local(at)) {
		v.navigate(n, local(at), push)
		return nil, nil
	}
	r := p.link(at.String())
	r.method, r.form = a.method, values
	stamp := p.stampOf(n)
	r.header = http.Header{
		"Accept": {"text/html"}, "Sec-Fetch-Mode": {"cors"}, "Sec-Fetch-Dest": {"empty"},
		"HX-Request": {"true"}, "HX-Current-URL": {Site + p.url},
	}
	if p.version == 2 {
		r.header["HX-Target"] = []string{attr(target, "id")}
		r.header["HX-Trigger"] = []string{attr(n, "id")}
	} else {
		r.header["HX-Target"] = []string{called(target)}
		r.header["HX-Source"] = []string{called(n)}
		r.header["HX-Request-Type"] = []string{"partial"}
	}
	if stamp != "" {
		r.header.Set(stampHeader, stamp)
	}
	style, _ := p.inherited(n, "hx-swap")
	if pushURL == "true" {
		pushURL = local(at)
	}
	return func() error { return p.answered(r, target, style, pushURL, stamp) }, nil
}

// called is how htmx 4 names an element.
func called(n *html.Node) string {
	if id := attr(n, "id"); id != "" {
		return n.Data + "#" + id
	}
	return n.Data
}

// target returns the element that the answer to a request of n goes to.
func (p *Page) target(n *html.Node) (*html.Node, error) {
	selector, from := p.inherited(n, "hx-target")
	if selector == "this" {
		return from, nil
	}
	return p.selected(n, selector)
}

func (p *Page) selected(n *html.Node, selector string) (*html.Node, error) {
	if selector == "" {
		return n, nil
	}
	if selector == "body" {
		return all(p.doc, func(n *html.Node) bool { return n.Data == "body" })[0], nil // every parsed document has one
	}
	id, ok := strings.CutPrefix(selector, "#")
	if !ok {
		return nil, fmt.Errorf("the target %q of #%s: livetest knows ids, this and body", selector, attr(n, "id"))
	}
	return element(p.doc, id)
}

// answered sends a request and does with its answer what htmx does, as package htmx configures it: of errors only a 422 is
// swapped in.
func (p *Page) answered(r request, target *html.Node, style, pushURL, stamp string) error {
	answer, err := p.b.do(r)
	if err != nil {
		return err
	}
	p.mu.Lock()
	p.answer = answer
	p.trigger(answer.Header.Get("HX-Trigger"))
	p.touch()
	leave := answer.Header.Get("HX-Redirect")
	switch {
	case leave != "":
	case answer.Header.Get("HX-Refresh") == "true":
		leave = p.url
	case answer.Header.Get("HX-Location") != "":
		leave = answer.Header.Get("HX-Location")
		var location struct{ Path string }
		if json.Unmarshal([]byte(leave), &location) == nil {
			leave = location.Path
		}
	}
	if leave != "" {
		next, forward := p.link(leave), answer.Header.Get("HX-Refresh") != "true"
		p.mu.Unlock()
		return p.goTo(next, forward)
	}
	defer p.mu.Unlock()
	if success := answer.Status >= 200 && answer.Status < 300 && answer.Status != http.StatusNoContent; !success &&
		answer.Status != http.StatusUnprocessableEntity {
		return nil
	}
	if selector := answer.Header.Get("HX-Retarget"); selector != "" {
		if target, err = p.selected(target, selector); err != nil {
			return err
		}
	}
	if own := answer.Header.Get("HX-Reswap"); own != "" {
		style = own
	}
	if own := answer.Header.Get("HX-Push-Url"); own != "" {
		pushURL = own
	}
	if err := p.swapIn(answer.Body, target, style, stamp); err != nil {
		return err
	}
	if pushURL != "" && pushURL != "false" && pushURL != p.url {
		p.url = pushURL
		p.history = append(p.history, entry{url: p.url})
	}
	return nil
}

// trigger notes the events of an answer.
func (p *Page) trigger(header string) {
	if header == "" {
		return
	}
	var events map[string]json.RawMessage
	if json.Unmarshal([]byte(header), &events) != nil {
		for name := range strings.SplitSeq(header, ",") {
			p.heard = append(p.heard, Message{Type: strings.TrimSpace(name)})
		}
		return
	}
	for name, detail := range events {
		var m Message
		_ = json.Unmarshal(detail, &m) // a detail that is no object has no fields
		m.Type, m.JSON = name, string(detail)
		p.heard = append(p.heard, m)
	}
}

// swapIn puts an answer into the document. p.mu is held.
func (p *Page) swapIn(text string, target *html.Node, style, stamp string) error {
	style, _, _ = strings.Cut(strings.TrimSpace(style), " ") // the rest is about timing and scrolling
	if style == "" {
		style = "innerHTML"
	}
	if !known(style) {
		return fmt.Errorf("hx-swap=%q is no way to swap", style)
	}
	nodes, err := parseFragment(text)
	if err != nil {
		return err
	}
	var main []*html.Node
	var apart []piece
	for _, n := range nodes {
		value, oob := first(n, "hx-swap-oob", "data-hx-swap-oob")
		if n.Type != html.ElementNode || !oob {
			main = append(main, n)
			continue
		}
		one, err := newPiece(n, value, p.version)
		if err != nil {
			return err
		}
		apart = append(apart, one)
	}
	for _, n := range main {
		if _, marked := lookup(n, stampMark); n.Type == html.ElementNode && stamp != "" && !marked {
			setAttr(n, stampMark, stamp) // what this request has drawn is its account's
		}
	}
	p.missed = append(p.missed, apply(p.doc, apart, p.version)...)
	if len(main) > 0 || len(apart) == 0 {
		swap(target, style, main)
	}
	p.adopt()
	return nil
}
