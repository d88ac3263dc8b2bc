package livetest

import (
	"fmt"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/net/html"
)

// Fields is what a person fills in: by the name of the field a string, or a []string for several fields or choices of one
// name, or a bool for a box to tick. A string or list for boxes names the values that are ticked; "" is none.
type Fields map[string]any

func (f Fields) values(name string) (list []string, tick, ok bool, err error) {
	switch value := f[name].(type) {
	case nil:
		_, ok = f[name]
		if ok {
			err = fmt.Errorf("the field %q is nil", name)
		}
		return nil, false, ok, err
	case string:
		return []string{value}, false, true, nil
	case []string:
		return value, false, true, nil
	case bool:
		return nil, value, true, nil
	default:
		return nil, false, true, fmt.Errorf("the field %q is a %T: a string, a []string or a bool will do", name, value)
	}
}

// plain returns fields that belong to no form.
func (f Fields) plain() (url.Values, error) {
	values := url.Values{}
	for name := range f {
		list, tick, _, err := f.values(name)
		if err != nil {
			return nil, err
		}
		if _, isBool := f[name].(bool); isBool {
			list = []string{fmt.Sprint(tick)}
		}
		values[name] = list
	}
	return values, nil
}

// kind returns what sort of field an element is, or "" when it is none.
func kind(n *html.Node) string {
	switch n.Data {
	case "input":
		if t := strings.ToLower(attr(n, "type")); t != "" {
			return t
		}
		return "text"
	case "button":
		if t := strings.ToLower(attr(n, "type")); t == "button" || t == "reset" {
			return t
		}
		return "submit"
	case "select", "textarea":
		return n.Data
	}
	return ""
}

func isButton(kind string) bool {
	return kind == "submit" || kind == "image" || kind == "button" || kind == "reset"
}

func submits(n *html.Node) bool { return kind(n) == "submit" || kind(n) == "image" }

func disabled(n *html.Node) bool {
	if _, off := lookup(n, "disabled"); off {
		return true
	}
	return closest(n.Parent, func(n *html.Node) bool {
		_, off := lookup(n, "disabled")
		return n.Data == "fieldset" && off
	}) != nil
}

func isForm(n *html.Node) bool { return n.Data == "form" }

// formOf returns the form that a field or button belongs to, or nil.
func formOf(doc, n *html.Node) *html.Node {
	if id, ok := lookup(n, "form"); ok {
		for _, found := range byID(doc, id) {
			if isForm(found) {
				return found
			}
		}
		return nil
	}
	return closest(n, isForm)
}

// controls returns the fields and buttons of a form.
func controls(doc, form *html.Node) []*html.Node {
	return all(doc, func(n *html.Node) bool { return kind(n) != "" && formOf(doc, n) == form })
}

// defaultButton is what the Enter key presses.
func defaultButton(doc, form *html.Node) *html.Node {
	for _, n := range controls(doc, form) {
		if submits(n) {
			if disabled(n) {
				return nil
			}
			return n
		}
	}
	return nil
}

// fill returns what a form sends, with what a person has filled in. nil stands for a form as it was drawn.
func fill(doc, form *html.Node, filled Fields, button *html.Node) (url.Values, error) {
	values := url.Values{}
	fields := controls(doc, form)
	used, choices := map[string]int{}, map[string][]string{}
	for _, n := range fields {
		name, sort := attr(n, "name"), kind(n)
		if name == "" {
			continue
		}
		if isButton(sort) {
			if n == button {
				values.Add(name, attr(n, "value"))
			}
			continue
		}
		given, tick, ok, err := filled.values(name)
		if err != nil {
			return nil, err
		}
		_, isBool := filled[name].(bool)
		if ok && disabled(n) {
			return nil, fmt.Errorf("the field %q is disabled: nobody can fill it in", name)
		}
		if ok && isBool && sort != "checkbox" {
			return nil, fmt.Errorf("the field %q is a %s, not a box to tick", name, sort)
		}
		if disabled(n) {
			continue
		}
		switch sort {
		case "file":
			if ok {
				return nil, fmt.Errorf("the field %q takes a file, which livetest cannot send", name)
			}
		case "checkbox", "radio":
			value, has := lookup(n, "value")
			if !has {
				value = "on"
			}
			_, on := lookup(n, "checked")
			if ok {
				on = tick || slices.Contains(given, value)
				choices[name] = append(choices[name], value)
				used[name] = len(given)
			}
			if on {
				values.Add(name, value)
			}
		case "select":
			drawn, possible := options(n)
			if ok {
				drawn = given
				choices[name] = append(choices[name], possible...)
				used[name] = len(given)
			}
			for _, value := range drawn {
				values.Add(name, value)
			}
		default:
			value := valueOf(n)
			if at := used[name]; at < len(given) {
				value = given[at]
				used[name]++
			}
			values.Add(name, value)
		}
	}
	return values, check(fields, filled, used, choices)
}

// check finds what a person could not have filled in.
func check(fields []*html.Node, filled Fields, used map[string]int, choices map[string][]string) error {
	var names []string
	for _, n := range fields {
		if name := attr(n, "name"); name != "" && !isButton(kind(n)) && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	for name := range filled {
		given, _, _, err := filled.values(name)
		switch {
		case err != nil:
			return err
		case !slices.Contains(names, name):
			return fmt.Errorf("the form has no field %q; it has %s", name, strings.Join(names, ", "))
		case used[name] < len(given):
			return fmt.Errorf("the form has fewer fields %q than the %d values for them", name, len(given))
		}
		for _, value := range given {
			if possible, ok := choices[name]; ok && value != "" && !slices.Contains(possible, value) {
				return fmt.Errorf("the field %q has no choice %q; it has %q", name, value, possible)
			}
		}
	}
	return nil
}

// options returns the values that a select has, and those that are chosen.
func options(n *html.Node) (chosen, possible []string) {
	_, multiple := lookup(n, "multiple")
	fallback := ""
	found := false
	for _, o := range all(n, func(n *html.Node) bool { return n.Data == "option" }) {
		value, ok := lookup(o, "value")
		if !ok {
			value = strings.Join(strings.Fields(rawText(o)), " ")
		}
		if disabled(o) {
			continue
		}
		possible = append(possible, value)
		if !found {
			fallback, found = value, true
		}
		if _, on := lookup(o, "selected"); on {
			chosen = append(chosen, value)
		}
	}
	switch {
	case multiple:
	case len(chosen) > 1:
		chosen = chosen[len(chosen)-1:]
	case len(chosen) == 0 && found:
		chosen = []string{fallback}
	}
	return chosen, possible
}

// valueOf returns the value that a field was drawn with.
func valueOf(n *html.Node) string {
	switch n.Data {
	case "textarea":
		return rawText(n)
	case "select":
		chosen, _ := options(n)
		if len(chosen) == 0 {
			return ""
		}
		return chosen[0]
	}
	return attr(n, "value")
}
