package sqlstore_test

import (
	"context"
	"slices"
	"sync"
	"testing"

	"github.com/multiaccount-go/multiaccount/account"
)

// ear is a running Watch that remembers what it heard.
type ear struct {
	cancel context.CancelFunc
	done   chan error

	mu      sync.Mutex
	resyncs int
	heard   []account.Change
}

// watch starts a Watch and waits for its first Resync.
func watch(t testing.TB, store account.Store) *ear {
	t.Helper()
	e := startWatch(t, store, nil)
	e.awaitResyncs(t, 1)
	return e
}

// startWatch starts a Watch that does something else first with each change.
func startWatch(t testing.TB, store account.Store, first func(account.Change)) *ear {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	e := &ear{cancel: cancel, done: make(chan error, 1)}
	go func() {
		e.done <- store.Watch(ctx, func(c account.Change) {
			if first != nil {
				first(c)
			}
			e.mu.Lock()
			defer e.mu.Unlock()
			if c.Resync {
				e.resyncs++
			} else {
				e.heard = append(e.heard, c)
			}
		})
	}()
	t.Cleanup(func() {
		cancel()
		<-e.done
	})
	return e
}

// end ends the Watch and returns its error.
func (e *ear) end() error {
	e.cancel()
	err := <-e.done
	e.done <- err // for the end of the test
	return err
}

// awaitResyncs waits until the watcher was told n times that it may have missed changes.
func (e *ear) awaitResyncs(t testing.TB, n int) {
	t.Helper()
	eventually(t, "the watcher gets a Resync", func() bool { return e.resyncCount() >= n })
}

func (e *ear) resyncCount() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.resyncs
}

// changes returns the versions of a session that were heard.
func (e *ear) changes(id account.SessionID) (versions []int64) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, c := range e.heard {
		if c.ID == id {
			versions = append(versions, c.Version)
		}
	}
	return versions
}

// versions waits until a version of a session is heard, and returns all that were heard of it.
func (e *ear) versions(t testing.TB, id account.SessionID, until int64) (versions []int64) {
	t.Helper()
	eventually(t, "the watcher hears the last change", func() bool {
		versions = e.changes(id)
		return slices.Contains(versions, until)
	})
	return versions
}
