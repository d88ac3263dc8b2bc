package auth

import (
	"context"
	"errors"

	"github.com/gofiber/fiber/v2"

	"github.com/multiaccount-go/multiaccount/attempts"
	"github.com/multiaccount-go/multiaccount/auth/password"
	"github.com/multiaccount-go/multiaccount/internal/answer"
	"github.com/multiaccount-go/multiaccount/tenant"
)

// signInPage has the form to sign in.
func (a *Auth) signInPage(c *fiber.Ctx) error {
	if err := a.cfg.Accounts.Available(c); err != nil {
		return err
	}
	return a.drawSignIn(c, "", nil)
}

// signIn checks a password. All that can be wrong has one answer, and costs one hash.
func (a *Auth) signIn(c *fiber.Ctx) error {
	p := answer.Read(c)
	email := p.Text(FieldEmail)
	user, err := a.authenticate(c, email, p.Text(FieldPassword))
	if err == nil {
		err = a.cfg.Accounts.SignIn(c, user.ID, "password")
	}
	if !isRefused(err) {
		return a.failed(err)
	}
	a.refused(c, user.ID, email)
	wrong := Problems{}
	a.note(wrong, "", CodeWrongCredentials, "")
	return a.invalid(c, wrong, func() error { return a.drawSignIn(c, email, wrong) })
}

// authenticate returns the active user with an address and a password, as often as the limits let anybody try. errWrong,
// beside the user whom it was tried for.
func (a *Auth) authenticate(c *fiber.Ctx, email, typed string) (user User, err error) {
	ctx, cancel := within(c)
	defer cancel()
	if len(email) > maxEmail {
		email = "" // nobody's
	}
	err = a.tryPassword(ctx, c, email, func(ctx context.Context) (err error) {
		user, err = a.verify(ctx, email, typed)
		return err
	})
	return user, err
}

// tryPassword lets verify look at a password of an address, as often as the limits allow.
func (a *Auth) tryPassword(ctx context.Context, c *fiber.Ctx, email string, verify func(context.Context) error) error {
	try := attempts.Try{Login: email, Address: c.IP(), Known: a.knownAs(ctx, c, email)}
	return a.cfg.Limits.SignIn.Do(ctx, try, verify)
}

// verify looks at one password. It costs one hash, whatever is wrong.
func (a *Auth) verify(ctx context.Context, email, typed string) (User, error) {
	user, hash, err := a.cfg.Users.ByEmail(ctx, email)
	if err != nil && !errors.Is(err, ErrUnknown) {
		return User{}, err
	}
	right, err := a.belongs(ctx, user, typed, hash)
	if err != nil {
		return user, err
	}
	if !right || !user.IsActive() {
		return user, errWrong
	}
	return user, nil
}

// belongs reports whether a password is that of a user, and makes a weaker hash anew.
func (a *Auth) belongs(ctx context.Context, user User, typed, hash string) (bool, error) {
	tooLong := len(typed) > password.Max
	if tooLong {
		typed = "" // no such password can have been chosen; it costs a hash all the same
	}
	typed = password.Normal(typed)
	right, weak, err := a.cfg.Hasher.Verify(ctx, typed, hash)
	if err != nil || !right || tooLong || user.ID == "" {
		return false, err
	}
	if weak && user.IsActive() {
		a.strengthen(ctx, user.ID, typed, hash)
	}
	return true, nil
}

// Rehasher is a power that a [Store] may have: to exchange the hash of a password for one of the same password. Without it
// hashes stay as they are until the password is changed.
type Rehasher interface {
	// Rehash sets the hash of a user's password if it is still the former one, in one step; else it does nothing. A password
	// that is just being changed must not come back.
	Rehash(ctx context.Context, userID, former, hash string) error
}

// strengthen makes the hash of a right password anew. That it cannot be kept is no reason to keep the person out.
func (a *Auth) strengthen(ctx context.Context, userID, typed, former string) {
	store, ok := a.cfg.Users.(Rehasher)
	if !ok {
		return
	}
	hash, err := a.cfg.Hasher.Hash(ctx, typed)
	if err == nil {
		err = store.Rehash(ctx, userID, former, hash)
	}
	if err != nil {
		a.cfg.Log.Warn("auth: a weak password hash stays", "err", err)
	}
}

// knownAs returns what tells this browser from others as one on which the account has signed in already, so that nobody
// else's guesses lock its owner out here. It comes from the session, which the browser has proved to be its own.
func (a *Auth) knownAs(ctx context.Context, c *fiber.Ctx, email string) string {
	accounts := a.cfg.Accounts.Switcher(c).Accounts
	ids := make([]string, len(accounts))
	for i, account := range accounts {
		ids[i] = account.ID
	}
	if len(ids) == 0 || email == "" {
		return ""
	}
	users, err := a.cfg.Users.ByIDs(ctx, ids...)
	if err != nil {
		return "" // an unknown browser has a try too
	}
	for _, account := range accounts {
		if u, ok := users[account.ID]; ok && tenant.EmailKey(u.Email) == tenant.EmailKey(email) {
			return account.Membership
		}
	}
	return ""
}
