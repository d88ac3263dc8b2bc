package stage

import (
	"bufio"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/multiaccount-go/multiaccount/account"
	"github.com/multiaccount-go/multiaccount/integration_test/sitetest"
)

// sessionID returns the id that a cookie names.
func (s *Stage) sessionID(cookie string) string {
	s.Helper()
	c, err := account.ParseCookie(cookie)
	if err != nil {
		s.Fatalf("stage: cookie %q: %v", cookie, err)
	}
	return c.ID.String()
}

// Key returns the key of the record that a cookie names, or "" when there is none.
func (s *Stage) Key(cookie string) string {
	s.Helper()
	keys := s.Keys("accounts:*:s:" + s.sessionID(cookie))
	if len(keys) == 0 {
		return ""
	}
	return keys[0]
}

// Keys returns the keys that match a pattern, in order.
func (s *Stage) Keys(pattern string) []string {
	s.Helper()
	var keys []string
	for scan := s.Redis.Scan(s.Context(), 0, pattern, 1000).Iterator(); scan.Next(s.Context()); {
		keys = append(keys, scan.Val())
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}

// Record returns the record that a cookie names as Redis has it, without what a request that only looks may move.
func (s *Stage) Record(cookie string) map[string]string {
	s.Helper()
	fields, err := s.Redis.HGetAll(s.Context(), s.Key(cookie)).Result()
	if err != nil {
		s.Fatalf("stage: read a record: %v", err)
	}
	delete(fields, "seen")
	return fields
}

// Rewrite changes the record that a cookie names behind the site's back: time passes, or somebody writes to Redis.
func (s *Stage) Rewrite(cookie string, change func(record map[string]any)) {
	s.Helper()
	key := s.Key(cookie)
	var record map[string]any
	decoder := json.NewDecoder(strings.NewReader(s.Redis.HGet(s.Context(), key, "data").Val()))
	decoder.UseNumber()
	if err := decoder.Decode(&record); err != nil {
		s.Fatalf("stage: read a record: %v", err)
	}
	change(record)
	data, err := json.Marshal(record)
	if err == nil {
		err = s.Redis.HSet(s.Context(), key, "data", data).Err()
	}
	if err != nil {
		s.Fatalf("stage: rewrite a record: %v", err)
	}
}

// Keep remembers the record that a cookie names and returns how to bring it back: the cookie is then as good as it was. So
// one sign-in serves many races.
func (s *Stage) Keep(cookie string) (restore func()) {
	s.Helper()
	key := s.Key(cookie)
	blob, err := s.Redis.Dump(s.Context(), key).Result()
	if err != nil {
		s.Fatalf("stage: keep a record: %v", err)
	}
	return func() {
		s.Helper()
		if err := s.Redis.RestoreReplace(s.Context(), key, time.Hour, blob).Err(); err != nil {
			s.Fatalf("stage: restore a record: %v", err)
		}
	}
}

// Rows returns the rows of the example that belong to an account.
func (s *Stage) Rows(accountID string) []string {
	s.Helper()
	var texts []string
	for _, row := range s.Redis.LRange(s.Context(), "example:notes:"+accountID, 0, -1).Val() {
		_, text, _ := strings.Cut(row, " ")
		texts = append(texts, text)
	}
	return texts
}

// Dump returns everything that Redis holds: keys, and what is in each of them.
func (s *Stage) Dump() map[string]string {
	s.Helper()
	ctx, dump := s.Context(), map[string]string{}
	for _, key := range s.Keys("*") {
		var value any
		switch kind := s.Redis.Type(ctx, key).Val(); kind {
		case "string":
			value = s.Redis.Get(ctx, key).Val()
		case "hash":
			value = s.Redis.HGetAll(ctx, key).Val()
		case "list":
			value = s.Redis.LRange(ctx, key, 0, -1).Val()
		case "set":
			value = s.Redis.SMembers(ctx, key).Val()
		case "zset":
			value = s.Redis.ZRangeWithScores(ctx, key, 0, -1).Val()
		case "stream":
			value = s.Redis.XRange(ctx, key, "-", "+").Val()
		case "none": // expired meanwhile
		default:
			s.Errorf("stage: key %q is a %s, which a dump cannot show", key, kind)
		}
		dump[key] = fmt.Sprint(value)
	}
	return dump
}

// DatabaseFiles returns what is on disk of the site's database: file names, and what is in each of them.
func (s *Stage) DatabaseFiles() map[string]string {
	s.Helper()
	id, err := s.Redis.Get(s.Context(), "example:database").Result()
	if err != nil {
		s.Fatalf("stage: which database: %v", err)
	}
	files, contents := filepath.Dir(sitetest.DatabaseFile(s, id)), map[string]string{}
	entries, err := os.ReadDir(files)
	if err != nil {
		s.Fatalf("stage: database: %v", err)
	}
	for _, entry := range entries {
		content, err := os.ReadFile(filepath.Join(files, entry.Name()))
		if err != nil {
			s.Fatalf("stage: database: %v", err)
		}
		contents[entry.Name()] = string(content)
	}
	return contents
}

// Commands returns what the site asks Redis for while act runs, as MONITOR shows it.
func (s *Stage) Commands(act func()) []string {
	s.Helper()
	conn, err := net.DialTimeout("tcp", s.Redis.Options().Addr, 5*time.Second)
	if err != nil {
		s.Fatalf("stage: monitor: %v", err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(time.Minute))
	lines := bufio.NewReader(conn)
	if _, err = io.WriteString(conn, "MONITOR\r\n"); err == nil {
		_, err = lines.ReadString('\n')
	}
	if err != nil {
		s.Fatalf("stage: monitor: %v", err)
	}
	act()
	last := "stage-" + rand.Text()
	s.Redis.Echo(s.Context(), last)
	var commands []string
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			s.Fatalf("stage: monitor: %v", err)
		}
		if strings.Contains(line, last) {
			return commands
		}
		commands = append(commands, strings.TrimSpace(line))
	}
}

// Snapshot is what an attack must leave as it was.
type Snapshot struct {
	s       *Stage
	visitor *sitetest.Visitor
	was     map[string]string
}

// Snapshot remembers a browser and its session: the cookie, the record, what the site says of it, and the rows of all
// of its
// accounts.
func (s *Stage) Snapshot(v *sitetest.Visitor) Snapshot {
	s.Helper()
	return Snapshot{s, v, s.look(v)}
}

func (s *Stage) look(v *sitetest.Visitor) map[string]string {
	s.Helper()
	cookie := v.SessionCookie(s.One)
	got := map[string]string{"cookie": cookie}
	for i, n := range s.Nodes() {
		got[fmt.Sprintf("state on node %d", i+1)] = v.Get(n, "/link/state?v=1", "Accept", "application/json").Body
		got[fmt.Sprintf("document on node %d", i+1)] = v.Get(n, "/link/accounts", "Accept", "application/json").Body
	}
	if cookie != "" {
		got["record"] = fmt.Sprint(s.Record(cookie))
	}
	for _, a := range v.Document(s.One).Accounts {
		got["rows of "+a.Profile.Email] = strings.Join(s.Rows(a.ID), "\n")
	}
	return got
}

// Unchanged tells of everything that is not as it was as a breach by what.
func (before Snapshot) Unchanged(what string) {
	before.s.Helper()
	is := before.s.look(before.visitor)
	for _, name := range slices.Sorted(maps.Keys(before.was)) {
		if is[name] != before.was[name] {
			before.s.Breach("%s: the %s has changed\nfrom %s\nto   %s", what, name, before.was[name], is[name])
		}
	}
	if len(is) != len(before.was) {
		before.s.Breach("%s: there is more or less than before: %v, was %v", what, is, before.was)
	}
}
