package oidc

import (
	"context"
	"crypto/subtle"
	"errors"
	"html/template"
	"strings"

	"github.com/gofiber/fiber/v2"
	"golang.org/x/oauth2"

	"github.com/multiaccount-go/multiaccount"
	"github.com/multiaccount-go/multiaccount/auth"
	"github.com/multiaccount-go/multiaccount/internal/answer"
)

// fieldSubject says which identity at a provider is to be disconnected: a user may have several.
const fieldSubject = "subject"

// Event says what was done with an identity.
type Event struct {
	Action   string // ActionConnected or ActionDisconnected
	UserID   string
	Provider string // its Name
}

// Actions of events.
const (
	ActionConnected    = "identity.connected"
	ActionDisconnected = "identity.disconnected"
)

// identityShown is an identity of the current account on the profile.
type identityShown struct {
	Provider string // what people call it
	Subject  string // empty: the only one there
	Button   button
}

// ConnectHTML returns what the profile of somebody who is signed in shows: his identities at the providers, each with a
// button that disconnects it, and a button for each provider that connects another one. The error is a refusal to return as
// it is: the users cannot be looked up.
func (o *OIDC) ConnectHTML(c *fiber.Ctx) (template.HTML, error) {
	identities, err := o.cfg.Users.Identities(c.UserContext(), strings.Clone(o.cfg.Accounts.CurrentID(c)))
	if err != nil {
		return "", o.storeFailed(err)
	}
	stamp := o.cfg.Accounts.StampField(c)
	var there []identityShown
	var buttons []button
	for _, p := range o.cfg.Providers {
		text, first := o.cfg.Texts.ConnectWith, len(there)
		for _, i := range identities {
			if i.Provider == p.Issuer {
				there = append(there, identityShown{p.Label, i.Subject, button{o.path(p.Name) + "/disconnect",
					about(o.cfg.Texts.Disconnect, p.Label), stamp + hidden(fieldSubject, i.Subject)}})
			}
		}
		if len(there) > first {
			text = o.cfg.Texts.ConnectAnother
		}
		if len(there) == first+1 {
			there[first].Subject = "" // tells nothing to people, where there is nothing to tell apart
		}
		buttons = append(buttons, button{o.path(p.Name) + "/connect", about(text, p.Label), stamp})
	}
	return o.pages.Body("connect.html", struct {
		Texts     Texts
		Connected []identityShown
		Buttons   []button
	}{o.cfg.Texts, there, buttons})
}

// connect leads to the provider, to connect an identity with the current account.
func (o *OIDC) connect(c *fiber.Ctx) error {
	p, err := o.of(c)
	if err != nil {
		return err
	}
	if err := o.cfg.Accounts.CheckRecent(c, o.cfg.RecentSignIn); err != nil {
		return err
	}
	f := o.newFlow(c, p)
	f.Connect, f.Stamp = o.cfg.Accounts.CurrentID(c), o.cfg.Accounts.Stamp(c)
	return o.leave(c, p, f, []oauth2.AuthCodeOption{oauth2.SetAuthURLParam("prompt", "select_account")})
}

// stillConnecting makes sure that the answer reaches the account, in the session, that asked for it. How recently the person
// signed in was looked at then, which is minutes ago at most.
func (o *OIDC) stillConnecting(c *fiber.Ctx, f flow) error {
	if o.cfg.Accounts.CurrentID(c) != f.Connect ||
		subtle.ConstantTimeCompare([]byte(o.cfg.Accounts.Stamp(c)), []byte(f.Stamp)) != 1 {
		return o.refuse(fiber.StatusConflict, CodeOtherAccount, o.cfg.Texts.OtherAccount)
	}
	return nil
}

// connected connects an identity with the current account.
func (o *OIDC) connected(c *fiber.Ctx, p *provider, f flow, who person) error {
	err := o.cfg.Users.AddIdentity(c.UserContext(), f.Connect, who.identity())
	if errors.Is(err, auth.ErrIdentityTaken) {
		u, lookup := o.cfg.Users.ByIdentity(c.UserContext(), who.identity())
		if lookup != nil || u.ID != f.Connect {
			return o.refuse(fiber.StatusConflict, CodeIdentityTaken, about(o.cfg.Texts.IdentityTaken, p.Label))
		}
		err = nil // it is connected already
	}
	if err != nil {
		return o.storeFailed(err)
	}
	o.happened(c.UserContext(), ActionConnected, f.Connect, p)
	o.cfg.Accounts.AddFlash(c, multiaccount.FlashSuccess, about(o.cfg.Texts.Connected, p.Label))
	return answer.Lead(c, o.cfg.Paths.Profile, fiber.StatusOK, fiber.Map{"connected": p.Name})
}

// disconnect takes an identity from the current account. Sessions that began with it go on: they prove who signed in then.
func (o *OIDC) disconnect(c *fiber.Ctx) error {
	p, err := o.of(c)
	if err != nil {
		return err
	}
	if err := o.cfg.Accounts.CheckRecent(c, o.cfg.RecentSignIn); err != nil {
		return err
	}
	userID := strings.Clone(o.cfg.Accounts.CurrentID(c))
	identity := auth.Identity{Provider: p.Issuer, Subject: answer.Posted(c, fieldSubject)}
	err = o.cfg.Users.RemoveIdentity(c.UserContext(), userID, identity)
	switch {
	case errors.Is(err, auth.ErrLastWay):
		return o.refuse(fiber.StatusConflict, CodeLastWay, about(o.cfg.Texts.LastWay, p.Label))
	case errors.Is(err, auth.ErrUnknown): // in another tab already, or never his
		return o.refuse(fiber.StatusNotFound, multiaccount.CodeNotFound, about(o.cfg.Texts.NotConnected, p.Label))
	case err != nil:
		return o.storeFailed(err)
	}
	o.happened(c.UserContext(), ActionDisconnected, userID, p)
	o.cfg.Accounts.AddFlash(c, multiaccount.FlashSuccess, about(o.cfg.Texts.Disconnected, p.Label))
	return answer.Lead(c, o.cfg.Paths.Profile, fiber.StatusOK, fiber.Map{"disconnected": p.Name})
}

func (o *OIDC) happened(ctx context.Context, action, userID string, p *provider) {
	o.cfg.OnEvent(ctx, Event{Action: action, UserID: userID, Provider: p.Name})
}
