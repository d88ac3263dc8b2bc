package switcher_test

import (
	"strings"
	"testing"

	"github.com/multiaccount-go/multiaccount/account"
	"github.com/multiaccount-go/multiaccount/internal/htmltest"
	"github.com/multiaccount-go/multiaccount/switcher"
)

// TestHostileProfilesStayText gives people every hostile name, address and avatar: the page keeps its elements and
// attributes, and shows the words as they are.
func TestHostileProfilesStayText(t *testing.T) {
	draw := func(t *testing.T, p switcher.Profile, state account.State) *htmltest.Element {
		m := several()
		m.State = state
		m.Accounts[1].Current = state != account.StateChoosing
		for i := range m.Accounts {
			m.Accounts[i].Profile = p
		}
		return parse(t, m)
	}
	for about, hostile := range htmltest.Hostile() {
		t.Run(about, func(t *testing.T) {
			want := strings.Join(strings.Fields(strings.ToValidUTF8(hostile, "\uFFFD")), " ")
			for _, state := range []account.State{account.StateMulti, account.StateChoosing} {
				harmless := draw(t, switcher.Profile{Name: "Alice", Email: "alice@example.com"}, state)
				got := draw(t, switcher.Profile{Name: hostile, Email: hostile, AvatarURL: hostile}, state)
				if got.Shape() != harmless.Shape() {
					t.Fatalf("%s: got elements\n%s\nwant those of a harmless name\n%s", state, got.Shape(), harmless.Shape())
				}
				for _, part := range []string{"name", "email"} {
					for _, e := range got.With("data-accounts-part", part) {
						if e.Text() != want {
							t.Errorf("%s: %s shows %q, want %q", state, part, e.Text(), want)
						}
					}
				}
			}
		})
	}
}

func TestHostileStampAndReturnPathStayValues(t *testing.T) {
	harmless := parse(t, several())
	for about, hostile := range htmltest.Hostile() {
		t.Run(about, func(t *testing.T) {
			m := several()
			m.Stamp, m.ReturnTo = hostile, hostile
			m.Accounts[0].ID, m.Accounts[0].Membership = hostile, hostile
			got := parse(t, m)
			if got.Shape() != harmless.Shape() {
				t.Errorf("got elements\n%s\nwant\n%s", got.Shape(), harmless.Shape())
			}
			if value := got.With("name", "_stamp")[0].Attr["value"]; value != hostile {
				t.Errorf("got stamp %q, want %q", value, hostile)
			}
		})
	}
}

func TestAvatars(t *testing.T) {
	tests := []struct {
		about, url string
		shown      bool
	}{
		{"https", "https://images.example.com/a.png?s=32", true},
		{"a path on this site", "/avatars/a.png", true},
		{"none", "", false},
		{"plain http", "http://images.example.com/a.png", false},
		{"javascript", "javascript:alert(1)", false},
		{"javascript in capitals", "JavaScript:alert(1)", false},
		{"javascript behind a space", " javascript:alert(1)", false},
		{"data", "data:image/svg+xml,<svg onload=alert(1)>", false},
		{"another site without a scheme", "//evil.test/a.png", false},
		{"another site by backslash", `/\evil.test/a.png`, false},
		{"another site by tab", "/\t/evil.test/a.png", false},
		{"https without a host", "https:a.png", false},
		{"a name and password", "https://user:pass@images.example.com/a.png", false},
		{"a path beside the page", "a.png", false},
	}
	for _, test := range tests {
		t.Run(test.about, func(t *testing.T) {
			m := several()
			m.Accounts = m.Accounts[:1]
			m.Accounts[0].Profile.AvatarURL = test.url
			root := parse(t, m)
			images, initials := root.Tags("img"), root.With("data-accounts-part", "initials")
			if (len(images) == 1) != test.shown || (len(initials) == 1) == test.shown {
				t.Fatalf("got %d images and %d initials, want the image: %v", len(images), len(initials), test.shown)
			}
			if !test.shown {
				if initials[0].Attr["aria-hidden"] != "true" {
					t.Error("initials are read out")
				}
				return
			}
			img := images[0]
			if img.Attr["src"] != test.url || img.Attr["loading"] != "lazy" ||
				img.Attr["referrerpolicy"] != "no-referrer" || img.Attr["alt"] != "" {
				t.Errorf("got image %v", img.Attr)
			}
		})
	}
}

// TestNothingThatAPolicyForbids: the markup holds under a strict Content Security Policy and leaves styling to the page.
func TestNothingThatAPolicyForbids(t *testing.T) {
	parse(t, several()).All(func(e *htmltest.Element) bool {
		if e.Tag == "script" || e.Tag == "style" {
			t.Errorf("there is a <%s>", e.Tag)
		}
		for name := range e.Attr {
			if name == "class" || name == "style" || name == "autofocus" || strings.HasPrefix(name, "on") ||
				strings.HasPrefix(name, "hx-on") {
				t.Errorf("<%s> has the attribute %s", e.Tag, name)
			}
		}
		return false
	})
}

func TestProfileLabelAndInitials(t *testing.T) {
	tests := []struct {
		about           string
		p               switcher.Profile
		label, initials string
	}{
		{"two words", switcher.Profile{Name: "Alice Liddell", Email: "a@example.com"}, "Alice Liddell", "AL"},
		{"three words", switcher.Profile{Name: "ana maría ñandú"}, "ana maría ñandú", "AÑ"},
		{"one word", switcher.Profile{Name: "Bob"}, "Bob", "B"},
		{"only an address", switcher.Profile{Email: "carol@example.com"}, "carol@example.com", "C"},
		{"only space", switcher.Profile{Name: " \n ", Email: "d@example.com"}, "d@example.com", "D"},
		{"nothing", switcher.Profile{}, "Account", "A"},
		{"signs only", switcher.Profile{Name: "***"}, "***", "?"},
		{"another script", switcher.Profile{Name: "李 小龍"}, "李 小龍", "李小"},
	}
	for _, test := range tests {
		t.Run(test.about, func(t *testing.T) {
			p := test.p.Clean()
			if p.Label() != test.label || p.Initials() != test.initials {
				t.Errorf("got %q and %q, want %q and %q", p.Label(), p.Initials(), test.label, test.initials)
			}
		})
	}
}
