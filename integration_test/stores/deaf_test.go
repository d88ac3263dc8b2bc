package stores_test

import (
	"context"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/multiaccount-go/multiaccount/account"
	"github.com/multiaccount-go/multiaccount/integration_test/redisserver"
	"github.com/multiaccount-go/multiaccount/redisstore"
)

// switchboard dials whoever is the primary at the moment, like a client of Sentinel or an address that follows it.
type switchboard struct {
	mu      sync.Mutex
	primary string
}

func (s *switchboard) dial(ctx context.Context, network, _ string) (net.Conn, error) {
	s.mu.Lock()
	addr := s.primary
	s.mu.Unlock()
	return new(net.Dialer).DialContext(ctx, network, addr)
}

// The primary is cut off from those who replace it, but not from this process: its connection to the change feed is in good
// health and hears nothing any more.
func TestWatchLeavesAPrimaryThatWasReplaced(t *testing.T) {
	old, fresh := redisserver.Start(t), redisserver.Start(t)
	board := &switchboard{primary: old.Addr}
	o := options(t, "primary.test:6379")
	o.Dialer = board.dial
	store := redisstore.New(client(t, o), quiet, redisstore.WithProbe(often))
	e := watch(t, store)
	time.Sleep(5 * often)
	if got := e.resyncCount(); got != 1 {
		t.Fatalf("while all is well: got %d resyncs, want 1", got)
	}
	board.mu.Lock()
	board.primary = fresh.Addr
	board.mu.Unlock()
	if err := client(t, options(t, old.Addr)).ClientKillByFilter(t.Context(), "TYPE", "normal").Err(); err != nil {
		t.Fatal(err) // now commands go to the new one
	}
	e.awaitResyncs(t, 2)
	s, _ := signedIn(t, store, "alice")
	bump(t, store, s)
	e.versions(t, s.ID, s.Version)
	if left, err := client(t, options(t, old.Addr)).PubSubNumSub(t.Context(), "accounts:{p00}:changes").Result(); err != nil ||
		left["accounts:{p00}:changes"] != 0 {
		t.Errorf("the old primary still has %v, %v", left, err)
	}
}

// The same in a cluster: the other servers do not reach the one that the process listens on, or have put it out.
func TestWatchLeavesAServerThatTheClusterDoesNotReach(t *testing.T) {
	servers := redisserver.StartCluster(t)
	listensOn := func() *redisserver.Server {
		for _, server := range servers {
			list, err := client(t, options(t, server.Addr)).Do(t.Context(), "CLIENT", "LIST", "TYPE", "PUBSUB").Text()
			if err != nil {
				t.Fatal(err)
			}
			if strings.TrimSpace(list) != "" {
				return server
			}
		}
		return nil
	}
	// The one that serves the slot of the probe hears it without the others: that is not noticed.
	probed := redisserver.MasterOf(t, servers, "accounts:{p00}:changes")
	var store *redisstore.Store
	var e *ear
	deaf := probed
	for range 30 {
		if deaf != probed {
			break
		}
		if e != nil {
			e.cancel()
			eventually(t, "nobody listens", func() bool { return listensOn() == nil })
		}
		store = redisstore.New(clusterClient(t, servers), quiet, redisstore.WithProbe(often))
		e = watch(t, store)
		deaf = listensOn()
	}
	// The messages of others that carry published messages are dropped there from now on.
	const publish = 4
	if err := client(t, options(t, deaf.Addr)).Do(t.Context(), "DEBUG", "DROP-CLUSTER-PACKET-FILTER", publish).Err(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it listens on another server", func() bool { now := listensOn(); return now != nil && now != deaf })
	e.awaitResyncs(t, 2)
	for _, s := range spread(t, store, 12) {
		bump(t, store, s)
		e.versions(t, s.ID, s.Version)
	}
}

// Sentinel replaces a primary: one that died, one that hangs, and one that only has to go. Every watcher hears of changes
// on the new one soon after the first change there.
func TestWatchFollowsAFailOver(t *testing.T) {
	sentinel := redisserver.StartSentinel(t)
	store := redisstore.New(failoverClient(t, sentinel.URL()), quiet)
	other := redisstore.New(failoverClient(t, sentinel.URL()), quiet)
	e := watch(t, other) // of a process that sends no commands
	for _, how := range []struct {
		name string
		do   func(*redisserver.Server)
	}{
		{"it hangs", func(s *redisserver.Server) { s.Hang(); t.Cleanup(s.Resume) }},
		{"it dies", func(s *redisserver.Server) { s.Stop() }},
	} {
		t.Run(how.name, func(t *testing.T) {
			s, _ := signedIn(t, store, "alice")
			before := e.resyncCount()
			old := sentinel.Primary()
			how.do(old)
			gone := time.Now()
			eventually(t, "changes are saved again", func() bool {
				fresh, _ := signedInIfPossible(t, store)
				s = fresh
				return fresh != nil
			})
			back := time.Now()
			eventually(t, "they are heard", func() bool {
				s.Version++
				return store.Save(t.Context(), s, time.Hour) == nil && e.hears(s.ID, s.Version, 50*time.Millisecond)
			})
			t.Logf("saved again after %v, heard %v later", back.Sub(gone), time.Since(back))
			if e.resyncCount() == before {
				t.Error("nobody told the watcher that it may have missed something")
			}
		})
	}
}

func signedInIfPossible(t *testing.T, store account.Store) (*account.Session, error) {
	t.Helper()
	out, err := account.NewManager(store, account.Options{}).SignIn(t.Context(), nil, nil, "alice", "password")
	return out.Session, err
}
