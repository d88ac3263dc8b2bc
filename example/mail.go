package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/multiaccount-go/multiaccount/tenant"
	"github.com/redis/go-redis/v9"
)

// mailbox stands for e-mail: what the site would send waits in Redis, and whoever has signed in with an address reads it on
// a page. Nobody checks addresses here, so an invitation is for whoever registers with its address first.
type mailbox struct{ rdb redis.UniversalClient }

// letter asks somebody to join a tenant.
type letter struct {
	From string    `json:"from"` // name of the tenant
	Path string    `json:"path"` // of the page that the link in it leads to
	Sent time.Time `json:"sent"`
}

const (
	maxLetters = 20 // of an address; the oldest go first
	letterLife = 7 * 24 * time.Hour
)

func mailKey(email string) string { return "example:mail:" + tenant.EmailKey(email) }

// invite is the Config.Invite of package tenant.
func (m mailbox) invite(ctx context.Context, i tenant.Invitation, to tenant.Tenant, link string) error {
	at, err := url.Parse(link)
	if err != nil {
		return fmt.Errorf("mail: %w", err)
	}
	text, err := json.Marshal(letter{From: to.Name, Path: at.Path, Sent: i.Created})
	if err != nil {
		return fmt.Errorf("mail: %w", err)
	}
	_, err = m.rdb.TxPipelined(ctx, func(pipe redis.Pipeliner) error {
		pipe.LPush(ctx, mailKey(i.Email), text)
		pipe.LTrim(ctx, mailKey(i.Email), 0, maxLetters-1)
		pipe.Expire(ctx, mailKey(i.Email), letterLife)
		return nil
	})
	if err != nil {
		return fmt.Errorf("mail: %w", err)
	}
	return nil
}

// of returns the letters to an address, the newest first.
func (m mailbox) of(ctx context.Context, email string) ([]letter, error) {
	rows, err := m.rdb.LRange(ctx, mailKey(email), 0, -1).Result()
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

// showMail shows the letters to the current account's address.
func (s *site) showMail(c *fiber.Ctx) error {
	user, _ := s.accounts.CurrentUser(c)
	letters, err := s.mail.of(c.UserContext(), user.Email)
	if err != nil {
		return err
	}
	if wantsJSON(c) {
		return c.JSON(fiber.Map{"letters": letters})
	}
	return s.render(c, look{view: "mail", title: "E-mail", data: letters})
}
