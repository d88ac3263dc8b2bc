package sitetest

import (
	"net/http"
	"net/url"
)

// Document is the session as a program sees it.
type Document struct {
	V        int64
	State    string
	Stamp    string
	Current  *struct{ ID string }
	Primary  *struct{ ID string }
	AddPath  string `json:"add_path"`
	Accounts []Account
}

// Account is one account of a Document.
type Account struct {
	ID         string
	Membership string
	Current    bool
	Primary    bool
	Status     string
	Profile    struct{ Name, Email string }
	SwitchPath string `json:"switch_path"`
}

// CurrentEmail returns the e-mail of the account that acts, or "".
func (d Document) CurrentEmail() string {
	for _, a := range d.Accounts {
		if a.Current {
			return a.Profile.Email
		}
	}
	return ""
}

// Find returns the account with an e-mail address.
func (d Document) Find(email string) (Account, bool) {
	for _, a := range d.Accounts {
		if a.Profile.Email == email {
			return a, true
		}
	}
	return Account{}, false
}

// Document asks a node for the session.
func (v *Visitor) Document(n *Node) Document {
	v.t.Helper()
	return JSON[Document](v, n, "/link/accounts")
}

// Credentials are the fields of the sign-in form.
func Credentials(email string) url.Values {
	return url.Values{"email": {email}, "password": {Password}}
}

// SignIn signs in by the form and fails the test when that does not work.
func (v *Visitor) SignIn(n *Node, email string) {
	v.t.Helper()
	if a := v.Post(n, "/session", Credentials(email)); a.Status != http.StatusSeeOther {
		v.t.Fatalf("sitetest: sign in as %s: %d\n%s", email, a.Status, a.Body)
	}
	if got := v.Document(n).CurrentEmail(); got != email {
		v.t.Fatalf("sitetest: signed in as %s and is %q", email, got)
	}
}

// BeginAdding opens the link intent by the real page.
func (v *Visitor) BeginAdding(n *Node) Answer {
	v.t.Helper()
	path := v.Document(n).AddPath
	return v.Post(n, path, v.Form(v.Get(n, path), path))
}

// Add adds an account to the session by the real pages.
func (v *Visitor) Add(n *Node, email string) {
	v.t.Helper()
	if a := v.BeginAdding(n); a.Status != http.StatusSeeOther {
		v.t.Fatalf("sitetest: begin to add: %d\n%s", a.Status, a.Body)
	}
	v.SignIn(n, email)
}

// Switch makes an account current and fails the test when that does not work.
func (v *Visitor) Switch(n *Node, email string) {
	v.t.Helper()
	if a := v.TrySwitch(n, v.Document(n), email); a.Status != http.StatusSeeOther {
		v.t.Fatalf("sitetest: switch to %s: %d\n%s", email, a.Status, a.Body)
	}
}

// TrySwitch posts a switch from a page that shows d.
func (v *Visitor) TrySwitch(n *Node, d Document, email string) Answer {
	v.t.Helper()
	to, ok := d.Find(email)
	if !ok {
		v.t.Errorf("sitetest: %s is not in the session", email)
		return Answer{}
	}
	return v.Post(n, to.SwitchPath, url.Values{"_stamp": {d.Stamp}})
}

// Register creates a user by the form, and signs in as it.
func (v *Visitor) Register(n *Node, name, email string) {
	v.t.Helper()
	a := v.Post(n, "/registration", url.Values{
		"account_name": {name}, "email": {email}, "password": {Password}, "password_confirmation": {Password},
	})
	if a.Status != http.StatusSeeOther {
		v.t.Fatalf("sitetest: register %s: %d\n%s", email, a.Status, a.Body)
	}
}

// Notes returns the notes of the current account.
func (v *Visitor) Notes(n *Node) []string {
	v.t.Helper()
	got := JSON[struct{ Notes []struct{ Text string } }](v, n, "/notes")
	texts := []string{}
	for _, note := range got.Notes {
		texts = append(texts, note.Text)
	}
	return texts
}
