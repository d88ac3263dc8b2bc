package apitoken

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"html/template"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/gofiber/fiber/v2"

	"github.com/multiaccount-go/multiaccount"
	"github.com/multiaccount-go/multiaccount/auth"
	"github.com/multiaccount-go/multiaccount/internal/answer"
)

const (
	fieldName = "name"
	fieldDays = "days"

	maxName     = 64 // characters
	defaultDays = 90
)

// shown is a key as pages and JSON have it.
type shown struct {
	ID         string     `json:"id"`
	Name       string     `json:"name"`
	Created    time.Time  `json:"created"`
	Expires    time.Time  `json:"expires"`
	Used       *time.Time `json:"used"`          // null: never
	Secret     string     `json:"key,omitempty"` // only in the answer that makes it
	RevokePath string     `json:"revoke_path"`
}

func (k *Keys) shown(key Key) shown {
	s := shown{ID: key.ID, Name: key.Name, Created: key.Created.UTC(), Expires: key.Expires.UTC(),
		RevokePath: k.cfg.Base + "/" + url.PathEscape(key.ID) + "/revoke"}
	if !key.Used.IsZero() {
		used := key.Used.UTC()
		s.Used = &used
	}
	return s
}

// List returns the keys of a user that work, the newest first.
func (k *Keys) List(ctx context.Context, userID string) ([]Key, error) {
	now := k.cfg.Now()
	tokens, err := k.cfg.Users.Tokens(ctx, Purpose, userID, now)
	if err != nil {
		return nil, err
	}
	uses, err := k.cfg.Users.Tokens(ctx, purposeUse, userID, now)
	if err != nil {
		return nil, err
	}
	used := map[string]time.Time{}
	for _, use := range uses {
		used[use.ID] = use.Created
	}
	keys := make([]Key, 0, len(tokens))
	for _, t := range tokens {
		key, err := keyOf(t)
		if err != nil {
			return nil, err
		}
		key.Used = used[noteID(key.ID)]
		keys = append(keys, key)
	}
	return keys, nil
}

// list shows the keys of the current account.
func (k *Keys) list(c *fiber.Ctx) error { return k.drawList(c, fiber.StatusOK, nil, "", "") }

// wrong is what is wrong with a form, by field; the empty name stands for the form as a whole. nil: nothing.
type wrong map[string]answer.Problem

func (k *Keys) drawList(c *fiber.Ctx, status int, w wrong, name, days string) error {
	keys, err := k.List(c.UserContext(), k.cfg.Accounts.CurrentID(c))
	if err != nil {
		return k.storeFailed(err)
	}
	rows := make([]shown, len(keys))
	for i, key := range keys {
		rows[i] = k.shown(key)
	}
	if answer.Of(c) == answer.JSON {
		if len(w) == 0 {
			answer.Private(c)
			return c.JSON(fiber.Map{"keys": rows})
		}
		whole, ofForm := w[""]
		if !ofForm {
			whole = answer.Problem{Code: auth.CodeInvalid, Text: k.cfg.Texts.LookAgain}
		}
		delete(w, "")
		return answer.Mistakes(c, status, whole, w)
	}
	if days == "" {
		days = strconv.Itoa(min(defaultDays, k.maxDays()))
	}
	alert := w[""].Text
	if alert == "" && len(w) > 0 {
		alert = k.cfg.Texts.LookAgain
	}
	return k.pages.Draw(c, status, "list.html", k.cfg.Texts.Title, struct {
		Texts                       Texts
		Keys                        []shown
		Action                      string
		Stamp                       template.HTML
		Name, Days                  string
		MaxDays                     int
		Alert, NameWrong, DaysWrong string
	}{k.cfg.Texts, rows, k.cfg.Base, k.cfg.Accounts.StampField(c), name, days, k.maxDays(), alert, w[fieldName].Text, w[fieldDays].Text})
}

func (k *Keys) maxDays() int { return int(k.cfg.MaxLife / day) }

// create makes a key and shows it, this one time.
func (k *Keys) create(c *fiber.Ctx) error {
	t := &k.cfg.Texts
	name, typed := strings.TrimSpace(answer.Posted(c, fieldName)), answer.Posted(c, fieldDays)
	w := wrong{}
	if !isName(name) {
		w[fieldName] = answer.Problem{Code: "invalid", Text: t.InvalidName}
	}
	days, err := strconv.Atoi(typed)
	if err != nil || days < 1 || days > k.maxDays() {
		w[fieldDays] = answer.Problem{Code: "invalid", Text: put(t.InvalidDays, strconv.Itoa(k.maxDays()))}
	}
	if len(w) > 0 {
		return k.drawList(c, fiber.StatusUnprocessableEntity, w, name, typed)
	}
	userID := k.cfg.Accounts.CurrentID(c)
	there, err := k.cfg.Users.Tokens(c.UserContext(), Purpose, userID, k.cfg.Now())
	if err != nil {
		return k.storeFailed(err)
	}
	if len(there) >= k.cfg.MaxKeys { // forms sent at the same moment may make a few more, which harms nobody
		tooMany := answer.Problem{Code: "too_many_keys", Text: put(t.TooMany, strconv.Itoa(k.cfg.MaxKeys))}
		return k.drawList(c, fiber.StatusConflict, wrong{"": tooMany}, name, typed)
	}
	scope, err := k.cfg.Scope(c)
	if err != nil {
		return err
	}
	key, secret, err := k.Create(c.UserContext(), userID, name, scope, time.Duration(days)*day)
	if err != nil {
		return k.storeFailed(err)
	}
	made := k.shown(key)
	made.Secret = secret
	answer.Private(c)
	if answer.Of(c) == answer.JSON {
		return c.Status(fiber.StatusCreated).JSON(made)
	}
	return k.pages.Draw(c, fiber.StatusCreated, "created.html", t.CreatedTitle, struct {
		Texts Texts
		Key   shown
		Back  string
	}{*t, made, k.cfg.Base})
}

// isName reports whether people can tell a key by a name.
func isName(name string) bool {
	return name != "" && utf8.ValidString(name) && utf8.RuneCountInString(name) <= maxName &&
		!strings.ContainsFunc(name, unicode.IsControl)
}

// Create makes a key for a user, without asking whether he may have one more, and returns it with its secret, which nobody
// can find out again. scope is what its programs work in, such as a tenant; see [Key].
func (k *Keys) Create(ctx context.Context, userID, name, scope string, life time.Duration) (Key, string, error) {
	data, err := json.Marshal(kept{name, scope})
	if err != nil {
		return Key{}, "", err
	}
	secret, now := k.newSecret(), k.cfg.Now()
	t := auth.Token{ID: rand.Text(), Purpose: Purpose, Hash: sha256.Sum256([]byte(secret)), UserID: userID, Data: string(data),
		Created: now, Expires: now.Add(min(life, k.cfg.MaxLife))}
	if err := k.cfg.Users.PutToken(ctx, t); err != nil {
		return Key{}, "", err
	}
	k.cfg.OnEvent(ctx, Event{ActionCreated, userID, t.ID})
	key, err := keyOf(t)
	return key, secret, err
}

// revoke ends a key of the current account at once.
func (k *Keys) revoke(c *fiber.Ctx) error {
	userID, id := k.cfg.Accounts.CurrentID(c), strings.Clone(c.Params("id"))
	if err := k.Revoke(c.UserContext(), userID, id); errors.Is(err, auth.ErrUnknown) {
		return &multiaccount.Refusal{Status: fiber.StatusNotFound, Code: multiaccount.CodeNotFound, Message: k.cfg.Texts.NotFound}
	} else if err != nil {
		return k.storeFailed(err)
	}
	k.cfg.Accounts.AddFlash(c, multiaccount.FlashSuccess, k.cfg.Texts.Revoked)
	return answer.Lead(c, k.cfg.Base, fiber.StatusOK, fiber.Map{"revoked": id})
}

// Revoke ends a key of a user at once, for every program that has it. auth.ErrUnknown: he has no such key.
func (k *Keys) Revoke(ctx context.Context, userID, keyID string) error {
	if err := k.cfg.Users.DropToken(ctx, Purpose, userID, keyID); err != nil {
		return err
	}
	if err := k.cfg.Users.DropToken(ctx, purposeUse, userID, noteID(keyID)); err != nil && !errors.Is(err, auth.ErrUnknown) {
		k.cfg.Log.Warn("apitoken: note about a revoked key stays until it expires", "key", keyID, "err", err)
	}
	k.cfg.OnEvent(ctx, Event{ActionRevoked, userID, keyID})
	return nil
}

func (k *Keys) storeFailed(err error) error {
	k.cfg.Log.Error("apitoken: keys cannot be looked up", "err", err)
	return &multiaccount.Refusal{Status: fiber.StatusServiceUnavailable, Code: multiaccount.CodeStoreUnavailable,
		Message: k.cfg.Texts.StoreUnavailable, RetryAfter: 5 * time.Second}
}

// put puts a number into a text.
func put(text, number string) string { return strings.Replace(text, "%d", number, 1) }
