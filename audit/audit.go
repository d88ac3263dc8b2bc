// Package audit has sinks for the events of the plugin, for Config.OnEvent:
//
//	trail, err := audit.NewStream(redisstore.NewLog(rdb, "audit"), audit.StreamConfig{})
//	accounts, err := multiaccount.New(multiaccount.Config[User]{
//		OnEvent: audit.All(audit.Slog(slog.Default()), trail.OnEvent),
//	})
//	defer trail.Close(ctx) // after accounts.Close
//
// Whatever a client sent, a record is one record, of a bounded size: control characters, marks that change the direction
// of a line and bytes that are no UTF-8 are escaped as in Go strings, and what is too long is cut and ends in "…". Braces
// and angle brackets stay: whoever shows a record in HTML escapes it, as html/template does.
//
// A record holds the route that the app registered and not the path of the request, which may hold a token.
package audit

import (
	"context"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/multiaccount-go/multiaccount"
)

// Sink hears of events, like Config.OnEvent. It may be called concurrently.
type Sink = func(ctx context.Context, e multiaccount.Event)

// All returns a sink that tells each of sinks, in order. When one panics the others are told all the same, and the first
// panic goes on, to be logged by the plugin.
func All(sinks ...Sink) Sink {
	return func(ctx context.Context, e multiaccount.Event) {
		var panicked any
		for _, sink := range sinks {
			func() {
				defer func() {
					if r := recover(); r != nil && panicked == nil {
						panicked = r
					}
				}()
				sink(ctx, e)
			}()
		}
		if panicked != nil {
			panic(panicked)
		}
	}
}

// field is one part of a record.
type field struct{ name, value string }

// Bytes of a field at most. An agent of more says nothing about a browser.
const (
	maxField = 256
	maxAgent = 512
)

// fields returns what a record says of an event beside its time, in order and without what is empty.
func fields(e multiaccount.Event) []field {
	all := []field{
		{"action", e.Action}, {"code", e.Code}, {"actor", e.Actor}, {"account", e.Account}, {"named", e.Named},
		{"from", e.From}, {"to", e.To}, {"scope", e.Scope}, {"reason", string(e.Reason)}, {"session", e.Session},
		{"method", e.Method}, {"route", e.Route}, {"ip", e.IP}, {"agent", e.UserAgent}, {"request", e.RequestID},
		{"event", e.ID.String()},
	}
	said := all[:0]
	for _, f := range all {
		max := maxField
		if f.name == "agent" {
			max = maxAgent
		}
		if f.value = clean(f.value, max); f.value != "" {
			said = append(said, f)
		}
	}
	return said
}

// more ends a value that was cut.
const more = "…"

// clean returns text as part of one line, of at most max bytes. Two different texts that are not cut stay different.
func clean(text string, max int) string {
	if len(text) <= max && isPlain(text) {
		return text
	}
	var b strings.Builder
	keep := 0 // bytes that fit together with the mark of a cut
	for text != "" {
		r, size := utf8.DecodeRuneInString(text)
		var part string
		switch {
		case r == utf8.RuneError && size == 1:
			part = `\x` + strconv.FormatUint(uint64(text[0])|0x100, 16)[1:]
		case r == '\\':
			part = `\\`
		case unicode.IsPrint(r):
			part = text[:size]
		default:
			part = strings.Trim(strconv.QuoteRuneToASCII(r), "'")
		}
		if b.Len()+len(part) > max {
			return b.String()[:keep] + more
		}
		b.WriteString(part)
		if b.Len() <= max-len(more) {
			keep = b.Len()
		}
		text = text[size:]
	}
	return b.String()
}

func isPlain(text string) bool {
	for _, r := range text {
		if r == utf8.RuneError || r == '\\' || !unicode.IsPrint(r) {
			return false
		}
	}
	return true
}
