package switcher

import (
	"cmp"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/multiaccount-go/multiaccount/account"
)

// Model is what a switcher shows. Its strings may hold anything: they are escaped when drawn. A path has to be a local one
// (it starts with a single slash); an empty path leaves its control out.
type Model struct {
	State    account.State
	Stamp    string    // says for whom the page is drawn; travels in every form
	ReturnTo string    // local path of the page the switcher is on, where a change leads back to
	Accounts []Account // in the order in which they are shown

	AccountsPath   string // GET: the switcher as a fragment. Empty: it does not refresh itself
	AddPath        string // GET: page that asks before an account is added
	SignInPath     string // GET: sign-in page, shown when there is no account
	SignOutAllPath string // POST

	Texts Texts
}

// Account is one account of a switcher.
type Account struct {
	ID          string // the application's id of the user
	Membership  string // names the account in this session
	Profile     Profile
	Current     bool           // acts now. Nobody is current while the person has to choose
	Primary     bool           // the one that the others are linked to; in a session of one, that one
	Status      account.Status // anything but active and signed_out is shown without a button
	SwitchPath  string         // POST: makes the account current, or leads to signing in again
	SignOutPath string         // POST: takes the account out of the session
}

// Item is what the slot of an account gets: the account and what a form about it needs.
type Item struct {
	Account
	State    account.State // of the session
	Stamp    string
	ReturnTo string
	Texts    Texts // without empty fields
}

// CanSwitch reports whether the account has a button that makes it current.
func (i Item) CanSwitch() bool {
	return !i.Current && i.Status == account.StatusActive && i.SwitchPath != ""
}

// MustSignIn reports whether the account has a button that leads to signing in again.
func (i Item) MustSignIn() bool {
	return !i.Current && i.Status == account.StatusSignedOut && i.SwitchPath != ""
}

// prepared returns a copy in which state and every text are there and every profile can be shown. It leaves m alone.
func (m Model) prepared() Model {
	m.State = cmp.Or(m.State, account.StateAnonymous)
	m.Texts = m.Texts.withDefaults()
	m.Accounts = slices.Clone(m.Accounts)
	for i := range m.Accounts {
		m.Accounts[i].Profile = m.Accounts[i].Profile.Clean()
	}
	return m
}

// check refuses paths that no router of ours can have made. Attributes of htmx are URLs that html/template does not know
// to be URLs, so a javascript: would go through.
func (m Model) check() error {
	paths := []string{m.AccountsPath, m.AddPath, m.SignInPath, m.SignOutAllPath}
	for _, a := range m.Accounts {
		paths = append(paths, a.SwitchPath, a.SignOutPath)
	}
	for _, p := range paths {
		if p != "" && !isLocal(p) {
			return fmt.Errorf("switcher: %q is not a local path", p)
		}
	}
	return nil
}

// isLocal reports whether a browser takes p for a path on this site. Browsers read a backslash as a slash and drop line
// breaks and tabs, so none of these may be there.
func isLocal(p string) bool {
	return strings.HasPrefix(p, "/") && !strings.HasPrefix(p, "//") && !strings.Contains(p, `\`) &&
		!strings.ContainsFunc(p, func(r rune) bool { return r < ' ' || r == 0x7f })
}

// summary says in one line who is current.
func (m Model) summary() Phrase {
	if i := slices.IndexFunc(m.Accounts, func(a Account) bool { return a.Current }); i >= 0 {
		return NewPhrase(m.Texts.Current, m.Accounts[i].Profile.Label())
	}
	if m.State == account.StateChoosing {
		return Phrase{Before: m.Texts.Choose}
	}
	return Phrase{Before: m.Texts.Anonymous}
}

// addURL is the way to the page that adds an account, and back.
func (m Model) addURL() string {
	if m.AddPath == "" || m.ReturnTo == "" {
		return m.AddPath
	}
	separator := "?"
	if strings.Contains(m.AddPath, "?") {
		separator = "&"
	}
	return m.AddPath + separator + ReturnField + "=" + url.QueryEscape(m.ReturnTo)
}
