package live

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"
)

// Bus carries messages of topics between processes. It has to bring what one process publishes to every process, the
// publishing one included. Topic and payload may hold any bytes, zero bytes too: the hubs talk over it as well.
type Bus interface {
	Publish(ctx context.Context, topic string, payload []byte) error
	// Subscribe calls fn for every message, from one goroutine, until ctx ends, and with an empty topic whenever messages may
	// have been missed: as soon as it hears, at the start and after each gap. It may return early when the connection breaks;
	// it is then called again a second later. fn does not block.
	Subscribe(ctx context.Context, fn func(topic string, payload []byte)) error
}

const busRetry = time.Second

// reservedTopics is what the topics begin with by which hubs talk to each other.
const reservedTopics = "\x00live:"

// topics are the subscriptions of this process.
type topics struct {
	mu      sync.RWMutex
	sockets map[string]map[*Socket]struct{}
}

// Publish sends payload to every view that has subscribed to topic, on every process that the bus reaches. It does not wait
// for the views. Neither topic nor payload may be modified afterwards. The error is the bus's, or says that the topic is
// one of this package's own, which begin with a zero byte and "live:", or empty.
func (h *Hub) Publish(ctx context.Context, topic string, payload []byte) error {
	if topic == "" || strings.HasPrefix(topic, reservedTopics) {
		return fmt.Errorf("live: publish to %q: topic is reserved", topic)
	}
	if h.bus != nil {
		return h.bus.Publish(ctx, topic, payload)
	}
	h.dispatch(topic, payload)
	return nil
}

func (h *Hub) dispatch(topic string, payload []byte) {
	if topic == "" {
		h.presence.connecting()
		h.lookAgain()
		return
	}
	if strings.HasPrefix(topic, reservedTopics) {
		if topic == presenceBus {
			h.presence.hear(payload)
		} else {
			h.hear(topic, payload)
		}
		return
	}
	h.inform(topic, payload)
}

// inform is dispatch for topics that may be this package's own.
func (h *Hub) inform(topic string, payload []byte) {
	h.topics.mu.RLock()
	defer h.topics.mu.RUnlock()
	msg := Message{Topic: topic, Payload: payload, drawn: new(drawings)}
	for s := range h.topics.sockets[topic] {
		s.inform(msg)
	}
}

// lookAgain tells every view that it may have missed something. Presence looks after itself.
func (h *Hub) lookAgain() {
	h.topics.mu.RLock()
	defer h.topics.mu.RUnlock()
	for topic, sockets := range h.topics.sockets {
		if strings.HasPrefix(topic, reservedTopics) {
			continue
		}
		msg := Message{Topic: topic, Missed: true, drawn: new(drawings)}
		for s := range sockets {
			s.inform(msg)
		}
	}
}

// listen takes messages from the bus as long as the hub is open.
func (h *Hub) listen() {
	for h.ctx.Err() == nil {
		h.presence.connecting()
		err := protect(func() error { return h.bus.Subscribe(h.ctx, h.dispatch) })
		if h.ctx.Err() != nil {
			return
		}
		if err == nil {
			err = errors.New("subscription ended")
		}
		h.log.Error("live: bus", "err", err)
		select {
		case <-time.After(busRetry):
		case <-h.ctx.Done():
		}
	}
}

func (t *topics) add(topic string, s *Socket) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.sockets == nil {
		t.sockets = make(map[string]map[*Socket]struct{})
	}
	if t.sockets[topic] == nil {
		t.sockets[topic] = make(map[*Socket]struct{})
	}
	t.sockets[topic][s] = struct{}{}
}

func (t *topics) remove(topic string, s *Socket) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.sockets[topic], s)
	if len(t.sockets[topic]) == 0 {
		delete(t.sockets, topic)
	}
}
