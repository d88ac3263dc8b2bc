package failover_test

import (
	"log/slog"
	"os"
	"testing"
)

// A site whose Redis is away says so at each request. That is many hundred lines here.
func TestMain(m *testing.M) {
	slog.SetDefault(slog.New(slog.DiscardHandler))
	os.Exit(m.Run())
}
