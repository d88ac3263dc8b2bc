package apitoken_test

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/multiaccount-go/multiaccount"
	"github.com/multiaccount-go/multiaccount/auth/apitoken"
	"github.com/multiaccount-go/multiaccount/auth/internal/signintest"
	"github.com/multiaccount-go/multiaccount/tenant"
)

// tenantSite is a site whose programs work in tenants.
type tenantSite struct {
	*site
	tenants *tenant.Tenants
}

func newTenantSite(t *testing.T) *tenantSite {
	t.Helper()
	s := &tenantSite{}
	s.site = newSite(t, func(cfg *apitoken.Config) {
		cfg.Scope = func(c *fiber.Ctx) (string, error) { return s.tenants.ScopeID(c) }
	})
	var err error
	s.tenants, err = tenant.New(tenant.Config{
		Accounts: s.Accounts, Store: s.Users.Tenants(), People: noPeople, Now: s.Clock.Now, Log: signintest.Quiet(),
	})
	if err != nil {
		t.Fatal(err)
	}
	s.App.Get("/api/tenant", func(c *fiber.Ctx) error {
		key, _ := apitoken.Of(c)
		scope, err := s.tenants.ScopeFor(c.UserContext(), key.UserID, key.Scope)
		if err != nil {
			return err
		}
		return c.JSON(fiber.Map{"tenant": scope.Tenant.ID, "role": scope.Role, "user": scope.AccountID})
	})
	return s
}

func noPeople(context.Context, ...string) (map[string]tenant.Person, error) { return nil, nil }

func TestAKeyOfWhoeverNeverChoseATenantWorksInHisHome(t *testing.T) {
	s := newTenantSite(t)
	alice := s.User("alice@example.com").ID
	home := s.Tenants(alice)[0].Tenant.ID
	_, key := s.make(s.Browser().Enter(alice), "backup")
	s.ask(key).Says(`"scope":"` + home + `"`)
	s.Browser().Get("/api/tenant", "Authorization", "Bearer "+key).Is(http.StatusOK).
		Says(`"tenant":"` + home + `"`).Says(`"role":"owner"`).Says(`"user":"` + alice + `"`)
}

func TestAKeyOfWhoeverLeftTheTenantDoesNothingThere(t *testing.T) {
	s := newTenantSite(t)
	alice, bob := s.User("alice@example.com").ID, s.User("bob@example.com").ID
	name, err := tenant.ParseName("Acme")
	if err != nil {
		t.Fatal(err)
	}
	acme, err := s.Users.Tenants().Create(t.Context(), name, alice)
	if err != nil {
		t.Fatal(err)
	}
	secret := tenant.NewSecret()
	invitation := tenant.Invitation{ID: "i", TenantID: acme.ID, Email: "bob@example.com", Role: tenant.Member, By: alice,
		Hash: secret.Hash(), Created: s.Clock.Now(), Expires: s.Clock.Now().Add(time.Hour)}
	if err := s.Users.Tenants().Invite(t.Context(), invitation); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Users.Tenants().Accept(t.Context(), secret.Hash(), bob, "bob@example.com", s.Clock.Now()); err != nil {
		t.Fatal(err)
	}
	_, key, err := s.keys.Create(t.Context(), bob, "backup", acme.ID, 24*time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	ask := func() *signintest.Answer {
		return s.Browser().Get("/api/tenant", "Authorization", "Bearer "+key, "Accept", "application/json")
	}
	ask().Is(http.StatusOK).Says(`"role":"member"`)
	if err := s.tenants.Suspend(t.Context(), acme.ID); err != nil {
		t.Fatal(err)
	}
	ask().Is(http.StatusForbidden).Says(tenant.CodeNoTenant)
	if err := s.tenants.Activate(t.Context(), acme.ID); err != nil {
		t.Fatal(err)
	}
	ask().Is(http.StatusOK)
	if err := s.Users.Tenants().Remove(t.Context(), acme.ID, bob); err != nil {
		t.Fatal(err)
	}
	ask().Is(http.StatusForbidden).Says(tenant.CodeNoTenant)
}

func TestNoKeyIsMadeWhileTheTenantIsNotKnown(t *testing.T) {
	refused := &multiaccount.Refusal{Status: http.StatusServiceUnavailable, Code: "store_unavailable", Message: "later"}
	s := newSite(t, func(cfg *apitoken.Config) {
		cfg.Scope = func(*fiber.Ctx) (string, error) { return "half", refused }
	})
	alice := s.User("alice@example.com").ID
	b := s.Browser().Enter(alice)
	b.Post("/profile/api_keys", url.Values{"name": {"backup"}, "days": {"30"}, "_stamp": {b.Stamp()}}, signintest.AsJSON...).
		Is(http.StatusServiceUnavailable)
	if keys, err := s.keys.List(t.Context(), alice); err != nil || len(keys) != 0 {
		t.Errorf("got keys %v and error %v", keys, err)
	}
}

// TestCheckKnowsWhatAKeyGuards: routes behind keys need no Protect, and the same route in front of them does.
func TestCheckKnowsWhatAKeyGuards(t *testing.T) {
	warned := func(guarded bool) (found bool) {
		s := newSite(t)
		api := fiber.Router(s.App.Group("/more"))
		if guarded {
			api = s.App.Group("/more", s.keys.Handler)
		}
		api.Post("/notes", func(c *fiber.Ctx) error { return c.SendStatus(http.StatusNoContent) })
		for _, w := range s.Accounts.Check(s.App) {
			found = found || w.Code == "unguarded" && strings.Contains(w.What, "/more/notes")
		}
		return found
	}
	if warned(true) {
		t.Error("Check warns of a route behind a key")
	}
	if !warned(false) {
		t.Error("Check does not warn of a route that nothing guards: this test sees nothing")
	}
}
