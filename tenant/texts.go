package tenant

import "strings"

// Texts are what people read. An empty field keeps its English default; %s stands for a name.
type Texts struct {
	Lang string // of all texts, as in the lang attribute. Default: en

	NotFound         string
	NotAllowed       string
	NoTenant         string
	NotMember        string // of ScopeFor
	StalePage        string
	StoreUnavailable string
	NotSent          string // the invitation could not be sent

	// Name says what is wrong with a name, by the codes of NameError.
	Name               map[string]string
	NameTaken          string
	LastOwner          string
	InvalidEmail       string
	InvalidRole        string
	AlreadyMember      string
	TooManyTenants     string
	TooManyInvitations string
	InvitationClosed   string
	OtherAddress       string
	LookAgain          string // above a form with mistakes
	WrongConfirmation  string

	Created  string // with %s
	Joined   string // with %s
	Left     string // with %s
	Deleted  string // with %s
	Invited  string // with %s, an address
	RolesOf  map[Role]string
	StatusOf map[Status]string

	ListTitle     string
	SwitcherLabel string // names the switcher to screen readers
	SwitcherNow   string // with %s
	SwitchTo      string // with %s
	CurrentMark   string
	Private       string // stands for the name of a private space
	Create        string

	NewTitle     string
	NameLabel    string
	CreateButton string

	MembersTitle      string
	MembersOf         string // with %s
	PersonHeading     string
	RoleHeading       string
	ActionsHeading    string
	You               string
	Unknown           string // a member whose user does not exist any more
	ChangeRole        string // with %s
	RoleFor           string // with %s
	RemoveButton      string // with %s
	LeaveButton       string // with %s
	InvitationsTitle  string
	ExpiresHeading    string
	RevokeButton      string // with %s
	InviteTitle       string
	EmailLabel        string
	RoleLabel         string
	InviteButton      string
	RenameTitle       string
	RenameButton      string
	DeleteTitle       string
	DeleteEffect      string
	ConfirmationLabel string // with %s
	DeleteButton      string

	InvitationTitle  string
	InvitationAsks   string // with %s
	InvitationRole   string // with %s
	InvitationAs     string // with %s
	AcceptButton     string // with %s
	InvitationSignIn string
	SignIn           string
	Register         string
	AddAccount       string
}

func (t *Texts) setDefaults() {
	for field, text := range map[*string]string{
		&t.Lang:             "en",
		&t.NotFound:         "There is no such page here, or it is not yours.",
		&t.NotAllowed:       "Your role does not allow this. Ask an owner.",
		&t.NoTenant:         "Nobody can work in your workspace at the moment: it is suspended. Ask whoever runs this site.",
		&t.NotMember:        "You do not belong to this workspace any more, or it is suspended.",
		&t.StalePage:        "This page was opened in another workspace than the one you work in now, so nothing was changed. Reload the page.",
		&t.StoreUnavailable: "We cannot look up your workspaces at the moment. Nothing was changed; try again in a few seconds.",
		&t.NotSent:          "The invitation could not be sent, so nobody was invited. Try again later.",

		&t.NameTaken:          "This name is taken, or one that looks like it. Please choose another one.",
		&t.LastOwner:          "There must be an owner. Make somebody else owner first.",
		&t.InvalidEmail:       "Please enter an e-mail address.",
		&t.InvalidRole:        "Please choose one of the roles.",
		&t.AlreadyMember:      "This person is a member already.",
		&t.TooManyTenants:     "You belong to as many workspaces as anybody may. Leave one first.",
		&t.TooManyInvitations: "Too many invitations are open. Revoke some first.",
		&t.InvitationClosed:   "This invitation is not open any more: it was used or revoked, or is too old. Ask for another one.",
		&t.OtherAddress:       "This invitation is for another e-mail address. Sign in with that one.",
		&t.LookAgain:          "Please look at the fields again.",
		&t.WrongConfirmation:  "This is not the name.",

		&t.Created: "%s was created.",
		&t.Joined:  "You belong to %s now.",
		&t.Left:    "You do not belong to %s any more.",
		&t.Deleted: "%s was deleted.",
		&t.Invited: "%s was invited.",

		&t.ListTitle:     "Workspaces",
		&t.SwitcherLabel: "Workspace you work in",
		&t.SwitcherNow:   "You work in %s",
		&t.SwitchTo:      "Work in %s",
		&t.CurrentMark:   "current",
		&t.Private:       "Private space",
		&t.Create:        "Create another workspace",

		&t.NewTitle:     "New workspace",
		&t.NameLabel:    "Name of the workspace",
		&t.CreateButton: "Create",

		&t.MembersTitle:      "Members",
		&t.MembersOf:         "Members of %s",
		&t.PersonHeading:     "Person",
		&t.RoleHeading:       "Role",
		&t.ActionsHeading:    "What you can do",
		&t.You:               "you",
		&t.Unknown:           "Unknown",
		&t.ChangeRole:        "Change role of %s",
		&t.RoleFor:           "Role of %s",
		&t.RemoveButton:      "Remove %s",
		&t.LeaveButton:       "Leave %s",
		&t.InvitationsTitle:  "Open invitations",
		&t.ExpiresHeading:    "Open until",
		&t.RevokeButton:      "Revoke invitation of %s",
		&t.InviteTitle:       "Invite somebody",
		&t.EmailLabel:        "E-mail address",
		&t.RoleLabel:         "Role",
		&t.InviteButton:      "Invite",
		&t.RenameTitle:       "Rename",
		&t.RenameButton:      "Rename",
		&t.DeleteTitle:       "Delete",
		&t.DeleteEffect:      "Deletes the workspace with all that it holds, and the members who belong to no other one. This cannot be undone.",
		&t.ConfirmationLabel: "Type %s to confirm",
		&t.DeleteButton:      "Delete for ever",

		&t.InvitationTitle:  "Invitation",
		&t.InvitationAsks:   "You are invited to %s",
		&t.InvitationRole:   "Your role will be: %s",
		&t.InvitationAs:     "You are signed in as %s",
		&t.AcceptButton:     "Join %s",
		&t.InvitationSignIn: "To accept, sign in with the e-mail address that the invitation was sent to, or register with it.",
		&t.SignIn:           "Sign in",
		&t.Register:         "Register",
		&t.AddAccount:       "Add another account",
	} {
		orDefault(field, text)
	}
	t.RolesOf = fill(t.RolesOf, map[Role]string{Owner: "owner", Admin: "admin", Member: "member"})
	t.StatusOf = fill(t.StatusOf, map[Status]string{Active: "active", Suspended: "suspended"})
}

// fill adds what a map of the app does not have. It leaves that map alone: it is the app's.
func fill[K comparable](own, defaults map[K]string) map[K]string {
	for key, text := range own {
		if text != "" {
			defaults[key] = text
		}
	}
	return defaults
}

// name says what is wrong with a name.
func (t *Texts) name(e *NameError) string {
	if text := t.Name[e.Code]; text != "" {
		return text
	}
	return e.Text
}

// label is what people see of a tenant.
func (t *Texts) label(tenant Tenant) string {
	if tenant.Name == "" {
		return t.Private
	}
	return tenant.Name
}

// about puts a name into a text.
func about(text, name string) string { return strings.Replace(text, "%s", name, 1) }
