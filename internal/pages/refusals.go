package pages

import (
	"html/template"
	"strconv"
	"strings"
	"time"

	"github.com/multiaccount-go/multiaccount/switcher"
)

// StalePage is shown instead of an effect when a form was drawn for another account than the one that is current now. The
// person decides how to go on; what they sent is never sent again.
type StalePage struct {
	Texts        Texts
	DrawnFor     *switcher.Profile // nil when that account is not in the session any more
	Current      *switcher.Profile // nil while the person has to choose
	SwitchBack   *Post             // makes DrawnFor current; nil when it cannot be switched to
	ContinuePath string            // draws the page anew for who is current, or leads to the choice; empty: no button
}

// Stale returns the body of the page.
func Stale(p StalePage) template.HTML { return execute("stale", p.clean()) }

func (p StalePage) clean() StalePage {
	p.DrawnFor, p.Current = clean(p.DrawnFor), clean(p.Current)
	return p
}

// Continue returns the form that leads to ContinuePath. The template calls it.
func (p StalePage) Continue() get { return newGet(p.ContinuePath) }

// RefusalPage says why something did not happen and how to go on.
type RefusalPage struct {
	Texts         Texts
	Title         string
	Message       string
	RetryAfter    time.Duration // rounded up to seconds; 0: nothing is said about trying again
	Actions       []Action      // further ways on, such as starting again
	ContinuePath  string        // empty: no link
	ContinueLabel string        // Default: Texts.Continue
}

// Action is a form with one button.
type Action struct {
	Label string
	Post  Post
}

// Refusal returns the body of the page.
func Refusal(p RefusalPage) template.HTML { return execute("refusal", p) }

// RefusalFragment returns the same as an alert to put into a page.
func RefusalFragment(p RefusalPage) template.HTML { return execute("refusal-fragment", p) }

// TryAgain says when to try again; empty: at no particular time. The template calls it.
func (p RefusalPage) TryAgain() string {
	seconds := int((p.RetryAfter + time.Second - 1) / time.Second)
	if seconds <= 0 {
		return ""
	}
	return strings.Replace(p.Texts.TryAgain, "%d", strconv.Itoa(seconds), 1)
}
