package storetest

import (
	"bytes"
	"crypto/rand"
	"reflect"
	"testing"
	"time"

	"github.com/multiaccount-go/multiaccount/account"
)

// sample returns a session that no store has seen, with every field set that can be set while an account is current.
// Times are whole milliseconds, the precision of a record.
func sample() *account.Session {
	now := time.UnixMilli(time.Now().UnixMilli())
	c, previous := account.NewCookie(), account.NewCookie()
	return &account.Session{
		ID: c.ID, Version: 7, Generation: 3, Tag: rand.Text(), Reason: account.ReasonSwitched, Seen: now,
		Current: "second", Primary: "first",
		Accounts: []account.Linked{
			{Membership: "first", Account: "alice", Status: account.StatusActive, Method: "password",
				AuthenticatedAt: now.Add(-time.Hour), LinkedAt: now.Add(-2 * time.Hour), Deadline: now.Add(24 * time.Hour), Scope: "acme"},
			{Membership: "second", Account: "böb \x00\"'{}*\n", Status: account.StatusInactive, Method: "oauth2",
				AuthenticatedAt: now.Add(-time.Minute), LinkedAt: now.Add(-time.Minute), Deadline: now.Add(25 * time.Hour)},
		},
		Intent: &account.Intent{By: "first", Nonce: "a nonce", ReturnTo: "/inbox?page=2&q=ä", Expires: now.Add(10 * time.Minute)},
		Secret: c.Secret.Digest(), Previous: previous.Secret.Digest(), PreviousUntil: now.Add(10 * time.Second), Sealed: true,
		StampKey: bytes.Repeat([]byte{0, 0xff, '\r', '\n'}, 8),
		Device:   "Firefox on Linux",
		Created:  now.Add(-2 * time.Hour), Deadline: now.Add(48 * time.Hour),
		Switches: account.Window{Start: now.Add(-time.Second), Count: 2},
		Links:    account.Window{Start: now.Add(-3 * time.Second), Count: 4},
	}
}

// choosing returns a session in which no account is current.
func choosing() *account.Session {
	s := sample()
	s.Current, s.Choice, s.Intent = "", "open-choice", nil
	return s
}

// sole returns the smallest session: one account that has just signed in.
func sole() *account.Session {
	s := sample()
	s.Accounts, s.Current, s.Intent = s.Accounts[:1], "first", nil
	s.Previous, s.PreviousUntil, s.Sealed = account.Digest{}, time.Time{}, false
	s.Switches, s.Links = account.Window{}, account.Window{}
	return s
}

// same reports every field in which two sessions differ.
func same(t testing.TB, got, want *account.Session) {
	t.Helper()
	g, w := reflect.ValueOf(*got), reflect.ValueOf(*want)
	for i := range g.NumField() {
		if a, b := g.Field(i).Interface(), w.Field(i).Interface(); !reflect.DeepEqual(a, b) && !sameTime(a, b) {
			t.Errorf("%s: got %v, want %v", g.Type().Field(i).Name, a, b)
		}
	}
}

// sameTime forgives the time zone, which a record does not keep.
func sameTime(a, b any) bool {
	x, ok := a.(time.Time)
	y, also := b.(time.Time)
	return ok && also && x.Equal(y)
}

// copied returns a deep copy, to hold against what a store did with the original.
func copied(s *account.Session) *account.Session {
	c := *s
	c.Accounts = append([]account.Linked(nil), s.Accounts...)
	c.StampKey = bytes.Clone(s.StampKey)
	if s.Intent != nil {
		intent := *s.Intent
		c.Intent = &intent
	}
	return &c
}
