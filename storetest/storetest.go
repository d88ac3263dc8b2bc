// Package storetest is the suite that every [account.Store] must pass. A store's own test is a few lines:
//
//	func TestStore(t *testing.T) {
//		storetest.Run(t, func(t *testing.T) account.Store { return mystore.New(...) })
//	}
//
// Each check is named after the sentence of the contract that it holds the store to.
package storetest

import (
	"context"
	"testing"
	"time"

	"github.com/multiaccount-go/multiaccount/account"
)

// Run holds a store to the contract of [account.Store], and to those of [account.Index] and [account.BatchLoader] when
// it has these powers. newStore is called once for each check. It need not be empty: the suite draws ids that nobody
// else uses, and ignores changes of other sessions.
func Run(t *testing.T, newStore func(t *testing.T) account.Store) {
	t.Helper()
	RunPair(t, func(t *testing.T) (one, other account.Store) {
		s := newStore(t)
		return s, s
	})
}

// RunPair is [Run] for a store that several processes share: newPair returns two handles on the same backend, and what
// is done through the one is looked for through the other.
func RunPair(t *testing.T, newPair func(t *testing.T) (one, other account.Store)) {
	t.Helper()
	for _, c := range checks {
		t.Run(c.sentence, func(t *testing.T) {
			t.Parallel() // the checks of expiry wait for real time to pass
			one, other := newPair(t)
			c.run(t, one, other)
		})
	}
}

// check is one sentence of the contract. It writes through one and reads through other.
type check struct {
	sentence string
	run      func(t testing.TB, one, other account.Store)
}

// patience is how long a check waits for what has to happen, on a slow machine too.
const patience = 10 * time.Second

// long is a time to live that no check outlasts.
const long = time.Hour

func save(t testing.TB, store account.Store, s *account.Session) {
	t.Helper()
	if err := store.Save(t.Context(), s, long); err != nil {
		t.Fatalf("save: %v", err)
	}
}

func load(t testing.TB, store account.Store, id account.SessionID) *account.Session {
	t.Helper()
	s, err := store.Load(t.Context(), id)
	if err != nil {
		t.Fatalf("load: %v", err)
	}
	return s
}

// eventually waits until a condition holds.
func eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for !holds() {
		select {
		case <-ctx.Done():
			t.Fatalf("still not after %v: %s", patience, what)
		case <-time.After(5 * time.Millisecond):
		}
	}
}
