package oidc_test

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/multiaccount-go/multiaccount"
	"github.com/multiaccount-go/multiaccount/auth"
	"github.com/multiaccount-go/multiaccount/auth/internal/signintest"
	"github.com/multiaccount-go/multiaccount/auth/oidc"
	"github.com/multiaccount-go/multiaccount/internal/oidctest"
	"github.com/multiaccount-go/multiaccount/tenant"
)

func TestFirstSignInMakesAUserAndTheNextOneFindsHim(t *testing.T) {
	s := newSite(t)
	b := s.Browser()
	s.signIn(b, "sub-1", verified("alice@example.com")).Leads("/")
	id := b.CurrentID()
	users, err := s.Users.ByIDs(t.Context(), id)
	if u := users[id]; err != nil || u.Email != "alice@example.com" || u.Name != "Alice Doe" {
		t.Errorf("got %+v and error %v", u, err)
	}
	if m := s.Tenants(id); len(m) != 1 || m[0].Tenant.Name != "Alice Doe" || m[0].Role != tenant.Owner {
		t.Errorf("got memberships %+v, want a tenant of his own", m)
	}
	again := s.Browser()
	s.signIn(again, "sub-1", verified("new-address@example.com")).Leads("/")
	if got := again.CurrentID(); got != id {
		t.Errorf("got user %q, want %q: the subject says who it is, not the address", got, id)
	}
	if got := s.acme.Finds; got != 1 {
		t.Errorf("got %d look-ups of the provider, want 1", got)
	}
}

func TestRedirectURIIsTheConfiguredOneWhateverTheHost(t *testing.T) {
	s := newSite(t)
	b := s.Browser()
	form := b.Get("/session/new").Form("/auth/acme")
	target := b.Post("/auth/acme", form, "X-Forwarded-Host", "evil.test").Header.Get("Refresh")
	u, err := url.Parse(strings.TrimPrefix(target, "0; url="))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := u.Query().Get("redirect_uri"), signintest.Origin+"/auth/acme/callback"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestAddingAnAccount(t *testing.T) {
	s := newSite(t)
	alice, bob := s.known("alice@example.com", "sub-a"), s.known("bob@example.com", "sub-b")
	b := s.Browser()
	s.signIn(b, "sub-a", nil).Leads("/")
	if got := s.acme.Asked.Get("prompt"); got != "" {
		t.Errorf("got prompt %q for a first sign-in, want none", got)
	}
	b.Add()
	s.signIn(b, "sub-b", nil).Is(http.StatusSeeOther)
	if got := s.acme.Asked.Get("prompt"); got != "select_account" {
		t.Errorf("got prompt %q, want select_account: the provider would take the person of before", got)
	}
	s.hasIDs(b, alice, bob)
	if got := b.CurrentID(); got != bob {
		t.Errorf("got current %q, want the one who was added", got)
	}
}

// TestSomebodyNewIsAdded registers in the middle of adding an account.
func TestSomebodyNewIsAdded(t *testing.T) {
	s := newSite(t)
	alice := s.User("alice@example.com").ID
	b := s.Browser().Enter(alice)
	b.Add()
	s.signIn(b, "sub-b", verified("bob@example.com")).Is(http.StatusSeeOther)
	if ids := b.IDs(); len(ids) != 2 || ids[0] != alice {
		t.Errorf("got accounts %v, want alice's and a new one", ids)
	}
}

func TestReturnPath(t *testing.T) {
	tests := map[string]struct{ asked, want string }{
		"a page of this site":         {"/private?x=1", "/private?x=1"},
		"another site":                {"https://evil.test/", "/"},
		"another site, no scheme":     {"//evil.test/", "/"},
		"with a backslash":            {`/\evil.test/`, "/"},
		"a header in it":              {"/a\r\nX: y", "/"},
		"one of the plugin's routes":  {"/link/sign_out", "/"},
		"longer than a cookie can be": {"/" + strings.Repeat("a", 5000), "/"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := newSite(t)
			b := s.Browser()
			form := b.Get("/session/new").Form("/auth/acme")
			form.Set("request_path", test.asked)
			target := strings.TrimPrefix(b.Post("/auth/acme", form).Is(http.StatusOK).Header.Get("Refresh"), "0; url=")
			callback := s.acme.Signs(target, "sub", verified("alice@example.com"))
			// The answer of the provider has no say in it, not even with a path of this site.
			b.Get(callback+"&request_path=/elsewhere&return_to=/elsewhere", signintest.ByLink...).Leads(test.want)
		})
	}
}

func TestTheSignInPageKeepsWhereThePersonWantedToGo(t *testing.T) {
	s := newSite(t)
	b := s.Browser()
	target := s.leaves(b, "/session/new?request_path=%2Fprivate", "/auth/acme")
	b.Get(s.acme.Signs(target, "sub", verified("alice@example.com")), signintest.ByLink...).Leads("/private")
}

// TestEqualAddressIsNotEqualPerson is LK-11.
func TestEqualAddressIsNotEqualPerson(t *testing.T) {
	for name, typed := range map[string]string{"the same": "alice@example.com", "in other letters": " ALICE@Example.com"} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t)
			alice := s.User("alice@example.com").ID
			b := s.Browser()
			s.signIn(b, "sub-1", verified(typed)).Is(http.StatusConflict).Says("Sign in the way you know")
			s.nobody(b)
			if _, err := s.Users.ByIdentity(t.Context(), auth.Identity{Provider: s.acme.Issuer(), Subject: "sub-1"}); err == nil {
				t.Error("the identity was connected")
			}

			b.Enter(alice) // the way she knows
			target := s.leaves(b, "/profile", "/auth/acme/connect")
			b.Get(s.acme.Signs(target, "sub-1", verified(typed)), signintest.ByLink...).Leads("/profile")
			again := s.Browser()
			s.signIn(again, "sub-1", verified(typed)).Leads("/")
			if got := again.CurrentID(); got != alice {
				t.Errorf("got user %q, want the one who connected the identity", got)
			}
		})
	}
}

// TestAnotherProviderSaysTheSameSubject is LK-11 too.
func TestAnotherProviderSaysTheSameSubject(t *testing.T) {
	s := newSite(t)
	alice := s.known("alice@example.com", "sub-1")
	b := s.Browser()
	b.Get(s.other.Signs(s.leaves(b, "/session/new", "/auth/other"), "sub-1", nil), signintest.ByLink...).Leads("/")
	if got := b.CurrentID(); got == alice || got == "" {
		t.Errorf("got user %q, want another one than %q", got, alice)
	}
}

func TestOnlyVerifiedAddressesAreKept(t *testing.T) {
	tests := map[string]struct {
		verified any
		want     string
	}{
		"verified": {true, "alice@example.com"}, "verified, as text": {"true", "alice@example.com"},
		"not verified": {false, ""}, "not verified, as text": {"false", ""}, "nothing is said": {nil, ""}, "a number": {1, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := newSite(t)
			b := s.Browser()
			claims := map[string]any{"email": "alice@example.com"}
			if test.verified != nil {
				claims["email_verified"] = test.verified
			}
			s.signIn(b, "sub", claims).Leads("/")
			users, err := s.Users.ByIDs(t.Context(), b.CurrentID())
			if got := users[b.CurrentID()].Email; err != nil || got != test.want {
				t.Errorf("got address %q and error %v, want %q", got, err, test.want)
			}
		})
	}
}

func TestRequireEmailTurnsAwayWhoHasNone(t *testing.T) {
	s := newSite(t, func(cfg *oidc.Config) { cfg.RequireEmail = true })
	b := s.Browser()
	s.signIn(b, "sub", map[string]any{"email": "alice@example.com"}).Is(http.StatusUnprocessableEntity).Says("does not confirm")
	s.nobody(b)
}

func TestKnownOnlyMakesNobody(t *testing.T) {
	s := newSite(t, func(cfg *oidc.Config) { cfg.KnownOnly = true })
	b := s.Browser()
	s.signIn(b, "sub", verified("alice@example.com")).Is(http.StatusUnprocessableEntity)
	s.nobody(b)
	if err := s.Users.Available(t.Context(), "alice@example.com", tenant.Name{}); err != nil {
		t.Errorf("got %v, want no user", err)
	}
}

func TestAddressFromTheUserinfoEndpoint(t *testing.T) {
	tests := map[string]struct {
		info map[string]any
		want int
	}{
		"of this person": {map[string]any{"sub": "sub", "email": "alice@example.com", "email_verified": true}, http.StatusSeeOther},
		"of another one": {map[string]any{"sub": "other", "email": "alice@example.com", "email_verified": true},
			http.StatusUnprocessableEntity},
		"not of a person": {map[string]any{"email": "alice@example.com", "email_verified": true}, http.StatusUnprocessableEntity},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, func(cfg *oidc.Config) { cfg.RequireEmail = true })
			s.acme.Set(func(p *oidctest.Provider) { p.Info = test.info })
			s.signIn(s.Browser(), "sub", nil).Is(test.want)
		})
	}
}

func TestSomebodyNewNamesTheTenant(t *testing.T) {
	s := newSite(t, func(cfg *oidc.Config) { cfg.Policy = tenant.PerUser })
	b := s.Browser()
	target := s.leaves(b, "/session/new?request_path=%2Fprivate", "/auth/acme")
	b.Get(s.acme.Signs(target, "sub", verified("alice@example.com")), signintest.ByLink...).Leads("/auth/new")
	s.nobody(b)
	if err := s.Users.Available(t.Context(), "alice@example.com", tenant.Name{}); err != nil {
		t.Fatalf("got %v, want no user before the name is there", err)
	}
	form := b.Get("/auth/new").Is(http.StatusOK).Says("alice@example.com").Form("/auth/new")
	for _, typed := range []string{"", "admin", "a"} {
		form.Set("account_name", typed)
		b.Post("/auth/new", form).Is(http.StatusUnprocessableEntity).Says(`role="alert"`)
	}
	form.Set("account_name", "Acme Works")
	used := b.Copy()
	b.Post("/auth/new", form).Leads("/private")
	if m := s.Tenants(b.CurrentID()); len(m) != 1 || m[0].Tenant.Name != "Acme Works" || !m[0].Home {
		t.Errorf("got memberships %+v", m)
	}

	form.Set("account_name", "Another name")
	used.Post("/auth/new", form).Is(http.StatusForbidden) // whoever copied the cookie is not signed in by it
	s.nobody(used)
}

func TestATakenNameOfATenantIsToldBesideTheField(t *testing.T) {
	s := newSite(t, func(cfg *oidc.Config) { cfg.Policy = tenant.PerUser })
	form := url.Values{"account_name": {"Acme Works"}}
	first, second := s.Browser(), s.Browser()
	s.signIn(first, "first", verified("first@example.com")).Leads("/auth/new")
	first.Post("/auth/new", form).Leads("/")
	s.signIn(second, "second", verified("second@example.com")).Leads("/auth/new")
	form.Set("account_name", "ACME works")
	second.Post("/auth/new", form).Is(http.StatusUnprocessableEntity).Says("This name is taken")
	second.Post("/auth/new", form, signintest.AsJSON...).Is(http.StatusUnprocessableEntity).Says(`"account_name":{"error":"taken"`)
	s.nobody(second)
}

func TestPersonalTenantsAreNumbered(t *testing.T) {
	s := newSite(t)
	var names []string
	for _, subject := range []string{"1", "2", "3"} {
		b := s.Browser()
		s.signIn(b, subject, verified(subject+"@example.com")).Leads("/")
		names = append(names, s.Tenants(b.CurrentID())[0].Tenant.Name)
	}
	if want := []string{"Alice Doe", "Alice Doe 2", "Alice Doe 3"}; !slices.Equal(names, want) {
		t.Errorf("got %v, want %v", names, want)
	}
}

func TestInvitation(t *testing.T) {
	s := newSite(t, func(cfg *oidc.Config) { cfg.Policy = tenant.ByInvitation })
	s.signIn(s.Browser(), "uninvited", verified("mallory@example.com")).Is(http.StatusUnprocessableEntity).Says("invitation")

	owner := s.User("owner@example.com")
	home := s.Tenants(owner.ID)[0].Tenant
	secret := tenant.NewSecret()
	err := s.Users.Tenants().Invite(t.Context(), tenant.Invitation{ID: "i", TenantID: home.ID, Email: "alice@example.com",
		Role: tenant.Member, By: owner.ID, Hash: secret.Hash(), Created: s.Clock.Now(), Expires: s.Clock.Now().Add(time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	page := "/session/new?invitation=" + string(secret)
	other := s.Browser()
	other.Get(s.acme.Signs(s.leaves(other, page, "/auth/acme"), "other", verified("mallory@example.com"))).Is(http.StatusConflict)
	unproved := s.Browser()
	unproved.Get(s.acme.Signs(s.leaves(unproved, page, "/auth/acme"), "unproved", map[string]any{"email": "alice@example.com"})).
		Is(http.StatusConflict)
	alice := s.Browser()
	alice.Get(s.acme.Signs(s.leaves(alice, page, "/auth/acme"), "alice", verified("alice@example.com"))).Leads("/")
	if m := s.Tenants(alice.CurrentID()); len(m) != 1 || m[0].Tenant.ID != home.ID {
		t.Errorf("got memberships %+v, want the tenant that invited her", m)
	}
}

func TestDeactivatedUserCannotSignIn(t *testing.T) {
	s := newSite(t)
	alice := s.known("alice@example.com", "sub")
	if err := s.Users.SetStatus(t.Context(), alice, auth.Inactive); err != nil {
		t.Fatal(err)
	}
	b := s.Browser()
	s.signIn(b, "sub", nil).Is(http.StatusUnprocessableEntity)
	s.nobody(b)
}

func TestAnswersByWhoAsks(t *testing.T) {
	s := newSite(t)
	b := s.Browser()
	form := b.Get("/session/new").Form("/auth/acme")
	htmx := b.Post("/auth/acme", form, signintest.AsHTMX...).Is(http.StatusNoContent)
	if got := htmx.Header.Get("HX-Redirect"); !strings.HasPrefix(got, s.acme.Issuer()) {
		t.Errorf("got HX-Redirect %q", got)
	}
	b.Post("/auth/acme", form, signintest.AsJSON...).Is(http.StatusOK).Says(`{"redirect":"` + s.acme.Issuer())
	b.Get("/auth/acme").Is(http.StatusOK).Says("Sign in with Acme")
	b.Get("/auth/nobody").Is(http.StatusNotFound)
	if got := b.Get("/auth/acme").Header.Get("Cache-Control"); got != "no-store" {
		t.Errorf("got Cache-Control %q", got)
	}
}

func TestProviderIsAwayAndComesBack(t *testing.T) {
	s := newSite(t)
	s.acme.Set(func(p *oidctest.Provider) { p.Away = true })
	b := s.Browser()
	form := b.Get("/session/new").Form("/auth/acme")
	if got := b.Post("/auth/acme", form).Is(http.StatusServiceUnavailable).Header.Get("Retry-After"); got == "" {
		t.Error("got no Retry-After")
	}
	s.acme.Set(func(p *oidctest.Provider) { p.Away = false })
	b.Post("/auth/acme", form).Is(http.StatusServiceUnavailable) // nobody waits for one look-up after the other
	s.Clock.Advance(time.Minute)
	target := s.leaves(b, "/session/new", "/auth/acme")
	s.acme.Set(func(p *oidctest.Provider) { p.Fail = http.StatusBadGateway })
	b.Get(s.acme.Signs(target, "sub", nil)).Is(http.StatusServiceUnavailable)
	s.nobody(b)
}

// overtaken is a store in which somebody becomes a user in another tab, right after it was said that nobody is.
type overtaken struct {
	auth.Store
	first auth.Registration
	once  sync.Once
}

func (s *overtaken) ByIdentity(ctx context.Context, i auth.Identity) (u auth.User, err error) {
	u, err = s.Store.ByIdentity(ctx, i)
	s.once.Do(func() {
		s.first.Identity = &i
		if _, failed := s.Store.Register(ctx, s.first); failed != nil {
			err = failed
		}
	})
	return u, err
}

// TestSomebodyNewInTwoTabsAtOnce: whoever comes second is the user whom the first one made.
func TestSomebodyNewInTwoTabsAtOnce(t *testing.T) {
	s := newSite(t, func(cfg *oidc.Config) {
		cfg.Users = &overtaken{Store: cfg.Users, first: auth.Registration{Name: "Alice", Now: time.Now()}}
	})
	b := s.Browser()
	s.signIn(b, "sub", map[string]any{"name": "Alice"}).Leads("/")
	again := s.Browser()
	s.signIn(again, "sub", nil).Leads("/")
	if got, want := again.CurrentID(), b.CurrentID(); got != want {
		t.Errorf("got user %q, want %q", got, want)
	}
}

// TestSomebodyNewInSeveralTabsAtOnce: the users of all of them are one.
func TestSomebodyNewInSeveralTabsAtOnce(t *testing.T) {
	s := newSite(t)
	var callbacks []string
	var browsers []*signintest.Browser
	for range 8 {
		b := s.Browser()
		callbacks = append(callbacks, s.acme.Signs(s.leaves(b, "/session/new", "/auth/acme"), "sub", map[string]any{"name": "Alice"}))
		browsers = append(browsers, b)
	}
	var all sync.WaitGroup
	for i, b := range browsers {
		all.Go(func() { b.Get(callbacks[i], signintest.ByLink...) })
	}
	all.Wait()
	want := browsers[0].CurrentID()
	for _, b := range browsers {
		if got := b.CurrentID(); got == "" || got != want {
			t.Errorf("got user %q, want %q in every browser", got, want)
		}
	}
}

func TestRegisteredHearsOfEveryNewUserOnce(t *testing.T) {
	var heard []string
	s := newSite(t, func(cfg *oidc.Config) {
		cfg.Registered = func(_ context.Context, u auth.User) error { heard = append(heard, u.ID); return nil }
	})
	alice := s.known("alice@example.com", "sub")
	s.signIn(s.Browser(), "sub", nil).Leads("/")
	if !slices.Equal(heard, []string{alice}) {
		t.Errorf("got %v, want %q once", heard, alice)
	}
}

// TestPagesOfTheApp: a template of the app stands in the place of the default, and the layout gets its title and head.
func TestPagesOfTheApp(t *testing.T) {
	s := newSite(t, func(cfg *oidc.Config) {
		cfg.Templates = fstest.MapFS{"begin.html": {Data: []byte(`<p>our own: {{.Title}}</p>`)}}
		cfg.Layout = func(c *fiber.Ctx, page multiaccount.Page) error {
			return c.Status(page.Status).SendString("[" + page.Title + "|" + string(page.Body) + "|" + string(page.Head) + "]")
		}
	})
	b := s.Browser()
	b.Get("/auth/acme").Is(http.StatusOK).Says("[Sign in with Acme|<p>our own: Sign in with Acme</p>|<").Says("multiaccount.js")
	s.leaves(b, "/session/new", "/auth/acme") // the other pages are the default ones
	b.Get("/auth/acme", signintest.AsHTMX...).Is(http.StatusOK).Says("our own")
	if _, err := oidc.New(oidc.Config{Accounts: s.Accounts, Users: s.Users, BaseURL: signintest.Origin,
		Providers: []oidc.Provider{{Name: "acme", Issuer: "https://a.test", ClientID: "x"}},
		Templates: fstest.MapFS{"begin.html": {Data: []byte(`{{.Title`)}}}); err == nil || !strings.Contains(err.Error(), "begin.html") {
		t.Errorf("got %v, want what is wrong with begin.html", err)
	}
}

func TestNobodyIsThereWhomTheAppDidNotTake(t *testing.T) {
	refuse := errors.New("the app's own table is away")
	s := newSite(t, func(cfg *oidc.Config) {
		cfg.Registered = func(context.Context, auth.User) error { return refuse }
	})
	b := s.Browser()
	s.signIn(b, "sub", verified("alice@example.com")).Is(http.StatusServiceUnavailable)
	s.nobody(b)
	if err := s.Users.Available(t.Context(), "alice@example.com", tenant.Name{}); err != nil {
		t.Errorf("got %v, want the address to be free again", err)
	}
	refuse = nil
	s.signIn(b, "sub", verified("alice@example.com")).Leads("/")
}

func TestPlainHTTPForDevelopment(t *testing.T) {
	s := newSite(t, func(cfg *oidc.Config) {
		cfg.BaseURL, cfg.InsecurePlainHTTPForDevelopment = "http://app.test", true
	})
	b := s.Browser()
	cookie := b.Post("/auth/acme", b.Get("/session/new").Form("/auth/acme")).Is(http.StatusOK).Header.Get("Set-Cookie")
	if !strings.HasPrefix(cookie, "oidc-insecure=") || strings.Contains(cookie, "secure;") {
		t.Errorf("got cookie %s, want one that travels over plain http", cookie)
	}
}
