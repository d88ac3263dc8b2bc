package tenant_test

import (
	"strings"
	"testing"

	"github.com/gofiber/fiber/v2"

	"github.com/multiaccount-go/multiaccount/tenant"
)

// The routes of this package and its Require look at the page themselves; ByPath does not, and Check says so.
func TestTheCheckOfThePluginKnowsTheGuardsOfTenants(t *testing.T) {
	s := newSite(t)
	app := fiber.New()
	app.Use(s.accounts.Handler)
	s.accounts.Register(app)
	s.tenants.Register(app)
	none := func(*fiber.Ctx) error { return nil }
	app.Post("/guarded", s.tenants.Require(tenant.Member), none)
	app.Post("/open/:id", s.tenants.ByPath("id"), none)
	for _, w := range s.accounts.Check(app) {
		if w.Code != "unguarded" {
			continue
		}
		if !strings.Contains(w.What, "before POST /open/:id") || strings.Contains(w.What, ",") {
			t.Errorf("warned: %s", w.What)
		}
		return
	}
	t.Error("no warning about a route that has no guard")
}
