package magiclink

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"html/template"
	"net/mail"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/multiaccount-go/multiaccount"
	"github.com/multiaccount-go/multiaccount/attempts"
	"github.com/multiaccount-go/multiaccount/auth"
	"github.com/multiaccount-go/multiaccount/internal/answer"
	"github.com/multiaccount-go/multiaccount/tenant"
)

// Purpose is that of the tokens in the store.
const Purpose auth.Purpose = "magic_link"

// request is a link that somebody asked for.
type request struct {
	email string
	about about
}

// about is what a link has to know when it is opened. It is kept with the hash of its secret.
type about struct {
	Email    string `json:"email"`   // key of the address that the link goes to
	Browser  []byte `json:"browser"` // hash of the cookie of the browser that asked
	Intent   string `json:"intent,omitempty"`
	ReturnTo string `json:"return_to,omitempty"`
}

const (
	fieldEmail  = "email"
	fieldReturn = "request_path"
	fieldSecret = "secret"

	maxReturn = 2048
	maxEmail  = 254
)

// newPage asks for the address.
func (m *MagicLink) newPage(c *fiber.Ctx) error { return m.drawNew(c, fiber.StatusOK, "", "") }

func (m *MagicLink) drawNew(c *fiber.Ctx, status int, typed, problem string) error {
	if problem != "" && answer.Of(c) == answer.JSON {
		return answer.Mistakes(c, status, answer.Problem{Code: auth.CodeInvalid, Text: m.cfg.Texts.LookAgain},
			map[string]answer.Problem{fieldEmail: {Code: "invalid", Text: problem}})
	}
	return m.pages.Draw(c, status, "new.html", m.cfg.Texts.NewTitle, m.form(c, typed, problem))
}

// form is what the template of the form gets.
type form struct {
	Texts          Texts
	Action         string
	Typed, Problem string
	Fields         template.HTML
}

func (m *MagicLink) form(c *fiber.Ctx, typed, problem string) form {
	fields := m.cfg.Accounts.IntentField(c) + m.cfg.Accounts.ReturnField(c)
	if again, ok := m.cfg.Accounts.Again(c); ok {
		fields += again.Field
	}
	return form{m.cfg.Texts, m.cfg.Base, typed, problem, fields}
}

// FormHTML returns the form that asks for the address, for the Config.SignInWays of package auth. Draw it in the
// request that it is for: it says whether an account is being added, and to whose session.
func (m *MagicLink) FormHTML(c *fiber.Ctx) (template.HTML, error) {
	return m.pages.Body("form.html", m.form(c, "", ""))
}

// errCounted ends every try: no link that was asked for makes the ones before it unasked.
var errCounted = errors.New("magiclink: counted")

// ask takes a request. What it answers, and when, depends on nothing that is known about the address.
func (m *MagicLink) ask(c *fiber.Ctx) error {
	typed := answer.Posted(c, fieldEmail)
	email := strings.TrimSpace(typed)
	if !isAddress(email) {
		return m.drawNew(c, fiber.StatusUnprocessableEntity, typed, m.cfg.Texts.InvalidEmail)
	}
	intent, back := answer.Posted(c, multiaccount.IntentField), answer.Posted(c, fieldReturn)
	if len(back) > maxReturn {
		back = ""
	}
	m.cfg.Accounts.ClaimIntent(c, intent) // a form that says nothing means nothing
	if err := m.cfg.Accounts.CanSignIn(c); err != nil {
		return err
	}
	err := m.cfg.Limits.Do(c.UserContext(), attempts.Try{Login: email, Address: c.IP()},
		func(context.Context) error { return errCounted })
	if !errors.Is(err, errCounted) {
		return err
	}
	browser := m.cookie.Value(c)
	if len(browser) != secretLength { // links that were asked for before go on working
		browser = newSecret()
	}
	digest := sha256.Sum256([]byte(browser))
	if !m.enqueue(request{email, about{tenant.EmailKey(email), digest[:], intent, back}}) {
		return &multiaccount.Refusal{Status: fiber.StatusServiceUnavailable, Code: multiaccount.CodeStoreUnavailable,
			Message: m.cfg.Texts.Busy, RetryAfter: 5 * time.Second}
	}
	m.cookie.Set(c, browser)
	return answer.Lead(c, m.cfg.Base+"/sent", fiber.StatusAccepted, fiber.Map{"message": m.cfg.Texts.Sent})
}

// isAddress reports whether a text can be an e-mail address.
func isAddress(text string) bool {
	if len(text) > maxEmail || strings.ContainsAny(text, "\r\n<>") {
		return false
	}
	parsed, err := mail.ParseAddress(text)
	return err == nil && parsed.Address == text
}

// sentPage says the same to everybody.
func (m *MagicLink) sentPage(c *fiber.Ctx) error {
	return m.pages.Draw(c, fiber.StatusOK, "sent.html", m.cfg.Texts.SentTitle, form{Texts: m.cfg.Texts, Action: m.cfg.Base + "/new"})
}

func (m *MagicLink) enqueue(r request) bool {
	m.mu.RLock()
	defer m.mu.RUnlock()
	if m.closed {
		return false
	}
	select {
	case m.wanted <- r:
		return true
	default:
		return false
	}
}

// serve looks up who has an address and sends a link there: to the address as it was registered, never as it was typed.
func (m *MagicLink) serve(ctx context.Context, r request) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	defer func() {
		if panicked := recover(); panicked != nil {
			m.cfg.Log.Error("magiclink: Config.Send panicked", "panic", panicked)
		}
	}()
	u, _, err := m.cfg.Users.ByEmail(ctx, r.email)
	switch {
	case errors.Is(err, auth.ErrUnknown):
		return
	case err != nil:
		m.cfg.Log.Error("magiclink: who has the address cannot be looked up", "err", err)
		return
	case !u.IsActive():
		return
	}
	secret := newSecret()
	data, err := json.Marshal(r.about)
	if err == nil {
		now := m.cfg.Now()
		err = m.cfg.Users.PutToken(ctx, auth.Token{ID: rand.Text(), Purpose: Purpose, Hash: sha256.Sum256([]byte(secret)),
			UserID: u.ID, Data: string(data), Created: now, Expires: now.Add(m.cfg.Life)})
	}
	if err == nil {
		err = m.cfg.Send(ctx, u.Email, m.cfg.BaseURL+m.cfg.Base+"/"+secret)
	}
	if err != nil {
		m.cfg.Log.Error("magiclink: link not sent", "user", u.ID, "err", err)
	}
}

// secretLength is that of 256 bits as text.
const secretLength = 43

func newSecret() string {
	b := make([]byte, 32)
	_, _ = rand.Read(b) // never fails
	return base64.RawURLEncoding.EncodeToString(b)
}

// askedHere reports whether the link was asked for in the browser of a request.
func (m *MagicLink) askedHere(c *fiber.Ctx, a about) bool {
	digest := sha256.Sum256([]byte(m.cookie.Value(c)))
	return subtle.ConstantTimeCompare(digest[:], a.Browser) == 1
}
