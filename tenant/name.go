package tenant

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/mtibben/confusables"
	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// Name is the name of a tenant that has passed [ParseName]. The zero Name is none.
type Name struct {
	shown, key string
}

// String returns the name as people see it.
func (n Name) String() string { return n.shown }

// Key returns what names are compared by: two names with one key look alike to people.
func (n Name) Key() string { return n.key }

// Length of a name in characters.
const (
	MinName = 2
	MaxName = 64
)

// Codes of a [NameError].
const (
	NameBlank        = "blank"
	NameTooShort     = "too_short"
	NameTooLong      = "too_long"
	NameReserved     = "reserved"
	NameMixedScripts = "mixed_scripts"
	NameUnreadable   = "unreadable"
	NameNoLetter     = "no_letter"
)

// NameError says what is wrong with a name. Tell it beside the field.
type NameError struct {
	Code string // for programs, and for who shows a text of his own
	Text string // English, for people
}

func (e *NameError) Error() string { return "tenant: name: " + e.Code }

// NameRules says which names an app keeps for itself. The zero value keeps those of [ReservedNames].
type NameRules struct {
	// Reserved names are refused, and so is what looks like one of them or differs by spaces and punctuation only.
	// nil: ReservedNames. An empty list that is not nil: none.
	Reserved []string
}

// ReservedNames returns the names that people would take for the app itself or for those who run it.
func ReservedNames() []string {
	return []string{
		"abuse", "account", "accounts", "admin", "administrator", "api", "app", "assets", "auth", "billing", "blog", "cdn",
		"dashboard", "docs", "help", "host", "hostmaster", "info", "invitations", "link", "live", "localhost", "login", "logout",
		"mail", "moderator", "null", "oauth", "official", "owner", "postmaster", "public", "register", "registration", "root",
		"security", "session", "sign in", "sign out", "sign up", "static", "status", "support", "sysadmin", "system", "team",
		"tenant", "tenants", "undefined", "webmaster", "www",
	}
}

// ParseName is [NameRules.Parse] with the default rules.
func ParseName(typed string) (Name, error) { return NameRules{}.Parse(typed) }

// Parse cleans what somebody typed as the name of a tenant: characters without a width are dropped, and white space is one
// space. The error is a [*NameError].
//
// The key takes for the same what people cannot tell apart: case, width and compatibility forms (NFKC and full case
// folding, in no language), and after that the look-alikes of Unicode's UTS 39, which also are one within an alphabet: m is
// rn, 1 is l, 0 is o. A capital I for a small l is not seen: whoever wants it to be had to take Mail for Mall too.
// The key of a key is that key.
func (r NameRules) Parse(typed string) (Name, error) {
	if !utf8.ValidString(typed) || strings.ContainsFunc(typed, turnsText) {
		return Name{}, refuse(NameUnreadable)
	}
	if len(typed) > 64*MaxName { // before any work: no 64 characters have so many bytes, with all that is dropped
		return Name{}, refuse(NameTooLong)
	}
	shown := clean(norm.NFC.String(typed))
	length := utf8.RuneCountInString(shown)
	switch {
	case shown == "":
		return Name{}, refuse(NameBlank)
	case length > MaxName:
		return Name{}, refuse(NameTooLong)
	case strings.ContainsFunc(shown, isUnreadable) || pilesMarks(shown):
		return Name{}, refuse(NameUnreadable)
	case !strings.ContainsFunc(shown, isLetter):
		return Name{}, refuse(NameNoLetter)
	case length < MinName:
		return Name{}, refuse(NameTooShort)
	case mixesScripts(shown):
		return Name{}, refuse(NameMixedScripts)
	}
	key, ok := nameKey(shown)
	if !ok {
		return Name{}, refuse(NameUnreadable)
	}
	if r.reserves(key) {
		return Name{}, refuse(NameReserved)
	}
	return Name{shown: shown, key: key}, nil
}

func refuse(code string) error {
	return &NameError{Code: code, Text: map[string]string{
		NameBlank:        "Please enter a name.",
		NameTooShort:     fmt.Sprintf("Please use at least %d characters.", MinName),
		NameTooLong:      fmt.Sprintf("Please use at most %d characters.", MaxName),
		NameReserved:     "This name is kept for the site itself. Please choose another one.",
		NameMixedScripts: "Please use the letters of one alphabet only.",
		NameUnreadable:   "This name has characters that cannot be shown.",
		NameNoLetter:     "Please use at least one letter or digit.",
	}[code]}
}

func (r NameRules) reserves(key string) bool {
	reserved := r.Reserved
	if reserved == nil {
		reserved = ReservedNames()
	}
	bare := lettersOnly(key)
	return slices.ContainsFunc(reserved, func(name string) bool {
		k, _ := nameKey(clean(name))
		return bare == lettersOnly(k)
	})
}

func lettersOnly(s string) string {
	return strings.Map(func(r rune) rune {
		if isLetter(r) {
			return r
		}
		return -1
	}, s)
}

func isLetter(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }

// clean drops what takes no room and makes every white space one space.
func clean(s string) string { return strings.Join(strings.Fields(strings.Map(dropInvisible, s)), " ") }

// dropInvisible removes what takes no room: soft hyphens, zero-width characters, direction marks, variation selectors.
func dropInvisible(r rune) rune {
	if unicode.In(r, unicode.Cf, unicode.Variation_Selector, unicode.Other_Default_Ignorable_Code_Point) {
		return -1
	}
	return r
}

// turnsText reports whether a character makes the text around it run in another direction: a name with one would also turn
// what a page or an e-mail says beside it. Nobody types these by mistake, unlike the marks that dropInvisible drops.
func turnsText(r rune) bool { return r >= '\u202a' && r <= '\u202e' || r >= '\u2066' && r <= '\u2069' }

// isUnreadable reports whether a character means nothing to people, or something else on every machine.
func isUnreadable(r rune) bool {
	return r != ' ' && !unicode.IsGraphic(r) || r == unicode.ReplacementChar || unicode.Is(unicode.Co, r)
}

// pilesMarks reports whether a name has more combining marks in a row than any language writes, or begins with one, which
// would sit on the text before it.
func pilesMarks(name string) bool {
	const most = 4
	marks := most
	for _, r := range norm.NFD.String(name) {
		if !unicode.Is(unicode.Mn, r) && !unicode.Is(unicode.Me, r) {
			marks = 0
		} else if marks++; marks > most {
			return true
		}
	}
	return false
}

// nameKey folds a clean name until nothing changes any more, since folding can make something new to fold. false: that does
// not end.
func nameKey(name string) (string, bool) {
	for range 8 {
		folded := confusables.Skeleton(capitalsAlike(foldCase(name)))
		folded = clean(foldCase(folded))
		if folded == name {
			return name, true
		}
		name = folded
	}
	return "", false
}

// foldCase folds case, width, ligatures and invisible characters (NFKC_Casefold).
func foldCase(s string) string {
	return norm.NFKC.String(cases.Fold().String(strings.Map(dropInvisible, norm.NFKC.String(s))))
}

// capitalsAlike writes a small letter of another alphabet as a Latin one when only their capitals look alike, as Cyrillic в
// and b do: the case does not tell names apart, so both forms of a name have to be compared.
func capitalsAlike(folded string) string {
	return strings.Map(func(r rune) rune {
		if r < utf8.RuneSelf || unicode.Is(unicode.Latin, r) || isASCII(confusables.Skeleton(string(r))) {
			return r
		}
		if capital := confusables.Skeleton(string(unicode.ToUpper(r))); len(capital) == 1 && isASCII(capital) {
			return unicode.ToLower(rune(capital[0]))
		}
		return r
	}, folded)
}

func isASCII(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r >= utf8.RuneSelf })
}

// together are the alphabets that people write in one word beside Latin: Japanese, Chinese and Korean (UTS 39, 5.2).
var together = [][]string{{"Han", "Hiragana", "Katakana"}, {"Bopomofo", "Han"}, {"Han", "Hangul"}}

// looksLatin are the alphabets that have so many letters in common with Latin ones that beside them they deceive.
var looksLatin = []string{"Cherokee", "Coptic", "Cyrillic", "Greek"}

// mixesScripts reports whether a name is written in alphabets that do not belong together: more than one beside Latin, or
// one beside Latin whose letters look like Latin ones (UTS 39, moderately restrictive).
func mixesScripts(name string) bool {
	var latin bool
	var others []string
	for _, r := range name {
		switch script := scriptOf(r); {
		case script == "Latin":
			latin = true
		case script != "" && !slices.Contains(others, script):
			others = append(others, script)
		}
	}
	if len(others) < 2 {
		return latin && len(others) == 1 && slices.Contains(looksLatin, others[0])
	}
	return !slices.ContainsFunc(together, func(set []string) bool {
		return !slices.ContainsFunc(others, func(s string) bool { return !slices.Contains(set, s) })
	})
}

// scriptOf returns the alphabet of a character, or "" when it belongs to several.
func scriptOf(r rune) string {
	if r < utf8.RuneSelf {
		if unicode.IsLetter(r) {
			return "Latin"
		}
		return ""
	}
	for script, table := range unicode.Scripts {
		if unicode.Is(table, r) {
			if script == "Common" || script == "Inherited" {
				return ""
			}
			return script
		}
	}
	return ""
}
