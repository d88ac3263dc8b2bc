package liveload_test

import (
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/multiaccount-go/multiaccount/integration_test/sitetest"
)

// TestBadPeersOfASocket: whatever a peer sends, its own socket ends, with the code that says why. Views of the same session
// beside it, and of others, do not notice.
func TestBadPeersOfASocket(t *testing.T) {
	s := startServer(t, quick)
	cookie := s.signIn("alice")
	good := s.view("good", "alice", cookie)
	other := openTab(t, s.origin, "/view?name=other", s.signIn("bob"), "rows", "bob", "alice")
	each(t, s, cookie, good.stamp(), func(attack, view string) {
		sitetest.Eventually(t, "the view of "+attack+" is unmounted", func() bool { return s.numbers().Open[view] == 0 })
		row := strings.TrimSpace("alice saw " + attack + " " + view)
		s.change("alice", row)
		sitetest.Eventually(t, "the neighbour sees "+row, func() bool { return good.shows(row) == 1 })
		if n := good.sent(">" + row + "<"); n != 1 {
			t.Errorf("%s: the neighbour got the change afterwards in %d frames, want 1", attack, n)
		}
	})
	s.change("bob", "bob is well")
	sitetest.Eventually(t, "the other one sees a change", func() bool { return other.shows("bob is well") == 1 })
	for _, p := range []*tab{good, other} {
		p.verify()
		if n := p.connections(); n != 1 {
			t.Errorf("the view of %s was connected %d times, want once", p.mine, n)
		}
	}
	// 20 at once, and 10 a second for as long as it takes a slow machine to read 300.
	if n := good.sent("executed-flood"); n < 1 || n > 60 {
		t.Errorf("%d events of the flood were executed, want 20 and few more", n)
	}
	if good.sent("never-") > 0 {
		t.Error("an event was executed that nobody has sent")
	}
}

// TestPeersThatNeverRead: a view whose peer takes nothing is closed once too much waits for it; the neighbours get all.
func TestPeersThatNeverRead(t *testing.T) {
	s := startServer(t, patient)
	cookie := s.signIn("alice")
	good := s.view("good", "alice", cookie)
	sent, worst := deafen(t, s, cookie, good)
	t.Logf("six silent peers were cut after %d frames; the neighbour waited %v at most", sent, worst)
	if worst > 2*time.Second {
		t.Errorf("the neighbour had to wait %v", worst)
	}
	if good.verify(); good.connections() != 1 {
		t.Errorf("the neighbour was connected %d times, want once", good.connections())
	}
}

// deafen opens views whose peers never read, by socket and by stream, and lets all views have frames of 100 KB until these
// are closed. It returns how many that took, and how long the good view waited for one at most.
func deafen(t *testing.T, s *server, cookie string, good *tab) (sent int, worst time.Duration) {
	t.Helper()
	for i := range 3 {
		path := fmt.Sprint("/view?name=deaf", i)
		for _, p := range []*peer{s.socket(t, path, cookie), s.stream(t, path, cookie)} {
			_ = p.conn.SetReadBuffer(4096)
			defer p.conn.Close()
		}
	}
	for began := time.Now(); len(s.numbers().Open) > 1; sent++ {
		if time.Since(began) > 9*time.Second { // sooner than WriteTimeout, which would cut them, too
			t.Fatalf("after %d frames of 100 KB there still are %v", sent, s.numbers().Open)
		}
		from, had := time.Now(), good.sent(" xxx")
		if response, _ := s.do("POST", "/bulk/alice", ""); response.StatusCode != 200 {
			t.Fatalf("bulk: %d", response.StatusCode)
		}
		sitetest.Eventually(t, "the neighbour has it", func() bool { return good.sent(" xxx") == had+1 })
		worst = max(worst, time.Since(from))
	}
	return sent, worst
}

// TestNumbersGoBack: after waves of bad peers the server has the goroutines and the memory that it had before them.
func TestNumbersGoBack(t *testing.T) {
	s := startServer(t, quick)
	cookie := s.signIn("alice")
	good := s.view("good", "alice", cookie)
	wave := func() {
		each(t, s, cookie, good.stamp(), func(string, string) {})
		deafen(t, s, cookie, good)
		for i := range 40 { // these are gone without a word, some before they have said what they want
			half := s.tcp()
			_, _ = half.Write([]byte("GET /view HTTP/1.1\r\nUpgrade: websock"))
			for _, conn := range []*net.TCPConn{
				half, s.socket(t, fmt.Sprint("/view?name=gone", i), cookie).conn, s.stream(t, fmt.Sprint("/view?name=gone", i), cookie).conn,
			} {
				_ = conn.SetLinger(0)
				_ = conn.Close()
			}
		}
		sitetest.Eventually(t, "only the good view is open", func() bool { return len(s.numbers().Open) == 1 })
	}
	before := s.numbers()
	wave() // pools and caches fill up once
	filled := s.numbers()
	wave()
	var now numbers
	sitetest.Eventually(t, "all goroutines have ended", func() bool { now = s.numbers(); return now.Goroutines <= before.Goroutines })
	t.Logf("goroutines %d, %d, %d; KiB of heap %d, %d, %d", before.Goroutines, filled.Goroutines, now.Goroutines,
		before.Heap>>10, filled.Heap>>10, now.Heap>>10)
	if now.Heap > filled.Heap+96<<10 {
		t.Errorf("the heap has grown from %d to %d bytes", filled.Heap, now.Heap)
	}
	good.verify()
}
