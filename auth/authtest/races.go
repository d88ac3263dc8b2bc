package authtest

import (
	"strings"

	"github.com/multiaccount-go/multiaccount/auth"
	"github.com/multiaccount-go/multiaccount/tenant"
)

var races = []check{
	{"of several who register with one name at once, one does", func(s *stage) { // TN-04
		typed := "Modern " + word()
		alike := strings.Replace(typed, "Modern", "modem", 1)
		names := []tenant.Name{s.parse(typed), s.parse(strings.ToUpper(typed)), s.parse(alike)}
		emails := make([]string, many)
		errs := atOnce(func(i int) error {
			r := registration()
			r.Tenant, emails[i] = names[i%len(names)], r.Email
			_, err := s.Store.Register(s.Context(), r)
			return err
		})
		winner := s.one(errs, tenant.ErrNameTaken)
		for i, email := range emails {
			if s.exists(email) != (i == winner) {
				s.Errorf("error %v, and the user exists: %v", errs[i], i != winner)
			}
		}
	}},
	{"of several who register with one address at once, one does, and the names of the others are free", func(s *stage) {
		email := address()
		names := make([]tenant.Name, many)
		for i := range names {
			names[i] = s.name()
		}
		winner := s.one(atOnce(func(i int) error {
			r := registration()
			r.Email, r.Tenant = email, names[i]
			_, err := s.Store.Register(s.Context(), r)
			return err
		}), auth.ErrEmailTaken)
		for i, name := range names {
			if err := s.available("", name); (err == nil) == (i == winner) {
				s.Errorf("name of try %d, which won: %v: %v", i, i == winner, err)
			}
		}
	}},
	{"of several who register with one invitation at once, one does", func(s *stage) {
		owner, t := s.owner()
		r := registration()
		r.Invitation = s.invite(t, owner, r.Email, tenant.Member)
		errs := atOnce(func(int) error {
			_, err := s.Store.Register(s.Context(), r)
			return err
		})
		registered := 0
		for _, err := range errs {
			if err == nil {
				registered++
			}
		}
		members, err := s.Tenants.Members(s.Context(), t.ID)
		s.ok(err)
		if registered != 1 || len(members) != 2 {
			s.Errorf("%d registered, members %+v", registered, members)
		}
	}},
	{"of several who take a token at once, one does", func(s *stage) {
		t := s.put("link", s.user().ID, 0)
		s.one(atOnce(func(int) error {
			_, err := s.Store.TakeToken(s.Context(), t.Purpose, t.Hash, now())
			return err
		}), auth.ErrUnknown)
	}},
	{"of several who add one identity at once, one does", func(s *stage) {
		i := auth.Identity{Provider: "https://id.example.com", Subject: word()}
		users := make([]auth.User, many)
		for n := range users {
			users[n] = s.user()
		}
		add := func(n int) error { return s.Store.AddIdentity(s.Context(), users[n].ID, i) }
		winner := s.one(atOnce(add), auth.ErrIdentityTaken)
		if got, err := s.Store.ByIdentity(s.Context(), i); err != nil || got.ID != users[winner].ID {
			s.Errorf("found %+v, %v", got, err)
		}
	}},
	{"of all identities of a user that are taken at once, one stays", func(s *stage) {
		r := registration()
		r.PasswordHash = ""
		u := s.register(r)
		all := make([]auth.Identity, many)
		for n := range all {
			all[n] = auth.Identity{Provider: "https://id.example.com", Subject: word()}
			s.ok(s.Store.AddIdentity(s.Context(), u.ID, all[n]))
		}
		refused := 0
		for _, err := range atOnce(func(n int) error { return s.Store.RemoveIdentity(s.Context(), u.ID, all[n]) }) {
			if err != nil {
				s.is(err, auth.ErrLastWay)
				refused++
			}
		}
		if got := s.identities(u.ID); len(got) != 1 || refused != 1 {
			s.Errorf("%d calls were refused and %d identities stay, want one of each", refused, len(got))
		}
	}},
	{"a user who is deleted several times at once is deleted once", func(s *stage) {
		u := s.user()
		s.one(atOnce(func(int) error { return s.Store.Delete(s.Context(), u.ID) }), auth.ErrUnknown)
	}},
}
