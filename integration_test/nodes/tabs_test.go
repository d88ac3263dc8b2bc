package nodes_test

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/fasthttp/websocket"

	"github.com/multiaccount-go/multiaccount/integration_test/sitetest"
)

// Close codes of RFC 6455 and its registry.
const (
	policy   = 1008
	tooBig   = 1009
	comeBack = 1012
)

// two returns a visitor who is signed in as Alice and Bob, and is Bob.
func two(t *testing.T, n *sitetest.Node) *sitetest.Visitor {
	t.Helper()
	v := sitetest.NewVisitor(t)
	v.SignIn(n, alice)
	v.Add(n, bob)
	return v
}

func TestTabsOnTheOtherNodeFollow(t *testing.T) {
	s := start(t)

	t.Run("a switch tells the tab and makes it come back with the new cookie", func(t *testing.T) {
		v := two(t, s.one)
		version := v.Document(s.two).V
		tab := v.Open(s.two, version)
		began := time.Now()
		v.Switch(s.one, alice)
		m := tab.Next(2 * time.Second)
		if m.Type != "session-changed" || m.Reason != "switched" || m.V <= version {
			t.Errorf("the tab is told %+v", m)
		}
		if code := tab.Closed(2 * time.Second); code != comeBack {
			t.Errorf("closed with %d, want %d", code, comeBack)
		}
		if took := time.Since(began); took > 2*time.Second {
			t.Errorf("it took %v, want less than 2s", took)
		}
		again := v.Open(s.two, m.V)
		v.Switch(s.two, bob)
		if next := again.Next(2 * time.Second); next.V <= m.V {
			t.Errorf("after %d the tab is told %d", m.V, next.V)
		}
	})

	t.Run("a tab that was away while the account changed is told at once", func(t *testing.T) {
		v := two(t, s.one)
		old := v.Document(s.one).V
		v.Switch(s.one, alice)
		tab := v.Open(s.two, old)
		if m := tab.Next(time.Second); m.Type != "session-changed" || m.V <= old {
			t.Errorf("the tab is told %+v", m)
		}
	})

	t.Run("signing out one account", func(t *testing.T) {
		v := two(t, s.one)
		d := v.Document(s.one)
		tab := v.Open(s.two, d.V)
		alices, _ := d.Find(alice)
		if a := v.Post(s.one, "/link/sign_out/"+alices.ID, url.Values{"_stamp": {d.Stamp}}); a.Status != http.StatusSeeOther {
			t.Fatalf("sign out Alice: %d\n%s", a.Status, a.Body)
		}
		if m := tab.Next(2 * time.Second); m.Reason != "signed_out" || m.Type != "session-changed" {
			t.Errorf("the tab is told %+v", m)
		}
		if code := tab.Closed(2 * time.Second); code != comeBack {
			t.Errorf("closed with %d, want %d", code, comeBack)
		}
	})

	t.Run("signing out of everything ends every tab", func(t *testing.T) {
		v := two(t, s.one)
		tabs := []*sitetest.Socket{v.Open(s.one, 3), v.Open(s.two, 3)}
		cookie := v.CookieHeader(s.one)
		if a := v.Post(s.one, "/session/sign_out", nil); a.Status != http.StatusSeeOther || a.Location() != "/" {
			t.Fatalf("sign out: %d to %q", a.Status, a.Location())
		}
		for i, tab := range tabs {
			if code := tab.Closed(2 * time.Second); code != policy {
				t.Errorf("tab on node %d: closed with %d, want %d", i+1, code, policy)
			}
		}
		if a := sitetest.Holding(t, cookie).Get(s.two, "/private"); a.Status != http.StatusSeeOther {
			t.Errorf("the old cookie on the other node: %d, want the way to the sign-in page", a.Status)
		}
	})
}

// TestHandshakesAreRefusedBeforeTheUpgrade: whoever may not listen gets a plain HTTP answer.
func TestHandshakesAreRefusedBeforeTheUpgrade(t *testing.T) {
	s := start(t)
	v := two(t, s.one)
	before := v.CookieHeader(s.one)
	v.Switch(s.one, alice)

	tests := map[string]struct {
		visitor *sitetest.Visitor
		headers []string
		want    int
	}{
		"nobody is signed in":          {sitetest.NewVisitor(t), nil, http.StatusUnauthorized},
		"a cookie that never was":      {sitetest.Holding(t, sitetest.Cookie+"=AAAA"), nil, http.StatusUnauthorized},
		"a page of another site":       {v, []string{"Origin", "https://evil.example"}, http.StatusForbidden},
		"a sandboxed page":             {v, []string{"Origin", "null"}, http.StatusForbidden},
		"no origin":                    {v, []string{"Origin", ""}, http.StatusForbidden},
		"the secret just rotated away": {sitetest.Holding(t, before), nil, http.StatusConflict},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			for i, n := range []*sitetest.Node{s.one, s.two} {
				socket, status := test.visitor.TryOpen(n, 1, test.headers...)
				if socket != nil || status != test.want {
					t.Errorf("node %d: %d, want %d", i+1, status, test.want)
				}
			}
		})
	}

	t.Run("the 33rd socket of a session", func(t *testing.T) {
		v := two(t, s.one)
		version := v.Document(s.one).V
		var last *sitetest.Socket
		for range 32 {
			last = v.Open(s.one, version)
		}
		if socket, status := v.TryOpen(s.one, version); socket != nil || status != http.StatusTooManyRequests {
			t.Errorf("got %d, want 429", status)
		}
		last.Close()
		sitetest.Eventually(t, "the place of a closed socket is free", func() bool {
			socket, _ := v.TryOpen(s.one, version)
			return socket != nil
		})
	})
}

func TestSIGTERMSendsTabsElsewhere(t *testing.T) {
	s := start(t)
	v := two(t, s.one)
	version := v.Document(s.one).V
	tabs := []*sitetest.Socket{v.Open(s.one, version), v.Open(s.one, version)}
	deaf(t, v, s.one, version)
	began := time.Now()
	s.one.Terminate()
	for _, tab := range tabs {
		if code := tab.Closed(5 * time.Second); code != comeBack {
			t.Errorf("closed with %d, want %d", code, comeBack)
		}
	}
	if code := s.one.WaitEnd(10 * time.Second); code != 0 {
		t.Errorf("exit code %d, want 0", code)
	}
	t.Logf("the process ended after %v", time.Since(began))
	v.Open(s.two, version) // where a load balancer would send it
	if got := v.Document(s.two).CurrentEmail(); got != bob {
		t.Errorf("the other node shows %q, want %s", got, bob)
	}
}

// deaf opens a tab that reads the first line of the answer to its handshake and then never again.
func deaf(t *testing.T, v *sitetest.Visitor, n *sitetest.Node, version int64) {
	t.Helper()
	conn, err := net.Dial("tcp", n.Addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	fmt.Fprintf(conn, "GET /link/live?v=%d HTTP/1.1\r\nHost: %s\r\nOrigin: %s\r\nCookie: %s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n", version, n.Addr, n.URL, v.CookieHeader(n))
	_ = conn.SetReadDeadline(time.Now().Add(5 * time.Second))
	line := make([]byte, len("HTTP/1.1 101"))
	if _, err := io.ReadFull(conn, line); err != nil || string(line) != "HTTP/1.1 101" {
		t.Fatalf("handshake of a tab that never reads: %q, %v", line, err)
	}
}

func TestATabThatNeverReadsDelaysNobody(t *testing.T) {
	s := start(t)
	v := two(t, s.one)
	version := v.Document(s.one).V
	for range 10 {
		deaf(t, v, s.one, version)
	}
	tab := v.Open(s.one, version)
	began := time.Now()
	v.Switch(s.two, alice)
	tab.Next(time.Second)
	if code := tab.Closed(time.Second); code != comeBack {
		t.Errorf("closed with %d, want %d", code, comeBack)
	}
	if took := time.Since(began); took > time.Second {
		t.Errorf("it took %v", took)
	}
}

func TestMessagesThatAreTooBigOrTooMany(t *testing.T) {
	s := start(t)
	v := two(t, s.one)
	version := v.Document(s.one).V

	t.Run("one frame over 16 KiB", func(t *testing.T) {
		tab := v.Open(s.one, version)
		_ = tab.WriteMessage(websocket.TextMessage, bytes.Repeat([]byte("x"), 16<<10+1))
		if code := tab.Closed(2 * time.Second); code != tooBig {
			t.Errorf("closed with %d, want %d", code, tooBig)
		}
	})
	t.Run("many fragments that together are over 16 KiB", func(t *testing.T) {
		tab := v.Open(s.one, version)
		w, err := tab.NextWriter(websocket.TextMessage)
		if err != nil {
			t.Fatal(err)
		}
		for range 64 {
			if _, err := w.Write(bytes.Repeat([]byte("x"), 4<<10)); err != nil {
				break // cut already
			}
		}
		if code := tab.Closed(2 * time.Second); code != tooBig {
			t.Errorf("closed with %d, want %d", code, tooBig)
		}
	})
	t.Run("16 KiB exactly is read and ignored", func(t *testing.T) {
		tab := v.Open(s.one, version)
		_ = tab.WriteMessage(websocket.TextMessage, bytes.Repeat([]byte("x"), 16<<10))
		v.Switch(s.one, alice)
		if m := tab.Next(2 * time.Second); m.Type != "session-changed" {
			t.Errorf("got %+v", m)
		}
	})
	t.Run("a flood", func(t *testing.T) {
		tab := v.Open(s.one, v.Document(s.one).V)
		for range 200 {
			if tab.WriteMessage(websocket.TextMessage, []byte("{}")) != nil {
				break
			}
		}
		if code := tab.Closed(3 * time.Second); code != policy {
			t.Errorf("closed with %d, want %d", code, policy)
		}
	})
}
