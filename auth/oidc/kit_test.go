package oidc_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/gofiber/fiber/v2"

	"github.com/multiaccount-go/multiaccount/auth/internal/signintest"
	"github.com/multiaccount-go/multiaccount/auth/oidc"
	"github.com/multiaccount-go/multiaccount/internal/oidctest"
)

// site is an app in which people sign in with two providers.
type site struct {
	*signintest.Site
	acme, other *oidctest.Provider
	oidc        *oidc.OIDC
}

func newSite(t testing.TB, change ...func(*oidc.Config)) *site {
	t.Helper()
	s := &site{}
	s.Site = signintest.New(t, func(app *signintest.Site) {
		s.acme, s.other = oidctest.New(t, app.Clock.Now), oidctest.New(t, app.Clock.Now)
		cfg := oidc.Config{
			Accounts: app.Accounts, Users: app.Users, BaseURL: signintest.Origin, Key: make([]byte, 32),
			Providers: []oidc.Provider{
				{Name: "acme", Label: "Acme", Issuer: s.acme.Issuer(), ClientID: oidctest.ClientID, ClientSecret: oidctest.ClientSecret},
				{Name: "other", Issuer: s.other.Issuer(), ClientID: oidctest.ClientID, ClientSecret: oidctest.ClientSecret},
			},
			Client: s.acme.Client(), Now: app.Clock.Now, Log: signintest.Quiet(),
		}
		for _, alter := range change {
			alter(&cfg)
		}
		var err error
		if s.oidc, err = oidc.New(cfg); err != nil {
			t.Fatal(err)
		}
		app.App.Get("/session/new", func(c *fiber.Ctx) error {
			html, err := s.oidc.SignInHTML(c)
			if err != nil {
				return err
			}
			c.Type("html")
			return c.SendString(string(html))
		})
		app.App.Get("/profile", func(c *fiber.Ctx) error {
			html, err := s.oidc.ConnectHTML(c)
			if err != nil {
				return err
			}
			c.Type("html")
			return c.SendString(string(html))
		})
		s.oidc.Register(app.App)
	})
	return s
}

// leaves presses the button on a page and returns where the browser goes.
func (s *site) leaves(b *signintest.Browser, page, action string) string {
	s.T.Helper()
	answer := b.Post(action, b.Get(page).Form(action)).Is(http.StatusOK)
	target, ok := strings.CutPrefix(answer.Header.Get("Refresh"), "0; url=")
	if !ok {
		s.T.Fatalf("got headers %v, want Refresh", answer.Header)
	}
	return target
}

// signIn is the whole way, from the sign-in page to the answer of the callback.
func (s *site) signIn(b *signintest.Browser, subject string, claims map[string]any) *signintest.Answer {
	s.T.Helper()
	return b.Get(s.acme.Signs(s.leaves(b, "/session/new", "/auth/acme"), subject, claims), signintest.ByLink...)
}

// verified are the claims of somebody whose address the provider vouches for.
func verified(email string) map[string]any {
	return map[string]any{"email": email, "email_verified": true, "name": "Alice Doe"}
}

// known makes a user whom the provider knows by a subject, and a browser in which nobody is signed in.
func (s *site) known(email, subject string) string {
	s.T.Helper()
	b := s.Browser()
	s.signIn(b, subject, verified(email)).Is(http.StatusSeeOther)
	id := b.CurrentID()
	if id == "" {
		s.T.Fatal("nobody is signed in")
	}
	return id
}

// nobody fails the test when somebody is signed in.
func (s *site) nobody(b *signintest.Browser) {
	s.T.Helper()
	if ids := b.IDs(); len(ids) != 0 {
		s.T.Errorf("got accounts %v, want none", ids)
	}
}

// hasIDs fails the test when the session of a browser holds other accounts.
func (s *site) hasIDs(b *signintest.Browser, want ...string) {
	s.T.Helper()
	if got := b.IDs(); !slices.Equal(got, want) {
		s.T.Errorf("got accounts %v, want %v", got, want)
	}
}

// with changes one parameter of an address.
func with(t testing.TB, address, name string, values ...string) string {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	q[name] = values
	u.RawQuery = q.Encode()
	return u.String()
}
