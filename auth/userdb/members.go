package userdb

import (
	"context"
	"time"

	"github.com/multiaccount-go/multiaccount/tenant"
)

// SetRole implements [tenant.Store].
func (s *Tenants) SetRole(ctx context.Context, tenantID, userID string, to tenant.Role) error {
	err := s.db.write(ctx, func(x tx) error {
		if err := x.lockTenant(tenantID, lockChange); err != nil { // two owners who step down see each other
			return err
		}
		if to != tenant.Owner {
			if err := x.notTheLastOwner(tenantID, userID); err != nil {
				return err
			}
		}
		n, err := x.exec(`UPDATE memberships SET role = $3 WHERE tenant_id = $1 AND user_id = $2`, tenantID, userID, string(to))
		if err == nil && n == 0 {
			err = tenant.ErrNotFound
		}
		return err
	})
	return failed(ctx, "set role", absent(err, tenant.ErrNotFound))
}

// notTheLastOwner reports tenant.ErrLastOwner when a tenant would have no owner without a user. The tenant is locked.
func (x tx) notTheLastOwner(tenantID, userID string) error {
	var is, others bool
	err := x.row(`SELECT
		EXISTS (SELECT 1 FROM memberships WHERE tenant_id = $1 AND user_id = $2 AND role = 'owner'),
		EXISTS (SELECT 1 FROM memberships WHERE tenant_id = $1 AND user_id <> $2 AND role = 'owner')`,
		[]any{tenantID, userID}, &is, &others)
	if err == nil && is && !others {
		err = tenant.ErrLastOwner
	}
	return err
}

// Remove implements [tenant.Store].
func (s *Tenants) Remove(ctx context.Context, tenantID, userID string) error {
	err := s.db.write(ctx, func(x tx) error {
		if err := x.lockTenant(tenantID, lockChange); err != nil {
			return err
		}
		if err := x.lockUser(userID, lockAlone); err != nil { // what else he belongs to stays as it is
			return err
		}
		if err := x.notTheLastOwner(tenantID, userID); err != nil {
			return err
		}
		n, err := x.exec(`DELETE FROM memberships WHERE tenant_id = $1 AND user_id = $2`, tenantID, userID)
		if err != nil {
			return err
		}
		if n == 0 {
			return tenant.ErrNotFound
		}
		return x.leaveHome(tenantID, userID)
	})
	return failed(ctx, "remove", absent(err, tenant.ErrNotFound))
}

// leaveHome gives a user who has left a tenant another home, if it was his. The user is locked.
func (x tx) leaveHome(tenantID, userID string) error {
	var home string
	if err := x.row(`SELECT home_tenant_id FROM users WHERE id = $1`, []any{userID}, &home); err != nil || home != tenantID {
		return err
	}
	if n, err := x.exec(moveHome+` AND id = $2`, tenantID, userID); err != nil || n > 0 {
		return err
	}
	now := time.Now()
	private, err := x.newTenant(tenant.Name{}, now)
	if err != nil {
		return err
	}
	if err := x.addMember(private.ID, userID, tenant.Owner, now); err != nil {
		return err
	}
	_, err = x.exec(`UPDATE users SET home_tenant_id = $2 WHERE id = $1`, userID, private.ID)
	return err
}

// moveHome makes another tenant the home of those who are at home in $1 and belong to another: one that works before one
// that is suspended, then the one they joined first.
const moveHome = `UPDATE users SET home_tenant_id = (
		SELECT m.tenant_id FROM memberships m JOIN tenants t ON t.id = m.tenant_id
		WHERE m.user_id = users.id AND m.tenant_id <> $1
		ORDER BY CASE t.status WHEN 'active' THEN 0 ELSE 1 END, m.joined_at, m.seq LIMIT 1)
	WHERE home_tenant_id = $1
		AND EXISTS (SELECT 1 FROM memberships m WHERE m.user_id = users.id AND m.tenant_id <> $1)`
