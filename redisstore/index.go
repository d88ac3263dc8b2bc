package redisstore

import (
	"context"
	"crypto/sha256"
	_ "embed" // the script
	"encoding/base64"
	"fmt"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/multiaccount-go/multiaccount/account"
)

var (
	//go:embed scripts/enlist.lua
	enlistSource string
	enlistScript = redis.NewScript(enlistSource)
)

// slack keeps entries of the index for longer than asked, so that clocks may differ: an entry too many costs a look, an
// entry too few would let a session escape a sign-out everywhere.
const slack = time.Hour

// indexKey hides the account's id, which may be of any form and length, and gives each account its own slot.
func (s *Store) indexKey(accountID string) string { return s.prefix + ":of:" + digest(accountID) }

// digest turns any text into 43 plain characters.
func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// Enlist implements [account.Index]. It costs one round trip.
func (s *Store) Enlist(ctx context.Context, accountID string, id account.SessionID, until time.Time) error {
	if s.invalid != nil {
		return s.invalid
	}
	_, err := call(ctx, s.calls, func(ctx context.Context) (any, error) {
		return enlistScript.Run(ctx, s.rdb, []string{s.indexKey(accountID)},
			id.String(), until.Add(slack).UnixMilli(), time.Now().UnixMilli()).Result()
	})
	if err != nil {
		return failure("enlist", err)
	}
	return nil
}

// SessionsOf implements [account.Index]. It costs one round trip.
func (s *Store) SessionsOf(ctx context.Context, accountID string) ([]account.SessionID, error) {
	if s.invalid != nil {
		return nil, s.invalid
	}
	now := strconv.FormatInt(time.Now().UnixMilli(), 10)
	members, err := call(ctx, s.calls, func(ctx context.Context) ([]string, error) {
		return s.rdb.ZRangeByScore(ctx, s.indexKey(accountID), &redis.ZRangeBy{Min: now, Max: "+inf"}).Result()
	})
	if err != nil {
		return nil, failure("sessions of account", err)
	}
	ids := make([]account.SessionID, len(members))
	for i, member := range members {
		if ids[i], err = account.ParseSessionID(member); err != nil {
			return nil, fmt.Errorf("redisstore: sessions of account: %w: %v", account.ErrBadRecord, err)
		}
	}
	return ids, nil
}
