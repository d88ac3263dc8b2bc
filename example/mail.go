package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/multiaccount-go/multiaccount/tenant"
	"github.com/redis/go-redis/v9"
)

// mailbox stands for e-mail: what the site would send waits in Redis, and whoever has signed in with an address reads it on
// a page. Nobody checks addresses here, so an invitation is for whoever registers with its address first.
type mailbox struct{ rdb redis.UniversalClient }

// letter asks somebody to join a tenant, or lets him sign in.
type letter struct {
	From string    `json:"from,omitempty"` // name of the tenant
	To   string    `json:"to,omitempty"`   // address of who signs in
	Path string    `json:"path"`           // of the page that the link in it leads to
	Sent time.Time `json:"sent"`
}

const (
	maxLetters = 20 // in one box; the oldest go first
	letterLife = 7 * 24 * time.Hour
	linkLife   = 15 * time.Minute // of links to sign in, and so of their letters
)

func mailKey(email string) string { return "example:mail:" + tenant.EmailKey(email) }

// linksKey is where links to sign in wait: who cannot sign in yet cannot read a box of his own.
const linksKey = "example:sign-in-mail"

// invite is the Config.Invite of package tenant.
func (m mailbox) invite(ctx context.Context, i tenant.Invitation, to tenant.Tenant, link string) error {
	return m.put(ctx, mailKey(i.Email), letterLife, letter{From: to.Name, Sent: i.Created}, link)
}

// signIn is the Config.Send of package magiclink.
func (m mailbox) signIn(ctx context.Context, email, link string) error {
	return m.put(ctx, linksKey, linkLife, letter{To: email, Sent: time.Now()}, link)
}

func (m mailbox) put(ctx context.Context, key string, life time.Duration, l letter, link string) error {
	at, err := url.Parse(link)
	if err != nil {
		return fmt.Errorf("mail: %w", err)
	}
	l.Path = at.Path // the same on every process, whatever its address
	text, err := json.Marshal(l)
	if err != nil {
		return fmt.Errorf("mail: %w", err)
	}
	_, err = m.rdb.TxPipelined(ctx, func(pipe redis.Pipeliner) error {
		pipe.LPush(ctx, key, text)
		pipe.LTrim(ctx, key, 0, maxLetters-1)
		pipe.Expire(ctx, key, life)
		return nil
	})
	if err != nil {
		return fmt.Errorf("mail: %w", err)
	}
	return nil
}

// of returns the letters to an address, the newest first.
func (m mailbox) of(ctx context.Context, email string) ([]letter, error) {
	return m.read(ctx, mailKey(email))
}

// links returns the letters with links to sign in that are not too old, the newest first.
func (m mailbox) links(ctx context.Context, now time.Time) ([]letter, error) {
	letters, err := m.read(ctx, linksKey)
	return slices.DeleteFunc(letters, func(l letter) bool { return now.Sub(l.Sent) >= linkLife }), err
}

func (m mailbox) read(ctx context.Context, key string) ([]letter, error) {
	rows, err := m.rdb.LRange(ctx, key, 0, -1).Result()
	if err != nil {
		return nil, fmt.Errorf("mail: %w", err)
	}
	letters := make([]letter, len(rows))
	for i, row := range rows {
		if err := json.Unmarshal([]byte(row), &letters[i]); err != nil {
			return nil, fmt.Errorf("mail: %w", err)
		}
	}
	return letters, nil
}

// mailPage is what /mail shows.
type mailPage struct {
	Letters []letter
	Links   []letter
	Demo    bool // the links are there to be read
}

// showMail shows the letters to the current account's address, and in a demo on this machine the links to sign in to anybody.
func (s *site) showMail(c *fiber.Ctx) error {
	p := mailPage{Letters: []letter{}, Links: []letter{}, Demo: s.ways.links != nil}
	user, signedIn := s.accounts.CurrentUser(c)
	if !signedIn && !p.Demo {
		return s.accounts.CheckUser(c)
	}
	var errLetters, errLinks error
	if signedIn {
		p.Letters, errLetters = s.mail.of(c.UserContext(), user.Email)
	}
	if p.Demo {
		p.Links, errLinks = s.mail.links(c.UserContext(), time.Now())
	}
	if err := errors.Join(errLetters, errLinks); err != nil {
		return err
	}
	if wantsJSON(c) {
		return c.JSON(fiber.Map{"letters": p.Letters, "links": p.Links})
	}
	return s.render(c, look{view: "mail", title: "E-mail", data: p})
}
