package redisstore

import (
	"cmp"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// What a request can wait for. A Redis that needs longer than this is down, as far as signing in and out is concerned.
const (
	dialTimeout = time.Second
	readTimeout = 500 * time.Millisecond
)

// Options returns go-redis options for one server, made for sessions: deadlines of contexts are kept, timeouts are short
// and a command is repeated once at most. url is redis://user:password@host:port/db, rediss:// for TLS, or unix://; what
// its query sets, such as ?read_timeout=2s, stays as it is. Any field may be changed before redis.NewClient.
func Options(url string) (*redis.Options, error) {
	o, err := redis.ParseURL(url)
	if err != nil {
		return nil, fmt.Errorf("redisstore: options: %w", err)
	}
	tune(&o.DialTimeout, &o.ReadTimeout, &o.WriteTimeout, &o.PoolTimeout)
	o.MaxRetries = cmp.Or(o.MaxRetries, 1)
	o.MaxRetryBackoff = cmp.Or(o.MaxRetryBackoff, 50*time.Millisecond)
	o.ContextTimeoutEnabled = true
	o.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	return o, nil
}

// ClusterOptions is [Options] for a cluster: redis://host:port?addr=host:port&addr=host:port.
func ClusterOptions(url string) (*redis.ClusterOptions, error) {
	o, err := redis.ParseClusterURL(url)
	if err != nil {
		return nil, fmt.Errorf("redisstore: cluster options: %w", err)
	}
	tune(&o.DialTimeout, &o.ReadTimeout, &o.WriteTimeout, &o.PoolTimeout)
	o.MaxRetryBackoff = cmp.Or(o.MaxRetryBackoff, 50*time.Millisecond)
	o.ContextTimeoutEnabled = true
	o.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	return o, nil
}

// tune sets the timeouts that the URL left open.
func tune(dial, read, write, pool *time.Duration) {
	*dial = cmp.Or(*dial, dialTimeout)
	*read = cmp.Or(*read, readTimeout)
	*write = cmp.Or(*write, readTimeout)
	*pool = cmp.Or(*pool, readTimeout)
}
