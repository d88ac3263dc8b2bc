package account_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/multiaccount-go/multiaccount/account"
)

// TestASlowSignInDecidesByWhatIsTrueNow holds a sign-in between what it has read and its first write.
func TestASlowSignInDecidesByWhatIsTrueNow(t *testing.T) {
	type step = func(*world) (account.Outcome, error)
	tests := []struct {
		sentence  string
		given     string
		slow      string // who signs in
		meanwhile []step
		want      error
		action    string
		becomes   string // of the session that the request came with
	}{
		{"another tab links an account", "a^*", "c", []step{beginLink, signingIn("b")}, account.ErrStaleSecret, "", "a^ b*"},
		{"another tab switches", "a^* b", "c", []step{switchTo("b")}, account.ErrStaleSecret, "", "a^ b*"},
		{"another tab switches twice", "a^* b", "c", []step{switchTo("b"), switchTo("a")}, account.ErrStaleSecret, "", "a^* b"},
		{"another tab switches twice, and the account is in the session", "a^* b", "a",
			[]step{switchTo("b"), switchTo("a")}, account.ErrStaleSecret, "", "a^* b"},
		{"another tab switches, long ago", "a^* b", "c", []step{switchTo("b"), minuteLater}, account.ErrStaleSecret, "", "a^ b*"},
		{"another tab switches, long ago, and the account is in the session", "a^* b", "a",
			[]step{switchTo("b"), minuteLater}, account.ErrStaleSecret, "", "a^ b*"},
		{"another tab asks to add an account", "a^*", "c", []step{beginLink}, nil, "link.completed", "a^ c*"},
		{"the back office changes the old session", "a^* b", "c", []step{deactivate("b")}, nil, "session.replaced", "ended"},
		{"the back office changes it again and again", "a^* b", "c",
			[]step{deactivate("b"), activate("b"), deactivate("b")}, nil, "session.replaced", "ended"},
		{"the old session is signed out", "a^*", "c", []step{signOutAll}, nil, "session.created", "ended"},
		{"the old session is ended from outside", "a^*", "c", []step{end}, nil, "session.created", "ended"},
		{"nothing happens", "a^*", "c", nil, nil, "session.replaced", "ended"},
	}
	for _, test := range tests {
		t.Run(test.sentence, func(t *testing.T) {
			w := newWorld(t, test.given, false)
			finish := slowly(w, signingIn(test.slow))
			for _, step := range test.meanwhile {
				if _, err := step(w); err != nil {
					t.Fatalf("meanwhile: %v", err)
				}
			}
			between := w.stored()
			out, err := finish()
			if !errors.Is(err, test.want) || (err == nil) != (test.want == nil) || out.Effect.Action != test.action {
				t.Errorf("got %q, %v, want %q, %v", out.Effect.Action, err, test.action, test.want)
			}
			after := w.stored()
			if got := picture(after, w.Now()); got != test.becomes {
				t.Errorf("the session that the request came with: got %q, want %q", got, test.becomes)
			}
			if test.want != nil {
				if err := sameSession(after, between); err != nil {
					t.Errorf("the refused request changed something: %v", err)
				}
			}
			var own int // sessions of the new account alone
			sessions, err := w.m.Sessions(t.Context(), test.slow)
			if err != nil {
				t.Fatalf("sessions: %v", err)
			}
			for _, s := range sessions {
				if s.ID != w.id {
					own++
				}
			}
			want := 0
			if test.action == "session.created" || test.action == "session.replaced" {
				want = 1
			}
			if own != want {
				t.Errorf("got %d sessions of the new account, want %d", own, want)
			}
		})
	}
}

func minuteLater(w *world) (account.Outcome, error) {
	w.Advance(time.Minute)
	return account.Outcome{}, nil
}

func TestASignInThatLosesEveryRaceGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "a^*", false)
		before := w.stored()
		store := &failing{MemoryStore: w.store, method: "Save", only: w.id, err: account.ErrConflict}
		w.m = account.NewManager(store, account.Options{Now: w.Now})
		start := time.Now()
		_, err := w.signIn("c")
		var unavailable *account.UnavailableError
		if !errors.As(err, &unavailable) || !errors.Is(err, account.ErrConflict) {
			t.Errorf("got %v, want UnavailableError around ErrConflict", err)
		}
		if took := time.Since(start); store.calls["Save"] > 400 || took > 2*time.Second {
			t.Errorf("gave up after %d saves and %v", store.calls["Save"], took)
		}
		if err := sameSession(w.stored(), before); err != nil {
			t.Errorf("the old session changed: %v", err)
		}
		if left, err := w.m.Sessions(t.Context(), "c"); err != nil || len(left) > 0 {
			t.Errorf("got %v, %v, want no session of the new account", left, err)
		}
	})
}
