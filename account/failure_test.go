package account_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/multiaccount-go/multiaccount/account"
)

var errDown = errors.New("connection refused")

// failing is a store in which single methods fail, or fail for one session.
type failing struct {
	*account.MemoryStore
	method string
	only   account.SessionID // zero: for all
	err    error
	calls  map[string]int
}

func (f *failing) fail(method string, id account.SessionID) error {
	if f.calls == nil {
		f.calls = make(map[string]int)
	}
	f.calls[method]++
	if f.method == method && (f.only == account.SessionID{} || f.only == id) {
		return f.err
	}
	return nil
}

func (f *failing) Load(ctx context.Context, id account.SessionID) (*account.Session, error) {
	if err := f.fail("Load", id); err != nil {
		return nil, err
	}
	return f.MemoryStore.Load(ctx, id)
}

func (f *failing) Save(ctx context.Context, s *account.Session, ttl time.Duration) error {
	if err := f.fail("Save", s.ID); err != nil {
		return err
	}
	return f.MemoryStore.Save(ctx, s, ttl)
}

func (f *failing) Delete(ctx context.Context, id account.SessionID, why account.Reason) error {
	if err := f.fail("Delete", id); err != nil {
		return err
	}
	return f.MemoryStore.Delete(ctx, id, why)
}

func (f *failing) LoadMany(ctx context.Context, ids []account.SessionID) ([]*account.Session, error) {
	if err := f.fail("LoadMany", account.SessionID{}); err != nil {
		return nil, err
	}
	return f.MemoryStore.LoadMany(ctx, ids)
}

func (f *failing) Enlist(ctx context.Context, name string, id account.SessionID, until time.Time) error {
	if err := f.fail("Enlist", id); err != nil {
		return err
	}
	return f.MemoryStore.Enlist(ctx, name, id, until)
}

func (f *failing) SessionsOf(ctx context.Context, name string) ([]account.SessionID, error) {
	if err := f.fail("SessionsOf", account.SessionID{}); err != nil {
		return nil, err
	}
	return f.MemoryStore.SessionsOf(ctx, name)
}

func TestAStoreThatDoesNotAnswerIsUnavailable(t *testing.T) {
	sessions := func(w *world) (account.Outcome, error) {
		if err := w.store.Enlist(w.t.Context(), "a", w.id, w.In(time.Hour)); err != nil {
			w.t.Fatalf("enlist: %v", err)
		}
		_, err := w.m.Sessions(w.t.Context(), "a")
		return account.Outcome{}, err
	}
	tests := []struct {
		sentence string
		method   string
		ask      func(*world) (account.Outcome, error)
	}{
		{"reading a session", "Load", func(w *world) (account.Outcome, error) {
			_, err := w.m.Load(w.t.Context(), w.cookie)
			return account.Outcome{}, err
		}},
		{"being ready", "Load", func(w *world) (account.Outcome, error) { return account.Outcome{}, w.m.Ready(w.t.Context()) }},
		{"asking from outside", "Load", deactivate("b")},
		{"a switch", "Save", switchTo("b")},
		{"a link", "Save", signingIn("c")},
		{"a link that cannot be found again", "Enlist", signingIn("c")},
		{"signing in again", "Enlist", signingIn("a")},
		{"the first sign-in", "Save", func(w *world) (account.Outcome, error) {
			return w.m.SignIn(w.t.Context(), nil, nil, "a", "password")
		}},
		{"the first sign-in that cannot be found again", "Enlist", func(w *world) (account.Outcome, error) {
			return w.m.SignIn(w.t.Context(), nil, nil, "a", "password")
		}},
		{"an end whose record cannot be closed", "Save", end},
		{"reading many sessions", "LoadMany", sessions},
		{"looking for the sessions of an account", "SessionsOf", sessions},
	}
	for _, test := range tests {
		t.Run(test.sentence, func(t *testing.T) {
			w := newWorld(t, "a^* b", true)
			before := w.stored()
			broken := *w
			broken.m = account.NewManager(&failing{MemoryStore: w.store, method: test.method, err: errDown}, account.Options{Now: w.Now})
			out, err := test.ask(&broken)
			var unavailable *account.UnavailableError
			if !errors.As(err, &unavailable) || !errors.Is(err, errDown) {
				t.Fatalf("got %v, want UnavailableError around the cause", err)
			}
			if unavailable.Err != errDown || !strings.Contains(err.Error(), errDown.Error()) {
				t.Errorf("got %v around %v, want it to wrap the cause once", err, unavailable.Err)
			}
			if out != (account.Outcome{}) {
				t.Errorf("got %+v beside the error: no cookie without a commit", out)
			}
			if err := sameSession(w.stored(), before); err != nil {
				t.Errorf("something changed: %v", err)
			}
		})
	}
}

func TestSignOutAllWhileTheStoreIsDown(t *testing.T) {
	w := newWorld(t, "a^*", false)
	s := w.load()
	w.m = account.NewManager(&failing{MemoryStore: w.store, method: "Delete", err: errDown}, account.Options{Now: w.Now})
	var unavailable *account.UnavailableError
	if _, err := w.m.SignOutAll(t.Context(), s); !errors.As(err, &unavailable) {
		t.Errorf("got %v, want UnavailableError", err)
	}
}

func TestSigningOutTwiceEndsTheSessionOnce(t *testing.T) {
	w := newWorld(t, "a^* b", false)
	s := w.load()
	for i, want := range []string{"session.ended", ""} {
		out, err := w.m.SignOutAll(t.Context(), s)
		if err != nil || out.Effect.Action != want || out.Effect.Ended != (want != "") || out.Session != nil || out.Before != s {
			t.Errorf("time %d: got %+v, %v, want the action %q", i+1, out, err, want)
		}
	}
}

func TestAnEndThatIsHalfDoneIsAnEnd(t *testing.T) {
	w := newWorld(t, "a^*", false)
	cookie := w.cookie
	w.m = account.NewManager(&failing{MemoryStore: w.store, method: "Delete", err: errDown}, account.Options{Now: w.Now})
	var unavailable *account.UnavailableError
	if _, err := w.signOut("a", ""); !errors.As(err, &unavailable) {
		t.Fatalf("got %v, want UnavailableError", err)
	}
	_, byCookie := w.m.Load(t.Context(), cookie)
	_, byID := w.m.LoadByID(t.Context(), w.id)
	many, err := w.m.LoadMany(t.Context(), []account.SessionID{w.id})
	if !errors.Is(byCookie, account.ErrNotFound) || !errors.Is(byID, account.ErrNotFound) || err != nil || many[0] != nil {
		t.Errorf("got %v, %v, %v, %v: the session must not live on", byCookie, byID, many, err)
	}
}

func TestReplacingASessionIsAllOrNothing(t *testing.T) {
	t.Run("the old session cannot be ended: the new one is taken back", func(t *testing.T) {
		w := newWorld(t, "a^*", false)
		before, s := w.stored(), w.load()
		w.m = account.NewManager(&failing{MemoryStore: w.store, method: "Save", only: w.id, err: errDown}, account.Options{Now: w.Now})
		out, err := w.m.SignIn(t.Context(), s, &w.cookie, "c", "password")
		if !errors.Is(err, errDown) || out != (account.Outcome{}) {
			t.Errorf("got %+v, %v, want an error alone", out, err)
		}
		if err := sameSession(w.stored(), before); err != nil {
			t.Errorf("the old session changed: %v", err)
		}
		if left, err := w.m.Sessions(t.Context(), "c"); err != nil || len(left) > 0 {
			t.Errorf("got %v, %v, want no session of the new account", left, err)
		}
	})
	t.Run("also when the request is given up meanwhile", func(t *testing.T) {
		w := newWorld(t, "a^*", false)
		s := w.load()
		ctx, cancel := context.WithCancel(t.Context())
		w.m = account.NewManager(&givenUp{MemoryStore: w.store, old: w.id, cancel: cancel}, account.Options{Now: w.Now})
		if _, err := w.m.SignIn(ctx, s, &w.cookie, "c", "password"); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want context.Canceled", err)
		}
		if left, err := w.m.Sessions(t.Context(), "c"); err != nil || len(left) > 0 {
			t.Errorf("got %v, %v, want no session of the new account", left, err)
		}
		w.load()
	})
	t.Run("the old session has ended but its record cannot be deleted: the new one stays", func(t *testing.T) {
		w := newWorld(t, "a^*", false)
		s := w.load()
		w.m = account.NewManager(&failing{MemoryStore: w.store, method: "Delete", only: w.id, err: errDown}, account.Options{Now: w.Now})
		out, err := w.m.SignIn(t.Context(), s, &w.cookie, "c", "password")
		if err != nil || out.Effect.Action != "session.replaced" {
			t.Fatalf("got %+v, %v", out.Effect, err)
		}
		if _, err := w.m.Load(t.Context(), *out.Cookie); err != nil {
			t.Errorf("new session: %v", err)
		}
		if _, err := w.m.Load(t.Context(), w.cookie); !errors.Is(err, account.ErrNotFound) {
			t.Errorf("old session: got %v, want ErrNotFound", err)
		}
	})
	t.Run("the new session cannot be made: the old one stays", func(t *testing.T) {
		w := newWorld(t, "a^*", false)
		s := w.load()
		w.m = account.NewManager(&failing{MemoryStore: w.store, method: "Save", err: errDown}, account.Options{Now: w.Now})
		if _, err := w.m.SignIn(t.Context(), s, &w.cookie, "c", "password"); !errors.Is(err, errDown) {
			t.Errorf("got %v, want the cause", err)
		}
		w.load()
	})
	t.Run("the old session has ended by itself: the new one stays", func(t *testing.T) {
		w := newWorld(t, "a^*", false)
		s := w.load()
		if err := w.store.Delete(t.Context(), w.id, account.ReasonRevoked); err != nil {
			t.Fatalf("delete: %v", err)
		}
		out, err := w.m.SignIn(t.Context(), s, &w.cookie, "c", "password")
		if err != nil {
			t.Fatalf("got %v", err)
		}
		if _, err := w.m.Load(t.Context(), *out.Cookie); err != nil {
			t.Errorf("new session: %v", err)
		}
	})
}

// givenUp is a store at which the person closes the connection just before the old session is ended.
type givenUp struct {
	*account.MemoryStore
	old    account.SessionID
	cancel func()
}

func (g *givenUp) Save(ctx context.Context, s *account.Session, ttl time.Duration) error {
	if s.ID == g.old {
		g.cancel()
		return ctx.Err()
	}
	return g.MemoryStore.Save(ctx, s, ttl)
}

func TestABadRecordIsNotFound(t *testing.T) {
	w := newWorld(t, "a^*", false)
	m := account.NewManager(&failing{MemoryStore: w.store, method: "Load", err: account.ErrBadRecord}, account.Options{})
	_, err := m.Load(t.Context(), w.cookie)
	var unavailable *account.UnavailableError
	if !errors.Is(err, account.ErrNotFound) || !errors.Is(err, account.ErrBadRecord) || errors.As(err, &unavailable) {
		t.Errorf("got %v, want ErrNotFound that says why", err)
	}
}

func TestEndlessConflictsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "a^* b", false)
		store := &failing{MemoryStore: w.store, method: "Save", err: account.ErrConflict}
		w.m = account.NewManager(store, account.Options{Now: w.Now})
		start := time.Now()
		_, err := w.switchTo("b")
		var unavailable *account.UnavailableError
		if !errors.As(err, &unavailable) || !errors.Is(err, account.ErrConflict) {
			t.Errorf("got %v, want UnavailableError around ErrConflict", err)
		}
		if took := time.Since(start); store.calls["Save"] > 200 || took > 2*time.Second {
			t.Errorf("gave up after %d saves and %v", store.calls["Save"], took)
		}
	})
}

// hanging is a store that answers when its context ends and not before.
type hanging struct{ account.Store }

func (hanging) Load(ctx context.Context, _ account.SessionID) (*account.Session, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

func (hanging) LoadMany(ctx context.Context, _ []account.SessionID) ([]*account.Session, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

func (hanging) Enlist(ctx context.Context, _ string, _ account.SessionID, _ time.Time) error {
	<-ctx.Done()
	return ctx.Err()
}

func (hanging) SessionsOf(ctx context.Context, _ string) ([]account.SessionID, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

func TestAStoreThatHangsIsGivenUp(t *testing.T) {
	asks := map[string]func(ctx context.Context, m *account.Manager) error{
		"load": func(ctx context.Context, m *account.Manager) error {
			_, err := m.Load(ctx, account.NewCookie())
			return err
		},
		"sign in": func(ctx context.Context, m *account.Manager) error {
			_, err := m.SignIn(ctx, nil, nil, "a", "password")
			return err
		},
		"load many": func(ctx context.Context, m *account.Manager) error {
			_, err := m.LoadMany(ctx, []account.SessionID{{}})
			return err
		},
		"sessions": func(ctx context.Context, m *account.Manager) error {
			_, err := m.Sessions(ctx, "a")
			return err
		},
	}
	for name, ask := range asks {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m, start := account.NewManager(hanging{}, account.Options{}), time.Now()
				err := ask(t.Context(), m)
				var unavailable *account.UnavailableError
				if !errors.As(err, &unavailable) || !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("got %v, want UnavailableError", err)
				}
				if took := time.Since(start); took != m.Options().Timeout {
					t.Errorf("given up after %v, want %v", took, m.Options().Timeout)
				}
			})
		})
	}
}
