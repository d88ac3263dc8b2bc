// Package attempts counts tries at signing in, and at whatever else can be guessed or costs a password hash. One try takes
// from three buckets: that of the account, that of the address it comes from, and one that all share. The counts hold over
// all processes that share a [Counter], and where the counter does not answer nobody gets a try.
//
//	tries, err := attempts.New(attempts.Config{
//		Counter:  redisstore.NewCounter(rdb),
//		LoginKey: users.LoginKey, // what the user table is searched by
//	})
//
//	err := tries.Do(c.UserContext(), attempts.Try{Login: email, Address: c.IP()}, func(ctx context.Context) (err error) {
//		user, err = users.Authenticate(ctx, email, password)
//		return err
//	})
//
// A try is counted before the password is looked at, so that a hundred at once are no way around the limit, and an account
// that does not exist is counted like one that does. The error is a [*Refusal] when the password was not looked at;
// the Handler of package multiaccount renders it by who asks: 429 or 503, with Retry-After.
//
// What is limited is the checking of passwords and nothing else: sessions that are open, and switching to accounts in them,
// go on while an account is locked. So locking somebody out costs them a new sign-in at most, and after a while not even
// that, see [Try.Known] and [Backoff.Longest].
//
// # Addresses
//
// Address is what Fiber's c.IP() returns, never a header that the handler reads by itself. Without Fiber's ProxyHeader that is
// the peer of the connection. Behind a proxy it is the proxy, and everybody shares one bucket; there set ProxyHeader
// together with EnableTrustedProxyCheck and TrustedProxies, or every visitor names the address that they are counted under.
// Let the proxy overwrite the header, as nginx does with X-Real-IP $remote_addr: of a list that it appends to, the
// first entry is whatever the visitor wrote.
package attempts

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"time"
)

// Config says what is counted and how far. Zero fields have defaults; LoginKey is required unless PerAccount is off.
type Config struct {
	// Counter keeps the counts. Default: NewMemory(0), for one process.
	Counter Counter
	// Name tells the limiters on one counter apart: up to 64 letters, digits and any of . _ -. All doors to the same password
	// need the same name, be it a sign-in page, the link flow or an API: better still the same Limiter. Default: "sign-in".
	Name string
	// LoginKey turns what was typed into what the user table is searched by, so that all spellings which find an account
	// share its bucket, and no others. It may be called concurrently. Required.
	LoginKey func(typed string) string

	// PerAccount bounds the tries at one account, whether it exists or not. Default: see Backoff.
	PerAccount Backoff
	// PerAddress bounds the tries from one address; an IPv6 network of 64 bits is one address. Success gives nothing back.
	// Default: 60 a minute. More when whole companies or towns sit behind one address.
	PerAddress Rate
	// Global bounds all tries together. Where it is reached nobody can sign in, so it should be well above the busiest
	// minute. Together with Backoff.Memory it also bounds how many accounts are remembered. Default: 1000 a minute.
	Global Rate

	// Gate bounds how many tries run at once in this process. Limiters whose tries cost the same memory share one.
	// Default: one of its own, see GateConfig.
	Gate *Gate
	// Timeout is for one answer of the counter. Default: 500 milliseconds.
	Timeout time.Duration
	// Log gets what an operator should see. Default: slog.Default().
	Log *slog.Logger
}

// Try is one try.
type Try struct {
	// Login is what the person typed to say who they are.
	Login string
	// Address is where the try comes from: c.IP(), see the package.
	Address string
	// Known names a device on which this account has proved itself before, in words that only this server can have got from
	// it, such as the membership of an account in the session that the request's cookie proves. Such a device has a bucket
	// of its own, so that tries elsewhere cannot lock its owner out. Never take it from a form. Default: an unknown device.
	Known string
}

// Limiter lets tries happen, or not. It is safe for concurrent use. Make it with [New].
type Limiter struct{ cfg Config }

// New checks the configuration and reports every mistake in it at once. It does no I/O.
func New(cfg Config) (*Limiter, error) {
	cfg.setDefaults()
	if err := cfg.validate(); err != nil {
		return nil, fmt.Errorf("attempts: configuration:\n%w", err)
	}
	return &Limiter{cfg: cfg}, nil
}

func (cfg *Config) setDefaults() {
	if cfg.Counter == nil {
		cfg.Counter = NewMemory(0)
	}
	if cfg.Gate == nil {
		cfg.Gate = NewGate(GateConfig{})
	}
	cfg.Name = cmp.Or(cfg.Name, "sign-in")
	cfg.Timeout = cmp.Or(cfg.Timeout, 500*time.Millisecond)
	cfg.Log = cmp.Or(cfg.Log, slog.Default())
	cfg.PerAccount.setDefaults()
	cfg.PerAddress.setDefaults(60)
	cfg.Global.setDefaults(1000)
}

var plainName = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)

func (cfg *Config) validate() error {
	var errs []error
	if !plainName.MatchString(cfg.Name) {
		errs = append(errs, fmt.Errorf("field Name is %q: use up to 64 letters, digits and any of . _ -", cfg.Name))
	}
	if cfg.LoginKey == nil && !cfg.PerAccount.off() {
		errs = append(errs, errors.New("field LoginKey is missing: give the function that your user table is searched by"))
	}
	if cfg.Timeout < 0 {
		errs = append(errs, fmt.Errorf("field Timeout is %v: use a positive time", cfg.Timeout))
	}
	if store, ok := cfg.Counter.(interface{ Validate() error }); ok {
		errs = append(errs, store.Validate())
	}
	errs = append(errs, cfg.PerAccount.validate(), cfg.PerAddress.validate("PerAddress"), cfg.Global.validate("Global"))
	return errors.Join(errs...)
}

// Do lets verify look at one password, or refuses without calling it: with a [*Refusal], whatever the password is. What verify
// returns is returned as it is. nil means that the person has proved to be the account's, which empties the account's
// bucket and no other; anything else leaves the try counted. verify is called at most once, on this goroutine.
//
// The gate comes before the count: who waits for a turn has not been counted, and tries that are running are so few that
// somebody who signs in on many devices at once is not taken for a flood.
func (l *Limiter) Do(ctx context.Context, t Try, verify func(context.Context) error) error {
	leave, err := l.cfg.Gate.Enter(ctx)
	if err != nil {
		return &Refusal{Err: err, RetryAfter: time.Second}
	}
	defer leave()
	accountKey, buckets := l.buckets(t)
	if err := l.take(ctx, buckets); err != nil {
		return err
	}
	if err := verify(ctx); err != nil {
		return err
	}
	if accountKey != "" {
		l.forget(ctx, accountKey)
	}
	return nil
}

func (l *Limiter) take(ctx context.Context, buckets []Bucket) error {
	if len(buckets) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, l.cfg.Timeout)
	defer cancel()
	wait, err := l.cfg.Counter.Take(ctx, buckets)
	switch {
	case err != nil:
		l.cfg.Log.Error("attempts: the counter does not answer, so nobody can sign in", "limiter", l.cfg.Name, "err", err)
		return &Refusal{Err: fmt.Errorf("%w: %w", ErrUnavailable, err), RetryAfter: 5 * time.Second}
	case wait > 0:
		return &Refusal{Err: ErrTooMany, RetryAfter: wholeSeconds(wait)}
	}
	return nil
}

// forget empties the bucket of somebody who has signed in. Should that fail they are in all the same: the next tries may
// have to wait.
func (l *Limiter) forget(ctx context.Context, key string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), l.cfg.Timeout)
	defer cancel()
	if err := l.cfg.Counter.Forget(ctx, key); err != nil {
		l.cfg.Log.Warn("attempts: tries before a good sign-in stay counted", "limiter", l.cfg.Name, "err", err)
	}
}

// buckets returns what a try takes from, and the key of the account's bucket; empty when accounts are not limited.
func (l *Limiter) buckets(t Try) (accountKey string, buckets []Bucket) {
	if !l.cfg.PerAddress.off() {
		buckets = append(buckets, l.cfg.PerAddress.bucket(l.key("address", Network(t.Address))))
	}
	if !l.cfg.Global.off() {
		buckets = append(buckets, l.cfg.Global.bucket(l.key("global")))
	}
	if !l.cfg.PerAccount.off() {
		accountKey = l.key("account", l.cfg.LoginKey(t.Login))
		if t.Known != "" {
			accountKey = l.key("device", l.cfg.LoginKey(t.Login), t.Known)
		}
		buckets = append(buckets, l.cfg.PerAccount.bucket(accountKey))
	}
	return accountKey, buckets
}

// key names a bucket by a hash: what people type may be of any form and length, and is nobody's business in a dump. The
// lengths keep two lists of parts from reading alike.
func (l *Limiter) key(parts ...string) string {
	h := sha256.New()
	for _, part := range append([]string{"attempts", l.cfg.Name}, parts...) {
		fmt.Fprintf(h, "%d:%s", len(part), part)
	}
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil))
}

// wholeSeconds rounds up: Retry-After has seconds, and who comes back then must not be early.
func wholeSeconds(d time.Duration) time.Duration {
	return (d + time.Second - 1).Truncate(time.Second)
}
