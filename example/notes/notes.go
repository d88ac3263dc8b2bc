// Package notes keeps short notes, per account, in Redis. It stands for whatever an application does for the account
// that is current: three kinds of page show the same notes.
package notes

import (
	"context"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/redis/go-redis/v9"
)

const (
	maxText = 500 // characters
	maxKept = 200 // per account; the oldest go first
)

// Problem is what is wrong with the text of a note, in words for the person who wrote it.
type Problem string

func (p Problem) Error() string { return string(p) }

// What can be wrong with a text.
const (
	ErrEmpty      = Problem("Please write something.")
	ErrTooLong    = Problem("Please use at most 500 characters.")
	ErrUnreadable = Problem("This text has characters that cannot be read.")
)

// Note is one note.
type Note struct {
	Text string `json:"text"`
}

// Notes reads and writes notes. It is safe for concurrent use.
type Notes struct{ rdb redis.UniversalClient }

// New returns the notes in rdb, which stays the caller's to close.
func New(rdb redis.UniversalClient) *Notes { return &Notes{rdb: rdb} }

func key(account string) string { return "example:notes:" + account }

// Add keeps a note for an account. The error is a Problem when the text cannot be kept.
func (n *Notes) Add(ctx context.Context, account, text string) (Note, error) {
	text = strings.TrimSpace(text)
	switch {
	case text == "":
		return Note{}, ErrEmpty
	case !utf8.ValidString(text):
		return Note{}, ErrUnreadable
	case utf8.RuneCountInString(text) > maxText:
		return Note{}, ErrTooLong
	}
	_, err := n.rdb.TxPipelined(ctx, func(pipe redis.Pipeliner) error {
		pipe.LPush(ctx, key(account), text)
		pipe.LTrim(ctx, key(account), 0, maxKept-1)
		return nil
	})
	if err != nil {
		return Note{}, fmt.Errorf("notes: add: %w", err)
	}
	return Note{Text: text}, nil
}

// List returns the notes of an account, newest first.
func (n *Notes) List(ctx context.Context, account string) ([]Note, error) {
	texts, err := n.rdb.LRange(ctx, key(account), 0, -1).Result()
	if err != nil {
		return nil, fmt.Errorf("notes: list: %w", err)
	}
	list := make([]Note, len(texts))
	for i, text := range texts {
		list[i].Text = text
	}
	return list, nil
}
