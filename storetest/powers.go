package storetest

import (
	"slices"
	"testing"
	"time"

	"github.com/multiaccount-go/multiaccount/account"
)

func loadMany(t testing.TB, one, other account.Store) {
	batch, ok := other.(account.BatchLoader)
	if !ok {
		return // an optional power
	}
	var ids []account.SessionID
	var want []*account.Session
	for i := range 20 {
		s := sample()
		if i%3 != 1 {
			save(t, one, s)
			want = append(want, s)
		} else {
			want = append(want, nil)
		}
		ids = append(ids, s.ID)
	}
	got, err := batch.LoadMany(t.Context(), ids)
	if err != nil || len(got) != len(want) {
		t.Fatalf("got %d sessions and %v, want %d", len(got), err, len(want))
	}
	for i := range want {
		if (got[i] == nil) != (want[i] == nil) {
			t.Fatalf("session %d: got %v, want %v", i, got[i], want[i])
		}
		if want[i] != nil {
			same(t, got[i], want[i])
		}
	}
	if got, err := batch.LoadMany(t.Context(), nil); err != nil || len(got) != 0 {
		t.Errorf("of no ids: got %v, %v, want nothing", got, err)
	}
}

func loadManyOfTheEnded(t testing.TB, one, other account.Store) {
	batch, ok := other.(account.BatchLoader)
	if !ok {
		return // an optional power
	}
	kept, ended, expired := sample(), sample(), sample()
	save(t, one, kept)
	save(t, one, ended)
	saveBriefly(t, one, expired)
	if err := one.Delete(t.Context(), ended.ID, account.ReasonSignedOut); err != nil {
		t.Fatalf("delete: %v", err)
	}
	awaitExpiry(t, other, expired.ID)
	got, err := batch.LoadMany(t.Context(), []account.SessionID{ended.ID, kept.ID, expired.ID})
	if err != nil || len(got) != 3 {
		t.Fatalf("got %d sessions and %v, want 3", len(got), err)
	}
	if got[0] != nil || got[2] != nil {
		t.Errorf("ended: got %v, expired: got %v, want nil", got[0], got[2])
	}
	if got[1] == nil {
		t.Fatal("the session between them is nil")
	}
	same(t, got[1], kept)
}

// sessions asks the index, which may name more than was enlisted but no session twice.
func sessions(t testing.TB, index account.Index, accountID string) []account.SessionID {
	t.Helper()
	ids, err := index.SessionsOf(t.Context(), accountID)
	if err != nil {
		t.Fatalf("sessions of %q: %v", accountID, err)
	}
	seen := make(map[account.SessionID]bool)
	for _, id := range ids {
		if seen[id] {
			t.Errorf("session %v is there twice", id)
		}
		seen[id] = true
	}
	return ids
}

func enlist(t testing.TB, index account.Index, accountID string, id account.SessionID, until time.Time) {
	t.Helper()
	if err := index.Enlist(t.Context(), accountID, id, until); err != nil {
		t.Fatalf("enlist: %v", err)
	}
}

func sessionsOf(t testing.TB, one, other account.Store) {
	writer, ok := one.(account.Index)
	reader, also := other.(account.Index)
	if !ok || !also {
		return // an optional power
	}
	// Ids of accounts are the application's: any text, and near-equal ones are different accounts.
	base := account.NewCookie().ID.String()
	held := make(map[string][]account.SessionID)
	for _, suffix := range []string{"", " ", "*", "{x}", "\x00", "ä", "A", "a"} {
		for range 3 {
			s := sample()
			enlist(t, writer, base+suffix, s.ID, s.Deadline)
			save(t, one, s)
			held[base+suffix] = append(held[base+suffix], s.ID)
		}
	}
	for accountID, want := range held {
		got := sessions(t, reader, accountID)
		for _, id := range want {
			if !slices.Contains(got, id) {
				t.Errorf("sessions of %q: %v is not among them", accountID, id)
			}
		}
		if len(got) != len(want) {
			t.Errorf("sessions of %q: got %d, want %d", accountID, len(got), len(want))
		}
	}
	if got := sessions(t, reader, base+"nobody"); len(got) != 0 {
		t.Errorf("sessions of an unknown account: got %v, want none", got)
	}
}

func enlistEarlyAndTwice(t testing.TB, one, other account.Store) {
	writer, ok := one.(account.Index)
	reader, also := other.(account.Index)
	if !ok || !also {
		return // an optional power
	}
	accountID := account.NewCookie().ID.String()
	s := sample()
	enlist(t, writer, accountID, s.ID, s.Deadline)
	enlist(t, writer, accountID, s.ID, time.Now().Add(time.Millisecond)) // never takes back what was promised longer
	time.Sleep(20 * time.Millisecond)
	if got := sessions(t, reader, accountID); !slices.Contains(got, s.ID) {
		t.Errorf("got %v, want %v among them", got, s.ID)
	}
}
