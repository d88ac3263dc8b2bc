package auth

import (
	"errors"
	"fmt"
	"maps"
	"net/mail"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/gofiber/fiber/v2"

	"github.com/multiaccount-go/multiaccount/auth/password"
	"github.com/multiaccount-go/multiaccount/internal/answer"
	"github.com/multiaccount-go/multiaccount/tenant"
)

// Names of the fields of the forms.
const (
	FieldEmail           = "email"
	FieldPassword        = "password"
	FieldConfirmation    = "password_confirmation"
	FieldCurrentPassword = "current_password"
	FieldName            = "name"
	FieldAccountName     = tenant.NameField
	FieldInvitation      = tenant.InvitationField
)

// Problem says what is wrong with a field.
type Problem struct {
	Code string // for programs
	Text string // for people
}

// Problems holds one problem for each field that cannot be accepted, by its name; the empty name stands for the form as a
// whole. It is an error, so that Config.Registered can return it.
type Problems map[string]Problem

func (p Problems) Error() string { return fmt.Sprintf("auth: %d fields cannot be accepted", len(p)) }

// whole makes one problem of all, for a page that does not have the fields.
func (p Problems) whole() Problems {
	var code string
	var texts []string
	for _, name := range slices.Sorted(maps.Keys(p)) {
		code, texts = p[name].Code, append(texts, p[name].Text)
	}
	return Problems{"": {code, strings.Join(texts, " ")}}
}

// note keeps the first problem of a field, in the words of Texts.Problems or in those that it comes with.
func (a *Auth) note(p Problems, field, code, text string) {
	if _, known := p[field]; known {
		return
	}
	if own := a.cfg.Texts.Problems[strings.TrimPrefix(field+"."+code, ".")]; own != "" {
		text = own
	}
	p[field] = Problem{code, text}
}

// invalid answers a form with mistakes: with the form again, or with what is wrong for a program.
func (a *Auth) invalid(c *fiber.Ctx, wrong Problems, draw func() error) error {
	if answer.Of(c) != answer.JSON {
		c.Status(fiber.StatusUnprocessableEntity)
		return draw()
	}
	whole, fields := answer.Problem{Code: CodeInvalid, Text: a.cfg.Texts.LookAgain}, map[string]answer.Problem{}
	for name, p := range wrong {
		if name == "" {
			whole = answer.Problem(p)
		} else {
			fields[name] = answer.Problem(p)
		}
	}
	return answer.Mistakes(c, fiber.StatusUnprocessableEntity, whole, fields)
}

const (
	maxEmail = 254 // bytes, as in SMTP
	maxName  = 100 // characters
)

// email reads an address as it is kept: as typed, without white space around it.
func (a *Auth) email(p Problems, typed string) string {
	email := norm.NFC.String(strings.TrimSpace(typed))
	switch {
	case email == "":
		a.note(p, FieldEmail, "blank", "")
	case !isEmail(email):
		a.note(p, FieldEmail, "invalid", "")
	}
	return email
}

// isEmail reports whether an address can be written to: nothing but an address, and nothing that ends a header.
func isEmail(s string) bool {
	if len(s) > maxEmail || !utf8.ValidString(s) || strings.ContainsAny(s, " <>()[]\\,;:\"") ||
		strings.ContainsFunc(s, isStrange) {
		return false
	}
	parsed, err := mail.ParseAddress(s)
	return err == nil && parsed.Address == s && parsed.Name == ""
}

// isStrange reports whether a character means nothing to people, or turns the text around it.
func isStrange(r rune) bool {
	return r != ' ' && !unicode.IsGraphic(r) || r == unicode.ReplacementChar || unicode.In(r, unicode.Cf, unicode.Co)
}

// name reads the name of a person.
func (a *Auth) name(p Problems, typed string) string {
	name := strings.Join(strings.Fields(norm.NFC.String(typed)), " ")
	switch {
	case len(name) > 16*maxName || utf8.RuneCountInString(name) > maxName:
		a.note(p, FieldName, "too_long", "")
	case !utf8.ValidString(name) || strings.ContainsFunc(name, isUnreadable):
		a.note(p, FieldName, "unreadable", "")
	}
	return name
}

// isUnreadable is isStrange but for what joins characters in some scripts and in emoji.
func isUnreadable(r rune) bool { return r != '\u200c' && r != '\u200d' && isStrange(r) }

// newPassword reads a new password twice, and compares it with what everybody knows of the person.
func (a *Auth) newPassword(p Problems, from answer.Body, known ...string) string {
	typed, again := from.Text(FieldPassword), from.Text(FieldConfirmation)
	if len(typed) <= password.Max && len(again) <= password.Max { // longer ones are refused, whatever they are
		typed, again = password.Normal(typed), password.Normal(again)
	}
	var wrong *password.Error
	if errors.As(a.cfg.Passwords.Check(typed, known...), &wrong) {
		a.note(p, FieldPassword, wrong.Code, wrong.Text)
	}
	if typed != again {
		a.note(p, FieldConfirmation, "mismatch", "")
	}
	return typed
}

// taken notes what a store says of a registration. false: it says something else.
func (a *Auth) taken(p Problems, err error) bool {
	noted := false
	for _, known := range []struct {
		err         error
		field, code string
	}{
		{ErrEmailTaken, FieldEmail, "taken"}, {tenant.ErrNameTaken, FieldAccountName, "taken"},
		{tenant.ErrOtherAddress, FieldEmail, "other_address"}, {tenant.ErrInvitationUsed, "", "invitation_used"},
	} {
		if errors.Is(err, known.err) {
			a.note(p, known.field, known.code, "")
			noted = true
		}
	}
	return noted
}
