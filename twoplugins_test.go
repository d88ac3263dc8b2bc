package multiaccount_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/gofiber/fiber/v2"

	"github.com/multiaccount-go/multiaccount"
	"github.com/multiaccount-go/multiaccount/account"
)

// One app may have customers and staff, of one Go type and with the same ids, each with a plugin of their own.
func TestSessionsOfTwoPluginsMeanNothingToEachOther(t *testing.T) {
	staff := newSite(t, func(c *config) {
		c.Cookie.Name = "__Host-staff"
		c.Paths = multiaccount.Paths{Base: "/staff/link", SignIn: "/staff/sign-in"}
	})
	s := newSite(t)
	s.app.Use(staff.accounts.Handler)
	staff.accounts.Register(s.app)
	s.app.Post("/staff/sign-in", staff.accounts.SameOrigin(), staff.signIn)
	s.app.Post("/staff/act", staff.accounts.Protect(), staff.accounts.RequireUser, staff.act)
	s.app.Get("/staff/only", staff.accounts.RequireUser, staff.whoAmI)
	s.app.Get("/both", func(c *fiber.Ctx) error {
		return c.SendString(fmt.Sprintf("customer %s %s, staff %s %s", s.accounts.CurrentID(c), s.accounts.State(c),
			staff.accounts.CurrentID(c), staff.accounts.State(c)))
	})
	b := s.browser()
	both := func(want string) {
		t.Helper()
		if got := b.get("/both").Body; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	staffStamp := func() string {
		t.Helper()
		var d multiaccount.Document
		a := b.do("GET", "/staff/link/accounts", program)
		if err := json.Unmarshal([]byte(a.Body), &d); err != nil || d.Stamp == "" {
			t.Fatalf("staff: %d %s", a.Status, a.Body)
		}
		return d.Stamp
	}

	b.signIn("a")
	both("customer a single, staff  anonymous")
	customer := b.stamp()
	refused(t, b.do("GET", "/staff/only", program), 401, multiaccount.CodeNotSignedIn)
	refused(t, b.do("POST", "/staff/act", program, stamped(customer)), 401, multiaccount.CodeNotSignedIn)

	b.do("POST", "/staff/sign-in", form("id", "a", "password", "pw-a"))
	both("customer a single, staff a single") // the same id, and still two people
	refused(t, b.do("POST", "/staff/act", program, stamped(customer)), 409, multiaccount.CodeStalePage)
	refused(t, b.do("POST", "/app/act", program, stamped(staffStamp())), 409, multiaccount.CodeStalePage)
	if a := b.do("POST", "/staff/act", form("_stamp", staffStamp(), "value", "x")); a.Status != 200 {
		t.Errorf("staff: %d %s", a.Status, a.Body)
	}
	if s.rows() != "" || staff.rows() != "a:x" {
		t.Errorf("customers did %q, staff did %q", s.rows(), staff.rows())
	}

	b.link("b") // of the customers
	both("customer b multi, staff a single")
	b.post("/link/sign_out")
	both("customer  anonymous, staff a single")

	// A customer's cookie under the other name proves nothing.
	thief := s.signedIn("c").twin()
	thief.jar = map[string]string{"__Host-staff": thief.jar[cookieName]}
	if got := thief.get("/both").Body; got != "customer  anonymous, staff  anonymous" {
		t.Errorf("got %s", got)
	}
	if sessions, err := staff.accounts.Sessions(t.Context(), "c"); err != nil || len(sessions) != 0 {
		t.Errorf("staff sessions of c: %v %v", sessions, err)
	}
	if d := b.document(); d.State != account.StateAnonymous {
		t.Errorf("got %+v", d)
	}
}
