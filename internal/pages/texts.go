package pages

import "cmp"

// Texts are the words of the pages. An empty field is its English default. In a text with a %s the account stands in its
// place; where it is missing the account follows the text. A title is what the document is called.
type Texts struct {
	Lang string // language of these texts, for the lang attribute. Default: en

	LinkTitle   string // Default: Add an account
	LinkHeading string // Default: Add an account to %s’s session
	// Default: You will sign in to the account that is to be added. %s stays signed in, and in this browser you can then
	// switch between the two without signing in again.
	LinkEffect string
	LinkButton string // Default: Continue to sign in
	Cancel     string // link back to where the person came from. Default: Cancel

	SwitchTitle   string // Default: Switch account
	SwitchHeading string // Default: Switch to %s?
	SignedInAs    string // Default: You are signed in as %s.
	NoCurrent     string // Default: No account is in use at the moment.
	SwitchEffect  string // Default: After the switch you act as %s, in every tab of this browser.
	SwitchButton  string // Default: Switch to %s

	ChooseTitle  string // also the heading. Default: Choose an account
	ChooseEffect string // follows NoCurrent. Default: Choose the one to go on with.

	StaleTitle   string // Default: Another account
	StaleHeading string // Default: This page belongs to another account
	OpenedAs     string // Default: The page was opened as %s.
	OpenedAsGone string // Default: The page was opened as an account that is not signed in here any more.
	CurrentlyAs  string // Default: You are now %s.
	NothingDone  string // Default: Nothing was done.
	SwitchBack   string // Default: Switch back to %s
	ContinueAs   string // Default: Continue as %s
	GoChoose     string // instead of ContinueAs, when no account is in use. Default: Choose an account

	NotSignedInTitle      string // Default: Not signed in
	SignInAgainTitle      string // Default: Sign in again
	BadOriginTitle        string // Default: Not from this site
	NotFoundTitle         string // Default: Not found
	StaleSessionTitle     string // Default: Account changed
	LinkLimitTitle        string // Default: No more accounts
	IntentExpiredTitle    string // Default: Time has run out
	RateLimitedTitle      string // Default: Too often
	StoreUnavailableTitle string // Default: Not available at the moment
	RefusedTitle          string // of refusals that the application makes. Default: Not done

	TryAgain     string // with %d, the seconds to wait. Default: Please try again in %d s.
	Continue     string // link to where the person came from. Default: Continue
	StartAgain   string // link to adding an account once more. Default: Start again
	CancelAdding string // Default: Cancel adding
}

// WithDefaults returns t without empty fields, which is what the functions of this package take. It is no method: the
// application sees the type.
func WithDefaults(t Texts) Texts {
	return Texts{
		Lang: cmp.Or(t.Lang, "en"),

		LinkTitle:   cmp.Or(t.LinkTitle, "Add an account"),
		LinkHeading: cmp.Or(t.LinkHeading, "Add an account to %s’s session"),
		LinkEffect: cmp.Or(t.LinkEffect, "You will sign in to the account that is to be added. %s stays signed in, "+
			"and in this browser you can then switch between the two without signing in again."),
		LinkButton: cmp.Or(t.LinkButton, "Continue to sign in"),
		Cancel:     cmp.Or(t.Cancel, "Cancel"),

		SwitchTitle:   cmp.Or(t.SwitchTitle, "Switch account"),
		SwitchHeading: cmp.Or(t.SwitchHeading, "Switch to %s?"),
		SignedInAs:    cmp.Or(t.SignedInAs, "You are signed in as %s."),
		NoCurrent:     cmp.Or(t.NoCurrent, "No account is in use at the moment."),
		SwitchEffect:  cmp.Or(t.SwitchEffect, "After the switch you act as %s, in every tab of this browser."),
		SwitchButton:  cmp.Or(t.SwitchButton, "Switch to %s"),

		ChooseTitle:  cmp.Or(t.ChooseTitle, "Choose an account"),
		ChooseEffect: cmp.Or(t.ChooseEffect, "Choose the one to go on with."),

		StaleTitle:   cmp.Or(t.StaleTitle, "Another account"),
		StaleHeading: cmp.Or(t.StaleHeading, "This page belongs to another account"),
		OpenedAs:     cmp.Or(t.OpenedAs, "The page was opened as %s."),
		OpenedAsGone: cmp.Or(t.OpenedAsGone, "The page was opened as an account that is not signed in here any more."),
		CurrentlyAs:  cmp.Or(t.CurrentlyAs, "You are now %s."),
		NothingDone:  cmp.Or(t.NothingDone, "Nothing was done."),
		SwitchBack:   cmp.Or(t.SwitchBack, "Switch back to %s"),
		ContinueAs:   cmp.Or(t.ContinueAs, "Continue as %s"),
		GoChoose:     cmp.Or(t.GoChoose, "Choose an account"),

		NotSignedInTitle:      cmp.Or(t.NotSignedInTitle, "Not signed in"),
		SignInAgainTitle:      cmp.Or(t.SignInAgainTitle, "Sign in again"),
		BadOriginTitle:        cmp.Or(t.BadOriginTitle, "Not from this site"),
		NotFoundTitle:         cmp.Or(t.NotFoundTitle, "Not found"),
		StaleSessionTitle:     cmp.Or(t.StaleSessionTitle, "Account changed"),
		LinkLimitTitle:        cmp.Or(t.LinkLimitTitle, "No more accounts"),
		IntentExpiredTitle:    cmp.Or(t.IntentExpiredTitle, "Time has run out"),
		RateLimitedTitle:      cmp.Or(t.RateLimitedTitle, "Too often"),
		StoreUnavailableTitle: cmp.Or(t.StoreUnavailableTitle, "Not available at the moment"),
		RefusedTitle:          cmp.Or(t.RefusedTitle, "Not done"),

		TryAgain:     cmp.Or(t.TryAgain, "Please try again in %d s."),
		Continue:     cmp.Or(t.Continue, "Continue"),
		StartAgain:   cmp.Or(t.StartAgain, "Start again"),
		CancelAdding: cmp.Or(t.CancelAdding, "Cancel adding"),
	}
}
