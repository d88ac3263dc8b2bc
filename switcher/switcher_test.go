package switcher_test

import (
	"bytes"
	"reflect"
	"strings"
	"testing"

	"github.com/multiaccount-go/multiaccount/account"
	"github.com/multiaccount-go/multiaccount/internal/htmltest"
	"github.com/multiaccount-go/multiaccount/switcher"
)

// linked is an account with the usual paths.
func linked(id, name string, status account.Status) switcher.Account {
	return switcher.Account{
		ID: id, Membership: "m-" + id, Status: status,
		Profile:    switcher.Profile{Name: name, Email: id + "@example.com"},
		SwitchPath: "/link/switch_to/" + id, SignOutPath: "/link/sign_out/" + id,
	}
}

// several is a session of four: Alice is primary, Bob is current, Carol must sign in again, Dave is inactive.
func several() switcher.Model {
	alice := linked("alice", "Alice", account.StatusActive)
	alice.Primary = true
	bob := linked("bob", "Bob", account.StatusActive)
	bob.Current = true
	return switcher.Model{
		State: account.StateMulti, Stamp: "v1.m-bob.mac", ReturnTo: "/inbox?tab=2&x=1",
		Accounts: []switcher.Account{alice, bob, linked("carol", "Carol", account.StatusSignedOut),
			linked("dave", "Dave", account.StatusInactive)},
		AccountsPath: "/link/accounts", AddPath: "/link/p/alice", SignInPath: "/session/new", SignOutAllPath: "/link/sign_out",
	}
}

func render(t *testing.T, m switcher.Model) string {
	t.Helper()
	var b bytes.Buffer
	if err := switcher.Render(&b, m); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func parse(t *testing.T, m switcher.Model) *htmltest.Element {
	t.Helper()
	return htmltest.Parse(t, render(t, m))
}

// part returns the one element that is marked as a part.
func part(t *testing.T, in *htmltest.Element, name string) *htmltest.Element {
	t.Helper()
	found := in.With("data-accounts-part", name)
	if len(found) != 1 {
		t.Fatalf("got %d parts %q, want 1", len(found), name)
	}
	return found[0]
}

// checkForm holds a form against the path it posts to and the fields it carries.
func checkForm(t *testing.T, form *htmltest.Element, path string, fields map[string]string) {
	t.Helper()
	for name, want := range map[string]string{
		"method": "post", "action": path, "hx-post": path, "hx-target": "this", "hx-swap": "none",
	} {
		if got := form.Attr[name]; got != want {
			t.Errorf("form of %s: %s is %q, want %q", path, name, got, want)
		}
	}
	got := map[string]string{}
	for _, input := range form.Tags("input") {
		got[input.Attr["name"]] = input.Attr["value"]
		if input.Attr["type"] != "hidden" || input.Attr["autocomplete"] != "off" {
			t.Errorf("form of %s: field %s is not hidden, or browsers may keep it over a reload", path, input.Attr["name"])
		}
	}
	if !reflect.DeepEqual(got, fields) {
		t.Errorf("form of %s: got fields %v, want %v", path, got, fields)
	}
	if buttons := form.Tags("button"); len(buttons) != 1 || buttons[0].Attr["type"] != "submit" {
		t.Errorf("form of %s: want one button that submits", path)
	}
}

func TestSwitcherRefreshesItself(t *testing.T) {
	root := parse(t, several())
	if len(root.Children) != 1 || root.Children[0].Attr["id"] != switcher.ElementID {
		t.Fatal("the fragment is not exactly one element with the switcher's id")
	}
	for name, want := range map[string]string{
		"hx-get": "/link/accounts", "hx-trigger": "session-changed from:body", "hx-swap": "outerHTML", "hx-target": "this",
		"data-state": "multi", "aria-label": "Accounts",
	} {
		if got := root.Children[0].Attr[name]; got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if ids := root.All(func(e *htmltest.Element) bool { return e.Attr["id"] != "" }); len(ids) != 1 {
		t.Errorf("got %d ids, want only the switcher's own", len(ids))
	}

	m := several()
	m.AccountsPath = ""
	if strings.Contains(render(t, m), "hx-get") {
		t.Error("without a path there is nothing to refresh from")
	}
}

func TestAccountsOfASession(t *testing.T) {
	root := parse(t, several())
	items := root.Tags("li")
	fields := map[string]string{"_stamp": "v1.m-bob.mac", "return_to": "/inbox?tab=2&x=1"}
	tests := []struct {
		about, id, name, status, change, button, text string
		current, primary                              bool
	}{
		{"another active account has a button", "alice", "Alice", "active", "switch",
			"A Switch to Alice alice@example.com", "", false, true},
		{"the current account is marked and has no button", "bob", "Bob", "active", "", "",
			"B Bob bob@example.com current", true, false},
		{"a signed out account leads to signing in", "carol", "Carol", "signed_out", "sign-in-again",
			"C Sign in again as Carol carol@example.com", "", false, false},
		{"an inactive account is text", "dave", "Dave", "inactive", "", "", "D Dave dave@example.com not available", false, false},
	}
	if len(items) != len(tests) {
		t.Fatalf("got %d accounts, want %d", len(items), len(tests))
	}
	for i, test := range tests {
		t.Run(test.about, func(t *testing.T) {
			li := items[i]
			if got := li.Attr["data-state"]; got != test.status {
				t.Errorf("got state %q, want %q", got, test.status)
			}
			if got := li.Attr["aria-current"] == "true"; got != test.current {
				t.Errorf("got current %v, want %v", got, test.current)
			}
			if got := len(li.With("data-accounts-part", "primary-mark")) == 1; got != test.primary {
				t.Errorf("got primary %v, want %v", got, test.primary)
			}
			forms := 1
			if test.change != "" {
				forms++
				form := part(t, li, test.change)
				checkForm(t, form, "/link/switch_to/"+test.id, fields)
				if got := form.Text(); got != test.button {
					t.Errorf("got button %q, want %q", got, test.button)
				}
			}
			if got := len(li.Tags("form")); got != forms {
				t.Errorf("got %d forms, want %d", got, forms)
			}
			signOut := part(t, li, "sign-out")
			checkForm(t, signOut, "/link/sign_out/"+test.id, fields)
			if want := "Sign out " + test.name; signOut.Text() != want {
				t.Errorf("got %q, want %q", signOut.Text(), want)
			}
			if test.text != "" && !strings.HasPrefix(li.Text(), test.text) {
				t.Errorf("got text %q, want it to start with %q", li.Text(), test.text)
			}
		})
	}
}

func TestControlsBelowTheList(t *testing.T) {
	root := parse(t, several())
	add := part(t, root, "add").Tags("a")[0]
	if got, want := add.Attr["href"], "/link/p/alice?return_to=%2Finbox%3Ftab%3D2%26x%3D1"; got != want {
		t.Errorf("got link %q, want %q", got, want)
	}
	// The end of a session asks for no stamp: a page of whichever account may sign out.
	checkForm(t, part(t, root, "sign-out-all").Children[0], "/link/sign_out", map[string]string{})
	if found := root.With("data-accounts-part", "sign-in"); len(found) != 0 {
		t.Error("signed in, but there is a way to sign in")
	}

	m := several()
	m.AddPath = "/link/p/alice?a=b"
	add = part(t, parse(t, m), "add").Tags("a")[0]
	if got, want := add.Attr["href"], "/link/p/alice?a=b&return_to="; !strings.HasPrefix(got, want) {
		t.Errorf("got link %q, want it to start with %q", got, want)
	}
	m.AddPath, m.SignOutAllPath = "", ""
	for _, name := range []string{"add", "sign-out-all"} {
		if found := parse(t, m).With("data-accounts-part", name); len(found) != 0 {
			t.Errorf("without a path there is still a part %q", name)
		}
	}
}

func TestStates(t *testing.T) {
	alone := several()
	alone.State, alone.Accounts = account.StateSingle, alone.Accounts[:1]
	alone.Accounts[0].Current = true
	choosing := several()
	choosing.State, choosing.Accounts[1].Current = account.StateChoosing, false

	tests := []struct {
		about, state, summary    string
		m                        switcher.Model
		items, switches, marked  int
		currentMarks, signInLink int
	}{
		{about: "nobody is signed in", m: switcher.Model{SignInPath: "/session/new"}, state: "anonymous",
			summary: "Not signed in", signInLink: 1},
		{about: "nobody is signed in, and nowhere to", m: switcher.Model{State: account.StateAnonymous}, state: "anonymous",
			summary: "Not signed in"},
		{about: "one account is current, and primary needs no mark", m: alone, state: "single",
			summary: "Signed in as Alice", items: 1, currentMarks: 1},
		{about: "several accounts", m: several(), state: "multi",
			summary: "Signed in as Bob", items: 4, switches: 1, marked: 1, currentMarks: 1},
		{about: "choosing: nobody is current, all that can are buttons", m: choosing, state: "choosing",
			summary: "Choose an account", items: 4, switches: 2, marked: 1},
	}
	for _, test := range tests {
		t.Run(test.about, func(t *testing.T) {
			root := parse(t, test.m)
			if got := root.Children[0].Attr["data-state"]; got != test.state {
				t.Errorf("got state %q, want %q", got, test.state)
			}
			if got := part(t, root, "summary").Text(); got != test.summary {
				t.Errorf("got summary %q, want %q", got, test.summary)
			}
			for name, want := range map[string]int{"account": test.items, "switch": test.switches, "primary-mark": test.marked,
				"current-mark": test.currentMarks, "sign-in": test.signInLink} {
				if got := len(root.With("data-accounts-part", name)); got != want {
					t.Errorf("got %d parts %q, want %d", got, name, want)
				}
			}
			if got := len(root.With("aria-current", "true")); got != test.currentMarks {
				t.Errorf("got %d current, want %d", got, test.currentMarks)
			}
		})
	}
}

func TestUnknownStatusHasNoButton(t *testing.T) {
	m := several()
	m.Accounts = []switcher.Account{linked("eve", "Eve", "")}
	if found := parse(t, m).With("action", "/link/switch_to/eve"); len(found) != 0 {
		t.Error("an account of unknown status can be switched to")
	}
}

func TestTextsCanBeReplaced(t *testing.T) {
	m := several()
	m.Texts = switcher.Texts{Current: "%s ist angemeldet", SwitchTo: "Zu %s wechseln", SignOut: "Abmelden"}
	root := parse(t, m)
	for name, want := range map[string]string{
		"summary": "Bob ist angemeldet", "switch": "A Zu Alice alice@example.com wechseln", "add": "Add another account",
	} {
		if got := part(t, root, name).Text(); got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
	if got, want := root.With("data-accounts-part", "sign-out")[0].Text(), "Abmelden Alice"; got != want {
		t.Errorf("text without a place for the name: got %q, want %q", got, want)
	}
}

func TestRenderIsPure(t *testing.T) {
	m, before := several(), several()
	m.Accounts[0].Profile.Name = "Al\xffice "
	before.Accounts[0].Profile.Name = "Al\xffice "
	if first, second := render(t, m), render(t, m); first != second {
		t.Error("the same model gave different bytes")
	}
	if !reflect.DeepEqual(m, before) {
		t.Error("drawing changed the model")
	}
}

func TestPathsMustBeLocal(t *testing.T) {
	set := map[string]func(m *switcher.Model, path string){
		"AccountsPath":   func(m *switcher.Model, p string) { m.AccountsPath = p },
		"AddPath":        func(m *switcher.Model, p string) { m.AddPath = p },
		"SignInPath":     func(m *switcher.Model, p string) { m.SignInPath = p },
		"SignOutAllPath": func(m *switcher.Model, p string) { m.SignOutAllPath = p },
		"SwitchPath":     func(m *switcher.Model, p string) { m.Accounts[0].SwitchPath = p },
		"SignOutPath":    func(m *switcher.Model, p string) { m.Accounts[0].SignOutPath = p },
	}
	for name, set := range set {
		for _, path := range []string{
			"javascript:alert(1)", "//evil.test", `/\evil.test`, "/\t/evil.test", "https://evil.test/", "link",
		} {
			m := several()
			set(&m, path)
			var b bytes.Buffer
			if err := switcher.Render(&b, m); err == nil || b.Len() > 0 {
				t.Errorf("%s %q: got error %v and %d bytes, want an error and none", name, path, err, b.Len())
			}
		}
	}
}

func TestAnnouncerIsAnEmptyLiveRegion(t *testing.T) {
	region := htmltest.Parse(t, string(switcher.Announcer())).Children[0]
	if region.Attr["id"] != "account-announcer" || region.Attr["role"] != "status" || region.Attr["aria-live"] != "polite" ||
		region.Text() != "" {
		t.Errorf("got %s", switcher.Announcer())
	}
	if strings.Contains(render(t, several()), "aria-live") {
		t.Error("a live region inside of the switcher is swapped with it and never heard")
	}
}
