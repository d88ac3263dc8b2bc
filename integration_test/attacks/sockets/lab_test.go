package sockets_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"html/template"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/multiaccount-go/multiaccount"
	"github.com/multiaccount-go/multiaccount/account"
	"github.com/multiaccount-go/multiaccount/hooks"
	"github.com/multiaccount-go/multiaccount/integration_test/sitetest"
	"github.com/multiaccount-go/multiaccount/live"
)

// lab is a small site in this process, for what the example cannot show: its deadlines can be short, its users can be turned
// off, its hooks can misbehave.
type lab struct {
	t        *testing.T
	node     *sitetest.Node
	view     fiber.Handler
	accounts *multiaccount.Plugin[guest]

	mu       sync.Mutex
	loading  func() // the next call of the loader runs it, once
	inactive map[string]bool
	log      bytes.Buffer
	asked    []string             // ids that the loader got, kept as they are
	events   []multiaccount.Event // kept as they are
}

// guest is a user of the lab.
type guest struct {
	ID     string
	active bool
}

// recipe says how a lab differs from others.
type recipe struct {
	sessions account.Options
	sockets  live.Limits
	bus      live.Bus
	places   live.Places
	app      fiber.Config
	view     func(*lab) live.View
	hooks    []live.Hook // behind those of the plugin
	routes   func(*lab, *fiber.App)
	https    bool // as where people are
	origins  []string
}

// newLab starts a lab, which ends with the test.
func newLab(t *testing.T, r recipe) *lab {
	t.Helper()
	l := &lab{t: t, inactive: map[string]bool{}}
	r.sessions.Timeout = 10 * time.Second // a busy machine is no store that does not answer
	var err error
	l.accounts, err = multiaccount.New(multiaccount.Config[guest]{
		Users: func(_ context.Context, ids ...string) (map[string]guest, error) {
			l.mu.Lock()
			loading := l.loading
			l.loading = nil
			l.mu.Unlock()
			if loading != nil {
				loading()
			}
			l.mu.Lock()
			defer l.mu.Unlock()
			found := map[string]guest{}
			for _, id := range ids {
				found[id] = guest{id, !l.inactive[id]}
			}
			l.asked = append(l.asked, ids...)
			return found, nil
		},
		Active: func(u guest) bool { return u.active },
		OnEvent: func(_ context.Context, e multiaccount.Event) {
			l.mu.Lock()
			defer l.mu.Unlock()
			l.events = append(l.events, e)
		},
		Sessions: r.sessions, Sockets: r.sockets, Bus: r.bus, Places: r.places,
		Cookie: multiaccount.CookieConfig{InsecurePlainHTTPForDevelopment: !r.https}, Origins: r.origins,
		Log: slog.New(slog.NewTextHandler(lockedWriter{l}, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	if r.view == nil {
		r.view = func(*lab) live.View { return &board{} }
	}
	view := live.New(func() live.View { return r.view(l) }, live.Config{
		OnConnect: append([]live.Hook{hooks.LoadAccounts(l.accounts), hooks.RequireUser(l.accounts)}, r.hooks...),
		Page: func(c *fiber.Ctx, _ *live.Socket, body template.HTML) error {
			return c.Type("html").SendString(string(body))
		},
	})
	l.view = view
	r.app.DisableStartupMessage = true
	app := fiber.New(r.app)
	app.Use(l.accounts.Handler)
	l.accounts.Register(app)
	app.Post("/in", l.accounts.SameOrigin(), func(c *fiber.Ctx) error { return l.accounts.SignIn(c, c.Query("id"), "password") })
	app.Get("/who", func(c *fiber.Ctx) error { return c.SendString(l.accounts.CurrentID(c)) })
	app.Get("/live", view)
	app.Post("/live", view)
	if r.routes != nil {
		r.routes(l, app)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.node = &sitetest.Node{Addr: listener.Addr().String(), URL: "http://" + listener.Addr().String()}
	served := make(chan error, 1)
	go func() { served <- app.Listener(listener) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := errors.Join(l.accounts.Close(ctx), app.ShutdownWithContext(ctx), <-served); err != nil {
			t.Errorf("the lab ends: %v", err)
		}
	})
	return l
}

type lockedWriter struct{ l *lab }

func (w lockedWriter) Write(b []byte) (int, error) {
	w.l.mu.Lock()
	defer w.l.mu.Unlock()
	return w.l.log.Write(b)
}

// signedIn returns a browser that is signed in as that user.
func (l *lab) signedIn(id string) *browser {
	l.t.Helper()
	b := &browser{Visitor: sitetest.NewVisitor(l.t), t: l.t, w: &world{one: l.node, two: l.node},
		who: []person{{id: strings.Clone(id)}}}
	if a := b.Post(l.node, "/in?id="+id, nil); a.Status != http.StatusSeeOther {
		l.t.Fatalf("sign in as %s: %d\n%s", id, a.Status, a.Body)
	}
	return b
}

// board is a view that shows who it is drawn for, and the last message.
type board struct{ id, last string }

func (v *board) Mount(_ context.Context, s *live.Socket) error {
	v.id = hooks.CurrentID(s)
	s.Subscribe("board")
	return nil
}

func (v *board) Event(_ context.Context, s *live.Socket, e live.Event) error {
	v.last = e.Get("text")
	s.Redraw()
	return nil
}

func (v *board) Info(_ context.Context, s *live.Socket, m live.Message) error {
	v.last = string(m.Payload)
	s.Redraw()
	return nil
}

func (v *board) Render(_ context.Context, _ *live.Socket, w io.Writer) error {
	_, err := fmt.Fprintf(w, `<p id="live-view">%s</p><p id="last">%s</p>`, template.HTMLEscapeString(v.id),
		template.HTMLEscapeString(v.last))
	return err
}

// TestHooksThatRefuse is the part of WS-02 about hooks: they refuse, fail, panic or hang, and no socket opens.
func TestHooksThatRefuse(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		connect func(*fiber.Ctx) error
		want    int
	}{
		"refuses":  {func(*fiber.Ctx) error { return &live.Halt{} }, http.StatusForbidden},
		"leads on": {func(*fiber.Ctx) error { return &live.Halt{Redirect: "/elsewhere"} }, http.StatusUnauthorized},
		"fails": {func(*fiber.Ctx) error { return errors.New("database is away: password=hunter2") },
			http.StatusServiceUnavailable},
		"wraps":  {func(*fiber.Ctx) error { return fmt.Errorf("not yours: %w", fiber.ErrForbidden) }, http.StatusForbidden},
		"panics": {func(*fiber.Ctx) error { panic("password=hunter2") }, http.StatusServiceUnavailable},
		"hangs": {func(c *fiber.Ctx) error { <-c.UserContext().Done(); return fiber.ErrServiceUnavailable },
			http.StatusServiceUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			open := false
			l := newLab(t, recipe{hooks: []live.Hook{{Name: "test", Connect: func(c *fiber.Ctx, _ *live.Socket) error {
				if open {
					return nil
				}
				return test.connect(c)
			}}}})
			b := l.signedIn("a")
			for _, d := range views {
				began := time.Now()
				got := d.knock(l.node, b.CookieHeader(l.node)).must(t, l.node)
				isRefused(t, d.name, got, test.want)
				if test.want == http.StatusServiceUnavailable && name != "hangs" && got.header.Get("Retry-After") == "" {
					t.Errorf("%s: 503 without Retry-After", d.name)
				}
				if took := time.Since(began); took > 8*time.Second {
					t.Errorf("%s: the refusal takes %v", d.name, took)
				}
				if strings.Contains(got.body, "hunter2") {
					t.Errorf("the answer tells %q", got.body)
				}
			}
		})
	}
}

// TestExpiredSessionStaysOpen is WS-07: the idle time is over, or the lifetime; pings of an open socket are no activity.
func TestExpiredSessionStaysOpen(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		options account.Options
		busy    bool
	}{
		"idle":            {account.Options{Idle: time.Second, Lifetime: time.Hour}, false},
		"busy to the end": {account.Options{Idle: 2 * time.Second, Lifetime: 3 * time.Second}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLab(t, recipe{sessions: test.options})
			b := l.signedIn("a")
			wires := b.openAll(l.node, doors)
			cookie := b.CookieHeader(l.node)
			began := time.Now()
			var work sync.WaitGroup
			done := make(chan struct{})
			work.Go(func() {
				for {
					select {
					case <-done:
						return
					case <-time.After(300 * time.Millisecond):
					}
					if test.busy {
						b.Get(l.node, "/who")
					}
					for _, wire := range wires {
						if !wire.door.stream {
							_ = wire.write(frame(pingFrame, "", true))
						}
					}
				}
			})
			for _, wire := range wires {
				if code := wire.closed(40*time.Second - time.Since(began)); code != policy {
					t.Errorf("%s: %d after %v, want it closed with %d", wire.door.name, code, time.Since(began), policy)
				}
				if last := messageOf(wire.seen[len(wire.seen)-1]); last.Type != "session-ended" {
					t.Errorf("%s: the last it hears is %+v", wire.door.name, last)
				}
			}
			close(done)
			work.Wait()
			for _, d := range doors {
				isRefused(t, d.name+" afterwards", d.knock(l.node, cookie).must(t, l.node), http.StatusUnauthorized)
			}
		})
	}
}

// TestDeactivatedBehindOurBack is the last part of WS-03: the app writes into its own table and tells nobody. An event is
// refused at once; sockets that only listen are told within half a minute.
func TestDeactivatedBehindOurBack(t *testing.T) {
	t.Parallel()
	l := newLab(t, recipe{})
	b, other := l.signedIn("a"), l.signedIn("b")
	acting, listening := b.open(l.node, viewSocket), b.openAll(l.node, doors)
	beside := other.openAll(l.node, doors)
	stamp := b.stamp()
	l.mu.Lock()
	l.inactive["a"] = true
	l.mu.Unlock()
	b.say(acting, event("_stamp", stamp, "text", "acts"))
	acting.expectClose(comeBack)
	if acting.knows("acts") {
		t.Errorf("executed: %q", acting.seen)
	}
	began := time.Now()
	for _, wire := range listening {
		if code := wire.closed(40*time.Second - time.Since(began)); code != policy {
			t.Errorf("%s: %d, want it closed with %d", wire.door.name, code, policy)
		}
	}
	for _, wire := range beside {
		if _, code := wire.next(time.Millisecond); code != silent {
			t.Errorf("somebody else's %s: %d", wire.door.name, code)
		}
	}
}

// TestPeersThatFallSilent is the other half of DO-09: a peer opens a socket and is never heard of again. It is cut when it
// answers no ping, and nothing of it is left.
func TestPeersThatFallSilent(t *testing.T) {
	l := newLab(t, recipe{sockets: live.Limits{PingEvery: 100 * time.Millisecond, PongTimeout: 500 * time.Millisecond,
		SocketsPerKey: 200}})
	b := l.signedIn("a")
	b.openAll(l.node, []door{tabSocket, viewSocket})[0].conn.Close()
	before := runtime.NumGoroutine()
	var wires []*wire
	for i := range 50 {
		d := []door{tabSocket, viewSocket}[i%2]
		wire := b.open(l.node, d)
		switch i % 5 {
		case 1: // half a frame
			_ = wire.write([]byte{textFrame})
		case 2: // a message that never ends
			_ = wire.write(frame(0x01, `{"text":"`, true))
		case 3: // a frame of which half comes
			_ = wire.write(frame(textFrame, strings.Repeat("x", 1000), true)[:500])
		}
		wires = append(wires, wire)
	}
	end := time.Now().Add(patience)
	for i, wire := range wires {
		if !wire.ended(time.Until(end)) {
			t.Errorf("peer %d is still connected", i)
		}
	}
	for _, wire := range wires {
		wire.conn.Close()
	}
	sitetest.Eventually(t, "their goroutines have ended", func() bool { return runtime.NumGoroutine() <= before+5 })
}

// TestMessageThatNeverEnds is DO-03 and DO-09: a peer sends fragments of one message as long as it likes, too few bytes to be
// too many, and answers pings in between.
func TestMessageThatNeverEnds(t *testing.T) {
	l := newLab(t, recipe{sockets: live.Limits{PingEvery: 200 * time.Millisecond, PongTimeout: time.Second}})
	b := l.signedIn("a")
	for _, d := range []door{tabSocket, viewSocket} {
		wire := b.open(l.node, d)
		stop := make(chan struct{})
		var work sync.WaitGroup
		work.Go(func() {
			_ = wire.write(frame(0x01, `{"text":"`, true))
			for i := 0; ; i++ {
				next := frame(0x00, "", true)
				if i%10 == 9 {
					next = frame(pongFrame, "", true)
				}
				if wire.write(next) != nil {
					return
				}
				select {
				case <-stop:
					return
				case <-time.After(20 * time.Millisecond):
				}
			}
		})
		if !wire.ended(patience) {
			t.Errorf("%s: the peer is still connected", d.name)
		}
		close(stop)
		work.Wait()
	}
}

// TestPeersThatNeverRead is DO-01: fifty peers take nothing, one does. A thousand changes are drawn for all.
func TestPeersThatNeverRead(t *testing.T) {
	l := newLab(t, recipe{sockets: live.Limits{SocketsPerKey: 200, WriteTimeout: time.Second}})
	slow, normal := l.signedIn("a"), l.signedIn("b")
	for i := range 50 {
		wire := slow.open(l.node, views[i%2])
		_ = wire.conn.(*net.TCPConn).SetReadBuffer(4 << 10) // else the system takes megabytes for it
	}
	reader := normal.open(l.node, viewSocket)
	var before, most runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	hub := l.accounts.Hub()
	var longest, latest time.Duration
	big := strings.Repeat("x", 16<<10)
	for i := range 1000 {
		mark := fmt.Sprintf("change-%d-", i)
		began := time.Now()
		if err := hub.Publish(t.Context(), "board", []byte(mark+big)); err != nil {
			t.Fatal(err)
		}
		longest = max(longest, time.Since(began))
		reader.until(mark)
		reader.seen = nil
		latest = max(latest, time.Since(began))
		if i%100 == 99 {
			var now runtime.MemStats
			runtime.ReadMemStats(&now)
			if now.HeapInuse > most.HeapInuse {
				most = now
			}
		}
	}
	t.Logf("publishing took %v at most, the reader had a change after %v; heap %d MiB, before %d MiB", longest,
		latest, most.HeapInuse>>20, before.HeapInuse>>20)
	if longest > 3*time.Second || latest > 10*time.Second {
		t.Errorf("publishing took up to %v, the reader waited up to %v", longest, latest)
	}
	if most.HeapInuse > before.HeapInuse+256<<20 {
		t.Errorf("the heap grew from %d to %d bytes", before.HeapInuse, most.HeapInuse)
	}
	// What has not left the system's buffers by then is for nobody: the sockets themselves have to be gone.
	sitetest.Eventually(t, "only the reader is left", func() bool { return goroutinesIn("live.(*member).serve(") == 1 })
}

// goroutinesIn returns how many goroutines of this process are inside of a function.
func goroutinesIn(name string) int {
	stacks := make([]byte, 4<<20)
	return bytes.Count(stacks[:runtime.Stack(stacks, true)], []byte(name))
}

// TestPeerThatStopsReading is DO-01 where nothing piles up: a peer takes nothing any more, and then nothing happens that would
// have to be sent. What hangs in the system is given up all the same.
func TestPeerThatStopsReading(t *testing.T) {
	l := newLab(t, recipe{sockets: live.Limits{WriteTimeout: time.Second}})
	b := l.signedIn("a")
	for _, d := range views {
		wire := b.open(l.node, d)
		_ = wire.conn.(*net.TCPConn).SetReadBuffer(4 << 10)
		big := strings.Repeat("x", 128<<10)
		hangs := func() bool {
			const writing = "poll.(*pollDesc).waitWrite"
			if goroutinesIn(writing) == 0 {
				return false
			}
			time.Sleep(200 * time.Millisecond) // it may only have waited for the system
			return goroutinesIn(writing) > 0
		}
		for n := 0; !hangs(); n++ {
			if n == 200 {
				t.Fatalf("%s: the system takes 25 MB", d.name)
			}
			if err := l.accounts.Hub().Publish(t.Context(), "board", fmt.Append(nil, n, big)); err != nil {
				t.Fatal(err)
			}
			time.Sleep(20 * time.Millisecond) // the frame is drawn, and written or stuck
		}
		sitetest.Eventually(t, d.name+" is cut", func() bool { return goroutinesIn("live.(*member).serve(") == 0 })
	}
}

// TestPresenceThatLies: who is present has a key and metadata that people choose. Whatever they are, nobody else is
// present, on no node, and they are text in the frame.
func TestPresenceThatLies(t *testing.T) {
	buses := &busOfTwo{}
	var told []live.Presence
	view := func(l *lab) live.View { return &room{l: l} }
	one, two := newLab(t, recipe{bus: buses, view: view}), newLab(t, recipe{bus: buses, view: view})
	a, b := one.signedIn("a"), two.signedIn("b")
	watching := b.open(two.node, viewSocket)
	want := []live.Presence{{Key: "watcher", Meta: "", Sockets: 1}}
	hostile := []string{
		"plain", `<script>alert(1)</script>`, `<div id="live" hx-swap-oob="innerHTML">`,
		"x\n\nevent: close\ndata: {}\n\n", "\x00live:presence", "\x00\x00\x00",
		"\xff\xfe\x80", "\x01A\x80\x80\x80\x80\x80\x01", strings.Repeat("k", 128), "watcher ", "Watcher",
		"watcher\x00", "5:other", "\r\n", "{{.}}", `","Sockets":99,"x":"`,
	}
	var wires []*wire
	for _, text := range hostile {
		wire := a.open(one.node, viewStream.at("?key="+url.QueryEscape(text)+"&meta="+url.QueryEscape(text+text)))
		wires = append(wires, wire)
		want = append(want, live.Presence{Key: text, Meta: text + text, Sockets: 1})
	}
	slices.SortFunc(want, func(a, b live.Presence) int { return strings.Compare(a.Key, b.Key) })
	for i, l := range []*lab{one, two} {
		sitetest.Eventually(t, fmt.Sprintf("node %d knows who is present", i+1), func() bool {
			told = l.accounts.Hub().Present("room")
			return slices.Equal(told, want)
		})
	}
	watching.until("{{.}}")
	for _, text := range watching.seen[1:] {
		skeleton(t, text) // finds elements that are not the view's
		if strings.Contains(text, "<script") {
			t.Errorf("frame %q", text)
		}
	}
	for _, text := range []string{"", strings.Repeat("k", 129)} {
		got := viewStream.at("?key="+url.QueryEscape(text)+"&bad=1").knock(one.node, a.CookieHeader(one.node)).must(t, one.node)
		wire := wireOf(t, one.node, viewStream, got)
		if code := wire.closed(atOnce); code != ourFault {
			t.Errorf("a key of %d bytes: %d, want %d", len(text), code, ourFault)
		}
	}
	for _, topic := range []string{"\x00live:presence", "\x00live:event", live.PresenceTopic("room"), "\x00live:answer:x"} {
		if one.accounts.Hub().Publish(t.Context(), topic, []byte("x")) == nil {
			t.Errorf("published to %q", topic)
		}
	}
	for _, wire := range wires {
		wire.conn.Close()
	}
	sitetest.Eventually(t, "they are gone", func() bool { return len(two.accounts.Hub().Present("room")) == 1 })
}

// room is a view in which everybody is present as what the address says.
type room struct {
	l    *lab
	here []live.Presence
}

func (v *room) Mount(_ context.Context, s *live.Socket) error {
	s.Subscribe(live.PresenceTopic("room"))
	key := s.Param("key")
	if key == "" && s.Param("bad") == "" {
		key = "watcher"
	}
	err := s.Track("room", key, s.Param("meta"))
	v.here = v.l.accounts.Hub().Present("room")
	return err
}

func (v *room) Event(context.Context, *live.Socket, live.Event) error { return nil }

func (v *room) Info(_ context.Context, s *live.Socket, _ live.Message) error {
	v.here = v.l.accounts.Hub().Present("room")
	s.Redraw()
	return nil
}

func (v *room) Render(_ context.Context, _ *live.Socket, w io.Writer) error {
	_, err := io.WriteString(w, `<p id="live-view">room</p><ul id="here">`)
	for _, one := range v.here {
		_, err = fmt.Fprintf(w, "<li>%s: %s</li>", template.HTMLEscapeString(one.Key), template.HTMLEscapeString(one.Meta))
	}
	fmt.Fprint(w, "</ul>")
	return err
}

// busOfTwo joins the labs of one test.
type busOfTwo struct {
	mu  sync.Mutex
	fns []func(string, []byte)
}

func (b *busOfTwo) Publish(_ context.Context, topic string, payload []byte) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, fn := range b.fns {
		fn(topic, slices.Clone(payload))
	}
	return nil
}

func (b *busOfTwo) Subscribe(ctx context.Context, fn func(string, []byte)) error {
	b.mu.Lock()
	b.fns = append(b.fns, fn)
	b.mu.Unlock()
	<-ctx.Done()
	return ctx.Err()
}

// TestSecretRotatesInsideOfAHandshake is the race of LK-05 and of WS-02, held open: the handshake has proved the old secret and
// read who is current, and before it is answered the secret is rotated, or the session ends.
func TestSecretRotatesInsideOfAHandshake(t *testing.T) {
	l := newLab(t, recipe{})
	for name, test := range map[string]struct {
		path string
		code int
	}{"signed in again": {"/in?id=a", comeBack}, "signed in as somebody else": {"/in?id=b", policy},
		"signed out": {"/link/sign_out", policy}} {
		for _, d := range doors {
			b := l.signedIn("a")
			knock := d.at(fmt.Sprintf("?v=%d", b.Document(l.node).V)).knock(l.node, b.CookieHeader(l.node))
			l.mu.Lock()
			l.loading = func() {
				if a := b.Post(l.node, test.path, nil); a.Status != http.StatusSeeOther {
					t.Errorf("%s: %d", name, a.Status)
				}
			}
			l.mu.Unlock()
			got := knock.must(t, l.node)
			if !got.opened() {
				t.Errorf("%s, %s: %d: the change came too early", name, d.name, got.status)
				continue
			}
			wire := wireOf(t, l.node, d, got)
			wire.expectClose(test.code)
			if !wire.ended(atOnce) || wire.knows(`>b<`) {
				t.Errorf("%s, %s: still open, or it shows somebody else: %q", name, d.name, wire.seen)
			}
		}
	}
}

// TestPresenceOfWhoHasLeft: somebody signs out, or falls silent, and still seems to be there.
func TestPresenceOfWhoHasLeft(t *testing.T) {
	buses := &busOfTwo{}
	view := func(l *lab) live.View { return &room{l: l} }
	limits := live.Limits{PingEvery: 100 * time.Millisecond, PongTimeout: time.Second}
	one, two := newLab(t, recipe{bus: buses, view: view, sockets: limits}), newLab(t, recipe{bus: buses, view: view})
	leaving, silent := one.signedIn("a"), one.signedIn("b")
	for _, d := range views {
		leaving.open(one.node, d.at("?key=leaves-"+fmt.Sprint(d.stream)))
	}
	silent.open(one.node, viewSocket.at("?key=silent"))
	sitetest.Eventually(t, "the other node sees them", func() bool { return len(two.accounts.Hub().Present("room")) == 3 })
	if a := leaving.Post(one.node, "/link/sign_out", nil); a.Status != http.StatusSeeOther {
		t.Fatalf("sign out: %d", a.Status)
	}
	for _, l := range []*lab{one, two} {
		sitetest.Eventually(t, "nobody is there any more", func() bool { return len(l.accounts.Hub().Present("room")) == 0 })
	}
}

// TestMoreSocketsThanAProcessHolds is the rest of DO-05: many sessions together open more sockets than a process can bear.
// The next one is refused before the upgrade, those that are open stay, and one that closes makes room.
func TestMoreSocketsThanAProcessHolds(t *testing.T) {
	l := newLab(t, recipe{sockets: live.Limits{Sockets: 8}})
	var wires []*wire
	for i := range 8 {
		wires = append(wires, l.signedIn(fmt.Sprint("person-", i)).open(l.node, doors[i%4]))
	}
	next := l.signedIn("next")
	for _, d := range doors {
		got, err := d.knock(l.node, next.CookieHeader(l.node)).send(t, l.node.Addr)
		if err != nil {
			t.Fatal(err)
		}
		isRefused(t, d.name, got, http.StatusServiceUnavailable)
		if got.header.Get("Retry-After") == "" {
			t.Errorf("%s: 503 without Retry-After", d.name)
		}
	}
	for i, wire := range wires {
		if _, code := wire.next(10 * time.Millisecond); code != silent {
			t.Errorf("socket %d ends with %d", i, code)
		}
	}
	wires[0].conn.Close()
	sitetest.Eventually(t, "there is room for one", func() bool {
		got, err := tabSocket.knock(l.node, next.CookieHeader(l.node)).send(t, l.node.Addr)
		return err == nil && got.opened()
	})
}

// TestHandshakeOriginsOfARealSite is WS-06 on a site with https: what looks like https://app.test and is not.
func TestHandshakeOriginsOfARealSite(t *testing.T) {
	l := newLab(t, recipe{https: true, origins: []string{"https://www.app.test", "https://app.test:8443"}})
	in := knock{line: "POST /in?id=a HTTP/1.1"}.and("Host", "app.test").and("Origin", "https://app.test").
		and("Content-Length", "0").must(t, l.node)
	cookie, _, _ := strings.Cut(in.header.Get("Set-Cookie"), ";")
	if in.status != http.StatusSeeOther || !strings.HasPrefix(cookie, "__Host-accounts=") {
		t.Fatalf("sign in: %d, %q", in.status, cookie)
	}
	for _, d := range doors {
		honest := d.knock(l.node, cookie).with("Host", "app.test").with("Sec-Fetch-Site", "")
		for _, origin := range []string{"https://app.test", "https://APP.test", "https://app.test:443",
			"https://www.app.test", "https://app.test:8443"} {
			got := honest.with("Origin", origin).must(t, l.node)
			if !got.opened() {
				t.Errorf("%s: Origin %s: %d, want it open", d.name, origin, got.status)
			}
			got.conn.Close()
		}
		for _, origin := range []string{
			"null", "http://app.test", "https://app.test:444", "https://app.test:80", "https://app.test.evil.test",
			"https://evil-app.test", "https://app.test@evil.test",
			"https://evil.test@app.test", "https://app.test.", "https://app.test/path", "file://",
			"https://xn--pp-eka.test", "https://\u0430pp.test", "https://evil.test",
			"https://www2.app.test", "https://www.app.test.", "https://www.app.test:444", "http://www.app.test",
			"https://wwwxapp.test", "https://*.app.test", "https://app.test:08443",
			"https://app.test:", "https://app.test:443:443", "https://app%2etest", "https://[app.test]",
			"wss://app.test", "https://app.test,https://evil.test",
		} {
			for name, request := range map[string]knock{
				"": honest.with("Origin", origin),
				" with X-Forwarded-Proto": honest.with("Origin", origin).and("X-Forwarded-Proto", "https").
					and("X-Forwarded-Host", "evil.test"),
				" that claims to be same-origin": honest.with("Origin", origin).and("Sec-Fetch-Site", "same-origin"),
			} {
				if origin == "null" && d.stream && name != "" {
					continue // a page of this site that tells nobody where it is: what has no origin of its own is cross-site
				}
				isRefused(t, fmt.Sprintf("%s: Origin %q%s", d.name, origin, name), k(t, request, l.node), http.StatusForbidden)
			}
		}
	}
	for _, bad := range []string{"*", "https://*", "https://*.app.test", "null", "https://app.test/"} {
		_, err := multiaccount.New(multiaccount.Config[guest]{
			Users: func(context.Context, ...string) (map[string]guest, error) { return nil, nil }, Origins: []string{bad},
		})
		if err == nil {
			t.Errorf("a site starts with the origin %q", bad)
		}
	}
}
