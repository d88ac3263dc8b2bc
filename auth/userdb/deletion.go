package userdb

import (
	"context"
	"database/sql"
	"errors"
	"slices"

	"github.com/multiaccount-go/multiaccount/auth"
	"github.com/multiaccount-go/multiaccount/tenant"
)

// Delete implements [tenant.Store].
func (s *Tenants) Delete(ctx context.Context, tenantID string) (deleted []string, err error) {
	err = s.db.write(ctx, func(x tx) error {
		deleted = nil
		if err := x.lockTenant(tenantID, lockAlone); err != nil { // nobody joins any more
			return err
		}
		// Nor does a member join or leave another tenant while it is decided whether he has one.
		err := x.rows(x.locking(`SELECT id FROM users WHERE id IN (SELECT user_id FROM memberships WHERE tenant_id = $1)
			ORDER BY id`, lockAlone), []any{tenantID}, func(scanner) error { return nil })
		if err != nil {
			return err
		}
		if _, err := x.exec(moveHome, tenantID); err != nil {
			return err
		}
		deleted, err = x.texts(`DELETE FROM users WHERE home_tenant_id = $1 RETURNING id`, tenantID)
		if err != nil {
			return err
		}
		_, err = x.exec(`DELETE FROM tenants WHERE id = $1`, tenantID)
		return err
	})
	if err != nil {
		return nil, failed(ctx, "delete tenant", absent(err, tenant.ErrNotFound))
	}
	slices.Sort(deleted)
	return deleted, nil
}

// errMoved: while the tenants of a user were locked he joined another.
var errMoved = errors.New("user has joined a tenant in the meantime")

// Delete implements [auth.Store]. Invitations that the user has sent stay open; their By is empty from then on.
func (u *Users) Delete(ctx context.Context, userID string) error {
	err := u.db.write(ctx, func(x tx) error {
		const belongsTo = `SELECT tenant_id FROM memberships WHERE user_id = $1 ORDER BY tenant_id`
		locked, err := x.texts(belongsTo, userID)
		if err != nil {
			return err
		}
		for _, id := range locked {
			// One that is gone in the meantime is no matter any more.
			if err := x.lockTenant(id, lockAlone); err != nil && !errors.Is(err, sql.ErrNoRows) {
				return err
			}
		}
		if err := x.lockUser(userID, lockAlone); err != nil {
			return err
		}
		tenants, err := x.texts(belongsTo, userID)
		if err != nil {
			return err
		}
		var empty []string
		for _, id := range tenants {
			if !slices.Contains(locked, id) {
				return errMoved
			}
			others, err := x.giveUp(id, userID)
			if err != nil {
				return err
			}
			if !others {
				empty = append(empty, id)
			}
		}
		// The user before the tenants: with the one that is his home he would go at once.
		if _, err := x.exec(`DELETE FROM users WHERE id = $1`, userID); err != nil {
			return err
		}
		for _, id := range empty {
			if _, err := x.exec(`DELETE FROM tenants WHERE id = $1`, id); err != nil {
				return err
			}
		}
		return nil
	})
	return failed(ctx, "delete user", absent(err, auth.ErrUnknown))
}

// giveUp makes somebody else owner of a tenant that a user is the only owner of, and reports whether there are others. The
// tenant is locked.
func (x tx) giveUp(tenantID, userID string) (others bool, err error) {
	err = x.notTheLastOwner(tenantID, userID)
	if !errors.Is(err, tenant.ErrLastOwner) {
		return true, err // there is an owner
	}
	n, err := x.exec(`UPDATE memberships SET role = 'owner' WHERE seq = (
		SELECT seq FROM memberships WHERE tenant_id = $1 AND user_id <> $2 ORDER BY joined_at, seq LIMIT 1)`, tenantID, userID)
	return n > 0, err
}

// texts reads the first column.
func (x tx) texts(query string, args ...any) (all []string, err error) {
	err = x.rows(query, args, func(row scanner) error {
		var text string
		err := row.Scan(&text)
		all = append(all, text)
		return err
	})
	return all, err
}
