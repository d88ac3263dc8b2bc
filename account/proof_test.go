package account_test

import (
	"testing"
	"time"

	"github.com/multiaccount-go/multiaccount/account"
)

func TestAProofHasALifetimeOfItsOwn(t *testing.T) {
	w := newWorld(t, "a^* b", false)
	w.m = account.NewManager(w.store, account.Options{Now: w.Now, ProofLifetime: 2 * time.Hour})
	out, err := w.signIn("b")
	if err != nil {
		t.Fatalf("sign in: %v", err)
	}
	if l := out.Session.Find("b"); !l.Deadline.Equal(w.In(2*time.Hour)) || !out.Session.Deadline.Equal(w.In(14*24*time.Hour)) {
		t.Errorf("got an account until %v in a session until %v", l.Deadline, out.Session.Deadline)
	}
	out, err = w.m.SignIn(t.Context(), nil, nil, "c", "password")
	if err != nil {
		t.Fatalf("sign in: %v", err)
	}
	if l := out.Session.Find("c"); !l.Deadline.Equal(w.In(2*time.Hour)) || !out.Session.Deadline.Equal(w.In(14*24*time.Hour)) {
		t.Errorf("a new session: got an account until %v in a session until %v", l.Deadline, out.Session.Deadline)
	}
}

func TestWhatARecentProofIs(t *testing.T) {
	now := time.Now()
	fresh := account.Linked{Status: account.StatusActive, Method: "password", AuthenticatedAt: now.Add(-time.Minute), Deadline: now.Add(time.Hour)}
	with := func(change func(*account.Linked)) account.Linked { l := fresh; change(&l); return l }
	for sentence, test := range map[string]struct {
		linked account.Linked
		maxAge time.Duration
		want   bool
	}{
		"younger than asked for":          {fresh, time.Minute + 1, true},
		"exactly as old":                  {fresh, time.Minute, false},
		"older":                           {fresh, time.Second, false},
		"any age is too old":              {fresh, 0, false},
		"by a clock that is ahead":        {with(func(l *account.Linked) { l.AuthenticatedAt = now.Add(time.Second) }), time.Minute, true},
		"young, but the account is over":  {with(func(l *account.Linked) { l.Deadline = now }), time.Hour, false},
		"young, but it was revoked":       {with(func(l *account.Linked) { l.Status = account.StatusSignedOut }), time.Hour, false},
		"young, but it was deactivated":   {with(func(l *account.Linked) { l.Status = account.StatusInactive }), time.Hour, false},
		"adopted, so nothing was proved":  {with(func(l *account.Linked) { l.Method = account.MethodAdopted }), time.Hour, false},
		"of an account that was never in": {account.Linked{}, time.Hour, false},
	} {
		if got := test.linked.IsRecent(now, test.maxAge); got != test.want {
			t.Errorf("%s: got %t, want %t", sentence, got, test.want)
		}
	}
}
