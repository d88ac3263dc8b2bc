package magiclink

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/gofiber/fiber/v2/utils"

	"github.com/multiaccount-go/multiaccount"
	"github.com/multiaccount-go/multiaccount/account"
	"github.com/multiaccount-go/multiaccount/auth"
	"github.com/multiaccount-go/multiaccount/internal/answer"
	"github.com/multiaccount-go/multiaccount/tenant"
)

// Codes of refusals, beside those of package multiaccount.
const (
	CodeLinkOver     = "link_over"     // the link was used, is too old, or never was one
	CodeOtherBrowser = "other_browser" // it was asked for in another browser
)

// link is a link that works now, for this browser.
type link struct {
	about
	user auth.User
	hash auth.Hash
	here bool // asked for in this browser
}

// open returns the link with a secret, and leaves it as it is.
func (m *MagicLink) open(c *fiber.Ctx, secret string) (link, error) {
	if len(secret) != secretLength {
		return link{}, m.over()
	}
	l := link{hash: sha256.Sum256([]byte(secret))}
	ctx := c.UserContext()
	t, err := m.cfg.Users.Token(ctx, Purpose, l.hash, m.cfg.Now())
	if err != nil {
		return link{}, m.failed(err)
	}
	if err := json.Unmarshal([]byte(t.Data), &l.about); err != nil {
		return link{}, m.failed(err)
	}
	if l.here = m.askedHere(c, l.about); !l.here && !m.cfg.AnyBrowser {
		return link{}, &multiaccount.Refusal{Status: fiber.StatusForbidden, Code: CodeOtherBrowser, Message: m.cfg.Texts.OtherBrowser}
	}
	if !l.here {
		l.Intent = "" // nobody in this browser asked to add an account by this link
	}
	l.user, err = m.userOf(ctx, t.UserID, l.Email)
	return l, err
}

// userOf returns the user of a link, unless he must not act or has another address by now.
func (m *MagicLink) userOf(ctx context.Context, id, email string) (auth.User, error) {
	users, err := m.cfg.Users.ByIDs(ctx, id)
	if err != nil {
		return auth.User{}, m.failed(err)
	}
	u, ok := users[id]
	if !ok || !u.IsActive() || tenant.EmailKey(u.Email) != email {
		return auth.User{}, m.over()
	}
	return u, nil
}

// linkPage is what a link opens: a page with a button. It changes nothing, because not only people open links.
func (m *MagicLink) linkPage(c *fiber.Ctx) error {
	c.Set(fiber.HeaderReferrerPolicy, "same-origin") // the address is a secret
	secret := utils.CopyString(c.Params("secret"))
	l, err := m.open(c, secret)
	if err != nil {
		return err
	}
	t := m.cfg.Texts
	page := struct {
		Texts                   Texts
		As, AddedTo             string
		Action                  string
		SecretField, Secret     string
		ReturnField, ReturnPath string
	}{Texts: t, As: put(t.LinkAs, l.user.Email), Action: m.cfg.Base + "/session", SecretField: fieldSecret, Secret: secret,
		ReturnField: fieldReturn, ReturnPath: l.ReturnTo}
	if adding, ok := m.cfg.Accounts.Adding(c); ok && l.Intent != "" && l.Intent == m.cfg.Accounts.Intent(c) {
		page.AddedTo = put(t.AddedTo, adding.To.Label())
	}
	return m.pages.Draw(c, fiber.StatusOK, "link.html", t.LinkTitle, page)
}

// signIn is the button. The link is used up only where signing in is possible.
func (m *MagicLink) signIn(c *fiber.Ctx) error {
	l, err := m.open(c, answer.Posted(c, fieldSecret))
	if err != nil {
		return err
	}
	m.cfg.Accounts.ClaimIntent(c, l.Intent)
	if err := m.cfg.Accounts.CanSignIn(c); err != nil {
		return err
	}
	if _, err := m.cfg.Users.TakeToken(c.UserContext(), Purpose, l.hash, m.cfg.Now()); err != nil {
		return m.failed(err)
	}
	err = m.cfg.Accounts.SignIn(c, l.user.ID, "magic_link")
	if errors.Is(err, account.ErrInactive) {
		return m.over()
	}
	return err
}

func (m *MagicLink) over() error {
	return &multiaccount.Refusal{Status: fiber.StatusGone, Code: CodeLinkOver, Message: m.cfg.Texts.LinkOver}
}

func (m *MagicLink) failed(err error) error {
	if errors.Is(err, auth.ErrUnknown) {
		return m.over()
	}
	m.cfg.Log.Error("magiclink: link cannot be looked up", "err", err)
	return &multiaccount.Refusal{Status: fiber.StatusServiceUnavailable, Code: multiaccount.CodeStoreUnavailable,
		Message: m.cfg.Texts.StoreUnavailable, RetryAfter: 5 * time.Second}
}

// put puts a name into a text.
func put(text, name string) string { return strings.Replace(text, "%s", name, 1) }
