package apitoken

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/json"
	"errors"
	"hash/crc32"
	"time"

	"github.com/multiaccount-go/multiaccount/auth"
)

// Purpose is that of the tokens in the store.
const Purpose auth.Purpose = "api_key"

// Key is a key as everybody may see it: it holds no secret.
type Key struct {
	ID      string
	UserID  string
	User    auth.User // only where a program authenticated by the key
	Name    string    // what its owner calls it
	Scope   string    // what he worked in when he made it, such as a tenant: see Config.Scope. Check that he still belongs there
	Created time.Time
	Expires time.Time
	Used    time.Time // about when it was used last, some minutes early or late; zero: never, or not known
}

// kept is what the store keeps of a key beside its hash.
type kept struct {
	Name  string `json:"name"`
	Scope string `json:"scope,omitempty"`
}

func keyOf(t auth.Token) (Key, error) {
	var k kept
	if err := json.Unmarshal([]byte(t.Data), &k); err != nil {
		return Key{}, err
	}
	return Key{ID: t.ID, UserID: t.UserID, Name: k.Name, Scope: k.Scope, Created: t.Created, Expires: t.Expires}, nil
}

const (
	secretLength   = 52 // 260 random bits
	checksumLength = 7
)

// newSecret returns a fresh key as a program sends it. It has no characters at which a double click ends, but the one behind
// the prefix, which is none of those either.
func (k *Keys) newSecret() string {
	body := k.cfg.Prefix + "_" + rand.Text() + rand.Text()
	return body + checksum(body)
}

func checksum(body string) string {
	sum := crc32.ChecksumIEEE([]byte(body))
	return base32.StdEncoding.WithPadding(base32.NoPadding).
		EncodeToString([]byte{byte(sum >> 24), byte(sum >> 16), byte(sum >> 8), byte(sum)})
}

// wellFormed reports whether a text can be a key. Nothing is looked up for one that cannot.
func (k *Keys) wellFormed(secret string) bool {
	at := len(secret) - checksumLength
	return len(secret) == len(k.cfg.Prefix)+1+secretLength+checksumLength &&
		secret[:len(k.cfg.Prefix)+1] == k.cfg.Prefix+"_" && checksum(secret[:at]) == secret[at:]
}

// Pattern returns a regular expression that finds the keys of this app in any text, for scanners of source code and logs.
func (k *Keys) Pattern() string { return `\b` + k.cfg.Prefix + `_[A-Z2-7]{59}\b` }

// ErrInvalid: there is no such key, it has expired or was revoked, or nobody may act with it. These are not told apart.
var ErrInvalid = errors.New("apitoken: key does not work")

// Authenticate returns the key with a secret, for programs that come by other ways than [Keys.Handler]. ErrInvalid; another
// error means that nothing is known.
func (k *Keys) Authenticate(ctx context.Context, secret string) (Key, error) {
	if !k.wellFormed(secret) {
		return Key{}, ErrInvalid
	}
	t, err := k.cfg.Users.Token(ctx, Purpose, sha256.Sum256([]byte(secret)), k.cfg.Now())
	if errors.Is(err, auth.ErrUnknown) {
		return Key{}, ErrInvalid
	}
	if err != nil {
		return Key{}, err
	}
	key, err := keyOf(t)
	if err != nil {
		return Key{}, err
	}
	users, err := k.cfg.Users.ByIDs(ctx, key.UserID)
	if err != nil {
		return Key{}, err
	}
	var known bool
	if key.User, known = users[key.UserID]; !known || !key.User.IsActive() {
		return Key{}, ErrInvalid
	}
	active, err := k.cfg.Active(ctx, key)
	if err != nil {
		return Key{}, err
	}
	if !active {
		return Key{}, ErrInvalid
	}
	k.note(ctx, key)
	return key, nil
}
