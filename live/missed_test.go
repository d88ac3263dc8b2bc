package live_test

import (
	"context"
	"strings"
	"testing"

	"github.com/multiaccount-go/multiaccount/live"
)

// deaf is a bus that loses every message, and says so when it is told to.
type deaf struct{ gaps chan struct{} }

func (deaf) Publish(context.Context, string, []byte) error { return nil }

func (d deaf) Subscribe(ctx context.Context, fn func(string, []byte)) error {
	for {
		select {
		case <-d.gaps:
			fn("", nil)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// TestAViewLooksAgainAfterAGap: what was published while the bus was away is shown once it is back.
func TestAViewLooksAgainAfterAGap(t *testing.T) {
	bus := deaf{gaps: make(chan struct{})}
	w := newViews(t, live.HubConfig{Bus: bus})
	w.listen()
	w.set(state("alice", 1, 1))
	c := w.open("alice")
	c.expectText("alice")
	w.mu.Lock()
	w.notes["alice"] = []string{"while nobody heard"}
	w.mu.Unlock()
	if err := w.hub.Publish(t.Context(), "notes:alice", []byte("lost")); err != nil {
		t.Fatal(err)
	}
	bus.gaps <- struct{}{}
	c.expectText("while nobody heard")
	if err := w.hub.Publish(t.Context(), "", nil); err == nil {
		t.Error("a message without a topic was published")
	}
}

// TestMessagesWithoutPayloadWaitOnceHoweverABusSaysSo: some buses bring back an empty payload where there was none.
func TestMessagesWithoutPayloadWaitOnceHoweverABusSaysSo(t *testing.T) {
	for _, payload := range [][]byte{nil, {}} {
		w := newViews(t, live.HubConfig{})
		inside, leave := make(chan struct{}), make(chan struct{})
		w.event = func(context.Context, *live.Socket, live.Event) error {
			close(inside)
			<-leave
			return nil
		}
		w.listen()
		w.set(state("alice", 1, 1))
		c := w.open("alice")
		c.expectText("alice")
		c.event(`{"text":"last"}`)
		<-inside
		for range 100 {
			if err := w.hub.Publish(t.Context(), "notes:alice", payload); err != nil {
				t.Fatal(err)
			}
		}
		close(leave)
		for !strings.Contains(c.text(), "last") { // text fails when the view has lost its socket
		}
	}
}
