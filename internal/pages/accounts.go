package pages

import (
	"bytes"
	"context"
	"html/template"

	"github.com/multiaccount-go/multiaccount/switcher"
)

// LinkPage asks whether to add an account to a session.
type LinkPage struct {
	Texts      Texts
	Primary    switcher.Profile // whose session it is
	Post       Post             // opens the link intent
	CancelPath string           // back to where the person came from; empty: no link
}

// Link returns the body of the page.
func Link(p LinkPage) template.HTML {
	p.Primary = p.Primary.Clean()
	return execute("link", p)
}

// SwitchPage asks whether to make another account current.
type SwitchPage struct {
	Texts      Texts
	From       *switcher.Profile // who is current; nil while the person has to choose
	To         switcher.Profile
	Post       Post   // the switch
	CancelPath string // back to where the person came from; empty: no link
}

// Switch returns the body of the page.
func Switch(p SwitchPage) template.HTML {
	p.From, p.To = clean(p.From), p.To.Clean()
	return execute("switch", p)
}

// ChoosePage is shown when no account is current. It lists the accounts of Model as the switcher does.
type ChoosePage struct {
	Texts Texts
	Model switcher.Model
	Slots switcher.Slots // draw with the context that Choose gets
}

// Choose returns the body of the page. It refuses what [switcher.Render] refuses, and returns the error of a slot. It does
// not repeat the id of the switcher, which the layout around it may show as well.
func Choose(ctx context.Context, p ChoosePage) (template.HTML, error) {
	var contents bytes.Buffer
	if err := switcher.Contents(p.Model, p.Slots).Render(ctx, &contents); err != nil {
		return "", err
	}
	return execute("choose", struct {
		Texts    Texts
		Contents template.HTML
	}{p.Texts, template.HTML(contents.String())}), nil
}

// clean is Profile.Clean for somebody who may be nobody.
func clean(p *switcher.Profile) *switcher.Profile {
	if p == nil {
		return nil
	}
	cleaned := p.Clean()
	return &cleaned
}
