package account_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/multiaccount-go/multiaccount/account"
)

func TestStampFollowsTheMembership(t *testing.T) {
	w := newWorld(t, "a^* b c", false)
	ofA := w.load().Stamp()
	check := func(sentence string, want error) {
		t.Helper()
		if err := w.load().CheckStamp(ofA); !errors.Is(err, want) {
			t.Errorf("%s: got %v, want %v", sentence, err, want)
		}
	}
	do := func(_ account.Outcome, err error) {
		t.Helper()
		if err != nil {
			t.Fatalf("got %v", err)
		}
	}
	check("as drawn", nil)
	do(w.switchTo("b"))
	check("after a switch", account.ErrStaleStamp)
	if ofB := w.load().Stamp(); ofB == ofA {
		t.Error("two accounts have one stamp")
	}
	swapped := strings.Replace(ofA, membership("a"), membership("b"), 1)
	if err := w.load().CheckStamp(swapped); !errors.Is(err, account.ErrStaleStamp) || w.load().Stamped(swapped) != nil {
		t.Errorf("the stamp of one account serves another: %v", err)
	}
	do(w.switchTo("a"))
	check("after the switch back", nil)
	do(w.signIn("a"))
	check("after signing in again", nil)
	do(w.signOut("c", ""))
	check("after another account left", nil)
	do(deactivate("a")(w))
	check("while choosing", account.ErrStaleStamp)
	do(activate("a")(w))
	do(w.switchTo("a"))
	check("after the way back from the choice", nil)
	do(w.signOut("a", "b"))
	check("after the account left", account.ErrStaleStamp)
	do(w.beginLink())
	do(w.signIn("a"))
	check("after the account was linked anew", account.ErrStaleStamp)
}

func TestStampOfAChoice(t *testing.T) {
	w := newWorld(t, "a^ b", false)
	s := w.load()
	stamp := s.Stamp()
	if stamp == "" || s.CheckStamp(stamp) != nil {
		t.Fatalf("the choice has no stamp: %q", stamp)
	}
	if strings.Contains(stamp, membership("a")) || strings.Contains(stamp, membership("b")) || s.Stamped(stamp) != nil {
		t.Errorf("%q names a membership", stamp)
	}
	if _, err := w.switchTo("a"); err != nil {
		t.Fatalf("switch: %v", err)
	}
	if err := w.load().CheckStamp(stamp); !errors.Is(err, account.ErrStaleStamp) {
		t.Errorf("after the choice: got %v, want ErrStaleStamp", err)
	}
	if _, err := revoke("a")(w); err != nil {
		t.Fatalf("revoke: %v", err)
	}
	if err := w.load().CheckStamp(stamp); !errors.Is(err, account.ErrStaleStamp) {
		t.Errorf("at the next choice: got %v, want ErrStaleStamp", err)
	}
}

func TestStampBelongsToOneSession(t *testing.T) {
	w := newWorld(t, "a^* b", false)
	s := w.load()
	otherID, otherKey := s.Clone(), s.Clone()
	otherID.ID = account.NewCookie().ID
	otherKey.StampKey = []byte(strings.Repeat("k", 32))
	for sentence, other := range map[string]*account.Session{"another id": otherID, "another key": otherKey} {
		if err := s.CheckStamp(other.Stamp()); !errors.Is(err, account.ErrStaleStamp) {
			t.Errorf("%s: got %v, want ErrStaleStamp", sentence, err)
		}
		if s.Stamped(other.Stamp()) != nil {
			t.Errorf("%s: an account is named", sentence)
		}
	}
	if (&account.Session{}).Stamp() != "" || (&account.Session{}).CheckStamp("") == nil {
		t.Error("a session of nobody has a stamp")
	}
}

// forged returns stamps that look like a good one.
func forged(good string) []string {
	body := strings.TrimPrefix(good, "v1.")
	subject, mac, _ := strings.Cut(body, ".")
	return []string{
		"", ".", "v1.", "v1..", "v1." + subject, "v1." + subject + ".", body, "v2." + body, "V1." + body, good + "=", good + "A", good[:len(good)-1],
		" " + good, good + " ", good + "\n", "v1." + good, "v1." + subject + "." + strings.Repeat("A", len(mac)), "v1." + mac + "." + subject,
		"v1.." + mac, "v1." + subject + "x." + mac, strings.ToUpper(good), strings.Repeat("a", 1<<16),
	}
}

func TestForgedStampsAreRefused(t *testing.T) {
	s := newWorld(t, "a^* b", false).load()
	good := s.Stamp()
	stamps := forged(good)
	for i := range len(good) * 8 {
		flipped := []byte(good)
		flipped[i/8] ^= 1 << (i % 8)
		stamps = append(stamps, string(flipped))
	}
	for _, stamp := range stamps {
		if err := s.CheckStamp(stamp); !errors.Is(err, account.ErrStaleStamp) {
			t.Errorf("%.80q: got %v, want ErrStaleStamp", stamp, err)
		}
		if s.Stamped(stamp) != nil {
			t.Errorf("%.80q: an account is named", stamp)
		}
	}
}

func TestStampedNamesWhoAPageWasDrawnFor(t *testing.T) {
	w := newWorld(t, "a^* b c", false)
	ofA := w.load().Stamp()
	if _, err := w.switchTo("b"); err != nil {
		t.Fatalf("switch: %v", err)
	}
	if l := w.load().Stamped(ofA); l == nil || l.Account != "a" {
		t.Errorf("got %v, want a", l)
	}
	if _, err := w.signOut("a", ""); err != nil {
		t.Fatalf("sign out: %v", err)
	}
	if l := w.load().Stamped(ofA); l != nil {
		t.Errorf("after it left: got %v, want nobody", l)
	}
}

func FuzzCheckStamp(f *testing.F) {
	s := newWorld(f, "a^* b", false).load()
	good := s.Stamp()
	f.Add(good)
	for _, stamp := range forged(good) {
		f.Add(stamp)
	}
	f.Fuzz(func(t *testing.T, stamp string) {
		if (s.CheckStamp(stamp) == nil) != (stamp == good) {
			t.Errorf("%q: got %v", stamp, s.CheckStamp(stamp))
		}
		if l := s.Stamped(stamp); l != nil && stamp != good {
			t.Errorf("%q names %s", stamp, l.Account)
		}
	})
}
