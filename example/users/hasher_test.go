package users

import (
	"strings"
	"testing"
)

func TestParsePHC(t *testing.T) {
	good := seeds[0].hash
	parts := strings.Split(good, "$")
	with := func(i int, part string) string {
		changed := append([]string(nil), parts...)
		changed[i] = part
		return strings.Join(changed, "$")
	}
	tests := map[string]struct {
		stored string
		ok     bool
	}{
		"as made":                 {good, true},
		"empty":                   {"", false},
		"five dollars":            {"$$$$$", false},
		"other algorithm":         {with(1, "argon2i"), false},
		"other version":           {with(2, "v=16"), false},
		"memory of 2^32":          {with(3, "m=4294967296,t=2,p=1"), false},
		"memory above ceiling":    {with(3, "m=65537,t=2,p=1"), false},
		"memory at ceiling":       {with(3, "m=65536,t=2,p=1"), true},
		"no memory":               {with(3, "m=0,t=2,p=1"), false},
		"passes above ceiling":    {with(3, "m=19456,t=9,p=1"), false},
		"no passes":               {with(3, "m=19456,t=0,p=1"), false},
		"no threads":              {with(3, "m=19456,t=2,p=0"), false},
		"threads of 256":          {with(3, "m=19456,t=2,p=256"), false},
		"negative":                {with(3, "m=-1,t=2,p=1"), false},
		"text after the cost":     {with(3, "m=19456,t=2,p=1,x=1"), false},
		"leading zero":            {with(3, "m=019456,t=2,p=1"), false},
		"salt is not base64":      {with(4, "!!!!"), false},
		"no salt":                 {with(4, ""), false},
		"no tag":                  {with(5, ""), false},
		"tag too long":            {with(5, strings.Repeat("A", 4096)), false},
		"one more part":           {good + "$", false},
		"a line break at the end": {good + "\n", false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if _, err := parsePHC(test.stored); (err == nil) != test.ok {
				t.Errorf("parsePHC(%q): got %v", test.stored, err)
			}
		})
	}
}

func TestHash(t *testing.T) {
	first, second := hash("same password"), hash("same password")
	if first == second || !strings.HasPrefix(first, "$argon2id$v=19$m=19456,t=2,p=1$") {
		t.Errorf("got %s and %s, want two argon2id hashes with their own salts", first, second)
	}
	// bcrypt would look at 72 bytes only.
	long := strings.Repeat("x", 72)
	parsed, err := parsePHC(hash(long + "a"))
	if err != nil {
		t.Fatal(err)
	}
	for password, want := range map[string]bool{long + "a": true, long + "b": false, long: false} {
		if got := matches(password, parsed); got != want {
			t.Errorf("got %v, want %v", got, want)
		}
	}
}

func FuzzParsePHC(f *testing.F) {
	f.Add(seeds[0].hash)
	f.Fuzz(func(t *testing.T, s string) {
		p, err := parsePHC(s)
		if err == nil && p.String() != s {
			t.Errorf("parsePHC(%q) is %q", s, p.String())
		}
	})
}
