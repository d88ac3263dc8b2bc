package moving_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/multiaccount-go/multiaccount/account"
	"github.com/multiaccount-go/multiaccount/account/moving"
	"github.com/multiaccount-go/multiaccount/storetest"
)

func TestStore(t *testing.T) {
	for name, lead := range map[string]moving.Lead{"the old store leads": moving.OldLeads, "the new store leads": moving.NewLeads} {
		t.Run(name, func(t *testing.T) {
			storetest.RunPair(t, func(t *testing.T) (one, other account.Store) {
				old, fresh := account.NewMemoryStore(), account.NewMemoryStore()
				opt := moving.Options{Lead: lead}
				return moving.New(old, fresh, opt), moving.New(old, fresh, opt)
			})
		})
	}
}

// TestStoreWithSessionsFromBefore: the contract also holds for sessions that a process saved which knew of no new store.
func TestStoreWithSessionsFromBefore(t *testing.T) {
	storetest.RunPair(t, func(t *testing.T) (one, other account.Store) {
		b := &before{old: account.NewMemoryStore(), expires: map[account.SessionID]time.Time{}}
		fresh, opt := account.NewMemoryStore(), moving.Options{Lead: moving.NewLeads}
		movers := [2]account.Store{moving.New(unheard{b.old}, fresh, opt), moving.New(unheard{b.old}, fresh, opt)}
		for _, m := range movers {
			moving.SetLife(m, b.left) // the suite's sessions do not live as long as a manager's
		}
		return fromBefore{movers[0].(indexed), b}, fromBefore{movers[1].(indexed), b}
	})
}

// indexed is what a store over two memory stores can do.
type indexed interface {
	account.Store
	account.Index
	account.BatchLoader
}

// before is a process that uses the old store alone, and knows when its sessions expire.
type before struct {
	old     *account.MemoryStore
	mu      sync.Mutex
	expires map[account.SessionID]time.Time
}

func (b *before) left(s *account.Session) time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	return max(time.Until(b.expires[s.ID]), time.Nanosecond)
}

// fromBefore has each session begin in the old store, which nobody but the process from before writes to.
type fromBefore struct {
	indexed
	before *before
}

func (f fromBefore) Save(ctx context.Context, s *account.Session, ttl time.Duration) error {
	if s.Revision > 0 {
		return f.indexed.Save(ctx, s, ttl)
	}
	if _, err := f.Load(ctx, s.ID); err == nil {
		return account.ErrConflict
	}
	f.before.mu.Lock()
	f.before.expires[s.ID] = time.Now().Add(ttl)
	f.before.mu.Unlock()
	if err := f.before.old.Save(ctx, s, ttl); err != nil {
		return err
	}
	// The suite goes on with the session as the old process has saved it, so it has to be where that number is known.
	_, err := f.indexed.Load(ctx, s.ID)
	return err
}

// unheard is an old store whose first saves are not told: the copy that a move makes is told in their place, by the feed that
// tells the changes after it. Feeds of two stores have no common order, and the suite asks for one.
type unheard struct{ *account.MemoryStore }

func (u unheard) Watch(ctx context.Context, fn func(account.Change)) error {
	return u.MemoryStore.Watch(ctx, func(c account.Change) {
		if c.Resync || c.Ended {
			fn(c)
		}
	})
}
