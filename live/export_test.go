package live

// What the tests in package live_test look at from inside.
var (
	CheckOutOfBand = checkOutOfBand
	DecodeEvent    = decodeEvent
)

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
