package attempts_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/multiaccount-go/multiaccount/attempts"
)

func backoff(key string) []attempts.Bucket {
	return []attempts.Bucket{{Key: key, Tries: 5, Step: time.Second, Longest: time.Minute, Memory: time.Hour}}
}

// DO-06: a flood of names takes a bounded memory, and pushes nobody's count out.
func TestMemoryIsBoundedAndForgetsNoLock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := attempts.NewMemory(100)
		for range 5 {
			if wait, err := m.Take(t.Context(), backoff("victim")); wait != 0 || err != nil {
				t.Fatalf("got %v, %v", wait, err)
			}
		}
		refused := 0
		for n := range 10_000 {
			if _, err := m.Take(t.Context(), backoff(fmt.Sprint(n))); err != nil {
				refused++
			}
		}
		if m.Len() != 100 || refused != 10_000-99 {
			t.Errorf("%d buckets are kept and %d were refused, want 100 and 9901", m.Len(), refused)
		}
		if wait, err := m.Take(t.Context(), backoff("victim")); wait != time.Second || err != nil {
			t.Errorf("got %v, %v; want the account locked as before", wait, err)
		}
		time.Sleep(time.Hour)
		if wait, err := m.Take(t.Context(), backoff("new")); wait != 0 || err != nil || m.Len() != 1 {
			t.Errorf("got %v, %v and %d buckets; want room once the others are over", wait, err, m.Len())
		}
	})
}

func TestMemoryForgetsWhatNobodyTries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := attempts.NewMemory(0)
		for range 6 {
			_, _ = m.Take(t.Context(), backoff("victim"))
		}
		time.Sleep(time.Hour - time.Millisecond)
		if _, err := m.Take(t.Context(), backoff("victim")); err != nil {
			t.Fatal(err)
		}
		if wait, _ := m.Take(t.Context(), backoff("victim")); wait != 2*time.Second {
			t.Errorf("the count goes on with %v, want 2s", wait)
		}
		time.Sleep(time.Hour)
		for n := range 5 {
			if wait, err := m.Take(t.Context(), backoff("victim")); wait != 0 || err != nil {
				t.Errorf("try %d after an hour without: got %v, %v", n+1, wait, err)
			}
		}
	})
}

func TestMemoryEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	m := attempts.NewMemory(0)
	if _, err := m.Take(ctx, backoff("a")); !errors.Is(err, context.Canceled) {
		t.Errorf("Take: got %v", err)
	}
	if err := m.Forget(ctx, "a"); !errors.Is(err, context.Canceled) {
		t.Errorf("Forget: got %v", err)
	}
}
