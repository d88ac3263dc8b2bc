// Package failover_test kills the Redis primary under a site that people use: hundreds of open tabs, and two hundred
// switches a second.
package failover_test

import (
	"context"
	"io"
	"log/slog"
	"net"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/redis/go-redis/v9"

	"github.com/multiaccount-go/multiaccount"
	"github.com/multiaccount-go/multiaccount/account"
	"github.com/multiaccount-go/multiaccount/redisstore"
)

type user struct{ ID string }

// node is one process of a small site, as far as Redis and the browsers can tell: it has a client, a store and a hub of its
// own, and shares nothing with the other node.
type node struct {
	addr  string
	rdb   redis.UniversalClient
	store *redisstore.Store
}

var quiet = slog.New(slog.NewTextHandler(io.Discard, nil))

// startNode starts one on the Redis that url names.
func startNode(t *testing.T, url string, opts ...redisstore.Option) *node {
	t.Helper()
	rdb, err := redisstore.NewClient(url)
	if err != nil {
		t.Fatal(err)
	}
	n := &node{rdb: rdb, store: redisstore.New(rdb, append(opts, redisstore.WithLogger(quiet))...)}
	p, err := multiaccount.New(multiaccount.Config[user]{
		Users: func(_ context.Context, ids ...string) (map[string]user, error) {
			users := make(map[string]user, len(ids))
			for _, id := range ids {
				users[id] = user{id}
			}
			return users, nil
		},
		Store:    n.store,
		Sessions: account.Options{SwitchesPerMinute: 1 << 20}, // nobody is that quick, and the test is
		Cookie:   multiaccount.CookieConfig{InsecurePlainHTTPForDevelopment: true},
	})
	if err != nil {
		t.Fatal(err)
	}
	app := fiber.New(fiber.Config{DisableStartupMessage: true})
	app.Use(p.Handler)
	p.Register(app)
	app.Get("/who", func(c *fiber.Ctx) error {
		if _, ok := p.CurrentUser(c); !ok {
			return fiber.ErrUnauthorized
		}
		return c.SendString(p.CurrentID(c))
	})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	n.addr = l.Addr().String()
	served := make(chan error, 1)
	go func() { served <- app.Listener(l) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		_ = p.Close(ctx)
		_ = app.ShutdownWithContext(ctx)
		<-served
		_ = rdb.Close()
	})
	return n
}
