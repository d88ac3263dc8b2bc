package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/multiaccount-go/multiaccount/account"
)

// Outage is a store whose backend a check can take away and bring back, by stopping the server or cutting the wire to it.
type Outage struct {
	Store account.Store
	Cut   func() // the backend is gone, with all connections to it
	Mend  func() // it answers again, and has all that it had acknowledged
}

// RunOutage holds a store with a backend to what the contract says of one that does not answer: errors that are no
// sentinel, soon after the context has ended; nothing written by halves; and a change feed that comes back by itself, with
// Resync. newOutage is called once for each check, and what it returns is used by one check only: the checks run one after
// the other.
func RunOutage(t *testing.T, newOutage func(t *testing.T) Outage) {
	t.Helper()
	for _, c := range outageChecks {
		t.Run(c.sentence, func(t *testing.T) { c.run(t, newOutage(t)) })
	}
}

type outageCheck struct {
	sentence string
	run      func(t testing.TB, o Outage)
}

var outageChecks = []outageCheck{
	{"away: every method returns soon after its context with an error that is no sentinel", awayIsAnError},
	{"away: nobody is told that there are no sessions", awayIsNotEmpty},
	{"back: every method works again, and what was acknowledged is there", backAsBefore},
	{"back: what failed was done wholly or not at all", wholeOrNothing},
	{"Watch: an outage does not end it, Resync says that it is over, and then it hears again", watchOutlives},
	{"Watch: it returns the context's error when the context ends during an outage", watchEndsDuring},
}

// answer is how long a request waits for the store while it is away.
const answer = 300 * time.Millisecond

// slack is how much later a method may return, on a slow machine.
const slack = 3 * time.Second

// briefly calls with a context that ends soon.
func briefly(t testing.TB, call func(ctx context.Context) error) error {
	ctx, cancel := context.WithTimeout(t.Context(), answer)
	defer cancel()
	return call(ctx)
}

func isSentinel(err error) bool {
	return errors.Is(err, account.ErrNotFound) || errors.Is(err, account.ErrConflict) || errors.Is(err, account.ErrBadRecord)
}

func awayIsAnError(t testing.TB, o Outage) {
	s := sample()
	save(t, o.Store, s)
	calls := map[string]func(ctx context.Context) error{
		"Load":   func(ctx context.Context) error { _, err := o.Store.Load(ctx, s.ID); return err },
		"Touch":  func(ctx context.Context) error { return o.Store.Touch(ctx, s.ID, time.Now(), long) },
		"Delete": func(ctx context.Context) error { return o.Store.Delete(ctx, s.ID, account.ReasonRevoked) },
		"Save": func(ctx context.Context) error {
			tried := copied(s)
			tried.Version++
			want := copied(tried)
			err := o.Store.Save(ctx, tried, long)
			same(t, tried, want) // nothing is known to have been saved
			return err
		},
		"Save of a new session": func(ctx context.Context) error { return o.Store.Save(ctx, sample(), long) },
	}
	if index, ok := o.Store.(account.Index); ok {
		calls["Enlist"] = func(ctx context.Context) error { return index.Enlist(ctx, "alice", s.ID, s.Deadline) }
	}
	o.Cut()
	defer o.Mend()
	for method, call := range calls {
		began := time.Now()
		err := briefly(t, call)
		if took := time.Since(began); took > answer+slack {
			t.Errorf("%s returned after %v, want soon after %v", method, took, answer)
		}
		if err == nil || isSentinel(err) {
			t.Errorf("%s: got %v, want an error that says nothing about the session", method, err)
		}
	}
}

// awayIsNotEmpty: who believes that there is nothing takes open tabs for signed out, or a sign-out everywhere for done.
func awayIsNotEmpty(t testing.TB, o Outage) {
	s := sample()
	save(t, o.Store, s)
	o.Cut()
	defer o.Mend()
	if batch, ok := o.Store.(account.BatchLoader); ok {
		err := briefly(t, func(ctx context.Context) error {
			_, err := batch.LoadMany(ctx, []account.SessionID{s.ID})
			return err
		})
		if err == nil {
			t.Error("LoadMany: got no error")
		}
	}
	if index, ok := o.Store.(account.Index); ok {
		err := briefly(t, func(ctx context.Context) error {
			_, err := index.SessionsOf(ctx, "alice")
			return err
		})
		if err == nil {
			t.Error("SessionsOf: got no error")
		}
	}
}

// backAgain waits until the store answers.
func backAgain(t testing.TB, store account.Store) {
	t.Helper()
	eventually(t, "the store answers again", func() bool {
		return briefly(t, func(ctx context.Context) error {
			_, err := store.Load(ctx, account.NewCookie().ID)
			if errors.Is(err, account.ErrNotFound) {
				return nil
			}
			return err
		}) == nil
	})
}

func backAsBefore(t testing.TB, o Outage) {
	kept, ended := sample(), sample()
	save(t, o.Store, kept)
	save(t, o.Store, ended)
	if err := o.Store.Delete(t.Context(), ended.ID, account.ReasonSignedOut); err != nil {
		t.Fatalf("delete: %v", err)
	}
	o.Cut()
	_ = briefly(t, func(ctx context.Context) error { _, err := o.Store.Load(ctx, kept.ID); return err })
	o.Mend()
	backAgain(t, o.Store)
	same(t, load(t, o.Store, kept.ID), kept)
	if _, err := o.Store.Load(t.Context(), ended.ID); !errors.Is(err, account.ErrNotFound) {
		t.Errorf("load of the session that had ended: got %v, want ErrNotFound", err)
	}
	save(t, o.Store, kept)
	if err := o.Store.Touch(t.Context(), kept.ID, kept.Seen, long); err != nil {
		t.Errorf("touch: %v", err)
	}
	if err := o.Store.Delete(t.Context(), kept.ID, account.ReasonSignedOut); err != nil {
		t.Errorf("delete: %v", err)
	}
}

// client writes one session again and again and knows what it may find: what was acknowledged last, or one of those that
// were tried since.
type client struct {
	session *account.Session
	tried   []*account.Session // any of them may still arrive, but only as long as none has
}

// write tries one save. A save that failed may have been done all the same, so the client looks before it goes on.
func (c *client) write(t testing.TB, store account.Store, i int) error {
	next := copied(c.session)
	next.Version++
	next.Device, next.Tag, next.StampKey[0] = fmt.Sprint("write ", i), fmt.Sprint("tag ", i), byte(i)
	err := briefly(t, func(ctx context.Context) error { return store.Save(ctx, next, long) })
	if err == nil {
		c.session, c.tried = next, nil
		return nil
	}
	c.tried = append(c.tried, next)
	var found *account.Session
	lookup := briefly(t, func(ctx context.Context) (err error) { found, err = store.Load(ctx, c.session.ID); return err })
	if lookup != nil && !isSentinel(lookup) {
		return nil // still away
	}
	if lookup != nil {
		return fmt.Errorf("load of a session that nobody ended: %w", lookup)
	}
	return c.adopt(found)
}

// adopt goes on with what was found, if it may be there.
func (c *client) adopt(found *account.Session) error {
	may := append([]*account.Session{c.session}, c.tried...)
	i := slices.IndexFunc(may, func(s *account.Session) bool {
		return s.Version == found.Version && s.Device == found.Device && s.Tag == found.Tag && s.StampKey[0] == found.StampKey[0]
	})
	if i < 0 {
		return fmt.Errorf("found version %d, %q, tag %q, key %d: neither what was acknowledged (version %d, %q) nor one of %d tries since",
			found.Version, found.Device, found.Tag, found.StampKey[0], c.session.Version, c.session.Device, len(c.tried))
	}
	if want := c.session.Revision + min(int64(i), 1); found.Revision != want {
		return fmt.Errorf("found revision %d with %q, want %d", found.Revision, found.Device, want)
	}
	if i > 0 {
		c.session, c.tried = found, nil
	}
	return nil
}

func wholeOrNothing(t testing.TB, o Outage) {
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	clients := make([]*client, 4)
	var writing sync.WaitGroup
	for n := range clients {
		c := &client{session: sample()}
		clients[n] = c
		save(t, o.Store, c.session)
		writing.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				if err := c.write(t, o.Store, i); err != nil {
					t.Errorf("client %d: %v", n, err)
					return
				}
				time.Sleep(time.Millisecond) // so that a store in memory is not all that the machine does
			}
		})
	}
	for range 3 {
		time.Sleep(50 * time.Millisecond) // in the middle of the writing
		o.Cut()
		time.Sleep(answer / 2)
		o.Mend()
		backAgain(t, o.Store)
	}
	stop()
	writing.Wait()
	for n, c := range clients {
		if err := c.adopt(load(t, o.Store, c.session.ID)); err != nil {
			t.Errorf("client %d at the end: %v", n, err)
		}
	}
}

func watchOutlives(t testing.TB, o Outage) {
	e := listen(t, o.Store)
	s := sample()
	save(t, o.Store, s)
	e.expect(t, s.ID, []account.Change{notice(s)})
	for range 2 {
		before := e.resyncs()
		o.Cut()
		_ = briefly(t, func(ctx context.Context) error { _, err := o.Store.Load(ctx, s.ID); return err })
		o.Mend()
		backAgain(t, o.Store)
		eventually(t, "the watcher hears Resync", func() bool { return e.resyncs() > before })
		s = load(t, o.Store, s.ID)
		s.Version++
		save(t, o.Store, s)
		eventually(t, "the watcher hears a change after the outage", func() bool {
			heard := e.of(s.ID)
			return heard[len(heard)-1] == notice(s)
		})
	}
	select {
	case err := <-e.done:
		t.Errorf("Watch returned %v while its context goes on", err)
	default:
	}
}

func watchEndsDuring(t testing.TB, o Outage) {
	e := listen(t, o.Store)
	o.Cut()
	defer o.Mend()
	_ = briefly(t, func(ctx context.Context) error { _, err := o.Store.Load(ctx, account.NewCookie().ID); return err })
	e.cancel()
	select {
	case err := <-e.done:
		if !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want context.Canceled", err)
		}
	case <-time.After(slack):
		t.Errorf("Watch still runs %v after its context ended", slack)
	}
}
