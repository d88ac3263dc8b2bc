package userdb_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/multiaccount-go/multiaccount/auth"
	"github.com/multiaccount-go/multiaccount/tenant"
)

func TestARegistrationMakesTenantOwnerAndMembership(t *testing.T) {
	onEach(t, func(t *testing.T, address string) {
		db := open(t, address)
		r := registration(t)
		r.Email = " " + strings.ToUpper(r.Email)
		user, err := db.Users().Register(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		want := auth.User{ID: user.ID, Email: r.Email, Name: r.Name, Status: auth.Active, Home: user.Home, Created: r.Now}
		if user != want || user.ID == "" || user.Home == "" {
			t.Errorf("got %+v, want %+v", user, want)
		}
		kept, hash, err := db.Users().ByEmail(t.Context(), strings.ToLower(r.Email))
		if err != nil || kept != user || hash != r.PasswordHash {
			t.Errorf("kept %+v %q %v, want %+v", kept, hash, err, user)
		}
		if kept, err := db.Users().ByIdentity(t.Context(), *r.Identity); err != nil || kept != user {
			t.Errorf("by identity %+v %v", kept, err)
		}
		all, err := db.Tenants().Memberships(t.Context(), user.ID)
		if err != nil || len(all) != 1 {
			t.Fatalf("memberships %+v %v, want one", all, err)
		}
		m := all[0]
		if m.Tenant.ID != user.Home || m.Tenant.Name != r.Tenant.String() || !m.Tenant.IsActive() || m.Role != tenant.Owner || !m.Home {
			t.Errorf("membership %+v", m)
		}
	})
}

// PT-15, PT-23, PT-05: what is taken is told, all of it at once, and nothing remains.
func TestARefusedRegistrationLeavesNothing(t *testing.T) {
	onEach(t, func(t *testing.T, address string) {
		db := open(t, address)
		there := registration(t)
		if _, err := db.Users().Register(t.Context(), there); err != nil {
			t.Fatal(err)
		}
		before := census(t, db)
		for name, c := range map[string]struct {
			change func(r *auth.Registration)
			wanted []error
		}{
			"the name": {func(r *auth.Registration) { r.Tenant = there.Tenant }, []error{tenant.ErrNameTaken}},
			"the name in other letters": {func(r *auth.Registration) { r.Tenant = parse(t, strings.ToUpper(there.Tenant.String())) },
				[]error{tenant.ErrNameTaken}},
			"the address":                  {func(r *auth.Registration) { r.Email = there.Email }, []error{auth.ErrEmailTaken}},
			"the address in other letters": {func(r *auth.Registration) { r.Email = strings.ToUpper(there.Email) }, []error{auth.ErrEmailTaken}},
			"the identity":                 {func(r *auth.Registration) { r.Identity = there.Identity }, []error{auth.ErrIdentityTaken}},
			"the name and the address": {func(r *auth.Registration) { r.Tenant, r.Email = there.Tenant, there.Email },
				[]error{tenant.ErrNameTaken, auth.ErrEmailTaken}},
			"the address and the identity": {func(r *auth.Registration) { r.Email, r.Identity = there.Email, there.Identity },
				[]error{auth.ErrEmailTaken, auth.ErrIdentityTaken}},
			"all": {func(r *auth.Registration) { *r = there },
				[]error{tenant.ErrNameTaken, auth.ErrEmailTaken, auth.ErrIdentityTaken}},
		} {
			t.Run(name+" is taken", func(t *testing.T) {
				free := registration(t)
				r := free
				c.change(&r)
				_, err := db.Users().Register(t.Context(), r)
				is(t, err, c.wanted...)
				for _, other := range []error{tenant.ErrNameTaken, auth.ErrEmailTaken, auth.ErrIdentityTaken} {
					if !contains(c.wanted, other) {
						isNot(t, err, other)
					}
				}
				if after := census(t, db); after != before {
					t.Errorf("before %s, after %s", before, after)
				}
			})
		}
		// The name of a refused registration can be used again.
		r := registration(t)
		r.Email = there.Email
		_, err := db.Users().Register(t.Context(), r)
		is(t, err, auth.ErrEmailTaken)
		r.Email = word() + "@example.com"
		if _, err := db.Users().Register(t.Context(), r); err != nil {
			t.Errorf("the name is not free: %v", err)
		}
	})
}

func contains(all []error, one error) bool {
	for _, err := range all {
		if err == one {
			return true
		}
	}
	return false
}

func TestAvailableTellsWhatRegisterWould(t *testing.T) {
	onEach(t, func(t *testing.T, address string) {
		db := open(t, address)
		there, free := registration(t), registration(t)
		if _, err := db.Users().Register(t.Context(), there); err != nil {
			t.Fatal(err)
		}
		// Somebody without an address and with a private space takes no one's.
		if _, err := db.Users().Register(t.Context(), auth.Registration{Now: now()}); err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			email  string
			name   tenant.Name
			wanted []error
		}{
			{free.Email, free.Tenant, nil},
			{there.Email, free.Tenant, []error{auth.ErrEmailTaken}},
			{free.Email, there.Tenant, []error{tenant.ErrNameTaken}},
			{there.Email, there.Tenant, []error{auth.ErrEmailTaken, tenant.ErrNameTaken}},
			{"", tenant.Name{}, nil},
			{"\xff\x00", tenant.Name{}, nil},
		} {
			err := db.Users().Available(t.Context(), c.email, c.name)
			is(t, err, c.wanted...)
			for _, other := range []error{tenant.ErrNameTaken, auth.ErrEmailTaken} {
				if !contains(c.wanted, other) {
					isNot(t, err, other)
				}
			}
			if len(c.wanted) == 0 && err != nil {
				t.Errorf("%q: %v", c.email, err)
			}
		}
	})
}

func TestUsersWithoutAnAddressDoNotCollide(t *testing.T) {
	onEach(t, func(t *testing.T, address string) {
		db := open(t, address)
		for _, none := range []string{"", "", " \t"} {
			user, err := db.Users().Register(t.Context(), auth.Registration{Email: none, Now: now()})
			if err != nil || user.Email != "" {
				t.Fatalf("%+v %v", user, err)
			}
			if err := db.Users().SetEmail(t.Context(), user.ID, none); err != nil {
				t.Error(err)
			}
		}
		_, _, err := db.Users().ByEmail(t.Context(), "")
		is(t, err, auth.ErrUnknown)
	})
}

func TestAnInvitationIsTakenByTheRegistration(t *testing.T) {
	onEach(t, func(t *testing.T, address string) {
		db := open(t, address)
		owner := register(t, db)
		guest := registration(t)
		i := invite(t, db, owner.Home, guest.Email, tenant.Admin)
		guest.Invitation = i.Hash // and a name of a tenant, which must stay free
		other := registration(t)
		if _, err := db.Users().Register(t.Context(), other); err != nil {
			t.Fatal(err)
		}

		before := census(t, db)
		for name, c := range map[string]struct {
			change func(r *auth.Registration)
			wanted error
		}{
			"for another address":         {func(r *auth.Registration) { r.Email = word() + "@example.com" }, tenant.ErrOtherAddress},
			"too late":                    {func(r *auth.Registration) { r.Now = i.Expires }, tenant.ErrInvitationUsed},
			"that nobody has sent":        {func(r *auth.Registration) { r.Invitation[0]++ }, tenant.ErrInvitationUsed},
			"whose identity is another's": {func(r *auth.Registration) { r.Identity = other.Identity }, auth.ErrIdentityTaken},
		} {
			t.Run("an invitation "+name+" is refused", func(t *testing.T) {
				r := guest
				c.change(&r)
				_, err := db.Users().Register(t.Context(), r)
				is(t, err, c.wanted)
				if after := census(t, db); after != before {
					t.Errorf("before %s, after %s", before, after)
				}
			})
		}

		user, err := db.Users().Register(t.Context(), guest)
		if err != nil {
			t.Fatal(err)
		}
		all, err := db.Tenants().Memberships(t.Context(), user.ID)
		if err != nil || len(all) != 1 || all[0].Role != tenant.Admin || all[0].Tenant.ID != owner.Home || !all[0].Home {
			t.Errorf("memberships %+v %v", all, err)
		}
		again := registration(t)
		again.Email, again.Invitation = guest.Email, i.Hash
		_, err = db.Users().Register(t.Context(), again)
		is(t, err, tenant.ErrInvitationUsed)
		if err := db.Users().Available(t.Context(), "", guest.Tenant); err != nil {
			t.Errorf("the name was taken although he joined another tenant: %v", err)
		}
	})
}

// TN-04: of a hundred registrations at the same time, from two processes, one gets the name.
func TestTwoProcessesCannotBothHaveAName(t *testing.T) {
	onEach(t, func(t *testing.T, address string) {
		var forms []form
		for n := range 100 {
			name := "Acme"
			if n%3 == 0 {
				name = "ACME"
			}
			forms = append(forms, form{fmt.Sprintf("person%d@example.com", n), name})
		}
		start := time.Now()
		got := inTwoProcesses(t, address, forms)
		t.Logf("took %v", time.Since(start))
		if got.Created != 1 || got.NameTaken != 99 || got.EmailTaken != 0 || len(got.Other) > 0 {
			t.Errorf("got %+v, want one tenant and 99 refusals", got)
		}
		want := "tenants 1, users 1, memberships 1, invitations 0, identities 0, tokens 0"
		if got := census(t, open(t, address)); got != want {
			t.Errorf("in the end %s", got)
		}
	})
}

// TN-03: of a hundred people with one address one is registered, and the others leave no tenants.
func TestTwoProcessesCannotBothHaveAnAddress(t *testing.T) {
	onEach(t, func(t *testing.T, address string) {
		var forms []form
		for range 100 {
			forms = append(forms, form{"person@example.com", word()})
		}
		got := inTwoProcesses(t, address, forms)
		if got.Created != 1 || got.EmailTaken != 99 || got.NameTaken != 0 || len(got.Other) > 0 {
			t.Errorf("got %+v, want one user and 99 refusals", got)
		}
		want := "tenants 1, users 1, memberships 1, invitations 0, identities 0, tokens 0"
		if got := census(t, open(t, address)); got != want {
			t.Errorf("in the end %s", got)
		}
	})
}

// Everybody who asks for something of his own gets it, however many there are.
func TestTwoProcessesRegisterEverybody(t *testing.T) {
	onEach(t, func(t *testing.T, address string) {
		var forms []form
		for range 100 {
			w := word()
			forms = append(forms, form{w + "@example.com", w})
		}
		if got := inTwoProcesses(t, address, forms); got.Created != 100 {
			t.Errorf("got %+v, want 100 registrations", got)
		}
	})
}
