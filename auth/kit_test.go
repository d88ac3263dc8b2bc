package auth_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/multiaccount-go/multiaccount"
	"github.com/multiaccount-go/multiaccount/account"
	"github.com/multiaccount-go/multiaccount/attempts"
	"github.com/multiaccount-go/multiaccount/auth"
	"github.com/multiaccount-go/multiaccount/auth/authtest"
	"github.com/multiaccount-go/multiaccount/auth/password"
	"github.com/multiaccount-go/multiaccount/internal/htmltest"
	"github.com/multiaccount-go/multiaccount/tenant"
)

const (
	host = "app.test"
	here = "https://app.test"
	good = "the river was green" // a password that is good enough
)

// db is the store of a site, which can be down.
type db struct {
	auth.Store
	tenants  tenant.Store
	down     atomic.Bool
	register atomic.Pointer[error] // what Register answers instead
}

var errDown = errors.New("connection refused: password=hunter2")

func (d *db) ByIDs(ctx context.Context, ids ...string) (map[string]auth.User, error) {
	if d.down.Load() {
		return nil, errDown
	}
	return d.Store.ByIDs(ctx, ids...)
}

func (d *db) ByEmail(ctx context.Context, email string) (auth.User, string, error) {
	if d.down.Load() {
		return auth.User{}, "", errDown
	}
	return d.Store.ByEmail(ctx, email)
}

func (d *db) Available(ctx context.Context, email string, name tenant.Name) error {
	if d.down.Load() {
		return errDown
	}
	return d.Store.Available(ctx, email, name)
}

func (d *db) Tenants() tenant.Store { return d.tenants }

func (d *db) Rehash(ctx context.Context, userID, former, hash string) error {
	return d.Store.(auth.Rehasher).Rehash(ctx, userID, former, hash)
}

func (d *db) Register(ctx context.Context, r auth.Registration) (auth.User, error) {
	if err := d.register.Load(); err != nil {
		return auth.User{}, *err
	}
	return d.Store.Register(ctx, r)
}

// sessions is the store of the sessions, which can be down for writers.
type sessions struct {
	*account.MemoryStore
	readOnly atomic.Bool
}

func (s *sessions) Save(ctx context.Context, session *account.Session, ttl time.Duration) error {
	if s.readOnly.Load() {
		return errDown
	}
	return s.MemoryStore.Save(ctx, session, ttl)
}

// counted counts what a hasher does.
type counted struct {
	password.Hasher
	verified, hashed atomic.Int64
}

func (h *counted) Hash(ctx context.Context, p string) (string, error) {
	h.hashed.Add(1)
	return h.Hasher.Hash(ctx, p)
}

func (h *counted) Verify(ctx context.Context, p, hash string) (bool, bool, error) {
	h.verified.Add(1)
	return h.Hasher.Verify(ctx, p, hash)
}

// site is an app with everything around a login.
type site struct {
	t        testing.TB
	app      *fiber.App
	accounts *multiaccount.Plugin[auth.User]
	auth     *auth.Auth
	db       *db
	sessions *sessions
	hasher   *counted
	log      *lockedBuffer
	refuses  atomic.Bool // what Registered does

	mu         sync.Mutex
	clock      time.Time
	events     []auth.Event
	mails      []auth.Message
	registered []map[string]string // values
	deleted    []string            // addresses
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func cheap(t testing.TB, memory uint32) password.Hasher {
	t.Helper()
	h, err := password.NewArgon2id(password.Argon2idConfig{Memory: memory, Passes: 1, AtOnce: 8, InsecurelyCheapForTests: true})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// limits refuses nothing, or refuses an account after so many tries.
func limits(t testing.TB, perAccount int) auth.Limits {
	t.Helper()
	off := attempts.Rate{Tries: -1}
	gate := attempts.NewGate(attempts.GateConfig{AtOnce: 8, Waiting: 1000, Patience: time.Minute})
	signIn, err := attempts.New(attempts.Config{
		LoginKey: tenant.EmailKey, PerAccount: attempts.Backoff{Tries: perAccount}, PerAddress: off, Global: off, Gate: gate,
	})
	if err != nil {
		t.Fatal(err)
	}
	registration, err := attempts.New(attempts.Config{
		Name: "registration", PerAccount: attempts.Backoff{Tries: -1}, PerAddress: off, Global: off, Gate: gate,
	})
	if err != nil {
		t.Fatal(err)
	}
	return auth.Limits{SignIn: signIn, Registration: registration}
}

// newSite is a site whose configuration the test may change.
func newSite(t testing.TB, change ...func(*auth.Config)) *site {
	t.Helper()
	users := authtest.NewStore()
	return newSiteOn(t, &db{Store: users, tenants: users.Tenants()}, change...)
}

// newSiteOn is a site with a store.
func newSiteOn(t testing.TB, on *db, change ...func(*auth.Config)) *site {
	t.Helper()
	s := &site{t: t, db: on, sessions: &sessions{MemoryStore: account.NewMemoryStore()},
		hasher: &counted{Hasher: cheap(t, 64)}, log: &lockedBuffer{}, clock: time.Now()}
	quiet := slog.New(slog.NewTextHandler(s.log, nil))
	var err error
	s.accounts, err = multiaccount.New(multiaccount.Config[auth.User]{
		Users:    s.db.ByIDs,
		Active:   auth.User.IsActive,
		Profile:  func(u auth.User) multiaccount.Profile { return multiaccount.Profile{Name: u.Name, Email: u.Email} },
		Store:    s.sessions,
		Sessions: account.Options{Now: s.now, Timeout: 200 * time.Millisecond},
		Paths:    multiaccount.Paths{AppSignOut: "/session/sign_out"}, Log: quiet,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := s.accounts.Close(ctx); err != nil {
			t.Errorf("closing the plugin: %v", err)
		}
	})
	cfg := auth.Config{
		Accounts: s.accounts, Users: s.db, Hasher: s.hasher, Limits: limits(t, -1), Now: s.now, Log: quiet,
		OnEvent: func(_ context.Context, e auth.Event) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.events = append(s.events, e)
		},
		Registered: func(_ context.Context, _ auth.User, values map[string]string) error {
			if s.refuses.Load() {
				return errDown
			}
			s.mu.Lock()
			defer s.mu.Unlock()
			s.registered = append(s.registered, values)
			return nil
		},
		Deleted: func(_ context.Context, u auth.User) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.deleted = append(s.deleted, u.Email)
		},
	}
	for _, f := range change {
		f(&cfg)
	}
	if s.auth, err = auth.New(cfg); err != nil {
		t.Fatal(err)
	}
	s.app = fiber.New(fiber.Config{DisableStartupMessage: true})
	s.app.Use(s.accounts.Handler)
	s.accounts.Register(s.app)
	s.auth.Register(s.app)
	s.app.Get("/private", s.auth.RequireAuthenticated, func(c *fiber.Ctx) error {
		u, _ := s.accounts.CurrentUser(c)
		return c.SendString("Welcome " + u.Email)
	})
	s.app.Get("/", func(c *fiber.Ctx) error { return c.JSON(s.accounts.Flashes(c)) })
	return s
}

func (s *site) now() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.clock
}

func (s *site) wait(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clock = s.clock.Add(d)
}

// took returns the actions since the last time.
func (s *site) took() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var actions []string
	for _, e := range s.events {
		actions = append(actions, e.Action)
	}
	s.events = nil
	return actions
}

// mailbox returns the messages since the last time.
func (s *site) mailbox() []auth.Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	mails := s.mails
	s.mails = nil
	return mails
}

func (s *site) send(_ context.Context, m auth.Message) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mails = append(s.mails, m)
	return nil
}

// user returns who has an address.
func (s *site) user(email string) (auth.User, bool) {
	s.t.Helper()
	u, _, err := s.db.Store.ByEmail(s.t.Context(), email)
	if err != nil && !errors.Is(err, auth.ErrUnknown) {
		s.t.Fatal(err)
	}
	return u, err == nil
}

func (s *site) hash(email string) string {
	s.t.Helper()
	_, hash, err := s.db.Store.ByEmail(s.t.Context(), email)
	if err != nil {
		s.t.Fatal(err)
	}
	return hash
}

// tenants returns the names of what a user belongs to, with his role.
func (s *site) tenants(email string) (all []string) {
	s.t.Helper()
	u, ok := s.user(email)
	if !ok {
		return nil
	}
	memberships, err := s.db.Tenants().Memberships(s.t.Context(), u.ID)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, m := range memberships {
		all = append(all, m.Tenant.Name+":"+string(m.Role))
	}
	return all
}

// isFree reports whether a tenant's name can be taken.
func (s *site) isFree(name string) bool {
	s.t.Helper()
	parsed, err := tenant.ParseName(name)
	if err != nil {
		s.t.Fatal(err)
	}
	return s.db.Store.Available(s.t.Context(), "", parsed) == nil
}

// add makes a user whose password is good.
func (s *site) add(email string) auth.User {
	s.t.Helper()
	hash, err := s.hasher.Hasher.Hash(s.t.Context(), good)
	if err != nil {
		s.t.Fatal(err)
	}
	u, err := s.db.Store.Register(s.t.Context(), auth.Registration{Email: email, Name: "Name of " + email, PasswordHash: hash, Now: s.now()})
	if err != nil {
		s.t.Fatal(err)
	}
	return u
}

// visitor is a browser: it keeps the cookies.
type visitor struct {
	*site
	cookies map[string]string
}

func (s *site) visitor() *visitor { return &visitor{s, map[string]string{}} }

type answer struct {
	Status int
	Header http.Header
	Body   string
}

func (a answer) json(t testing.TB) map[string]any {
	t.Helper()
	var into map[string]any
	if err := json.Unmarshal([]byte(a.Body), &into); err != nil {
		t.Fatalf("%d %s: %v", a.Status, a.Body, err)
	}
	return into
}

func (a answer) page(t testing.TB) *htmltest.Element { t.Helper(); return htmltest.Parse(t, a.Body) }

var (
	asJSON = []string{"Accept", "application/json"}
	asHTMX = []string{"HX-Request", "true"}
)

// do sends a request from a page of this site.
func (v *visitor) do(method, path, body string, header ...string) answer {
	v.t.Helper()
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Host = host
	r.Header.Set("Origin", here)
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	r.Header.Set("Accept", "text/html")
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	for name, value := range v.cookies {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	response, err := v.app.Test(r, -1)
	if err != nil {
		v.t.Fatalf("%s %s: %v", method, path, err)
	}
	text, err := io.ReadAll(response.Body)
	if err != nil {
		v.t.Fatalf("%s %s: %v", method, path, err)
	}
	for _, c := range response.Cookies() {
		if v.cookies[c.Name] = c.Value; c.MaxAge < 0 || c.Value == "" {
			delete(v.cookies, c.Name)
		}
	}
	return answer{response.StatusCode, response.Header, string(text)}
}

func (v *visitor) get(path string, header ...string) answer {
	v.t.Helper()
	return v.do("GET", path, "", header...)
}

func (v *visitor) post(path string, fields url.Values, header ...string) answer {
	v.t.Helper()
	return v.do("POST", path, fields.Encode(), header...)
}

// fill returns the fields of the form on a page that posts to action, as a browser sends them, with what a person types.
func fill(t testing.TB, page answer, action string, typed ...string) url.Values {
	t.Helper()
	f := url.Values{}
	forms := page.page(t).With("action", action)
	if len(forms) == 0 {
		t.Fatalf("no form that posts to %s in %d %s", action, page.Status, page.Body)
	}
	for _, in := range forms[0].Tags("input") {
		f.Set(in.Attr["name"], in.Attr["value"])
	}
	for i := 0; i+1 < len(typed); i += 2 {
		f.Set(typed[i], typed[i+1])
	}
	return f
}

// submit opens a page, fills in its form and sends it.
func (v *visitor) submit(path, action string, typed ...string) answer {
	v.t.Helper()
	return v.post(action, fill(v.t, v.get(path), action, typed...))
}

func (v *visitor) signIn(email, typed string) answer {
	v.t.Helper()
	return v.submit("/session/new", "/session", "email", email, "password", typed)
}

// register fills in the registration form; more than that is in typed.
func (v *visitor) register(name, email string, typed ...string) answer {
	v.t.Helper()
	all := append([]string{"account_name", name, "email", email, "password", good, "password_confirmation", good}, typed...)
	return v.submit("/registration/new", "/registration", all...)
}

func (v *visitor) must(status int, a answer) answer {
	v.t.Helper()
	if a.Status != status {
		v.t.Fatalf("got %d %.600s, want %d", a.Status, a.Body, status)
	}
	return a
}

// leads checks that an answer goes on to a path.
func (v *visitor) leads(a answer, to string) {
	v.t.Helper()
	if v.must(303, a); a.Header.Get("Location") != to {
		v.t.Errorf("leads to %q, want %q", a.Header.Get("Location"), to)
	}
}

// signedIn is a browser in which users are signed in; the first is primary, the last is current.
func (s *site) signedIn(emails ...string) *visitor {
	s.t.Helper()
	v := s.visitor()
	for i, email := range emails {
		if i > 0 {
			v.beginLink()
		}
		v.must(303, v.signIn(email, good))
	}
	return v
}

// beginLink asks to add an account.
func (v *visitor) beginLink() {
	v.t.Helper()
	d := v.document()
	path, _ := d["add_path"].(string)
	v.must(303, v.post(path, url.Values{"_stamp": {d["stamp"].(string)}}))
}

func (v *visitor) document() map[string]any {
	v.t.Helper()
	return v.get("/link/accounts", asJSON...).json(v.t)
}

func (v *visitor) stamp() string {
	v.t.Helper()
	stamp, _ := v.document()["stamp"].(string)
	return stamp
}

// current returns the address of who is current, or "".
func (v *visitor) current() string {
	v.t.Helper()
	a := v.get("/private")
	if a.Status != 200 {
		return ""
	}
	return strings.TrimPrefix(a.Body, "Welcome ")
}

// problem returns what a page says is wrong with a field, and checks that the field points to it.
func problem(t testing.TB, a answer, field string) string {
	t.Helper()
	page := a.page(t)
	inputs := page.With("name", field)
	if len(inputs) != 1 {
		t.Fatalf("%d fields %s in %s", len(inputs), field, a.Body)
	}
	said := page.With("id", inputs[0].Attr["id"]+"-problem")
	if len(said) == 0 {
		return ""
	}
	if !strings.Contains(inputs[0].Attr["aria-describedby"], said[0].Attr["id"]) || inputs[0].Attr["aria-invalid"] != "true" {
		t.Errorf("field %s does not point to its problem: %v", field, inputs[0].Attr)
	}
	return said[0].Text()
}

// alert returns what a page says about a form as a whole.
func alert(t testing.TB, a answer) string {
	t.Helper()
	for _, e := range a.page(t).With("role", "alert") {
		return e.Text()
	}
	return ""
}

// addTenant makes a user with a tenant of his own.
func (s *site) addTenant(name, email string) auth.User {
	s.t.Helper()
	parsed, err := tenant.ParseName(name)
	if err != nil {
		s.t.Fatal(err)
	}
	u, err := s.db.Store.Register(s.t.Context(), auth.Registration{Email: email, Name: name, Tenant: parsed, Now: s.now()})
	if err != nil {
		s.t.Fatal(err)
	}
	return u
}

// meanwhile is a hasher during whose work something else happens.
type meanwhile struct {
	password.Hasher
	happens func()
}

func (h meanwhile) Hash(ctx context.Context, p string) (string, error) {
	h.happens()
	return h.Hasher.Hash(ctx, p)
}
