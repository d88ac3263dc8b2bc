package live

import "strings"

// markup walks over the tags of HTML. It follows the nesting and asks for closed elements; it is no validator.
type markup struct {
	html string
	at   int
	open []string // names of the elements around the current place
}

// tag is a start or an end tag.
type tag struct {
	name     string
	from, to int // its place in the HTML
	depth    int // how many elements are around the element
	end      bool
	whole    bool // an element without content: it has no end tag
	id, swap string
}

// next returns the next tag and the text before it. A tag without a name is the end of the HTML.
func (m *markup) next() (text string, t tag, err error) {
	start := m.at
	for {
		i := strings.IndexByte(m.html[m.at:], '<')
		if i < 0 {
			text, m.at = m.html[start:], len(m.html)
			if len(m.open) > 0 {
				return text, tag{}, notClosed(m.open[len(m.open)-1])
			}
			return text, tag{}, nil
		}
		from := m.at + i
		rest := m.html[from+1:]
		switch {
		case strings.HasPrefix(rest, "!--"):
			_, after, _ := strings.Cut(rest[3:], "-->")
			if len(m.open) == 0 && strings.TrimSpace(m.html[start:from]) == "" {
				start = len(m.html) - len(after) // a comment outside of elements is nothing
			}
			m.at = len(m.html) - len(after)
			continue
		case strings.HasPrefix(rest, "/"):
			name, after := tagName(rest[1:])
			_, after, _ = strings.Cut(after, ">")
			m.at = len(m.html) - len(after)
			if m.open = closeTag(m.open, name); m.open == nil {
				return "", tag{}, closesNothing(name)
			}
			return m.html[start:from], tag{name: name, from: from, to: m.at, depth: len(m.open), end: true}, nil
		}
		name, after := tagName(rest)
		if name == "" {
			m.at = from + 1 // a < that is text
			continue
		}
		t = tag{name: name, from: from, depth: len(m.open)}
		closed, after := t.attributes(after)
		m.at = len(m.html) - len(after)
		t.to = m.at
		switch {
		case void[name] || closed && foreign(m.open):
			t.whole = true
		case raw[name]:
			end := strings.Index(strings.ToLower(after), "</"+name)
			if end < 0 {
				return "", tag{}, notClosed(name)
			}
			_, after, _ = strings.Cut(after[end:], ">")
			m.at = len(m.html) - len(after)
			t.to, t.whole = m.at, true // what is inside is no markup
		default:
			m.open = append(m.open, name)
		}
		return m.html[start:from], t, nil
	}
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
func (t *tag) attributes(s string) (closed bool, rest string) {
	for {
		s = strings.TrimLeft(s, " \t\r\n\f")
		switch {
		case s == "":
			return closed, ""
		case s[0] == '>':
			return closed, s[1:]
		case s[0] == '/':
			closed = strings.HasPrefix(s, "/>")
			s = s[1:]
			continue
		}
		end := strings.IndexAny(s[1:], " \t\r\n\f/>=") + 1
		if end == 0 {
			return closed, ""
		}
		name, value := s[:end], ""
		s = strings.TrimLeft(s[end:], " \t\r\n\f")
		if strings.HasPrefix(s, "=") {
			value, s = attributeValue(strings.TrimLeft(s[1:], " \t\r\n\f"))
		}
		switch {
		case t.id == "" && strings.EqualFold(name, "id"):
			t.id = value
		case strings.EqualFold(name, "hx-swap-oob"), strings.EqualFold(name, "data-hx-swap-oob"):
			t.swap = value
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
