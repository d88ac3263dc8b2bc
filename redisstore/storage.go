package redisstore

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"time"

	storageredis "github.com/gofiber/storage/redis/v3"
	"github.com/redis/go-redis/v9"
)

// Storage is a fiber.Storage that keeps to its own corner of a Redis, so that Fiber's csrf, limiter, cache and session
// middleware can share a client with the sessions. A key is "<prefix>:x:<name>:<SHA-256 of the middleware's key>": those
// keys are often secrets themselves, and some come straight out of a cookie. It is safe for concurrent use.
type Storage struct {
	conn
	inner *storageredis.Storage
	own   string // what all keys begin with
}

// storageTimeout bounds one call, since fiber.Storage passes no context.
const storageTimeout = time.Second

// resetTimeout bounds a Reset, which looks at every key of the database.
const resetTimeout = time.Minute

// NewStorage returns the storage called name on a client, which the caller goes on to own. Two middlewares need two
// names. It does no I/O. What cannot work is reported by [Storage.Validate] and by every method.
func NewStorage(rdb redis.UniversalClient, name string, opts ...Option) *Storage {
	s := &Storage{conn: newConn(rdb, opts), inner: storageredis.NewFromConnection(rdb)}
	s.own = s.prefix + ":x:" + name + ":"
	if s.invalid == nil && (!plain.MatchString(name) || strings.Contains(name, ":")) {
		s.invalid = fmt.Errorf("redisstore: storage name is %q: use up to 64 letters, digits and any of . _ - /", name)
	}
	return s
}

// Validate reports what about the client, the name and the options cannot work.
func (s *Storage) Validate() error { return s.invalid }

func (s *Storage) key(key string) string { return s.own + digest(key) }

// Get returns the value of a key, or nil when there is none.
func (s *Storage) Get(key string) ([]byte, error) {
	if s.invalid != nil || key == "" {
		return nil, s.invalid
	}
	own := s.key(key)
	value, err := within(storageTimeout, s.calls, func(ctx context.Context) ([]byte, error) {
		return s.inner.GetWithContext(ctx, own)
	})
	if err != nil {
		return nil, failure("storage get", err)
	}
	return value, nil
}

// Set keeps a value for exp, or for ever when exp is 0. An empty key or value is ignored, as fiber.Storage demands.
func (s *Storage) Set(key string, value []byte, exp time.Duration) error {
	if s.invalid != nil || key == "" || len(value) == 0 {
		return s.invalid
	}
	own, kept := s.key(key), bytes.Clone(value) // the middleware may reuse its memory when it has stopped waiting
	_, err := within(storageTimeout, s.calls, func(ctx context.Context) (any, error) {
		return nil, s.inner.SetWithContext(ctx, own, kept, exp)
	})
	if err != nil {
		return failure("storage set", err)
	}
	return nil
}

// Delete removes a key. One that is not there is no error.
func (s *Storage) Delete(key string) error {
	if s.invalid != nil || key == "" {
		return s.invalid
	}
	own := s.key(key)
	_, err := within(storageTimeout, s.calls, func(ctx context.Context) (any, error) {
		return nil, s.inner.DeleteWithContext(ctx, own)
	})
	if err != nil {
		return failure("storage delete", err)
	}
	return nil
}

// Reset removes the keys of this storage, on every node of a cluster, and no others.
func (s *Storage) Reset() error {
	if s.invalid != nil {
		return s.invalid
	}
	_, err := within(resetTimeout, s.calls, func(ctx context.Context) (any, error) {
		switch rdb := s.rdb.(type) {
		case *redis.ClusterClient:
			return nil, rdb.ForEachMaster(ctx, s.removeFrom)
		case *redis.Client:
			return nil, s.removeFrom(ctx, rdb)
		}
		return nil, fmt.Errorf("client is a %T: keys can be listed with *redis.Client and *redis.ClusterClient", s.rdb)
	})
	if err != nil {
		return failure("storage reset", err)
	}
	return nil
}

// removeFrom removes this storage's keys from one server. Prefix and name are plain, so nothing in them acts as a
// pattern.
func (s *Storage) removeFrom(ctx context.Context, server *redis.Client) error {
	const batch = 500
	var cursor uint64
	for {
		keys, next, err := server.Scan(ctx, cursor, s.own+"*", batch).Result()
		if err != nil {
			return err
		}
		_, err = server.Pipelined(ctx, func(pipe redis.Pipeliner) error {
			for _, key := range keys { // one by one: in a cluster they lie in different slots
				pipe.Unlink(ctx, key)
			}
			return nil
		})
		if err != nil || next == 0 {
			return err
		}
		cursor = next
	}
}

// Close does nothing: the client belongs to the caller.
func (s *Storage) Close() error { return nil }

// within is call with a deadline of its own.
func within[T any](limit time.Duration, g guard, fn func(context.Context) (T, error)) (T, error) {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	return call(ctx, g, fn)
}
