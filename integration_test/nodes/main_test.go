// Package nodes_test visits real processes of the example: two of them on one Redis act as one site.
package nodes_test

import (
	"testing"

	"github.com/multiaccount-go/multiaccount/integration_test/redisserver"
	"github.com/multiaccount-go/multiaccount/integration_test/sitetest"
)

func TestMain(m *testing.M) { sitetest.Main(m) }

const (
	alice = "alice@example.com"
	bob   = "bob@example.com"
	carol = "carol@example.com"
	dave  = "dave@example.com"
)

// site is two processes on one Redis.
type site struct {
	redis *redisserver.Server
	one   *sitetest.Node
	two   *sitetest.Node
}

func start(t *testing.T) site {
	t.Helper()
	server := redisserver.Start(t)
	return site{redis: server, one: sitetest.Start(t, server.URL()), two: sitetest.Start(t, server.URL())}
}
