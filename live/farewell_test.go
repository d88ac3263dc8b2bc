package live_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/multiaccount-go/multiaccount/live"
)

// The last message and the close frame are one write, in frames of our own making: of every form of length.
func TestLastMessagesOfEveryLength(t *testing.T) {
	w := newWorld(t, live.HubConfig{}).listen()
	for _, size := range []int{2, 125, 126, 127, 65535, 65536, 200000} {
		t.Run(fmt.Sprint(size, " bytes"), func(t *testing.T) {
			name := fmt.Sprint("k", size)
			w.set(state(name, 1, 1))
			c := w.tab(name, 1, 1)
			c.expect("hello", 1)
			last := ended(name, 2)
			last.Payload = []byte(strings.Repeat("x", size))
			w.hub.Announce(last)
			if got := c.text(); got != string(last.Payload) {
				t.Fatalf("got %d bytes, want %d", len(got), size)
			}
			if code := c.closed(); code != 1008 {
				t.Errorf("closed with %d, want 1008", code)
			}
		})
	}
}
