package livetest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"golang.org/x/net/html"
)

// Submit sends the form with an id: its fields as they were drawn, hidden ones included, and those that a person fills in.
// A form that sends to its view goes over the socket, one with hx-post and the like by HTTP as htmx sends it, any other as
// browsers send forms, and then the tab shows the answer. What a view answers comes later: Wait for it. The default button
// of the form is the one that is pressed; [Page.Click] presses another.
func (p *Page) Submit(id string, fields Fields) {
	p.b.t.Helper()
	p.act(id, func(n *html.Node) (func() error, error) {
		if !isForm(n) {
			return nil, fmt.Errorf("#%s is a %s, not a form", id, n.Data)
		}
		return p.submit(n, fields, defaultButton(p.doc, n))
	})
}

// Click presses a button or follows a link: one that sends to its view goes over the socket, as does a link to another
// state of its view; what has hx-get and the like asks by HTTP; a button of a form submits it as it was drawn.
func (p *Page) Click(id string) {
	p.b.t.Helper()
	p.act(id, func(n *html.Node) (func() error, error) {
		if disabled(n) {
			return nil, fmt.Errorf("#%s is disabled: nobody can click it", id)
		}
		return p.click(n)
	})
}

// Change types value into a field that sends by itself, or by its form, when it changes.
func (p *Page) Change(id, value string) {
	p.b.t.Helper()
	p.act(id, func(n *html.Node) (func() error, error) {
		name, form := attr(n, "name"), formOf(p.doc, n)
		if kind(n) == "" || isButton(kind(n)) || name == "" {
			return nil, fmt.Errorf("#%s is no field with a name", id)
		}
		if disabled(n) {
			return nil, fmt.Errorf("#%s is disabled: nobody can change it", id)
		}
		values := url.Values{}
		if form != nil {
			var err error
			if values, err = fill(p.doc, form, Fields{name: value}, nil); err != nil {
				return nil, err
			}
		}
		values.Set(name, value)
		if p.sends(n) {
			return p.send(n, values)
		}
		if form != nil && onChange(form) && p.sends(form) {
			return p.send(form, values)
		}
		for _, from := range []*html.Node{n, form} {
			if from == nil || from == form && !onChange(form) {
				continue
			}
			if a, ok := p.ajaxOf(from); ok {
				return p.ask(from, a, values)
			}
		}
		return nil, fmt.Errorf("nothing is sent when #%s changes; give its value to Submit", id)
	})
}

// onChange reports whether a form is sent by a change inside it.
func onChange(form *html.Node) bool {
	trigger, _ := first(form, "hx-trigger", "data-hx-trigger")
	return strings.Contains(trigger, "change") || strings.Contains(trigger, "input") || strings.Contains(trigger, "keyup")
}

// Send sends a view just these fields, which no form has drawn and which nothing is added to: what anybody can send who
// opens the tools of his browser.
func (p *Page) Send(view string, fields Fields) {
	p.b.t.Helper()
	values, err := fields.plain()
	p.must(err)
	p.mu.Lock()
	v, err := p.named([]string{view})
	p.mu.Unlock()
	p.must(err)
	p.must(p.deliver(v, encode(values, nil)))
}

// act does what fn finds to be done with an element. fn runs under the lock, and what it returns after it.
func (p *Page) act(id string, fn func(n *html.Node) (func() error, error)) {
	p.b.t.Helper()
	p.mu.Lock()
	n, err := element(p.doc, id)
	var then func() error
	if err == nil {
		then, err = fn(n)
	}
	p.mu.Unlock()
	if err == nil && then != nil {
		err = then()
	}
	p.must(err)
	p.opened()
}

// submit sends a form. p.mu is held.
func (p *Page) submit(form *html.Node, fields Fields, button *html.Node) (func() error, error) {
	values, err := fill(p.doc, form, fields, button)
	if err != nil {
		return nil, err
	}
	if p.sends(form) {
		return p.send(form, values)
	}
	if err := p.otherVersion(form); err != nil {
		return nil, err
	}
	if a, ok := p.ajaxOf(form); ok {
		return p.ask(form, a, values)
	}
	return p.plain(form, button, values)
}

// plain sends a form as browsers do by themselves. p.mu is held.
func (p *Page) plain(form, button *html.Node, values url.Values) (func() error, error) {
	action, method := attr(form, "action"), attr(form, "method")
	if button != nil {
		if own, ok := lookup(button, "formaction"); ok {
			action = own
		}
		if own, ok := lookup(button, "formmethod"); ok {
			method = own
		}
	}
	r := p.link(action)
	if action == "" {
		r = p.link(p.url)
	}
	if at, err := url.Parse(r.url); err != nil || !sameSite(at) {
		return nil, fmt.Errorf("the form leads to another site: %s", r.url)
	}
	for _, list := range values {
		for i := range list {
			list[i] = strings.ReplaceAll(strings.ReplaceAll(list[i], "\r\n", "\n"), "\n", "\r\n")
		}
	}
	if strings.EqualFold(method, "post") {
		if stamp := p.stampOf(form); stamp != "" && !values.Has(stampField) {
			values.Set(stampField, stamp)
		}
		r.method, r.form = http.MethodPost, values
	} else {
		at, _ := url.Parse(r.url) // parsed above already
		at.RawQuery = values.Encode()
		r.url = at.String()
	}
	return func() error { return p.goTo(r, true) }, nil
}

// click does what a click on an element does. p.mu is held.
func (p *Page) click(n *html.Node) (func() error, error) {
	form := formOf(p.doc, n)
	own := func() (url.Values, error) {
		values := url.Values{}
		if form != nil && kind(n) != "" {
			return fill(p.doc, form, nil, n)
		}
		if name := attr(n, "name"); name != "" {
			values.Set(name, attr(n, "value"))
		}
		return values, nil
	}
	if p.sends(n) {
		values, err := own()
		if err != nil {
			return nil, err
		}
		return p.send(n, values)
	}
	if err := p.otherVersion(n); err != nil {
		return nil, err
	}
	if a, ok := p.ajaxOf(n); ok {
		values := url.Values{}
		if a.method != http.MethodGet || n.Data != "a" {
			var err error
			if values, err = own(); err != nil {
				return nil, err
			}
		}
		return p.ask(n, a, values)
	}
	if href, ok := lookup(n, "href"); ok && n.Data == "a" {
		r := p.link(href)
		if at, err := url.Parse(r.url); err != nil || !sameSite(at) {
			return nil, fmt.Errorf("#%s leads to another site: %s", attr(n, "id"), r.url)
		}
		return func() error { return p.goTo(r, true) }, nil
	}
	if submits(n) && form != nil {
		return p.submit(form, nil, n)
	}
	return nil, fmt.Errorf("nothing happens when #%s is clicked: it is no link, sends nothing and submits no form", attr(n, "id"))
}

var (
	send2 = []string{"data-ws-send", "ws-send"}
	send4 = []string{"hx-ws:send", "data-hx-ws:send", "ws-send"}
)

// sends reports whether an element sends to its view.
func (p *Page) sends(n *html.Node) bool {
	names := send4
	if p.version == 2 {
		names = send2
	}
	_, ok := first(n, names...)
	return ok
}

// otherVersion finds an element that sends with the other version of htmx only.
func (p *Page) otherVersion(n *html.Node) error {
	if _, ok := first(n, append(send2[:1:1], send4[:2]...)...); ok {
		return fmt.Errorf("#%s does not send with htmx %d: write %s %s", attr(n, "id"), p.version, send2[0], send4[0])
	}
	return nil
}

// send makes the message of fields for the view around an element. p.mu is held; what is returned sends it.
func (p *Page) send(n *html.Node, fields url.Values) (func() error, error) {
	v := p.around(n)
	if v == nil {
		return nil, fmt.Errorf("#%s is not inside a live view: no socket takes what it sends", attr(n, "id"))
	}
	extra, err := p.vals(n)
	if err != nil {
		return nil, err
	}
	headers := map[string]string{"HX-Request": "true", "HX-Current-URL": Site + p.url}
	if p.version == 2 {
		headers["HX-Trigger"] = attr(n, "id")
		extra["HEADERS"] = headers
	} else {
		headers["HX-Source"] = n.Data + "#" + attr(n, "id")
		extra["headers"] = headers
	}
	if stamp := p.stampOf(n); stamp != "" && !fields.Has(stampField) {
		fields.Set(stampField, stamp)
	}
	data := encode(fields, extra)
	return func() error { return p.deliver(v, data) }, nil
}

// encode makes of fields what htmx makes of them: a name with several values is a list.
func encode(fields url.Values, extra map[string]any) []byte {
	all := make(map[string]any, len(fields)+len(extra))
	for name, values := range fields {
		if len(values) == 1 {
			all[name] = values[0]
		} else {
			all[name] = values
		}
	}
	for name, value := range extra {
		all[name] = value
	}
	data, _ := json.Marshal(all) // strings, and what was JSON before
	return data
}

// vals returns what hx-vals adds.
func (p *Page) vals(n *html.Node) (map[string]any, error) {
	values := map[string]any{}
	for at := n; at != nil; at = at.Parent {
		names := []string{"hx-vals:inherited", "data-hx-vals:inherited"}
		if p.version == 2 || at == n {
			names = append(names, "hx-vals", "data-hx-vals")
		}
		text, ok := first(at, names...)
		if !ok || text == "" {
			continue
		}
		var own map[string]any
		if err := json.Unmarshal([]byte(text), &own); err != nil {
			return nil, fmt.Errorf("hx-vals=%q of #%s: livetest reads JSON only: %w", text, attr(at, "id"), err)
		}
		for name, value := range own {
			if _, nearer := values[name]; !nearer {
				values[name] = value
			}
		}
	}
	return values, nil
}

// deliver sends a message as soon as there is a socket, as htmx does.
func (p *Page) deliver(v *view, data []byte) error {
	p.b.t.Helper()
	sent, over := false, ""
	p.wait(func() string {
		return "a message cannot be sent: there is no socket, or the server has said that it closes it and does not"
	}, func() bool {
		p.mu.Lock()
		defer p.mu.Unlock()
		if v.open() {
			v.queue(data)
			sent = true
		} else if v.final {
			over = v.state()
		}
		return sent || v.final
	})
	if !sent {
		return fmt.Errorf("the socket of #%s: %s", v.id, over)
	}
	return nil
}
