package account_test

import (
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/multiaccount-go/multiaccount/account"
)

// site is a store with several sessions.
type site struct {
	store *account.MemoryStore
	m     *account.Manager
}

// begin signs accounts in to one new session, the first as primary.
func (x site) begin(t *testing.T, names ...string) account.SessionID {
	t.Helper()
	out, err := x.m.SignIn(t.Context(), nil, nil, names[0], "password")
	if err != nil {
		t.Fatalf("sign in: %v", err)
	}
	cookie := *out.Cookie
	for _, name := range names[1:] {
		if out, err = x.m.Change(t.Context(), out.Session, cookie, beginning(x.m)); err != nil {
			t.Fatalf("begin: %v", err)
		}
		if out, err = x.m.SignIn(t.Context(), out.Session, &cookie, name, "password"); err != nil {
			t.Fatalf("sign in: %v", err)
		}
		cookie = *out.Cookie
	}
	return out.Session.ID
}

func newSite() site {
	store := account.NewMemoryStore()
	return site{store, account.NewManager(store, account.Options{})}
}

func (x site) sessionsOf(t *testing.T, name string) (ids []account.SessionID) {
	t.Helper()
	sessions, err := x.m.Sessions(t.Context(), name)
	if err != nil {
		t.Fatalf("sessions: %v", err)
	}
	for _, s := range sessions {
		ids = append(ids, s.ID)
	}
	return ids
}

func TestSessionsOfAnAccount(t *testing.T) {
	x := newSite()
	alone, linked, other := x.begin(t, "b"), x.begin(t, "a", "b"), x.begin(t, "a", "c")
	got := x.sessionsOf(t, "b")
	if len(got) != 2 || !slices.Contains(got, alone) || !slices.Contains(got, linked) || slices.Contains(got, other) {
		t.Errorf("got %v, want %v and %v", got, alone, linked)
	}
	if _, err := x.m.ChangeByID(t.Context(), linked, signingOut("b", "")); err != nil {
		t.Fatalf("sign out: %v", err)
	}
	if _, err := x.m.End(t.Context(), alone); err != nil {
		t.Fatalf("end: %v", err)
	}
	if got := x.sessionsOf(t, "b"); len(got) != 0 {
		t.Errorf("after it left: got %v, want none", got)
	}
}

func TestEverywhere(t *testing.T) {
	x := newSite()
	alone, linked, other := x.begin(t, "b"), x.begin(t, "a", "b"), x.begin(t, "a")
	outcomes, err := x.m.Everywhere(t.Context(), "b", func(s *account.Session, l *account.Linked, _ time.Time) (account.Effect, error) {
		if l.Account != "b" {
			t.Errorf("asked about %s", l.Account)
		}
		return s.Revoke(l.Membership)
	})
	if err != nil || len(outcomes) != 2 {
		t.Fatalf("got %d outcomes, %v", len(outcomes), err)
	}
	for id, want := range map[account.SessionID]string{alone: "ended", linked: "a^ b!", other: "a^*"} {
		s, err := x.m.LoadByID(t.Context(), id)
		if err != nil && !errors.Is(err, account.ErrNotFound) {
			t.Fatalf("load: %v", err)
		}
		if got := picture(s, time.Now()); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestEverywhereGoesOnAfterAnError(t *testing.T) {
	x := newSite()
	for range 3 {
		x.begin(t, "a", "b")
	}
	gone := x.begin(t, "b")
	errRefused := errors.New("not this one")
	var asked int
	outcomes, err := x.m.Everywhere(t.Context(), "b", func(s *account.Session, l *account.Linked, _ time.Time) (account.Effect, error) {
		if asked++; asked == 1 {
			// Another session ends while the sweep is under way.
			if err := x.store.Delete(t.Context(), gone, account.ReasonSignedOut); err != nil {
				t.Errorf("delete: %v", err)
			}
			return account.Effect{}, errRefused
		}
		return s.Deactivate(l.Membership)
	})
	if !errors.Is(err, errRefused) || errors.Is(err, account.ErrNotFound) {
		t.Errorf("got %v, want the one refusal", err)
	}
	for _, out := range outcomes {
		if l := out.Session.Find("b"); l.Status != account.StatusInactive {
			t.Errorf("got %q, want inactive", l.Status)
		}
	}
	if len(outcomes) < 2 || len(outcomes) > 3 {
		t.Errorf("got %d outcomes, want those of the other sessions", len(outcomes))
	}
}

// plain is a store without optional powers.
type plain struct{ account.Store }

func TestAStoreWithoutPowers(t *testing.T) {
	x := newSite()
	id, other := x.begin(t, "a", "b"), x.begin(t, "c")
	m := account.NewManager(plain{x.store}, account.Options{})
	if _, err := m.Sessions(t.Context(), "a"); !errors.Is(err, account.ErrNoIndex) {
		t.Errorf("sessions: got %v, want ErrNoIndex", err)
	}
	if _, err := m.Everywhere(t.Context(), "a", nil); !errors.Is(err, account.ErrNoIndex) {
		t.Errorf("everywhere: got %v, want ErrNoIndex", err)
	}
	missing := account.NewCookie().ID
	got, err := m.LoadMany(t.Context(), []account.SessionID{id, missing, other})
	if err != nil || len(got) != 3 || got[0].ID != id || got[1] != nil || got[2].ID != other {
		t.Errorf("load many: got %v, %v", got, err)
	}
	if _, err := m.SignIn(t.Context(), nil, nil, "a", "password"); err != nil {
		t.Errorf("sign in: got %v", err)
	}
}

func TestAnAccountIsFoundableBeforeItIsLinked(t *testing.T) {
	w := newWorld(t, "a^*", true)
	finish := slowly(w, signingIn("b")) // held before its save
	ids, err := w.store.SessionsOf(t.Context(), "b")
	if err != nil || !slices.Contains(ids, w.id) {
		t.Errorf("got %v, %v: a sign-out everywhere would miss the session", ids, err)
	}
	if held, err := w.m.Sessions(t.Context(), "b"); err != nil || len(held) != 0 {
		t.Errorf("got %v, %v, want none: it does not hold the account yet", held, err)
	}
	if _, err := finish(); err != nil {
		t.Fatalf("sign in: %v", err)
	}
	if held, err := w.m.Sessions(t.Context(), "b"); err != nil || len(held) != 1 {
		t.Errorf("got %v, %v, want the session", held, err)
	}
}

func TestAnAccountStaysFoundableWhileTheSessionLives(t *testing.T) {
	w := newWorld(t, "a^* b", false)
	store := &enlisting{MemoryStore: w.store}
	w.m = account.NewManager(store, account.Options{Now: w.Now})
	w.Advance(24 * time.Hour)
	out, err := w.signIn("a")
	if err != nil {
		t.Fatalf("sign in: %v", err)
	}
	for _, name := range []string{"a", "b"} {
		if got := store.until[name]; !got.Equal(out.Session.Deadline) {
			t.Errorf("%s: enlisted until %v, want %v", name, got, out.Session.Deadline)
		}
	}
	store.until = nil
	if _, err := w.switchTo("b"); err != nil || len(store.until) > 0 {
		t.Errorf("got %v and %v, want a switch to leave the index alone", err, store.until)
	}
}

func TestTouch(t *testing.T) {
	w := newWorld(t, "a^*", false)
	if _, err := w.beginLink(); err != nil { // the manager has seen it now
		t.Fatalf("begin: %v", err)
	}
	if s := w.load(); w.m.NeedsTouch(s) {
		t.Error("needs a touch at once")
	}
	w.Advance(w.m.Options().Idle/20 - time.Millisecond)
	if s := w.load(); w.m.NeedsTouch(s) {
		t.Error("needs a touch before a twentieth of the idle time")
	}
	w.Advance(time.Millisecond)
	before := w.load()
	if !w.m.NeedsTouch(before) {
		t.Error("needs no touch after a twentieth of the idle time")
	}
	if err := w.m.Touch(t.Context(), before); err != nil {
		t.Fatalf("touch: %v", err)
	}
	after := w.load()
	if w.m.NeedsTouch(after) || !after.Seen.Equal(w.Now()) {
		t.Errorf("seen: got %v, want %v", after.Seen, w.Now())
	}
	after.Seen = before.Seen
	if err := sameSession(after, before); err != nil {
		t.Errorf("a touch changed more than when it was seen: %v", err)
	}
}

func TestATouchThatWaitedDoesNotShortenARenewedSession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := account.NewManager(account.NewMemoryStore(), account.Options{Idle: time.Hour, Lifetime: time.Hour})
		out, err := m.SignIn(t.Context(), nil, nil, "a", "password")
		if err != nil {
			t.Fatalf("sign in: %v", err)
		}
		time.Sleep(59 * time.Minute)
		waiting := out.Session // has a minute left
		if out, err = m.SignIn(t.Context(), waiting, out.Cookie, "a", "password"); err != nil {
			t.Fatalf("sign in again: %v", err)
		}
		if err := m.Touch(t.Context(), waiting); err != nil {
			t.Fatalf("touch: %v", err)
		}
		time.Sleep(2 * time.Minute)
		if _, err := m.Load(t.Context(), *out.Cookie); err != nil {
			t.Errorf("got %v, want the session to live on for an hour", err)
		}
	})
}
