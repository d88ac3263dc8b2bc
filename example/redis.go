package main

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
)

// openRedis connects to the Redis that url names. Without a url it starts one inside this process, so that the example
// runs with nothing but Go.
func openRedis(url string) (client *redis.Client, embedded bool, err error) {
	opt := &redis.Options{}
	if url == "" {
		embedded = true
		server := miniredis.NewMiniRedis()
		server.ClockTTL(true) // keys expire by the clock, as in a real Redis
		opt.Dialer = func(context.Context, string, string) (net.Conn, error) { return server.Dial() }
		slog.Warn("REDIS_URL is not set: using a Redis inside this process. " +
			"Everything is forgotten at the end, and a second process does not see it. Fine for a try, never for people.")
	} else if opt, err = redis.ParseURL(url); err != nil {
		return nil, false, fmt.Errorf("REDIS_URL: %w", err)
	}
	// A Redis that does not answer must cost a request a moment, not a minute.
	opt.DialTimeout, opt.ReadTimeout, opt.WriteTimeout = time.Second, time.Second, time.Second
	opt.ContextTimeoutEnabled, opt.MaxRetries = true, 1
	return redis.NewClient(opt), embedded, nil
}
