package stores_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/multiaccount-go/multiaccount/account"
	"github.com/multiaccount-go/multiaccount/attempts"
	"github.com/multiaccount-go/multiaccount/integration_test/redisserver"
	"github.com/multiaccount-go/multiaccount/redisstore"
	"github.com/multiaccount-go/multiaccount/storetest"
)

// documented returns the rules of the users that docs/redis.md tells operators to make: for any Redis, and what a cluster
// needs beside that.
func documented(t *testing.T) (everywhere, inCluster []string) {
	t.Helper()
	text, err := os.ReadFile("../../docs/redis.md")
	if err != nil {
		t.Fatal(err)
	}
	lines := regexp.MustCompile(`(?m)^ACL SETUSER app (.*)$`).FindAllSubmatch(text, -1)
	if len(lines) != 2 {
		t.Fatalf("docs/redis.md has %d lines that make a user, want 2", len(lines))
	}
	return strings.Fields(string(lines[0][1])), strings.Fields(string(lines[1][1]))
}

const password = "a-long-password" // of docs/redis.md

// setUser gives a server the user, with these rules and no others.
func setUser(t *testing.T, server *redisserver.Server, rules []string) {
	t.Helper()
	args := []any{"ACL", "SETUSER", "app", "reset"}
	for _, rule := range rules {
		args = append(args, rule)
	}
	if err := client(t, options(t, server.Addr)).Do(t.Context(), args...).Err(); err != nil {
		t.Fatal(err)
	}
}

func asUser(t *testing.T, addr string) *redis.Client {
	t.Helper()
	o := options(t, addr)
	o.Username, o.Password = "app", password
	return client(t, o)
}

func clusterAsUser(t *testing.T, servers []*redisserver.Server) *redis.ClusterClient {
	t.Helper()
	o, err := redisstore.ClusterOptions(strings.Replace(redisserver.ClusterURL(servers), "//", "//app:"+password+"@", 1))
	if err != nil {
		t.Fatal(err)
	}
	rdb := redis.NewClusterClient(o)
	t.Cleanup(func() { rdb.Close() })
	return rdb
}

func TestTheDocumentedUserPassesTheSuite(t *testing.T) {
	rules, more := documented(t)
	t.Run("one server", func(t *testing.T) {
		server := redisserver.Start(t)
		setUser(t, server, rules)
		storetest.RunPair(t, func(t *testing.T) (one, other account.Store) {
			return pair(t, func(t *testing.T) redis.UniversalClient { return asUser(t, server.Addr) })
		})
		if err := useAll(t, asUser(t, server.Addr)); err != nil {
			t.Error(err)
		}
	})
	t.Run("cluster", func(t *testing.T) {
		servers := redisserver.StartCluster(t)
		for _, server := range servers {
			setUser(t, server, slices.Concat(rules, more))
		}
		storetest.RunPair(t, func(t *testing.T) (one, other account.Store) {
			return pair(t, func(t *testing.T) redis.UniversalClient { return clusterAsUser(t, servers) },
				redisstore.WithShardedChannels(true))
		})
	})
}

// The user may do nothing that it does not need: without any one of the commands something fails.
func TestTheDocumentedUserMayDoNoMoreThanItNeeds(t *testing.T) {
	rules, more := documented(t)
	server, servers := redisserver.Start(t), redisserver.StartCluster(t)
	rdb, admin := asUser(t, server.Addr), client(t, options(t, server.Addr))
	for _, rule := range rules {
		if !strings.HasPrefix(rule, "+") {
			continue
		}
		setUser(t, server, slices.DeleteFunc(slices.Clone(rules), func(r string) bool { return r == rule }))
		if err := admin.ScriptFlush(t.Context()).Err(); err != nil { // or nobody would have to send one
			t.Fatal(err)
		}
		if err := useAll(t, rdb); err == nil || !notPermitted.MatchString(err.Error()) {
			t.Errorf("without %s: got %v, want that it is not permitted", rule, err)
		}
	}
	for _, rule := range more {
		for _, server := range servers {
			setUser(t, server, slices.DeleteFunc(slices.Concat(rules, more), func(r string) bool { return r == rule }))
		}
		if err := useCluster(t, servers); err == nil {
			t.Errorf("in a cluster, without %s: everything works", rule)
		}
	}
	for _, server := range servers {
		setUser(t, server, slices.Concat(rules, more))
	}
	if err := useCluster(t, servers); err != nil {
		t.Errorf("in a cluster, with all of them: %v", err)
	}
	setUser(t, server, rules)
	for what, cmd := range map[string][]any{
		"a key of others":     {"GET", "theirs"},
		"a channel of others": {"PUBLISH", "theirs", "x"},
		"every key":           {"FLUSHALL"},
		"settings":            {"CONFIG", "GET", "*"},
		"names of keys":       {"KEYS", "*"},
	} {
		if err := rdb.Do(t.Context(), cmd...).Err(); err == nil || !strings.Contains(err.Error(), "NOPERM") {
			t.Errorf("%s: got %v, want that it is not permitted", what, err)
		}
	}
}

// notPermitted is what Redis says to a client and to a script.
var notPermitted = regexp.MustCompile("NOPERM|can't run this command")

// useAll calls whatever this package offers and returns all errors.
func useAll(t *testing.T, rdb redis.UniversalClient) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	store := redisstore.New(rdb, quiet)
	s := &account.Session{ID: account.NewCookie().ID, Version: 1, Deadline: time.Now().Add(time.Hour)}
	save := store.Save(ctx, s, time.Hour)
	_, load := store.Load(ctx, s.ID)
	_, many := store.LoadMany(ctx, []account.SessionID{s.ID})
	_, of := store.SessionsOf(ctx, "alice")
	_, check := store.Check(ctx)
	if errors.Is(load, account.ErrBadRecord) { // an empty session is none; what counts is that Redis answered
		load = nil
	}
	touch := errors.Join(store.Touch(ctx, s.ID, time.Now().Add(time.Hour), time.Hour), store.Enlist(ctx, "alice", s.ID, time.Now()))
	remove := store.Delete(ctx, s.ID, account.ReasonRevoked)

	storage := redisstore.NewStorage(rdb, "csrf")
	_, get := storage.Get("k")
	keep := errors.Join(storage.Set("k", []byte("v"), time.Hour), storage.Delete("k"), storage.Set("l", []byte("v"), 0), storage.Reset())

	counter := redisstore.NewCounter(rdb)
	_, take := counter.Take(ctx, []attempts.Bucket{{Key: "a", Tries: 1, Step: time.Second, Memory: time.Minute}})
	log := redisstore.NewLog(rdb, "audit")
	_, after := log.After(ctx, "", 1)
	places := redisstore.NewPlaces(rdb)
	_, place := places.Take(ctx, "alice", "one", 1, time.Minute)
	renew := places.Renew(ctx, map[string][]string{"alice": {"one"}}, time.Minute)
	return errors.Join(place, renew, places.Free(ctx, "alice", "one"), save, load, many, of, check, touch, remove, get, keep, take, counter.Forget(ctx, "a"),
		log.Append(ctx, []string{"a", "b"}), after, hearOnce(ctx, rdb))
}

// hearOnce publishes on a bus and hears it, and looks whether the probe of the connection comes through as well.
func hearOnce(ctx context.Context, rdb redis.UniversalClient) error {
	bus := redisstore.NewBus(rdb, quiet)
	if err := errors.Join(bus.Publish(ctx, "topic", nil), rdb.Ping(ctx).Err()); err != nil {
		return err
	}
	pubsub := rdb.Subscribe(ctx, "accounts:live")
	defer pubsub.Close()
	_, err := pubsub.ReceiveTimeout(ctx, 5*time.Second)
	return err
}

// useCluster does what only a cluster needs, and returns an error when it does not work.
func useCluster(t *testing.T, servers []*redisserver.Server) (err error) {
	t.Helper()
	rdb := clusterAsUser(t, servers)
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
	defer cancel()
	store := redisstore.New(rdb, quiet, redisstore.WithShardedChannels(true))
	// Without the list of commands go-redis asks for it again at every call, and knows no keys of unusual ones.
	if err := rdb.Command(ctx).Err(); err != nil {
		return err
	}
	s := &account.Session{ID: account.NewCookie().ID, Version: 1, Deadline: time.Now().Add(time.Hour)}
	if err := store.Save(ctx, s, time.Hour); err != nil {
		return err
	}
	pubsub := rdb.SSubscribe(ctx, "accounts:{p00}:changes")
	defer pubsub.Close()
	if _, err := pubsub.ReceiveTimeout(ctx, 2*time.Second); err != nil {
		return err
	}
	key := fmt.Sprintf("accounts:{p%02d}:s:%s", s.ID[0]%64, s.ID)
	to := servers[0]
	if redisserver.MasterOf(t, servers, key) == to {
		to = servers[1]
	}
	redisserver.MoveSlot(t, servers, key, to, func() { _, err = store.Load(ctx, s.ID) })
	if errors.Is(err, account.ErrBadRecord) {
		err = nil
	}
	return err
}
