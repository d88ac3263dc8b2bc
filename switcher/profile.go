package switcher

import (
	"cmp"
	"net/url"
	"strings"
	"unicode"
)

// Profile is what people see of an account.
type Profile struct {
	Name      string
	Email     string
	AvatarURL string // https, or a path on this site; anything else is not shown
}

// Clean returns the profile as it can be shown: text is valid UTF-8 without space around it, and an avatar that is
// neither https nor a path on this site is left out. Slots get clean profiles.
func (p Profile) Clean() Profile {
	p.Name = cleanText(p.Name)
	p.Email = cleanText(p.Email)
	if !isAvatar(p.AvatarURL) {
		p.AvatarURL = ""
	}
	return p
}

func cleanText(s string) string {
	return strings.TrimSpace(strings.ToValidUTF8(s, string(unicode.ReplacementChar)))
}

func isAvatar(s string) bool {
	if isLocal(s) {
		return true
	}
	u, err := url.Parse(s)
	return err == nil && u.Scheme == "https" && u.Host != "" && u.User == nil
}

// Label returns what to call the account: the name, else the e-mail address, else the word Account.
func (p Profile) Label() string { return cmp.Or(p.Name, p.Email, "Account") }

// Initials returns one or two capitals that stand in for a missing avatar: of the first and the last word of the label.
func (p Profile) Initials() string {
	words := strings.FieldsFunc(p.Label(), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	if p.Name == "" && len(words) > 1 {
		words = words[:1] // the end of an e-mail address says nothing about the person
	}
	switch len(words) {
	case 0:
		return "?"
	case 1:
		return capital(words[0])
	}
	return capital(words[0]) + capital(words[len(words)-1])
}

func capital(word string) string {
	for _, r := range word {
		return string(unicode.ToUpper(r))
	}
	return ""
}
