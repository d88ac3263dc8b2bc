package multiaccount

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/multiaccount-go/multiaccount/account"
)

// loadUsers loads the users of all accounts at once, and takes a current one that must not act any more out of action.
func (p *Plugin[U]) loadUsers(c *fiber.Ctx, v *visit[U]) {
	ids := make([]string, len(v.session.Accounts))
	for i, l := range v.session.Accounts {
		ids[i] = l.Account
	}
	if v.users, v.failure = p.users(c.UserContext(), ids...); v.failure != nil {
		return
	}
	if l := v.session.CurrentAccount(); l != nil && !(l.IsActive(p.sessions.Now()) && v.users.active(l.Account)) {
		p.stepDown(c, v, l.Membership)
	}
}

// roster is what the app says of some users: who they are, and who of them may act now. Ids that are missing do not exist.
type roster[U any] map[string]known[U]

type known[U any] struct {
	user   U
	active bool
}

// active reports whether a user exists and may act.
func (r roster[U]) active(id string) bool { return r[id].active }

// users asks the app. A loader that fails or panics must not open a door, nor end a process: it is an error.
func (p *Plugin[U]) users(ctx context.Context, ids ...string) (r roster[U], err error) {
	ctx, cancel := context.WithTimeout(ctx, usersTimeout)
	defer cancel()
	defer func() {
		if panicked := recover(); panicked != nil {
			r, err = nil, fmt.Errorf("multiaccount: Config.Users or Config.Active panicked: %v", panicked)
		}
		if err != nil {
			p.log.Error("multiaccount: users cannot be loaded", "err", err)
		}
	}()
	users, err := p.cfg.Users(ctx, ids...)
	if err != nil {
		return nil, err
	}
	r = make(roster[U], len(ids))
	for _, id := range ids {
		if u, ok := users[id]; ok {
			r[id] = known[U]{u, p.cfg.Active(u)}
		}
	}
	return r, nil
}

// usersTimeout bounds the app's loader, if it minds its context.
const usersTimeout = 2 * time.Second

// stepDown makes sure that a membership which must not act is not current, whoever asked.
func (p *Plugin[U]) stepDown(c *fiber.Ctx, v *visit[U], membership string) {
	out, err := p.sessions.ChangeByID(c.UserContext(), v.session.ID, retire(membership, p.sessions.Now))
	switch {
	case errors.Is(err, account.ErrNotFound):
		v.session = nil
	case err != nil:
		v.failure = err
	default:
		p.committed(c, out)
		v.session = out.Session
		if v.session != nil && v.session.Current != "" && v.session.Current != membership {
			// Another tab switched meanwhile. Nothing is known about that account yet, so this request acts as nobody.
			v.failure = &account.UnavailableError{Err: account.ErrConflict}
		}
	}
}

// retire takes a membership out of action, because its time is over or its user must not act.
func retire(membership string, now func() time.Time) account.Transition {
	return func(s *account.Session, _ time.Time) (account.Effect, error) {
		l := s.Membership(membership)
		if l == nil || s.Current != membership {
			return account.Effect{}, nil
		}
		if !l.IsActive(now()) {
			return s.Expire(now()), nil
		}
		return s.Retire(membership)
	}
}
