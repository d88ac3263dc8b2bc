package live

import (
	"errors"
	"fmt"
	"slices"
)

// errNesting: a browser would put an element elsewhere than it is written. Then it is not inside the parts it seems to be
// inside of, and what is sent for these would come apart.
var errNesting = errors.New("live: an element is where HTML has no place for it")

// misplaced returns the depth of the outermost element that a browser takes the element name out of, or that it ends before
// it. around are the names of the elements around it. -1: the element stays where it is.
func misplaced(around []string, name string) int {
	if len(around) == 0 {
		return -1
	}
	inner := len(around) - 1
	if parents := onlyIn[name]; parents != nil && !parents[around[inner]] {
		return inner
	}
	if kids := onlyHolds[around[inner]]; kids != nil && !kids[name] {
		// It goes before the table, wherever in the table it is.
		return max(0, up(around, func(n string) bool { return n == "table" }, func(string) bool { return false }))
	}
	switch {
	case headings[name] && headings[around[inner]]:
		return inner
	case name == "form":
		if i := up(around, func(n string) bool { return n == name }, func(string) bool { return false }); i >= 0 {
			return i
		}
	case items[name] != nil:
		if i := up(around, func(n string) bool { return items[name][n] }, func(n string) bool { return !transparent[n] }); i >= 0 {
			return i
		}
	case alone[name]:
		return up(around, func(n string) bool { return n == name }, func(n string) bool { return walls[n] })
	}
	if !endsP[name] {
		return -1
	}
	return up(around, func(n string) bool { return n == "p" }, func(n string) bool { return walls[n] || n == "button" })
}

// up looks for an element from the inside to the outside, until one is a wall. It returns -1 when there is none.
func up(around []string, found, wall func(string) bool) int {
	for i, name := range slices.Backward(around) {
		if found(name) {
			return i
		}
		if wall(name) {
			break
		}
	}
	return -1
}

// nested returns an error when a part would come apart.
func (p *parser) nested(around []string, name string) error {
	depth := misplaced(around, name)
	if depth < 0 || p.around[len(p.around)-1].depth < depth {
		return nil
	}
	return fmt.Errorf("%w: <%s> inside <%s>", errNesting, name, around[depth])
}

var (
	headings = set("h1", "h2", "h3", "h4", "h5", "h6")
	alone    = set("a", "button", "nobr")
	// endsP are elements before which a browser ends a paragraph.
	endsP = set("address", "article", "aside", "blockquote", "center", "details", "dialog", "dir", "div", "dl", "dt", "dd",
		"fieldset", "figcaption", "figure", "footer", "form", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hgroup", "hr", "li",
		"main", "menu", "nav", "ol", "p", "pre", "search", "section", "summary", "table", "ul")
	// walls are elements inside of which everything may begin again.
	walls = set("table", "caption", "td", "th", "template", "object", "marquee", "applet", "svg", "math")
	items = map[string]map[string]bool{"li": set("li"), "dt": set("dt", "dd"), "dd": set("dt", "dd")}
	// transparent are elements through which an item of a list ends the one before it.
	transparent = set("address", "div", "p", "a", "abbr", "b", "bdi", "bdo", "cite", "code", "data", "dfn", "em", "i", "kbd",
		"label", "mark", "q", "s", "samp", "small", "span", "strong", "sub", "sup", "time", "u", "var")

	onlyIn = map[string]map[string]bool{
		"tbody": set("table", "template"), "thead": set("table", "template"), "tfoot": set("table", "template"),
		"caption": set("table", "template"), "colgroup": set("table", "template"), "col": set("colgroup", "table", "template"),
		"tr": set("tbody", "thead", "tfoot", "table", "template"), "td": set("tr", "template"), "th": set("tr", "template"),
	}
	onlyHolds = map[string]map[string]bool{
		"table": set("caption", "colgroup", "col", "thead", "tbody", "tfoot", "tr", "script", "style", "template"),
		"tbody": set("tr", "script", "style", "template"), "thead": set("tr", "script", "style", "template"),
		"tfoot": set("tr", "script", "style", "template"), "tr": set("td", "th", "script", "style", "template"),
		"colgroup": set("col", "template"),
	}
)

// textNode stands for the name of an element.
const textNode = "text"

// refusesText reports whether a browser takes text out of an element.
func refusesText(name string) bool { return onlyHolds[name] != nil }

func last(names []string) string {
	if len(names) == 0 {
		return ""
	}
	return names[len(names)-1]
}
