package password

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"runtime"
	"strings"

	"golang.org/x/crypto/argon2"
)

// Argon2idConfig says what one hash takes. Zero fields have defaults: the lower of the two settings that OWASP recommends.
type Argon2idConfig struct {
	// Memory of one hash in KiB. Default: 19456 (19 MiB).
	Memory uint32
	// Passes over the memory. Default: 2.
	Passes uint32
	// Threads of one hash. Default: 1.
	Threads uint8
	// AtOnce is how many hashes run at the same time in this process: times Memory, it is what a flood of passwords can take.
	// The others wait. Default: half of runtime.GOMAXPROCS(0), at least 1.
	AtOnce int
	// InsecurelyCheapForTests allows less than OWASP recommends. Never set it where people are.
	InsecurelyCheapForTests bool
}

// Argon2id is a [Hasher]. Make it with [NewArgon2id].
type Argon2id struct {
	cost   cost
	turns  chan struct{}
	derive func(password string, salt []byte, c cost, size uint32) []byte
}

// cost is what one hash takes.
type cost struct {
	memory  uint32 // KiB
	passes  uint32
	threads uint8
}

// work is the number of blocks that a hash computes, which is what its time depends on.
func (c cost) work() uint64 { return uint64(c.memory) * uint64(c.passes) }

// ceiling bounds what a hash in the store can ask of this process, whoever wrote it.
var ceiling = cost{memory: 256 * 1024, passes: 16, threads: 8}

const (
	saltSize = 16
	tagSize  = 32
)

// NewArgon2id checks the configuration and reports every mistake in it at once.
func NewArgon2id(cfg Argon2idConfig) (*Argon2id, error) {
	c := cost{cmp.Or(cfg.Memory, 19*1024), cmp.Or(cfg.Passes, 2), cmp.Or(cfg.Threads, 1)}
	var errs []error
	if err := c.validate(); err != nil {
		errs = append(errs, err)
	}
	if enough := c.memory >= 19*1024 && c.passes >= 2 || c.memory >= 46*1024; !enough && !cfg.InsecurelyCheapForTests {
		errs = append(errs, fmt.Errorf("fields Memory and Passes are %d KiB and %d: use at least 19456 and 2, or 47104 and 1",
			c.memory, c.passes))
	}
	if cfg.AtOnce < 0 {
		errs = append(errs, fmt.Errorf("field AtOnce is %d: use 1 or more", cfg.AtOnce))
	}
	if len(errs) > 0 {
		return nil, fmt.Errorf("password: configuration:\n%w", errors.Join(errs...))
	}
	turns := cmp.Or(cfg.AtOnce, max(1, runtime.GOMAXPROCS(0)/2))
	return &Argon2id{cost: c, turns: make(chan struct{}, turns), derive: derive}, nil
}

func (c cost) validate() error {
	if c.passes < 1 || c.threads < 1 || c.memory < 8*uint32(c.threads) ||
		c.memory > ceiling.memory || c.passes > ceiling.passes || c.threads > ceiling.threads {
		return fmt.Errorf("%d KiB, %d passes, %d threads: use at most %d, %d and %d, and 8 KiB for each thread",
			c.memory, c.passes, c.threads, ceiling.memory, ceiling.passes, ceiling.threads)
	}
	return nil
}

// turn waits until this call may hash.
func (h *Argon2id) turn(ctx context.Context) (leave func(), err error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("password: %w", err)
	}
	select {
	case h.turns <- struct{}{}:
		return func() { <-h.turns }, nil
	case <-ctx.Done():
		return nil, fmt.Errorf("password: waiting for a turn: %w", ctx.Err())
	}
}

// Hash implements [Hasher]: a PHC string.
func (h *Argon2id) Hash(ctx context.Context, password string) (string, error) {
	leave, err := h.turn(ctx)
	if err != nil {
		return "", err
	}
	defer leave()
	salt := make([]byte, saltSize)
	_, _ = rand.Read(salt) // never fails
	return phc{cost: h.cost, salt: salt, tag: h.derive(password, salt, h.cost, tagSize)}.String(), nil
}

// Verify implements [Hasher]. A hash that was made with less work is topped up with the work that is missing, so that old
// accounts answer no faster than others. One made with more takes more.
func (h *Argon2id) Verify(ctx context.Context, password, hash string) (right, weak bool, err error) {
	leave, err := h.turn(ctx)
	if err != nil {
		return false, false, err
	}
	defer leave()
	stored, err := parsePHC(hash)
	if err != nil {
		h.derive(password, make([]byte, saltSize), h.cost, tagSize) // of nobody
		return false, false, nil
	}
	got := h.derive(password, stored.salt, stored.cost, uint32(len(stored.tag)))
	right = subtle.ConstantTimeCompare(got, stored.tag) == 1
	h.topUp(password, stored)
	weak = stored.work() < h.cost.work() || len(stored.salt) < saltSize || len(stored.tag) < tagSize
	return right, right && weak, nil
}

// topUp does the work that a stored hash did not take.
func (h *Argon2id) topUp(password string, stored phc) {
	done, due := stored.work(), h.cost.work()
	if done >= due {
		return
	}
	rest := h.cost
	rest.memory = uint32((due - done) / uint64(rest.passes))
	if rest.memory >= 8*uint32(rest.threads) {
		h.derive(password, stored.salt, rest, tagSize)
	}
}

func derive(password string, salt []byte, c cost, size uint32) []byte {
	return argon2.IDKey([]byte(password), salt, c.passes, c.memory, c.threads, size)
}

// phc is a hash as it is stored: $argon2id$v=19$m=19456,t=2,p=1$<salt>$<tag>.
type phc struct {
	cost
	salt, tag []byte
}

func (p phc) String() string {
	encode := base64.RawStdEncoding.EncodeToString
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s",
		argon2.Version, p.memory, p.passes, p.threads, encode(p.salt), encode(p.tag))
}

var errMalformed = errors.New("password: malformed hash")

// parsePHC reads what String wrote. Anything else, and any cost above the ceiling, is an error and never a panic.
func parsePHC(s string) (phc, error) {
	const longest = 256
	parts := strings.Split(s, "$")
	if len(s) > longest || len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" ||
		parts[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return phc{}, errMalformed
	}
	var p phc
	if _, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &p.memory, &p.passes, &p.threads); err != nil || p.validate() != nil {
		return phc{}, errMalformed
	}
	decode := base64.RawStdEncoding.Strict().DecodeString
	var err error
	if p.salt, err = decode(parts[4]); err != nil || len(p.salt) < 8 || len(p.salt) > 64 {
		return phc{}, errMalformed
	}
	if p.tag, err = decode(parts[5]); err != nil || len(p.tag) < 16 || len(p.tag) > 64 {
		return phc{}, errMalformed
	}
	if p.String() != s {
		return phc{}, errMalformed // trailing text, leading zeros: not ours
	}
	return p, nil
}
