package password_test

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/multiaccount-go/multiaccount/auth/password"
)

const good = "the river was green"

// cheap is a hasher for tests.
func cheap(t testing.TB, change ...func(*password.Argon2idConfig)) *password.Argon2id {
	t.Helper()
	cfg := password.Argon2idConfig{Memory: 64, Passes: 1, AtOnce: 64, InsecurelyCheapForTests: true}
	for _, f := range change {
		f(&cfg)
	}
	h, err := password.NewArgon2id(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func hash(t testing.TB, h password.Hasher, typed string) string {
	t.Helper()
	stored, err := h.Hash(t.Context(), typed)
	if err != nil {
		t.Fatal(err)
	}
	return stored
}

func verify(t testing.TB, h password.Hasher, typed, stored string) (right, weak bool) {
	t.Helper()
	right, weak, err := h.Verify(t.Context(), typed, stored)
	if err != nil {
		t.Fatal(err)
	}
	return right, weak
}

// PW-01
func TestTheStoredFormIsArgon2idAsOWASPRecommends(t *testing.T) {
	h, err := password.NewArgon2id(password.Argon2idConfig{})
	if err != nil {
		t.Fatal(err)
	}
	one, other := hash(t, h, good), hash(t, h, good)
	// 16 bytes of salt, 32 bytes of tag
	if !regexp.MustCompile(`^\$argon2id\$v=19\$m=19456,t=2,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$`).MatchString(one) {
		t.Errorf("stored as %s", one)
	}
	if one == other {
		t.Error("two equal passwords have one hash")
	}
	if right, weak := verify(t, h, good, one); !right || weak {
		t.Errorf("right %v, weak %v", right, weak)
	}
	if right, _ := verify(t, h, "the river was greem", one); right {
		t.Error("a wrong password is right")
	}
}

// PW-01: parameters in what is stored are bounded, and nothing that is stored makes it panic or takes long.
func TestAMalformedHashLetsNobodyInAndTakesNothing(t *testing.T) {
	h := cheap(t)
	sound := hash(t, h, good)
	parts := strings.Split(sound, "$")
	with := func(i int, text string) string {
		changed := slices.Clone(parts)
		changed[i] = text
		return strings.Join(changed, "$")
	}
	start := time.Now()
	for _, stored := range []string{
		"", "$", "$$$$$", good, strings.Repeat("$", 1000), sound + "$", sound + "A", sound[:len(sound)-1], " " + sound, sound + "\n",
		with(1, "argon2i"), with(1, "bcrypt"), with(2, "v=16"), with(2, "v=019"),
		with(3, "m=4294967295,t=1,p=1"), with(3, "m=4294967296,t=1,p=1"), with(3, "m=64,t=4294967295,p=1"), with(3, "m=64,t=1,p=255"),
		with(3, "m=64,t=0,p=1"), with(3, "m=64,t=1,p=0"), with(3, "m=0,t=1,p=1"), with(3, "m=-64,t=1,p=1"), with(3, "m=064,t=1,p=1"),
		with(3, "t=1,m=64,p=1"), with(3, "m=64,t=1,p=1,x=1"), with(3, ""),
		with(4, ""), with(4, "AAAA"), with(4, strings.Repeat("A", 100_000)), with(4, "!!!"),
		with(5, ""), with(5, "AAAA"), with(5, strings.Repeat("A", 200)),
	} {
		if right, weak := verify(t, h, good, stored); right || weak {
			t.Errorf("%.80q: right %v, weak %v", stored, right, weak)
		}
	}
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("it took %v", took)
	}
}

// PW-02
func TestPasswordsAreTakenAsTyped(t *testing.T) {
	h := cheap(t)
	long := strings.Repeat("a", 72)
	for sentence, c := range map[string]struct{ chosen, typed string }{
		"case counts":                          {"The River Was Green", good},
		"a leading space counts":               {" the river was green", good},
		"a trailing space counts":              {"the river was green ", good},
		"the 73rd byte counts":                 {long + "a", long + "b"},
		"nothing is cut off behind a NUL":      {"the river\x00was green", "the river\x00was blue"},
		"an emoji counts":                      {"the river was 🟢", "the river was 🔵"},
		"the 4096th byte counts":               {strings.Repeat("a", 4095) + "a", strings.Repeat("a", 4095) + "b"},
		"a letter of another width is another": {"ｔｈｅ river was green", good},
	} {
		t.Run(sentence, func(t *testing.T) {
			stored := hash(t, h, password.Normal(c.chosen))
			if right, _ := verify(t, h, password.Normal(c.chosen), stored); !right {
				t.Error("the password itself is wrong")
			}
			if right, _ := verify(t, h, password.Normal(c.typed), stored); right {
				t.Errorf("%q is right for %q", c.typed, c.chosen)
			}
		})
	}
	composed, decomposed := "caf\u00e9 au lait", "cafe\u0301 au lait"
	if right, _ := verify(t, h, password.Normal(decomposed), hash(t, h, password.Normal(composed))); !right {
		t.Error("another keyboard types another password")
	}
}

// PW-01
func TestAWeakerHashIsToldOnceThePasswordIsRight(t *testing.T) {
	now := cheap(t, func(c *password.Argon2idConfig) { c.Passes, c.Memory = 2, 256 })
	for sentence, c := range map[string]struct {
		old  *password.Argon2id
		weak bool
	}{
		"less memory":          {cheap(t, func(c *password.Argon2idConfig) { c.Passes, c.Memory = 2, 64 }), true},
		"fewer passes":         {cheap(t, func(c *password.Argon2idConfig) { c.Passes, c.Memory = 1, 256 }), true},
		"the same":             {now, false},
		"more":                 {cheap(t, func(c *password.Argon2idConfig) { c.Passes, c.Memory = 3, 256 }), false},
		"the same in one pass": {cheap(t, func(c *password.Argon2idConfig) { c.Passes, c.Memory = 1, 512 }), false},
	} {
		t.Run(sentence, func(t *testing.T) {
			stored := hash(t, c.old, good)
			if right, weak := verify(t, now, good, stored); !right || weak != c.weak {
				t.Errorf("right %v, weak %v", right, weak)
			}
			if right, weak := verify(t, now, "the river was blue", stored); right || weak {
				t.Errorf("wrong password: right %v, weak %v", right, weak)
			}
		})
	}
}

// EN-03: a hash of nobody, one that cannot be read and one with old parameters take the work of one of today. It counts the
// work and not the time, which on a busy machine tells nothing.
func TestEveryVerdictTakesTheSameWork(t *testing.T) {
	now := cheap(t, func(c *password.Argon2idConfig) { c.Memory, c.Passes = 1024, 2 })
	var work uint64
	now.CountWork(func(blocks uint64) { work += blocks })
	with := func(memory, passes uint32, threads uint8) string {
		return hash(t, cheap(t, func(c *password.Argon2idConfig) { c.Memory, c.Passes, c.Threads = memory, passes, threads }), good)
	}
	for name, stored := range map[string]string{
		"of today": with(1024, 2, 1), "less memory": with(128, 2, 1), "less memory, more passes": with(128, 3, 1), "one pass": with(1024, 1, 1),
		"the same in four threads": with(1024, 2, 4), "nobody's": "", "malformed": "$argon2id$",
		"beyond all bounds": strings.Replace(with(1024, 2, 1), "m=1024", "m=4294967295", 1),
	} {
		for _, typed := range []string{good, "the river was blue"} {
			work = 0
			verify(t, now, typed, stored)
			if work != 2*1024 {
				t.Errorf("%s, %q: %d blocks, want 2048", name, typed, work)
			}
		}
	}
}

func TestSoManyHashesRunAtOnceAndNoMore(t *testing.T) {
	h := cheap(t, func(c *password.Argon2idConfig) { c.AtOnce, c.Memory, c.Passes = 1, 64*1024, 4 })
	ctx, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	var refused atomic.Int64
	defer all.Wait()
	for range 8 {
		all.Go(func() {
			if _, err := h.Hash(ctx, good); errors.Is(err, context.Canceled) {
				refused.Add(1)
			} else if err != nil {
				t.Error(err)
			}
		})
	}
	cancel()
	all.Wait()
	if refused.Load() == 0 {
		t.Error("eight of eight had a turn at once")
	}
	if _, err := h.Hash(t.Context(), good); err != nil {
		t.Errorf("nobody has a turn any more: %v", err)
	}
	if _, _, err := h.Verify(ctx, good, ""); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestMistakesAreToldTogether(t *testing.T) {
	_, err := password.NewArgon2id(password.Argon2idConfig{Memory: 1024, Threads: 200, AtOnce: -1})
	for _, word := range []string{"Memory and Passes", "threads", "AtOnce"} {
		if err == nil || !strings.Contains(err.Error(), word) {
			t.Errorf("nothing about %s in: %v", word, err)
		}
	}
	for _, cfg := range []password.Argon2idConfig{{Memory: 19*1024 - 1}, {Passes: 1}, {Memory: 1 << 30}} {
		if _, err := password.NewArgon2id(cfg); err == nil {
			t.Errorf("%+v is accepted", cfg)
		}
	}
	if _, err := password.NewArgon2id(password.Argon2idConfig{Memory: 46 * 1024, Passes: 1}); err != nil {
		t.Error(err)
	}
}

func FuzzVerifyNeverPanics(f *testing.F) {
	h := cheap(f)
	f.Add(hash(f, h, good))
	f.Add(fmt.Sprintf("$argon2id$v=19$m=%d,t=1,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA", 1<<31))
	f.Fuzz(func(t *testing.T, stored string) {
		if right, _ := verify(t, h, "a password that nobody chose", stored); right {
			t.Errorf("right for %q", stored)
		}
	})
}
