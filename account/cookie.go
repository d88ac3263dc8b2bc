package account

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
)

// hidden is what a secret shows of itself.
const hidden = "[secret]"

// Secret proves that a browser holds a session. All of its printing methods hide it, also in an exported field of a logged
// struct. Package fmt asks no method in an unexported field, nor for %p, so print neither.
type Secret [32]byte

// String hides the secret.
func (Secret) String() string { return hidden }

// GoString hides the secret.
func (Secret) GoString() string { return hidden }

// MarshalText hides the secret from JSON and from slog.
func (Secret) MarshalText() ([]byte, error) { return []byte(hidden), nil }

// Format hides the secret from every verb that package fmt asks it for, %x and %d included.
func (Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(hidden)) }

// Digest returns the SHA-256 of the secret: what a record keeps.
func (s Secret) Digest() Digest { return sha256.Sum256(s[:]) }

// Digest is the SHA-256 of a [Secret].
type Digest [sha256.Size]byte

// Equal compares in constant time. The zero digest equals nothing.
func (d Digest) Equal(other Digest) bool {
	return d != Digest{} && subtle.ConstantTimeCompare(d[:], other[:]) == 1
}

// Cookie is what the browser keeps: the id finds the record, the secret proves the holder.
type Cookie struct {
	ID     SessionID
	Secret Secret
}

// cookieLen is the length of a cookie value: 48 bytes are exactly 64 characters, so each value has one spelling.
const cookieLen = 64

// NewCookie draws a fresh id and secret.
func NewCookie() Cookie {
	var c Cookie
	rand.Read(c.ID[:])
	rand.Read(c.Secret[:])
	return c
}

// Value returns the text that goes into the browser. Never log it.
func (c Cookie) Value() string {
	var raw [len(c.ID) + len(c.Secret)]byte
	copy(raw[:], c.ID[:])
	copy(raw[len(c.ID):], c.Secret[:])
	return encoding.EncodeToString(raw[:])
}

// Format shows the id and hides the secret. Without it, package fmt would look behind a pointer to a cookie by itself, and
// ask nobody, when the verb does not fit.
func (c Cookie) Format(f fmt.State, _ rune) { _, _ = fmt.Fprintf(f, "{%v %s}", c.ID, hidden) }

// ParseCookie reads a cookie value. Anything that [Cookie.Value] cannot have written is ErrBadCookie, so no store is
// ever asked for a key that a visitor made up. The result shares no memory with value.
func ParseCookie(value string) (Cookie, error) {
	var c Cookie
	if len(value) != cookieLen {
		return c, ErrBadCookie
	}
	var text [cookieLen]byte
	copy(text[:], value)
	var raw [len(c.ID) + len(c.Secret)]byte
	// The decoder skips line breaks wherever they stand, so a text with one decodes to fewer bytes.
	if n, err := encoding.Decode(raw[:], text[:]); err != nil || n != len(raw) {
		return Cookie{}, ErrBadCookie
	}
	copy(c.ID[:], raw[:])
	copy(c.Secret[:], raw[len(c.ID):])
	return c, nil
}
