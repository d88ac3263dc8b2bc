package users

import (
	"context"
	"errors"
	"fmt"
	"net"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
)

// newUsers returns the seeded users in a Redis of their own.
func newUsers(t *testing.T) *Users {
	t.Helper()
	m := miniredis.NewMiniRedis()
	rdb := redis.NewClient(&redis.Options{
		Dialer: func(context.Context, string, string) (net.Conn, error) { return m.Dial() },
	})
	t.Cleanup(func() { rdb.Close(); m.Close() })
	s := New(rdb)
	if err := s.Seed(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s
}

// size returns how many fields a hash has.
func size(t *testing.T, s *Users, key string) int64 {
	t.Helper()
	n, err := s.rdb.HLen(t.Context(), key).Result()
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestSeedTwiceChangesNothing(t *testing.T) {
	s := newUsers(t)
	if err := s.SetStatus(t.Context(), seeds[3].id(), Active); err != nil {
		t.Fatal(err)
	}
	if err := s.Seed(t.Context()); err != nil {
		t.Fatal(err)
	}
	found, err := s.ByIDs(t.Context(), append(SeedIDs(), "nobody")...)
	if err != nil || len(found) != 4 {
		t.Fatalf("got %d users and %v, want the 4 seeds", len(found), err)
	}
	if dave := found[seeds[3].id()]; dave.Status != Active || dave.Email != "dave@example.com" {
		t.Errorf("got %+v, want dave as he was left", dave)
	}
}

func TestAuthenticate(t *testing.T) {
	s := newUsers(t)
	tests := map[string]struct {
		email, password string
		want            error
	}{
		"right":                       {"alice@example.com", SeedPassword, nil},
		"e-mail in capitals, spaces":  {"  ALICE@example.com ", SeedPassword, nil},
		"wrong password":              {"alice@example.com", "correct horse battery stable", ErrCredentials},
		"password with another case":  {"alice@example.com", strings.ToUpper(SeedPassword), ErrCredentials},
		"password with a space after": {"alice@example.com", SeedPassword + " ", ErrCredentials},
		"unknown e-mail":              {"nobody@example.com", SeedPassword, ErrCredentials},
		"inactive, right password":    {"dave@example.com", SeedPassword, ErrCredentials},
		"inactive, wrong password":    {"dave@example.com", "wrong password", ErrCredentials},
		"nothing":                     {"", "", ErrCredentials},
		"huge password":               {"alice@example.com", strings.Repeat("x", maxPassword+1), ErrCredentials},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			u, err := s.Authenticate(t.Context(), test.email, test.password)
			if err != test.want {
				t.Fatalf("got %v, want %v", err, test.want)
			}
			if want := (User{}); err != nil && u != want {
				t.Errorf("got %+v beside the error, want nobody", u)
			}
		})
	}
}

// EN-03: whatever is wrong with signing in, it costs the same: one hash, which nothing else comes near. A hash takes
// 19 MiB, so the memory that was asked for tells how many there were.
func TestEveryVerdictCostsOneHash(t *testing.T) {
	s := newUsers(t)
	for email, stored := range map[string]string{"unreadable@example.com": "plain text", "none@example.com": ""} {
		u := User{ID: email, TenantID: email, Name: email, Email: email, Status: Active}
		if err := s.insert(t.Context(), u, email, stored); err != nil {
			t.Fatal(err)
		}
	}
	unset := User{ID: "unset", TenantID: "unset", Name: "unset", Email: "unset@example.com", Status: Active}
	if err := s.insert(t.Context(), unset, "unset", ""); err != nil {
		t.Fatal(err)
	}
	if err := s.rdb.HDel(t.Context(), keyPasswords, "unset").Err(); err != nil {
		t.Fatal(err)
	}
	if err := s.rdb.HSet(t.Context(), keyEmails, "lost@example.com", "lost").Err(); err != nil {
		t.Fatal(err)
	}
	const oneHash = uint64(19 << 20)
	for name, test := range map[string]struct {
		email, password string
		want            error
	}{
		"right":                            {"alice@example.com", SeedPassword, nil},
		"wrong":                            {"alice@example.com", "guess", ErrCredentials},
		"unknown":                          {"nobody@example.com", "guess", ErrCredentials},
		"nothing":                          {"", "", ErrCredentials},
		"deactivated, right password":      {"dave@example.com", SeedPassword, ErrCredentials},
		"deactivated, wrong password":      {"dave@example.com", "guess", ErrCredentials},
		"a hash that nobody can read":      {"unreadable@example.com", "plain text", ErrCredentials},
		"an empty hash":                    {"none@example.com", "", ErrCredentials},
		"no password was ever set":         {"unset@example.com", "", ErrCredentials},
		"an e-mail whose user is gone":     {"lost@example.com", "guess", ErrCredentials},
		"a password that is far too long":  {"alice@example.com", strings.Repeat("x", 60<<10), ErrCredentials},
		"an e-mail that is far too long":   {strings.Repeat("x", 60<<10), "guess", ErrCredentials},
		"an e-mail that is no text at all": {"\xff\x00*", "guess", ErrCredentials},
	} {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err := s.Authenticate(t.Context(), test.email, test.password)
			runtime.ReadMemStats(&after)
			if err != test.want {
				t.Errorf("got %v, want %v", err, test.want)
			}
			if asked := after.TotalAlloc - before.TotalAlloc; asked < oneHash || asked > oneHash+oneHash/2 {
				t.Errorf("it took %d MiB, want the 19 of one hash", asked>>20)
			}
		})
	}
}

func TestRegister(t *testing.T) {
	s := newUsers(t)
	good := Registration{"Acme  Ltd", " Erin@Example.com", "a long password", "a long password"}
	u, err := s.Register(t.Context(), good)
	if err != nil {
		t.Fatal(err)
	}
	if u.Name != "Acme Ltd" || u.Email != "erin@example.com" || !u.IsActive() {
		t.Errorf("got %+v", u)
	}
	again, err := s.Authenticate(t.Context(), "erin@example.com", "a long password")
	if err != nil || again != u {
		t.Errorf("got %+v, %v, want %+v to sign in", again, err, u)
	}
}

func TestRegisterRefusals(t *testing.T) {
	s := newUsers(t)
	long := strings.Repeat("x", maxPassword+1)
	tests := map[string]struct {
		form Registration
		want string // fields with an error
	}{
		"everything empty":           {Registration{}, "account_name email password"},
		"no account name":            {Registration{" ", "x@example.com", "12345678", "12345678"}, "account_name"},
		"name too long":              {Registration{long[:65], "x@example.com", "12345678", "12345678"}, "account_name"},
		"name taken":                 {Registration{" alice ", "x@example.com", "12345678", "12345678"}, "account_name"},
		"name taken, full width":     {Registration{"ＡＬＩＣＥ", "x@example.com", "12345678", "12345678"}, "account_name"},
		"name taken, zero-width":     {Registration{"ali\u200bce", "x@example.com", "12345678", "12345678"}, "account_name"},
		"name with Cyrillic а":       {Registration{"аlice", "x@example.com", "12345678", "12345678"}, "account_name"},
		"name of marks only":         {Registration{"\u0301\u0301", "x@example.com", "12345678", "12345678"}, "account_name"},
		"name is not UTF-8":          {Registration{"a\xffb", "x@example.com", "12345678", "12345678"}, "account_name"},
		"e-mail taken":               {Registration{"Acme", "ALICE@example.com", "12345678", "12345678"}, "email"},
		"bad e-mail":                 {Registration{"Acme", "Al <a@example.com>", "12345678", "12345678"}, "email"},
		"name and e-mail taken":      {Registration{"Alice", "bob@example.com", "12345678", "12345678"}, "account_name email"},
		"short password, name taken": {Registration{"Alice", "x@example.com", "1234567", "1234567"}, "account_name password"},
		"long password":              {Registration{"Acme", "x@example.com", long, long}, "password"},
		"other confirmation":         {Registration{"Acme", "x@example.com", "12345678", "12345679"}, "password_confirmation"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := s.Register(t.Context(), test.form)
			var problems FieldErrors
			if !errors.As(err, &problems) {
				t.Fatalf("got %v, want field errors", err)
			}
			var got []string
			for _, field := range []string{"account_name", "email", "password", "password_confirmation"} {
				if problems[field] != "" {
					got = append(got, field)
				}
			}
			if strings.Join(got, " ") != test.want || len(got) != len(problems) {
				t.Errorf("got %v, want %q", problems, test.want)
			}
		})
	}
	for _, key := range []string{keyUsers, keyPasswords, keyEmails, keyTenants, keyNames} {
		if n := size(t, s, key); n != int64(len(seeds)) {
			t.Errorf("%s has %d entries after refusals only, want %d", key, n, len(seeds))
		}
	}
}

// One name, fifty people, all at once: one of them gets tenant and user, the others get neither.
func TestRegisterOneNameFiftyTimesAtOnce(t *testing.T) {
	s := newUsers(t)
	const people = 50
	errs := make([]error, people)
	var wg sync.WaitGroup
	for i := range people {
		wg.Go(func() {
			// Past the checks that Register makes first, so that the script alone decides.
			name := []string{"Acme", "ACME", "acme"}[i%3]
			u := User{ID: fmt.Sprintf("u%d", i), TenantID: fmt.Sprintf("t%d", i), Name: name,
				Email: fmt.Sprintf("p%d@example.com", i), Status: Active}
			errs[i] = s.insert(context.Background(), u, canonicalName(name), seeds[0].hash)
		})
	}
	wg.Wait()
	won := 0
	for _, err := range errs {
		var problems FieldErrors
		switch {
		case err == nil:
			won++
		case !errors.As(err, &problems) || problems["account_name"] == "" || problems["email"] != "":
			t.Errorf("got %v, want an error on the account name alone", err)
		}
	}
	if won != 1 {
		t.Errorf("%d registrations won, want 1", won)
	}
	for _, key := range []string{keyUsers, keyPasswords, keyEmails, keyTenants, keyNames} {
		if n := size(t, s, key); n != int64(len(seeds))+1 {
			t.Errorf("%s has %d entries, want %d", key, n, len(seeds)+1)
		}
	}
}

func TestNameIsFreeAgainAfterRefusal(t *testing.T) {
	s := newUsers(t)
	form := Registration{"Acme", "alice@example.com", "12345678", "12345678"}
	if _, err := s.Register(t.Context(), form); err == nil {
		t.Fatal("registered an e-mail twice")
	}
	form.Email = "erin@example.com"
	if _, err := s.Register(t.Context(), form); err != nil {
		t.Errorf("got %v, want the name to be free", err)
	}
}

func TestSetStatus(t *testing.T) {
	s := newUsers(t)
	id := seeds[0].id()
	before, _ := s.ByIDs(t.Context(), id)
	if err := s.SetStatus(t.Context(), id, Inactive); err != nil {
		t.Fatal(err)
	}
	want := before[id]
	want.Status = Inactive
	if after, _ := s.ByIDs(t.Context(), id); after[id] != want {
		t.Errorf("got %+v, want %+v", after[id], want)
	}
	if _, err := s.Authenticate(t.Context(), "alice@example.com", SeedPassword); err != ErrCredentials {
		t.Errorf("got %v, want %v", err, ErrCredentials)
	}
	if err := s.SetStatus(t.Context(), "nobody", Active); err != ErrUnknown {
		t.Errorf("got %v, want %v", err, ErrUnknown)
	}
}
