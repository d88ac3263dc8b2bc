package oidc

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"html/template"
	"time"

	"github.com/gofiber/fiber/v2"
	"golang.org/x/oauth2"

	"github.com/multiaccount-go/multiaccount"
	"github.com/multiaccount-go/multiaccount/internal/answer"
	"github.com/multiaccount-go/multiaccount/tenant"
)

// flow is what a browser keeps while the person is at the provider.
type flow struct {
	Provider string `json:"p"`
	State    string `json:"s"`
	Nonce    string `json:"n"`
	Verifier string `json:"v"`
	Expires  int64  `json:"e"` // Unix seconds

	Intent     string `json:"i,omitempty"` // request to add an account that the page was drawn for
	ReturnTo   string `json:"r,omitempty"` // path as the page named it; the plugin checks it
	Invitation string `json:"t,omitempty"`
	Again      int64  `json:"a,omitempty"` // Unix seconds; the person must have signed in at the provider since

	Connect string `json:"c,omitempty"` // user who connects an identity; empty: signs in
	Stamp   string `json:"m,omitempty"` // of the page on which he asked for it
}

const (
	purposeFlow = "flow"

	fieldReturn = "request_path"
	fieldAgain  = "again"

	// maxReturn bounds a path in the cookie: with the code in the address and the other headers it has to fit into the 4 KB that
	// Fiber reads.
	maxReturn = 512
)

// beginPage asks whether to sign in with a provider. It changes nothing.
func (o *OIDC) beginPage(c *fiber.Ctx) error {
	p, err := o.of(c)
	if err != nil {
		return err
	}
	return o.pages.Draw(c, fiber.StatusOK, "begin.html", about(o.cfg.Texts.BeginTitle, p.Label), struct {
		Texts   Texts
		Title   string
		Buttons []button
	}{o.cfg.Texts, about(o.cfg.Texts.BeginTitle, p.Label), []button{o.signInButton(c, p.Provider)}})
}

// begin leads to the provider, to sign in.
func (o *OIDC) begin(c *fiber.Ctx) error {
	p, err := o.of(c)
	if err != nil {
		return err
	}
	f := o.newFlow(c, p)
	f.Intent = answer.Posted(c, multiaccount.IntentField)
	f.Invitation = answer.Posted(c, tenant.InvitationField)
	o.cfg.Accounts.ClaimIntent(c, f.Intent) // a form that says nothing means nothing
	if err := o.cfg.Accounts.CanSignIn(c); err != nil {
		return err
	}
	var options []oauth2.AuthCodeOption
	switch _, again := o.cfg.Accounts.Again(c); {
	case again && answer.Posted(c, fieldAgain) != "":
		f.Again = o.cfg.Now().Unix()
		options = append(options, oauth2.SetAuthURLParam("prompt", "login"), oauth2.SetAuthURLParam("max_age", "0"))
	case f.Intent != "":
		options = append(options, oauth2.SetAuthURLParam("prompt", "select_account"))
	}
	return o.leave(c, p, f, options)
}

func (o *OIDC) newFlow(c *fiber.Ctx, p *provider) flow {
	back := answer.Posted(c, fieldReturn)
	if len(back) > maxReturn {
		back = ""
	}
	return flow{Provider: p.Name, State: random(), Nonce: random(), Verifier: oauth2.GenerateVerifier(),
		Expires: o.cfg.Now().Add(life).Unix(), ReturnTo: back}
}

// random returns 256 random bits as text.
func random() string {
	b := make([]byte, 32)
	_, _ = rand.Read(b) // never fails
	return base64.RawURLEncoding.EncodeToString(b)
}

// leave gives the browser its cookie and leads to the provider.
func (o *OIDC) leave(c *fiber.Ctx, p *provider, f flow, options []oauth2.AuthCodeOption) error {
	target, err := p.authURL(c.UserContext(), f, options)
	if err != nil {
		return o.unavailable(p, err)
	}
	sealed, err := o.box.seal(purposeFlow, f)
	if err != nil {
		return err
	}
	o.leaving.Set(c, sealed)
	answer.Private(c)
	switch answer.Of(c) {
	case answer.JSON:
		return c.JSON(fiber.Map{"redirect": target})
	case answer.HTMX:
		c.Set("HX-Redirect", target)
		return c.SendStatus(fiber.StatusNoContent)
	}
	// A redirect of a form would have to be in form-action.
	c.Set("Refresh", "0; url="+target)
	return o.pages.Draw(c, fiber.StatusOK, "leave.html", about(o.cfg.Texts.LeaveTitle, p.Label), struct {
		Texts         Texts
		Title, Target string
	}{o.cfg.Texts, about(o.cfg.Texts.LeaveTitle, p.Label), target})
}

// button is a form with one button.
type button struct {
	Action, Label string
	Fields        template.HTML
}

func (o *OIDC) signInButton(c *fiber.Ctx, p Provider) button {
	a := o.cfg.Accounts
	fields := a.IntentField(c) + a.ReturnField(c)
	if again, ok := a.Again(c); ok {
		fields += again.Field
	}
	invitation := answer.Posted(c, tenant.InvitationField) // a form with mistakes is drawn again
	if invitation == "" {
		invitation, _ = answer.Queried(c, tenant.InvitationField)
	}
	if invitation != "" {
		fields += hidden(tenant.InvitationField, invitation)
	}
	return button{o.path(p.Name), about(o.cfg.Texts.SignInWith, p.Label), fields}
}

func hidden(name, value string) template.HTML {
	return template.HTML(fmt.Sprintf(`<input type="hidden" name="%s" value="%s" autocomplete="off">`,
		template.HTMLEscapeString(name), template.HTMLEscapeString(value)))
}

// SignInHTML returns a form with a button for each provider, for the sign-in and the registration page. Draw it in the
// request that it is for: it says whether an account is being added, and to whose session.
func (o *OIDC) SignInHTML(c *fiber.Ctx) (template.HTML, error) {
	var buttons []button
	for _, p := range o.cfg.Providers {
		buttons = append(buttons, o.signInButton(c, p))
	}
	return o.pages.Body("buttons.html", buttons)
}

func (f flow) isOver(now time.Time) bool { return now.Unix() >= f.Expires }
