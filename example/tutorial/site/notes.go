package site

import (
	"strconv"
	"strings"
	"sync"
)

// Note is one note.
type Note struct{ ID, Text string }

// Notes keeps the notes of each account in memory. Yours are in a database. It is safe for concurrent use.
type Notes struct {
	mu    sync.Mutex
	count int
	of    map[string][]Note
}

// Add keeps a note for an account.
func (n *Notes) Add(account, text string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.of == nil {
		n.of = make(map[string][]Note)
	}
	n.count++
	n.of[account] = append(n.of[account], Note{strconv.Itoa(n.count), text})
}

// List returns the notes of an account that have find in them; all of them for "".
func (n *Notes) List(account, find string) (found []Note) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, note := range n.of[account] {
		if strings.Contains(note.Text, find) {
			found = append(found, note)
		}
	}
	return found
}
