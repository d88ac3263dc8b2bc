package live

import "testing"

// Somebody who can make an outline that has the hash of another's gets nothing by it.
func TestOutlinesWithTheSameHash(t *testing.T) {
	const html = `<p id="a">alice</p>`
	one, err := newOutline(html)
	if err != nil {
		t.Fatal(err)
	}
	first, last := one.entries[0], one.entries[1]
	before := (offset ^ first.hash ^ uint64(first.end)) * prime
	first.hash ^= 1
	last.hash ^= before ^ (offset^first.hash^uint64(first.end))*prime
	other := &outline{entries: []entry{first, last}, ids: one.ids}
	if one.hash() != other.hash() || one.equal(other) {
		t.Fatal("this test tests nothing")
	}
	var c comparisons
	if got := c.of(pair{one, html, "live"}); len(got.frames) != 0 {
		t.Errorf("the same differs: %q", got.frames)
	}
	if got := c.of(pair{other, html, "live"}); len(got.frames) != 1 {
		t.Errorf("got %q, want the whole view", got.frames)
	}
}
