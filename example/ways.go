package main

import (
	"context"
	"crypto/hkdf"
	"crypto/sha256"
	"fmt"
	"html/template"
	"net/url"
	"os"

	"github.com/gofiber/fiber/v2"
	"github.com/multiaccount-go/multiaccount/auth/magiclink"
	"github.com/multiaccount-go/multiaccount/auth/oidc"
	"github.com/multiaccount-go/multiaccount/tenant"
)

// ways are the ways of signing in beside the password. Each ends in accounts.SignIn, as the password does, so their accounts
// stand side by side in one session.
type ways struct {
	links     *magiclink.MagicLink // nil: off
	providers *oidc.OIDC           // nil: none is configured
}

// provider names the one that the environment says, in paths and in the log.
const provider = "sso"

// newWays makes what this site can offer. Links by e-mail need e-mail: where the mail is a page that everybody on this
// machine can read, they are for this machine and a demo only.
func (s *site) newWays(base string, links bool, bounds limits) (w ways, err error) {
	if links {
		w.links, err = magiclink.New(magiclink.Config{
			Accounts: s.accounts, Users: s.users, BaseURL: base, Send: s.mail.signIn, Life: linkLife, Limits: bounds.links,
			Templates: folder("views/magiclink"), Layout: s.formLayout, InsecurePlainHTTPForDevelopment: true,
		})
		if err != nil {
			return ways{}, err
		}
	}
	if issuer := os.Getenv("OIDC_ISSUER"); issuer != "" {
		w.providers, err = s.newProvider(base, issuer, os.Getenv("OIDC_CLIENT_ID"), os.Getenv("OIDC_CLIENT_SECRET"))
	}
	return w, err
}

func (s *site) newProvider(base, issuer, id, secret string) (*oidc.OIDC, error) {
	at, err := url.Parse(issuer)
	if err != nil {
		return nil, fmt.Errorf("OIDC_ISSUER: %w", err)
	}
	cfg := oidc.Config{
		Accounts: s.accounts, Users: s.users, BaseURL: base,
		Providers: []oidc.Provider{{Name: provider, Label: at.Host, Issuer: issuer, ClientID: id, ClientSecret: secret}},
		Policy:    tenant.PerUser, // as at registration here
		Templates: folder("views/oidc"), Layout: s.formLayout, OnEvent: identityEvent,
		InsecurePlainHTTPForDevelopment: true,
	}
	if secret != "" { // one key for all processes, without one more thing to configure
		if cfg.Key, err = hkdf.Key(sha256.New, []byte(secret), nil, "multiaccount example: who is at the provider", 32); err != nil {
			return nil, fmt.Errorf("OIDC_CLIENT_SECRET: %w", err)
		}
	}
	return oidc.New(cfg)
}

// both is what the pages to sign in and to register show below their forms.
func (w ways) both() (parts []func(*fiber.Ctx) (template.HTML, error)) {
	if w.providers != nil {
		parts = append(parts, w.providers.SignInHTML)
	}
	return parts
}

// signIn is what the page to sign in shows alone: nobody gets a link who has not registered.
func (w ways) signIn() (parts []func(*fiber.Ctx) (template.HTML, error)) {
	if w.links != nil {
		parts = append(parts, w.links.FormHTML)
	}
	return parts
}

// profile is what the profile shows at its end.
func (w ways) profile() (parts []func(*fiber.Ctx) (template.HTML, error)) {
	if w.providers != nil {
		parts = append(parts, w.providers.ConnectHTML)
	}
	return parts
}

func (w ways) register(app *fiber.App) {
	if w.providers != nil {
		w.providers.Register(app)
	}
	if w.links != nil {
		w.links.Register(app)
	}
}

// close sends the links that were asked for.
func (w ways) close(ctx context.Context) error {
	if w.links == nil {
		return nil
	}
	return w.links.Close(ctx)
}
