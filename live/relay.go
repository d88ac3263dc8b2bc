package live

import (
	"context"
	"encoding/json"
	"strings"
	"sync"
	"time"

	"github.com/gofiber/fiber/v2"
)

// Events that come in by POST may reach another process than the one that holds the stream. That one is then asked over
// the bus.
const (
	relayAsk    = reservedTopics + "event"
	relayAnswer = reservedTopics + "answer:" // and the node that has asked

	relayWait = 3 * time.Second // for the answer: longer than takeWait
	relayMax  = 256             // events that wait for an answer, and as many that others wait for
	relayEach = 8               // of these, of one session; views that follow nothing share a half of all
)

// question is an event for a stream that is not of this process.
type question struct {
	Node   string // that asks
	Call   string // names the question
	Stream string
	Sender sender
	Event  json.RawMessage
}

// reply says what became of it.
type reply struct {
	Call   string
	Status int
}

// relay is what a hub needs to ask other nodes and to be asked.
type relay struct {
	node  string
	slots chan struct{} // one for each question that is being answered

	mu      sync.Mutex
	waiting map[string]waiting // calls of this node
}

// waiting is an event that another node is asked to take.
type waiting struct {
	of     sender
	answer chan int
}

// full reports whether one more event of somebody has to be turned away, so that nobody's invented streams keep others from
// being heard. It is called with mu.
func (r *relay) full(of sender) bool {
	most := relayEach
	if !of.Follows {
		most = relayMax / 2
	}
	mine := 0
	for _, w := range r.waiting {
		if w.of.Follows == of.Follows && w.of.Key == of.Key {
			mine++
		}
	}
	return mine >= most || len(r.waiting) >= relayMax
}

func newRelay() relay {
	return relay{node: newID(), slots: make(chan struct{}, relayMax), waiting: make(map[string]waiting)}
}

// deliver brings an event to the stream of that id, here or on another node, and returns the HTTP status that says what
// became of it. p is the page that it was sent to. 404: no such stream; whether a node that did not answer has taken the
// event is then unknown, so it must not be sent again.
func (h *Hub) deliver(ctx context.Context, p *page, id string, who sender, message []byte, e Event) int {
	in := h.inlets.find(id)
	switch {
	case in != nil && in.socket.page != p:
		return fiber.StatusNotFound
	case in != nil:
		return in.take(who, e)
	case h.bus == nil || len(id) != 2*idBytes:
		return fiber.StatusNotFound
	}
	return h.ask(ctx, question{Node: h.relay.node, Call: newID(), Stream: id, Sender: who, Event: message})
}

// ask lets another node take an event.
func (h *Hub) ask(ctx context.Context, q question) int {
	payload, err := json.Marshal(q)
	if err != nil {
		return fiber.StatusBadRequest // the event is no JSON after all
	}
	answer := make(chan int, 1)
	r := &h.relay
	r.mu.Lock()
	full := r.full(q.Sender)
	if !full {
		r.waiting[q.Call] = waiting{q.Sender, answer}
	}
	r.mu.Unlock()
	if full {
		return fiber.StatusServiceUnavailable
	}
	defer func() {
		r.mu.Lock()
		delete(r.waiting, q.Call)
		r.mu.Unlock()
	}()
	h.start.Do(h.background) // without a socket of its own this process does not listen yet
	ctx, cancel := context.WithTimeout(ctx, relayWait)
	defer cancel()
	if err := protect(func() error { return h.bus.Publish(ctx, relayAsk, payload) }); err != nil {
		h.log.Error("live: bus", "err", err)
		return fiber.StatusNotFound
	}
	select {
	case status := <-answer:
		return status
	case <-ctx.Done():
		return fiber.StatusNotFound
	}
}

// hear takes a message of a reserved topic from the bus. What is malformed, or meant for somebody else, is nothing.
func (h *Hub) hear(topic string, payload []byte) {
	r := &h.relay
	if topic == relayAsk {
		var q question
		if json.Unmarshal(payload, &q) != nil {
			return
		}
		in := h.inlets.find(q.Stream)
		if in == nil || !in.first(q.Call) {
			return
		}
		select {
		case r.slots <- struct{}{}:
			h.work.Go(func() {
				defer func() { <-r.slots }()
				h.reply(in, q)
			})
		default: // more than anybody sends; who waits finds out by himself
		}
		return
	}
	if node, ok := strings.CutPrefix(topic, relayAnswer); !ok || node != r.node {
		return
	}
	var a reply
	if json.Unmarshal(payload, &a) != nil || a.Status < 200 || a.Status > 599 {
		return
	}
	r.mu.Lock()
	w, asked := r.waiting[a.Call]
	delete(r.waiting, a.Call)
	r.mu.Unlock()
	if asked {
		w.answer <- a.Status
	}
}

// reply takes an event from another node, and tells it.
func (h *Hub) reply(in *inlet, q question) {
	a := reply{Call: q.Call, Status: fiber.StatusBadRequest}
	if e, err := decodeEvent(q.Event); err == nil {
		a.Status = in.take(q.Sender, e)
	}
	payload, _ := json.Marshal(a) // a string and a number
	ctx, cancel := context.WithTimeout(h.ctx, relayWait)
	defer cancel()
	if err := protect(func() error { return h.bus.Publish(ctx, relayAnswer+q.Node, payload) }); err != nil {
		h.log.Error("live: bus", "err", err)
	}
}
