package tenanttest

import (
	"errors"
	"strings"

	"github.com/multiaccount-go/multiaccount/tenant"
)

const many = 16

var races = []check{
	{"of several who create one name at once, one succeeds", func(s *stage) { // TN-04
		typed := "Modern " + word()
		names := []tenant.Name{s.parse(typed), s.parse(strings.ToUpper(typed)), s.parse(strings.Replace(typed, "Modern", "modem", 1))}
		owners := make([]person, many)
		for i := range owners {
			owners[i] = s.person()
		}
		made := make([]tenant.Tenant, many)
		errs := atOnce(many, func(i int) (err error) {
			made[i], err = s.Store.Create(s.Context(), names[i%len(names)], owners[i].id)
			return err
		})
		s.one(errs, tenant.ErrNameTaken)
		for i, who := range owners {
			if all := s.memberships(who); len(all) != 1 && errs[i] != nil || len(all) != 2 && errs[i] == nil {
				s.Errorf("error %v, but memberships %+v", errs[i], all)
			}
		}
	}},
	{"of several who rename to one name at once, one succeeds", func(s *stage) {
		to := s.name("Acme")
		made := make([]tenant.Tenant, many)
		for i := range made {
			made[i] = s.tenant(s.person())
		}
		s.one(atOnce(many, func(i int) error { return s.Store.Rename(s.Context(), made[i].ID, to) }), tenant.ErrNameTaken)
	}},
	{"an invitation that is accepted several times at once is accepted once", func(s *stage) {
		who := s.person()
		t := s.tenant(s.person())
		i := s.invite(t, who.email, tenant.Admin)
		s.one(atOnce(many, func(int) error { _, err := s.accept(i, who); return err }), tenant.ErrInvitationUsed)
		if got := s.roles(t); len(got) != 2 || got[who.id] != tenant.Admin {
			s.Errorf("roles %v", got)
		}
	}},
	{"an invitation that is revoked and accepted at once is one of both", func(s *stage) {
		for range many {
			who := s.person()
			t := s.tenant(s.person())
			i := s.invite(t, who.email, tenant.Member)
			errs := atOnce(2, func(n int) error {
				if n == 0 {
					return s.Store.Revoke(s.Context(), t.ID, i.ID)
				}
				_, err := s.accept(i, who)
				return err
			})
			_, joined := s.membership(t, who)
			if (errs[0] == nil) == (errs[1] == nil) || joined != (errs[1] == nil) {
				s.Errorf("revoke %v, accept %v, member %v", errs[0], errs[1], joined)
			}
		}
	}},
	{"several invitations to one address at once leave one open", func(s *stage) {
		who := s.person()
		t := s.tenant(s.person())
		all := make([]tenant.Invitation, many)
		for i := range all {
			all[i] = s.invitation(t, who.email, tenant.Member)
		}
		for _, err := range atOnce(many, func(i int) error { return s.Store.Invite(s.Context(), all[i]) }) {
			s.ok(err)
		}
		open, err := s.Store.Invitations(s.Context(), t.ID, now())
		s.ok(err)
		if len(open) != 1 {
			s.Errorf("%d are open, want one", len(open))
		}
		accepted := 0
		for _, i := range all {
			if _, err := s.accept(i, who); err == nil {
				accepted++
			}
		}
		if accepted != 1 {
			s.Errorf("%d can be accepted, want one", accepted)
		}
	}},
	{"owners who all leave at once leave one behind", func(s *stage) {
		for _, leave := range []func(t tenant.Tenant, who person) error{
			func(t tenant.Tenant, who person) error { return s.Store.Remove(s.Context(), t.ID, who.id) },
			func(t tenant.Tenant, who person) error {
				return s.Store.SetRole(s.Context(), t.ID, who.id, tenant.Member)
			},
		} {
			owners := []person{s.person()}
			t := s.tenant(owners[0])
			for range 7 {
				owners = append(owners, s.person())
				s.join(t, owners[len(owners)-1], tenant.Owner)
			}
			stayed := 0
			for _, err := range atOnce(len(owners), func(i int) error { return leave(t, owners[i]) }) {
				if err != nil {
					s.is(err, tenant.ErrLastOwner)
					stayed++
				}
			}
			left := 0
			for _, role := range s.roles(t) {
				if role == tenant.Owner {
					left++
				}
			}
			if stayed != 1 || left != 1 {
				s.Errorf("%d were kept and %d owners are left, want one", stayed, left)
			}
		}
	}},
	{"a tenant that is deleted while somebody joins keeps nobody", func(s *stage) {
		for range many {
			who := s.person()
			t := s.tenant(s.person())
			i := s.invite(t, who.email, tenant.Member)
			errs := atOnce(2, func(n int) error {
				if n == 0 {
					_, err := s.Store.Delete(s.Context(), t.ID)
					return err
				}
				_, err := s.accept(i, who)
				return err
			})
			s.ok(errs[0])
			if errs[1] != nil {
				s.is(errs[1], tenant.ErrInvitationUsed)
			}
			if all := s.memberships(who); len(all) != 1 || !all[0].Home {
				s.Errorf("belongs to %+v, want his home only", all)
			}
		}
	}},
	{"a tenant that is deleted several times at once is deleted once", func(s *stage) {
		t := s.tenant(s.person())
		s.one(atOnce(many, func(int) error { _, err := s.Store.Delete(s.Context(), t.ID); return err }), tenant.ErrNotFound)
	}},
}

// one checks that exactly one of several succeeded, and that the others know why they did not.
func (s *stage) one(errs []error, want error) {
	s.Helper()
	succeeded := 0
	for _, err := range errs {
		switch {
		case err == nil:
			succeeded++
		case !errors.Is(err, want):
			s.Errorf("got %v, want %v", err, want)
		}
	}
	if succeeded != 1 {
		s.Errorf("%d succeeded, want one", succeeded)
	}
}
