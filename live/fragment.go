package live

import (
	"errors"
	"fmt"
	"strings"
)

// ErrNotOutOfBand: HTML was pushed that the two htmx versions would put into different places. Give each top-level element
// an hx-swap-oob attribute, or give each an id.
var ErrNotOutOfBand = errors.New("live: every top-level element needs hx-swap-oob or an id")

func notClosed(name string) error {
	return fmt.Errorf("%w: <%s> is not closed", ErrNotOutOfBand, name)
}

func closesNothing(name string) error {
	return fmt.Errorf("%w: </%s> closes nothing", ErrNotOutOfBand, name)
}

// fragment is an element at the top of what is pushed.
type fragment struct {
	id, swap string
	html     string
}

// fragments returns the elements of html, each of which has to say where it goes.
func fragments(html string) ([]fragment, error) {
	var all []fragment
	m := markup{html: html}
	top := tag{}
	for {
		text, t, err := m.next()
		switch {
		case err != nil:
			return nil, err
		case top.name == "" && strings.TrimSpace(text) != "":
			return nil, fmt.Errorf("%w: found text outside of elements", ErrNotOutOfBand)
		case t.name == "":
			return all, nil
		case t.depth > 0:
			continue
		case t.end:
		case t.swap == "" && t.id == "":
			return nil, fmt.Errorf("%w: <%s> has neither", ErrNotOutOfBand, t.name)
		default:
			top = t
			if !t.whole {
				continue
			}
		}
		all = append(all, fragment{top.id, top.swap, html[top.from:t.to]})
		top = tag{}
	}
}

// checkOutOfBand makes sure that html is a list of elements which all say by hx-swap-oob where they go.
func checkOutOfBand(html string) error {
	all, err := fragments(html)
	if err != nil {
		return err
	}
	for _, f := range all {
		if f.swap == "" {
			return fmt.Errorf("%w: #%s has no hx-swap-oob", ErrNotOutOfBand, f.id)
		}
	}
	return nil
}
