package live

import (
	"bytes"
	"cmp"
	"context"
	"weak"
)

// What the tests in package live_test look at from inside.
var (
	CheckOutOfBand = checkOutOfBand
	DecodeEvent    = decodeEvent
)

// Outline is an outline with its methods for tests. Its zero value is the one of what nothing is known of.
type Outline struct{ o *outline }

func NewOutline(html string) (Outline, error) {
	o, err := newOutline(html)
	return Outline{o}, err
}

// Diff compares.
func (o *Outline) Diff(html string) (frame string, whole bool, next Outline, err error) {
	messages, whole, n, err := o.get().diff(html)
	return joined(messages), whole, Outline{n}, err
}

func (o *Outline) get() *outline { return cmp.Or(o.o, unknown) }

func joined(messages [][]byte) string { return string(bytes.Join(messages, nil)) }

// Patch brings single elements up to date.
func (o *Outline) Patch(html string) (string, error) {
	all, err := fragments(html)
	if err != nil {
		return "", err
	}
	messages, next, err := o.get().patch(all)
	if err == nil {
		o.o = next
	}
	return joined(messages), err
}

func (o *Outline) Sum() uint64      { return o.get().sum() }
func (o *Outline) Forget(id string) { o.o = o.get().forget(id) }

// Bring returns the messages that make the browser show html in the element into, or pushed elements where into is empty,
// as a view finds them that shows the message. comparing holds what views have compared because of it.
func (o *Outline) Bring(comparing Message, html, into string) ([][]byte, error) {
	c := comparing.drawn.comparisons.of(pair{o.get(), html, into})
	o.o = c.next
	return c.frames, c.err
}

// Gone returns a function that says whether nobody knows the message any more.
func Gone(m Message) func() bool {
	p := weak.Make(m.drawn)
	return func() bool { return p.Value() == nil }
}

// Comparisons returns how many comparisons views have made because of a message, and how many bytes are kept of them.
func Comparisons(m Message) (made, bytes int) {
	c := &m.drawn.comparisons
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.made), c.bytes
}

// Groups returns how many keys the hub holds anything for, and Active how many sockets it counts.
func (h *Hub) Groups() (n int) {
	for i := range h.shards {
		h.shards[i].mu.Lock()
		n += len(h.shards[i].groups)
		h.shards[i].mu.Unlock()
	}
	return n
}

func (h *Hub) Active() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.active
}

// RenewPlaces does at once what the hub does every half a minute, and Spent returns of how many keys without a socket the hub
// remembers what they have sent.
func (h *Hub) RenewPlaces(ctx context.Context) { h.renew(ctx) }

func (h *Hub) Spent() (n int) {
	for i := range h.shards {
		h.shards[i].mu.Lock()
		n += len(h.shards[i].spent)
		h.shards[i].mu.Unlock()
	}
	return n
}

// MessageFor makes a message as Publish does.
func MessageFor(topic string, payload []byte) Message {
	return Message{Topic: topic, Payload: payload, drawn: new(drawings)}
}

// Inlets returns how many streams of views take events, and Waiting for how many answers of other nodes the hub waits.
func (h *Hub) Inlets() int {
	h.inlets.mu.Lock()
	defer h.inlets.mu.Unlock()
	return len(h.inlets.all)
}

func (h *Hub) Waiting() int {
	h.relay.mu.Lock()
	defer h.relay.mu.Unlock()
	return len(h.relay.waiting)
}
