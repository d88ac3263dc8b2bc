package redisstore

import (
	"encoding/json"
	"errors"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/multiaccount-go/multiaccount/account"
)

// strange is what people and programs put where an id is expected.
var strange = []string{"", "a", "A", "*", "?", "[a]", "{x}", "}{", "a:b", "accounts:{p00}:s:", "\r\nFLUSHALL\r\n", "\x00", "\xff\xfe", "ä", "a\u0308",
	strings.Repeat("k", 10<<10)}

// key is what every key of this package looks like, with the prefix of the test.
var keyForm = regexp.MustCompile(`^accounts:(of:[\w-]{43}|x:name:[\w-]{43}|\{tries\}:[\w-]{43}|\{p\d\d\}:s:[\w-]{22})$`)

// KY-02: whatever a name is, the key made of it is of one form; two names never share one, and neither do two kinds of keys.
func FuzzKeys(f *testing.F) {
	for i, a := range strange {
		f.Add(a, strange[(i+1)%len(strange)])
	}
	rdb := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1"}) // asked for nothing
	f.Cleanup(func() { rdb.Close() })
	store, storage, counter := New(rdb), NewStorage(rdb, "name"), NewCounter(rdb)
	f.Fuzz(func(t *testing.T, a, b string) {
		owner := map[string]string{}
		for _, text := range []string{a, b} {
			for kind, key := range map[string]string{
				"index": store.indexKey(text), "storage": storage.key(text), "counter": counter.key(text),
			} {
				if !keyForm.MatchString(key) {
					t.Fatalf("%s of %q: key %q", kind, text, key)
				}
				if by, taken := owner[key]; taken && by != kind+text {
					t.Fatalf("%q and %q share the key %q", by, kind+text, key)
				}
				owner[key] = kind + text
			}
			id, err := account.ParseSessionID(text)
			if err != nil {
				continue
			}
			key, channel := store.key(id), store.channel(id)
			slot, _, _ := strings.Cut(key, "s:")
			if !keyForm.MatchString(key) || channel != slot+"changes" || !strings.HasSuffix(key, ":"+text) {
				t.Fatalf("session %q: key %q, channel %q", text, key, channel)
			}
		}
	})
}

// A hash in Redis is believed as a whole or not at all, and never panics.
func FuzzDecodeHash(f *testing.F) {
	id, err := account.ParseSessionID("AAAAAAAAAAAAAAAAAAAAAA")
	if err != nil {
		f.Fatal(err)
	}
	f.Add("1", "w", "0", "tag", "1700000000000", []byte(`{"schema":1}`), true)
	f.Add("01", "w", "0", "tag", "1700000000000", []byte("x"), true)
	f.Add("01", "", "-1", "", "x", []byte("null"), true)
	f.Add("9223372036854775808", "w", "1e3", "\xff", "+5", []byte{}, false)
	f.Fuzz(func(t *testing.T, rev, write, ver, tag, seen string, data []byte, complete bool) {
		fields := map[string]string{"rev": rev, "write": write, "ver": ver, "tag": tag, "seen": seen, "data": string(data)}
		if !complete {
			delete(fields, "write")
		}
		read := func(account.SessionID, string) (*account.Session, error) { return &account.Session{ID: id}, nil }
		for _, reader := range []blobReader{readBlob, read} {
			s, err := decode(id, fields, reader)
			if err != nil {
				if s != nil || !errors.Is(err, account.ErrBadRecord) {
					t.Fatalf("got %v, %v, want ErrBadRecord", s, err)
				}
				continue
			}
			written := func(n int64) string { return strconv.FormatInt(n, 10) }
			if !complete || s.Revision < 1 || s.Version < 0 || s.Tag != tag || s.ID != id || written(s.Revision) != rev ||
				written(s.Version) != ver || written(s.Seen.UnixMilli()) != seen {
				t.Fatalf("got %+v of %q", s, fields)
			}
		}
	})
}

// What a bus frames comes apart as it was, and what is none is an error.
func FuzzFrame(f *testing.F) {
	for i, topic := range strange {
		f.Add(topic, strange[len(strange)-1-i])
	}
	f.Add("3:abc", "-1:x")
	f.Fuzz(func(t *testing.T, topic, payload string) {
		gotTopic, gotPayload, err := parseFrame(frame(topic, payload))
		if err != nil || gotTopic != topic || gotPayload != payload {
			t.Fatalf("got %q, %q, %v", gotTopic, gotPayload, err)
		}
		if gotTopic, gotPayload, err = parseFrame(payload); err == nil && !strings.HasSuffix(payload, gotTopic+gotPayload) {
			t.Fatalf("%q became %q and %q", payload, gotTopic, gotPayload)
		}
	})
}

// A change notice of anybody who can publish is a change of one session, or nothing.
func FuzzChangeNotice(f *testing.F) {
	f.Add([]byte(`{"id":"AAAAAAAAAAAAAAAAAAAAAA","v":13,"g":2,"n":"tag","reason":"switched"}`))
	f.Add([]byte(`{"id":"AAAAAAAAAAAAAAAAAAAAAA","ended":true,"reason":"signed_out","v":14}`))
	f.Add([]byte(`{"id":"short","v":1e400}`))
	f.Add([]byte(`null`))
	f.Fuzz(func(t *testing.T, text []byte) {
		var c account.Change
		if json.Unmarshal(text, &c) != nil {
			return
		}
		if c.Resync {
			t.Fatalf("%q asks for a comparison of everything", text)
		}
		again, err := json.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		var same account.Change
		if err := json.Unmarshal(again, &same); err != nil || same != c {
			t.Fatalf("%v: %+v became %+v", err, c, same)
		}
	})
}
