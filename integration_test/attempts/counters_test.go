// Package attempts_test holds the counters of tries, and the limits made of them, against real Redis servers and against
// the example.
package attempts_test

import (
	"context"
	"database/sql"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"

	"github.com/multiaccount-go/multiaccount/attempts"
	"github.com/multiaccount-go/multiaccount/integration_test/redisserver"
	"github.com/multiaccount-go/multiaccount/internal/postgres"
	"github.com/multiaccount-go/multiaccount/redisstore"
	"github.com/multiaccount-go/multiaccount/sqlstore"
)

var quiet = slog.New(slog.NewTextHandler(io.Discard, nil))

// client is what a process would use for a server at addr.
func client(t testing.TB, addr string) *redis.Client {
	t.Helper()
	o, err := redisstore.Options("redis://" + addr + "/0")
	if err != nil {
		t.Fatal(err)
	}
	rdb := redis.NewClient(o)
	t.Cleanup(func() { rdb.Close() })
	return rdb
}

func clusterClient(t testing.TB) *redis.ClusterClient {
	t.Helper()
	servers := redisserver.StartCluster(t)
	o, err := redisstore.ClusterOptions("redis://" + servers[0].Addr)
	if err != nil {
		t.Fatal(err)
	}
	o.Addrs = redisserver.Addrs(servers)
	rdb := redis.NewClusterClient(o)
	t.Cleanup(func() { rdb.Close() })
	return rdb
}

// database is one of PostgreSQL with the tables of package sqlstore.
func database(t *testing.T) *sql.DB {
	t.Helper()
	db, err := sql.Open("pgx", postgres.Shared(t).NewDatabase(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	db.SetMaxOpenConns(20)
	if err := sqlstore.PostgreSQL(db).Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return db
}

// take takes a try and fails the test when nothing is known.
func take(t *testing.T, c attempts.Counter, buckets ...attempts.Bucket) time.Duration {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	wait, err := c.Take(ctx, buckets)
	if err != nil {
		t.Fatal(err)
	}
	return wait
}

// taken counts the tries that a bucket gives at once, and returns the wait after them.
func taken(t *testing.T, c attempts.Counter, buckets ...attempts.Bucket) (tries int, wait time.Duration) {
	t.Helper()
	for range 1000 {
		if wait = take(t, c, buckets...); wait > 0 {
			return tries, wait
		}
		tries++
	}
	t.Fatal("a thousand tries and no end")
	return 0, 0
}

func backoff(key string, tries int) attempts.Bucket {
	return attempts.Bucket{Key: key, Tries: tries, Step: time.Minute, Longest: 3 * time.Minute, Memory: time.Hour}
}

func rate(key string, tries int) attempts.Bucket {
	return attempts.Bucket{Key: key, Tries: tries, Step: time.Minute}
}

func TestCounters(t *testing.T) {
	counters := map[string]func(*testing.T) attempts.Counter{
		"memory": func(*testing.T) attempts.Counter { return attempts.NewMemory(0) },
		"miniredis": func(t *testing.T) attempts.Counter {
			return redisstore.NewCounter(client(t, miniredis.RunT(t).Addr()))
		},
		"Redis": func(t *testing.T) attempts.Counter {
			return redisstore.NewCounter(client(t, redisserver.Start(t).Addr))
		},
		"PostgreSQL": func(t *testing.T) attempts.Counter { return sqlstore.NewCounter(database(t)) },
		"cluster":    func(t *testing.T) attempts.Counter { return redisstore.NewCounter(clusterClient(t)) },
	}
	for name, make := range counters {
		t.Run(name, func(t *testing.T) {
			c := make(t)
			t.Run("a backoff gives its tries and then waits", func(t *testing.T) {
				if n, wait := taken(t, c, backoff("a", 3)); n != 3 || wait > time.Minute || wait < 30*time.Second {
					t.Errorf("%d tries and then %v, want 3 and about a minute", n, wait)
				}
			})
			t.Run("a rate gives its tries and then one each step", func(t *testing.T) {
				if n, wait := taken(t, c, rate("b", 4)); n != 4 || wait > time.Minute || wait < 30*time.Second {
					t.Errorf("%d tries and then %v, want 4 and about a minute", n, wait)
				}
			})
			t.Run("a step later there is one more", func(t *testing.T) {
				b := attempts.Bucket{Key: "c", Tries: 2, Step: 50 * time.Millisecond}
				n, wait := taken(t, c, b)
				time.Sleep(wait)
				if more := take(t, c, b); n < 2 || more != 0 {
					t.Errorf("%d tries, and %v to wait after the wait", n, more)
				}
			})
			t.Run("all buckets or none", func(t *testing.T) {
				n, _ := taken(t, c, rate("d wide", 10), backoff("d narrow", 2), rate("d wider", 20))
				wide, _ := taken(t, c, rate("d wide", 10))
				wider, _ := taken(t, c, rate("d wider", 20))
				if n != 2 || wide != 8 || wider != 18 {
					t.Errorf("%d together, then %d and %d; want 2, 8, 18", n, wide, wider)
				}
			})
			t.Run("the longest wait counts", func(t *testing.T) {
				slow := attempts.Bucket{Key: "e slow", Tries: 1, Step: time.Hour}
				if n, wait := taken(t, c, rate("e", 1), slow); n != 1 || wait < 50*time.Minute {
					t.Errorf("%d and %v, want 1 and about an hour", n, wait)
				}
			})
			t.Run("what is forgotten begins anew", func(t *testing.T) {
				taken(t, c, backoff("f", 3))
				other, _ := taken(t, c, backoff("f other", 3))
				for range 2 { // the second finds nothing
					if err := c.Forget(t.Context(), "f"); err != nil {
						t.Fatal(err)
					}
				}
				if n, _ := taken(t, c, backoff("f", 3)); n != 3 || other != 3 {
					t.Errorf("%d tries, want 3", n)
				}
				if wait := take(t, c, backoff("f other", 3)); wait == 0 {
					t.Error("the bucket beside it was emptied too")
				}
			})
			t.Run("any text is a key of its own", func(t *testing.T) {
				keys := []string{"", "*", "{x}", "}{", "a:b", "a", "\x00", "a\x00", "\r\nFLUSHALL\r\n", strings.Repeat("k", 10<<10), "\xff"}
				for _, key := range keys {
					if n, _ := taken(t, c, backoff(key+" g", 2)); n != 2 {
						t.Errorf("%.20q has %d tries, want 2", key, n)
					}
				}
			})
			t.Run("two hundred at once get what one after the other would", func(t *testing.T) {
				var got atomic.Int64
				var wg sync.WaitGroup
				for range 200 {
					wg.Go(func() {
						ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
						defer cancel()
						wait, err := c.Take(ctx, []attempts.Bucket{rate("h everybody", 1000), backoff("h", 5)})
						if err == nil && wait == 0 {
							got.Add(1)
						}
					})
				}
				wg.Wait()
				if got.Load() != 5 {
					t.Errorf("%d were let through, want 5", got.Load())
				}
			})
		})
	}
}

// The script and the package count by the same rules, at every millisecond.
func TestScriptCountsLikeThePackage(t *testing.T) {
	m := miniredis.RunT(t)
	c := redisstore.NewCounter(client(t, m.Addr()))
	now := time.UnixMilli(1_800_000_000_000)
	m.SetTime(now)
	random := rand.New(rand.NewPCG(1, 2))
	buckets := []attempts.Bucket{
		{Key: "rate", Tries: 7, Step: 333 * time.Millisecond}, {Key: "slow", Tries: 1, Step: 4 * time.Second},
		{Key: "backoff", Tries: 3, Step: 250 * time.Millisecond, Longest: 7 * time.Second, Memory: 20 * time.Second},
		{Key: "flat", Tries: 0, Step: time.Second, Longest: time.Second, Memory: 2 * time.Second},
	}
	type remembered struct {
		attempts.State
		until time.Time
	}
	states := map[string]remembered{}
	took := 0
	for step := range 1500 {
		var some []attempts.Bucket
		for _, b := range buckets {
			if random.IntN(3) > 0 {
				some = append(some, b)
			}
		}
		if len(some) == 0 {
			continue
		}
		want := time.Duration(0)
		for _, b := range some {
			if s := states[b.Key]; !now.Before(s.until) {
				delete(states, b.Key)
			}
			want = max(want, b.Wait(states[b.Key].State, now))
		}
		if got := take(t, c, some...); got != want {
			t.Fatalf("step %d: the script says %v, the package %v", step, got, want)
		}
		if want == 0 {
			took++
			for _, b := range some {
				s, memory := b.Take(states[b.Key].State, now)
				states[b.Key] = remembered{s, now.Add(memory)}
			}
		}
		pause := time.Duration(random.IntN(1500)) * time.Millisecond
		if random.IntN(50) == 0 {
			pause = 25 * time.Second
		}
		now = now.Add(pause)
		m.FastForward(pause)
		m.SetTime(now)
	}
	if took < 150 {
		t.Errorf("only %d of 1500 tries were taken: the test compares refusals only", took)
	}
}

// KY-02, DO-06: what lies in Redis is bounded, ends by itself, and says nothing about who was tried.
func TestWhatIsKeptEndsByItselfAndNamesNobody(t *testing.T) {
	rdb := client(t, redisserver.Start(t).Addr)
	l, err := attempts.New(attempts.Config{
		Counter: redisstore.NewCounter(rdb, redisstore.WithPrefix("site")), LoginKey: strings.ToLower, Log: quiet,
	})
	if err != nil {
		t.Fatal(err)
	}
	for n := range 300 {
		_ = l.Do(t.Context(), attempts.Try{Login: fmt.Sprintf("person-%d@example.com", n%20), Address: "203.0.113.77"},
			func(context.Context) error { return io.EOF })
	}
	keys, err := rdb.Keys(t.Context(), "*").Result()
	if err != nil || len(keys) != 22 {
		t.Fatalf("%d keys, %v; want 20 accounts, an address and the global one", len(keys), err)
	}
	for _, key := range keys {
		if !strings.HasPrefix(key, "site:{tries}:") || len(key) != len("site:{tries}:")+43 {
			t.Errorf("key %q is not of the form that is promised", key)
		}
		if ttl := rdb.PTTL(t.Context(), key).Val(); ttl <= 0 || ttl > time.Hour {
			t.Errorf("%s ends in %v", key, ttl)
		}
		fields, err := rdb.HGetAll(t.Context(), key).Result()
		if err != nil || len(fields) != 2 || strings.Contains(fmt.Sprint(fields), "person") {
			t.Errorf("%s holds %v, %v", key, fields, err)
		}
	}
}

// RS-05: every way in which Redis can be away is no try, soon; afterwards the counts are there again.
func TestCounterIsAway(t *testing.T) {
	server := redisserver.Start(t)
	t.Cleanup(server.Resume)
	for name, rdb := range map[string]*redis.Client{
		"options of redisstore": client(t, server.Addr),
		"defaults of go-redis": func() *redis.Client {
			rdb := redis.NewClient(&redis.Options{Addr: server.Addr})
			t.Cleanup(func() { rdb.Close() })
			return rdb
		}(),
	} {
		t.Run(name, func(t *testing.T) {
			l, err := attempts.New(attempts.Config{Counter: redisstore.NewCounter(rdb), LoginKey: strings.ToLower, Log: quiet, Name: name[:7]})
			if err != nil {
				t.Fatal(err)
			}
			guess := func() (looked bool, took time.Duration) {
				began := time.Now()
				_ = l.Do(t.Context(), attempts.Try{Login: "victim", Address: "203.0.113.1"}, func(context.Context) error {
					looked = true
					return io.EOF
				})
				return looked, time.Since(began)
			}
			for range 5 {
				if looked, _ := guess(); !looked {
					t.Fatal("a try was refused while Redis was there")
				}
			}
			server.Hang()
			for range 3 {
				if looked, took := guess(); looked || took > 3*time.Second {
					t.Errorf("Redis hangs: looked at %v after %v", looked, took)
				}
			}
			server.Resume()
			if looked, _ := guess(); looked {
				t.Error("the lock is gone after the outage")
			}
		})
	}
}

func TestNobodyThereLetsNobodyTry(t *testing.T) {
	c := redisstore.NewCounter(client(t, "127.0.0.1:1"))
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if _, err := c.Take(ctx, []attempts.Bucket{backoff("a", 1)}); err == nil {
		t.Error("a Redis that is gone let a try through")
	}
	if err := c.Forget(ctx, "a"); err == nil {
		t.Error("a Redis that is gone forgot")
	}
}

// A bucket that somebody else has written over is no free pass.
func TestKeyOfAnotherTypeLetsNobodyTry(t *testing.T) {
	rdb := client(t, redisserver.Start(t).Addr)
	c := redisstore.NewCounter(rdb)
	take(t, c, backoff("a", 1))
	key := rdb.Keys(t.Context(), "*").Val()[0]
	if err := rdb.Set(t.Context(), key, "text", 0).Err(); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Take(t.Context(), []attempts.Bucket{backoff("a", 1)}); err == nil {
		t.Error("got no error")
	}
}

func TestCounterCostsOneCommand(t *testing.T) {
	rdb := client(t, redisserver.Start(t).Addr)
	c := redisstore.NewCounter(rdb)
	take(t, c, rate("a", 10)) // loads the script
	if err := rdb.ConfigResetStat(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	for range 10 {
		take(t, c, rate("a", 1000), rate("b", 1000), backoff("c", 1000))
	}
	stats, err := rdb.Info(t.Context(), "commandstats").Result()
	if err != nil || !strings.Contains(stats, "cmdstat_evalsha:calls=10,") {
		t.Errorf("got %v\n%s\nwant 10 scripts", err, stats)
	}
}
