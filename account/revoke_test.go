package account_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/multiaccount-go/multiaccount/account"
)

// held is a store that holds the next write of each kind until the test lets it go on, whatever the caller's patience.
type held struct {
	*account.MemoryStore
	save, enlist chan chan struct{} // a request waits with a channel that the test closes; nil: nothing is held
}

func hold(in chan chan struct{}) {
	if in != nil {
		goOn := make(chan struct{})
		in <- goOn
		<-goOn
	}
}

func (h *held) Save(ctx context.Context, s *account.Session, ttl time.Duration) error {
	hold(h.save)
	return h.MemoryStore.Save(ctx, s, ttl)
}

func (h *held) Enlist(ctx context.Context, name string, id account.SessionID, until time.Time) error {
	err := h.MemoryStore.Enlist(ctx, name, id, until)
	hold(h.enlist)
	return err
}

// SE-14: a sign-in that has begun when all sessions of the account are revoked, and is saved after they were looked at.
func TestASignInUnderWayDoesNotEscapeARevocation(t *testing.T) {
	asks := map[string]struct {
		given string
		ask   func(*world) (account.Outcome, error)
		want  string // of the session that the request came with
	}{
		"a session of its own": {"a^*", func(w *world) (account.Outcome, error) {
			return w.m.SignIn(w.t.Context(), nil, nil, "b", "password")
		}, "a^*"},
		"a link":                          {"a^*", signingIn("b"), "a^ b!"},
		"a member signs in again":         {"a^* b", signingIn("b"), "a^ b!"},
		"another session is replaced":     {"c^*", signingIn("b"), "ended"},
		"the only account signs in again": {"b^*", signingIn("b"), "ended"},
	}
	for name, test := range asks {
		for _, kind := range []string{"save", "enlist"} {
			t.Run(name+", held in "+kind, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					w := newWorld(t, test.given, test.want == "a^ b!")
					for _, l := range w.load().Accounts {
						if err := w.store.Enlist(t.Context(), l.Account, w.id, w.load().Deadline); err != nil {
							t.Fatal(err)
						}
					}
					store := &held{MemoryStore: w.store}
					requests := make(chan chan struct{})
					if kind == "save" {
						store.save = requests
					} else {
						store.enlist = requests
					}
					slow := *w
					slow.m = account.NewManager(store, account.Options{})
					w.m = account.NewManager(w.store, account.Options{})
					done := make(chan account.Outcome, 1)
					go func() {
						out, _ := test.ask(&slow) // may be refused, as long as nobody is signed in
						done <- out
					}()
					goOn := <-requests // it has enlisted itself, and is not saved

					revoked := make(chan int, 1)
					go func() {
						n, err := w.m.RevokeEverywhere(t.Context(), "b", func(account.Outcome) {})
						if err != nil {
							t.Errorf("revoke: %v", err)
						}
						revoked <- n
					}()
					synctest.Wait() // the first look is over
					close(goOn)
					go func() {
						for goOn := range requests { // further writes go on at once
							close(goOn)
						}
					}()
					out := <-done
					n := <-revoked
					close(requests)
					if out.Cookie != nil {
						if s, err := w.m.Load(t.Context(), *out.Cookie); !errors.Is(err, account.ErrNotFound) {
							if l := s.Find("b"); l != nil && l.IsActive(time.Now()) {
								t.Errorf("b is signed in after the revocation: %q", picture(s, time.Now()))
							}
						}
						if n == 0 {
							t.Error("nothing was revoked")
						}
					}
					sessions, err := w.m.Sessions(t.Context(), "b")
					if err != nil {
						t.Fatal(err)
					}
					for _, s := range sessions {
						if s.Find("b").IsActive(time.Now()) {
							t.Errorf("b is signed in after the revocation: %q", picture(s, time.Now()))
						}
					}
				})
			})
		}
	}
}

// A process that stops between enlisting and saving, for longer than a revocation waits, saves nothing when it goes on.
func TestASignInThatWasAsleepIsNotSaved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &held{MemoryStore: account.NewMemoryStore(), enlist: make(chan chan struct{})}
		m := account.NewManager(store, account.Options{})
		done := make(chan error, 1)
		go func() {
			_, err := m.SignIn(t.Context(), nil, nil, "b", "password")
			done <- err
		}()
		goOn := <-store.enlist
		if n, err := m.RevokeEverywhere(t.Context(), "b", nil); n != 0 || err != nil {
			t.Fatalf("got %d, %v", n, err)
		}
		close(goOn)
		var unavailable *account.UnavailableError
		if err := <-done; !errors.As(err, &unavailable) {
			t.Errorf("got %v, want UnavailableError", err)
		}
		if left, err := m.Sessions(t.Context(), "b"); err != nil || len(left) != 0 {
			t.Errorf("got %v, %v: the sign-in escaped", left, err)
		}
	})
}

func TestRevokeEverywhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newSite()
		x.begin(t, "b")
		x.begin(t, "a", "b")
		x.begin(t, "a")
		var told []string
		n, err := x.m.RevokeEverywhere(t.Context(), "b", func(out account.Outcome) { told = append(told, picture(out.Session, time.Now())) })
		if err != nil || n != 2 || len(told) != 2 {
			t.Fatalf("got %d, %v, told of %q, want two", n, err, told)
		}
		if n, err := x.m.RevokeEverywhere(t.Context(), "b", nil); n != 0 || err != nil {
			t.Errorf("once more: got %d, %v", n, err)
		}
	})
}

func TestARevocationThatIsGivenUpSaysWhatItDid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newSite()
		x.begin(t, "b")
		ctx, cancel := context.WithCancel(t.Context())
		n, err := x.m.RevokeEverywhere(ctx, "b", func(account.Outcome) { cancel() })
		if n != 1 || !errors.Is(err, context.Canceled) {
			t.Errorf("got %d, %v, want the number and that it was not finished", n, err)
		}
	})
}

func TestARevocationWithoutAnIndexSaysSoAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		n, err := account.NewManager(plain{newSite().store}, account.Options{}).RevokeEverywhere(t.Context(), "b", nil)
		if n != 0 || !errors.Is(err, account.ErrNoIndex) || time.Since(start) != 0 {
			t.Errorf("got %d, %v after %v", n, err, time.Since(start))
		}
	})
}

// batches notes how many sessions are asked for at once.
type batches struct {
	*account.MemoryStore
	most atomic.Int64
	err  error
	asks atomic.Int64
}

func (b *batches) LoadMany(ctx context.Context, ids []account.SessionID) ([]*account.Session, error) {
	b.most.Store(max(b.most.Load(), int64(len(ids))))
	b.asks.Add(1)
	if b.err != nil {
		return nil, b.err
	}
	return b.MemoryStore.LoadMany(ctx, ids)
}

// SE-14: an administrator signs out somebody who is signed in ten thousand times, and nobody else waits for it.
func TestTenThousandSessionsAreRevoked(t *testing.T) {
	const many = 10_000
	store := &batches{MemoryStore: account.NewMemoryStore()}
	m := account.NewManager(store, account.Options{Timeout: 10 * time.Second})
	for range many {
		if _, err := m.SignIn(t.Context(), nil, nil, "b", "password"); err != nil {
			t.Fatal(err)
		}
	}
	other, err := m.SignIn(t.Context(), nil, nil, "a", "password")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var told, served int
	n, err := m.RevokeEverywhere(ctx, "b", func(out account.Outcome) {
		if told++; told%1000 == 0 { // in the midst of it somebody else is served
			if _, err := m.Load(t.Context(), *other.Cookie); err == nil {
				served++
			}
		}
		if told == many {
			cancel() // the second look has nothing to find, and waits for 20 seconds
		}
	})
	if n != many || told != many || served != many/1000 || !errors.Is(err, context.Canceled) {
		t.Errorf("got %d revoked, %d told, %d served, %v", n, told, served, err)
	}
	if most := store.most.Load(); most > 256 {
		t.Errorf("%d sessions were read at once", most)
	}
	if left, err := m.Sessions(t.Context(), "b"); err != nil || len(left) != 0 {
		t.Errorf("%d sessions are left, %v", len(left), err)
	}
}

func TestAWalkOverManySessionsEndsWhenTheStoreIsSilent(t *testing.T) {
	store := &batches{MemoryStore: account.NewMemoryStore()}
	m := account.NewManager(store, account.Options{})
	for range 256 * 20 {
		if err := store.Enlist(t.Context(), "b", account.NewCookie().ID, time.Now().Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
	}
	store.err = errDown
	outcomes, err := m.Everywhere(t.Context(), "b", nil)
	if len(outcomes) != 0 || !errors.Is(err, errDown) || store.asks.Load() >= 20 {
		t.Errorf("asked %d times, got %v", store.asks.Load(), err)
	}
}
