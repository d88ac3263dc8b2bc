package multiaccount_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/multiaccount-go/multiaccount"
	"github.com/multiaccount-go/multiaccount/account"
)

// TestMain fails when a plugin leaves a goroutine behind after its Close.
func TestMain(m *testing.M) {
	code := m.Run()
	for end := time.Now().Add(2 * time.Second); code == 0; time.Sleep(10 * time.Millisecond) {
		stacks := make([]byte, 1<<20)
		stacks = stacks[:runtime.Stack(stacks, true)]
		if !bytes.Contains(stacks, []byte("multiaccount.(*Plugin")) {
			break
		}
		if time.Now().After(end) {
			fmt.Fprintf(os.Stderr, "goroutines outlive their plugin:\n%s\n", stacks)
			code = 1
		}
	}
	os.Exit(code)
}

// user is the app's own type of a user.
type user struct {
	ID, Name string
	Inactive bool
}

// people is the app's table of users. Everybody's password is "pw-" and the id.
type people struct {
	mu    sync.Mutex
	rows  map[string]user
	calls [][]string                            // ids of every call of byIDs
	load  func() (map[string]user, error, bool) // when set and true: what byIDs answers instead
}

func newPeople() *people {
	p := &people{rows: map[string]user{}}
	for _, id := range []string{"a", "b", "c", "d", "e", "f", "g", "h", "m", "v"} {
		p.rows[id] = user{ID: id, Name: "Name-" + strings.ToUpper(id), Inactive: id == "d"}
	}
	return p
}

func (p *people) byIDs(_ context.Context, ids ...string) (map[string]user, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.calls = append(p.calls, slices.Clone(ids))
	if p.load != nil {
		if users, err, instead := p.load(); instead {
			return users, err
		}
	}
	found := map[string]user{}
	for _, id := range ids {
		if u, ok := p.rows[id]; ok {
			found[id] = u
		}
	}
	return found, nil
}

func (p *people) set(u user) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.rows[u.ID] = u
}

func (p *people) remove(id string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.rows, id)
}

// answer makes byIDs answer with that from now on.
func (p *people) answer(load func() (map[string]user, error, bool)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.load = load
}

// takeCalls returns the calls since the last time.
func (p *people) takeCalls() [][]string {
	p.mu.Lock()
	defer p.mu.Unlock()
	calls := p.calls
	p.calls = nil
	return calls
}

var errStoreDown = errors.New("connection refused")

// observedStore counts the calls of a store, and makes them fail or hang.
type observedStore struct {
	*account.MemoryStore
	mu    sync.Mutex
	calls []string
	down  error // what every call answers
	hang  bool  // every call waits for its context
}

func (s *observedStore) call(ctx context.Context, name string) error {
	s.mu.Lock()
	s.calls = append(s.calls, name)
	down, hang := s.down, s.hang
	s.mu.Unlock()
	if hang {
		<-ctx.Done()
		return ctx.Err()
	}
	return down
}

func (s *observedStore) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.down = err
}

func (s *observedStore) takeCalls() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	calls := s.calls
	s.calls = nil
	return calls
}

func (s *observedStore) Load(ctx context.Context, id account.SessionID) (*account.Session, error) {
	if err := s.call(ctx, "load"); err != nil {
		return nil, err
	}
	return s.MemoryStore.Load(ctx, id)
}

func (s *observedStore) LoadMany(ctx context.Context, ids []account.SessionID) ([]*account.Session, error) {
	if err := s.call(ctx, "load many"); err != nil {
		return nil, err
	}
	return s.MemoryStore.LoadMany(ctx, ids)
}

func (s *observedStore) Save(ctx context.Context, session *account.Session, ttl time.Duration) error {
	if err := s.call(ctx, "save"); err != nil {
		return err
	}
	return s.MemoryStore.Save(ctx, session, ttl)
}

func (s *observedStore) Delete(ctx context.Context, id account.SessionID, why account.Reason) error {
	if err := s.call(ctx, "delete"); err != nil {
		return err
	}
	return s.MemoryStore.Delete(ctx, id, why)
}

func (s *observedStore) Touch(ctx context.Context, id account.SessionID, seen time.Time, ttl time.Duration) error {
	if err := s.call(ctx, "touch"); err != nil {
		return err
	}
	return s.MemoryStore.Touch(ctx, id, seen, ttl)
}

func (s *observedStore) Enlist(ctx context.Context, id string, session account.SessionID, until time.Time) error {
	if err := s.call(ctx, "enlist"); err != nil {
		return err
	}
	return s.MemoryStore.Enlist(ctx, id, session, until)
}

// clock is a time that a test moves by hand.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// audit records the events.
type audit struct {
	mu   sync.Mutex
	seen []multiaccount.Event
}

func (a *audit) hear(_ context.Context, e multiaccount.Event) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.seen = append(a.seen, e)
}

// take returns the events since the last time.
func (a *audit) take() []multiaccount.Event {
	a.mu.Lock()
	defer a.mu.Unlock()
	seen := a.seen
	a.seen = nil
	return seen
}

// changes returns how many events told of a change rather than of a refusal.
func (a *audit) changes() (n int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, e := range a.seen {
		if e.Action != "refused" {
			n++
		}
	}
	return n
}

type config = multiaccount.Config[user]

// site is an app with the plugin, and everything around it that a test looks at.
type site struct {
	t        *testing.T
	app      *fiber.App
	accounts *multiaccount.Plugin[user]
	people   *people
	store    *observedStore
	clock    *clock
	audit    *audit

	mu   sync.Mutex
	acts []string // what /app/act and /app/careless did: actor and value
}

// newSite makes the app. change may alter the configuration; the router is in routes.
func newSite(t *testing.T, change ...func(*config)) *site {
	t.Helper()
	s := &site{t: t, people: newPeople(), audit: &audit{},
		store: &observedStore{MemoryStore: account.NewMemoryStore()}, clock: &clock{at: time.Now().Truncate(time.Second)}}
	cfg := config{
		Users:  s.people.byIDs,
		Active: func(u user) bool { return !u.Inactive },
		Profile: func(u user) multiaccount.Profile {
			return multiaccount.Profile{Name: u.Name, Email: u.ID + "@app.test"}
		},
		Store: s.store, Sessions: account.Options{Now: s.clock.now}, OnEvent: s.audit.hear,
		Paths: multiaccount.Paths{AppSignOut: "/out"},
		Log:   slog.New(slog.NewTextHandler(io.Discard, nil)),
	}
	for _, alter := range change {
		alter(&cfg)
	}
	var err error
	if s.accounts, err = multiaccount.New(cfg); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := s.accounts.Close(ctx); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	s.app = fiber.New(fiber.Config{DisableStartupMessage: true, BodyLimit: 1 << 20})
	s.routes()
	return s
}

// routes is what an app writes.
func (s *site) routes() {
	p := s.accounts
	s.app.Use(p.Handler)
	p.Register(s.app)

	s.app.Get("/", s.whoAmI)
	s.app.Get("/page", s.whoAmI)
	s.app.Get("/session/new", s.signInPage)
	s.app.Post("/sign-in", p.SameOrigin(), s.signIn)
	s.app.Post("/register", p.SameOrigin(), s.register)
	s.app.Get("/callback", func(c *fiber.Ctx) error { return p.SignIn(c, c.Query("id"), "oauth2") })
	s.app.Get("/can", func(c *fiber.Ctx) error { return p.CanSignIn(c) })
	s.app.Post("/can", func(c *fiber.Ctx) error { return p.CanSignIn(c) })
	s.app.Post("/out", p.SignOut)
	s.app.Get("/flash", func(c *fiber.Ctx) error { return c.JSON(p.Flashes(c)) })
	s.app.Get("/document", s.fullPage)

	mine := s.app.Group("/app", p.Protect(), p.RequireUser)
	mine.Get("/", s.whoAmI)
	mine.Get("/fragment", s.whoAmI)
	mine.Post("/act", s.act)
	s.app.Post("/careless", s.act) // an app's route without Protect
}

// whoAmI says who acts, by every way an app can ask.
func (s *site) whoAmI(c *fiber.Ctx) error {
	current, primary := "-", "-"
	if u, ok := s.accounts.CurrentUser(c); ok {
		current = u.ID
	}
	if u, ok := s.accounts.PrimaryUser(c); ok {
		primary = u.ID
	}
	local, _ := c.Locals("current_user").(user)
	localPrimary, _ := c.Locals("primary_user").(user)
	return c.SendString(fmt.Sprintf("current=%s primary=%s local=%s/%s id=%s state=%s", current, primary,
		local.ID, localPrimary.ID, s.accounts.CurrentID(c), s.accounts.State(c)))
}

func (s *site) act(c *fiber.Ctx) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.acts = append(s.acts, s.accounts.CurrentID(c)+":"+strings.Clone(c.FormValue("value")))
	return c.SendString("done")
}

func (s *site) signInPage(c *fiber.Ctx) error {
	adding, ok := s.accounts.Adding(c)
	return c.SendString(fmt.Sprintf("sign in; adding=%v to=%q expired=%v cancel=%s", ok, adding.To.Name, adding.Expired,
		adding.CancelPath))
}

func (s *site) signIn(c *fiber.Ctx) error {
	id := c.FormValue("id")
	if c.FormValue("password") != "pw-"+id {
		return c.Status(fiber.StatusUnprocessableEntity).SendString("wrong")
	}
	err := s.accounts.SignIn(c, id, "password")
	if errors.Is(err, account.ErrInactive) {
		return c.Status(fiber.StatusUnprocessableEntity).SendString("wrong")
	}
	return err
}

func (s *site) register(c *fiber.Ctx) error {
	id := strings.Clone(c.FormValue("id"))
	s.people.set(user{ID: id, Name: "Name-" + strings.ToUpper(id)})
	return s.accounts.SignIn(c, id, "registration")
}

func (s *site) fullPage(c *fiber.Ctx) error {
	c.Type("html", "utf-8")
	return c.SendString("<html><head>" + string(s.accounts.Head(c)) + "</head><body><form>" + string(s.accounts.StampField(c)) +
		"</form></body></html>")
}

// rows returns what the app has done so far.
func (s *site) rows() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(s.acts, " ")
}
