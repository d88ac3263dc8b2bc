package users

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

const (
	minName = 2  // characters
	maxName = 64 // characters
)

// accountName cleans the name of a tenant and returns it as shown and as compared, or what is wrong with it.
func accountName(typed string) (shown, canonical, problem string) {
	if !utf8.ValidString(typed) {
		return "", "", "This name has characters that cannot be read."
	}
	shown = strings.Join(strings.Fields(norm.NFC.String(strings.Map(dropInvisible, typed))), " ")
	canonical = canonicalName(shown)
	switch length := utf8.RuneCountInString(shown); {
	case shown == "":
		return "", "", "Please enter a name for the account."
	case length < minName || length > maxName || utf8.RuneCountInString(canonical) > 4*maxName:
		return shown, canonical, fmt.Sprintf("Please use %d to %d characters.", minName, maxName)
	case strings.ContainsFunc(shown, unicode.IsControl):
		return shown, canonical, "This name has characters that cannot be shown."
	case !strings.ContainsFunc(shown, func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }):
		return shown, canonical, "Please use at least one letter or digit."
	case mixesLookAlikes(shown):
		return shown, canonical, "Please use the letters of one alphabet only."
	}
	return shown, canonical, ""
}

// canonicalName folds everything that people do not see as different: case, width, ligatures, invisible characters. It
// does so until nothing changes any more, since folding can make something new to fold.
func canonicalName(name string) string {
	fold := cases.Fold()
	for range 4 {
		folded := norm.NFKC.String(fold.String(strings.Map(dropInvisible, norm.NFKC.String(name))))
		folded = strings.Join(strings.Fields(folded), " ")
		if folded == name {
			break
		}
		name = folded
	}
	return name
}

// dropInvisible removes what takes no room: soft hyphens, zero-width characters, direction marks.
func dropInvisible(r rune) rune {
	if unicode.In(r, unicode.Cf, unicode.Variation_Selector, unicode.Other_Default_Ignorable_Code_Point) {
		return -1
	}
	return r
}

// mixesLookAlikes reports whether a name mixes the alphabets whose letters look the same, such as Latin a and Cyrillic а.
func mixesLookAlikes(name string) bool {
	alphabets := 0
	for _, table := range []*unicode.RangeTable{unicode.Latin, unicode.Cyrillic, unicode.Greek} {
		if strings.ContainsFunc(name, func(r rune) bool { return unicode.Is(table, r) }) {
			alphabets++
		}
	}
	return alphabets > 1
}
