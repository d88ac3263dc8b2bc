package apitoken

// Texts are what people read. An empty field keeps its English default; %d stands for a number.
type Texts struct {
	Lang string // of all texts, as in the lang attribute. Default: en

	Title          string
	None           string // there are no keys
	NameHeading    string
	CreatedHeading string
	ExpiresHeading string
	UsedHeading    string
	Never          string // used
	ActionsHeading string
	RevokeButton   string
	Revoked        string

	NewTitle    string
	NameLabel   string
	DaysLabel   string
	NewButton   string
	LookAgain   string
	InvalidName string
	InvalidDays string // with %d
	TooMany     string // with %d

	CreatedTitle string
	CreatedOnce  string
	KeyLabel     string
	Back         string

	NotFound         string
	StoreUnavailable string

	NoKey      string // for programs, as the next two
	InvalidKey string
	Ambiguous  string
}

func (t *Texts) setDefaults() {
	for field, text := range map[*string]string{
		&t.Lang:           "en",
		&t.Title:          "Keys for programs",
		&t.None:           "There are no keys.",
		&t.NameHeading:    "Name",
		&t.CreatedHeading: "Made",
		&t.ExpiresHeading: "Works until",
		&t.UsedHeading:    "Last used",
		&t.Never:          "never",
		&t.ActionsHeading: "What you can do",
		&t.RevokeButton:   "Revoke",
		&t.Revoked:        "The key does not work any more.",

		&t.NewTitle:    "Make a key",
		&t.NameLabel:   "What is it for?",
		&t.DaysLabel:   "For how many days does it work?",
		&t.NewButton:   "Make a key",
		&t.LookAgain:   "Please look at the fields again.",
		&t.InvalidName: "Please enter a name of up to 64 characters.",
		&t.InvalidDays: "Please enter a number from 1 to %d.",
		&t.TooMany:     "You have %d keys already. Revoke one that you do not need.",

		&t.CreatedTitle: "Your new key",
		&t.CreatedOnce:  "Copy the key now: nobody can show it to you again. Whoever has it can act as you.",
		&t.KeyLabel:     "Key",
		&t.Back:         "I have copied it",

		&t.NotFound:         "You have no such key.",
		&t.StoreUnavailable: "This is not possible at the moment. Nothing was changed; try again in a few seconds.",

		&t.NoKey:      "Send a key in the header Authorization: Bearer.",
		&t.InvalidKey: "This key does not work. It may have expired or been revoked.",
		&t.Ambiguous:  "Send one key and no session cookie, or use the pages.",
	} {
		orDefault(field, text)
	}
}
