package liveload_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"io"
	"net"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/multiaccount-go/multiaccount"
	"github.com/multiaccount-go/multiaccount/account"
	"github.com/multiaccount-go/multiaccount/hooks"
	"github.com/multiaccount-go/multiaccount/live"
)

// serving is the environment variable that makes this test program a server: one that can be attacked, that counts its own
// goroutines and bytes, and that may fall over without taking the tests along. Its value is Limits.PongTimeout.
const serving = "LIVELOAD_SERVE"

// numbers is what the server knows of itself.
type numbers struct {
	Goroutines int               // without idle workers of the HTTP server, which it keeps for ten seconds
	Heap       uint64            // bytes in use after a collection
	Open       map[string]int    // mounted views of sockets by the name that their address has
	Rows       map[string]int    // how many rows events have written, by account
	Last       map[string]string // the newest row, by account
}

// person is a user of the server.
type person struct{ ID string }

// stage is the app of the server.
type stage struct {
	accounts *multiaccount.Plugin[person]

	mu   sync.Mutex
	rows map[string][]string
	open map[string]int
}

// serve runs the server until its standard input ends. Its address is the first line that it writes.
func serve() error {
	patience, err := time.ParseDuration(os.Getenv(serving))
	if err != nil {
		return err
	}
	g := &stage{rows: map[string][]string{}, open: map[string]int{}}
	g.accounts, err = multiaccount.New(multiaccount.Config[person]{
		Users: func(_ context.Context, ids ...string) (map[string]person, error) {
			found := map[string]person{}
			for _, id := range ids {
				found[id] = person{id}
			}
			return found, nil
		},
		Store:  account.NewMemoryStore(),
		Cookie: multiaccount.CookieConfig{InsecurePlainHTTPForDevelopment: true},
		Sockets: live.Limits{
			SocketsPerKey: 200, WriteTimeout: 10 * time.Second,
			PingEvery: 640 * time.Millisecond, PongTimeout: patience,
		},
	})
	if err != nil {
		return err
	}
	app := fiber.New(fiber.Config{DisableStartupMessage: true})
	app.Get("/numbers", g.numbers)
	app.Post("/bulk/:account", func(c *fiber.Ctx) error { // a frame of 100 KB for each view of an account
		return g.accounts.Hub().Publish(c.UserContext(), topic(c.Params("account")), []byte("bulk"))
	})
	app.Post("/rows/:account", func(c *fiber.Ctx) error { // a change that everybody shall see
		return g.add(c.UserContext(), strings.Clone(c.Params("account")), string(c.Body()))
	})
	app.Use(g.accounts.Handler)
	g.accounts.Register(app)
	app.Post("/session", g.accounts.SameOrigin(), func(c *fiber.Ctx) error {
		return g.accounts.SignIn(c, strings.Clone(c.FormValue("id")), "password")
	})
	app.All("/view", live.New(func() live.View { return &board{stage: g} }, live.Config{
		OnConnect: []live.Hook{hooks.LoadAccounts(g.accounts), hooks.RequireUser(g.accounts)},
		Page: func(c *fiber.Ctx, _ *live.Socket, body template.HTML) error {
			return c.Type("html").SendString("<!doctype html><title>board</title>" + string(body))
		},
	}))
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	served := make(chan error, 1)
	go func() { served <- app.Listener(ln) }()
	fmt.Println(ln.Addr())
	_, _ = io.Copy(io.Discard, os.Stdin)
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	return errors.Join(g.accounts.Close(ctx), app.Shutdown(), <-served)
}

func topic(account string) string { return "rows:" + account }

func (g *stage) add(ctx context.Context, account, row string) error {
	g.mu.Lock()
	g.rows[account] = append(g.rows[account], row)
	g.mu.Unlock()
	return g.accounts.Hub().Publish(ctx, topic(account), nil)
}

func (g *stage) numbers(c *fiber.Ctx) error {
	for range 3 { // what has a finalizer or lies in a pool outlives one collection
		runtime.GC()
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	g.mu.Lock()
	defer g.mu.Unlock()
	n := numbers{goroutines(), m.HeapAlloc, g.open, map[string]int{}, map[string]string{}}
	for account, rows := range g.rows {
		n.Rows[account], n.Last[account] = len(rows), rows[len(rows)-1]
	}
	data, err := json.Marshal(n)
	if err != nil {
		return err
	}
	return c.Send(data)
}

// goroutines counts those that have something to do with the plugin, and all others that are no workers of the HTTP server.
func goroutines() (n int) {
	stacks := make([]byte, 16<<20)
	for stack := range strings.SplitSeq(string(stacks[:runtime.Stack(stacks, true)]), "\n\n") {
		if strings.Contains(stack, "multiaccount/live") || !strings.Contains(stack, "workerPool") {
			n++
		}
	}
	return n
}

// board is a view of the last rows of an account.
type board struct {
	stage *stage
	me    string
	name  string
	bulk  int
	shown []string
}

func (b *board) Mount(_ context.Context, s *live.Socket) error {
	b.me, b.name = hooks.CurrentID(s), s.Param("name")
	s.Subscribe(topic(b.me))
	b.count(s, 1)
	b.load()
	return nil
}

func (b *board) Unmount(_ context.Context, s *live.Socket) { b.count(s, -1) }

func (b *board) count(s *live.Socket, n int) {
	if !s.Connected() {
		return
	}
	b.stage.mu.Lock()
	defer b.stage.mu.Unlock()
	if b.stage.open[b.name] += n; b.stage.open[b.name] == 0 {
		delete(b.stage.open, b.name)
	}
}

func (b *board) load() {
	b.stage.mu.Lock()
	defer b.stage.mu.Unlock()
	all := b.stage.rows[b.me]
	b.shown = slices.Clone(all[max(0, len(all)-500):])
}

func (b *board) Event(ctx context.Context, _ *live.Socket, e live.Event) error {
	return b.stage.add(ctx, b.me, strings.Clone(e.Get("text")))
}

func (b *board) Info(_ context.Context, s *live.Socket, m live.Message) error {
	if len(m.Payload) == 0 {
		b.load()
		s.Redraw()
		return nil
	}
	b.bulk++
	return s.Push(template.HTML(fmt.Sprintf(`<p id="bulk" hx-swap-oob="innerHTML">%d %s</p>`, b.bulk, strings.Repeat("x", 100<<10))))
}

func (b *board) Render(_ context.Context, s *live.Socket, w io.Writer) error {
	var html strings.Builder
	fmt.Fprintf(&html, `<div id="board" data-account-stamp="%s"><p id="bulk"></p><ul id="rows">`, hooks.Stamp(s))
	for _, row := range b.shown {
		text := template.HTMLEscapeString(row)
		fmt.Fprintf(&html, `<li id="row-%s">%s</li>`, strings.ReplaceAll(text, " ", "-"), text)
	}
	html.WriteString("</ul></div>")
	_, err := io.WriteString(w, html.String())
	return err
}
