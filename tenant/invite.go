package tenant

import (
	"context"
	"crypto/rand"
	"errors"
	"net/mail"
	"strings"

	"github.com/gofiber/fiber/v2"

	"github.com/multiaccount-go/multiaccount"
	"github.com/multiaccount-go/multiaccount/internal/answer"
)

// maxEmail is how many bytes an address may have (RFC 5321).
const maxEmail = 254

// secretLength is how many characters a [Secret] has.
const secretLength = 43

// invite sends an invitation to the tenant.
func (t *Tenants) invite(c *fiber.Ctx, s Scope) error {
	if t.cfg.Invite == nil {
		return t.notFound()
	}
	email, role := EmailKey(answer.Posted(c, "email")), Role(answer.Posted(c, "role"))
	wrong := problems{}
	if !isEmail(email) {
		wrong["email"] = answer.Problem{Code: "invalid", Text: t.cfg.Texts.InvalidEmail}
	}
	if !role.Valid() || !s.Role.AtLeast(role) {
		wrong["role"] = answer.Problem{Code: "invalid", Text: t.cfg.Texts.InvalidRole}
	}
	if len(wrong) == 0 {
		if err := t.mayInvite(c.UserContext(), s.Tenant.ID, email, wrong); err != nil {
			return t.unavailable(err)
		}
	}
	if len(wrong) > 0 {
		return t.invalid(c, wrong, func() error {
			return t.drawMembers(c, s, form{Wrong: wrong, Email: answer.Posted(c, "email"), Role: role})
		})
	}
	now, secret := t.cfg.Now(), NewSecret()
	i := Invitation{
		ID: rand.Text(), TenantID: s.Tenant.ID, Email: email, Role: role, By: s.AccountID, Hash: secret.Hash(),
		Created: now, Expires: now.Add(t.cfg.InvitationLife),
	}
	err := t.limited(c, func(ctx context.Context) error { return t.send(ctx, i, s.Tenant, secret) })
	switch {
	case errors.Is(err, errNotSent):
		return t.refusal(fiber.StatusServiceUnavailable, CodeNotSent, t.cfg.Texts.NotSent)
	case err != nil:
		return t.failed(err)
	}
	t.happened(c, ActionInvited, s.Tenant.ID, "")
	t.cfg.Accounts.AddFlash(c, multiaccount.FlashSuccess, about(t.cfg.Texts.Invited, email))
	return answer.Lead(c, t.paths.Base+"/members", fiber.StatusCreated, invitationDocument(i))
}

// mayInvite looks whether an address can be invited.
func (t *Tenants) mayInvite(ctx context.Context, tenantID, email string, wrong problems) error {
	members, people, err := t.fellows(ctx, tenantID)
	if err != nil {
		return err
	}
	for _, m := range members {
		if EmailKey(people[m.UserID].Email) == email {
			wrong["email"] = answer.Problem{Code: "member_already", Text: t.cfg.Texts.AlreadyMember}
		}
	}
	open, err := t.cfg.Store.Invitations(ctx, tenantID, t.cfg.Now())
	if err != nil {
		return err
	}
	others := 0
	for _, i := range open {
		if i.Email != email { // an open one for the same address gives way
			others++
		}
	}
	if others >= t.cfg.MaxInvitations {
		wrong["email"] = answer.Problem{Code: "too_many", Text: t.cfg.Texts.TooManyInvitations}
	}
	return nil
}

var errNotSent = errors.New("tenant: invitation could not be sent")

// send keeps an invitation and sends it. One that was not sent is closed again: nobody has its secret.
func (t *Tenants) send(ctx context.Context, i Invitation, to Tenant, secret Secret) error {
	if err := t.cfg.Store.Invite(ctx, i); err != nil {
		return err
	}
	link := t.cfg.BaseURL + with(t.paths.Invitation, string(secret))
	if err := t.cfg.Invite(ctx, i, to, link); err != nil {
		t.cfg.Log.Error("tenant: invitation was not sent", "err", err)
		if err := t.cfg.Store.Revoke(context.WithoutCancel(ctx), to.ID, i.ID); err != nil {
			t.cfg.Log.Warn("tenant: an invitation that was not sent stays open", "err", err)
		}
		return errNotSent
	}
	return nil
}

// revoke closes an open invitation.
func (t *Tenants) revoke(c *fiber.Ctx, s Scope) error {
	id := answer.Param(c, "id")
	if err := t.cfg.Store.Revoke(c.UserContext(), s.Tenant.ID, id); err != nil {
		return t.failed(err)
	}
	t.happened(c, ActionRevoked, s.Tenant.ID, "")
	return answer.Lead(c, t.paths.Base+"/members", fiber.StatusOK, fiber.Map{"id": id, "revoked": true})
}

// invitation returns the open invitation that a request's path names, and its tenant, in which people may work.
func (t *Tenants) invitation(c *fiber.Ctx) (Secret, Invitation, Tenant, error) {
	secret := Secret(answer.Param(c, "secret"))
	if len(secret) != secretLength {
		return "", Invitation{}, Tenant{}, t.failed(ErrInvitationUsed)
	}
	i, to, err := t.cfg.Store.Invitation(c.UserContext(), secret.Hash(), t.cfg.Now())
	if err == nil && !to.IsActive() {
		err = ErrInvitationUsed
	}
	if err != nil {
		return "", Invitation{}, Tenant{}, t.failed(err)
	}
	return secret, i, to, nil
}

// secretive keeps a page whose address is a secret out of logs of other sites and out of search engines. Not "no-referrer":
// browsers then hide the origin of the page's own form too.
func secretive(c *fiber.Ctx) {
	answer.Private(c)
	c.Set(fiber.HeaderReferrerPolicy, "same-origin")
	c.Set("X-Robots-Tag", "noindex, nofollow")
}

// invitationPage asks whether to accept, and says how when nobody is signed in. It changes nothing: programs that look for
// danger in e-mails open links.
func (t *Tenants) invitationPage(c *fiber.Ctx) error {
	secretive(c)
	if err := t.cfg.Accounts.CheckPage(c); err != nil {
		return err
	}
	secret, i, to, err := t.invitation(c)
	if err != nil {
		return err
	}
	page := invitationView{Invitation: i, Tenant: to, Path: with(t.paths.Invitation, string(secret))}
	if id := strings.Clone(t.cfg.Accounts.CurrentID(c)); id != "" {
		people, err := t.cfg.People(c.UserContext(), id)
		if err != nil {
			return t.unavailable(err)
		}
		who := people[id]
		page.SignedIn, page.Who, page.Fits = true, who, EmailKey(who.Email) == i.Email
	}
	return t.drawInvitation(c, page, secret)
}

// accept makes the current user a member. Whoever is not signed in is led to signing in, and back.
func (t *Tenants) accept(c *fiber.Ctx) error {
	secretive(c)
	secret, _, to, err := t.invitation(c)
	if err != nil {
		return err
	}
	id := strings.Clone(t.cfg.Accounts.CurrentID(c))
	people, err := t.cfg.People(c.UserContext(), id)
	if err != nil {
		return t.unavailable(err)
	}
	_, err = t.cfg.Store.Accept(c.UserContext(), secret.Hash(), id, EmailKey(people[id].Email), t.cfg.Now())
	switch {
	case err == nil:
		t.happened(c, ActionAccepted, to.ID, id)
		t.tell(c.UserContext(), id)
	case !errors.Is(err, ErrAlreadyMember):
		return t.failed(err)
	}
	return t.workIn(c, to, about(t.cfg.Texts.Joined, t.cfg.Texts.label(to)), fiber.StatusOK)
}

// isEmail reports whether an address can be written to: nothing but an address, and nothing that ends a header.
func isEmail(s string) bool {
	if s == "" || len(s) > maxEmail || strings.ContainsAny(s, " \t\r\n<>()[]\\,;:\"") {
		return false
	}
	a, err := mail.ParseAddress(s)
	return err == nil && a.Address == s && a.Name == ""
}
