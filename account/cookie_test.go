package account_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/multiaccount-go/multiaccount/account"
)

func TestCookieRoundTrip(t *testing.T) {
	for range 100 {
		c := account.NewCookie()
		got, err := account.ParseCookie(c.Value())
		if err != nil || got != c || len(c.Value()) != 64 {
			t.Fatalf("%q: got %v, %v", c.Value(), got.ID, err)
		}
	}
}

func TestCookiesDiffer(t *testing.T) {
	ids, secrets := map[account.SessionID]bool{}, map[account.Secret]bool{}
	for range 1000 {
		c := account.NewCookie()
		if ids[c.ID] || secrets[c.Secret] || c.ID == (account.SessionID{}) || c.Secret == (account.Secret{}) {
			t.Fatal("an id or a secret came twice, or is empty")
		}
		ids[c.ID], secrets[c.Secret] = true, true
	}
}

// misspelled returns values that say the same as a good one, or nearly so.
func misspelled(good string) map[string]string {
	return map[string]string{
		"empty":                           "",
		"too short":                       good[:63],
		"too long":                        good + "A",
		"half":                            good[:32],
		"twice":                           good + good,
		"padded":                          good + "=",
		"padding in its length":           good[:63] + "=",
		"two paddings in its length":      good[:62] + "==",
		"four characters too many":        good + "AAAA",
		"standard alphabet, plus":         "+" + good[1:],
		"standard alphabet, slash":        "/" + good[1:],
		"line feed at the end":            good + "\n",
		"line feed in its length":         good[:63] + "\n",
		"four line feeds in its length":   good[:60] + "\n\n\n\n",
		"line breaks at the start":        "\r\n\r\n" + good[4:],
		"line breaks in the middle":       good[:30] + "\n\n\n\n" + good[34:],
		"line feed and right length left": good[:10] + "\n" + good[10:],
		"space":                           " " + good[1:],
		"trailing space":                  good[:63] + " ",
		"nul":                             good[:63] + "\x00",
		"quoted":                          `"` + good[:62] + `"`,
		"quoted beside":                   `"` + good + `"`,
		"percent encoded":                 "%41" + good[1:],
		"percent encoded in its length":   "%41" + good[3:],
		"not UTF-8":                       "\xff" + good[1:],
		"wide letters":                    strings.Repeat("Ａ", 64),
		"wide letters in its length":      strings.Repeat("Ａ", 21) + "A",
		"dots":                            strings.Repeat(".", 64),
		"hexadecimal with a prefix":       "0x" + strings.Repeat("a", 61) + "!",
		"a key of a store":                "accounts:{p01}:s:" + strings.Repeat("a", 46) + ":",
	}
}

func TestParseCookieRefusesEveryOtherSpelling(t *testing.T) {
	good := "A" + account.NewCookie().Value()[1:]
	for sentence, value := range misspelled(good) {
		if c, err := account.ParseCookie(value); !errors.Is(err, account.ErrBadCookie) || c != (account.Cookie{}) {
			t.Errorf("%s: %q: got %v, want ErrBadCookie and no part of it", sentence, value, err)
		}
	}
}

func TestParseSessionID(t *testing.T) {
	id := account.NewCookie().ID
	good := id.String()
	if got, err := account.ParseSessionID(good); err != nil || got != id || len(good) != 22 {
		t.Errorf("%q: got %v, %v", good, got, err)
	}
	// The last character of 22 carries two bits of the id; the other four must be zero.
	noncanonical := good[:21] + "B"
	bad := []string{"", good[:21], good + "A", good[:21] + "=", noncanonical, "\n\n" + good[2:], good[:20] + "\r\n", good[:21] + "\n",
		"+" + good[1:], " " + good[1:], good + "==", good[:20] + "=="}
	for _, text := range bad {
		if got, err := account.ParseSessionID(text); err == nil || got != (account.SessionID{}) {
			t.Errorf("%q: got %v, %v, want an error", text, got, err)
		}
	}
}

func TestSessionIDInJSON(t *testing.T) {
	want := account.Change{ID: account.NewCookie().ID, Version: 3}
	data, err := json.Marshal(want)
	if err != nil {
		t.Fatalf("marshal: %v", err)
	}
	var got account.Change
	if err := json.Unmarshal(data, &got); err != nil || got != want {
		t.Errorf("%s: got %+v, %v", data, got, err)
	}
	if !bytes.Contains(data, []byte(want.ID.String())) {
		t.Errorf("%s: the id is not there as text", data)
	}
	if err := json.Unmarshal([]byte(`{"id":"short"}`), &got); err == nil {
		t.Error("an id that is none was read")
	}
}

func TestDigest(t *testing.T) {
	one, other := account.NewCookie().Secret, account.NewCookie().Secret
	flipped := one
	flipped[31] ^= 1
	tests := []struct {
		sentence string
		a, b     account.Digest
		want     bool
	}{
		{"of the same secret", one.Digest(), one.Digest(), true},
		{"of different secrets", one.Digest(), other.Digest(), false},
		{"of secrets that differ in one bit", one.Digest(), flipped.Digest(), false},
		{"none and none", account.Digest{}, account.Digest{}, false},
		{"none and one", account.Digest{}, one.Digest(), false},
		{"one and none", one.Digest(), account.Digest{}, false},
	}
	for _, test := range tests {
		if got := test.a.Equal(test.b); got != test.want {
			t.Errorf("%s: got %t, want %t", test.sentence, got, test.want)
		}
	}
	if account.Digest(one) == one.Digest() {
		t.Error("the digest is the secret")
	}
}

func TestSecretsAreNeverPrinted(t *testing.T) {
	c := account.NewCookie()
	for i := range c.Secret {
		c.Secret[i] = 0xA7 // 167, a7, 247: easy to find in every spelling
	}
	holder := struct {
		Name   string
		Cookie account.Cookie
		Ptr    *account.Secret
		List   []account.Secret
		Map    map[string]account.Secret
		Any    any
	}{"n", c, &c.Secret, []account.Secret{c.Secret}, map[string]account.Secret{"k": c.Secret}, c.Secret}
	values := map[string]any{"secret": c.Secret, "pointer": &c.Secret, "cookie": c, "cookie pointer": &c, "struct": holder, "struct pointer": &holder,
		"slice": []account.Cookie{c}, "outcome": account.Outcome{Cookie: &c}}
	for name, v := range values {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "% x", "%#x", "%d", "%o", "%b", "%c", "%U", "%e", "%t", "%10v", "%.3s", "%z"} {
			checkHidden(t, name+" "+verb, fmt.Sprintf(verb, v))
		}
		checkHidden(t, name+" Sprint", fmt.Sprint(v))
		checkHidden(t, name+" error", fmt.Errorf("failed: %v", v).Error())
		data, err := json.Marshal(v)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		checkHidden(t, name+" JSON", string(data))
		var out bytes.Buffer
		slog.New(slog.NewJSONHandler(&out, nil)).Info("message", "value", v, slog.Group("g", "value", v))
		slog.New(slog.NewTextHandler(&out, nil)).Info("message", "value", v, slog.Group("g", "value", v))
		checkHidden(t, name+" slog", out.String())
	}
	if got := c.Secret.String() + c.Secret.GoString(); got != "[secret][secret]" {
		t.Errorf("got %q", got)
	}
}

// checkHidden looks for a secret of bytes 0xA7 in any spelling.
func checkHidden(t *testing.T, what, text string) {
	t.Helper()
	raw := bytes.Repeat([]byte{0xA7}, 32)
	for _, spelling := range []string{"167 167", "167,167", "a7a7", "A7A7", "a7 a7", "A7 A7", "0xa7", "0XA7", "247 247", "10100111", "§§", "U+00A7", `\xa7`,
		string(raw[:2]), base64.StdEncoding.EncodeToString(raw)[:8], base64.RawURLEncoding.EncodeToString(raw)[:8]} {
		if strings.Contains(text, spelling) {
			t.Errorf("%s shows the secret: %q", what, text)
		}
	}
}

func FuzzParseCookie(f *testing.F) {
	good := account.NewCookie().Value()
	f.Add(good)
	for _, value := range misspelled(good) {
		f.Add(value)
	}
	f.Fuzz(func(t *testing.T, value string) {
		c, err := account.ParseCookie(value)
		switch {
		case err == nil && c.Value() != value:
			t.Errorf("%q is read as %q: a value has one spelling", value, c.Value())
		case err != nil && (!errors.Is(err, account.ErrBadCookie) || c != account.Cookie{}):
			t.Errorf("%q: got %v, want ErrBadCookie and no part of it", value, err)
		}
		if id, err := account.ParseSessionID(value); err == nil && id.String() != value {
			t.Errorf("%q is read as %q: an id has one spelling", value, id)
		}
	})
}
