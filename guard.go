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
// is a [*live.Refusal] for the browser.
func (p *Plugin[U]) EventGuard(c *fiber.Ctx) func(ctx context.Context, stamp string) error {
	v := p.visit(c)
	if v.failure != nil {
		return func(context.Context, string) error { return p.postponeEvent() }
	}
	s := v.session
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
		if !current.IsActive(p.sessions.Now()) || !users.active(current.Account) {
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
