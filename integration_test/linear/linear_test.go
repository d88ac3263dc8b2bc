package linear_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/anishathalye/porcupine"
	"github.com/redis/go-redis/v9"

	"github.com/multiaccount-go/multiaccount/account"
	"github.com/multiaccount-go/multiaccount/account/moving"
	"github.com/multiaccount-go/multiaccount/integration_test/redisserver"
	"github.com/multiaccount-go/multiaccount/redisstore"
)

// backend is a store that several processes share: handle returns it as one of them has it, over a wire that fails; calm is
// the same without faults.
type backend struct {
	calm   account.Store
	handle func(client int) account.Store
}

func memory(t *testing.T) backend {
	m := account.NewMemoryStore()
	return backend{m, func(int) account.Store { return unsure{m} }}
}

// on returns the store on a Redis, with a client that sends a command so many times more whose answer got lost.
func on(t *testing.T, addr, prefix string, retries int) account.Store {
	t.Helper()
	o, err := redisstore.Options("redis://" + addr)
	if err != nil {
		t.Fatal(err)
	}
	o.MaxRetries = retries
	rdb := redis.NewClient(o)
	t.Cleanup(func() { rdb.Close() })
	return redisstore.New(rdb, redisstore.WithPrefix(prefix), redisstore.WithLogger(slog.New(slog.NewTextHandler(io.Discard, nil))))
}

const never, once = -1, 1

// shared is a Redis that each process reaches over a wire of its own.
func shared(t *testing.T, addr, prefix string, retries int) backend {
	handles := make([]account.Store, clients)
	for i := range handles {
		handles[i] = on(t, wire(t, addr), prefix, retries)
	}
	return backend{on(t, addr, prefix, once), func(client int) account.Store { return handles[client] }}
}

func miniRedis(t *testing.T) string {
	m := miniredis.NewMiniRedis()
	if err := m.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Close)
	return m.Addr()
}

// movingHouse is a migration in which some processes let the old store lead and others the new one. Sessions begin in the
// old store.
func movingHouse(old, fresh backend) backend {
	return backend{old.calm, func(client int) account.Store {
		lead := moving.NewLeads
		if client%3 == 0 {
			lead = moving.OldLeads
		}
		return moving.New(old.handle(client), fresh.handle(client), moving.Options{Lead: lead})
	}}
}

// TestCompareAndSetIsLinearizable: whatever gets lost or comes late, each session is one record that is written in turn.
func TestCompareAndSetIsLinearizable(t *testing.T) {
	for name, tt := range map[string]struct {
		rules   rules
		backend func(t *testing.T) backend
	}{
		"memory": {rules{}, memory},
		"miniredis": {rules{}, func(t *testing.T) backend {
			return shared(t, miniRedis(t), "a", never)
		}},
		"Redis": {rules{}, func(t *testing.T) backend {
			return shared(t, redisserver.Start(t).Addr, "a", never)
		}},
		"Redis, through a client that repeats itself": {rules{repeats: true}, func(t *testing.T) backend {
			return shared(t, redisserver.Start(t).Addr, "a", once)
		}},
		"SQLite":     {rules{}, inFile},
		"PostgreSQL": {rules{}, onPostgreSQL},
		"from Redis to PostgreSQL": {rules{moves: true}, func(t *testing.T) backend {
			return movingHouse(shared(t, redisserver.Start(t).Addr, "a", never), onPostgreSQL(t))
		}},
		"from memory to memory": {rules{moves: true}, func(t *testing.T) backend {
			return movingHouse(memory(t), memory(t))
		}},
		"from Redis to Redis": {rules{moves: true}, func(t *testing.T) backend {
			addr := redisserver.Start(t).Addr
			return movingHouse(shared(t, addr, "old", never), shared(t, addr, "new", never))
		}},
	} {
		t.Run(name, func(t *testing.T) {
			b := tt.backend(t)
			all := history(t, b.calm, b.handle)
			if got := judge(t, tt.rules, all); got != porcupine.Ok {
				t.Errorf("no single record can have answered like this: %s", got)
			}
		})
	}
}

// TestBrokenStoresAreNotLinearizable: what the check is for.
func TestBrokenStoresAreNotLinearizable(t *testing.T) {
	for name, breakIt := range map[string]func(m *account.MemoryStore) account.Store{
		"no compare-and-set": func(m *account.MemoryStore) account.Store { return overwrites{m} },
		"a write whose answer got lost is repeated blindly": func(m *account.MemoryStore) account.Store { return repeats{m} },
		"reads come from a copy":                            func(m *account.MemoryStore) account.Store { return &stale{MemoryStore: m} },
		"an end is undone by who was writing":               func(m *account.MemoryStore) account.Store { return revives{m} },
	} {
		t.Run(name, func(t *testing.T) {
			for range 20 { // each time is a chance; one is enough
				m := account.NewMemoryStore()
				store := breakIt(m)
				if judge(t, rules{}, history(t, m, func(int) account.Store { return store })) == porcupine.Illegal {
					return
				}
			}
			t.Error("20 histories, and all are those of a single record")
		})
	}
}

// pause lets somebody else in between.
func pause() { time.Sleep(200 * time.Microsecond) }

type overwrites struct{ *account.MemoryStore }

func (b overwrites) Save(ctx context.Context, s *account.Session, ttl time.Duration) error {
	stored, err := b.Load(ctx, s.ID)
	if err != nil || stored.Revision != s.Revision {
		return account.ErrConflict
	}
	pause()
	if stored, err = b.Load(ctx, s.ID); err != nil {
		return account.ErrConflict
	}
	s.Revision = stored.Revision
	return b.MemoryStore.Save(ctx, s, ttl)
}

// repeats writes twice, as a client does that got no answer, and the second time over whatever is there.
type repeats struct{ *account.MemoryStore }

func (b repeats) Save(ctx context.Context, s *account.Session, ttl time.Duration) error {
	if err := b.MemoryStore.Save(ctx, s, ttl); err != nil {
		return err
	}
	pause()
	if stored, err := b.Load(ctx, s.ID); err == nil {
		s.Revision = stored.Revision
		_ = b.MemoryStore.Save(ctx, s, ttl)
	}
	return nil
}

type stale struct {
	*account.MemoryStore
	mu   sync.Mutex
	read map[account.SessionID]*account.Session
	at   time.Time
}

func (b *stale) Load(ctx context.Context, id account.SessionID) (*account.Session, error) {
	pause()
	b.mu.Lock()
	defer b.mu.Unlock()
	if time.Since(b.at) > time.Millisecond {
		b.read, b.at = map[account.SessionID]*account.Session{}, time.Now()
	}
	if s := b.read[id]; s != nil {
		return s.Clone(), nil
	}
	s, err := b.MemoryStore.Load(ctx, id)
	if err == nil {
		b.read[id] = s.Clone()
	}
	return s, err
}

type revives struct{ *account.MemoryStore }

func (b revives) Save(ctx context.Context, s *account.Session, ttl time.Duration) error {
	if stored, err := b.Load(ctx, s.ID); err != nil || stored.Revision != s.Revision {
		return account.ErrConflict
	}
	pause()
	err := b.MemoryStore.Save(ctx, s, ttl)
	if _, lookup := b.Load(ctx, s.ID); err != nil && errors.Is(lookup, account.ErrNotFound) {
		s.Revision = 0
		err = b.MemoryStore.Save(ctx, s, ttl)
	}
	return err
}
