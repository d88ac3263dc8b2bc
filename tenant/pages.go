package tenant

import (
	"bytes"
	"cmp"
	"embed"
	"html/template"
	"net/url"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/multiaccount-go/multiaccount"
	"github.com/multiaccount-go/multiaccount/internal/answer"
	"github.com/multiaccount-go/multiaccount/switcher"
)

//go:embed html/*.html
var files embed.FS

var templates = template.Must(template.New("tenant").Funcs(template.FuncMap{"say": switcher.NewPhrase}).ParseFS(files, "html/*.html"))

// SwitcherID is the id of the outermost element of [Tenants.SwitcherHTML].
const SwitcherID = "tenant-switcher"

// plainLayout is the layout of an app that has none.
func plainLayout(c *fiber.Ctx, page multiaccount.Page) error {
	html, err := execute("document", page)
	if err != nil {
		return err
	}
	c.Type("html", "utf-8")
	return c.Status(page.Status).SendString(string(html))
}

func execute(name string, data any) (template.HTML, error) {
	var b bytes.Buffer
	if err := templates.ExecuteTemplate(&b, name, data); err != nil {
		return "", err
	}
	return template.HTML(b.String()), nil
}

// draw answers with a page, or htmx with its body alone. The status is the one that the answer has.
func (t *Tenants) draw(c *fiber.Ctx, title, name string, data any) error {
	body, err := execute(name, data)
	if err != nil {
		return err
	}
	if answer.Of(c) == answer.HTMX && !drawsPage(c) {
		c.Type("html", "utf-8")
		return c.SendString(string(body))
	}
	return t.cfg.Layout(c, multiaccount.Page{
		Status: c.Response().StatusCode(), Lang: t.cfg.Texts.Lang, Title: title, Head: t.cfg.Accounts.Head(c), Body: body,
	})
}

// form is what a page shows again after a mistake.
type form struct {
	Wrong       problems
	Summary     string
	AccountName string
	Email       string
	Role        Role
}

// input is a field as a template draws it.
type input struct{ ID, Name, Label, Value, Text string }

// role is an option of a choice.
type roleOption struct {
	Role   Role
	Text   string
	Chosen bool
}

func (t *Tenants) roles(upTo, chosen Role) []roleOption {
	var options []roleOption
	for _, r := range []Role{Member, Admin, Owner} {
		if upTo.AtLeast(r) {
			options = append(options, roleOption{r, t.cfg.Texts.RolesOf[r], r == chosen})
		}
	}
	return options
}

func (t *Tenants) summary(f form) form {
	if len(f.Wrong) > 0 {
		f.Summary = t.cfg.Texts.LookAgain
	}
	return f
}

// newPage has the form for another tenant.
func (t *Tenants) newPage(c *fiber.Ctx) error {
	if !t.cfg.Policy.Creates() {
		return t.notFound()
	}
	return t.drawNew(c, "", nil)
}

func (t *Tenants) drawNew(c *fiber.Ctx, typed string, wrong problems) error {
	texts := t.cfg.Texts
	return t.draw(c, texts.NewTitle, "new", map[string]any{
		"Texts": texts, "Form": t.summary(form{Wrong: wrong}), "Path": t.paths.Base,
		"Fields": switcher.Fields(t.cfg.Accounts.Stamp(c), ""), // a new tenant is no matter of the one he works in
		"Name":   input{"account-name", NameField, texts.NameLabel, typed, wrong[NameField].Text},
	})
}

// memberView is a member as the page shows him.
type memberView struct {
	Person
	Label, RoleText      string
	You                  bool
	RolePath, RemovePath string // empty: not for whoever asks
	Roles                []roleOption
}

type invitationRow struct {
	Invitation
	RoleText, ExpiresAt, ExpiresText, RevokePath string
}

// membersPage shows who belongs to the tenant, and what whoever asks may do about it.
func (t *Tenants) membersPage(c *fiber.Ctx, s Scope) error {
	if answer.Of(c) != answer.JSON {
		return t.drawMembers(c, s, form{})
	}
	m, err := t.management(c, s)
	if err != nil {
		return err
	}
	return c.JSON(m.document(t))
}

func (t *Tenants) drawMembers(c *fiber.Ctx, s Scope, f form) error {
	m, err := t.management(c, s)
	if err != nil {
		return err
	}
	texts := t.cfg.Texts
	data := map[string]any{
		"Texts": texts, "Tenant": s.Tenant, "Form": t.summary(f), "Fields": t.StampField(c), "Roles": t.roles(s.Role, cmp.Or(f.Role, Member)),
		"Email": input{ID: "invite-email", Text: f.Wrong["email"].Text}, "Role": input{ID: "invite-role", Text: f.Wrong["role"].Text},
		"Confirmation": input{ID: "confirmation", Text: f.Wrong["confirmation"].Text},
		"Name":         input{"account-name", NameField, texts.NameLabel, cmp.Or(f.AccountName, s.Tenant.Name), f.Wrong[NameField].Text},
	}
	var members []memberView
	for _, row := range m.members {
		v := memberView{Person: row.person, Label: cmp.Or(row.person.Name, row.person.Email, texts.Unknown),
			RoleText: texts.RolesOf[row.Role], You: row.UserID == s.AccountID}
		if row.mayChange {
			v.RolePath, v.Roles = with(t.paths.Base+"/members", row.UserID)+"/role", t.roles(s.Role, row.Role)
		}
		if row.mayRemove {
			v.RemovePath = with(t.paths.Base+"/members", row.UserID) + "/remove"
		}
		members = append(members, v)
	}
	var open []invitationRow
	for _, i := range m.invitations {
		expires := i.Expires.UTC()
		open = append(open, invitationRow{i, texts.RolesOf[i.Role], expires.Format(time.RFC3339), expires.Format("2006-01-02 15:04 UTC"),
			with(t.paths.Base+"/invitations", i.ID) + "/revoke"})
	}
	data["Members"], data["Invitations"] = members, open
	if s.Role.AtLeast(Admin) && t.cfg.Invite != nil {
		data["InvitePath"] = t.paths.Base + "/invitations"
	}
	if s.Role.AtLeast(Owner) {
		data["RenamePath"], data["DeletePath"] = t.paths.Base+"/rename", t.paths.Base+"/delete"
	}
	return t.draw(c, texts.MembersTitle, "members", data)
}

// invitationView is what the page of an invitation shows.
type invitationView struct {
	Invitation Invitation
	Tenant     Tenant
	Path       string
	SignedIn   bool
	Who        Person
	Fits       bool
}

func (t *Tenants) drawInvitation(c *fiber.Ctx, v invitationView, secret Secret) error {
	texts := t.cfg.Texts
	if answer.Of(c) == answer.JSON {
		return c.JSON(fiber.Map{
			"tenant": fiber.Map{"name": texts.label(v.Tenant)}, "role": v.Invitation.Role, "expires": v.Invitation.Expires.UTC(),
			"signed_in": v.SignedIn, "for_you": v.Fits,
		})
	}
	data := map[string]any{
		"Texts": texts, "Label": texts.label(v.Tenant), "RoleText": texts.RolesOf[v.Invitation.Role], "Path": v.Path,
		"SignedIn": v.SignedIn, "Fits": v.Fits, "WhoLabel": cmp.Or(v.Who.Email, v.Who.Name, texts.Unknown),
		"Fields":     switcher.Fields(t.cfg.Accounts.Stamp(c), v.Path),
		"SignInPath": t.paths.SignIn + "?" + url.Values{"request_path": {v.Path}}.Encode(),
		// Registering accepts, so nothing leads back here: the invitation is closed by then.
		"RegisterPath": t.paths.Register + "?" + url.Values{InvitationField: {string(secret)}}.Encode(),
	}
	if add := t.cfg.Accounts.Switcher(c).AddPath; add != "" {
		data["AddPath"] = add + "?" + url.Values{switcher.ReturnField: {v.Path}}.Encode()
	}
	return t.draw(c, texts.InvitationTitle, "invitation", data)
}
