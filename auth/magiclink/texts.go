package magiclink

// Texts are what people read. An empty field keeps its English default; %s stands for a person.
type Texts struct {
	Lang string // of all texts, as in the lang attribute. Default: en

	NewTitle     string
	EmailLabel   string
	NewButton    string
	LookAgain    string
	InvalidEmail string

	SentTitle string
	Sent      string
	AskAgain  string

	LinkTitle  string
	LinkAs     string // with %s
	AddedTo    string // with %s, whose session the account is added to
	LinkButton string

	LinkOver         string
	OtherBrowser     string
	Busy             string
	StoreUnavailable string
}

func (t *Texts) setDefaults() {
	for field, text := range map[*string]string{
		&t.Lang:         "en",
		&t.NewTitle:     "Sign in by e-mail",
		&t.EmailLabel:   "E-mail address",
		&t.NewButton:    "Send me a link",
		&t.LookAgain:    "Please look at the fields again.",
		&t.InvalidEmail: "Please enter an e-mail address.",

		&t.SentTitle: "Look into your e-mail",
		&t.Sent: "If there is an account with this address, an e-mail with a link is on its way. Open the link in this browser; " +
			"it works once and not for long.",
		&t.AskAgain: "Ask for another link",

		&t.LinkTitle:  "Sign in",
		&t.LinkAs:     "You will sign in as %s.",
		&t.AddedTo:    "The account is added to the session of %s.",
		&t.LinkButton: "Sign in",

		&t.LinkOver:         "This link was used, or is too old. Ask for another one.",
		&t.OtherBrowser:     "This link works only in the browser in which it was asked for. Open it there, or ask for one here.",
		&t.Busy:             "We cannot send a link at the moment. Try again in a few seconds.",
		&t.StoreUnavailable: "We cannot look up your account at the moment. Nothing was changed; try again in a few seconds.",
	} {
		orDefault(field, text)
	}
}
