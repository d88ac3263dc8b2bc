package multiaccount_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/multiaccount-go/multiaccount"
	"github.com/multiaccount-go/multiaccount/account"
)

// DO-07: the sign-in that is one too many ends the oldest session of the account, and its sockets.
func TestOneSessionTooManyEndsTheOldest(t *testing.T) {
	s := newSite(t, func(c *config) { c.Sessions.SessionsPerAccount = 2 })
	l := s.listen()
	first := s.signedIn("b")
	s.clock.advance(minute)
	second := s.signedIn("a", "b")
	tabs := map[*browser]*socket{}
	for _, b := range []*browser{first, second} {
		tabs[b] = l.open(b, fmt.Sprintf("/link/live?v=%d", b.document().Version))
		tabs[b].hears("hello")
	}
	s.clock.advance(minute)
	third := s.browser()
	s.audit.take()
	third.signIn("b")
	tabs[first].hears("session-ended")
	tabs[first].closes(1008)
	first.acts(t, "", "")
	second.acts(t, "b", "a")
	third.acts(t, "b", "")
	events := s.audit.take()
	if len(events) != 2 || events[0].Action != "session.created" || events[1].Action != "session.displaced" ||
		events[1].Account != "b" || events[1].Reason != account.ReasonRevoked {
		t.Errorf("got %+v", events)
	}

	s.clock.advance(minute)
	fourth := s.signedIn("c")
	fourth.link("b")
	tabs[second].hears("session-changed")
	if d := second.document(); d.State != account.StateChoosing || len(d.Accounts) != 1 || d.Accounts[0].ID != "a" {
		t.Errorf("got %+v, want a to be left and to choose", d)
	}
	third.acts(t, "b", "")
	fourth.acts(t, "b", "c")

	t.Run("signing in again is no further session", func(t *testing.T) {
		s.clock.advance(minute)
		third.signIn("b")
		fourth.acts(t, "b", "c")
	})
}

// The store answers the sign-in and not the look at the others. The next sweep looks again.
func TestASweepEndsASessionTooMany(t *testing.T) {
	var r resyncing
	blind := &blindStore{resyncing: &r}
	s := newSite(t, resyncStore(&r), func(c *config) {
		c.Store = blind
		c.Sessions.SessionsPerAccount = 1
	})
	first := s.signedIn("b")
	s.clock.advance(minute)
	blind.is.Store(true)
	s.browser().signIn("b")
	first.acts(t, "b", "")
	r.resync(t) // in vain
	r.resync(t)
	first.acts(t, "b", "")
	blind.is.Store(false)
	r.resync(t)
	eventually(t, "the oldest session ends", func() bool { return first.record() == "" })
}

// blindStore cannot find the sessions of an account for a while.
type blindStore struct {
	*resyncing
	is atomic.Bool
}

func (b *blindStore) SessionsOf(ctx context.Context, id string) ([]account.SessionID, error) {
	if b.is.Load() {
		return nil, errStoreDown
	}
	return b.resyncing.SessionsOf(ctx, id)
}

func TestALimitOfSessionsNeedsAnIndex(t *testing.T) {
	type plain struct{ account.Store }
	_, err := multiaccount.New(config{
		Users: newPeople().byIDs, Store: plain{account.NewMemoryStore()}, Sessions: account.Options{SessionsPerAccount: 3},
	})
	if err == nil || !strings.Contains(err.Error(), "SessionsPerAccount") {
		t.Errorf("got %v", err)
	}
}

// SE-14: how many sessions were revoked.
func TestRevokeEverywhereSaysHowMany(t *testing.T) {
	s := newSite(t, func(c *config) { c.Sessions.Timeout = 50 * time.Millisecond })
	alone, linked, other := s.signedIn("b"), s.signedIn("a", "b"), s.signedIn("a")
	n, err := s.accounts.RevokeEverywhere(t.Context(), "b")
	if n != 2 || err != nil {
		t.Errorf("got %d, %v, want 2", n, err)
	}
	if events := s.audit.take(); len(events) != 2 || events[0].Action != "account.revoked" || events[0].Account != "b" {
		t.Errorf("got %+v", events)
	}
	alone.acts(t, "", "")
	linked.acts(t, "", "a")
	other.acts(t, "a", "")
	if n, err := s.accounts.RevokeEverywhere(t.Context(), "b"); n != 0 || err != nil {
		t.Errorf("once more: got %d, %v", n, err)
	}
	s.store.fail(errStoreDown)
	if _, err := s.accounts.RevokeEverywhere(t.Context(), "a"); !errors.Is(err, errStoreDown) {
		t.Errorf("a store that is away: got %v", err)
	}
}
