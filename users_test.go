package multiaccount_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/gofiber/fiber/v2"

	"github.com/multiaccount-go/multiaccount"
	"github.com/multiaccount-go/multiaccount/account"
)

// When the current user cannot be loaded nobody acts, least of all the primary.
func TestCurrentUserCannotBeLoaded(t *testing.T) {
	a := user{ID: "a", Name: "Name-A"}
	for name, tc := range map[string]struct {
		load     func() (map[string]user, error, bool)
		status   int
		location string
		state    account.State // afterwards, when the loader works again
	}{
		"not found": {func() (map[string]user, error, bool) { return map[string]user{"a": a}, nil, true }, 303, "/link/choose",
			account.StateChoosing},
		"inactive": {func() (map[string]user, error, bool) {
			return map[string]user{"a": a, "b": {ID: "b", Inactive: true}}, nil, true
		}, 303, "/link/choose", account.StateChoosing},
		"nil map": {func() (map[string]user, error, bool) { return nil, nil, true }, 303, "/link/choose",
			account.StateChoosing},
		"somebody else instead": {func() (map[string]user, error, bool) { return map[string]user{"v": {ID: "v"}}, nil, true },
			303, "/link/choose", account.StateChoosing},
		"error": {func() (map[string]user, error, bool) { return nil, errors.New("database is down"), true },
			503, "", account.StateMulti},
		"error with users": {func() (map[string]user, error, bool) {
			return map[string]user{"a": a, "b": {ID: "b"}}, errors.New("half"), true
		}, 503, "", account.StateMulti},
		"panic": {func() (map[string]user, error, bool) { panic("secret text") }, 503, "", account.StateMulti},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t)
			b := s.signedIn("a", "b")
			stamp := b.stamp()
			s.people.answer(tc.load)
			got := b.get("/app")
			if got.Status != tc.status || !strings.HasPrefix(got.location(), tc.location) || len(got.Cookies) > 0 {
				t.Errorf("page: %d %s %v", got.Status, got.location(), got.Cookies)
			}
			if page := b.get("/page"); strings.Contains(page.Body, "local=a") || strings.Contains(page.Body, "current=a") ||
				strings.Contains(page.Body, "secret text") {
				t.Errorf("got %s", page.Body)
			}
			for _, kind := range []option{form("_stamp", stamp), hx, program} {
				if got := b.do("POST", "/app/act", kind, stamped(stamp)); got.Status < 400 || s.rows() != "" {
					t.Errorf("act: %d, rows %q", got.Status, s.rows())
				}
			}
			s.people.answer(nil)
			if d := b.document(); d.State != tc.state || d.Current != nil && d.Current.ID != "b" {
				t.Errorf("afterwards: %+v", d)
			}
		})
	}
}

func TestUsersAreLoadedByOneCall(t *testing.T) {
	s := newSite(t)
	b := s.signedIn("a", "b", "c")
	for _, path := range []string{"/page", "/app", "/document", "/link/accounts", "/link/switch_to/a", "/link/p/a",
		"/link/choose", "/link/state"} {
		s.people.takeCalls()
		s.store.takeCalls()
		b.get(path)
		if calls := s.people.takeCalls(); len(calls) != 1 || !slices.Equal(calls[0], []string{"a", "b", "c"}) {
			t.Errorf("%s: users are loaded by %v", path, calls)
		}
		if calls := s.store.takeCalls(); !slices.Equal(calls, []string{"load"}) {
			t.Errorf("%s: the store is called by %v", path, calls)
		}
	}
	t.Run("for nobody by none", func(t *testing.T) {
		s.browser().get("/page")
		if users, store := s.people.takeCalls(), s.store.takeCalls(); len(users)+len(store) > 0 {
			t.Errorf("users %v, store %v", users, store)
		}
	})
	t.Run("a switch by one more for the store", func(t *testing.T) {
		stamp := b.stamp()
		s.people.takeCalls()
		s.store.takeCalls()
		b.do("POST", "/link/switch_to/a", program, stamped(stamp))
		if users, store := s.people.takeCalls(), s.store.takeCalls(); len(users) != 1 || !slices.Equal(store, []string{"load", "save"}) {
			t.Errorf("users %v, store %v", users, store)
		}
	})
}

// The map that the loader returns belongs to the app: it may be a table that all requests share.
func TestLoadersMapIsNotWritten(t *testing.T) {
	s := newSite(t)
	b := s.signedIn("a")
	b.post("/link/p/a")
	shared := map[string]user{"a": {ID: "a"}}
	s.people.answer(func() (map[string]user, error, bool) {
		if calls := len(s.people.calls); calls%2 == 0 { // the second call of the sign-in asks for b
			return map[string]user{"b": {ID: "b"}}, nil, true
		}
		return shared, nil, true
	})
	s.people.takeCalls()
	b.do("POST", "/sign-in", form("id", "b", "password", "pw-b"))
	if len(shared) != 1 {
		t.Errorf("the app's map became %v", shared)
	}
}

func TestDeactivation(t *testing.T) {
	deactivate := func(s *site, id string) {
		s.people.set(user{ID: id, Name: "Name-" + strings.ToUpper(id), Inactive: true})
	}
	t.Run("of another member: listed, and cannot be switched to", func(t *testing.T) {
		s := newSite(t)
		b := s.signedIn("a", "b")
		deactivate(s, "a")
		b.acts(t, "b", "a")
		if d := b.document(); d.Accounts[0].Status != account.StatusInactive || d.State != account.StateMulti {
			t.Errorf("got %+v", d)
		}
		b.unchanged(t, func() {
			refused(t, b.do("POST", "/link/switch_to/a", program, stamped(b.stamp())), 404, multiaccount.CodeNotFound)
			refused(t, b.do("GET", "/link/switch_to/a", program), 404, multiaccount.CodeNotFound)
		})
	})
	t.Run("of the current one: to the choice, at the next request", func(t *testing.T) {
		s := newSite(t)
		b := s.signedIn("a", "b")
		stamp := b.stamp()
		deactivate(s, "b")
		refused(t, b.do("POST", "/app/act", program, stamped(stamp)), 409, multiaccount.CodeStalePage)
		if d := b.document(); d.State != account.StateChoosing || d.Current != nil || d.Accounts[1].Status != account.StatusInactive {
			t.Errorf("got %+v", d)
		}
		if a := b.get("/app"); a.Status != 303 || !strings.HasPrefix(a.location(), "/link/choose") {
			t.Errorf("got %d %s", a.Status, a.location())
		}
		if a := b.get("/link/choose"); a.Status != 200 || strings.Contains(a.Body, `action="/link/switch_to/b"`) {
			t.Errorf("the chooser offers the inactive account: %d %s", a.Status, a.Body)
		}
		b.switchTo("a")
		b.acts(t, "a", "a")
	})
	t.Run("of the only one: the session ends", func(t *testing.T) {
		s := newSite(t)
		b := s.signedIn("a")
		deactivate(s, "a")
		a := b.get("/app")
		if a.Status != 303 || !strings.HasPrefix(a.location(), "/session/new") || len(a.Cookies) > 0 {
			t.Errorf("got %d %s %v", a.Status, a.location(), a.Cookies)
		}
		if b.record() != "" {
			t.Error("the record is still there")
		}
		s.people.set(user{ID: "a"})
		b.acts(t, "", "")
	})
	t.Run("told by UserChanged: at once, in every session", func(t *testing.T) {
		s := newSite(t)
		one, two, other := s.signedIn("a", "b"), s.signedIn("b"), s.signedIn("c")
		before := other.record()
		deactivate(s, "b")
		if err := s.accounts.UserChanged(t.Context(), "b"); err != nil {
			t.Fatal(err)
		}
		if two.record() != "" || other.record() != before {
			t.Error("want the session of b alone ended, and that of c untouched")
		}
		if d := one.document(); d.State != account.StateChoosing {
			t.Errorf("got %+v", d)
		}
	})
	t.Run("of the link, and back", func(t *testing.T) {
		s := newSite(t)
		b := s.signedIn("a", "b")
		cookie, err := account.ParseCookie(b.cookie())
		if err != nil {
			t.Fatal(err)
		}
		membership := b.document().Accounts[1].Membership
		if err := s.accounts.Deactivate(t.Context(), cookie.ID, membership); err != nil {
			t.Fatal(err)
		}
		if d := b.document(); d.State != account.StateChoosing || d.Accounts[1].Status != account.StatusInactive {
			t.Errorf("got %+v", d)
		}
		if err := s.accounts.Activate(t.Context(), cookie.ID, membership); err != nil {
			t.Fatal(err)
		}
		b.switchTo("b")
		if err := s.accounts.Destroy(t.Context(), cookie.ID, membership); err != nil {
			t.Fatal(err)
		}
		if d := b.document(); len(d.Accounts) != 1 || d.State != account.StateChoosing {
			t.Errorf("got %+v", d)
		}
		if err := s.accounts.End(t.Context(), cookie.ID); err != nil {
			t.Fatal(err)
		}
		b.acts(t, "", "")
	})
	t.Run("of authentications everywhere", func(t *testing.T) {
		s := newSite(t)
		b := s.signedIn("a", "b")
		if err := s.accounts.SignOutEverywhere(t.Context(), "b"); err != nil {
			t.Fatal(err)
		}
		if d := b.document(); d.State != account.StateChoosing || d.Accounts[1].Status != account.StatusSignedOut {
			t.Errorf("got %+v", d)
		}
		if a := b.post("/link/switch_to/b"); a.Status != 303 || !strings.HasPrefix(a.location(), "/session/new") {
			t.Errorf("got %d %s", a.Status, a.location())
		}
		b.signIn("b")
		b.acts(t, "b", "a")
	})
}

func TestUserChangedTellsTheTabsOfANewName(t *testing.T) {
	s := newSite(t)
	b := s.signedIn("a", "b")
	before := b.document()
	s.people.set(user{ID: "a", Name: "Alice"})
	if err := s.accounts.UserChanged(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	after := b.document()
	if after.Version != before.Version+1 || after.Stamp != before.Stamp || after.Accounts[0].Profile.Name != "Alice" {
		t.Errorf("got %+v, before %+v", after, before)
	}
	if e := s.audit.take(); len(e) != 1 || e[0].Reason != account.ReasonUpdated || e[0].Method != "" {
		t.Errorf("got %+v", e)
	}
}

func TestBackOfficeSeesASession(t *testing.T) {
	s := newSite(t)
	b := s.signedIn("a", "b", "c")
	s.people.set(user{ID: "c", Inactive: true})
	sessions, err := s.accounts.Sessions(t.Context(), "b")
	if err != nil || len(sessions) != 1 {
		t.Fatalf("got %v %v", sessions, err)
	}
	linked, err := s.accounts.LinkedUsers(t.Context(), sessions[0].ID)
	if err != nil || len(linked) != 1 || linked[0].User.Name != "Name-B" || linked[0].Account != "b" || linked[0].Method != "password" {
		t.Errorf("got %+v %v", linked, err)
	}
	if sessions, err := s.accounts.Sessions(t.Context(), "v"); err != nil || len(sessions) != 0 {
		t.Errorf("got %v %v", sessions, err)
	}
	if err := s.accounts.Deactivate(t.Context(), sessions[0].ID, "unknown"); !errors.Is(err, account.ErrNotLinked) {
		t.Errorf("got %v", err)
	}
	s.store.fail(errStoreDown)
	var unavailable *account.UnavailableError
	if _, err := s.accounts.LinkedUsers(t.Context(), sessions[0].ID); !errors.As(err, &unavailable) {
		t.Errorf("got %v", err)
	}
	s.store.fail(nil)
	b.acts(t, "", "a")
}

// The locals are the plugin's, whatever stood there before, and say at once what a change in this request led to.
func TestLocalsNameNobodyButTheCurrentUser(t *testing.T) {
	s := newSite(t)
	s.app = fiber.New()
	s.app.Use(func(c *fiber.Ctx) error {
		c.Locals("current_user", user{ID: "somebody"})
		c.Locals("primary_user", user{ID: "somebody"})
		return c.Next()
	})
	s.routes()
	s.app.Post("/sign-out-here", func(c *fiber.Ctx) error {
		if err := s.accounts.SignOut(c); err != nil {
			return err
		}
		return s.whoAmI(c.Status(fiber.StatusOK))
	})
	s.browser().acts(t, "", "")
	s.signedIn("a").acts(t, "a", "")
	b := s.signedIn("a", "b")
	if a := b.do("POST", "/sign-out-here", form()); a.Body != "current=- primary=- local=/ id= state=anonymous" {
		t.Errorf("got %s", a.Body)
	}
}

// Typed access, locals and head agree, whatever the state.
func TestAccessors(t *testing.T) {
	s := newSite(t)
	for name, b := range map[string]*browser{"anonymous": s.browser(), "single": s.signedIn("a"), "multi": s.signedIn("a", "b")} {
		t.Run(name, func(t *testing.T) {
			body := b.get("/page").Body
			if !strings.HasSuffix(body, "state="+name) {
				t.Errorf("got %s", body)
			}
			d := b.document()
			page := b.get("/document").Body
			for _, want := range []string{
				fmt.Sprintf(`<meta name="account-stamp" content="%s">`, d.Stamp),
				fmt.Sprintf(`<meta name="session-version" content="%d">`, d.Version),
				`src="/link/multiaccount.js`, `data-follow="reload"`,
			} {
				if !strings.Contains(page, want) {
					t.Errorf("page has no %s:\n%s", want, page)
				}
			}
			if field := `name="_stamp" value="` + d.Stamp + `"`; strings.Contains(page, field) != (d.Stamp != "") {
				t.Errorf("stamp %q, page:\n%s", d.Stamp, page)
			}
		})
	}
}

// A panic in the middle of finding out who acts must not leave a half-checked account behind for whoever draws the error.
func TestPanicOfActiveLetsNobodyAct(t *testing.T) {
	var panics atomic.Bool
	s := newSite(t, func(c *config) {
		c.Active = func(user) bool {
			if panics.Load() {
				panic("a bug of the app")
			}
			return true
		}
	})
	s.app = fiber.New(fiber.Config{ErrorHandler: func(c *fiber.Ctx, _ error) error { return s.whoAmI(c.Status(500)) }})
	s.app.Use(recovered)
	s.app.Get("/early", func(c *fiber.Ctx) error { // before Handler: the first who asks
		s.accounts.CurrentUser(c)
		return fiber.ErrTeapot
	})
	s.routes()
	b := s.signedIn("a", "b")
	stamp := b.stamp()
	panics.Store(true)
	b.unchanged(t, func() {
		refused(t, b.do("GET", "/page", program), 503, multiaccount.CodeStoreUnavailable)
		refused(t, b.do("GET", "/app", program), 503, multiaccount.CodeStoreUnavailable)
		refused(t, b.do("POST", "/app/act", program, stamped(stamp)), 503, multiaccount.CodeStoreUnavailable)
		refused(t, b.do("POST", "/link/switch_to/a", program, stamped(stamp)), 503, multiaccount.CodeStoreUnavailable)
		refused(t, b.do("POST", "/sign-in", program, formBody("id", "c", "password", "pw-c")), 503, multiaccount.CodeStoreUnavailable)
	})
	if a := b.get("/early"); a.Status != 500 || !strings.HasPrefix(a.Body, "current=- primary=- local=/ id= ") {
		t.Errorf("the error is drawn for somebody: %d %s", a.Status, a.Body)
	}
	panics.Store(false)
	b.acts(t, "b", "a")
}

// recovered turns a panic of a handler into an error, as the middleware that apps use does.
func recovered(c *fiber.Ctx) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%v", r)
		}
	}()
	return c.Next()
}
