package redisstore

import (
	"context"
	"fmt"
	"strings"

	"github.com/redis/go-redis/v9"
)

// Log is a Redis stream that keeps its newest records, for an audit trail: see package audit. It is safe for concurrent
// use.
type Log struct {
	conn
	key string
	max int64
}

// defaultLogLength is about 50 MB of events.
const defaultLogLength = 100_000

// NewLog returns the log called name on a client, which the caller goes on to own. Its key is "<prefix>:log:<name>". It
// keeps about the newest 100,000 records, see [Log.Keep]. It does no I/O. What cannot work is reported by [Log.Validate] and
// by every method.
//
// Whoever may write to this Redis can change the log. A copy elsewhere, made by a reader, is what cannot be changed by
// whoever breaks in here.
func NewLog(rdb redis.UniversalClient, name string, opts ...Option) *Log {
	l := &Log{conn: newConn(rdb, opts), max: defaultLogLength}
	l.key = l.prefix + ":log:" + name
	if l.invalid == nil && (!plain.MatchString(name) || strings.Contains(name, ":")) {
		l.invalid = fmt.Errorf("redisstore: log name is %q: use up to 64 letters, digits and any of . _ - /", name)
	}
	return l
}

// Keep sets how many records are kept, at least: Redis removes older ones in lumps. It must be positive. Call it before
// the log is used.
func (l *Log) Keep(records int64) *Log {
	if records <= 0 && l.invalid == nil {
		l.invalid = fmt.Errorf("redisstore: log keeps %d records: use a positive number", records)
	}
	l.max = records
	return l
}

// Validate reports what about the client, the name and the options cannot work.
func (l *Log) Validate() error { return l.invalid }

// Append adds records, each a list of names and values, in one round trip. After an error some of them may have been added.
func (l *Log) Append(ctx context.Context, records ...[]string) error {
	if l.invalid != nil || len(records) == 0 {
		return l.invalid
	}
	_, err := call(ctx, l.calls, func(ctx context.Context) ([]redis.Cmder, error) {
		return l.rdb.Pipelined(ctx, func(pipe redis.Pipeliner) error {
			for _, values := range records {
				pipe.XAdd(ctx, &redis.XAddArgs{Stream: l.key, MaxLen: l.max, Approx: true, Values: values})
			}
			return nil
		})
	})
	if err != nil {
		return failure("log append", err)
	}
	return nil
}

// Record is one record of a [Log].
type Record struct {
	ID     string // of the stream: grows
	Values map[string]string
}

// After returns up to count records, oldest first, that came after the one with the given ID; "" begins with the oldest
// that is kept. A reader remembers the last ID that it has dealt with, and asks again after a while when there is nothing.
func (l *Log) After(ctx context.Context, id string, count int64) ([]Record, error) {
	if l.invalid != nil {
		return nil, l.invalid
	}
	from := "-"
	if id != "" {
		from = "(" + id
	}
	messages, err := call(ctx, l.calls, func(ctx context.Context) ([]redis.XMessage, error) {
		return l.rdb.XRangeN(ctx, l.key, from, "+", count).Result()
	})
	if err != nil {
		return nil, failure("log after", err)
	}
	records := make([]Record, len(messages))
	for i, m := range messages {
		records[i] = Record{ID: m.ID, Values: make(map[string]string, len(m.Values))}
		for name, value := range m.Values {
			records[i].Values[name], _ = value.(string)
		}
	}
	return records, nil
}
