// Package signintest is an app for tests of ways of signing in: a real plugin, users in memory, a clock that a test moves,
// and browsers that keep cookies.
package signintest

import (
	"context"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/multiaccount-go/multiaccount"
	"github.com/multiaccount-go/multiaccount/account"
	"github.com/multiaccount-go/multiaccount/auth"
	"github.com/multiaccount-go/multiaccount/auth/authtest"
	"github.com/multiaccount-go/multiaccount/tenant"
)

// Origin is where the app is.
const Origin = "https://app.test"

// Site is an app with the plugin.
type Site struct {
	T        testing.TB
	App      *fiber.App
	Accounts *multiaccount.Plugin[auth.User]
	Users    *authtest.Store
	Clock    *Clock
}

// New makes an app without ways of signing in, but for POST /enter, which believes whoever says who he is. extend mounts
// what is to be tested, after the plugin's Handler.
func New(t testing.TB, extend func(s *Site)) *Site {
	t.Helper()
	s := &Site{T: t, Users: authtest.NewStore(), Clock: &Clock{at: time.Now().Truncate(time.Second)}}
	var err error
	s.Accounts, err = multiaccount.New(multiaccount.Config[auth.User]{
		Users: s.Users.ByIDs, Active: auth.User.IsActive,
		Profile: func(u auth.User) multiaccount.Profile {
			return multiaccount.Profile{Name: u.Name, Email: u.Email}
		},
		Paths: multiaccount.Paths{AppSignOut: "/session/sign_out"}, Sessions: account.Options{Now: s.Clock.Now}, Log: Quiet(),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := s.Accounts.Close(ctx); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	s.App = fiber.New(fiber.Config{DisableStartupMessage: true})
	s.App.Use(s.Accounts.Handler)
	s.Accounts.Register(s.App)
	s.App.Get("/who", func(c *fiber.Ctx) error { return c.JSON(s.Accounts.Document(c)) })
	s.App.Get("/stamp", func(c *fiber.Ctx) error { return c.SendString(s.Accounts.Stamp(c)) })
	s.App.Get("/intent", func(c *fiber.Ctx) error { return c.SendString(s.Accounts.Intent(c)) })
	s.App.Post("/enter", s.Accounts.SameOrigin(), func(c *fiber.Ctx) error {
		return s.Accounts.SignIn(c, c.FormValue("id"), "test")
	})
	extend(s)
	return s
}

// Quiet is a log that nobody reads.
func Quiet() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

// User registers a user with an address and returns him.
func (s *Site) User(email string) auth.User {
	s.T.Helper()
	name, _, _ := strings.Cut(email, "@")
	u, err := s.Users.Register(context.Background(), auth.Registration{Email: email, Name: name, Now: s.Clock.Now()})
	if err != nil {
		s.T.Fatal(err)
	}
	return u
}

// Tenants returns what a user belongs to.
func (s *Site) Tenants(userID string) []tenant.Membership {
	s.T.Helper()
	memberships, err := s.Users.Tenants().Memberships(context.Background(), userID)
	if err != nil {
		s.T.Fatal(err)
	}
	return memberships
}

// Clock is a time that a test moves by hand.
type Clock struct {
	mu sync.Mutex
	at time.Time
}

// Now returns the time.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

// Advance moves it on.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}
