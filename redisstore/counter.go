package redisstore

import (
	"context"
	_ "embed" // the script
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/multiaccount-go/multiaccount/attempts"
)

var (
	//go:embed scripts/take.lua
	takeSource string
	takeScript = redis.NewScript(takeSource)
)

// Counter is an [attempts.Counter] on Redis: one count for all processes that share it. A bucket is one small hash,
// "<prefix>:{tries}:<SHA-256 of its key>", that ends by itself when it says nothing any more. All buckets lie in one slot of
// a cluster, so that a try takes from several in one script; the passwords that are checked in between cost thousands of
// times as much. It is safe for concurrent use.
type Counter struct{ conn }

var _ attempts.Counter = (*Counter)(nil)

// NewCounter returns a counter on a client, which the caller goes on to own. It does no I/O. What cannot work is reported by
// [Counter.Validate] and by every method.
func NewCounter(rdb redis.UniversalClient, opts ...Option) *Counter {
	return &Counter{newConn(rdb, opts)}
}

// Validate reports everything about the client and the options that cannot work, all at once.
func (c *Counter) Validate() error { return c.invalid }

func (c *Counter) key(bucket string) string { return c.prefix + ":{tries}:" + digest(bucket) }

// Take implements [attempts.Counter]. It costs one round trip. When the answer of Redis gets lost the try may have been
// taken all the same, and one that the client sends again then is taken twice: never too few.
func (c *Counter) Take(ctx context.Context, buckets []attempts.Bucket) (time.Duration, error) {
	if c.invalid != nil || len(buckets) == 0 {
		return 0, c.invalid
	}
	keys, args := make([]string, len(buckets)), make([]any, 0, 4*len(buckets))
	for i, b := range buckets {
		keys[i] = c.key(b.Key)
		args = append(args, b.Tries, b.Step.Milliseconds(), b.Longest.Milliseconds(), b.Memory.Milliseconds())
	}
	wait, err := call(ctx, c.calls, func(ctx context.Context) (int64, error) {
		return takeScript.Run(ctx, c.rdb, keys, args...).Int64()
	})
	if err != nil {
		return 0, fmt.Errorf("redisstore: take: %w", err)
	}
	return time.Duration(wait) * time.Millisecond, nil
}

// Forget implements [attempts.Counter]. It costs one round trip.
func (c *Counter) Forget(ctx context.Context, bucket string) error {
	if c.invalid != nil {
		return c.invalid
	}
	key := c.key(bucket)
	_, err := call(ctx, c.calls, func(ctx context.Context) (int64, error) { return c.rdb.Del(ctx, key).Result() })
	if err != nil {
		return fmt.Errorf("redisstore: forget: %w", err)
	}
	return nil
}
