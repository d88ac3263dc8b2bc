package redisstore

import (
	"context"
	"errors"
	"time"

	"github.com/redis/go-redis/v9"
)

// guard makes calls return when their context ends. By default a go-redis client looks at contexts only between its
// steps: a server that accepts and then hangs holds a call for the read timeout, times the retries.
type guard struct {
	bounded bool                 // the client ends a call at the deadline by itself
	cluster *redis.ClusterClient // which has to be told that a node may have been replaced; nil: another kind of client
}

func newGuard(rdb redis.UniversalClient) guard {
	// A cluster client looks up commands and nodes without the caller's deadline, whatever its options say. A client of
	// Sentinel lets callers queue up for the one that asks the sentinels.
	cluster, _ := rdb.(*redis.ClusterClient)
	client, ok := rdb.(*redis.Client)
	return guard{cluster: cluster, bounded: ok && client.Options().ContextTimeoutEnabled && !behindSentinel(client)}
}

// behindSentinel reports whether a client finds its server by asking sentinels: go-redis gives it this address then.
func behindSentinel(client *redis.Client) bool { return client.Options().Addr == "FailoverClient" }

// soon is the deadline up to which waiting for the client alone is soon enough: it sees deadlines but no cancellations.
const soon = time.Second

// call runs fn and returns its result, or ctx's error as soon as ctx ends. fn must not touch what the caller can see: it
// may still run then. Those left behind are few: a client waits for a free connection only as long as ctx lasts, so there
// is at most one for each connection of its pool.
func call[T any](ctx context.Context, g guard, fn func(context.Context) (T, error)) (value T, err error) {
	var none T
	if err := ctx.Err(); err != nil {
		return none, err
	}
	if g.cluster != nil {
		// The client looks who serves what when a node says MOVED, and else once a minute. A node that died says nothing,
		// and one that hangs takes the whole time of a call. Looking again is cheap, and happens at most every 200 ms.
		defer func() {
			if err != nil && !wrongType(err) && !errors.Is(err, redis.Nil) {
				g.cluster.ReloadState(ctx)
			}
		}()
	}
	if deadline, ok := ctx.Deadline(); ok && g.bounded && time.Until(deadline) <= soon {
		return fn(ctx)
	}
	type result struct {
		value T
		err   error
	}
	done := make(chan result, 1)
	go func() {
		value, err := fn(ctx)
		done <- result{value, err}
	}()
	select {
	case r := <-done:
		return r.value, r.err
	case <-ctx.Done():
		return none, ctx.Err()
	}
}
