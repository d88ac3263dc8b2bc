package live

import (
	"encoding/json"
	"errors"
	"net/url"
)

// Event is what the browser sent: the fields of a form, as htmx encodes them. All of it is untrusted.
type Event struct {
	Fields url.Values
}

// Get returns the first value of a field, or "".
func (e Event) Get(name string) string { return e.Fields.Get(name) }

var (
	errNoObject = errors.New("message is not a JSON object")
	errNoField  = errors.New("a field is neither a string nor a list of strings")
)

// decodeEvent reads a message of htmx 2 or 4. What they say about the request (HEADERS or headers) is dropped: anybody can
// write there what he likes.
func decodeEvent(message []byte) (Event, error) {
	var raw map[string]any
	if err := json.Unmarshal(message, &raw); err != nil || raw == nil {
		return Event{}, errNoObject
	}
	fields := make(url.Values, len(raw))
	for name, value := range raw {
		if name == "HEADERS" || name == "headers" {
			continue
		}
		switch value := value.(type) {
		case string:
			fields[name] = []string{value}
		case []any:
			values := make([]string, len(value))
			for i := range value {
				text, ok := value[i].(string)
				if !ok {
					return Event{}, errNoField
				}
				values[i] = text
			}
			fields[name] = values
		default:
			return Event{}, errNoField
		}
	}
	return Event{fields}, nil
}
