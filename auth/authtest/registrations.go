package authtest

import (
	"strings"
	"time"

	"github.com/multiaccount-go/multiaccount/auth"
	"github.com/multiaccount-go/multiaccount/tenant"
)

var registrations = []check{
	{"a registration makes an active user as it says", func(s *stage) {
		r := registration()
		r.Email = "  Mixed.Case-" + strings.TrimSpace(r.Email)
		u := s.register(r)
		want := auth.User{ID: u.ID, Email: r.Email, Name: r.Name, Status: auth.Active, Home: u.Home, Created: r.Now}
		if u.ID == "" || u.Home == "" || !u.Created.Equal(r.Now) {
			s.Errorf("registered %+v", u)
		}
		got, ok := s.byID(u.ID)
		got.Created, u.Created = want.Created, want.Created
		if !ok || u != want || got != want {
			s.Errorf("registered %+v and read %+v, want %+v", u, got, want)
		}
	}},
	{"a registration with a name makes its tenant, whose owner the user is", func(s *stage) { // PT-12
		r := registration()
		r.Tenant = s.name()
		u := s.register(r)
		all := s.memberships(u.ID)
		if len(all) != 1 || !all[0].Home || all[0].Role != tenant.Owner || all[0].Tenant.ID != u.Home ||
			all[0].Tenant.Name != r.Tenant.String() || !all[0].Tenant.IsActive() {
			s.Errorf("user %+v belongs to %+v", u, all)
		}
	}},
	{"a registration without a name makes a private space, as often as anybody likes", func(s *stage) { // PT-03
		for range 2 {
			u := s.user()
			all := s.memberships(u.ID)
			if len(all) != 1 || !all[0].Home || all[0].Role != tenant.Owner || all[0].Tenant.Name != "" ||
				all[0].Tenant.ID != u.Home {
				s.Errorf("user %+v belongs to %+v, want a private space", u, all)
			}
		}
	}},
	{"an address is taken however it is spelled", func(s *stage) { // PT-05
		u := s.user()
		for _, spelled := range []string{u.Email, strings.ToUpper(u.Email), " " + u.Email + "\t"} {
			r := registration()
			r.Email, r.Tenant = spelled, s.name()
			_, err := s.Store.Register(s.Context(), r)
			s.is(err, auth.ErrEmailTaken)
			s.isNot(err, tenant.ErrNameTaken, auth.ErrIdentityTaken)
		}
	}},
	{"a name of a tenant is taken however it is spelled", func(s *stage) { // PT-15
		typed := "Modern " + word()
		r := registration()
		r.Tenant = s.parse(typed)
		s.register(r)
		for _, spelled := range []string{typed, strings.ToUpper(typed), strings.Replace(typed, "Modern", "modem", 1)} {
			r := registration()
			r.Tenant = s.parse(spelled)
			_, err := s.Store.Register(s.Context(), r)
			s.is(err, tenant.ErrNameTaken)
			s.isNot(err, auth.ErrEmailTaken, auth.ErrIdentityTaken)
			if s.exists(r.Email) {
				s.Error("the user exists after the error")
			}
		}
	}},
	{"all that is taken is told together", func(s *stage) {
		r := registration()
		r.Tenant, r.Identity = s.name(), &auth.Identity{Provider: "https://id.example.com", Subject: word()}
		s.register(r)
		other := registration()
		other.Email, other.Tenant = r.Email, r.Tenant
		_, err := s.Store.Register(s.Context(), other)
		s.is(err, auth.ErrEmailTaken, tenant.ErrNameTaken)
		s.isNot(err, auth.ErrIdentityTaken)
		other.Identity = r.Identity
		_, err = s.Store.Register(s.Context(), other)
		s.is(err, auth.ErrEmailTaken, tenant.ErrNameTaken, auth.ErrIdentityTaken)
		other.Tenant = s.name()
		_, err = s.Store.Register(s.Context(), other)
		s.is(err, auth.ErrEmailTaken, auth.ErrIdentityTaken)
		s.isNot(err, tenant.ErrNameTaken)
		other.Email = address()
		_, err = s.Store.Register(s.Context(), other)
		s.is(err, auth.ErrIdentityTaken)
		s.isNot(err, auth.ErrEmailTaken, tenant.ErrNameTaken)
	}},
	{"a registration that is refused leaves neither user nor tenant, and the name can be used again", func(s *stage) { // PT-23
		known := registration()
		known.Identity = &auth.Identity{Provider: "https://id.example.com", Subject: word()}
		s.register(known)
		for _, refused := range []auth.Registration{
			{Email: known.Email, Now: now()},
			{Email: address(), Identity: known.Identity, Now: now()},
		} {
			refused.Tenant = s.name()
			if _, err := s.Store.Register(s.Context(), refused); err == nil {
				s.Fatal("registered what is taken")
			}
			if refused.Email != known.Email && s.exists(refused.Email) {
				s.Error("the user exists after the error")
			}
			s.ok(s.available("", refused.Tenant))
			r := registration()
			r.Tenant = refused.Tenant
			s.register(r)
		}
	}},
	{"whoever registers with an invitation joins that tenant, as what it says, and has no other", func(s *stage) {
		owner, t := s.owner()
		r := registration()
		r.Invitation = s.invite(t, owner, r.Email, tenant.Admin)
		r.Email = strings.ToUpper(r.Email)
		u := s.register(r)
		all := s.memberships(u.ID)
		if len(all) != 1 || !all[0].Home || all[0].Tenant.ID != t.ID || all[0].Role != tenant.Admin || u.Home != t.ID {
			s.Errorf("user %+v belongs to %+v", u, all)
		}
		if s.isOpen(r.Invitation) {
			s.Error("the invitation is open after it was used")
		}
		again := registration()
		again.Invitation = r.Invitation
		_, err := s.Store.Register(s.Context(), again)
		s.is(err, tenant.ErrInvitationUsed)
		if s.exists(again.Email) {
			s.Error("the user exists after the error")
		}
	}},
	{"an invitation that is over, unknown, or of another address lets nobody register", func(s *stage) {
		owner, t := s.owner()
		r := registration()
		r.Invitation = s.invite(t, owner, r.Email, tenant.Member)
		late := r
		late.Now = now().Add(2 * time.Hour)
		_, err := s.Store.Register(s.Context(), late)
		s.is(err, tenant.ErrInvitationUsed)
		foreign := r
		foreign.Email = address()
		_, err = s.Store.Register(s.Context(), foreign)
		s.is(err, tenant.ErrOtherAddress)
		unknown := r
		unknown.Invitation = tenant.NewSecret().Hash()
		_, err = s.Store.Register(s.Context(), unknown)
		s.is(err, tenant.ErrInvitationUsed)
		if s.exists(r.Email) || s.exists(foreign.Email) {
			s.Error("a user exists after an error")
		}
		s.register(r)
	}},
	{"an invitation stays open when its registration is refused", func(s *stage) {
		owner, t := s.owner()
		u := s.user()
		r := registration()
		r.Email, r.Invitation = u.Email, s.invite(t, owner, u.Email, tenant.Member)
		_, err := s.Store.Register(s.Context(), r)
		s.is(err, auth.ErrEmailTaken)
		if !s.isOpen(r.Invitation) {
			s.Error("the invitation is closed after the error")
		}
	}},
	{"what can be told ahead is what a registration says", func(s *stage) {
		r := registration()
		r.Tenant = s.name()
		s.ok(s.available(r.Email, r.Tenant))
		s.register(r)
		s.is(s.available(strings.ToUpper(r.Email), r.Tenant), auth.ErrEmailTaken, tenant.ErrNameTaken)
		err := s.available(r.Email, s.name())
		s.is(err, auth.ErrEmailTaken)
		s.isNot(err, tenant.ErrNameTaken)
		err = s.available(address(), r.Tenant)
		s.is(err, tenant.ErrNameTaken)
		s.isNot(err, auth.ErrEmailTaken)
		s.is(s.available(r.Email, tenant.Name{}), auth.ErrEmailTaken)
		s.is(s.available("", r.Tenant), tenant.ErrNameTaken)
		s.ok(s.available("", tenant.Name{}))
	}},
	{"users without an address are several, and nobody finds them by it", func(s *stage) {
		for range 2 {
			r := registration()
			r.Email, r.Identity = "", &auth.Identity{Provider: "https://id.example.com", Subject: word()}
			s.register(r)
		}
		if s.exists("") {
			s.Error("an empty address belongs to somebody")
		}
	}},
	{"nothing happens when the context has ended", func(s *stage) {
		r := registration()
		r.Tenant = s.name()
		if _, err := s.Store.Register(s.ended(), r); err == nil {
			s.Error("registered")
		}
		if s.exists(r.Email) {
			s.Error("the user exists after the error")
		}
		s.ok(s.available(r.Email, r.Tenant))
	}},
}
