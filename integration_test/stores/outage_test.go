package stores_test

import (
	"context"
	"errors"
	"net"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/multiaccount-go/multiaccount/account"
	"github.com/multiaccount-go/multiaccount/integration_test/redisserver"
	"github.com/multiaccount-go/multiaccount/redisstore"
)

// hangingListener accepts connections and never answers. It returns its address.
func hangingListener(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var open []net.Conn
	t.Cleanup(func() {
		l.Close()
		mu.Lock()
		defer mu.Unlock()
		for _, c := range open {
			c.Close()
		}
	})
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			open = append(open, c)
			mu.Unlock()
		}
	}()
	return l.Addr().String()
}

// deafDialer dials like into a network that drops every packet, and does not even look at the context.
func deafDialer(t *testing.T) func(context.Context, string, string) (net.Conn, error) {
	over := make(chan struct{})
	t.Cleanup(func() { close(over) })
	return func(context.Context, string, string) (net.Conn, error) {
		<-over
		return nil, errors.New("test is over")
	}
}

// exhausted returns a client whose only connection is busy.
func exhausted(t *testing.T, o *redis.Options) *redis.Client {
	t.Helper()
	o.PoolSize, o.MaxActiveConns = 1, 1
	rdb := client(t, o)
	busy := make(chan struct{})
	go func() {
		close(busy)
		rdb.BLPop(context.Background(), time.Minute, "nothing comes here") // until the client is closed
	}()
	<-busy
	time.Sleep(100 * time.Millisecond) // until it has the connection
	return rdb
}

// TestEveryMethodIsBounded: whatever Redis does, and whatever client the application has made.
func TestEveryMethodIsBounded(t *testing.T) {
	server := redisserver.Start(t)
	hung := redisserver.Start(t)
	cluster := redis.NewClusterClient(&redis.ClusterOptions{Addrs: []string{hangingListener(t)}})
	t.Cleanup(func() { cluster.Close() })
	for name, rdb := range map[string]redis.UniversalClient{
		"accepts and hangs, our options":      client(t, options(t, hangingListener(t))),
		"accepts and hangs, default options":  client(t, &redis.Options{Addr: hangingListener(t)}),
		"accepts and hangs, long timeouts":    client(t, &redis.Options{Addr: hangingListener(t), ContextTimeoutEnabled: true}),
		"accepts and hangs, cluster":          cluster,
		"hangs while connected, our options":  connected(t, hung, options(t, hung.Addr)),
		"hangs while connected, default":      connected(t, hung, &redis.Options{Addr: hung.Addr}),
		"dialing hangs, our options":          client(t, &redis.Options{ContextTimeoutEnabled: true, Dialer: deafDialer(t)}),
		"dialing hangs, default options":      client(t, &redis.Options{Dialer: deafDialer(t)}),
		"refuses, default options":            client(t, &redis.Options{Addr: "127.0.0.1:1"}),
		"pool is exhausted, our options":      exhausted(t, options(t, server.Addr)),
		"pool is exhausted, default options":  exhausted(t, &redis.Options{Addr: server.Addr}),
		"accepts and hangs, reads for ever":   client(t, &redis.Options{Addr: hangingListener(t), ReadTimeout: -1}),
		"accepts and hangs, our options, TLS": client(t, tlsOptions(t, hangingListener(t))),
		"the sentinels accept and hang":       failoverClient(t, "redis://"+hangingListener(t)+"?master_name=main"),
		"the sentinels refuse":                failoverClient(t, "redis://127.0.0.1:1?master_name=main"),
	} {
		if name[:5] == "hangs" {
			defer hung.Resume()
			hung.Hang()
		}
		t.Run(name, func(t *testing.T) {
			t.Run("deadline", func(t *testing.T) {
				checkBounded(t, rdb, func() (context.Context, context.CancelFunc) {
					return context.WithTimeout(t.Context(), 300*time.Millisecond)
				})
			})
			t.Run("cancelled", func(t *testing.T) {
				checkBounded(t, rdb, func() (context.Context, context.CancelFunc) {
					ctx, cancel := context.WithCancel(t.Context())
					time.AfterFunc(300*time.Millisecond, cancel)
					return ctx, cancel
				})
			})
		})
	}
}

func tlsOptions(t *testing.T, addr string) *redis.Options {
	o, err := redisstore.Options("rediss://" + addr)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// connected returns a client that has an open connection already.
func connected(t *testing.T, server *redisserver.Server, o *redis.Options) *redis.Client {
	t.Helper()
	server.Resume()
	rdb := client(t, o)
	if err := rdb.Ping(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	return rdb
}

func checkBounded(t *testing.T, rdb redis.UniversalClient, newContext func() (context.Context, context.CancelFunc)) {
	store := redisstore.New(rdb, quiet)
	bus := redisstore.NewBus(rdb, quiet)
	s := &account.Session{ID: account.NewCookie().ID}
	var wg sync.WaitGroup
	for method, call := range map[string]func(ctx context.Context) error{
		"Load":       func(ctx context.Context) error { _, err := store.Load(ctx, s.ID); return err },
		"LoadMany":   func(ctx context.Context) error { _, err := store.LoadMany(ctx, []account.SessionID{s.ID}); return err },
		"Save":       func(ctx context.Context) error { return store.Save(ctx, s, time.Hour) },
		"Delete":     func(ctx context.Context) error { return store.Delete(ctx, s.ID, account.ReasonRevoked) },
		"Touch":      func(ctx context.Context) error { return store.Touch(ctx, s.ID, time.Now(), time.Hour) },
		"Enlist":     func(ctx context.Context) error { return store.Enlist(ctx, "alice", s.ID, time.Now()) },
		"SessionsOf": func(ctx context.Context) error { _, err := store.SessionsOf(ctx, "alice"); return err },
		"Publish":    func(ctx context.Context) error { return bus.Publish(ctx, "topic", nil) },
	} {
		wg.Go(func() {
			ctx, cancel := newContext()
			defer cancel()
			began := time.Now()
			err := call(ctx)
			if took := time.Since(began); took > time.Second {
				t.Errorf("%s returned after %v, want within a second", method, took)
			}
			if err == nil || errors.Is(err, account.ErrNotFound) || errors.Is(err, account.ErrConflict) ||
				errors.Is(err, account.ErrBadRecord) {
				t.Errorf("%s: got %v, want an error that says nothing about the session", method, err)
			}
		})
	}
	wg.Wait()
}

func TestRedisThatHungIsUsedAgain(t *testing.T) {
	for name, o := range map[string]func(addr string) *redis.Options{
		"our options":     func(addr string) *redis.Options { return options(t, addr) },
		"default options": func(addr string) *redis.Options { return &redis.Options{Addr: addr} },
	} {
		t.Run(name, func(t *testing.T) {
			server := redisserver.Start(t)
			store := redisstore.New(client(t, o(server.Addr)), quiet)
			s, _ := signedIn(t, store, "alice")
			before := runtime.NumGoroutine()
			server.Hang()
			var wg sync.WaitGroup
			for range 2000 {
				wg.Go(func() {
					ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
					defer cancel()
					if _, err := store.Load(ctx, s.ID); err == nil {
						t.Error("Load succeeded while Redis hung")
					}
				})
			}
			wg.Wait()
			if left := runtime.NumGoroutine() - before; left > 300 {
				t.Errorf("%d goroutines are left of 2000 calls: they pile up", left)
			}
			server.Resume()
			began := time.Now()
			eventually(t, "the store works again", func() bool {
				ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
				defer cancel()
				_, err := store.Load(ctx, s.ID)
				return err == nil
			})
			if took := time.Since(began); took > 5*time.Second {
				t.Errorf("works again after %v, want within 5 seconds", took)
			}
		})
	}
}

func TestStorageIsBounded(t *testing.T) {
	storage := redisstore.NewStorage(client(t, &redis.Options{Addr: hangingListener(t)}), "limiter")
	began := time.Now()
	if _, err := storage.Get("10.0.0.1"); err == nil {
		t.Error("got nil, want an error: a limiter must not believe that nothing was counted")
	}
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("Get returned after %v, want within 2 seconds", took)
	}
}
