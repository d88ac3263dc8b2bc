package tenant_test

import (
	"errors"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/multiaccount-go/multiaccount/tenant"
)

func parse(t testing.TB, typed string) tenant.Name {
	t.Helper()
	n, err := tenant.ParseName(typed)
	if err != nil {
		t.Fatalf("%q: %v", typed, err)
	}
	return n
}

// TN-05
func TestNamesThatPeopleTakeForEachOther(t *testing.T) {
	for what, pair := range map[string][2]string{
		"case":                     {"Acme", "ACME"},
		"spaces around":            {"Acme", " acme "},
		"spaces and tabs between":  {"Acme Ltd", "acme \t ltd"},
		"no-break space":           {"Acme Ltd", "acme\u00a0ltd"},
		"full width":               {"Acme", "Ａｃｍｅ"},
		"zero-width space":         {"acme", "acme\u200b"},
		"zero-width joiner":        {"acme", "ac\u200dme"},
		"soft hyphen":              {"acme", "ac\u00adme"},
		"direction mark":           {"acme", "\u200facme"},
		"variation selector":       {"acme", "acme\ufe0f"},
		"hangul filler":            {"acme", "acme\u3164"},
		"sharp s":                  {"straße", "STRASSE"},
		"final sigma":              {"ΟΔΟΣ", "οδος"},
		"combining accent":         {"Café", "Cafe\u0301"},
		"ligature":                 {"ﬁn", "fin"},
		"mathematical letters":     {"acme", "𝐚𝐜𝐦𝐞"},
		"I of no language":         {"TITLE", "title"},
		"i without a dot":          {"title", "tıtle"},
		"rn for m":                 {"modem", "modern"},
		"digit one for l":          {"paypal", "paypa1"},
		"zero for o":               {"Google", "G00gle"},
		"all in Cyrillic":          {"coco", "сосо"},
		"capitals all in Cyrillic": {"ABBA", "АВВА"},
		"small letters whose Cyrillic capitals do": {"ABBA", "авва"},
		"Greek omicron": {"oo", "οο"},
	} {
		if a, b := parse(t, pair[0]), parse(t, pair[1]); a.Key() != b.Key() {
			t.Errorf("%s: %q is %q, %q is %q: want one key", what, pair[0], a.Key(), pair[1], b.Key())
		}
	}
}

func TestNamesThatAreDifferent(t *testing.T) {
	for _, pair := range [][2]string{
		{"Acme", "Acne"}, {"Mailbox", "Mallbox"}, {"Café", "Cafe"}, {"Müller", "Muller"}, {"Acme 2", "Acme 3"}, {"Acme Ltd", "AcmeLtd"},
		{"東京", "京東"}, {"Мир", "Миф"},
	} {
		if a, b := parse(t, pair[0]), parse(t, pair[1]); a.Key() == b.Key() {
			t.Errorf("%q and %q have the key %q", pair[0], pair[1], a.Key())
		}
	}
}

// TN-05
func TestNamesThatAreRefused(t *testing.T) {
	for what, tc := range map[string]struct{ typed, code string }{
		"nothing":                          {"", tenant.NameBlank},
		"spaces":                           {" \t\u00a0\u3000", tenant.NameBlank},
		"what cannot be seen":              {"\u200b\u00ad\u2060\ufeff", tenant.NameBlank},
		"one letter":                       {"A", tenant.NameTooShort},
		"one letter in invisible ones":     {"\u200bA\u200b", tenant.NameTooShort},
		"65 letters":                       {strings.Repeat("a", 65), tenant.NameTooLong},
		"a megabyte":                       {strings.Repeat("\u200b", 1<<20), tenant.NameTooLong},
		"no letter":                        {"--- !!", tenant.NameNoLetter},
		"emoji only":                       {"🎉🎉", tenant.NameNoLetter},
		"only combining marks":             {"\u0301\u0302", tenant.NameUnreadable},
		"begins with a combining mark":     {"\u0301acme", tenant.NameUnreadable},
		"piled marks":                      {"a" + strings.Repeat("\u0301", 5) + "b", tenant.NameUnreadable},
		"right-to-left override":           {"\u202eemca", tenant.NameUnreadable},
		"isolate":                          {"acme\u2066", tenant.NameUnreadable},
		"control character":                {"ac\x00me", tenant.NameUnreadable},
		"escape sequence":                  {"acme\x1b[31m", tenant.NameUnreadable},
		"private use":                      {"acme\ue000", tenant.NameUnreadable},
		"not assigned":                     {"acme\u0378", tenant.NameUnreadable},
		"replacement character":            {"acme\ufffd", tenant.NameUnreadable},
		"no UTF-8":                         {"acme\xff", tenant.NameUnreadable},
		"overlong UTF-8":                   {"ac\xc0\xafme", tenant.NameUnreadable},
		"Cyrillic a in Latin":              {"аcme", tenant.NameMixedScripts},
		"Greek o in Latin":                 {"gοοgle", tenant.NameMixedScripts},
		"Greek beside Cyrillic":            {"Ωмир", tenant.NameMixedScripts},
		"Cherokee beside Latin":            {"aᎪb", tenant.NameMixedScripts},
		"Arabic beside Hebrew":             {"אبج", tenant.NameMixedScripts},
		"reserved":                         {"admin", tenant.NameReserved},
		"reserved, in capitals":            {"API", tenant.NameReserved},
		"reserved, with punctuation":       {"w.w.w", tenant.NameReserved},
		"reserved, with a digit":           {"r00t", tenant.NameReserved},
		"reserved, in Cyrillic":            {"арр", tenant.NameReserved},
		"reserved, in full width":          {"ｓｕｐｐｏｒｔ", tenant.NameReserved},
		"reserved, spelled in two words":   {"log in", tenant.NameReserved},
		"reserved, with something unseen":  {"lo\u200bgin", tenant.NameReserved},
		"reserved, with rn for m":          {"adrnin", tenant.NameReserved},
		"reserved, two words in one":       {"SignIn", tenant.NameReserved},
		"reserved, with space around":      {"  root\t", tenant.NameReserved},
		"reserved, mathematical letters":   {"𝐚𝐝𝐦𝐢𝐧", tenant.NameReserved},
		"reserved, with an emoji after it": {"support ✅", tenant.NameReserved},
	} {
		n, err := tenant.ParseName(tc.typed)
		var e *tenant.NameError
		if !errors.As(err, &e) || e.Code != tc.code || e.Text == "" || n != (tenant.Name{}) {
			t.Errorf("%s: got %q %v, want %s", what, n, err, tc.code)
		}
	}
}

func TestNamesOfTheWholeWorldPass(t *testing.T) {
	for typed, shown := range map[string]string{
		"  Acme \t Ltd ": "Acme Ltd", "Müller & Söhne": "Müller & Söhne", "Łódź": "Łódź", "Яндекс": "Яндекс",
		"東京タワーです": "東京タワーです", "한국 회사": "한국 회사", "漢字 Hangul 한": "漢字 Hangul 한", "שלום": "שלום", "مرحبا": "مرحبا",
		"Acme 株式会社": "Acme 株式会社", "Acme 2": "Acme 2", "Cafe\u0301": "Café", "नमस्ते": "नमस्ते", "Nguyễn": "Nguyễn",
		"3M": "3M", "O'Neill": "O'Neill", "Party 🎉": "Party 🎉", strings.Repeat("é", 64): strings.Repeat("é", 64),
		"Administration": "Administration", "Root Beer": "Root Beer",
	} {
		n, err := tenant.ParseName(typed)
		if err != nil || n.String() != shown {
			t.Errorf("%q: got %q %v, want %q", typed, n, err, shown)
		}
	}
}

func TestReservedNamesAreReplaceable(t *testing.T) {
	own := tenant.NameRules{Reserved: []string{"Acme Corp"}}
	if _, err := own.Parse("acmecorp"); err == nil {
		t.Error("the app's own reserved name passes")
	}
	for _, rules := range []tenant.NameRules{own, {Reserved: []string{}}} {
		if _, err := rules.Parse("admin"); err != nil {
			t.Errorf("%v: %v", rules, err)
		}
	}
	for _, name := range tenant.ReservedNames() {
		if _, err := tenant.ParseName(name); err == nil {
			t.Errorf("%s passes", name)
		}
	}
}

// Whatever a character folds to is folded already: two processes that fold a key again still agree.
func TestKeyOfAKeyIsThatKey(t *testing.T) {
	none := tenant.NameRules{Reserved: []string{}}
	passed := 0
	for r := rune(0); r <= unicode.MaxRune; r++ {
		if unicode.In(r, unicode.Han, unicode.Hangul) && r%16 != 0 || !unicode.IsGraphic(r) {
			continue // alike among themselves, or refused
		}
		n, err := none.Parse("a" + string(r) + "b")
		if err != nil {
			continue
		}
		passed++
		if key, ok := tenant.NameKey(n.Key()); !ok || key != n.Key() {
			t.Errorf("%U: %q becomes %q", r, n.Key(), key)
		}
	}
	if passed < 20_000 {
		t.Errorf("only %d characters pass", passed)
	}
}

func FuzzName(f *testing.F) {
	for _, name := range []string{"Acme", "Straße", "ﬁn", "ͅΑ", "ac\u00adme", "Å", "аcme", "İstanbul", "ᾳ", "rn", "\u0345\u0301a", "ΐ"} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, typed string) {
		n, err := tenant.ParseName(typed)
		if err != nil {
			var e *tenant.NameError
			if !errors.As(err, &e) || e.Text == "" || n.Key() != "" {
				t.Fatalf("%q: %v", typed, err)
			}
			return
		}
		if key, ok := tenant.NameKey(n.Key()); !ok || key != n.Key() {
			t.Errorf("%q: key %q becomes %q", typed, n.Key(), key)
		}
		again, err := tenant.ParseName(n.String())
		if err != nil || again != n {
			t.Errorf("%q is shown as %q, which is %v %v", typed, n, again, err)
		}
		if length := utf8.RuneCountInString(n.String()); length < tenant.MinName || length > tenant.MaxName {
			t.Errorf("%q: %d characters", typed, length)
		}
		if o, err := tenant.ParseName(" " + n.String() + "\u200b"); err != nil || o != n {
			t.Errorf("%q with what cannot be seen is %q %v", n, o, err)
		}
	})
}
