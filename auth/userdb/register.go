package userdb

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/multiaccount-go/multiaccount/auth"
	"github.com/multiaccount-go/multiaccount/tenant"
)

// Register implements [auth.Store]. A connection that breaks in the very moment of the commit leaves open what has happened:
// who tries again is then told that his address is taken, and can sign in.
func (u *Users) Register(ctx context.Context, r auth.Registration) (auth.User, error) {
	if r.Now.IsZero() {
		r.Now = time.Now()
	}
	r.Email = address(r.Email)
	user := auth.User{ // what comes from a request may end with it
		ID: uuid.NewString(), Email: strings.Clone(r.Email), Name: strings.Clone(r.Name), Status: auth.Active,
		Created: precise(r.Now),
	}
	err := u.db.write(ctx, func(x tx) (err error) {
		user.Home, err = x.register(user, r)
		return err
	})
	if err != nil {
		return auth.User{}, failed(ctx, "register", err)
	}
	return user, nil
}

// register writes all of a registration and returns the user's home. What it has written goes when it fails.
func (x tx) register(user auth.User, r auth.Registration) (home string, err error) {
	home, role, err := x.newHome(r)
	if err != nil {
		return "", err
	}
	n, err := x.exec(`INSERT INTO users (id, email, email_key, name, password_hash, status, home_tenant_id, created_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (email_key) DO NOTHING`,
		user.ID, user.Email, optional(tenant.EmailKey(user.Email)), user.Name, r.PasswordHash, string(user.Status), home,
		x.at(r.Now))
	if err != nil {
		return "", err
	}
	if n == 0 {
		return "", x.alsoTaken(r, auth.ErrEmailTaken)
	}
	if r.Identity != nil {
		if err := x.addIdentity(user.ID, *r.Identity); err != nil {
			return "", err
		}
	}
	return home, x.addMember(home, user.ID, role, r.Now)
}

// newHome makes or finds the tenant of a registration, and takes the invitation.
func (x tx) newHome(r auth.Registration) (id string, role tenant.Role, err error) {
	if r.Invitation != (tenant.Hash{}) {
		i, err := x.takeInvitation(r.Invitation, tenant.EmailKey(r.Email), r.Now)
		return i.TenantID, i.Role, err
	}
	t, err := x.newTenant(r.Tenant, r.Now)
	if errors.Is(err, tenant.ErrNameTaken) {
		err = x.alsoTaken(r, err)
	}
	return t.ID, tenant.Owner, err
}

// alsoTaken adds to what is known to be taken what else is, so that a person is told all of it at once.
func (x tx) alsoTaken(r auth.Registration, known error) error {
	errs := []error{known}
	if errors.Is(known, tenant.ErrNameTaken) { // who has come as far as the address has got the name
		emailTaken, _, err := x.look(r.Email, tenant.Name{})
		if err != nil {
			return err
		}
		if emailTaken {
			errs = append(errs, auth.ErrEmailTaken)
		}
	}
	if r.Identity != nil {
		switch _, err := x.byIdentity(*r.Identity); {
		case err == nil:
			errs = append(errs, auth.ErrIdentityTaken)
		case !errors.Is(err, auth.ErrUnknown):
			return err
		}
	}
	return errors.Join(errs...)
}

// look reports whether an address and a name have an owner. Empty ones never have.
func (x tx) look(email string, name tenant.Name) (emailTaken, nameTaken bool, err error) {
	err = x.row(`SELECT EXISTS (SELECT 1 FROM users WHERE email_key = $1), EXISTS (SELECT 1 FROM tenants WHERE name_key = $2)`,
		[]any{tenant.EmailKey(email), name.Key()}, &emailTaken, &nameTaken)
	return emailTaken, nameTaken, err
}

// Available implements [auth.Store].
func (u *Users) Available(ctx context.Context, email string, name tenant.Name) error {
	if !storable(email) {
		email = "" // nobody has it
	}
	emailTaken, nameTaken, err := u.db.read(ctx).look(email, name)
	if err != nil {
		return failed(ctx, "available", err)
	}
	var errs []error
	if emailTaken {
		errs = append(errs, auth.ErrEmailTaken)
	}
	if nameTaken {
		errs = append(errs, tenant.ErrNameTaken)
	}
	return failed(ctx, "available", errors.Join(errs...))
}
