package live

// What the tests in package live_test look at from inside.
var (
	CheckOutOfBand = checkOutOfBand
	DecodeEvent    = decodeEvent
)

// Outline is an outline with its methods for tests.
type Outline struct{ outline }

func NewOutline(html string) (Outline, error) {
	o, err := newOutline(html)
	return Outline{o}, err
}

// Diff compares.
func (o *Outline) Diff(html string) (frame string, whole bool, next Outline, err error) {
	b, whole, n, err := o.diff(html)
	return string(b), whole, Outline{n}, err
}

// Patch brings single elements up to date.
func (o *Outline) Patch(html string) (string, error) {
	all, err := fragments(html)
	if err != nil {
		return "", err
	}
	b, err := o.patch(all)
	return string(b), err
}

func (o *Outline) Sum() uint64      { return o.sum() }
func (o *Outline) Forget(id string) { o.forget(id) }

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
