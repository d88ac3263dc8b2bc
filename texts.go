package multiaccount

import (
	"cmp"
	"strconv"
	"strings"

	"github.com/multiaccount-go/multiaccount/internal/pages"
	"github.com/multiaccount-go/multiaccount/switcher"
)

// Texts are what people read. An empty field keeps its English default; %s stands for an account, %d for a number.
type Texts struct {
	NotSignedIn        string
	SignInAgain        string // the account is signed in, but proved who it is too long ago
	SignInRefused      string // the credential was right, but the user must not act
	BadOrigin          string
	NotFound           string
	StalePage          string
	StaleSession       string
	LinkLimit          string // with %d
	IntentExpired      string
	RateLimited        string
	TooManyTries       string // at signing in, from package attempts
	TriesUnavailable   string // nobody can sign in at the moment, from package attempts
	StoreUnavailable   string
	SignOutUnavailable string

	Linked        string // with %s
	AlreadyLinked string // with %s
	Switched      string // with %s
	SignedOut     string // with %s
	SignedOutAll  string

	Switcher switcher.Texts
	Pages    PageTexts
}

// PageTexts are the words of the plugin's own pages. An empty field keeps its English default.
type PageTexts = pages.Texts

func (t *Texts) setDefaults() {
	for field, text := range map[*string]string{
		&t.NotSignedIn:   "You are not signed in. Sign in to go on.",
		&t.SignInAgain:   "Sign in again to go on: it has been a while since you last did.",
		&t.SignInRefused: "You cannot sign in with this account.",
		&t.BadOrigin:     "This request did not come from a page of this site, so nothing was changed. Open the page here and try again.",
		&t.NotFound:      "There is no such account in this browser session.",
		&t.StalePage:     "This page was opened for another account than the one you use now, so nothing was changed. Reload the page.",
		&t.StaleSession:  "The account was changed in another tab at this moment, so nothing was changed here. Reload the page and try again.",
		&t.LinkLimit:     "No more than %d accounts can be added. Sign one of them out first.",
		&t.IntentExpired: "Adding an account was asked for too long ago, or has been done or cancelled since, so nobody was signed in. " +
			"Start again from the account menu, or cancel adding.",
		&t.RateLimited:      "That was too often in a short time. Wait a minute and try again.",
		&t.TooManyTries:     "That was tried too often in a short time. Wait a while and try again; whoever is signed in already stays so.",
		&t.TriesUnavailable: "This is not possible at the moment. Nothing was changed; try again in a few seconds.",
		&t.StoreUnavailable: "We cannot look up your session at the moment. You are still signed in; try again in a few seconds.",
		&t.SignOutUnavailable: "This browser is signed out. The server could not be told, so the session there ends with its " +
			"deadline. If you think that somebody copied it, sign in and out again later.",
		&t.Linked:        "%s was added. You use this account now.",
		&t.AlreadyLinked: "%s was here already. You use this account now.",
		&t.Switched:      "You are %s now.",
		&t.SignedOut:     "%s was signed out.",
		&t.SignedOutAll:  "You are signed out.",
	} {
		*field = cmp.Or(*field, text)
	}
	t.Pages = pages.WithDefaults(t.Pages)
}

// title returns the title of a refusal's page.
func (t *Texts) title(code string) string {
	titles := map[string]string{
		CodeNotSignedIn: t.Pages.NotSignedInTitle, CodeSignInAgain: t.Pages.SignInAgainTitle, CodeBadOrigin: t.Pages.BadOriginTitle, CodeNotFound: t.Pages.NotFoundTitle,
		CodeStalePage: t.Pages.StaleTitle, CodeStaleSession: t.Pages.StaleSessionTitle, CodeLinkLimit: t.Pages.LinkLimitTitle,
		CodeIntentExpired: t.Pages.IntentExpiredTitle, CodeRateLimited: t.Pages.RateLimitedTitle,
		CodeStoreUnavailable: t.Pages.StoreUnavailableTitle,
	}
	return cmp.Or(titles[code], t.Pages.RefusedTitle)
}

func (t *Texts) linkLimit(max int) string {
	return strings.Replace(t.LinkLimit, "%d", strconv.Itoa(max), 1)
}
func (t *Texts) linked(who Profile) string {
	return strings.Replace(t.Linked, "%s", who.Label(), 1)
}
func (t *Texts) alreadyLinked(who Profile) string {
	return strings.Replace(t.AlreadyLinked, "%s", who.Label(), 1)
}
func (t *Texts) switched(who Profile) string {
	return strings.Replace(t.Switched, "%s", who.Label(), 1)
}
func (t *Texts) signedOut(who Profile) string {
	return strings.Replace(t.SignedOut, "%s", who.Label(), 1)
}
