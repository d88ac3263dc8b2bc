package stores_test

import (
	"testing"

	"github.com/multiaccount-go/multiaccount/account"
	"github.com/multiaccount-go/multiaccount/account/moving"
	"github.com/multiaccount-go/multiaccount/integration_test/redisserver"
	"github.com/multiaccount-go/multiaccount/redisstore"
	"github.com/multiaccount-go/multiaccount/storetest"
)

// TestOutages stops real servers and starts them again.
func TestOutages(t *testing.T) {
	storetest.RunOutage(t, func(t *testing.T) storetest.Outage {
		server := redisserver.StartDurable(t)
		store := redisstore.New(client(t, options(t, server.Addr)), quiet)
		return storetest.Outage{Store: store, Cut: server.Stop, Mend: server.Restart}
	})
}

// TestConformanceWhileMoving: two stores on Redis, and sessions on their way from one to the other.
func TestConformanceWhileMoving(t *testing.T) {
	for name, lead := range map[string]moving.Lead{"the old store leads": moving.OldLeads, "the new store leads": moving.NewLeads} {
		t.Run(name, func(t *testing.T) {
			server := redisserver.Start(t)
			process := func(t *testing.T) account.Store {
				rdb := client(t, options(t, server.Addr))
				return moving.New(redisstore.New(rdb, quiet), redisstore.New(rdb, quiet, redisstore.WithPrefix("new")), moving.Options{Lead: lead})
			}
			storetest.RunPair(t, func(t *testing.T) (one, other account.Store) { return process(t), process(t) })
		})
	}
}
