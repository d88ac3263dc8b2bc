package live

import (
	"cmp"
	"fmt"
	"html/template"
	"net/url"
	"strings"

	"github.com/gofiber/fiber/v2"
)

// Send marks a form or a button inside a view whose fields go to [View].Event, for both versions of htmx.
const Send template.HTMLAttr = "data-ws-send hx-ws:send"

// drawnParam is what the first socket of a page has in its address beyond that of the page: what the page shows.
const drawnParam = "_live"

// maxURL bounds the address of a view, in bytes.
const maxURL = 4096

// Texts are what people read of a view itself. A zero field means its default.
type Texts struct {
	Reconnecting string // while there is no connection. Default: "Reconnecting…"
	Failed       string // after an error or a panic of the view. Default: "Something went wrong here. …"
}

func (t Texts) withDefaults() Texts {
	t.Reconnecting = cmp.Or(t.Reconnecting, "Reconnecting…")
	t.Failed = cmp.Or(t.Failed, "Something went wrong here. It is not your fault; this part of the page starts again.")
	return t
}

// locate notes which address the view has, less what belongs to its socket.
func (s *Socket) locate(c *fiber.Ctx) error {
	uri := c.Context().URI()
	if len(uri.PathOriginal())+len(uri.QueryString()) > maxURL {
		return fiber.ErrRequestURITooLong
	}
	// A path that begins with two slashes would name another host where the browser resolves it.
	s.path = "/" + strings.TrimLeft(string(uri.PathOriginal()), `/\`)
	params, err := url.ParseQuery(string(uri.QueryString()))
	if err != nil {
		return fiber.ErrBadRequest
	}
	s.drawn = params.Get(drawnParam)
	params.Del(drawnParam)
	s.params = params
	for name, value := range c.AllParams() {
		if s.route == nil {
			s.route = make(map[string]string)
		}
		s.route[strings.Clone(name)] = strings.Clone(value)
	}
	return nil
}

// Params returns the query of the view's address. It must not be modified.
func (s *Socket) Params() url.Values { return s.params }

// Param returns the first value of name in the query of the view's address, or "".
func (s *Socket) Param(name string) string { return s.params.Get(name) }

// Route returns the part of the view's address that the app's route names, such as :room, or "".
func (s *Socket) Route(name string) string { return s.route[name] }

// URL returns the address that the view shows: the path and the query.
func (s *Socket) URL() string { return address(s.path, s.params) }

func address(path string, params url.Values) string {
	if len(params) == 0 {
		return path
	}
	return path + "?" + params.Encode()
}

// target returns the query of an address that lies inside the view. false: it leads elsewhere.
func (s *Socket) target(to string) (url.Values, bool) {
	u, err := url.Parse(to)
	if err != nil || len(to) > maxURL || u.Scheme != "" || u.Host != "" || u.User != nil || u.Opaque != "" || u.EscapedPath() != s.path {
		return nil, false
	}
	params, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return nil, false
	}
	params.Del(drawnParam)
	return params, true
}

// element puts the view into the element that opens its socket, in the words of both versions of htmx.
func (s *Socket) element(html string, sum uint64) template.HTML {
	url := template.HTMLEscapeString(s.URL())
	return template.HTML(fmt.Sprintf(
		`<div id="%s" data-live="%016x" data-live-reconnecting="%s" hx-ext="ws" data-ws-connect="%s" hx-ws:connect="%s">%s</div>`,
		s.page.ID, sum, template.HTMLEscapeString(s.page.Texts.Reconnecting), url, url, html))
}

// wants reports whether htmx asks for the view alone: a link inside it leads to another of its addresses.
func (p *page) wants(c *fiber.Ctx) bool {
	if c.Get("HX-Request") != "true" || c.Get("HX-History-Restore-Request") == "true" {
		return false
	}
	target := c.Get("HX-Target") // htmx 2 sends live, htmx 4 div#live
	return target[strings.LastIndexByte(target, '#')+1:] == p.ID
}
