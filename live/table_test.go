package live_test

import (
	"html/template"
	"strings"
	"testing"

	"github.com/multiaccount-go/multiaccount/live"
)

// A browser reads a message that begins with a row as the inside of a table, and drops rows that come after something else.
func TestRowsOfTablesTravelAlone(t *testing.T) {
	w := newDiaries(t, live.Limits{})
	w.event = func(s *live.Socket, e live.Event) error {
		return s.Push(template.HTML(`<p id="a" hx-swap-oob="true">a</p><p id="b" hx-swap-oob="true">b</p>` +
			`<tr id="r" hx-swap-oob="true"><td>c</td></tr><p id="d" hx-swap-oob="true">d</p>`))
	}
	c := w.open("/rooms/7")
	c.expectText("/rooms/7")
	c.event(`{}`)
	for _, begins := range []string{`<p id="a" hx-swap-oob="true">a</p><p id="b"`, `<tr id="r"`, `<p id="d"`} {
		if text := c.text(); !strings.HasPrefix(text, begins) || strings.Count(text, "<tr") > 0 && strings.Count(text, "<p") > 0 {
			t.Errorf("got %s, want one that begins with %s", text, begins)
		}
	}
}
