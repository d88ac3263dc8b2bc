package account_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/multiaccount-go/multiaccount/account"
)

// fullSession returns a session with every field set that a record keeps.
func fullSession(t testing.TB) *account.Session {
	t.Helper()
	w := newWorld(t, "a^* b- c! dö~ <e>&\x00\"", true)
	s := w.load()
	s.Previous, s.PreviousUntil = account.NewCookie().Secret.Digest(), w.In(10*time.Second)
	s.Switches = account.Window{Start: w.Now(), Count: 7}
	s.Intent.ReturnTo = "/inbox?q=ä&x=%20#\u2028"
	return s
}

// kept forgets what a store keeps beside the record.
func kept(s *account.Session) *account.Session {
	c := s.Clone()
	c.Revision, c.Version, c.Tag, c.Seen = 0, 0, "", time.Time{}
	return c
}

func TestRecordRoundTrip(t *testing.T) {
	full := fullSession(t)
	choice := full.Clone()
	choice.Current, choice.Choice, choice.Intent = "", "a choice", nil
	fresh := full.Clone()
	fresh.Previous, fresh.PreviousUntil, fresh.Switches, fresh.Intent = account.Digest{}, time.Time{}, account.Window{}, nil
	for sentence, s := range map[string]*account.Session{"everything set": full, "choosing": choice, "as little as can be": fresh} {
		data, err := account.Encode(s)
		if err != nil {
			t.Fatalf("%s: encode: %v", sentence, err)
		}
		got, err := account.Decode(s.ID, data)
		if err != nil {
			t.Fatalf("%s: decode: %v", sentence, err)
		}
		if err := sameSession(got, kept(s)); err != nil {
			t.Errorf("%s: %v", sentence, err)
		}
	}
}

func TestRecordHoldsNoSecret(t *testing.T) {
	w := newWorld(t, "a^*", false)
	data, err := account.Encode(w.load())
	if err != nil {
		t.Fatalf("encode: %v", err)
	}
	secret, _ := json.Marshal(w.cookie.Secret[:])
	if strings.Contains(string(data), strings.Trim(string(secret), `"`)) || strings.Contains(string(data), w.cookie.Value()[22:]) {
		t.Errorf("%s holds the secret", data)
	}
}

// edited returns the record of a session with one member replaced; an absent value deletes it.
func edited(t testing.TB, s *account.Session, name string, value any) []byte {
	t.Helper()
	data, err := account.Encode(s)
	if err != nil {
		t.Fatalf("encode: %v", err)
	}
	var r map[string]any
	if err := json.Unmarshal(data, &r); err != nil {
		t.Fatalf("unmarshal: %v", err)
	}
	if _, there := r[name]; !there && value == nil {
		t.Fatalf("a record has no member %q", name)
	}
	if r[name] = value; value == nil {
		delete(r, name)
	}
	if data, err = json.Marshal(r); err != nil {
		t.Fatalf("marshal: %v", err)
	}
	return data
}

func TestDecodeBelievesNoHalfRecord(t *testing.T) {
	s := newWorld(t, "a^* b", true).load()
	good := edited(t, s, "gen", s.Generation)
	if _, err := account.Decode(s.ID, good); err != nil {
		t.Fatalf("the record that the others are made of: %v", err)
	}
	accounts := func(edit string) any {
		var list []any
		if err := json.Unmarshal([]byte(edit), &list); err != nil {
			t.Fatalf("%s: %v", edit, err)
		}
		return list
	}
	tests := map[string][]byte{
		"nothing":                       nil,
		"no JSON":                       []byte("\x80\x81session"),
		"null":                          []byte("null"),
		"an empty object":               []byte("{}"),
		"a list":                        []byte("[]"),
		"two records":                   append(append([]byte{}, good...), good...),
		"cut off":                       good[:len(good)-1],
		"deeply nested":                 []byte(strings.Repeat("[", account.MaxRecord)),
		"too large":                     append(append([]byte{}, good...), strings.Repeat(" ", account.MaxRecord)...),
		"no schema number":              edited(t, s, "schema", nil),
		"the schema of tomorrow":        edited(t, s, "schema", 2),
		"a schema that is no number":    edited(t, s, "schema", "1"),
		"no id":                         edited(t, s, "id", nil),
		"the id of another session":     edited(t, s, "id", account.NewCookie().ID.String()),
		"no secret":                     edited(t, s, "sec", nil),
		"a short secret":                edited(t, s, "sec", make([]byte, 31)),
		"a long secret":                 edited(t, s, "sec", make([]byte, 33)),
		"a short former secret":         edited(t, s, "prev", make([]byte, 31)),
		"no stamp key":                  edited(t, s, "stamp", nil),
		"a short stamp key":             edited(t, s, "stamp", []byte("k")),
		"no accounts":                   edited(t, s, "acc", nil),
		"an empty list of accounts":     edited(t, s, "acc", []any{}),
		"nobody current and no choice":  edited(t, s, "cur", nil),
		"somebody current and a choice": edited(t, s, "choice", "open"),
		"a stranger current":            edited(t, s, "cur", "m-c"),
		"an account id as current":      edited(t, s, "cur", "a"),
		"no primary":                    edited(t, s, "pri", nil),
		"a stranger primary":            edited(t, s, "pri", "m-c"),
		"a time that is no number":      edited(t, s, "deadline", "tomorrow"),
		"a number beyond every time":    edited(t, s, "deadline", 1e300),
		"an account without an id":      edited(t, s, "acc", accounts(`[{"m":"m-a","a":"","s":"active"}]`)),
		"an account without membership": edited(t, s, "acc", accounts(`[{"m":"m-a","a":"a","s":"active"},{"m":"","a":"b","s":"active"}]`)),
		"an account twice":              edited(t, s, "acc", accounts(`[{"m":"m-a","a":"a","s":"active"},{"m":"m-b","a":"a","s":"active"}]`)),
		"a membership twice":            edited(t, s, "acc", accounts(`[{"m":"m-a","a":"a","s":"active"},{"m":"m-a","a":"b","s":"active"}]`)),
		"an unknown status":             edited(t, s, "acc", accounts(`[{"m":"m-a","a":"a","s":"active"},{"m":"m-b","a":"b","s":"frozen"}]`)),
		"no status":                     edited(t, s, "acc", accounts(`[{"m":"m-a","a":"a","s":"active"},{"m":"m-b","a":"b"}]`)),
	}
	for sentence, data := range tests {
		t.Run(sentence, func(t *testing.T) {
			if got, err := account.Decode(s.ID, data); !errors.Is(err, account.ErrBadRecord) || got != nil {
				t.Errorf("got %v, %v, want ErrBadRecord", got, err)
			}
		})
	}
	if _, err := account.Decode(account.NewCookie().ID, good); !errors.Is(err, account.ErrBadRecord) {
		t.Errorf("asked for another session: got %v, want ErrBadRecord", err)
	}
}

func TestEncodeRefusesWhatIsTooLarge(t *testing.T) {
	s := fullSession(t)
	s.Intent.ReturnTo = strings.Repeat("x", account.MaxRecord)
	if data, err := account.Encode(s); err == nil || data != nil {
		t.Errorf("got %d bytes and %v, want an error", len(data), err)
	}
}

func TestAFullSessionFitsARecord(t *testing.T) {
	s := sessionOf(t, 100+17)
	for i := range s.Accounts {
		s.Accounts[i].Account = fmt.Sprintf("%0128d", i)
	}
	s.Intent = &account.Intent{By: s.Current, ReturnTo: "/" + strings.Repeat("r", 8<<10)}
	if data, err := account.Encode(s); err != nil {
		t.Errorf("the largest maximum with long ids: %d bytes, %v", len(data), err)
	}
}

// sessionOf returns a session of n accounts with ids as long as an application's usually are.
func sessionOf(t testing.TB, n int) *account.Session {
	t.Helper()
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprintf("0198c5e2-7a31-7cc4-9f5e-%012d", i)
	}
	names[0] += "^*"
	s := newWorld(t, strings.Join(names, " "), false).load()
	for i := range s.Accounts {
		m := fmt.Sprintf("%022d", i)
		if s.Accounts[i].Membership == s.Current {
			s.Current, s.Primary = m, m
		}
		s.Accounts[i].Membership = m
	}
	s.Previous, s.PreviousUntil = s.Secret, s.Deadline
	return s
}

func FuzzDecode(f *testing.F) {
	s := newWorld(f, "a^* b- c!", true).load()
	for _, session := range []*account.Session{s, kept(s)} {
		data, err := account.Encode(session)
		if err != nil {
			f.Fatalf("encode: %v", err)
		}
		f.Add(data)
	}
	f.Add(edited(f, s, "schema", 2))
	f.Add(edited(f, s, "cur", "m-b"))
	f.Add(edited(f, s, "prev", make([]byte, 32)))
	f.Add(edited(f, s, "sw_n", -1))
	f.Add([]byte(`{"schema":1}`))
	f.Add([]byte("null"))
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := account.Decode(s.ID, data)
		if err != nil {
			if !errors.Is(err, account.ErrBadRecord) || got != nil {
				t.Fatalf("got %v, %v, want ErrBadRecord", got, err)
			}
			return
		}
		// What is believed can be used, and is what a record says: nobody acts who is not in the session.
		now := time.Now()
		if got.PrimaryAccount() == nil || (got.Current == "") != (got.CurrentAccount() == nil) || got.CheckStamp(got.Stamp()) != nil {
			t.Errorf("current %q, primary %q, stamp %q", got.Current, got.Primary, got.Stamp())
		}
		for _, l := range got.Accounts {
			c := got.Clone()
			if e, err := c.Switch(l.Account, now, 120); err == nil && e.Rotate && !c.CurrentAccount().IsActive(now) {
				t.Errorf("switched to %+v, which is not active", l)
			}
		}
		// Being written once may bring a foreign record into our form; from then on nothing changes.
		once := rewritten(t, got)
		if once == nil {
			return // a little too large when written by us
		}
		if err := sameSession(rewritten(t, once), once); err != nil {
			t.Errorf("what was read changed by being written: %v", err)
		}
	})
}

// rewritten returns a session as it comes back from a store, or nil when it is too large for one.
func rewritten(t *testing.T, s *account.Session) *account.Session {
	t.Helper()
	data, err := account.Encode(s)
	if err != nil {
		return nil
	}
	got, err := account.Decode(s.ID, data)
	if err != nil {
		t.Fatalf("what was written cannot be read: %v", err)
	}
	return got
}
