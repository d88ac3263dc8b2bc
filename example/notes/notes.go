// Package notes keeps short notes, per account, in Redis. It stands for whatever an application does for the account
// that is current: three kinds of page show the same notes.
package notes

import (
	"context"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/google/uuid"
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
	ID   string `json:"-"` // names its row on a page
	Text string `json:"text"`
}

// The list of an account holds the id of a note, a blank, and its text.
func (n Note) entry() string { return n.ID + " " + n.Text }

func noteOf(entry string) Note {
	id, text, _ := strings.Cut(entry, " ")
	return Note{id, text}
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
	note := Note{uuid.NewString(), text}
	_, err := n.rdb.TxPipelined(ctx, func(pipe redis.Pipeliner) error {
		pipe.LPush(ctx, key(account), note.entry())
		pipe.LTrim(ctx, key(account), 0, maxKept-1)
		return nil
	})
	if err != nil {
		return Note{}, fmt.Errorf("notes: add: %w", err)
	}
	return note, nil
}

// List returns the notes of an account that contain find, in small or capital letters; all of them for "". The newest comes
// first.
func (n *Notes) List(ctx context.Context, account, find string) ([]Note, error) {
	entries, err := n.rdb.LRange(ctx, key(account), 0, -1).Result()
	if err != nil {
		return nil, fmt.Errorf("notes: list: %w", err)
	}
	list := make([]Note, 0, len(entries))
	for _, entry := range entries {
		if note := noteOf(entry); strings.Contains(strings.ToLower(note.Text), strings.ToLower(find)) {
			list = append(list, note)
		}
	}
	return list, nil
}

// Remove takes a note of an account away. One that is gone already is no error.
func (n *Notes) Remove(ctx context.Context, account, id string) error {
	list, err := n.List(ctx, account, "")
	if err != nil {
		return err
	}
	for _, note := range list {
		if note.ID != id {
			continue
		}
		if err := n.rdb.LRem(ctx, key(account), 1, note.entry()).Err(); err != nil {
			return fmt.Errorf("notes: remove: %w", err)
		}
	}
	return nil
}

// Forget takes all notes of an account away.
func (n *Notes) Forget(ctx context.Context, account string) error {
	if err := n.rdb.Del(ctx, key(account)).Err(); err != nil {
		return fmt.Errorf("notes: forget: %w", err)
	}
	return nil
}
