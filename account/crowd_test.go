package account_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/multiaccount-go/multiaccount/account"
)

// crowded is a site on which an account can be signed in n times.
func crowded(n int) site {
	store := account.NewMemoryStore()
	return site{store, account.NewManager(store, account.Options{SessionsPerAccount: n})}
}

func (x site) keepNewest(t *testing.T, name string, want int) []account.Outcome {
	t.Helper()
	outcomes, err := x.m.KeepNewest(t.Context(), name)
	if err != nil || len(outcomes) != want {
		t.Fatalf("got %d outcomes, %v, want %d", len(outcomes), err, want)
	}
	return outcomes
}

// DO-07: one sign-in too many ends the session in which the account signed in longest ago.
func TestSessionsOfAnAccountAreLimited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := crowded(2)
		next := func(names ...string) account.SessionID { time.Sleep(time.Minute); return x.begin(t, names...) }
		first, second := next("b"), next("a", "b", "c")
		x.keepNewest(t, "b", 0)

		third := next("b")
		gone := x.keepNewest(t, "b", 1)[0]
		if gone.Before.ID != first || gone.Session != nil || gone.Effect.Action != "session.displaced" || gone.Effect.Reason != account.ReasonRevoked {
			t.Errorf("got %+v of %v, want the end of the oldest", gone.Effect, gone.Before.ID)
		}
		fourth := next("b")
		gone = x.keepNewest(t, "b", 1)[0]
		if gone.Before.ID != second || picture(gone.Session, time.Now()) != "a^ c*" || gone.Effect.Action != "account.displaced" {
			t.Errorf("got %+v and %q, want the account to leave the session of others", gone.Effect, picture(gone.Session, time.Now()))
		}
		if got := x.sessionsOf(t, "b"); len(got) != 2 || !slices.Contains(got, third) || !slices.Contains(got, fourth) {
			t.Errorf("got %v, want the two newest", got)
		}
		x.keepNewest(t, "a", 0)
	})
}

func TestSigningInAgainMakesASessionNew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := crowded(2)
		out, err := x.m.SignIn(t.Context(), nil, nil, "b", "password")
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		second := x.begin(t, "b")
		time.Sleep(time.Minute)
		if _, err := x.m.SignIn(t.Context(), out.Session, out.Cookie, "b", "password"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		x.begin(t, "b")
		if gone := x.keepNewest(t, "b", 1)[0]; gone.Before.ID != second {
			t.Error("the session in which the person signed in again had to go")
		}
	})
}

func TestWhoCannotActDoesNotCount(t *testing.T) {
	x := crowded(1)
	id := x.begin(t, "a", "b")
	s, err := x.m.LoadByID(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := x.m.Deactivate(t.Context(), id, s.Find("b").Membership); err != nil {
		t.Fatal(err)
	}
	x.begin(t, "b")
	x.keepNewest(t, "b", 0)
}

// However sign-ins race, as many as allowed are left once all have looked, and never fewer.
func TestParallelSignInsDoNotExceedTheLimit(t *testing.T) {
	const limit = 3
	for range 20 {
		x := crowded(limit)
		other := account.NewManager(x.store, x.m.Options())
		errs := atOnce(16, func(i int) error {
			m := []*account.Manager{x.m, other}[i%2]
			if _, err := m.SignIn(t.Context(), nil, nil, "b", "password"); err != nil {
				return err
			}
			_, err := m.KeepNewest(t.Context(), "b")
			return err
		})
		if err := errors.Join(errs...); err != nil {
			t.Fatal(err)
		}
		if got := x.sessionsOf(t, "b"); len(got) != limit {
			t.Fatalf("%d sessions are left, want %d", len(got), limit)
		}
	}
}

// meanwhile is a store at which something happens between a look at many sessions and what follows.
type meanwhile struct {
	*account.MemoryStore
	does func()
}

func (m *meanwhile) LoadMany(ctx context.Context, ids []account.SessionID) ([]*account.Session, error) {
	sessions, err := m.MemoryStore.LoadMany(ctx, ids)
	if m.does != nil {
		m.does()
	}
	return sessions, err
}

func TestASessionThatSignsInAgainMeanwhileStays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &meanwhile{MemoryStore: account.NewMemoryStore()}
		m := account.NewManager(store, account.Options{SessionsPerAccount: 1})
		out, err := m.SignIn(t.Context(), nil, nil, "b", "password")
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		if _, err := m.SignIn(t.Context(), nil, nil, "b", "password"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		store.does = func() {
			if out, err = m.SignIn(t.Context(), out.Session, out.Cookie, "b", "password"); err != nil {
				t.Error(err)
			}
		}
		if outcomes, err := m.KeepNewest(t.Context(), "b"); err != nil || len(outcomes) != 0 {
			t.Errorf("got %d outcomes, %v", len(outcomes), err)
		}
		if _, err := m.Load(t.Context(), *out.Cookie); err != nil {
			t.Errorf("the newest session had to go: %v", err)
		}
	})
}

func TestNoLimitCostsNothing(t *testing.T) {
	m := account.NewManager(&failing{MemoryStore: account.NewMemoryStore(), method: "SessionsOf", err: errDown}, account.Options{})
	if outcomes, err := m.KeepNewest(t.Context(), "b"); outcomes != nil || err != nil {
		t.Errorf("got %v, %v", outcomes, err)
	}
}

func TestALimitThatCannotBeHeldSaysSo(t *testing.T) {
	opt := account.Options{SessionsPerAccount: 1}
	if _, err := account.NewManager(plain{account.NewMemoryStore()}, opt).KeepNewest(t.Context(), "b"); !errors.Is(err, account.ErrNoIndex) {
		t.Errorf("got %v, want ErrNoIndex", err)
	}
	x := crowded(1)
	for range 30 {
		x.begin(t, "b")
	}
	store := &failing{MemoryStore: x.store, method: "Save", err: errDown}
	outcomes, err := account.NewManager(store, opt).KeepNewest(t.Context(), "b")
	var unavailable *account.UnavailableError
	if len(outcomes) != 0 || !errors.As(err, &unavailable) || store.calls["Save"] >= 20 {
		t.Errorf("got %v, %v after %d tries", outcomes, err, store.calls["Save"])
	}
}
