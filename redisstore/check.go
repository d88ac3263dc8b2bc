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
// counter of tries at signing in, if one is kept there, is a limit that has been forgotten. It finds a client that is
// connected to a replica. And it finds a primary with replicas that goes on without them: min-replicas-to-write 0.
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

// checkServer asks one server.
func checkServer(ctx context.Context, server *redis.Client) ([]string, error) {
	fields := map[string]string{}
	for _, section := range []string{"server", "memory", "replication"} {
		info, err := server.Info(ctx, section).Result()
		if err != nil {
			return nil, err
		}
		for line := range strings.Lines(info) {
			if name, value, ok := strings.Cut(strings.TrimSpace(line), ":"); ok {
				fields[name] = value
			}
		}
	}
	evicts, err := checkMemory(fields)
	if err != nil {
		return nil, err
	}
	name := "redis at " + server.Options().Addr
	if behindSentinel(server) {
		name = "the primary behind Sentinel"
	}
	var warnings []string
	for _, warning := range []string{evicts, checkReplication(fields)} {
		if warning != "" {
			warnings = append(warnings, name+" "+warning)
		}
	}
	return warnings, nil
}

// checkReplication looks for what makes a fail-over lose more than the last moment. In a cluster a master that is cut off
// stops by itself.
func checkReplication(fields map[string]string) string {
	_, waits := fields["min_slaves_good_slaves"] // only with min-replicas-to-write
	switch {
	case fields["role"] == "slave":
		return "is a replica: it takes no changes, and shows sessions that were signed out. Connect to the primary, by Sentinel " +
			"or an address that follows it"
	case fields["redis_mode"] == "standalone" && fields["connected_slaves"] != "0" && fields["connected_slaves"] != "" && !waits:
		return "has replicas and min-replicas-to-write 0: when another server is made primary while this one is cut off, it goes " +
			"on taking changes that are lost afterwards. Set min-replicas-to-write 1 and min-replicas-max-lag 10 on all of them"
	}
	return ""
}

// checkMemory looks for a policy that removes keys when the memory is full. Without a limit of the memory nothing is
// removed.
func checkMemory(fields map[string]string) (string, error) {
	policy, limit := fields["maxmemory_policy"], fields["maxmemory"]
	switch {
	case policy == "" || limit == "":
		return "", errors.New("the server does not tell its maxmemory-policy")
	case policy == "noeviction" || limit == "0":
		return "", nil
	}
	return "has maxmemory-policy " + policy + ": when its memory is full it removes sessions, and people are signed out. " +
		"Give the sessions a Redis of their own with maxmemory-policy noeviction, and watch its memory", nil
}
