// Package sockets_test attacks the doors that stay open: the socket of a tab, the websocket of a live view, and the event
// streams that stand in for both. The site is the example: two processes on one real Redis. Every test is named after an
// attack; where the catalogue of attacks has a number for it, its comment says which.
package sockets_test

import (
	"context"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/multiaccount-go/multiaccount/integration_test/redisserver"
	"github.com/multiaccount-go/multiaccount/integration_test/sitetest"
)

func TestMain(m *testing.M) {
	flag.Parse()
	_ = flag.Set("test.parallel", "12") // tests that run in parallel wait for deadlines, most of the time
	sitetest.Main(m, shared.end)
}

// Close codes of RFC 6455 and its registry.
const (
	protocolError = 1002
	textOnly      = 1003
	notUTF8       = 1007
	policy        = 1008
	tooBig        = 1009
	ourFault      = 1011
	comeBack      = 1012
	overloaded    = 1013
)

// atOnce is how soon a socket has to be told about a change, and be closed. On a busy machine it may take a moment longer
// than the two seconds that are promised.
const atOnce = 5 * time.Second

// world is two processes on one Redis, which all tests share.
type world struct {
	redis    *redisserver.Server
	rdb      *redis.Client
	one, two *sitetest.Node
}

func (w *world) nodes() []*sitetest.Node { return []*sitetest.Node{w.one, w.two} }

// other returns the node that is not n.
func (w *world) other(n *sitetest.Node) *sitetest.Node {
	if n == w.one {
		return w.two
	}
	return w.one
}

// shared lives as long as the test program. Nodes and servers end with a testing.TB, so it is one, of its own.
var shared suite

// site returns the world, starting it for the first test that needs it.
func site(t *testing.T) *world {
	t.Helper()
	shared.once.Do(func() {
		server := redisserver.Start(&shared)
		w := &world{redis: server, rdb: redis.NewClient(&redis.Options{Addr: server.Addr})}
		shared.Cleanup(func() { w.rdb.Close() })
		w.one, w.two = sitetest.Start(&shared, server.URL()), sitetest.Start(&shared, server.URL())
		shared.world = w
	})
	if shared.world == nil {
		t.Fatal("the site did not start; an earlier test says why")
	}
	return shared.world
}

// suite is the testing.TB of what all tests share.
type suite struct {
	testing.TB // nil: what is not written below is not used
	once       sync.Once
	world      *world

	mu       sync.Mutex
	cleanups []func()
	failed   bool
	folders  []string
}

// end runs the cleanups, and reports whether nothing failed.
func (s *suite) end() bool {
	for len(s.cleanups) > 0 {
		last := s.cleanups[len(s.cleanups)-1]
		s.cleanups = s.cleanups[:len(s.cleanups)-1]
		last()
	}
	for _, folder := range s.folders {
		_ = os.RemoveAll(folder)
	}
	return !s.Failed()
}

func (s *suite) Helper()                  {}
func (s *suite) Context() context.Context { return context.Background() }
func (s *suite) Output() io.Writer        { return io.Discard }
func (s *suite) Cleanup(f func())         { s.cleanups = append(s.cleanups, f) }
func (s *suite) Logf(text string, args ...any) {
	fmt.Fprintf(os.Stderr, text+"\n", args...)
}
func (s *suite) Failed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.failed
}
func (s *suite) Errorf(text string, args ...any) {
	s.Logf(text, args...)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failed = true
}
func (s *suite) Error(args ...any) { s.Errorf("%s", fmt.Sprint(args...)) }
func (s *suite) Fatalf(text string, args ...any) {
	s.Errorf(text, args...)
	panic("the site of all tests failed")
}
func (s *suite) Fatal(args ...any) { s.Fatalf("%s", fmt.Sprint(args...)) }
func (s *suite) TempDir() string {
	folder, err := os.MkdirTemp("", "sockets-")
	if err != nil {
		s.Fatal(err)
	}
	s.folders = append(s.folders, folder)
	return folder
}

// person is a user of the site.
type person struct{ name, email, id string }

var people atomic.Int64

// browser is a visitor with the accounts that it is signed in with: the last one is current at first.
type browser struct {
	*sitetest.Visitor
	t   testing.TB
	w   *world
	who []person
}

// signedIn returns a browser that holds so many new accounts. Each was registered inside the session, on node one.
func signedIn(t testing.TB, w *world, accounts int) *browser {
	t.Helper()
	b := &browser{Visitor: sitetest.NewVisitor(t), t: t, w: w}
	for i := range accounts {
		if i > 0 {
			if a := b.BeginAdding(w.one); a.Status != http.StatusSeeOther {
				t.Fatalf("begin to add: %d\n%s", a.Status, a.Body)
			}
		}
		b.register(fmt.Sprintf("Person %d of %d", people.Add(1), time.Now().UnixNano()))
	}
	return b
}

// register creates a user by the form as it is drawn, and signs in as it.
func (b *browser) register(name string) {
	b.t.Helper()
	n := b.w.one
	p := person{name: name, email: fmt.Sprintf("p%d-%d@example.com", people.Add(1), time.Now().UnixNano())}
	form := b.Form(b.Get(n, "/registration/new"), "/registration")
	for field, value := range map[string]string{
		"account_name": name, "email": p.email, "password": sitetest.Password, "password_confirmation": sitetest.Password,
	} {
		form.Set(field, value)
	}
	if a := b.Post(n, "/registration", form); a.Status != http.StatusSeeOther {
		b.t.Fatalf("register %q: %d\n%s", name, a.Status, a.Body)
	}
	d := b.Document(n)
	if d.Current == nil || d.CurrentEmail() != p.email {
		b.t.Fatalf("registered as %s, and the session is %+v", p.email, d)
	}
	p.id = d.Current.ID
	b.who = append(b.who, p)
}

// elsewhere returns a browser in which a person is signed in alone.
func elsewhere(t testing.TB, w *world, p person) *browser {
	t.Helper()
	b := &browser{Visitor: sitetest.NewVisitor(t), t: t, w: w, who: []person{p}}
	b.signIn(p)
	return b
}

// signIn posts the sign-in form as it is drawn.
func (b *browser) signIn(p person) {
	b.t.Helper()
	form := b.Form(b.Get(b.w.one, "/session/new"), "/session")
	form.Set("email", p.email)
	form.Set("password", sitetest.Password)
	if a := b.Post(b.w.one, "/session", form); a.Status != http.StatusSeeOther {
		b.t.Fatalf("sign in as %s: %d\n%s", p.email, a.Status, a.Body)
	}
}

// stamp returns the one of who is current now.
func (b *browser) stamp() string { b.t.Helper(); return b.Document(b.w.one).Stamp }

// note keeps a note for who is current now. Its live views show it, on every node.
func (b *browser) note(n *sitetest.Node, text string) {
	b.t.Helper()
	a := b.Post(n, "/notes", url.Values{"_stamp": {b.stamp()}, "text": {text}})
	if a.Status != http.StatusSeeOther {
		b.t.Fatalf("note %q: %d\n%s", text, a.Status, a.Body)
	}
}

// status makes a user active or inactive, as somebody else who may.
func status(t testing.TB, w *world, n *sitetest.Node, p person, to string) {
	t.Helper()
	staff := sitetest.NewVisitor(t)
	staff.SignIn(w.one, "carol@example.com")
	a := staff.Post(n, "/demo/users/"+p.id+"/status", url.Values{"status": {to}})
	if a.Status != http.StatusSeeOther {
		t.Fatalf("status of %s: %d\n%s", p.email, a.Status, a.Body)
	}
}

// sessionID returns the public half of the session cookie, under which the record lies in Redis.
func (b *browser) sessionID() string { b.t.Helper(); return b.SessionCookie(b.w.one)[:21] }

// key returns the key of the session's record.
func (b *browser) key() string {
	b.t.Helper()
	keys, err := b.w.rdb.Keys(b.t.Context(), "accounts:*:s:"+b.sessionID()+"*").Result()
	if err != nil || len(keys) != 1 {
		b.t.Fatalf("record of the session: %q, %v", keys, err)
	}
	return keys[0]
}
