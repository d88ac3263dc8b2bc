package users

import "testing"

func TestNamesThatCollide(t *testing.T) {
	for _, pair := range [][2]string{
		{"Acme", "ACME"}, {"Acme", "  acme  "}, {"Acme", "Ａｃｍｅ"}, {"acme", "acme\u200b"}, {"acme", "ac\u00adme"},
		{"Straße", "STRASSE"}, {"Acme Ltd", "acme \t ltd"}, {"Café", "Cafe\u0301"}, {"ﬁn", "fin"}, {"acme", "\u202eacme"},
	} {
		_, a, problemA := accountName(pair[0])
		_, b, problemB := accountName(pair[1])
		if a != b || problemA != "" || problemB != "" {
			t.Errorf("%q is %q %s, %q is %q %s: want the same name", pair[0], a, problemA, pair[1], b, problemB)
		}
	}
}

func FuzzCanonicalNameIsStable(f *testing.F) {
	for _, name := range []string{"Acme", "Straße", "ﬁn", "ͅΑ", "ac\u00adme", "Å"} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		_, once, problem := accountName(name)
		if problem != "" {
			return
		}
		if twice := canonicalName(once); twice != once {
			t.Errorf("%q becomes %q, then %q", name, once, twice)
		}
	})
}
