package hooks_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fasthttp/websocket"
	"github.com/gofiber/fiber/v2"

	"github.com/multiaccount-go/multiaccount"
	"github.com/multiaccount-go/multiaccount/account"
	"github.com/multiaccount-go/multiaccount/hooks"
	"github.com/multiaccount-go/multiaccount/live"
)

const (
	host       = "app.test"
	here       = "https://app.test"
	cookieName = "__Host-accounts"
	patience   = 5 * time.Second
)

// TestMain fails when a view or a plugin leaves a goroutine behind.
func TestMain(m *testing.M) {
	code := m.Run()
	for end := time.Now().Add(patience); code == 0; time.Sleep(10 * time.Millisecond) {
		stacks := make([]byte, 1<<20)
		stacks = stacks[:runtime.Stack(stacks, true)]
		if !bytes.Contains(stacks, []byte("multiaccount.(*Plugin")) && !bytes.Contains(stacks, []byte("live.(*Socket")) {
			break
		}
		if time.Now().After(end) {
			fmt.Fprintf(os.Stderr, "goroutines left behind:\n%s\n", stacks)
			code = 1
		}
	}
	os.Exit(code)
}

// user is the app's own type of a user.
type user struct{ ID, Name string }

var errStoreDown = errors.New("connection refused")

// store is a store that can be down, and deaf: then its process hears of no change that another one makes.
type store struct {
	*account.MemoryStore
	down atomic.Bool
	deaf bool
}

func (s *store) Load(ctx context.Context, id account.SessionID) (*account.Session, error) {
	if s.down.Load() {
		return nil, errStoreDown
	}
	return s.MemoryStore.Load(ctx, id)
}

func (s *store) Watch(ctx context.Context, fn func(account.Change)) error {
	if s.deaf {
		<-ctx.Done()
		return ctx.Err()
	}
	return s.MemoryStore.Watch(ctx, fn)
}

// site is one process of an app with live views.
type site struct {
	t        *testing.T
	app      *fiber.App
	accounts *multiaccount.Plugin[user]
	store    *store
	addr     string
	later    atomic.Int64 // how far the clock of the sessions is ahead

	mu       sync.Mutex
	inactive map[string]bool
	rows     []string // what events did: account and text
	hold     func()   // runs after the guards of hooks.LoadAccounts, before the event
	commit   func()   // runs inside of the event, which then asks whether its account is still current
}

func newSite(t *testing.T, kept *store) *site {
	t.Helper()
	s := &site{t: t, store: kept, inactive: map[string]bool{}}
	var err error
	s.accounts, err = multiaccount.New(multiaccount.Config[user]{
		Users: func(_ context.Context, ids ...string) (map[string]user, error) {
			found := map[string]user{}
			for _, id := range ids {
				found[id] = user{id, "Name-" + strings.ToUpper(id)}
			}
			return found, nil
		},
		Active: func(u user) bool {
			s.mu.Lock()
			defer s.mu.Unlock()
			return !s.inactive[u.ID]
		},
		Sessions: account.Options{Now: func() time.Time { return time.Now().Add(time.Duration(s.later.Load())) }},
		Store:    kept, Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	s.app = fiber.New(fiber.Config{DisableStartupMessage: true})
	s.routes()
	s.listen()
	return s
}

func (s *site) routes() {
	p := s.accounts
	load, require := hooks.LoadAccounts(p), hooks.RequireUser(p)
	s.app.Get("/bare", s.view(load)) // before Handler: the hook stands alone
	s.app.Use(p.Handler)
	p.Register(s.app)
	s.app.Post("/sign-in", p.SameOrigin(), func(c *fiber.Ctx) error { return p.SignIn(c, c.FormValue("id"), "password") })
	s.app.All("/live", s.view(load))
	s.app.All("/mine", s.view(load, require))
	s.app.Get("/only", s.view(require))
	s.app.Get("/recent", s.view(load, hooks.RequireRecent(p, 10*time.Minute)))
	s.app.Get("/linked", s.view(load, hooks.RequireLinked(p)))
}

// view makes the handler of a page of notes.
func (s *site) view(on ...live.Hook) fiber.Handler {
	held := live.Hook{Name: "held", Connect: func(_ *fiber.Ctx, socket *live.Socket) error {
		socket.Guard(func(context.Context, live.Event) error {
			s.mu.Lock()
			hold := s.hold
			s.mu.Unlock()
			if hold != nil {
				hold()
			}
			return nil
		})
		return nil
	}}
	return live.New(func() live.View { return &notes{site: s} }, live.Config{
		Hub: s.accounts.Hub(), OnConnect: append(on, held),
		Page: func(c *fiber.Ctx, _ *live.Socket, body template.HTML) error { return c.SendString(string(body)) },
	})
}

// listen serves the site on a loopback port until the test ends.
func (s *site) listen() {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		s.t.Fatal(err)
	}
	s.addr = ln.Addr().String()
	served := make(chan error, 1)
	go func() { served <- s.app.Listener(ln) }()
	s.t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		errs := []error{s.accounts.Close(ctx)}
		for ended := false; !ended; { // a server that has not begun yet does not hear the first time
			errs = append(errs, s.app.Shutdown())
			select {
			case err := <-served:
				errs, ended = append(errs, err), true
			case <-time.After(20 * time.Millisecond):
			}
		}
		if err := errors.Join(errs...); err != nil {
			s.t.Error(err)
		}
	})
}

func (s *site) deactivate(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.inactive[id] = true
}

func (s *site) holding(fn func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hold = fn
}

// done returns what events did so far.
func (s *site) done() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(s.rows, " ")
}

// notes is a view that notes what the account writes.
type notes struct {
	site *site
	me   string
}

func (v *notes) Mount(_ context.Context, s *live.Socket) error {
	v.me = hooks.CurrentID(s)
	s.Subscribe(topic(v.me))
	return nil
}

func topic(id string) string { return "notes:" + id }

func (v *notes) Event(ctx context.Context, s *live.Socket, e live.Event) error {
	v.site.mu.Lock()
	commit := v.site.commit
	v.site.mu.Unlock()
	if commit != nil {
		commit()
		if err := hooks.StillCurrent(ctx, s); err != nil {
			return err
		}
	}
	v.site.mu.Lock()
	v.site.rows = append(v.site.rows, v.me+":"+e.Get("text"))
	v.site.mu.Unlock()
	return v.push(s, "noted "+e.Get("text"))
}

func (v *notes) Info(_ context.Context, s *live.Socket, _ live.Message) error {
	return v.push(s, "news of "+v.me)
}

func (v *notes) push(s *live.Socket, text string) error {
	return s.Push(template.HTML(`<p id="note" hx-swap-oob="true">` + template.HTMLEscapeString(text) + `</p>`))
}

func (v *notes) Render(_ context.Context, s *live.Socket, w io.Writer) error {
	current, ok := hooks.CurrentUser[user](s)
	primary, ok2 := hooks.PrimaryUser[user](s)
	_, err := fmt.Fprintf(w, "current=%s,%v primary=%s,%v id=%s stamp=%s", current.Name, ok, primary.Name, ok2,
		hooks.CurrentID(s), hooks.Stamp(s))
	return err
}

// visitor is a browser: it keeps the session cookie.
type visitor struct {
	*site
	cookie string
}

// at is the same browser, whose next requests another process answers.
func (v *visitor) at(s *site) *visitor { return &visitor{s, v.cookie} }

type answer struct {
	Status int
	Header http.Header
	Body   string
}

// do sends a request from a page of this site.
func (v *visitor) do(method, path string, fields url.Values, header ...string) answer {
	v.t.Helper()
	r := httptest.NewRequest(method, path, strings.NewReader(fields.Encode()))
	r.Host = host
	r.Header.Set("Origin", here)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	if v.cookie != "" {
		r.AddCookie(&http.Cookie{Name: cookieName, Value: v.cookie})
	}
	response, err := v.app.Test(r, -1)
	if err != nil {
		v.t.Fatalf("%s %s: %v", method, path, err)
	}
	body, err := io.ReadAll(response.Body)
	if err != nil {
		v.t.Fatalf("%s %s: %v", method, path, err)
	}
	for _, c := range response.Cookies() {
		if c.Name == cookieName {
			v.cookie = c.Value
		}
	}
	return answer{response.StatusCode, response.Header, string(body)}
}

func (v *visitor) stamp() string {
	v.t.Helper()
	var d multiaccount.Document
	a := v.do("GET", "/link/accounts", nil, "Accept", "application/json")
	if err := json.Unmarshal([]byte(a.Body), &d); err != nil {
		v.t.Fatalf("session document: %d %s", a.Status, a.Body)
	}
	return d.Stamp
}

// post sends a form that was drawn now.
func (v *visitor) post(path string, pairs ...string) {
	v.t.Helper()
	fields := url.Values{"_stamp": {v.stamp()}}
	for i := 0; i+1 < len(pairs); i += 2 {
		fields.Set(pairs[i], pairs[i+1])
	}
	if a := v.do("POST", path, fields); a.Status != 303 {
		v.t.Fatalf("%s: %d %s", path, a.Status, a.Body)
	}
}

// signedIn is a browser in which accounts are signed in; the first is primary, the last is current.
func (s *site) signedIn(ids ...string) *visitor {
	s.t.Helper()
	v := &visitor{site: s}
	for i, id := range ids {
		if i > 0 {
			v.post("/link/p/" + ids[0])
		}
		v.post("/sign-in", "id", id)
	}
	return v
}

// client is a browser's end of a socket.
type client struct {
	*websocket.Conn
	t *testing.T
}

// dial opens a socket as a page of this site does. Without one it returns the status.
func (v *visitor) dial(path string) (*client, int) {
	v.t.Helper()
	h := http.Header{"Origin": {here}, "Host": {host}}
	if v.cookie != "" {
		h.Set("Cookie", cookieName+"="+v.cookie)
	}
	dial := func(string, string) (net.Conn, error) { return net.Dial("tcp", v.addr) }
	d := websocket.Dialer{HandshakeTimeout: patience, NetDial: dial}
	conn, response, err := d.Dial("ws://"+host+path, h)
	if err != nil {
		if response == nil {
			v.t.Fatalf("dial %s: %v", path, err)
		}
		return nil, response.StatusCode
	}
	v.t.Cleanup(func() { _ = conn.Close() })
	return &client{conn, v.t}, response.StatusCode
}

// open opens a socket and reads the view that it begins with.
func (v *visitor) open(path string) (*client, string) {
	v.t.Helper()
	c, status := v.dial(path)
	if c == nil {
		v.t.Fatalf("dial %s: %d", path, status)
	}
	return c, c.frame()
}

func (c *client) frame() string {
	c.t.Helper()
	_ = c.SetReadDeadline(time.Now().Add(patience))
	_, b, err := c.ReadMessage()
	if err != nil {
		c.t.Fatalf("read: %v", err)
	}
	return string(b)
}

// reads checks that the next frame holds a text.
func (c *client) reads(want string) {
	c.t.Helper()
	if got := c.frame(); !strings.Contains(got, want) {
		c.t.Fatalf("got %s, want %s", got, want)
	}
}

// hears checks that the next frame is a message of some type and code.
func (c *client) hears(kind, code string) {
	c.t.Helper()
	var m struct{ Type, Code, Message string }
	text := c.frame()
	err := json.Unmarshal([]byte(text), &m)
	if err != nil || m.Type != kind || m.Code != code || (code != "") != (m.Message != "") {
		c.t.Fatalf("got %s, want %s with code %q", text, kind, code)
	}
}

// closes checks that nothing more comes but the end.
func (c *client) closes(code int) {
	c.t.Helper()
	_ = c.SetReadDeadline(time.Now().Add(patience))
	_, b, err := c.ReadMessage()
	var closed *websocket.CloseError
	if !errors.As(err, &closed) || closed.Code != code {
		c.t.Fatalf("got %q %v, want close code %d", b, err, code)
	}
}

// write sends an event as htmx does, with a stamp unless it is empty.
func (c *client) write(text, stamp string) {
	c.t.Helper()
	fields := map[string]any{"text": text, "HEADERS": map[string]string{"HX-Request": "true"}}
	if stamp != "" {
		fields["_stamp"] = stamp
	}
	if err := c.WriteJSON(fields); err != nil {
		c.t.Fatalf("write: %v", err)
	}
}
