package live

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/url"
	"strconv"
)

// maxFields bounds the fields of one event or form. What has more was not made by a form that a person fills in.
const maxFields = 256

// Event is what the browser sent: the fields of a form, as htmx encodes them. All of it is untrusted. [Decode] reads it into
// a struct and checks it. Names that begin with "_" are reserved for this package and its hooks.
type Event struct {
	Fields url.Values
}

// Get returns the first value of a field, or "".
func (e Event) Get(name string) string { return e.Fields.Get(name) }

// All returns all values of a field, or nil. The slice belongs to the event.
func (e Event) All(name string) []string { return e.Fields[name] }

// Name returns the event's name, the field _event: a view with several forms tells them apart by it.
func (e Event) Name() string { return e.Get("_event") }

// What is wrong with a message. The texts go to the browser as reasons of a close, which have room for 123 bytes.
var (
	errNoObject = errors.New("message is not a JSON object")
	errNoField  = errors.New("a field is neither a string, a number, a boolean nor a flat list of them")
	errFields   = errors.New("message has too many fields")
)

// decodeEvent reads a message of htmx 2 or 4. What they say about the request (HEADERS or headers) is dropped: anybody can
// write there what he likes. Fields of forms are strings and lists of strings; htmx 4 sends what hx-vals says with its own
// type, so a number or a boolean becomes its JSON text, and null means that the field is absent. A list with a null in it
// is refused, because its values would move. Of several fields with the same name the last one counts.
//
// It reads token by token, so that what is nested too deep or has too many fields ends it before it has cost anything.
func decodeEvent(message []byte) (Event, error) {
	dec := json.NewDecoder(bytes.NewReader(message))
	dec.UseNumber()
	if start, err := dec.Token(); err != nil || start != json.Delim('{') {
		return Event{}, errNoObject
	}
	fields := make(url.Values)
	for n := 0; dec.More(); {
		key, err := dec.Token()
		name, ok := key.(string)
		if err != nil || !ok {
			return Event{}, errNoObject
		}
		if name == "HEADERS" || name == "headers" {
			var dropped json.RawMessage
			if err := dec.Decode(&dropped); err != nil {
				return Event{}, errNoObject
			}
			continue
		}
		if n++; n > maxFields {
			return Event{}, errFields
		}
		values, err := decodeField(dec)
		switch {
		case err != nil:
			return Event{}, err
		case values == nil:
			delete(fields, name)
		default:
			fields[name] = values
		}
	}
	if _, err := dec.Token(); err != nil {
		return Event{}, errNoObject
	}
	if _, err := dec.Token(); err != io.EOF { // one object, and nothing after it
		return Event{}, errNoObject
	}
	return Event{Fields: fields}, nil
}

// decodeField reads the values of one field; nil stands for null.
func decodeField(dec *json.Decoder) ([]string, error) {
	token, err := dec.Token()
	if err != nil {
		return nil, errNoObject
	}
	if token == nil {
		return nil, nil
	}
	if token != json.Delim('[') {
		text, err := scalar(token)
		return []string{text}, err
	}
	values := []string{}
	for dec.More() {
		if token, err = dec.Token(); err != nil {
			return nil, errNoObject
		}
		text, err := scalar(token)
		if err != nil {
			return nil, err
		}
		values = append(values, text)
	}
	if _, err := dec.Token(); err != nil {
		return nil, errNoObject
	}
	return values, nil
}

func scalar(token json.Token) (string, error) {
	switch token := token.(type) {
	case string:
		return token, nil
	case json.Number:
		return token.String(), nil
	case bool:
		return strconv.FormatBool(token), nil
	}
	return "", errNoField
}
