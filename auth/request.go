package auth

import (
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/multiaccount-go/multiaccount"
	"github.com/multiaccount-go/multiaccount/attempts"
	"github.com/multiaccount-go/multiaccount/auth/internal/answer"
)

// wantsPart reports whether htmx asks for what goes into a page, rather than for a whole one.
func wantsPart(c *fiber.Ctx) bool {
	return answer.Of(c) == answer.HTMX && c.Get("HX-Boosted") != "true" && c.Get("HX-History-Restore-Request") != "true"
}

// private marks an answer as personal, and as one that nobody else may learn the address of: the secret of a link may be in
// it.
func private(c *fiber.Ctx) error {
	answer.Private(c)
	c.Set(fiber.HeaderReferrerPolicy, "same-origin")
	c.Vary(fiber.HeaderCookie, "HX-Request", fiber.HeaderAccept)
	return c.Next()
}

// posted are the fields of a request's body, a form or a JSON object. The query, which links and logs carry around, is not
// looked at.
type posted struct {
	form   func(name string) []string
	object map[string]json.RawMessage
}

func read(c *fiber.Ctx) posted {
	switch kind := strings.ToLower(c.Get(fiber.HeaderContentType)); {
	case strings.HasPrefix(kind, fiber.MIMEApplicationForm):
		return posted{form: func(name string) (values []string) {
			for _, value := range c.Request().PostArgs().PeekMulti(name) {
				values = append(values, string(value))
			}
			return values
		}}
	case strings.HasPrefix(kind, fiber.MIMEMultipartForm):
		if form, err := c.MultipartForm(); err == nil {
			return posted{form: func(name string) []string { return form.Value[name] }}
		}
	case strings.HasPrefix(kind, fiber.MIMEApplicationJSON):
		var object map[string]json.RawMessage
		if json.Unmarshal(c.Body(), &object) == nil {
			return posted{object: object}
		}
	}
	return posted{}
}

// text returns a copy of a field, or "" when it does not come exactly once, as text.
func (p posted) text(name string) string {
	if p.form != nil {
		if values := p.form(name); len(values) == 1 {
			return strings.Clone(values[0])
		}
		return ""
	}
	var text string
	if json.Unmarshal(p.object[name], &text) != nil {
		return ""
	}
	return text
}

// has reports whether a field is there at all.
func (p posted) has(name string) bool {
	if p.form != nil {
		return len(p.form(name)) > 0
	}
	return p.object[name] != nil
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

// lead answers a change that was made: a page goes on to a path, htmx too, a program gets a document.
func lead(c *fiber.Ctx, target string, document any) error {
	c.Response().ResetBody()
	for _, header := range []string{fiber.HeaderLocation, "HX-Redirect", "HX-Refresh"} {
		c.Response().Header.Del(header) // of the plugin, whose answer this one replaces
	}
	switch answer.Of(c) {
	case answer.JSON:
		return c.Status(fiber.StatusOK).JSON(document)
	case answer.HTMX:
		if here, err := url.Parse(c.Get("HX-Current-URL")); err == nil && here.IsAbs() && here.RequestURI() == target {
			c.Set("HX-Refresh", "true")
		} else {
			c.Set("HX-Redirect", target)
		}
		return c.SendStatus(fiber.StatusNoContent)
	}
	return c.Redirect(target, fiber.StatusSeeOther)
}

// Codes of answers that refuse something, beside those of the plugin.
const (
	CodeInvalid          = "invalid"           // fields cannot be accepted
	CodeWrongCredentials = "wrong_credentials" // at signing in, whatever is wrong
)

// failed makes an answer of an error that nobody has made one of yet: the store does not answer.
func (a *Auth) failed(err error) error {
	var known *multiaccount.Refusal
	var tries *attempts.Refusal
	if err == nil || errors.As(err, &known) || errors.As(err, &tries) {
		return err
	}
	if !errors.Is(err, context.Canceled) {
		a.cfg.Log.Error("auth: store does not answer", "err", err)
	}
	return &multiaccount.Refusal{Status: fiber.StatusServiceUnavailable, Code: multiaccount.CodeStoreUnavailable,
		Message: a.cfg.Texts.StoreUnavailable, RetryAfter: 5 * time.Second}
}
