package apitoken

import (
	"errors"
	"strings"

	"github.com/gofiber/fiber/v2"

	"github.com/multiaccount-go/multiaccount"
	"github.com/multiaccount-go/multiaccount/account"
)

// Codes of refusals of the Handler, beside those of package multiaccount.
const (
	CodeInvalidKey = "invalid_key" // it does not work, or is none
	CodeAmbiguous  = "ambiguous"   // the request brings a session too, or several keys
)

type localKey struct{}

// Handler lets programs with a key through, and nobody else. It answers in JSON:
//
//   - 401 not_signed_in without a key, invalid_key with one that does not work, both with WWW-Authenticate;
//   - 400 ambiguous with several keys, or with a browser session beside the key: send one or the other;
//   - 503 store_unavailable with Retry-After when nothing is known.
//
// The key comes in the header Authorization and nowhere else. No cookie is set, and nothing is cached.
func (k *Keys) Handler(c *fiber.Ctx) error {
	c.Set(fiber.HeaderCacheControl, "no-store")
	c.Vary(fiber.HeaderAuthorization)
	sent := c.Context().Request.Header.PeekAll(fiber.HeaderAuthorization)
	if len(sent) > 1 {
		return k.refuse(c, fiber.StatusBadRequest, CodeAmbiguous, k.cfg.Texts.Ambiguous)
	}
	scheme, secret, _ := strings.Cut(string([]byte(c.Get(fiber.HeaderAuthorization))), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return k.refuse(c, fiber.StatusUnauthorized, multiaccount.CodeNotSignedIn, k.cfg.Texts.NoKey)
	}
	if err := k.cfg.Accounts.Available(c); err != nil {
		return k.unavailable(c, err)
	}
	if k.cfg.Accounts.State(c) != account.StateAnonymous {
		return k.refuse(c, fiber.StatusBadRequest, CodeAmbiguous, k.cfg.Texts.Ambiguous)
	}
	key, err := k.Authenticate(c.UserContext(), strings.TrimSpace(secret))
	switch {
	case errors.Is(err, ErrInvalid):
		return k.refuse(c, fiber.StatusUnauthorized, CodeInvalidKey, k.cfg.Texts.InvalidKey)
	case err != nil:
		return k.unavailable(c, err)
	}
	c.Locals(localKey{}, key)
	return c.Next()
}

// Of returns the key by which [Keys.Handler] let a request through.
func Of(c *fiber.Ctx) (Key, bool) {
	key, ok := c.Locals(localKey{}).(Key)
	return key, ok
}

func (k *Keys) refuse(c *fiber.Ctx, status int, code, message string) error {
	switch {
	case code == CodeInvalidKey:
		c.Set(fiber.HeaderWWWAuthenticate, `Bearer realm="api", error="invalid_token"`)
	case status == fiber.StatusUnauthorized:
		c.Set(fiber.HeaderWWWAuthenticate, `Bearer realm="api"`)
	}
	return c.Status(status).JSON(fiber.Map{"error": code, "message": message})
}

func (k *Keys) unavailable(c *fiber.Ctx, err error) error {
	k.cfg.Log.Error("apitoken: key cannot be looked up", "err", err)
	c.Set(fiber.HeaderRetryAfter, "5")
	return k.refuse(c, fiber.StatusServiceUnavailable, multiaccount.CodeStoreUnavailable, k.cfg.Texts.StoreUnavailable)
}
