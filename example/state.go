package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"

	"github.com/multiaccount-go/multiaccount/account"
	"github.com/multiaccount-go/multiaccount/attempts"
	"github.com/multiaccount-go/multiaccount/live"
	"github.com/multiaccount-go/multiaccount/redisstore"
	"github.com/multiaccount-go/multiaccount/sqlstore"
	"github.com/redis/go-redis/v9"
)

// sessionStore keeps sessions, and names settings of its server that lose them.
type sessionStore interface {
	account.Store
	Check(ctx context.Context) ([]string, error)
}

// state is what the processes of this site share about who is signed in.
type state struct {
	store   sessionStore
	bus     live.Bus
	places  live.Places // nil: in this process
	counter attempts.Counter
}

// openState keeps it in Redis, or with SESSIONS=sql in the PostgreSQL of the users.
func (s *site) openState(ctx context.Context, rdb redis.UniversalClient) (state, error) {
	switch where := os.Getenv("SESSIONS"); where {
	case "":
		return state{redisstore.New(rdb), redisstore.NewBus(rdb), redisstore.NewPlaces(rdb), redisstore.NewCounter(rdb)}, nil
	case "sql":
		if !strings.HasPrefix(os.Getenv("DATABASE_URL"), "postgres") {
			return state{}, errors.New("SESSIONS is sql: name a PostgreSQL in DATABASE_URL")
		}
	default:
		return state{}, fmt.Errorf("SESSIONS is %q: use sql, or leave it out", where)
	}
	db := s.users.Database().SQL()
	store := sqlstore.PostgreSQL(db)
	if err := store.Migrate(ctx); err != nil {
		return state{}, err
	}
	go func() {
		if err := store.Run(ctx); ctx.Err() == nil {
			slog.Error("expired sessions stay in the database", "err", err)
		}
	}()
	return state{store: store, bus: sqlstore.NewBus(db), counter: sqlstore.NewCounter(db)}, nil
}
