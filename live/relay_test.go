package live_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/multiaccount-go/multiaccount/live"
)

// twoNodes returns two processes on one bus. The first has a stream of alice.
func twoNodes(t *testing.T, bus *relayBus) (a, b *stage, s *source) {
	t.Helper()
	cfg := live.HubConfig{Bus: bus, Limits: live.Limits{MessagesPerSecond: 1, Burst: 3}}
	a, b = newStage(t, cfg), newStage(t, cfg)
	for _, g := range []*stage{a, b} {
		g.listen()
		g.set(state("alice", 1, 1))
		g.set(state("bob", 1, 1))
		g.view() // with which the process begins to listen
	}
	eventually(t, "both listen", func() bool { return bus.joined() == 2 })
	return a, b, a.view("X-Session", "alice")
}

func TestEventForAStreamOnAnotherNode(t *testing.T) {
	for name, copies := range map[string]int{"a bus that brings everything once": 1, "a bus that stutters": 3} {
		t.Run(name, func(t *testing.T) {
			a, b, s := twoNodes(t, &relayBus{copies: copies})
			b.sends(204, s.id, `{"text":"milk"}`, "X-Session", "alice")
			s.expect("milk")
			b.sends(409, s.id, `{"text":"x"}`, "X-Session", "bob")
			b.sends(409, s.id, `{"text":"x"}`)
			b.sends(400, s.id, `{"text":{}}`, "X-Session", "alice")
			b.sends(204, s.id, `{"text":"eggs"}`, "X-Session", "alice")
			s.expect("milk,eggs")
			if a.did() != "milk,eggs" || b.did() != "" {
				t.Errorf("executed: %s here, %s there", a.did(), b.did())
			}
			if code, _ := b.post("/list/b", s.id, `{"text":"x"}`, "X-Session", "alice"); code != 404 {
				t.Errorf("another address: %d, want 404", code)
			}
			b.sends(204, s.id, `{"text":"rice"}`, "X-Session", "alice")
			b.sends(429, s.id, `{"text":"x"}`, "X-Session", "alice")
		})
	}
}

func TestNobodyAnswers(t *testing.T) {
	for name, c := range map[string]func(b *stage, s *source, bus *relayBus){
		"no node has the stream": func(b *stage, _ *source, _ *relayBus) {
			b.sends(404, strings.Repeat("0", 32), `{"text":"x"}`, "X-Session", "alice")
		},
		"the answer is lost": func(b *stage, s *source, bus *relayBus) {
			bus.mu.Lock()
			bus.deaf = func(topic string) bool { return strings.Contains(topic, "answer") }
			bus.mu.Unlock()
			b.sends(404, s.id, `{"text":"once"}`, "X-Session", "alice")
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bus := &relayBus{copies: 1}
			_, b, s := twoNodes(t, bus)
			c(b, s, bus)
			if n := b.hub.Waiting(); n != 0 {
				t.Errorf("%d calls still wait", n)
			}
		})
	}
}

// A process that has no socket of its own hears no answer until it listens. The first event for a stream elsewhere makes it.
func TestNodeWithoutSocketsBeginsToListen(t *testing.T) {
	bus := &relayBus{copies: 1}
	g := newStage(t, live.HubConfig{Bus: bus})
	g.listen()
	g.sends(404, strings.Repeat("0", 32), `{"text":"x"}`)
	if bus.joined() != 1 {
		t.Error("it does not listen")
	}
}

// What is on the bus may be damaged. It must neither end the process nor be taken for an event.
func TestDamagedMessagesOfOtherNodes(t *testing.T) {
	bus := &relayBus{copies: 1}
	a, _, s := twoNodes(t, bus)
	whole, _ := json.Marshal(map[string]any{
		"Node": "n", "Call": "c", "Stream": s.id, "Event": map[string]string{"text": "x"},
		"Sender": map[string]any{"Path": "/list/a", "Follows": true, "Generation": 1},
	})
	for _, topic := range []string{"event", "answer:", "answer:x", "", "more"} {
		for i := range whole {
			_ = bus.Publish(context.Background(), "\x00live:"+topic, whole[:i])
		}
		for _, text := range []string{"null", "[]", "{}", `{"Call":1}`, `{"Stream":"` + s.id + `"}`, `{"Stream":"` + s.id + `","Call":"d","Event":"x"}`,
			`{"Stream":"` + s.id + `","Call":"e","Event":null}`, string(whole)} {
			_ = bus.Publish(context.Background(), "\x00live:"+topic, []byte(text))
		}
	}
	a.sends(204, s.id, `{"text":"fine"}`, "X-Session", "alice")
	s.expect("fine")
	if a.did() != "fine" {
		t.Errorf("executed: %s", a.did())
	}
}

func TestReservedTopicsCannotBePublishedTo(t *testing.T) {
	for _, cfg := range []live.HubConfig{{}, {Bus: &relayBus{copies: 1}}} {
		h := live.NewHub(cfg)
		if h.Publish(context.Background(), "\x00live:event", []byte("{}")) == nil {
			t.Error("it was published")
		}
		_ = h.Close(context.Background())
	}
}
