package tenanttest

import (
	"slices"
	"time"

	"github.com/multiaccount-go/multiaccount/tenant"
)

var members = []check{
	{"owners come first, then who joined first", func(s *stage) {
		owner, early, late := s.person(), s.person(), s.person()
		t := s.tenant(owner)
		joined := now().Add(time.Second)
		for i, who := range []person{late, early} {
			invitation := s.invite(t, who.email, tenant.Member)
			_, err := s.Store.Accept(s.Context(), invitation.Hash, who.id, who.email, joined.Add(time.Duration(1-i)*time.Second))
			s.ok(err)
		}
		order := func() (ids []string) {
			for _, m := range s.members(t) {
				ids = append(ids, m.UserID)
			}
			return ids
		}
		if got, want := order(), []string{owner.id, early.id, late.id}; !slices.Equal(got, want) {
			s.Errorf("order %v, want %v", got, want)
		}
		s.ok(s.Store.SetRole(s.Context(), t.ID, late.id, tenant.Owner))
		s.ok(s.Store.SetRole(s.Context(), t.ID, early.id, tenant.Admin))
		if got, want := order(), []string{owner.id, late.id, early.id}; !slices.Equal(got, want) {
			s.Errorf("with a second owner: order %v, want %v", got, want)
		}
	}},
	{"a member gets another role", func(s *stage) {
		owner, who := s.person(), s.person()
		t, other := s.tenant(owner, who), s.tenant(owner, who)
		for _, to := range []tenant.Role{tenant.Admin, tenant.Owner, tenant.Owner, tenant.Member} {
			s.ok(s.Store.SetRole(s.Context(), t.ID, who.id, to))
			if m, _ := s.membership(t, who); m.Role != to {
				s.Errorf("role %s, want %s", m.Role, to)
			}
		}
		if m, _ := s.membership(other, who); m.Role != tenant.Member {
			s.Errorf("role in another tenant: %s", m.Role)
		}
		s.is(s.Store.SetRole(s.Context(), t.ID, s.person().id, tenant.Admin), tenant.ErrNotFound)
		s.is(s.Store.SetRole(s.Context(), unknown, who.id, tenant.Admin), tenant.ErrNotFound)
		s.is(s.Store.SetRole(s.Context(), t.ID, unknown, tenant.Admin), tenant.ErrNotFound)
	}},
	{"the last owner stays owner", func(s *stage) {
		owner, second := s.person(), s.person()
		t := s.tenant(owner, second)
		s.is(s.Store.SetRole(s.Context(), t.ID, owner.id, tenant.Admin), tenant.ErrLastOwner)
		s.is(s.Store.Remove(s.Context(), t.ID, owner.id), tenant.ErrLastOwner)
		if got := s.roles(t); got[owner.id] != tenant.Owner || len(got) != 2 {
			s.Errorf("roles %v", got)
		}
		s.ok(s.Store.SetRole(s.Context(), t.ID, owner.id, tenant.Owner)) // nothing changes
		s.ok(s.Store.SetRole(s.Context(), t.ID, second.id, tenant.Owner))
		s.ok(s.Store.SetRole(s.Context(), t.ID, owner.id, tenant.Member))
		s.is(s.Store.Remove(s.Context(), t.ID, second.id), tenant.ErrLastOwner)
		s.ok(s.Store.Remove(s.Context(), t.ID, owner.id))
		if got := s.roles(t); len(got) != 1 || got[second.id] != tenant.Owner {
			s.Errorf("roles %v", got)
		}
	}},
	{"who is removed belongs to the tenant no more", func(s *stage) {
		owner, who := s.person(), s.person()
		t := s.tenant(owner, who)
		private := s.home(who)
		s.ok(s.Store.Remove(s.Context(), t.ID, who.id))
		if all := s.memberships(who); len(all) != 1 || all[0].Tenant.ID != private.ID || !all[0].Home {
			s.Errorf("belongs to %+v, want his home only", all)
		}
		if got := s.roles(t); len(got) != 1 {
			s.Errorf("members %v", got)
		}
		s.is(s.Store.Remove(s.Context(), t.ID, who.id), tenant.ErrNotFound)
		s.is(s.Store.Remove(s.Context(), unknown, who.id), tenant.ErrNotFound)
		s.is(s.Store.Remove(s.Context(), t.ID, unknown), tenant.ErrNotFound)
		s.join(t, who, tenant.Member) // and can come back
	}},
	{"who is removed from his home gets another tenant of his as home", func(s *stage) {
		owner, who := s.person(), s.person()
		t := s.tenant(owner, who)
		s.move(who, t)
		other := s.tenant(owner, who)
		s.ok(s.Store.Remove(s.Context(), t.ID, who.id))
		if all := s.memberships(who); len(all) != 1 || all[0].Tenant.ID != other.ID || !all[0].Home {
			s.Errorf("belongs to %+v, want the other tenant as his home", all)
		}
	}},
	{"who is removed from all that he has gets a private space", func(s *stage) {
		owner, who := s.person(), s.person()
		t := s.tenant(owner, who)
		s.move(who, t)
		s.ok(s.Store.Remove(s.Context(), t.ID, who.id))
		all := s.memberships(who)
		if len(all) != 1 || all[0].Tenant.Name != "" || !all[0].Home || all[0].Role != tenant.Owner || !all[0].Tenant.IsActive() {
			s.Errorf("belongs to %+v, want a private space", all)
		}
		if !s.HasUser(s, who.id) {
			s.Error("the user is gone")
		}
	}},
}
