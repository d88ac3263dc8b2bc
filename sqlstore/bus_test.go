package sqlstore_test

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/multiaccount-go/multiaccount/attempts"
	"github.com/multiaccount-go/multiaccount/sqlstore"
)

type message struct {
	topic   string
	payload []byte
}

// subscriber is a running Subscribe that remembers what it heard.
type subscriber struct {
	mu       sync.Mutex
	gaps     int
	messages []message
}

func subscribe(t testing.TB, bus *sqlstore.Bus) *subscriber {
	t.Helper()
	s := new(subscriber)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		done <- bus.Subscribe(ctx, func(topic string, payload []byte) {
			s.mu.Lock()
			defer s.mu.Unlock()
			if topic == "" {
				s.gaps++
				return
			}
			s.messages = append(s.messages, message{topic, payload})
		})
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("Subscribe: got %v, want context.Canceled", err)
		}
	})
	s.awaitGaps(t, 1)
	return s
}

func (s *subscriber) awaitGaps(t testing.TB, n int) {
	t.Helper()
	eventually(t, "the subscriber hears of a gap", func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.gaps >= n
	})
}

// expect waits for messages, in order, and forgets them.
func (s *subscriber) expect(t testing.TB, want ...message) {
	t.Helper()
	eventually(t, "every message is heard", func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return len(s.messages) >= len(want)
	})
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, m := range s.messages {
		if i >= len(want) || m.topic != want[i].topic || !bytes.Equal(m.payload, want[i].payload) {
			t.Errorf("message %d: got topic %.40q and %d bytes, want another", i, m.topic, len(m.payload))
		}
	}
	s.messages = nil
}

func TestBusCarriesMessagesBetweenProcesses(t *testing.T) {
	address := onPostgres.migrated(t)
	db := onPostgres.open(t, address)
	sender := sqlstore.NewBus(db, quiet)
	near := subscribe(t, sqlstore.NewBus(db, quiet, sqlstore.WithProbe(time.Hour)))
	far := subscribe(t, sqlstore.NewBus(onPostgres.open(t, address), quiet, sqlstore.WithProbe(time.Hour)))
	others := subscribe(t, sqlstore.NewBus(db, quiet, sqlstore.WithProbe(time.Hour), sqlstore.WithNamespace("others")))
	messages := []message{
		{"notes:alice", []byte("<p>hi</p>")}, {"nothing", nil}, {"a:b\x00\xff", []byte{0, 0xff, '\n'}}, {"same", []byte("x")}, {"same", []byte("x")},
		{"just fits", bytes.Repeat([]byte("x"), 5980)}, {"too long", bytes.Repeat([]byte{0, 1}, 3500)},
		{"a picture", bytes.Repeat([]byte("x"), 1<<20)}, {strings.Repeat("t", 9000), nil}, {"end", []byte("x")},
	}
	send := func() {
		t.Helper()
		for _, m := range messages {
			if err := sender.Publish(t.Context(), m.topic, m.payload); err != nil {
				t.Fatal(err)
			}
		}
	}
	send()
	near.expect(t, messages...)
	far.expect(t, messages...)
	if n := killListeners(t, db); n != 3 {
		t.Fatalf("%d connections listened, want 3", n)
	}
	near.awaitGaps(t, 2)
	far.awaitGaps(t, 2)
	send()
	near.expect(t, messages...)
	far.expect(t, messages...)
	others.expect(t)
	if err := sender.Publish(t.Context(), "", nil); err == nil {
		t.Error("a message without a topic was published")
	}
}

func TestBusTellsOfMessagesThatCannotBeRead(t *testing.T) {
	address := onPostgres.migrated(t)
	db := onPostgres.open(t, address)
	bus := sqlstore.NewBus(db, quiet)
	hears := subscribe(t, bus)
	for i, text := range []string{"", "x", "m!", "m", "mOmFi", "r", "r1", "r99", "rx", "mNTphYmM"} {
		run(t, db, "SELECT pg_notify('multiaccount.live', $1)", text)
		hears.awaitGaps(t, i+2)
	}
	if err := bus.Publish(t.Context(), "end", nil); err != nil {
		t.Fatal(err)
	}
	hears.expect(t, message{"end", nil})
}

func TestLongMessagesDoNotStay(t *testing.T) {
	db := onPostgres.open(t, onPostgres.migrated(t))
	bus, long := sqlstore.NewBus(db, quiet), bytes.Repeat([]byte("x"), 10_000)
	rows := func() int { return count(t, db, "SELECT count(*) FROM multiaccount.messages") }
	for range 15 {
		if err := bus.Publish(t.Context(), "topic", long); err != nil {
			t.Fatal(err)
		}
	}
	if n := rows(); n != 15 {
		t.Errorf("%d rows, want 15: somebody may still read them", n)
	}
	run(t, db, "UPDATE multiaccount.messages SET sent_at = sent_at - interval '2 minutes'")
	for range 2 {
		if err := bus.Publish(t.Context(), "topic", long); err != nil {
			t.Fatal(err)
		}
	}
	if n := rows(); n != 2 {
		t.Errorf("%d rows, want the two new ones", n)
	}
}

func TestBusAndCounterNameTheMistake(t *testing.T) {
	bus, counter := sqlstore.NewBus(nil, quiet), sqlstore.NewCounter(nil, quiet)
	_, take := counter.Take(t.Context(), []attempts.Bucket{{Key: "a", Tries: 1, Step: time.Second}})
	for where, err := range map[string]error{
		"Bus.Validate": bus.Validate(), "Publish": bus.Publish(t.Context(), "a", nil),
		"Subscribe":        bus.Subscribe(t.Context(), func(string, []byte) {}),
		"Counter.Validate": counter.Validate(), "Take": take, "Forget": counter.Forget(t.Context(), "a"),
	} {
		if err == nil || !strings.Contains(err.Error(), "database is nil") {
			t.Errorf("%s: got %v, want an error about the database", where, err)
		}
	}
}
