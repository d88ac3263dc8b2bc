package live

import (
	"context"
	"encoding/json"
	"log/slog"
	"strings"
	"testing"
	"time"
)

// FuzzAppendEvent: a browser reads one event, with the data that was sent, whatever is in it: nobody can end an event from
// inside, nor begin another one.
func FuzzAppendEvent(f *testing.F) {
	for _, data := range []string{"", "x", "a\nb", "a\r\nb\rc", "\n\nevent: close\ndata: {}\n\n", "\r\r", "data: x", ": ping", "\x00\xff", "a\n", "\u2028"} {
		f.Add([]byte(data), true)
		f.Add([]byte(data), false)
	}
	f.Fuzz(func(t *testing.T, data []byte, named bool) {
		name := ""
		if named {
			name = "open"
		}
		sent := string(appendEvent([]byte(": before\n\n"), name, data))
		want := strings.ReplaceAll(strings.ReplaceAll(string(data), "\r\n", "\n"), "\r", "\n")
		got := readEvents(strings.TrimPrefix(sent, ": before\n\n"))
		if len(got) != 1 || got[0] != [2]string{name, want} {
			t.Fatalf("%q became %q, read as %q", data, sent, got)
		}
	})
}

// readEvents reads an event stream as the HTML standard says, names and data.
func readEvents(stream string) (events [][2]string) {
	stream = strings.ReplaceAll(strings.ReplaceAll(stream, "\r\n", "\n"), "\r", "\n")
	var name, data string
	begun := false
	for line := range strings.SplitSeq(stream, "\n") {
		field, value, _ := strings.Cut(line, ":")
		value = strings.TrimPrefix(value, " ")
		switch {
		case line == "" && begun:
			events = append(events, [2]string{name, strings.TrimSuffix(data, "\n")})
			name, data, begun = "", "", false
		case field == "event":
			name = value
		case field == "data":
			data, begun = data+value+"\n", true
		}
	}
	return events
}

// FuzzRelay: what other processes say about events over the bus comes from whoever can publish there. Nothing of it ends the
// process, and an answer that nobody waits for is nothing.
func FuzzRelay(f *testing.F) {
	h := NewHub(HubConfig{Log: slog.New(slog.DiscardHandler)})
	f.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		_ = h.Close(ctx)
	})
	ask, err := json.Marshal(question{Node: h.relay.node, Call: "c", Stream: strings.Repeat("0", 2*idBytes), Event: json.RawMessage(`{"a":"b"}`)})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(relayAsk, ask)
	f.Add(relayAnswer+h.relay.node, []byte(`{"Call":"mine","Status":204}`))
	f.Add(relayAnswer+"of somebody else", []byte(`{"Call":"mine","Status":204}`))
	f.Add(relayAnswer, []byte(`{"Call":"mine","Status":204}`))
	f.Add(relayAnswer+h.relay.node, []byte(`{"Call":"mine","Status":1000}`))
	f.Add(reservedTopics, []byte(`null`))
	f.Fuzz(func(t *testing.T, topic string, payload []byte) {
		waits := make(chan int, 1)
		h.relay.mu.Lock()
		h.relay.waiting["mine"] = waiting{answer: waits}
		h.relay.mu.Unlock()
		h.hear(topic, payload)
		select {
		case status := <-waits:
			if status < 200 || status > 599 || topic != relayAnswer+h.relay.node {
				t.Fatalf("%q on %q: the answer is %d", payload, topic, status)
			}
		default:
		}
		if n := h.Inlets(); n != 0 {
			t.Fatalf("%q on %q: %d streams", payload, topic, n)
		}
	})
}
