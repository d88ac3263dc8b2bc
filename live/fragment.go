package live

import (
	"errors"
	"fmt"
	"strings"
)

// ErrNotOutOfBand: HTML was pushed that the two htmx versions would put into different places. Give each top-level element
// an id and an hx-swap-oob attribute.
var ErrNotOutOfBand = errors.New("live: every top-level element needs hx-swap-oob")

// checkOutOfBand makes sure that html is a list of elements which all say where they go. It follows the nesting of tags and
// asks for closed ones; it is no validator.
func checkOutOfBand(html string) error {
	var open []string // names of the elements around the current place
	for html != "" {
		text, rest, found := strings.Cut(html, "<")
		if len(open) == 0 && strings.TrimSpace(text) != "" {
			return fmt.Errorf("%w: found text outside of elements", ErrNotOutOfBand)
		}
		if !found {
			break
		}
		switch {
		case strings.HasPrefix(rest, "!--"):
			_, html, _ = strings.Cut(rest[3:], "-->")
			continue
		case strings.HasPrefix(rest, "/"):
			name, after := tagName(rest[1:])
			_, html, _ = strings.Cut(after, ">")
			open = closeTag(open, name)
			if open == nil {
				return fmt.Errorf("%w: </%s> closes nothing", ErrNotOutOfBand, name)
			}
			continue
		}
		name, after := tagName(rest)
		if name == "" {
			if len(open) == 0 {
				return fmt.Errorf("%w: found text outside of elements", ErrNotOutOfBand)
			}
			html = rest
			continue
		}
		outOfBand, closed, after := attributes(after)
		if len(open) == 0 && !outOfBand {
			return fmt.Errorf("%w: <%s> has none", ErrNotOutOfBand, name)
		}
		html = after
		switch {
		case void[name] || closed && foreign(open):
		case raw[name]:
			end := strings.Index(strings.ToLower(html), "</"+name)
			if end < 0 {
				return fmt.Errorf("%w: <%s> is not closed", ErrNotOutOfBand, name)
			}
			html = html[end:]
			fallthrough
		default:
			open = append(open, name)
		}
	}
	if len(open) > 0 {
		return fmt.Errorf("%w: <%s> is not closed", ErrNotOutOfBand, open[len(open)-1])
	}
	return nil
}

// closeTag takes name and what was left open inside it off the stack; nil when there is no such element.
func closeTag(open []string, name string) []string {
	for i := len(open) - 1; i >= 0; i-- {
		if open[i] == name {
			return open[:i:i]
		}
	}
	return nil
}

// foreign reports whether <x/> closes itself here.
func foreign(open []string) bool {
	for _, name := range open {
		if name == "svg" || name == "math" {
			return true
		}
	}
	return false
}

func tagName(s string) (name, rest string) {
	if s == "" || !letter(s[0]) {
		return "", s
	}
	end := strings.IndexAny(s, " \t\r\n\f/>")
	if end < 0 {
		end = len(s)
	}
	return strings.ToLower(s[:end]), s[end:]
}

func letter(b byte) bool { return b|0x20 >= 'a' && b|0x20 <= 'z' }

// attributes reads up to the end of a start tag.
func attributes(s string) (outOfBand, closed bool, rest string) {
	for {
		s = strings.TrimLeft(s, " \t\r\n\f")
		switch {
		case s == "":
			return outOfBand, closed, ""
		case s[0] == '>':
			return outOfBand, closed, s[1:]
		case s[0] == '/':
			closed = strings.HasPrefix(s, "/>")
			s = s[1:]
			continue
		}
		end := strings.IndexAny(s[1:], " \t\r\n\f/>=") + 1
		if end == 0 {
			return outOfBand, closed, ""
		}
		name, value := strings.ToLower(s[:end]), ""
		s = strings.TrimLeft(s[end:], " \t\r\n\f")
		if strings.HasPrefix(s, "=") {
			value, s = attributeValue(strings.TrimLeft(s[1:], " \t\r\n\f"))
		}
		if (name == "hx-swap-oob" || name == "data-hx-swap-oob") && value != "" {
			outOfBand = true
		}
	}
}

func attributeValue(s string) (value, rest string) {
	if s != "" && (s[0] == '"' || s[0] == '\'') {
		value, rest, _ = strings.Cut(s[1:], s[:1])
		return value, rest
	}
	end := strings.IndexAny(s, " \t\r\n\f>")
	if end < 0 {
		end = len(s)
	}
	return s[:end], s[end:]
}

// void elements have no end tag; what is inside raw ones is no markup.
var (
	void = set("area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr")
	raw  = set("script", "style", "textarea", "title")
)

func set(names ...string) map[string]bool {
	m := make(map[string]bool, len(names))
	for _, name := range names {
		m[name] = true
	}
	return m
}
