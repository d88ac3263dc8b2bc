package liveload_test

import (
	"bytes"
	"testing"
	"time"
)

// TestFloodOfFramesThatAreNoMessages: pongs count like messages, and a message of empty fragments without end lives no longer
// than a peer that is silent, whatever pongs come in between.
func TestFloodOfFramesThatAreNoMessages(t *testing.T) {
	s := startServer(t, quick)
	cookie := s.signIn("alice")
	pongs, fragments := frame(final|pong, key, ""), frame(more, key, "")
	for name, c := range map[string]struct {
		first, flood []byte
		most         time.Duration
	}{
		"pongs":                          {nil, bytes.Repeat(pongs, 1000), 2 * time.Second},
		"empty fragments":                {frame(textual, key, "{"), bytes.Repeat(fragments, 1000), 15 * time.Second},
		"empty fragments and some pongs": {frame(textual, key, "{"), append(bytes.Repeat(fragments, 100), pongs...), 15 * time.Second},
	} {
		for _, path := range []string{"/view?name=x", "/link/live?v=1"} {
			p := s.socket(t, path, cookie)
			p.put(c.first)
			start := time.Now()
			for p.put(c.flood) && time.Since(start) < c.most {
				time.Sleep(10 * time.Millisecond) // the flood itself is not the point
			}
			if took := time.Since(start); took >= c.most {
				t.Errorf("%s to %s: still taken after %v", name, path, took)
			}
			_ = p.conn.Close()
		}
	}
}
