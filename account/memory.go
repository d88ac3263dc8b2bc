package account

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

// MemoryStore is a [Store] in this process, with the powers of [Index] and [BatchLoader]. It fits tests, development and
// sites that run as one process and may forget their sessions at a restart. It keeps encoded copies, so that callers
// never share memory with it or with each other. It is safe for concurrent use.
type MemoryStore struct {
	mu        sync.Mutex
	records   map[SessionID]*memoryRecord
	accounts  map[string]map[SessionID]time.Time // session → until when it may hold the account
	watchers  map[*watcher]struct{}
	nextSweep time.Time
}

// memoryRecord is one session as it would lie in a database.
type memoryRecord struct {
	data     []byte
	revision int64
	version  int64
	tag      string
	seen     int64 // Unix milliseconds, like every time of a record
	expires  time.Time
}

// sweepInterval is how often a Save looks for expired records. Reading never finds them, so it is about memory only.
const sweepInterval = time.Minute

// NewMemoryStore returns an empty store.
func NewMemoryStore() *MemoryStore {
	return &MemoryStore{
		records:  make(map[SessionID]*memoryRecord),
		accounts: make(map[string]map[SessionID]time.Time),
		watchers: make(map[*watcher]struct{}),
	}
}

// Load implements [Store].
func (m *MemoryStore) Load(ctx context.Context, id SessionID) (*Session, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("memory store: load: %w", err)
	}
	m.mu.Lock()
	r := m.live(id)
	if r == nil {
		m.mu.Unlock()
		return nil, ErrNotFound
	}
	found := *r // data is replaced by a save, never written to
	m.mu.Unlock()
	return found.session(id)
}

func (r *memoryRecord) session(id SessionID) (*Session, error) {
	s, err := Decode(id, r.data)
	if err != nil {
		return nil, err
	}
	s.Revision, s.Version, s.Tag, s.Seen = r.revision, r.version, r.tag, time.UnixMilli(r.seen)
	return s, nil
}

// live returns the record of a session that has not expired, or nil. m.mu is held.
func (m *MemoryStore) live(id SessionID) *memoryRecord {
	r := m.records[id]
	if r == nil || !time.Now().Before(r.expires) {
		delete(m.records, id)
		return nil
	}
	return r
}

// Save implements [Store].
func (m *MemoryStore) Save(ctx context.Context, s *Session, ttl time.Duration) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("memory store: save: %w", err)
	}
	if ttl <= 0 {
		return fmt.Errorf("memory store: save: ttl is %v, it must be positive", ttl)
	}
	data, err := Encode(s)
	if err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	now := time.Now()
	m.sweep(now)
	var stored int64
	if r := m.live(s.ID); r != nil {
		stored = r.revision
	}
	if stored != s.Revision {
		return ErrConflict
	}
	s.Revision++
	m.records[s.ID] = &memoryRecord{
		data: data, revision: s.Revision, version: s.Version, tag: s.Tag, seen: s.Seen.UnixMilli(), expires: now.Add(ttl),
	}
	m.tell(Change{ID: s.ID, Version: s.Version, Generation: s.Generation, Tag: s.Tag, Reason: s.Reason})
	return nil
}

// Delete implements [Store].
func (m *MemoryStore) Delete(ctx context.Context, id SessionID, why Reason) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("memory store: delete: %w", err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	r := m.live(id)
	if r == nil {
		return ErrNotFound
	}
	delete(m.records, id)
	m.tell(Change{ID: id, Version: r.version + 1, Reason: why, Ended: true})
	return nil
}

// Touch implements [Store].
func (m *MemoryStore) Touch(ctx context.Context, id SessionID, seen time.Time, ttl time.Duration) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("memory store: touch: %w", err)
	}
	if ttl <= 0 {
		return fmt.Errorf("memory store: touch: ttl is %v, it must be positive", ttl)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	r := m.live(id)
	if r == nil {
		return ErrNotFound
	}
	r.seen = max(r.seen, seen.UnixMilli())
	if expires := time.Now().Add(ttl); expires.After(r.expires) {
		r.expires = expires
	}
	return nil
}

// LoadMany implements [BatchLoader].
func (m *MemoryStore) LoadMany(ctx context.Context, ids []SessionID) ([]*Session, error) {
	sessions := make([]*Session, len(ids))
	for i, id := range ids {
		s, err := m.Load(ctx, id)
		if err != nil && !errors.Is(err, ErrNotFound) && !errors.Is(err, ErrBadRecord) {
			return nil, err
		}
		sessions[i] = s
	}
	return sessions, nil
}

// Enlist implements [Index].
func (m *MemoryStore) Enlist(ctx context.Context, account string, id SessionID, until time.Time) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("memory store: enlist: %w", err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	sessions := m.accounts[account]
	if sessions == nil {
		sessions = make(map[SessionID]time.Time)
		m.accounts[account] = sessions
	}
	if until.After(sessions[id]) {
		sessions[id] = until
	}
	return nil
}

// SessionsOf implements [Index].
func (m *MemoryStore) SessionsOf(ctx context.Context, account string) ([]SessionID, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("memory store: sessions of account: %w", err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.forget(account, time.Now())
	ids := make([]SessionID, 0, len(m.accounts[account]))
	for id := range m.accounts[account] {
		ids = append(ids, id)
	}
	return ids, nil
}

// sweep drops what has expired, once in a while. m.mu is held.
func (m *MemoryStore) sweep(now time.Time) {
	if now.Before(m.nextSweep) {
		return
	}
	m.nextSweep = now.Add(sweepInterval)
	for id := range m.records {
		m.live(id)
	}
	for account := range m.accounts {
		m.forget(account, now)
	}
}

// forget drops the index entries that are past their moment and name no live session. m.mu is held.
func (m *MemoryStore) forget(account string, now time.Time) {
	for id, until := range m.accounts[account] {
		if !now.Before(until) && m.live(id) == nil {
			delete(m.accounts[account], id)
		}
	}
	if len(m.accounts[account]) == 0 {
		delete(m.accounts, account)
	}
}

// Watch implements [Store]. A watcher that falls more than a thousand changes behind gets a Resync instead of them.
func (m *MemoryStore) Watch(ctx context.Context, fn func(Change)) error {
	w := &watcher{pending: []Change{{Resync: true}}, wake: make(chan struct{}, 1)}
	m.mu.Lock()
	m.watchers[w] = struct{}{}
	m.mu.Unlock()
	defer func() {
		m.mu.Lock()
		delete(m.watchers, w)
		m.mu.Unlock()
	}()
	for {
		for _, c := range w.take() {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			fn(c)
		}
		select {
		case <-w.wake:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// tell queues a change for every watcher. m.mu is held, so that watchers hear changes in the order of the commits.
func (m *MemoryStore) tell(c Change) {
	for w := range m.watchers {
		w.put(c)
	}
}

// maxPending bounds what waits for one slow watcher.
const maxPending = 1000

// watcher is the queue between the commits and one Watch.
type watcher struct {
	mu      sync.Mutex
	pending []Change
	wake    chan struct{} // holds a token when there is something to take
}

// put never blocks: a full queue is replaced by the word that changes were missed.
func (w *watcher) put(c Change) {
	w.mu.Lock()
	if len(w.pending) >= maxPending {
		w.pending = append(w.pending[:0], Change{Resync: true})
	}
	w.pending = append(w.pending, c)
	w.mu.Unlock()
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

func (w *watcher) take() []Change {
	w.mu.Lock()
	defer w.mu.Unlock()
	taken := slices.Clone(w.pending)
	w.pending = w.pending[:0]
	return taken
}
