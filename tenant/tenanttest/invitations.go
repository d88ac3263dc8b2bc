package tenanttest

import (
	"slices"
	"time"

	"github.com/multiaccount-go/multiaccount/tenant"
)

var invitations = []check{
	{"an invitation is found by its hash and stays open", func(s *stage) {
		owner := s.person()
		t := s.tenant(owner)
		i := s.invite(t, word()+"@example.com", tenant.Admin)
		for range 2 {
			got, at, err := s.Store.Invitation(s.Context(), i.Hash, now())
			s.ok(err)
			if got.ID != i.ID || got.TenantID != t.ID || got.Email != i.Email || got.Role != i.Role || got.By != owner.id ||
				!got.Created.Equal(i.Created) || !got.Expires.Equal(i.Expires) {
				s.Errorf("got %+v, want %+v", got, i)
			}
			if at.ID != t.ID || at.Name != t.Name || at.Status != t.Status {
				s.Errorf("tenant %+v, want %+v", at, t)
			}
		}
		for _, hash := range []tenant.Hash{{}, tenant.NewSecret().Hash()} {
			_, _, err := s.Store.Invitation(s.Context(), hash, now())
			s.is(err, tenant.ErrInvitationUsed)
			_, err = s.Store.Accept(s.Context(), hash, owner.id, owner.email, now())
			s.is(err, tenant.ErrInvitationUsed)
		}
	}},
	{"who accepts becomes a member, once", func(s *stage) {
		owner, who := s.person(), s.person()
		t := s.tenant(owner)
		i := s.invite(t, who.email, tenant.Admin)
		at := now().Add(time.Second)
		m, err := s.Store.Accept(s.Context(), i.Hash, who.id, who.email, at)
		s.ok(err)
		if m.UserID != who.id || m.Role != tenant.Admin || m.Tenant.ID != t.ID || m.Tenant.Name != t.Name || m.Home || !m.Joined.Equal(at) {
			s.Errorf("got %+v", m)
		}
		if got, ok := s.membership(t, who); !ok || got.Role != tenant.Admin || got.Home || !got.Joined.Equal(at) {
			s.Errorf("kept %+v", got)
		}
		_, err = s.accept(i, who)
		s.is(err, tenant.ErrInvitationUsed)
		_, _, err = s.Store.Invitation(s.Context(), i.Hash, now())
		s.is(err, tenant.ErrInvitationUsed)
		s.is(s.Store.Revoke(s.Context(), t.ID, i.ID), tenant.ErrNotFound)
	}},
	{"an invitation is for one address only", func(s *stage) {
		owner, who, other := s.person(), s.person(), s.person()
		t := s.tenant(owner)
		i := s.invite(t, who.email, tenant.Member)
		_, err := s.accept(i, other)
		s.is(err, tenant.ErrOtherAddress)
		if _, ok := s.membership(t, other); ok {
			s.Error("somebody else has joined")
		}
		_, err = s.accept(i, who) // it is still open
		s.ok(err)
	}},
	{"an invitation expires", func(s *stage) {
		who := s.person()
		t := s.tenant(s.person())
		i := s.invite(t, who.email, tenant.Member)
		late := i.Expires.Add(time.Second)
		_, _, err := s.Store.Invitation(s.Context(), i.Hash, late)
		s.is(err, tenant.ErrInvitationUsed)
		_, err = s.Store.Accept(s.Context(), i.Hash, who.id, who.email, late)
		s.is(err, tenant.ErrInvitationUsed)
		if open, err := s.Store.Invitations(s.Context(), t.ID, late); err != nil || len(open) != 0 {
			s.Errorf("open %+v %v, want none", open, err)
		}
		if _, ok := s.membership(t, who); ok {
			s.Error("an expired invitation lets somebody in")
		}
	}},
	{"a member who accepts once more closes the invitation", func(s *stage) {
		owner, who := s.person(), s.person()
		t := s.tenant(owner, who)
		i := s.invite(t, who.email, tenant.Admin)
		_, err := s.accept(i, who)
		s.is(err, tenant.ErrAlreadyMember)
		if m, _ := s.membership(t, who); m.Role != tenant.Member {
			s.Errorf("role %s, want the former one", m.Role)
		}
		_, err = s.accept(i, who)
		s.is(err, tenant.ErrInvitationUsed)
	}},
	{"a new invitation takes the place of an open one", func(s *stage) {
		who := s.person()
		t, other := s.tenant(s.person()), s.tenant(s.person())
		elsewhere := s.invite(other, who.email, tenant.Member)
		first := s.invite(t, who.email, tenant.Member)
		second := s.invite(t, who.email, tenant.Admin)
		_, err := s.accept(first, who)
		s.is(err, tenant.ErrInvitationUsed)
		if open, err := s.Store.Invitations(s.Context(), t.ID, now()); err != nil || len(open) != 1 || open[0].ID != second.ID {
			s.Errorf("open %+v %v, want the second", open, err)
		}
		for _, i := range []tenant.Invitation{second, elsewhere} {
			_, err = s.accept(i, who)
			s.ok(err)
		}
		if m, _ := s.membership(t, who); m.Role != tenant.Admin {
			s.Errorf("role %s, want that of the second", m.Role)
		}
		s.ok(s.Store.Remove(s.Context(), t.ID, who.id))
		s.join(t, who, tenant.Member) // one that was accepted is in nobody's way
	}},
	{"open invitations of a tenant come newest first, without their hash", func(s *stage) {
		t, other := s.tenant(s.person()), s.tenant(s.person())
		s.invite(other, word()+"@example.com", tenant.Member)
		var want []string
		for n := range 3 {
			i := s.invitation(t, word()+"@example.com", tenant.Member)
			i.Created = i.Created.Add(time.Duration(n-10) * time.Second)
			s.ok(s.Store.Invite(s.Context(), i))
			want = append([]string{i.ID}, want...)
		}
		open, err := s.Store.Invitations(s.Context(), t.ID, now())
		s.ok(err)
		var got []string
		for _, i := range open {
			got = append(got, i.ID)
			if i.Hash != (tenant.Hash{}) || i.TenantID != t.ID || i.Email == "" || i.Role != tenant.Member || i.By == "" {
				s.Errorf("got %+v", i)
			}
		}
		if !slices.Equal(got, want) {
			s.Errorf("order %v, want %v", got, want)
		}
	}},
	{"a revoked invitation is closed", func(s *stage) {
		who := s.person()
		t, other := s.tenant(s.person()), s.tenant(s.person())
		i := s.invite(t, who.email, tenant.Member)
		s.is(s.Store.Revoke(s.Context(), other.ID, i.ID), tenant.ErrNotFound)
		s.is(s.Store.Revoke(s.Context(), t.ID, word()), tenant.ErrNotFound)
		s.ok(s.Store.Revoke(s.Context(), t.ID, i.ID))
		_, err := s.accept(i, who)
		s.is(err, tenant.ErrInvitationUsed)
		s.is(s.Store.Revoke(s.Context(), t.ID, i.ID), tenant.ErrNotFound)
		s.join(t, who, tenant.Member)
	}},
	{"an invitation needs a tenant", func(s *stage) {
		i := s.invitation(s.tenant(s.person()), word()+"@example.com", tenant.Member)
		i.TenantID = unknown
		if s.Store.Invite(s.Context(), i) == nil {
			s.Error("an invitation to nothing was kept")
		}
	}},
}
