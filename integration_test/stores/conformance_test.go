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
	o, err := redisstore.ClusterOptions(redisserver.ClusterURL(servers))
	if err != nil {
		t.Fatal(err)
	}
	rdb := redis.NewClusterClient(o)
	t.Cleanup(func() { rdb.Close() })
	return rdb
}

func failoverClient(t testing.TB, url string) *redis.Client {
	t.Helper()
	o, err := redisstore.FailoverOptions(url)
	if err != nil {
		t.Fatal(err)
	}
	rdb := redis.NewFailoverClient(o)
	t.Cleanup(func() { rdb.Close() })
	return rdb
}

// pair makes two handles with a client each, like two processes.
func pair(t *testing.T, connect func(t *testing.T) redis.UniversalClient, opts ...redisstore.Option) (one, other account.Store) {
	opts = append(opts, quiet)
	return redisstore.New(connect(t), opts...), redisstore.New(connect(t), opts...)
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
	t.Run("Redis, through TLS", func(t *testing.T) {
		server, roots := redisserver.StartTLS(t)
		storetest.RunPair(t, func(t *testing.T) (one, other account.Store) {
			return pair(t, func(t *testing.T) redis.UniversalClient {
				o := tlsOptions(t, server.Addr)
				o.TLSConfig.RootCAs = roots
				return client(t, o)
			})
		})
	})
	t.Run("Sentinel", func(t *testing.T) {
		sentinel := redisserver.StartSentinel(t)
		storetest.RunPair(t, func(t *testing.T) (one, other account.Store) {
			return pair(t, func(t *testing.T) redis.UniversalClient { return failoverClient(t, sentinel.URL()) })
		})
	})
	t.Run("cluster with replicas", func(t *testing.T) {
		servers := redisserver.StartReplicatedCluster(t)
		connect := func(t *testing.T) redis.UniversalClient { return clusterClient(t, servers) }
		t.Run("plain channels", func(t *testing.T) {
			storetest.RunPair(t, func(t *testing.T) (one, other account.Store) { return pair(t, connect) })
		})
		t.Run("sharded channels", func(t *testing.T) {
			storetest.RunPair(t, func(t *testing.T) (one, other account.Store) {
				return pair(t, connect, redisstore.WithShardedChannels(true))
			})
		})
	})
}
