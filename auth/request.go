package auth

import (
	"context"
	"errors"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/multiaccount-go/multiaccount"
	"github.com/multiaccount-go/multiaccount/attempts"
	"github.com/multiaccount-go/multiaccount/internal/answer"
)

// private marks an answer as personal, and as one that nobody else may learn the address of: the secret of a link may be in
// it.
func private(c *fiber.Ctx) error {
	answer.Private(c)
	c.Set(fiber.HeaderReferrerPolicy, "same-origin")
	return c.Next()
}

// patience is how long a request waits for the store altogether.
const patience = 10 * time.Second

// within returns the context for what a request does.
func within(c *fiber.Ctx) (context.Context, context.CancelFunc) {
	return context.WithTimeout(c.UserContext(), patience)
}

// after is within for what has to be done whether the request waits for it or not.
func after(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), patience)
}

// Codes of answers that refuse something, beside those of the plugin.
const (
	CodeInvalid          = "invalid"           // fields cannot be accepted
	CodeWrongCredentials = "wrong_credentials" // at signing in, whatever is wrong
)

// failed makes an answer of an error that nobody has made one of yet: the store does not answer.
func (a *Auth) failed(err error) error {
	if err == nil || isAnswer(err) {
		return err
	}
	if !errors.Is(err, context.Canceled) {
		a.cfg.Log.Error("auth: store does not answer", "err", err)
	}
	return a.unavailable()
}

// isAnswer reports whether an error says itself what to answer.
func isAnswer(err error) bool {
	var known *multiaccount.Refusal
	var tries *attempts.Refusal
	return errors.As(err, &known) || errors.As(err, &tries)
}

// unavailable is the answer when nothing can be done at the moment.
func (a *Auth) unavailable() error {
	return &multiaccount.Refusal{Status: fiber.StatusServiceUnavailable, Code: multiaccount.CodeStoreUnavailable,
		Message: a.cfg.Texts.StoreUnavailable, RetryAfter: 5 * time.Second}
}
