package audit_test

import (
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/multiaccount-go/multiaccount"
	"github.com/multiaccount-go/multiaccount/audit"
)

// A text becomes part of one line of at most the length asked for. What is printable and short stays as it is.
func FuzzClean(f *testing.F) {
	for _, text := range hostile {
		f.Add(text[:min(len(text), 600)])
	}
	f.Fuzz(func(t *testing.T, text string) {
		const max = 256
		got := audit.Clean(text, max)
		if len(got) > max || !utf8.ValidString(got) {
			t.Fatalf("%q became %q", text, got)
		}
		plain := utf8.ValidString(text) && len(text) <= max
		for _, r := range text {
			plain = plain && unicode.IsPrint(r) && r != '\\'
		}
		for _, r := range got {
			if !unicode.IsPrint(r) {
				t.Fatalf("%q became %q", text, got)
			}
		}
		if plain != (got == text) {
			t.Fatalf("%q became %q", text, got)
		}
	})
}

// What a stream wrote can be read, and reads the same when it is written once more; anything else is an error.
func FuzzRead(f *testing.F) {
	r := audit.Record(switched())
	f.Add(r["time"], r["event"], r["action"], r["agent"])
	f.Add("-1", r["event"], "refused", "x\ny")
	f.Add("9223372036854775807", "{01890a5d-ac96-774b-bcce-b302099a8057}", "", "\xff")
	f.Fuzz(func(t *testing.T, time, event, action, agent string) {
		e, err := audit.Read(map[string]string{"time": time, "event": event, "action": action, "agent": agent})
		if err != nil {
			if e != (multiaccount.Event{}) {
				t.Fatalf("an error and %+v", e)
			}
			return
		}
		again, err := audit.Read(audit.Record(e))
		if err != nil || !again.Time.Equal(e.Time) || again.ID != e.ID || again.Action == "" {
			t.Fatalf("%v: %+v became %+v", err, e, again)
		}
	})
}
