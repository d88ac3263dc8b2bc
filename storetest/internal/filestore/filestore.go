//go:build linux || darwin

// Package filestore is the example of docs/write-a-store.md: sessions as files in a folder, for the processes of one machine.
package filestore

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/multiaccount-go/multiaccount/account"
)

// Store is an [account.Store] in a folder. It is safe for concurrent use, by several processes too.
type Store struct{ dir string }

// New returns a store in a folder that exists.
func New(dir string) *Store { return &Store{dir} }

// [start record]

// record is a file. The session itself is what account.Encode makes of it; the rest changes or is compared without it.
type record struct {
	Revision, Version int64
	Tag               string
	Seen              time.Time
	Expires           time.Time
	Data              []byte
}

func (s *Store) file(id account.SessionID) string { return filepath.Join(s.dir, id.String()+".json") }

// read returns a record that has not expired. The lock is held.
func (s *Store) read(id account.SessionID) (record, error) {
	var r record
	data, err := os.ReadFile(s.file(id))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return r, account.ErrNotFound
	case err != nil:
		return r, fmt.Errorf("filestore: read: %w", err)
	}
	if err := json.Unmarshal(data, &r); err != nil {
		return r, fmt.Errorf("filestore: %w: %v", account.ErrBadRecord, err)
	}
	if !time.Now().Before(r.Expires) {
		return r, account.ErrNotFound
	}
	return r, nil
}

// write replaces a record as a whole: who crashes on the way leaves the one before. The lock is held.
func (s *Store) write(id account.SessionID, r record) error {
	data, err := json.Marshal(r)
	if err == nil {
		err = os.WriteFile(s.file(id)+".new", data, 0o600)
	}
	if err == nil {
		err = os.Rename(s.file(id)+".new", s.file(id))
	}
	if err != nil {
		return fmt.Errorf("filestore: write: %w", err)
	}
	return nil
}

// [end record]

// [start lock]

// locked runs a function while nobody else does, in this process or another. The kernel frees the lock of who crashes.
func (s *Store) locked(ctx context.Context, do func() error) error {
	lock, err := os.OpenFile(filepath.Join(s.dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return fmt.Errorf("filestore: lock: %w", err)
	}
	defer lock.Close()
	for {
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("filestore: lock: %w", err)
		}
		err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return do()
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			return fmt.Errorf("filestore: lock: %w", err)
		}
		wait(ctx, time.Millisecond)
	}
}

// [end lock]

func wait(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

// [start load]

// Load implements [account.Store].
func (s *Store) Load(ctx context.Context, id account.SessionID) (session *account.Session, err error) {
	err = s.locked(ctx, func() error {
		r, err := s.read(id)
		if err != nil {
			return err
		}
		session, err = account.Decode(id, r.Data)
		if err == nil {
			session.Revision, session.Version, session.Tag, session.Seen = r.Revision, r.Version, r.Tag, r.Seen
		}
		return err
	})
	return session, err
}

// [end load]

// [start save]

// Save implements [account.Store].
func (s *Store) Save(ctx context.Context, session *account.Session, ttl time.Duration) error {
	if ttl <= 0 {
		return fmt.Errorf("filestore: save: ttl is %v, it must be positive", ttl)
	}
	data, err := account.Encode(session)
	if err != nil {
		return err
	}
	return s.locked(ctx, func() error {
		stored, err := s.read(session.ID)
		if err != nil && !errors.Is(err, account.ErrNotFound) {
			return err
		}
		if errors.Is(err, account.ErrNotFound) {
			stored.Revision = 0
		}
		if stored.Revision != session.Revision {
			return account.ErrConflict
		}
		next := record{session.Revision + 1, session.Version, session.Tag, session.Seen, time.Now().Add(ttl), data}
		err = s.tell(account.Change{ID: session.ID, Version: session.Version, Generation: session.Generation,
			Tag: session.Tag, Reason: session.Reason})
		if err == nil {
			err = s.write(session.ID, next)
		}
		if err == nil {
			session.Revision++
		}
		return err
	})
}

// [end save]

// [start delete]

// Delete implements [account.Store].
func (s *Store) Delete(ctx context.Context, id account.SessionID, why account.Reason) error {
	return s.locked(ctx, func() error {
		r, err := s.read(id)
		if err != nil {
			return err
		}
		if err := s.tell(account.Change{ID: id, Version: r.Version + 1, Reason: why, Ended: true}); err != nil {
			return err
		}
		return os.Remove(s.file(id))
	})
}

// Touch implements [account.Store].
func (s *Store) Touch(ctx context.Context, id account.SessionID, seen time.Time, ttl time.Duration) error {
	return s.locked(ctx, func() error {
		r, err := s.read(id)
		if err != nil {
			return err
		}
		if seen.After(r.Seen) {
			r.Seen = seen
		}
		if expires := time.Now().Add(ttl); expires.After(r.Expires) {
			r.Expires = expires
		}
		return s.write(id, r)
	})
}

// [end delete]

// [start watch]

func (s *Store) log() string { return filepath.Join(s.dir, "changes") }

// tell adds a line to the log that all watchers read. The lock is held.
func (s *Store) tell(c account.Change) error {
	line, err := json.Marshal(c)
	if err != nil {
		return fmt.Errorf("filestore: tell: %w", err)
	}
	f, err := os.OpenFile(s.log(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("filestore: tell: %w", err)
	}
	_, err = f.Write(append(line, '\n'))
	if err := errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("filestore: tell: %w", err)
	}
	return nil
}

// Watch implements [account.Store]. It looks a hundred times a second.
func (s *Store) Watch(ctx context.Context, fn func(account.Change)) error {
	f, err := os.OpenFile(s.log(), os.O_CREATE|os.O_RDONLY, 0o600)
	if err != nil {
		return fmt.Errorf("filestore: watch: %w", err)
	}
	defer f.Close()
	if _, err := f.Seek(0, io.SeekEnd); err != nil {
		return fmt.Errorf("filestore: watch: %w", err)
	}
	fn(account.Change{Resync: true}) // now that nothing is missed any more
	lines, begun := bufio.NewReader(f), ""
	for ctx.Err() == nil {
		part, err := lines.ReadString('\n')
		begun += part
		if errors.Is(err, io.EOF) {
			wait(ctx, 10*time.Millisecond)
			continue
		}
		var c account.Change
		if err == nil {
			err = json.Unmarshal([]byte(begun), &c)
		}
		if err != nil {
			return fmt.Errorf("filestore: watch: %w", err)
		}
		begun = ""
		fn(c)
	}
	return ctx.Err()
}

// [end watch]
