package sqlstore

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// ErrSchema: the tables are missing, or older than this package. Call [Store.Migrate].
var ErrSchema = errors.New("sqlstore: schema is not up to date")

// failed says what failed. Drivers report a context that has ended in words of their own; it is told as what it is.
func failed(ctx context.Context, operation string, err error) error {
	if err == nil {
		return nil
	}
	if isMissing(err) {
		return fmt.Errorf("%w: %s: %w", ErrSchema, operation, err)
	}
	ended := ctx.Err()
	if deadline, ok := ctx.Deadline(); ok && ended == nil && !time.Now().Before(deadline) {
		ended = context.DeadlineExceeded // a connection keeps the same deadline, and may be the first to notice
	}
	if ended != nil && !errors.Is(err, ended) {
		return fmt.Errorf("sqlstore: %s: %w: %w", operation, ended, err)
	}
	return fmt.Errorf("sqlstore: %s: %w", operation, err)
}

// Codes of PostgreSQL.
const (
	serialization   = "40001"
	deadlock        = "40P01"
	undefinedTable  = "42P01"
	undefinedFunc   = "42883"
	undefinedColumn = "42703"
	invalidSchema   = "3F000"
)

// sqlState returns the code of an error of PostgreSQL, "" of others.
func sqlState(err error) string {
	var coded interface{ SQLState() string }
	if errors.As(err, &coded) {
		return coded.SQLState()
	}
	return ""
}

// isMissing reports whether a table, or a part of one, is not there.
func isMissing(err error) bool {
	switch sqlState(err) {
	case undefinedTable, undefinedFunc, undefinedColumn, invalidSchema:
		return true
	}
	const sqliteError = 1 // of any kind that has no code of its own
	return sqliteCode(err) == sqliteError && strings.Contains(err.Error(), "no such ")
}

// sqliteCode returns the result code of an error of SQLite, 0 of others.
func sqliteCode(err error) int {
	var coded interface{ Code() int }
	if errors.As(err, &coded) {
		return coded.Code() & 0xff // without what extends it
	}
	return 0
}

func isBusy(err error) bool {
	const sqliteBusy = 5
	return sqliteCode(err) == sqliteBusy
}
