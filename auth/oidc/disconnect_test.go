package oidc_test

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/multiaccount-go/multiaccount/auth"
	"github.com/multiaccount-go/multiaccount/auth/internal/signintest"
	"github.com/multiaccount-go/multiaccount/auth/oidc"
)

// withIdentities makes a user with a password, and identities at acme, who is signed in.
func withIdentities(t *testing.T, s *site, email string, subjects ...string) (*signintest.Browser, string) {
	t.Helper()
	u := s.User(email)
	if err := s.Users.SetPassword(t.Context(), u.ID, "hash"); err != nil {
		t.Fatal(err)
	}
	for _, subject := range subjects {
		if err := s.Users.AddIdentity(t.Context(), u.ID, auth.Identity{Provider: s.acme.Issuer(), Subject: subject}); err != nil {
			t.Fatal(err)
		}
	}
	return s.Browser().Enter(u.ID), u.ID
}

// hasIdentities fails the test when a user has other identities.
func hasIdentities(t *testing.T, s *site, userID string, subjects ...string) {
	t.Helper()
	identities, err := s.Users.Identities(t.Context(), userID)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, i := range identities {
		got = append(got, i.Subject)
	}
	if !slices.Equal(got, subjects) {
		t.Errorf("has identities %q, want %q", got, subjects)
	}
}

func TestDisconnecting(t *testing.T) {
	const path = "/auth/acme/disconnect"
	t.Run("ends signing in with it, and nothing else", func(t *testing.T) {
		var heard []oidc.Event
		s := newSite(t, func(cfg *oidc.Config) {
			cfg.OnEvent = func(_ context.Context, e oidc.Event) { heard = append(heard, e) }
		})
		b, alice := withIdentities(t, s, "alice@example.com")
		b.Get(s.acme.Signs(s.leaves(b, "/profile", "/auth/acme/connect"), "sub", nil), signintest.ByLink...).Leads("/profile")
		page := b.Get("/profile").Says("Disconnect Acme").Says("Connect another account of Acme").Says("Connect with other")
		if strings.Contains(page.Body, "<small>") {
			t.Errorf("tells apart what is alone: %s", page.Body)
		}
		b.Post(path, page.Form(path)).Leads("/profile")
		if page := b.Get("/profile").Says("Connect with Acme"); strings.Contains(page.Body, "Disconnect") {
			t.Errorf("shows what is gone: %s", page.Body)
		}
		hasIdentities(t, s, alice)
		s.hasIDs(b, alice)
		other := s.Browser()
		s.signIn(other, "sub", verified("alice@example.com")).Is(http.StatusConflict) // her address is no proof
		s.nobody(other)
		want := []oidc.Event{{Action: oidc.ActionConnected, UserID: alice, Provider: "acme"},
			{Action: oidc.ActionDisconnected, UserID: alice, Provider: "acme"}}
		if !slices.Equal(heard, want) {
			t.Errorf("heard %+v, want %+v", heard, want)
		}
	})
	t.Run("of two at one provider the one that is meant", func(t *testing.T) {
		s := newSite(t)
		b, alice := withIdentities(t, s, "alice@example.com", "sub-1", "sub-2")
		form := b.Get("/profile").Says("<bdi>sub-1</bdi>").Says("<bdi>sub-2</bdi>").Form(path)
		form.Set("subject", "sub-2")
		b.Post(path, form).Leads("/profile")
		hasIdentities(t, s, alice, "sub-1")
	})
	t.Run("answers htmx and programs in their way", func(t *testing.T) {
		s := newSite(t)
		b, _ := withIdentities(t, s, "alice@example.com", "sub-1", "sub-2")
		form := b.Get("/profile").Form(path)
		answer := b.Post(path, form, signintest.AsHTMX...).Is(http.StatusNoContent)
		if got := answer.Header.Get("HX-Redirect"); got != "/profile" {
			t.Errorf("htmx goes to %q", got)
		}
		form.Set("subject", "sub-2")
		b.Post(path, form, signintest.AsJSON...).Is(http.StatusOK).Says(`{"disconnected":"acme"}`)
		b.Post(path, form, signintest.AsJSON...).Is(http.StatusNotFound).Says(`"error":"not_found"`)
	})
	t.Run("not the last way in", func(t *testing.T) {
		s := newSite(t)
		alice := s.known("alice@example.com", "sub") // she has no password
		b := s.Browser().Enter(alice)
		form := b.Get("/profile").Form(path)
		b.Post(path, form).Is(http.StatusConflict).Says("stays connected while you have no password")
		b.Post(path, form, signintest.AsJSON...).Is(http.StatusConflict).Says(`"error":"last_way"`)
		hasIdentities(t, s, alice, "sub")
		s.signIn(s.Browser(), "sub", nil).Leads("/")
		if err := s.Users.SetPassword(t.Context(), alice, "hash"); err != nil {
			t.Fatal(err)
		}
		b.Post(path, form).Leads("/profile")
		hasIdentities(t, s, alice)
	})
	t.Run("not somebody else's", func(t *testing.T) {
		s := newSite(t)
		_, victim := withIdentities(t, s, "victim@example.com", "sub")
		b, _ := withIdentities(t, s, "mallory@example.com", "mallory")
		form := b.Get("/profile").Form(path)
		unknown := url.Values{"_stamp": form["_stamp"], "subject": {"nobody"}}
		form.Set("subject", "sub")
		foreign := b.Post(path, form).Is(http.StatusNotFound)
		if b.Post(path, unknown).Is(http.StatusNotFound).Body != foreign.Body {
			t.Error("the answer tells whether somebody has the identity")
		}
		hasIdentities(t, s, victim, "sub")
	})
	t.Run("only at the provider that is named", func(t *testing.T) {
		s := newSite(t)
		b, alice := withIdentities(t, s, "alice@example.com", "sub")
		form := b.Get("/profile").Form(path)
		b.Post("/auth/other/disconnect", form).Is(http.StatusNotFound)
		b.Post("/auth/nobody/disconnect", form).Is(http.StatusNotFound)
		hasIdentities(t, s, alice, "sub")
	})
	t.Run("needs the stamp of the page, a page of this site, somebody, and a recent proof", func(t *testing.T) {
		s := newSite(t)
		b, alice := withIdentities(t, s, "alice@example.com", "sub")
		form := b.Get("/profile").Form(path)
		b.Post(path, url.Values{"subject": {"sub"}}).Is(http.StatusConflict)
		b.Post(path, form, signintest.FromElsewhere...).Is(http.StatusForbidden)
		s.Browser().Post(path, form).Leads("/session/new")
		s.Clock.Advance(11 * time.Minute)
		answer := b.Post(path, form).Is(http.StatusSeeOther)
		if got := answer.Header.Get("Location"); !strings.HasPrefix(got, "/session/new?again=") {
			t.Errorf("leads to %q, want to be asked to sign in again", got)
		}
		hasIdentities(t, s, alice, "sub")
	})
	t.Run("shows what a provider calls somebody as text", func(t *testing.T) {
		s := newSite(t)
		b, alice := withIdentities(t, s, "alice@example.com", `"><script>alert(1)</script>`, "sub")
		page := b.Get("/profile")
		if strings.Contains(page.Body, "<script>") {
			t.Errorf("shows %s", page.Body)
		}
		b.Post(path, page.Form(path)).Leads("/profile")
		hasIdentities(t, s, alice, "sub")
	})
}
