package redisstore

import (
	"context"
	_ "embed" // the scripts
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/multiaccount-go/multiaccount/account"
)

var (
	//go:embed scripts/save.lua
	saveSource string
	//go:embed scripts/delete.lua
	deleteSource string
	//go:embed scripts/touch.lua
	touchSource string

	saveScript   = redis.NewScript(saveSource)
	deleteScript = redis.NewScript(deleteSource)
	touchScript  = redis.NewScript(touchSource)
)

// partitions is fixed for good: another number would look for every session in the wrong place.
const partitions = 64

// partition is the beginning of every name that belongs to a session's partition. The braces make Redis compute the slot
// from what is between them, so that a script may use the hash and its channel together.
func (s *Store) partition(n byte) string { return s.prefix + partitionTags[n%partitions] }

var partitionTags = func() (tags [partitions]string) {
	for i := range tags {
		tags[i] = fmt.Sprintf(":{p%02d}:", i)
	}
	return tags
}()

func (s *Store) key(id account.SessionID) string     { return s.partition(id[0]) + "s:" + id.String() }
func (s *Store) channel(id account.SessionID) string { return s.partition(id[0]) + "changes" }

// Load implements [account.Store]. It costs one HGETALL.
func (s *Store) Load(ctx context.Context, id account.SessionID) (*account.Session, error) {
	if s.invalid != nil {
		return nil, s.invalid
	}
	fields, err := call(ctx, s.calls, func(ctx context.Context) (map[string]string, error) {
		return s.rdb.HGetAll(ctx, s.key(id)).Result()
	})
	if err != nil {
		return nil, failure("load", err)
	}
	return decode(id, fields, s.recent.read)
}

// LoadMany implements [account.BatchLoader]. It costs one pipeline, in a cluster one for each node.
func (s *Store) LoadMany(ctx context.Context, ids []account.SessionID) ([]*account.Session, error) {
	if s.invalid != nil || len(ids) == 0 {
		return nil, s.invalid
	}
	keys := make([]string, len(ids))
	for i, id := range ids {
		keys[i] = s.key(id)
	}
	replies, err := call(ctx, s.calls, func(ctx context.Context) ([]*redis.MapStringStringCmd, error) {
		replies := make([]*redis.MapStringStringCmd, len(keys))
		_, err := s.rdb.Pipelined(ctx, func(pipe redis.Pipeliner) error {
			for i, key := range keys {
				replies[i] = pipe.HGetAll(ctx, key)
			}
			return nil
		})
		if wrongType(err) { // the first error of any reply; each is looked at below
			err = nil
		}
		return replies, err
	})
	if err != nil {
		return nil, failure("load many", err)
	}
	sessions := make([]*account.Session, len(ids))
	for i, reply := range replies {
		fields, err := reply.Result()
		if err != nil && !wrongType(err) {
			return nil, failure("load many", err)
		}
		sessions[i], _ = decode(ids[i], fields, readBlob) // missing and unreadable ones are nil
	}
	return sessions, nil
}

// Save implements [account.Store], but for one thing: when an answer got lost, the client sent the save again (MaxRetries
// of its options) and another writer came in between, ErrConflict is returned for a save that took effect and was overwritten.
// Whoever gets it loads and decides anew, as account.Manager does, so nothing is lost by it.
func (s *Store) Save(ctx context.Context, session *account.Session, ttl time.Duration) error {
	data, err := account.Encode(session)
	if err != nil {
		return err
	}
	notice, err := json.Marshal(account.Change{
		ID: session.ID, Version: session.Version, Generation: session.Generation, Tag: session.Tag, Reason: session.Reason,
	})
	if err != nil {
		return fmt.Errorf("redisstore: save: %w", err)
	}
	life, err := milliseconds(ttl)
	if err != nil {
		return fmt.Errorf("redisstore: save: %w", err)
	}
	write := strconv.FormatUint(rand.Uint64(), 36)
	written, err := s.run(ctx, saveScript, session.ID, session.Revision, session.Revision+1, write,
		session.Version, session.Tag, session.Seen.UnixMilli(), data, life, s.channel(session.ID), notice)
	switch {
	case err != nil:
		return failure("save", err)
	case !written:
		return account.ErrConflict
	}
	session.Revision++
	return nil
}

// Delete implements [account.Store].
func (s *Store) Delete(ctx context.Context, id account.SessionID, why account.Reason) error {
	reason, err := json.Marshal(why)
	if err != nil {
		return fmt.Errorf("redisstore: delete: %w", err)
	}
	notice := fmt.Sprintf(`{"id":"%s","ended":true,"reason":%s,"v":`, id, reason)
	deleted, err := s.run(ctx, deleteScript, id, s.channel(id), notice)
	switch {
	case err != nil:
		return failure("delete", err)
	case !deleted:
		return account.ErrNotFound
	}
	return nil
}

// Touch implements [account.Store].
func (s *Store) Touch(ctx context.Context, id account.SessionID, seen time.Time, ttl time.Duration) error {
	life, err := milliseconds(ttl)
	if err != nil {
		return fmt.Errorf("redisstore: touch: %w", err)
	}
	touched, err := s.run(ctx, touchScript, id, seen.UnixMilli(), life)
	switch {
	case err != nil:
		return failure("touch", err)
	case !touched:
		return account.ErrNotFound
	}
	return nil
}

// run runs a script on the hash of a session and reports whether it did what it is for.
func (s *Store) run(ctx context.Context, script *redis.Script, id account.SessionID, args ...any) (bool, error) {
	if s.invalid != nil {
		return false, s.invalid
	}
	return call(ctx, s.calls, func(ctx context.Context) (bool, error) {
		keys := []string{s.key(id)}
		if s.publishSharded {
			keys = append(keys, s.channel(id)) // Redis lets a script use a sharded channel only when it was named as a key
		}
		return script.Run(ctx, s.rdb, keys, args...).Bool()
	})
}

// milliseconds rounds a time to live up, since a ttl of 0 would delete the key.
func milliseconds(ttl time.Duration) (int64, error) {
	if ttl <= 0 {
		return 0, fmt.Errorf("ttl is %v, it must be positive", ttl)
	}
	return int64((ttl + time.Millisecond - 1) / time.Millisecond), nil
}
