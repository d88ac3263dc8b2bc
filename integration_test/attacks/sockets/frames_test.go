package sockets_test

import (
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"
	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"

	"github.com/multiaccount-go/multiaccount/integration_test/sitetest"
)

// hostile are texts that want to be more than text, on a page that htmx reads.
var hostile = []string{
	`<script>alert(1)</script>`, `"><img src=x onerror=alert(1)>`, `' onmouseover='alert(1)`, `</li></ul><script>alert(1)</script>`,
	`<div id="live-form" hx-swap-oob="true">pwn</div>`, `<div id="live" hx-swap-oob="innerHTML">pwn</div>`,
	`" hx-get="/link/sign_out" hx-trigger="load`,
	`" hx-on:load="alert(1)`, `<template><p hx-swap-oob="delete:#live-form"></template>`, `</template>`, `<!-- `,
	`--> `, `<![CDATA[`, `{{7*7}}${7*7}`,
	`{"type":"redirect","url":"https://evil.example"}`, `{"type":"session-ended"}`, `&lt;script&gt;`,
	`&#60;script&#62;`, "\u202egpj.exe", "\u2028\u2029",
	`<svg/onload=alert(1)>`, `<math><mi xlink:href="javascript:alert(1)">`, `javascript:alert(1)`,
	`data-ws-send hx-ws:connect="wss://evil.example"`,
	`<textarea>`, `<plaintext>`, `<form action=//evil.example>`, `</form><form id=live-form>`,
}

// skeleton is what a frame is without its texts: elements, attributes, and those values that make a browser do something.
// What differs from note to note and from page to page is taken out.
func skeleton(t testing.TB, frame string) string {
	t.Helper()
	context := &html.Node{Type: html.ElementNode, Data: "body", DataAtom: atom.Body}
	nodes, err := html.ParseFragment(strings.NewReader(frame), context)
	if err != nil {
		t.Fatalf("frame %q: %v", frame, err)
	}
	var b strings.Builder
	var write func(n *html.Node, root bool)
	write = func(n *html.Node, root bool) {
		switch n.Type {
		case html.TextNode:
			if root && strings.TrimSpace(n.Data) != "" {
				t.Errorf("text outside of any element: %q", frame)
			}
			return
		case html.CommentNode:
			t.Errorf("a comment: %q", frame)
		}
		swaps := 0
		b.WriteString("<" + n.Data)
		for _, a := range n.Attr {
			b.WriteString(" " + a.Key)
			switch {
			case a.Key == "hx-swap-oob":
				swaps++
				fallthrough
			case a.Key == "id", a.Key == "action", a.Key == "name", a.Key == "type", strings.HasPrefix(a.Key, "hx-"):
				b.WriteString("=" + a.Val)
			case strings.HasPrefix(a.Key, "on"):
				t.Errorf("attribute %s: %q", a.Key, frame)
			}
		}
		b.WriteString(">")
		if root != (swaps == 1) {
			t.Errorf("<%s> has %d hx-swap-oob: %q", n.Data, swaps, frame)
		}
		if n.Data == "script" || n.Data == "iframe" || n.Data == "template" || n.Data == "style" {
			t.Errorf("<%s>: %q", n.Data, frame)
		}
		for c := range n.ChildNodes() {
			write(c, false)
		}
		b.WriteString("</>")
	}
	for _, n := range nodes {
		write(n, true)
	}
	return uuids.ReplaceAllString(b.String(), "ID")
}

var uuids = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f-]{27}`)

// textOf returns the texts of a frame and the values of its fields.
func textOf(t testing.TB, frame string) (texts []string) {
	t.Helper()
	nodes, err := html.ParseFragment(strings.NewReader(frame),
		&html.Node{Type: html.ElementNode, Data: "body", DataAtom: atom.Body})
	if err != nil {
		t.Fatal(err)
	}
	for _, root := range nodes {
		for n := range descent(root) {
			if n.Type == html.TextNode {
				texts = append(texts, n.Data)
			}
			for _, a := range n.Attr {
				if a.Key == "value" {
					texts = append(texts, a.Val)
				}
			}
		}
	}
	return texts
}

// descent is an element and all below it.
func descent(root *html.Node) iter.Seq[*html.Node] {
	return func(yield func(*html.Node) bool) {
		if yield(root) {
			root.Descendants()(yield)
		}
	}
}

// TestHostileTextInFrames is XS-02 for what people write: a frame with a hostile note has the same elements and attributes as
// one with a harmless note, and shows the note as it was typed.
func TestHostileTextInFrames(t *testing.T) {
	w := site(t)
	everyDoor(t, views, func(t *testing.T, d door) {
		t.Parallel()
		b := signedIn(t, w, 1)
		stamp := b.stamp()
		wire := b.open(w.two, d)
		want := func(kind, text, mark string) string {
			if kind == "too long" {
				text += strings.Repeat("x", 520)
			}
			return strings.TrimSpace(text + mark)
		}
		roots := regexp.MustCompile(`^(<(div|ul|li|p|h2) id=(live|live-fields|live-here|live-title|notes-list|note-ID)[ >]|<[a-z]+ hx-swap-oob=)`)

		// show makes the view draw something with text in it, and returns the frames until the mark comes.
		show := func(kind, text, mark string) string {
			t.Helper()
			switch kind {
			case "note":
				b.note(w.one, text+mark)
			case "too long": // comes back in its field, with an error beside it
				b.say(wire, event("_stamp", stamp, "text", text+strings.Repeat("x", 520)+mark))
			case "search":
				b.say(wire, event("_stamp", stamp, "_params",
					"/live?q="+strings.NewReplacer("%", "%25", "+", "%2b", "&", "%26", "#", "%23", ";", "%3b").Replace(text)+mark))
			}
			if kind != "note" {
				time.Sleep(110 * time.Millisecond) // ten a second are no flood
			}
			for {
				frame := wire.until(mark)
				if messageOf(frame).Type == "" {
					return frame
				}
			}
		}
		for _, kind := range []string{"note", "too long", "search"} {
			var shape string
			for i, text := range append([]string{"harmless"}, hostile...) {
				mark := fmt.Sprintf("mark%02d%c", i, kind[0])
				if kind == "search" && !strings.ContainsAny(text, `<"'`) && text != "harmless" {
					continue
				}
				before := len(wire.seen)
				frame := show(kind, text, mark)
				for _, text := range wire.seen[before:] {
					if m := messageOf(text); m.Type != "" {
						if m.Type != "navigated" || strings.ContainsAny(text, "<>") {
							t.Errorf("message %q", text)
						}
					} else if got := skeleton(t, text); !roots.MatchString(got) {
						t.Errorf("%s %q: roots of %.300q", kind, text, got)
					}
				}
				got := skeleton(t, frame)
				if i <= 1 {
					shape = got // the first one also replaces or empties the list
				}
				if i > 1 && got != shape {
					t.Errorf("%s %q: the frame is\n%s, want the shape\n%s", kind, text, got, shape)
				}
				shown := textOf(t, frame)
				if !slices.Contains(shown, want(kind, text, mark)) && !slices.Contains(shown, text+mark) {
					t.Errorf("%s %q is shown as %.300q", kind, text+mark, shown)
				}
			}
		}
	})
}

// TestHostileNamesInFrames is XS-02 for names, which others see as well: in the view's title, and, as the metadata of who is
// present, in the views of all who look at the same page.
func TestHostileNamesInFrames(t *testing.T) {
	w := site(t)
	harmless := signedIn(t, w, 1)
	shape := skeleton(t, harmless.open(w.one, viewSocket).seen[0])
	for i, name := range []string{
		`<script>alert(1)</script>`, `"><img src=x onerror=alert(1)>`, `<p id="live-here" hx-swap-oob="true">pwn</p>`,
		`</bdi></h2><div id=live-form>`, `<!-- {{7*7}}`,
	} {
		b := &browser{Visitor: sitetest.NewVisitor(t), t: t, w: w}
		name = fmt.Sprintf("%s %d%s", name, time.Now().UnixMilli()%1e6, string(rune('a'+i)))
		b.register(name)
		for _, d := range views {
			wire := b.open(w.two, d)
			second := b.open(w.one, d) // presence is told again
			for _, frame := range append(slices.Clone(wire.seen), second.seen...) {
				if got := skeleton(t, frame); strings.Contains(got, "live-form") && got != shape {
					t.Errorf("%q: the view is\n%s, want the shape\n%s", name, got, shape)
				}
			}
			texts := textOf(t, second.seen[0])
			if n := len(slices.DeleteFunc(texts, func(text string) bool { return text != name })); n != 3 {
				t.Errorf("%q is shown %d times, want in the title, as the tenant, and among those who are here: %q", name, n, second.seen[0])
			}
			wire.conn.Close()
			second.conn.Close()
		}
	}
}

// TestHostileAddressOfAView is XS-01 for a view's page: the address that a stranger made somebody open stands in attributes of
// the element, and in a header when htmx asks. It must be text there, and lead to this site.
func TestHostileAddressOfAView(t *testing.T) {
	l := newLab(t, recipe{routes: func(l *lab, app *fiber.App) { app.Get("/*", l.view) }})
	b := l.signedIn("a")
	stamp := b.Document(l.node).Stamp
	targets := []string{
		"//evil.example/x", "///evil.example/x", `/\evil.example/x`, `//\evil.example`, "/%2f/evil.example",
		"/%5cevil.example", "/x/..//evil.example", "/.//evil.example",
		`/x"onload="alert(1)`, "/x'onload='alert(1)", "/<script>alert(1)</script>", "/x?<script>=1",
		`/x?"><img/src=x/onerror=alert(1)>=1`, "/x?a=javascript:alert(1)",
		"/javascript:alert(1)", "/x?a=%0d%0aSet-Cookie:%20x=y", "/x%0d%0aSet-Cookie:%20x=y", "/x?%00=%00", "/x%00",
		"/x?\x80\xff", "/\x80\xff", "/x?a=1&_live=x&_live=y", "/x#y",
		"/x?hx-on:load=alert(1)", "/@evil.example", "/;//evil.example", "/x?" + strings.Repeat("a=1&", 900),
	}
	for _, target := range targets {
		for _, htmx := range []bool{false, true} {
			request := knock{line: "GET " + target + " HTTP/1.1"}.and("Host", l.node.Addr).
				and("Cookie", b.CookieHeader(l.node)).and("Connection", "close")
			if htmx {
				request = request.and("HX-Request", "true").and("HX-Target", "live").and("X-Account-Stamp", stamp).
					and("Sec-Fetch-Site", "same-origin")
			}
			got, err := request.send(t, l.node.Addr)
			if err != nil || got.status == http.StatusBadRequest {
				continue // the server does not take it
			}
			if got.status != http.StatusOK {
				t.Errorf("%.40q: %d", target, got.status)
				continue
			}
			if len(got.header.Values("Set-Cookie")) > 0 {
				t.Errorf("%q sets a cookie", target)
			}
			nodes, err := html.ParseFragment(strings.NewReader(got.body),
				&html.Node{Type: html.ElementNode, Data: "body", DataAtom: atom.Body})
			if err != nil || len(nodes) != 1 {
				t.Fatalf("%.40q: %d elements, %v: %s", target, len(nodes), err, got.body)
			}
			var names, addresses []string
			for n := range descent(nodes[0]) {
				if n.Type == html.ElementNode {
					names = append(names, n.Data)
				}
			}
			for _, a := range nodes[0].Attr {
				names = append(names, a.Key)
				if strings.HasSuffix(a.Key, "connect") {
					addresses = append(addresses, a.Val)
				}
			}
			if want := "div p p id data-live data-live-reconnecting hx-ext data-ws-connect hx-ws:connect"; strings.Join(names, " ") != want {
				t.Errorf("%.40q: elements and attributes are %q, want %q", target, names, want)
			}
			if htmx {
				addresses = append(addresses, got.header.Get("HX-Push-Url"))
			}
			for _, address := range addresses {
				base := &url.URL{Scheme: "https", Host: "app.test", Path: "/x"}
				u, err := base.Parse(address)
				if err != nil || u.Host != "app.test" || u.Scheme != "https" || !strings.HasPrefix(address, "/") ||
					strings.HasPrefix(address, "//") || strings.HasPrefix(address, `/\`) ||
					strings.ContainsAny(address, "\r\n\x00") {
					t.Errorf("%.40q: the browser is told %.80q", target, address)
				}
			}
		}
	}
}
