package authtest

import (
	"time"

	"github.com/multiaccount-go/multiaccount/auth"
	"github.com/multiaccount-go/multiaccount/tenant"
)

// put keeps a token of an hour that was made some time ago.
func (s *stage) put(purpose auth.Purpose, userID string, ago time.Duration) auth.Token {
	s.Helper()
	t := auth.Token{
		ID: word(), Purpose: purpose, Hash: auth.Hash(tenant.NewSecret().Hash()), UserID: userID, Data: "data of " + word(),
		Created: now().Add(-ago), Expires: now().Add(time.Hour),
	}
	s.ok(s.Store.PutToken(s.Context(), t))
	return t
}

// same reports whether a token is what was put. Databases give times back in a zone of their own.
func same(got, want auth.Token) bool {
	times := got.Created.Equal(want.Created) && got.Expires.Equal(want.Expires)
	got.Created, got.Expires = want.Created, want.Expires
	return times && got == want
}

var tokens = []check{
	{"a token is found as it was put, as often as it is looked for", func(s *stage) {
		for _, userID := range []string{s.user().ID, ""} {
			want := s.put("link", userID, 0)
			for range 2 {
				got, err := s.Store.Token(s.Context(), want.Purpose, want.Hash, now())
				s.ok(err)
				if !same(got, want) {
					s.Errorf("got %+v, want %+v", got, want)
				}
			}
		}
	}},
	{"a token can be taken once", func(s *stage) {
		want := s.put("link", s.user().ID, 0)
		got, err := s.Store.TakeToken(s.Context(), want.Purpose, want.Hash, now())
		s.ok(err)
		if !same(got, want) {
			s.Errorf("got %+v, want %+v", got, want)
		}
		_, err = s.Store.TakeToken(s.Context(), want.Purpose, want.Hash, now())
		s.is(err, auth.ErrUnknown)
		_, err = s.Store.Token(s.Context(), want.Purpose, want.Hash, now())
		s.is(err, auth.ErrUnknown)
	}},
	{"a token of one purpose is none of another", func(s *stage) {
		u := s.user()
		t := s.put("link", u.ID, 0)
		_, err := s.Store.Token(s.Context(), "key", t.Hash, now())
		s.is(err, auth.ErrUnknown)
		_, err = s.Store.TakeToken(s.Context(), "key", t.Hash, now())
		s.is(err, auth.ErrUnknown)
		s.is(s.Store.DropToken(s.Context(), "key", u.ID, t.ID), auth.ErrUnknown)
		if all, err := s.Store.Tokens(s.Context(), "key", u.ID, now()); err != nil || len(all) != 0 {
			s.Errorf("listed %+v, %v", all, err)
		}
		_, err = s.Store.TakeToken(s.Context(), t.Purpose, t.Hash, now())
		s.ok(err)
	}},
	{"a token that has expired is gone", func(s *stage) {
		u := s.user()
		t := s.put("link", u.ID, 0)
		_, err := s.Store.Token(s.Context(), t.Purpose, t.Hash, t.Expires)
		s.is(err, auth.ErrUnknown)
		_, err = s.Store.TakeToken(s.Context(), t.Purpose, t.Hash, t.Expires)
		s.is(err, auth.ErrUnknown)
		if all, err := s.Store.Tokens(s.Context(), t.Purpose, u.ID, t.Expires); err != nil || len(all) != 0 {
			s.Errorf("listed %+v, %v", all, err)
		}
		_, err = s.Store.Token(s.Context(), t.Purpose, t.Hash, t.Expires.Add(-time.Second))
		s.ok(err)
	}},
	{"a hash that nobody put is unknown", func(s *stage) {
		_, err := s.Store.TakeToken(s.Context(), "link", auth.Hash{}, now())
		s.is(err, auth.ErrUnknown)
		_, err = s.Store.Token(s.Context(), "link", auth.Hash(tenant.NewSecret().Hash()), now())
		s.is(err, auth.ErrUnknown)
	}},
	{"the tokens of a user are his own, the newest first", func(s *stage) {
		u, other := s.user(), s.user()
		old, newest, middle := s.put("key", u.ID, 3*time.Minute), s.put("key", u.ID, 0), s.put("key", u.ID, time.Minute)
		s.put("key", other.ID, 0)
		s.put("key", "", 0)
		all, err := s.Store.Tokens(s.Context(), "key", u.ID, now())
		s.ok(err)
		if len(all) != 3 || all[0].ID != newest.ID || all[1].ID != middle.ID || all[2].ID != old.ID {
			s.Errorf("listed %+v", all)
		}
	}},
	{"a token is dropped by its user only", func(s *stage) {
		u, other := s.user(), s.user()
		t := s.put("key", u.ID, 0)
		s.is(s.Store.DropToken(s.Context(), t.Purpose, other.ID, t.ID), auth.ErrUnknown)
		s.is(s.Store.DropToken(s.Context(), t.Purpose, "", t.ID), auth.ErrUnknown)
		s.ok(s.Store.DropToken(s.Context(), t.Purpose, u.ID, t.ID))
		s.is(s.Store.DropToken(s.Context(), t.Purpose, u.ID, t.ID), auth.ErrUnknown)
		_, err := s.Store.Token(s.Context(), t.Purpose, t.Hash, now())
		s.is(err, auth.ErrUnknown)
	}},
}
