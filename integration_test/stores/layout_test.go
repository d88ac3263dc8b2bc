package stores_test

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/multiaccount-go/multiaccount/account"
	"github.com/multiaccount-go/multiaccount/integration_test/redisserver"
	"github.com/multiaccount-go/multiaccount/redisstore"
)

// recorder is a hook that remembers the round trips of a client.
type recorder struct {
	mu    sync.Mutex
	trips []string
	twice bool // send each script again, as a client does whose answer got lost
}

func (r *recorder) note(trip string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.trips = append(r.trips, trip)
}

func (r *recorder) take() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	trips := r.trips
	r.trips = nil
	return trips
}

func (r *recorder) DialHook(next redis.DialHook) redis.DialHook { return next }

func (r *recorder) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		r.note(cmd.Name())
		if r.twice && cmd.Name() == "evalsha" {
			_ = next(ctx, cmd)
		}
		return next(ctx, cmd)
	}
}

func (r *recorder) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		r.note("pipeline")
		return next(ctx, cmds)
	}
}

// signedIn makes a session of an account and returns it with its cookie.
func signedIn(t *testing.T, store account.Store, accountID string) (*account.Session, account.Cookie) {
	t.Helper()
	out, err := account.NewManager(store, account.Options{}).SignIn(t.Context(), nil, nil, accountID, "password")
	if err != nil {
		t.Fatalf("sign in: %v", err)
	}
	return out.Session, *out.Cookie
}

func TestEveryMethodIsOneRoundTrip(t *testing.T) {
	rdb := client(t, options(t, redisserver.Start(t).Addr))
	store := redisstore.New(rdb)
	warm, _ := signedIn(t, store, "alice") // loads the scripts
	if err := errors.Join(store.Touch(t.Context(), warm.ID, time.Now(), time.Hour),
		store.Delete(t.Context(), warm.ID, account.ReasonSignedOut)); err != nil {
		t.Fatal(err)
	}
	s, _ := signedIn(t, store, "alice")
	trips := new(recorder)
	rdb.AddHook(trips)
	ids := []account.SessionID{s.ID, account.NewCookie().ID, s.ID}
	for _, step := range []struct {
		method string
		call   func() error
		want   string
	}{
		{"Load", func() error { _, err := store.Load(t.Context(), s.ID); return err }, "hgetall"},
		{"LoadMany", func() error { _, err := store.LoadMany(t.Context(), ids); return err }, "pipeline"},
		{"Save", func() error { return store.Save(t.Context(), s, time.Hour) }, "evalsha"},
		{"Touch", func() error { return store.Touch(t.Context(), s.ID, time.Now(), time.Hour) }, "evalsha"},
		{"Enlist", func() error { return store.Enlist(t.Context(), "alice", s.ID, s.Deadline) }, "evalsha"},
		{"SessionsOf", func() error { _, err := store.SessionsOf(t.Context(), "alice"); return err }, "zrangebyscore"},
		{"Delete", func() error { return store.Delete(t.Context(), s.ID, account.ReasonSignedOut) }, "evalsha"},
	} {
		if err := step.call(); err != nil {
			t.Errorf("%s: %v", step.method, err)
		}
		if got := trips.take(); !slices.Equal(got, []string{step.want}) {
			t.Errorf("%s: got %v, want one %s", step.method, got, step.want)
		}
	}
}

func TestServerCountsOneCommandPerLoad(t *testing.T) {
	rdb := client(t, options(t, redisserver.Start(t).Addr))
	store := redisstore.New(rdb)
	s, _ := signedIn(t, store, "alice")
	if err := rdb.ConfigResetStat(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	for range 100 {
		if _, err := store.Load(t.Context(), s.ID); err != nil {
			t.Fatal(err)
		}
	}
	stats, err := rdb.Info(t.Context(), "commandstats").Result()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(stats) {
		if !strings.HasPrefix(line, "cmdstat_") || strings.HasPrefix(line, "cmdstat_config|resetstat:") {
			continue
		}
		if !strings.HasPrefix(line, "cmdstat_hgetall:calls=100,") {
			t.Errorf("got %s, want 100 hgetall and nothing else", strings.TrimSpace(line))
		}
	}
}

func TestSaveThatIsSentTwiceIsOneSave(t *testing.T) {
	rdb := client(t, options(t, redisserver.Start(t).Addr))
	store := redisstore.New(rdb)
	s, _ := signedIn(t, store, "alice")
	e := watch(t, store)
	rdb.AddHook(&recorder{twice: true})
	s.Version = 2
	if err := store.Save(t.Context(), s, time.Hour); err != nil {
		t.Errorf("save whose first answer got lost: got %v, want nil", err)
	}
	s.Version = 3
	if err := store.Save(t.Context(), s, time.Hour); err != nil {
		t.Errorf("the next save: got %v, want nil", err)
	}
	if got := e.versions(t, s.ID, 3); !slices.Equal(got, []int64{2, 3}) {
		t.Errorf("told versions %v, want 2 and 3, once each", got)
	}
}

// dump returns every key with all that it holds.
func dump(t *testing.T, rdb *redis.Client) map[string]string {
	t.Helper()
	all := make(map[string]string)
	for iter := rdb.Scan(t.Context(), 0, "*", 100).Iterator(); iter.Next(t.Context()); {
		key := iter.Val()
		var text []string
		switch rdb.Type(t.Context(), key).Val() {
		case "hash":
			for field, value := range rdb.HGetAll(t.Context(), key).Val() {
				text = append(text, field, value)
			}
		case "zset":
			text = rdb.ZRange(t.Context(), key, 0, -1).Val()
		case "string":
			text = append(text, rdb.Get(t.Context(), key).Val())
		}
		all[key] = strings.Join(text, "\n")
	}
	return all
}

func TestSecretsNeverReachRedis(t *testing.T) {
	rdb := client(t, options(t, redisserver.Start(t).Addr))
	store := redisstore.New(rdb)
	m := account.NewManager(store, account.Options{})
	s, c := signedIn(t, store, "alice@example.com")
	out, err := m.Change(t.Context(), s, c, func(s *account.Session, now time.Time) (account.Effect, error) {
		return account.Effect{Action: "test", Reason: account.ReasonUpdated, Rotate: true}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	const token = "a-csrf-token-is-a-secret"
	if err := redisstore.NewStorage(rdb, "csrf").Set(token, []byte("1"), time.Hour); err != nil {
		t.Fatal(err)
	}
	layout := regexp.MustCompile(`^accounts:(\{p[0-6][0-9]\}:s:[\w-]{22}|of:[\w-]{43}|x:csrf:[\w-]{43})$`)
	for key, text := range dump(t, rdb) {
		if !layout.MatchString(key) {
			t.Errorf("key %q has another form than documented, or names an account or a token", key)
		}
		if ttl := rdb.PTTL(t.Context(), key).Val(); ttl <= 0 {
			t.Errorf("key %q never expires", key)
		}
		for _, c := range []account.Cookie{c, *out.Cookie} {
			for _, secret := range []string{string(c.Secret[:]), hex.EncodeToString(c.Secret[:]), c.Value()[22:],
				base64.StdEncoding.EncodeToString(c.Secret[:]), base64.URLEncoding.EncodeToString(c.Secret[:])} {
				if strings.Contains(key+text, strings.TrimRight(secret, "=")) {
					t.Errorf("key %q holds a secret", key)
				}
			}
		}
	}
}

func TestForeignContentIsABadRecord(t *testing.T) {
	rdb := client(t, options(t, redisserver.Start(t).Addr))
	store := redisstore.New(rdb)
	for name, spoil := range map[string]func(key string) error{
		"a string": func(key string) error { return rdb.Set(t.Context(), key, "x", 0).Err() },
		"a hash of others": func(key string) error {
			return errors.Join(rdb.Del(t.Context(), key).Err(), rdb.HSet(t.Context(), key, "a", "b").Err())
		},
		"a field more":    func(key string) error { return rdb.HSet(t.Context(), key, "role", "admin").Err() },
		"a field less":    func(key string) error { return rdb.HDel(t.Context(), key, "tag").Err() },
		"revision 0":      func(key string) error { return rdb.HSet(t.Context(), key, "rev", "0").Err() },
		"revision 01":     func(key string) error { return rdb.HSet(t.Context(), key, "rev", "01").Err() },
		"revision -1":     func(key string) error { return rdb.HSet(t.Context(), key, "rev", "-1").Err() },
		"version 1e3":     func(key string) error { return rdb.HSet(t.Context(), key, "ver", "1e3").Err() },
		"seen in words":   func(key string) error { return rdb.HSet(t.Context(), key, "seen", "now").Err() },
		"no JSON":         func(key string) error { return rdb.HSet(t.Context(), key, "data", "gob").Err() },
		"another session": func(key string) error { return rdb.HSet(t.Context(), key, "data", dataOf(t, rdb, store)).Err() },
		"more than the maximum": func(key string) error {
			return rdb.HSet(t.Context(), key, "data", strings.Repeat(" ", 1<<20)).Err()
		},
	} {
		t.Run(name, func(t *testing.T) {
			s, _ := signedIn(t, store, "alice")
			if err := spoil(keyOf(t, rdb, s.ID)); err != nil {
				t.Fatal(err)
			}
			if got, err := store.Load(t.Context(), s.ID); got != nil || !errors.Is(err, account.ErrBadRecord) {
				t.Errorf("Load: got %v, %v, want nil, ErrBadRecord", got, err)
			}
			good, _ := signedIn(t, store, "bob")
			many, err := store.LoadMany(t.Context(), []account.SessionID{s.ID, good.ID})
			if err != nil || many[0] != nil || many[1] == nil {
				t.Errorf("LoadMany: got %v, %v, want nil and a session", many, err)
			}
		})
	}
}

// keyOf finds the key of a session by its id.
func keyOf(t *testing.T, rdb *redis.Client, id account.SessionID) string {
	t.Helper()
	for key := range dump(t, rdb) {
		if strings.HasSuffix(key, ":s:"+id.String()) {
			return key
		}
	}
	t.Fatalf("no key ends in the id %v", id)
	return ""
}

func dataOf(t *testing.T, rdb *redis.Client, store account.Store) string {
	t.Helper()
	s, _ := signedIn(t, store, "mallory")
	return rdb.HGet(t.Context(), keyOf(t, rdb, s.ID), "data").Val()
}

func TestPrefixesKeepApplicationsApart(t *testing.T) {
	rdb := client(t, options(t, redisserver.Start(t).Addr))
	ours, theirs := redisstore.New(rdb), redisstore.New(rdb, redisstore.WithPrefix("theirs"))
	s, _ := signedIn(t, ours, "alice")
	if _, err := theirs.Load(t.Context(), s.ID); !errors.Is(err, account.ErrNotFound) {
		t.Errorf("got %v, want ErrNotFound", err)
	}
	if ids, err := theirs.SessionsOf(t.Context(), "alice"); err != nil || len(ids) != 0 {
		t.Errorf("got %v, %v, want none", ids, err)
	}
	signedIn(t, theirs, "alice")
	for key := range maps.Keys(dump(t, rdb)) {
		if !strings.HasPrefix(key, "accounts:") && !strings.HasPrefix(key, "theirs:") {
			t.Errorf("key %q has no prefix", key)
		}
	}
}

func TestIndexForgetsWhatIsOver(t *testing.T) {
	rdb := client(t, options(t, redisserver.Start(t).Addr))
	store := redisstore.New(rdb)
	old, fresh := account.NewCookie().ID, account.NewCookie().ID
	later := time.Now().Add(time.Hour)
	if err := errors.Join(
		store.Enlist(t.Context(), "alice", fresh, later),
		store.Enlist(t.Context(), "alice", fresh, time.Now().Add(-24*time.Hour)), // takes nothing back
		store.Enlist(t.Context(), "alice", old, time.Now().Add(-24*time.Hour)),
	); err != nil {
		t.Fatal(err)
	}
	if ids, err := store.SessionsOf(t.Context(), "alice"); err != nil || !slices.Equal(ids, []account.SessionID{fresh}) {
		t.Errorf("got %v, %v, want the one that is not over", ids, err)
	}
	if err := store.Enlist(t.Context(), "alice", fresh, later); err != nil {
		t.Fatal(err)
	}
	for key, members := range dump(t, rdb) {
		if strings.Contains(members, old.String()) {
			t.Errorf("%s still holds what is over", key)
		}
		if ttl := rdb.PTTL(t.Context(), key).Val(); ttl < time.Hour || ttl > 3*time.Hour {
			t.Errorf("%s lives for %v, want about as long as its last entry", key, ttl)
		}
	}
}
