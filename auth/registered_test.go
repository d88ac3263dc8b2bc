package auth_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/multiaccount-go/multiaccount"
	"github.com/multiaccount-go/multiaccount/auth"
)

// TestWhatTheAppMayAnswerToANewUser: whatever it is, nothing stays, and the log tells the truth.
func TestWhatTheAppMayAnswerToANewUser(t *testing.T) {
	for sentence, c := range map[string]struct {
		answers func() error
		status  int
		logged  string
	}{
		"it panics":               {func() error { panic("hunter2") }, 503, "panic: hunter2"},
		"it panics with an error": {func() error { panic(errors.New("hunter2")) }, 503, "registered_test.go"}, // where
		"an error":                {func() error { return errors.New("hunter2") }, 503, "Config.Registered refuses a user"},
		"a refusal": {func() error {
			return &multiaccount.Refusal{Status: http.StatusPaymentRequired, Code: "unpaid", Message: "Pay first."}
		}, 402, ""},
	} {
		t.Run(sentence, func(t *testing.T) {
			broken := true
			s := newSite(t, func(cfg *auth.Config) {
				cfg.Registered = func(context.Context, auth.User, map[string]string) error {
					if broken {
						return c.answers()
					}
					return nil
				}
			})
			a := s.visitor().register("Acme", "alice@example.com")
			if a.Status != c.status || strings.Contains(a.Body, "hunter2") {
				t.Errorf("got %d %s", a.Status, a.Body)
			}
			if _, ok := s.user("alice@example.com"); ok || !s.isFree("Acme") {
				t.Error("something stays")
			}
			log := s.log.String()
			if strings.Contains(log, "store does not answer") || !strings.Contains(log, c.logged) || c.logged == "" && log != "" {
				t.Errorf("the log says %s", log)
			}
			broken = false
			v := s.visitor()
			v.leads(v.register("Acme", "alice@example.com"), "/")
		})
	}
}
