package live_test

import (
	"fmt"
	"io"
	"net"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/gofiber/contrib/websocket"
	"github.com/gofiber/fiber/v2"

	"github.com/multiaccount-go/multiaccount/live"
)

const benchPayload = `{"type":"session-changed","v":1234567,"reason":"switched"}`

// BenchmarkAnnounce answers what the hub adds to the writes themselves, from the announcement to the last of n tabs. floor
// is a loop of writes to n connections; hub is Announce. The decision behind it: who writes, and on how many goroutines.
func BenchmarkAnnounce(b *testing.B) {
	for _, n := range []int{1, 10, 100, 1000} {
		b.Run(fmt.Sprintf("floor/tabs=%d", n), func(b *testing.B) {
			wire := append([]byte{0x81, byte(len(benchPayload))}, benchPayload...)
			ln, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				b.Fatal(err)
			}
			defer ln.Close()
			var got sync.WaitGroup
			conns := make([]net.Conn, n)
			for i := range n {
				client, err := net.Dial("tcp", ln.Addr().String())
				if err != nil {
					b.Fatal(err)
				}
				defer client.Close()
				if conns[i], err = ln.Accept(); err != nil {
					b.Fatal(err)
				}
				defer conns[i].Close()
				go count(client, len(wire), &got)
			}
			b.ReportAllocs()
			for b.Loop() {
				got.Add(n)
				for _, c := range conns {
					_, _ = c.Write(wire)
				}
				got.Wait()
			}
		})
		b.Run(fmt.Sprintf("hub/tabs=%d", n), func(b *testing.B) {
			w := newWorld(b, live.HubConfig{Limits: live.Limits{SocketsPerKey: n}}).listen()
			w.set(state("k", 1, 1))
			var got sync.WaitGroup
			for range n {
				c := w.tab("k", 1, 1)
				c.expect("hello", 1)
				_ = c.SetReadDeadline(time.Time{})
				go count(c.NetConn(), 2+len(benchPayload), &got)
			}
			a := state("k", 1, 1)
			a.Payload = []byte(benchPayload)
			b.ReportAllocs()
			for b.Loop() {
				got.Add(n)
				a.Version++
				w.hub.Announce(a)
				got.Wait()
			}
		})
	}
}

func count(r io.Reader, size int, got *sync.WaitGroup) {
	buf := make([]byte, size)
	for {
		if _, err := io.ReadFull(r, buf); err != nil {
			return
		}
		got.Done()
	}
}

// BenchmarkIdleTab reports the memory of an idle socket beside that of an echo handler with contrib/websocket's defaults: ours
// must not cost more. Both figures contain the client's end, which is the same.
func BenchmarkIdleTab(b *testing.B) {
	for name, path := range map[string]string{"echo": "/echo", "hub": "/tab/k/1/1"} {
		b.Run(name, func(b *testing.B) {
			const n = 1000
			w := newWorld(b, live.HubConfig{Limits: live.Limits{SocketsPerKey: n}})
			w.app.Get("/echo", websocket.New(func(c *websocket.Conn) {
				for {
					kind, msg, err := c.ReadMessage()
					if err != nil || c.WriteMessage(kind, msg) != nil {
						return
					}
				}
			}, websocket.Config{}))
			w.app.Use(func(c *fiber.Ctx) error { return c.SendStatus(404) })
			w.listen()
			w.set(state("k", 1, 1))
			for b.Loop() {
				before := used()
				clients := make([]net.Conn, n)
				for i := range clients {
					clients[i] = raw(b, w.addr, path)
				}
				b.ReportMetric(float64(used()-before)/n, "B/tab")
				for _, c := range clients {
					_ = c.Close()
				}
				eventually(b, "all gone", func() bool { return w.hub.Active() == 0 })
			}
		})
	}
}

// raw opens a socket with the headers of a browser, without a client library's memory.
func raw(b *testing.B, addr, path string) net.Conn {
	b.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		b.Fatal(err)
	}
	_, _ = fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: %s\r\nOrigin: http://%s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nPragma: no-cache\r\nCache-Control: no-cache\r\n"+
		"User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36\r\n"+
		"Accept-Encoding: gzip, deflate, br, zstd\r\nAccept-Language: en-US,en;q=0.9\r\n"+
		"Cookie: __Host-accounts=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\r\n\r\n", path, addr, addr)
	if _, err := conn.Read(make([]byte, 12)); err != nil {
		b.Fatal(err)
	}
	return conn
}

func used() int64 {
	for range 4 { // stacks shrink by half a cycle
		runtime.GC()
		time.Sleep(20 * time.Millisecond)
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapInuse + m.StackInuse)
}
