package multiaccount

import (
	"context"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"strconv"
	"time"

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

// tabSocket serves the websocket that an open tab follows its session by. A foreign page is turned away before anything is
// looked up, and refusals are plain: browsers show scripts nothing but that a handshake failed.
func (p *Plugin[U]) tabSocket(c *fiber.Ctx) error {
	err := p.origins.Socket(origin.Read(c))
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

// Subject returns what a live view has to follow so that it ends with the account it was opened for: its session. The
// hooks of package hooks use it. The error is a [Refusal].
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
	case v.session == nil:
		return live.Subject{}, p.refusal(account.ErrNotFound)
	case v.stale:
		return live.Subject{}, p.refusal(account.ErrStaleSecret)
	}
	id, version := v.session.ID, v.session.Version
	return live.Subject{
		Key: live.Key(id), Generation: v.session.Generation, Version: drawn,
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

// EventGuard returns the check that each event of a live view has to pass before it is executed: the session is what it was
// when the socket opened, and the stamp that the event carries is the current account's. It reads the record, because what
// a message about a change has not told yet is true already. The error is a [*live.Refusal] for the browser.
func (p *Plugin[U]) EventGuard(c *fiber.Ctx) func(ctx context.Context, stamp string) error {
	s := p.visit(c).session
	if s == nil {
		return func(context.Context, string) error { return nil }
	}
	id, version, generation := s.ID, s.Version, s.Generation
	return func(ctx context.Context, stamp string) error {
		s, err := p.sessions.LoadByID(ctx, id)
		switch {
		case errors.Is(err, account.ErrNotFound):
			return p.refuseEvent(ended(id, version, account.ReasonSignedOut), closeEnded)
		case err != nil:
			p.log.Error("multiaccount: event of a live view not executed", "err", err)
			return p.postponeEvent()
		case s.Generation != generation:
			return p.refuseEvent(changeOf(s), closeComeBack)
		case s.CheckStamp(stamp) != nil:
			return p.refuseEvent(changeOf(s), 0)
		}
		current := s.CurrentAccount()
		if current == nil {
			return nil // a view for those who are choosing
		}
		users, err := p.users(ctx, current.Account)
		if err != nil {
			return p.postponeEvent()
		}
		if !current.IsActive(p.sessions.Now()) || !p.active(users, current.Account) {
			return p.refuseEvent(changeOf(s), closeComeBack) // the handshake then takes the account out of action
		}
		return nil
	}
}

// Close codes of a refused event.
const (
	closeEnded    = 1008
	closeComeBack = 1012
)

// refuseEvent tells a page that its event was not executed because the session is not what the page was drawn for.
func (p *Plugin[U]) refuseEvent(ch account.Change, code int) error {
	m := messageOf(ch)
	m.Code, m.Message = CodeStalePage, p.cfg.Texts.StalePage
	return &live.Refusal{Payload: m.encode(), Close: code}
}

// postponeEvent tells a page that its event was not executed because nobody knows who may do what at the moment.
func (p *Plugin[U]) postponeEvent() error {
	m := tabMessage{Type: "refused", Code: CodeStoreUnavailable, Message: p.cfg.Texts.StoreUnavailable}
	return &live.Refusal{Payload: m.encode()}
}

// announceOutcome tells the tabs of this process what this process has just saved.
func (p *Plugin[U]) announceOutcome(out account.Outcome) {
	switch {
	case out.Before != nil && (out.Session == nil || out.Session.ID != out.Before.ID):
		p.hub.Announce(announcement(ended(out.Before.ID, out.Before.Version, account.ReasonSignedOut)))
	case out.Session != nil && out.Effect.Reason != "":
		p.hub.Announce(announcement(changeOf(out.Session)))
	}
}

// watch passes the store's change feed on to the open tabs.
func (p *Plugin[U]) watch(ctx context.Context) {
	for ctx.Err() == nil {
		err := p.sessions.Watch(ctx, func(ch account.Change) {
			if ch.Resync {
				p.running.Go(func() { p.sweep(ctx) })
				return
			}
			p.hub.Announce(announcement(ch))
		})
		if ctx.Err() != nil {
			return
		}
		p.log.Warn("multiaccount: change feed broke; tabs are swept until it is back", "err", err)
		wait(ctx, time.Second)
	}
}

// sweepEvery is how long a tab can be wrong when every message about a change was lost.
const sweepEvery = 30 * time.Second

func (p *Plugin[U]) sweepNowAndThen(ctx context.Context) {
	for wait(ctx, sweepEvery*9/10+rand.N(sweepEvery/10)) {
		p.sweep(ctx)
	}
}

// wait reports whether the time has passed rather than the context.
func wait(ctx context.Context, d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-ctx.Done():
		return false
	}
}

// sweepBatch is how many sessions are read in one round trip.
const sweepBatch = 256

// sweep compares every session that has an open tab here with the store, and its current user with the app. It finds what
// no message told: a lost one, a session that expired, a user who was deactivated in the app's own tables.
func (p *Plugin[U]) sweep(ctx context.Context) {
	followed := p.hub.Followed()
	for len(followed) > 0 && ctx.Err() == nil {
		batch := followed[:min(sweepBatch, len(followed))]
		followed = followed[len(batch):]
		ids := make([]account.SessionID, len(batch))
		for i, f := range batch {
			ids[i] = account.SessionID(f.Key)
		}
		sessions, err := p.sessions.LoadMany(ctx, ids)
		if err != nil {
			p.log.Warn("multiaccount: open tabs not compared with the store; the next sweep tries again", "err", err)
			return
		}
		for i, s := range sessions {
			if s == nil {
				p.hub.Announce(announcement(ended(ids[i], batch[i].Version, account.ReasonSignedOut)))
			} else {
				p.hub.Announce(announcement(changeOf(s)))
			}
		}
		p.recheck(ctx, sessions)
	}
}

// recheck takes current accounts out of action whose time is over or whose user must not act any more.
func (p *Plugin[U]) recheck(ctx context.Context, sessions []*account.Session) {
	var ids []string
	for _, s := range sessions {
		if id := currentID(s); id != "" {
			ids = append(ids, id)
		}
	}
	if len(ids) == 0 {
		return
	}
	users, err := p.users(ctx, ids...)
	if err != nil {
		return // logged; nobody is taken out of action because the app's tables are away
	}
	for _, s := range sessions {
		if s == nil || s.Current == "" {
			continue
		}
		if l := s.CurrentAccount(); l.IsActive(p.sessions.Now()) && p.active(users, l.Account) {
			continue
		}
		out, err := p.sessions.ChangeByID(ctx, s.ID, retire(s.Current, p.sessions.Now))
		if err != nil && !errors.Is(err, account.ErrNotFound) {
			p.log.Warn("multiaccount: account not taken out of action; the next sweep tries again", "err", err)
			continue
		}
		if err == nil {
			p.committed(nil, out)
		}
	}
}
