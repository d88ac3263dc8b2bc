package storetest

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/multiaccount-go/multiaccount/account"
)

// ear is one running Watch that remembers what it heard.
type ear struct {
	cancel context.CancelFunc
	done   chan error

	mu    sync.Mutex
	heard []account.Change
}

// listen starts a Watch and waits until it hears: until then a store may miss changes, and says so by Resync.
func listen(t testing.TB, store account.Store) *ear {
	t.Helper()
	return listenTo(t, store, func(account.Change) {})
}

// listenTo is listen with something to do at each change, after it was remembered.
func listenTo(t testing.TB, store account.Store, then func(account.Change)) *ear {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	e := &ear{cancel: cancel, done: make(chan error, 1)}
	go func() {
		e.done <- store.Watch(ctx, func(c account.Change) {
			e.hear(c)
			then(c)
		})
	}()
	t.Cleanup(cancel)
	eventually(t, "a watcher hears its first change", func() bool { return len(e.all()) > 0 })
	return e
}

func (e *ear) hear(c account.Change) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.heard = append(e.heard, c)
}

func (e *ear) all() []account.Change {
	e.mu.Lock()
	defer e.mu.Unlock()
	return append([]account.Change(nil), e.heard...)
}

// of returns what was heard of one session.
func (e *ear) of(id account.SessionID) []account.Change {
	var changes []account.Change
	for _, c := range e.all() {
		if c.ID == id && !c.Resync {
			changes = append(changes, c)
		}
	}
	return changes
}

// resyncs counts how often it was said that changes may have been missed.
func (e *ear) resyncs() (n int) {
	for _, c := range e.all() {
		if c.Resync {
			n++
		}
	}
	return n
}

// expect waits until a session's changes are the wanted ones.
func (e *ear) expect(t testing.TB, id account.SessionID, want []account.Change) {
	t.Helper()
	eventually(t, "every change is heard", func() bool { return len(e.of(id)) >= len(want) })
	got := e.of(id)
	for i := range got {
		if i >= len(want) {
			t.Errorf("heard one more: %+v", got[i])
		} else if !sameChange(got[i], want[i]) {
			t.Errorf("change %d: got %+v, want %+v", i, got[i], want[i])
		}
	}
}

// sameChange compares what the contract promises. Of an ended session it leaves the tag and the generation open.
func sameChange(got, want account.Change) bool {
	if want.Ended {
		got.Tag, got.Generation = want.Tag, want.Generation
	}
	return got == want
}

func notice(s *account.Session) account.Change {
	return account.Change{ID: s.ID, Version: s.Version, Generation: s.Generation, Tag: s.Tag, Reason: s.Reason}
}

func watchBeginsWithResync(t testing.TB, one, _ account.Store) {
	if first := listen(t, one).all()[0]; first != (account.Change{Resync: true}) {
		t.Errorf("got %+v, want Resync and nothing else", first)
	}
}

func watchHearsCommits(t testing.TB, one, other account.Store) {
	near, far := listen(t, one), listen(t, other)
	s := sample()
	var want []account.Change
	for i := range 20 {
		s.Version++
		s.Generation += int64(i % 2)
		s.Tag += "x"
		save(t, one, s)
		want = append(want, notice(s))
		one, other = other, one
	}
	if err := one.Delete(t.Context(), s.ID, account.ReasonRevoked); err != nil {
		t.Fatalf("delete: %v", err)
	}
	want = append(want, account.Change{ID: s.ID, Version: s.Version + 1, Reason: account.ReasonRevoked, Ended: true})
	near.expect(t, s.ID, want)
	far.expect(t, s.ID, want)
}

func watchIsSilent(t testing.TB, one, other account.Store) {
	e := listen(t, other)
	s := sample()
	save(t, one, s)
	want := []account.Change{notice(s)}

	stale := copied(s)
	stale.Revision = 0
	refuse(t, one, stale)
	if err := one.Touch(t.Context(), s.ID, time.Now(), long); err != nil {
		t.Fatalf("touch: %v", err)
	}
	if err := one.Delete(t.Context(), account.NewCookie().ID, account.ReasonRevoked); !errors.Is(err, account.ErrNotFound) {
		t.Fatalf("delete: got %v, want ErrNotFound", err)
	}

	save(t, one, s) // the next thing heard of this session must be this
	e.expect(t, s.ID, append(want, notice(s)))
}

func watchersAreIndependent(t testing.TB, one, other account.Store) {
	first, second := listen(t, one), listen(t, one)
	s := sample()
	save(t, other, s)
	want := []account.Change{notice(s)}
	first.expect(t, s.ID, want)
	second.expect(t, s.ID, want)
	first.cancel()
	<-first.done
	save(t, other, s)
	second.expect(t, s.ID, append(want, notice(s)))
	first.expect(t, s.ID, want)
}

// watchFollowsTheWrite: a watcher reads the session as soon as it hears of it, and must not find the one before.
func watchFollowsTheWrite(t testing.TB, one, other account.Store) {
	s := sample()
	done := make(chan struct{})
	var once sync.Once
	e := listenTo(t, other, func(c account.Change) {
		if c.ID != s.ID || c.Resync {
			return
		}
		for _, reader := range []account.Store{one, other} {
			got, err := reader.Load(t.Context(), c.ID)
			switch {
			case c.Ended && !errors.Is(err, account.ErrNotFound):
				t.Errorf("told that the session ended: load got %v, want ErrNotFound", err)
			case !c.Ended && err != nil && !errors.Is(err, account.ErrNotFound): // it may have ended since
				t.Errorf("told version %d: load: %v", c.Version, err)
			case !c.Ended && err == nil && got.Version < c.Version:
				t.Errorf("told version %d: load got version %d", c.Version, got.Version)
			}
		}
		if c.Ended {
			once.Do(func() { close(done) })
		}
	})
	for range 20 {
		s.Version++
		save(t, one, s)
	}
	eventually(t, "every save is heard", func() bool { return len(e.of(s.ID)) >= 20 }) // so that each was there to be read
	if err := one.Delete(t.Context(), s.ID, account.ReasonSignedOut); err != nil {
		t.Fatalf("delete: %v", err)
	}
	select {
	case <-done:
	case <-time.After(patience):
		t.Errorf("still not after %v: the end is heard", patience)
	}
}

func watchersMayBeSlow(t testing.TB, one, other account.Store) {
	s := sample()
	release := make(chan struct{})
	free := sync.OnceFunc(func() { close(release) })
	defer free()
	stuck := make(chan struct{}, 1)
	slow := listenTo(t, one, func(c account.Change) {
		if c.ID == s.ID {
			select {
			case stuck <- struct{}{}:
			default:
			}
			<-release
		}
	})
	quick, far := listen(t, one), listen(t, other)
	before := slow.resyncs()
	save(t, one, s)
	select {
	case <-stuck:
	case <-time.After(patience):
		t.Fatalf("still not after %v: the first change is heard", patience)
	}
	want := []account.Change{notice(s)}
	for range 50 {
		s.Version++
		save(t, one, s)
		want = append(want, notice(s))
	}
	quick.expect(t, s.ID, want)
	far.expect(t, s.ID, want)
	free()
	eventually(t, "the slow one hears the last change, or that it missed some", func() bool {
		ours := slow.of(s.ID)
		return ours[len(ours)-1] == notice(s) || slow.resyncs() > before
	})
}

func watchersComeAndGo(t testing.TB, one, other account.Store) {
	stays := listen(t, one)
	for range 30 {
		e := listen(t, other)
		e.cancel()
		<-e.done
	}
	comes := listen(t, other)
	s := sample()
	save(t, one, s)
	want := []account.Change{notice(s)}
	stays.expect(t, s.ID, want)
	comes.expect(t, s.ID, want)
}

func watchEnds(t testing.TB, one, _ account.Store) {
	e := listen(t, one)
	e.cancel()
	select {
	case err := <-e.done:
		if !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want context.Canceled", err)
		}
	case <-time.After(patience):
		t.Fatalf("Watch still runs %v after its context ended", patience)
	}
}
