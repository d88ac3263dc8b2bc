package stores_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/multiaccount-go/multiaccount/account"
	"github.com/multiaccount-go/multiaccount/integration_test/redisserver"
	"github.com/multiaccount-go/multiaccount/redisstore"
)

// BenchmarkMemoryOfASession measures what Redis keeps for one session of so many accounts: its hash, and its entries in the
// indexes of its accounts. The ids of accounts are UUIDs. All is by MEMORY USAGE, which counts what the allocator gave.
func BenchmarkMemoryOfASession(b *testing.B) {
	for _, accounts := range []int{1, 2, 6} {
		b.Run(fmt.Sprint(accounts, " accounts"), func(b *testing.B) {
			rdb := client(b, options(b, redisserver.Start(b).Addr))
			m := account.NewManager(redisstore.New(rdb, quiet), account.Options{})
			sessions := 0
			for b.Loop() {
				sessions++
				out, err := m.SignIn(b.Context(), nil, nil, uuidLike(sessions, 1), "password")
				for i := 2; err == nil && i <= accounts; i++ {
					cookie := *out.Cookie
					out, err = m.Change(b.Context(), out.Session, cookie, func(s *account.Session, now time.Time) (account.Effect, error) {
						return s.BeginLink("/", now, time.Minute, accounts, accounts+1)
					})
					if err == nil {
						out, err = m.SignIn(b.Context(), out.Session, &cookie, uuidLike(sessions, i), "password")
					}
				}
				if err != nil {
					b.Fatal(err)
				}
			}
			var hashes, indexes int64
			for iter := rdb.Scan(b.Context(), 0, "accounts:*", 1000).Iterator(); iter.Next(b.Context()); {
				used, err := rdb.MemoryUsage(b.Context(), iter.Val(), 0).Result()
				if err != nil {
					b.Fatal(err)
				}
				if strings.Contains(iter.Val(), ":of:") {
					indexes += used
				} else {
					hashes += used
				}
			}
			b.ReportMetric(float64(hashes)/float64(sessions), "B/hash")
			b.ReportMetric(float64(indexes)/float64(sessions), "B/index")
			b.ReportMetric(0, "ns/op")
		})
	}
}

func uuidLike(session, account int) string {
	return fmt.Sprintf("%08x-0000-7000-8000-%012x", session, account)
}

// BenchmarkSaveInACluster measures what all servers of a cluster of three masters with a replica each compute for a save,
// told on plain and on sharded channels, while eight processes listen.
func BenchmarkSaveInACluster(b *testing.B) {
	for name, opts := range map[string][]redisstore.Option{
		"plain": {quiet}, "sharded": {quiet, redisstore.WithShardedChannels(true)},
	} {
		b.Run(name, func(b *testing.B) {
			servers := redisserver.StartReplicatedCluster(b)
			store := redisstore.New(clusterClient(b, servers), opts...)
			for range 8 {
				heard := make(chan struct{}, 1)
				go func() {
					_ = redisstore.New(clusterClient(b, servers), opts...).Watch(b.Context(), func(account.Change) {
						select {
						case heard <- struct{}{}:
						default:
						}
					})
				}()
				<-heard
			}
			m := account.NewManager(store, account.Options{Timeout: 5 * time.Second})
			var sessions []*account.Session
			for range 64 {
				out, err := m.SignIn(b.Context(), nil, nil, "alice", "password")
				if err != nil {
					b.Fatal(err)
				}
				sessions = append(sessions, out.Session)
			}
			before, saves := cpuOf(b, servers), 0
			for b.Loop() {
				s := sessions[saves%len(sessions)]
				s.Version++
				if err := store.Save(b.Context(), s, time.Hour); err != nil {
					b.Fatal(err)
				}
				saves++
			}
			b.ReportMetric((cpuOf(b, servers)-before)*1e6/float64(saves), "redis-µs/save")
		})
	}
}

// cpuOf returns the seconds that servers have computed.
func cpuOf(b *testing.B, servers []*redisserver.Server) (seconds float64) {
	b.Helper()
	for _, server := range servers {
		info, err := client(b, options(b, server.Addr)).Info(b.Context(), "cpu").Result()
		if err != nil {
			b.Fatal(err)
		}
		for line := range strings.Lines(info) {
			var s float64
			for _, field := range []string{"used_cpu_sys:%g", "used_cpu_user:%g"} {
				if n, _ := fmt.Sscanf(line, field, &s); n == 1 {
					seconds += s
				}
			}
		}
	}
	return seconds
}
