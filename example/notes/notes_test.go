package notes_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"

	"github.com/multiaccount-go/multiaccount/example/notes"
)

func newNotes(t *testing.T) *notes.Notes {
	t.Helper()
	rdb := redis.NewClient(&redis.Options{Addr: miniredis.RunT(t).Addr()})
	t.Cleanup(func() { rdb.Close() })
	return notes.New(rdb)
}

func TestAdd(t *testing.T) {
	n := newNotes(t)
	tests := map[string]struct {
		text string
		want error
	}{
		"one character":       {"x", nil},
		"500 characters":      {strings.Repeat("ä", 500), nil},
		"markup stays text":   {"<b>bold</b>", nil},
		"nothing":             {"", notes.ErrEmpty},
		"spaces only":         {" \n\t", notes.ErrEmpty},
		"501 characters":      {strings.Repeat("x", 501), notes.ErrTooLong},
		"bytes that are none": {"a\xff", notes.ErrUnreadable},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			note, err := n.Add(t.Context(), name, test.text)
			if err != test.want || err == nil && note.Text != test.text {
				t.Fatalf("got %q, %v, want %v", note.Text, err, test.want)
			}
			if list, err := n.List(t.Context(), name, ""); err != nil || (len(list) == 1) != (test.want == nil) {
				t.Errorf("got %v, %v after %v", list, err, test.want)
			}
		})
	}
}

func TestListIsBoundedNewestFirstAndOfOneAccount(t *testing.T) {
	n := newNotes(t)
	for i := range 205 {
		if _, err := n.Add(t.Context(), "alice", fmt.Sprint(i)); err != nil {
			t.Fatal(err)
		}
	}
	list, err := n.List(t.Context(), "alice", "")
	if err != nil || len(list) != 200 || list[0].Text != "204" || list[199].Text != "5" {
		t.Errorf("got %d notes and %v, want the newest 200", len(list), err)
	}
	if list, err := n.List(t.Context(), "bob", ""); err != nil || len(list) != 0 {
		t.Errorf("got %v, %v for another account", list, err)
	}
}

func TestFindAndRemove(t *testing.T) {
	n := newNotes(t)
	var milk notes.Note
	for _, text := range []string{"Milk and  eggs", "bread"} {
		note, err := n.Add(t.Context(), "alice", text)
		if err != nil {
			t.Fatal(err)
		}
		if text != "bread" {
			milk = note
		}
	}
	if list, err := n.List(t.Context(), "alice", "MILK"); err != nil || len(list) != 1 || list[0] != milk {
		t.Errorf("got %v, %v, want %v", list, err, milk)
	}
	for name, id := range map[string]string{"an id that is none": "x", "another account's note": milk.ID} {
		if err := n.Remove(t.Context(), "bob", id); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if list, _ := n.List(t.Context(), "alice", ""); len(list) != 2 {
		t.Fatalf("another account has removed something: %v", list)
	}
	for range 2 { // the second time it is gone
		if err := n.Remove(t.Context(), "alice", milk.ID); err != nil {
			t.Fatal(err)
		}
	}
	if list, _ := n.List(t.Context(), "alice", ""); len(list) != 1 || list[0].Text != "bread" {
		t.Errorf("got %v, want bread alone", list)
	}
}
