package users

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/redis/go-redis/v9"
)

// ErrCredentials is the one answer to an unknown e-mail, a wrong password and an inactive user: whoever tries cannot
// tell which it was, by neither text nor time.
var ErrCredentials = errors.New("users: wrong e-mail or password")

//go:embed scripts/by_email.lua
var byEmailSource string

var byEmail = redis.NewScript(byEmailSource)

// Authenticate returns the active user with that e-mail and password, otherwise ErrCredentials. Every call that reaches a
// verdict costs exactly one hash; how many run at once, and how often anybody may try, is the caller's to bound.
func (s *Users) Authenticate(ctx context.Context, email, password string) (User, error) {
	row, err := byEmail.Run(ctx, s.rdb, []string{keyUsers, keyPasswords, keyEmails}, LoginKey(email)).StringSlice()
	if err != nil {
		return User{}, fmt.Errorf("users: authenticate: %w", err)
	}
	var u User
	stored := decoy
	if len(row) == 2 {
		if err := json.Unmarshal([]byte(row[0]), &u); err != nil {
			return User{}, fmt.Errorf("users: authenticate: %w", err)
		}
		if parsed, err := parsePHC(row[1]); err == nil {
			stored = parsed // a hash nobody can read stays the decoy: nobody gets in, and it takes as long
		}
	}
	if len(password) > maxPassword {
		password = "" // no such password can have been registered; it costs a hash all the same
	}
	if !matches(password, stored) || !u.IsActive() {
		return User{}, ErrCredentials
	}
	return u, nil
}
