package pages_test

import (
	"context"
	"errors"
	"fmt"
	"html/template"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/multiaccount-go/multiaccount/account"
	"github.com/multiaccount-go/multiaccount/internal/htmltest"
	"github.com/multiaccount-go/multiaccount/internal/pages"
	"github.com/multiaccount-go/multiaccount/switcher"
)

var (
	alice = switcher.Profile{Name: "Alice", Email: "alice@example.com"}
	bob   = switcher.Profile{Name: "Bob", Email: "bob@example.com"}

	english = pages.WithDefaults(pages.Texts{})
)

// everyPage draws each page in English with the two people in it.
func everyPage(t *testing.T, a, b switcher.Profile) map[string]template.HTML {
	t.Helper()
	return everyPageIn(t, english, a, b)
}

func everyPageIn(t *testing.T, texts pages.Texts, a, b switcher.Profile) map[string]template.HTML {
	t.Helper()
	post := pages.Post{Path: "/link/switch_to/a", Stamp: "v1.m.mac", ReturnTo: "/inbox"}
	stale := pages.StalePage{Texts: texts, DrawnFor: &a, Current: &b, SwitchBack: &post, ContinuePath: "/inbox?tab=2"}
	refusal := pages.RefusalPage{
		Texts: texts, Title: "Too late: " + a.Name, Message: "Not done for " + b.Name,
		RetryAfter: 1500 * time.Millisecond, ContinuePath: "/",
		ContinueLabel: "Go on as " + b.Name,
		Actions: []pages.Action{
			{Label: "Start again as " + a.Name, Post: post}, {Label: "Cancel", Post: pages.Post{Path: "/link/cancel"}},
		},
	}
	choose := choose(t, texts, switcher.Model{
		State: account.StateChoosing, Stamp: "v1.c.mac", ReturnTo: "/inbox", SignOutAllPath: "/link/sign_out",
		AccountsPath: "/link/accounts",
		Accounts: []switcher.Account{
			{ID: "a", Profile: a, Status: account.StatusActive, SwitchPath: "/link/switch_to/a", SignOutPath: "/link/sign_out/a"},
			{ID: "b", Profile: b, Status: account.StatusSignedOut, SwitchPath: "/link/switch_to/b", SignOutPath: "/link/sign_out/b"},
			{ID: "d", Profile: b, Status: account.StatusInactive, SwitchPath: "/link/switch_to/d", SignOutPath: "/link/sign_out/d"},
		},
	})
	return map[string]template.HTML{
		"link":             pages.Link(pages.LinkPage{Texts: texts, Primary: a, Post: post, CancelPath: "/inbox"}),
		"switch":           pages.Switch(pages.SwitchPage{Texts: texts, From: &a, To: b, Post: post, CancelPath: "/inbox"}),
		"choose":           choose,
		"stale":            pages.Stale(stale),
		"refusal":          pages.Refusal(refusal),
		"refusal fragment": pages.RefusalFragment(refusal),
		"document": pages.Document(texts.Lang, "Hello "+a.Name, `<meta name="session-version" content="3">`,
			"<h1>Hello</h1>"),
	}
}

func choose(t *testing.T, texts pages.Texts, m switcher.Model) template.HTML {
	t.Helper()
	body, err := pages.Choose(t.Context(), pages.ChoosePage{Texts: texts, Model: m})
	if err != nil {
		t.Fatal(err)
	}
	return body
}

func parse(t *testing.T, body template.HTML) *htmltest.Element {
	t.Helper()
	return htmltest.Parse(t, string(body))
}

// contains fails when a text is not on a page.
func contains(t *testing.T, page *htmltest.Element, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if !strings.Contains(page.Text(), text) {
			t.Errorf("%q is not in %q", text, page.Text())
		}
	}
}

// onlyForm returns the one form of a page, which posts to path.
func onlyForm(t *testing.T, page *htmltest.Element, path string) *htmltest.Element {
	t.Helper()
	forms := page.Tags("form")
	if len(forms) != 1 {
		t.Fatalf("got %d forms, want one", len(forms))
	}
	return checkPost(t, forms[0], path)
}

// buttons returns the two forms of a page.
func buttons(t *testing.T, page *htmltest.Element) (first, second *htmltest.Element) {
	t.Helper()
	forms := page.Tags("form")
	if len(forms) != 2 || len(forms[0].Tags("button")) != 1 || len(forms[1].Tags("button")) != 1 {
		t.Fatalf("got %d forms, want two with a button each", len(forms))
	}
	return forms[0], forms[1]
}

// checkPost holds a form with one button against the path it posts to.
func checkPost(t *testing.T, form *htmltest.Element, path string) *htmltest.Element {
	t.Helper()
	if len(form.Tags("button")) != 1 {
		t.Fatalf("got %d buttons, want one", len(form.Tags("button")))
	}
	if form.Attr["method"] != "post" || form.Attr["action"] != path || form.Tags("button")[0].Attr["type"] != "submit" {
		t.Errorf("got form %v, want a post to %s", form.Attr, path)
	}
	for name, want := range map[string]string{"_stamp": "v1.m.mac", "return_to": "/inbox"} {
		if inputs := form.With("name", name); len(inputs) != 1 || inputs[0].Attr["value"] != want {
			t.Errorf("field %s is not %q", name, want)
		}
	}
	return form
}

// onlyLink returns the text of the one link of a page, which leads to path.
func onlyLink(t *testing.T, page *htmltest.Element, path string) string {
	t.Helper()
	links := page.Tags("a")
	if len(links) != 1 || links[0].Attr["href"] != path {
		t.Fatalf("got %d links, want one to %s", len(links), path)
	}
	return links[0].Text()
}

func TestLinkNamesTheAccount(t *testing.T) {
	page := parse(t, everyPage(t, alice, bob)["link"])
	contains(t, page, "Add an account to Alice’s session", "alice@example.com")
	onlyForm(t, page, "/link/switch_to/a")
	if got := onlyLink(t, page, "/inbox"); got != "Cancel" {
		t.Errorf("got link %q", got)
	}
}

func TestSwitchNamesBothAccounts(t *testing.T) {
	page := parse(t, everyPage(t, alice, bob)["switch"])
	contains(t, page, "Switch to Bob?", "signed in as Alice (alice@example.com)", "act as Bob (bob@example.com)")
	if got := onlyForm(t, page, "/link/switch_to/a").Text(); got != "Switch to Bob" {
		t.Errorf("got button %q", got)
	}
	onlyLink(t, page, "/inbox")

	page = parse(t, pages.Switch(pages.SwitchPage{Texts: english, To: bob, Post: pages.Post{Path: "/link/switch_to/b"}}))
	contains(t, page, "No account is in use")
	if links := page.Tags("a"); len(links) != 0 {
		t.Error("without a path there is a link to cancel")
	}
}

func TestChooserListsTheAccounts(t *testing.T) {
	page := parse(t, everyPage(t, alice, bob)["choose"])
	contains(t, page, "Choose an account", "A Switch to Alice", "B Sign in again as Bob", "Bob bob@example.com not available")
	var actions []string
	for _, form := range page.Tags("form") {
		actions = append(actions, form.Attr["action"])
	}
	want := "/link/switch_to/a /link/sign_out/a /link/switch_to/b /link/sign_out/b /link/sign_out/d /link/sign_out"
	if got := strings.Join(actions, " "); got != want {
		t.Errorf("got forms to %s, want %s", got, want)
	}
	if ids := page.With("id", switcher.ElementID); len(ids) != 0 {
		t.Error("the chooser has the id of the switcher, which the layout may show too")
	}
	foreign := pages.ChoosePage{Texts: english, Model: switcher.Model{SignOutAllPath: "//evil.test"}}
	if _, err := pages.Choose(t.Context(), foreign); err == nil {
		t.Error("a path to another site was drawn")
	}
}

func TestChooserDrawsSlotsInItsContext(t *testing.T) {
	type key struct{}
	ctx := context.WithValue(t.Context(), key{}, "of the request")
	p := pages.ChoosePage{
		Texts: english, Model: switcher.Model{SignOutAllPath: "/link/sign_out"},
		Slots: switcher.Slots{SignOutAll: func(path string) switcher.Component {
			return switcher.ComponentFunc(func(ctx context.Context, w io.Writer) error {
				_, err := fmt.Fprintf(w, `<b>%s %s</b>`, path, ctx.Value(key{}))
				return err
			})
		}},
	}
	body, err := pages.Choose(ctx, p)
	if err != nil {
		t.Fatal(err)
	}
	contains(t, parse(t, body), "/link/sign_out of the request")

	p.Slots.SignOutAll = func(string) switcher.Component {
		return switcher.ComponentFunc(func(context.Context, io.Writer) error { return io.ErrClosedPipe })
	}
	if body, err := pages.Choose(ctx, p); !errors.Is(err, io.ErrClosedPipe) || body != "" {
		t.Errorf("got %q and error %v, want only the error of the slot", body, err)
	}
}

func TestStaleLeavesTheDecisionToThePerson(t *testing.T) {
	drawn := everyPage(t, alice, bob)
	for _, name := range []string{"stale"} {
		page := parse(t, drawn[name])
		contains(t, page, "opened as Alice (alice@example.com)", "You are now Bob (bob@example.com)", "Nothing was done")
		back, on := buttons(t, page)
		if got := checkPost(t, back, "/link/switch_to/a").Text(); got != "Switch back to Alice" {
			t.Errorf("%s: got button %q", name, got)
		}
		if got := on.Text(); got != "Continue as Bob" || on.Attr["method"] != "get" || on.Attr["action"] != "/inbox" {
			t.Errorf("%s: got button %q of form %v", name, got, on.Attr)
		}
		if links := page.Tags("a"); len(links) != 0 {
			t.Errorf("%s: got %d links beside the two buttons", name, len(links))
		}
	}
}

func TestStaleWithoutAWayBack(t *testing.T) {
	back := &pages.Post{Path: "/link/switch_to/a"}
	tests := []struct {
		about string
		p     pages.StalePage
		text  string
		forms string
	}{
		{"the account left the session", pages.StalePage{Current: &bob, SwitchBack: back, ContinuePath: "/"},
			"not signed in here any more", "get / Continue as Bob"},
		{"the account cannot be switched to", pages.StalePage{DrawnFor: &alice, Current: &bob, ContinuePath: "/"},
			"opened as Alice", "get / Continue as Bob"},
		{"nobody is current", pages.StalePage{DrawnFor: &alice, SwitchBack: back, ContinuePath: "/choose"},
			"No account is in use", "post /link/switch_to/a Switch back to Alice, get /choose Choose an account"},
		{"there is nowhere to go", pages.StalePage{Current: &bob}, "You are now Bob", ""},
	}
	for _, test := range tests {
		t.Run(test.about, func(t *testing.T) {
			test.p.Texts = english
			page := parse(t, pages.Stale(test.p))
			contains(t, page, test.text)
			var forms []string
			for _, form := range page.Tags("form") {
				forms = append(forms, form.Attr["method"]+" "+form.Attr["action"]+" "+form.Text())
			}
			if got := strings.Join(forms, ", "); got != test.forms {
				t.Errorf("got forms %s, want %s", got, test.forms)
			}
		})
	}
}

// TestContinueKeepsTheQuery: a browser throws the query of a GET form's action away and sends the fields in its place.
func TestContinueKeepsTheQuery(t *testing.T) {
	for about, test := range map[string]struct{ target, action, fields string }{
		"no query":               {"/inbox", "/inbox", ""},
		"an empty query":         {"/inbox?", "/inbox", ""},
		"several names":          {"/inbox?tab=2&x=1", "/inbox", `"tab"="2" "x"="1"`},
		"a name twice, in order": {"/inbox?b=2&a=1&b=1", "/inbox", `"b"="2" "a"="1" "b"="1"`},
		"encoded signs":          {"/a%20b?q=a%26b%3Dc+d&%C3%A9=%22", "/a%20b", `"q"="a&b=c d" "é"="\""`},
		"a name without a value": {"/inbox?all", "/inbox", `"all"=""`},
		"nothing between":        {"/inbox?&&a=1&=x&", "/inbox", `"a"="1"`},
		"a stray percent sign":   {"/inbox?q=100%", "/inbox", `"q"="100%"`},
		"a second question mark": {"/inbox?next=/b?c=d", "/inbox", `"next"="/b?c=d"`},
		"markup":                 {`/inbox?"><b>=%22%3E%3Cb%3E`, "/inbox", `"\"><b>"="\"><b>"`},
	} {
		t.Run(about, func(t *testing.T) {
			page := parse(t, pages.Stale(pages.StalePage{Texts: english, Current: &bob, ContinuePath: test.target}))
			form := page.Tags("form")[0]
			if form.Attr["method"] != "get" || form.Attr["action"] != test.action {
				t.Errorf("got form %v, want a get of %s", form.Attr, test.action)
			}
			var fields []string
			for _, input := range form.Tags("input") {
				fields = append(fields, fmt.Sprintf("%q=%q", input.Attr["name"], input.Attr["value"]))
				if input.Attr["type"] != "hidden" || input.Attr["autocomplete"] != "off" {
					t.Errorf("got input %v", input.Attr)
				}
			}
			if got := strings.Join(fields, " "); got != test.fields {
				t.Errorf("got fields %s, want %s", got, test.fields)
			}
		})
	}
}

func TestRefusalSaysHowToGoOn(t *testing.T) {
	drawn := everyPage(t, alice, bob)
	for _, name := range []string{"refusal", "refusal fragment"} {
		page := parse(t, drawn[name])
		contains(t, page, "Too late: Alice", "Not done for Bob", "Please try again in 2 s.", "Go on as Bob")
		buttons := page.Tags("button")
		if len(buttons) != 2 || buttons[0].Text() != "Start again as Alice" || buttons[1].Text() != "Cancel" {
			t.Errorf("%s: got %d buttons", name, len(buttons))
		}
	}
	bare := parse(t, pages.Refusal(pages.RefusalPage{Texts: english, Title: "Not found", Message: "There is no such page."}))
	if bare.Text() != "Not found There is no such page." || len(bare.Tags("a"))+len(bare.Tags("form")) != 0 {
		t.Errorf("got more than title and message: %q", bare.Text())
	}
	unlabelled := pages.RefusalPage{Texts: english, RetryAfter: time.Second, ContinuePath: "/"}
	contains(t, parse(t, pages.Refusal(unlabelled)), "in 1 s.", "Continue")
}

func TestFragmentsAreOneAlert(t *testing.T) {
	for name, body := range everyPage(t, alice, bob) {
		page := parse(t, body)
		if strings.HasSuffix(name, "fragment") {
			if len(page.Children) != 1 || page.Children[0].Attr["role"] != "alert" || len(page.Tags("h1")) != 0 {
				t.Errorf("%s is not one alert without a page's heading", name)
			}
		} else if len(page.Tags("h1")) != 1 {
			t.Errorf("%s has %d h1, want 1", name, len(page.Tags("h1")))
		}
	}
}

func TestDocument(t *testing.T) {
	body := everyPage(t, alice, bob)["document"]
	if !strings.HasPrefix(string(body), "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">") {
		t.Errorf("the page does not begin as it must: %.80s", body)
	}
	page := parse(t, body)
	if got := page.Tags("title")[0].Text(); got != "Hello Alice" {
		t.Errorf("got title %q", got)
	}
	if len(page.With("name", "viewport")) != 1 || len(page.Tags("head")[0].With("name", "session-version")) != 1 ||
		page.Tags("main")[0].Text() != "Hello" {
		t.Errorf("viewport, head or body is missing: %s", body)
	}
}

// TestNothingHappensByItself: no page carries a script, a frame, a refresh or a control that acts before the person does.
func TestNothingHappensByItself(t *testing.T) {
	for name, body := range everyPage(t, alice, bob) {
		parse(t, body).All(func(e *htmltest.Element) bool {
			switch e.Tag {
			case "script", "style", "iframe", "object", "embed", "base":
				t.Errorf("%s has a <%s>", name, e.Tag)
			}
			for attribute := range e.Attr {
				switch {
				case attribute == "style", attribute == "autofocus", attribute == "http-equiv", attribute == "hx-trigger",
					strings.HasPrefix(attribute, "on"), strings.HasPrefix(attribute, "hx-on"):
					t.Errorf("%s: <%s> has the attribute %s", name, e.Tag, attribute)
				}
			}
			return false
		})
	}
}

func TestHostileProfilesStayText(t *testing.T) {
	harmless := everyPage(t, alice, bob)
	for about, hostile := range htmltest.Hostile() {
		t.Run(about, func(t *testing.T) {
			p := switcher.Profile{Name: hostile, Email: hostile, AvatarURL: hostile}
			want := strings.Join(strings.Fields(strings.ToValidUTF8(hostile, "\uFFFD")), " ")
			for name, body := range everyPage(t, p, p) {
				page := parse(t, body)
				if got, want := page.Shape(), parse(t, harmless[name]).Shape(); got != want {
					t.Errorf("%s: got elements\n%s\nwant those of a harmless name\n%s", name, got, want)
				}
				contains(t, page, want)
			}
		})
	}
}

func TestHostilePathsDoNotBecomeScripts(t *testing.T) {
	for about, hostile := range htmltest.Hostile() {
		t.Run(about, func(t *testing.T) {
			post := pages.Post{Path: hostile, Stamp: hostile, ReturnTo: hostile}
			for _, body := range []template.HTML{
				pages.Link(pages.LinkPage{Post: post, CancelPath: hostile}),
				pages.Refusal(pages.RefusalPage{ContinuePath: hostile, Actions: []pages.Action{{Post: post}}}),
				pages.Stale(pages.StalePage{DrawnFor: &alice, SwitchBack: &post, ContinuePath: hostile}),
			} {
				parse(t, body).All(func(e *htmltest.Element) bool {
					for _, url := range []string{e.Attr["href"], e.Attr["action"]} {
						if strings.HasPrefix(url, "javascript:") || strings.HasPrefix(url, "data:") {
							t.Errorf("got URL %q", url)
						}
					}
					return false
				})
			}
		})
	}
}

func TestPagesArePure(t *testing.T) {
	first, second := everyPage(t, alice, bob), everyPage(t, alice, bob)
	for name := range first {
		if first[name] != second[name] {
			t.Errorf("%s: the same data gave different bytes", name)
		}
	}
}
