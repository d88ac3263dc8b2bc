package auth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/google/uuid"

	"github.com/multiaccount-go/multiaccount/internal/answer"
	"github.com/multiaccount-go/multiaccount/tenant"
)

// Mail sends e-mails of this package.
type Mail struct {
	// BaseURL begins the links, such as https://www.example.com. It is not taken from requests: whoever sends one says what
	// its Host is, and the secret would go there. Required.
	BaseURL string
	// Send sends a message, or keeps it for sending; better the latter, as the person waits, and how long must not tell what
	// the message is. After an error the person is told to try again. Required.
	Send func(ctx context.Context, m Message) error
	// Life is how long a link can be followed. Default: one hour.
	Life time.Duration
}

// Message is an e-mail that the app puts into words.
type Message struct {
	To   string
	Kind MessageKind
	Link string // where it leads; it holds a secret, unless the kind is Known
}

// MessageKind says what an e-mail is about.
type MessageKind string

// The kinds of messages.
const (
	// ConfirmRegistration asks whoever registered to follow the link and type his password again.
	ConfirmRegistration MessageKind = "confirm_registration"
	// ConfirmEmail asks whoever changed his address to follow the link while he is signed in.
	ConfirmEmail MessageKind = "confirm_email"
	// Known tells the owner of an address that it is registered already, and that somebody, maybe himself, tried to use it
	// for another account. The link leads to the sign-in page.
	Known MessageKind = "known"
)

// Purposes of tokens of this package.
const (
	purposeRegistration Purpose = "registration"
	purposeEmail        Purpose = "email"
	purposeNothing      Purpose = "nothing" // of a link that nobody gets: it costs what one costs that somebody gets
)

func (m *Mail) validate() error {
	if m == nil {
		return nil
	}
	var errs []error
	u, err := url.Parse(m.BaseURL)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil ||
		u.RawQuery != "" || u.Fragment != "" {
		errs = append(errs, fmt.Errorf("field Mail.BaseURL is %q: give what links begin with, such as "+
			"https://www.example.com", m.BaseURL))
	}
	if m.Send == nil {
		errs = append(errs, errors.New("field Mail.Send is missing: give a function that sends a message"))
	}
	if m.Life < 0 {
		errs = append(errs, fmt.Errorf("field Mail.Life is %v: use a positive time", m.Life))
	}
	return errors.Join(errs...)
}

func (m *Mail) life() time.Duration {
	if m.Life == 0 {
		return time.Hour
	}
	return m.Life
}

// send keeps what a link stands for and sends the link. When the address is somebody's already it says that instead, and
// takes as long.
func (a *Auth) send(ctx context.Context, to string, taken bool, kind MessageKind, t Token) error {
	secret := tenant.NewSecret()
	base := strings.TrimSuffix(a.cfg.Mail.BaseURL, "/")
	m := Message{To: to, Kind: kind, Link: base + a.paths.Confirm + "/" + string(secret)}
	if taken {
		m.Kind, m.Link, t.Purpose = Known, base+a.paths.SignIn, purposeNothing
	}
	t.ID, t.Hash, t.Created = uuid.NewString(), Hash(secret.Hash()), a.cfg.Now()
	t.Expires = t.Created.Add(a.cfg.Mail.life())
	if err := a.cfg.Users.PutToken(ctx, t); err != nil {
		return err
	}
	if err := a.cfg.Mail.Send(ctx, m); err != nil {
		return fmt.Errorf("auth: sending an e-mail: %w", err)
	}
	return nil
}

// askByMail answers a registration: the e-mail says the rest.
func (a *Auth) askByMail(ctx context.Context, c *fiber.Ctx, who applicant, taken bool) error {
	if who.Return = named(c, fieldReturn); len(who.Return) > maxReturn {
		who.Return = "" // no page has such an address
	}
	data, err := json.Marshal(who)
	if err != nil {
		return err
	}
	t := Token{Purpose: purposeRegistration, Data: string(data)}
	if err := a.send(ctx, who.Email, taken, ConfirmRegistration, t); err != nil {
		return a.failed(err)
	}
	if answer.Of(c) == answer.JSON {
		return c.Status(fiber.StatusAccepted).JSON(fiber.Map{"sent": true, "message": a.cfg.Texts.Sent})
	}
	return a.drawMessage(c, fiber.StatusAccepted, a.cfg.Texts.SentTitle, a.cfg.Texts.Sent)
}

// applicantOf returns whom a link of a registration is for.
func applicantOf(t Token) (who applicant, err error) {
	err = json.Unmarshal([]byte(t.Data), &who)
	return who, err
}

// link returns what the link of a request stands for. A link that is over, or none, looks like one that never was.
func (a *Auth) link(ctx context.Context, c *fiber.Ctx) (Token, error) {
	hash := Hash(tenant.Secret(c.Params("secret")).Hash())
	for _, purpose := range []Purpose{purposeRegistration, purposeEmail} {
		t, err := a.cfg.Users.Token(ctx, purpose, hash, a.cfg.Now())
		if err == nil || !errors.Is(err, ErrUnknown) {
			return t, err
		}
	}
	return Token{}, ErrUnknown
}

// confirmPage asks before a link does what it stands for: programs follow links in e-mails too.
func (a *Auth) confirmPage(c *fiber.Ctx) error {
	ctx, cancel := within(c)
	defer cancel()
	t, err := a.link(ctx, c)
	if err != nil {
		return a.noLink(c, err)
	}
	return a.drawConfirm(c, t, Problems{})
}

func (a *Auth) noLink(c *fiber.Ctx, err error) error {
	if !errors.Is(err, ErrUnknown) {
		return a.failed(err)
	}
	return a.refuse(c, fiber.StatusNotFound, "link_over", a.cfg.Texts.LinkOver)
}

// refuse answers with a page, or a document, that says why nothing was done.
func (a *Auth) refuse(c *fiber.Ctx, status int, code, text string) error {
	if answer.Of(c) == answer.JSON {
		return c.Status(status).JSON(fiber.Map{"error": code, "message": text})
	}
	return a.drawMessage(c, status, a.cfg.Texts.RefusedTitle, text)
}

// confirm does what a link stands for.
func (a *Auth) confirm(c *fiber.Ctx) error {
	ctx, cancel := within(c)
	defer cancel()
	t, err := a.link(ctx, c)
	switch {
	case err != nil:
		return a.noLink(c, err)
	case t.Purpose == purposeEmail:
		return a.confirmEmail(ctx, c, t)
	}
	return a.confirmRegistration(ctx, c, t)
}

// confirmRegistration makes the user. Whoever follows the link has to know the password too: else somebody could register
// with the address of another, let that one confirm it, and have the password to his account.
func (a *Auth) confirmRegistration(ctx context.Context, c *fiber.Ctx, t Token) error {
	if err := a.cfg.Accounts.CanSignIn(c); err != nil {
		return err
	}
	who, err := applicantOf(t)
	if err != nil {
		return a.failed(err)
	}
	var user User
	typed := answer.Read(c).Text(FieldPassword)
	err = a.tryPassword(ctx, c, who.Email, func(ctx context.Context) (err error) {
		right, err := a.belongs(ctx, User{ID: t.ID}, typed, who.PasswordHash)
		if err == nil && !right {
			err = errWrong
		}
		if err == nil {
			user, err = a.create(ctx, who)
		}
		return err
	})
	if errors.Is(err, errWrong) {
		wrong := Problems{}
		a.note(wrong, FieldPassword, "wrong", "")
		return a.invalid(c, wrong, func() error { return a.drawConfirm(c, t, wrong) })
	}
	if err == nil {
		err = a.admit(c, user, who.Values)
	}
	var refused Problems
	switch {
	case err == nil:
	case errors.As(err, &refused):
		return a.invalid(c, refused, func() error { return a.drawConfirm(c, t, refused.whole()) })
	case !a.taken(Problems{}, err):
		return a.failed(err) // the link can be followed once more
	}
	// The address or the name is taken by now, so a link that stays could do no harm.
	_, _ = a.cfg.Users.TakeToken(ctx, t.Purpose, t.Hash, a.cfg.Now())
	if err != nil {
		return a.refuse(c, fiber.StatusConflict, "taken_meanwhile", a.cfg.Texts.TakenMeanwhile)
	}
	return nil
}

// confirmEmail gives a user the address that he has got the link at.
func (a *Auth) confirmEmail(ctx context.Context, c *fiber.Ctx, t Token) error {
	if a.cfg.Accounts.CurrentID(c) != t.UserID {
		return a.refuse(c, fiber.StatusForbidden, "other_user", a.cfg.Texts.OtherUser)
	}
	switch err := a.cfg.Users.SetEmail(ctx, t.UserID, t.Data); {
	case errors.Is(err, ErrEmailTaken):
		return a.refuse(c, fiber.StatusConflict, "taken_meanwhile", a.cfg.Texts.TakenMeanwhile)
	case err != nil:
		return a.failed(err)
	}
	if _, err := a.cfg.Users.TakeToken(ctx, t.Purpose, t.Hash, a.cfg.Now()); err != nil && !errors.Is(err, ErrUnknown) {
		a.cfg.Log.Warn("auth: a link that was followed stays", "err", err)
	}
	a.changed(ctx, c, t.UserID, ActionEmailChanged)
	return answer.Lead(c, a.paths.Profile, fiber.StatusOK, fiber.Map{"email": t.Data})
}
