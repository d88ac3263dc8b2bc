package sqlstore

import "sync"

// maxPending bounds what waits for one slow watcher.
const maxPending = 1000

// backlog is the queue between a connection, which must be read whatever happens, and a watcher who may be slow. Who falls
// too far behind finds gap in place of what he has missed.
type backlog[T any] struct {
	gap  T
	wake chan struct{} // holds a token when there is something to take

	mu      sync.Mutex
	pending []T
}

func newBacklog[T any](gap T) *backlog[T] {
	return &backlog[T]{gap: gap, wake: make(chan struct{}, 1)}
}

// put never blocks.
func (b *backlog[T]) put(item T) {
	b.mu.Lock()
	if len(b.pending) >= maxPending {
		b.pending = append(b.pending[:0], b.gap)
	}
	b.pending = append(b.pending, item)
	b.mu.Unlock()
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

// take returns what waits, and keeps nothing of it.
func (b *backlog[T]) take() []T {
	b.mu.Lock()
	defer b.mu.Unlock()
	taken := b.pending
	b.pending = nil
	return taken
}
