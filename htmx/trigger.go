package htmx

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode/utf16"

	"github.com/gofiber/fiber/v2"
)

// errNoObject: another part of the app has set HX-Trigger to something that cannot be added to.
var errNoObject = errors.New("the header HX-Trigger is neither an object nor a list of names")

// Trigger has htmx dispatch an event on the element that made the request; it bubbles. The detail becomes event.detail: an
// object as it is, nil as an empty object, anything else under the name value. Its key target, if it has one, is a CSS
// selector of the element that gets the event instead.
//
// It may be called several times for one answer, and adds to what others have set; for one name the last detail counts.
// htmx 2 dispatches before it swaps, htmx 4 afterwards. Details travel in a header: keep them well below a few kilobytes. The
// error is about a detail that is no JSON, or about a header that another part of the app has set.
func Trigger(c *fiber.Ctx, name string, detail any) error {
	event, err := pair(name, detail)
	if err != nil {
		return fmt.Errorf("htmx: trigger %q: %w", name, err)
	}
	before, err := members(string(c.Response().Header.Peek(headerTrigger)))
	if err != nil {
		return fmt.Errorf("htmx: trigger %q: %w", name, err)
	}
	if before != "" {
		event = before + "," + event
	}
	c.Set(headerTrigger, "{"+event+"}")
	return nil
}

// pair returns a member of a JSON object.
func pair(name string, detail any) (string, error) {
	value, err := json.Marshal(detail)
	if err != nil {
		return "", err
	}
	switch { // the versions of htmx do different things with what is no object
	case string(value) == "null":
		value = []byte("{}")
	case value[0] != '{':
		value = []byte(`{"value":` + string(value) + "}")
	}
	key, err := json.Marshal(name)
	return ascii(string(key) + ":" + string(value)), err
}

// members returns what is between the braces of the events that are there already, in their order.
func members(header string) (string, error) {
	header = strings.TrimSpace(header)
	if strings.HasPrefix(header, "{") {
		if !json.Valid([]byte(header)) {
			return "", errNoObject
		}
		return strings.TrimSpace(header[1 : len(header)-1]), nil
	}
	var events []string
	for name := range strings.SplitSeq(header, ",") {
		if name = strings.TrimSpace(name); name == "" {
			continue
		}
		event, err := pair(name, nil)
		if err != nil {
			return "", err
		}
		events = append(events, event)
	}
	return strings.Join(events, ","), nil
}

// ascii escapes everything else in JSON: browsers read headers byte by byte.
func ascii(text string) string {
	var b strings.Builder
	for _, unit := range utf16.Encode([]rune(text)) {
		if unit < ' ' || unit > '~' {
			fmt.Fprintf(&b, `\u%04x`, unit)
		} else {
			b.WriteByte(byte(unit))
		}
	}
	return b.String()
}
