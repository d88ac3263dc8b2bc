package board_test

import (
	"errors"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/multiaccount-go/multiaccount/auth"
	"github.com/multiaccount-go/multiaccount/auth/userdb"
	_ "github.com/multiaccount-go/multiaccount/auth/userdb/sqlite"
	"github.com/multiaccount-go/multiaccount/example/board"
	"github.com/multiaccount-go/multiaccount/tenant"
)

// newBoard returns a board, and two people with a tenant each.
func newBoard(t *testing.T) (b *board.Board, db *userdb.DB, ann, ben auth.User) {
	t.Helper()
	db, err := userdb.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "users.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	if b, err = board.Open(t.Context(), db.SQL()); err != nil {
		t.Fatal(err)
	}
	register := func(name, email string) auth.User {
		parsed, err := tenant.ParseName(name)
		if err != nil {
			t.Fatal(err)
		}
		u, err := db.Users().Register(t.Context(), auth.Registration{Email: email, Name: name, Tenant: parsed})
		if err != nil {
			t.Fatal(err)
		}
		return u
	}
	return b, db, register("Ann", "ann@example.com"), register("Ben", "ben@example.com")
}

func texts(t *testing.T, b *board.Board, tenantID string) string {
	t.Helper()
	posts, err := b.List(t.Context(), tenantID)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, p := range posts {
		all = append(all, p.Text)
	}
	return strings.Join(all, "|")
}

func TestATenantSeesItsOwnPostsTheNewestFirst(t *testing.T) {
	b, _, ann, ben := newBoard(t)
	for _, post := range []struct{ in, by, text string }{
		{ann.Home, ann.ID, " first "}, {ben.Home, ben.ID, "of Ben"}, {ann.Home, ben.ID, "second"},
	} {
		if _, err := b.Add(t.Context(), post.in, post.by, post.text); err != nil {
			t.Fatal(err)
		}
	}
	for in, want := range map[string]string{ann.Home: "second|first", ben.Home: "of Ben", "": "", "nobody": ""} {
		if got := texts(t, b, in); got != want {
			t.Errorf("%q has %q, want %q", in, got, want)
		}
	}
}

func TestWhatCannotBeKept(t *testing.T) {
	b, _, ann, _ := newBoard(t)
	for text, want := range map[string]error{
		"": board.ErrEmpty, " \n ": board.ErrEmpty, "\xff": board.ErrUnreadable, "a\x00b": board.ErrUnreadable,
		strings.Repeat("ä", 501): board.ErrTooLong, strings.Repeat("ä", 500): nil,
	} {
		if _, err := b.Add(t.Context(), ann.Home, ann.ID, text); !errors.Is(err, want) {
			t.Errorf("%.20q: %v, want %v", text, err, want)
		}
	}
	var problem board.Problem
	if _, err := b.Add(t.Context(), "nobody", ann.ID, "text"); err == nil || errors.As(err, &problem) {
		t.Errorf("a post of no tenant: %v", err)
	}
}

func TestPostsGoWithTheirTenantAndOutliveTheirAuthor(t *testing.T) {
	b, db, ann, ben := newBoard(t)
	if _, err := b.Add(t.Context(), ann.Home, ben.ID, "of a guest"); err != nil {
		t.Fatal(err)
	}
	if err := db.Users().Delete(t.Context(), ben.ID); err != nil {
		t.Fatal(err)
	}
	posts, err := b.List(t.Context(), ann.Home)
	if err != nil || len(posts) != 1 || posts[0].AuthorID != "" {
		t.Errorf("got %+v, %v; want the post of nobody", posts, err)
	}
	if _, err := db.Tenants().Delete(t.Context(), ann.Home); err != nil {
		t.Fatal(err)
	}
	if got := texts(t, b, ann.Home); got != "" {
		t.Errorf("the tenant is gone and its board says %q", got)
	}
}

func TestOpeningAtOnce(t *testing.T) {
	_, db, _, _ := newBoard(t)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if _, err := board.Open(t.Context(), db.SQL()); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
}
