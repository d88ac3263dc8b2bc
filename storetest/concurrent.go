package storetest

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/multiaccount-go/multiaccount/account"
)

// rounds is how often two calls are started at the same time, so that each gets to be the first.
const rounds = 40

// together runs functions at the same time and waits for all of them.
func together(fns ...func()) {
	begin := make(chan struct{})
	var wg sync.WaitGroup
	for _, fn := range fns {
		wg.Go(func() {
			<-begin
			fn()
		})
	}
	close(begin)
	wg.Wait()
}

func sessionsKeepApart(t testing.TB, one, other account.Store) {
	const clients = 16
	visit := func(name string, writer, reader account.Store) error {
		s := sample()
		for i := range 10 {
			s.Version++
			s.Device = fmt.Sprint(name, " in round ", i)
			if err := writer.Save(t.Context(), s, long); err != nil {
				return fmt.Errorf("save: %w", err)
			}
			got, err := reader.Load(t.Context(), s.ID)
			if err != nil {
				return fmt.Errorf("load: %w", err)
			}
			if got.ID != s.ID || got.Device != s.Device || got.Version != s.Version || got.Revision != s.Revision {
				return fmt.Errorf("load: got session %v of %q at version %d, want %v of %q at %d",
					got.ID, got.Device, got.Version, s.ID, s.Device, s.Version)
			}
		}
		return writer.Delete(t.Context(), s.ID, account.ReasonSignedOut)
	}
	var clientsDo []func()
	for i := range clients {
		writer, reader := one, other
		if i%2 == 1 {
			writer, reader = other, one
		}
		clientsDo = append(clientsDo, func() {
			if err := visit(fmt.Sprint("client ", i), writer, reader); err != nil {
				t.Errorf("client %d: %v", i, err)
			}
		})
	}
	together(clientsDo...)
}

func saveRacesDelete(t testing.TB, one, other account.Store) {
	for range rounds {
		s := sample()
		save(t, one, s)
		var saved, deleted error
		together(
			func() { saved = one.Save(t.Context(), s, long) },
			func() { deleted = other.Delete(t.Context(), s.ID, account.ReasonSignedOut) },
		)
		if deleted != nil || saved != nil && !errors.Is(saved, account.ErrConflict) {
			t.Fatalf("save: %v, delete: %v; want nil or ErrConflict, and nil", saved, deleted)
		}
		if _, err := other.Load(t.Context(), s.ID); !errors.Is(err, account.ErrNotFound) {
			t.Fatalf("load: got %v, want ErrNotFound: whichever came first, the session is gone", err)
		}
	}
}

func oneDeleteEnds(t testing.TB, one, other account.Store) {
	for range rounds / 4 {
		e := listen(t, one) // before the save, of which it could hear late
		s := sample()
		save(t, one, s)
		results := make([]error, 6)
		var deletes []func()
		for i := range results {
			store := one
			if i%2 == 1 {
				store = other
			}
			deletes = append(deletes, func() { results[i] = store.Delete(t.Context(), s.ID, account.ReasonSignedOut) })
		}
		together(deletes...)
		ended := 0
		for _, err := range results {
			switch {
			case err == nil:
				ended++
			case !errors.Is(err, account.ErrNotFound):
				t.Fatalf("delete: got %v, want nil or ErrNotFound", err)
			}
		}
		if ended != 1 {
			t.Fatalf("%d of %d deletes ended the session, want 1", ended, len(results))
		}
		e.expect(t, s.ID, []account.Change{
			notice(s), {ID: s.ID, Version: s.Version + 1, Reason: account.ReasonSignedOut, Ended: true},
		})
		e.cancel()
	}
}

func touchRacesSave(t testing.TB, one, other account.Store) {
	s := sample()
	save(t, one, s)
	for range rounds {
		s.Version++
		seen := s.Seen.Add(time.Second)
		var saved, touched error
		together(
			func() { saved = one.Save(t.Context(), s, long) },
			func() { touched = other.Touch(t.Context(), s.ID, seen, long) },
		)
		if saved != nil || touched != nil {
			t.Fatalf("save: %v, touch: %v; want nil, neither is in the way of the other", saved, touched)
		}
		got := load(t, other, s.ID)
		if !got.Seen.Equal(s.Seen) && !got.Seen.Equal(seen) {
			t.Errorf("Seen: got %v, want that of the save or of the touch", got.Seen)
		}
		s.Seen = got.Seen
		same(t, got, s)
	}
}

func enlistTogether(t testing.TB, one, other account.Store) {
	writer, ok := one.(account.Index)
	also, too := other.(account.Index)
	if !ok || !too {
		return // an optional power
	}
	accountID := account.NewCookie().ID.String()
	var enlistings []func()
	var ids []account.SessionID
	for i := range 40 {
		index, id := writer, account.NewCookie().ID
		if i%2 == 1 {
			index = also
		}
		ids = append(ids, id)
		enlistings = append(enlistings, func() {
			if err := index.Enlist(t.Context(), accountID, id, time.Now().Add(long)); err != nil {
				t.Errorf("enlist: %v", err)
			}
		})
	}
	together(enlistings...)
	got := sessions(t, also, accountID)
	for _, id := range ids {
		if !slices.Contains(got, id) {
			t.Errorf("session %v is not among the %d that were enlisted at the same time", id, len(ids))
		}
	}
}
