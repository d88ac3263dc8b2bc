package account_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/multiaccount-go/multiaccount/account"
)

// gate is a store that holds the first write until the test opens it: a request that is slow between Load and Save.
type gate struct {
	*account.MemoryStore
	once    sync.Once
	arrived chan struct{}
	open    chan struct{}
}

func newGate(store *account.MemoryStore) *gate {
	return &gate{MemoryStore: store, arrived: make(chan struct{}), open: make(chan struct{})}
}

func (g *gate) wait() {
	g.once.Do(func() {
		close(g.arrived)
		<-g.open
	})
}

func (g *gate) Save(ctx context.Context, s *account.Session, ttl time.Duration) error {
	g.wait()
	return g.MemoryStore.Save(ctx, s, ttl)
}

func (g *gate) Delete(ctx context.Context, id account.SessionID, why account.Reason) error {
	g.wait()
	return g.MemoryStore.Delete(ctx, id, why)
}

// slowly starts ask on a node of its own and holds it before its first write. The result comes when finish is called.
func slowly(w *world, ask func(*world) (account.Outcome, error)) (finish func() (account.Outcome, error)) {
	g := newGate(w.store)
	slow := *w
	slow.m = account.NewManager(g, account.Options{Now: w.Now, Timeout: time.Minute})
	type result struct {
		out account.Outcome
		err error
	}
	done := make(chan result, 1)
	go func() {
		out, err := ask(&slow)
		done <- result{out, err}
	}()
	select {
	case <-g.arrived:
	case r := <-done: // it writes nothing; let the test see that
		done <- r
	}
	return func() (account.Outcome, error) {
		close(g.open)
		r := <-done
		return r.out, r.err
	}
}

func TestNoLostUpdateAndNoResurrection(t *testing.T) {
	tests := []struct {
		sentence  string
		given     string
		asked     bool
		slow      func(*world) (account.Outcome, error)
		meanwhile func(*world) (account.Outcome, error)
		want      error
		becomes   string
	}{
		{"a switch does not bring back a session that was signed out", "a^* b", false, switchTo("b"), signOutAll, account.ErrNotFound, "ended"},
		{"a switch does not bring back a session that was ended from outside", "a^* b", false, switchTo("b"), end, account.ErrNotFound, "ended"},
		{"an intent does not bring back a session", "a^*", false, beginLink, signOutAll, account.ErrNotFound, "ended"},
		{"the back office does not bring back a session", "a^* b", false, deactivate("b"), signOutAll, account.ErrNotFound, "ended"},
		{"an end does not fail when the session has ended", "a^* b", false, end, signOutAll, account.ErrNotFound, "ended"},
		{"a switch does not undo another switch, nor bring the old secret back", "a^* b c", false, switchTo("b"), switchTo("c"), account.ErrStaleSecret, "a^ b c*"},
		{"a switch does not undo a link", "a^* b", true, switchTo("b"), signingIn("c"), account.ErrStaleSecret, "a^ b c*"},
		{"a switch does not make a signed-out account current", "a^* b", false, switchTo("b"), signOut("b", ""), account.ErrStaleSecret, "a^*"},
		{"a switch does not make a destroyed account current", "a^* b", false, switchTo("b"), destroy("b"), account.ErrNotLinked, "a^*"},
		{"a switch does not make a deactivated account current", "a^* b", false, switchTo("b"), deactivate("b"), account.ErrInactive, "a^* b-"},
		{"a switch does not make a revoked account current", "a^* b", false, switchTo("b"), revoke("b"), account.ErrSignInAgain, "a^* b!"},
		{"a switch keeps what the back office did to others", "a^* b c", false, switchTo("b"), deactivate("c"), nil, "a^ b* c-"},
		{"the back office keeps a switch", "a^* b c", false, deactivate("c"), switchTo("b"), nil, "a^ b* c-"},
		{"the back office takes an account out that became current meanwhile", "a^* b", false, deactivate("b"), switchTo("b"), nil, "a^ b-"},
		{"a link does not revive a deactivated asker", "a^* b", true, signingIn("c"), deactivate("b"), nil, "a^ b- c*"},
		{"a sign-out of the last account does not end what was linked meanwhile", "a^*", true, signOut("a", ""), signingIn("b"), account.ErrStaleSecret, "a^ b*"},
		{"the only account is deactivated, and is not the only one any more", "a^*", true, deactivate("a"), signingIn("b"), nil, "a^- b*"},
		{"the only account is too old, and signs in meanwhile", "a^*~", false, expire, signingIn("a"), nil, "a^*"},
		{"an account is signed out for one that is deactivated meanwhile", "a^* b", false, signOut("a", "b"), deactivate("b"), account.ErrInactive, "a^* b-"},
		{"an activation counts anew what was linked meanwhile", "a^* b- c d e f", true, activate("b"), signingIn("g"), account.ErrLinkLimit, "a^ b- c d e f g*"},
	}
	for _, test := range tests {
		t.Run(test.sentence, func(t *testing.T) {
			w := newWorld(t, test.given, test.asked)
			finish := slowly(w, test.slow)
			if _, err := test.meanwhile(w); err != nil {
				t.Fatalf("meanwhile: %v", err)
			}
			between := w.stored()
			out, err := finish()
			if !errors.Is(err, test.want) || (err == nil) != (test.want == nil) {
				t.Fatalf("slow request: got %v, want %v", err, test.want)
			}
			after := w.stored()
			if got := picture(after, w.Now()); got != test.becomes {
				t.Errorf("got %q, want %q", got, test.becomes)
			}
			if err != nil {
				if err := sameSession(after, between); err != nil {
					t.Errorf("the refused request changed something: %v", err)
				}
				return
			}
			if out.Effect != (account.Effect{}) && after.Version != between.Version+1 {
				t.Errorf("version: got %d after %d", after.Version, between.Version)
			}
		})
	}
}

func TestASlowLinkIntoASessionThatEndedStartsASessionOfItsOwn(t *testing.T) {
	w := newWorld(t, "a^*", true)
	finish := slowly(w, signingIn("b"))
	if _, err := signOutAll(w); err != nil {
		t.Fatalf("sign out: %v", err)
	}
	out, err := finish()
	if err != nil || out.Effect.Action != "session.created" || out.Session.ID == w.id || picture(out.Session, w.Now()) != "b^*" {
		t.Errorf("got %+v, %v", out, err)
	}
	if w.stored() != nil {
		t.Error("the ended session is back")
	}
}

func TestTouchDoesNotBringASessionBack(t *testing.T) {
	w := newWorld(t, "a^*", false)
	s := w.load()
	if _, err := signOutAll(w); err != nil {
		t.Fatalf("sign out: %v", err)
	}
	if err := w.m.Touch(t.Context(), s); !errors.Is(err, account.ErrNotFound) || w.stored() != nil {
		t.Errorf("got %v and %v, want ErrNotFound and no session", err, w.stored())
	}
}

// atOnce runs n calls together and returns their errors.
func atOnce(n int, call func(i int) error) []error {
	errs := make([]error, n)
	start := make(chan struct{})
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			<-start
			errs[i] = call(i)
		})
	}
	close(start)
	wg.Wait()
	return errs
}

func TestParallelLinksStopAtTheMaximum(t *testing.T) {
	w := newWorld(t, "a^* b", false)
	nodes := []*account.Manager{w.m, account.NewManager(w.store, account.Options{Now: w.Now})}
	errs := atOnce(40, func(i int) error {
		_, err := nodes[i%2].ChangeByID(t.Context(), w.id, func(s *account.Session, now time.Time) (account.Effect, error) {
			if e, err := s.BeginLink("/", now, time.Minute, 5, 1000); err != nil {
				return e, err
			}
			auth := account.Authentication{Account: fmt.Sprintf("new-%d", i), Method: "password", At: now, Deadline: now.Add(time.Hour)}
			return s.Link(auth, 5)
		})
		return err
	})
	var linked int
	for _, err := range errs {
		switch {
		case err == nil:
			linked++
		case !errors.Is(err, account.ErrLinkLimit):
			t.Errorf("got %v, want ErrLinkLimit", err)
		}
	}
	s := w.stored()
	if linked != 4 || len(s.Accounts) != 6 || s.Version != 7+4 {
		t.Errorf("%d succeeded, %d accounts, version %d; want 4, 6, 11", linked, len(s.Accounts), s.Version)
	}
}

func TestParallelSignInsUseOneIntentOnce(t *testing.T) {
	w := newWorld(t, "a^*", true)
	nodes := []*account.Manager{w.m, account.NewManager(w.store, account.Options{Now: w.Now})}
	s, cookie := w.load(), w.cookie
	errs := atOnce(20, func(i int) error {
		_, err := nodes[i%2].SignIn(t.Context(), s, &cookie, fmt.Sprintf("new-%d", i), "password")
		return err
	})
	var linked int
	for _, err := range errs {
		switch {
		case err == nil:
			linked++
		case !errors.Is(err, account.ErrStaleSecret):
			t.Errorf("got %v, want ErrStaleSecret", err)
		}
	}
	if s := w.stored(); linked != 1 || len(s.Accounts) != 2 {
		t.Errorf("%d succeeded, %q; want one", linked, picture(s, w.Now()))
	}
}

func TestSwitchRacesSignOut(t *testing.T) {
	asks := map[string]func(w *world, m *account.Manager, s *account.Session, c account.Cookie) (account.Outcome, error){
		"switch": func(w *world, m *account.Manager, s *account.Session, c account.Cookie) (account.Outcome, error) {
			return m.Change(w.t.Context(), s, c, switching(m, "b"))
		},
		"link": func(w *world, m *account.Manager, s *account.Session, c account.Cookie) (account.Outcome, error) {
			return m.Change(w.t.Context(), s, c, func(s *account.Session, now time.Time) (account.Effect, error) {
				return s.Link(account.Authentication{Account: "c", At: now, Deadline: now.Add(time.Hour)}, 5)
			})
		},
	}
	for name, ask := range asks {
		t.Run(name, func(t *testing.T) {
			for range 200 {
				w := newWorld(t, "a^* b", true)
				other := account.NewManager(w.store, account.Options{Now: w.Now})
				s, cookies := w.load(), []account.Cookie{w.cookie}
				errs := atOnce(2, func(i int) error {
					if i == 0 {
						_, err := w.m.SignOutAll(t.Context(), s)
						return err
					}
					out, err := ask(w, other, s, cookies[0])
					if out.Cookie != nil {
						cookies = append(cookies, *out.Cookie)
					}
					return err
				})
				if errs[0] != nil || errs[1] != nil && !errors.Is(errs[1], account.ErrNotFound) {
					t.Fatalf("got %v", errs)
				}
				for _, c := range cookies {
					if _, err := w.m.Load(t.Context(), c); !errors.Is(err, account.ErrNotFound) {
						t.Fatalf("a cookie works after signing out: %v", err)
					}
				}
			}
		})
	}
}

func TestSwitchRacesSwitch(t *testing.T) {
	w := newWorld(t, "a^* b c", false)
	w.m = account.NewManager(w.store, account.Options{Now: w.Now, SwitchesPerMinute: 1000})
	other := account.NewManager(w.store, account.Options{Now: w.Now, SwitchesPerMinute: 1000})
	for range 100 {
		s, cookie := w.load(), w.cookie
		names := []string{"b", "c"}
		if s.Current == membership("b") || s.Current == membership("c") {
			names = []string{"a", map[string]string{membership("b"): "c", membership("c"): "b"}[s.Current]}
		}
		outs := make([]account.Outcome, 2)
		errs := atOnce(2, func(i int) (err error) {
			outs[i], err = []*account.Manager{w.m, other}[i].Change(t.Context(), s, cookie, switching(w.m, names[i]))
			return err
		})
		won := 0
		if errs[0] != nil {
			won = 1
		}
		if errs[won] != nil || !errors.Is(errs[1-won], account.ErrStaleSecret) {
			t.Fatalf("got %v, want one winner and one ErrStaleSecret", errs)
		}
		w.cookie = *outs[won].Cookie
		if got := w.load().CurrentAccount().Account; got != names[won] {
			t.Fatalf("current: got %s, want the winner's %s", got, names[won])
		}
	}
}
