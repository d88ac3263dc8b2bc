package account_test

import (
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/multiaccount-go/multiaccount/account"
)

// signInSaying signs in with a form that carries a nonce; nil: a form without the field.
func (w *world) signInSaying(name string, nonce *string) (account.Outcome, error) {
	w.t.Helper()
	out, err := w.m.SignInWith(w.t.Context(), w.load(), &w.cookie, account.Proof{Account: name, Method: "password", Intent: nonce})
	if out.Cookie != nil {
		w.cookie = *out.Cookie
	}
	return out, err
}

// nonce asks to add an account and returns what a form that is drawn now carries.
func (w *world) nonce() string {
	w.t.Helper()
	out, err := w.beginLink()
	if err != nil {
		w.t.Fatalf("begin: %v", err)
	}
	return out.Session.Intent.Nonce
}

func TestWhatASignInFormSaysOfTheIntent(t *testing.T) {
	type carry func(w *world, open string) *string
	none := func(*world, string) *string { return nil }
	empty := func(*world, string) *string { return new(string) }
	right := func(_ *world, open string) *string { return &open }
	other := func(*world, string) *string { return ptr("AAAAAAAAAAAAAAAAAAAAAA") }
	almost := func(_ *world, open string) *string { return ptr(open[:len(open)-1]) }
	foreign := func(w *world, _ string) *string { return ptr(newWorld(w.t, "x^*", false).nonce()) }
	tests := []struct {
		sentence string
		given    string
		asked    bool
		who      string
		carries  carry
		want     error
		action   string
		becomes  string // of the session that the request came with
	}{
		{"no field: what is open counts", "a^*", true, "b", none, nil, "link.completed", "a^ b*"},
		{"no field and nothing open: a session of its own", "a^*", false, "b", none, nil, "session.replaced", "ended"},
		{"the open one's: linked", "a^*", true, "b", right, nil, "link.completed", "a^ b*"},
		{"the open one's, and the account is a member: refreshed", "a^* b", true, "b", right, nil, "link.refreshed", "a^ b*"},
		{"empty: drawn before anybody asked, a session of its own", "a^*", true, "b", empty, nil, "session.replaced", "ended"},
		{"empty, and the account is a member: as without an intent", "a^* b", true, "b", empty, nil, "session.reauthenticated", "a^ b*"},
		{"empty and nothing open", "a^*", false, "b", empty, nil, "session.replaced", "ended"},
		{"another one's", "a^*", true, "b", other, account.ErrIntentExpired, "", "a^*"},
		{"another one's, of a member", "a^* b", true, "b", other, account.ErrIntentExpired, "", "a^* b"},
		{"another one's, of the one that asked", "a^* b", true, "a", other, account.ErrIntentExpired, "", "a^* b"},
		{"another one's and nothing open", "a^*", false, "b", other, account.ErrIntentExpired, "", "a^*"},
		{"the beginning of the open one's", "a^*", true, "b", almost, account.ErrIntentExpired, "", "a^*"},
		{"of another session", "a^*", true, "b", foreign, account.ErrIntentExpired, "", "a^*"},
	}
	for _, test := range tests {
		t.Run(test.sentence, func(t *testing.T) {
			w := newWorld(t, test.given, false)
			open := ""
			if test.asked {
				open = w.nonce()
			}
			before := w.stored()
			out, err := w.signInSaying(test.who, test.carries(w, open))
			if !errors.Is(err, test.want) || (err == nil) != (test.want == nil) || out.Effect.Action != test.action {
				t.Errorf("got %q, %v, want %q, %v", out.Effect.Action, err, test.action, test.want)
			}
			after := w.stored()
			if got := picture(after, w.Now()); got != test.becomes {
				t.Errorf("got %q, want %q", got, test.becomes)
			}
			if test.want != nil {
				if err := sameSession(after, before); err != nil {
					t.Errorf("the refused sign-in changed something: %v", err)
				}
			}
		})
	}
}

func ptr(s string) *string { return &s }

func TestANonceWorksOnce(t *testing.T) {
	used := func(t *testing.T, spend func(w *world, nonce string)) {
		t.Helper()
		w := newWorld(t, "a^*", false)
		nonce := w.nonce()
		spend(w, nonce)
		before := w.stored()
		if _, err := w.signInSaying("c", &nonce); !errors.Is(err, account.ErrIntentExpired) {
			t.Errorf("got %v, want ErrIntentExpired", err)
		}
		if err := sameSession(w.stored(), before); err != nil {
			t.Errorf("something changed: %v", err)
		}
	}
	must := func(t *testing.T, _ account.Outcome, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	link := func(t *testing.T) func(*world, string) {
		return func(w *world, nonce string) {
			out, err := w.signInSaying("b", &nonce)
			must(t, out, err)
		}
	}
	t.Run("after it linked", func(t *testing.T) { used(t, link(t)) })
	t.Run("after it linked and somebody asked again", func(t *testing.T) {
		used(t, func(w *world, nonce string) { link(t)(w, nonce); w.nonce() })
	})
	t.Run("after it was asked again in another tab", func(t *testing.T) { used(t, func(w *world, _ string) { w.nonce() }) })
	t.Run("after it was cancelled", func(t *testing.T) {
		used(t, func(w *world, _ string) { out, err := cancelLink(w); must(t, out, err) })
	})
	t.Run("after it was cancelled and somebody asked again", func(t *testing.T) {
		used(t, func(w *world, _ string) { out, err := cancelLink(w); must(t, out, err); w.nonce() })
	})
	t.Run("when the time is over", func(t *testing.T) {
		used(t, func(w *world, _ string) { w.Advance(w.m.Options().IntentTTL) })
	})
	t.Run("when its session ended and nobody is signed in", func(t *testing.T) {
		w := newWorld(t, "a^*", false)
		nonce := w.nonce()
		out, err := w.m.SignInWith(t.Context(), nil, nil, account.Proof{Account: "b", Intent: &nonce})
		if !errors.Is(err, account.ErrIntentExpired) || out != (account.Outcome{}) {
			t.Errorf("got %+v, %v, want ErrIntentExpired", out, err)
		}
	})
	t.Run("when its session ends while the sign-in is under way", func(t *testing.T) {
		w := newWorld(t, "a^*", false)
		nonce := w.nonce()
		finish := slowly(w, func(w *world) (account.Outcome, error) { return w.signInSaying("b", &nonce) })
		out, err := signOutAll(w)
		must(t, out, err)
		if out, err := finish(); !errors.Is(err, account.ErrIntentExpired) || out != (account.Outcome{}) {
			t.Errorf("got %+v, %v, want ErrIntentExpired", out, err)
		}
	})
	t.Run("when another one is asked for while the sign-in is under way", func(t *testing.T) {
		w := newWorld(t, "a^*", false)
		nonce := w.nonce()
		finish := slowly(w, func(w *world) (account.Outcome, error) { return w.signInSaying("b", &nonce) })
		w.nonce()
		if _, err := finish(); !errors.Is(err, account.ErrIntentExpired) {
			t.Errorf("got %v, want ErrIntentExpired", err)
		}
		if got := picture(w.stored(), w.Now()); got != "a^*" {
			t.Errorf("got %q", got)
		}
	})
}

// A node of the version before this one drops what it does not know. Its records are read, and its intents work as they did.
func TestAnIntentOfAnOlderVersion(t *testing.T) {
	w := newWorld(t, "a^*", false)
	s := w.load()
	s.Intent = &account.Intent{By: s.Current, ReturnTo: "/from", Expires: w.In(10 * time.Minute)}
	data, err := account.Encode(s)
	if err != nil {
		t.Fatal(err)
	}
	var r struct{ Intent map[string]any }
	if err := json.Unmarshal(data, &r); err != nil {
		t.Fatal(err)
	}
	if len(r.Intent) != 3 {
		t.Errorf("got %v, want the three members that the older version knows", r.Intent)
	}
	old, err := account.Decode(w.id, data)
	if err != nil || old.Intent.Nonce != "" {
		t.Fatalf("got %+v, %v", old, err)
	}
	for sentence, nonce := range map[string]*string{"a form without the field": nil, "a form drawn for it": new(string)} {
		if adds, err := old.MeansIntent(nonce); !adds || err != nil {
			t.Errorf("%s: got %t, %v, want it to link", sentence, adds, err)
		}
	}
	if adds, err := old.MeansIntent(ptr("AAAA")); adds || !errors.Is(err, account.ErrIntentExpired) {
		t.Errorf("a form drawn for another one: got %t, %v", adds, err)
	}
}
