package account_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/multiaccount-go/multiaccount/account"
)

// enlisting notes what the index is told.
type enlisting struct {
	*account.MemoryStore
	until map[string]time.Time
}

func (e *enlisting) Enlist(ctx context.Context, name string, id account.SessionID, until time.Time) error {
	if e.until == nil {
		e.until = make(map[string]time.Time)
	}
	e.until[name] = until
	return e.MemoryStore.Enlist(ctx, name, id, until)
}

// living notes for how long a record is to live.
type living struct {
	*account.MemoryStore
	ttl time.Duration
}

func (l *living) Save(ctx context.Context, s *account.Session, ttl time.Duration) error {
	l.ttl = ttl
	return l.MemoryStore.Save(ctx, s, ttl)
}

func TestARecordLivesForTheIdleTimeButNotPastTheDeadline(t *testing.T) {
	w := newWorld(t, "a^* b", false)
	store := &living{MemoryStore: w.store}
	w.m = account.NewManager(store, account.Options{Now: w.Now})
	if _, err := w.switchTo("b"); err != nil || store.ttl != 24*time.Hour {
		t.Errorf("got %v, %v, want the idle time", store.ttl, err)
	}
	w.Advance(w.stored().Deadline.Sub(w.Now()) - time.Hour)
	if _, err := w.beginLink(); err != nil || store.ttl != time.Hour {
		t.Errorf("an hour before the deadline: got %v, %v, want an hour", store.ttl, err)
	}
}

func TestDefaults(t *testing.T) {
	got := account.NewManager(account.NewMemoryStore(), account.Options{}).Options()
	if got.Now == nil {
		t.Error("there is no time")
	}
	got.Now = nil
	want := account.Options{
		MaxLinked: 5, Idle: 24 * time.Hour, Lifetime: 14 * 24 * time.Hour, ProofLifetime: 14 * 24 * time.Hour, Grace: 10 * time.Second,
		IntentTTL: 10 * time.Minute, SwitchesPerMinute: 120, Timeout: 500 * time.Millisecond,
	}
	if got.MaxLinked != want.MaxLinked || got.Idle != want.Idle || got.Lifetime != want.Lifetime || got.ProofLifetime != want.ProofLifetime || got.Grace != want.Grace ||
		got.IntentTTL != want.IntentTTL || got.SwitchesPerMinute != want.SwitchesPerMinute || got.Timeout != want.Timeout {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestValidate(t *testing.T) {
	tests := map[string]struct {
		opt  account.Options
		want string // name in the message; empty: fine
	}{
		"nothing set":              {account.Options{}, ""},
		"one linked account":       {account.Options{MaxLinked: 1}, ""},
		"the largest maximum":      {account.Options{MaxLinked: 100}, ""},
		"too many linked":          {account.Options{MaxLinked: 101}, "MaxLinked"},
		"less than none linked":    {account.Options{MaxLinked: -1}, "MaxLinked"},
		"a short idle time":        {account.Options{Idle: time.Millisecond}, "Idle"},
		"a life shorter than idle": {account.Options{Lifetime: time.Hour}, "Lifetime"},
		"proofs of a day":          {account.Options{ProofLifetime: 24 * time.Hour}, ""},
		"proofs shorter than idle": {account.Options{ProofLifetime: time.Hour}, ""},
		"proofs of no time":        {account.Options{ProofLifetime: time.Millisecond}, "ProofLifetime"},
		"proofs that outlive all":  {account.Options{ProofLifetime: 15 * 24 * time.Hour}, "ProofLifetime"},
		"a long grace":             {account.Options{Grace: time.Minute}, "Grace"},
		"a negative grace":         {account.Options{Grace: -1}, "Grace"},
		"a negative intent":        {account.Options{IntentTTL: -1}, "IntentTTL"},
		"no switches":              {account.Options{SwitchesPerMinute: -1}, "SwitchesPerMinute"},
		"one session":              {account.Options{SessionsPerAccount: 1}, ""},
		"less than no sessions":    {account.Options{SessionsPerAccount: -1}, "SessionsPerAccount"},
		"a negative timeout":       {account.Options{Timeout: -1}, "Timeout"},
	}
	for sentence, test := range tests {
		err := test.opt.Validate()
		if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v, want a word on %q", sentence, err, test.want)
		}
	}
	all := account.Options{MaxLinked: -1, Idle: -1, Lifetime: -2, ProofLifetime: -1, Grace: -1, IntentTTL: -1, SwitchesPerMinute: -1, LinksPerMinute: -1, SessionsPerAccount: -1,
		Timeout: -1}.Validate()
	for _, name := range []string{"MaxLinked", "Idle", "Lifetime", "ProofLifetime", "Grace", "IntentTTL", "SwitchesPerMinute", "LinksPerMinute", "SessionsPerAccount",
		"Timeout"} {
		if all == nil || !strings.Contains(all.Error(), name) {
			t.Errorf("every mistake at once: got %v, want a word on %s", all, name)
		}
	}
}
