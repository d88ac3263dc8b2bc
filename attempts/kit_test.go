package attempts_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/multiaccount-go/multiaccount/attempts"
)

var errWrong = errors.New("wrong password")

// limiter returns one that finds accounts without regard to case and spaces around, and waits for nobody.
func limiter(t *testing.T, change ...func(*attempts.Config)) *attempts.Limiter {
	t.Helper()
	cfg := attempts.Config{
		LoginKey: func(typed string) string { return strings.ToLower(strings.TrimSpace(typed)) },
		Log:      slog.New(slog.NewTextHandler(io.Discard, nil)),
	}
	for _, set := range change {
		set(&cfg)
	}
	l, err := attempts.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// try makes one try with a right or a wrong password, and reports whether it was looked at, and why not.
func try(t *testing.T, l *attempts.Limiter, who attempts.Try, right bool) (looked bool, refusal *attempts.Refusal) {
	t.Helper()
	err := l.Do(t.Context(), who, func(context.Context) error {
		looked = true
		if right {
			return nil
		}
		return errWrong
	})
	if errors.As(err, &refusal) == looked {
		t.Fatalf("looked at: %v, and the error is %v", looked, err)
	}
	if looked && !right && err != errWrong {
		t.Fatalf("got %v, want the error of verify as it is", err)
	}
	return looked, refusal
}

func wrong(t *testing.T, l *attempts.Limiter, who attempts.Try) bool {
	t.Helper()
	looked, _ := try(t, l, who, false)
	return looked
}

// spend makes wrong tries until one is refused, and returns how many were looked at and how long to wait.
func spend(t *testing.T, l *attempts.Limiter, who attempts.Try) (tries int, wait time.Duration) {
	t.Helper()
	for range 10_000 {
		looked, refusal := try(t, l, who, false)
		if !looked {
			if !errors.Is(refusal, attempts.ErrTooMany) || refusal.Status() != 429 {
				t.Fatalf("refused with %v, %d; want ErrTooMany, 429", refusal, refusal.Status())
			}
			return tries, refusal.RetryAfter
		}
		tries++
	}
	t.Fatal("ten thousand tries and no end")
	return 0, 0
}

func from(address, login string) attempts.Try { return attempts.Try{Login: login, Address: address} }
