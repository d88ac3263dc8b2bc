package httpattacks

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/multiaccount-go/multiaccount/account"
	"github.com/multiaccount-go/multiaccount/integration_test/attacks/stage"
	"github.com/multiaccount-go/multiaccount/integration_test/sitetest"
)

// AnonymousFlood is DO-06: people without a session, with cookies that are none, and with wrong passwords leave
// nothing behind.
func AnonymousFlood(s *stage.Stage) {
	person := s.People(1)[0]
	before := s.Keys("*")
	v := s.Visitor()
	for i := range 300 {
		n := s.Nodes()[i%2]
		forged := s.Holding(strings.ReplaceAll(rand.Text()+rand.Text()+rand.Text(), "=", "")[:64])
		for _, a := range []sitetest.Answer{
			v.Get(n, "/"), v.Get(n, "/session/new"), v.Get(n, "/private"), v.Get(n, "/link/accounts"), forged.Get(n,
				"/"), forged.Post(n, "/notes", url.Values{"text": {"x"}}),
		} {
			if len(a.Header.Values("Set-Cookie")) > 0 {
				s.Breach("somebody without a session gets the cookie %q", a.Header.Values("Set-Cookie"))
				return
			}
		}
	}
	for i := range 8 {
		a := s.Visitor().Post(s.Nodes()[i%2], "/session", url.Values{"email": {fmt.Sprint(i, person)},
			"password": {"wrong"}})
		if refused(s, "a wrong password", a, http.StatusUnprocessableEntity); len(a.Header.Values("Set-Cookie")) > 0 {
			s.Breach("a wrong password gets the cookie %q", a.Header.Values("Set-Cookie"))
		}
	}
	var left []string
	for _, key := range s.Keys("*") {
		if !slices.Contains(before, key) {
			left = append(left, key)
		}
	}
	// A limiter may count tries: a bounded number of keys for eight of them, each of which goes away by itself.
	if len(left) > 3*8 {
		s.Breach("%d keys are left: %q", len(left), left)
	}
	for _, key := range left {
		if strings.Contains(key, ":s:") || s.Redis.TTL(s.Context(), key).Val() <= 0 {
			s.Breach("the key %q is left, for %v", key, s.Redis.TTL(s.Context(), key).Val())
		}
	}
}

// CookieNamesAKey is KY-01: the cookie is the name of something that Redis holds.
func CookieNamesAKey(s *stage.Stage) {
	person := s.People(1)[0]
	victim := s.SignedIn(person)
	before := s.Snapshot(victim)
	record := s.Key(victim.SessionCookie(s.One))
	data := s.Record(victim.SessionCookie(s.One))["data"]
	const bait = "bait:session"
	s.Redis.Set(s.Context(), bait, data, time.Minute)
	baits := []string{bait, record, "accounts", strings.TrimPrefix(record, "accounts:")}
	for _, key := range s.Keys("*") {
		if len(baits) < 20 {
			baits = append(baits, key)
		}
	}
	for _, key := range baits {
		for _, spelled := range []string{key, url.QueryEscape(key), base64.RawURLEncoding.EncodeToString([]byte(key)),
			`"` + key + `"`, key + strings.Repeat("A", max(0, 64-len(key)))} {
			v := s.Holding(spelled)
			commands := s.Commands(func() {
				for _, n := range s.Nodes() {
					turnedAway(s, "a cookie that names "+key, v.Get(n, "/private"))
					refused(s, "a cookie that names "+key, v.Post(n, "/notes", url.Values{"text": {"x"}}, "Accept",
						"application/json"), http.StatusUnauthorized)
					v.Post(n, "/link/sign_out", nil)
				}
			})
			_, err := account.ParseCookie(spelled)
			for _, command := range commands {
				if strings.Contains(command, `"`+key+`"`) || strings.Contains(command, spelled) ||
					err != nil && strings.Contains(command, ":s:") { // what is no cookie is looked up nowhere
					s.Breach("a cookie that names %s: Redis was asked: %s", key, command)
				}
			}
		}
	}
	s.Redis.Del(s.Context(), bait)
	before.Unchanged("cookies that name keys")
}

// PatternsAndTags is KY-02 without sockets: ids, addresses, names and notes that Redis could take for a pattern, a
// slot or a
// command.
func PatternsAndTags(s *stage.Stage) {
	person := s.People(1)[0]
	v := s.SignedIn(person)
	before, d := s.Snapshot(v), v.Document(s.One)
	keys := s.Keys("*")
	hostile := []string{"*", "?", "[a]", "{x}", "}{", "a:b", "accounts:s:", "accounts:{p00}:s:*", "\r\nFLUSHALL\r\n",
		"\x00", strings.Repeat("k", 10<<10), "\xff\xfe", "'; return redis.call('FLUSHALL') --", "$(FLUSHALL)",
		"../..", "%2a"}
	commands := s.Commands(func() {
		for i, id := range hostile {
			n := s.Nodes()[i%2]
			for _, route := range []string{"/link/switch_to/", "/link/p/", "/link/sign_out/"} {
				refused(s, fmt.Sprintf("POST %s%.20q", route, id),
					v.Post(n, route+url.PathEscape(id),
						stamped(d.Stamp)), http.StatusNotFound, http.StatusRequestHeaderFieldsTooLarge, http.StatusBadRequest)
			}
			refused(s, fmt.Sprintf("next %.20q", id), v.Post(n, "/link/sign_out/"+d.Current.ID,
				stamped(d.Stamp, "next", id)), http.StatusNotFound)
			refused(s, fmt.Sprintf("signing in as %.20q", id),
				s.Visitor().Post(n, "/session", url.Values{"email": {id},
					"password": {id}}), http.StatusUnprocessableEntity)
			v.Post(n, "/demo/users/"+url.PathEscape(id)+"/status", url.Values{"status": {"inactive"}})
			v.Get(n, "/live?q="+url.QueryEscape(id))
			s.Visitor().Get(n, "/", "Cookie", sitetest.Cookie+"="+url.QueryEscape(id))
		}
	})
	for _, command := range commands {
		fields := strings.SplitN(command, `"`, 3)
		if len(fields) < 3 {
			continue
		}
		switch name := strings.ToUpper(fields[1]); name {
		case "KEYS", "SCAN", "PSUBSCRIBE", "FLUSHALL", "FLUSHDB", "EVAL", "CONFIG", "SHUTDOWN":
			if name != "EVAL" { // scripts are sent once; what they are given is data
				s.Breach("Redis was told: %.300s", command)
			}
		}
	}
	before.Unchanged("patterns and tags")
	after := s.Keys("*")
	for _, key := range keys {
		if !slices.Contains(after, key) && s.Redis.Exists(s.Context(), key).Val() == 0 &&
			!strings.Contains(key, "attempt") {
			s.Breach("the key %q is gone", key)
		}
	}
	for _, key := range after {
		if slices.Contains(keys, key) {
			continue
		}
		for _, id := range hostile {
			if len(id) > 3 && strings.Contains(key, id) || strings.ContainsAny(key, "*?[]\r\n\x00") {
				s.Breach("the key %q was made of what somebody sent", key)
			}
		}
	}
}

// SignInTells is EN-01: whether somebody is unknown, known, inactive or has another password can be seen in nothing of the
// answer.
func SignInTells(s *stage.Stage) {
	people := s.People(4)
	staff := s.Staff()
	inactive := s.SignedIn(people[1])
	staff.SetStatus(s.One, s.ID(inactive, people[1]), "inactive")
	tries := map[string]url.Values{
		"a wrong password":                {"email": {people[0]}, "password": {"wrong"}},
		"nobody":                          {"email": {"nobody-" + people[0]}, "password": {"wrong"}},
		"nobody, with a good password":    {"email": {"nobody2-" + people[0]}, "password": {sitetest.Password}},
		"inactive":                        {"email": {people[1]}, "password": {sitetest.Password}},
		"inactive, with a wrong one":      {"email": {people[1]}, "password": {"wrong"}},
		"inactive from the start":         {"email": {stage.Dave}, "password": {sitetest.Password}},
		"no password":                     {"email": {people[2]}},
		"a huge password":                 {"email": {people[3]}, "password": {strings.Repeat("x", 8000)}},
		"a NUL in the password":           {"email": {people[3]}, "password": {sitetest.Password + "\x00"}},
		"the password in capitals":        {"email": {people[2]}, "password": {strings.ToUpper(sitetest.Password)}},
		"a blank before the password":     {"email": {people[2]}, "password": {" " + sitetest.Password}},
		"the beginning of the password":   {"email": {people[3]}, "password": {sitetest.Password[:10]}},
		"nobody, with an address of none": {"email": {"nobody at all"}, "password": {"x"}},
	}
	for kind, headers := range map[string][]string{"a page": stage.Form(s.One), "JSON": stage.JSON(s.One),
		"htmx": stage.HX(s.One, "")} {
		var first, of string
		for _, what := range slices.Sorted(maps.Keys(tries)) {
			a := post(s.Visitor(), s.One, "/session", tries[what], headers)
			if a.Status == http.StatusTooManyRequests {
				s.Fatalf("%s: the limit on tries was reached before the answers could be compared", what)
			}
			refused(s, what, a, http.StatusUnprocessableEntity)
			a.Header.Del("Content-Length") // the address is shown again
			seen := looks(a, tries[what].Get("email"))
			if first == "" {
				first, of = seen, what
			}
			if seen != first {
				s.Breach("%s: %s is told from %s:\n%s\n%s", kind, what, of, seen, first)
			}
		}
	}
}

// SignInTakes is EN-03: how long the answers take. Where the machine is busy a difference means little, so this reports the
// medians, and tells of a breach only when one kind takes a multiple of another: then a hash is left out.
func SignInTakes(s *stage.Stage) {
	const tries = 15
	people := s.People(tries)
	staff := s.Staff()
	took := map[string][]time.Duration{}
	inactive := s.People(1)[0]
	staff.SetStatus(s.One, s.ID(s.SignedIn(inactive), inactive), "inactive")
	for i := range tries {
		for what, form := range map[string]url.Values{
			"unknown": {"email": {fmt.Sprint("nobody-", i, people[0])},
				"password": {"wrong"}}, "wrong": {"email": {people[i]}, "password": {"wrong"}},
			"inactive": {"email": {[]string{inactive, stage.Dave}[i%2]}, "password": {sitetest.Password}},
		} {
			if a := post(s.Visitor(), s.Two, "/session", form,
				stage.Form(s.Two)); a.Status == http.StatusUnprocessableEntity {
				took[what] = append(took[what], a.Took)
			}
		}
	}
	medians := map[string]time.Duration{}
	for what, times := range took {
		slices.Sort(times)
		medians[what] = times[len(times)/2]
	}
	s.Logf("medians of up to %d tries: %v", tries, medians)
	all := slices.Sorted(maps.Values(medians))
	if len(all) != 3 || all[2] > 4*all[0] {
		s.Breach("the medians are %v", medians)
	}
}

// SecretsAtRest is ST-01: what Redis holds after everything was done once: no secret of a cookie in any spelling, nor
// a stamp,
// nor what people typed as a password; and a key is no cookie.
func SecretsAtRest(s *stage.Stage) {
	people := s.People(3)
	v := s.Visitor()
	secrets := map[string]string{"the password": sitetest.Password}
	note := func(when string) {
		cookie, d := v.SessionCookie(s.One), v.Document(s.One)
		raw, err := base64.RawURLEncoding.DecodeString(cookie)
		if err != nil || len(raw) != 48 {
			s.Fatalf("the cookie %q: %v", cookie, err)
		}
		secret := raw[16:]
		for name, text := range map[string]string{
			"the cookie": cookie, "the secret": string(secret),
			"the secret in base64":     base64.RawStdEncoding.EncodeToString(secret),
			"the secret in URL base64": base64.RawURLEncoding.EncodeToString(secret),
			"the secret in hex":        hex.EncodeToString(secret), "the end of the cookie": cookie[22:],
			"the stamp": d.Stamp, "the MAC of the stamp": d.Stamp[strings.LastIndexByte(d.Stamp, '.')+1:],
		} {
			secrets[name+" "+when] = text
		}
	}
	v.SignIn(s.One, people[0])
	note("after signing in")
	v.BeginAdding(s.Two)
	note("while adding")
	v.SignIn(s.Two, people[1])
	note("after adding")
	v.Post(s.One, "/notes", stamped(v.Document(s.One).Stamp, "text", "a row"))
	v.Switch(s.One, people[0])
	note("after a switch")
	v.BeginAdding(s.One)
	s.Visitor().Post(s.One, "/session", url.Values{"email": {people[2]}, "password": {"a wrong password 8127"}})
	secrets["a wrong password"] = "a wrong password 8127"
	dump, known := s.Dump(), false
	for file, content := range s.DatabaseFiles() {
		dump["file "+file] = content
		known = known || strings.Contains(content, people[0])
	}
	if !known {
		s.Fatalf("the files of the database do not hold its people")
	}
	for key, value := range dump {
		for name, secret := range secrets {
			if strings.Contains(key, secret) || strings.Contains(value, secret) {
				s.Breach("%s is in the key %q", name, key)
			}
		}
		if strings.HasPrefix(key, "accounts:") && strings.Contains(value, people[0]) {
			s.Breach("an address of e-mail is in the key %q:\n%s", key, value)
		}
	}
	// What Redis holds of a session is good for no cookie.
	record := s.Record(v.SessionCookie(s.One))
	var fields map[string]any
	if err := json.Unmarshal([]byte(record["data"]), &fields); err != nil {
		s.Fatalf("the record: %v", err)
	}
	id := v.SessionCookie(s.One)[:21]
	for name, value := range fields {
		text, _ := value.(string)
		raw, err := base64.StdEncoding.DecodeString(text)
		if err != nil || len(raw) != 32 {
			continue
		}
		full, err := base64.RawURLEncoding.DecodeString(v.SessionCookie(s.One))
		if err != nil {
			s.Fatalf("the cookie: %v", err)
		}
		forged := base64.RawURLEncoding.EncodeToString(append(full[:16:16], raw...))
		if !strings.HasPrefix(forged, id) {
			s.Fatalf("the forged cookie %q", forged)
		}
		nobody(s, "the field "+name+" of the record as a secret", s.Holding(forged))
	}
	turnedAway(s, "a dumped key as a cookie", s.Holding(s.Key(v.SessionCookie(s.One))).Get(s.One, "/private"))
	if log := s.One.Log() + s.Two.Log(); log != "" {
		for name, secret := range secrets {
			if strings.Contains(log, secret) && name != "the password" { // which the example's own log tells who starts it
				s.Breach("%s is in the log of a node", name)
			}
		}
	}
}
