package account_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/multiaccount-go/multiaccount/account"
	"github.com/multiaccount-go/multiaccount/storetest"
)

func TestMemoryStore(t *testing.T) {
	storetest.Run(t, func(*testing.T) account.Store { return account.NewMemoryStore() })
}

// signIn makes a session of alice and returns it.
func signIn(t *testing.T, store account.Store) *account.Session {
	t.Helper()
	out, err := account.NewManager(store, account.Options{}).SignIn(t.Context(), nil, nil, "alice", "password")
	if err != nil {
		t.Fatalf("sign in: %v", err)
	}
	return out.Session
}

func TestMemoryStoreExpiresToTheInstant(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := account.NewMemoryStore()
		s := signIn(t, store)
		time.Sleep(24*time.Hour - time.Nanosecond)
		if _, err := store.Load(t.Context(), s.ID); err != nil {
			t.Errorf("before the end of its life: got %v, want the session", err)
		}
		time.Sleep(time.Nanosecond)
		if _, err := store.Load(t.Context(), s.ID); !errors.Is(err, account.ErrNotFound) {
			t.Errorf("at the end of its life: got %v, want ErrNotFound", err)
		}
	})
}

func TestMemoryStoreIndexForgetsDeadSessions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := account.NewMemoryStore()
		signIn(t, store)
		time.Sleep(14*24*time.Hour + time.Minute)
		if ids, err := store.SessionsOf(t.Context(), "alice"); err != nil || len(ids) != 0 {
			t.Errorf("got %v, %v, want none", ids, err)
		}
	})
}

func TestMemoryStoreTellsASlowWatcherToResync(t *testing.T) {
	store := account.NewMemoryStore()
	s := signIn(t, store)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	started, proceed := make(chan struct{}), make(chan struct{})
	var heard []account.Change
	done := make(chan error)
	go func() {
		done <- store.Watch(ctx, func(c account.Change) {
			if heard = append(heard, c); len(heard) == 1 {
				close(started)
				<-proceed
			}
			if c.Ended {
				cancel()
			}
		})
	}()
	<-started
	const saves = 5000
	for range saves {
		s.Version++
		if err := store.Save(t.Context(), s, time.Hour); err != nil {
			t.Fatalf("a slow watcher must not hold up a save: %v", err)
		}
	}
	if err := store.Delete(t.Context(), s.ID, account.ReasonSignedOut); err != nil {
		t.Fatalf("delete: %v", err)
	}
	close(proceed)
	<-done
	if len(heard) >= saves {
		t.Errorf("heard %d changes: the queue has no bound", len(heard))
	}
	if !heard[1].Resync {
		t.Errorf("after the overflow: got %+v, want Resync", heard[1])
	}
	for i, c := range heard[3:] {
		if previous := heard[2+i]; c.Resync || c.Version != previous.Version+1 {
			t.Errorf("after the resync: %+v follows %+v", c, previous)
		}
	}
}
