package liveload_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/multiaccount-go/multiaccount/integration_test/sitetest"
)

// TestChangeInADeafMomentIsShown: what is published while a node's subscription is being made again is shown all the same,
// because the views look again after the gap.
func TestChangeInADeafMomentIsShown(t *testing.T) {
	redis := startRedis(t)
	n := sitetest.Start(t, redis.url())
	a := signIn(t, n, 3, 1)
	rdb := redis.client()
	missed := 0
	for i := range 5 {
		if _, err := rdb.ClientKillByFilter(t.Context(), "TYPE", "pubsub").Result(); err != nil {
			t.Fatal(err)
		}
		text := a.add(n, alice, fmt.Sprint("in a deaf moment ", i))
		p := a.all(alice)[0]
		for end := time.Now().Add(4 * time.Second); p.shows(text) == 0 && time.Now().Before(end); {
			time.Sleep(10 * time.Millisecond)
		}
		if p.shows(text) == 0 {
			missed++
		}
		sitetest.Eventually(t, "the node listens again", func() bool { return redis.channels(t, rdb) >= 3 })
	}
	if missed > 0 {
		t.Errorf("%d of 5 changes were not shown within 4 seconds", missed)
	}
}
