package multiaccount_test

import (
	"context"
	"fmt"
	"math"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/multiaccount-go/multiaccount/account"
)

// Whoever can publish on the store's channels makes a notice up. Tabs and views that are open must be as they were before,
// and follow the next change that really happens.
func TestForgedNotice(t *testing.T) {
	for name, forge := range map[string]func(*account.Change){
		"a version that no other comes after": func(ch *account.Change) { ch.Version = math.MaxInt64 },
		"the next version":                    func(ch *account.Change) { ch.Version++ },
		"the same version of another history": func(ch *account.Change) {},
		"a generation that no other comes after": func(ch *account.Change) {
			ch.Version, ch.Generation = math.MaxInt64, math.MaxInt64
		},
		"an end":                      func(ch *account.Change) { ch.Ended = true },
		"an end, with a great number": func(ch *account.Change) { ch.Version, ch.Ended = math.MaxInt64, true },
	} {
		t.Run(name, func(t *testing.T) {
			var r resyncing
			s := newSite(t, resyncStore(&r))
			l := s.listen()
			b := s.signedIn("a", "b")
			was := b.document()
			tab := l.open(b, fmt.Sprintf("/link/live?v=%d", was.Version))
			tab.hears("hello")
			cookie, err := account.ParseCookie(b.cookie())
			if err != nil {
				t.Fatal(err)
			}
			s.store.takeCalls()
			forged := account.Change{ID: cookie.ID, Version: was.Version, Tag: "forged", Reason: account.ReasonSwitched}
			forge(&forged)
			r.say(t, forged)
			eventually(t, "the record was looked at", func() bool { return slices.Contains(s.store.takeCalls(), "load many") })

			b.switchTo("a")
			if v, is := tab.hears("session-changed"), b.document().Version; v != is {
				t.Errorf("the tab hears of version %d, want %d", v, is)
			}
			tab.closes(1012)
			tab = l.open(b, fmt.Sprintf("/link/live?v=%d", was.Version))
			if v, is := tab.hears("hello"), b.document().Version; v != is {
				t.Errorf("the next one is greeted with version %d, want %d", v, is)
			}
		})
	}
}

// hasty is a store whose feed tells of each save, and of what a test adds, before the answer to the save is there.
type hasty struct {
	*observedStore
	tell atomic.Pointer[func(account.Change)]
	more []account.Change
}

func (h *hasty) Watch(ctx context.Context, fn func(account.Change)) error {
	h.tell.Store(&fn)
	<-ctx.Done()
	return ctx.Err()
}

func (h *hasty) Save(ctx context.Context, s *account.Session, ttl time.Duration) error {
	if err := h.observedStore.Save(ctx, s, ttl); err != nil {
		return err
	}
	saved := account.Change{ID: s.ID, Version: s.Version, Generation: s.Generation, Tag: s.Tag, Reason: s.Reason}
	for _, ch := range append([]account.Change{saved, saved}, h.more...) {
		(*h.tell.Load())(ch)
	}
	return nil
}

// A process that changes a session knows what it saves, and reads nothing when the store tells it of that. Whatever else is
// said meanwhile is looked up when the change is through, however often the true notice was repeated before.
func TestNoticeOfAnOwnChange(t *testing.T) {
	h := &hasty{}
	s := newSite(t, func(c *config) {
		h.observedStore = c.Store.(*observedStore)
		c.Store = h
	})
	eventually(t, "the feed is watched", func() bool { return h.tell.Load() != nil })
	l := s.listen()
	b := s.signedIn("a", "b")
	looks := 0
	looked := func(want int) func() bool {
		return func() bool {
			for _, call := range s.store.takeCalls() {
				if call == "load many" {
					looks++
				}
			}
			return looks >= want
		}
	}
	follow := func() *socket {
		tab := l.open(b, fmt.Sprintf("/link/live?v=%d", b.document().Version))
		tab.hears("hello")
		return tab
	}
	for _, to := range []string{"a", "b", "a", "b"} {
		tab := follow()
		b.switchTo(to)
		tab.hears("session-changed")
		tab.closes(1012)
	}
	if looked(1)() {
		t.Errorf("the record was read %d times for own changes", looks)
	}

	cookie, err := account.ParseCookie(b.cookie())
	if err != nil {
		t.Fatal(err)
	}
	h.more = []account.Change{{ID: cookie.ID, Version: math.MaxInt64, Tag: "forged"}}
	tab := follow()
	b.switchTo("a")
	eventually(t, "the record was looked at", looked(1))
	if v, is := tab.hears("session-changed"), b.document().Version; v != is {
		t.Errorf("the tab hears of version %d, want %d", v, is)
	}
}

// A notice comes while the store does not answer: what it says is looked up as soon as the store does.
func TestNoticeWhileTheStoreIsAway(t *testing.T) {
	var r resyncing
	s := newSite(t, resyncStore(&r))
	l := s.listen()
	b := s.signedIn("a", "b")
	tab := l.open(b, fmt.Sprintf("/link/live?v=%d", b.document().Version))
	tab.hears("hello")
	cookie, err := account.ParseCookie(b.cookie())
	if err != nil {
		t.Fatal(err)
	}
	other := account.NewManager(r.observedStore.MemoryStore, account.Options{Now: s.clock.now})
	s.store.takeCalls()
	s.store.fail(errStoreDown)
	revoke := func(sess *account.Session, now time.Time) (account.Effect, error) { return sess.Revoke(sess.Current) }
	if _, err := other.ChangeByID(t.Context(), cookie.ID, revoke); err != nil { // as another process does
		t.Fatal(err)
	}
	eventually(t, "the record could not be read", func() bool { return slices.Contains(s.store.takeCalls(), "load many") })
	s.store.fail(nil)
	tab.hears("session-changed")
}
