package redisstore

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/multiaccount-go/multiaccount/account"
)

// decode reads the hash of a session, its blob by read. It believes all of it or nothing.
func decode(id account.SessionID, fields map[string]string, read blobReader) (*account.Session, error) {
	if len(fields) == 0 {
		return nil, account.ErrNotFound
	}
	for _, name := range []string{"rev", "write", "ver", "tag", "seen", "data"} {
		if _, ok := fields[name]; !ok {
			return nil, fmt.Errorf("redisstore: %w: no field %q", account.ErrBadRecord, name)
		}
	}
	if len(fields) != 6 {
		return nil, fmt.Errorf("redisstore: %w: %d fields, want 6", account.ErrBadRecord, len(fields))
	}
	revision, err := number(fields["rev"], 1)
	if err != nil {
		return nil, err
	}
	version, err := number(fields["ver"], 0)
	if err != nil {
		return nil, err
	}
	seen, err := number(fields["seen"], math.MinInt64)
	if err != nil {
		return nil, err
	}
	s, err := read(id, fields["data"])
	if err != nil {
		return nil, fmt.Errorf("redisstore: %w", err)
	}
	s.Revision, s.Version, s.Tag, s.Seen = revision, version, fields["tag"], time.UnixMilli(seen)
	return s, nil
}

// blobReader makes a session of its blob.
type blobReader func(id account.SessionID, data string) (*account.Session, error)

func readBlob(id account.SessionID, data string) (*account.Session, error) {
	return account.Decode(id, []byte(data))
}

// number reads a number in the one spelling that a save writes.
func number(text string, least int64) (int64, error) {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < least || strconv.FormatInt(n, 10) != text {
		return 0, fmt.Errorf("redisstore: %w: %.20q is not a number from %d", account.ErrBadRecord, text, least)
	}
	return n, nil
}

// failure names the operation. A key that holds something else than a hash was written by somebody else.
func failure(operation string, err error) error {
	if wrongType(err) {
		return fmt.Errorf("redisstore: %s: %w: %v", operation, account.ErrBadRecord, err)
	}
	return fmt.Errorf("redisstore: %s: %w", operation, err)
}

func wrongType(err error) bool {
	return err != nil && strings.Contains(err.Error(), "WRONGTYPE")
}
