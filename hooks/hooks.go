// Package hooks joins the accounts of a browser session to views: what runs when a live view connects, and the same for
// views that htmx fetches over HTTP. It is the one package that knows both.
package hooks

import (
	"context"

	"github.com/gofiber/fiber/v2"

	"github.com/multiaccount-go/multiaccount"
	"github.com/multiaccount-go/multiaccount/live"
)

type (
	current[U any] struct{ user U }
	primary[U any] struct{ user U }
	stamp          string
	accountID      string
	scope          string
	still          func(context.Context) error
)

// LoadAccounts assigns the current and the primary user to a view, for the page and again for each socket: read them with
// [CurrentUser] and [PrimaryUser]. A socket then follows its session: at a change the browser is told and comes back, and
// the view is mounted for whoever is current then; nothing is sent to that account over a socket of the one before. Each
// event must carry the stamp of the current account in its field _stamp ([Stamp]), or it is not executed. A visitor who
// is not signed in passes without values; [RequireUser] keeps him out. The hook brings the plugin's hub along.
func LoadAccounts[U any](p *multiaccount.Plugin[U]) live.Hook {
	return live.Hook{Name: "load accounts", Hub: p.Hub(), Connect: func(c *fiber.Ctx, s *live.Socket) error {
		if err := p.Available(c); err != nil {
			return err
		}
		if c.Method() == fiber.MethodGet { // what htmx fetches goes into a page, which may be another account's
			if err := p.CheckPage(c); err != nil {
				return err
			}
		}
		allow := p.EventGuard(c)
		s.Guard(func(ctx context.Context, e live.Event) error {
			sent := e.Fields[multiaccount.StampField]
			if len(sent) != 1 {
				sent = []string{""} // none, or several: nobody's
			}
			return allow(ctx, sent[0])
		})
		if p.Stamp(c) == "" {
			return nil
		}
		if live.IsConnect(c) {
			subject, err := p.Subject(c)
			if err != nil {
				return err
			}
			s.Follow(subject)
		}
		own := p.Stamp(c)
		live.Assign(s, stamp(own))
		live.Assign(s, still(func(ctx context.Context) error { return allow(ctx, own) }))
		live.Assign(s, scope(p.Scope(c)))
		if user, ok := p.CurrentUser(c); ok {
			live.Assign(s, current[U]{user})
			live.Assign(s, accountID(p.CurrentID(c)))
		}
		if user, ok := p.PrimaryUser(c); ok {
			live.Assign(s, primary[U]{user})
		}
		return nil
	}}
}

// RequireUser lets nobody connect without a current account. A page leads to the sign-in page, or to the chooser, and back
// afterwards; a socket is refused with 401 before the upgrade. It works with and without [LoadAccounts].
func RequireUser[U any](p *multiaccount.Plugin[U]) live.Hook {
	return live.Hook{Name: "require user", Connect: func(c *fiber.Ctx, _ *live.Socket) error { return p.CheckUser(c) }}
}

// CurrentUser returns the user that a view was mounted for. false: nobody was signed in, or [LoadAccounts] is not attached.
func CurrentUser[U any](s *live.Socket) (U, bool) {
	v, ok := live.Value[current[U]](s)
	return v.user, ok
}

// PrimaryUser returns the user whom the other accounts are linked to. false: there is one account, or none.
func PrimaryUser[U any](s *live.Socket) (U, bool) {
	v, ok := live.Value[primary[U]](s)
	return v.user, ok
}

// CurrentID returns the account id that a view was mounted for, or "".
func CurrentID(s *live.Socket) string {
	id, _ := live.Value[accountID](s)
	return string(id)
}

// Scope returns what the account works in, such as a tenant, as [multiaccount.Plugin.SetScope] was told, or "".
func Scope(s *live.Socket) string {
	v, _ := live.Value[scope](s)
	return string(v)
}

// Stamp returns what the forms of a view have to carry in a hidden field named _stamp.
func Stamp(s *live.Socket) string {
	v, _ := live.Value[stamp](s)
	return string(v)
}

// StillCurrent is [multiaccount.Plugin.StillCurrent] for an event of a view that took its time: call it last before the commit
// and return its error, which tells the browser why nothing was done. Without [LoadAccounts] it knows nobody and is nil.
func StillCurrent(ctx context.Context, s *live.Socket) error {
	check, ok := live.Value[still](s)
	if !ok {
		return nil
	}
	return check(ctx)
}

// HTMXLoadAccounts is [LoadAccounts] for a view that htmx fetches: it sets the locals current_user and primary_user, and
// refuses requests that were made by a page of another account. Use it where p.Handler is not mounted for the whole app.
func HTMXLoadAccounts[U any](p *multiaccount.Plugin[U]) []fiber.Handler {
	return []fiber.Handler{p.Handler, p.Protect()}
}

// HTMXRequireUser is [RequireUser] for a view that htmx fetches: whoever is not signed in is led to the sign-in page as a
// whole, instead of getting it swapped into a fragment.
func HTMXRequireUser[U any](p *multiaccount.Plugin[U]) []fiber.Handler {
	return []fiber.Handler{p.Handler, p.Protect(), p.RequireUser}
}
