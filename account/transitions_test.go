package account_test

import (
	"errors"
	"testing"
	"time"

	"github.com/multiaccount-go/multiaccount/account"
)

// transition is one row of the state machine: what a session becomes, and what the browser and the tabs get.
type transition struct {
	sentence string
	given    string // see picture
	asked    bool   // an intent of the current account is open
	when     func(w *world) (account.Outcome, error)

	becomes string // picture afterwards
	state   account.State
	action  string
	reason  account.Reason // empty: tabs see no difference, so the version stays
	rotates bool
	intent  bool // an intent is open afterwards
	extends bool // the absolute deadline moves
}

// byID asks from outside of the browser about a membership.
func byID(ask func(s *account.Session, membership string, now time.Time) (account.Effect, error), name string) func(*world) (account.Outcome, error) {
	return func(w *world) (account.Outcome, error) {
		return w.m.ChangeByID(w.t.Context(), w.id, func(s *account.Session, now time.Time) (account.Effect, error) {
			return ask(s, membership(name), now)
		})
	}
}

func revoke(name string) func(*world) (account.Outcome, error) {
	return byID(func(s *account.Session, m string, _ time.Time) (account.Effect, error) { return s.Revoke(m) }, name)
}

func expel(name string) func(*world) (account.Outcome, error) {
	return byID(func(s *account.Session, m string, now time.Time) (account.Effect, error) { return s.Expel(m, now) }, name)
}

func retire(name string) func(*world) (account.Outcome, error) {
	return byID(func(s *account.Session, m string, _ time.Time) (account.Effect, error) { return s.Retire(m) }, name)
}

func expire(w *world) (account.Outcome, error) {
	return byID(func(s *account.Session, _ string, now time.Time) (account.Effect, error) { return s.Expire(now), nil }, "")(w)
}

func deactivate(name string) func(*world) (account.Outcome, error) {
	return func(w *world) (account.Outcome, error) { return w.m.Deactivate(w.t.Context(), w.id, membership(name)) }
}

func activate(name string) func(*world) (account.Outcome, error) {
	return func(w *world) (account.Outcome, error) { return w.m.Activate(w.t.Context(), w.id, membership(name)) }
}

func destroy(name string) func(*world) (account.Outcome, error) {
	return func(w *world) (account.Outcome, error) { return w.m.Destroy(w.t.Context(), w.id, membership(name)) }
}

func end(w *world) (account.Outcome, error) { return w.m.End(w.t.Context(), w.id) }

func signOutAll(w *world) (account.Outcome, error) { return w.m.SignOutAll(w.t.Context(), w.load()) }

func cancelLink(w *world) (account.Outcome, error) {
	return w.change(func(s *account.Session, _ time.Time) (account.Effect, error) { return s.CancelLink(), nil })
}

func signingIn(name string) func(*world) (account.Outcome, error) {
	return func(w *world) (account.Outcome, error) { return w.signIn(name) }
}

func switchTo(name string) func(*world) (account.Outcome, error) {
	return func(w *world) (account.Outcome, error) { return w.switchTo(name) }
}

func signOut(name, next string) func(*world) (account.Outcome, error) {
	return func(w *world) (account.Outcome, error) { return w.signOut(name, next) }
}

func beginLink(w *world) (account.Outcome, error) { return w.beginLink() }

// link bypasses SignIn, which never asks to link an account that is there already.
func link(name string) func(*world) (account.Outcome, error) {
	return func(w *world) (account.Outcome, error) {
		return w.change(func(s *account.Session, now time.Time) (account.Effect, error) {
			auth := account.Authentication{Account: name, Method: "password", At: now, Deadline: now.Add(time.Hour)}
			return s.Link(auth, w.m.Options().MaxLinked)
		})
	}
}

const (
	single   = account.StateSingle
	multi    = account.StateMulti
	choosing = account.StateChoosing
	ended    = account.StateEnded
)

var transitions = []transition{
	// Signing in and linking.
	{sentence: "the same account signs in again: a new secret and a new absolute deadline", given: "a^*", when: signingIn("a"),
		becomes: "a^*", state: single, action: "session.reauthenticated", reason: account.ReasonUpdated, rotates: true, extends: true},
	{sentence: "another account of the session signs in: it becomes current", given: "a^* b", when: signingIn("b"),
		becomes: "a^ b*", state: multi, action: "session.reauthenticated", reason: account.ReasonSwitched, rotates: true, extends: true},
	{sentence: "an account that must sign in again does so", given: "a^* b!", when: signingIn("b"),
		becomes: "a^ b*", state: multi, action: "session.reauthenticated", reason: account.ReasonSwitched, rotates: true, extends: true},
	{sentence: "an account that is too old signs in again", given: "a^* b~", when: signingIn("b"),
		becomes: "a^ b*", state: multi, action: "session.reauthenticated", reason: account.ReasonSwitched, rotates: true, extends: true},
	{sentence: "an account signs in while nobody is current", given: "a^ b", when: signingIn("b"),
		becomes: "a^ b*", state: multi, action: "session.reauthenticated", reason: account.ReasonSwitched, rotates: true, extends: true},
	{sentence: "the primary signs in again however many are linked", given: "a^! b c d e f*", when: signingIn("a"),
		becomes: "a^* b c d e f", state: multi, action: "session.reauthenticated", reason: account.ReasonSwitched, rotates: true, extends: true},
	{sentence: "adding an account is asked for: tabs see nothing", given: "a^*", when: beginLink,
		becomes: "a^*", state: single, action: "link.begun", intent: true},
	{sentence: "adding an account is asked for again: the new intent replaces the old one", given: "a^* b", asked: true, when: beginLink,
		becomes: "a^* b", state: multi, action: "link.begun", intent: true},
	{sentence: "the asked-for account signs in: linked, current, intent used up", given: "a^*", asked: true, when: signingIn("b"),
		becomes: "a^ b*", state: multi, action: "link.completed", reason: account.ReasonLinked, rotates: true},
	{sentence: "the fifth account beside the primary still fits", given: "a^* b c d e", asked: true, when: signingIn("f"),
		becomes: "a^ b c d e f*", state: multi, action: "link.completed", reason: account.ReasonLinked, rotates: true},
	{sentence: "accounts that cannot act do not count against the maximum", given: "a^* b- c! d~ e f", asked: true, when: signingIn("g"),
		becomes: "a^ b- c! d! e f g*", state: multi, action: "link.completed", reason: account.ReasonLinked, rotates: true},
	{sentence: "the asking account signs in: refreshed, not linked to itself", given: "a^*", asked: true, when: signingIn("a"),
		becomes: "a^*", state: single, action: "link.refreshed", reason: account.ReasonUpdated, rotates: true, extends: true},
	{sentence: "an account already there signs in to be added: refreshed", given: "a^* b", asked: true, when: signingIn("b"),
		becomes: "a^ b*", state: multi, action: "link.refreshed", reason: account.ReasonSwitched, rotates: true, extends: true},
	{sentence: "adding an account is cancelled", given: "a^*", asked: true, when: cancelLink,
		becomes: "a^*", state: single, action: "link.cancelled"},
	{sentence: "nothing to cancel: nothing happens", given: "a^*", when: cancelLink, becomes: "a^*", state: single},

	// Switching.
	{sentence: "a switch", given: "a^* b", when: switchTo("b"),
		becomes: "a^ b*", state: multi, action: "account.switched", reason: account.ReasonSwitched, rotates: true},
	{sentence: "a switch out of the choice", given: "a^ b", when: switchTo("b"),
		becomes: "a^ b*", state: multi, action: "account.switched", reason: account.ReasonSwitched, rotates: true},
	{sentence: "the only account left is chosen", given: "a^", when: switchTo("a"),
		becomes: "a^*", state: single, action: "account.switched", reason: account.ReasonSwitched, rotates: true},
	{sentence: "a switch drops the intent", given: "a^* b", asked: true, when: switchTo("b"),
		becomes: "a^ b*", state: multi, action: "account.switched", reason: account.ReasonSwitched, rotates: true},
	{sentence: "a switch to the current account: nothing happens, the intent stays", given: "a^* b", asked: true, when: switchTo("a"),
		becomes: "a^* b", state: multi, intent: true},

	// Signing out.
	{sentence: "another account is signed out", given: "a^* b", asked: true, when: signOut("b", ""),
		becomes: "a^*", state: single, action: "account.signed_out", reason: account.ReasonSignedOut, rotates: true, intent: true},
	{sentence: "the current account is signed out: the person chooses", given: "a^ b* c", asked: true, when: signOut("b", ""),
		becomes: "a^ c", state: choosing, action: "account.signed_out", reason: account.ReasonSignedOut, rotates: true},
	{sentence: "the current account is signed out with one other left: still no silent promotion", given: "a^ b*", when: signOut("b", ""),
		becomes: "a^", state: choosing, action: "account.signed_out", reason: account.ReasonSignedOut, rotates: true},
	{sentence: "the current account is signed out for another one", given: "a^ b* c", asked: true, when: signOut("b", "c"),
		becomes: "a^ c*", state: multi, action: "account.signed_out", reason: account.ReasonSignedOut, rotates: true},
	{sentence: "the primary is signed out: the account linked longest takes its place", given: "b a^* c", when: signOut("a", "c"),
		becomes: "b^ c*", state: multi, action: "account.signed_out", reason: account.ReasonSignedOut, rotates: true},
	{sentence: "the primary is signed out while another one acts", given: "a^ b- c*", when: signOut("a", ""),
		becomes: "b^- c*", state: multi, action: "account.signed_out", reason: account.ReasonSignedOut, rotates: true},
	{sentence: "an account is signed out while nobody is current", given: "a^ b", when: signOut("a", ""),
		becomes: "b^", state: choosing, action: "account.signed_out", reason: account.ReasonSignedOut, rotates: true},
	{sentence: "an inactive account is signed out", given: "a^* b-", when: signOut("b", ""),
		becomes: "a^*", state: single, action: "account.signed_out", reason: account.ReasonSignedOut, rotates: true},
	{sentence: "another account is ended from another device", given: "a^* b", when: expel("b"),
		becomes: "a^*", state: single, action: "account.revoked", reason: account.ReasonRevoked},
	{sentence: "the current account is ended from another device: the person chooses", given: "a^ b* c", asked: true, when: expel("b"),
		becomes: "a^ c", state: choosing, action: "account.revoked", reason: account.ReasonRevoked},
	{sentence: "the only account is ended from another device", given: "a^*", when: expel("a"),
		becomes: "ended", state: ended, action: "session.revoked", reason: account.ReasonRevoked},
	{sentence: "the last account is signed out", given: "a^*", asked: true, when: signOut("a", ""),
		becomes: "ended", state: ended, action: "session.ended", reason: account.ReasonSignedOut},
	{sentence: "the last account is signed out while nobody is current", given: "a^", when: signOut("a", ""),
		becomes: "ended", state: ended, action: "session.ended", reason: account.ReasonSignedOut},
	{sentence: "all accounts are signed out", given: "a^ b*", when: signOutAll,
		becomes: "ended", state: ended, action: "session.ended", reason: account.ReasonSignedOut},

	// From outside of the browser: no answer carries a cookie, so nothing rotates.
	{sentence: "a session is ended from outside", given: "a^ b*", when: end,
		becomes: "ended", state: ended, action: "session.revoked", reason: account.ReasonRevoked},
	{sentence: "another account is revoked", given: "a^* b", asked: true, when: revoke("b"),
		becomes: "a^* b!", state: multi, action: "account.revoked", reason: account.ReasonRevoked, intent: true},
	{sentence: "the current account is revoked", given: "a^* b", asked: true, when: revoke("a"),
		becomes: "a^! b", state: choosing, action: "account.revoked", reason: account.ReasonRevoked},
	{sentence: "the only account is revoked", given: "a^*", when: revoke("a"),
		becomes: "ended", state: ended, action: "account.revoked", reason: account.ReasonRevoked},
	{sentence: "a revoked account is revoked again: nothing happens", given: "a^* b!", when: revoke("b"), becomes: "a^* b!", state: multi},
	{sentence: "an inactive account is revoked: it stays inactive and tabs see nothing", given: "a^* b-", when: revoke("b"),
		becomes: "a^* b-", state: multi, action: "account.revoked"},
	{sentence: "the current account is too old", given: "a^*~ b", asked: true, when: expire,
		becomes: "a^! b", state: choosing, action: "account.expired", reason: account.ReasonRevoked},
	{sentence: "the only account is too old", given: "a^*~", when: expire,
		becomes: "ended", state: ended, action: "account.expired", reason: account.ReasonRevoked},
	{sentence: "another account is too old: nothing happens", given: "a^* b~", when: expire, becomes: "a^* b!", state: multi},
	{sentence: "nobody is current: nothing expires", given: "a^ b~", when: expire, becomes: "a^ b!", state: choosing},
	{sentence: "another account is deactivated", given: "a^* b", asked: true, when: deactivate("b"),
		becomes: "a^* b-", state: multi, action: "link.deactivated", reason: account.ReasonDeactivated, intent: true},
	{sentence: "the current account is deactivated", given: "a^ b*", asked: true, when: deactivate("b"),
		becomes: "a^ b-", state: choosing, action: "link.deactivated", reason: account.ReasonDeactivated},
	{sentence: "the primary is deactivated: it stays primary", given: "a^ b*", when: deactivate("a"),
		becomes: "a^- b*", state: multi, action: "link.deactivated", reason: account.ReasonDeactivated},
	{sentence: "the only account is deactivated", given: "a^*", when: deactivate("a"),
		becomes: "ended", state: ended, action: "link.deactivated", reason: account.ReasonDeactivated},
	{sentence: "an inactive account is deactivated: nothing happens", given: "a^* b-", when: deactivate("b"), becomes: "a^* b-", state: multi},
	{sentence: "a revoked account is deactivated", given: "a^* b!", when: deactivate("b"),
		becomes: "a^* b-", state: multi, action: "link.deactivated", reason: account.ReasonDeactivated},
	{sentence: "the user of another account must not act: the link stays", given: "a^* b", when: retire("b"),
		becomes: "a^* b", state: multi, action: "account.deactivated", reason: account.ReasonDeactivated},
	{sentence: "the user of the current account must not act: never the primary instead", given: "a^ b*", asked: true, when: retire("b"),
		becomes: "a^ b", state: choosing, action: "account.deactivated", reason: account.ReasonDeactivated},
	{sentence: "the only user must not act", given: "a^*", when: retire("a"),
		becomes: "ended", state: ended, action: "account.deactivated", reason: account.ReasonDeactivated},
	{sentence: "a link is activated", given: "a^* b-", when: activate("b"),
		becomes: "a^* b", state: multi, action: "link.activated", reason: account.ReasonUpdated},
	{sentence: "the primary is activated however many are linked", given: "a^- b c d e f*", when: activate("a"),
		becomes: "a^ b c d e f*", state: multi, action: "link.activated", reason: account.ReasonUpdated},
	{sentence: "an active link is activated: nothing happens", given: "a^* b", when: activate("b"), becomes: "a^* b", state: multi},
	{sentence: "a link is destroyed from outside", given: "a^* b", when: destroy("b"),
		becomes: "a^*", state: single, action: "account.signed_out", reason: account.ReasonSignedOut},
	{sentence: "the current link is destroyed from outside", given: "a^ b*", when: destroy("b"),
		becomes: "a^", state: choosing, action: "account.signed_out", reason: account.ReasonSignedOut},
}

func TestTransitions(t *testing.T) {
	for _, row := range transitions {
		t.Run(row.sentence, func(t *testing.T) {
			w := newWorld(t, row.given, row.asked)
			before, old := w.stored(), w.cookie
			w.Advance(time.Second) // so that a deadline which moves is seen to move
			out, err := row.when(w)
			if err != nil {
				t.Fatalf("got error %v, want none", err)
			}
			if want := (account.Effect{Action: row.action, Reason: row.reason, Ended: row.state == ended}); out.Effect.Action != want.Action ||
				out.Effect.Reason != want.Reason || out.Effect.Ended != want.Ended {
				t.Errorf("effect: got %+v, want %+v", out.Effect, want)
			}
			after := w.stored()
			if got := picture(after, w.Now()); got != row.becomes {
				t.Errorf("accounts: got %q, want %q", got, row.becomes)
			}
			if (out.Cookie != nil) != row.rotates {
				t.Errorf("new cookie: got %t, want %t", out.Cookie != nil, row.rotates)
			}
			if row.state == ended {
				if _, err := w.m.Load(t.Context(), old); !errors.Is(err, account.ErrNotFound) || out.Session != nil {
					t.Errorf("after the end: got session %v and error %v, want nil and ErrNotFound", out.Session, err)
				}
				return
			}
			if err := sameSession(after, out.Session); err != nil {
				t.Errorf("the outcome is not what was saved: %v", err)
			}
			row.compare(t, before, after)
			row.checkCookies(t, w, old)
		})
	}
}

// compare holds the numbers of a session against those before the transition.
func (row transition) compare(t *testing.T, before, after *account.Session) {
	t.Helper()
	number := func(what string, got, was int64, moves bool) {
		t.Helper()
		want := was
		if moves {
			want++
		}
		if got != want {
			t.Errorf("%s: got %d, want %d", what, got, want)
		}
	}
	number("revision", after.Revision, before.Revision, row.action != "")
	number("version", after.Version, before.Version, row.reason != "")
	number("generation", after.Generation, before.Generation, row.rotates)
	if (after.Tag != before.Tag) != (row.reason != "") {
		t.Errorf("tag: got %q after %q", after.Tag, before.Tag)
	}
	if row.reason != "" && after.Reason != row.reason {
		t.Errorf("reason: got %q, want %q", after.Reason, row.reason)
	}
	if got := after.State(); got != row.state {
		t.Errorf("state: got %q, want %q", got, row.state)
	}
	if (after.Choice != "") != (row.state == choosing) {
		t.Errorf("choice: got %q in state %q", after.Choice, row.state)
	}
	if (after.Intent != nil) != row.intent {
		t.Errorf("intent: got %+v, want one: %t", after.Intent, row.intent)
	}
	if after.Deadline.After(before.Deadline) != row.extends || after.Deadline.Before(before.Deadline) {
		t.Errorf("absolute deadline: %v became %v, want it to move: %t", before.Deadline, after.Deadline, row.extends)
	}
	for _, l := range after.Accounts {
		if was := before.Find(l.Account); was != nil && was.Membership != l.Membership {
			t.Errorf("membership of %s: got %q, want %q", l.Account, l.Membership, was.Membership)
		}
	}
}

// checkCookies holds the secrets against what rotation promises.
func (row transition) checkCookies(t *testing.T, w *world, old account.Cookie) {
	t.Helper()
	_, err := w.m.Load(t.Context(), old)
	if !row.rotates {
		if err != nil {
			t.Errorf("cookie: got %v, want it to stay good", err)
		}
		return
	}
	if !errors.Is(err, account.ErrStaleSecret) {
		t.Errorf("old cookie: got %v, want ErrStaleSecret", err)
	}
	w.Advance(w.m.Options().Grace)
	if _, err := w.m.Load(t.Context(), old); !errors.Is(err, account.ErrNotFound) {
		t.Errorf("old cookie after the grace: got %v, want ErrNotFound", err)
	}
	if w.cookie.ID != old.ID {
		t.Errorf("session id: got %v, want %v", w.cookie.ID, old.ID)
	}
	w.load()
}

// after puts a second step behind a first one that must succeed.
func after(first, then func(*world) (account.Outcome, error)) func(*world) (account.Outcome, error) {
	return func(w *world) (account.Outcome, error) {
		w.t.Helper()
		if _, err := first(w); err != nil {
			w.t.Fatalf("first step: %v", err)
		}
		return then(w)
	}
}

// later lets time pass before a step.
func later(d time.Duration, then func(*world) (account.Outcome, error)) func(*world) (account.Outcome, error) {
	return func(w *world) (account.Outcome, error) {
		w.Advance(d)
		return then(w)
	}
}

func TestRefusals(t *testing.T) {
	tests := []struct {
		sentence string
		given    string
		asked    bool
		first    func(w *world) (account.Outcome, error) // a step before it that succeeds, or nil
		when     func(w *world) (account.Outcome, error)
		want     error
	}{
		{"switch: not linked", "a^* b", false, nil, switchTo("c"), account.ErrNotLinked},
		{"switch: no id at all", "a^* b", false, nil, switchTo(""), account.ErrNotLinked},
		{"switch: a membership id is not an account id", "a^* b", false, nil, switchTo(membership("b")), account.ErrNotLinked},
		{"switch: inactive", "a^* b-", false, nil, switchTo("b"), account.ErrInactive},
		{"switch: revoked elsewhere", "a^* b!", false, nil, switchTo("b"), account.ErrSignInAgain},
		{"switch: too old", "a^* b~", false, nil, switchTo("b"), account.ErrSignInAgain},
		{"switch: the current account is too old itself", "a^*~ b", false, nil, switchTo("a"), account.ErrSignInAgain},
		{"switch: signed out by the person", "a^* b", false, signOut("b", ""), switchTo("b"), account.ErrNotLinked},
		{"sign out: not linked", "a^* b", false, nil, signOut("c", ""), account.ErrNotLinked},
		{"sign out: next is not linked", "a^* b", false, nil, signOut("a", "c"), account.ErrNotLinked},
		{"sign out: next is the one who leaves", "a^* b", false, nil, signOut("a", "a"), account.ErrNotLinked},
		{"sign out: next is the last one who leaves", "a^*", false, nil, signOut("a", "a"), account.ErrNotLinked},
		{"sign out: next is inactive", "a^* b-", false, nil, signOut("a", "b"), account.ErrInactive},
		{"sign out: next is too old", "a^* b~", false, nil, signOut("a", "b"), account.ErrInactive},
		{"sign out: next is foreign though another one leaves", "a^* b", false, nil, signOut("b", "c"), account.ErrNotLinked},
		{"begin: nobody is current", "a^ b", false, nil, beginLink, account.ErrNoCurrent},
		{"begin: the maximum is reached", "a^* b c d e f", false, nil, beginLink, account.ErrLinkLimit},
		{"begin: the maximum counts from the primary, whoever is current", "a^ b c d e f*", false, nil, beginLink, account.ErrLinkLimit},
		{"begin: too many that cannot act", "a^* b- c- d- e- f- g- h- i- j- k- l- m- n- o- p- q- r- s- t- u- v-", false, nil, beginLink, account.ErrLinkLimit},
		{"link: no intent", "a^*", false, nil, link("b"), account.ErrNoIntent},
		{"link: intent expired", "a^*", true, nil, later(10*time.Minute, link("b")), account.ErrIntentExpired},
		{"link: intent expired, through signing in", "a^*", true, nil, later(10*time.Minute, signingIn("b")), account.ErrIntentExpired},
		{"link: intent used up", "a^*", true, link("b"), link("c"), account.ErrNoIntent},
		{"link: intent cancelled", "a^*", true, cancelLink, link("b"), account.ErrNoIntent},
		{"link: intent dropped by a switch", "a^* b", true, switchTo("b"), link("c"), account.ErrNoIntent},
		{"link: intent dropped by a switch there and back", "a^* b", true, after(switchTo("b"), switchTo("a")), link("c"), account.ErrNoIntent},
		{"link: intent dropped by signing in again", "a^*", true, signingIn("a"), link("c"), account.ErrNoIntent},
		{"link: intent dropped by signing the asker out", "a^* b", true, signOut("a", ""), link("c"), account.ErrNoIntent},
		{"link: intent dropped by signing the asker out for another", "a^* b", true, signOut("a", "b"), link("c"), account.ErrNoIntent},
		{"link: intent dropped by deactivating the asker", "a^* b", true, deactivate("a"), link("c"), account.ErrNoIntent},
		{"link: intent dropped by revoking the asker", "a^* b", true, revoke("a"), link("c"), account.ErrNoIntent},
		{"link: to itself", "a^*", true, nil, link("a"), account.ErrSelfLink},
		{"link: already linked", "a^* b", true, nil, link("b"), account.ErrAlreadyLinked},
		{"link: already linked and inactive", "a^* b-", true, nil, link("b"), account.ErrAlreadyLinked},
		{"link: the maximum was reached meanwhile", "a^* b c d e f-", true, activate("f"), link("g"), account.ErrLinkLimit},
		{"sign in: an inactive account of the session", "a^* b-", false, nil, signingIn("b"), account.ErrInactive},
		{"sign in: an inactive account that was revoked too", "a^* b-", false, revoke("b"), signingIn("b"), account.ErrInactive},
		{"sign in: a revoked account that was deactivated too", "a^* b!", false, deactivate("b"), signingIn("b"), account.ErrInactive},
		{"sign in: an account that is too old, and its place is taken", "a^* b~ c d e f g", false, nil, signingIn("b"), account.ErrLinkLimit},
		{"sign in: no account id", "a^*", true, nil, signingIn(""), account.ErrBadAccount},
		{"sign in: an id that a record cannot keep", "a^*", true, nil, signingIn("b\xff"), account.ErrBadAccount},
		{"activate: the maximum counts anew", "a^* b- c d e f g", false, nil, activate("b"), account.ErrLinkLimit},
		{"activate: revoked", "a^* b!", false, nil, activate("b"), account.ErrSignInAgain},
		{"activate: not linked", "a^* b", false, nil, activate("c"), account.ErrNotLinked},
		{"deactivate: not linked", "a^* b", false, nil, deactivate("c"), account.ErrNotLinked},
		{"revoke: not linked", "a^* b", false, nil, revoke("c"), account.ErrNotLinked},
		{"retire: not linked", "a^* b", false, nil, retire("c"), account.ErrNotLinked},
		{"destroy: not linked", "a^* b", false, nil, destroy("c"), account.ErrNotLinked},
	}
	for _, test := range tests {
		t.Run(test.sentence, func(t *testing.T) {
			w := newWorld(t, test.given, test.asked)
			if test.first != nil {
				if _, err := test.first(w); err != nil {
					t.Fatalf("first step: %v", err)
				}
			}
			before := w.stored()
			out, err := test.when(w)
			if !errors.Is(err, test.want) {
				t.Fatalf("got error %v, want %v", err, test.want)
			}
			if out != (account.Outcome{}) {
				t.Errorf("got outcome %+v beside the error, want none", out)
			}
			if err := sameSession(w.stored(), before); err != nil {
				t.Errorf("a refusal must change nothing: %v", err)
			}
			w.load() // the cookie is as good as before
		})
	}
}
