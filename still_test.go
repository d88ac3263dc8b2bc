package multiaccount_test

import (
	"errors"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/multiaccount-go/multiaccount"
)

// A handler is held after the guard has let it in, and something happens in another tab before it commits.
func TestSwitchBetweenGuardAndCommit(t *testing.T) {
	for name, test := range map[string]struct {
		meanwhile func(s *site, tab *browser)
		status    int
		code      string // "": it is carried out
	}{
		"nothing":                  {func(*site, *browser) {}, 200, ""},
		"a switch":                 {func(_ *site, b *browser) { b.switchTo("a") }, 409, multiaccount.CodeStalePage},
		"a switch there and back":  {func(_ *site, b *browser) { b.switchTo("a"); b.switchTo("b") }, 200, ""},
		"the account is added to":  {func(_ *site, b *browser) { b.link("c") }, 409, multiaccount.CodeStalePage},
		"another account leaves":   {func(_ *site, b *browser) { b.post("/link/sign_out/a") }, 200, ""},
		"the account signs out":    {func(_ *site, b *browser) { b.post("/link/sign_out/b") }, 409, multiaccount.CodeStalePage},
		"everybody signs out":      {func(_ *site, b *browser) { b.post("/link/sign_out") }, 401, multiaccount.CodeNotSignedIn},
		"the user is deactivated":  {func(s *site, _ *browser) { s.people.set(user{ID: "b", Inactive: true}) }, 401, multiaccount.CodeNotSignedIn},
		"the sign-in gets too old": {func(s *site, _ *browser) { s.clock.advance(2 * time.Hour) }, 401, multiaccount.CodeNotSignedIn},
		"the store goes away":      {func(s *site, _ *browser) { s.store.fail(errStoreDown) }, 503, multiaccount.CodeStoreUnavailable},
		"the loader fails": {func(s *site, _ *browser) {
			s.people.answer(func() (map[string]user, error, bool) { return nil, errStoreDown, true })
		}, 503, multiaccount.CodeStoreUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, func(c *config) {
				c.Sessions.ProofLifetime = time.Hour
			})
			held, release := make(chan struct{}), make(chan struct{})
			var rows []string
			s.app.Post("/slow", s.accounts.Protect(), func(c *fiber.Ctx) error {
				row := s.accounts.CurrentID(c)
				close(held)
				<-release
				if err := s.accounts.StillCurrent(c); err != nil {
					return err
				}
				rows = append(rows, row)
				return c.SendStatus(fiber.StatusOK)
			})
			b := s.signedIn("a", "b")
			tab, stamp := b.twin(), b.stamp()
			s.audit.take()
			answered := make(chan answer, 1)
			go func() { answered <- b.do("POST", "/slow", form("_stamp", stamp), program) }()
			select {
			case <-held:
			case <-time.After(patience):
				t.Fatal("the handler was not reached")
			}
			test.meanwhile(s, tab)
			s.audit.take()
			close(release)
			a := <-answered
			if test.code == "" {
				if a.Status != test.status || len(rows) != 1 || rows[0] != "b" {
					t.Errorf("got %d, rows %v, want one of b", a.Status, rows)
				}
				return
			}
			refused(t, a, test.status, test.code)
			if len(rows) > 0 || len(a.Header.Values("Set-Cookie")) > 0 {
				t.Errorf("rows %v, cookies %v, want none", rows, a.Header.Values("Set-Cookie"))
			}
			if e := s.audit.take(); len(e) != 1 || e[0].Code != test.code {
				t.Errorf("the audit trail tells %+v, want %s", e, test.code)
			}
		})
	}
}

// What is asked without anybody being there has nobody to be still current.
func TestStillCurrentOfNobody(t *testing.T) {
	s := newSite(t)
	var err error
	s.app.Get("/still", func(c *fiber.Ctx) error { err = s.accounts.StillCurrent(c); return nil })
	s.browser().get("/still")
	var refusal *multiaccount.Refusal
	if !errors.As(err, &refusal) || refusal.Code != multiaccount.CodeNotSignedIn {
		t.Errorf("got %v", err)
	}
}
