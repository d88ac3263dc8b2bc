package redisstore

import (
	"context"
	_ "embed" // the scripts
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
)

var (
	//go:embed scripts/take_place.lua
	takePlaceSource string
	takePlaceScript = redis.NewScript(takePlaceSource)

	//go:embed scripts/renew_places.lua
	renewPlacesSource string
	renewPlacesScript = redis.NewScript(renewPlacesSource)
)

// Places counts the open sockets of an account over all processes that share a Redis; it is a live.Places. The places of an
// account are one small sorted set, "<prefix>:sockets:<SHA-256 of its id>", which ends by itself. It is safe for concurrent
// use.
type Places struct{ conn }

// NewPlaces returns a count on a client, which the caller goes on to own. It does no I/O. What cannot work is reported by
// [Places.Validate] and by every method.
func NewPlaces(rdb redis.UniversalClient, opts ...Option) *Places { return &Places{newConn(rdb, opts)} }

// Validate reports everything about the client and the options that cannot work, all at once.
func (p *Places) Validate() error { return p.invalid }

func (p *Places) key(owner string) string { return p.prefix + ":sockets:" + digest(owner) }

// Take keeps a place of the owner for ttl, unless most others are kept, and reports whether it is kept. It costs one round
// trip; a try that the client repeats because the answer got lost takes no second place.
func (p *Places) Take(ctx context.Context, owner, place string, most int, ttl time.Duration) (bool, error) {
	if p.invalid != nil {
		return false, p.invalid
	}
	kept, err := call(ctx, p.calls, func(ctx context.Context) (int, error) {
		return takePlaceScript.Run(ctx, p.rdb, []string{p.key(owner)}, place, most, ttl.Milliseconds()).Int()
	})
	if err != nil {
		return false, fmt.Errorf("redisstore: take a place: %w", err)
	}
	return kept == 1, nil
}

// Renew keeps the places of owners for another ttl, also those that Redis has lost. All go in one pipeline.
func (p *Places) Renew(ctx context.Context, places map[string][]string, ttl time.Duration) error {
	if p.invalid != nil {
		return p.invalid
	}
	_, err := call(ctx, p.calls, func(ctx context.Context) (struct{}, error) {
		_, err := p.rdb.Pipelined(ctx, func(pipe redis.Pipeliner) error {
			for owner, kept := range places {
				args := []any{ttl.Milliseconds()}
				for _, place := range kept {
					args = append(args, place)
				}
				renewPlacesScript.Eval(ctx, pipe, []string{p.key(owner)}, args...)
			}
			return nil
		})
		return struct{}{}, err
	})
	if err != nil {
		return fmt.Errorf("redisstore: renew places: %w", err)
	}
	return nil
}

// Free gives a place up. One that is not kept is no error.
func (p *Places) Free(ctx context.Context, owner, place string) error {
	if p.invalid != nil {
		return p.invalid
	}
	_, err := call(ctx, p.calls, func(ctx context.Context) (int64, error) {
		return p.rdb.ZRem(ctx, p.key(owner), place).Result()
	})
	if err != nil {
		return fmt.Errorf("redisstore: free a place: %w", err)
	}
	return nil
}
