package multiaccount

import (
	"context"
	"time"

	"github.com/multiaccount-go/multiaccount/account"
)

// LinkedUser is one account of a session together with its user.
type LinkedUser[U any] struct {
	account.Linked
	User U
}

// LinkedUsers returns the active accounts beside the primary of a session, oldest link first. Users that do not exist or
// must not act are left out.
func (p *Plugin[U]) LinkedUsers(ctx context.Context, id account.SessionID) ([]LinkedUser[U], error) {
	s, err := p.sessions.LoadByID(ctx, id)
	if err != nil {
		return nil, err
	}
	links := s.Active(p.sessions.Now())
	ids := make([]string, len(links))
	for i, l := range links {
		ids[i] = l.Account
	}
	if len(ids) == 0 {
		return nil, nil
	}
	users, err := p.users(ctx, ids...)
	if err != nil {
		return nil, err
	}
	var linked []LinkedUser[U]
	for _, l := range links {
		if users.active(l.Account) {
			linked = append(linked, LinkedUser[U]{Linked: l, User: users[l.Account].user})
		}
	}
	return linked, nil
}

// Sessions returns the live sessions that hold an account, for a back office. account.ErrNoIndex: the store cannot tell.
func (p *Plugin[U]) Sessions(ctx context.Context, userID string) ([]*account.Session, error) {
	return p.sessions.Sessions(ctx, userID)
}

// Deactivate keeps a linked account in its session but lets nobody act as it there. Its tabs are told at once.
func (p *Plugin[U]) Deactivate(ctx context.Context, id account.SessionID, membership string) error {
	return p.administer(p.sessions.Deactivate(ctx, id, membership))
}

// Activate undoes Deactivate. It counts against the maximum: account.ErrLinkLimit.
func (p *Plugin[U]) Activate(ctx context.Context, id account.SessionID, membership string) error {
	return p.administer(p.sessions.Activate(ctx, id, membership))
}

// Destroy removes a linked account from a session for good. Its tabs are told at once.
func (p *Plugin[U]) Destroy(ctx context.Context, id account.SessionID, membership string) error {
	return p.administer(p.sessions.Destroy(ctx, id, membership))
}

// End ends a session. Its tabs are told at once.
func (p *Plugin[U]) End(ctx context.Context, id account.SessionID) error {
	return p.administer(p.sessions.End(ctx, id))
}

func (p *Plugin[U]) administer(out account.Outcome, err error) error {
	if err == nil {
		p.committed(nil, out)
	}
	return err
}

// UserChanged tells the plugin that a user changed: was deactivated, or shows another name. Every session that holds the
// account is told at once; where a user who must not act is current, the session goes to the choice, and where it is the
// only account, the session ends. Without this call the same happens at the person's next request, and to open tabs within
// half a minute. account.ErrNoIndex: the store cannot find the sessions.
func (p *Plugin[U]) UserChanged(ctx context.Context, userID string) error {
	users, err := p.users(ctx, userID)
	if err != nil {
		return err
	}
	active := users.active(userID)
	return p.everywhere(ctx, userID, func(s *account.Session, l *account.Linked, _ time.Time) (account.Effect, error) {
		if active {
			return account.Effect{Action: "account.updated", Reason: account.ReasonUpdated}, nil
		}
		return s.Retire(l.Membership)
	})
}

// SignOutEverywhere makes an account sign in again in every session that holds it, after a change of its password say.
// Other accounts of those sessions stay. Whoever is just signing in, or does so while this runs, signs in again too: sign the
// person who asked for it in afterwards, or answer that person with [Plugin.SignOut], so that the browser forgets too. It takes
// a second or so. account.ErrNoIndex: the store cannot find the sessions.
func (p *Plugin[U]) SignOutEverywhere(ctx context.Context, userID string) error {
	_, err := p.RevokeEverywhere(ctx, userID)
	return err
}

// RevokeEverywhere is [Plugin.SignOutEverywhere] for whoever wants to know in how many sessions the account was. The number
// is right beside an error too: call it again for the rest.
func (p *Plugin[U]) RevokeEverywhere(ctx context.Context, userID string) (sessions int, err error) {
	return p.sessions.RevokeEverywhere(ctx, userID, func(out account.Outcome) { p.committedOn(nil, out, userID) })
}

func (p *Plugin[U]) everywhere(
	ctx context.Context, userID string, decide func(*account.Session, *account.Linked, time.Time) (account.Effect, error),
) error {
	outcomes, err := p.sessions.Everywhere(ctx, userID, decide)
	for _, out := range outcomes {
		p.committedOn(nil, out, userID)
	}
	return err
}
