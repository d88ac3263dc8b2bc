package account

import (
	"context"
	"time"
)

// Store keeps session records. The package storetest holds the suite that every implementation must pass.
//
// All methods may be called concurrently, return soon after their context ends, and report a store that does not answer
// with an error that is none of the sentinels of this package.
type Store interface {
	// Load returns the session, or ErrNotFound when it is missing or expired. The caller owns what it gets.
	// A record that cannot be decoded is ErrBadRecord.
	Load(ctx context.Context, id SessionID) (*Session, error)

	// Save writes s if the stored revision is still s.Revision (0: the record must not exist), sets s.Revision to the
	// next one, and tells every watcher of every process; writing and telling are one step. Otherwise it returns
	// ErrConflict and changes nothing, neither in the store nor in s. A deleted or expired record is a conflict too, so
	// a slow writer never brings a session back. ttl must be positive: the record expires that long after this call,
	// by the store's clock and whatever times the session itself names.
	Save(ctx context.Context, s *Session, ttl time.Duration) error

	// Delete ends the session whatever its revision and tells every watcher, with a version above the stored one.
	// ErrNotFound when there is none: of several at the same time one ends the session.
	Delete(ctx context.Context, id SessionID, why Reason) error

	// Touch records that the session was seen and lets it live for another ttl, without a new revision or version and
	// without telling anybody. It never shortens the life and never moves seen backwards, so that a touch which waited
	// takes nothing from a session that was renewed meanwhile. It never creates a record: ErrNotFound.
	Touch(ctx context.Context, id SessionID, seen time.Time, ttl time.Duration) error

	// Watch calls fn for every Save and Delete that commits in any process, until ctx ends; then it returns ctx's error.
	// fn is called from one goroutine and must not block for long; while it does, neither writers nor other watchers wait.
	// What it hears can be read: a Load returns that version or a later one. Whenever changes may have been missed (at the
	// start, after a lost connection, after an overflow) fn first gets a Change with Resync set, and has to compare versions.
	Watch(ctx context.Context, fn func(Change)) error
}

// Change is what a watcher hears. It names no account and holds no secret: it is a hint to look, not data.
type Change struct {
	ID         SessionID `json:"id"`
	Version    int64     `json:"v"`
	Generation int64     `json:"g,omitempty"` // of the secret: a socket opened with an older one must close
	Tag        string    `json:"n,omitempty"` // random per version: tells two histories with the same numbers apart
	Reason     Reason    `json:"reason,omitempty"`
	Ended      bool      `json:"ended,omitempty"`
	Resync     bool      `json:"-"` // changes may have been missed; the other fields are empty
}

// BatchLoader is an optional power of a Store: reading many sessions in one round trip, for the sweep that finds tabs
// which missed a change. A Store without it is read one by one.
type BatchLoader interface {
	// LoadMany returns the sessions in the order of ids; nil stands for missing, expired or unreadable, and never for a
	// store that does not answer: that is an error.
	LoadMany(ctx context.Context, ids []SessionID) ([]*Session, error)
}

// Index is an optional power of a Store: finding the sessions of an account, for deactivation and sign-out everywhere.
type Index interface {
	// Enlist notes that the session holds the account, until a moment. It is called before the Save that adds the
	// account, so an entry may name a session that never came to hold it.
	Enlist(ctx context.Context, account string, id SessionID, until time.Time) error
	// SessionsOf returns at least every session that holds the account. Load each and look.
	SessionsOf(ctx context.Context, account string) ([]SessionID, error)
}
