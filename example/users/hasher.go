package users

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/argon2"
)

var errMalformedHash = errors.New("users: malformed password hash")

// cost is what one argon2id hash takes.
type cost struct {
	memory  uint32 // KiB
	passes  uint32
	threads uint8
}

var (
	// standard is the lower of the two settings that OWASP recommends: 19 MiB, two passes, one thread.
	standard = cost{memory: 19 * 1024, passes: 2, threads: 1}
	// ceiling bounds what a stored hash can ask of this process, whoever wrote it.
	ceiling = cost{memory: 64 * 1024, passes: 8, threads: 4}
)

const (
	saltSize = 16
	tagSize  = 32
)

// decoy is checked in place of a hash that does not exist, so that an unknown e-mail costs what a known one does. No
// password matches it: the tag is not one that argon2id made.
var decoy = phc{cost: standard, salt: make([]byte, saltSize), tag: make([]byte, tagSize)}

// hash returns a PHC string of the password with a fresh salt.
func hash(password string) string {
	salt := make([]byte, saltSize)
	rand.Read(salt)
	return phc{cost: standard, salt: salt, tag: key(password, salt, standard, tagSize)}.String()
}

// matches reports whether the password belongs to the hash, in a time that does not depend on where they differ.
func matches(password string, want phc) bool {
	got := key(password, want.salt, want.cost, uint32(len(want.tag)))
	return subtle.ConstantTimeCompare(got, want.tag) == 1
}

func key(password string, salt []byte, c cost, size uint32) []byte {
	return argon2.IDKey([]byte(password), salt, c.passes, c.memory, c.threads, size)
}

// phc is a password hash as it is stored: $argon2id$v=19$m=19456,t=2,p=1$<salt>$<tag>.
type phc struct {
	cost
	salt, tag []byte
}

func (p phc) String() string {
	encode := base64.RawStdEncoding.EncodeToString
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s",
		argon2.Version, p.memory, p.passes, p.threads, encode(p.salt), encode(p.tag))
}

// parsePHC reads what String wrote. Anything else, and any cost above the ceiling, is an error and never a panic.
func parsePHC(s string) (phc, error) {
	parts := strings.Split(s, "$")
	if len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" || parts[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return phc{}, errMalformedHash
	}
	var p phc
	if _, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &p.memory, &p.passes, &p.threads); err != nil {
		return phc{}, errMalformedHash
	}
	if p.passes < 1 || p.threads < 1 || p.memory < 8*uint32(p.threads) ||
		p.memory > ceiling.memory || p.passes > ceiling.passes || p.threads > ceiling.threads {
		return phc{}, errMalformedHash
	}
	decode := base64.RawStdEncoding.Strict().DecodeString
	var err error
	if p.salt, err = decode(parts[4]); err != nil || len(p.salt) < 8 || len(p.salt) > 64 {
		return phc{}, errMalformedHash
	}
	if p.tag, err = decode(parts[5]); err != nil || len(p.tag) < 16 || len(p.tag) > 64 {
		return phc{}, errMalformedHash
	}
	if p.String() != s {
		return phc{}, errMalformedHash // trailing text, leading zeros: not ours
	}
	return p, nil
}
