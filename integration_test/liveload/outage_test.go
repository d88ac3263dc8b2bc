package liveload_test

import (
	"net/http"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/multiaccount-go/multiaccount/integration_test/sitetest"
)

// channels returns how many subscriptions Redis has, as far as it answers.
func (k *kept) channels(t *testing.T, rdb *redis.Client) (n int64) {
	names, err := rdb.PubSubChannels(t.Context(), "*").Result()
	if err != nil {
		return 0
	}
	for _, name := range names {
		subscribers, err := rdb.PubSubNumSub(t.Context(), name).Result()
		if err != nil {
			return 0
		}
		n += subscribers[name]
	}
	return n
}

// TestRedisIsAwayUnderOpenViews: however Redis goes and comes back, open views show what changes afterwards, whoever was
// signed in still is, and who sends something in between gets an answer.
func TestRedisIsAwayUnderOpenViews(t *testing.T) {
	ways := map[string]struct{ away, back func(*testing.T, *kept) }{
		"it is stopped and started again": {
			func(_ *testing.T, k *kept) { k.stop() },
			func(_ *testing.T, k *kept) { k.start() },
		},
		"it hangs": {
			func(_ *testing.T, k *kept) { k.signal(syscall.SIGSTOP) },
			func(_ *testing.T, k *kept) { k.signal(syscall.SIGCONT) },
		},
		"all connections are killed, and it pauses": {
			func(t *testing.T, k *kept) {
				rdb := k.client()
				for _, kind := range []string{"normal", "pubsub"} {
					if _, err := rdb.ClientKillByFilter(t.Context(), "TYPE", kind).Result(); err != nil {
						t.Fatal(err)
					}
				}
				if err := rdb.Do(t.Context(), "CLIENT", "PAUSE", "5000", "ALL").Err(); err != nil {
					t.Fatal(err)
				}
			},
			func(*testing.T, *kept) {}, // the pause ends by itself
		},
	}
	for name, way := range ways {
		t.Run(name, func(t *testing.T) {
			redis := startRedis(t)
			n := sitetest.Start(t, redis.url())
			a := signIn(t, n, 6, 5)
			rdb := redis.client()
			heard := redis.channels(t, rdb)
			a.everyoneSees(n, "before")
			files := n.Files()

			way.away(t, redis)
			sender := a.all(alice)[0]
			sender.send(map[string]any{"text": entry(alice, "lost"), "_stamp": sender.stamp()})
			sent := time.Now()
			a.await(5*time.Second, "who sends something is answered", a.all(alice)[:1], func(p *tab) bool {
				told, _, _ := p.history()
				return slices.Contains(told, "refused") || slices.Contains(told, "failed")
			})
			t.Logf("answered after %v", time.Since(sent))
			for time.Since(sent) < 2500*time.Millisecond { // longer than everything that waits for Redis
				answer := a.browsers[0].Get(n, "/live")
				if answer.Status != http.StatusServiceUnavailable || answer.Took > time.Second {
					t.Errorf("a page while Redis is away: %d after %v, want 503 within a second", answer.Status, answer.Took)
				}
			}

			way.back(t, redis)
			for _, v := range a.browsers {
				sitetest.Eventually(t, "a page is back", func() bool { return v.Get(n, "/private").Status == http.StatusOK })
			}
			sitetest.Eventually(t, "the node listens again", func() bool { return redis.channels(t, rdb) >= heard })
			a.await(20*time.Second, "all views are connected", a.all(""), func(p *tab) bool { return p.back(1) })
			a.everyoneSees(n, "after")
			for _, v := range a.browsers {
				if got := v.Document(n).CurrentEmail(); got != v.email {
					t.Errorf("%s is %q afterwards", v.email, got)
				}
				if slices.Contains(v.Notes(n), entry(alice, "lost")) {
					t.Error("the event that was answered with a refusal has been executed")
				}
			}
			for _, p := range a.all("") {
				if told, ends, refused := p.history(); len(ends)+len(refused) > 0 {
					t.Logf("a view of %q: told %q, closed with %v, refused with %v", p.mine, told, ends, refused)
				}
			}
			a.verify()
			const database = 8 * 3 // connections that its pool may have, and the files of each
			for range 20 {         // connections of before may still be on their way out
				if n.Files() <= files+10+database {
					break
				}
				time.Sleep(100 * time.Millisecond)
			}
			if now := n.Files(); now > files+10+database {
				t.Errorf("%d files and sockets are open, %d were before", now, files)
			}
		})
	}
}
