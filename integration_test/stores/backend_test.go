package stores_test

import (
	"testing"

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
