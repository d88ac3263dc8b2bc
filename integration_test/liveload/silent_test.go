package liveload_test

import (
	"testing"
	"time"
)

// TestSilentPeerIsCut: whoever says nothing any more is cut without a word, and above all without "our fault".
func TestSilentPeerIsCut(t *testing.T) {
	s := startServer(t, quick)
	cookie := s.signIn("alice")
	for _, path := range []string{"/view?name=x", "/link/live?v=1"} {
		if got := s.socket(t, path, cookie).end(5 * time.Second); got != cut {
			t.Errorf("%s: closed with %d, want a cut", path, got)
		}
	}
}
