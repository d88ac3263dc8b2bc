package storetest

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/multiaccount-go/multiaccount/account"
)

// checks lists the whole contract. The rules of one record are in this file, those of several callers in concurrent.go,
// those of the change feed in watch.go and the optional powers in powers.go. What holds while the backend is away is in
// outage.go.
var checks = []check{
	{"Load: a missing session is ErrNotFound", loadMissing},
	{"Load: a session comes back as it was saved", loadReturnsWhatWasSaved},
	{"Load: the caller owns what it gets", loadGivesCopies},
	{"Load: an expired session is ErrNotFound", expiredIsNotFound},
	{"Save: the revision advances, from 0 to 1 to 2", saveAdvancesRevision},
	{"Save: a session that was never saved must not exist", saveNewOverExisting},
	{"Save: a stale revision is ErrConflict and changes nothing", saveStale},
	{"Save: a revision from the future is ErrConflict", saveFuture},
	{"Save: a deleted session is not brought back", saveAfterDelete},
	{"Save: an expired session is not brought back", saveAfterExpiry},
	{"Save: each save starts the time to live anew", saveRenewsTTL},
	{"Save: a ttl that is not positive is an error", ttlMustBePositive},
	{"Save: the ttl counts from the call, whatever times the session itself names", lifeIsTheTTL},
	{"Save: a record of nearly MaxRecord comes back whole, a larger one is refused", largeRecords},
	{"Save: of many writers of one revision exactly one wins", oneWriterWins},
	{"Save: sessions that are written at the same time keep apart", sessionsKeepApart},
	{"Delete: the session is gone, whatever its revision", deleteEnds},
	{"Delete: a missing session is ErrNotFound", deleteMissing},
	{"Delete: a save at the same time leaves nothing behind", saveRacesDelete},
	{"Delete: of many at the same time one ends the session and is told, the others are ErrNotFound", oneDeleteEnds},
	{"Touch: the session lives for another ttl, and nothing else changes", touchExtends},
	{"Touch: it neither shortens the life nor moves back when the session was seen", touchNeverGoesBack},
	{"Touch: a missing session is ErrNotFound and is not created", touchMissing},
	{"Touch: a deleted session is not brought back", touchAfterDelete},
	{"Touch: at the same time as a save, neither is in the way of the other", touchRacesSave},
	{"every method returns at once when the context has ended", cancelledContext},
	{"Watch: the first thing heard is Resync", watchBeginsWithResync},
	{"Watch: every save and every delete is heard, in the order of the commits", watchHearsCommits},
	{"Watch: what changes nothing visible is not told", watchIsSilent},
	{"Watch: every watcher hears, and goes on hearing when another leaves", watchersAreIndependent},
	{"Watch: what is heard can be read", watchFollowsTheWrite},
	{"Watch: who is slow delays neither writers nor other watchers, and misses nothing unknowingly", watchersMayBeSlow},
	{"Watch: watchers may come and go without end", watchersComeAndGo},
	{"Watch: it returns the context's error when the context ends", watchEnds},
	{"LoadMany: sessions come in the order of the ids, nil for missing ones", loadMany},
	{"LoadMany: an ended or expired session is nil", loadManyOfTheEnded},
	{"SessionsOf: at least every session that was enlisted", sessionsOf},
	{"SessionsOf: of many that are enlisted at the same time none gets lost", enlistTogether},
	{"SessionsOf: a session can be enlisted before it exists, and twice", enlistEarlyAndTwice},
}

func loadMissing(t testing.TB, _, other account.Store) {
	s, err := other.Load(t.Context(), account.NewCookie().ID)
	if s != nil || !errors.Is(err, account.ErrNotFound) {
		t.Errorf("got %v, %v, want nil, ErrNotFound", s, err)
	}
}

func loadReturnsWhatWasSaved(t testing.TB, one, other account.Store) {
	for _, s := range []*account.Session{sample(), choosing(), sole()} {
		want := copied(s)
		want.Revision = 1
		save(t, one, s)
		same(t, s, want) // a save sets the revision and nothing else
		same(t, load(t, other, s.ID), want)
	}
}

func loadGivesCopies(t testing.TB, one, other account.Store) {
	s := sample()
	save(t, one, s)
	want := copied(s)
	spoil := func(s *account.Session) {
		s.Accounts[0].Account, s.StampKey[0], s.Intent.By, s.Tag = "mallory", 99, "nobody", "spoilt"
	}
	spoil(s)
	spoil(load(t, other, s.ID))
	same(t, load(t, other, s.ID), want)
}

// brief is a time to live that a check waits out.
const brief = 60 * time.Millisecond

// saveBriefly saves a session that is about to expire.
func saveBriefly(t testing.TB, store account.Store, s *account.Session) {
	t.Helper()
	if err := store.Save(t.Context(), s, brief); err != nil {
		t.Fatalf("save: %v", err)
	}
}

func awaitExpiry(t testing.TB, store account.Store, id account.SessionID) {
	t.Helper()
	eventually(t, "the session is expired and Load returns ErrNotFound", func() bool {
		_, err := store.Load(t.Context(), id)
		return errors.Is(err, account.ErrNotFound)
	})
}

func expiredIsNotFound(t testing.TB, one, other account.Store) {
	s := sample()
	saveBriefly(t, one, s)
	awaitExpiry(t, other, s.ID)
	if err := one.Touch(t.Context(), s.ID, time.Now(), long); !errors.Is(err, account.ErrNotFound) {
		t.Errorf("touch: got %v, want ErrNotFound", err)
	}
	if err := one.Delete(t.Context(), s.ID, account.ReasonRevoked); !errors.Is(err, account.ErrNotFound) {
		t.Errorf("delete: got %v, want ErrNotFound", err)
	}
}

func saveAdvancesRevision(t testing.TB, one, other account.Store) {
	s := sample()
	for want := int64(1); want <= 12; want++ { // past 9: revisions are numbers, not text
		save(t, one, s)
		if s.Revision != want {
			t.Fatalf("revision after save: got %d, want %d", s.Revision, want)
		}
		s = load(t, other, s.ID)
		if s.Revision != want {
			t.Fatalf("revision after load: got %d, want %d", s.Revision, want)
		}
		one, other = other, one
	}
}

// refuse expects a conflict that changes neither the store nor the session.
func refuse(t testing.TB, store account.Store, s *account.Session) {
	t.Helper()
	want := copied(s)
	if err := store.Save(t.Context(), s, long); !errors.Is(err, account.ErrConflict) {
		t.Errorf("save: got %v, want ErrConflict", err)
	}
	same(t, s, want)
}

func saveNewOverExisting(t testing.TB, one, other account.Store) {
	s := sample()
	save(t, one, s)
	twin := copied(s)
	twin.Revision, twin.Version = 0, 99
	refuse(t, other, twin)
	same(t, load(t, other, s.ID), s)
}

func saveStale(t testing.TB, one, other account.Store) {
	s := sample()
	save(t, one, s)
	stale := load(t, other, s.ID)
	s.Version, s.Tag, s.Current = 8, "newer", "first"
	save(t, one, s)
	stale.Version, stale.Tag, stale.Reason = 99, "stale", account.ReasonRevoked
	refuse(t, other, stale)
	same(t, load(t, other, s.ID), s)
}

func saveFuture(t testing.TB, one, other account.Store) {
	s := sample()
	save(t, one, s)
	future := copied(s)
	future.Revision, future.Version = 2, 99
	refuse(t, other, future)
	same(t, load(t, other, s.ID), s)
	unknown := sample()
	unknown.Revision = 1
	refuse(t, one, unknown)
	if _, err := other.Load(t.Context(), unknown.ID); !errors.Is(err, account.ErrNotFound) {
		t.Errorf("load: got %v, want ErrNotFound", err)
	}
}

func saveAfterDelete(t testing.TB, one, other account.Store) {
	s := sample()
	save(t, one, s)
	if err := other.Delete(t.Context(), s.ID, account.ReasonSignedOut); err != nil {
		t.Fatalf("delete: %v", err)
	}
	refuse(t, one, s)
	if _, err := other.Load(t.Context(), s.ID); !errors.Is(err, account.ErrNotFound) {
		t.Errorf("load: got %v, want ErrNotFound", err)
	}
}

func saveAfterExpiry(t testing.TB, one, other account.Store) {
	s := sample()
	saveBriefly(t, one, s)
	awaitExpiry(t, other, s.ID)
	refuse(t, one, s)
	if _, err := other.Load(t.Context(), s.ID); !errors.Is(err, account.ErrNotFound) {
		t.Errorf("load: got %v, want ErrNotFound", err)
	}
}

func saveRenewsTTL(t testing.TB, one, other account.Store) {
	kept, cut := sample(), sample()
	if err := one.Save(t.Context(), kept, time.Second); err != nil {
		t.Fatalf("save: %v", err)
	}
	save(t, one, kept)
	save(t, one, cut)
	saveBriefly(t, one, cut)
	awaitExpiry(t, other, cut.ID)
	time.Sleep(1100 * time.Millisecond) // past the first ttl of kept
	same(t, load(t, other, kept.ID), kept)
}

func ttlMustBePositive(t testing.TB, one, other account.Store) {
	for _, ttl := range []time.Duration{0, -time.Second} {
		s := sample()
		if err := one.Save(t.Context(), s, ttl); err == nil || errors.Is(err, account.ErrConflict) {
			t.Errorf("save with ttl %v: got %v, want an error that is not ErrConflict", ttl, err)
		}
		if _, err := other.Load(t.Context(), s.ID); !errors.Is(err, account.ErrNotFound) {
			t.Errorf("load after ttl %v: got %v, want ErrNotFound", ttl, err)
		}
	}
}

// lifeIsTheTTL: the clocks of two nodes differ, and what a session says about times was written by either.
func lifeIsTheTTL(t testing.TB, one, other account.Store) {
	const day = 24 * time.Hour
	for _, clock := range []time.Duration{-30 * day, 30 * day} {
		kept, over := sample(), sample()
		for _, s := range []*account.Session{kept, over} {
			s.Seen, s.Created, s.Deadline = s.Seen.Add(clock), s.Created.Add(clock), s.Deadline.Add(clock)
		}
		save(t, one, kept)
		saveBriefly(t, one, over)
		awaitExpiry(t, other, over.ID)
		same(t, load(t, other, kept.ID), kept)
		if err := other.Touch(t.Context(), kept.ID, kept.Seen.Add(-day), long); err != nil {
			t.Errorf("touch: %v", err)
		}
		same(t, load(t, one, kept.ID), kept)
	}
}

// largeRecords: a column, a script or a message may be narrower than a record.
func largeRecords(t testing.TB, one, other account.Store) {
	s := sample()
	fill := func(size int) {
		s.Device = ""
		data, err := account.Encode(s)
		if err != nil {
			t.Fatalf("encode: %v", err)
		}
		s.Device = strings.Repeat("d", size-len(data)-len(`,"dev":""`))
	}
	for _, size := range []int{4 << 10, 16 << 10, 32 << 10, account.MaxRecord - 100} {
		fill(size)
		save(t, one, s)
		same(t, load(t, other, s.ID), s)
	}
	want := copied(s)
	fill(account.MaxRecord + 1)
	tooLarge := copied(s)
	err := one.Save(t.Context(), s, long)
	if err == nil || errors.Is(err, account.ErrConflict) || errors.Is(err, account.ErrNotFound) {
		t.Errorf("save of more than the maximum: got %v, want an error that is no sentinel", err)
	}
	same(t, s, tooLarge)
	same(t, load(t, other, want.ID), want)
}

func oneWriterWins(t testing.TB, one, other account.Store) {
	const writers, rounds = 8, 5
	s := sample()
	for range rounds {
		results := make([]error, writers)
		copies := make([]*account.Session, writers)
		var wg sync.WaitGroup
		for i := range writers {
			copies[i] = copied(s)
			copies[i].Version++
			copies[i].Generation = int64(100 + i)
			wg.Go(func() {
				store := one
				if i%2 == 1 {
					store = other
				}
				results[i] = store.Save(t.Context(), copies[i], long)
			})
		}
		wg.Wait()
		var won *account.Session
		for i, err := range results {
			switch {
			case err == nil && won != nil:
				t.Fatalf("two writers won revision %d", copies[i].Revision)
			case err == nil:
				won = copies[i]
			case !errors.Is(err, account.ErrConflict):
				t.Fatalf("save: got %v, want nil or ErrConflict", err)
			}
		}
		if won == nil {
			t.Fatalf("no writer won revision %d", s.Revision+1)
		}
		s = load(t, other, s.ID)
		same(t, s, won)
	}
}

func deleteEnds(t testing.TB, one, other account.Store) {
	s := sample()
	save(t, one, s)
	save(t, one, s)
	if err := other.Delete(t.Context(), s.ID, account.ReasonRevoked); err != nil {
		t.Fatalf("delete: %v", err)
	}
	if _, err := one.Load(t.Context(), s.ID); !errors.Is(err, account.ErrNotFound) {
		t.Errorf("load: got %v, want ErrNotFound", err)
	}
	if err := one.Delete(t.Context(), s.ID, account.ReasonRevoked); !errors.Is(err, account.ErrNotFound) {
		t.Errorf("second delete: got %v, want ErrNotFound", err)
	}
}

func deleteMissing(t testing.TB, one, _ account.Store) {
	if err := one.Delete(t.Context(), account.NewCookie().ID, account.ReasonRevoked); !errors.Is(err, account.ErrNotFound) {
		t.Errorf("got %v, want ErrNotFound", err)
	}
}

func touchExtends(t testing.TB, one, other account.Store) {
	s := sample()
	if err := one.Save(t.Context(), s, time.Second); err != nil {
		t.Fatalf("save: %v", err)
	}
	seen := s.Seen.Add(42 * time.Minute)
	if err := other.Touch(t.Context(), s.ID, seen, long); err != nil {
		t.Fatalf("touch: %v", err)
	}
	time.Sleep(1100 * time.Millisecond) // past the ttl of the save
	want := copied(s)
	want.Seen = seen
	same(t, load(t, other, s.ID), want)
	save(t, one, s) // a touch is no conflict for a writer who loaded before it
}

func touchNeverGoesBack(t testing.TB, one, other account.Store) {
	s := sample()
	if err := one.Save(t.Context(), s, time.Second); err != nil {
		t.Fatalf("save: %v", err)
	}
	want := copied(s)
	want.Seen = s.Seen.Add(time.Minute)
	for _, touch := range []struct {
		seen time.Time
		ttl  time.Duration
	}{
		{s.Seen.Add(-time.Minute), long}, // longer life, seen before
		{want.Seen, brief},               // shorter life, seen since
		{s.Seen, brief},
	} {
		if err := other.Touch(t.Context(), s.ID, touch.seen, touch.ttl); err != nil {
			t.Fatalf("touch: %v", err)
		}
	}
	time.Sleep(1100 * time.Millisecond) // past every life but the longest
	same(t, load(t, other, s.ID), want)
}

func touchMissing(t testing.TB, one, other account.Store) {
	id := account.NewCookie().ID
	if err := one.Touch(t.Context(), id, time.Now(), long); !errors.Is(err, account.ErrNotFound) {
		t.Errorf("touch: got %v, want ErrNotFound", err)
	}
	if _, err := other.Load(t.Context(), id); !errors.Is(err, account.ErrNotFound) {
		t.Errorf("load: got %v, want ErrNotFound", err)
	}
}

func touchAfterDelete(t testing.TB, one, other account.Store) {
	s := sample()
	save(t, one, s)
	if err := one.Delete(t.Context(), s.ID, account.ReasonSignedOut); err != nil {
		t.Fatalf("delete: %v", err)
	}
	if err := other.Touch(t.Context(), s.ID, time.Now(), long); !errors.Is(err, account.ErrNotFound) {
		t.Errorf("touch: got %v, want ErrNotFound", err)
	}
	if _, err := other.Load(t.Context(), s.ID); !errors.Is(err, account.ErrNotFound) {
		t.Errorf("load: got %v, want ErrNotFound", err)
	}
}

func cancelledContext(t testing.TB, one, other account.Store) {
	s := sample()
	save(t, one, s)
	want := load(t, other, s.ID)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for method, call := range map[string]func() error{
		"Load":   func() error { _, err := one.Load(ctx, s.ID); return err },
		"Save":   func() error { return one.Save(ctx, copied(s), long) },
		"Touch":  func() error { return one.Touch(ctx, s.ID, time.Now().Add(long), long) },
		"Delete": func() error { return one.Delete(ctx, s.ID, account.ReasonRevoked) },
		"Watch":  func() error { return one.Watch(ctx, func(account.Change) {}) },
	} {
		began := time.Now()
		err := call()
		if took := time.Since(began); took > time.Second {
			t.Errorf("%s returned after %v, want at once", method, took)
		}
		if err == nil || errors.Is(err, account.ErrNotFound) || errors.Is(err, account.ErrConflict) {
			t.Errorf("%s: got %v, want an error that says nothing about the session", method, err)
		}
	}
	same(t, load(t, other, s.ID), want)
}
