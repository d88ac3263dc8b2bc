package sqlstore

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"time"

	"github.com/multiaccount-go/multiaccount/attempts"
)

// Counter is an [attempts.Counter] on PostgreSQL: one count for all processes that share the database, by the server's clock.
// A try is one statement and takes from all of its buckets or from none. All tries share the bucket of everybody, so they
// queue for its row; the passwords that are checked in between cost many times as much. After a crash of the server the
// tries of its last moments may be forgotten. It is safe for concurrent use.
type Counter struct{ conn }

var _ attempts.Counter = (*Counter)(nil)

// NewCounter returns a counter on a PostgreSQL database, which the caller goes on to own. Its tables are those of
// [Store.Migrate], and [Store.Sweep] removes what says nothing any more. It does no I/O. What cannot work is reported by
// [Counter.Validate] and by every method.
func NewCounter(db *sql.DB, opts ...Option) *Counter { return &Counter{newConn(db, opts)} }

// Validate reports everything about the database and the options that cannot work, all at once.
func (c *Counter) Validate() error { return c.invalid }

// Take implements [attempts.Counter]. It costs one round trip. When the answer gets lost the try may have been taken all the
// same.
func (c *Counter) Take(ctx context.Context, buckets []attempts.Bucket) (time.Duration, error) {
	if c.invalid != nil || len(buckets) == 0 {
		return 0, c.invalid
	}
	keys, numbers := make([][]byte, len(buckets)), [4][]int64{}
	for i, b := range buckets {
		keys[i] = bucketKey(b.Key)
		for j, n := range []int64{int64(b.Tries), b.Step.Milliseconds(), b.Longest.Milliseconds(), b.Memory.Milliseconds()} {
			numbers[j] = append(numbers[j], n)
		}
	}
	var wait int64
	err := again(func() error {
		return c.db.QueryRowContext(ctx, `SELECT `+c.namespace+`.take($1, $2, $3, $4, $5)`,
			keys, numbers[0], numbers[1], numbers[2], numbers[3]).Scan(&wait)
	})
	if err != nil {
		return 0, failed(ctx, "take", err)
	}
	return time.Duration(wait) * time.Millisecond, nil
}

// Forget implements [attempts.Counter]. It costs one round trip.
func (c *Counter) Forget(ctx context.Context, bucket string) error {
	if c.invalid != nil {
		return c.invalid
	}
	_, err := c.exec(ctx, `DELETE FROM `+c.namespace+`.tries WHERE bucket = $1`, bucketKey(bucket))
	return failed(ctx, "forget", err)
}

func bucketKey(key string) []byte {
	sum := sha256.Sum256([]byte(key))
	return sum[:]
}
