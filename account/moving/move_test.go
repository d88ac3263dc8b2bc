package moving_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/multiaccount-go/multiaccount/account"
	"github.com/multiaccount-go/multiaccount/account/moving"
)

var errAway = errors.New("connection refused")

// observed is a store that remembers its calls and the times to live it was given, and lets a test get in between.
type observed struct {
	*account.MemoryStore
	mu     sync.Mutex
	calls  []string
	ttl    time.Duration
	before func(call string) error // the error is the answer, and the call is not made
}

func (o *observed) call(name string) error {
	o.mu.Lock()
	o.calls = append(o.calls, name)
	before := o.before
	o.mu.Unlock()
	if before != nil {
		return before(name)
	}
	return nil
}

func (o *observed) take() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	calls := o.calls
	o.calls = nil
	return calls
}

func (o *observed) Load(ctx context.Context, id account.SessionID) (*account.Session, error) {
	if err := o.call("load"); err != nil {
		return nil, err
	}
	return o.MemoryStore.Load(ctx, id)
}

func (o *observed) Save(ctx context.Context, s *account.Session, ttl time.Duration) error {
	if err := o.call("save"); err != nil {
		return err
	}
	o.ttl = ttl
	return o.MemoryStore.Save(ctx, s, ttl)
}

func (o *observed) Delete(ctx context.Context, id account.SessionID, why account.Reason) error {
	if err := o.call("delete"); err != nil {
		return err
	}
	return o.MemoryStore.Delete(ctx, id, why)
}

func (o *observed) Touch(ctx context.Context, id account.SessionID, seen time.Time, ttl time.Duration) error {
	if err := o.call("touch"); err != nil {
		return err
	}
	return o.MemoryStore.Touch(ctx, id, seen, ttl)
}

// refuse answers some calls with an error.
func refuse(names ...string) func(string) error {
	return func(name string) error {
		if slices.Contains(names, name) {
			return errAway
		}
		return nil
	}
}

func twoStores() (old, fresh *observed) {
	return &observed{MemoryStore: account.NewMemoryStore()}, &observed{MemoryStore: account.NewMemoryStore()}
}

// signedIn returns a session of before the move, and its cookie.
func signedIn(t *testing.T, old account.Store) (*account.Session, account.Cookie) {
	t.Helper()
	out, err := account.NewManager(old, account.Options{}).SignIn(t.Context(), nil, nil, "alice", "password")
	if err != nil {
		t.Fatal(err)
	}
	return out.Session, *out.Cookie
}

var newLeading = moving.Options{Lead: moving.NewLeads}

func TestCallsOfTheStores(t *testing.T) {
	old, fresh := twoStores()
	s, _ := signedIn(t, old.MemoryStore)
	m := moving.New(old, fresh, newLeading)
	for _, step := range []struct {
		name       string
		id         account.SessionID
		old, fresh string
	}{
		{"the first use moves", s.ID, "load save delete", "load save"},
		{"the next one is one call", s.ID, "", "load"},
		{"an unknown id", account.NewCookie().ID, "load", "load load"},
	} {
		_, _ = m.Load(t.Context(), step.id)
		if o, f := strings.Join(old.take(), " "), strings.Join(fresh.take(), " "); o != step.old || f != step.fresh {
			t.Errorf("%s: calls of the old store: %s; of the new one: %s; want %s; %s", step.name, o, f, step.old, step.fresh)
		}
	}
}

func TestTimeToLiveIsKept(t *testing.T) {
	for name, tt := range map[string]struct{ seen, deadline, want time.Duration }{
		"seen an hour ago":               {-time.Hour, 100 * time.Hour, 23 * time.Hour},
		"the deadline comes first":       {-time.Hour, 2 * time.Hour, 2 * time.Hour},
		"it ought to have expired":       {-48 * time.Hour, 100 * time.Hour, time.Minute},
		"its deadline is in the past":    {0, -time.Hour, time.Minute},
		"seen now, by a clock that lags": {-10 * time.Minute, 100 * time.Hour, 24*time.Hour - 10*time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			old, fresh := twoStores()
			s, _ := signedIn(t, old)
			s.Seen, s.Deadline = time.Now().Add(tt.seen), time.Now().Add(tt.deadline)
			if err := old.Save(t.Context(), s, time.Hour); err != nil {
				t.Fatal(err)
			}
			if _, err := moving.New(old, fresh, newLeading).Load(t.Context(), s.ID); err != nil {
				t.Fatal(err)
			}
			for which, got := range map[string]time.Duration{"sealed": old.ttl, "moved": fresh.ttl} {
				if got > tt.want || got < tt.want-time.Minute/2 {
					t.Errorf("%s for %v, want %v", which, got, tt.want)
				}
			}
		})
	}
}

// TestTheMarkerOutlivesEveryCopy: also that of a session which is closed before it is deleted, as the manager does.
func TestTheMarkerOutlivesEveryCopy(t *testing.T) {
	old, fresh := twoStores()
	s, _ := signedIn(t, old)
	deadline := time.Until(s.Deadline)
	if _, err := account.NewManager(moving.New(old, fresh, newLeading), account.Options{}).End(t.Context(), s.ID); err != nil {
		t.Fatal(err)
	}
	if fresh.ttl < deadline {
		t.Errorf("the marker stays for %v, want at least %v", fresh.ttl, deadline)
	}
	left, err := fresh.MemoryStore.Load(t.Context(), s.ID)
	if err != nil {
		t.Fatal(err)
	}
	if left.Find("alice") != nil || left.Secret != (account.Digest{}) || left.Device != "" {
		t.Errorf("the marker still says %+v", left)
	}
}

// TestAnInterruptedMove: the new store goes away between the two writes.
func TestAnInterruptedMove(t *testing.T) {
	old, fresh := twoStores()
	s, cookie := signedIn(t, old)
	fresh.before = refuse("save")
	m := account.NewManager(moving.New(old, fresh, newLeading), account.Options{})
	var unavailable *account.UnavailableError
	if _, err := m.Load(t.Context(), cookie); !errors.As(err, &unavailable) {
		t.Fatalf("got %v, want that the store is unavailable", err)
	}
	if _, err := account.NewManager(old, account.Options{}).Load(t.Context(), cookie); !errors.Is(err, account.ErrNotFound) {
		t.Errorf("with the old store alone: got %v, want ErrNotFound, or a change there would be lost", err)
	}
	fresh.before = nil
	for name, opt := range map[string]moving.Options{"the new store leads": newLeading, "the old store leads": {}} {
		got, err := account.NewManager(moving.New(old, fresh, opt), account.Options{}).Load(t.Context(), cookie)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		got.Revision, s.Revision = 0, 0
		if got.Version != s.Version || got.Tag != s.Tag || got.Reason != s.Reason || !got.Deadline.Equal(s.Deadline.Truncate(time.Millisecond)) {
			t.Errorf("%s: got %+v, want %+v", name, got, s)
		}
	}
}

// TestATouchDuringAMoveCounts: it goes to the record that is just being sealed, and the new store has its copy already.
func TestATouchDuringAMoveCounts(t *testing.T) {
	old, fresh := twoStores()
	s, _ := signedIn(t, old)
	undeleted := &observed{MemoryStore: old.MemoryStore, before: refuse("delete")}
	mover := moving.New(undeleted, fresh.MemoryStore, newLeading)
	old.before = func(call string) error {
		if call == "touch" {
			if _, err := mover.Load(t.Context(), s.ID); err != nil {
				t.Errorf("load: %v", err)
			}
		}
		return nil
	}
	seen := time.Now().Add(time.Minute).Truncate(time.Millisecond)
	if err := moving.New(old, fresh, moving.Options{}).Touch(t.Context(), s.ID, seen, time.Hour); err != nil {
		t.Fatal(err)
	}
	got, err := fresh.MemoryStore.Load(t.Context(), s.ID)
	if err != nil || !got.Seen.Equal(seen) {
		t.Errorf("got %v, %v; want the session in the new store, seen at %v", got, err, seen)
	}
}

// TestSignOutEverywhereFindsWhatMoves: in whatever store a session is, and for a process that knows the new one alone.
func TestSignOutEverywhereFindsWhatMoves(t *testing.T) {
	old, fresh := account.NewMemoryStore(), account.NewMemoryStore()
	s, cookie := signedIn(t, old)
	for name, store := range map[string]account.Store{
		"the old store leads": moving.New(old, fresh, moving.Options{}), "the new store leads": moving.New(old, fresh, newLeading),
	} {
		found, err := account.NewManager(store, account.Options{}).Sessions(t.Context(), "alice")
		if err != nil || len(found) != 1 || found[0].ID != s.ID {
			t.Errorf("%s: found %v, %v", name, found, err)
		}
	}
	if _, err := moving.New(old, fresh, newLeading).Load(t.Context(), s.ID); err != nil {
		t.Fatal(err)
	}
	alone := account.NewManager(fresh, account.Options{Timeout: time.Second})
	if n, err := alone.RevokeEverywhere(t.Context(), "alice", func(account.Outcome) {}); n != 1 || err != nil {
		t.Errorf("revoked %d, %v", n, err)
	}
	both := account.NewManager(moving.New(old, fresh, newLeading), account.Options{})
	if _, err := both.Load(t.Context(), cookie); !errors.Is(err, account.ErrNotFound) {
		t.Errorf("load after it: got %v, want ErrNotFound", err)
	}
}

// TestIndexNeedsBothStores: a store without an index would answer for half of the sessions.
func TestIndexNeedsBothStores(t *testing.T) {
	full := account.NewMemoryStore()
	plain := struct{ account.Store }{account.NewMemoryStore()}
	for name, tt := range map[string]struct {
		old, fresh account.Store
		want       bool
	}{
		"both": {full, account.NewMemoryStore(), true}, "only the new one": {plain, full, false}, "only the old one": {full, plain, false},
	} {
		if _, got := moving.New(tt.old, tt.fresh, newLeading).(account.Index); got != tt.want {
			t.Errorf("%s: is an index: %v, want %v", name, got, tt.want)
		}
	}
}

func TestValidateNamesTheMistake(t *testing.T) {
	full := account.NewMemoryStore()
	for want, store := range map[string]account.Store{
		"the old store is nil":                   moving.New(nil, full, newLeading),
		"the new store is nil":                   moving.New(full, (*account.MemoryStore)(nil), newLeading),
		"the old and the new store are the same": moving.New(full, full, newLeading),
		"Lead is 7":                              moving.New(full, account.NewMemoryStore(), moving.Options{Lead: 7}),
		"Idle is 1ns":                            moving.New(full, account.NewMemoryStore(), moving.Options{Idle: 1}),
		"the inner mistake":                      moving.New(full, invalid{account.NewMemoryStore()}, newLeading),
	} {
		err := store.(interface{ Validate() error }).Validate()
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want an error about %q", err, want)
		}
	}
	right := moving.New(full, account.NewMemoryStore(), newLeading)
	if err := right.(interface{ Validate() error }).Validate(); err != nil {
		t.Errorf("got %v, want nil", err)
	}
}

type invalid struct{ *account.MemoryStore }

func (invalid) Validate() error { return errors.New("the inner mistake") }
