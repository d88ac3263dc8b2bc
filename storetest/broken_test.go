package storetest

import (
	"context"
	"fmt"
	"reflect"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/multiaccount-go/multiaccount/account"
)

// TestSuiteFindsBrokenStores runs the suite over stores that break one rule each.
func TestSuiteFindsBrokenStores(t *testing.T) {
	for rule, breakIt := range map[string]func(*account.MemoryStore) account.Store{
		"the last writer wins":                func(m *account.MemoryStore) account.Store { return lastWriterWins{m} },
		"a deleted session comes back":        func(m *account.MemoryStore) account.Store { return resurrects{m} },
		"a conflict touches the session":      func(m *account.MemoryStore) account.Store { return conflictTouches{m} },
		"nothing ever expires":                func(m *account.MemoryStore) account.Store { return immortal{m} },
		"callers share memory":                func(m *account.MemoryStore) account.Store { return &shares{MemoryStore: m} },
		"a field gets lost":                   func(m *account.MemoryStore) account.Store { return forgetsIntent{m} },
		"a touch creates":                     func(m *account.MemoryStore) account.Store { return touchCreates{m} },
		"a touch counts as a save":            func(m *account.MemoryStore) account.Store { return touchSaves{m} },
		"a touch does not extend the life":    func(m *account.MemoryStore) account.Store { return touchIdles{m} },
		"a touch shortens the life":           func(m *account.MemoryStore) account.Store { return &touchShortens{MemoryStore: m} },
		"a touch moves back when it was seen": func(m *account.MemoryStore) account.Store { return &touchUnsees{MemoryStore: m} },
		"a missing session is no error":       func(m *account.MemoryStore) account.Store { return missingIsNil{m} },
		"the context is not looked at":        func(m *account.MemoryStore) account.Store { return deaf{m} },
		"a watch begins without Resync":       func(m *account.MemoryStore) account.Store { return hears{m, noResync} },
		"a delete is not told":                func(m *account.MemoryStore) account.Store { return hears{m, noEnd} },
		"a delete keeps the version":          func(m *account.MemoryStore) account.Store { return hears{m, endAtSameVersion} },
		"a notice lacks the reason":           func(m *account.MemoryStore) account.Store { return hears{m, noReason} },
		"changes are told twice":              func(m *account.MemoryStore) account.Store { return hears{m, twice} },
		"a watch goes on after its context":   func(m *account.MemoryStore) account.Store { return endless{m} },
		"a batch leaves out missing sessions": func(m *account.MemoryStore) account.Store { return batchSkips{m} },
		"the index forgets":                   func(m *account.MemoryStore) account.Store { return indexForgets{m} },
		"a ttl of zero means for ever":        func(m *account.MemoryStore) account.Store { return zeroForEver{m} },
		"a delete ends nothing":               func(m *account.MemoryStore) account.Store { return deletesNothing{m} },
		"an index entry gets shorter":         func(m *account.MemoryStore) account.Store { return &indexShortens{MemoryStore: m} },
	} {
		t.Run(rule, func(t *testing.T) {
			t.Parallel()
			if !anyCheckFails(t, breakIt) {
				t.Errorf("every check passes although %s", rule)
			}
		})
	}
	t.Run("nothing is broken", func(t *testing.T) {
		t.Parallel()
		if anyCheckFails(t, func(m *account.MemoryStore) account.Store { return m }) {
			t.Error("a check fails")
		}
	})
}

// anyCheckFails runs all checks at the same time and stops at the first failure.
func anyCheckFails(t *testing.T, breakIt func(*account.MemoryStore) account.Store) bool {
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Second) // what a broken store never does need not be waited for
	defer cancel()
	r := &recorder{TB: t, ctx: ctx, fail: cancel}
	var wg sync.WaitGroup
	for _, c := range checks {
		wg.Go(func() {
			defer func() {
				if recover() != nil {
					r.Errorf("panic")
				}
			}()
			store := breakIt(account.NewMemoryStore())
			c.run(r, store, store)
		})
	}
	wg.Wait()
	return r.failed.Load()
}

// recorder takes the failures of a check in place of a test.
type recorder struct {
	testing.TB
	ctx    context.Context
	fail   func()
	failed atomic.Bool
}

func (r *recorder) Helper()                  {}
func (r *recorder) Cleanup(func())           {}
func (r *recorder) Context() context.Context { return r.ctx }

func (r *recorder) Errorf(string, ...any) {
	r.failed.Store(true)
	r.fail()
}

func (r *recorder) Error(...any) { r.Errorf("") }

func (r *recorder) Fatal(...any) { r.Fatalf("") }

func (r *recorder) Fatalf(format string, args ...any) {
	r.Errorf(format, args...)
	runtime.Goexit()
}

// TestSamplesSetEveryField keeps a new field of a session from being forgotten in the round trip.
func TestSamplesSetEveryField(t *testing.T) {
	full, choice := reflect.ValueOf(*sample()), reflect.ValueOf(*choosing())
	for i := range full.NumField() {
		name := full.Type().Field(i).Name
		if name != "Revision" && full.Field(i).IsZero() && choice.Field(i).IsZero() {
			t.Errorf("no sample sets %s", name)
		}
	}
	for i := range reflect.TypeFor[account.Linked]().NumField() {
		if reflect.ValueOf(sample().Accounts[0]).Field(i).IsZero() {
			t.Errorf("no sample sets Linked.%s", reflect.TypeFor[account.Linked]().Field(i).Name)
		}
	}
}

type lastWriterWins struct{ *account.MemoryStore }

func (b lastWriterWins) Save(ctx context.Context, s *account.Session, ttl time.Duration) error {
	if stored, err := b.Load(ctx, s.ID); err == nil {
		s.Revision = stored.Revision
	}
	return b.MemoryStore.Save(ctx, s, ttl)
}

type resurrects struct{ *account.MemoryStore }

func (b resurrects) Save(ctx context.Context, s *account.Session, ttl time.Duration) error {
	if _, err := b.Load(ctx, s.ID); err != nil {
		s.Revision = 0
	}
	return b.MemoryStore.Save(ctx, s, ttl)
}

type conflictTouches struct{ *account.MemoryStore }

func (b conflictTouches) Save(ctx context.Context, s *account.Session, ttl time.Duration) error {
	err := b.MemoryStore.Save(ctx, s, ttl)
	if err != nil {
		s.Revision++
	}
	return err
}

type immortal struct{ *account.MemoryStore }

func (b immortal) Save(ctx context.Context, s *account.Session, ttl time.Duration) error {
	return b.MemoryStore.Save(ctx, s, max(ttl, ttl*1e6))
}

// shares gives every caller the session that it gave the first one.
type shares struct {
	*account.MemoryStore
	mu    sync.Mutex
	given map[account.SessionID]*account.Session
}

func (b *shares) Load(ctx context.Context, id account.SessionID) (*account.Session, error) {
	s, err := b.MemoryStore.Load(ctx, id)
	if err != nil {
		return nil, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if given := b.given[id]; given != nil && given.Revision == s.Revision {
		return given, nil
	}
	if b.given == nil {
		b.given = make(map[account.SessionID]*account.Session)
	}
	b.given[id] = s
	return s, nil
}

type forgetsIntent struct{ *account.MemoryStore }

func (b forgetsIntent) Load(ctx context.Context, id account.SessionID) (*account.Session, error) {
	s, err := b.MemoryStore.Load(ctx, id)
	if err == nil {
		s.Intent = nil
	}
	return s, err
}

type touchCreates struct{ *account.MemoryStore }

func (b touchCreates) Touch(ctx context.Context, id account.SessionID, seen time.Time, ttl time.Duration) error {
	if _, err := b.Load(ctx, id); err != nil {
		s := sample()
		s.ID = id
		return b.Save(ctx, s, ttl)
	}
	return b.MemoryStore.Touch(ctx, id, seen, ttl)
}

type touchSaves struct{ *account.MemoryStore }

func (b touchSaves) Touch(ctx context.Context, id account.SessionID, seen time.Time, ttl time.Duration) error {
	s, err := b.Load(ctx, id)
	if err != nil {
		return err
	}
	s.Seen = seen
	return b.Save(ctx, s, ttl)
}

type touchIdles struct{ *account.MemoryStore }

func (b touchIdles) Touch(ctx context.Context, id account.SessionID, _ time.Time, _ time.Duration) error {
	_, err := b.Load(ctx, id)
	return err
}

// touchShortens lets a session live for the ttl of the last touch, whatever it had before.
type touchShortens struct {
	*account.MemoryStore
	mu      sync.Mutex
	expires map[account.SessionID]time.Time
}

func (b *touchShortens) Touch(ctx context.Context, id account.SessionID, seen time.Time, ttl time.Duration) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.expires == nil {
		b.expires = make(map[account.SessionID]time.Time)
	}
	b.expires[id] = time.Now().Add(ttl)
	return b.MemoryStore.Touch(ctx, id, seen, ttl)
}

func (b *touchShortens) Load(ctx context.Context, id account.SessionID) (*account.Session, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if expires, ok := b.expires[id]; ok && time.Now().After(expires) {
		return nil, account.ErrNotFound
	}
	return b.MemoryStore.Load(ctx, id)
}

// touchUnsees believes the last touch about when a session was seen, whatever came before.
type touchUnsees struct {
	*account.MemoryStore
	mu   sync.Mutex
	seen map[account.SessionID]time.Time
}

func (b *touchUnsees) Touch(ctx context.Context, id account.SessionID, seen time.Time, ttl time.Duration) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	err := b.MemoryStore.Touch(ctx, id, seen, ttl)
	if err == nil && b.seen == nil {
		b.seen = make(map[account.SessionID]time.Time)
	}
	if err == nil {
		b.seen[id] = seen
	}
	return err
}

func (b *touchUnsees) Load(ctx context.Context, id account.SessionID) (*account.Session, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	s, err := b.MemoryStore.Load(ctx, id)
	if seen, ok := b.seen[id]; err == nil && ok {
		s.Seen = seen
	}
	return s, err
}

type missingIsNil struct{ *account.MemoryStore }

func (b missingIsNil) Load(ctx context.Context, id account.SessionID) (*account.Session, error) {
	s, err := b.MemoryStore.Load(ctx, id)
	if err != nil {
		return nil, nil
	}
	return s, nil
}

type deaf struct{ *account.MemoryStore }

func (b deaf) Load(ctx context.Context, id account.SessionID) (*account.Session, error) {
	return b.MemoryStore.Load(context.WithoutCancel(ctx), id)
}

type deletesNothing struct{ *account.MemoryStore }

func (b deletesNothing) Delete(ctx context.Context, id account.SessionID, _ account.Reason) error {
	_, err := b.Load(ctx, id)
	return err
}

type zeroForEver struct{ *account.MemoryStore }

func (b zeroForEver) Save(ctx context.Context, s *account.Session, ttl time.Duration) error {
	if ttl <= 0 {
		ttl = long
	}
	return b.MemoryStore.Save(ctx, s, ttl)
}

// hears is a store whose watchers hear what distort makes of each change.
type hears struct {
	*account.MemoryStore
	distort func(account.Change) []account.Change
}

func (b hears) Watch(ctx context.Context, fn func(account.Change)) error {
	return b.MemoryStore.Watch(ctx, func(c account.Change) {
		for _, c := range b.distort(c) {
			fn(c)
		}
	})
}

func noResync(c account.Change) []account.Change {
	if c.Resync {
		return nil
	}
	return []account.Change{c}
}

func noEnd(c account.Change) []account.Change {
	if c.Ended {
		return nil
	}
	return []account.Change{c}
}

func endAtSameVersion(c account.Change) []account.Change {
	if c.Ended {
		c.Version--
	}
	return []account.Change{c}
}

func noReason(c account.Change) []account.Change {
	c.Reason = ""
	return []account.Change{c}
}

func twice(c account.Change) []account.Change { return []account.Change{c, c} }

type endless struct{ *account.MemoryStore }

func (b endless) Watch(ctx context.Context, fn func(account.Change)) error {
	err := b.MemoryStore.Watch(ctx, fn)
	time.Sleep(1500 * time.Millisecond)
	return fmt.Errorf("lost the cause: %v", err)
}

type batchSkips struct{ *account.MemoryStore }

func (b batchSkips) LoadMany(ctx context.Context, ids []account.SessionID) ([]*account.Session, error) {
	sessions, err := b.MemoryStore.LoadMany(ctx, ids)
	return slices.DeleteFunc(sessions, func(s *account.Session) bool { return s == nil }), err
}

type indexForgets struct{ *account.MemoryStore }

func (b indexForgets) SessionsOf(ctx context.Context, accountID string) ([]account.SessionID, error) {
	ids, err := b.MemoryStore.SessionsOf(ctx, accountID)
	return ids[:len(ids)/2], err
}

// indexShortens keeps the moment of the last Enlist instead of the latest one.
type indexShortens struct {
	*account.MemoryStore
	mu    sync.Mutex
	until map[account.SessionID]time.Time
}

func (b *indexShortens) Enlist(ctx context.Context, accountID string, id account.SessionID, until time.Time) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.until == nil {
		b.until = make(map[account.SessionID]time.Time)
	}
	b.until[id] = until
	return b.MemoryStore.Enlist(ctx, accountID, id, until)
}

func (b *indexShortens) SessionsOf(ctx context.Context, accountID string) ([]account.SessionID, error) {
	ids, err := b.MemoryStore.SessionsOf(ctx, accountID)
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.DeleteFunc(ids, func(id account.SessionID) bool { return time.Now().After(b.until[id]) }), err
}
