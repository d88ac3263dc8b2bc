package oidc

import (
	"crypto/subtle"
	"errors"

	"github.com/gofiber/fiber/v2"

	"github.com/multiaccount-go/multiaccount"
	"github.com/multiaccount-go/multiaccount/account"
	"github.com/multiaccount-go/multiaccount/auth"
	"github.com/multiaccount-go/multiaccount/internal/answer"
)

// callback takes the provider's answer. The flow is over with the first answer that carries its state, whatever it says.
func (o *OIDC) callback(c *fiber.Ctx) error {
	answer.Private(c)
	p, err := o.of(c)
	if err != nil {
		return err
	}
	if c.Method() != fiber.MethodGet { // Fiber routes HEAD here too
		return fiber.ErrMethodNotAllowed
	}
	f, err := o.ownFlow(c, p)
	if err != nil {
		return err
	}
	o.leaving.Clear(c)
	code, codeOnce := answer.Queried(c, "code")
	declined, declinedOnce := answer.Queried(c, "error")
	issuer, issuerOnce := answer.Queried(c, "iss")
	switch {
	case !codeOnce || !declinedOnce || !issuerOnce:
		return o.interrupted()
	case declined != "":
		return o.refuse(fiber.StatusUnprocessableEntity, CodeDeclined, about(o.cfg.Texts.Declined, p.Label))
	case code == "":
		return o.interrupted()
	}
	if f.Connect != "" {
		err = o.stillConnecting(c, f)
	} else {
		o.cfg.Accounts.ClaimIntent(c, f.Intent) // what the page said when the person left, not what is open by now
		err = o.cfg.Accounts.CanSignIn(c)
	}
	if err != nil {
		return err
	}
	who, err := p.redeem(c.UserContext(), f, code, issuer)
	switch {
	case errors.Is(err, errAway):
		return o.unavailable(p, err)
	case err != nil:
		o.cfg.Log.Warn("oidc: sign-in refused", "provider", p.Name, "err", err)
		return o.refuse(fiber.StatusUnprocessableEntity, CodeFailed, about(o.cfg.Texts.Failed, p.Label))
	}
	if f.Connect != "" {
		return o.connected(c, p, f, who)
	}
	return o.signIn(c, p, f, who)
}

// ownFlow returns the flow that this browser began and that the answer is for. Another answer leaves it alone.
func (o *OIDC) ownFlow(c *fiber.Ctx, p *provider) (f flow, err error) {
	state, once := answer.Queried(c, "state")
	switch err := o.box.open(purposeFlow, o.leaving.Value(c), &f); {
	case err != nil, !once, state == "", f.isOver(o.cfg.Now()), f.Provider != p.Name,
		subtle.ConstantTimeCompare([]byte(state), []byte(f.State)) != 1:
		return flow{}, o.interrupted()
	}
	return f, nil
}

// signIn signs the person in whom an identity belongs to.
func (o *OIDC) signIn(c *fiber.Ctx, p *provider, f flow, who person) error {
	u, err := o.cfg.Users.ByIdentity(c.UserContext(), who.identity())
	switch {
	case errors.Is(err, auth.ErrUnknown):
		return o.welcome(c, p, f, who)
	case err != nil:
		return o.storeFailed(err)
	}
	return o.enter(c, p, f.ReturnTo, u.ID)
}

func (w person) identity() auth.Identity {
	return auth.Identity{Provider: w.Issuer, Subject: w.Subject}
}

// enter is the seam. back is where the person goes, if the plugin finds that it is a page of this site.
func (o *OIDC) enter(c *fiber.Ctx, p *provider, back, userID string) error {
	if c.Method() == fiber.MethodGet { // the provider's answer names no page: what it says gives way to what was kept
		query := c.Context().QueryArgs()
		query.Del("return_to")
		query.Set(fieldReturn, back)
	}
	err := o.cfg.Accounts.SignIn(c, userID, "oidc:"+p.Name)
	if errors.Is(err, account.ErrInactive) {
		return o.refuse(fiber.StatusUnprocessableEntity, multiaccount.CodeNotSignedIn, o.cfg.Texts.Inactive)
	}
	return err
}
