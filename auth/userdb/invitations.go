package userdb

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"

	"github.com/multiaccount-go/multiaccount/tenant"
)

// Of SQLite's RETURNING the table must not have a short name.
const invitationColumns = `invitations.id, invitations.tenant_id, invitations.email_key, invitations.role,
	coalesce(invitations.invited_by, ''), invitations.created_at, invitations.expires_at`

// scanInvitation reads invitationColumns, and what comes behind them.
func scanInvitation(row scanner, more ...any) (i tenant.Invitation, err error) {
	into := []any{&i.ID, &i.TenantID, &i.Email, &i.Role, &i.By, instant{&i.Created}, instant{&i.Expires}}
	err = row.Scan(append(into, more...)...)
	return i, err
}

// Invite implements [tenant.Store]. A tenant or an inviting user that does not exist is told as tenant.ErrNotFound. It also
// sweeps a few invitations that have expired, so that they never grow in number.
func (s *Tenants) Invite(ctx context.Context, i tenant.Invitation) error {
	if i.ID == "" {
		i.ID = uuid.NewString()
	}
	email := tenant.EmailKey(i.Email)
	err := s.db.write(ctx, func(x tx) error {
		if err := x.lockTenant(i.TenantID, lockChange); err != nil { // of two for one address the later stays
			return err
		}
		if i.By != "" {
			if err := x.lockUser(i.By, lockReference); err != nil {
				return err
			}
		}
		if _, err := x.exec(`DELETE FROM invitations WHERE tenant_id = $1 AND email_key = $2`, i.TenantID, email); err != nil {
			return err
		}
		_, err := x.exec(`INSERT INTO invitations (id, tenant_id, email_key, role, invited_by, hash, created_at, expires_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
			i.ID, i.TenantID, email, string(i.Role), optional(i.By), i.Hash[:], x.at(i.Created), x.at(i.Expires))
		if err != nil {
			return err
		}
		_, err = x.sweep("invitations", i.Created, sweptByTheWay)
		return err
	})
	return failed(ctx, "invite", absent(err, tenant.ErrNotFound))
}

// Invitations implements [tenant.Store].
func (s *Tenants) Invitations(ctx context.Context, tenantID string, now time.Time) ([]tenant.Invitation, error) {
	x := s.db.read(ctx)
	var open []tenant.Invitation
	err := x.rows(`SELECT `+invitationColumns+` FROM invitations WHERE tenant_id = $1 AND expires_at > $2
		ORDER BY created_at DESC, seq DESC`, []any{tenantID, x.at(now)}, func(row scanner) error {
		i, err := scanInvitation(row)
		open = append(open, i)
		return err
	})
	return open, failed(ctx, "invitations", absent(err, nil)) // nothing has none
}

// Revoke implements [tenant.Store].
func (s *Tenants) Revoke(ctx context.Context, tenantID, invitationID string) error {
	return s.change(ctx, "revoke", `DELETE FROM invitations WHERE tenant_id = $1 AND id = $2`, tenantID, invitationID)
}

// Invitation implements [tenant.Store].
func (s *Tenants) Invitation(
	ctx context.Context, hash tenant.Hash, now time.Time,
) (tenant.Invitation, tenant.Tenant, error) {
	x := s.db.read(ctx)
	found := false
	var i tenant.Invitation
	var t tenant.Tenant
	err := x.rows(`SELECT `+invitationColumns+`, `+tenantColumns+` FROM invitations JOIN tenants t ON t.id = tenant_id
		WHERE hash = $1 AND expires_at > $2`, []any{hash[:], x.at(now)}, func(row scanner) (err error) {
		found = true
		i, err = scanInvitation(row, &t.ID, &t.Name, &t.Status, instant{&t.Created})
		i.Hash = hash
		return err
	})
	if err == nil && !found {
		err = tenant.ErrInvitationUsed
	}
	return i, t, failed(ctx, "invitation", err)
}

// Accept implements [tenant.Store]. A user who does not exist is told as tenant.ErrNotFound, and the invitation stays open.
func (s *Tenants) Accept(
	ctx context.Context, hash tenant.Hash, userID, email string, now time.Time,
) (tenant.Membership, error) {
	var m tenant.Membership
	var already error
	err := s.db.write(ctx, func(x tx) error {
		i, err := x.takeInvitation(hash, tenant.EmailKey(email), now)
		if err != nil {
			return err
		}
		if err := x.lockUser(userID, lockReference); err != nil {
			return absent(err, tenant.ErrNotFound)
		}
		already = x.addMember(i.TenantID, userID, i.Role, now)
		if errors.Is(already, tenant.ErrAlreadyMember) {
			return nil // the invitation is closed all the same
		}
		if already != nil {
			return already
		}
		all, err := x.memberships(`SELECT `+membershipColumns+` FROM `+membershipTables+`
			WHERE m.tenant_id = $1 AND m.user_id = $2`, i.TenantID, userID)
		if err == nil {
			m = all[0]
		}
		return err
	})
	if err == nil {
		err = already
	}
	return m, failed(ctx, "accept", err)
}

// takeInvitation closes an open invitation for who has the address that it is for, and locks its tenant.
func (x tx) takeInvitation(hash tenant.Hash, emailKey string, now time.Time) (i tenant.Invitation, err error) {
	var tenantID, address string
	err = x.row(`SELECT tenant_id, email_key FROM invitations WHERE hash = $1 AND expires_at > $2`,
		[]any{hash[:], x.at(now)}, &tenantID, &address)
	if err != nil {
		return i, absent(err, tenant.ErrInvitationUsed)
	}
	if address != emailKey {
		return i, tenant.ErrOtherAddress
	}
	if err := x.lockTenant(tenantID, lockReference); err != nil { // before the invitation, as who deletes the tenant does
		return i, absent(err, tenant.ErrInvitationUsed)
	}
	found := false
	err = x.rows(`DELETE FROM invitations WHERE hash = $1 AND expires_at > $2 RETURNING `+invitationColumns,
		[]any{hash[:], x.at(now)}, func(row scanner) (err error) {
			found = true
			i, err = scanInvitation(row)
			return err
		})
	if err == nil && !found {
		err = tenant.ErrInvitationUsed
	}
	return i, err
}
