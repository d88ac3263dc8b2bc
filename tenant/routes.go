package tenant

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/multiaccount-go/multiaccount"
	"github.com/multiaccount-go/multiaccount/attempts"
	"github.com/multiaccount-go/multiaccount/internal/answer"
)

// Register mounts the routes on an app or a group. Call it once, after app.Use with the plugin's Handler. Each path begins
// with one of Config.Paths:
//
//	GET  /tenants                          the tenants of the person; the switcher for htmx
//	POST /tenants                          creates one; field account_name
//	GET  /tenants/new                      the form to create one
//	POST /tenants/switch_to/:id            works in another one
//	GET  /tenants/members                  the members of the one that he works in
//	POST /tenants/members/:user_id/role    gives one another role; admins, field role
//	POST /tenants/members/:user_id/remove  removes one; admins, or whoever leaves
//	POST /tenants/invitations              invites; admins, fields email and role
//	POST /tenants/invitations/:id/revoke   closes an invitation; admins
//	POST /tenants/rename                   owners, field account_name
//	POST /tenants/delete                   owners, field confirmation: the name
//	GET  /invitations/:secret              asks whoever follows an invitation
//	POST /invitations/:secret              accepts it
func (t *Tenants) Register(r fiber.Router) {
	if group, ok := r.(*fiber.Group); ok {
		if strings.ContainsAny(group.Prefix, ":*+") {
			panic(fmt.Sprintf("tenant: Register on the group %q: pages need the paths, and these have parameters. "+
				"Register on the app or on a group without", group.Prefix))
		}
		prefix := strings.TrimSuffix(group.Prefix, "/")
		t.paths.Base, t.paths.Invitation = prefix+t.cfg.Paths.Base, prefix+t.cfg.Paths.Invitation
	}
	at := t.cfg.Paths
	r.Get(at.Base, t.route(t.list))
	r.Post(at.Base, t.route(t.create))
	r.Get(at.Base+"/new", t.route(t.newPage))
	r.Post(at.Base+"/switch_to/:id", t.route(t.switchTo))
	r.Get(at.Base+"/members", t.within(Member, t.membersPage))
	r.Post(at.Base+"/members/:user_id/role", t.within(Admin, t.setRole))
	r.Post(at.Base+"/members/:user_id/remove", t.within(Member, t.remove))
	r.Post(at.Base+"/invitations", t.within(Admin, t.invite))
	r.Post(at.Base+"/invitations/:id/revoke", t.within(Admin, t.revoke))
	r.Post(at.Base+"/rename", t.within(Owner, t.rename))
	r.Post(at.Base+"/delete", t.within(Owner, t.deleteTenant))
	r.Get(at.Invitation+"/:secret", t.invitationPage)
	r.Post(at.Invitation+"/:secret", t.route(t.accept))
}

// route makes a handler for whoever is signed in.
func (t *Tenants) route(handle fiber.Handler) fiber.Handler {
	return func(c *fiber.Ctx) error {
		answer.Private(c)
		if err := t.cfg.Accounts.CheckPage(c); err != nil {
			return err
		}
		if err := t.cfg.Accounts.CheckUser(c); err != nil {
			return err
		}
		return handle(c)
	}
}

// within makes a handler for whoever has at least a role in the tenant he works in. A private space has nothing to manage.
func (t *Tenants) within(min Role, handle func(*fiber.Ctx, Scope) error) fiber.Handler {
	return t.route(func(c *fiber.Ctx) error {
		s, err := t.check(c, min)
		switch {
		case err != nil:
			return err
		case s.Tenant.Name == "":
			return t.notFound()
		}
		return handle(c, s)
	})
}

// problems are what is wrong with the fields of a form.
type problems map[string]answer.Problem

// invalid answers a form with mistakes: a page with the form again, or what is wrong for a program.
func (t *Tenants) invalid(c *fiber.Ctx, wrong problems, draw func() error) error {
	if answer.Of(c) == answer.JSON {
		whole := answer.Problem{Code: CodeInvalid, Text: t.cfg.Texts.LookAgain}
		return answer.Mistakes(c, fiber.StatusUnprocessableEntity, whole, wrong)
	}
	c.Status(fiber.StatusUnprocessableEntity)
	return draw()
}

// named reads the name of a tenant.
func (t *Tenants) named(c *fiber.Ctx) (Name, problems) {
	name, err := t.cfg.Names.Parse(answer.Posted(c, NameField))
	var e *NameError
	if errors.As(err, &e) {
		return Name{}, problems{NameField: {Code: e.Code, Text: t.cfg.Texts.name(e)}}
	}
	return name, nil
}

// create makes another tenant, in which its owner works from now on.
func (t *Tenants) create(c *fiber.Ctx) error {
	if !t.cfg.Policy.Creates() {
		return t.notFound()
	}
	all, err := t.memberships(c)
	if err != nil {
		return err
	}
	again := func(wrong problems) error {
		return t.invalid(c, wrong, func() error { return t.drawNew(c, answer.Posted(c, NameField), wrong) })
	}
	name, wrong := t.named(c)
	switch {
	case len(all) >= t.cfg.MaxTenants:
		return again(problems{NameField: {Code: "too_many", Text: t.cfg.Texts.TooManyTenants}})
	case wrong != nil:
		return again(wrong)
	}
	owner := strings.Clone(t.cfg.Accounts.CurrentID(c))
	var made Tenant
	err = t.limited(c, func(ctx context.Context) (err error) {
		made, err = t.cfg.Store.Create(ctx, name, owner)
		return err
	})
	switch {
	case errors.Is(err, ErrNameTaken):
		return again(problems{NameField: {Code: "taken", Text: t.cfg.Texts.NameTaken}})
	case err != nil:
		return t.failed(err)
	}
	t.happened(c, ActionCreated, made.ID, "")
	return t.workIn(c, made, about(t.cfg.Texts.Created, made.Name), fiber.StatusCreated)
}

// workIn makes a tenant that the person belongs to since just now the chosen one, and leads home. That it cannot be chosen
// at the moment is no reason to say that nothing happened.
func (t *Tenants) workIn(c *fiber.Ctx, in Tenant, said string, status int) error {
	err := t.cfg.Accounts.SetScope(c, in.ID, t.paths.Home)
	if err != nil {
		t.cfg.Log.Warn("tenant: a new membership could not be chosen at once", "err", err)
	}
	t.forget(c)
	t.cfg.Accounts.AddFlash(c, multiaccount.FlashSuccess, said)
	if err != nil || answer.Of(c) == answer.JSON {
		return answer.Lead(c, t.paths.Home, status, t.document(in, err == nil))
	}
	return nil
}

// switchTo makes another tenant of the person the chosen one.
func (t *Tenants) switchTo(c *fiber.Ctx) error {
	id := answer.Param(c, "id")
	m, err := t.member(c, func(tenant Tenant) bool { return tenant.ID == id })
	if err != nil {
		return err
	}
	if err := t.cfg.Accounts.SetScope(c, m.Tenant.ID, ""); err != nil {
		return err
	}
	t.forget(c)
	t.happened(c, ActionSwitched, m.Tenant.ID, "")
	return nil
}

// setRole gives a member another role.
func (t *Tenants) setRole(c *fiber.Ctx, s Scope) error {
	to := Role(answer.Posted(c, "role"))
	m, err := t.fellow(c, s, answer.Param(c, "user_id"))
	switch {
	case err != nil:
		return err
	case !to.Valid():
		return t.refusal(fiber.StatusUnprocessableEntity, CodeInvalid, t.cfg.Texts.InvalidRole)
	case !s.Role.AtLeast(m.Role) || !s.Role.AtLeast(to):
		return t.refusal(fiber.StatusForbidden, CodeNotAllowed, t.cfg.Texts.NotAllowed)
	}
	if err := t.cfg.Store.SetRole(c.UserContext(), s.Tenant.ID, m.UserID, to); err != nil {
		return t.failed(err)
	}
	t.happened(c, ActionRole, s.Tenant.ID, m.UserID)
	t.tell(c.UserContext(), m.UserID)
	return answer.Lead(c, t.paths.Base+"/members", fiber.StatusOK, fiber.Map{"id": m.UserID, "role": to})
}

// remove takes a member out of the tenant: another one, or whoever asks.
func (t *Tenants) remove(c *fiber.Ctx, s Scope) error {
	m, err := t.fellow(c, s, answer.Param(c, "user_id"))
	switch {
	case err != nil:
		return err
	case m.UserID != s.AccountID && (!s.Role.AtLeast(Admin) || !s.Role.AtLeast(m.Role)):
		return t.refusal(fiber.StatusForbidden, CodeNotAllowed, t.cfg.Texts.NotAllowed)
	}
	if err := t.cfg.Store.Remove(c.UserContext(), s.Tenant.ID, m.UserID); err != nil {
		return t.failed(err)
	}
	t.forget(c)
	t.happened(c, ActionRemoved, s.Tenant.ID, m.UserID)
	t.tell(c.UserContext(), m.UserID)
	target := t.paths.Base + "/members"
	if m.UserID == s.AccountID {
		target = t.paths.Home
		t.cfg.Accounts.AddFlash(c, multiaccount.FlashInfo, about(t.cfg.Texts.Left, s.Tenant.Name))
	}
	return answer.Lead(c, target, fiber.StatusOK, fiber.Map{"id": m.UserID, "removed": true})
}

// fellow returns a member of the tenant that the request works in.
func (t *Tenants) fellow(c *fiber.Ctx, s Scope, userID string) (Membership, error) {
	all, err := t.cfg.Store.Members(c.UserContext(), s.Tenant.ID)
	if err != nil {
		return Membership{}, t.unavailable(err)
	}
	for _, m := range all {
		if m.UserID == userID {
			return m, nil
		}
	}
	return Membership{}, t.notFound()
}

// rename gives the tenant another name.
func (t *Tenants) rename(c *fiber.Ctx, s Scope) error {
	name, wrong := t.named(c)
	if wrong == nil {
		switch err := t.cfg.Store.Rename(c.UserContext(), s.Tenant.ID, name); {
		case errors.Is(err, ErrNameTaken):
			wrong = problems{NameField: {Code: "taken", Text: t.cfg.Texts.NameTaken}}
		case err != nil:
			return t.failed(err)
		}
	}
	if wrong != nil {
		return t.invalid(c, wrong, func() error {
			return t.drawMembers(c, s, form{Wrong: wrong, AccountName: answer.Posted(c, NameField)})
		})
	}
	t.forget(c)
	t.happened(c, ActionRenamed, s.Tenant.ID, "")
	t.tellMembers(c.UserContext(), s.Tenant.ID)
	return answer.Lead(c, t.paths.Base+"/members", fiber.StatusOK, fiber.Map{"id": s.Tenant.ID, "name": name.String()})
}

// deleteTenant deletes the tenant, for an owner who has just proved to be himself and has typed its name.
func (t *Tenants) deleteTenant(c *fiber.Ctx, s Scope) error {
	if err := t.cfg.Accounts.CheckRecent(c, t.cfg.RecentSignIn); err != nil {
		return err
	}
	typed, err := NameRules{Reserved: []string{}}.Parse(answer.Posted(c, "confirmation"))
	if err != nil || typed.String() != s.Tenant.Name {
		wrong := problems{"confirmation": {Code: "mismatch", Text: t.cfg.Texts.WrongConfirmation}}
		return t.invalid(c, wrong, func() error { return t.drawMembers(c, s, form{Wrong: wrong}) })
	}
	if err := t.Delete(c.UserContext(), s.Tenant.ID); err != nil {
		return t.failed(err)
	}
	t.forget(c)
	t.happened(c, ActionDeleted, s.Tenant.ID, "")
	t.cfg.Accounts.AddFlash(c, multiaccount.FlashInfo, about(t.cfg.Texts.Deleted, s.Tenant.Name))
	return answer.Lead(c, t.paths.Home, fiber.StatusOK, fiber.Map{"id": s.Tenant.ID, "deleted": true})
}

// Suspend lets nobody work in a tenant, until [Tenants.Activate]: its members go on in other tenants of theirs, or are told
// that they cannot. Open tabs are told, and live views end, at once. It is for who runs the app, not for members: there is
// no route. [ErrNotFound].
func (t *Tenants) Suspend(ctx context.Context, tenantID string) error {
	return t.setStatus(ctx, tenantID, Suspended)
}

// Activate undoes Suspend. [ErrNotFound].
func (t *Tenants) Activate(ctx context.Context, tenantID string) error {
	return t.setStatus(ctx, tenantID, Active)
}

func (t *Tenants) setStatus(ctx context.Context, tenantID string, to Status) error {
	if err := t.cfg.Store.SetStatus(ctx, tenantID, to); err != nil {
		return err
	}
	t.tellMembers(ctx, tenantID)
	return nil
}

// Delete deletes a tenant with all who belong to nothing else, and tells every session of its members. [ErrNotFound].
func (t *Tenants) Delete(ctx context.Context, tenantID string) error {
	members, err := t.cfg.Store.Members(ctx, tenantID)
	if err != nil {
		return err
	}
	deleted, err := t.cfg.Store.Delete(ctx, tenantID)
	if err != nil {
		return err
	}
	if len(deleted) > 0 {
		t.cfg.OnDelete(ctx, deleted)
	}
	concerned := map[string]struct{}{}
	for _, m := range members {
		concerned[m.UserID] = struct{}{}
	}
	for _, id := range deleted {
		concerned[id] = struct{}{}
	}
	ids := make([]string, 0, len(concerned))
	for id := range concerned {
		ids = append(ids, id)
	}
	t.tell(ctx, ids...)
	return nil
}

// tellMembers tells every session of every member that something is different.
func (t *Tenants) tellMembers(ctx context.Context, tenantID string) {
	members, err := t.cfg.Store.Members(context.WithoutCancel(ctx), tenantID)
	if err != nil {
		t.cfg.Log.Error("tenant: members are not told of a change; each notices at the next request", "err", err)
		return
	}
	ids := make([]string, len(members))
	for i, m := range members {
		ids[i] = m.UserID
	}
	t.tell(ctx, ids...)
}

const (
	tellAtOnce = 8
	tellWithin = 30 * time.Second
)

// tell tells every session of some users that something is different: their tabs draw themselves anew and their live views
// are mounted anew. It happened already, so it does not end with the request. Without it they notice at the next request or
// event.
func (t *Tenants) tell(ctx context.Context, userIDs ...string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), tellWithin)
	defer cancel()
	var all sync.WaitGroup
	defer all.Wait()
	turns := make(chan struct{}, tellAtOnce)
	for _, id := range userIDs {
		turns <- struct{}{}
		all.Go(func() {
			defer func() { <-turns }()
			if err := t.cfg.Accounts.UserChanged(ctx, id); err != nil {
				t.cfg.Log.Error("tenant: a member is not told of a change; he notices at the next request", "err", err)
			}
		})
	}
}

// limited runs what strangers could be bothered with.
func (t *Tenants) limited(c *fiber.Ctx, do func(context.Context) error) error {
	return t.cfg.Limits.Do(c.UserContext(), attempts.Try{Address: c.IP()}, do)
}

func (t *Tenants) happened(c *fiber.Ctx, action, tenantID, userID string) {
	e := multiaccount.EventOf(c, action)
	e.Time, e.Scope, e.Actor, e.Account = t.cfg.Now().UTC(), tenantID, strings.Clone(t.cfg.Accounts.CurrentID(c)), userID
	t.cfg.OnEvent(c.UserContext(), Event{Event: e, TenantID: tenantID, By: e.Actor, UserID: userID})
}

// failed is the one place where errors of the store become answers. An error of the limits is the plugin's to render.
func (t *Tenants) failed(err error) error {
	var tries *attempts.Refusal
	switch {
	case errors.As(err, &tries):
		return err
	case errors.Is(err, ErrNotFound):
		return t.notFound()
	case errors.Is(err, ErrLastOwner):
		return t.refusal(fiber.StatusConflict, CodeLastOwner, t.cfg.Texts.LastOwner)
	case errors.Is(err, ErrInvitationUsed):
		return t.refusal(fiber.StatusGone, CodeInvitationClosed, t.cfg.Texts.InvitationClosed)
	case errors.Is(err, ErrOtherAddress):
		return t.refusal(fiber.StatusConflict, CodeOtherAddress, t.cfg.Texts.OtherAddress)
	}
	return t.unavailable(err)
}
