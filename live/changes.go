package live

import (
	"cmp"
	"fmt"
	"slices"
)

// What integration_test/swaps has found out of htmx 2.0.11 and 4.0.1, and what this file therefore sends. Out of band in a
// message of a socket both know true, outerHTML, innerHTML, delete, beforeend, afterend and beforebegin, the last four also
// with :#id. outerMorph and innerMorph are known to htmx 4 only. Of what a person did inside of the element that is swapped
//
//	true, outerHTML, innerHTML   htmx 2: nothing survives; htmx 4: the focus, if the field has an id
//	outerMorph, innerMorph       htmx 4: all but open details: focus, typed text, caret, checked boxes, scroll
//	all others                   everything survives, as in the parts that are not swapped at all

// A browser reads a message as what is inside a <template>, and the first element says how: after a <div> a <tr> is ignored,
// and after a <tbody> the tags of a form are torn apart. What htmx 4 then finds left over takes the place of the whole view.
// So elements of a table go in messages of their own; mode is what may be together in one.
type mode uint8

const (
	inBody mode = iota
	inTable
	inRow
	inCell
	inColumns
)

func modeOf(name string) mode {
	switch name {
	case "tbody", "thead", "tfoot", "caption", "colgroup":
		return inTable
	case "tr":
		return inRow
	case "td", "th":
		return inCell
	case "col":
		return inColumns
	}
	return inBody
}

// wrapper returns the element that rows have to be in for a browser to read them.
func wrapper(row string) string {
	switch modeOf(row) {
	case inTable:
		return "table"
	case inRow:
		return "tbody"
	case inCell:
		return "tr"
	case inColumns:
		return "colgroup"
	}
	return "div"
}

// stage is when a change is made. What leaves goes first, since it may come back with the same id in another place. What
// comes is put beside elements that may be replaced, and htmx 4 looks for the places of a message before it changes anything:
// beside an element that the same message has replaced nothing appears.
type stage uint8

const (
	leaving stage = iota
	coming
	changing
)

// change is one element of a message.
type change struct {
	stage stage
	mode  mode
	html  string
}

// leave takes away the element with an id, which is among elements of a name.
func leave(id, among string) change {
	around := wrapper(among)
	return change{leaving, modeOf(around), fmt.Sprintf(`<%s hx-swap-oob="delete:#%s"></%[1]s>`, around, id)}
}

// come puts elements of a name to a place: how and #id.
func come(rows, name, place string) change {
	around := wrapper(name)
	return change{coming, modeOf(around), fmt.Sprintf(`<%s hx-swap-oob="%s">%s</%[1]s>`, around, place, rows)}
}

// replace puts an element into the place of the one with its id. It is no morph, which only htmx 4 has: that would keep what a
// person typed also where the server has emptied the field. The script of the page keeps what may stay.
func replace(html string) change {
	name, rest := tagName(html[1:])
	return change{changing, modeOf(name), fmt.Sprintf(`<%s hx-swap-oob="true"%s`, html[1:1+len(name)], rest)}
}

// frames puts changes into the order in which they have to be made, and into as few messages as a browser can read them from.
func frames(all []change) [][]byte {
	// Up through the modes with what leaves and down again with the rest, so that there are few changes of mode.
	rank := func(c change) int {
		if c.stage == leaving {
			return int(c.mode)
		}
		return 2*int(inColumns) + 1 - int(c.mode)
	}
	slices.SortStableFunc(all, func(a, b change) int {
		return cmp.Or(rank(a)-rank(b), int(a.stage)-int(b.stage))
	})
	return inMessages(all)
}

// inMessages keeps the order. Neighbours of one mode may travel in one message, others may not; most often all are of one.
func inMessages(all []change) (messages [][]byte) {
	for i, c := range all {
		if i == 0 || c.mode != all[i-1].mode {
			messages = append(messages, nil)
		}
		at := len(messages) - 1
		messages[at] = append(messages[at], c.html...)
	}
	return messages
}
