package attempts_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/multiaccount-go/multiaccount/attempts"
)

// DO-11
func TestFloodOfPasswordsHashesAFewAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := limiter(t, func(c *attempts.Config) {
			c.Gate = attempts.NewGate(attempts.GateConfig{AtOnce: 4, Waiting: 40, Patience: 2 * time.Second})
			c.PerAccount.Tries, c.PerAddress.Tries = -1, -1
		})
		var running, most, looked, refused atomic.Int64
		var slowest atomic.Int64
		var wg sync.WaitGroup
		for range 200 {
			wg.Go(func() {
				began := time.Now()
				err := l.Do(t.Context(), from("198.51.100.1", "anybody"), func(context.Context) error {
					now := running.Add(1)
					defer running.Add(-1)
					for old := most.Load(); now > old && !most.CompareAndSwap(old, now); old = most.Load() {
					}
					looked.Add(1)
					time.Sleep(100 * time.Millisecond) // a hash
					return nil
				})
				if err == nil {
					return
				}
				refused.Add(1)
				var refusal *attempts.Refusal
				if !errors.As(err, &refusal) || !errors.Is(err, attempts.ErrBusy) || refusal.Status() != 503 || refusal.RetryAfter <= 0 {
					t.Errorf("got %v, want ErrBusy with 503 and a time to come back", err)
				}
				slowest.Store(max(slowest.Load(), int64(time.Since(began))))
			})
		}
		wg.Wait()
		if most.Load() != 4 || looked.Load() != 44 || refused.Load() != 156 {
			t.Errorf("%d at once, %d looked at, %d refused; want 4, 44, 156", most.Load(), looked.Load(), refused.Load())
		}
		if slowest.Load() != 0 {
			t.Errorf("a refusal took %v, want none to wait behind a full line", time.Duration(slowest.Load()))
		}
	})
}

// Who was turned away by the gate has not been counted.
func TestBusyTriesAreNotCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gate := attempts.NewGate(attempts.GateConfig{AtOnce: 1, Waiting: 2, Patience: time.Second})
		l := limiter(t, func(c *attempts.Config) { c.Gate = gate })
		leave, err := gate.Enter(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for range 20 {
			if _, refusal := try(t, l, from("198.51.100.1", "victim"), false); !errors.Is(refusal, attempts.ErrBusy) {
				t.Fatalf("got %v, want ErrBusy", refusal)
			}
		}
		leave()
		if n, _ := spend(t, l, from("198.51.100.1", "victim")); n != 5 {
			t.Errorf("%d tries afterwards, want 5", n)
		}
	})
}

func TestGateLetsGoOfThoseWhoGaveUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gate := attempts.NewGate(attempts.GateConfig{AtOnce: 1, Waiting: 1, Patience: time.Hour})
		leave, err := gate.Enter(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		go func() {
			if _, err := gate.Enter(ctx); !errors.Is(err, attempts.ErrBusy) {
				t.Errorf("who gave up got %v", err)
			}
		}()
		synctest.Wait()
		if _, err := gate.Enter(t.Context()); !errors.Is(err, attempts.ErrBusy) {
			t.Errorf("a second one in a line for one got %v", err)
		}
		cancel()
		synctest.Wait()
		if gate.Waiting() != 0 {
			t.Errorf("%d stand in line, want nobody", gate.Waiting())
		}
		leave()
		if leave, err = gate.Enter(t.Context()); err != nil {
			t.Fatalf("a free gate: %v", err)
		}
		leave()
	})
}
