package stores_test

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/multiaccount-go/multiaccount/account"
	"github.com/multiaccount-go/multiaccount/integration_test/redisserver"
	"github.com/multiaccount-go/multiaccount/redisstore"
)

// ear is a running Watch that remembers what it heard.
type ear struct {
	mu      sync.Mutex
	resyncs int
	heard   []account.Change
	cancel  context.CancelFunc
	done    chan error
}

// watch starts a Watch and waits for its first Resync.
func watch(t *testing.T, store account.Store) *ear {
	t.Helper()
	e := startWatch(t, store)
	e.awaitResyncs(t, 1)
	return e
}

func startWatch(t *testing.T, store account.Store) *ear {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	e := &ear{cancel: cancel, done: make(chan error, 1)}
	t.Cleanup(cancel)
	go func() {
		e.done <- store.Watch(ctx, func(c account.Change) {
			e.mu.Lock()
			defer e.mu.Unlock()
			if c.Resync {
				e.resyncs++
			} else {
				e.heard = append(e.heard, c)
			}
		})
	}()
	return e
}

// awaitResyncs waits until the watcher was told n times that it may have missed changes.
func (e *ear) awaitResyncs(t *testing.T, n int) {
	t.Helper()
	eventually(t, "the watcher gets a Resync", func() bool {
		e.mu.Lock()
		defer e.mu.Unlock()
		return e.resyncs >= n
	})
}

func (e *ear) resyncCount() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.resyncs
}

// versions waits until a version of a session is heard, and returns all that were heard of it.
func (e *ear) versions(t *testing.T, id account.SessionID, until int64) []int64 {
	t.Helper()
	var versions []int64
	eventually(t, "the watcher hears the last change", func() bool {
		e.mu.Lock()
		defer e.mu.Unlock()
		versions = nil
		for _, c := range e.heard {
			if c.ID == id {
				versions = append(versions, c.Version)
			}
		}
		return slices.Contains(versions, until)
	})
	return versions
}

func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(15 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if holds() {
			return
		}
	}
	t.Fatalf("still not after 15 seconds: %s", what)
}

// bump saves a session with the next version.
func bump(t *testing.T, store account.Store, s *account.Session) {
	t.Helper()
	s.Version++
	if err := store.Save(t.Context(), s, time.Hour); err != nil {
		t.Fatalf("save: %v", err)
	}
}

func TestWatchSurvivesAKilledConnection(t *testing.T) {
	server := redisserver.Start(t)
	rdb := client(t, options(t, server.Addr))
	store := redisstore.New(rdb, quiet)
	s, _ := signedIn(t, store, "alice")
	e := watch(t, store)
	for round := 1; round <= 3; round++ {
		if err := rdb.ClientKillByFilter(t.Context(), "TYPE", "pubsub").Err(); err != nil {
			t.Fatal(err)
		}
		e.awaitResyncs(t, round+1)
		if got := e.resyncCount(); got != round+1 {
			t.Errorf("after %d kills: got %d resyncs, want %d: one for each connection", round, got, round+1)
		}
		first := s.Version + 1
		for range 50 {
			bump(t, store, s)
		}
		got := e.versions(t, s.ID, s.Version)
		if i := slices.Index(got, first); i < 0 || len(got)-i != 50 {
			t.Errorf("after the resync: heard %d of 50 changes", len(got)-i)
		}
	}
}

// TestWatchTellsOfAConnectionLostWhileItsWatcherIsBusy: the ping of a watch notices the loss first then, and go-redis mends
// the connection by itself.
func TestWatchTellsOfAConnectionLostWhileItsWatcherIsBusy(t *testing.T) {
	server := redisserver.Start(t)
	rdb := client(t, options(t, server.Addr))
	store := redisstore.New(rdb, quiet, redisstore.WithProbe(50*time.Millisecond))
	s, _ := signedIn(t, store, "alice")
	busy, proceed := make(chan struct{}), make(chan struct{})
	var once sync.Once
	e := startWatch(t, slowWatcher{store, func(c account.Change) {
		if !c.Resync {
			once.Do(func() { close(busy); <-proceed })
		}
	}})
	e.awaitResyncs(t, 1)
	feed := func() string { // of the watch
		list, err := rdb.Do(t.Context(), "CLIENT", "LIST", "TYPE", "PUBSUB").Text()
		if err != nil {
			t.Fatal(err)
		}
		id, _, _ := strings.Cut(list, " ")
		return id
	}
	bump(t, store, s)
	<-busy
	time.Sleep(500 * time.Millisecond) // an answer to a ping waits behind the busy watcher, so nobody reads any more
	lost := feed()
	if err := rdb.ClientKillByFilter(t.Context(), "TYPE", "pubsub").Err(); err != nil {
		t.Fatal(err)
	}
	bump(t, store, s) // nobody is told
	eventually(t, "there is another connection", func() bool { id := feed(); return id != "" && id != lost })
	close(proceed)
	e.awaitResyncs(t, 2)
	bump(t, store, s)
	e.versions(t, s.ID, s.Version)
	if got := e.resyncCount(); got != 2 {
		t.Errorf("got %d resyncs, want 2", got)
	}
}

// slowWatcher is a store whose watchers do something else first.
type slowWatcher struct {
	account.Store
	first func(account.Change)
}

func (w slowWatcher) Watch(ctx context.Context, fn func(account.Change)) error {
	return w.Store.Watch(ctx, func(c account.Change) {
		w.first(c)
		fn(c)
	})
}

func TestWatchSurvivesARestart(t *testing.T) {
	server := redisserver.Start(t)
	store := redisstore.New(client(t, options(t, server.Addr)), quiet)
	e := watch(t, store)
	server.Stop()
	s := account.NewCookie().ID
	if _, err := store.Load(t.Context(), s); err == nil || errors.Is(err, account.ErrNotFound) {
		t.Errorf("while Redis is down: got %v, want an error that says nothing about the session", err)
	}
	server.Restart()
	e.awaitResyncs(t, 2)
	fresh, _ := signedIn(t, store, "alice")
	bump(t, store, fresh)
	e.versions(t, fresh.ID, fresh.Version)
}

func TestWatchNoticesASilentLink(t *testing.T) {
	server := redisserver.Start(t)
	store := redisstore.New(client(t, options(t, server.Addr)), quiet, redisstore.WithProbe(200*time.Millisecond))
	e := watch(t, store)
	time.Sleep(time.Second) // several probes long
	if got := e.resyncCount(); got != 1 {
		t.Fatalf("a quiet but healthy link: got %d resyncs, want 1", got)
	}
	server.Hang()
	time.Sleep(time.Second) // longer than three probes, so the link counts as dead
	server.Resume()
	e.awaitResyncs(t, 2)
	s, _ := signedIn(t, store, "alice")
	e.versions(t, s.ID, s.Version)
}

func TestWatchInAClusterHearsEveryPartition(t *testing.T) {
	servers := redisserver.StartCluster(t)
	store := redisstore.New(clusterClient(t, servers), quiet)
	e := watch(t, store)
	sessions := make(map[account.SessionID]*account.Session)
	for range 200 {
		s, _ := signedIn(t, store, "alice")
		sessions[s.ID] = s
	}
	for id, s := range sessions {
		e.versions(t, id, s.Version)
	}
	for _, server := range servers { // whichever of them the feed is connected to
		rdb := client(t, options(t, server.Addr))
		if err := rdb.ClientKillByFilter(t.Context(), "TYPE", "pubsub").Err(); err != nil {
			t.Fatal(err)
		}
	}
	e.awaitResyncs(t, 2)
	for _, s := range sessions {
		bump(t, store, s)
		e.versions(t, s.ID, s.Version)
	}
}

func TestWatchIgnoresMalformedNotices(t *testing.T) {
	server := redisserver.Start(t)
	rdb := client(t, options(t, server.Addr))
	store := redisstore.New(rdb, quiet)
	s, _ := signedIn(t, store, "alice")
	e := watch(t, store)
	key := keyOf(t, rdb, s.ID)
	channel := key[:strings.Index(key, "s:"+s.ID.String())] + "changes"
	other := "accounts:{p00}:changes"
	if other == channel {
		other = "accounts:{p01}:changes"
	}
	genuine := `{"id":"` + s.ID.String() + `","v":99}`
	for _, p := range []struct{ channel, text string }{
		{channel, ""}, {channel, "{"}, {channel, "null"}, {channel, `{"id":"short","v":99}`}, {channel, `{"v":99}`},
		{other, genuine}, // of a session that does not belong there
	} {
		if err := rdb.Publish(t.Context(), p.channel, p.text).Err(); err != nil {
			t.Fatal(err)
		}
	}
	bump(t, store, s)
	if got := e.versions(t, s.ID, s.Version); !slices.Equal(got, []int64{s.Version}) {
		t.Errorf("got versions %v, want only %d", got, s.Version)
	}
	if got := e.resyncCount(); got != 1 {
		t.Errorf("got %d resyncs, want 1", got)
	}
}

func TestWatchEndsPromptly(t *testing.T) {
	healthy, refusing := redisserver.Start(t).Addr, redisserver.Start(t)
	refusing.Stop()
	for name, connect := range map[string]func(t *testing.T) *redis.Options{
		"while Redis is well":           func(t *testing.T) *redis.Options { return options(t, healthy) },
		"while Redis refuses":           func(t *testing.T) *redis.Options { return options(t, refusing.Addr) },
		"while Redis accepts and hangs": func(t *testing.T) *redis.Options { return &redis.Options{Addr: hangingListener(t)} },
		"while dialing hangs":           func(t *testing.T) *redis.Options { return &redis.Options{Dialer: deafDialer(t)} },
	} {
		t.Run(name, func(t *testing.T) {
			e := startWatch(t, redisstore.New(client(t, connect(t)), quiet))
			time.Sleep(100 * time.Millisecond) // whatever it does, it is in the middle of it
			e.cancel()
			select {
			case err := <-e.done:
				if !errors.Is(err, context.Canceled) {
					t.Errorf("got %v, want context.Canceled", err)
				}
			case <-time.After(time.Second):
				t.Error("Watch still runs a second after its context ended")
			}
		})
	}
}

func TestWatchLeavesNothingBehind(t *testing.T) {
	e := watch(t, redisstore.New(client(t, options(t, redisserver.Start(t).Addr)), quiet))
	e.cancel()
	<-e.done
	for range 100 {
		stacks := make([]byte, 1<<20)
		if !strings.Contains(string(stacks[:runtime.Stack(stacks, true)]), "redisstore.(*listener)") {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Error("a goroutine of the watch still runs a second after it returned")
}
