package password

import (
	"cmp"
	_ "embed"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Limits of a [Policy].
const (
	DefaultMin = 8    // characters
	Max        = 4096 // bytes
)

// Policy says which passwords are good enough. There are no rules about kinds of characters: they make passwords worse. It
// is safe for concurrent use.
type Policy struct {
	// Min is how many characters a password has at least, and what is left of it without words that everybody knows.
	// Default: 8. 15 is better where nothing but the password protects an account.
	Min int
	// Words are known to everybody who attacks this app, such as its name.
	Words []string
	// Refuses reports whether a password is known to attackers: from a bigger list, or a service. Default: [IsCommon], which
	// knows the most frequent ones and what people make of them. It is called with what [Normal] gives.
	Refuses func(password string) bool
}

// Codes of an [Error].
const (
	Blank    = "blank"
	TooShort = "too_short"
	TooLong  = "too_long"
	Common   = "common"
	Personal = "personal"
)

// Error says what is wrong with a new password. Tell it beside the field.
type Error struct {
	Code string // for programs, and for who shows a text of his own
	Text string // English, for people
}

func (e *Error) Error() string { return "password: " + e.Code }

// min returns how many characters p asks for.
func (p Policy) min() int { return cmp.Or(p.Min, DefaultMin) }

// Check returns nil when a new password is good enough, else an [*Error]. words are what everybody knows who attacks this
// one account: its address, its name, that of its tenant. They may be part of a password, but do not count.
func (p Policy) Check(password string, words ...string) error {
	refuses := p.Refuses
	if refuses == nil {
		refuses = IsCommon
	}
	rest := without(password, slices.Concat(p.Words, words))
	switch {
	case password == "":
		return &Error{Blank, "Please choose a password."}
	case len(password) > Max:
		return &Error{TooLong, fmt.Sprintf("Please use at most %d characters.", Max)}
	case utf8.RuneCountInString(password) < p.min():
		return &Error{TooShort, fmt.Sprintf("Please use at least %d characters.", p.min())}
	case refuses(password):
		return &Error{Common, "This password is one of those that are tried first. Please choose another one."}
	case rest != fold(password) && (utf8.RuneCountInString(rest) < p.min() || refuses(rest)):
		return &Error{Personal, "This is too close to your address or your name. Please choose another password."}
	}
	return nil
}

// without returns a folded password without the words that everybody knows.
func without(password string, known []string) string {
	rest := fold(password)
	if len(password) > Max {
		return rest
	}
	var words []string
	for _, w := range known {
		words = append(words, fold(w))
		words = append(words, strings.FieldsFunc(fold(w), isNoWord)...)
	}
	slices.SortFunc(words, func(a, b string) int { return cmp.Compare(len(b), len(a)) }) // an address before its parts
	for _, w := range words {
		if utf8.RuneCountInString(w) > 2 {
			rest = strings.ReplaceAll(rest, w, "")
		}
	}
	return rest
}

func isNoWord(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }

func isNoLetter(r rune) bool { return !unicode.IsLetter(r) }

func fold(s string) string { return strings.ToLower(s) }

//go:embed common.txt
var commonText string

// common are the words that the most frequent passwords are made of.
var common = func() map[string]bool {
	words := map[string]bool{}
	for w := range strings.FieldsSeq(commonText) {
		words[w] = true
	}
	return words
}()

// IsCommon reports whether a password is one of those that are tried first: a frequent one, also with the usual digits and
// signs around it or in place of letters, one that repeats a few characters, or a walk over the keyboard or the alphabet.
func IsCommon(password string) bool {
	p := fold(password)
	bare := strings.TrimFunc(p, isNoLetter)
	plain := strings.TrimFunc(asLetters.Replace(strings.TrimRightFunc(p, isDecoration)), isNoLetter)
	return common[p] || common[bare] || common[plain] || repeats(p) || walks(p)
}

// isDecoration reports whether a character is one that people put behind a password because a rule demands it.
func isDecoration(r rune) bool {
	return unicode.IsDigit(r) || strings.ContainsRune("!?.,-_*#+&%=~ ", r)
}

// asLetters undoes what people write in place of letters.
var asLetters = strings.NewReplacer("@", "a", "4", "a", "3", "e", "1", "i", "!", "i", "0", "o", "$", "s", "5", "s", "7", "t", "+", "t")

// repeats reports whether a password is a few characters again and again.
func repeats(p string) bool {
	const longest = 4
	runes := []rune(p)
	for period := 1; period <= longest && 2*period <= len(runes); period++ {
		same := true
		for i := period; i < len(runes) && same; i++ {
			same = runes[i] == runes[i-period]
		}
		if same {
			return true
		}
	}
	return false
}

// rows are what fingers walk along.
var rows = []string{
	"abcdefghijklmnopqrstuvwxyz", "01234567890", "qwertyuiop", "asdfghjkl", "zxcvbnm", "qwertzuiop", "yxcvbnm",
	"azertyuiop", "qsdfghjklm", "wxcvbn",
	"1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik9ol0p", "qazwsxedcrfvtgbyhnujmikolp", "1q2w3e4r5t6y7u8i9o0p",
}

// walks reports whether a password consists of at most three walks along a row, forwards or backwards.
func walks(p string) bool {
	const most = 3
	for range most {
		n := walk(p)
		if n < 3 && n < len(p) {
			return false
		}
		if p = p[n:]; p == "" {
			return true
		}
	}
	return false
}

// walk returns how many characters at the beginning follow each other in a row.
func walk(p string) int {
	longest := 0
	for _, row := range rows {
		longest = max(longest, prefixIn(p, row), prefixIn(p, reversed(row)))
	}
	return longest
}

// prefixIn returns the length of the longest beginning of p that row contains.
func prefixIn(p, row string) int {
	n := min(len(p), len(row))
	for n > 0 && !strings.Contains(row, p[:n]) {
		n--
	}
	return n
}

func reversed(s string) string {
	b := []byte(s)
	slices.Reverse(b)
	return string(b)
}
