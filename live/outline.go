package live

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// outline is what the server remembers of what a browser shows: for each element with an id, a part, a hash of what it is
// without the parts inside it, and which parts these are. It holds no HTML: about 16 bytes for a part, and its id. Many views
// may have the same outline, so nothing of it is modified.
//
// Parts that follow one another with nothing but white space between them are a run, like the rows of a list. A run counts
// as one thing in its parent, however many parts it has, so that a list stays the same when rows come and go. White space
// between the parts of a run comes with a part that comes, and stays when it goes.
type outline struct {
	entries []entry // in the order of the HTML; the first is the whole, which has no id
	ids     string
}

type entry struct {
	hash uint64
	end  uint32 // behind the last part inside this one
	id   uint32 // where its id begins, and the two bits
}

const (
	beginsRun = 1 << 31
	sealed    = 1 << 30 // no part, but inside of one, such as an option: it is only known that its id is there
	bits      = beginsRun | sealed
)

// part is an element with an id in HTML that has just been drawn.
type part struct {
	id       string
	from, to int
	name     string // of the element
	hash     uint64
	end      int
	run      bool // begins a run
	sealed   bool
}

var errSameID = errors.New("live: two elements have the same id")

// unknown is the outline of what the server knows nothing of.
var unknown = new(outline)

// newOutline returns the outline of a view's HTML. With an error it is unknown, and the view can only be sent as a whole.
func newOutline(html string) (*outline, error) {
	parts, err := parse(html)
	if err != nil {
		return unknown, err
	}
	return outlineOf(parts), nil
}

func outlineOf(parts []part) *outline {
	o := &outline{entries: make([]entry, len(parts))}
	size := 0
	for _, p := range parts {
		size += len(p.id)
	}
	var ids strings.Builder
	ids.Grow(size)
	for i, p := range parts {
		o.entries[i] = entry{p.hash, uint32(p.end), uint32(ids.Len())}
		if p.run {
			o.entries[i].id |= beginsRun
		}
		if p.sealed {
			o.entries[i].id |= sealed
		}
		ids.WriteString(p.id)
	}
	o.ids = ids.String()
	return o
}

func (o *outline) id(i int) string {
	from, to := o.entries[i].id&^bits, uint32(len(o.ids))
	if i+1 < len(o.entries) {
		to = o.entries[i+1].id &^ bits
	}
	return o.ids[from:to]
}

func (o *outline) find(id string) int {
	for i := 1; i < len(o.entries); i++ {
		if o.id(i) == id {
			return i
		}
	}
	return 0
}

// sum returns a hash of everything. It is the same on every process.
func (o *outline) sum() uint64 {
	h := hash(offset)
	for i, e := range o.entries {
		h.uint64(e.hash)
		h.uint64(uint64(e.end))
		h.string(o.id(i))
	}
	return uint64(h)
}

// equal reports whether two outlines are of the same: whatever is drawn next, the same has to be sent.
func (o *outline) equal(p *outline) bool {
	return o == p || o.ids == p.ids && slices.Equal(o.entries, p.entries)
}

// hash is equal for outlines that are equal. It is for this process, and faster than sum.
func (o *outline) hash() uint64 {
	h := uint64(offset)
	for _, e := range o.entries {
		h = (h ^ e.hash ^ uint64(e.end)) * prime
	}
	return h
}

// size returns how many bytes of memory the outline takes, about.
func (o *outline) size() int { return 16*len(o.entries) + len(o.ids) }

// forget returns the outline after something else was sent into an element, so that the next comparison sends it, and what
// it is in, anew. An id that is not here belongs to an element outside of the view. What is no id can be anywhere:
// everything is sent anew.
func (o *outline) forget(id string) *outline {
	at := 0
	if isID(id) {
		if at = o.find(id); at == 0 {
			return o
		}
	}
	if len(o.entries) == 0 {
		return o
	}
	next := &outline{slices.Clone(o.entries), o.ids}
	next.entries[at].hash = 0
	parent := 0
	for i := 1; i < at; i++ {
		if int(o.entries[i].end) > at {
			parent = i
		}
	}
	next.entries[parent].hash = 0
	return next
}

// hash is FNV-1a. Zero never comes out of it in practice, and stands for what is not known.
type hash uint64

const (
	offset = 14695981039346656037
	prime  = 1099511628211
)

func (h *hash) string(s string) {
	x := *h
	for i := range len(s) {
		x = (x ^ hash(s[i])) * prime
	}
	*h = x
}

func (h *hash) uint64(v uint64) {
	for range 8 {
		*h = (*h ^ hash(v&0xff)) * prime
		v >>= 8
	}
}

// parser finds the parts of HTML.
type parser struct {
	html   string
	parts  []part
	around []unfinished
	seen   map[string]bool // ids; true: of parts
	opaque int             // the depth of the element whose inside is nobody's part; -1: none
}

// unfinished is a part whose end has not come yet.
type unfinished struct {
	index int // of the part
	depth int
	hash  hash
	at    int // how far its own HTML is hashed
	kids  bool
}

// parse returns the parts of html in its order, after one for the whole.
func parse(html string) ([]part, error) {
	p := &parser{html: html, seen: make(map[string]bool), opaque: -1}
	p.parts = append(p.parts, part{to: len(html)})
	p.around = append(p.around, unfinished{depth: -1, hash: offset})
	m := markup{html: html}
	for {
		text, t, err := m.next()
		if err != nil {
			return nil, err
		}
		if t.name == "" {
			break
		}
		if err := p.take(t, text, m.open[:min(t.depth, len(m.open))]); err != nil {
			return nil, err
		}
	}
	if len(p.around) != 1 {
		return nil, notClosed(p.parts[p.around[len(p.around)-1].index].name)
	}
	p.close(len(html))
	return p.parts, nil
}

// closed are elements whose inside cannot be exchanged element by element.
var closed = set("svg", "math", "template", "noscript", "select", "object", "iframe")

// take goes on with a tag, the text before it, and the names of the elements around it.
func (p *parser) take(t tag, text string, around []string) error {
	if p.opaque >= 0 && t.depth > p.opaque {
		p.seal(t)
		return nil
	}
	if err := p.text(t, text, around); err != nil {
		return err
	}
	if t.end {
		if p.opaque == t.depth {
			p.opaque = -1
		}
		if top := p.around[len(p.around)-1]; top.depth == t.depth {
			p.close(t.to)
		} else if top.depth > t.depth {
			return notClosed(p.parts[top.index].name) // the part was left open inside of what ends here
		}
		return nil
	}
	if err := p.nested(around, t.name); err != nil {
		return err
	}
	if closed[t.name] && !t.whole {
		p.opaque = t.depth
	}
	if !isID(t.id) {
		return nil
	}
	if _, known := p.seen[t.id]; known {
		return fmt.Errorf("%w: %s", errSameID, t.id)
	}
	p.seen[t.id] = true
	p.begin(t, slices.Contains(around, "pre"))
	if t.whole {
		p.close(t.to)
	}
	return nil
}

// text checks the text before a tag.
func (p *parser) text(t tag, text string, around []string) error {
	if p.opaque >= 0 || blank(text) || t.end && !refusesText(t.name) || !t.end && !refusesText(last(around)) {
		return nil
	}
	if t.end {
		around = append(slices.Clip(around), t.name) // it is inside of what ends here
	}
	for text != "" {
		before, rest, comment := strings.Cut(text, "<!--")
		if !blank(before) {
			return p.nested(around, textNode)
		}
		if text = ""; comment {
			_, text, _ = strings.Cut(rest, "-->")
		}
	}
	return nil
}

// seal notes the id of an element that is no part. Pictures often have the same ids, which does no harm to them.
func (p *parser) seal(t tag) {
	if _, known := p.seen[t.id]; known || t.end || !isID(t.id) {
		return
	}
	p.seen[t.id] = false
	p.parts = append(p.parts, part{id: t.id, from: t.from, to: t.to, end: len(p.parts) + 1, sealed: true})
}

// begin notes the beginning of a part, and hashes what of its parent came before. In preformatted text white space counts.
func (p *parser) begin(t tag, pre bool) {
	parent := &p.around[len(p.around)-1]
	between := p.html[parent.at:t.from]
	run := !parent.kids || between != "" && (pre || !blank(between))
	if run {
		parent.hash.string(between)
		parent.hash.string("\x00")
	}
	parent.kids = true
	p.parts = append(p.parts, part{id: t.id, from: t.from, name: t.name, run: run})
	p.around = append(p.around, unfinished{index: len(p.parts) - 1, depth: t.depth, hash: offset, at: t.from})
}

// blank reports whether text is white space to HTML, to which a space that does not break is none.
func blank(text string) bool { return strings.Trim(text, " \t\r\n\f") == "" }

// close ends the innermost part.
func (p *parser) close(to int) {
	f := p.around[len(p.around)-1]
	p.around = p.around[:len(p.around)-1]
	f.hash.string(p.html[f.at:to])
	one := &p.parts[f.index]
	one.to, one.hash, one.end = to, uint64(f.hash), len(p.parts)
	if len(p.around) > 0 {
		p.around[len(p.around)-1].at = to
	}
}

// diff returns the messages that turn the element that o is the outline of into html, out of band, and the outline of html.
// whole: it is better, or only possible, to send everything.
func (o *outline) diff(html string) (messages [][]byte, whole bool, next *outline, err error) {
	parts, err := parse(html)
	if err != nil {
		return nil, true, unknown, err
	}
	next = outlineOf(parts)
	if len(o.entries) == 0 {
		return nil, true, next, nil
	}
	d := differ{old: o, html: html, parts: parts}
	if !d.inside(0, 0) || d.size > len(html) {
		return nil, true, next, nil
	}
	return frames(d.changes), false, next, nil
}

// patch returns the messages that make the browser show elements with ids, none for those that it shows already, and the
// outline of what it shows then.
func (o *outline) patch(all []fragment) (messages [][]byte, next *outline, err error) {
	drawn := make([][]part, len(all))
	for i, f := range all {
		parts, err := parse(f.html)
		if err != nil {
			return nil, nil, err
		}
		drawn[i] = parts
	}
	var changes []change
	for i, f := range all {
		at := o.find(f.id)
		if at == 0 || o.entries[at].id&sealed != 0 || len(drawn[i]) < 2 {
			changes = append(changes, replace(f.html))
			o = o.forget(f.id)
			continue
		}
		d := differ{old: o, html: f.html, parts: drawn[i]}
		d.part(at, 1)
		changes = append(changes, d.changes...)
		o = o.put(at, drawn[i][1:])
	}
	return frames(changes), o, nil
}

// put returns the outline with that of a newly drawn part in the place of an old one.
func (o *outline) put(at int, parts []part) *outline {
	end := int(o.entries[at].end)
	all := make([]part, 0, len(o.entries)-(end-at)+len(parts))
	shift := len(parts) - (end - at)
	inside := make(map[string]bool, len(parts))
	for _, p := range parts {
		inside[p.id] = true
	}
	twice := false
	for i, e := range o.entries {
		if i == at {
			for j, p := range parts {
				p.end += at - 1 // parts come from HTML of their own, where the first has the index 1
				if j == 0 {
					p.run = e.id&beginsRun != 0
				}
				all = append(all, p)
			}
		}
		if i >= at && i < end {
			continue
		}
		p := part{id: o.id(i), hash: e.hash, end: int(e.end), run: e.id&beginsRun != 0, sealed: e.id&sealed != 0}
		if p.end >= end {
			p.end += shift
		}
		twice = twice || i > 0 && inside[p.id]
		all = append(all, p)
	}
	if twice { // the id was somewhere else before, and now it is in two places
		all[0].hash = 0
	}
	return outlineOf(all)
}

// differ compares an outline with newly drawn HTML.
type differ struct {
	old     *outline
	html    string
	parts   []part
	changes []change
	size    int // of the changes in bytes
}

func (d *differ) add(c change) {
	d.changes = append(d.changes, c)
	d.size += len(c.html)
}

// part brings one part up to date.
func (d *differ) part(was, is int) {
	n, size := len(d.changes), d.size
	p := d.parts[is]
	if d.inside(was, is) && d.size-size < p.to-p.from {
		return
	}
	d.changes, d.size = d.changes[:n], size
	d.add(replace(d.html[p.from:p.to]))
}

// inside brings the parts of one part up to date. false: the part itself has changed, or has to be sent as a whole.
func (d *differ) inside(was, is int) bool {
	if d.old.entries[was].hash != d.parts[is].hash {
		return false
	}
	wasRuns, isRuns := d.old.runs(was), runs(d.parts, is)
	if len(wasRuns) != len(isRuns) {
		return false
	}
	for i := range wasRuns {
		if !d.run(wasRuns[i], isRuns[i]) {
			return false
		}
	}
	return true
}

// runs returns the indices of the parts directly inside one, run by run.
func (o *outline) runs(of int) (all [][]int) {
	for i := of + 1; i < int(o.entries[of].end); i = int(o.entries[i].end) {
		if o.entries[i].id&sealed != 0 {
			continue
		}
		if o.entries[i].id&beginsRun != 0 || all == nil {
			all = append(all, nil)
		}
		all[len(all)-1] = append(all[len(all)-1], i)
	}
	return all
}

func runs(parts []part, of int) (all [][]int) {
	for i := of + 1; i < parts[of].end; i = parts[i].end {
		if parts[i].sealed {
			continue
		}
		if parts[i].run || all == nil {
			all = append(all, nil)
		}
		all[len(all)-1] = append(all[len(all)-1], i)
	}
	return all
}

// run brings a run up to date: rows that stay in order are compared, the others leave and come. false: none stays, so that
// there is nothing to put the new ones beside.
func (d *differ) run(was, is []int) bool {
	place := make(map[string]int, len(was))
	for n, i := range was {
		place[d.old.id(i)] = n
	}
	stays := rising(is, func(i int) int {
		if n, ok := place[d.parts[i].id]; ok {
			return n
		}
		return -1
	})
	if len(stays) == 0 {
		return false
	}
	kept := make(map[string]bool, len(stays))
	for _, i := range stays {
		kept[d.parts[i].id] = true
	}
	among := d.parts[stays[0]].name
	for _, i := range was {
		if id := d.old.id(i); !kept[id] {
			d.add(leave(id, among))
		}
	}
	for n := 0; n < len(is); {
		if id := d.parts[is[n]].id; kept[id] {
			d.part(was[place[id]], is[n])
			n++
			continue
		}
		first := n
		for n < len(is) && !kept[d.parts[is[n]].id] {
			n++
		}
		if first > 0 {
			before := d.parts[is[first-1]]
			d.add(come(d.html[before.to:d.parts[is[n-1]].to], among, "afterend:#"+before.id))
		} else {
			after := d.parts[is[n]]
			d.add(come(d.html[d.parts[is[0]].from:after.from], among, "beforebegin:#"+after.id))
		}
	}
	return true
}

// rising returns the longest part of list in which of grows. What of says is below zero is not among it.
func rising(list []int, of func(int) int) []int {
	best := make([]int, 0, len(list)) // best[n]: where the lowest end of a row of n+1 is
	before := make([]int, len(list))
	for at, one := range list {
		v := of(one)
		if v < 0 {
			continue
		}
		n, _ := slices.BinarySearchFunc(best, v, func(i, v int) int { return of(list[i]) - v })
		if before[at] = -1; n > 0 {
			before[at] = best[n-1]
		}
		if n == len(best) {
			best = append(best, at)
		} else {
			best[n] = at
		}
	}
	if len(best) == 0 {
		return nil
	}
	rows := make([]int, len(best))
	for n, at := len(best)-1, best[len(best)-1]; n >= 0; n, at = n-1, before[at] {
		rows[n] = list[at]
	}
	return rows
}
