package nodes_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/multiaccount-go/multiaccount/integration_test/sitetest"
)

// TestOneProcessWithItsOwnRedis is what a stranger sees who has nothing but Go.
func TestOneProcessWithItsOwnRedis(t *testing.T) {
	n := sitetest.Start(t, "")
	if !strings.Contains(n.Log(), "REDIS_URL is not set") {
		t.Errorf("the log does not say that everything is forgotten:\n%s", n.Log())
	}
	v := two(t, n)
	tab := v.Open(n, v.Document(n).V)
	v.Switch(n, alice)
	if m := tab.Next(2 * time.Second); m.Type != "session-changed" {
		t.Errorf("the tab is told %+v", m)
	}
	if code := tab.Closed(2 * time.Second); code != comeBack {
		t.Errorf("closed with %d, want %d", code, comeBack)
	}
	form := v.Form(v.Get(n, "/notes"), "/notes")
	form.Set("text", "kept")
	v.Post(n, "/notes", form)
	if notes := v.Notes(n); !slices.Equal(notes, []string{"kept"}) {
		t.Errorf("Alice has the notes %q", notes)
	}
	page := v.Get(n, "/").Body
	for _, text := range []string{"Multi-account active", alice, bob, "Primary account"} {
		if !strings.Contains(page, text) {
			t.Errorf("the first page does not say %q", text)
		}
	}
}

// TestSocketsLeaveNothingBehind opens and leaves many tabs in every rude way, and looks at what is left of them.
func TestSocketsLeaveNothingBehind(t *testing.T) {
	n := sitetest.Start(t, "")
	v := two(t, n)
	version := v.Document(n).V
	files := n.Files()
	for round := range 10 {
		for range 20 {
			if tab := v.Open(n, version); round%2 == 0 {
				tab.Close() // without a word
			}
		}
		for range 10 {
			deaf(t, v, n, version)
		}
		v.Switch(n, []string{alice, bob}[round%2]) // closes them all
		sitetest.Eventually(t, "the sockets of all tabs are closed", func() bool { return n.Files() <= files+2 })
		version = v.Document(n).V
	}
	stacks := n.Goroutines()
	if len(stacks) > 100 {
		t.Errorf("%d goroutines are left", len(stacks))
	}
	for _, stack := range stacks {
		if strings.Contains(stack, "live.(*member)") {
			t.Errorf("a socket's goroutine is left:\n%s", stack)
		}
	}
}
