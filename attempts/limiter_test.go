package attempts_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/multiaccount-go/multiaccount/attempts"
)

// RL-01: the waits at one account double, from the first to the longest, whatever address the tries come from.
func TestGuessingOneAccountGetsSlower(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := limiter(t)
		address := 0
		next := func() attempts.Try {
			address++
			return from(fmt.Sprintf("198.51.100.%d", address%250), "victim")
		}
		for n := range 5 {
			if !wrong(t, l, next()) {
				t.Fatalf("try %d was refused", n+1)
			}
		}
		for _, want := range []time.Duration{
			15 * time.Second, 30 * time.Second, time.Minute, 2 * time.Minute, 4 * time.Minute, 8 * time.Minute,
			15 * time.Minute, 15 * time.Minute, 15 * time.Minute,
		} {
			_, refusal := try(t, l, next(), true)
			if refusal == nil || refusal.RetryAfter != want || refusal.Status() != 429 {
				t.Fatalf("got %+v, want 429 and %v", refusal, want)
			}
			time.Sleep(want - time.Millisecond)
			if wrong(t, l, next()) {
				t.Fatalf("a try was let in before %v were over", want)
			}
			time.Sleep(time.Millisecond)
			if !wrong(t, l, next()) {
				t.Fatalf("no try after %v", want)
			}
		}
	})
}

func TestGuessingForADayGivesAHundredTries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := limiter(t, func(c *attempts.Config) { c.PerAddress.Tries = -1 })
		tries := 0
		for end := time.Now().Add(24 * time.Hour); time.Now().Before(end); {
			n, wait := spend(t, l, from("198.51.100.1", "victim"))
			tries += n
			time.Sleep(wait)
		}
		if tries < 90 || tries > 110 {
			t.Errorf("%d tries in a day, want about 100", tries)
		}
	})
}

func TestLockedAccountRefusesTheRightPasswordAlike(t *testing.T) {
	l := limiter(t)
	spend(t, l, from("198.51.100.1", "victim"))
	_, right := try(t, l, from("198.51.100.1", "victim"), true)
	_, guess := try(t, l, from("198.51.100.1", "victim"), false)
	if right == nil || guess == nil || right.Error() != guess.Error() || right.Status() != guess.Status() {
		t.Errorf("right password: %+v, wrong one: %+v; want the same", right, guess)
	}
}

// EN-05: the limiter never learns whether an account exists, so neither does anybody from it.
func TestUnknownAccountsAreCountedTheSame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := limiter(t)
		known, knownWait := spend(t, l, from("198.51.100.1", "alice"))
		unknown, unknownWait := spend(t, l, from("198.51.100.2", "nobody at all"))
		none, noneWait := spend(t, l, from("198.51.100.3", ""))
		if known != unknown || known != none || knownWait != unknownWait || knownWait != noneWait {
			t.Errorf("%d tries and %v, %d and %v, %d and %v; want the same", known, knownWait, unknown, unknownWait, none, noneWait)
		}
	})
}

func TestSuccessEmptiesTheBucketOfTheAccountOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := limiter(t, func(c *attempts.Config) { c.PerAddress = attempts.Rate{Tries: 12, Per: 12 * time.Minute} })
		here := func(login string) attempts.Try { return from("198.51.100.1", login) }
		for range 4 {
			wrong(t, l, here("mine"))
		}
		if looked, _ := try(t, l, here("mine"), true); !looked {
			t.Fatal("the fifth try was refused")
		}
		for n := range 5 { // as if nothing had been
			if !wrong(t, l, here("mine")) {
				t.Fatalf("try %d after signing in was refused", n+1)
			}
		}
		// Ten tries from here so far. Signing in to an account of one's own gives none back.
		try(t, l, here("another"), true)
		if n, wait := spend(t, l, here("victim")); n != 1 || wait != time.Minute {
			t.Errorf("%d more tries and then %v; want 1, a minute", n, wait)
		}
	})
}

func TestOneAddressCannotTryManyAccounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := limiter(t)
		tries := 0
		for n := range 500 {
			if wrong(t, l, from("198.51.100.1", fmt.Sprint("account ", n))) {
				tries++
			}
		}
		if tries != 60 {
			t.Errorf("%d tries from one address at once, want 60", tries)
		}
		time.Sleep(10 * time.Second)
		if n, wait := spendOver(t, l, "198.51.100.1"); n != 10 || wait != time.Second {
			t.Errorf("%d tries after 10 seconds and then %v; want 10, a second", n, wait)
		}
		if !wrong(t, l, from("198.51.100.2", "account 499")) {
			t.Error("another address was refused")
		}
	})
}

// spendOver is spend with another account each time.
func spendOver(t *testing.T, l *attempts.Limiter, address string) (tries int, wait time.Duration) {
	t.Helper()
	for n := range 1000 {
		looked, refusal := try(t, l, from(address, fmt.Sprint("other ", n)), false)
		if !looked {
			return n, refusal.RetryAfter
		}
	}
	t.Fatal("a thousand tries and no end")
	return 0, 0
}

func TestManyAddressesTogetherReachTheGlobalLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := limiter(t, func(c *attempts.Config) { c.Global.Tries = 100 })
		tries := 0
		for n := range 400 {
			if wrong(t, l, from(fmt.Sprintf("198.51.%d.%d", n/250, n%250), fmt.Sprint("account ", n))) {
				tries++
			}
		}
		if tries != 100 {
			t.Errorf("%d tries by everybody at once, want 100", tries)
		}
	})
}

// Else tries that were never made would lock accounts: a weapon for whoever has used up an address.
func TestRefusedTriesAreCountedNowhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := limiter(t, func(c *attempts.Config) { c.PerAddress.Tries = 2 })
		for range 50 {
			wrong(t, l, from("198.51.100.1", "victim")) // two are looked at
		}
		if n, _ := spend(t, l, from("198.51.100.2", "other")); n != 2 {
			t.Fatalf("%d tries from another address, want 2", n)
		}
		for n := range 3 {
			if !wrong(t, l, from(fmt.Sprintf("203.0.113.%d", n), "victim")) {
				t.Errorf("try %d at the account was refused: others were counted that nobody looked at", n+3)
			}
		}
		if wrong(t, l, from("203.0.113.9", "victim")) {
			t.Error("a sixth try at the account")
		}
	})
}

// RL-02, in one process.
func TestManyAtOnceAreNoMoreThanOneAfterTheOther(t *testing.T) {
	l := limiter(t, func(c *attempts.Config) {
		c.Gate = attempts.NewGate(attempts.GateConfig{AtOnce: 200})
		c.PerAccount.First = time.Hour
		c.PerAccount.Longest, c.PerAccount.Memory = time.Hour, time.Hour
	})
	var looked atomic.Int64
	var wg sync.WaitGroup
	for n := range 200 {
		wg.Go(func() {
			_ = l.Do(t.Context(), from(fmt.Sprintf("198.51.100.%d", n), "victim"), func(context.Context) error {
				looked.Add(1)
				return errWrong
			})
		})
	}
	wg.Wait()
	if looked.Load() != 5 {
		t.Errorf("%d passwords were looked at, want 5", looked.Load())
	}
}

// RL-04
func TestSpellingsOfALoginShareItsBucket(t *testing.T) {
	l := limiter(t)
	for n, spelling := range []string{"victim", "VICTIM", "  victim", "ViCtIm ", "\tvictim"} {
		if !wrong(t, l, from("198.51.100.1", spelling)) {
			t.Fatalf("try %d was refused", n+1)
		}
	}
	if wrong(t, l, from("198.51.100.1", " Victim ")) {
		t.Error("a sixth spelling found another bucket")
	}
	if !wrong(t, l, from("198.51.100.1", "victim+tag")) {
		t.Error("another login was refused with it")
	}
}

// KY-02: whatever is typed, two logins that the app tells apart have two buckets, and no login is a key of another kind.
func TestHostileLoginsHaveBucketsOfTheirOwn(t *testing.T) {
	c := &recorder{}
	l := limiter(t, func(cfg *attempts.Config) {
		cfg.Counter = c
		cfg.LoginKey = func(typed string) string { return typed }
	})
	logins := []string{
		"", " ", "*", "?", "[a]", "{x}", "}{", "a:b", "a", "b", "ab", ":", "accounts:{tries}:x", "\r\nFLUSHALL\r\n", "\x00", "a\x00b",
		strings.Repeat("x", 10<<10), "\xff\xfe", "global", "7:account1:a", "198.51.100.1", "Ａ", "İ", "i̇",
	}
	seen := map[string]string{}
	for _, login := range logins {
		for _, known := range append([]string{""}, logins[1:]...) {
			_, _ = try(t, l, attempts.Try{Login: login, Address: "198.51.100.1", Known: known}, false)
			keys := c.take()
			if len(keys) != 3 {
				t.Fatalf("%d buckets, want 3", len(keys))
			}
			what := fmt.Sprintf("%q on %q", login, known)
			for i, key := range keys {
				if len(key) != 43 || strings.ContainsAny(key, "{}*?[]: \r\n\x00") {
					t.Errorf("%s: the key %q is not plain", what, key)
				}
				kind := []string{"address", "global", what}[i]
				if other, ok := seen[key]; ok && other != kind {
					t.Errorf("%s has the bucket of %s", kind, other)
				}
				seen[key] = kind
			}
		}
	}
}

// recorder is a counter that lets everything through and notes the keys.
type recorder struct{ keys []string }

func (r *recorder) Take(_ context.Context, buckets []attempts.Bucket) (time.Duration, error) {
	for _, b := range buckets {
		r.keys = append(r.keys, b.Key)
	}
	return 0, nil
}

func (r *recorder) Forget(context.Context, string) error { return nil }

func (r *recorder) take() []string {
	defer func() { r.keys = nil }()
	return r.keys
}

// RL-06: who has proved to be the account's on a device before is not locked out of it by tries elsewhere.
func TestLockIsNoWeaponAgainstAKnownDevice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := limiter(t)
		spend(t, l, from("198.51.100.1", "victim"))
		mine := attempts.Try{Login: "victim", Address: "203.0.113.1", Known: "membership-1"}
		if looked, _ := try(t, l, mine, true); !looked {
			t.Error("the owner is locked out on a known device")
		}
		if wrong(t, l, from("198.51.100.1", "victim")) {
			t.Error("the owner's sign-in on a known device gave the others new tries")
		}
		if n, _ := spend(t, l, mine); n != 5 {
			t.Errorf("a known device has %d tries, want 5: it may be stolen", n)
		}
		time.Sleep(15 * time.Second)
		if looked, _ := try(t, l, from("203.0.113.7", "victim"), true); !looked {
			t.Error("the owner is locked out elsewhere for longer than was said")
		}
	})
}

func TestNamesTellLimitersApart(t *testing.T) {
	counter := attempts.NewMemory(0)
	named := func(name string) *attempts.Limiter {
		return limiter(t, func(c *attempts.Config) { c.Counter, c.Name = counter, name })
	}
	spend(t, named("sign-in"), from("198.51.100.1", "victim"))
	if !wrong(t, named("registration"), from("198.51.100.1", "victim")) {
		t.Error("another limiter counts the tries of this one")
	}
	if wrong(t, named(""), from("198.51.100.1", "victim")) { // RL-05
		t.Error("a second door to the same password has tries of its own")
	}
}

// RS-05
func TestCounterThatDoesNotAnswerLetsNobodyTry(t *testing.T) {
	away := errors.New("connection refused")
	for name, counter := range map[string]attempts.Counter{
		"it fails": failing{away}, "it hangs": hanging{}, "it is full": attempts.NewMemory(1),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := limiter(t, func(c *attempts.Config) { c.Counter = counter })
				began := time.Now()
				looked, refusal := try(t, l, from("198.51.100.1", "alice"), true)
				if looked || !errors.Is(refusal, attempts.ErrUnavailable) || refusal.Status() != 503 || refusal.RetryAfter <= 0 {
					t.Errorf("looked at: %v, %+v; want 503 and a time to come back", looked, refusal)
				}
				if took := time.Since(began); took > 500*time.Millisecond {
					t.Errorf("it took %v, want half a second at most", took)
				}
			})
		})
	}
}

type failing struct{ err error }

func (f failing) Take(context.Context, []attempts.Bucket) (time.Duration, error) { return 0, f.err }
func (f failing) Forget(context.Context, string) error                           { return f.err }

type hanging struct{}

func (hanging) Take(ctx context.Context, _ []attempts.Bucket) (time.Duration, error) {
	<-ctx.Done()
	return 0, ctx.Err()
}

func (hanging) Forget(ctx context.Context, _ string) error {
	<-ctx.Done()
	return ctx.Err()
}

// forgetless counts, but does not answer any more when it has to forget.
type forgetless struct{ *attempts.Memory }

func (forgetless) Forget(ctx context.Context, key string) error { return hanging{}.Forget(ctx, key) }

func TestSignInThatCannotBeForgottenIsASignInAllTheSame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := limiter(t, func(c *attempts.Config) { c.Counter = forgetless{attempts.NewMemory(0)} })
		if looked, refusal := try(t, l, from("198.51.100.1", "alice"), true); !looked {
			t.Errorf("refused with %v", refusal)
		}
	})
}

func TestPanicOfVerifyLeavesTheGate(t *testing.T) {
	gate := attempts.NewGate(attempts.GateConfig{AtOnce: 1, Waiting: 1, Patience: time.Millisecond})
	l := limiter(t, func(c *attempts.Config) { c.Gate = gate })
	func() {
		defer func() { _ = recover() }()
		_ = l.Do(t.Context(), from("198.51.100.1", "alice"), func(context.Context) error { panic("verify") })
	}()
	if !wrong(t, l, from("198.51.100.1", "alice")) {
		t.Error("the gate is shut for good")
	}
}

func TestLimitsThatAreOff(t *testing.T) {
	c := &recorder{}
	off := func(cfg *attempts.Config) {
		cfg.Counter, cfg.LoginKey = c, nil
		cfg.PerAccount.Tries, cfg.PerAddress.Tries, cfg.Global.Tries = -1, -1, -1
	}
	wrong(t, limiter(t, off), from("198.51.100.1", "alice"))
	if keys := c.take(); len(keys) != 0 {
		t.Errorf("%d buckets with all limits off", len(keys))
	}
	wrong(t, limiter(t, off, func(cfg *attempts.Config) { cfg.PerAddress.Tries = 0 }), from("198.51.100.1", "alice"))
	if keys := c.take(); len(keys) != 1 {
		t.Errorf("%d buckets, want that of the address", len(keys))
	}
}

func TestConfigurationMistakesAreReportedTogether(t *testing.T) {
	_, err := attempts.New(attempts.Config{
		Name: "a:b", Timeout: -1, PerAddress: attempts.Rate{Tries: 10, Per: time.Millisecond}, Global: attempts.Rate{Per: -1},
		PerAccount: attempts.Backoff{First: time.Hour, Longest: time.Minute, Memory: time.Second},
	})
	if err == nil {
		t.Fatal("got no error")
	}
	for _, want := range []string{"Name", "LoginKey", "Timeout", "PerAddress.Per", "Global.Per", "PerAccount.Longest", "PerAccount.Memory"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("nothing about %s in:\n%v", want, err)
		}
	}
}

// RL-03: somebody with a network of their own has more addresses than there are tries in the world.
func TestNeighboursInOneNetworkShareTheirTries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := limiter(t)
		tries := 0
		for n := range 200 {
			if wrong(t, l, from(fmt.Sprintf("2001:db8:1:2::%x", n), fmt.Sprint("account ", n))) {
				tries++
			}
		}
		if tries != 60 || !wrong(t, l, from("2001:db8:1:3::1", "account 0")) {
			t.Errorf("%d tries from one network of 64 bits, want 60, and the next network none the worse", tries)
		}
	})
}

// RL-03
func TestNetworkOfAnAddress(t *testing.T) {
	for address, want := range map[string]string{
		"192.0.2.7":                   "192.0.2.7",
		"::ffff:192.0.2.7":            "192.0.2.7", // a dual-stack socket
		"::ffff:c000:207":             "192.0.2.7",
		"2001:db8:1:2:3:4:5:6":        "2001:db8:1:2::/64",
		"2001:db8:1:2::":              "2001:db8:1:2::/64",
		"2001:DB8:1:2:ffff::1":        "2001:db8:1:2::/64",
		"2001:db8:1:3::1":             "2001:db8:1:3::/64",
		"fe80::1%eth0":                "fe80::/64",
		"fe80::1%another":             "fe80::/64",
		"::1":                         "::/64",
		"":                            "somewhere",
		"unknown":                     "somewhere",
		"192.0.2.7:1234":              "somewhere",
		"192.0.2.7, 192.0.2.8":        "somewhere",
		"[2001:db8::1]":               "somewhere",
		"192.000.002.007":             "somewhere",
		"192.0.2.7 ":                  "somewhere",
		strings.Repeat("1", 1<<20):    "somewhere",
		"\x00\r\nX-Forwarded-For: ::": "somewhere",
	} {
		if got := attempts.Network(address); got != want {
			t.Errorf("%.40q is counted under %q, want %q", address, got, want)
		}
	}
}
