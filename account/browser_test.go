package account_test

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/multiaccount-go/multiaccount/account"
)

// clock is a time that a test moves. Its start is near to the real time, because a MemoryStore expires by the real one.
type clock struct{ now atomic.Int64 }

func newClock() *clock {
	c := &clock{}
	c.now.Store(time.Now().UnixMilli())
	return c
}

func (c *clock) Now() time.Time               { return time.UnixMilli(c.now.Load()) }
func (c *clock) Advance(d time.Duration)      { c.now.Add(d.Milliseconds()) }
func (c *clock) In(d time.Duration) time.Time { return c.Now().Add(d) }

// world is one session in a store, the browser that holds it, and a clock.
type world struct {
	*clock
	t      testing.TB
	store  *account.MemoryStore
	m      *account.Manager
	id     account.SessionID
	cookie account.Cookie
}

// newWorld saves the session that a picture shows; see picture. An open intent is of the current account.
func newWorld(t testing.TB, shown string, withIntent bool) *world {
	t.Helper()
	w := &world{clock: newClock(), t: t, store: account.NewMemoryStore(), cookie: account.NewCookie()}
	w.id = w.cookie.ID
	w.m = account.NewManager(w.store, account.Options{Now: w.Now})
	s := &account.Session{
		ID: w.id, Version: 7, Generation: 3, Tag: "tag", Reason: account.ReasonLinked, Secret: w.cookie.Secret.Digest(),
		StampKey: make([]byte, 32), Created: w.In(-time.Hour), Deadline: w.In(13 * 24 * time.Hour), Choice: "choice",
	}
	for i, token := range strings.Fields(shown) {
		name := strings.TrimRight(token, "*^-!~")
		l := account.Linked{
			Membership: membership(name), Account: name, Status: account.StatusActive, Method: "password",
			AuthenticatedAt: w.In(-time.Hour), LinkedAt: w.In(time.Duration(i-60) * time.Minute), Deadline: w.In(12 * 24 * time.Hour),
		}
		for _, mark := range token[len(name):] {
			switch mark {
			case '*':
				s.Current, s.Choice = l.Membership, ""
			case '^':
				s.Primary = l.Membership
			case '-':
				l.Status = account.StatusInactive
			case '!':
				l.Status = account.StatusSignedOut
			case '~':
				l.Deadline = w.In(-time.Second)
			}
		}
		s.Accounts = append(s.Accounts, l)
	}
	if withIntent {
		s.Intent = &account.Intent{By: s.Current, ReturnTo: "/from", Expires: w.In(10 * time.Minute)}
	}
	if err := w.store.Save(t.Context(), s, 24*time.Hour); err != nil {
		t.Fatalf("save: %v", err)
	}
	return w
}

// membership is the membership id of an account in a world.
func membership(name string) string { return "m-" + name }

// stored returns the session as the store has it, or nil.
func (w *world) stored() *account.Session {
	w.t.Helper()
	s, err := w.store.Load(w.t.Context(), w.id)
	if err != nil && !errors.Is(err, account.ErrNotFound) {
		w.t.Fatalf("load: %v", err)
	}
	return s
}

// load returns the session that the browser's cookie proves.
func (w *world) load() *account.Session {
	w.t.Helper()
	s, err := w.m.Load(w.t.Context(), w.cookie)
	if err != nil {
		w.t.Fatalf("load: %v", err)
	}
	return s
}

// change lets the browser ask for a transition and keep the cookie that it is given.
func (w *world) change(decide account.Transition) (account.Outcome, error) {
	w.t.Helper()
	out, err := w.m.Change(w.t.Context(), w.load(), w.cookie, decide)
	if out.Cookie != nil {
		w.cookie = *out.Cookie
	}
	return out, err
}

func (w *world) signIn(name string) (account.Outcome, error) {
	w.t.Helper()
	out, err := w.m.SignIn(w.t.Context(), w.load(), &w.cookie, name, "oauth2")
	if out.Cookie != nil {
		w.cookie = *out.Cookie
	}
	return out, err
}

func (w *world) switchTo(name string) (account.Outcome, error) {
	w.t.Helper()
	return w.change(switching(w.m, name))
}

func (w *world) signOut(name, next string) (account.Outcome, error) {
	w.t.Helper()
	return w.change(signingOut(name, next))
}

func (w *world) beginLink() (account.Outcome, error) {
	w.t.Helper()
	return w.change(beginning(w.m))
}

func switching(m *account.Manager, name string) account.Transition {
	return func(s *account.Session, now time.Time) (account.Effect, error) {
		return s.Switch(name, now, m.Options().SwitchesPerMinute)
	}
}

func signingOut(name, next string) account.Transition {
	return func(s *account.Session, now time.Time) (account.Effect, error) { return s.SignOut(name, next, now) }
}

func beginning(m *account.Manager) account.Transition {
	return func(s *account.Session, now time.Time) (account.Effect, error) {
		return s.BeginLink("/back", now, m.Options().IntentTTL, m.Options().MaxLinked, m.Options().LinksPerMinute)
	}
}

// picture draws the accounts of a session in the order of their links: * current, ^ primary, - inactive, ! signed out.
// An account whose time is over shows as signed out; ~ is for building one.
func picture(s *account.Session, now time.Time) string {
	if s == nil {
		return "ended"
	}
	var names []string
	for _, l := range s.Accounts {
		name := l.Account
		if l.Membership == s.Primary {
			name += "^"
		}
		if l.Membership == s.Current {
			name += "*"
		}
		switch l.StatusAt(now) {
		case account.StatusInactive:
			name += "-"
		case account.StatusSignedOut:
			name += "!"
		}
		names = append(names, name)
	}
	return strings.Join(names, " ")
}

// sameSession reports every field in which two sessions differ; time zones do not count.
func sameSession(got, want *account.Session) error {
	if got == nil || want == nil {
		if got != want {
			return fmt.Errorf("got %v, want %v", got, want)
		}
		return nil
	}
	var errs []error
	g, w := reflect.ValueOf(*utc(got)), reflect.ValueOf(*utc(want))
	for i := range g.NumField() {
		if a, b := g.Field(i).Interface(), w.Field(i).Interface(); !reflect.DeepEqual(a, b) {
			errs = append(errs, fmt.Errorf("%s: got %v, want %v", g.Type().Field(i).Name, a, b))
		}
	}
	return errors.Join(errs...)
}

// utc returns a copy with every time in UTC and in the precision of a record.
func utc(s *account.Session) *account.Session {
	c := s.Clone()
	times := []*time.Time{&c.Seen, &c.PreviousUntil, &c.Created, &c.Deadline, &c.Switches.Start}
	for i := range c.Accounts {
		l := &c.Accounts[i]
		times = append(times, &l.AuthenticatedAt, &l.LinkedAt, &l.Deadline)
	}
	if c.Intent != nil {
		times = append(times, &c.Intent.Expires)
	}
	for _, t := range times {
		if !t.IsZero() {
			*t = time.UnixMilli(t.UnixMilli()).UTC()
		}
	}
	return c
}
