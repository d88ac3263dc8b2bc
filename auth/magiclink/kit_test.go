package magiclink_test

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/multiaccount-go/multiaccount/auth"
	"github.com/multiaccount-go/multiaccount/auth/internal/signintest"
	"github.com/multiaccount-go/multiaccount/auth/magiclink"
)

// letter is an e-mail that was sent.
type letter struct{ to, link string }

// site is an app in which people sign in with links.
type site struct {
	*signintest.Site
	links *magiclink.MagicLink
	mails chan letter
}

func newSite(t *testing.T, change ...func(*magiclink.Config)) *site {
	t.Helper()
	s := &site{mails: make(chan letter, 100)}
	s.Site = signintest.New(t, func(app *signintest.Site) {
		cfg := magiclink.Config{
			Accounts: app.Accounts, Users: app.Users, BaseURL: signintest.Origin, Now: app.Clock.Now, Log: signintest.Quiet(),
			Send: func(_ context.Context, email, link string) error {
				s.mails <- letter{email, link}
				return nil
			},
		}
		for _, alter := range change {
			alter(&cfg)
		}
		var err error
		if s.links, err = magiclink.New(cfg); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.close() })
		app.App.Get("/session/new", func(c *fiber.Ctx) error {
			html, err := s.links.FormHTML(c)
			if err != nil {
				return err
			}
			c.Type("html")
			return c.SendString(string(html))
		})
		s.links.Register(app.App)
	})
	return s
}

// close waits until everything that was asked for is sent.
func (s *site) close() {
	s.T.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := s.links.Close(ctx); err != nil {
		s.T.Errorf("close: %v", err)
	}
}

// ask asks for a link on the sign-in page.
func (s *site) ask(b *signintest.Browser, email string) *signintest.Answer {
	s.T.Helper()
	form := b.Get("/session/new").Form("/magic_link")
	form.Set("email", email)
	return b.Post("/magic_link", form)
}

// mail returns the next e-mail.
func (s *site) mail() letter {
	s.T.Helper()
	select {
	case m := <-s.mails:
		return m
	case <-time.After(5 * time.Second):
		s.T.Fatal("no e-mail was sent")
		return letter{}
	}
}

// link asks for a link and returns it.
func (s *site) link(b *signintest.Browser, email string) string {
	s.T.Helper()
	s.ask(b, email).Leads("/magic_link/sent")
	return s.mail().link
}

// press opens a link and presses the button.
func press(b *signintest.Browser, link string) *signintest.Answer {
	return b.Post("/magic_link/session", b.Get(link, signintest.ByLink...).Is(http.StatusOK).Form("/magic_link/session"))
}

func (s *site) hasIDs(b *signintest.Browser, want ...string) {
	s.T.Helper()
	if got := b.IDs(); !slices.Equal(got, want) {
		s.T.Errorf("got accounts %v, want %v", got, want)
	}
}

// secret returns that of a link.
func secret(link string) string { return link[strings.LastIndex(link, "/")+1:] }

// slowStore is a store that looks addresses up when it is told to.
type slowStore struct {
	auth.Store
	once    sync.Once
	begun   chan struct{}
	proceed chan struct{}
}

func (s *slowStore) ByEmail(ctx context.Context, email string) (auth.User, string, error) {
	s.once.Do(func() { close(s.begun) })
	select {
	case <-s.proceed:
	case <-ctx.Done():
		return auth.User{}, "", ctx.Err()
	}
	return s.Store.ByEmail(ctx, email)
}
