package auth

import (
	"context"
	"errors"
	"strings"

	"github.com/gofiber/fiber/v2"

	"github.com/multiaccount-go/multiaccount"
	"github.com/multiaccount-go/multiaccount/account"
	"github.com/multiaccount-go/multiaccount/attempts"
	"github.com/multiaccount-go/multiaccount/internal/answer"
	"github.com/multiaccount-go/multiaccount/tenant"
)

// me returns the current user, and the hash of his password, which is empty when he has none.
func (a *Auth) me(ctx context.Context, c *fiber.Ctx) (User, string, error) {
	id := strings.Clone(a.cfg.Accounts.CurrentID(c))
	users, err := a.cfg.Users.ByIDs(ctx, id)
	if err != nil {
		return User{}, "", err
	}
	user, ok := users[id]
	if !ok {
		return User{}, "", ErrUnknown
	}
	owner, hash, err := a.cfg.Users.ByEmail(ctx, user.Email)
	if errors.Is(err, ErrUnknown) || err == nil && owner.ID != id {
		return user, "", nil
	}
	return user, hash, err
}

// profilePage shows what a person can change about himself.
func (a *Auth) profilePage(c *fiber.Ctx) error {
	ctx, cancel := within(c)
	defer cancel()
	user, hash, err := a.me(ctx, c)
	if err != nil {
		return a.failed(err)
	}
	if answer.Of(c) == answer.JSON {
		identities, err := a.cfg.Users.Identities(ctx, user.ID)
		if err != nil {
			return a.failed(err)
		}
		at := make([]fiber.Map, len(identities))
		for n, i := range identities {
			at[n] = fiber.Map{"provider": i.Provider, "subject": i.Subject}
		}
		return c.JSON(fiber.Map{"id": user.ID, "name": user.Name, "email": user.Email, "has_password": hash != "",
			"identities": at})
	}
	return a.drawProfile(c, user, hash, nil, nil)
}

// changeProfile changes name and address. An address is what signs people in, so it takes a recent proof; with mail it takes
// effect when the link was followed that goes there. Other fields, such as account_name, are of registration only.
func (a *Auth) changeProfile(c *fiber.Ctx) error {
	ctx, cancel := within(c)
	defer cancel()
	user, hash, err := a.me(ctx, c)
	if err != nil {
		return a.failed(err)
	}
	p, wrong := answer.Read(c), Problems{}
	to := user
	if p.Has(FieldEmail) && strings.TrimSpace(p.Text(FieldEmail)) != user.Email { // what it was is good, also if it is none
		to.Email = a.email(wrong, p.Text(FieldEmail))
	}
	if p.Has(FieldName) {
		if to.Name = a.name(wrong, p.Text(FieldName)); to.Name == "" {
			a.note(wrong, FieldName, "blank", "")
		}
	}
	again := func() error {
		return a.invalid(c, wrong, func() error { return a.drawProfile(c, user, hash, &p, wrong) })
	}
	if len(wrong) > 0 {
		return again()
	}
	sent := false
	if to.Email != user.Email {
		if err := a.cfg.Accounts.CheckRecent(c, a.cfg.RecentSignIn); err != nil {
			return err
		}
		sent, err = a.moveTo(ctx, c, user, to.Email)
		if errors.Is(err, ErrEmailTaken) {
			a.taken(wrong, err)
			return again()
		}
		if err != nil {
			return a.failed(err)
		}
	}
	if sent {
		to.Email = user.Email
		a.cfg.Accounts.AddFlash(c, multiaccount.FlashInfo, a.cfg.Texts.Sent)
	}
	if to.Name != user.Name {
		err = a.cfg.Users.SetName(ctx, user.ID, to.Name)
	}
	switch {
	case to.Email != user.Email:
		a.changed(ctx, c, user.ID, ActionEmailChanged) // also when the name was not
	case to.Name != user.Name && err == nil:
		a.changed(ctx, c, user.ID, ActionProfileChanged)
	}
	if err != nil {
		return a.failed(err)
	}
	return answer.Lead(c, a.paths.Profile, fiber.StatusOK, fiber.Map{"id": user.ID, "name": to.Name, "email": to.Email, "sent": sent})
}

// moveTo gives a user another address, or sends a link there. Another spelling of his own is no secret and no other address.
func (a *Auth) moveTo(ctx context.Context, c *fiber.Ctx, user User, email string) (sent bool, err error) {
	if tenant.EmailKey(email) == tenant.EmailKey(user.Email) {
		return false, a.cfg.Users.SetEmail(ctx, user.ID, email)
	}
	err = a.cfg.Limits.Registration.Do(ctx, attempts.Try{Address: c.IP()}, func(ctx context.Context) error {
		if a.cfg.Mail == nil {
			return a.cfg.Users.SetEmail(ctx, user.ID, email)
		}
		err := a.cfg.Users.Available(ctx, email, tenant.Name{})
		if err != nil && !errors.Is(err, ErrEmailTaken) {
			return err
		}
		return a.send(ctx, email, err != nil, ConfirmEmail, Token{Purpose: purposeEmail, UserID: user.ID, Data: email})
	})
	return a.cfg.Mail != nil && err == nil, err
}

// changed tells of a change that the other tabs and browsers of a user show.
func (a *Auth) changed(ctx context.Context, c *fiber.Ctx, userID, action string) {
	a.happened(c, action, userID)
	a.cfg.Accounts.AddFlash(c, multiaccount.FlashSuccess, a.cfg.Texts.Saved)
	if err := a.cfg.Accounts.UserChanged(ctx, userID); err != nil && !errors.Is(err, account.ErrNoIndex) {
		a.cfg.Log.Warn("auth: open tabs were not told of a change", "user", userID, "err", err)
	}
}

// changePassword sets a new password, for whoever knows the old one or has signed in recently. All other sessions of the
// account end: whoever changes a password may have found somebody else in there.
func (a *Auth) changePassword(c *fiber.Ctx) error {
	ctx, cancel := within(c)
	defer cancel()
	user, hash, err := a.me(ctx, c)
	if err != nil {
		return a.failed(err)
	}
	p, wrong := answer.Read(c), Problems{}
	current := p.Text(FieldCurrentPassword)
	recent := a.cfg.Accounts.CheckRecent(c, a.cfg.RecentSignIn)
	switch {
	case current == "" && recent != nil && hash == "":
		return recent
	case current == "" && recent != nil:
		a.note(wrong, FieldCurrentPassword, "blank", "")
	}
	if user.Email == "" {
		a.note(wrong, "", "no_email", "")
	}
	typed := a.newPassword(wrong, p, user.Email, user.Name)
	var made string
	err = a.tryPassword(ctx, c, user.Email, func(ctx context.Context) error {
		if current != "" {
			if right, err := a.belongs(ctx, user, current, hash); err != nil || !right {
				if err == nil {
					a.note(wrong, FieldCurrentPassword, "wrong", "")
					err = errWrong
				}
				return err
			}
		}
		if len(wrong) > 0 {
			return wrong
		}
		made, err = a.cfg.Hasher.Hash(ctx, typed)
		return err
	})
	if errors.Is(err, errWrong) {
		a.refused(c, user.ID, user.Email)
	}
	if len(wrong) > 0 && (errors.Is(err, errWrong) || errors.As(err, &wrong)) {
		return a.invalid(c, wrong, func() error { return a.drawProfile(c, user, hash, nil, wrong) })
	}
	if err == nil {
		err = a.cfg.Users.SetPassword(ctx, user.ID, made)
	}
	if err != nil {
		return a.failed(err)
	}
	a.happened(c, ActionPasswordChanged, user.ID)
	return a.onlyHere(ctx, c, user.ID)
}

// onlyHere signs a user out everywhere and in again here, and answers. The password is changed, whatever happens.
func (a *Auth) onlyHere(ctx context.Context, c *fiber.Ctx, userID string) error {
	kind, said, target := multiaccount.FlashSuccess, a.cfg.Texts.PasswordChanged, a.paths.Profile
	if err := a.cfg.Accounts.SignOutEverywhere(ctx, userID); err != nil {
		a.cfg.Log.Error("auth: a password was changed, and other sessions of the user go on", "user", userID, "err", err)
		kind, said = multiaccount.FlashInfo, a.cfg.Texts.PasswordChangedHere
	}
	if err := a.cfg.Accounts.SignIn(c, userID, "password"); err != nil {
		a.cfg.Log.Warn("auth: whoever changed a password has to sign in again", "user", userID, "err", err)
		target = a.paths.SignIn
	}
	a.cfg.Accounts.AddFlash(c, kind, said)
	return answer.Lead(c, target, fiber.StatusOK, fiber.Map{"id": userID, "changed": true})
}

// deleteUser deletes the account of whoever has signed in recently, with what hangs on it.
func (a *Auth) deleteUser(c *fiber.Ctx) error {
	if err := a.cfg.Accounts.CheckRecent(c, a.cfg.RecentSignIn); err != nil {
		return err
	}
	ctx, cancel := within(c)
	defer cancel()
	user, _, err := a.me(ctx, c)
	if err == nil {
		err = a.cfg.Users.Delete(ctx, user.ID)
	}
	if err != nil {
		return a.failed(err)
	}
	ctx, cancelAfter := after(ctx)
	defer cancelAfter()
	a.cfg.Deleted(ctx, user)
	a.happened(c, ActionDeleted, user.ID)
	a.cfg.Accounts.AddFlash(c, multiaccount.FlashInfo, a.cfg.Texts.Deleted)
	if err := a.cfg.Accounts.UserChanged(ctx, user.ID); err != nil && !errors.Is(err, account.ErrNoIndex) {
		a.cfg.Log.Warn("auth: open tabs of a deleted user were not told", "user", user.ID, "err", err)
	}
	return answer.Lead(c, a.paths.Home, fiber.StatusOK, fiber.Map{"id": user.ID, "deleted": true})
}
