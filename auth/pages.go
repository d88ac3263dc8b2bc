package auth

import (
	"bytes"
	"cmp"
	"embed"
	"errors"
	"fmt"
	"html/template"
	"io"
	"io/fs"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/gofiber/fiber/v2"

	"github.com/multiaccount-go/multiaccount"
	"github.com/multiaccount-go/multiaccount/auth/internal/way"
	"github.com/multiaccount-go/multiaccount/auth/password"
	"github.com/multiaccount-go/multiaccount/internal/answer"
	"github.com/multiaccount-go/multiaccount/switcher"
	"github.com/multiaccount-go/multiaccount/tenant"
)

//go:embed templates/*.html
var templateFiles embed.FS

// Templates returns the default templates, which Config.Templates replaces one by one.
func Templates() fs.FS {
	files, err := fs.Sub(templateFiles, "templates")
	if err != nil {
		panic(err) // the name above is right
	}
	return files
}

// View is what the templates get.
type View struct {
	Title string
	Texts Texts
	Paths Paths // as a browser sees them
	Form  Form  // of the page; on the profile that of name and address

	// On the sign-in and registration pages.
	Current string               // name of who is signed in already; empty when nobody is
	AddPath string               // page that asks before an account is added to that session; may be empty
	Adding  *multiaccount.Adding // nil: nobody asked to add an account
	Again   *multiaccount.Again  // nil: no account of the session has to sign in again
	Return  string               // query that leads to the other of the two pages and from there on; may be empty

	// On the profile.
	User     User
	Password Form
	Delete   Form

	Parts   []template.HTML // Config.OtherWays with SignInWays or without, or Config.ProfileParts
	Stamp   template.HTML   // hidden fields of further forms, such as that to cancel adding
	Message string          // on the page message.html
	Asks    string          // on the page confirm.html: what will happen; may be empty

	Flashes []multiaccount.Flash // messages of the last request, for the layout; in document.html
	Page    multiaccount.Page    // in document.html
}

// Form is a form, with what was typed and what is wrong with it.
type Form struct {
	Action  string        // where it posts to
	Hidden  template.HTML // hidden fields. Leave none of them out
	Problem string        // of the form as a whole; may be empty
	Inputs  []Input
	Button  string
}

// Input is one field.
type Input struct {
	ID, Name, Label, Type, Value string
	Autocomplete                 string
	Hint, Problem                string // may be empty
	Required, Autofocus          bool
	MinLength, MaxLength         int // 0: none
}

// Input returns a field by its name, for markup of the app's own.
func (f Form) Input(name string) Input {
	for _, i := range f.Inputs {
		if i.Name == name {
			return i
		}
	}
	return Input{}
}

// DescribedBy returns the ids of what is said about a field, for its attribute aria-describedby; may be empty.
func (i Input) DescribedBy() string {
	var ids []string
	if i.Problem != "" {
		ids = append(ids, i.ID+"-problem")
	}
	if i.Hint != "" {
		ids = append(ids, i.ID+"-hint")
	}
	return strings.Join(ids, " ")
}

// pageNames are the templates that a page begins with.
var pageNames = []string{"sign_in.html", "registration.html", "profile.html", "confirm.html", "message.html", "document.html"}

// parseTemplates reads the defaults, and over them what the app has.
func parseTemplates(own fs.FS) (*template.Template, error) {
	t, err := template.New("auth").Funcs(template.FuncMap{"say": switcher.NewPhrase}).ParseFS(Templates(), "*.html")
	if err != nil || own == nil {
		return t, err
	}
	names, err := fs.Glob(own, "*.html")
	if err == nil && len(names) == 0 {
		err = errors.New("field Templates has no file that ends in .html: name the folder that they are in")
	}
	if err == nil {
		err = way.CheckNames(own, append(slices.Clone(pageNames), "parts.html"))
	}
	for _, name := range names {
		text, errRead := fs.ReadFile(own, name)
		if errRead == nil {
			_, errRead = t.New(path.Base(name)).Parse(string(text))
		}
		if errRead != nil {
			err = errors.Join(err, fmt.Errorf("field Templates: %w", errRead))
		}
	}
	return t, err
}

// tryTemplates draws every page once, so that a mistake in a template is one in the configuration.
func (a *Auth) tryTemplates() error {
	var errs []error
	form := Form{Action: "/", Problem: "problem", Button: "button", Inputs: []Input{
		{ID: "id", Name: FieldEmail, Problem: "problem", Hint: "hint"},
	}}
	for _, name := range pageNames {
		v := View{
			Title: "title", Texts: a.cfg.Texts, Paths: a.paths, Form: form, Password: form, Delete: form, Current: "name",
			AddPath: "/", Adding: &multiaccount.Adding{}, Again: &multiaccount.Again{}, Return: "?a=b", Message: "message",
			Asks: "text", Parts: []template.HTML{""},
			Flashes: []multiaccount.Flash{{}},
		}
		if err := a.templates.ExecuteTemplate(io.Discard, name, v); err != nil {
			errs = append(errs, fmt.Errorf("field Templates: %w", err))
		}
	}
	return errors.Join(errs...)
}

// draw answers with a page, or htmx with what goes into one. The status is the one that the answer has.
func (a *Auth) draw(c *fiber.Ctx, name string, v View) error {
	v.Texts, v.Paths = a.cfg.Texts, a.paths
	v.Stamp = a.cfg.Accounts.StampField(c)
	body, err := a.execute(name, v)
	if err != nil {
		return err
	}
	if answer.IsPart(c) {
		c.Type("html", "utf-8")
		return c.SendString(string(body))
	}
	page := multiaccount.Page{
		Status: c.Response().StatusCode(), Lang: a.cfg.Texts.Lang, Title: v.Title, Head: a.cfg.Accounts.Head(c), Body: body,
	}
	if a.cfg.Layout != nil {
		return a.cfg.Layout(c, page)
	}
	v.Page, v.Flashes = page, a.cfg.Accounts.Flashes(c)
	document, err := a.execute("document.html", v)
	if err != nil {
		return err
	}
	c.Type("html", "utf-8")
	return c.SendString(string(document))
}

// execute draws a template into memory first: an error is never half a page.
func (a *Auth) execute(name string, v View) (template.HTML, error) {
	var b bytes.Buffer
	if err := a.templates.ExecuteTemplate(&b, name, v); err != nil {
		return "", fmt.Errorf("auth: drawing %s: %w", name, err)
	}
	return template.HTML(b.String()), nil
}

// form fills in what is wrong, and puts the cursor where the person goes on: to the first field that is wrong, else to the
// first that is empty.
func (a *Auth) form(f Form, wrong Problems) Form {
	f.Problem = wrong[""].Text
	first := -1
	for i := range f.Inputs {
		in := &f.Inputs[i]
		in.ID = strings.NewReplacer("[", "-", "]", "").Replace(in.Name)
		in.Type = cmp.Or(in.Type, "text")
		in.Problem = wrong[in.Name].Text
		if in.Problem != "" && (first < 0 || f.Inputs[first].Problem == "") || in.Value == "" && first < 0 {
			first = i
		}
	}
	if f.Problem == "" && first >= 0 && f.Inputs[first].Problem != "" {
		f.Problem = a.cfg.Texts.LookAgain
	}
	if first >= 0 {
		f.Inputs[first].Autofocus = true
	}
	return f
}

func (a *Auth) emailInput(value string) Input {
	return Input{Name: FieldEmail, Label: a.cfg.Texts.EmailLabel, Type: "email", Value: value, Autocomplete: "username",
		Required: true, MaxLength: maxEmail}
}

// passwordInput is the field of a password that is known already.
func passwordInput(name, label string) Input {
	return Input{Name: name, Label: label, Type: "password", Autocomplete: "current-password", Required: true}
}

// newPasswordInputs are the two fields of a new password, which never come back.
func (a *Auth) newPasswordInputs(label string) []Input {
	least := cmp.Or(a.cfg.Passwords.Min, password.DefaultMin)
	return []Input{
		{Name: FieldPassword, Label: label, Type: "password", Autocomplete: "new-password", Required: true, MinLength: least,
			Hint: strings.Replace(a.cfg.Texts.PasswordHint, "%d", strconv.Itoa(least), 1)},
		{Name: FieldConfirmation, Label: a.cfg.Texts.ConfirmationLabel, Type: "password", Autocomplete: "new-password",
			Required: true},
	}
}

// entrance is what the sign-in and registration pages have in common.
func (a *Auth) entrance(c *fiber.Ctx, title string) View {
	v := View{Title: title, Return: onward(c)}
	m := a.cfg.Accounts.Switcher(c)
	for _, account := range m.Accounts {
		if account.Current {
			v.Current, v.AddPath = account.Profile.Label(), m.AddPath
		}
	}
	if adding, ok := a.cfg.Accounts.Adding(c); ok {
		v.Adding = &adding
	}
	if again, ok := a.cfg.Accounts.Again(c); ok {
		v.Again = &again
	}
	return v
}

const (
	fieldReturn = "request_path" // the plugin's, which checks it before it leads there
	maxReturn   = 2048           // bytes, as in the plugin
)

// named returns what a request says in a field, or in its query.
func named(c *fiber.Ctx, name string) string { return cmp.Or(answer.Read(c).Text(name), c.Query(name)) }

// onward returns the query that takes to the other page where to go on from there. That page checks it.
func onward(c *fiber.Ctx) string {
	query := url.Values{}
	for _, name := range []string{fieldReturn, FieldInvitation} {
		if value := named(c, name); value != "" {
			query.Set(name, value)
		}
	}
	if len(query) == 0 {
		return ""
	}
	return "?" + query.Encode()
}

// parts draws what the app adds to a page.
func parts(c *fiber.Ctx, draw []func(*fiber.Ctx) (template.HTML, error)) ([]template.HTML, error) {
	var all []template.HTML
	for _, part := range draw {
		html, err := part(c)
		if err != nil {
			return nil, err
		}
		all = append(all, html)
	}
	return all, nil
}

func (a *Auth) drawSignIn(c *fiber.Ctx, email string, wrong Problems) error {
	v := a.entrance(c, a.cfg.Texts.SignInTitle)
	var err error
	if v.Parts, err = parts(c, slices.Concat(a.cfg.OtherWays, a.cfg.SignInWays)); err != nil {
		return err
	}
	hidden := a.cfg.Accounts.ReturnField(c) + a.cfg.Accounts.IntentField(c)
	if v.Again != nil {
		hidden, email = hidden+v.Again.Field, cmp.Or(email, v.Again.Who.Email)
	}
	v.Form = a.form(Form{Action: a.paths.Session, Hidden: hidden, Button: a.cfg.Texts.SignInButton, Inputs: []Input{
		a.emailInput(email),
		passwordInput(FieldPassword, a.cfg.Texts.PasswordLabel),
	}}, wrong)
	return a.draw(c, "sign_in.html", v)
}

func (a *Auth) drawRegistration(c *fiber.Ctx, p answer.Body, invitation string, wrong Problems) error {
	t := a.cfg.Texts
	v := a.entrance(c, t.RegistrationTitle)
	var err error
	if v.Parts, err = parts(c, a.cfg.OtherWays); err != nil {
		return err
	}
	f := Form{Action: a.paths.Registration, Button: t.RegisterButton,
		Hidden: a.cfg.Accounts.ReturnField(c) + a.cfg.Accounts.IntentField(c) + switcher.Hidden(FieldInvitation, invitation)}
	if a.asksAccountName(invitation) {
		f.Inputs = append(f.Inputs, Input{Name: FieldAccountName, Label: t.AccountNameLabel, Value: p.Text(FieldAccountName),
			Autocomplete: "organization", Required: true, MinLength: tenant.MinName, MaxLength: tenant.MaxName})
	} else {
		f.Inputs = append(f.Inputs, Input{Name: FieldName, Label: t.NameLabel, Value: p.Text(FieldName), Autocomplete: "name",
			MaxLength: maxName})
	}
	f.Inputs = append(f.Inputs, a.emailInput(p.Text(FieldEmail)))
	for _, own := range a.cfg.Fields {
		f.Inputs = append(f.Inputs, Input{Name: own.Name, Label: own.Label, Type: own.Type, Value: p.Text(own.Name),
			Hint: own.Hint, Autocomplete: cmp.Or(own.Autocomplete, "off"), Required: own.Required, MaxLength: own.max()})
	}
	f.Inputs = append(f.Inputs, a.newPasswordInputs(t.PasswordLabel)...)
	v.Form = a.form(f, wrong)
	return a.draw(c, "registration.html", v)
}

// drawProfile draws the three forms of the profile. p and wrong are of the one that was sent.
func (a *Auth) drawProfile(c *fiber.Ctx, user User, hash string, p *answer.Body, wrong Problems) error {
	t := a.cfg.Texts
	stamp := a.cfg.Accounts.StampField(c)
	v := View{Title: t.ProfileTitle, User: user}
	var err error
	if v.Parts, err = parts(c, a.cfg.ProfileParts); err != nil {
		return err
	}
	name, email := user.Name, user.Email
	ofProfile, ofPassword := Problems{}, wrong
	if p != nil {
		ofProfile, ofPassword = wrong, Problems{}
		if p.Has(FieldName) {
			name = p.Text(FieldName)
		}
		if p.Has(FieldEmail) {
			email = p.Text(FieldEmail)
		}
	}
	v.Form = a.form(Form{Action: a.paths.Profile, Hidden: stamp, Button: t.SaveButton, Inputs: []Input{
		{Name: FieldName, Label: t.NameLabel, Value: name, Autocomplete: "name", Required: true, MaxLength: maxName},
		a.emailInput(email),
	}}, ofProfile)
	f := Form{Action: a.paths.Profile + "/password", Hidden: stamp, Button: t.PasswordButton}
	if hash != "" && (!a.cfg.Accounts.Recent(c, a.cfg.RecentSignIn) || wrong[FieldCurrentPassword].Code != "") {
		f.Inputs = append(f.Inputs, passwordInput(FieldCurrentPassword, t.CurrentPasswordLabel))
	}
	f.Inputs = append(f.Inputs, a.newPasswordInputs(t.NewPasswordLabel)...)
	v.Password = a.form(f, ofPassword)
	v.Delete = Form{Action: a.paths.Profile + "/delete", Hidden: stamp, Button: t.DeleteButton}
	for _, f := range []*Form{&v.Form, &v.Password} { // a page that shows something has the cursor nowhere, but for a mistake
		for i := range f.Inputs {
			f.Inputs[i].Autofocus = f.Inputs[i].Autofocus && f.Inputs[i].Problem != ""
		}
	}
	return a.draw(c, "profile.html", v)
}

func (a *Auth) drawConfirm(c *fiber.Ctx, t Token, wrong Problems) error {
	v := a.entrance(c, a.cfg.Texts.ConfirmTitle)
	f := Form{Action: a.paths.Confirm + "/" + strings.Clone(c.Params("secret"))}
	if t.Purpose == purposeEmail {
		f.Hidden, f.Button = a.cfg.Accounts.StampField(c), a.cfg.Texts.ConfirmEmailButton
		v.Asks = about(a.cfg.Texts.ConfirmEmailEffect, t.Data)
	} else {
		who, err := applicantOf(t)
		if err != nil {
			return a.failed(err)
		}
		f.Hidden = a.cfg.Accounts.IntentField(c) + switcher.Hidden(fieldReturn, who.Return)
		f.Button = a.cfg.Texts.ConfirmButton
		f.Inputs = []Input{passwordInput(FieldPassword, a.cfg.Texts.PasswordLabel)}
	}
	v.Form = a.form(f, wrong)
	return a.draw(c, "confirm.html", v)
}

// drawMessage draws a page that says one thing.
func (a *Auth) drawMessage(c *fiber.Ctx, status int, title, text string) error {
	c.Status(status)
	return a.draw(c, "message.html", View{Title: title, Message: text})
}
