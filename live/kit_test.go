package live_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fasthttp/websocket"
	"github.com/gofiber/fiber/v2"

	"github.com/multiaccount-go/multiaccount/internal/origin"
	"github.com/multiaccount-go/multiaccount/live"
)

// TestMain fails when a goroutine of this package has outlived its socket.
func TestMain(m *testing.M) {
	code := m.Run()
	if left := leaked(5 * time.Second); left != "" && code == 0 {
		fmt.Fprintf(os.Stderr, "goroutines left behind:\n%s\n", left)
		code = 1
	}
	os.Exit(code)
}

func leaked(wait time.Duration) string {
	var left []string
	for end := time.Now().Add(wait); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		buf := make([]byte, 4<<20)
		left = nil
		for _, g := range strings.Split(string(buf[:runtime.Stack(buf, true)]), "\n\n") {
			if strings.Contains(g, "multiaccount/live") && !strings.Contains(g, "TestMain") {
				left = append(left, g)
			}
		}
		if left == nil {
			return ""
		}
	}
	return strings.Join(left, "\n\n")
}

// world is an app on a loopback port, a hub, and the truth about each key.
type world struct {
	t    testing.TB
	hub  *live.Hub
	app  *fiber.App
	addr string

	mu    sync.Mutex
	truth map[live.Key]live.Announcement
	fail  error // what Read returns instead, if set
	pause func()
	owner func(k live.Key) string
}

func newWorld(t testing.TB, cfg live.HubConfig) *world {
	t.Helper()
	cfg.Origins = origin.Policy{Insecure: true}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.NewTextHandler(io.Discard, nil))
	}
	w := &world{t: t, hub: live.NewHub(cfg), truth: make(map[live.Key]live.Announcement)}
	w.app = fiber.New(fiber.Config{DisableStartupMessage: true, ProxyHeader: fiber.HeaderXForwardedFor,
		EnableTrustedProxyCheck: true, TrustedProxies: []string{"127.0.0.1"}})
	w.app.Get("/tab/:key/:generation/:version", func(c *fiber.Ctx) error {
		var generation, version int64
		_, _ = fmt.Sscan(c.Params("generation"), &generation)
		_, _ = fmt.Sscan(c.Params("version"), &version)
		return status(c, w.hub.ServeTab(c, w.subject(key(c.Params("key")), generation, version)))
	})
	return w
}

// listen starts serving. Routes have to be there by then.
func (w *world) listen() *world {
	w.t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		w.t.Fatal(err)
	}
	w.addr = ln.Addr().String()
	served := make(chan error, 1)
	go func() { served <- w.app.Listener(ln) }()
	w.t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := w.hub.Close(ctx); err != nil {
			w.t.Errorf("hub did not close: %v", err)
		}
		_ = w.app.Shutdown()
		<-served
		if n := w.hub.Groups(); n != 0 {
			w.t.Errorf("%d groups left in the hub", n)
		}
	})
	return w
}

func status(c *fiber.Ctx, err error) error {
	for target, code := range map[error]int{live.ErrNotUpgrade: 426, origin.ErrForeign: 403, live.ErrTooManySockets: 429, live.ErrClosed: 503,
		live.ErrFull: 503} {
		if errors.Is(err, target) {
			return c.SendStatus(code)
		}
	}
	return err
}

func key(name string) (k live.Key) {
	copy(k[:], name)
	return k
}

type frame struct {
	Type string `json:"type"`
	Key  string `json:"key"`
	V    int64  `json:"v"`
}

func encode(kind string, a live.Announcement) []byte {
	b, _ := json.Marshal(frame{kind, strings.TrimRight(string(a.Key[:]), "\x00"), a.Version})
	return b
}

// state makes an announcement as an application would.
func state(name string, version, generation int64) live.Announcement {
	a := live.Announcement{Key: key(name), Version: version, Generation: generation, Tag: fmt.Sprint("tag", version)}
	a.Payload = encode("session-changed", a)
	return a
}

func ended(name string, version int64) live.Announcement {
	a := state(name, version, 1)
	a.Ended = true
	a.Payload = encode("session-ended", a)
	return a
}

func (w *world) set(a live.Announcement) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.truth[a.Key] = a
}

func (w *world) subject(k live.Key, generation, version int64) live.Subject {
	owner := ""
	if w.owner != nil {
		owner = w.owner(k)
	}
	return live.Subject{
		Key: k, Owner: owner, Generation: generation, Version: version,
		Read: func(context.Context) (live.Announcement, error) {
			w.mu.Lock()
			pause, err := w.pause, w.fail
			w.mu.Unlock()
			if pause != nil {
				pause()
			}
			w.mu.Lock()
			defer w.mu.Unlock()
			return w.truth[k], err
		},
		Hello: func(a live.Announcement) []byte { return encode("hello", a) },
	}
}

// client is a browser's end of a socket.
type client struct {
	*websocket.Conn
	t testing.TB
}

func (w *world) dial(path string, header ...string) (*client, int) {
	w.t.Helper()
	h := http.Header{"Origin": {"http://" + w.addr}}
	for i := 0; i+1 < len(header); i += 2 {
		h[header[i]] = []string{header[i+1]}
	}
	d := websocket.Dialer{HandshakeTimeout: 5 * time.Second}
	conn, resp, err := d.Dial("ws://"+w.addr+path, h)
	switch {
	case err != nil && resp != nil:
		return nil, resp.StatusCode
	case err != nil:
		w.t.Fatalf("dial %s: %v", path, err)
	}
	w.t.Cleanup(func() { _ = conn.Close() })
	return &client{conn, w.t}, resp.StatusCode
}

func (w *world) tab(name string, generation, version int64) *client {
	w.t.Helper()
	c, code := w.dial(fmt.Sprintf("/tab/%s/%d/%d", name, generation, version))
	if c == nil {
		w.t.Fatalf("handshake: status %d", code)
	}
	return c
}

func (c *client) text() string {
	c.t.Helper()
	_ = c.SetReadDeadline(time.Now().Add(5 * time.Second))
	_, b, err := c.ReadMessage()
	if err != nil {
		c.t.Fatalf("read: %v", err)
	}
	return string(b)
}

func (c *client) expect(kind string, version int64) {
	c.t.Helper()
	var f frame
	if text := c.text(); json.Unmarshal([]byte(text), &f) != nil || f.Type != kind || f.V != version {
		c.t.Fatalf("got %s, want %s with version %d", text, kind, version)
	}
}

// closed reads up to the close frame and returns its code, or 1006 without one.
func (c *client) closed() int {
	c.t.Helper()
	_ = c.SetReadDeadline(time.Now().Add(5 * time.Second))
	for {
		_, b, err := c.ReadMessage()
		var e *websocket.CloseError
		var timeout net.Error
		switch {
		case err == nil:
			c.t.Errorf("a frame before the close: %s", b)
		case errors.As(err, &e):
			return e.Code
		case errors.As(err, &timeout) && timeout.Timeout():
			c.t.Fatal("socket is still open")
		default:
			return websocket.CloseAbnormalClosure
		}
	}
}

func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(5 * time.Second); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("not in time: " + what)
		}
	}
}
