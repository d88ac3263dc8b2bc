package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/multiaccount-go/multiaccount/attempts"
	"github.com/multiaccount-go/multiaccount/example/users"
	"github.com/multiaccount-go/multiaccount/redisstore"
	"github.com/redis/go-redis/v9"
)

// limits bound what can be guessed, and what costs a password hash, over all processes together. A try that they refuse is
// an error that the plugin's Handler answers: 429 or 503 with Retry-After.
type limits struct{ signIn, registration *attempts.Limiter }

// onLoopback reports whether nobody but this machine can reach an address.
func onLoopback(addr string) bool {
	host, _, err := net.SplitHostPort(addr)
	ip := net.ParseIP(host)
	return err == nil && (host == "localhost" || ip != nil && ip.IsLoopback())
}

// newLimits takes the defaults, which fit a site that people use. In a demo everybody comes from one address and knows the
// same few passwords, so its limits are wide.
func newLimits(rdb redis.UniversalClient, demo bool) (limits, error) {
	counter := redisstore.NewCounter(rdb)
	signIn := attempts.Config{Name: "sign-in", Counter: counter, LoginKey: users.LoginKey}
	registration := attempts.Config{
		Name: "registration", Counter: counter, PerAccount: attempts.Backoff{Tries: -1}, // there is no account to guess at
		PerAddress: attempts.Rate{Tries: 20}, // it tells whether an e-mail address is registered
	}
	hashes := attempts.GateConfig{} // of both, since a hash takes the same memory whatever it is for
	if demo {
		wide := attempts.Rate{Tries: 6000}
		signIn.PerAccount = attempts.Backoff{Tries: 50, First: 10 * time.Second, Longest: time.Minute, Memory: 10 * time.Minute}
		signIn.PerAddress, signIn.Global = wide, wide
		registration.PerAddress, registration.Global = wide, wide
		hashes = attempts.GateConfig{Waiting: 1000, Patience: 10 * time.Second}
	}
	if text := os.Getenv("TRIES"); text != "" {
		tries, err := strconv.Atoi(text)
		if err != nil || tries < 1 {
			return limits{}, fmt.Errorf("TRIES is %q: use a number above 0", text)
		}
		signIn.PerAccount.Tries = tries
	}
	gate := attempts.NewGate(hashes)
	signIn.Gate, registration.Gate = gate, gate
	var l limits
	var errSignIn, errRegistration error
	l.signIn, errSignIn = attempts.New(signIn)
	l.registration, errRegistration = attempts.New(registration)
	return l, errors.Join(errSignIn, errRegistration)
}

// authenticate checks a password, as often as the limits let anybody.
func (s *site) authenticate(c *fiber.Ctx, email, password string) (user users.User, err error) {
	try := attempts.Try{Login: email, Address: c.IP(), Known: s.knownFor(c, email)}
	err = s.limits.signIn.Do(c.UserContext(), try, func(ctx context.Context) (err error) {
		user, err = s.users.Authenticate(ctx, email, password)
		return err
	})
	return user, err
}

// knownFor returns what tells this browser from others as one on which the account has signed in already, so that nobody
// else's guesses lock its owner out here. It comes from the session, which the browser has proved to be its own.
func (s *site) knownFor(c *fiber.Ctx, email string) string {
	for _, a := range s.accounts.Switcher(c).Accounts {
		if a.Profile.Email == users.LoginKey(email) {
			return a.Membership
		}
	}
	return ""
}
