// Package board keeps what the people of a tenant write for each other: the example's data of tenants. It is a table beside
// those of users and tenants. Every query has the tenant in it, and what a tenant has goes with the tenant.
package board

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/google/uuid"
)

const (
	maxText  = 500 // characters
	maxShown = 100 // posts
)

// Problem is what is wrong with the text of a post, in words for the person who wrote it.
type Problem string

func (p Problem) Error() string { return string(p) }

// What can be wrong with a text.
const (
	ErrEmpty      = Problem("Please write something.")
	ErrTooLong    = Problem("Please use at most 500 characters.")
	ErrUnreadable = Problem("This text has characters that cannot be read.")
)

// Post is one text on the board of a tenant.
type Post struct {
	ID       string `json:"id"`
	AuthorID string `json:"author"` // empty: whoever wrote it exists no more
	Text     string `json:"text"`
}

// Board reads and writes posts. It is safe for concurrent use.
type Board struct{ db *sql.DB }

// schema is for PostgreSQL and SQLite alike. Ids are of UUID version 7, which begin with the time.
const schema = `
CREATE TABLE IF NOT EXISTS board_posts (
    id        TEXT NOT NULL PRIMARY KEY,
    tenant_id TEXT NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
    author_id TEXT REFERENCES users (id) ON DELETE SET NULL,
    text      TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS board_posts_of_tenant ON board_posts (tenant_id, id);
CREATE INDEX IF NOT EXISTS board_posts_of_author ON board_posts (author_id)`

// Open makes the table when it is missing. The database stays the caller's to close.
func Open(ctx context.Context, db *sql.DB) (*Board, error) {
	// Of processes that begin together one may fail where another was faster, and finds the table when it looks again.
	var err error
	for range 10 {
		if _, err = db.ExecContext(ctx, schema); err == nil {
			return &Board{db}, nil
		}
	}
	return nil, fmt.Errorf("board: make the table: %w", err)
}

// Add keeps a post. The error is a Problem when the text cannot be kept.
func (b *Board) Add(ctx context.Context, tenantID, authorID, text string) (Post, error) {
	text = strings.TrimSpace(text)
	switch {
	case text == "":
		return Post{}, ErrEmpty
	case !utf8.ValidString(text) || strings.ContainsRune(text, 0):
		return Post{}, ErrUnreadable
	case utf8.RuneCountInString(text) > maxText:
		return Post{}, ErrTooLong
	}
	id, err := uuid.NewV7()
	if err != nil {
		return Post{}, fmt.Errorf("board: add: %w", err)
	}
	post := Post{id.String(), authorID, text}
	_, err = b.db.ExecContext(ctx, `INSERT INTO board_posts (id, tenant_id, author_id, text) VALUES ($1, $2, $3, $4)`,
		post.ID, tenantID, authorID, text)
	if err != nil {
		return Post{}, fmt.Errorf("board: add: %w", err)
	}
	return post, nil
}

// List returns the latest posts of a tenant, the newest first.
func (b *Board) List(ctx context.Context, tenantID string) (posts []Post, err error) {
	rows, err := b.db.QueryContext(ctx, `SELECT id, coalesce(author_id, ''), text FROM board_posts WHERE tenant_id = $1
		ORDER BY id DESC LIMIT $2`, tenantID, maxShown)
	if err != nil {
		return nil, fmt.Errorf("board: list: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	posts = []Post{}
	for rows.Next() {
		var p Post
		if err := rows.Scan(&p.ID, &p.AuthorID, &p.Text); err != nil {
			return nil, fmt.Errorf("board: list: %w", err)
		}
		posts = append(posts, p)
	}
	return posts, rows.Err()
}
