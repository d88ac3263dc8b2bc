package audit_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/multiaccount-go/multiaccount/audit"
)

// kept is a log that remembers, and that fails, hangs or panics when told.
type kept struct {
	mu      sync.Mutex
	actions []string
	batches int
	err     error
	hang    bool
	panics  bool
}

func (k *kept) Append(ctx context.Context, records ...[]string) error {
	k.mu.Lock()
	err, hang, panics := k.err, k.hang, k.panics
	k.mu.Unlock()
	switch {
	case hang:
		<-ctx.Done()
		return ctx.Err()
	case panics:
		panic("broken log")
	case err != nil:
		return err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.batches++
	for _, r := range records {
		for i := 0; i < len(r); i += 2 {
			if r[i] == "action" {
				k.actions = append(k.actions, r[i+1])
			}
		}
	}
	return nil
}

func (k *kept) set(change func(*kept)) {
	k.mu.Lock()
	defer k.mu.Unlock()
	change(k)
}

func (k *kept) said() string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return strings.Join(k.actions, " ")
}

func numbered(from, to int) string {
	var all []string
	for i := from; i <= to; i++ {
		all = append(all, fmt.Sprint("n", i))
	}
	return strings.Join(all, " ")
}

// tell gives a stream events called n1 to n<to>.
func tell(ctx context.Context, s *audit.Stream, from, to int) {
	for i := from; i <= to; i++ {
		e := switched()
		e.Action = fmt.Sprint("n", i)
		s.OnEvent(ctx, e)
	}
}

// newStream makes a stream in a bubble of synctest, and what it logs.
func newStream(t *testing.T, to audit.Log, cfg audit.StreamConfig) (*audit.Stream, *lines) {
	t.Helper()
	var l lines
	cfg.Log = l.logger()
	s, err := audit.NewStream(to, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return s, &l
}

func TestStreamKeepsTheOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var k kept
		s, l := newStream(t, &k, audit.StreamConfig{Queue: 1000})
		tell(t.Context(), s, 1, 1000)
		if err := s.Close(t.Context()); err != nil || k.said() != numbered(1, 1000) || s.Lost() != 0 || l.String() != "" {
			t.Errorf("%v, lost %d, %s\n%s", err, s.Lost(), k.said(), l.String())
		}
		if k.batches > 20 {
			t.Errorf("%d round trips for 1000 events", k.batches)
		}
		if err := s.Close(t.Context()); err != nil {
			t.Errorf("closed twice: %v", err)
		}
	})
}

func TestAnEventIsWrittenAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var k kept
		s, _ := newStream(t, &k, audit.StreamConfig{})
		tell(t.Context(), s, 1, 1)
		synctest.Wait()
		if k.said() != "n1" {
			t.Errorf("got %q before any time has passed", k.said())
		}
		_ = s.Close(t.Context())
	})
}

func TestOutageOfTheLog(t *testing.T) {
	for name, break_ := range map[string]func(*kept){
		"it fails":  func(k *kept) { k.err = errors.New("connection refused") },
		"it hangs":  func(k *kept) { k.hang = true },
		"it panics": func(k *kept) { k.panics = true },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var k kept
				k.set(break_)
				s, l := newStream(t, &k, audit.StreamConfig{Queue: 10})
				begun := time.Now()
				tell(t.Context(), s, 1, 1)
				synctest.Wait() // the writer has the first one
				tell(t.Context(), s, 2, 31)
				if waited := time.Since(begun); waited != 0 || s.Lost() != 20 {
					t.Errorf("requests waited %v, %d events are lost, want 20", waited, s.Lost())
				}
				time.Sleep(time.Minute)
				losses := 0
				for _, line := range l.all(t) {
					if line["msg"] == "audit: events are lost" {
						losses++
						if line["in all"] != 20.0 {
							t.Errorf("got %v", line)
						}
					}
				}
				if losses != 1 || len(l.all(t)) != 2 {
					t.Errorf("want one line about the outage and one about the losses:\n%s", l.String())
				}
				k.set(func(k *kept) { k.err, k.hang, k.panics = nil, false, false })
				time.Sleep(3 * time.Second)
				if want := numbered(1, 11); k.said() != want {
					t.Errorf("after the outage: got %s, want %s", k.said(), want)
				}
				if err := s.Close(t.Context()); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

func TestLossesAreReportedAfterTheyEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := kept{hang: true}
		s, l := newStream(t, &k, audit.StreamConfig{Queue: 1})
		tell(t.Context(), s, 1, 10)
		k.set(func(k *kept) { k.hang = false })
		time.Sleep(20 * time.Second)
		if !strings.Contains(l.String(), "audit: events are lost") {
			t.Errorf("got %s", l.String())
		}
		_ = s.Close(t.Context())
	})
}

func TestBlockWaitsForRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := kept{err: errors.New("connection refused")}
		s, l := newStream(t, &k, audit.StreamConfig{Queue: 1, Policy: audit.Block, Wait: 5 * time.Second})
		tell(t.Context(), s, 1, 1)
		synctest.Wait()
		tell(t.Context(), s, 2, 2)
		go func() {
			time.Sleep(3 * time.Second)
			k.set(func(k *kept) { k.err = nil })
		}()
		begun := time.Now()
		tell(t.Context(), s, 3, 3)
		if waited := time.Since(begun); waited < time.Second || waited > 5*time.Second || s.Lost() != 0 {
			t.Errorf("waited %v, lost %d", waited, s.Lost())
		}
		if err := s.Close(t.Context()); err != nil || k.said() != "n1 n2 n3" {
			t.Errorf("%v, %q\n%s", err, k.said(), l.String())
		}
	})
}

// AU-02: with Block nothing is lost without a trace.
func TestBlockFailsVisibly(t *testing.T) {
	for name, tc := range map[string]struct {
		ctx  func(context.Context) (context.Context, context.CancelFunc)
		wait time.Duration
	}{
		"no room in time": {context.WithCancel, 500 * time.Millisecond},
		"the request ends": {func(ctx context.Context) (context.Context, context.CancelFunc) {
			return context.WithTimeout(ctx, 100*time.Millisecond)
		}, 100 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				k := kept{hang: true}
				s, l := newStream(t, &k, audit.StreamConfig{Queue: 1, Policy: audit.Block, Timeout: time.Minute})
				tell(t.Context(), s, 1, 1)
				synctest.Wait()
				tell(t.Context(), s, 2, 2)
				ctx, cancel := tc.ctx(t.Context())
				defer cancel()
				begun := time.Now()
				tell(ctx, s, 3, 3)
				if waited := time.Since(begun); waited != tc.wait {
					t.Errorf("waited %v, want %v", waited, tc.wait)
				}
				got := l.all(t)
				if len(got) != 1 || got[0]["level"] != "ERROR" || got[0]["action"] != "n3" || got[0]["account"] != "b" || got[0]["err"] == nil ||
					s.Lost() != 1 {
					t.Errorf("lost %d: %v", s.Lost(), got)
				}
				ending, stop := context.WithTimeout(t.Context(), time.Second)
				defer stop()
				if err := s.Close(ending); !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "2 events") || s.Lost() != 3 {
					t.Errorf("close: %v, lost %d", err, s.Lost())
				}
				for _, n := range []string{"n1", "n2", "n3"} {
					if !strings.Contains(l.String(), `"action":"`+n+`"`) {
						t.Errorf("%s left no trace:\n%s", n, l.String())
					}
				}
			})
		})
	}
}

func TestCloseWakesWhoeverWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := kept{err: errors.New("connection refused")}
		s, l := newStream(t, &k, audit.StreamConfig{Queue: 1, Policy: audit.Block, Wait: time.Hour})
		tell(t.Context(), s, 1, 1)
		synctest.Wait()
		tell(t.Context(), s, 2, 2)
		var waiting sync.WaitGroup
		waiting.Go(func() { tell(context.Background(), s, 3, 3) })
		synctest.Wait()
		k.set(func(k *kept) { k.err = nil })
		if err := s.Close(t.Context()); err != nil || k.said() != "n1 n2" {
			t.Errorf("%v, %q", err, k.said())
		}
		waiting.Wait()
		tell(t.Context(), s, 4, 4)
		for _, n := range []string{"n3", "n4"} {
			if !strings.Contains(l.String(), `"action":"`+n+`"`) {
				t.Errorf("%s left no trace:\n%s", n, l.String())
			}
		}
	})
}

// What is counted as neither lost nor written would be lost in silence.
func TestNothingGetsLostBetweenTellingAndClosing(t *testing.T) {
	var k kept
	s, err := audit.NewStream(&k, audit.StreamConfig{Queue: 16, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	var telling sync.WaitGroup
	for range 8 {
		telling.Go(func() { tell(context.Background(), s, 1, 5000) })
	}
	for k.said() == "" {
		runtime.Gosched() // they are at it now
	}
	if err := s.Close(t.Context()); err != nil {
		t.Error(err)
	}
	telling.Wait()
	if written := len(k.actions); written+int(s.Lost()) != 40000 {
		t.Errorf("%d written, %d lost, of 40000", written, s.Lost())
	}
}

func TestNewStreamNamesEveryMistake(t *testing.T) {
	_, err := audit.NewStream(nil, audit.StreamConfig{Queue: -1, Policy: 7})
	for _, want := range []string{"log is nil", "queue -1", "policy is 7"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want something about %q", err, want)
		}
	}
	if _, err := audit.NewStream(invalid{}, audit.StreamConfig{}); !errors.Is(err, errInvalid) {
		t.Errorf("got %v, want what the log says of itself", err)
	}
}

var errInvalid = errors.New("invalid")

type invalid struct{}

func (invalid) Validate() error { return errInvalid }

func (invalid) Append(context.Context, ...[]string) error { return errInvalid }

var _ audit.Sink = (&audit.Stream{}).OnEvent
