package attempts

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// Memory is a [Counter] in this process, for tests, development and sites that run as one process. It is safe for concurrent
// use. Make it with [NewMemory].
type Memory struct {
	mu        sync.Mutex
	buckets   map[string]remembered
	most      int
	nextSweep time.Time
}

type remembered struct {
	state State
	until time.Time
}

// sweepInterval is how often a full counter looks for buckets that are over.
const sweepInterval = time.Second

// NewMemory returns an empty counter that remembers up to so many buckets; 0: 100,000, which take about 20 MB. When all of
// them are in use, tries that need another one are refused, as forgetting one would give its tries back to whoever filled
// the counter.
func NewMemory(most int) *Memory {
	if most <= 0 {
		most = 100_000
	}
	return &Memory{buckets: make(map[string]remembered), most: most}
}

// Take implements [Counter].
func (m *Memory) Take(ctx context.Context, buckets []Bucket) (time.Duration, error) {
	if err := ctx.Err(); err != nil {
		return 0, fmt.Errorf("attempts: memory: %w", err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	now := time.Now()
	wait, fresh := time.Duration(0), 0
	for _, b := range buckets {
		entry, known := m.buckets[b.Key]
		if !known {
			fresh++
		}
		wait = max(wait, b.Wait(entry.at(now), now))
	}
	if wait > 0 {
		return wait, nil
	}
	if !m.room(fresh, now) {
		return 0, fmt.Errorf("attempts: memory: %d buckets are in use, and no more are kept", m.most)
	}
	for _, b := range buckets {
		state, memory := b.Take(m.buckets[b.Key].at(now), now)
		m.buckets[b.Key] = remembered{state, now.Add(memory)}
	}
	return 0, nil
}

// at returns the state of a bucket, which is like new when it is over.
func (r remembered) at(now time.Time) State {
	if !now.Before(r.until) {
		return State{}
	}
	return r.state
}

// room reports whether so many more buckets fit, after looking for some that are over when they do not.
func (m *Memory) room(more int, now time.Time) bool {
	if len(m.buckets)+more > m.most && !now.Before(m.nextSweep) {
		m.nextSweep = now.Add(sweepInterval)
		for key, r := range m.buckets {
			if !now.Before(r.until) {
				delete(m.buckets, key)
			}
		}
	}
	return len(m.buckets)+more <= m.most
}

// Forget implements [Counter].
func (m *Memory) Forget(ctx context.Context, key string) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("attempts: memory: %w", err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.buckets, key)
	return nil
}
