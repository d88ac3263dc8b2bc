package pages_test

import (
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/multiaccount-go/multiaccount/account"
	"github.com/multiaccount-go/multiaccount/internal/htmltest"
	"github.com/multiaccount-go/multiaccount/internal/pages"
	"github.com/multiaccount-go/multiaccount/switcher"
)

// replaced returns texts with every field set by its name.
func replaced[T any](t *testing.T, text func(field string) string) T {
	t.Helper()
	var texts T
	v := reflect.ValueOf(&texts).Elem()
	for i := range v.NumField() {
		v.Field(i).SetString(text(v.Type().Field(i).Name))
	}
	return texts
}

func TestEveryTextHasADefaultAndCanBeReplaced(t *testing.T) {
	v := reflect.ValueOf(english)
	for i := range v.NumField() {
		if v.Field(i).String() == "" {
			t.Errorf("%s has no default", v.Type().Field(i).Name)
		}
	}
	own := replaced[pages.Texts](t, func(field string) string { return "my " + field })
	if got := pages.WithDefaults(own); got != own {
		t.Errorf("got %+v, want every text as it was", got)
	}
}

// TestPagesHaveNoWordsOfTheirOwn draws the pages with texts and names that have no letters: what is left with letters is
// fixed in a template.
func TestPagesHaveNoWordsOfTheirOwn(t *testing.T) {
	dashes := func(string) string { return "--" }
	texts := replaced[pages.Texts](t, dashes)
	p := switcher.Profile{Name: "1", Email: "2"}
	post := pages.Post{Path: "/"}
	bodies := everyPageIn(t, texts, p, p)
	delete(bodies, "document") // has no words but those it gets
	for name, page := range map[string]pages.StalePage{
		"stale, account gone": {Current: &p, ContinuePath: "/"}, "stale, nobody current": {DrawnFor: &p, ContinuePath: "/"},
	} {
		page.Texts = texts
		bodies[name] = pages.Stale(page)
	}
	bodies["switch, nobody current"] = pages.Switch(pages.SwitchPage{Texts: texts, To: p})
	bodies["refusal"] = pages.Refusal(pages.RefusalPage{
		Texts: texts, RetryAfter: time.Second, ContinuePath: "/", Actions: []pages.Action{{Post: post}},
	})
	bodies["refusal fragment"] = pages.RefusalFragment(pages.RefusalPage{Texts: texts})
	bodies["choose"] = choose(t, texts, switcher.Model{
		State: account.StateChoosing, Texts: replaced[switcher.Texts](t, dashes), SignOutAllPath: "/", AddPath: "/",
		Accounts: []switcher.Account{{Profile: p, Status: account.StatusActive, SwitchPath: "/", SignOutPath: "/"}},
	})
	for name, body := range bodies {
		if text := parse(t, body).Text(); strings.ContainsFunc(text, unicode.IsLetter) {
			t.Errorf("%s has words of its own: %s", name, text)
		}
	}
}

// TestAccountsStandInTheirPlace: a text puts the account where its language wants it, and the markup isolates it there.
func TestAccountsStandInTheirPlace(t *testing.T) {
	tests := []struct {
		about, text, heading, body string
	}{
		{"in the middle", "(%s)", "(Alice)", "(Alice (alice@example.com))"},
		{"first", "%s!", "Alice!", "Alice (alice@example.com)!"},
		{"the text has no place", "für", "für Alice", "für Alice (alice@example.com)"},
		{"the text has two places", "%s %s", "Alice %s", "Alice (alice@example.com) %s"},
		{"the text has other verbs", "100% %d %s", "100% %d Alice", "100% %d Alice (alice@example.com)"},
	}
	for _, test := range tests {
		t.Run(test.about, func(t *testing.T) {
			texts := replaced[pages.Texts](t, func(string) string { return test.text })
			page := parse(t, pages.Link(pages.LinkPage{Texts: texts, Primary: alice}))
			if got := page.Tags("h1")[0].Text(); got != test.heading {
				t.Errorf("got heading %q, want %q", got, test.heading)
			}
			if got := page.Tags("p")[0].Text(); got != test.body {
				t.Errorf("got text %q, want %q", got, test.body)
			}
			drawn := everyPageIn(t, texts, alice, bob)
			for _, name := range []string{"link", "switch", "stale"} {
				page := parse(t, drawn[name])
				for _, p := range []switcher.Profile{alice, bob} {
					for _, word := range []string{p.Name, p.Email} {
						isolated := page.All(func(e *htmltest.Element) bool { return e.Tag == "bdi" && e.Text() == word })
						if got := strings.Count(page.Text(), word); got != len(isolated) {
							t.Errorf("%s: %s is there %d times, but isolated %d times", name, word, got, len(isolated))
						}
					}
				}
			}
		})
	}
}

func TestHostileTextsStayText(t *testing.T) {
	harmless := everyPageIn(t, english, alice, bob)
	for about, hostile := range htmltest.Hostile() {
		t.Run(about, func(t *testing.T) {
			texts := replaced[pages.Texts](t, func(string) string { return hostile })
			for name, body := range everyPageIn(t, texts, alice, bob) {
				page := parse(t, body)
				if got, want := page.Shape(), parse(t, harmless[name]).Shape(); got != want {
					t.Errorf("%s: got elements\n%s\nwant those of harmless texts\n%s", name, got, want)
				}
			}
		})
	}
}

// TestNamesAreNoTexts: a name with a place for an account in it is not filled in.
func TestNamesAreNoTexts(t *testing.T) {
	page := parse(t, pages.Link(pages.LinkPage{Texts: english, Primary: switcher.Profile{Name: "%s %d"}}))
	contains(t, page, "Add an account to %s %d’s session")
}

func TestLanguageOfTheDocument(t *testing.T) {
	texts := pages.WithDefaults(pages.Texts{Lang: "de"})
	root := parse(t, pages.Document(texts.Lang, "Konten", "", "<h1>Konten</h1>")).Children[0]
	if root.Attr["lang"] != "de" {
		t.Errorf("got %v", root.Attr)
	}
}
