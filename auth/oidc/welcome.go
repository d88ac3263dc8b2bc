package oidc

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/multiaccount-go/multiaccount"
	"github.com/multiaccount-go/multiaccount/auth"
	"github.com/multiaccount-go/multiaccount/internal/answer"
	"github.com/multiaccount-go/multiaccount/tenant"
)

// newcomer is somebody new who is asked for the name of a tenant, as the browser keeps it meanwhile.
type newcomer struct {
	Provider string `json:"p"`
	Who      person `json:"w"`
	Intent   string `json:"i,omitempty"`
	ReturnTo string `json:"r,omitempty"`
	Expires  int64  `json:"e"` // Unix seconds
}

const (
	purposeNewcomer = "newcomer"

	// numbered is how many names are tried where the app chooses the name of a tenant.
	numbered = 100
)

// welcome makes a user of somebody new, after asking for what the policy demands.
func (o *OIDC) welcome(c *fiber.Ctx, p *provider, f flow, who person) error {
	switch {
	case o.cfg.KnownOnly:
		return o.refuse(fiber.StatusUnprocessableEntity, CodeUnknown, about(o.cfg.Texts.Unknown, p.Label))
	case o.cfg.RequireEmail && who.Email == "":
		return o.refuse(fiber.StatusUnprocessableEntity, CodeNoEmail, about(o.cfg.Texts.NoEmail, p.Label))
	}
	invitation := tenant.Secret(f.Invitation)
	if o.cfg.Policy.AsksName() && invitation == "" {
		if who.Email != "" { // before somebody thinks of a name for nothing
			if err := o.cfg.Users.Available(c.UserContext(), who.Email, tenant.Name{}); err != nil {
				return o.notRegistered(p, err)
			}
		}
		return o.askName(c, newcomer{Provider: p.Name, Who: who, Intent: f.Intent, ReturnTo: f.ReturnTo,
			Expires: o.cfg.Now().Add(life).Unix()})
	}
	plan, err := o.cfg.Policy.Plan(o.cfg.Names, invitation, "", who.Name, who.Email)
	if err != nil {
		return o.notRegistered(p, err)
	}
	u, err := o.register(c, who, plan)
	if errors.Is(err, auth.ErrIdentityTaken) { // in another tab, at the same moment
		u, err = o.cfg.Users.ByIdentity(c.UserContext(), who.identity())
	}
	if err != nil {
		return o.notRegistered(p, err)
	}
	return o.enter(c, p, f.ReturnTo, u.ID)
}

// register creates the user and whatever tenant the plan says.
func (o *OIDC) register(c *fiber.Ctx, who person, plan tenant.Plan) (auth.User, error) {
	identity := who.identity()
	r := auth.Registration{Email: who.Email, Name: who.Name, Identity: &identity, Tenant: plan.Tenant,
		Invitation: plan.Invitation, Now: o.cfg.Now()}
	if r.Name == "" {
		r.Name = who.Email
	}
	u, err := o.cfg.Users.Register(c.UserContext(), r)
	for i := 2; plan.Numbered && i <= numbered && onlyNameTaken(err); i++ {
		r.Tenant = plan.Tenant.Numbered(i)
		u, err = o.cfg.Users.Register(c.UserContext(), r)
	}
	if err != nil {
		return auth.User{}, err
	}
	if err := o.cfg.Registered(c.UserContext(), u); err != nil {
		undo := o.cfg.Users.Delete(context.WithoutCancel(c.UserContext()), u.ID)
		return auth.User{}, errors.Join(fmt.Errorf("oidc: Config.Registered: %w", err), undo)
	}
	return u, nil
}

// onlyNameTaken reports whether another name would help.
func onlyNameTaken(err error) bool {
	return errors.Is(err, tenant.ErrNameTaken) && !errors.Is(err, auth.ErrEmailTaken) && !errors.Is(err, auth.ErrIdentityTaken)
}

// notRegistered says why somebody new did not become a user. Nobody is ever taken for a user with the same address.
func (o *OIDC) notRegistered(p *provider, err error) error {
	t := &o.cfg.Texts
	switch {
	case errors.Is(err, auth.ErrIdentityTaken):
		return o.interrupted()
	case errors.Is(err, auth.ErrEmailTaken):
		return o.refuse(fiber.StatusConflict, CodeEmailTaken, about(t.EmailTaken, p.Label))
	case errors.Is(err, tenant.ErrNeedsInvitation):
		return o.refuse(fiber.StatusUnprocessableEntity, CodeNeedsInvitation, t.NeedsInvitation)
	case errors.Is(err, tenant.ErrInvitationUsed):
		return o.refuse(fiber.StatusConflict, CodeInvitationClosed, t.InvitationClosed)
	case errors.Is(err, tenant.ErrOtherAddress):
		return o.refuse(fiber.StatusConflict, CodeOtherAddress, t.OtherAddress)
	}
	return o.storeFailed(err)
}

// askName leads to the page that asks for the name of a tenant. Nothing was created yet.
func (o *OIDC) askName(c *fiber.Ctx, n newcomer) error {
	sealed, err := o.box.seal(purposeNewcomer, n)
	if err != nil {
		return err
	}
	o.arriving.Set(c, sealed)
	return c.Redirect(o.path(routeNew), fiber.StatusSeeOther)
}

func (o *OIDC) newcomer(c *fiber.Ctx) (n newcomer, p *provider, err error) {
	err = o.box.open(purposeNewcomer, o.arriving.Value(c), &n)
	p = o.providers[n.Provider]
	if err != nil || p == nil || !o.cfg.Now().Before(time.Unix(n.Expires, 0)) {
		return newcomer{}, nil, o.interrupted()
	}
	return n, p, nil
}

// newPage asks somebody new for the name of a tenant.
func (o *OIDC) newPage(c *fiber.Ctx) error {
	n, p, err := o.newcomer(c)
	if err != nil {
		return err
	}
	return o.drawNew(c, fiber.StatusOK, n, p, "", "", "")
}

func (o *OIDC) drawNew(c *fiber.Ctx, status int, n newcomer, p *provider, typed, code, problem string) error {
	if problem != "" && answer.Of(c) == answer.JSON {
		return answer.Mistakes(c, status, answer.Problem{Code: auth.CodeInvalid, Text: o.cfg.Texts.LookAgain},
			map[string]answer.Problem{tenant.NameField: {Code: code, Text: problem}})
	}
	t := o.cfg.Texts
	return o.pages.Draw(c, status, "new.html", t.NewTitle, struct {
		Texts                                          Texts
		Action, As, Field, Typed, Problem, ReturnField string
		ReturnTo                                       string
	}{t, o.path(routeNew), about(t.NewAs, n.label(p)), tenant.NameField, typed, problem, fieldReturn, n.ReturnTo})
}

// label is what people see of somebody new.
func (n newcomer) label(p *provider) string {
	for _, label := range []string{n.Who.Email, n.Who.Name} {
		if label != "" {
			return label
		}
	}
	return p.Label
}

// create makes a user of somebody new who has named a tenant.
func (o *OIDC) create(c *fiber.Ctx) error {
	n, p, err := o.newcomer(c)
	if err != nil {
		return err
	}
	o.cfg.Accounts.ClaimIntent(c, n.Intent)
	if err := o.cfg.Accounts.CanSignIn(c); err != nil {
		return err
	}
	typed, t := answer.Posted(c, tenant.NameField), o.cfg.Texts
	plan, err := o.cfg.Policy.Plan(o.cfg.Names, "", typed, n.Who.Name, n.Who.Email)
	var wrong *tenant.NameError
	if errors.As(err, &wrong) {
		return o.drawNew(c, fiber.StatusUnprocessableEntity, n, p, typed, wrong.Code, wrong.Text)
	}
	if err != nil {
		return o.notRegistered(p, err)
	}
	u, err := o.register(c, n.Who, plan)
	switch {
	case onlyNameTaken(err):
		return o.drawNew(c, fiber.StatusUnprocessableEntity, n, p, typed, "taken", t.NameTaken)
	case err != nil:
		// A cookie that was used already proves nothing: the user whom it made is not signed in by it again.
		return o.notRegistered(p, err)
	}
	o.arriving.Clear(c)
	return o.enter(c, p, n.ReturnTo, u.ID)
}

// Codes of refusals, beside those of package multiaccount.
const (
	CodeInterrupted      = "sign_in_interrupted"  // the answer is of no flow that this browser began
	CodeDeclined         = "sign_in_declined"     // the provider, or the person there, said no
	CodeFailed           = "sign_in_failed"       // the provider's answer is not to be believed
	CodeProviderAway     = "provider_unavailable" // the provider does not answer
	CodeEmailTaken       = "email_taken"          // a user has the address and has not connected the identity
	CodeIdentityTaken    = "identity_taken"       // the identity is another user's
	CodeLastWay          = "last_way"             // the identity is the only way in; a password has to be set first
	CodeOtherAccount     = "other_account"        // another account is current than the one that was to be connected
	CodeUnknown          = "unknown_identity"     // Config.KnownOnly
	CodeNoEmail          = "no_email"             // Config.RequireEmail
	CodeNeedsInvitation  = "needs_invitation"
	CodeInvitationClosed = "invitation_closed"
	CodeOtherAddress     = "other_address"
)

func (o *OIDC) refuse(status int, code, message string) error {
	return &multiaccount.Refusal{Status: status, Code: code, Message: message}
}

func (o *OIDC) interrupted() error {
	return o.refuse(fiber.StatusForbidden, CodeInterrupted, o.cfg.Texts.Interrupted)
}

func (o *OIDC) unavailable(p *provider, err error) error {
	o.cfg.Log.Error("oidc: provider does not answer", "provider", p.Name, "err", err)
	return &multiaccount.Refusal{Status: fiber.StatusServiceUnavailable, Code: CodeProviderAway,
		Message: about(o.cfg.Texts.ProviderAway, p.Label), RetryAfter: 30 * time.Second}
}

func (o *OIDC) storeFailed(err error) error {
	o.cfg.Log.Error("oidc: users cannot be looked up", "err", err)
	return &multiaccount.Refusal{Status: fiber.StatusServiceUnavailable, Code: multiaccount.CodeStoreUnavailable,
		Message: o.cfg.Texts.StoreUnavailable, RetryAfter: 5 * time.Second}
}
