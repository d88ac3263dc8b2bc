package redisstore_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/multiaccount-go/multiaccount/attempts"
	"github.com/multiaccount-go/multiaccount/redisstore"
)

func TestCounterNamesTheMistake(t *testing.T) {
	for name, tt := range map[string]struct {
		rdb  redis.UniversalClient
		opts []redisstore.Option
		want string
	}{
		"no client":           {nil, nil, "client is nil"},
		"a typed nil client":  {(*redis.Client)(nil), nil, "client is nil"},
		"braces in a prefix":  {client(t), with(redisstore.WithPrefix("{a}")), "prefix"},
		"a pattern in it":     {client(t), with(redisstore.WithPrefix("a*")), "prefix"},
		"everything is right": {client(t), with(redisstore.WithPrefix("shop:v2")), ""},
	} {
		t.Run(name, func(t *testing.T) {
			c := redisstore.NewCounter(tt.rdb, tt.opts...)
			_, take := c.Take(t.Context(), []attempts.Bucket{{Key: "a", Tries: 1, Step: time.Second}})
			_, limiter := attempts.New(attempts.Config{Counter: c, LoginKey: strings.ToLower})
			if tt.want == "" {
				if c.Validate() != nil || limiter != nil {
					t.Errorf("got %v and %v, want no mistake", c.Validate(), limiter)
				}
				return
			}
			for where, err := range map[string]error{
				"Validate": c.Validate(), "Take": take, "Forget": c.Forget(t.Context(), "a"), "attempts.New": limiter,
			} {
				if err == nil || !strings.Contains(err.Error(), tt.want) {
					t.Errorf("%s: got %v, want an error about %q", where, err, tt.want)
				}
			}
		})
	}
}

func TestCounterOfNobodyLetsNobodyTry(t *testing.T) {
	l, err := attempts.New(attempts.Config{
		Counter: redisstore.NewCounter(client(t)), LoginKey: strings.ToLower, Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	err = l.Do(t.Context(), attempts.Try{Login: "alice", Address: "198.51.100.1"}, func(context.Context) error {
		t.Error("the password was looked at")
		return nil
	})
	if !errors.Is(err, attempts.ErrUnavailable) {
		t.Errorf("got %v, want ErrUnavailable", err)
	}
}
