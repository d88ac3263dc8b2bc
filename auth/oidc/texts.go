package oidc

import "strings"

// Texts are what people read. An empty field keeps its English default; %s stands for a provider or a person.
type Texts struct {
	Lang string // of all texts, as in the lang attribute. Default: en

	SignInWith string // with %s
	BeginTitle string // with %s
	LeaveTitle string // with %s
	LeaveLink  string
	NewTitle   string
	NewAs      string // with %s, the person
	NameLabel  string
	NewButton  string
	LookAgain  string
	NameTaken  string

	ConnectWith    string // with %s
	ConnectAnother string // with %s, where one account there is connected already
	Connected      string // with %s
	Disconnect     string // with %s
	Disconnected   string // with %s
	NotConnected   string // with %s
	LastWay        string // with %s

	NotFound         string
	Interrupted      string
	Declined         string // with %s
	Failed           string // with %s
	ProviderAway     string // with %s
	StoreUnavailable string
	Inactive         string
	OtherAccount     string
	EmailTaken       string // with %s
	IdentityTaken    string // with %s
	Unknown          string // with %s
	NoEmail          string // with %s
	NeedsInvitation  string
	InvitationClosed string
	OtherAddress     string
}

func (t *Texts) setDefaults() {
	for field, text := range map[*string]string{
		&t.Lang:       "en",
		&t.SignInWith: "Sign in with %s",
		&t.BeginTitle: "Sign in with %s",
		&t.LeaveTitle: "Going to %s",
		&t.LeaveLink:  "Continue",
		&t.NewTitle:   "One more thing",
		&t.NewAs:      "You are new here, as %s.",
		&t.NameLabel:  "Name of your account, such as your company’s",
		&t.NewButton:  "Register",
		&t.LookAgain:  "Please look at the fields again.",
		&t.NameTaken:  "This name is taken, or one that looks like it. Please choose another one.",

		&t.ConnectWith:    "Connect with %s",
		&t.ConnectAnother: "Connect another account of %s",
		&t.Connected:      "%s is connected. You can sign in with it now.",
		&t.Disconnect:     "Disconnect %s",
		&t.Disconnected:   "%s is disconnected. It does not sign you in any more.",
		&t.NotConnected:   "This account of %s is not connected with yours.",
		&t.LastWay:        "%s stays connected while you have no password. Choose one in your profile first; then disconnect it.",

		&t.NotFound: "There is no such way to sign in.",
		&t.Interrupted: "This answer belongs to no sign-in that was begun in this browser, or to one that was begun too long ago or " +
			"in another tab since. Nothing was changed; please begin again.",
		&t.Declined:         "%s did not sign you in. Nothing was changed.",
		&t.Failed:           "What %s answered could not be verified, so nobody was signed in. Please begin again.",
		&t.ProviderAway:     "%s cannot be reached at the moment. Nothing was changed; try again in a while, or sign in another way.",
		&t.StoreUnavailable: "We cannot look up your account at the moment. Nothing was changed; try again in a few seconds.",
		&t.Inactive:         "You cannot sign in with this account.",
		&t.OtherAccount:     "You use another account now than the one that was to be connected, so nothing was changed.",
		&t.EmailTaken: "There is an account with your e-mail address already. Sign in the way you know, and connect %s in your " +
			"profile; then you can sign in with it.",
		&t.IdentityTaken:    "Your account at %s is connected with another account here.",
		&t.Unknown:          "Nobody here has connected this account at %s. Sign in the way you know, and connect it in your profile.",
		&t.NoEmail:          "%s does not confirm your e-mail address. Confirm it there and come back, or register in another way.",
		&t.NeedsInvitation:  "To register you need an invitation. Open the link in it first.",
		&t.InvitationClosed: "This invitation was accepted or revoked, or is too old. Ask for another one.",
		&t.OtherAddress:     "This invitation is for another e-mail address.",
	} {
		orDefault(field, text)
	}
}

// about puts a name into a text.
func about(text, name string) string { return strings.Replace(text, "%s", name, 1) }
