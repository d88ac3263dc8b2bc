package redisstore

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/redis/go-redis/v9"
)

// Check asks Redis for settings that lose sessions, and returns what an operator should change, in sentences for a log;
// none: nothing was found. Call it once at the start, and go on whatever it says. An error means that Redis did not tell,
// because it does not answer, or does not let this user ask with INFO.
//
// It finds a maxmemory-policy that evicts keys. An evicted session is a person who is signed out for no reason; an evicted
// counter of tries at signing in, if one is kept there, is a limit that has been forgotten.
func (s *Store) Check(ctx context.Context) ([]string, error) {
	if s.invalid != nil {
		return nil, s.invalid
	}
	warnings, err := call(ctx, s.calls, func(ctx context.Context) ([]string, error) {
		switch rdb := s.rdb.(type) {
		case *redis.Client:
			return checkServer(ctx, rdb)
		case *redis.ClusterClient:
			var mu sync.Mutex // the servers are asked in parallel
			var all []string
			err := rdb.ForEachMaster(ctx, func(ctx context.Context, server *redis.Client) error {
				warnings, err := checkServer(ctx, server)
				mu.Lock()
				defer mu.Unlock()
				all = append(all, warnings...)
				return err
			})
			slices.Sort(all)
			return all, err
		}
		return nil, fmt.Errorf("client is a %T: settings can be read with *redis.Client and *redis.ClusterClient", s.rdb)
	})
	if err != nil {
		return nil, failure("check", err)
	}
	return warnings, nil
}

// checkServer looks for a policy that removes keys when the memory is full. Without a limit of the memory nothing is
// removed.
func checkServer(ctx context.Context, server *redis.Client) ([]string, error) {
	info, err := server.Info(ctx, "memory").Result()
	if err != nil {
		return nil, err
	}
	fields := map[string]string{}
	for line := range strings.Lines(info) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), ":"); ok {
			fields[name] = value
		}
	}
	policy, limit := fields["maxmemory_policy"], fields["maxmemory"]
	switch {
	case policy == "" || limit == "":
		return nil, errors.New("the server does not tell its maxmemory-policy")
	case policy == "noeviction" || limit == "0":
		return nil, nil
	}
	return []string{fmt.Sprintf("redis at %s has maxmemory-policy %s: when its memory is full it removes sessions, and people "+
		"are signed out. Give the sessions a Redis of their own with maxmemory-policy noeviction, and watch its memory",
		server.Options().Addr, policy)}, nil
}
