package multiaccount

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/gofiber/fiber/v2/utils"
	"github.com/google/uuid"

	"github.com/multiaccount-go/multiaccount/account"
)

// Event is one line of an audit trail: a change that was saved, or a refusal. It holds no secret and no session id.
type Event struct {
	ID        uuid.UUID // version 7: ordered by time
	Time      time.Time // UTC
	Action    string    // e.g. "account.switched", or "refused"
	Code      string    // of a refusal, e.g. "stale_page"
	Session   string    // pseudonym of the session: the same for all of its events, useless as a key
	From      string    // current account before; empty when there was none
	To        string    // current account afterwards; empty when there is none
	Reason    account.Reason
	Method    string // HTTP method; empty when no request was the cause
	Path      string // route of the request
	IP        string
	UserAgent string
}

// committed tells the tabs of this process and the audit trail of a change that was saved. Tabs of other processes hear of
// it from the store; the echo here is dropped by its version.
func (p *Plugin[U]) committed(c *fiber.Ctx, out account.Outcome) {
	p.announceOutcome(out)
	if out.Effect.Action == "" {
		return
	}
	e := p.newEvent(out.Effect.Action, out.Before, out.Session)
	e.Reason = out.Effect.Reason
	p.emit(c, e)
}

// refused tells the audit trail of a refusal.
func (p *Plugin[U]) refused(c *fiber.Ctx, r *Refusal) {
	var s *account.Session
	if v, ok := c.Locals(visitKey[U]{p}).(*visit[U]); ok { // nothing is looked up for a request that was turned away before
		s = v.session
	}
	e := p.newEvent("refused", s, s)
	e.Code = r.Code
	p.emit(c, e)
}

func (p *Plugin[U]) newEvent(action string, before, after *account.Session) Event {
	e := Event{ID: uuid.Must(uuid.NewV7()), Time: p.sessions.Now().UTC(), Action: action}
	for _, s := range []*account.Session{before, after} {
		if s != nil {
			e.Session = pseudonym(s.ID)
		}
	}
	e.From, e.To = currentID(before), currentID(after)
	return e
}

// pseudonym names a session in logs without naming its key.
func pseudonym(id account.SessionID) string {
	sum := sha256.Sum256(append([]byte("audit\x00"), id[:]...))
	return base64.RawURLEncoding.EncodeToString(sum[:12])
}

func currentID(s *account.Session) string {
	if s == nil {
		return ""
	}
	if l := s.CurrentAccount(); l != nil {
		return l.Account
	}
	return ""
}

// emit calls the app. What it gets shares no memory with the request, and its panic ends nothing.
func (p *Plugin[U]) emit(c *fiber.Ctx, e Event) {
	ctx := context.Background()
	if c != nil {
		ctx = c.UserContext()
		e.Method, e.Path = utils.CopyString(c.Method()), utils.CopyString(c.Path())
		e.IP, e.UserAgent = utils.CopyString(c.IP()), utils.CopyString(c.Get(fiber.HeaderUserAgent))
	}
	defer func() {
		if r := recover(); r != nil {
			p.log.Error("multiaccount: Config.OnEvent panicked", "action", e.Action, "panic", fmt.Sprint(r))
		}
	}()
	p.cfg.OnEvent(ctx, e)
}
