package tenant

import (
	"context"
	"errors"
	"html/template"
	"slices"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/multiaccount-go/multiaccount"
	"github.com/multiaccount-go/multiaccount/internal/answer"
	"github.com/multiaccount-go/multiaccount/switcher"
)

// Scope is where a request works: who, in which tenant, as what. Hand it to whatever reads or writes data of a tenant, and
// let that put Tenant.ID into every query.
type Scope struct {
	AccountID string
	Tenant    Tenant
	Role      Role
	Stamp     string // of the page that the request draws, or came from
}

// TenantField is the form field that says which tenant a form was drawn in. It is compared and never believed.
const TenantField = "_tenant"

// Codes of refusals, beside those of the plugin.
const (
	CodeNotAllowed       = "not_allowed"       // 403: the role is too small
	CodeNoTenant         = "no_tenant"         // 403: every tenant of the person is suspended, or that of ScopeFor is not his
	CodeInvalid          = "invalid"           // 422: a field is wrong; "fields" says which
	CodeLastOwner        = "last_owner"        // 409
	CodeInvitationClosed = "invitation_closed" // 410: used, revoked, too old, or there never was one
	CodeOtherAddress     = "other_address"     // 409: the invitation is for somebody else
	CodeNotSent          = "not_sent"          // 503: the invitation could not be sent, and is closed
)

// memoKey is where a request's scope waits in its locals.
type memoKey struct{ of *Tenants }

type memo struct {
	account string // whose scope it is: a request may sign somebody in
	scope   Scope
	err     error
}

// allKey is where a request's memberships wait.
type allKey struct{ of *Tenants }

// Scope returns where a request works: in the tenant that the person chose, if he still belongs there and it is active,
// else in his home, else in the first that is active. It looks at nothing that the request says. It asks the store once a
// request. The error is a [multiaccount.Refusal], which the plugin's Handler renders when it is returned.
//
// Whoever has lost the tenant that he had chosen goes on elsewhere with the next page that he opens, and only then: what
// an old page changes or fetches is refused, for it shows another tenant. That page makes the choice, which changes the
// session; call Scope, or mount [Tenants.Handler], before anything is drawn.
func (t *Tenants) Scope(c *fiber.Ctx) (Scope, error) {
	if m, ok := c.Locals(memoKey{t}).(memo); ok && m.account == t.cfg.Accounts.CurrentID(c) {
		return m.scope, m.err
	}
	s, err := t.resolve(c)
	t.remember(c, s, err)
	return s, err
}

// ScopeID returns the id of the tenant that [Tenants.Scope] returns, for the Config.Scope of package apitoken.
func (t *Tenants) ScopeID(c *fiber.Ctx) (string, error) {
	s, err := t.Scope(c)
	return s.Tenant.ID, err
}

// ScopeFor returns the scope of a user in one tenant, with the role that he has there now, for what works without a session:
// a program with a key, or a job that waits in a queue. Nothing is drawn there, so it has no stamp. It asks the store at each
// call. Whoever does not belong to the tenant any more is refused with [CodeNoTenant], also where the tenant is suspended, was
// deleted or never existed. The error is a [multiaccount.Refusal], as that of Scope.
func (t *Tenants) ScopeFor(ctx context.Context, userID, tenantID string) (Scope, error) {
	all, err := t.cfg.Store.Memberships(ctx, userID)
	if err != nil {
		return Scope{}, t.unavailable(err)
	}
	m, ok := pick(all, func(m Membership) bool { return m.Tenant.ID == tenantID })
	if !ok {
		return Scope{}, t.refusal(fiber.StatusForbidden, CodeNoTenant, t.cfg.Texts.NotMember)
	}
	return Scope{AccountID: userID, Tenant: m.Tenant, Role: m.Role}, nil
}

// Handler is itself a handler: it finds the scope before pages are drawn, so that layouts may draw the parts of a page in any
// order. Mount it with app.Use after the plugin's Handler. It refuses nothing: that is for [Tenants.Require].
func (t *Tenants) Handler(c *fiber.Ctx) error {
	if drawsPage(c) && t.cfg.Accounts.CurrentID(c) != "" {
		_, _ = t.Scope(c) // whoever asks for it next gets the error
	}
	return c.Next()
}

func (t *Tenants) remember(c *fiber.Ctx, s Scope, err error) {
	c.Locals(memoKey{t}, memo{t.cfg.Accounts.CurrentID(c), s, err})
}

// forget makes the next call of Scope look again.
func (t *Tenants) forget(c *fiber.Ctx) {
	c.Locals(memoKey{t}, nil)
	c.Locals(allKey{t}, nil)
}

func (t *Tenants) resolve(c *fiber.Ctx) (Scope, error) {
	all, err := t.memberships(c)
	if err != nil {
		return Scope{}, err
	}
	chosen := t.cfg.Accounts.Scope(c)
	m, found := pick(all, func(m Membership) bool { return m.Tenant.ID == chosen || chosen == "" && m.Home })
	if !found {
		if !drawsPage(c) {
			return Scope{}, t.stale()
		}
		if m, found = pick(all, func(m Membership) bool { return m.Home }); !found {
			m, found = pick(all, func(Membership) bool { return true })
		}
		if !found {
			return Scope{}, t.refusal(fiber.StatusForbidden, CodeNoTenant, t.cfg.Texts.NoTenant)
		}
		t.choose(c, m)
	}
	return t.enter(c, m)
}

// enter makes a membership the scope of a request, unless the form that was sent shows another tenant.
func (t *Tenants) enter(c *fiber.Ctx, m Membership) (Scope, error) {
	if sent := answer.Read(c); sent.Has(TenantField) && sent.Text(TenantField) != m.Tenant.ID {
		return Scope{}, t.stale()
	}
	return Scope{AccountID: m.UserID, Tenant: m.Tenant, Role: m.Role, Stamp: t.cfg.Accounts.Stamp(c)}, nil
}

// pick returns the first membership in an active tenant that suits.
func pick(all []Membership, suits func(Membership) bool) (Membership, bool) {
	i := slices.IndexFunc(all, func(m Membership) bool { return m.Tenant.IsActive() && suits(m) })
	if i < 0 {
		return Membership{}, false
	}
	return all[i], true
}

// choose makes a tenant the chosen one while a page is drawn, so that the page has a stamp of that tenant. When it fails
// the page has the old stamp, and what it sends is refused.
func (t *Tenants) choose(c *fiber.Ctx, m Membership) {
	status := c.Response().StatusCode()
	if err := t.cfg.Accounts.SetScope(c, m.Tenant.ID, ""); err != nil {
		t.cfg.Log.Warn("tenant: a page is drawn in a tenant that could not be chosen; what it sends will be refused", "err", err)
		return
	}
	c.Response().Header.Del(fiber.HeaderLocation)
	c.Response().ResetBody()
	c.Status(status)
}

// memberships returns what the current user belongs to.
func (t *Tenants) memberships(c *fiber.Ctx) ([]Membership, error) {
	if err := t.cfg.Accounts.CheckUser(c); err != nil {
		return nil, err
	}
	id := t.cfg.Accounts.CurrentID(c)
	if all, ok := c.Locals(allKey{t}).([]Membership); ok && (len(all) == 0 || all[0].UserID == id) {
		return all, nil
	}
	all, err := t.cfg.Store.Memberships(c.UserContext(), strings.Clone(id))
	if err != nil {
		return nil, t.unavailable(err)
	}
	c.Locals(allKey{t}, all)
	return all, nil
}

// member returns the membership of the current user in an active tenant. One that he does not belong to looks like one that
// does not exist.
func (t *Tenants) member(c *fiber.Ctx, is func(Tenant) bool) (Membership, error) {
	all, err := t.memberships(c)
	if err != nil {
		return Membership{}, err
	}
	m, ok := pick(all, func(m Membership) bool { return is(m.Tenant) })
	if !ok {
		return Membership{}, t.notFound()
	}
	return m, nil
}

// Require returns a handler that lets through who has at least a role in the tenant that the request works in, and came from
// a page that was drawn there: it includes the plugin's Protect and RequireUser.
func (t *Tenants) Require(min Role) fiber.Handler {
	return func(c *fiber.Ctx) error {
		if _, err := t.check(c, min); err != nil {
			return err
		}
		return c.Next()
	}
}

// check is Require as a function.
func (t *Tenants) check(c *fiber.Ctx, min Role) (Scope, error) {
	if err := t.cfg.Accounts.CheckPage(c); err != nil {
		return Scope{}, err
	}
	s, err := t.Scope(c)
	if err == nil && !s.Role.AtLeast(min) {
		err = t.refusal(fiber.StatusForbidden, CodeNotAllowed, t.cfg.Texts.NotAllowed)
	}
	return s, err
}

// ByPath returns a handler for routes that name the tenant by its id in a path parameter: it is the scope of the request.
// A tenant that the person does not belong to, or that is suspended, is a 404 like one that does not exist. It decides where
// the request works, not who may do what: mount [Tenants.Require] after it.
func (t *Tenants) ByPath(param string) fiber.Handler {
	return t.by(func(c *fiber.Ctx) string { return answer.Param(c, param) }, func(t Tenant) string { return t.ID })
}

// BySubdomain is [Tenants.ByPath] for hosts such as acme.example.com with the domain example.com: Config.Subdomain says which
// label a tenant has. It reads the Host header itself and none that a proxy adds. Cookies of the plugin belong to one host,
// so people sign in on each.
func (t *Tenants) BySubdomain(domain string) fiber.Handler {
	suffix := "." + strings.ToLower(strings.Trim(domain, "."))
	return t.by(func(c *fiber.Ctx) string {
		host := strings.ToLower(string(c.Context().Host()))
		if colon := strings.LastIndexByte(host, ':'); colon >= 0 {
			host = host[:colon]
		}
		label, ok := strings.CutSuffix(host, suffix)
		if !ok {
			return ""
		}
		return label
	}, func(tenant Tenant) string { return strings.ToLower(t.cfg.Subdomain(tenant)) })
}

func (t *Tenants) by(named func(*fiber.Ctx) string, name func(Tenant) string) fiber.Handler {
	return func(c *fiber.Ctx) error {
		wanted := named(c)
		m, err := t.member(c, func(tenant Tenant) bool { return wanted != "" && name(tenant) == wanted })
		var s Scope
		if err == nil {
			s, err = t.enter(c, m)
		}
		t.remember(c, s, err)
		if err != nil {
			return err
		}
		return c.Next()
	}
}

// StampField returns the hidden inputs that every form about a tenant needs: the plugin's stamp, and the tenant that the form
// is drawn in. With the plugin's own StampField a form is bound to the tenant that the person chose; with this one also when
// he chose none and his home becomes another one.
func (t *Tenants) StampField(c *fiber.Ctx) template.HTML {
	fields := switcher.Fields(t.cfg.Accounts.Stamp(c), "")
	if s, err := t.Scope(c); err == nil {
		fields += switcher.Hidden(TenantField, s.Tenant.ID)
	}
	return fields
}

func (t *Tenants) refusal(status int, code, message string) error {
	return &multiaccount.Refusal{Status: status, Code: code, Message: message}
}

func (t *Tenants) notFound() error {
	return t.refusal(fiber.StatusNotFound, multiaccount.CodeNotFound, t.cfg.Texts.NotFound)
}

func (t *Tenants) stale() error {
	return t.refusal(fiber.StatusConflict, multiaccount.CodeStalePage, t.cfg.Texts.StalePage)
}

// unavailable is the answer when nothing is known.
func (t *Tenants) unavailable(err error) error {
	if !errors.Is(err, context.Canceled) {
		t.cfg.Log.Error("tenant: store does not answer", "err", err)
	}
	return &multiaccount.Refusal{Status: fiber.StatusServiceUnavailable, Code: multiaccount.CodeStoreUnavailable,
		Message: t.cfg.Texts.StoreUnavailable, RetryAfter: 5 * time.Second}
}
