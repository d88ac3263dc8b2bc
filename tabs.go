package multiaccount

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"strconv"

	"github.com/gofiber/fiber/v2"

	"github.com/multiaccount-go/multiaccount/account"
	"github.com/multiaccount-go/multiaccount/internal/origin"
	"github.com/multiaccount-go/multiaccount/live"
)

// tabMessage is what a tab is told. It names no account: the tab asks for what it may know.
type tabMessage struct {
	Type    string         `json:"type"`
	Version int64          `json:"v"`
	Reason  account.Reason `json:"reason,omitempty"`
	Code    string         `json:"code,omitempty"`    // of an event that was not executed
	Message string         `json:"message,omitempty"` // the same for people
}

func (m tabMessage) encode() []byte {
	data, _ := json.Marshal(m) // a struct of strings and a number always encodes
	return data
}

func messageOf(ch account.Change) tabMessage {
	m := tabMessage{Type: "session-changed", Version: ch.Version, Reason: ch.Reason}
	if ch.Ended {
		m.Type = "session-ended"
	}
	return m
}

// announcement turns a change into what the hub sends.
func announcement(ch account.Change) live.Announcement {
	return live.Announcement{
		Key: live.Key(ch.ID), Version: ch.Version, Generation: ch.Generation, Tag: ch.Tag, Ended: ch.Ended, Payload: messageOf(ch).encode(),
	}
}

// changeOf describes the present state of a session as if it had just changed.
func changeOf(s *account.Session) account.Change {
	return account.Change{ID: s.ID, Version: s.Version, Generation: s.Generation, Tag: s.Tag, Reason: s.Reason}
}

// ended describes the end of a session whose last known version is v.
func ended(id account.SessionID, v int64, why account.Reason) account.Change {
	return account.Change{ID: id, Version: v + 1, Reason: why, Ended: true}
}

// tabSocket serves the websocket that an open tab follows its session by, or the event stream that stands in for it where
// websockets are blocked. A foreign page is turned away before anything is looked up, and refusals are plain: browsers show
// scripts nothing but that a handshake failed.
func (p *Plugin[U]) tabSocket(c *fiber.Ctx) error {
	err := p.origins.Unsafe(origin.Read(c)) // the hub looks closer: a handshake needs an Origin
	if err == nil {
		err = p.serveTab(c, p.visit(c))
	}
	return p.renderFor(askerJSON, c, p.refusal(err))
}

func (p *Plugin[U]) serveTab(c *fiber.Ctx, v *visit[U]) error {
	drawn, err := strconv.ParseInt(c.Query("v"), 10, 64)
	if err != nil {
		drawn = 0
	}
	subject, err := p.subject(v, drawn)
	if err != nil {
		return err
	}
	if err := p.hub.ServeTab(c, subject); !errors.Is(err, live.ErrNotUpgrade) {
		return err
	}
	return fiber.ErrUpgradeRequired
}

// Subject is for hooks; hooks.LoadAccounts uses it. It returns what a live view has to follow so that it ends with the account
// it was opened for: its session. The error is a [Refusal].
func (p *Plugin[U]) Subject(c *fiber.Ctx) (live.Subject, error) {
	v := p.visit(c)
	if v.session == nil {
		return p.subject(v, 0)
	}
	return p.subject(v, v.session.Version)
}

func (p *Plugin[U]) subject(v *visit[U], drawn int64) (live.Subject, error) {
	switch {
	case v.failure != nil:
		return live.Subject{}, p.unavailable(v.failure)
	case v.session == nil && !v.stale:
		return live.Subject{}, p.refusal(account.ErrNotFound)
	case v.stale:
		return live.Subject{}, p.refusal(account.ErrStaleSecret)
	}
	id, version, owner := v.session.ID, v.session.Version, ""
	if current := v.session.CurrentAccount(); current != nil {
		owner = current.Account
	}
	return live.Subject{
		Key: live.Key(id), Owner: owner, Generation: v.session.Generation, Version: drawn,
		Hello: func(a live.Announcement) []byte { return tabMessage{Type: "hello", Version: a.Version}.encode() },
		Read: func(ctx context.Context) (live.Announcement, error) {
			s, err := p.sessions.LoadByID(ctx, id)
			switch {
			case errors.Is(err, account.ErrNotFound):
				return announcement(ended(id, version, account.ReasonSignedOut)), nil
			case err != nil:
				return live.Announcement{}, err
			}
			return announcement(changeOf(s)), nil
		},
	}, nil
}

// announceOutcome tells the tabs of this process what this process has just saved.
func (p *Plugin[U]) announceOutcome(out account.Outcome) {
	switch {
	case out.Before != nil && (out.Session == nil || out.Session.ID != out.Before.ID):
		why := cmp.Or(out.Effect.Reason, account.ReasonSignedOut) // a session that was replaced has no reason of its own
		p.hub.Announce(announcement(ended(out.Before.ID, out.Before.Version, why)))
	case out.Session != nil && out.Effect.Reason != "":
		p.hub.Announce(announcement(changeOf(out.Session)))
	}
}
