package userdb

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/multiaccount-go/multiaccount/tenant"
)

const (
	tenantColumns     = "t.id, t.name, t.status, t.created_at"
	membershipColumns = tenantColumns + ", m.user_id, m.role, m.joined_at, u.home_tenant_id = t.id"
	membershipTables  = "memberships m JOIN tenants t ON t.id = m.tenant_id JOIN users u ON u.id = m.user_id"
)

func scanMembership(row scanner) (m tenant.Membership, err error) {
	err = row.Scan(&m.Tenant.ID, &m.Tenant.Name, &m.Tenant.Status, instant{&m.Tenant.Created},
		&m.UserID, &m.Role, instant{&m.Joined}, &m.Home)
	return m, err
}

func (x tx) memberships(query string, args ...any) (all []tenant.Membership, err error) {
	err = x.rows(query, args, func(row scanner) error {
		m, err := scanMembership(row)
		all = append(all, m)
		return err
	})
	return all, absent(err, nil) // nobody and nothing have none
}

// Memberships implements [tenant.Store].
func (s *Tenants) Memberships(ctx context.Context, userID string) ([]tenant.Membership, error) {
	all, err := s.db.read(ctx).memberships(
		`SELECT `+membershipColumns+` FROM `+membershipTables+` WHERE m.user_id = $1`, userID)
	if err != nil {
		return nil, failed(ctx, "memberships", err)
	}
	slices.SortFunc(all, byName) // here, since every database has an alphabet of its own
	return all, nil
}

// byName orders home first, then as people look names up.
func byName(a, b tenant.Membership) int {
	return cmp.Or(first(a.Home, b.Home), cmp.Compare(strings.ToLower(a.Tenant.Name), strings.ToLower(b.Tenant.Name)),
		cmp.Compare(a.Tenant.ID, b.Tenant.ID))
}

// first orders what is true before what is not.
func first(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return -1
	}
	return 1
}

// Members implements [tenant.Store].
func (s *Tenants) Members(ctx context.Context, tenantID string) ([]tenant.Membership, error) {
	all, err := s.db.read(ctx).memberships(`SELECT `+membershipColumns+` FROM `+membershipTables+` WHERE m.tenant_id = $1
		ORDER BY CASE m.role WHEN 'owner' THEN 0 ELSE 1 END, m.joined_at, m.seq`, tenantID)
	return all, failed(ctx, "members", err)
}

// Create implements [tenant.Store]. An owner who does not exist is told as tenant.ErrNotFound.
func (s *Tenants) Create(ctx context.Context, name tenant.Name, ownerID string) (t tenant.Tenant, err error) {
	if name == (tenant.Name{}) {
		return tenant.Tenant{}, failed(ctx, "create", errNoName)
	}
	now := time.Now()
	err = s.db.write(ctx, func(x tx) (err error) {
		if t, err = x.newTenant(name, now); err != nil {
			return err
		}
		if err := x.lockUser(ownerID, lockReference); err != nil {
			return absent(err, tenant.ErrNotFound)
		}
		return x.addMember(t.ID, ownerID, tenant.Owner, now)
	})
	if err != nil {
		return tenant.Tenant{}, failed(ctx, "create", err)
	}
	return t, nil
}

var errNoName = errors.New("a tenant needs a name")

// newTenant makes a tenant, of the zero Name a private space. tenant.ErrNameTaken.
func (x tx) newTenant(name tenant.Name, now time.Time) (tenant.Tenant, error) {
	t := tenant.Tenant{ID: uuid.NewString(), Name: strings.Clone(name.String()), Status: tenant.Active, Created: precise(now)}
	n, err := x.exec(`INSERT INTO tenants (id, name, name_key, private, status, created_at)
		VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (name_key) DO NOTHING`,
		t.ID, t.Name, optional(name.Key()), name == (tenant.Name{}), string(t.Status), x.at(now))
	if err == nil && n == 0 {
		err = tenant.ErrNameTaken
	}
	return t, err
}

// addMember makes a user a member of a tenant to which he does not belong.
func (x tx) addMember(tenantID, userID string, role tenant.Role, now time.Time) error {
	n, err := x.exec(`INSERT INTO memberships (tenant_id, user_id, role, joined_at) VALUES ($1, $2, $3, $4)
		ON CONFLICT (tenant_id, user_id) DO NOTHING`, tenantID, userID, string(role), x.at(now))
	if err == nil && n == 0 {
		err = tenant.ErrAlreadyMember
	}
	return err
}

// Rename implements [tenant.Store]. A private space that gets a name is one no more.
func (s *Tenants) Rename(ctx context.Context, tenantID string, name tenant.Name) error {
	if name == (tenant.Name{}) {
		return failed(ctx, "rename", errNoName)
	}
	return s.change(ctx, "rename", `UPDATE tenants SET name = $2, name_key = $3, private = FALSE WHERE id = $1`,
		tenantID, name.String(), name.Key())
}

// SetStatus implements [tenant.Store].
func (s *Tenants) SetStatus(ctx context.Context, tenantID string, to tenant.Status) error {
	return s.change(ctx, "set status", `UPDATE tenants SET status = $2 WHERE id = $1`, tenantID, string(to))
}

// change runs a statement that changes one row of what belongs to a tenant.
func (s *Tenants) change(ctx context.Context, op, query string, args ...any) error {
	err := s.db.write(ctx, func(x tx) error {
		n, err := x.exec(query, args...)
		if err == nil && n == 0 {
			err = tenant.ErrNotFound
		}
		return absent(taken(err, tenant.ErrNameTaken), tenant.ErrNotFound) // the only key that it can break
	})
	return failed(ctx, op, err)
}
