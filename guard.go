package multiaccount

import (
	"context"
	"errors"

	"github.com/gofiber/fiber/v2"

	"github.com/multiaccount-go/multiaccount/account"
	"github.com/multiaccount-go/multiaccount/live"
)

// EventGuard is for hooks; hooks.LoadAccounts attaches it. It returns the check that each event of a live view has to pass
// before it is executed: the session is what it was when the socket opened, and the stamp that the event carries is the
// current account's. It reads the record, because what a message about a change has not told yet is true already. The error
// wraps a [*live.Refusal] for the browser.
func (p *Plugin[U]) EventGuard(c *fiber.Ctx) func(ctx context.Context, stamp string) error {
	v := p.visit(c)
	if v.failure != nil {
		return func(context.Context, string) error { return p.postponeEvent() }
	}
	s := v.session
	if s == nil {
		return func(_ context.Context, stamp string) error {
			if stamp == "" {
				return nil
			}
			// It was written as somebody, and nobody is signed in any more.
			return p.refuseEvent(account.Change{Ended: true, Reason: account.ReasonSignedOut}, 0)
		}
	}
	id, version, generation := s.ID, s.Version, s.Generation
	return p.auditLive(c, s, func(ctx context.Context, stamp string) error {
		s, err := p.sessions.LoadByID(ctx, id)
		switch {
		case errors.Is(err, account.ErrNotFound):
			return p.refuseEvent(ended(id, version, account.ReasonSignedOut), closeEnded)
		case err != nil:
			if ctx.Err() == nil { // else the browser has left, which is no fault of the store
				p.log.Error("multiaccount: event of a live view not executed", "err", err)
			}
			return p.postponeEvent()
		case s.Generation != generation:
			return p.refuseEvent(changeOf(s), closeComeBack)
		case s.CheckStamp(stamp) != nil:
			if stamp == "" {
				p.hint("an event of a live view carries no stamp: put data-account-stamp on an element around the view's HTML")
			}
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
		if !current.IsActive(p.sessions.Now()) || !users.active(current.Account) {
			return p.refuseEvent(changeOf(s), closeComeBack) // the handshake then takes the account out of action
		}
		return nil
	})
}

// Close codes of a refused event.
const (
	closeEnded    = 1008
	closeComeBack = 1012
)

// refusedEvent is a refusal for the browser, and for the audit trail.
type refusedEvent struct {
	*live.Refusal
	code string
}

func (r *refusedEvent) Unwrap() error { return r.Refusal }

// refuseEvent tells a page that its event was not executed because the session is not what the page was drawn for.
func (p *Plugin[U]) refuseEvent(ch account.Change, code int) error {
	m := messageOf(ch)
	m.Code, m.Message = CodeStalePage, p.cfg.Texts.StalePage
	return &refusedEvent{&live.Refusal{Payload: m.encode(), Close: code}, m.Code}
}

// postponeEvent tells a page that its event was not executed because nobody knows who may do what at the moment.
func (p *Plugin[U]) postponeEvent() error {
	m := tabMessage{Type: "refused", Code: CodeStoreUnavailable, Message: p.cfg.Texts.StoreUnavailable}
	return &refusedEvent{&live.Refusal{Payload: m.encode()}, m.Code}
}
