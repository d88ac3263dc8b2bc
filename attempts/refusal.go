package attempts

import (
	"errors"
	"net/http"
	"time"
)

// Why a try did not happen. Compare with errors.Is; every one comes inside of a [*Refusal].
var (
	// ErrTooMany: the account, the address or everybody together has used up the tries. Answer 429.
	ErrTooMany = errors.New("attempts: too many tries")
	// ErrBusy: too many tries run in this process right now. Answer 503; nothing was counted.
	ErrBusy = errors.New("attempts: too many tries at once")
	// ErrUnavailable: the counter does not answer. Answer 503; a site without a count has no limit.
	ErrUnavailable = errors.New("attempts: counter unavailable")
)

// Refusal says that a password was not looked at. It is the same for a right and a wrong one, and for accounts that exist
// and that do not. The Handler of package multiaccount renders it; elsewhere answer with Status and a Retry-After.
type Refusal struct {
	Err        error         // ErrTooMany, ErrBusy or ErrUnavailable, with its cause
	RetryAfter time.Duration // whole seconds, at least one. An earlier try is refused again and prolongs nothing
}

func (r *Refusal) Error() string { return r.Err.Error() }

// Unwrap returns Err.
func (r *Refusal) Unwrap() error { return r.Err }

// Status returns the status of the answer: 429 when who asks was too often here, 503 when it is not for them to change.
func (r *Refusal) Status() int {
	if errors.Is(r.Err, ErrTooMany) {
		return http.StatusTooManyRequests
	}
	return http.StatusServiceUnavailable
}
