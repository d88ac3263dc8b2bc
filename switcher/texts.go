package switcher

import (
	"cmp"
	"strings"
)

// Texts are the words of a switcher. An empty field is its English default. In a text with a %s the account stands in its
// place; where it is missing the account follows the text.
type Texts struct {
	Label       string // names the switcher to screen readers. Default: Accounts
	Current     string // Default: Signed in as %s
	Choose      string // nobody is current. Default: Choose an account
	Anonymous   string // nobody is signed in. Default: Not signed in
	SwitchTo    string // Default: Switch to %s
	SignInAgain string // Default: Sign in again as %s
	CurrentMark string // beside the current account. Default: current
	PrimaryMark string // beside the primary of several accounts. Default: primary
	Inactive    string // beside an account that cannot be used. Default: not available
	SignOut     string // Default: Sign out %s
	SignOutAll  string // Default: Sign out of all accounts
	AddAccount  string // Default: Add another account
	SignIn      string // Default: Sign in
}

func (t Texts) withDefaults() Texts {
	return Texts{
		Label:       cmp.Or(t.Label, "Accounts"),
		Current:     cmp.Or(t.Current, "Signed in as %s"),
		Choose:      cmp.Or(t.Choose, "Choose an account"),
		Anonymous:   cmp.Or(t.Anonymous, "Not signed in"),
		SwitchTo:    cmp.Or(t.SwitchTo, "Switch to %s"),
		SignInAgain: cmp.Or(t.SignInAgain, "Sign in again as %s"),
		CurrentMark: cmp.Or(t.CurrentMark, "current"),
		PrimaryMark: cmp.Or(t.PrimaryMark, "primary"),
		Inactive:    cmp.Or(t.Inactive, "not available"),
		SignOut:     cmp.Or(t.SignOut, "Sign out %s"),
		SignOutAll:  cmp.Or(t.SignOutAll, "Sign out of all accounts"),
		AddAccount:  cmp.Or(t.AddAccount, "Add another account"),
		SignIn:      cmp.Or(t.SignIn, "Sign in"),
	}
}

// Phrase is a text around an account, for slots that draw a text of [Texts] themselves. The account stays apart so that
// markup can isolate it with a bdi element: a name in another direction of writing, or with control characters for one,
// must not turn the words around it. Nothing in it is escaped yet.
type Phrase struct{ Before, Name, After string }

// NewPhrase cuts a text at its %s, where the account stands; without one the account follows the text.
func NewPhrase(text, name string) Phrase {
	before, after, found := strings.Cut(text, "%s")
	if !found {
		before += " "
	}
	return Phrase{before, name, after}
}
