package stores_test

import (
	"io"
	"log/slog"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"

	"github.com/multiaccount-go/multiaccount/account"
	"github.com/multiaccount-go/multiaccount/integration_test/redisserver"
	"github.com/multiaccount-go/multiaccount/redisstore"
	"github.com/multiaccount-go/multiaccount/storetest"
)

var quiet = redisstore.WithLogger(slog.New(slog.NewTextHandler(io.Discard, nil)))

// options are the recommended ones, for a server at addr.
func options(t testing.TB, addr string) *redis.Options {
	t.Helper()
	o, err := redisstore.Options("redis://" + addr + "/0")
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func client(t testing.TB, o *redis.Options) *redis.Client {
	t.Helper()
	rdb := redis.NewClient(o)
	t.Cleanup(func() { rdb.Close() })
	return rdb
}

func clusterClient(t testing.TB, servers []*redisserver.Server) *redis.ClusterClient {
	t.Helper()
	o, err := redisstore.ClusterOptions("redis://" + servers[0].Addr)
	if err != nil {
		t.Fatal(err)
	}
	o.Addrs = redisserver.Addrs(servers)
	rdb := redis.NewClusterClient(o)
	t.Cleanup(func() { rdb.Close() })
	return rdb
}

// pair makes two handles with a client each, like two processes.
func pair(t *testing.T, connect func(t *testing.T) redis.UniversalClient) (one, other account.Store) {
	return redisstore.New(connect(t), quiet), redisstore.New(connect(t), quiet)
}

func TestConformance(t *testing.T) {
	t.Run("miniredis", func(t *testing.T) {
		m := miniredis.NewMiniRedis()
		m.ClockTTL(true)
		if err := m.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(m.Close)
		storetest.RunPair(t, func(t *testing.T) (one, other account.Store) {
			return pair(t, func(t *testing.T) redis.UniversalClient { return client(t, options(t, m.Addr())) })
		})
	})
	t.Run("Redis", func(t *testing.T) {
		server := redisserver.Start(t)
		storetest.RunPair(t, func(t *testing.T) (one, other account.Store) {
			return pair(t, func(t *testing.T) redis.UniversalClient { return client(t, options(t, server.Addr)) })
		})
	})
	t.Run("Redis, through a client with the defaults of go-redis", func(t *testing.T) {
		server := redisserver.Start(t)
		storetest.RunPair(t, func(t *testing.T) (one, other account.Store) {
			return pair(t, func(t *testing.T) redis.UniversalClient { return client(t, &redis.Options{Addr: server.Addr}) })
		})
	})
	t.Run("Redis, through RESP2", func(t *testing.T) {
		server := redisserver.Start(t)
		storetest.RunPair(t, func(t *testing.T) (one, other account.Store) {
			return pair(t, func(t *testing.T) redis.UniversalClient {
				return client(t, &redis.Options{Addr: server.Addr, Protocol: 2, ReadTimeout: 2 * time.Second})
			})
		})
	})
	t.Run("cluster", func(t *testing.T) {
		servers := redisserver.StartCluster(t)
		storetest.RunPair(t, func(t *testing.T) (one, other account.Store) {
			return pair(t, func(t *testing.T) redis.UniversalClient { return clusterClient(t, servers) })
		})
	})
}
