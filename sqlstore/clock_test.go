package sqlstore_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/multiaccount-go/multiaccount/account"
	"github.com/multiaccount-go/multiaccount/sqlstore"
)

// A node whose clock is decades behind: in the bubble it is the year 2000. What the others save it reads, and what it saves
// lives as long as it should.
func TestClocksOfNodesMayDiffer(t *testing.T) {
	address := onPostgres.migrated(t)
	here := onPostgres.store(t, address)
	lasting, brief := newSession(), newSession()
	if err := errors.Join(here.Save(t.Context(), lasting, time.Hour), here.Save(t.Context(), brief, 200*time.Millisecond),
		here.Enlist(t.Context(), "alice", lasting.ID, time.Now().Add(time.Hour))); err != nil {
		t.Fatal(err)
	}
	eventually(t, "a session expires", func() bool {
		_, err := here.Load(t.Context(), brief.ID)
		return errors.Is(err, account.ErrNotFound)
	})
	theirs, old := newSession(), newSession()
	synctest.Test(t, func(t *testing.T) {
		if time.Now().Year() > 2001 {
			t.Fatal("the clock of the bubble is right")
		}
		db := opened("pgx")(t, address)
		there := sqlstore.PostgreSQL(db, quiet)
		if _, err := there.Load(t.Context(), lasting.ID); err != nil {
			t.Errorf("a session that lives: %v", err)
		}
		if _, err := there.Load(t.Context(), brief.ID); !errors.Is(err, account.ErrNotFound) {
			t.Errorf("a session that has expired: got %v, want ErrNotFound", err)
		}
		if ids, err := there.SessionsOf(t.Context(), "alice"); err != nil || len(ids) != 1 {
			t.Errorf("sessions of alice: %v, %v", ids, err)
		}
		if err := errors.Join(there.Save(t.Context(), theirs, time.Hour), there.Save(t.Context(), old, time.Hour),
			there.Touch(t.Context(), lasting.ID, time.Now(), time.Minute),
			there.Enlist(t.Context(), "bob", theirs.ID, time.Now().Add(time.Hour))); err != nil {
			t.Error(err)
		}
		if removed, err := there.Sweep(t.Context(), 10); err != nil || removed != 1 {
			t.Errorf("sweep: removed %d, %v, want the one that has expired", removed, err)
		}
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	for _, s := range []*account.Session{lasting, theirs} {
		if _, err := here.Load(t.Context(), s.ID); err != nil {
			t.Errorf("after what the other node did: %v", err)
		}
	}
	if got, err := here.Load(t.Context(), lasting.ID); err != nil || !got.Seen.Equal(lasting.Seen) {
		t.Errorf("seen %v, want %v: a touch of the past moves nothing", got.Seen, lasting.Seen)
	}
	if ids, err := here.SessionsOf(t.Context(), "bob"); err != nil || len(ids) != 1 {
		t.Errorf("sessions of bob: %v, %v", ids, err)
	}
}
