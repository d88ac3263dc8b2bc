package authtest

import (
	"slices"
	"strings"
	"time"

	"github.com/multiaccount-go/multiaccount/auth"
	"github.com/multiaccount-go/multiaccount/tenant"
)

var lookups = []check{
	{"of several ids those that exist are found, inactive users too", func(s *stage) {
		a, b := s.user(), s.user()
		s.ok(s.Store.SetStatus(s.Context(), b.ID, auth.Inactive))
		found, err := s.Store.ByIDs(s.Context(), a.ID, "", "nobody", b.ID, a.ID)
		s.ok(err)
		if len(found) != 2 || found[a.ID].Email != a.Email || !found[a.ID].IsActive() ||
			found[b.ID].Email != b.Email || found[b.ID].IsActive() {
			s.Errorf("found %+v", found)
		}
		none, err := s.Store.ByIDs(s.Context())
		s.ok(err)
		if len(none) != 0 {
			s.Errorf("found %+v for no id", none)
		}
	}},
	{"a user is found by his address however it is spelled, with the hash of his password", func(s *stage) {
		r := registration()
		u := s.register(r)
		for _, spelled := range []string{r.Email, strings.ToUpper(r.Email), "\n" + r.Email + " "} {
			got, hash, err := s.Store.ByEmail(s.Context(), spelled)
			s.ok(err)
			if got.ID != u.ID || hash != r.PasswordHash {
				s.Errorf("%q: found %+v with hash %q", spelled, got, hash)
			}
		}
		_, _, err := s.Store.ByEmail(s.Context(), address())
		s.is(err, auth.ErrUnknown)
	}},
	{"a user without a password has an empty hash", func(s *stage) {
		r := registration()
		r.PasswordHash = ""
		s.register(r)
		_, hash, err := s.Store.ByEmail(s.Context(), r.Email)
		s.ok(err)
		if hash != "" {
			s.Errorf("hash %q", hash)
		}
	}},
	{"a user is found by his identities, exactly as they are written", func(s *stage) {
		r := registration()
		r.Identity = &auth.Identity{Provider: "https://id.example.com", Subject: word()}
		u := s.register(r)
		second := auth.Identity{Provider: "https://other.example.com", Subject: r.Identity.Subject}
		s.ok(s.Store.AddIdentity(s.Context(), u.ID, second))
		for _, i := range []auth.Identity{*r.Identity, second} {
			got, err := s.Store.ByIdentity(s.Context(), i)
			s.ok(err)
			if got.ID != u.ID {
				s.Errorf("%+v: found %+v", i, got)
			}
		}
		for _, i := range []auth.Identity{
			{Provider: r.Identity.Provider, Subject: strings.ToUpper(r.Identity.Subject)},
			{Provider: r.Identity.Provider + "/", Subject: r.Identity.Subject},
			{Provider: r.Identity.Provider, Subject: r.Identity.Subject + " "},
			{},
		} {
			_, err := s.Store.ByIdentity(s.Context(), i)
			s.is(err, auth.ErrUnknown)
		}
	}},
	{"the identities of a user are listed in order, and nobody else's", func(s *stage) {
		u, other := s.user(), s.user()
		var want []auth.Identity
		for _, i := range []auth.Identity{
			{Provider: "https://b.example.com", Subject: "1" + word()}, {Provider: "https://a.example.com", Subject: "2" + word()},
			{Provider: "https://a.example.com", Subject: "1" + word()},
		} {
			s.ok(s.Store.AddIdentity(s.Context(), u.ID, i))
			want = slices.Insert(want, 0, i)
		}
		s.ok(s.Store.AddIdentity(s.Context(), other.ID, auth.Identity{Provider: "https://a.example.com", Subject: word()}))
		if got := s.identities(u.ID); !slices.Equal(got, want) {
			s.Errorf("got %+v, want %+v", got, want)
		}
		for _, id := range []string{"", "nobody", "a\x00b"} {
			if got := s.identities(id); len(got) != 0 {
				s.Errorf("%q has %+v", id, got)
			}
		}
	}},
	{"nothing is found when the context has ended", func(s *stage) {
		u := s.user()
		if _, err := s.Store.ByIDs(s.ended(), u.ID); err == nil {
			s.Error("found by id")
		}
		if _, _, err := s.Store.ByEmail(s.ended(), u.Email); err == nil {
			s.Error("found by address")
		}
		if _, err := s.Store.Identities(s.ended(), u.ID); err == nil {
			s.Error("found identities")
		}
	}},
}

var changes = []check{
	{"an address can be changed, and the former one is free", func(s *stage) {
		u, to := s.user(), strings.ToUpper(address())
		s.ok(s.Store.SetEmail(s.Context(), u.ID, to))
		if got, _ := s.byID(u.ID); got.Email != to {
			s.Errorf("address is %q, want %q", got.Email, to)
		}
		if s.exists(u.Email) || !s.exists(strings.ToLower(to)) {
			s.Error("found by the former address, or not by the new one")
		}
		r := registration()
		r.Email = u.Email
		s.register(r)
	}},
	{"an address can be changed to another spelling of itself, and not to somebody else's", func(s *stage) {
		u, other := s.user(), s.user()
		s.ok(s.Store.SetEmail(s.Context(), u.ID, strings.ToUpper(u.Email)))
		s.is(s.Store.SetEmail(s.Context(), u.ID, strings.ToUpper(other.Email)), auth.ErrEmailTaken)
		if got, _ := s.byID(u.ID); got.Email != strings.ToUpper(u.Email) {
			s.Errorf("address is %q after the error", got.Email)
		}
	}},
	{"name, password and status can be changed, each alone", func(s *stage) {
		r := registration()
		u := s.register(r)
		s.ok(s.Store.SetName(s.Context(), u.ID, "Zoë O'Neil <b>"))
		s.ok(s.Store.SetPassword(s.Context(), u.ID, "another hash"))
		s.ok(s.Store.SetStatus(s.Context(), u.ID, auth.Inactive))
		got, hash, err := s.Store.ByEmail(s.Context(), r.Email)
		s.ok(err)
		if got.Name != "Zoë O'Neil <b>" || hash != "another hash" || got.Status != auth.Inactive ||
			got.Home != u.Home || got.Email != r.Email {
			s.Errorf("read %+v with hash %q", got, hash)
		}
		s.ok(s.Store.SetPassword(s.Context(), u.ID, ""))
		s.ok(s.Store.SetStatus(s.Context(), u.ID, auth.Active))
		if got, hash, _ := s.Store.ByEmail(s.Context(), r.Email); !got.IsActive() || hash != "" {
			s.Errorf("read %+v with hash %q", got, hash)
		}
	}},
	{"the hash of a password is made anew only while it is the former one", func(s *stage) { // for stores that can
		store, ok := s.Store.(auth.Rehasher)
		if !ok {
			return
		}
		r := registration()
		u := s.register(r)
		s.ok(store.Rehash(s.Context(), u.ID, r.PasswordHash, "a stronger one"))
		s.ok(store.Rehash(s.Context(), u.ID, r.PasswordHash, "one that comes too late"))
		if _, hash, _ := s.Store.ByEmail(s.Context(), r.Email); hash != "a stronger one" {
			s.Errorf("hash %q", hash)
		}
	}},
	{"an identity belongs to one user", func(s *stage) {
		u, other := s.user(), s.user()
		i := auth.Identity{Provider: "https://id.example.com", Subject: word()}
		s.ok(s.Store.AddIdentity(s.Context(), u.ID, i))
		s.ok(s.Store.AddIdentity(s.Context(), u.ID, i)) // is there already
		s.is(s.Store.AddIdentity(s.Context(), other.ID, i), auth.ErrIdentityTaken)
		if got, err := s.Store.ByIdentity(s.Context(), i); err != nil || got.ID != u.ID {
			s.Errorf("found %+v, %v", got, err)
		}
	}},
	{"an identity is taken from its user, and may be anybody's then", func(s *stage) {
		u, other := s.user(), s.user()
		i := auth.Identity{Provider: "https://id.example.com", Subject: word()}
		s.ok(s.Store.AddIdentity(s.Context(), u.ID, i))
		s.is(s.Store.RemoveIdentity(s.Context(), other.ID, i), auth.ErrUnknown)
		s.is(s.Store.RemoveIdentity(s.Context(), u.ID, auth.Identity{Provider: i.Provider, Subject: word()}), auth.ErrUnknown)
		s.is(s.Store.RemoveIdentity(s.Context(), u.ID, auth.Identity{Provider: "a\x00b", Subject: i.Subject}), auth.ErrUnknown)
		if got := s.identities(u.ID); len(got) != 1 || got[0] != i {
			s.Fatalf("has %+v after what must not remove it", got)
		}
		s.ok(s.Store.RemoveIdentity(s.Context(), u.ID, i))
		if got := s.identities(u.ID); len(got) != 0 {
			s.Errorf("has %+v", got)
		}
		_, err := s.Store.ByIdentity(s.Context(), i)
		s.is(err, auth.ErrUnknown)
		s.is(s.Store.RemoveIdentity(s.Context(), u.ID, i), auth.ErrUnknown)
		s.ok(s.Store.AddIdentity(s.Context(), other.ID, i))
	}},
	{"the last way of signing in is not taken from a user", func(s *stage) {
		for what, r := range map[string]func(*auth.Registration){
			"neither password nor address": func(r *auth.Registration) { r.PasswordHash, r.Email = "", "" },
			"an address and no password":   func(r *auth.Registration) { r.PasswordHash = "" },
			"a password and no address":    func(r *auth.Registration) { r.Email = "" },
		} {
			made := registration()
			r(&made)
			first := auth.Identity{Provider: "https://id.example.com", Subject: word()}
			second := auth.Identity{Provider: "https://other.example.com", Subject: word()}
			made.Identity = &first
			u := s.register(made)
			err := s.Store.RemoveIdentity(s.Context(), u.ID, first)
			s.is(err, auth.ErrLastWay)
			s.isNot(err, auth.ErrUnknown)
			if got := s.identities(u.ID); len(got) != 1 {
				s.Errorf("%s: has %+v after the error", what, got)
			}
			s.ok(s.Store.AddIdentity(s.Context(), u.ID, second))
			s.ok(s.Store.RemoveIdentity(s.Context(), u.ID, first))
			s.is(s.Store.RemoveIdentity(s.Context(), u.ID, second), auth.ErrLastWay)
			s.ok(s.Store.SetEmail(s.Context(), u.ID, address()))
			s.ok(s.Store.SetPassword(s.Context(), u.ID, "hash"))
			s.ok(s.Store.RemoveIdentity(s.Context(), u.ID, second))
		}
	}},
	{"nobody who does not exist is changed", func(s *stage) {
		for _, id := range []string{"", "nobody", "00000000-0000-0000-0000-000000000000", "a\x00b"} {
			s.is(s.Store.SetEmail(s.Context(), id, address()), auth.ErrUnknown)
			s.is(s.Store.SetName(s.Context(), id, "Name"), auth.ErrUnknown)
			s.is(s.Store.SetPassword(s.Context(), id, "hash"), auth.ErrUnknown)
			s.is(s.Store.SetStatus(s.Context(), id, auth.Inactive), auth.ErrUnknown)
			s.is(s.Store.AddIdentity(s.Context(), id, auth.Identity{Provider: "p", Subject: word()}), auth.ErrUnknown)
			s.is(s.Store.RemoveIdentity(s.Context(), id, auth.Identity{Provider: "p", Subject: word()}), auth.ErrUnknown)
			s.is(s.Store.Delete(s.Context(), id), auth.ErrUnknown)
		}
	}},
}

var deletions = []check{
	{"a user who is deleted is gone, with what hangs on him", func(s *stage) {
		r := registration()
		r.Tenant, r.Identity = s.name(), &auth.Identity{Provider: "https://id.example.com", Subject: word()}
		u := s.register(r)
		key := s.put("key", u.ID, 0)
		s.ok(s.Store.Delete(s.Context(), u.ID))
		if _, ok := s.byID(u.ID); ok || s.exists(u.Email) || len(s.memberships(u.ID)) > 0 {
			s.Error("the user is there still")
		}
		_, err := s.Store.ByIdentity(s.Context(), *r.Identity)
		s.is(err, auth.ErrUnknown)
		_, err = s.Store.Token(s.Context(), key.Purpose, key.Hash, now())
		s.is(err, auth.ErrUnknown)
		s.is(s.Store.Delete(s.Context(), u.ID), auth.ErrUnknown)
		again := s.register(r) // everything is free again
		if again.ID == u.ID {
			s.Error("a new user has the id of a deleted one")
		}
	}},
	{"a tenant with other members stays, and has an owner", func(s *stage) {
		u, t := s.owner()
		second := s.join(t, u, tenant.Admin, time.Minute)
		first := s.join(t, u, tenant.Member, 2*time.Minute)
		s.ok(s.Store.Delete(s.Context(), u.ID))
		members, err := s.Tenants.Members(s.Context(), t.ID)
		s.ok(err)
		roles := map[string]tenant.Role{}
		for _, m := range members {
			roles[m.UserID] = m.Role
		}
		if len(roles) != 2 || roles[first.ID] != tenant.Owner || roles[second.ID] != tenant.Admin {
			s.Errorf("roles %v, want %s as the owner", roles, first.ID)
		}
	}},
	{"a user who is deleted with his last tenant frees his address", func(s *stage) {
		u, t := s.owner()
		member := s.join(t, u, tenant.Member, 0)
		_, err := s.Tenants.Delete(s.Context(), t.ID)
		s.ok(err)
		for _, gone := range []auth.User{u, member} {
			if _, ok := s.byID(gone.ID); ok || s.exists(gone.Email) {
				s.Errorf("%s is there still", gone.Email)
			}
			s.ok(s.available(gone.Email, tenant.Name{}))
			r := registration()
			r.Email = gone.Email
			s.register(r)
		}
	}},
}
