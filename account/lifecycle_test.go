package account_test

import (
	"errors"
	"testing"
	"time"

	"github.com/multiaccount-go/multiaccount/account"
)

func TestSignInOfAnAnonymousVisitor(t *testing.T) {
	store := account.NewMemoryStore()
	m := account.NewManager(store, account.Options{})
	out, err := m.SignIn(t.Context(), nil, nil, "a", "password")
	if err != nil {
		t.Fatalf("sign in: %v", err)
	}
	if out.Effect.Action != "session.created" || out.Before != nil || out.Cookie == nil {
		t.Fatalf("got %+v", out)
	}
	s, err := m.Load(t.Context(), *out.Cookie)
	if err != nil {
		t.Fatalf("load: %v", err)
	}
	if err := sameSession(s, out.Session); err != nil {
		t.Errorf("the outcome is not what was saved: %v", err)
	}
	if got := picture(s, m.Now()); got != "a^*" || s.State() != single || s.Version != s.Created.UnixMilli() || s.Generation != 1 || s.Intent != nil {
		t.Errorf("got %q, state %q, version %d, generation %d, intent %v", got, s.State(), s.Version, s.Generation, s.Intent)
	}
	if got := s.Deadline.Sub(s.Created); got != m.Options().Lifetime {
		t.Errorf("life: got %v, want %v", got, m.Options().Lifetime)
	}
}

func TestSignInOfAnotherAccountWithoutIntentReplacesTheSession(t *testing.T) {
	for _, given := range []string{"a^*", "a^ b*", "a^ b"} {
		t.Run(given, func(t *testing.T) {
			w := newWorld(t, given, false)
			before, old := w.stored(), w.cookie
			out, err := w.signIn("c")
			if err != nil {
				t.Fatalf("sign in: %v", err)
			}
			if out.Effect.Action != "session.replaced" || out.Cookie == nil || out.Before == nil || out.Before.ID != old.ID {
				t.Errorf("got %+v", out)
			}
			if s := w.stored(); s != nil {
				t.Errorf("the old session is still there: %q", picture(s, w.Now()))
			}
			s := w.load()
			if got := picture(s, w.Now()); got != "c^*" || s.ID == before.ID || string(s.StampKey) == string(before.StampKey) {
				t.Errorf("new session: got %q, id %v", got, s.ID)
			}
			if w.cookie.Secret == old.Secret {
				t.Error("the secret of the old session serves the new one")
			}
		})
	}
}

func TestSignInWithACookieThatDiedMeanwhileIsRefused(t *testing.T) {
	w := newWorld(t, "a^* b", true)
	s, stolen := w.load(), w.cookie
	if _, err := w.switchTo("b"); err != nil {
		t.Fatalf("switch: %v", err)
	}
	w.Advance(time.Minute)
	before := w.stored()
	out, err := w.m.SignIn(t.Context(), s, &stolen, "mallory", "password")
	if !errors.Is(err, account.ErrStaleSecret) || out != (account.Outcome{}) {
		t.Fatalf("got %+v, %v, want ErrStaleSecret alone: the session would live on without a browser", out, err)
	}
	if err := sameSession(w.stored(), before); err != nil {
		t.Errorf("the session changed: %v", err)
	}
}

// cancelling drops the intent.
func cancelling(s *account.Session, _ time.Time) (account.Effect, error) { return s.CancelLink(), nil }

func TestARotatedSecretChangesNothing(t *testing.T) {
	asks := map[string]func(m *account.Manager) account.Transition{
		"switch":                 func(m *account.Manager) account.Transition { return switching(m, "b") },
		"switch to the current":  func(m *account.Manager) account.Transition { return switching(m, "c") },
		"sign out":               func(*account.Manager) account.Transition { return signingOut("b", "") },
		"sign out for another":   func(*account.Manager) account.Transition { return signingOut("a", "b") },
		"begin to link":          beginning,
		"cancel, of a new page":  func(*account.Manager) account.Transition { return cancelling },
		"end, by any transition": func(*account.Manager) account.Transition { return ending },
	}
	for sentence, ask := range asks {
		t.Run(sentence, func(t *testing.T) {
			w := newWorld(t, "a^* b c", true)
			slow, old := w.load(), w.cookie
			if _, err := w.switchTo("c"); err != nil {
				t.Fatalf("switch: %v", err)
			}
			if _, err := w.beginLink(); err != nil {
				t.Fatalf("begin: %v", err)
			}
			before := w.stored()
			within, err := w.m.Load(t.Context(), old)
			if !errors.Is(err, account.ErrStaleSecret) || within == nil {
				t.Fatalf("load within the grace: got %v, %v", within, err)
			}
			if _, err := w.m.Change(t.Context(), within, old, ask(w.m)); !errors.Is(err, account.ErrStaleSecret) {
				t.Errorf("within the grace: got %v, want ErrStaleSecret", err)
			}
			if out, err := w.m.Change(t.Context(), slow, old, ask(w.m)); !errors.Is(err, account.ErrStaleSecret) && out.Effect.Action != "" {
				t.Errorf("loaded before the rotation: got %+v, %v, want ErrStaleSecret", out.Effect, err)
			}
			w.Advance(w.m.Options().Grace)
			if _, err := w.m.Change(t.Context(), within, old, ask(w.m)); !errors.Is(err, account.ErrNotFound) {
				t.Errorf("after the grace: got %v, want ErrNotFound", err)
			}
			if err := sameSession(w.stored(), before); err != nil {
				t.Errorf("the session changed: %v", err)
			}
			w.load()
		})
	}
}

func ending(*account.Session, time.Time) (account.Effect, error) {
	return account.Effect{Action: "session.revoked", Reason: account.ReasonRevoked, Ended: true}, nil
}

func TestSignInWithARotatedSecretIsRefused(t *testing.T) {
	for _, name := range []string{"a", "b", "c"} {
		w := newWorld(t, "a^* b", false)
		slow, old := w.load(), w.cookie
		if _, err := w.switchTo("b"); err != nil {
			t.Fatalf("switch: %v", err)
		}
		before := w.stored()
		within, _ := w.m.Load(t.Context(), old)
		if _, err := w.m.SignIn(t.Context(), within, &old, name, "password"); !errors.Is(err, account.ErrStaleSecret) {
			t.Errorf("%s within the grace: got %v, want ErrStaleSecret", name, err)
		}
		if _, err := w.m.SignIn(t.Context(), slow, &old, name, "password"); !errors.Is(err, account.ErrStaleSecret) {
			t.Errorf("%s, loaded before the rotation: got %v, want ErrStaleSecret", name, err)
		}
		if err := sameSession(w.stored(), before); err != nil {
			t.Errorf("the session changed: %v", err)
		}
	}
}

func TestARotatedSecretMaySignOut(t *testing.T) {
	w := newWorld(t, "a^* b", false)
	old := w.cookie
	if _, err := w.switchTo("b"); err != nil {
		t.Fatalf("switch: %v", err)
	}
	within, _ := w.m.Load(t.Context(), old)
	if _, err := w.m.SignOutAll(t.Context(), within); err != nil || w.stored() != nil {
		t.Errorf("got %v and %v, want the session to end", err, w.stored())
	}
}

func TestAbsoluteDeadline(t *testing.T) {
	w := newWorld(t, "a^* b", false)
	deadline := w.stored().Deadline
	for next, other := "b", "a"; w.Now().Before(deadline.Add(-48 * time.Hour)); next, other = other, next {
		w.Advance(12 * time.Hour)
		if _, err := w.switchTo(next); err != nil {
			t.Fatalf("switch: %v", err)
		}
	}
	if got := w.stored().Deadline; !got.Equal(deadline) {
		t.Errorf("switching moved the deadline by %v", got.Sub(deadline))
	}
	w.Advance(deadline.Sub(w.Now()) - time.Millisecond)
	w.load()
	w.Advance(time.Millisecond)
	_, byCookie := w.m.Load(t.Context(), w.cookie)
	_, byID := w.m.LoadByID(t.Context(), w.id)
	many, err := w.m.LoadMany(t.Context(), []account.SessionID{w.id})
	if !errors.Is(byCookie, account.ErrNotFound) || !errors.Is(byID, account.ErrNotFound) || err != nil || many[0] != nil {
		t.Errorf("at the deadline: got %v, %v, %v, %v, want the session to be over", byCookie, byID, many, err)
	}
}

func TestSwitchesPerMinute(t *testing.T) {
	w := newWorld(t, "a^* b", false)
	w.m = account.NewManager(w.store, account.Options{Now: w.Now, SwitchesPerMinute: 3})
	names := []string{"b", "a", "b", "a"}
	for _, name := range names[:3] {
		if _, err := w.switchTo(name); err != nil {
			t.Fatalf("switch to %s: %v", name, err)
		}
	}
	w.Advance(time.Minute - time.Millisecond)
	before := w.stored()
	if _, err := w.switchTo("a"); !errors.Is(err, account.ErrRateLimited) {
		t.Errorf("the fourth switch of a minute: got %v, want ErrRateLimited", err)
	}
	if out, err := w.switchTo("b"); err != nil || out.Effect != (account.Effect{}) {
		t.Errorf("to the current account: got %+v, %v, want nothing to happen", out.Effect, err)
	}
	if err := sameSession(w.stored(), before); err != nil {
		t.Errorf("a refusal must change nothing: %v", err)
	}
	w.Advance(time.Millisecond)
	if _, err := w.switchTo("a"); err != nil {
		t.Errorf("in the next minute: got %v", err)
	}
}

func TestLinksPerMinute(t *testing.T) {
	w := newWorld(t, "a^* b", false)
	w.m = account.NewManager(w.store, account.Options{Now: w.Now, LinksPerMinute: 3})
	for range 3 {
		if _, err := w.beginLink(); err != nil {
			t.Fatal(err)
		}
	}
	before := w.stored()
	if _, err := w.beginLink(); !errors.Is(err, account.ErrRateLimited) {
		t.Errorf("the fourth link of a minute: got %v, want ErrRateLimited", err)
	}
	if err := sameSession(w.stored(), before); err != nil {
		t.Errorf("a refusal must change nothing: %v", err)
	}
	if _, err := w.switchTo("b"); err != nil {
		t.Errorf("a switch after them: %v", err)
	}
	w.Advance(time.Minute)
	if _, err := w.beginLink(); err != nil {
		t.Errorf("in the next minute: %v", err)
	}
}

func TestRevocationSurvivesDeactivation(t *testing.T) {
	orders := map[string][]func(*world) (account.Outcome, error){
		"revoked, then deactivated":     {revoke("b"), deactivate("b")},
		"deactivated, then revoked":     {deactivate("b"), revoke("b")},
		"deactivated and revoked twice": {deactivate("b"), revoke("b"), deactivate("b"), revoke("b")},
	}
	for order, steps := range orders {
		t.Run(order, func(t *testing.T) {
			w := newWorld(t, "a^* b", false)
			for _, step := range append(steps, activate("b")) {
				if _, err := step(w); err != nil {
					t.Fatalf("got %v", err)
				}
			}
			if got := picture(w.stored(), w.Now()); got != "a^* b!" {
				t.Errorf("activated again: got %q, want it to have to sign in", got)
			}
			if _, err := w.switchTo("b"); !errors.Is(err, account.ErrSignInAgain) {
				t.Errorf("switch: got %v, want ErrSignInAgain", err)
			}
			if _, err := w.signIn("b"); err != nil || picture(w.stored(), w.Now()) != "a^ b*" {
				t.Errorf("sign in: got %v, %q", err, picture(w.stored(), w.Now()))
			}
		})
	}
}

func TestActivateNeedsNoRoomForAnotherAccount(t *testing.T) {
	const full = "a^* b- c- d- e- f- g- h- i- j- k- l- m- n- o- p- q- r- s- t- u- v-" // no further link fits
	w := newWorld(t, full, false)
	if _, err := activate("v")(w); err != nil {
		t.Errorf("got %v, want the account to be active", err)
	}
}

func TestAnIntentIsOfWhoAsked(t *testing.T) {
	w := newWorld(t, "a^* b", true)
	s := w.load()
	s.Intent.By = membership("b") // no transition leads here; a record might
	if err := s.CheckIntent(w.Now()); !errors.Is(err, account.ErrNoIntent) {
		t.Errorf("got %v, want ErrNoIntent", err)
	}
}

func TestRelinkingMakesANewMembership(t *testing.T) {
	w := newWorld(t, "a^*", false)
	seen := map[string]bool{}
	for range 3 {
		if _, err := w.beginLink(); err != nil {
			t.Fatalf("begin: %v", err)
		}
		out, err := w.signIn("b")
		if err != nil {
			t.Fatalf("sign in: %v", err)
		}
		if id := out.Session.Find("b").Membership; seen[id] || len(id) != 22 {
			t.Errorf("membership: got %q, want 22 characters that never came before", id)
		} else {
			seen[id] = true
		}
		if _, err := w.signOut("b", "a"); err != nil {
			t.Fatalf("sign out: %v", err)
		}
	}
}

func TestCloneSharesNothingThatChanges(t *testing.T) {
	w := newWorld(t, "a^* b", true)
	s, want := w.load(), w.load()
	c := s.Clone()
	c.Accounts[0].Account, c.Intent.By, c.Current = "x", "x", "x"
	c.Accounts = append(c.Accounts[:1], account.Linked{Account: "y"})
	if err := sameSession(s, want); err != nil {
		t.Errorf("the original changed with its copy: %v", err)
	}
}

func TestOrderedAndActive(t *testing.T) {
	w := newWorld(t, "b a^ c- d! e~ f*", false)
	s := w.stored()
	names := func(linked []account.Linked) (all string) {
		for _, l := range linked {
			all += l.Account
		}
		return all
	}
	if got := names(s.Ordered()); got != "abcdef" {
		t.Errorf("ordered: got %q, want the primary first, then the oldest link", got)
	}
	if got := names(s.Active(w.Now())); got != "bf" {
		t.Errorf("active: got %q, want those beside the primary that can act", got)
	}
}
