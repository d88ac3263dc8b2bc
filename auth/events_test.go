package auth_test

import (
	"testing"

	"github.com/google/uuid"

	"github.com/multiaccount-go/multiaccount"
	"github.com/multiaccount-go/multiaccount/auth"
)

// Guesses at one address are seen as such, from where they come, and the trail holds neither the address nor the password.
func TestTheTrailOfAGuesserLeadsToHim(t *testing.T) {
	s := newSite(t)
	alice := s.add("alice@example.com")
	agent := []string{"User-Agent", "guesser/1"}
	for _, typed := range []string{"alice@example.com", " ALICE@example.com", "nobody@example.com"} {
		v := s.visitor()
		form := fill(t, v.get("/session/new"), "/session", "email", typed, "password", "wrong")
		v.must(422, v.post("/session", form, agent...))
	}
	if len(s.events) != 3 {
		t.Fatalf("events %+v", s.events)
	}
	for i, e := range s.events {
		if e.Action != auth.ActionRefused || e.Code != auth.CodeWrongCredentials || e.IP == "" || e.Method != "POST" ||
			e.Route != "/session" || e.UserAgent != "guesser/1" || e.ID == uuid.Nil || !e.Time.Equal(s.now()) || e.Actor != "" {
			t.Errorf("event %d is %+v", i, e)
		}
	}
	first, second, other := s.events[0], s.events[1], s.events[2]
	if first.Named != multiaccount.Pseudonym("alice@example.com") || second.Named != first.Named || other.Named == first.Named {
		t.Errorf("named %q, %q and %q", first.Named, second.Named, other.Named)
	}
	if first.UserID != alice.ID || first.Account != alice.ID || other.UserID != "" {
		t.Errorf("about %q, %q and %q", first.UserID, first.Account, other.UserID)
	}
}

func TestAnEventSaysWhoActedOnWhichRoute(t *testing.T) {
	s := newSite(t)
	alice := s.add("alice@example.com")
	v := s.signedIn("alice@example.com")
	v.must(303, v.submit("/profile", "/profile", "name", "Alice"))
	if len(s.events) != 1 {
		t.Fatalf("events %+v", s.events)
	}
	if e := s.events[0]; e.Action != auth.ActionProfileChanged || e.Actor != alice.ID || e.Account != alice.ID || e.Route != "/profile" {
		t.Errorf("event %+v", e)
	}
}
