package switcher

import (
	"bytes"
	"context"
	"fmt"
	"html/template"
)

// Slots replace parts of the switcher. A nil field keeps the default. What a slot draws goes into the page as it is, so a
// component has to escape what it shows: html/template and templ do. A slot that returns nil draws nothing.
//
// An account's change has to be a POST form with [Item.Fields] in it, or it is refused.
type Slots struct {
	Account    func(Item) Component        // the inside of one list item. Default: [DefaultAccount]
	AddAccount func(url string) Component  // way to add an account; the URL leads back here afterwards
	SignIn     func(url string) Component  // way in, when there is no account
	SignOutAll func(path string) Component // a POST form to path, without fields
}

// withDefaults fills the empty slots.
func (s Slots) withDefaults(t Texts) Slots {
	if s.Account == nil {
		s.Account = DefaultAccount
	}
	if s.AddAccount == nil {
		s.AddAccount = func(url string) Component { return control("link", url, t.AddAccount) }
	}
	if s.SignIn == nil {
		s.SignIn = func(url string) Component { return control("link", url, t.SignIn) }
	}
	if s.SignOutAll == nil {
		s.SignOutAll = func(path string) Component { return control("sign-out-all", path, t.SignOutAll) }
	}
	return s
}

// DefaultAccount is the markup of an account when no slot replaces it. Slots may wrap it.
func DefaultAccount(i Item) Component {
	return part("account", struct {
		Item
		Switch, SignInAgain, SignOut Phrase
	}{
		i,
		NewPhrase(i.Texts.SwitchTo, ""), NewPhrase(i.Texts.SignInAgain, ""),
		NewPhrase(i.Texts.SignOut, i.Profile.Label()),
	})
}

func control(template, path, text string) Component {
	return part(template, struct{ Path, Text string }{path, text})
}

func part(name string, data any) Component {
	return whole(func(_ context.Context, b *bytes.Buffer) error { return templates.ExecuteTemplate(b, name, data) })
}

// drawn is the inside of a switcher after its slots ran.
type drawn struct {
	Accounts                []drawnAccount
	Add, SignIn, SignOutAll template.HTML
}

type drawnAccount struct {
	Account
	HTML template.HTML
}

// draw runs the slots of a prepared model.
func (s Slots) draw(ctx context.Context, m Model) (drawn, error) {
	var d drawn
	for _, a := range m.Accounts {
		html, err := draw(ctx, s.Account(Item{a, m.State, m.Stamp, m.ReturnTo, m.Texts}))
		if err != nil {
			return d, fmt.Errorf("switcher: slot of account %q: %w", a.ID, err)
		}
		d.Accounts = append(d.Accounts, drawnAccount{a, html})
	}
	signIn := m.SignInPath
	if len(m.Accounts) > 0 {
		signIn = ""
	}
	for _, c := range []struct {
		name string
		path string
		slot func(string) Component
		into *template.HTML
	}{
		{"AddAccount", m.addURL(), s.AddAccount, &d.Add},
		{"SignIn", signIn, s.SignIn, &d.SignIn},
		{"SignOutAll", m.SignOutAllPath, s.SignOutAll, &d.SignOutAll},
	} {
		if c.path == "" {
			continue
		}
		html, err := draw(ctx, c.slot(c.path))
		if err != nil {
			return d, fmt.Errorf("switcher: slot %s: %w", c.name, err)
		}
		*c.into = html
	}
	return d, nil
}
