package multiaccount

import (
	"errors"
	"net/url"
	"strconv"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/multiaccount-go/multiaccount/account"
	"github.com/multiaccount-go/multiaccount/internal/origin"
	"github.com/multiaccount-go/multiaccount/live"
)

// Refusal is an answer that changes nothing. Handlers return it as an error; [Plugin.Handler] renders it as a page, as a
// fragment for htmx or as JSON, by who asked. The text is for people; the cause is for logs and never leaves the server.
type Refusal struct {
	Status     int
	Code       string        // for programs, e.g. "stale_page"
	Message    string        // for people
	RetryAfter time.Duration // 0: do not say

	cause        error
	again        string // account that has to sign in again
	expireCookie bool   // signing out while the store does not answer
	told         bool   // the audit trail has it
}

func (r *Refusal) Error() string { return r.Code + ": " + r.Message }

// Unwrap returns the cause, for errors.Is with the errors of package account, and a [*fiber.Error], so that an app's error
// handler finds the status where p.Handler is not mounted.
func (r *Refusal) Unwrap() []error {
	wrapped := []error{fiber.NewError(r.Status, r.Message)}
	if r.cause != nil {
		wrapped = append(wrapped, r.cause)
	}
	return wrapped
}

// Codes of refusals, as in JSON answers.
const (
	CodeNotSignedIn      = "not_signed_in"
	CodeSignInAgain      = "sign_in_again"
	CodeBadOrigin        = "bad_origin"
	CodeNotFound         = "not_found"
	CodeStalePage        = "stale_page"
	CodeStaleSession     = "stale_session"
	CodeLinkLimit        = "link_limit"
	CodeIntentExpired    = "intent_expired"
	CodeRateLimited      = "rate_limited"
	CodeStoreUnavailable = "store_unavailable"
)

// refusal is the one place where errors become answers. What is unknown, foreign or inactive looks the same. An error
// that is none of ours is returned as it is.
func (p *Plugin[U]) refusal(err error) error {
	t := &p.cfg.Texts
	answer := func(status int, code, message string, retry time.Duration) error {
		return &Refusal{Status: status, Code: code, Message: message, RetryAfter: retry, cause: err}
	}
	var unavailable *account.UnavailableError
	switch {
	case errors.Is(err, origin.ErrForeign):
		return answer(fiber.StatusForbidden, CodeBadOrigin, t.BadOrigin, 0)
	case errors.Is(err, account.ErrNotFound), errors.Is(err, account.ErrNoCurrent):
		return answer(fiber.StatusUnauthorized, CodeNotSignedIn, t.NotSignedIn, 0)
	case errors.Is(err, account.ErrSignInAgain):
		return answer(fiber.StatusUnauthorized, CodeSignInAgain, t.SignInAgain, 0)
	case errors.Is(err, account.ErrStaleSecret):
		return answer(fiber.StatusConflict, CodeStaleSession, t.StaleSession, 0)
	case errors.Is(err, account.ErrStaleStamp):
		return answer(fiber.StatusConflict, CodeStalePage, t.StalePage, 0)
	case errors.Is(err, account.ErrNotLinked), errors.Is(err, account.ErrInactive):
		return answer(fiber.StatusNotFound, CodeNotFound, t.NotFound, 0)
	case errors.Is(err, account.ErrLinkLimit):
		return answer(fiber.StatusConflict, CodeLinkLimit, t.linkLimit(p.sessions.Options().MaxLinked), 0)
	case errors.Is(err, account.ErrIntentExpired):
		return answer(fiber.StatusConflict, CodeIntentExpired, t.IntentExpired, 0)
	case errors.Is(err, account.ErrRateLimited), errors.Is(err, live.ErrTooManySockets):
		return answer(fiber.StatusTooManyRequests, CodeRateLimited, t.RateLimited, time.Minute)
	case errors.As(err, &unavailable), errors.Is(err, live.ErrClosed), errors.Is(err, live.ErrFull):
		return p.unavailable(err)
	}
	return err
}

// unavailable is the answer when nothing is known.
func (p *Plugin[U]) unavailable(cause error) *Refusal {
	return &Refusal{Status: fiber.StatusServiceUnavailable, Code: CodeStoreUnavailable, Message: p.cfg.Texts.StoreUnavailable,
		RetryAfter: 5 * time.Second, cause: cause}
}

// render answers a refusal by who asks and leaves other errors to the app.
func (p *Plugin[U]) render(c *fiber.Ctx, err error) error {
	if err == nil {
		return nil
	}
	return p.renderFor(asker(c), c, err)
}

func (p *Plugin[U]) renderFor(who askerKind, c *fiber.Ctx, err error) error {
	var r *Refusal
	if err = p.ofTries(err); !errors.As(err, &r) {
		return err
	}
	p.refused(c, r)
	p.private(c)
	if r.RetryAfter > 0 {
		c.Set(fiber.HeaderRetryAfter, strconv.Itoa(int(r.RetryAfter/time.Second)))
	}
	if r.expireCookie {
		p.expireCookie(c)
	}
	switch who {
	case askerJSON:
		return c.Status(r.Status).JSON(fiber.Map{"error": r.Code, "message": r.Message})
	case askerHTMX:
		return p.refuseHTMX(c, r)
	}
	if r.Status == fiber.StatusUnauthorized {
		return c.Redirect(p.wayIn(c, r), fiber.StatusSeeOther)
	}
	return p.refusePage(c, r)
}

// refuseHTMX answers so that both versions of htmx leave the page as it is, and the browser script shows the text.
func (p *Plugin[U]) refuseHTMX(c *fiber.Ctx, r *Refusal) error {
	switch {
	case r.Status == fiber.StatusUnauthorized:
		c.Set("HX-Redirect", p.wayIn(c, r))
	case r.Code == CodeStalePage, r.Code == CodeStaleSession:
		c.Set("HX-Refresh", "true")
	}
	c.Set("HX-Reswap", "none")
	c.Set("HX-Trigger", asHeader(fiber.Map{"account-refused": fiber.Map{"code": r.Code, "message": r.Message}}))
	return p.fragment(c.Status(r.Status), p.refusalFragment(r))
}

// wayIn is where a person goes to be let in, and what leads back from there.
func (p *Plugin[U]) wayIn(c *fiber.Ctx, r *Refusal) string {
	target := p.cameFrom(c)
	if isSafe(c) && asker(c) == askerPage {
		target, _ = p.returnable(c.OriginalURL())
	}
	if r.again != "" {
		return p.againPath(r.again, target)
	}
	return p.afterSignIn(p.entrance(c), target)
}

// entrance is where a person goes who is not signed in: to the sign-in page, or to the chooser.
func (p *Plugin[U]) entrance(c *fiber.Ctx) string {
	if v := p.visit(c); v.session != nil {
		return p.urls.choose
	}
	return p.urls.signIn
}

// afterSignIn adds the page to come back to: the one that was asked for, or the one that a form was on.
func (p *Plugin[U]) afterSignIn(entrance, target string) string {
	if target == "" || target == p.paths.Home {
		return entrance
	}
	field := fieldRequestPath
	if entrance == p.urls.choose {
		field = fieldReturnTo
	}
	return entrance + "?" + field + "=" + url.QueryEscape(target)
}
