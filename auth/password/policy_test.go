package password_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/multiaccount-go/multiaccount/auth/password"
)

// PW-03
func TestWhichPasswordsAreGoodEnough(t *testing.T) {
	words := []string{"alice.smith@example.com", "Acme Rockets", "Ed"}
	for sentence, c := range map[string]struct{ password, code string }{
		"empty":                                 {"", password.Blank},
		"seven characters":                      {"kq7xv9w", password.TooShort},
		"eight characters":                      {"kq7xv9wz", ""},
		"eight characters of two bytes":         {"éàüöñçßø", ""},
		"four characters of two bytes":          {"éàüö", password.TooShort},
		"4096 bytes":                            {strings.Repeat("kq7xv9wz", 512), ""},
		"4097 bytes":                            {strings.Repeat("kq7xv9wz", 512) + "a", password.TooLong},
		"a sentence":                            {"correct horse battery staple", ""},
		"spaces around":                         {"  kq7xv9w  ", ""},
		"letters only":                          {"vrmbtqlzpw", ""},
		"no rule asks for a digit":              {"the river was green", ""},
		"the most frequent one":                 {"password", password.Common},
		"in other case":                         {"PassWord", password.Common},
		"with what rules demand":                {"Password123!", password.Common},
		"with signs for letters":                {"P@ssw0rd!!", password.Common},
		"a frequent one as it is":               {"1q2w3e4r5t", password.Common},
		"a season and a year":                   {"Summer2026!", password.Common},
		"digits in a row":                       {"1234567890", password.Common},
		"digits and letters in a row":           {"12345678abc", password.Common},
		"a walk over the keyboard":              {"poiuytrewq", password.Common},
		"one character":                         {"aaaaaaaaaaaa", password.Common},
		"four characters again and again":       {"kq7xkq7xkq7xkq", password.Common},
		"five characters twice":                 {"kq7xvkq7xv", ""},
		"the address":                           {"alice.smith@example.com", password.Personal},
		"the local part and a year":             {"alice.smith2026", password.Personal},
		"a part of the local part, and digits":  {"Alice-9472", password.Personal},
		"the tenant, and a few characters":      {"acme rockets!!", password.Personal},
		"one word of the tenant, twice":         {"RocketsRockets", password.Personal},
		"the address, and a frequent one":       {"alicepassword", password.Personal},
		"the name of the app":                   {"multiaccount1", password.Personal},
		"a known word in a long sentence":       {"alice in the green river", ""},
		"a word of two characters may be there": {"Edward the bold", ""},
	} {
		t.Run(sentence, func(t *testing.T) {
			err := password.Policy{Words: []string{"Multiaccount"}}.Check(c.password, words...)
			var wrong *password.Error
			if errors.As(err, &wrong) != (c.code != "") || wrong != nil && (wrong.Code != c.code || wrong.Text == "") {
				t.Errorf("got %v, want %q", err, c.code)
			}
		})
	}
}

func TestAPolicyOfTheAppsOwn(t *testing.T) {
	p := password.Policy{Min: 15, Refuses: func(p string) bool { return p == "the river was green" }}
	for typed, code := range map[string]string{
		"fourteen chars": password.TooShort, "fifteen charss!": "", "the river was green": password.Common,
		"passwordpassword": "", // its own list, and no other
	} {
		err := p.Check(typed)
		var wrong *password.Error
		if errors.As(err, &wrong) != (code != "") || wrong != nil && wrong.Code != code {
			t.Errorf("%q: got %v, want %q", typed, err, code)
		}
	}
}

func FuzzCheckNeverPanics(f *testing.F) {
	f.Add("password", "alice@example.com")
	f.Add("\xff\xfe12345678", "\xff")
	f.Fuzz(func(t *testing.T, typed, word string) {
		first := password.Policy{}.Check(typed, word)
		if again := (password.Policy{}).Check(typed, word); (first == nil) != (again == nil) {
			t.Errorf("%q: %v, then %v", typed, first, again)
		}
	})
}
