package multiaccount

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/gofiber/fiber/v2/utils"
	"github.com/google/uuid"

	"github.com/multiaccount-go/multiaccount/account"
)

// Event is one line of an audit trail: a change that was saved, or a refusal. It holds no secret and no session id. Where
// the app sets Config.OnEvent, each change and each refusal is exactly one event.
//
// Path, UserAgent and RequestID may hold whatever a client sent, of any length that the server takes; package audit has
// sinks that are safe with that.
type Event struct {
	ID        uuid.UUID // version 7: ordered by time
	Time      time.Time // UTC
	Action    string    // e.g. "account.switched", or "refused"
	Code      string    // of a refusal, e.g. "stale_page"
	Session   string    // pseudonym of the session: the same for all of its events, useless as a key
	Actor     string    // account that asked; empty when nobody was signed in, or when no request was the cause
	Account   string    // account that it is about: who came, left or changed; of a refusal the member that was named
	Named     string    // Pseudonym of an account that a refused request named and that is not in the session
	From      string    // current account before; empty when there was none
	To        string    // current account afterwards; empty when there is none
	Scope     string    // what the current account works in, such as a tenant: see SetScope
	Reason    account.Reason
	Method    string // HTTP method, or MethodLive; empty when no request was the cause
	Path      string // of the request
	Route     string // the pattern that the app registered for it, such as "/link/switch_to/:user_id": safe where a path may hold a token
	IP        string
	UserAgent string
	RequestID string // as the answer tells it in X-Request-ID, which Fiber's requestid middleware does; empty: none
}

// ActionRefused is the Action of an event that changed nothing.
const ActionRefused = "refused"

// MethodLive is the Method of an [Event] that is about an event of a live view; the rest is that of its handshake.
const MethodLive = "LIVE"

// committed tells the tabs of this process and the audit trail of a change that was saved. Tabs of other processes hear of
// it from the store.
func (p *Plugin[U]) committed(c *fiber.Ctx, out account.Outcome) {
	p.committedOn(c, out, subjectOf(out.Before, out.Session))
}

// committedOn is committed for a change of which it is known whom it is about.
func (p *Plugin[U]) committedOn(c *fiber.Ctx, out account.Outcome, accountID string) {
	p.announceOutcome(out)
	p.record(c, out, accountID)
}

// record tells the audit trail of a change.
func (p *Plugin[U]) record(c *fiber.Ctx, out account.Outcome, accountID string) {
	if out.Effect.Action == "" {
		return
	}
	e := p.newEvent(out.Effect.Action, out.Before, out.Session)
	e.Reason, e.Account = out.Effect.Reason, accountID
	p.emit(c, e)
}

// subjectOf returns the account in which two states of a session differ: the one that came, left or changed. Where that
// is none, or where a session ended or began, it is the current one.
func subjectOf(before, after *account.Session) string {
	if before != nil && after == nil && len(before.Accounts) == 1 {
		return before.Accounts[0].Account
	}
	if before == nil || after == nil || before.ID != after.ID {
		return cmp.Or(currentID(after), currentID(before))
	}
	for _, l := range before.Accounts {
		if is := after.Membership(l.Membership); is == nil || is.Status != l.Status || !is.Deadline.Equal(l.Deadline) {
			return l.Account
		}
	}
	for _, l := range after.Accounts {
		if before.Membership(l.Membership) == nil {
			return l.Account
		}
	}
	return cmp.Or(currentID(after), currentID(before))
}

// refused tells the audit trail of a refusal, once, however many handlers see it.
func (p *Plugin[U]) refused(c *fiber.Ctx, r *Refusal) {
	if r.told {
		return
	}
	r.told = true
	var s *account.Session
	if v, ok := c.Locals(visitKey[U]{p}).(*visit[U]); ok { // nothing is looked up for a request that was turned away before
		s = v.session
	}
	e := p.newEvent(ActionRefused, s, s)
	e.Code = r.Code
	e.Account, e.Named = p.target(c, s)
	p.emit(c, e)
}

// denied is refused for an error that the app may answer itself instead of returning it to p.Handler.
func (p *Plugin[U]) denied(c *fiber.Ctx, err error) {
	var r *Refusal
	if errors.As(err, &r) {
		p.refused(c, r)
	}
}

// target returns whom the path of one of the plugin's routes names: an account of the session, or what stands for another
// one. Those are not written down as they came: people put passwords and addresses everywhere.
func (p *Plugin[U]) target(c *fiber.Ctx, s *account.Session) (member, stranger string) {
	if !p.isPlugin(c.Path()) {
		return "", ""
	}
	id := cmp.Or(param(c, "user_id"), param(c, "primary_user_id"))
	switch {
	case id == "":
		return "", ""
	case s != nil && s.Find(id) != nil:
		return id, ""
	}
	return "", Pseudonym(id)
}

// auditLive makes a guard of a live view tell the audit trail of what it refuses. The request is over by then: what the
// trail needs of it is taken here.
func (p *Plugin[U]) auditLive(
	c *fiber.Ctx, s *account.Session, guard func(ctx context.Context, stamp string) error,
) func(ctx context.Context, stamp string) error {
	about := p.newEvent(ActionRefused, s, s)
	about.Actor = about.From
	about.describe(c)
	about.Method = MethodLive
	return func(ctx context.Context, stamp string) error {
		err := guard(ctx, stamp)
		var r *refusedEvent
		if errors.As(err, &r) {
			e := about
			e.ID, e.Time, e.Code = uuid.Must(uuid.NewV7()), p.sessions.Now().UTC(), r.code
			p.tell(ctx, e)
		}
		return err
	}
}

func (p *Plugin[U]) newEvent(action string, before, after *account.Session) Event {
	e := Event{ID: uuid.Must(uuid.NewV7()), Time: p.sessions.Now().UTC(), Action: action}
	for _, s := range []*account.Session{before, after} {
		if s != nil {
			e.Session = pseudonym(s.ID)
			if l := s.CurrentAccount(); l != nil {
				e.Scope = l.Scope
			}
		}
	}
	e.From, e.To = currentID(before), currentID(after)
	return e
}

// pseudonym names a session in logs without naming its key.
func pseudonym(id account.SessionID) string { return Pseudonym(string(id[:])) }

// Pseudonym returns what an [Event] has instead of the id of an account that is not in the session. It is the same for the
// same id, so that an investigator who knows the id finds it; it hides an id from nobody who can guess it.
func Pseudonym(accountID string) string {
	sum := sha256.Sum256(append([]byte("audit\x00"), accountID...))
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

// emit completes an event by its request and tells the app.
func (p *Plugin[U]) emit(c *fiber.Ctx, e Event) {
	ctx := context.Background()
	if c != nil {
		ctx = c.UserContext()
		e.Actor = e.From
		if v, ok := c.Locals(visitKey[U]{p}).(*visit[U]); ok && v.session != nil && pseudonym(v.session.ID) != e.Session {
			e.Actor = currentID(v.session) // who acts on another session
		}
		e.describe(c)
	}
	p.tell(ctx, e)
}

// EventOf returns an event of an app's or another package's own for the sinks of package audit: it has an id, the time, and
// where the request came from. The caller adds whom it is about. It shares no memory with the request.
func EventOf(c *fiber.Ctx, action string) Event {
	e := Event{ID: uuid.Must(uuid.NewV7()), Time: time.Now().UTC(), Action: action}
	e.describe(c)
	return e
}

// describe notes where a request came from. What it keeps shares no memory with the request.
func (e *Event) describe(c *fiber.Ctx) {
	e.Method, e.Path, e.Route = utils.CopyString(c.Method()), utils.CopyString(c.Path()), utils.CopyString(c.Route().Path)
	e.IP, e.UserAgent = utils.CopyString(c.IP()), utils.CopyString(c.Get(fiber.HeaderUserAgent))
	e.RequestID = utils.CopyString(c.GetRespHeader(fiber.HeaderXRequestID))
}

// tell calls the app. Its panic ends nothing.
func (p *Plugin[U]) tell(ctx context.Context, e Event) {
	defer func() {
		if r := recover(); r != nil {
			p.log.Error("multiaccount: Config.OnEvent panicked", "action", e.Action, "panic", fmt.Sprint(r))
		}
	}()
	p.cfg.OnEvent(ctx, e)
}
