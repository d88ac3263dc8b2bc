package tenant_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/multiaccount-go/multiaccount"
	"github.com/multiaccount-go/multiaccount/attempts"
	"github.com/multiaccount-go/multiaccount/tenant"
)

const (
	host       = "app.test"
	here       = "https://app.test"
	cookieName = "__Host-accounts"
)

// user is the app's own type of a user.
type user struct {
	ID, Name string
	Gone     bool
}

// db is the store of a site, which can be down.
type db struct {
	*tenant.MemoryStore
	down  atomic.Bool
	calls atomic.Int64 // of Memberships
}

var errDown = errors.New("connection refused: password=hunter2")

func (d *db) Memberships(ctx context.Context, userID string) ([]tenant.Membership, error) {
	d.calls.Add(1)
	if d.down.Load() {
		return nil, errDown
	}
	return d.MemoryStore.Memberships(ctx, userID)
}

// site is an app with tenants. Its users are a to h, with addresses such as a@example.com.
type site struct {
	t        testing.TB
	app      *fiber.App
	accounts *multiaccount.Plugin[user]
	tenants  *tenant.Tenants
	db       *db

	mu     sync.Mutex
	mails  []mail
	events []tenant.Event
	gone   []string
	unsent error // what sending an invitation answers
	clock  atomic.Pointer[time.Time]
}

type mail struct {
	to   tenant.Invitation
	from tenant.Tenant
	link string
}

// newSite is a site whose configuration the test may change.
func newSite(t testing.TB, change ...func(*tenant.Config)) *site {
	t.Helper()
	s := &site{t: t, db: &db{MemoryStore: tenant.NewMemoryStore()}}
	for _, id := range []string{"a", "b", "c", "d", "e", "f", "g", "h"} {
		s.db.AddUser(id)
	}
	quiet := slog.New(slog.NewTextHandler(io.Discard, nil))
	var err error
	s.accounts, err = multiaccount.New(multiaccount.Config[user]{
		Users: func(_ context.Context, ids ...string) (map[string]user, error) {
			found := map[string]user{}
			for _, id := range ids {
				if s.db.HasUser(id) {
					found[id] = user{ID: id, Name: "Name-" + strings.ToUpper(id)}
				}
			}
			return found, nil
		},
		Profile: func(u user) multiaccount.Profile { return multiaccount.Profile{Name: u.Name} },
		Log:     quiet,
	})
	if err != nil {
		t.Fatal(err)
	}
	cfg := tenant.Config{
		Accounts: s.accounts, Store: s.db, People: s.people, Invite: s.send, BaseURL: here, Log: quiet, Limits: generous(t),
		OnEvent: func(_ context.Context, e tenant.Event) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.events = append(s.events, e)
		},
		OnDelete: func(_ context.Context, ids []string) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.gone = append(s.gone, ids...)
		},
		Now: func() time.Time {
			if at := s.clock.Load(); at != nil {
				return *at
			}
			return time.Now()
		},
	}
	for _, f := range change {
		f(&cfg)
	}
	if s.tenants, err = tenant.New(cfg); err != nil {
		t.Fatal(err)
	}
	s.app = fiber.New(fiber.Config{DisableStartupMessage: true})
	s.app.Use(s.accounts.Handler)
	s.app.Post("/sign-in", s.accounts.SameOrigin(), func(c *fiber.Ctx) error {
		return s.accounts.SignIn(c, c.FormValue("id"), "password")
	})
	s.accounts.Register(s.app)
	s.routes()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := s.accounts.Close(ctx); err != nil {
			t.Errorf("closing the plugin: %v", err)
		}
	})
	return s
}

func generous(t testing.TB) *attempts.Limiter {
	l, err := attempts.New(attempts.Config{
		PerAccount: attempts.Backoff{Tries: -1}, PerAddress: attempts.Rate{Tries: -1}, Global: attempts.Rate{Tries: -1},
	})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func (s *site) people(_ context.Context, ids ...string) (map[string]tenant.Person, error) {
	found := map[string]tenant.Person{}
	for _, id := range ids {
		if s.db.HasUser(id) {
			found[id] = tenant.Person{Name: "Name-" + strings.ToUpper(id), Email: id + "@Example.com"}
		}
	}
	return found, nil
}

func (s *site) send(_ context.Context, i tenant.Invitation, from tenant.Tenant, link string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.unsent != nil {
		return s.unsent
	}
	s.mails = append(s.mails, mail{i, from, link})
	return nil
}

// routes are those of the app: data of tenants, in rows by tenant.
func (s *site) routes() {
	data := map[string][]string{}
	var mu sync.Mutex
	show := func(c *fiber.Ctx) error {
		scope, err := s.tenants.Scope(c)
		if err != nil {
			return err
		}
		mu.Lock()
		defer mu.Unlock()
		return c.JSON(fiber.Map{
			"account": scope.AccountID, "tenant": scope.Tenant.ID, "name": scope.Tenant.Name, "role": scope.Role, "stamp": s.accounts.Stamp(c),
			"rows": data[scope.Tenant.ID],
		})
	}
	add := func(c *fiber.Ctx) error {
		scope, err := s.tenants.Scope(c)
		if err != nil {
			return err
		}
		mu.Lock()
		defer mu.Unlock()
		data[scope.Tenant.ID] = append(data[scope.Tenant.ID], strings.Clone(c.FormValue("row")))
		return c.SendStatus(fiber.StatusCreated)
	}
	for _, at := range []struct {
		path string
		by   []fiber.Handler
	}{
		{"/data", nil},
		{"/t/:tenant/data", []fiber.Handler{s.tenants.ByPath("tenant")}},
		{"/sub/data", []fiber.Handler{s.tenants.BySubdomain("app.test")}},
	} {
		s.app.Get(at.path, append(slices.Clone(at.by), s.tenants.Require(tenant.Member), show)...)
		s.app.Post(at.path, append(slices.Clone(at.by), s.tenants.Require(tenant.Member), add)...)
	}
	s.app.Get("/page", s.tenants.Handler, func(c *fiber.Ctx) error {
		html, err := s.tenants.SwitcherHTML(c)
		if err != nil {
			return err
		}
		c.Type("html", "utf-8")
		return c.SendString(string(s.accounts.Head(c)) + string(html) + `<form id="f">` + string(s.tenants.StampField(c)) + `</form>`)
	})
	for _, role := range []tenant.Role{tenant.Member, tenant.Admin, tenant.Owner} {
		s.app.Post("/as/"+string(role), s.tenants.Require(role), func(c *fiber.Ctx) error { return c.SendStatus(fiber.StatusNoContent) })
	}
	s.tenants.Register(s.app)
}

// tenant makes one with an owner, and members by their roles, such as "b", tenant.Admin.
func (s *site) tenant(name, owner string, members ...any) tenant.Tenant {
	s.t.Helper()
	made, err := s.db.Create(s.t.Context(), parse(s.t, name), owner)
	if err != nil {
		s.t.Fatal(err)
	}
	for i := 0; i+1 < len(members); i += 2 {
		s.join(made, members[i].(string), members[i+1].(tenant.Role))
	}
	return made
}

func (s *site) join(t tenant.Tenant, id string, as tenant.Role) {
	s.t.Helper()
	secret, now := tenant.NewSecret(), time.Now()
	err := s.db.Invite(s.t.Context(), tenant.Invitation{
		ID: string(tenant.NewSecret()), TenantID: t.ID, Email: id, Role: as, Hash: secret.Hash(), Created: now, Expires: now.Add(time.Hour),
	})
	if err == nil {
		_, err = s.db.Accept(s.t.Context(), secret.Hash(), id, id, now)
	}
	if err != nil {
		s.t.Fatal(err)
	}
}

// role returns what a user is in a tenant, or "".
func (s *site) role(t tenant.Tenant, id string) tenant.Role {
	s.t.Helper()
	all, err := s.db.MemoryStore.Memberships(s.t.Context(), id)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, m := range all {
		if m.Tenant.ID == t.ID {
			return m.Role
		}
	}
	return ""
}

// home makes a tenant the home of a user who has nothing else: his private space goes.
func (s *site) home(t tenant.Tenant, ids ...string) {
	s.t.Helper()
	for _, id := range ids {
		all, err := s.db.MemoryStore.Memberships(s.t.Context(), id)
		if err == nil && all[0].Home && all[0].Tenant.Name == "" {
			_, err = s.db.Delete(s.t.Context(), all[0].Tenant.ID)
		}
		if err != nil {
			s.t.Fatal(err)
		}
	}
}

func (s *site) took() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var actions []string
	for _, e := range s.events {
		actions = append(actions, e.Action+" by "+e.By)
	}
	s.events = nil
	return actions
}

func (s *site) lastMail() mail {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.mails) == 0 {
		s.t.Fatal("no invitation was sent")
	}
	return s.mails[len(s.mails)-1]
}

func (s *site) sent() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.mails)
}

// visitor is a browser: it keeps the session cookie.
type visitor struct {
	*site
	cookie string
}

type answer struct {
	Status int
	Header http.Header
	Body   string
}

func (a answer) json(t testing.TB, into any) {
	t.Helper()
	if err := json.Unmarshal([]byte(a.Body), into); err != nil {
		t.Fatalf("%d %s: %v", a.Status, a.Body, err)
	}
}

var (
	asJSON = []string{"Accept", "application/json"}
	asHTMX = []string{"HX-Request", "true"}
	asPage = []string{"Accept", "text/html"}
)

// do sends a request from a page of this site. A header Host is the host.
func (v *visitor) do(method, path string, fields url.Values, header ...string) answer {
	v.t.Helper()
	r := httptest.NewRequest(method, path, strings.NewReader(fields.Encode()))
	r.Host = host
	r.Header.Set("Origin", here)
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for i := 0; i+1 < len(header); i += 2 {
		if header[i] == "Host" {
			r.Host = header[i+1]
			r.Header.Set("Origin", "https://"+header[i+1])
			continue
		}
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
	v.do("GET", "/link/accounts", nil, asJSON...).json(v.t, &d)
	return d.Stamp
}

// post sends a form that was drawn now, and answers for whom the header says.
func (v *visitor) post(path string, fields url.Values, header ...string) answer {
	v.t.Helper()
	sent := url.Values{"_stamp": {v.stamp()}}
	for name, values := range fields {
		sent[name] = values
	}
	return v.do("POST", path, sent, header...)
}

func fields(pairs ...string) url.Values {
	f := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		f.Add(pairs[i], pairs[i+1])
	}
	return f
}

// signedIn is a browser in which accounts are signed in; the first is primary, the last is current.
func (s *site) signedIn(ids ...string) *visitor {
	s.t.Helper()
	v := &visitor{site: s}
	for i, id := range ids {
		if i > 0 {
			v.must(303, v.post("/link/p/"+ids[0], nil))
		}
		v.must(303, v.post("/sign-in", fields("id", id)))
	}
	return v
}

func (v *visitor) must(status int, a answer) answer {
	v.t.Helper()
	if a.Status != status {
		v.t.Fatalf("got %d %.300s, want %d", a.Status, a.Body, status)
	}
	return a
}

// where is what a page shows of a request's scope.
type where struct {
	Account, Tenant, Name, Stamp string
	Role                         tenant.Role
	Rows                         []string
}

// at opens the page with data and returns where it is.
func (v *visitor) at(path string, header ...string) (w where, status int) {
	v.t.Helper()
	a := v.do("GET", path, nil, append(slices.Clone(asPage), header...)...)
	if a.Status == 200 {
		a.json(v.t, &w)
	}
	return w, a.Status
}

func (v *visitor) in(want tenant.Tenant) {
	v.t.Helper()
	if w, status := v.at("/data"); w.Tenant != want.ID {
		v.t.Errorf("works in %q (%d), want %q", w.Name, status, want.Name)
	}
}

// switchTo chooses a tenant.
func (v *visitor) switchTo(t tenant.Tenant) {
	v.t.Helper()
	v.must(303, v.post("/tenants/switch_to/"+t.ID, nil))
}

// eventually waits until a condition holds.
func eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	for !holds() {
		select {
		case <-ctx.Done():
			t.Fatalf("still not: %s", what)
		case <-time.After(20 * time.Millisecond):
		}
	}
}
