package tenant_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/multiaccount-go/multiaccount"
	"github.com/multiaccount-go/multiaccount/tenant"
)

func TestConfigurationReportsEveryMistake(t *testing.T) {
	var accounts *multiaccount.Plugin[user] // a variable that is assigned too late
	_, err := tenant.New(tenant.Config{
		Accounts: accounts, Policy: "sometimes", BaseURL: "www.example.com", Paths: tenant.Paths{Base: "tenants", Invitation: "/", Home: "//evil.test"},
		InvitationLife: -time.Hour, MaxInvitations: -1, MaxTenants: -1, RecentSignIn: time.Millisecond,
		Invite: func(context.Context, tenant.Invitation, tenant.Tenant, string) error { return nil },
	})
	if err == nil {
		t.Fatal("no mistake")
	}
	for _, part := range []string{
		"Accounts is missing", "Store", "People", `Policy is "sometimes"`, "BaseURL", "Paths.Base", "Paths.Invitation", "Paths.Home", "InvitationLife",
		"MaxInvitations", "MaxTenants", "RecentSignIn",
	} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("nothing about %s: %v", part, err)
		}
	}
	s := newSite(t)
	ok := tenant.Config{Accounts: s.accounts, Store: s.db, People: s.people}
	if _, err := tenant.New(ok); err != nil {
		t.Errorf("the least configuration: %v", err)
	}
	ok.Paths = tenant.Paths{Base: "/x", Invitation: "/X"}
	if _, err := tenant.New(ok); err == nil {
		t.Error("one path for two things")
	}
	for _, base := range []string{"", "javascript:alert(1)", "https://", "https://a@example.com", "https://example.com?x=1"} {
		wrong := tenant.Config{Accounts: s.accounts, Store: s.db, People: s.people, BaseURL: base, Invite: s.send}
		if _, err := tenant.New(wrong); err == nil {
			t.Errorf("BaseURL %q passes", base)
		}
	}
}

func TestRegisterOnAGroup(t *testing.T) {
	s := newSite(t)
	acme := s.tenant("Acme", "a")
	var title string
	other, err := tenant.New(tenant.Config{
		Accounts: s.accounts, Store: s.db, People: s.people, Invite: s.send, BaseURL: here + "/", Limits: generous(t),
		Layout: func(c *fiber.Ctx, page multiaccount.Page) error {
			title = page.Title
			return c.Status(page.Status).SendString("my design " + string(page.Body))
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	other.Register(s.app.Group("/org"))
	v := s.signedIn("a")
	v.must(303, v.post("/org/tenants/switch_to/"+acme.ID, nil))
	page := v.must(200, v.do("GET", "/org/tenants/members", nil, asPage...))
	if !strings.HasPrefix(page.Body, "my design") || title != "Members" || !strings.Contains(page.Body, `action="/org/tenants/rename"`) {
		t.Errorf("%q %s", title, page.Body)
	}
	v.must(303, v.post("/org/tenants/invitations", fields("email", "x@example.com", "role", "member")))
	if link := s.lastMail().link; !strings.HasPrefix(link, here+"/org/invitations/") {
		t.Errorf("link %s", link)
	}
	func() {
		defer func() {
			if recover() == nil {
				t.Error("a group with parameters passes")
			}
		}()
		other.Register(s.app.Group("/o/:org"))
	}()
}
