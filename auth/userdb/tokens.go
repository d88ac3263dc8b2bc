package userdb

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/multiaccount-go/multiaccount/auth"
)

const tokenColumns = "id, purpose, hash, coalesce(user_id, ''), data, created_at, expires_at"

func scanToken(row scanner) (t auth.Token, err error) {
	var hash []byte
	err = row.Scan(&t.ID, &t.Purpose, &hash, &t.UserID, &t.Data, instant{&t.Created}, instant{&t.Expires})
	copy(t.Hash[:], hash)
	return t, err
}

// PutToken implements [auth.Store]. A token that names no user that exists is refused with auth.ErrUnknown. It also sweeps a
// few tokens that have expired, so that they never grow in number.
func (u *Users) PutToken(ctx context.Context, t auth.Token) error {
	if t.ID == "" {
		t.ID = uuid.NewString()
	}
	err := u.db.write(ctx, func(x tx) error {
		if t.UserID != "" {
			if err := x.lockUser(t.UserID, lockReference); err != nil {
				return absent(err, auth.ErrUnknown)
			}
		}
		_, err := x.exec(`INSERT INTO tokens (id, purpose, hash, user_id, data, created_at, expires_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7)`,
			t.ID, string(t.Purpose), t.Hash[:], optional(t.UserID), t.Data, x.at(t.Created), x.at(t.Expires))
		if err != nil {
			return err
		}
		_, err = x.sweep("tokens", t.Created, sweptByTheWay)
		return err
	})
	return failed(ctx, "put token", err)
}

// Token implements [auth.Store].
func (u *Users) Token(ctx context.Context, purpose auth.Purpose, hash auth.Hash, now time.Time) (auth.Token, error) {
	x := u.db.read(ctx)
	t, err := x.oneToken(`SELECT `+tokenColumns+` FROM tokens WHERE purpose = $1 AND hash = $2 AND expires_at > $3`,
		string(purpose), hash[:], x.at(now))
	return t, failed(ctx, "token", err)
}

// TakeToken implements [auth.Store].
func (u *Users) TakeToken(ctx context.Context, purpose auth.Purpose, hash auth.Hash, now time.Time) (auth.Token, error) {
	var t auth.Token
	err := u.db.write(ctx, func(x tx) (err error) {
		t, err = x.oneToken(`DELETE FROM tokens WHERE purpose = $1 AND hash = $2 AND expires_at > $3 RETURNING `+tokenColumns,
			string(purpose), hash[:], x.at(now))
		return err
	})
	if err != nil {
		return auth.Token{}, failed(ctx, "take token", err)
	}
	return t, nil
}

func (x tx) oneToken(query string, args ...any) (t auth.Token, err error) {
	found := false
	err = x.rows(query, args, func(row scanner) (err error) {
		found = true
		t, err = scanToken(row)
		return err
	})
	if err == nil && !found {
		err = auth.ErrUnknown
	}
	return t, absent(err, auth.ErrUnknown)
}

// Tokens implements [auth.Store].
func (u *Users) Tokens(ctx context.Context, purpose auth.Purpose, userID string, now time.Time) ([]auth.Token, error) {
	x := u.db.read(ctx)
	var all []auth.Token
	err := x.rows(`SELECT `+tokenColumns+` FROM tokens WHERE user_id = $1 AND purpose = $2 AND expires_at > $3
		ORDER BY created_at DESC, seq DESC`, []any{userID, string(purpose), x.at(now)}, func(row scanner) error {
		t, err := scanToken(row)
		all = append(all, t)
		return err
	})
	if err := absent(err, nil); err != nil { // nobody has none
		return nil, failed(ctx, "tokens", err)
	}
	return all, nil
}

// DropToken implements [auth.Store].
func (u *Users) DropToken(ctx context.Context, purpose auth.Purpose, userID, id string) error {
	err := u.db.write(ctx, func(x tx) error {
		n, err := x.exec(`DELETE FROM tokens WHERE id = $1 AND user_id = $2 AND purpose = $3`, id, userID, string(purpose))
		if err == nil && n == 0 {
			err = auth.ErrUnknown
		}
		return absent(err, auth.ErrUnknown)
	})
	return failed(ctx, "drop token", err)
}
