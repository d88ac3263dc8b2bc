package multiaccount

import (
	"errors"

	"github.com/gofiber/fiber/v2"

	"github.com/multiaccount-go/multiaccount/attempts"
)

// ofTries makes a [Refusal] of one that a limiter of package attempts has made, in the words of this plugin. Other errors
// are returned as they are.
func (p *Plugin[U]) ofTries(err error) error {
	var limited *attempts.Refusal
	if !errors.As(err, &limited) {
		return err
	}
	r := &Refusal{Status: limited.Status(), Code: CodeStoreUnavailable, Message: p.cfg.Texts.TriesUnavailable,
		RetryAfter: limited.RetryAfter, cause: err}
	if r.Status == fiber.StatusTooManyRequests {
		r.Code, r.Message = CodeRateLimited, p.cfg.Texts.TooManyTries
	}
	return r
}
