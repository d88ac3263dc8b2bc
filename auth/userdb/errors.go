package userdb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// errText: a text that no database keeps. Drivers tell it in different ways or not at all.
var errText = errors.New("text with a zero byte or that is not UTF-8")

// storable reports whether a text can be kept and looked for.
func storable(s string) bool { return utf8.ValidString(s) && strings.IndexByte(s, 0) < 0 }

// check reports errText when one of a statement's arguments is no text.
func check(args []any) error {
	for _, arg := range args {
		if s, ok := arg.(string); ok && !storable(s) {
			return errText
		}
	}
	return nil
}

// failed says what failed. Drivers report a context that has ended in words of their own; it is told as what it is.
func failed(ctx context.Context, op string, err error) error {
	if err == nil {
		return nil
	}
	ended := ctx.Err()
	if deadline, ok := ctx.Deadline(); ok && ended == nil && !time.Now().Before(deadline) {
		ended = context.DeadlineExceeded // a connection keeps the same deadline, and may be the first to notice
	}
	if ended != nil && !errors.Is(err, ended) {
		return fmt.Errorf("userdb: %s: %w: %w", op, ended, err)
	}
	return fmt.Errorf("userdb: %s: %w", op, err)
}

// absent turns "no such row", and an id that can be none, into the error that the seam has for it.
func absent(err, is error) error {
	if errors.Is(err, sql.ErrNoRows) || errors.Is(err, errText) {
		return is
	}
	return err
}

// taken turns a broken unique key into the error that the seam has for it. Only for statements that can break one key.
func taken(err, is error) error {
	if state := sqlState(err); state == "23505" || sqliteCode(err) == sqliteUnique {
		return is
	}
	return err
}

// errNotBegun: the transaction has not begun, because the connection from the pool was broken already.
var errNotBegun = errors.New("connection was lost before the transaction began")

// isPassing reports whether the same transaction may succeed when it is tried again: PostgreSQL has ended it in favour of
// another one, or it never began.
func isPassing(err error) bool {
	const serialization, deadlock = "40001", "40P01"
	state := sqlState(err)
	return state == serialization || state == deadlock || errors.Is(err, errMoved) || errors.Is(err, errNotBegun)
}

// sqlState returns the code of an error of PostgreSQL, "" of others.
func sqlState(err error) string {
	var coded interface{ SQLState() string }
	if errors.As(err, &coded) {
		return coded.SQLState()
	}
	return ""
}

// Result codes of SQLite.
const (
	sqliteBusy   = 5
	sqliteUnique = 2067
)

// sqliteCode returns the extended result code of an error of SQLite, 0 of others.
func sqliteCode(err error) int {
	var coded interface{ Code() int }
	if errors.As(err, &coded) {
		return coded.Code()
	}
	return 0
}

func isBusy(err error) bool { return sqliteCode(err)&0xff == sqliteBusy }
