package auth

import "strings"

// Texts are what people read. An empty field keeps its English default; %s stands for a name.
type Texts struct {
	Lang string // of all texts, as in the lang attribute. Default: en

	// Problems says what is wrong with a field, by its name and the code, such as "email.taken", or by the code alone for a
	// form as a whole. Those of new passwords and of names of tenants have the codes of password.Error and tenant.NameError.
	Problems  map[string]string
	LookAgain string // above a form with mistakes

	SignInTitle       string
	SignInButton      string
	SignInAgain       string // with %s
	SignInReplaces    string // with %s
	AddInstead        string
	Adding            string // with %s
	AddingExpired     string // with %s
	AddingStartAgain  string
	AddingCancel      string
	NoAccountYet      string
	RegisterInstead   string
	RegistrationTitle string
	RegisterButton    string
	RegisteredAlready string
	SignInInstead     string

	EmailLabel           string
	PasswordLabel        string
	NewPasswordLabel     string
	PasswordHint         string // with %d, the characters that a password has at least
	ConfirmationLabel    string
	CurrentPasswordLabel string
	NameLabel            string
	AccountNameLabel     string

	ProfileTitle   string
	SaveButton     string
	PasswordTitle  string
	PasswordEffect string
	PasswordButton string
	DeleteTitle    string
	DeleteEffect   string
	DeleteButton   string

	ConfirmTitle       string
	ConfirmButton      string
	ConfirmEmailEffect string // with %s, the address
	ConfirmEmailButton string

	Registered          string // with %s
	Saved               string
	PasswordChanged     string
	PasswordChangedHere string // the other sessions could not be ended
	Deleted             string
	SentTitle           string
	Sent                string
	RefusedTitle        string
	LinkOver            string
	TakenMeanwhile      string
	OtherUser           string
	StoreUnavailable    string
}

func (t *Texts) setDefaults() {
	for field, text := range map[*string]string{
		&t.Lang:      "en",
		&t.LookAgain: "Please look at the fields again.",

		&t.SignInTitle:       "Sign in",
		&t.SignInButton:      "Sign in",
		&t.SignInAgain:       "Please sign in again as %s to go on.",
		&t.SignInReplaces:    "Signing in as somebody else ends the session of %s.",
		&t.AddInstead:        "Add an account instead",
		&t.Adding:            "Adding an account to the session of %s.",
		&t.AddingExpired:     "The time to add an account to the session of %s ran out.",
		&t.AddingStartAgain:  "Start again",
		&t.AddingCancel:      "Cancel",
		&t.NoAccountYet:      "No account yet?",
		&t.RegisterInstead:   "Register",
		&t.RegistrationTitle: "Register",
		&t.RegisterButton:    "Create account",
		&t.RegisteredAlready: "Registered already?",
		&t.SignInInstead:     "Sign in",

		&t.EmailLabel:           "E-mail",
		&t.PasswordLabel:        "Password",
		&t.NewPasswordLabel:     "New password",
		&t.PasswordHint:         "At least %d characters. A few words are easier to remember than a few signs.",
		&t.ConfirmationLabel:    "Password again",
		&t.CurrentPasswordLabel: "Current password",
		&t.NameLabel:            "Name",
		&t.AccountNameLabel:     "Account name",

		&t.ProfileTitle:   "Profile",
		&t.SaveButton:     "Save",
		&t.PasswordTitle:  "Password",
		&t.PasswordEffect: "This signs you out everywhere else.",
		&t.PasswordButton: "Change password",
		&t.DeleteTitle:    "Delete account",
		&t.DeleteEffect:   "Deletes your account, and what nobody else works in. This cannot be undone.",
		&t.DeleteButton:   "Delete my account for ever",

		&t.ConfirmTitle:       "Confirm your address",
		&t.ConfirmButton:      "Finish registration",
		&t.ConfirmEmailEffect: "Your address will be %s.",
		&t.ConfirmEmailButton: "Use this address",

		&t.Registered:          "Welcome! The account %s is ready.",
		&t.Saved:               "Saved.",
		&t.PasswordChanged:     "Your password is changed. You are signed out everywhere else.",
		&t.PasswordChangedHere: "Your password is changed. Other browsers could not be signed out: change it again later.",
		&t.Deleted:             "Your account is deleted.",
		&t.SentTitle:           "Look into your e-mail",
		&t.Sent:                "We have sent an e-mail to this address. Follow the link in it to go on.",
		&t.RefusedTitle:        "Not done",
		&t.LinkOver:            "This link is over: it was used, or is too old. Start again.",
		&t.TakenMeanwhile:      "Somebody was faster: the address or the name is taken by now. Sign in, or start again.",
		&t.OtherUser:           "This link is for another account. Sign in with that one and follow the link again.",
		&t.StoreUnavailable:    "We cannot look up accounts at the moment. Nothing was changed; try again in a few seconds.",
	} {
		orDefault(field, text)
	}
	problems := map[string]string{
		"wrong_credentials":              "The e-mail address or the password is not right.",
		"needs_invitation":               "Registration needs an invitation. Follow the link in yours.",
		"invitation_used":                "This invitation is not open any more: it was used or revoked, or is too old. Ask for another one.",
		"no_email":                       "Give your account an e-mail address first: you sign in with both.",
		"email.blank":                    "Please enter your e-mail address.",
		"email.invalid":                  "This does not look like an e-mail address.",
		"email.taken":                    "This e-mail address is registered already.",
		"email.other_address":            "The invitation is for another e-mail address.",
		"name.blank":                     "Please enter a name.",
		"name.too_long":                  "Please use at most 100 characters.",
		"name.unreadable":                "This name has characters that cannot be shown.",
		"account_name.taken":             "This account name is taken already, or one that looks like it.",
		"password.wrong":                 "This is not the password.",
		"password_confirmation.mismatch": "The two passwords are not the same.",
		"current_password.blank":         "Please enter your current password.",
		"current_password.wrong":         "This is not your current password.",
		"field.blank":                    "Please fill this in.", // of Config.Fields
		"field.unreadable":               "This has characters that cannot be shown.",
		"field.too_long":                 "This is too long.",
	}
	for key, text := range t.Problems { // the map is the app's: it stays as it is
		if text != "" {
			problems[key] = text
		}
	}
	t.Problems = problems
}

// about puts a name into a text.
func about(text, name string) string { return strings.Replace(text, "%s", name, 1) }
