package livetest

import (
	"errors"
	"fmt"
	"strings"

	"golang.org/x/net/html"
)

// piece is an element of a frame, with where it goes.
type piece struct {
	element *html.Node
	style   string // outerHTML, beforeend …
	id      string // of the target
}

// pieces reads a frame. Every element of it has to say where it goes.
func pieces(text string, version int) ([]piece, error) {
	nodes, err := parseFragment(text)
	if err != nil {
		return nil, err
	}
	var list []piece
	for _, n := range nodes {
		switch {
		case n.Type == html.TextNode && strings.TrimSpace(n.Data) == "", n.Type == html.CommentNode:
			continue
		case n.Type != html.ElementNode:
			return nil, fmt.Errorf("text outside of elements: %q", n.Data)
		}
		value, ok := first(n, "hx-swap-oob", "data-hx-swap-oob")
		if !ok {
			return nil, fmt.Errorf("<%s id=%q> has no hx-swap-oob: htmx 2 and 4 put it into different places", n.Data, attr(n, "id"))
		}
		p, err := newPiece(n, value, version)
		if err != nil {
			return nil, err
		}
		list = append(list, p)
	}
	if len(list) == 0 {
		return nil, errors.New("there is no element in it")
	}
	return list, nil
}

func newPiece(n *html.Node, value string, version int) (piece, error) {
	p := piece{element: n, style: value, id: attr(n, "id")}
	if style, selector, ok := strings.Cut(value, ":"); ok {
		id, isID := strings.CutPrefix(selector, "#")
		if !isID || strings.ContainsAny(id, " .,>+~[:") {
			return p, fmt.Errorf("hx-swap-oob=%q: a selector other than an id", value)
		}
		p.style, p.id = style, id
	}
	if p.style == "true" || p.style == "" {
		p.style = "outerHTML"
	}
	switch {
	case p.id == "":
		return p, fmt.Errorf("<%s hx-swap-oob=%q> has no id to go to", n.Data, value)
	case !known(p.style):
		return p, fmt.Errorf("hx-swap-oob=%q is no way to swap", value)
	case version == 2 && strings.HasSuffix(p.style, "Morph"):
		return p, fmt.Errorf("hx-swap-oob=%q: htmx 2 does not know it", value)
	}
	dropAttr(n, "hx-swap-oob")
	dropAttr(n, "data-hx-swap-oob")
	return p, nil
}

func known(style string) bool {
	switch style {
	case "outerHTML", "innerHTML", "beforebegin", "afterbegin", "beforeend", "afterend", "delete", "outerMorph",
		"innerMorph", "none":
		return true
	}
	return false
}

// apply puts a frame into the document and returns the ids that it looked for in vain: browsers drop these parts without a
// word. htmx 4 looks for all of them before it changes anything, htmx 2 one after the other.
func apply(doc *html.Node, list []piece, version int) (missed []string) {
	found := make([]*html.Node, len(list))
	find := func(i int) {
		if nodes := byID(doc, list[i].id); len(nodes) > 0 {
			found[i] = nodes[0]
		} else {
			missed = append(missed, list[i].id)
		}
	}
	if version == 4 {
		for i := range list {
			find(i)
		}
	}
	for i, p := range list {
		if version == 2 {
			find(i)
		}
		if found[i] == nil {
			continue
		}
		nodes := []*html.Node{p.element}
		if !strings.HasPrefix(p.style, "outer") {
			nodes = children(p.element)
		}
		swap(found[i], p.style, nodes)
	}
	return missed
}

// swap puts nodes into, beside, or in the place of a target.
func swap(target *html.Node, style string, nodes []*html.Node) {
	for _, n := range nodes {
		detach(n)
	}
	insert := func(parent, before *html.Node) {
		if parent == nil { // the target has left the document
			return
		}
		for _, n := range nodes {
			parent.InsertBefore(n, before)
		}
	}
	empty := func() {
		for _, c := range children(target) {
			target.RemoveChild(c)
		}
	}
	switch style {
	case "innerHTML", "innerMorph":
		empty()
		insert(target, nil)
	case "outerMorph": // the element stays, as one with an open socket has to
		if len(nodes) == 1 && nodes[0].Data == target.Data {
			target.Attr = nodes[0].Attr
			nodes = children(nodes[0])
			for _, n := range nodes {
				detach(n)
			}
			empty()
			insert(target, nil)
			return
		}
		insert(target.Parent, target)
		detach(target)
	case "outerHTML":
		insert(target.Parent, target)
		detach(target)
	case "beforebegin":
		insert(target.Parent, target)
	case "afterbegin":
		insert(target, target.FirstChild)
	case "beforeend":
		insert(target, nil)
	case "afterend":
		insert(target.Parent, target.NextSibling)
	case "delete":
		detach(target)
	}
}
