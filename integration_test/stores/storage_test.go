package stores_test

import (
	"bytes"
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"
	storageredis "github.com/gofiber/storage/redis/v3"
	"github.com/redis/go-redis/v9"

	"github.com/multiaccount-go/multiaccount/integration_test/redisserver"
	"github.com/multiaccount-go/multiaccount/redisstore"
)

var _ fiber.Storage = (*redisstore.Storage)(nil)

func TestStorageHoldsAnyKey(t *testing.T) {
	rdb := client(t, options(t, redisserver.Start(t).Addr))
	storage := redisstore.NewStorage(rdb, "sessions")
	keys := []string{"a", "A", "a:b", "*", "{x}", "\x00", "\r\nFLUSHALL\r\n", "ä", "\xff", strings.Repeat("k", 10<<10)}
	for _, key := range keys {
		if err := storage.Set(key, []byte(key), time.Hour); err != nil {
			t.Fatalf("set %.20q: %v", key, err)
		}
	}
	for _, key := range keys {
		if got, err := storage.Get(key); err != nil || string(got) != key {
			t.Errorf("get %.20q: got %.20q, %v", key, got, err)
		}
		if err := storage.Delete(key); err != nil {
			t.Errorf("delete %.20q: %v", key, err)
		}
		if got, err := storage.Get(key); got != nil || err != nil {
			t.Errorf("get %.20q after delete: got %.20q, %v, want nil, nil", key, got, err)
		}
	}
	if err := storage.Set("brief", []byte("x"), 20*time.Millisecond); err != nil {
		t.Fatal(err)
	}
	eventually(t, "a value expires", func() bool {
		got, err := storage.Get("brief")
		return got == nil && err == nil
	})
}

// TestCookieCannotNameOurKeys: Fiber's session middleware takes the cookie's value as the key.
func TestCookieCannotNameOurKeys(t *testing.T) {
	rdb := client(t, options(t, redisserver.Start(t).Addr))
	store, storage := redisstore.New(rdb), redisstore.NewStorage(rdb, "sessions")
	s, _ := signedIn(t, store, "alice")
	for key := range dump(t, rdb) {
		if got, err := storage.Get(key); got != nil || err != nil {
			t.Errorf("get %q: got %q, %v, want nil, nil", key, got, err)
		}
		if err := storage.Set(key, []byte("overwritten"), 0); err != nil {
			t.Errorf("set %q: %v", key, err)
		}
		if err := storage.Delete(key); err != nil {
			t.Errorf("delete %q: %v", key, err)
		}
	}
	if _, err := store.Load(t.Context(), s.ID); err != nil {
		t.Errorf("the session is damaged: %v", err)
	}
}

func TestStorageResetKeepsToItself(t *testing.T) {
	servers := redisserver.StartCluster(t)
	for name, rdb := range map[string]redis.UniversalClient{
		"single":  client(t, options(t, redisserver.Start(t).Addr)),
		"cluster": clusterClient(t, servers),
	} {
		t.Run(name, func(t *testing.T) {
			store := redisstore.New(rdb)
			csrf, csrf2 := redisstore.NewStorage(rdb, "csrf"), redisstore.NewStorage(rdb, "csrf2")
			theirs := redisstore.NewStorage(rdb, "csrf", redisstore.WithPrefix("theirs"))
			s, _ := signedIn(t, store, "alice")
			var keys []string
			for i := range 1500 {
				keys = append(keys, strings.Repeat("k", i))
			}
			keys = keys[1:]
			fill(t, csrf, keys)
			fill(t, csrf2, keys[:50])
			fill(t, theirs, keys[:50])
			if err := csrf.Reset(); err != nil {
				t.Fatal(err)
			}
			if left := count(t, csrf, keys); left != 0 {
				t.Errorf("%d keys are left", left)
			}
			if count(t, csrf2, keys[:50]) != 50 || count(t, theirs, keys[:50]) != 50 {
				t.Error("keys of another storage are gone")
			}
			if _, err := store.Load(t.Context(), s.ID); err != nil {
				t.Errorf("the session is gone: %v", err)
			}
			if err := csrf.Close(); err != nil {
				t.Fatal(err)
			}
			if err := csrf2.Set("still", []byte("open"), 0); err != nil {
				t.Errorf("Close has closed the caller's client: %v", err)
			}
		})
	}
}

func fill(t *testing.T, storage *redisstore.Storage, keys []string) {
	t.Helper()
	for _, key := range keys {
		if err := storage.Set(key, []byte("v"), time.Hour); err != nil {
			t.Fatal(err)
		}
	}
}

func count(t *testing.T, storage *redisstore.Storage, keys []string) (n int) {
	t.Helper()
	for _, key := range keys {
		value, err := storage.Get(key)
		if err != nil {
			t.Fatal(err)
		}
		if value != nil {
			n++
		}
	}
	return n
}

func TestFromStorageSharesTheClient(t *testing.T) {
	rdb := client(t, options(t, redisserver.Start(t).Addr))
	s, _ := signedIn(t, redisstore.FromStorage(storageredis.NewFromConnection(rdb)), "alice")
	if _, err := redisstore.New(rdb).Load(t.Context(), s.ID); err != nil {
		t.Errorf("got %v, want the session", err)
	}
	if err := redisstore.FromStorage(nil).Validate(); err == nil {
		t.Error("no storage: got nil, want an error")
	}
}

func TestBusCarriesMessagesBetweenProcesses(t *testing.T) {
	server := redisserver.Start(t)
	rdb := client(t, options(t, server.Addr))
	sender, receiver := redisstore.NewBus(rdb, quiet), redisstore.NewBus(client(t, options(t, server.Addr)), quiet)
	type message struct {
		topic   string
		payload []byte
	}
	messages := make(chan message, 1000)
	var gaps atomic.Int64
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		done <- receiver.Subscribe(ctx, func(topic string, payload []byte) {
			if topic == "" {
				gaps.Add(1)
				return
			}
			messages <- message{topic, payload}
		})
	}()
	publish := func(topic string, payload []byte) {
		t.Helper()
		if err := sender.Publish(t.Context(), topic, payload); err != nil {
			t.Fatal(err)
		}
	}
	// hear publishes until the receiver is there: nobody keeps messages for it.
	hear := func() {
		t.Helper()
		eventually(t, "the receiver hears", func() bool { publish("hello", nil); return len(messages) > 0 })
	}
	hear()
	if got := gaps.Load(); got != 1 {
		t.Errorf("told of %d gaps, want the one at the start", got)
	}
	if err := rdb.ClientKillByFilter(t.Context(), "TYPE", "pubsub").Err(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the receiver is told of the gap", func() bool { return gaps.Load() == 2 }) // and hears over another connection
	if err := sender.Publish(t.Context(), "", nil); err == nil {
		t.Error("a message without a topic was published")
	}
	for _, garbage := range []string{"", "5", "x:y", "-1:y", "99:short"} {
		if err := rdb.Publish(t.Context(), "accounts:live", garbage).Err(); err != nil {
			t.Fatal(err)
		}
	}
	want := []message{{"notes:alice", []byte("<p>hi</p>")}, {"nothing", nil}, {"a:b\x00", []byte{0, 0xff, '\n'}}, {"end", []byte("x")}}
	for _, m := range want {
		publish(m.topic, m.payload)
	}
	for i := 0; i < len(want); {
		select {
		case m := <-messages:
			if m.topic == "hello" {
				continue
			}
			if m.topic != want[i].topic || !bytes.Equal(m.payload, want[i].payload) {
				t.Errorf("message %d: got %q, want %q", i, m, want[i])
			}
			i++
		case <-time.After(10 * time.Second):
			t.Fatalf("message %d did not come", i)
		}
	}
	cancel()
	if err := <-done; err != context.Canceled {
		t.Errorf("Subscribe: got %v, want context.Canceled", err)
	}
}
