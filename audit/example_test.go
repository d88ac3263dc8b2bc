package audit_test

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/multiaccount-go/multiaccount"
	"github.com/multiaccount-go/multiaccount/audit"
	"github.com/multiaccount-go/multiaccount/redisstore"
)

type user struct{ ID string }

// An audit trail in Redis, and the same in the application's log.
func ExampleNewStream() {
	rdb := redis.NewClient(&redis.Options{Addr: "localhost:6379"})
	trail, err := audit.NewStream(redisstore.NewLog(rdb, "audit"), audit.StreamConfig{Policy: audit.Block})
	if err != nil {
		fmt.Println(err)
		return
	}
	accounts, err := multiaccount.New(multiaccount.Config[user]{
		Users:   func(context.Context, ...string) (map[string]user, error) { return nil, nil },
		Store:   redisstore.New(rdb),
		OnEvent: audit.All(audit.Slog(slog.Default()), trail.OnEvent),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	// … serve; at the end first the plugin, then the trail, which may have something left to write:
	fmt.Println(accounts.Close(ctx), trail.Close(ctx))
}

// A reader of the trail, in a process of its own: it copies events to where nobody can change them. It keeps the ID of the
// last one that it has dealt with. An event may come twice, so it remembers the last ids too.
func ExampleRead() {
	log := redisstore.NewLog(redis.NewClient(&redis.Options{Addr: "localhost:6379"}), "audit")
	read := func(ctx context.Context, last string) (next string, err error) {
		records, err := log.After(ctx, last, 100)
		if err != nil {
			return last, err // ask again later
		}
		for _, r := range records {
			if e, err := audit.Read(r.Values); err == nil {
				fmt.Println(e.Time.Format(time.RFC3339), e.Actor, e.Action, e.Account, e.Code)
			}
			last = r.ID
		}
		return last, nil
	}
	_ = read // call it every second, and at once again after a full batch
}
