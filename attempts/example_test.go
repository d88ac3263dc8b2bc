package attempts_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/multiaccount-go/multiaccount/attempts"
)

// A sign-in handler asks the limiter before it looks at a password.
func ExampleLimiter_Do() {
	tries, err := attempts.New(attempts.Config{
		// Counter: redisstore.NewCounter(rdb), on more than one process
		LoginKey:   func(typed string) string { return strings.ToLower(strings.TrimSpace(typed)) },
		PerAccount: attempts.Backoff{Tries: 2, First: time.Minute},
	})
	if err != nil {
		panic(err)
	}
	errWrong := errors.New("wrong e-mail or password")
	signIn := func(email, password, address string) error {
		return tries.Do(context.Background(), attempts.Try{Login: email, Address: address}, func(context.Context) error {
			if password != "right" {
				return errWrong
			}
			return nil
		})
	}
	fmt.Println(signIn("alice@example.com", "guess", "198.51.100.1"))
	fmt.Println(signIn("Alice@Example.com", "another", "198.51.100.2"))

	err = signIn("alice@example.com", "right", "198.51.100.3")
	var refusal *attempts.Refusal
	if errors.As(err, &refusal) {
		fmt.Println(refusal.Status(), refusal)
	}
	// Output:
	// wrong e-mail or password
	// wrong e-mail or password
	// 429 attempts: too many tries
}
