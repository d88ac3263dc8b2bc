package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"strings"
	"testing"

	"github.com/multiaccount-go/multiaccount/example/tutorial/site"
	"github.com/multiaccount-go/multiaccount/livetest"
)

// from runs a test for a step and for all later ones: what a step has brought stays.
func from(t *testing.T, first int, test func(t *testing.T, b *livetest.Browser)) {
	for step := first; step < len(steps); step++ {
		t.Run(fmt.Sprint("step ", step), func(t *testing.T) { test(t, serve(t, step)) })
	}
}

// [start serve]

// serve returns a browser on the app as it is after a step.
func serve(t *testing.T, step int) *livetest.Browser {
	s, err := site.New()
	if err != nil {
		t.Fatal(err)
	}
	steps[step](s)
	t.Cleanup(func() { _ = s.Accounts.Close(context.Background()) }) // after the browser
	return livetest.New(t, s.App)
}

// as signs in. The second account joins the session of the first when its page has asked for it.
func as(b *livetest.Browser, name string) *livetest.Browser {
	b.Post("/sign-in", url.Values{"name": {name}})
	return b
}

// [end serve]

func TestOnlyWhoIsKnownSignsIn(t *testing.T) {
	from(t, 1, func(t *testing.T, b *livetest.Browser) {
		page := b.Open("/")
		if got := page.URL(); got != "/sign-in" {
			t.Errorf("the first page leads to %q", got)
		}
		page.Submit("sign-in", livetest.Fields{"name": "mallory"})
		if a := page.Answer(); a.Status != 422 || page.Text("problem") != "Nobody here has this name." {
			t.Errorf("a stranger reads %d %s", a.Status, a.Body)
		}
		page.Submit("sign-in", livetest.Fields{"name": "alice"})
		if a := page.Answer(); page.URL() != "/" || a.Body != "Hello, Alice!" {
			t.Errorf("Alice is at %q and reads %s", page.URL(), a.Body)
		}
	})
}

func TestThePageShowsTheNotesOfWhoeverIsSignedIn(t *testing.T) {
	from(t, 2, func(t *testing.T, b *livetest.Browser) {
		page := b.Open("/notes")
		page.Submit("sign-in", livetest.Fields{"name": "alice"})
		if page.URL() != "/notes" || page.Text("title") != "Notes of Alice" || page.Text("list") != "Nothing here yet." {
			t.Errorf("at %q: %s", page.URL(), page.HTML(""))
		}
	})
}

func TestThePageHasASocket(t *testing.T) {
	from(t, 3, func(t *testing.T, b *livetest.Browser) {
		page := as(b, "alice").Open("/notes")
		page.Reconnect()
		if got := page.Text("title"); got != "Notes of Alice" {
			t.Errorf("the socket shows %q", got)
		}
	})
}

func TestWhatThePageShowsIsNotSentAgain(t *testing.T) {
	for step := 4; step < 7; step++ { // with step 7 something differs: oneself is there
		t.Run(fmt.Sprint("step ", step), func(t *testing.T) {
			page := as(serve(t, step), "alice").Open("/notes")
			page.Submit("new", livetest.Fields{"text": "milk"})
			page.WaitText("list", "milk")
			if first := page.Frames()[0].Data; strings.Contains(first, "Notes of") {
				t.Errorf("the socket began with %s", first)
			}
		})
	}
}

func TestOnlyWhatDiffersIsSent(t *testing.T) {
	from(t, 4, func(t *testing.T, b *livetest.Browser) {
		page := as(b, "alice").Open("/notes")
		page.Submit("new", livetest.Fields{"text": "milk"})
		page.WaitText("list", "milk")
		before := len(page.Frames())
		page.Submit("new", livetest.Fields{"text": "eggs"})
		page.WaitText("list", "eggs")
		var sent strings.Builder
		for _, frame := range page.Frames()[before:] {
			sent.WriteString(frame.Data)
		}
		if strings.Contains(sent.String(), "milk") || strings.Contains(sent.String(), "Notes of") {
			t.Errorf("a second note was sent as %s", &sent)
		}
		if !strings.Contains(sent.String(), `id="new-fields"`) {
			t.Errorf("what was typed stays in the field, as this is all that was sent: %s", &sent)
		}
	})
}

// [start form]

func TestANoteIsAdded(t *testing.T) {
	from(t, 4, func(t *testing.T, b *livetest.Browser) {
		page := as(b, "alice").Open("/notes")
		page.Submit("new", livetest.Fields{"text": "milk"})
		page.WaitText("list", "milk")

		page.Submit("new", livetest.Fields{"text": " "})
		page.WaitText("text-problem", "Please fill this in.")

		page.Submit("new", livetest.Fields{"text": "eggs"})
		page.WaitText("list", "milk eggs")
		page.Wait(func() bool { return !page.Has("text-problem") })
	})
}

// [end form]

func TestWhatIsTooLongIsKeptInTheField(t *testing.T) {
	from(t, 4, func(t *testing.T, b *livetest.Browser) {
		page := as(b, "alice").Open("/notes")
		long := strings.Repeat("a", 201)
		page.Submit("new", livetest.Fields{"text": long})
		page.WaitText("text-problem", "at most 200 characters")
		if page.Value("text") != long || page.Text("list") != "Nothing here yet." {
			t.Errorf("the page shows %s", page.HTML(""))
		}
	})
}

// [start tabs]

func TestEveryTabOfTheAccountSeesANote(t *testing.T) {
	from(t, 5, func(t *testing.T, b *livetest.Browser) {
		bobs := as(b.Another(), "bob").Open("/notes")
		one, two := as(b, "alice").Open("/notes"), b.Open("/notes")
		one.Submit("new", livetest.Fields{"text": "milk"})
		two.WaitText("list", "milk")

		bobs.Submit("new", livetest.Fields{"text": "bread"})
		bobs.WaitText("list", "bread")
		if got := bobs.Text("list"); got != "bread" {
			t.Errorf("Bob reads %q", got)
		}
	})
}

// [end tabs]

func TestASearchHasAnAddress(t *testing.T) {
	from(t, 6, func(t *testing.T, b *livetest.Browser) {
		page := as(b, "alice").Open("/notes")
		for _, text := range []string{"milk", "eggs"} {
			page.Submit("new", livetest.Fields{"text": text})
			page.WaitText("list", text)
		}
		page.Submit("search", livetest.Fields{"q": "egg"})
		page.Wait(func() bool { return page.Text("list") == "eggs" && page.URL() == "/notes?q=egg" })
		page.Reconnect()
		if got := page.Text("list"); got != "eggs" {
			t.Errorf("a new connection shows %q", got)
		}
		all := b.Open("/notes")
		all.Submit("new", livetest.Fields{"text": "egg cups"})
		all.WaitText("list", "milk eggs egg cups")
		page.Wait(func() bool { return page.Text("list") == "eggs egg cups" })

		page.Back()
		page.WaitText("list", "milk eggs egg cups")
		if got := page.URL(); got != "/notes" {
			t.Errorf("after going back the address is %q", got)
		}
	})
}

func TestWhoIsHere(t *testing.T) {
	from(t, 7, func(t *testing.T, b *livetest.Browser) {
		page := as(b, "alice").Open("/notes")
		page.Wait(func() bool { return page.Text("here") == "Here now: Alice" })
		bobs := as(b.Another(), "bob").Open("/notes")
		bobs.WaitText("here", "Alice Bob")
		page.WaitText("here", "Alice Bob")
		bobs.Close()
		page.Wait(func() bool { return page.Text("here") == "Here now: Alice" })
	})
}

// [start switch]

func TestAnEventTypedAsAliceNeverBecomesBobs(t *testing.T) {
	from(t, 8, func(t *testing.T, b *livetest.Browser) {
		as(b, "alice").Open("/notes").Post("/link/p/alice", nil) // "Add another account"
		page := as(b, "bob").Open("/notes")
		page.Post("/link/switch_to/alice", nil)
		page.WaitText("title", "Alice")
		alices, _ := page.Attr("notes", "data-account-stamp")

		tab := b.Open("/notes")
		tab.Post("/link/switch_to/bob", nil)
		page.WaitText("title", "Bob") // and nobody has loaded it again

		page.Send("live", livetest.Fields{"text": "secret of Alice", "_stamp": alices})
		page.Wait(func() bool {
			all := page.Messages()
			return all[len(all)-1].Code == "stale_page"
		})
		page.Submit("new", livetest.Fields{"text": "bread"})
		page.WaitText("list", "bread")
		if got := page.Text("list"); got != "bread" {
			t.Errorf("Bob has %q", got)
		}

		tab.Reload()
		tab.Post("/link/switch_to/alice", nil)
		page.WaitText("title", "Alice")
		page.Send("live", livetest.Fields{"text": "milk", "_stamp": alices})
		page.WaitText("list", "milk")
	})
}

// [end switch]

func TestThePageHasTheSwitcher(t *testing.T) {
	from(t, 8, func(t *testing.T, b *livetest.Browser) {
		page := as(b, "alice").Open("/notes")
		if !page.Has("account-switcher") || !strings.Contains(page.HTML("account-switcher"), "/link/p/alice") {
			t.Errorf("there is no switcher: %s", page.HTML(""))
		}
	})
}

func TestMain(m *testing.M) {
	slog.SetDefault(slog.New(slog.NewTextHandler(io.Discard, nil)))
	m.Run()
}
