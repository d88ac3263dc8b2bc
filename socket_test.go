package multiaccount_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/fasthttp/websocket"

	"github.com/multiaccount-go/multiaccount"
	"github.com/multiaccount-go/multiaccount/account"
)

// patience is how long a test waits for what must come.
const patience = 5 * time.Second

// listener is a site on a loopback port. Sockets need a connection of their own; everything else may use app.Test beside it.
type listener struct {
	t    *testing.T
	addr string
}

// listen serves the site until the test ends. Its routes have to be there by then.
func (s *site) listen() *listener {
	s.t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		s.t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- s.app.Listener(ln) }()
	s.t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := s.accounts.Hub().Close(ctx); err != nil {
			s.t.Errorf("hub: %v", err)
		}
		if err := errors.Join(s.app.Shutdown(), <-served); err != nil {
			s.t.Errorf("server: %v", err)
		}
	})
	return &listener{s.t, ln.Addr().String()}
}

// socket is a browser's end of a websocket.
type socket struct {
	*websocket.Conn
	t *testing.T
}

// open opens a socket as a page of this site does, with the cookies of a browser.
func (l *listener) open(b *browser, path string) *socket {
	l.t.Helper()
	h := http.Header{"Origin": {here}, "Host": {host}}
	for name, value := range b.jar {
		h.Add("Cookie", name+"="+value)
	}
	dial := func(string, string) (net.Conn, error) { return net.Dial("tcp", l.addr) }
	d := websocket.Dialer{HandshakeTimeout: patience, NetDial: dial}
	conn, response, err := d.Dial("ws://"+host+path, h)
	if err != nil {
		l.t.Fatalf("socket %s: %v, %v", path, err, response)
	}
	l.t.Cleanup(func() { _ = conn.Close() })
	return &socket{conn, l.t}
}

// frame returns the next message.
func (s *socket) frame() string {
	s.t.Helper()
	_ = s.SetReadDeadline(time.Now().Add(patience))
	_, b, err := s.ReadMessage()
	if err != nil {
		s.t.Fatalf("socket: %v", err)
	}
	return string(b)
}

// hears checks the type of the next message and returns its version.
func (s *socket) hears(kind string) int64 {
	s.t.Helper()
	var m struct {
		Type string
		V    int64
	}
	text := s.frame()
	if err := json.Unmarshal([]byte(text), &m); err != nil || m.Type != kind {
		s.t.Fatalf("got %s, want %s", text, kind)
	}
	return m.V
}

// closes checks the code that the socket is closed with, after nothing else.
func (s *socket) closes(code int) {
	s.t.Helper()
	_ = s.SetReadDeadline(time.Now().Add(patience))
	_, b, err := s.ReadMessage()
	var closed *websocket.CloseError
	if !errors.As(err, &closed) || closed.Code != code {
		s.t.Fatalf("got %q %v, want close code %d", b, err, code)
	}
}

// resyncing is a store whose change feed says what a test wants it to say, such as that changes may have been missed.
type resyncing struct {
	*observedStore
	feed chan account.Change
}

// resyncStore is an option of newSite.
func resyncStore(r *resyncing) func(*config) {
	return func(c *config) {
		r.observedStore, r.feed = c.Store.(*observedStore), make(chan account.Change)
		c.Store = r
	}
}

func (r *resyncing) Watch(ctx context.Context, fn func(account.Change)) error {
	var mu sync.Mutex
	tell := func(ch account.Change) {
		mu.Lock()
		defer mu.Unlock()
		fn(ch)
	}
	ended := make(chan error, 1)
	go func() { ended <- r.observedStore.Watch(ctx, tell) }()
	for {
		select {
		case ch := <-r.feed:
			tell(ch)
		case err := <-ended:
			return err
		}
	}
}

// resync starts a sweep. It returns before the sweep has ended.
func (r *resyncing) resync(t *testing.T) {
	t.Helper()
	r.say(t, account.Change{Resync: true})
}

// say puts a change into the feed.
func (r *resyncing) say(t *testing.T, ch account.Change) {
	t.Helper()
	select {
	case r.feed <- ch:
	case <-time.After(patience):
		t.Fatal("nobody watches the store")
	}
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("not in time: " + what)
		}
	}
}

// A page of a session that ended shows somebody who is gone. Its version must not be one that the next session comes by.
func TestPageOfAnEndedSessionIsStaleInTheNextOne(t *testing.T) {
	for name, leave := range map[string]func(*site, *browser){
		"signed out":                func(_ *site, b *browser) { b.post("/link/sign_out") },
		"replaced by another login": func(*site, *browser) {},
		"ended by an administrator": func(s *site, b *browser) {
			cookie, err := account.ParseCookie(b.cookie())
			if err != nil {
				s.t.Fatal(err)
			}
			if err := s.accounts.End(s.t.Context(), cookie.ID); err != nil {
				s.t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t)
			l := s.listen()
			b := s.browser()
			b.signIn("a")
			drawn := b.document()
			leave(s, b)
			s.clock.advance(time.Second)
			b.signIn("c")
			now := b.document()
			if now.Version <= drawn.Version {
				t.Errorf("version %d of c after version %d of a", now.Version, drawn.Version)
			}
			var state struct{ Fresh bool }
			a := b.get(fmt.Sprintf("/link/state?v=%d&stamp=%s", drawn.Version, drawn.Stamp))
			if err := json.Unmarshal([]byte(a.Body), &state); err != nil || a.Status != 200 || state.Fresh {
				t.Errorf("the page of a: %d %s", a.Status, a.Body)
			}
			tab := l.open(b, fmt.Sprintf("/link/live?v=%d", drawn.Version))
			tab.hears("hello")
			if v := tab.hears("session-changed"); v != now.Version {
				t.Errorf("the tab of a hears of version %d, want %d", v, now.Version)
			}
		})
	}
}

// Any site can make a browser open sockets here, as often as it likes, with its cookies.
func TestForeignHandshakeLooksNothingUp(t *testing.T) {
	s := newSite(t)
	b := s.signedIn("a", "b")
	handshake := headers("Connection", "Upgrade", "Upgrade", "websocket", "Sec-WebSocket-Version", "13",
		"Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==", "Origin", "https://evil.test", "Sec-Fetch-Site", "cross-site")
	for _, path := range []string{"/link/live?v=1", "/LINK/LIVE?v=1", "/link/live/?v=1"} {
		refused(t, b.do("GET", path, handshake), 403, multiaccount.CodeBadOrigin)
		if users, store := s.people.takeCalls(), s.store.takeCalls(); len(users)+len(store) > 0 {
			t.Errorf("%s: users %v, store %v", path, users, store)
		}
	}
	if e := s.audit.take(); len(e) != 3 || e[0].Code != multiaccount.CodeBadOrigin || e[0].Session != "" {
		t.Errorf("the audit trail tells %+v", e)
	}
}
