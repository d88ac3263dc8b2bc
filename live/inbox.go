package live

import (
	"slices"
	"sync"
)

// inbox holds the messages that wait for a view. It takes no memory while none does.
type inbox struct {
	some chan struct{} // holds one token while messages wait
	mu   sync.Mutex
	list []Message
}

func newInbox() inbox { return inbox{some: make(chan struct{}, 1)} }

// put adds a message, or reports false when too many wait. A message without a payload only says "look again": a newer one
// takes the place of one that waits, so that the view looks once, and at what is true now.
func (b *inbox) put(msg Message) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(msg.Payload) == 0 {
		same := func(m Message) bool { return m.Topic == msg.Topic && len(m.Payload) == 0 }
		if i := slices.IndexFunc(b.list, same); i >= 0 {
			b.list[i] = msg
			return true
		}
	}
	if len(b.list) >= queueInfos {
		return false
	}
	b.list = append(b.list, msg)
	b.signal()
	return true
}

// take returns the oldest message. It is called with the token.
func (b *inbox) take() Message {
	b.mu.Lock()
	defer b.mu.Unlock()
	msg := b.list[0]
	b.list = b.list[1:]
	if len(b.list) == 0 {
		b.list = nil
	} else {
		b.signal()
	}
	return msg
}

func (b *inbox) signal() {
	select {
	case b.some <- struct{}{}:
	default:
	}
}
