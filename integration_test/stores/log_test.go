package stores_test

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
	"github.com/redis/go-redis/v9"

	"github.com/multiaccount-go/multiaccount"
	"github.com/multiaccount-go/multiaccount/audit"
	"github.com/multiaccount-go/multiaccount/integration_test/redisserver"
	"github.com/multiaccount-go/multiaccount/redisstore"
)

func event(action, agent string) multiaccount.Event {
	return multiaccount.Event{ID: uuid.Must(uuid.NewV7()), Time: time.UnixMilli(1700000000123).UTC(), Action: action, UserAgent: agent}
}

// readAll reads a log in small steps, as a reader does that remembers where it is.
func readAll(t *testing.T, log *redisstore.Log) (events []multiaccount.Event) {
	t.Helper()
	for last := ""; ; {
		records, err := log.After(t.Context(), last, 7)
		if err != nil {
			t.Fatal(err)
		}
		if len(records) == 0 {
			return events
		}
		for _, r := range records {
			e, err := audit.Read(r.Values)
			if err != nil {
				t.Fatalf("%s: %v", r.ID, err)
			}
			events, last = append(events, e), r.ID
		}
	}
}

func TestAuditTrailInRedis(t *testing.T) {
	server := redisserver.Start(t)
	rdb := client(t, options(t, server.Addr))
	log := redisstore.NewLog(rdb, "audit", redisstore.WithPrefix("shop"))
	trail, err := audit.NewStream(log, audit.StreamConfig{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	const hostile = "x\r\nXADD shop:log:audit * action forged\r\n\x1b[2J{{.}}\xff"
	for i := range 300 {
		trail.OnEvent(t.Context(), event(fmt.Sprint("n", i), hostile))
	}
	if err := trail.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	events := readAll(t, log)
	if len(events) != 300 {
		t.Fatalf("%d events, want 300", len(events))
	}
	for i, e := range events {
		if e.Action != fmt.Sprint("n", i) || strings.ContainsAny(e.UserAgent, "\r\n\x1b") || !utf8.ValidString(e.UserAgent) {
			t.Fatalf("event %d is %+v", i, e)
		}
	}
	if keys, err := rdb.Keys(t.Context(), "*").Result(); err != nil || len(keys) != 1 || keys[0] != "shop:log:audit" {
		t.Errorf("keys: %q, %v", keys, err)
	}
}

func TestLogKeepsTheNewest(t *testing.T) {
	log := redisstore.NewLog(client(t, options(t, redisserver.Start(t).Addr)), "audit").Keep(1000)
	for range 30 {
		records := make([][]string, 100)
		for i := range records {
			records[i] = []string{"n", fmt.Sprint(i)}
		}
		if err := log.Append(t.Context(), records...); err != nil {
			t.Fatal(err)
		}
	}
	records, err := log.After(t.Context(), "", 10000)
	if err != nil || len(records) < 1000 || len(records) > 1300 || records[len(records)-1].Values["n"] != "99" {
		t.Errorf("%d records are kept, %v, want about the newest 1000", len(records), err)
	}
}

func TestLogInACluster(t *testing.T) {
	servers := redisserver.StartCluster(t)
	rdb := clusterClient(t, servers)
	log := redisstore.NewLog(rdb, "audit")
	if err := log.Append(t.Context(), []string{"a", "1"}, []string{"a", "2"}); err != nil {
		t.Fatal(err)
	}
	if records, err := log.After(t.Context(), "", 10); err != nil || len(records) != 2 || records[1].Values["a"] != "2" {
		t.Errorf("got %+v, %v", records, err)
	}
	one := client(t, options(t, servers[1].Addr))
	for name, value := range map[string]string{"maxmemory": "100mb", "maxmemory-policy": "volatile-lru"} {
		if err := one.ConfigSet(t.Context(), name, value).Err(); err != nil {
			t.Fatal(err)
		}
	}
	warnings, err := redisstore.New(rdb).Check(t.Context())
	if err != nil || len(warnings) != 1 || !strings.Contains(warnings[0], servers[1].Addr) || !strings.Contains(warnings[0], "volatile-lru") {
		t.Errorf("got %q, %v, want a warning about %s", warnings, err, servers[1].Addr)
	}
}

// RS-07: a Redis that removes keys when it is full signs people out.
func TestCheckWarnsOfEviction(t *testing.T) {
	server := redisserver.Start(t)
	rdb := client(t, options(t, server.Addr))
	store := redisstore.New(rdb)
	for _, tc := range []struct {
		maxmemory, policy string
		warns             bool
	}{
		{"0", "noeviction", false}, {"0", "allkeys-lru", false}, {"100mb", "noeviction", false},
		{"100mb", "allkeys-lru", true}, {"100mb", "volatile-ttl", true},
	} {
		for name, value := range map[string]string{"maxmemory": tc.maxmemory, "maxmemory-policy": tc.policy} {
			if err := rdb.ConfigSet(t.Context(), name, value).Err(); err != nil {
				t.Fatal(err)
			}
		}
		warnings, err := store.Check(t.Context())
		if err != nil || (len(warnings) == 1) != tc.warns || tc.warns && !strings.Contains(warnings[0], tc.policy) {
			t.Errorf("%s %s: got %q, %v", tc.maxmemory, tc.policy, warnings, err)
		}
	}
	server.Hang()
	defer server.Resume()
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if _, err := store.Check(ctx); err == nil {
		t.Error("a Redis that does not answer was found in order")
	}
}

// RS-07: what makes a fail-over lose more than the last moment.
func TestCheckWarnsOfWhatAFailOverLoses(t *testing.T) {
	sentinel := redisserver.StartSentinel(t)
	check := func(what string, rdb *redis.Client, want string) {
		t.Helper()
		warnings, err := redisstore.New(rdb).Check(t.Context())
		if err != nil || (want == "") != (len(warnings) == 0) || !strings.Contains(strings.Join(warnings, " "), want) {
			t.Errorf("%s: got %q, %v, want %q", what, warnings, err, want)
		}
	}
	rdb := failoverClient(t, sentinel.URL())
	check("a primary that goes on alone", rdb, "min-replicas-to-write")
	check("a replica", client(t, options(t, sentinel.Servers[1].Addr)), "is a replica")
	if err := rdb.ConfigSet(t.Context(), "min-replicas-to-write", "1").Err(); err != nil {
		t.Fatal(err)
	}
	check("a primary that stops alone", rdb, "")
}

func TestLogValidateNamesTheMistake(t *testing.T) {
	rdb := client(t, options(t, "127.0.0.1:1"))
	for name, log := range map[string]*redisstore.Log{
		"name":   redisstore.NewLog(rdb, "a:b"),
		"prefix": redisstore.NewLog(rdb, "audit", redisstore.WithPrefix("{x}")),
		"client": redisstore.NewLog(nil, "audit"),
		"keeps":  redisstore.NewLog(rdb, "audit").Keep(0),
	} {
		if err := log.Validate(); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: got %v", name, err)
		}
		if err := log.Append(t.Context(), []string{"a", "b"}); err == nil {
			t.Errorf("%s: Append works", name)
		}
		if _, err := log.After(t.Context(), "", 1); err == nil {
			t.Errorf("%s: After works", name)
		}
	}
}
