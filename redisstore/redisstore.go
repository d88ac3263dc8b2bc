// Package redisstore keeps sessions in Redis. It works on Redis 7.0 and later, as a single server, behind Sentinel or as
// a cluster, through any client of go-redis:
//
//	rdb, err := redisstore.NewClient("redis://localhost:6379/0")
//	store := redisstore.New(rdb)
//
// All keys and channels begin with a prefix, "accounts" by default. A session is one hash
//
//	accounts:{p07}:s:<session id>    rev, write, ver, tag, seen, data
//
// in one of 64 partitions, fixed for good, that spread over the slots of a cluster. A save compares, writes and publishes
// in one script, on accounts:{p07}:changes. A process that listens to them sends itself messages on a channel
// accounts:{p07}:changes:probe:<random>, to see that the way is open. The sessions of an account are a sorted set under a hash of its id. The
// same client can serve other parts of an application: [NewStorage] gives fiber.Storage a corner of its own and [NewBus]
// carries the messages of live views.
//
// The caller owns the client: nothing here ever closes it. Every call returns soon after its context ends, whatever Redis
// and the client do; a client made from [Options] does so at the least cost.
package redisstore

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"time"

	storageredis "github.com/gofiber/storage/redis/v3"
	"github.com/redis/go-redis/v9"

	"github.com/multiaccount-go/multiaccount/account"
)

// Store is an [account.Store] on Redis, with the powers of [account.Index] and [account.BatchLoader]. It is safe for
// concurrent use.
type Store struct {
	conn
	recent recent
}

var (
	_ account.Store       = (*Store)(nil)
	_ account.Index       = (*Store)(nil)
	_ account.BatchLoader = (*Store)(nil)
)

// New returns a store over a client, which the caller goes on to own. It does no I/O. What cannot work is reported by
// [Store.Validate] and by every method.
func New(rdb redis.UniversalClient, opts ...Option) *Store { return &Store{conn: newConn(rdb, opts)} }

// FromStorage is [New] over the client of a gofiber/storage/redis. Closing that storage closes the client for both.
// Its Reset empties the whole database, our sessions too: give Fiber's middleware a [NewStorage] instead.
func FromStorage(storage *storageredis.Storage, opts ...Option) *Store {
	if storage == nil {
		return New(nil, opts...)
	}
	return New(storage.Conn(), opts...)
}

// Validate reports everything about the client and the options that cannot work, all at once.
func (s *Store) Validate() error { return s.invalid }

// Option changes a default of [New], [NewStorage] or [NewBus].
type Option func(*conn)

// WithPrefix sets what all keys and channels begin with: up to 64 letters, digits and any of . _ - : /. Two applications
// on one Redis need two prefixes; all processes of one need the same. Default: "accounts".
func WithPrefix(prefix string) Option { return func(c *conn) { c.prefix = prefix } }

// WithLogger sets where lost connections and malformed messages are reported. Default: slog.Default().
func WithLogger(log *slog.Logger) Option { return func(c *conn) { c.log = log } }

// WithProbe sets how often the connection of a Watch or a Subscribe is probed, by a ping and by a message to itself. One that
// has answered nothing for three times as long is given up for a new one; one that Redis says nobody listens on, at once.
// Default: 1 second.
func WithProbe(every time.Duration) Option { return func(c *conn) { c.probe = every } }

// WithShardedChannels makes [New] tell of changes on sharded channels: in a cluster of Redis 7.0 or later only the servers of
// one shard then carry a change, instead of all servers. It is for clusters, and pays off when they are large: see
// docs/redis.md for numbers. [NewBus] stays with plain channels.
//
// A process that was given this option hears both kinds. publish says on which one it tells. Processes without the option
// hear the plain ones only, so a running site takes it up in two steps: false in all processes first, then true.
func WithShardedChannels(publish bool) Option {
	return func(c *conn) { c.hearSharded, c.publishSharded = true, publish }
}

// conn is what the store, the bus and the storage share: a client that is not ours, and how to use it.
type conn struct {
	rdb     redis.UniversalClient
	prefix  string
	log     *slog.Logger
	probe   time.Duration
	calls   guard
	invalid error

	hearSharded, publishSharded bool
}

func newConn(rdb redis.UniversalClient, opts []Option) conn {
	if isNil(rdb) {
		rdb = nil
	}
	c := conn{rdb: rdb, prefix: "accounts", probe: time.Second, calls: newGuard(rdb)}
	for _, option := range opts {
		option(&c)
	}
	c.log = cmp.Or(c.log, slog.Default())
	c.invalid = c.validate()
	return c
}

// isNil finds the nil pointer that an application passes on when it made no client.
func isNil(rdb redis.UniversalClient) bool {
	switch rdb := rdb.(type) {
	case *redis.Client:
		return rdb == nil
	case *redis.ClusterClient:
		return rdb == nil
	}
	return rdb == nil
}

// plain is a name that cannot change the slot of a key or the meaning of a pattern.
var plain = regexp.MustCompile(`^[A-Za-z0-9._:/-]{1,64}$`)

func (c *conn) validate() error {
	var errs []error
	if !plain.MatchString(c.prefix) {
		errs = append(errs, fmt.Errorf("redisstore: prefix is %q: use up to 64 letters, digits and any of . _ - : /", c.prefix))
	}
	if c.probe <= 0 {
		errs = append(errs, fmt.Errorf("redisstore: probe interval is %v: use a positive time", c.probe))
	}
	switch rdb := c.rdb.(type) {
	case nil:
		errs = append(errs, errors.New("redisstore: the client is nil: make one with redisstore.Options and redis.NewClient"))
	case *redis.Ring:
		errs = append(errs, errors.New("redisstore: a Ring hears a channel on one of its servers only: "+
			"use a single server, Sentinel or a cluster"))
	case *redis.ClusterClient:
		if o := rdb.Options(); o.ReadOnly || o.RouteByLatency || o.RouteRandomly {
			errs = append(errs, errors.New("redisstore: the cluster client reads from replicas, where a session that "+
				"was signed out may still live: turn ReadOnly, RouteByLatency and RouteRandomly off"))
		}
	}
	if _, cluster := c.rdb.(*redis.ClusterClient); c.hearSharded && !cluster && c.rdb != nil {
		errs = append(errs, errors.New("redisstore: sharded channels need a cluster: make the client with redisstore.ClusterOptions "+
			"and redis.NewClusterClient, or leave WithShardedChannels out"))
	}
	return errors.Join(errs...)
}
