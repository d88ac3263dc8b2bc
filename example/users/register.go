package users

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"net/mail"
	"strings"
	"unicode/utf8"

	"github.com/google/uuid"
	"github.com/redis/go-redis/v9"
)

const (
	minPassword = 8    // bytes
	maxPassword = 4096 // bytes
	maxEmail    = 254  // bytes
)

// Registration is what a person types to get a tenant account and its first user.
type Registration struct {
	AccountName          string
	Email                string
	Password             string
	PasswordConfirmation string
}

// FieldErrors holds one message for each field of a form that cannot be accepted, under the field's name.
type FieldErrors map[string]string

func (e FieldErrors) Error() string {
	return fmt.Sprintf("users: %d fields cannot be accepted", len(e))
}

const (
	nameTaken  = "This account name is taken already."
	emailTaken = "This e-mail address is registered already."
)

//go:embed scripts/register.lua
var registerSource string

var register = redis.NewScript(registerSource)

// Register creates a tenant account and its first user, or neither: one script looks whether both names are free and
// writes both records. What is wrong with the form comes back as FieldErrors, all of it at once. It costs a hash at most;
// how many run at once is the caller's to bound.
func (s *Users) Register(ctx context.Context, r Registration) (User, error) {
	name, canonical, nameProblem := accountName(r.AccountName)
	email := LoginKey(r.Email)
	problems := FieldErrors{}
	problems.note("account_name", nameProblem)
	problems.note("email", emailProblem(email))
	problems.note("password", passwordProblem(r.Password))
	if r.Password != r.PasswordConfirmation {
		problems.note("password_confirmation", "The two passwords are not the same.")
	}
	if err := s.noteTaken(ctx, problems, canonical, email); err != nil {
		return User{}, err
	}
	if len(problems) > 0 {
		return User{}, problems
	}
	u := User{ID: uuid.NewString(), TenantID: uuid.NewString(), Name: name, Email: email, Status: Active}
	if err := s.insert(ctx, u, canonical, hash(r.Password)); err != nil {
		return User{}, err
	}
	return u, nil
}

// note keeps the first problem of a field.
func (e FieldErrors) note(field, problem string) {
	if _, known := e[field]; problem != "" && !known {
		e[field] = problem
	}
}

// noteTaken looks ahead, so that a taken name is told together with the other mistakes and costs no hash. The script
// decides; between here and there somebody else may be faster.
func (s *Users) noteTaken(ctx context.Context, problems FieldErrors, canonicalName, email string) error {
	pipe := s.rdb.Pipeline()
	hasName := pipe.HExists(ctx, keyNames, canonicalName)
	hasEmail := pipe.HExists(ctx, keyEmails, email)
	if _, err := pipe.Exec(ctx); err != nil {
		return fmt.Errorf("users: register: %w", err)
	}
	if hasName.Val() {
		problems.note("account_name", nameTaken)
	}
	if hasEmail.Val() {
		problems.note("email", emailTaken)
	}
	return nil
}

// insert writes tenant and user unless one of the two names is taken.
func (s *Users) insert(ctx context.Context, u User, canonicalName, hash string) error {
	text, err := json.Marshal(u)
	if err != nil {
		return fmt.Errorf("users: register: %w", err)
	}
	keys := []string{keyUsers, keyPasswords, keyEmails, keyTenants, keyNames}
	taken, err := register.Run(ctx, s.rdb, keys, u.ID, text, hash, u.Email, u.TenantID, u.Name, canonicalName).StringSlice()
	if err != nil {
		return fmt.Errorf("users: register: %w", err)
	}
	problems := FieldErrors{}
	for _, field := range taken {
		problems.note(field, map[string]string{"account_name": nameTaken, "email": emailTaken}[field])
	}
	if len(problems) > 0 {
		return problems
	}
	return nil
}

// LoginKey is the form in which e-mail addresses are compared, at registration and at sign-in alike. Whatever counts tries
// at signing in has to count under it: two spellings with one key are one account.
func LoginKey(typed string) string { return strings.ToLower(strings.TrimSpace(typed)) }

func emailProblem(email string) string {
	if email == "" {
		return "Please enter your e-mail address."
	}
	parsed, err := mail.ParseAddress(email)
	if err != nil || parsed.Address != email || len(email) > maxEmail || !utf8.ValidString(email) {
		return "This does not look like an e-mail address."
	}
	return ""
}

// passwordProblem looks at the length only. The password is taken as typed: spaces, case and every character count.
func passwordProblem(password string) string {
	switch {
	case password == "":
		return "Please choose a password."
	case len(password) < minPassword:
		return fmt.Sprintf("Please use at least %d characters.", minPassword)
	case len(password) > maxPassword:
		return fmt.Sprintf("Please use at most %d characters.", maxPassword)
	}
	return ""
}
