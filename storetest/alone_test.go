package storetest

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/multiaccount-go/multiaccount/account"
)

// TestOneCheckAloneFindsIt runs the suite over stores that every other check lets pass.
func TestOneCheckAloneFindsIt(t *testing.T) {
	for sentence, breakIt := range map[string]func(*account.MemoryStore) account.Store{
		"Save: the ttl counts from the call, whatever times the session itself names": func(m *account.MemoryStore) account.Store {
			return livesFromSeen{m}
		},
		"Save: a record of nearly MaxRecord comes back whole, a larger one is refused": func(m *account.MemoryStore) account.Store {
			return narrow{m}
		},
		"Save: sessions that are written at the same time keep apart": func(m *account.MemoryStore) account.Store {
			return &mixesUp{MemoryStore: m}
		},
		"Delete: a save at the same time leaves nothing behind": func(m *account.MemoryStore) account.Store {
			return &savesOverDelete{MemoryStore: m}
		},
		"Delete: of many at the same time one ends the session and is told, the others are ErrNotFound": func(m *account.MemoryStore) account.Store {
			return looksThenDeletes{m}
		},
		"Touch: at the same time as a save, neither is in the way of the other": func(m *account.MemoryStore) account.Store {
			return &touchWritesAll{MemoryStore: m, undone: map[account.SessionID]*account.Session{}}
		},
		"Watch: what is heard can be read": func(m *account.MemoryStore) account.Store {
			return &readsLate{MemoryStore: m, before: map[account.SessionID]before{}}
		},
		"Watch: who is slow delays neither writers nor other watchers, and misses nothing unknowingly": func(m *account.MemoryStore) account.Store {
			return &oneAtATime{MemoryStore: m}
		},
		"Watch: watchers may come and go without end": func(m *account.MemoryStore) account.Store {
			return &leaksWatchers{MemoryStore: m}
		},
		"LoadMany: an ended or expired session is nil": func(m *account.MemoryStore) account.Store {
			return &batchKeeps{MemoryStore: m, saved: map[account.SessionID]*account.Session{}}
		},
		"SessionsOf: of many that are enlisted at the same time none gets lost": func(m *account.MemoryStore) account.Store {
			return &enlistsList{MemoryStore: m, lists: map[string][]account.SessionID{}}
		},
	} {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			failed := failingChecks(t, sentence, breakIt)
			if want := []string{sentence}; !slices.Equal(failed, want) {
				t.Errorf("failing checks: %q, want %q", failed, want)
			}
		})
	}
}

// failingChecks runs each check by itself and returns those that failed. One that is expected to fail is not given the time
// that something takes which never happens; the others have as much as they want.
func failingChecks(t *testing.T, expected string, breakIt func(*account.MemoryStore) account.Store) []string {
	return failing(t, len(checks), func(i int) (string, func(testing.TB)) {
		return checks[i].sentence, func(r testing.TB) {
			store := breakIt(account.NewMemoryStore())
			checks[i].run(r, store, store)
		}
	}, expected)
}

func failing(t *testing.T, n int, check func(i int) (string, func(testing.TB)), expected ...string) []string {
	failed := make([]string, n)
	var wg sync.WaitGroup
	for i := range n {
		sentence, run := check(i)
		wg.Go(func() {
			limit := time.Minute
			if slices.Contains(expected, sentence) {
				limit = 2 * time.Second
			}
			ctx, cancel := context.WithTimeout(t.Context(), limit)
			defer cancel()
			r := &recorder{TB: t, ctx: ctx, fail: cancel}
			done := make(chan struct{})
			go func() { // a check ends its goroutine when it cannot go on
				defer close(done)
				run(r)
			}()
			<-done
			if r.failed.Load() {
				failed[i] = sentence
			}
		})
	}
	wg.Wait()
	return slices.DeleteFunc(failed, func(s string) bool { return s == "" })
}

// gap is how long a store does nothing between two steps that ought to be one.
const gap = 2 * time.Millisecond

// livesFromSeen reckons with the clock of whoever wrote the session.
type livesFromSeen struct{ *account.MemoryStore }

func (b livesFromSeen) Save(ctx context.Context, s *account.Session, ttl time.Duration) error {
	if left := time.Until(s.Seen.Add(ttl)); ttl > 0 {
		ttl = max(left, time.Nanosecond)
	}
	return b.MemoryStore.Save(ctx, s, ttl)
}

// narrow keeps 60,000 bytes of a record.
type narrow struct{ *account.MemoryStore }

func (b narrow) Save(ctx context.Context, s *account.Session, ttl time.Duration) error {
	if data, err := account.Encode(s); err == nil && len(data) > 60_000 {
		return errors.New("value too long")
	}
	return b.MemoryStore.Save(ctx, s, ttl)
}

// mixesUp answers a Load with what another one asked for that runs at the same time.
type mixesUp struct {
	*account.MemoryStore
	running atomic.Int32
	asked   atomic.Pointer[account.SessionID]
}

func (b *mixesUp) Load(ctx context.Context, id account.SessionID) (*account.Session, error) {
	if b.running.Add(1) == 1 {
		asked := id
		b.asked.Store(&asked)
	}
	defer b.running.Add(-1)
	time.Sleep(gap)
	if first := b.asked.Load(); first != nil && b.running.Load() > 1 {
		id = *first
	}
	return b.MemoryStore.Load(ctx, id)
}

// savesOverDelete lets writers in one after the other, but a delete gets in between its look and its write.
type savesOverDelete struct {
	*account.MemoryStore
	mu sync.Mutex
}

func (b *savesOverDelete) Save(ctx context.Context, s *account.Session, ttl time.Duration) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	stored, err := b.Load(ctx, s.ID)
	if err != nil || stored.Revision != s.Revision {
		return b.MemoryStore.Save(ctx, s, ttl)
	}
	time.Sleep(gap)
	err = b.MemoryStore.Save(ctx, s, ttl)
	if errors.Is(err, account.ErrConflict) {
		s.Revision = 0
		return b.MemoryStore.Save(ctx, s, ttl)
	}
	return err
}

type looksThenDeletes struct{ *account.MemoryStore }

func (b looksThenDeletes) Delete(ctx context.Context, id account.SessionID, why account.Reason) error {
	if _, err := b.Load(ctx, id); err != nil {
		return err
	}
	time.Sleep(gap)
	if err := b.MemoryStore.Delete(ctx, id, why); !errors.Is(err, account.ErrNotFound) {
		return err
	}
	return nil
}

// touchWritesAll reads a record, waits, and writes all of it back, whatever was saved meanwhile.
type touchWritesAll struct {
	*account.MemoryStore
	mu     sync.Mutex
	undone map[account.SessionID]*account.Session // what Load answers, until the next save
}

func (b *touchWritesAll) Touch(ctx context.Context, id account.SessionID, seen time.Time, ttl time.Duration) error {
	read, err := b.MemoryStore.Load(ctx, id)
	if err != nil {
		return err
	}
	time.Sleep(gap)
	if err := b.MemoryStore.Touch(ctx, id, seen, ttl); err != nil {
		return err
	}
	if now, err := b.MemoryStore.Load(ctx, id); err == nil && now.Revision != read.Revision {
		read.Revision = now.Revision
		b.mu.Lock()
		b.undone[id] = read
		b.mu.Unlock()
	}
	return nil
}

func (b *touchWritesAll) Load(ctx context.Context, id account.SessionID) (*account.Session, error) {
	s, err := b.MemoryStore.Load(ctx, id)
	b.mu.Lock()
	defer b.mu.Unlock()
	if old := b.undone[id]; err == nil && old != nil && old.Revision == s.Revision {
		return old.Clone(), nil
	}
	return s, err
}

// readsLate reads from a copy that follows a moment after the watchers were told.
type readsLate struct {
	*account.MemoryStore
	mu     sync.Mutex
	before map[account.SessionID]before
}

type before struct {
	session *account.Session
	until   time.Time
}

func (b *readsLate) Watch(ctx context.Context, fn func(account.Change)) error {
	return b.MemoryStore.Watch(ctx, func(c account.Change) {
		b.mu.Lock()
		held := b.before[c.ID]
		b.mu.Unlock()
		if held.session != nil && !c.Ended {
			lag := held
			lag.until = time.Now().Add(gap)
			b.mu.Lock()
			b.before[c.ID] = lag
			b.mu.Unlock()
		}
		fn(c)
	})
}

func (b *readsLate) Save(ctx context.Context, s *account.Session, ttl time.Duration) error {
	if old, err := b.MemoryStore.Load(ctx, s.ID); err == nil {
		b.mu.Lock()
		b.before[s.ID] = before{session: old}
		b.mu.Unlock()
	}
	return b.MemoryStore.Save(ctx, s, ttl)
}

func (b *readsLate) Load(ctx context.Context, id account.SessionID) (*account.Session, error) {
	s, err := b.MemoryStore.Load(ctx, id)
	b.mu.Lock()
	defer b.mu.Unlock()
	if old := b.before[id]; err == nil && time.Now().Before(old.until) {
		return old.session.Clone(), nil
	}
	return s, err
}

// oneAtATime serves its watchers in turn.
type oneAtATime struct {
	*account.MemoryStore
	turn sync.Mutex
}

func (b *oneAtATime) Watch(ctx context.Context, fn func(account.Change)) error {
	return b.MemoryStore.Watch(ctx, func(c account.Change) {
		b.turn.Lock()
		defer b.turn.Unlock()
		fn(c)
	})
}

// leaksWatchers has places for watchers and does not get one back.
type leaksWatchers struct {
	*account.MemoryStore
	taken atomic.Int32
}

func (b *leaksWatchers) Watch(ctx context.Context, fn func(account.Change)) error {
	if b.taken.Add(1) > 16 {
		<-ctx.Done()
		return ctx.Err()
	}
	return b.MemoryStore.Watch(ctx, fn)
}

// batchKeeps reads many from rows that nobody has swept.
type batchKeeps struct {
	*account.MemoryStore
	mu    sync.Mutex
	saved map[account.SessionID]*account.Session
}

func (b *batchKeeps) Save(ctx context.Context, s *account.Session, ttl time.Duration) error {
	err := b.MemoryStore.Save(ctx, s, ttl)
	if err == nil {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.saved[s.ID] = s.Clone()
	}
	return err
}

func (b *batchKeeps) LoadMany(ctx context.Context, ids []account.SessionID) ([]*account.Session, error) {
	sessions, err := b.MemoryStore.LoadMany(ctx, ids)
	b.mu.Lock()
	defer b.mu.Unlock()
	for i, id := range ids {
		if err == nil && sessions[i] == nil && b.saved[id] != nil {
			sessions[i] = b.saved[id].Clone()
		}
	}
	return sessions, err
}

// enlistsList keeps the sessions of an account as one list, which it reads, extends and writes back.
type enlistsList struct {
	*account.MemoryStore
	mu    sync.Mutex
	lists map[string][]account.SessionID
}

func (b *enlistsList) Enlist(_ context.Context, accountID string, id account.SessionID, _ time.Time) error {
	b.mu.Lock()
	list := b.lists[accountID]
	b.mu.Unlock()
	time.Sleep(gap)
	b.mu.Lock()
	defer b.mu.Unlock()
	if !slices.Contains(list, id) {
		b.lists[accountID] = append(slices.Clone(list), id)
	}
	return nil
}

func (b *enlistsList) SessionsOf(_ context.Context, accountID string) ([]account.SessionID, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.lists[accountID]), nil
}
