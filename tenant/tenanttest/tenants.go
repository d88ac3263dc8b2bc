package tenanttest

import (
	"slices"
	"strings"
	"time"

	"github.com/multiaccount-go/multiaccount/tenant"
)

const unknown = "00000000-0000-4000-8000-000000000000"

var tenants = []check{
	{"a user begins with a private space that is his home", func(s *stage) {
		all := s.memberships(s.person())
		if len(all) != 1 || !all[0].Home || all[0].Tenant.Name != "" || all[0].Role != tenant.Owner || !all[0].Tenant.IsActive() {
			s.Errorf("got %+v", all)
		}
	}},
	{"a tenant is created with its owner", func(s *stage) {
		who, name, before := s.person(), s.name("Acme"), now()
		t, err := s.Store.Create(s.Context(), name, who.id)
		s.ok(err)
		if t.ID == "" || t.Name != name.String() || t.Status != tenant.Active || away(t.Created, before) {
			s.Errorf("created %+v, want the name %q, active, now", t, name)
		}
		members := s.members(t)
		if len(members) != 1 {
			s.Fatalf("members %+v, want the owner", members)
		}
		m := members[0]
		if m.UserID != who.id || m.Role != tenant.Owner || m.Home || m.Tenant.ID != t.ID || m.Tenant.Name != t.Name || away(m.Joined, before) {
			s.Errorf("member %+v, want the owner, at home elsewhere", m)
		}
		if mine, ok := s.membership(t, who); !ok || mine.Role != tenant.Owner || mine.UserID != who.id || mine.Tenant.Name != t.Name {
			s.Errorf("the owner's membership is %+v", mine)
		}
	}},
	{"a tenant needs a user who exists", func(s *stage) {
		name := s.name("Acme")
		if _, err := s.Store.Create(s.Context(), name, unknown); err == nil {
			s.Error("a tenant of nobody was created")
		}
		_, err := s.Store.Create(s.Context(), name, s.person().id)
		s.ok(err) // the name is free
	}},
	{"names are compared by their keys", func(s *stage) {
		w := word()
		_, err := s.Store.Create(s.Context(), s.parse("Modern "+w), s.person().id)
		s.ok(err)
		for _, typed := range []string{"Modern " + w, "MODERN  " + strings.ToUpper(w), "modem " + w, "Ｍodern " + w} {
			owner := s.person()
			_, err := s.Store.Create(s.Context(), s.parse(typed), owner.id)
			s.is(err, tenant.ErrNameTaken)
			if all := s.memberships(owner); len(all) != 1 {
				s.Errorf("%q is taken, but its owner belongs to %+v", typed, all)
			}
		}
	}},
	{"a tenant is renamed", func(s *stage) {
		who := s.person()
		t, other := s.tenant(who), s.tenant(s.person())
		to := s.name("Globex")
		s.ok(s.Store.Rename(s.Context(), t.ID, to))
		if m, _ := s.membership(t, who); m.Tenant.Name != to.String() {
			s.Errorf("name is %q, want %q", m.Tenant.Name, to)
		}
		s.is(s.Store.Rename(s.Context(), other.ID, to), tenant.ErrNameTaken)
		s.ok(s.Store.Rename(s.Context(), t.ID, s.parse(strings.ToUpper(to.String())))) // its own name, in capitals
		_, err := s.Store.Create(s.Context(), s.parse(t.Name), s.person().id)
		s.ok(err) // the former name is free
		s.is(s.Store.Rename(s.Context(), unknown, s.name("Acme")), tenant.ErrNotFound)
	}},
	{"a private space becomes a tenant with a name", func(s *stage) {
		who := s.person()
		name := s.name("Acme")
		s.ok(s.Store.Rename(s.Context(), s.home(who).ID, name))
		if got := s.home(who).Name; got != name.String() {
			s.Errorf("name is %q, want %q", got, name)
		}
	}},
	{"a tenant is suspended and made active again", func(s *stage) {
		who := s.person()
		t := s.tenant(who)
		for _, to := range []tenant.Status{tenant.Suspended, tenant.Suspended, tenant.Active} {
			s.ok(s.Store.SetStatus(s.Context(), t.ID, to))
			if m, ok := s.membership(t, who); !ok || m.Tenant.Status != to {
				s.Errorf("membership %+v, want status %s", m, to)
			}
			if all := s.members(t); len(all) != 1 || all[0].Tenant.Status != to {
				s.Errorf("members %+v, want one, status %s", all, to)
			}
		}
		s.is(s.Store.SetStatus(s.Context(), unknown, tenant.Suspended), tenant.ErrNotFound)
	}},
	{"a tenant is deleted with those who belong to nothing else", func(s *stage) { // PT-04
		resident, guest, outsider := s.person(), s.person(), s.person()
		other := s.tenant(outsider, guest)
		t := s.tenant(resident, guest)
		s.move(resident, t)
		_, err := s.Store.Delete(s.Context(), s.home(guest).ID) // now at home in one of the two
		s.ok(err)
		open := s.invite(t, word()+"@example.com", tenant.Member)
		deleted, err := s.Store.Delete(s.Context(), t.ID)
		s.ok(err)
		if !slices.Equal(deleted, []string{resident.id}) {
			s.Errorf("deleted %v, want %v", deleted, resident.id)
		}
		for who, want := range map[person]bool{resident: false, guest: true, outsider: true} {
			if got := s.HasUser(s, who.id); got != want {
				s.Errorf("user exists: %v, want %v", got, want)
			}
		}
		if all := s.memberships(resident); len(all) != 0 {
			s.Errorf("who was deleted belongs to %+v", all)
		}
		if members := s.members(t); len(members) != 0 {
			s.Errorf("members of a deleted tenant: %+v", members)
		}
		_, _, err = s.Store.Invitation(s.Context(), open.Hash, now())
		s.is(err, tenant.ErrInvitationUsed)
		if got := s.home(guest); got.ID != other.ID {
			s.Errorf("home is %q, want the tenant that is left", got.Name)
		}
		_, err = s.Store.Create(s.Context(), s.parse(t.Name), outsider.id)
		s.ok(err) // the name is free
		_, err = s.Store.Delete(s.Context(), t.ID)
		s.is(err, tenant.ErrNotFound)
	}},
	{"who loses his home by a deletion gets another", func(s *stage) {
		who := s.person()
		first := s.tenant(who)
		s.move(who, first)
		second := s.tenant(who)
		deleted, err := s.Store.Delete(s.Context(), first.ID)
		s.ok(err)
		if len(deleted) != 0 || s.home(who).ID != second.ID {
			s.Errorf("deleted %v, home %q, want nobody and %q", deleted, s.home(who).Name, second.Name)
		}
	}},
	{"a user belongs to his home first, then by name", func(s *stage) {
		who := s.person()
		for i, prefix := range []string{"dd", "aa", "ee", "cc", "bb"} {
			made, err := s.Store.Create(s.Context(), s.name(prefix), who.id)
			s.ok(err)
			if i == 0 {
				s.move(who, made)
			}
		}
		order := ""
		for _, m := range s.memberships(who) {
			order += m.Tenant.Name[:2] + "|"
		}
		if order != "dd|aa|bb|cc|ee|" {
			s.Errorf("order %s", order)
		}
	}},
	{"nobody and nothing are empty, whatever an address bar says", func(s *stage) {
		if all := s.memberships(person{id: unknown}); len(all) != 0 {
			s.Errorf("memberships of nobody: %+v", all)
		}
		if all := s.members(tenant.Tenant{ID: unknown}); len(all) != 0 {
			s.Errorf("members of nothing: %+v", all)
		}
		for _, junk := range []string{"", "'; DROP TABLE tenants; --", strings.Repeat("x", 5000), "\x00"} {
			if all := s.memberships(person{id: junk}); len(all) != 0 {
				s.Errorf("memberships of %.20q: %+v", junk, all)
			}
			s.is(s.Store.Rename(s.Context(), junk, s.name("Acme")), tenant.ErrNotFound)
		}
	}},
	{"a context that has ended ends every method", func(s *stage) {
		who := s.person()
		t, ctx := s.tenant(who), ended(s)
		i := s.invite(t, word()+"@example.com", tenant.Member)
		for method, call := range map[string]func() error{
			"Memberships": func() error { _, err := s.Store.Memberships(ctx, who.id); return err },
			"Members":     func() error { _, err := s.Store.Members(ctx, t.ID); return err },
			"Create":      func() error { _, err := s.Store.Create(ctx, s.name("Acme"), who.id); return err },
			"Rename":      func() error { return s.Store.Rename(ctx, t.ID, s.name("Acme")) },
			"SetStatus":   func() error { return s.Store.SetStatus(ctx, t.ID, tenant.Suspended) },
			"Delete":      func() error { _, err := s.Store.Delete(ctx, t.ID); return err },
			"SetRole":     func() error { return s.Store.SetRole(ctx, t.ID, who.id, tenant.Owner) },
			"Remove":      func() error { return s.Store.Remove(ctx, t.ID, who.id) },
			"Invite":      func() error { return s.Store.Invite(ctx, s.invitation(t, "a@example.com", tenant.Member)) },
			"Invitations": func() error { _, err := s.Store.Invitations(ctx, t.ID, now()); return err },
			"Revoke":      func() error { return s.Store.Revoke(ctx, t.ID, i.ID) },
			"Invitation":  func() error { _, _, err := s.Store.Invitation(ctx, i.Hash, now()); return err },
			"Accept":      func() error { _, err := s.Store.Accept(ctx, i.Hash, who.id, i.Email, now()); return err },
		} {
			if call() == nil {
				s.Errorf("%s goes on without its context", method)
			}
		}
		if m, ok := s.membership(t, who); !ok || !m.Tenant.IsActive() || m.Tenant.Name != t.Name {
			s.Errorf("something was done: %+v", m)
		}
	}},
}

// away reports whether a time is not about now.
func away(at, now time.Time) bool { return at.Sub(now).Abs() > time.Minute }
