package redisstore

import (
	"cmp"
	"errors"
	"fmt"
	"net/url"
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
	// Five attempts, the default, take as long as a request may: none would live to ask another node who has replaced
	// the one that died.
	o.DialerRetries = cmp.Or(o.DialerRetries, 1)
	o.ContextTimeoutEnabled = true
	o.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	return o, nil
}

// FailoverOptions is [Options] for a primary that Sentinel watches over, for redis.NewFailoverClient:
//
//	redis://sentinel:26379/0?master_name=main&addr=sentinel2:26379&addr=sentinel3:26379&username=app&password=secret
//
// The user before the host is the one for the sentinels, the user of the query the one for Redis itself. rediss:// is TLS
// to both. Reading from replicas is refused: a session that was signed out may still live there.
func FailoverOptions(url string) (*redis.FailoverOptions, error) {
	o, err := redis.ParseFailoverURL(url)
	switch {
	case err != nil:
		return nil, fmt.Errorf("redisstore: failover options: %w", err)
	case o.MasterName == "":
		return nil, errors.New("redisstore: failover options: the URL needs master_name, what the sentinels call the primary")
	case o.ReplicaOnly || o.RouteByLatency || o.RouteRandomly:
		return nil, errors.New("redisstore: failover options: replica_only, route_by_latency and route_randomly read from replicas, " +
			"where a session that was signed out may still live: leave them out")
	}
	tune(&o.DialTimeout, &o.ReadTimeout, &o.WriteTimeout, &o.PoolTimeout)
	o.MaxRetries = cmp.Or(o.MaxRetries, 1)
	o.MaxRetryBackoff = cmp.Or(o.MaxRetryBackoff, 50*time.Millisecond)
	o.ContextTimeoutEnabled = true
	return o, nil
}

// NewClient returns a client made for sessions, of the kind that the form of the URL asks for: with master_name in its query
// behind Sentinel, see [FailoverOptions]; with addr for a cluster, see [ClusterOptions]; else for one server, see [Options].
// It does no I/O. The caller closes it.
func NewClient(address string) (redis.UniversalClient, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, errors.New("redisstore: new client: this is not a URL") // the error would quote the password
	}
	switch query := u.Query(); {
	case query.Has("master_name"):
		o, err := FailoverOptions(address)
		if err != nil {
			return nil, err
		}
		return redis.NewFailoverClient(o), nil
	case query.Has("addr"):
		o, err := ClusterOptions(address)
		if err != nil {
			return nil, err
		}
		return redis.NewClusterClient(o), nil
	}
	o, err := Options(address)
	if err != nil {
		return nil, err
	}
	return redis.NewClient(o), nil
}

// tune sets the timeouts that the URL left open.
func tune(dial, read, write, pool *time.Duration) {
	*dial = cmp.Or(*dial, dialTimeout)
	*read = cmp.Or(*read, readTimeout)
	*write = cmp.Or(*write, readTimeout)
	*pool = cmp.Or(*pool, readTimeout)
}
