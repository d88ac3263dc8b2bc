package auth

import (
	"errors"

	"github.com/multiaccount-go/multiaccount/attempts"
	"github.com/multiaccount-go/multiaccount/tenant"
)

// Limits bounds what can be guessed and what costs a password hash.
type Limits struct {
	// SignIn bounds tries at passwords, in the profile as well as at signing in. Its LoginKey is tenant.EmailKey.
	SignIn *attempts.Limiter
	// Registration bounds registrations and changes of an address: both tell whether an address is registered.
	Registration *attempts.Limiter
}

// NewLimits returns limits for a site that people use, on one counter, which several processes share; nil: in memory. An
// address has twenty registrations a minute, and for the rest the defaults of package attempts hold. Hashes for both wait at
// one gate, since they take the same memory.
func NewLimits(counter attempts.Counter) (Limits, error) {
	if counter == nil {
		counter = attempts.NewMemory(0)
	}
	gate := attempts.NewGate(attempts.GateConfig{})
	signIn, errSignIn := attempts.New(attempts.Config{
		Name: "sign-in", Counter: counter, LoginKey: tenant.EmailKey, Gate: gate,
	})
	registration, errRegistration := attempts.New(attempts.Config{
		Name: "registration", Counter: counter, Gate: gate, PerAccount: attempts.Backoff{Tries: -1}, // no account to guess at
		PerAddress: attempts.Rate{Tries: 20},
	})
	return Limits{signIn, registration}, errors.Join(errSignIn, errRegistration)
}
