package oidc_test

import (
	"context"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/multiaccount-go/multiaccount/auth"
	"github.com/multiaccount-go/multiaccount/auth/apitoken"
	"github.com/multiaccount-go/multiaccount/auth/internal/signintest"
	"github.com/multiaccount-go/multiaccount/auth/magiclink"
	"github.com/multiaccount-go/multiaccount/auth/oidc"
	"github.com/multiaccount-go/multiaccount/internal/oidctest"
)

// TestAllWaysStandSideBySide puts the password, a provider, links and keys into one app, and accounts that came in by each of
// them into one browser session.
func TestAllWaysStandSideBySide(t *testing.T) {
	var provider *oidctest.Provider
	mails := make(chan string, 10)
	s := signintest.New(t, func(s *signintest.Site) {
		provider = oidctest.New(t, s.Clock.Now)
		must := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		providers, err := oidc.New(oidc.Config{Accounts: s.Accounts, Users: s.Users, BaseURL: signintest.Origin,
			Providers: []oidc.Provider{{Name: "acme", Issuer: provider.Issuer(), ClientID: oidctest.ClientID, ClientSecret: oidctest.ClientSecret}},
			Client:    provider.Client(), Now: s.Clock.Now, Log: signintest.Quiet()})
		must(err)
		links, err := magiclink.New(magiclink.Config{Accounts: s.Accounts, Users: s.Users, BaseURL: signintest.Origin,
			Send: func(_ context.Context, _, link string) error { mails <- link; return nil }, Now: s.Clock.Now, Log: signintest.Quiet()})
		must(err)
		t.Cleanup(func() { must(links.Close(context.Background())) })
		keys, err := apitoken.New(apitoken.Config{Accounts: s.Accounts, Users: s.Users, Now: s.Clock.Now, Log: signintest.Quiet()})
		must(err)
		login, err := auth.New(auth.Config{Accounts: s.Accounts, Users: s.Users, Now: s.Clock.Now, Log: signintest.Quiet(),
			OtherWays:    []func(*fiber.Ctx) (template.HTML, error){providers.SignInHTML},
			SignInWays:   []func(*fiber.Ctx) (template.HTML, error){links.FormHTML},
			ProfileParts: []func(*fiber.Ctx) (template.HTML, error){providers.ConnectHTML}})
		must(err)
		login.Register(s.App)
		providers.Register(s.App)
		links.Register(s.App)
		keys.Register(s.App)
		s.App.Get("/api/who", keys.Handler, func(c *fiber.Ctx) error {
			key, _ := apitoken.Of(c)
			return c.SendString(key.User.Email)
		})
	})
	b := s.Browser()
	form := b.Get("/registration/new").Is(http.StatusOK).Form("/registration")
	for name, value := range map[string]string{"account_name": "Wonderland", "email": "alice@example.com",
		"password": "correct horse battery staple", "password_confirmation": "correct horse battery staple"} {
		form.Set(name, value)
	}
	b.Post("/registration", form).Is(http.StatusSeeOther)
	alice := b.CurrentID()

	b.Add()
	target := b.Post("/auth/acme", b.Get("/session/new").Form("/auth/acme")).Is(http.StatusOK).Header.Get("Refresh")
	b.Get(provider.Signs(strings.TrimPrefix(target, "0; url="), "bob", verified("bob@example.com")), signintest.ByLink...).
		Is(http.StatusSeeOther)
	bob := b.CurrentID()

	carol := s.User("carol@example.com").ID
	b.Add()
	form = b.Get("/session/new").Form("/magic_link")
	form.Set("email", "carol@example.com")
	b.Post("/magic_link", form).Leads("/magic_link/sent")
	select {
	case link := <-mails:
		b.Post("/magic_link/session", b.Get(link).Form("/magic_link/session")).Is(http.StatusSeeOther)
	case <-time.After(5 * time.Second):
		t.Fatal("no e-mail was sent")
	}
	if got, want := b.IDs(), []string{alice, bob, carol}; !slices.Equal(got, want) {
		t.Fatalf("got accounts %v, want %v", got, want)
	}
	if got := b.CurrentID(); got != carol {
		t.Errorf("got current %q, want the one who came last", got)
	}

	// Back as alice, who makes a key and connects an identity: both are hers, not carol's.
	b.Post("/link/switch_to/"+url.PathEscape(alice), url.Values{"_stamp": {b.Stamp()}}).Is(http.StatusSeeOther)
	target = b.Post("/auth/acme/connect", b.Get("/profile").Form("/auth/acme/connect")).Is(http.StatusOK).Header.Get("Refresh")
	b.Get(provider.Signs(strings.TrimPrefix(target, "0; url="), "alice", nil), signintest.ByLink...).Leads("/profile")
	made := b.Post("/profile/api_keys", url.Values{"name": {"x"}, "days": {"1"}, "_stamp": {b.Stamp()}}).Is(http.StatusCreated).Body
	_, key, _ := strings.Cut(made, `value="mak_`)
	key, _, _ = strings.Cut(key, `"`)
	s.Browser().Get("/api/who", "Authorization", "Bearer mak_"+key).Is(http.StatusOK).Says("alice@example.com")
	u, err := s.Users.ByIdentity(t.Context(), auth.Identity{Provider: provider.Issuer(), Subject: "alice"})
	if err != nil || u.ID != alice {
		t.Errorf("got user %q and error %v, want alice", u.ID, err)
	}
}
