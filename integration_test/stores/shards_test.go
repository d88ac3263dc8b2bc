package stores_test

import (
	"fmt"
	"regexp"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/multiaccount-go/multiaccount/account"
	"github.com/multiaccount-go/multiaccount/integration_test/redisserver"
	"github.com/multiaccount-go/multiaccount/redisstore"
)

const often = 200 * time.Millisecond // a probe of tests that wait for several

// spread returns a session in each of some partitions, by the first part of its key.
func spread(t *testing.T, store account.Store, n int) map[string]*account.Session {
	t.Helper()
	sessions := map[string]*account.Session{}
	for len(sessions) < n {
		s, _ := signedIn(t, store, "alice")
		sessions[fmt.Sprintf("accounts:{p%02d}:", s.ID[0]%64)] = s
	}
	return sessions
}

// In the middle of an update of a site, some processes tell on sharded channels and others on plain ones.
func TestNobodyIsDeafWhileASiteTakesUpShardedChannels(t *testing.T) {
	servers := redisserver.StartCluster(t)
	process := func(opts ...redisstore.Option) *redisstore.Store {
		return redisstore.New(clusterClient(t, servers), append(opts, quiet)...)
	}
	for step, pair := range map[string][2]*redisstore.Store{
		"first":  {process(), process(redisstore.WithShardedChannels(false))},
		"second": {process(redisstore.WithShardedChannels(false)), process(redisstore.WithShardedChannels(true))},
	} {
		t.Run(step, func(t *testing.T) {
			ears := []*ear{watch(t, pair[0]), watch(t, pair[1])}
			for _, teller := range pair {
				for _, s := range spread(t, teller, 8) {
					bump(t, teller, s)
					for _, e := range ears {
						e.versions(t, s.ID, s.Version)
					}
				}
			}
			for i, e := range ears {
				if got := e.resyncCount(); i == 0 && step == "first" && got != 1 {
					t.Errorf("the plain watcher was told of %d gaps, want the one at the start", got-1)
				}
			}
		})
	}
}

func TestShardedChannelsNeedACluster(t *testing.T) {
	if err := redisstore.New(client(t, options(t, "127.0.0.1:1")), redisstore.WithShardedChannels(false)).Validate(); err == nil {
		t.Error("one server: got nil, want an error")
	}
}

func TestShardedWatchFollowsAMovedSlot(t *testing.T) {
	servers := redisserver.StartCluster(t)
	store := redisstore.New(clusterClient(t, servers), quiet, redisstore.WithProbe(often), redisstore.WithShardedChannels(true))
	sessions := spread(t, store, 20)
	e := watch(t, store)
	moves := 0
	for partition, s := range sessions {
		if moves++; moves > 3 {
			break
		}
		key := partition + "s:" + s.ID.String()
		home := redisserver.MasterOf(t, servers, key)
		next := servers[0]
		if next == home {
			next = servers[1]
		}
		before := e.resyncCount()
		redisserver.MoveSlot(t, servers, key, next, func() {})
		e.awaitResyncs(t, before+1)
		for _, s := range sessions { // whether their links were touched or not
			bump(t, store, s)
			e.versions(t, s.ID, s.Version)
		}
	}
}

// A master dies. Until it is replaced, changes of the other masters' sessions are heard as always.
func TestShardedWatchHearsTheOthersWhileAMasterIsAway(t *testing.T) {
	servers := redisserver.StartReplicatedCluster(t)
	for _, server := range servers { // or all of them stop when one does
		if err := client(t, options(t, server.Addr)).ConfigSet(t.Context(), "cluster-require-full-coverage", "no").Err(); err != nil {
			t.Fatal(err)
		}
	}
	store := redisstore.New(clusterClient(t, servers), quiet, redisstore.WithProbe(often), redisstore.WithShardedChannels(true))
	sessions := spread(t, store, 12)
	e := watch(t, store)
	var victim *redisserver.Server
	var theirs, others []*account.Session
	for partition, s := range sessions {
		server := redisserver.MasterOf(t, servers, partition)
		if victim == nil {
			victim = server
		}
		if server == victim {
			theirs = append(theirs, s)
		} else {
			others = append(others, s)
		}
	}
	if len(others) == 0 {
		t.Fatal("all sessions are on one master")
	}
	rdb := client(t, options(t, victim.Addr))
	eventually(t, "the replica of the victim has everything", func() bool { return replicated(t, rdb) })
	victim.Stop()
	died := time.Now()
	away := true
	for rounds := 0; away; rounds++ {
		for _, s := range others {
			bump(t, store, s)
			e.versions(t, s.ID, s.Version)
		}
		theirs[0].Version++
		if err := store.Save(t.Context(), theirs[0], time.Hour); err == nil {
			away = false
			if rounds < 2 {
				t.Errorf("replaced after %d rounds: nothing was tried", rounds)
			}
		}
		if time.Since(died) > 30*time.Second {
			t.Fatal("the master was not replaced")
		}
	}
	t.Logf("the master was replaced after %v", time.Since(died))
	eventually(t, "changes of the replaced master are heard", func() bool {
		theirs[0].Version++
		if err := store.Save(t.Context(), theirs[0], time.Hour); err != nil {
			return false
		}
		return e.hears(theirs[0].ID, theirs[0].Version, often)
	})
	for _, s := range theirs {
		bump(t, store, s)
		e.versions(t, s.ID, s.Version)
	}
}

// hears waits for a while for a version.
func (e *ear) hears(id account.SessionID, version int64, patience time.Duration) bool {
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		e.mu.Lock()
		for _, c := range e.heard {
			if c.ID == id && c.Version == version {
				e.mu.Unlock()
				return true
			}
		}
		e.mu.Unlock()
	}
	return false
}

// replicated reports whether a replica has all that its master has.
func replicated(t *testing.T, master *redis.Client) bool {
	t.Helper()
	info, err := master.Info(t.Context(), "replication").Result()
	if err != nil {
		t.Fatal(err)
	}
	there, theirs := replicaOffset.FindStringSubmatch(info), masterOffset.FindStringSubmatch(info)
	return there != nil && theirs != nil && there[1] == theirs[1]
}

var (
	replicaOffset = regexp.MustCompile(`slave0:.*state=online,offset=(\d+)`)
	masterOffset  = regexp.MustCompile(`master_repl_offset:(\d+)`)
)
