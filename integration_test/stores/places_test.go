package stores_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/multiaccount-go/multiaccount/integration_test/redisserver"
	"github.com/multiaccount-go/multiaccount/live"
	"github.com/multiaccount-go/multiaccount/redisstore"
)

var _ live.Places = (*redisstore.Places)(nil)

func TestPlaces(t *testing.T) {
	single, cluster := redisserver.Start(t), redisserver.StartCluster(t)
	for name, connect := range map[string]func(t *testing.T) redis.UniversalClient{
		"one server": func(t *testing.T) redis.UniversalClient { return client(t, options(t, single.Addr)) },
		"cluster":    func(t *testing.T) redis.UniversalClient { return clusterClient(t, cluster) },
	} {
		t.Run(name, func(t *testing.T) { testPlaces(t, connect) })
	}
}

func testPlaces(t *testing.T, connect func(t *testing.T) redis.UniversalClient) {
	ctx := t.Context()
	p := redisstore.NewPlaces(connect(t), quiet)
	take := func(t *testing.T, owner, place string, most int, ttl time.Duration, want bool) {
		t.Helper()
		if got, err := p.Take(ctx, owner, place, most, ttl); err != nil || got != want {
			t.Errorf("take %s of %s: %v, %v, want %v", place, owner, got, err, want)
		}
	}
	t.Run("eighty at four processes for five places", func(t *testing.T) {
		var got atomic.Int64
		var all sync.WaitGroup
		for n := range 4 {
			p := redisstore.NewPlaces(connect(t), quiet)
			for i := range 20 {
				all.Go(func() {
					kept, err := p.Take(ctx, "race", fmt.Sprint(n, "-", i), 5, time.Minute)
					if err != nil {
						t.Error(err)
					}
					if kept {
						got.Add(1)
					}
				})
			}
		}
		all.Wait()
		if got.Load() != 5 {
			t.Errorf("%d of 80 were let in, want 5", got.Load())
		}
	})
	t.Run("whoever has a place keeps it, and a free one is for anybody", func(t *testing.T) {
		take(t, "a", "1", 2, time.Minute, true)
		take(t, "a", "2", 2, time.Minute, true)
		take(t, "a", "1", 2, time.Minute, true)
		take(t, "a", "3", 2, time.Minute, false)
		take(t, "b", "3", 2, time.Minute, true)
		for range 2 {
			if err := p.Free(ctx, "a", "1"); err != nil {
				t.Error(err)
			}
		}
		take(t, "a", "3", 2, time.Minute, true)
		take(t, "a", "4", 2, time.Minute, false)
	})
	t.Run("the places of a process that died become free, those that are renewed do not", func(t *testing.T) {
		take(t, "c", "dead", 2, 300*time.Millisecond, true)
		take(t, "c", "alive", 2, 300*time.Millisecond, true)
		renew := map[string][]string{"c": {"alive"}, "d": {"lost"}}
		if err := p.Renew(ctx, renew, time.Minute); err != nil {
			t.Fatal(err)
		}
		for end := time.Now().Add(10 * time.Second); ; time.Sleep(20 * time.Millisecond) {
			kept, err := p.Take(ctx, "c", "new", 2, time.Minute)
			if err != nil || time.Now().After(end) {
				t.Fatalf("the place of the dead one is not free: %v", err)
			}
			if kept {
				break
			}
		}
		take(t, "c", "newer", 2, time.Minute, false)
		take(t, "d", "other", 1, time.Minute, false) // what was lost is kept again
	})
	t.Run("nothing names the account or lives for ever", func(t *testing.T) {
		rdb := connect(t)
		take(t, "alice@example.com", "1", 2, time.Minute, true)
		found := 0
		look := func(rdb redis.Cmdable) {
			for _, key := range rdb.Keys(ctx, "*").Val() {
				if ttl := rdb.PTTL(ctx, key).Val(); ttl <= 0 || ttl > time.Minute {
					t.Errorf("key %s has the ttl %v", key, ttl)
				}
				if !strings.HasPrefix(key, "accounts:sockets:") || strings.Contains(key, "alice") {
					t.Errorf("key %s", key)
				}
				found++
			}
		}
		if c, ok := rdb.(*redis.ClusterClient); ok {
			var mu sync.Mutex
			_ = c.ForEachMaster(ctx, func(_ context.Context, node *redis.Client) error {
				mu.Lock()
				defer mu.Unlock()
				look(node)
				return nil
			})
		} else {
			look(rdb)
		}
		if found < 4 {
			t.Errorf("%d keys, want one for each account", found)
		}
	})
}

func TestPlacesOfNobody(t *testing.T) {
	p := redisstore.NewPlaces(nil)
	_, take := p.Take(t.Context(), "a", "1", 1, time.Minute)
	for what, err := range map[string]error{
		"Validate": p.Validate(), "Take": take, "Free": p.Free(t.Context(), "a", "1"), "Renew": p.Renew(t.Context(), nil, time.Minute),
	} {
		if err == nil || !strings.Contains(err.Error(), "client is nil") {
			t.Errorf("%s: %v", what, err)
		}
	}
	gone := redisserver.Start(t)
	p = redisstore.NewPlaces(client(t, options(t, gone.Addr)), quiet)
	gone.Stop()
	if kept, err := p.Take(t.Context(), "a", "1", 1, time.Minute); err == nil || kept {
		t.Errorf("a Redis that is gone: kept %v, %v", kept, err)
	}
}
