package tenant

import (
	"context"
	"errors"
	"html/template"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/multiaccount-go/multiaccount"
	"github.com/multiaccount-go/multiaccount/internal/answer"
	"github.com/multiaccount-go/multiaccount/switcher"
)

// entry is a tenant of the person in a JSON answer.
type entry struct {
	ID         string `json:"id"`
	Name       string `json:"name"` // empty: his private space
	Role       Role   `json:"role"`
	Status     Status `json:"status"`
	Current    bool   `json:"current"`
	Home       bool   `json:"home"`
	SwitchPath string `json:"switch_path,omitempty"` // not there: it is current, or nobody can work in it

	Label      string `json:"-"`
	StatusText string `json:"-"`
}

// entries returns the tenants of the person, and the one that he works in, which may be none.
func (t *Tenants) entries(c *fiber.Ctx) (all []entry, current *entry, err error) {
	memberships, err := t.memberships(c)
	if err != nil {
		return nil, nil, err
	}
	s, err := t.Scope(c)
	var r *multiaccount.Refusal
	if err != nil && !(errors.As(err, &r) && r.Code == CodeNoTenant) {
		return nil, nil, err
	}
	all = make([]entry, 0, len(memberships))
	for _, m := range memberships {
		e := entry{
			ID: m.Tenant.ID, Name: m.Tenant.Name, Role: m.Role, Status: m.Tenant.Status, Home: m.Home,
			Current: err == nil && m.Tenant.ID == s.Tenant.ID, Label: t.cfg.Texts.label(m.Tenant),
			StatusText: t.cfg.Texts.StatusOf[m.Tenant.Status],
		}
		if !e.Current && m.Tenant.IsActive() {
			e.SwitchPath = with(t.paths.Base+"/switch_to", m.Tenant.ID)
		}
		all = append(all, e)
	}
	for i := range all {
		if all[i].Current {
			current = &all[i]
		}
	}
	return all, current, nil
}

// list answers with the tenants of the person: the switcher for htmx, which puts it in the place of the former one, a page, or
// a document.
func (t *Tenants) list(c *fiber.Ctx) error {
	if answer.Of(c) == answer.HTMX && !drawsPage(c) {
		html, err := t.SwitcherHTML(c)
		if err != nil {
			return err
		}
		c.Type("html", "utf-8")
		return c.SendString(string(html))
	}
	if answer.Of(c) != answer.JSON {
		data, err := t.choices(c)
		if err != nil {
			return err
		}
		return t.draw(c, t.cfg.Texts.ListTitle, "list", data)
	}
	all, _, err := t.entries(c)
	if err != nil {
		return err
	}
	return c.JSON(fiber.Map{"tenants": all, "stamp": t.cfg.Accounts.Stamp(c)})
}

// SwitcherHTML returns the switcher of tenants, to stand beside the switcher of accounts: where the person works, and a
// button for each of his other tenants. It is unstyled, works without JavaScript, and refreshes itself by htmx when the
// session changes. It is empty for whoever is not signed in, or has nothing but a private space. Draw it before Head: see
// [Tenants.Scope].
func (t *Tenants) SwitcherHTML(c *fiber.Ctx) (template.HTML, error) {
	if t.cfg.Accounts.CurrentID(c) == "" {
		return "", nil
	}
	data, err := t.choices(c)
	if err != nil {
		return "", err
	}
	return execute("switcher", data)
}

// choices is what the templates about all tenants of the person get.
func (t *Tenants) choices(c *fiber.Ctx) (map[string]any, error) {
	all, current, err := t.entries(c)
	if err != nil {
		return nil, err
	}
	data := map[string]any{
		"Texts": t.cfg.Texts, "Path": t.paths.Base, "Current": "", "Tenants": []entry(nil),
		"Fields": switcher.Fields(t.cfg.Accounts.Stamp(c), t.cfg.Accounts.Switcher(c).ReturnTo),
	}
	if len(all) > 1 || len(all) == 1 && all[0].Name != "" {
		data["Tenants"] = all
		if current != nil {
			data["Current"] = current.Label
		}
	}
	if current != nil && current.Name != "" {
		data["MembersPath"] = t.paths.Base + "/members"
	}
	if t.cfg.Policy.Creates() {
		data["NewPath"] = t.paths.Base + "/new"
	}
	return data, nil
}

// management is what whoever asks may see and do in his tenant.
type management struct {
	tenant      Tenant
	role        Role
	you         string
	members     []memberRow
	invitations []Invitation // for admins
}

type memberRow struct {
	Membership
	person               Person
	mayChange, mayRemove bool
}

func (t *Tenants) management(c *fiber.Ctx, s Scope) (management, error) {
	all, people, err := t.fellows(c.UserContext(), s.Tenant.ID)
	if err != nil {
		return management{}, t.unavailable(err)
	}
	m := management{tenant: s.Tenant, role: s.Role, you: s.AccountID}
	for _, fellow := range all {
		over := s.Role.AtLeast(Admin) && s.Role.AtLeast(fellow.Role)
		m.members = append(m.members, memberRow{
			Membership: fellow, person: people[fellow.UserID], mayChange: over, mayRemove: over || fellow.UserID == s.AccountID,
		})
	}
	if s.Role.AtLeast(Admin) {
		if m.invitations, err = t.cfg.Store.Invitations(c.UserContext(), s.Tenant.ID, t.cfg.Now()); err != nil {
			return management{}, t.unavailable(err)
		}
	}
	return m, nil
}

// fellows returns the members of a tenant with what people see of them.
func (t *Tenants) fellows(ctx context.Context, tenantID string) ([]Membership, map[string]Person, error) {
	all, err := t.cfg.Store.Members(ctx, tenantID)
	if err != nil || len(all) == 0 {
		return nil, nil, err
	}
	ids := make([]string, len(all))
	for i, m := range all {
		ids[i] = m.UserID
	}
	people, err := t.cfg.People(ctx, ids...)
	return all, people, err
}

// document is the members page for programs.
func (m management) document(t *Tenants) fiber.Map {
	members := []fiber.Map{}
	for _, row := range m.members {
		members = append(members, fiber.Map{
			"id": row.UserID, "name": row.person.Name, "email": row.person.Email, "role": row.Role, "joined": row.Joined.UTC(),
			"you": row.UserID == m.you, "may_change": row.mayChange, "may_remove": row.mayRemove,
		})
	}
	document := fiber.Map{"tenant": t.document(m.tenant, true), "role": m.role, "members": members}
	if m.role.AtLeast(Admin) {
		open := []fiber.Map{}
		for _, i := range m.invitations {
			open = append(open, invitationDocument(i))
		}
		document["invitations"] = open
	}
	return document
}

func (t *Tenants) document(of Tenant, current bool) fiber.Map {
	return fiber.Map{"id": of.ID, "name": of.Name, "status": of.Status, "current": current}
}

func invitationDocument(i Invitation) fiber.Map {
	return fiber.Map{
		"id": i.ID, "email": i.Email, "role": i.Role, "created": i.Created.UTC().Format(time.RFC3339),
		"expires": i.Expires.UTC().Format(time.RFC3339),
	}
}
