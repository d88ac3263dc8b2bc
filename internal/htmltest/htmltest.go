// Package htmltest is for tests of markup: a strict parser for the HTML that this project writes, and hostile values to
// put into it.
//
// The parser reads tags the way browsers do, but refuses what our templates never write and what only an escaping mistake
// produces: comments, attributes without quotes, attributes twice, a bare < in text, elements that do not close in order.
package htmltest

import (
	"fmt"
	"html"
	"slices"
	"strings"
	"testing"
)

// Element is an element of parsed HTML. The outermost one has no tag.
type Element struct {
	Tag      string
	Attr     map[string]string // decoded values
	Parent   *Element
	Children []*Element
	names    []string
	text     strings.Builder // of this element and those in it
}

// void lists the elements without an end tag that may occur.
var void = []string{"img", "input", "meta", "link", "br"}

// Parse reads markup. Markup that is not well formed fails the test.
func Parse(t testing.TB, markup string) *Element {
	t.Helper()
	p := parser{rest: markup}
	root, err := p.parse()
	if err != nil {
		t.Fatalf("%v, before %.80q in:\n%s", err, p.rest, markup)
	}
	return root
}

// All returns the elements that match, in the order of the document.
func (e *Element) All(match func(*Element) bool) []*Element {
	var found []*Element
	for _, c := range e.Children {
		if match(c) {
			found = append(found, c)
		}
		found = append(found, c.All(match)...)
	}
	return found
}

// Tags returns the elements with a tag.
func (e *Element) Tags(tag string) []*Element {
	return e.All(func(e *Element) bool { return e.Tag == tag })
}

// With returns the elements with an attribute of that value.
func (e *Element) With(attribute, value string) []*Element {
	return e.All(func(e *Element) bool { return e.Attr[attribute] == value && slices.Contains(e.names, attribute) })
}

// Text returns the text of an element and of those in it, with spaces collapsed.
func (e *Element) Text() string { return strings.Join(strings.Fields(e.text.String()), " ") }

// Shape returns the elements with the names of their attributes, one to a line, indented: what must not depend on data.
func (e *Element) Shape() string {
	var b strings.Builder
	e.shape(&b, 0)
	return b.String()
}

func (e *Element) shape(b *strings.Builder, depth int) {
	for _, c := range e.Children {
		fmt.Fprintln(b, strings.Repeat(" ", depth)+c.Tag, c.names)
		c.shape(b, depth+1)
	}
}

type parser struct {
	rest string
	at   *Element
}

func (p *parser) parse() (*Element, error) {
	root := &Element{}
	p.at = root
	if rest, found := strings.CutPrefix(p.rest, "<!doctype html>"); found {
		p.rest = rest
	}
	for p.rest != "" {
		var err error
		switch {
		case strings.HasPrefix(p.rest, "</"):
			err = p.endTag()
		case p.rest[0] == '<':
			err = p.startTag()
		default:
			p.readText()
		}
		if err != nil {
			return nil, err
		}
	}
	if p.at != root {
		return nil, fmt.Errorf("<%s> does not end", p.at.Tag)
	}
	return root, nil
}

func (p *parser) readText() {
	end := strings.IndexByte(p.rest, '<')
	if end < 0 {
		end = len(p.rest)
	}
	for e := p.at; e != nil; e = e.Parent {
		e.text.WriteString(html.UnescapeString(p.rest[:end]))
	}
	p.rest = p.rest[end:]
}

func (p *parser) endTag() error {
	tag, rest, _ := strings.Cut(p.rest[2:], ">")
	if tag != p.at.Tag {
		return fmt.Errorf("end tag %q inside of <%s>", tag, p.at.Tag)
	}
	p.rest, p.at = rest, p.at.Parent
	return nil
}

func (p *parser) startTag() error {
	e := &Element{Parent: p.at, Attr: map[string]string{}}
	p.rest = p.rest[1:]
	if e.Tag = p.name(); e.Tag == "" {
		return fmt.Errorf("a bare <")
	}
	for {
		spaced := strings.TrimLeft(p.rest, " \n\t")
		if rest, found := strings.CutPrefix(spaced, ">"); found {
			p.rest = rest
			break
		}
		if spaced == p.rest {
			return fmt.Errorf("no space before an attribute of <%s>", e.Tag)
		}
		p.rest = spaced
		if err := p.attribute(e); err != nil {
			return err
		}
	}
	p.at.Children = append(p.at.Children, e)
	if !slices.Contains(void, e.Tag) {
		p.at = e
	}
	return nil
}

func (p *parser) attribute(e *Element) error {
	name := p.name()
	if _, twice := e.Attr[name]; name == "" || twice {
		return fmt.Errorf("<%s> has an attribute without a name, or twice: %q", e.Tag, name)
	}
	e.names = append(e.names, name)
	e.Attr[name] = ""
	rest, valued := strings.CutPrefix(p.rest, "=")
	if !valued {
		return nil
	}
	rest, quoted := strings.CutPrefix(rest, `"`)
	value, rest, closed := strings.Cut(rest, `"`)
	if !quoted || !closed {
		return fmt.Errorf("attribute %s of <%s> is not in double quotes", name, e.Tag)
	}
	e.Attr[name], p.rest = html.UnescapeString(value), rest
	return nil
}

// name reads a name of lower-case letters, digits and a few signs.
func (p *parser) name() string {
	end := strings.IndexFunc(p.rest, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '-' || r == ':')
	})
	if end < 0 {
		end = len(p.rest)
	}
	name := p.rest[:end]
	p.rest = p.rest[end:]
	return name
}
