package multiaccount_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/multiaccount-go/multiaccount"
	"github.com/multiaccount-go/multiaccount/account"
)

// row is what a case of the audit trail expects: one event, and what it says.
type row struct {
	name                   string
	act                    func(t *testing.T, s *site, b *browser)
	action, code           string
	actor, about, from, to string
	named, scope           string // id behind Event.Named
	method, route          string
	before                 func(t *testing.T, s *site, b *browser) // not looked at
	accounts               []string                                // signed in, default a and b, b is current
	withoutSession         bool
}

// AU-01: every transition and every refusal is exactly one event, which says who did what to whom.
func TestEveryTransitionAndRefusalIsOneEvent(t *testing.T) {
	const switchRoute, linkRoute = "/link/switch_to/:user_id", "/link/p/:primary_user_id"
	const outRoute = "/link/sign_out/:user_id"
	post := func(path string, pairs ...string) func(*testing.T, *site, *browser) {
		return func(_ *testing.T, _ *site, b *browser) { b.post(path, pairs...) }
	}
	do := func(method, path string, options ...option) func(*testing.T, *site, *browser) {
		return func(_ *testing.T, _ *site, b *browser) { b.do(method, path, options...) }
	}
	signIn := func(id string, pairs ...string) func(*testing.T, *site, *browser) {
		return do("POST", "/sign-in", form(append(pairs, "id", id, "password", "pw-"+id)...))
	}
	office := func(call func(ctx context.Context, s *site, of *account.Session) error) func(*testing.T, *site, *browser) {
		return func(t *testing.T, s *site, b *browser) {
			if err := call(t.Context(), s, s.sessionOf(t, b)); err != nil {
				t.Fatal(err)
			}
		}
	}
	deactivate := func(id string) func(*testing.T, *site, *browser) {
		return func(_ *testing.T, s *site, _ *browser) { s.people.set(user{ID: id, Inactive: true}) }
	}
	member := func(s *account.Session, id string) string { return s.Find(id).Membership }
	suspend := func(id string) func(*testing.T, *site, *browser) {
		return office(func(ctx context.Context, s *site, of *account.Session) error {
			return s.accounts.Deactivate(ctx, of.ID, member(of, id))
		})
	}
	revokeA := office(func(ctx context.Context, s *site, _ *account.Session) error {
		return s.accounts.SignOutEverywhere(ctx, "a")
	})
	later := func(d time.Duration) func(*testing.T, *site, *browser) {
		return func(_ *testing.T, s *site, _ *browser) { s.clock.advance(d) }
	}
	storeFails := func(_ *testing.T, s *site, _ *browser) { s.store.fail(errStoreDown) }

	rows := []row{
		{name: "sign in", withoutSession: true, act: signIn("a"), action: "session.created", about: "a", to: "a",
			method: "POST", route: "/sign-in"},
		{name: "sign in again", act: signIn("b"), action: "session.reauthenticated", actor: "b", about: "b", from: "b", to: "b",
			method: "POST", route: "/sign-in"},
		{name: "sign in as another member", act: signIn("a"), action: "session.reauthenticated", actor: "b", about: "a", from: "b",
			to: "a", method: "POST", route: "/sign-in"},
		{name: "sign in as somebody else", act: signIn("c"), action: "session.replaced", actor: "b", about: "c", from: "b", to: "c",
			method: "POST", route: "/sign-in"},
		{name: "ask to add", act: post("/link/p/a"), action: "link.begun", actor: "b", about: "b", from: "b", to: "b", method: "POST",
			route: linkRoute},
		{name: "cancel adding", before: post("/link/p/a"), act: post("/link/cancel"), action: "link.cancelled", actor: "b", about: "b",
			from: "b", to: "b", method: "POST", route: "/link/cancel"},
		{name: "add", before: post("/link/p/a"), act: signIn("c"), action: "link.completed", actor: "b", about: "c", from: "b", to: "c",
			method: "POST", route: "/sign-in"},
		{name: "switch", act: post("/link/switch_to/a"), action: "account.switched", actor: "b", about: "a", from: "b", to: "a",
			method: "POST", route: switchRoute},
		{name: "sign out the current one", act: post("/link/sign_out/b"), action: "account.signed_out", actor: "b", about: "b", from: "b",
			method: "POST", route: outRoute},
		{name: "sign out the current one and go on", act: post("/link/sign_out/b", "next", "a"), action: "account.signed_out",
			actor: "b", about: "b", from: "b", to: "a", method: "POST", route: outRoute},
		{name: "sign out another one", act: post("/link/sign_out/a"), action: "account.signed_out", actor: "b", about: "a", from: "b",
			to: "b", method: "POST", route: outRoute},
		{name: "sign out the last one", accounts: []string{"a"}, act: post("/link/sign_out/a"), action: "session.ended", actor: "a",
			about: "a", from: "a", method: "POST", route: outRoute},
		{name: "choose after that", before: post("/link/sign_out/b"), act: post("/link/switch_to/a"), action: "account.switched",
			about: "a", to: "a", method: "POST", route: switchRoute},
		{name: "sign out of everything", act: post("/link/sign_out"), action: "session.ended", actor: "b", about: "b", from: "b",
			method: "POST", route: "/link/sign_out"},
		{name: "sign out by the app's route", act: do("POST", "/out", form()), action: "session.ended", actor: "b", about: "b", from: "b",
			method: "POST", route: "/out"},
		{name: "found deactivated at a request", before: deactivate("b"), act: do("GET", "/page", nav), action: "account.deactivated",
			actor: "b", about: "b", from: "b", method: "GET", route: "/"},
		{name: "found too old at a request", accounts: []string{"a"}, before: func(t *testing.T, s *site, b *browser) {
			revokedInPlace(t, s, b, "a")
		}, act: do("GET", "/page", nav), action: "account.expired", actor: "a", about: "a", from: "a", method: "GET", route: "/"},
		{name: "told deactivated", before: deactivate("a"), act: office(func(ctx context.Context, s *site, _ *account.Session) error {
			return s.accounts.UserChanged(ctx, "a")
		}), action: "account.deactivated", about: "a", from: "b", to: "b"},
		{name: "told of a new name", act: office(func(ctx context.Context, s *site, _ *account.Session) error {
			return s.accounts.UserChanged(ctx, "a")
		}), action: "account.updated", about: "a", from: "b", to: "b"},
		{name: "signed out everywhere", act: revokeA, action: "account.revoked", about: "a", from: "b", to: "b"},
		{name: "link suspended", act: suspend("a"), action: "link.deactivated", about: "a", from: "b", to: "b"},
		{name: "link resumed", before: suspend("a"), act: office(func(ctx context.Context, s *site, of *account.Session) error {
			return s.accounts.Activate(ctx, of.ID, member(of, "a"))
		}), action: "link.activated", about: "a", from: "b", to: "b"},
		{name: "link destroyed", act: office(func(ctx context.Context, s *site, of *account.Session) error {
			return s.accounts.Destroy(ctx, of.ID, member(of, "a"))
		}), action: "account.signed_out", about: "a", from: "b", to: "b"},
		{name: "session ended from outside", act: office(func(ctx context.Context, s *site, of *account.Session) error {
			return s.accounts.End(ctx, of.ID)
		}), action: "session.revoked", about: "b", from: "b"},

		{name: "work in a scope", before: func(_ *testing.T, s *site, _ *browser) {
			s.app.Post("/scope", s.accounts.Protect(), func(c *fiber.Ctx) error { return s.accounts.SetScope(c, "tenant", "/") })
		}, act: post("/scope"), action: "scope.changed", actor: "b", about: "b", from: "b", to: "b", scope: "tenant", method: "POST",
			route: "/scope"},
		{name: "sign out of another browser", before: func(_ *testing.T, s *site, _ *browser) {
			s.signedIn("b", "c") // there c is current
			s.app.Post("/end", func(c *fiber.Ctx) error {
				devices, err := s.accounts.Devices(c)
				if err != nil || len(devices) != 2 {
					return fmt.Errorf("%d devices, %w", len(devices), err)
				}
				return s.accounts.EndDevice(c, devices[1].Token)
			})
		}, act: post("/end"), action: "account.revoked", actor: "b", about: "b", from: "c", to: "c", method: "POST", route: "/end"},
		{name: "refused: switch to a stranger", act: post("/link/switch_to/v"), code: "not_found", actor: "b", named: "v", from: "b", to: "b",
			method: "POST", route: switchRoute},
		{name: "refused: page to switch to a stranger", act: do("GET", "/link/switch_to/v", nav), code: "not_found", actor: "b",
			named: "v", from: "b", to: "b", method: "GET", route: switchRoute},
		{name: "refused: switch to who must not act", before: deactivate("a"), act: post("/link/switch_to/a"), code: "not_found",
			actor: "b", about: "a", from: "b", to: "b", method: "POST", route: switchRoute},
		{name: "refused: switch to who must sign in again", before: revokeA, act: post("/link/switch_to/a"), code: "sign_in_again",
			actor: "b", about: "a", from: "b", to: "b", method: "POST", route: switchRoute},
		{name: "refused: add to a stranger", act: post("/link/p/v"), code: "not_found", actor: "b", named: "v", from: "b", to: "b",
			method: "POST", route: linkRoute},
		{name: "refused: sign out a stranger", act: post("/link/sign_out/v"), code: "not_found", actor: "b", named: "v", from: "b", to: "b",
			method: "POST", route: outRoute},
		{name: "refused: next is a stranger", act: post("/link/sign_out/b", "next", "v"), code: "not_found", actor: "b", about: "b", from: "b",
			to: "b", method: "POST", route: outRoute},
		{name: "refused: from another site", act: do("POST", "/link/switch_to/a", xform()), code: "bad_origin", actor: "b", about: "a",
			from: "b", to: "b", method: "POST", route: switchRoute},
		{name: "refused: without a stamp", act: do("POST", "/app/act", form()), code: "stale_page", actor: "b", from: "b", to: "b",
			method: "POST", route: "/app"},
		{name: "refused: nobody", withoutSession: true, act: do("GET", "/app", nav), code: "not_signed_in", method: "GET", route: "/app"},
		{name: "refused: a sixth account", accounts: []string{"a", "b", "c", "e", "f", "g"}, act: post("/link/p/a"), code: "link_limit",
			actor: "g", about: "a", from: "g", to: "g", method: "POST", route: linkRoute},
		{name: "refused: added too late", before: both(post("/link/p/a"), later(10*minute)), act: signIn("c"), code: "intent_expired",
			actor: "b", from: "b", to: "b", method: "POST", route: "/sign-in"},
		{name: "refused: who must not act signs in, and the app answers itself", withoutSession: true, act: signIn("d"),
			code: "not_signed_in", method: "POST", route: "/sign-in"},
		{name: "refused: sign in from another site", act: do("POST", "/sign-in", xform("id", "a", "password", "pw-a")), code: "bad_origin",
			actor: "b", from: "b", to: "b", method: "POST", route: "/sign-in"},
		{name: "refused: with a secret that was rotated away", act: func(_ *testing.T, _ *site, b *browser) {
			old := b.twin()
			b.switchTo("a")
			b.site.audit.take()
			old.do("POST", "/careless", form())
		}, code: "stale_session", actor: "a", from: "a", to: "a", method: "POST", route: "/"},
		{name: "refused: too many switches", before: func(_ *testing.T, _ *site, b *browser) {
			for i := range 120 {
				b.switchTo([]string{"a", "b"}[i%2])
			}
		}, act: post("/link/switch_to/a"), code: "rate_limited", actor: "b", about: "a", from: "b", to: "b", method: "POST",
			route: switchRoute},
		{name: "refused: the store is away", before: storeFails, act: do("GET", "/page", nav), code: "store_unavailable",
			method: "GET", route: "/"},
		{name: "refused: signing out while the store is away", before: storeFails, act: do("POST", "/link/sign_out", form()),
			code: "store_unavailable", method: "POST", route: "/link/sign_out"},
		{name: "refused: a handshake of another site", act: do("GET", "/link/live", headers("Upgrade", "websocket",
			"Connection", "Upgrade", "Origin", "https://evil.test")), code: "bad_origin", method: "GET", route: "/link/live"},
		{name: "refused: a handshake of nobody", withoutSession: true, act: do("GET", "/link/live", headers("Upgrade", "websocket",
			"Connection", "Upgrade", "Origin", here)), code: "not_signed_in", method: "GET", route: "/link/live"},
	}
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			s := newSite(t)
			b := s.browser()
			if !r.withoutSession {
				ids := r.accounts
				if ids == nil {
					ids = []string{"a", "b"}
				}
				b = s.signedIn(ids...)
			}
			if r.before != nil {
				r.before(t, s, b)
			}
			s.audit.take()
			r.act(t, s, b)
			events := s.audit.take()
			if len(events) != 1 {
				t.Fatalf("%d events: %+v", len(events), events)
			}
			e := events[0]
			want := r.action
			if r.code != "" {
				want = multiaccount.ActionRefused
			}
			named := ""
			if r.named != "" {
				named = multiaccount.Pseudonym(r.named)
			}
			got := []string{e.Action, e.Code, e.Actor, e.Account, e.Named, e.From, e.To, e.Scope, e.Method, e.Route}
			if w := []string{want, r.code, r.actor, r.about, named, r.from, r.to, r.scope, r.method, r.route}; fmt.Sprint(got) != fmt.Sprint(w) {
				t.Errorf("action, code, actor, account, named, from, to, scope, method, route:\ngot  %q\nwant %q", got, w)
			}
			if away := r.code == "store_unavailable"; e.ID.Version() != 7 || e.Time.IsZero() ||
				(e.Session == "") != (r.withoutSession && r.action == "" || away || r.route == "/link/live") {
				t.Errorf("got %+v", e)
			}
		})
	}
}

func both(first, second func(*testing.T, *site, *browser)) func(*testing.T, *site, *browser) {
	return func(t *testing.T, s *site, b *browser) { first(t, s, b); second(t, s, b) }
}

// sessionOf returns the record behind a browser.
func (s *site) sessionOf(t *testing.T, b *browser) *account.Session {
	t.Helper()
	cookie, err := account.ParseCookie(b.cookie())
	if err != nil {
		t.Fatal(err)
	}
	session, err := s.store.MemoryStore.Load(t.Context(), cookie.ID)
	if err != nil {
		t.Fatal(err)
	}
	return session
}

// revokedInPlace makes the time of an account run out in the record, and nothing else.
func revokedInPlace(t *testing.T, s *site, b *browser, id string) {
	t.Helper()
	session := s.sessionOf(t, b)
	session.Find(id).Deadline = s.clock.now()
	if err := s.store.MemoryStore.Save(t.Context(), session, time.Hour); err != nil {
		t.Fatal(err)
	}
}

// An event of a live view that is not executed is a refusal like any other.
func TestRefusedEventsOfLiveViewsAreEvents(t *testing.T) {
	s := newSite(t)
	guards := make(chan func(context.Context, string) error, 1)
	s.app.Get("/feed/:id", func(c *fiber.Ctx) error { guards <- s.accounts.EventGuard(c); return nil })
	b := s.signedIn("a", "b")
	b.do("GET", "/feed/secret-token", nav, header("User-Agent", "probe"))
	guard, stamp := <-guards, b.stamp()
	for _, step := range []struct {
		name, code string
		before     func()
	}{
		{"the right stamp", "", func() {}},
		{"another stamp", multiaccount.CodeStalePage, func() { stamp += "x" }},
		{"the store is away", multiaccount.CodeStoreUnavailable, func() { s.store.fail(errStoreDown) }},
		{"after a switch", multiaccount.CodeStalePage, func() { s.store.fail(nil); b.switchTo("a") }},
		{"after the end", multiaccount.CodeStalePage, func() { b.post("/link/sign_out") }},
	} {
		step.before()
		s.audit.take()
		err := guard(t.Context(), stamp)
		events := s.audit.take()
		if (err == nil) != (step.code == "") || len(events) > 1 || (len(events) == 1) != (err != nil) {
			t.Errorf("%s: %v, events %+v", step.name, err, events)
			continue
		}
		for _, e := range events {
			if e.Action != multiaccount.ActionRefused || e.Code != step.code || e.Method != multiaccount.MethodLive || e.Actor != "b" ||
				e.Route != "/feed/:id" || e.UserAgent != "probe" || e.Session == "" || e.ID.Version() != 7 {
				t.Errorf("%s: %+v", step.name, e)
			}
		}
	}
}

func TestEventsTellTheRequestID(t *testing.T) {
	s := newSite(t)
	s.app.Post("/with-id", func(c *fiber.Ctx) error {
		c.Set(fiber.HeaderXRequestID, "r-17")
		return s.accounts.SignIn(c, "a", "password")
	})
	s.browser().do("POST", "/with-id", form())
	if events := s.audit.take(); len(events) != 1 || events[0].RequestID != "r-17" {
		t.Errorf("got %+v", events)
	}
}

// A refusal that several handlers see is one event, and the same error for another request is told again.
func TestARefusalIsToldOnce(t *testing.T) {
	s := newSite(t)
	s.app.Post("/wrapped", func(c *fiber.Ctx) error {
		if err := s.accounts.SignIn(c, "d", "password"); err != nil {
			return errors.Join(errors.New("sign in"), err)
		}
		return nil
	})
	b := s.browser()
	for range 2 {
		b.do("POST", "/wrapped", form())
		if events := s.audit.take(); len(events) != 1 || events[0].Code != multiaccount.CodeNotSignedIn {
			t.Errorf("got %+v", events)
		}
	}
}

// People put the strangest things into addresses: an id that is not of the session is not written down.
func TestWhatARequestNamesIsNotWrittenDown(t *testing.T) {
	s := newSite(t)
	b := s.signedIn("a")
	b.post("/link/switch_to/hunter2%20is%20my%20password")
	for _, e := range s.audit.take() {
		if e.Path = ""; strings.Contains(fmt.Sprintf("%+v", e), "hunter2") {
			t.Errorf("got %+v", e)
		}
	}
}
