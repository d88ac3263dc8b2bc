package auth_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/multiaccount-go/multiaccount/auth"
	"github.com/multiaccount-go/multiaccount/tenant"
)

// TN-07
func TestMassAssignmentAtRegistration(t *testing.T) {
	s := newSite(t)
	other := s.addTenant("Bolts", "bob@example.com")
	v := s.visitor()
	v.leads(v.register("Acme", "alice@example.com", "id", other.ID, "user_id", other.ID, "tenant_id", other.Home, "tenant[id]", other.Home,
		"home", other.Home, "Home", other.Home, "role", "admin", "status", "inactive", "active", "true", "primary", other.ID, "password_hash", "x",
		"PasswordHash", "x", "Identity", "x", "name", "Somebody else"), "/")
	u, _ := s.user("alice@example.com")
	if got := s.tenants("alice@example.com"); !slices.Equal(got, []string{"Acme:owner"}) || u.ID == other.ID || u.Home == other.Home ||
		!u.IsActive() || u.Name != "Acme" || s.hash("alice@example.com") == "x" {
		t.Errorf("user %+v belongs to %v", u, got)
	}
	body, _ := json.Marshal(map[string]any{"account_name": "Cogs", "email": "carol@example.com", "password": good, "password_confirmation": good,
		"tenant": map[string]string{"id": other.Home}, "Status": "inactive", "invitation": map[string]string{}})
	a := s.visitor().do("POST", "/registration", string(body), "Accept", "application/json", "Content-Type", "application/json")
	if a.Status != 200 || !slices.Equal(s.tenants("carol@example.com"), []string{"Cogs:owner"}) {
		t.Errorf("JSON: got %d %s", a.Status, a.Body)
	}
}

func TestAProgramIsToldEveryMistakeByCodeAndText(t *testing.T) {
	s := newSite(t)
	s.add("alice@example.com")
	a := s.visitor().post("/registration", url.Values{"account_name": {"admin"}, "email": {"alice@example.com"}, "password": {"x"},
		"password_confirmation": {"y"}}, asJSON...)
	const want = `{"error":"invalid","message":"Please look at the fields again.","fields":{` +
		`"account_name":{"error":"reserved","message":"This name is kept for the site itself. Please choose another one."},` +
		`"email":{"error":"taken","message":"This e-mail address is registered already."},` +
		`"password":{"error":"too_short","message":"Please use at least 8 characters."},` +
		`"password_confirmation":{"error":"mismatch","message":"The two passwords are not the same."}}}`
	if a.Status != 422 || a.Body != want || a.Header.Get("Content-Type") != "application/json" {
		t.Errorf("got %d %s", a.Status, a.Body)
	}
}

// TN-03: whatever fails, both exist or neither, and whoever tries again succeeds.
func TestARegistrationThatFailsLeavesNothing(t *testing.T) {
	for sentence, c := range map[string]struct {
		breaks  func(s *site, broken bool)
		deleted int // how often the app hears that a user is gone
	}{
		"the database at commit": {func(s *site, broken bool) {
			s.db.register.Store(nil)
			if broken {
				s.db.register.Store(&errDown)
			}
		}, 0},
		"the database":          {func(s *site, broken bool) { s.db.down.Store(broken) }, 0},
		"the app refuses":       {func(s *site, broken bool) { s.refuses.Store(broken) }, 0},
		"the store of sessions": {func(s *site, broken bool) { s.sessions.readOnly.Store(broken) }, 1},
	} {
		t.Run(sentence, func(t *testing.T) {
			s := newSite(t)
			v := s.visitor()
			form := fill(t, v.get("/registration/new"), "/registration", "account_name", "Acme", "email", "alice@example.com",
				"password", good, "password_confirmation", good)
			c.breaks(s, true)
			a := v.post("/registration", form)
			if a.Status != 503 || strings.Contains(a.Body, "hunter2") {
				t.Errorf("got %d %s", a.Status, a.Body)
			}
			c.breaks(s, false)
			if _, ok := s.user("alice@example.com"); ok || !s.isFree("Acme") || v.current() != "" {
				t.Fatal("something stays")
			}
			if len(s.deleted) != c.deleted {
				t.Errorf("the app heard of %v", s.deleted)
			}
			v.leads(v.post("/registration", form), "/")
		})
	}
}

func TestTheAppsOwnRefusalStandsBesideItsField(t *testing.T) {
	s := newSite(t, func(c *auth.Config) {
		c.Fields = []auth.Field{{Name: "code", Label: "Code"}}
		c.Registered = func(_ context.Context, _ auth.User, values map[string]string) error {
			if values["code"] != "42" {
				return fmt.Errorf("app: %w", auth.Problems{"code": {Code: "used", Text: "This code is used up."}})
			}
			return nil
		}
	})
	a := s.visitor().register("Acme", "alice@example.com", "code", "41")
	if a.Status != 422 || problem(t, a, "code") != "This code is used up." || !s.isFree("Acme") {
		t.Errorf("got %d %s", a.Status, a.Body)
	}
	v := s.visitor()
	v.leads(v.register("Acme", "alice@example.com", "code", "42"), "/")
}

// TN-04
func TestOfManyWhoRegisterWithOneNameAtOnceOneDoes(t *testing.T) {
	s := newSite(t)
	const many = 50
	statuses := make([]int, many)
	cookies := make([]bool, many)
	var all sync.WaitGroup
	for i := range many {
		all.Go(func() {
			v := s.visitor()
			a := v.post("/registration", url.Values{"account_name": {[]string{"Acme", "ACME", " acme "}[i%3]},
				"email": {fmt.Sprintf("user%d@example.com", i)}, "password": {good}, "password_confirmation": {good}})
			statuses[i], cookies[i] = a.Status, len(v.cookies) > 0
		})
	}
	all.Wait()
	in := 0
	for i, status := range statuses {
		_, exists := s.user(fmt.Sprintf("user%d@example.com", i))
		switch {
		case status == 303 && exists && cookies[i]:
			in++
		case status != 422 || exists || cookies[i]:
			t.Errorf("try %d: status %d, user exists: %v, cookie: %v", i, status, exists, cookies[i])
		}
	}
	if in != 1 {
		t.Errorf("%d are in", in)
	}
}

func TestWhatTheOtherPoliciesMake(t *testing.T) {
	for policy, want := range map[tenant.Policy][]string{
		tenant.Personal: {"Alice Smith:owner", "Alice Smith 2:owner", "alice.smith:owner"}, tenant.None: {":owner", ":owner", ":owner"},
	} {
		t.Run(string(policy), func(t *testing.T) {
			s := newSite(t, func(c *auth.Config) { c.Policy = policy })
			page := s.visitor().get("/registration/new").page(t)
			if len(page.With("name", "account_name")) != 0 || len(page.With("name", "name")) != 1 {
				t.Error("the form asks for the name of a tenant, or not for that of the person")
			}
			for i, c := range []struct{ email, name, called string }{
				{"a@example.com", "Alice Smith", "Alice Smith"}, {"b@example.com", " Alice  Smith ", "Alice Smith"},
				{"alice.smith@example.com", "", "alice.smith"},
			} {
				v := s.visitor()
				a := v.submit("/registration/new", "/registration", "email", c.email, "name", c.name,
					"password", good, "password_confirmation", good)
				v.leads(a, "/")
				if got := s.tenants(c.email); !slices.Equal(got, []string{want[i]}) {
					t.Errorf("belongs to %v, want %s", got, want[i])
				}
				if u, _ := s.user(c.email); u.Name != c.called {
					t.Errorf("is called %q", u.Name)
				}
			}
		})
	}
}

// invite returns the secret of an invitation of an hour.
func (s *site) invite(owner auth.User, email string) tenant.Secret {
	s.t.Helper()
	secret := tenant.NewSecret()
	err := s.db.Tenants().Invite(s.t.Context(), tenant.Invitation{ID: string(secret[:8]), TenantID: owner.Home, Email: tenant.EmailKey(email),
		Role: tenant.Member, By: owner.ID, Hash: secret.Hash(), Created: s.now(), Expires: s.now().Add(time.Hour)})
	if err != nil {
		s.t.Fatal(err)
	}
	return secret
}

func TestAnInvitationJoinsItsTenantWhateverThePolicy(t *testing.T) {
	for _, policy := range []tenant.Policy{tenant.PerUser, tenant.Personal, tenant.ByInvitation, tenant.None} {
		t.Run(string(policy), func(t *testing.T) {
			s := newSite(t, func(c *auth.Config) { c.Policy = policy })
			owner := s.addTenant("Acme", "alice@example.com")
			secret := s.invite(owner, "bob@example.com")
			path := "/registration/new?invitation=" + string(secret)
			v := s.visitor()
			typed := []string{"name", "Bob", "password", good, "password_confirmation", good}
			a := v.submit(path, "/registration", append(typed, "email", "mallory@example.com")...)
			if a.Status != 422 || problem(t, a, "email") == "" {
				t.Errorf("another address: got %d %s", a.Status, a.Body)
			}
			a = v.post("/registration", fill(t, a, "/registration", append(typed, "email", "Bob@Example.com")...)) // the form keeps the invitation
			v.leads(a, "/")
			if got := s.tenants("bob@example.com"); !slices.Equal(got, []string{"Acme:member"}) {
				t.Errorf("belongs to %v", got)
			}
			a = s.visitor().submit(path, "/registration", append(typed, "email", "carol@example.com")...)
			if _, ok := s.user("carol@example.com"); a.Status != 422 || ok || alert(t, a) == "" {
				t.Errorf("used twice: got %d %s", a.Status, a.Body)
			}
		})
	}
}

func TestWithoutAnInvitationNobodyRegistersWhereThePolicySaysSo(t *testing.T) {
	s := newSite(t, func(c *auth.Config) { c.Policy = tenant.ByInvitation })
	if a := s.visitor().get("/registration/new"); a.Status != 200 || !strings.Contains(alert(t, a), "invitation") {
		t.Errorf("got %d %s", a.Status, a.Body)
	}
	form := url.Values{"email": {"bob@example.com"}, "password": {good}, "password_confirmation": {good}}
	a := s.visitor().post("/registration", form, asJSON...)
	if _, ok := s.user("bob@example.com"); a.Status != 422 || a.json(t)["error"] != "needs_invitation" || ok {
		t.Errorf("got %d %s", a.Status, a.Body)
	}
}

// EN-02: without mail the form tells whether an address is registered, as often as the limit allows.
func TestHowOftenAnybodyCanAskWhetherAnAddressIsRegistered(t *testing.T) {
	s := newSite(t, func(c *auth.Config) { c.Limits = auth.Limits{} })
	statuses := map[int]int{}
	for i := range 22 {
		a := s.visitor().post("/registration", url.Values{"email": {fmt.Sprintf("user%d@example.com", i)}})
		statuses[a.Status]++
	}
	if statuses[422] != 20 || statuses[429] != 2 {
		t.Errorf("got %v", statuses)
	}
}
