package main

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/alicebob/miniredis/v2"
	"github.com/multiaccount-go/multiaccount/attempts"
	"github.com/multiaccount-go/multiaccount/redisstore"
	"github.com/redis/go-redis/v9"
)

// tries counts how many wrong tries a limiter lets happen before it refuses one. On a slow machine some of a rate are back
// before the last is spent.
func tries(t *testing.T, l *attempts.Limiter, try func(n int) attempts.Try) int {
	t.Helper()
	for n := range enough {
		err := l.Do(t.Context(), try(n), func(context.Context) error { return errors.New("wrong") })
		if errors.Is(err, attempts.ErrTooMany) {
			return n
		}
	}
	return enough
}

// enough is a number of tries at which a test takes a limit for wide.
const enough = 300

func TestLimits(t *testing.T) {
	for name, tc := range map[string]struct {
		demo                       bool
		env                        string
		account, address, register int
	}{
		"a site that people use": {false, "", 5, 60, 20},
		"a demo":                 {true, "", 50, enough, enough},
		"a number of its own":    {false, "7", 7, 60, 20},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("TRIES", tc.env)
			rdb := redis.NewClient(&redis.Options{Addr: miniredis.RunT(t).Addr()})
			t.Cleanup(func() { rdb.Close() })
			l, err := newLimits(redisstore.NewCounter(rdb), tc.demo)
			if err != nil {
				t.Fatal(err)
			}
			for _, limit := range []struct {
				about string
				got   int
				want  int
			}{
				{"tries at an account", tries(t, l.SignIn, func(n int) attempts.Try {
					return attempts.Try{Login: " Alice@example.com ", Address: fmt.Sprint("198.51.100.", n)}
				}), tc.account},
				{"tries from an address", tries(t, l.SignIn, func(n int) attempts.Try {
					return attempts.Try{Login: fmt.Sprint(n), Address: "203.0.113.1"}
				}), tc.address},
				{"registrations from an address", tries(t, l.Registration, func(int) attempts.Try {
					return attempts.Try{Address: "203.0.113.1"}
				}), tc.register},
			} {
				if limit.got < limit.want || limit.got > 2*limit.want {
					t.Errorf("%d %s, want %d", limit.got, limit.about, limit.want)
				}
			}
		})
	}
}

func TestTriesMustBeANumber(t *testing.T) {
	for _, text := range []string{"0", "-1", "many", "1e3"} {
		t.Setenv("TRIES", text)
		if _, err := newLimits(nil, false); err == nil {
			t.Errorf("%q is taken for a number of tries", text)
		}
	}
}

func TestWhereEverybodyIsTheSameMachine(t *testing.T) {
	for addr, want := range map[string]bool{
		"127.0.0.1:3000": true, "[::1]:80": true, "localhost:0": true, ":3000": false, "0.0.0.0:3000": false,
		"198.51.100.1:80": false, "loopback.example:80": false, "127.0.0.1": false,
	} {
		if got := onLoopback(addr); got != want {
			t.Errorf("%s: %v, want %v", addr, got, want)
		}
	}
}
