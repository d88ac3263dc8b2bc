package redisstore_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/multiaccount-go/multiaccount/account"
	"github.com/multiaccount-go/multiaccount/redisstore"
)

// client returns a client of nobody: nothing listens on port 1.
func client(t *testing.T) *redis.Client {
	t.Helper()
	rdb := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1", MaxRetries: -1})
	t.Cleanup(func() { rdb.Close() })
	return rdb
}

func TestValidateNamesTheMistake(t *testing.T) {
	ring := redis.NewRing(&redis.RingOptions{Addrs: map[string]string{"a": "127.0.0.1:1"}})
	t.Cleanup(func() { ring.Close() })
	cluster := redis.NewClusterClient(&redis.ClusterOptions{Addrs: []string{"127.0.0.1:1"}, RouteByLatency: true})
	t.Cleanup(func() { cluster.Close() })
	for name, tt := range map[string]struct {
		rdb  redis.UniversalClient
		opts []redisstore.Option
		want string // "" for no mistake
	}{
		"the defaults":                      {client(t), nil, ""},
		"another prefix":                    {client(t), with(redisstore.WithPrefix("shop:v2")), ""},
		"no client":                         {nil, nil, "client is nil"},
		"a typed nil client":                {(*redis.Client)(nil), nil, "client is nil"},
		"braces would move keys":            {client(t), with(redisstore.WithPrefix("{a}")), "prefix"},
		"a pattern":                         {client(t), with(redisstore.WithPrefix("a*")), "prefix"},
		"an empty prefix":                   {client(t), with(redisstore.WithPrefix("")), "prefix"},
		"a line break at the end":           {client(t), with(redisstore.WithPrefix("a\n")), "prefix"},
		"a long prefix":                     {client(t), with(redisstore.WithPrefix(strings.Repeat("a", 65))), "prefix"},
		"never probing":                     {client(t), with(redisstore.WithProbe(0)), "probe"},
		"a ring":                            {ring, nil, "Ring"},
		"a cluster that reads old sessions": {cluster, nil, "replicas"},
	} {
		t.Run(name, func(t *testing.T) {
			store := redisstore.New(tt.rdb, tt.opts...)
			err := store.Validate()
			if tt.want == "" {
				if err != nil {
					t.Errorf("got %v, want nil", err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("got %v, want an error about %q", err, tt.want)
			}
			for method, err := range everyMethod(t, store) {
				if err == nil || !strings.Contains(err.Error(), tt.want) {
					t.Errorf("%s: got %v, want the same error", method, err)
				}
			}
			if got := store.Watch(t.Context(), func(account.Change) {}); !errors.Is(got, err) {
				t.Errorf("Watch: got %v, want the same error", got)
			}
		})
	}
}

func with(opts ...redisstore.Option) []redisstore.Option { return opts }

// saysNothing reports whether an error leaves open what is with the session.
func saysNothing(err error) bool {
	return err != nil && !errors.Is(err, account.ErrNotFound) && !errors.Is(err, account.ErrConflict) &&
		!errors.Is(err, account.ErrBadRecord)
}

// everyMethod calls all methods but Watch, which goes on trying.
func everyMethod(t *testing.T, store *redisstore.Store) map[string]error {
	t.Helper()
	ctx, id, now := t.Context(), account.NewCookie().ID, time.Now()
	_, load := store.Load(ctx, id)
	_, loadMany := store.LoadMany(ctx, []account.SessionID{id})
	_, sessionsOf := store.SessionsOf(ctx, "alice")
	return map[string]error{
		"Load": load, "LoadMany": loadMany, "SessionsOf": sessionsOf,
		"Save":   store.Save(ctx, &account.Session{ID: id}, time.Hour),
		"Delete": store.Delete(ctx, id, account.ReasonRevoked),
		"Touch":  store.Touch(ctx, id, now, time.Hour),
		"Enlist": store.Enlist(ctx, "alice", id, now),
	}
}

func TestStorageNamesMustBePlain(t *testing.T) {
	for name, ok := range map[string]bool{
		"csrf": true, "rate-limit.v2": true, "": false, "a:b": false, "a*": false, "{x}": false,
	} {
		storage := redisstore.NewStorage(client(t), name)
		err := storage.Validate()
		if (err == nil) != ok {
			t.Errorf("%q: got %v", name, err)
		}
		if got := storage.Set("k", []byte("v"), 0); !ok && !errors.Is(got, err) {
			t.Errorf("%q: Set got %v, want %v", name, got, err)
		}
	}
}

func TestNobodyThereIsNoWordAboutSessions(t *testing.T) {
	store := redisstore.New(client(t))
	for method, err := range everyMethod(t, store) {
		if !saysNothing(err) {
			t.Errorf("%s: got %v, want an error that says nothing about the session", method, err)
		}
	}
}

func TestOptions(t *testing.T) {
	o, err := redisstore.Options("redis://me:pw@redis.example:6380/2?read_timeout=2s")
	if err != nil {
		t.Fatal(err)
	}
	if o.Addr != "redis.example:6380" || o.Username != "me" || o.DB != 2 {
		t.Errorf("the URL is not followed: %+v", o)
	}
	if !o.ContextTimeoutEnabled || o.DialTimeout > time.Second || o.MaxRetries != 1 {
		t.Errorf("not made for sessions: %+v", o)
	}
	if o.ReadTimeout != 2*time.Second {
		t.Errorf("read timeout: got %v, want what the URL says", o.ReadTimeout)
	}
	c, err := redisstore.ClusterOptions("redis://a:1?addr=b:2")
	if err != nil || len(c.Addrs) != 2 || !c.ContextTimeoutEnabled {
		t.Errorf("cluster: got %+v, %v", c, err)
	}
	if _, err := redisstore.Options("http://localhost"); err == nil || !strings.HasPrefix(err.Error(), "redisstore: ") {
		t.Errorf("a wrong scheme: got %v, want an error", err)
	}
}

func TestTheFormOfAURLSaysWhichClient(t *testing.T) {
	for url, want := range map[string]string{
		"redis://a:1":                                     "*redis.Client a:1",
		"rediss://me:pw@a:1/2":                            "*redis.Client a:1",
		"redis://a:1?addr=b:2":                            "*redis.ClusterClient",
		"redis://a:1?master_name=m":                       "*redis.Client FailoverClient",
		"redis://a:1?master_name=m&addr=b":                "error",
		"redis://a:1?master_name=":                        "error",
		"redis://a:1?master_name=m&replica_only=true":     "error",
		"redis://a:1?master_name=m&route_by_latency=true": "error",
		"http://a:1":                                      "error",
		"redis://me:pw@a:\n":                              "error",
	} {
		rdb, err := redisstore.NewClient(url)
		got := "error"
		if err == nil {
			got = fmt.Sprintf("%T", rdb)
			if one, ok := rdb.(*redis.Client); ok {
				got += " " + one.Options().Addr
			}
			_ = rdb.Close()
		}
		if got != want {
			t.Errorf("%q: got %s, %v, want %s", url, got, err, want)
		}
		if err != nil && (!strings.HasPrefix(err.Error(), "redisstore: ") || strings.Contains(err.Error(), "pw")) {
			t.Errorf("%q: got %v", url, err)
		}
	}
}
