package liveload_test

import (
	"fmt"
	"slices"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// screen is what a browser shows: a document to which the frames of a view are applied as htmx does it.
type screen struct{ doc *html.Node }

func newScreen(page string) (*screen, error) {
	doc, err := html.Parse(strings.NewReader(page))
	return &screen{doc}, err
}

func attribute(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

// find returns the first element that has an attribute with that value; an empty value stands for any.
func (s *screen) find(name, value string) *html.Node {
	for n := range s.doc.Descendants() {
		if got := attribute(n, name); n.Type == html.ElementNode && got != "" && (value == "" || got == value) {
			return n
		}
	}
	return nil
}

// rows returns the texts of the list with that id, and whether there is such a list.
func (s *screen) rows(id string) (rows []string, ok bool) {
	list := s.find("id", id)
	if list == nil {
		return nil, false
	}
	for row := range list.ChildNodes() {
		if row.Type == html.ElementNode && attribute(row, "id") != "" && row.FirstChild != nil {
			rows = append(rows, strings.TrimSpace(row.FirstChild.Data))
		}
	}
	return rows, true
}

// apply puts a frame into the document. An error names an element that has no place there, which no view should send.
func (s *screen) apply(frame string) error {
	template := &html.Node{Type: html.ElementNode, DataAtom: atom.Template, Data: "template"}
	elements, err := html.ParseFragment(strings.NewReader(frame), template)
	if err != nil {
		return err
	}
	for _, element := range elements {
		if element.Type != html.ElementNode {
			continue
		}
		style, to := attribute(element, "hx-swap-oob"), attribute(element, "id")
		if word, selector, named := strings.Cut(style, ":"); named {
			style, to = word, strings.TrimPrefix(selector, "#")
		}
		target := s.find("id", to)
		if target == nil || style == "" {
			return fmt.Errorf("%s of %q has no place on the page", style, to)
		}
		if err := swap(target, element, style); err != nil {
			return err
		}
	}
	return nil
}

func swap(target, element *html.Node, style string) error {
	put := func(parent, before *html.Node, nodes ...*html.Node) {
		for _, n := range nodes {
			if n.Parent != nil {
				n.Parent.RemoveChild(n)
			}
			parent.InsertBefore(n, before)
		}
	}
	inside := slices.Collect(element.ChildNodes())
	switch style {
	case "true", "outerHTML":
		element.Attr = slices.DeleteFunc(element.Attr, func(a html.Attribute) bool { return a.Key == "hx-swap-oob" })
		put(target.Parent, target, element)
		target.Parent.RemoveChild(target)
	case "innerHTML":
		for _, n := range slices.Collect(target.ChildNodes()) {
			target.RemoveChild(n)
		}
		put(target, nil, inside...)
	case "beforebegin":
		put(target.Parent, target, inside...)
	case "afterend":
		put(target.Parent, target.NextSibling, inside...)
	case "afterbegin":
		put(target, target.FirstChild, inside...)
	case "beforeend":
		put(target, nil, inside...)
	case "delete":
		target.Parent.RemoveChild(target)
	default:
		return fmt.Errorf("a swap by %q", style)
	}
	return nil
}
