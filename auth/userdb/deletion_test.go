package userdb_test

import (
	"slices"
	"testing"
	"time"

	"github.com/multiaccount-go/multiaccount/auth"
	"github.com/multiaccount-go/multiaccount/tenant"
)

// The home of who is deleted goes with him. What else he owned must not be left without an owner by that.
func TestWhoIsDeletedLeavesAnOwnerInEachOfHisTenants(t *testing.T) {
	onEach(t, func(t *testing.T, address string) {
		db := open(t, address)
		owner, first, second := register(t, db), register(t, db), register(t, db)
		var shared []string
		for range 8 { // the order in which a database has them is not ours
			made, err := db.Tenants().Create(t.Context(), parse(t, word()), owner.ID)
			if err != nil {
				t.Fatal(err)
			}
			join(t, db, made.ID, first, tenant.Member)
			join(t, db, made.ID, second, tenant.Admin)
			shared = append(shared, made.ID)
		}
		put(t, db, owner.ID)
		sent := tenant.Invitation{
			ID: word(), TenantID: shared[0], Email: "a@example.com", Role: tenant.Member, By: owner.ID,
			Hash: tenant.NewSecret().Hash(), Created: now(), Expires: now().Add(time.Hour),
		}
		if err := db.Tenants().Invite(t.Context(), sent); err != nil {
			t.Fatal(err)
		}
		if err := db.Users().Delete(t.Context(), owner.ID); err != nil {
			t.Fatal(err)
		}
		for _, id := range shared {
			members, err := db.Tenants().Members(t.Context(), id)
			if err != nil || len(members) != 2 || members[0].UserID != first.ID || members[0].Role != tenant.Owner || members[1].Role != tenant.Admin {
				t.Errorf("members %+v %v, want the first as the owner", members, err)
			}
		}
		if got := census(t, db); got != "tenants 10, users 2, memberships 18, invitations 1, identities 2, tokens 0" {
			t.Errorf("left %s", got)
		}
		if i, _, err := db.Tenants().Invitation(t.Context(), sent.Hash, now()); err != nil || i.By != "" {
			t.Errorf("invitation by %q: %v", i.By, err)
		}
		is(t, db.Users().Delete(t.Context(), owner.ID), auth.ErrUnknown)
	})
}

// PT-04: the users of a tenant are deleted with it, with what hangs on them; who belongs to another moves there.
func TestATenantTakesItsUsersAlong(t *testing.T) {
	onEach(t, func(t *testing.T, address string) {
		db := open(t, address)
		owner, outside := register(t, db), register(t, db)
		var residents []string
		for range 3 {
			r := invited(t, db, owner.Home)
			user, err := db.Users().Register(t.Context(), r)
			if err != nil {
				t.Fatal(err)
			}
			put(t, db, user.ID)
			residents = append(residents, user.ID)
		}
		join(t, db, outside.Home, owner, tenant.Member)
		join(t, db, owner.Home, outside, tenant.Owner)
		deleted, err := db.Tenants().Delete(t.Context(), owner.Home)
		slices.Sort(residents)
		if err != nil || !slices.Equal(deleted, residents) {
			t.Errorf("deleted %v %v, want %v", deleted, err, residents)
		}
		if got := census(t, db); got != "tenants 1, users 2, memberships 2, invitations 0, identities 2, tokens 0" {
			t.Errorf("left %s", got)
		}
		known, err := db.Users().ByIDs(t.Context(), owner.ID, outside.ID)
		if err != nil || known[owner.ID].Home != outside.Home || known[outside.ID].Home != outside.Home {
			t.Errorf("homes %+v %v", known, err)
		}
	})
}

// Who loses his home gets one that works, if there is one.
func TestANewHomeIsOneThatIsNotSuspended(t *testing.T) {
	onEach(t, func(t *testing.T, address string) {
		db := open(t, address)
		user := register(t, db)
		var made []tenant.Tenant
		for range 3 {
			one, err := db.Tenants().Create(t.Context(), parse(t, word()), user.ID)
			if err != nil {
				t.Fatal(err)
			}
			made = append(made, one)
		}
		if err := db.Tenants().SetStatus(t.Context(), made[0].ID, tenant.Suspended); err != nil {
			t.Fatal(err)
		}
		for _, step := range []struct{ gone, home string }{
			{user.Home, made[1].ID}, {made[1].ID, made[2].ID}, {made[2].ID, made[0].ID},
		} {
			if _, err := db.Tenants().Delete(t.Context(), step.gone); err != nil {
				t.Fatal(err)
			}
			if known, err := db.Users().ByIDs(t.Context(), user.ID); err != nil || known[user.ID].Home != step.home {
				t.Fatalf("home %q %v, want %q", known[user.ID].Home, err, step.home)
			}
		}
		deleted, err := db.Tenants().Delete(t.Context(), made[0].ID)
		if err != nil || !slices.Equal(deleted, []string{user.ID}) {
			t.Errorf("deleted %v %v", deleted, err)
		}
	})
}
