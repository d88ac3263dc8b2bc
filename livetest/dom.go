package livetest

import (
	"fmt"
	"slices"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// walk calls visit for n and everything inside it, in the order of the document, until visit returns false.
func walk(n *html.Node, visit func(*html.Node) bool) bool {
	if !visit(n) {
		return false
	}
	for c := n.FirstChild; c != nil; {
		next := c.NextSibling
		if !walk(c, visit) {
			return false
		}
		c = next
	}
	return true
}

// all returns the elements of root that match.
func all(root *html.Node, match func(*html.Node) bool) (found []*html.Node) {
	walk(root, func(n *html.Node) bool {
		if n.Type == html.ElementNode && match(n) {
			found = append(found, n)
		}
		return true
	})
	return found
}

// byID returns the elements with an id. A document should have one at most.
func byID(root *html.Node, id string) []*html.Node {
	return all(root, func(n *html.Node) bool { return attr(n, "id") == id })
}

// element returns the element with an id. The error says what there is instead.
func element(root *html.Node, id string) (*html.Node, error) {
	switch found := byID(root, id); len(found) {
	case 1:
		return found[0], nil
	case 0:
		return nil, fmt.Errorf("no element has the id %q; there are %s", id, ids(root))
	default:
		return nil, fmt.Errorf("%d elements have the id %q; an id has to be unique", len(found), id)
	}
}

// ids lists what elements can be named by.
func ids(root *html.Node) string {
	var names []string
	for _, n := range all(root, func(n *html.Node) bool { return attr(n, "id") != "" }) {
		names = append(names, attr(n, "id"))
	}
	slices.Sort(names)
	names = slices.Compact(names)
	const most = 60
	if len(names) > most {
		names = append(names[:most], "…")
	}
	if len(names) == 0 {
		return "no ids at all"
	}
	return strings.Join(names, ", ")
}

func lookup(n *html.Node, name string) (string, bool) {
	for _, a := range n.Attr {
		if a.Namespace == "" && a.Key == name {
			return a.Val, true
		}
	}
	return "", false
}

func attr(n *html.Node, name string) string {
	value, _ := lookup(n, name)
	return value
}

// first returns the value of the first of the attributes that n has.
func first(n *html.Node, names ...string) (string, bool) {
	for _, name := range names {
		if value, ok := lookup(n, name); ok {
			return value, true
		}
	}
	return "", false
}

func setAttr(n *html.Node, name, value string) {
	for i := range n.Attr {
		if n.Attr[i].Namespace == "" && n.Attr[i].Key == name {
			n.Attr[i].Val = value
			return
		}
	}
	n.Attr = append(n.Attr, html.Attribute{Key: name, Val: value})
}

func dropAttr(n *html.Node, name string) {
	n.Attr = slices.DeleteFunc(n.Attr, func(a html.Attribute) bool { return a.Namespace == "" && a.Key == name })
}

// closest returns n or the nearest element around it that matches, or nil.
func closest(n *html.Node, match func(*html.Node) bool) *html.Node {
	for ; n != nil; n = n.Parent {
		if n.Type == html.ElementNode && match(n) {
			return n
		}
	}
	return nil
}

// attached reports whether n is still in the document.
func attached(doc, n *html.Node) bool {
	for ; n != nil; n = n.Parent {
		if n == doc {
			return true
		}
	}
	return false
}

func children(n *html.Node) (list []*html.Node) {
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		list = append(list, c)
	}
	return list
}

func detach(n *html.Node) {
	if n.Parent != nil {
		n.Parent.RemoveChild(n)
	}
}

// parseFragment reads HTML as a browser reads it into a template, where rows and cells may stand alone.
func parseFragment(text string) ([]*html.Node, error) {
	template := &html.Node{Type: html.ElementNode, DataAtom: atom.Template, Data: "template"}
	return html.ParseFragment(strings.NewReader(text), template)
}

func outer(n *html.Node) string {
	var b strings.Builder
	_ = html.Render(&b, n) // a strings.Builder takes everything
	return b.String()
}

// inline are the elements whose text runs on without a space.
var inline = map[string]bool{
	"a": true, "abbr": true, "b": true, "bdi": true, "bdo": true, "cite": true, "code": true, "data": true, "dfn": true,
	"em": true, "i": true, "kbd": true, "mark": true, "q": true, "s": true, "samp": true, "small": true, "span": true,
	"strong": true, "sub": true, "sup": true, "time": true, "u": true, "var": true, "wbr": true,
}

// unread are the elements whose inside nobody reads.
var unread = map[string]bool{"script": true, "style": true, "template": true, "head": true, "noscript": true}

// textOf returns the text of an element with single spaces between words and between blocks.
func textOf(n *html.Node) string {
	var b strings.Builder
	var add func(n *html.Node)
	add = func(n *html.Node) {
		switch {
		case n.Type == html.TextNode:
			b.WriteString(n.Data)
			return
		case n.Type == html.ElementNode && unread[n.Data]:
			return
		}
		block := n.Type == html.ElementNode && !inline[n.Data]
		if block {
			b.WriteByte(' ')
		}
		for _, c := range children(n) {
			add(c)
		}
		if block {
			b.WriteByte(' ')
		}
	}
	add(n)
	return strings.Join(strings.Fields(b.String()), " ")
}

// rawText returns the text of an element as it is.
func rawText(n *html.Node) string {
	var b strings.Builder
	walk(n, func(n *html.Node) bool {
		if n.Type == html.TextNode {
			b.WriteString(n.Data)
		}
		return true
	})
	return b.String()
}
