package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"time"

	"github.com/multiaccount-go/multiaccount/attempts"
	"github.com/multiaccount-go/multiaccount/auth"
	"github.com/multiaccount-go/multiaccount/tenant"
)

// limits bound what can be guessed, what costs a password hash, and what strangers could be bothered with, over all processes
// together. A try that they refuse is an error that the plugin's Handler answers: 429 or 503 with Retry-After.
type limits struct {
	auth.Limits
	tenants *attempts.Limiter
	links   *attempts.Limiter // in e-mails, to sign in
}

// onLoopback reports whether nobody but this machine can reach an address.
func onLoopback(addr string) bool {
	host, _, err := net.SplitHostPort(addr)
	ip := net.ParseIP(host)
	return err == nil && (host == "localhost" || ip != nil && ip.IsLoopback())
}

// newLimits takes the defaults, which fit a site that people use. In a demo everybody comes from one address and knows the
// same few passwords, so its limits are wide.
func newLimits(counter attempts.Counter, demo bool) (limits, error) {
	none := attempts.Backoff{Tries: -1} // where there is no account to guess at
	signIn := attempts.Config{Name: "sign-in", Counter: counter, LoginKey: tenant.EmailKey}
	registration := attempts.Config{
		Name: "registration", Counter: counter, PerAccount: none,
		PerAddress: attempts.Rate{Tries: 20}, // it tells whether an e-mail address is registered
	}
	tenants := attempts.Config{
		Name: "tenants", Counter: counter, PerAccount: none,
		PerAddress: attempts.Rate{Tries: 30, Per: time.Hour}, Global: attempts.Rate{Tries: 1000, Per: time.Hour},
	}
	links := attempts.Config{
		Name: "links", Counter: counter, LoginKey: tenant.EmailKey, PerAccount: attempts.Backoff{Tries: 3, First: time.Minute},
		PerAddress: attempts.Rate{Tries: 20}, Global: attempts.Rate{Tries: 300},
	}
	hashes := attempts.GateConfig{} // of both, since a hash takes the same memory whatever it is for
	if demo {
		wide := attempts.Rate{Tries: 6000}
		signIn.PerAccount = attempts.Backoff{Tries: 50, First: 10 * time.Second, Longest: time.Minute, Memory: 10 * time.Minute}
		links.PerAccount = signIn.PerAccount
		for _, c := range []*attempts.Config{&signIn, &registration, &tenants, &links} {
			c.PerAddress, c.Global = wide, wide
		}
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
	var errSignIn, errRegistration, errTenants, errLinks error
	l.SignIn, errSignIn = attempts.New(signIn)
	l.Registration, errRegistration = attempts.New(registration)
	l.tenants, errTenants = attempts.New(tenants)
	l.links, errLinks = attempts.New(links)
	return l, errors.Join(errSignIn, errRegistration, errTenants, errLinks)
}
