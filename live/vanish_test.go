package live_test

import (
	"bytes"
	"context"
	"log/slog"
	"testing"

	"github.com/multiaccount-go/multiaccount/live"
)

// TestABrowserThatVanishesIsNoFaultOfTheView: an operator's log is not for people who close their laptop.
func TestABrowserThatVanishesIsNoFaultOfTheView(t *testing.T) {
	var log bytes.Buffer
	w := newViews(t, live.HubConfig{Log: slog.New(slog.NewTextHandler(&log, nil))})
	inside := make(chan struct{})
	w.event = func(ctx context.Context, _ *live.Socket, _ live.Event) error {
		close(inside)
		<-ctx.Done() // as a query would
		return ctx.Err()
	}
	w.listen()
	w.set(state("alice", 1, 1))
	c := w.open("alice")
	c.expectText("alice")
	c.event(`{"text":"milk"}`)
	<-inside
	_ = c.NetConn().Close()
	eventually(t, "the view has ended", func() bool { return w.hub.Active() == 0 })
	if log.Len() > 0 {
		t.Errorf("the log says: %s", log.String())
	}
}
