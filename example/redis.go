package main

import (
	"context"
	"fmt"
	"log/slog"
	"net"

	"github.com/alicebob/miniredis/v2"
	"github.com/multiaccount-go/multiaccount/redisstore"
	"github.com/redis/go-redis/v9"
)

// openRedis connects to the Redis that url names: one server, a cluster, or one behind Sentinel, see redisstore.NewClient.
// Without a url it starts one inside this process, so that the example runs with nothing but Go.
func openRedis(url string) (client redis.UniversalClient, embedded bool, err error) {
	if url != "" {
		if client, err = redisstore.NewClient(url); err != nil {
			return nil, false, fmt.Errorf("REDIS_URL: %w", err)
		}
		return client, false, nil
	}
	opt, err := redisstore.Options("redis://embedded")
	if err != nil {
		return nil, false, err
	}
	server := miniredis.NewMiniRedis()
	server.ClockTTL(true) // keys expire by the clock, as in a real Redis
	opt.Dialer = func(context.Context, string, string) (net.Conn, error) { return server.Dial() }
	slog.Warn("REDIS_URL is not set: using a Redis inside this process. " +
		"Everything is forgotten at the end, and a second process does not see it. Fine for a try, never for people.")
	return redis.NewClient(opt), true, nil
}
