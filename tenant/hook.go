package tenant

import (
	"context"
	"encoding/json"

	"github.com/gofiber/fiber/v2"

	"github.com/multiaccount-go/multiaccount"
	"github.com/multiaccount-go/multiaccount/live"
)

// closeComeBack makes a browser connect again.
const closeComeBack = 1012

// Hook assigns the scope to a live view, for the page and again for each socket: read it with [Of]. Put it after
// hooks.LoadAccounts, which makes the socket follow its session, and [Tenants.Handler] before the route. Whoever is not signed
// in or has no tenant does not connect.
//
// Each event is executed only as long as the person has the same role in the same tenant; otherwise the browser is told, and
// the view is mounted anew for what holds then. That costs one call of the store for each event.
func (t *Tenants) Hook() live.Hook {
	return live.Hook{Name: "load tenant", Connect: func(c *fiber.Ctx, s *live.Socket) error {
		scope, err := t.Scope(c)
		if err != nil {
			return err
		}
		live.Assign(s, scope)
		s.Guard(func(ctx context.Context, _ live.Event) error { return t.still(ctx, scope) })
		return nil
	}}
}

// Of returns the scope that a live view was mounted for. false: [Tenants.Hook] is not attached.
func Of(s *live.Socket) (Scope, bool) { return live.Value[Scope](s) }

// still returns nil as long as a scope holds, else what the browser is told.
func (t *Tenants) still(ctx context.Context, s Scope) error {
	all, err := t.cfg.Store.Memberships(ctx, s.AccountID)
	if err != nil {
		t.cfg.Log.Error("tenant: event of a live view not executed", "err", err)
		return refusedEvent(multiaccount.CodeStoreUnavailable, t.cfg.Texts.StoreUnavailable, 0)
	}
	m, ok := pick(all, func(m Membership) bool { return m.Tenant.ID == s.Tenant.ID })
	if !ok || m.Role != s.Role {
		return refusedEvent(multiaccount.CodeStalePage, t.cfg.Texts.StalePage, closeComeBack)
	}
	return nil
}

func refusedEvent(code, message string, closing int) error {
	payload, _ := json.Marshal(map[string]string{"type": "refused", "code": code, "message": message}) // strings always encode
	return &live.Refusal{Payload: payload, Close: closing}
}
