// Package password keeps passwords: which ones are good enough, and how they are hashed. It does no I/O.
package password

import (
	"context"

	"golang.org/x/text/unicode/norm"
)

// Hasher makes what is kept of a password. Its methods may be called concurrently; the error is that of a context that has
// ended while the call waited for its turn, and nothing else.
type Hasher interface {
	// Hash returns what a store keeps of a password, another one at each call.
	Hash(ctx context.Context, password string) (string, error)
	// Verify reports whether a password belongs to a hash, and when it does, whether the hash is weaker than Hash would make
	// it now, so that it should be made anew. No password belongs to an empty hash, or to one that cannot be read. It takes
	// as long as for a hash that Hash makes now, whatever the hash is and whether the password belongs to it.
	Verify(ctx context.Context, password, hash string) (right, weak bool, err error)
}

// Normal returns a password in the form that is checked and hashed, at registration and at sign-in alike: as it was typed,
// but for the way in which keyboards put letters together (NFC). One keyboard types é as one character, another as two.
func Normal(typed string) string { return norm.NFC.String(typed) }
