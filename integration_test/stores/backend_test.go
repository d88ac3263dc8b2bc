package stores_test

import (
	"io"
	"log/slog"
	"testing"

	"github.com/multiaccount-go/multiaccount/account"
	"github.com/multiaccount-go/multiaccount/account/moving"
	"github.com/multiaccount-go/multiaccount/integration_test/redisserver"
	"github.com/multiaccount-go/multiaccount/internal/postgres"
	"github.com/multiaccount-go/multiaccount/redisstore"
	"github.com/multiaccount-go/multiaccount/sqlstore"
	"github.com/multiaccount-go/multiaccount/storetest"
)

// TestOutages stops real servers and starts them again.
func TestOutages(t *testing.T) {
	storetest.RunOutage(t, func(t *testing.T) storetest.Outage {
		server := redisserver.StartDurable(t)
		store := redisstore.New(client(t, options(t, server.Addr)), quiet)
		return storetest.Outage{Store: store, Cut: server.Stop, Mend: server.Restart}
	})
	storetest.RunOutage(t, func(t *testing.T) storetest.Outage {
		server, err := postgres.Start()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(server.Stop)
		store := sqlstore.PostgreSQL(openSQL(t, server.URL()))
		if err := store.Migrate(t.Context()); err != nil {
			t.Fatal(err)
		}
		return storetest.Outage{Store: store, Cut: server.Crash, Mend: func() {
			if err := server.Restart(); err != nil {
				t.Error(err)
			}
		}}
	})
}

// TestConformanceWhileMoving: sessions are on their way from a Redis to another store.
func TestConformanceWhileMoving(t *testing.T) {
	server, address := redisserver.Start(t), postgres.Shared(t).NewDatabase(t)
	if err := sqlstore.PostgreSQL(openSQL(t, address)).Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	for house, fresh := range map[string]func(t *testing.T) account.Store{
		"to Redis": func(t *testing.T) account.Store {
			return redisstore.New(client(t, options(t, server.Addr)), quiet, redisstore.WithPrefix("new"))
		},
		"to PostgreSQL": func(t *testing.T) account.Store {
			return sqlstore.PostgreSQL(openSQL(t, address), sqlstore.WithLogger(slog.New(slog.NewTextHandler(io.Discard, nil))))
		},
	} {
		for name, lead := range map[string]moving.Lead{"the old store leads": moving.OldLeads, "the new store leads": moving.NewLeads} {
			t.Run(house+", "+name, func(t *testing.T) {
				process := func(t *testing.T) account.Store {
					return moving.New(redisstore.New(client(t, options(t, server.Addr)), quiet), fresh(t), moving.Options{Lead: lead})
				}
				storetest.RunPair(t, func(t *testing.T) (one, other account.Store) { return process(t), process(t) })
			})
		}
	}
}
