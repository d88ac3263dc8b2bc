package userdb

import (
	"context"
	"encoding/json"

	"github.com/multiaccount-go/multiaccount/auth"
	"github.com/multiaccount-go/multiaccount/tenant"
)

const userColumns = "u.id, u.email, u.name, u.status, u.home_tenant_id, u.created_at"

// scanUser reads userColumns, and what comes behind them.
func scanUser(row scanner, more ...any) (u auth.User, err error) {
	err = row.Scan(append([]any{&u.ID, &u.Email, &u.Name, &u.Status, &u.Home, instant{&u.Created}}, more...)...)
	return u, err
}

// oneUser reads a user. auth.ErrUnknown.
func (x tx) oneUser(query string, args []any, more ...any) (user auth.User, err error) {
	found := false
	err = x.rows(query, args, func(row scanner) (err error) {
		found = true
		user, err = scanUser(row, more...)
		return err
	})
	if err == nil && !found {
		err = auth.ErrUnknown
	}
	return user, absent(err, auth.ErrUnknown)
}

// ByIDs implements [auth.Store].
func (u *Users) ByIDs(ctx context.Context, ids ...string) (map[string]auth.User, error) {
	known := make(map[string]auth.User, len(ids))
	wanted := make([]string, 0, len(ids))
	for _, id := range ids {
		if storable(id) {
			wanted = append(wanted, id)
		}
	}
	if len(wanted) == 0 {
		return known, ctx.Err()
	}
	query, list := `SELECT `+userColumns+` FROM users u WHERE u.id = ANY ($1)`, any(wanted)
	if u.db.dialect == SQLite {
		text, err := json.Marshal(wanted)
		if err != nil {
			return nil, failed(ctx, "by ids", err)
		}
		query, list = `SELECT `+userColumns+` FROM users u WHERE u.id IN (SELECT value FROM json_each($1))`, string(text)
	}
	err := u.db.read(ctx).rows(query, []any{list}, func(row scanner) error {
		user, err := scanUser(row)
		known[user.ID] = user
		return err
	})
	if err != nil {
		return nil, failed(ctx, "by ids", err)
	}
	return known, nil
}

// ByEmail implements [auth.Store].
func (u *Users) ByEmail(ctx context.Context, email string) (auth.User, string, error) {
	var hash string
	user, err := u.db.read(ctx).oneUser(`SELECT `+userColumns+`, u.password_hash FROM users u WHERE u.email_key = $1`,
		[]any{tenant.EmailKey(email)}, &hash)
	return user, hash, failed(ctx, "by e-mail", err)
}

// ByIdentity implements [auth.Store].
func (u *Users) ByIdentity(ctx context.Context, i auth.Identity) (auth.User, error) {
	user, err := u.db.read(ctx).byIdentity(i)
	return user, failed(ctx, "by identity", err)
}

func (x tx) byIdentity(i auth.Identity) (auth.User, error) {
	return x.oneUser(`SELECT `+userColumns+` FROM identities i JOIN users u ON u.id = i.user_id
		WHERE i.provider = $1 AND i.subject = $2`, []any{i.Provider, i.Subject})
}

// Identities implements [auth.Store].
func (u *Users) Identities(ctx context.Context, userID string) ([]auth.Identity, error) {
	var all []auth.Identity
	err := u.db.read(ctx).rows(`SELECT provider, subject FROM identities WHERE user_id = $1 ORDER BY provider, subject`,
		[]any{userID}, func(row scanner) error {
			var i auth.Identity
			err := row.Scan(&i.Provider, &i.Subject)
			all = append(all, i)
			return err
		})
	if err := absent(err, nil); err != nil { // nobody has none
		return nil, failed(ctx, "identities", err)
	}
	return all, nil
}

// SetEmail implements [auth.Store].
func (u *Users) SetEmail(ctx context.Context, userID, email string) error {
	return u.set(ctx, "set e-mail", userID,
		`UPDATE users SET email = $2, email_key = $3 WHERE id = $1`, address(email), optional(tenant.EmailKey(email)))
}

// address returns an address as it is kept: as typed, unless nothing was.
func address(typed string) string {
	if tenant.EmailKey(typed) == "" {
		return ""
	}
	return typed
}

// SetName implements [auth.Store].
func (u *Users) SetName(ctx context.Context, userID, name string) error {
	return u.set(ctx, "set name", userID, `UPDATE users SET name = $2 WHERE id = $1`, name)
}

// SetPassword implements [auth.Store].
func (u *Users) SetPassword(ctx context.Context, userID, hash string) error {
	return u.set(ctx, "set password", userID, `UPDATE users SET password_hash = $2 WHERE id = $1`, hash)
}

// Rehash implements [auth.Rehasher].
func (u *Users) Rehash(ctx context.Context, userID, former, hash string) error {
	err := u.db.write(ctx, func(x tx) error {
		_, err := x.exec(`UPDATE users SET password_hash = $3 WHERE id = $1 AND password_hash = $2`, userID, former, hash)
		return err
	})
	return failed(ctx, "rehash", err)
}

// SetStatus implements [auth.Store].
func (u *Users) SetStatus(ctx context.Context, userID string, to auth.Status) error {
	return u.set(ctx, "set status", userID, `UPDATE users SET status = $2 WHERE id = $1`, string(to))
}

// set changes one user.
func (u *Users) set(ctx context.Context, op, userID, query string, values ...any) error {
	if !storable(userID) {
		return failed(ctx, op, auth.ErrUnknown)
	}
	err := u.db.write(ctx, func(x tx) error {
		n, err := x.exec(query, append([]any{userID}, values...)...)
		if err == nil && n == 0 {
			err = auth.ErrUnknown
		}
		return taken(err, auth.ErrEmailTaken) // the only key that such a statement can break
	})
	return failed(ctx, op, err)
}

// AddIdentity implements [auth.Store]. Adding one that the user has already does nothing.
func (u *Users) AddIdentity(ctx context.Context, userID string, i auth.Identity) error {
	err := u.db.write(ctx, func(x tx) error {
		if err := x.lockUser(userID, lockReference); err != nil {
			return absent(err, auth.ErrUnknown)
		}
		return x.addIdentity(userID, i)
	})
	return failed(ctx, "add identity", err)
}

// addIdentity gives a user that exists an identity. auth.ErrIdentityTaken.
func (x tx) addIdentity(userID string, i auth.Identity) error {
	n, err := x.exec(`INSERT INTO identities (provider, subject, user_id) VALUES ($1, $2, $3)
		ON CONFLICT (provider, subject) DO NOTHING`, i.Provider, i.Subject, userID)
	if err != nil || n == 1 {
		return err
	}
	if owner, err := x.byIdentity(i); err != nil || owner.ID == userID {
		return absent(err, auth.ErrIdentityTaken)
	}
	return auth.ErrIdentityTaken
}

// RemoveIdentity implements [auth.Store].
func (u *Users) RemoveIdentity(ctx context.Context, userID string, i auth.Identity) error {
	err := u.db.write(ctx, func(x tx) error {
		// Nobody else takes another identity, or the password, while it is decided whether something is left.
		if err := x.lockUser(userID, lockChange); err != nil {
			return err
		}
		n, err := x.exec(`DELETE FROM identities WHERE provider = $1 AND subject = $2 AND user_id = $3`,
			i.Provider, i.Subject, userID)
		if err == nil && n == 0 {
			err = auth.ErrUnknown
		}
		if err != nil {
			return err
		}
		var canSignIn bool
		err = x.row(`SELECT password_hash <> '' AND email_key IS NOT NULL
			OR EXISTS (SELECT 1 FROM identities WHERE user_id = $1) FROM users WHERE id = $1`, []any{userID}, &canSignIn)
		if err == nil && !canSignIn {
			err = auth.ErrLastWay // what was deleted comes back with the end of the transaction
		}
		return err
	})
	return failed(ctx, "remove identity", absent(err, auth.ErrUnknown))
}
