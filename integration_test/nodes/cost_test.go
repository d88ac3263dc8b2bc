package nodes_test

import (
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/multiaccount-go/multiaccount/integration_test/sitetest"
)

// commands returns how often Redis has executed each command by now. Commands of scripts count like others.
func commands(t *testing.T, rdb *redis.Client) map[string]int {
	t.Helper()
	info, err := rdb.Info(t.Context(), "commandstats").Result()
	if err != nil {
		t.Fatal(err)
	}
	calls := map[string]int{}
	for _, m := range regexp.MustCompile(`cmdstat_([^:]+):calls=(\d+)`).FindAllStringSubmatch(info, -1) {
		calls[m[1]], _ = strconv.Atoi(m[2])
	}
	return calls
}

// TestWhatARequestCostsInRedis counts the commands of one request. The example keeps its users in the same Redis, but
// remembers for a moment those that it has loaded.
func TestWhatARequestCostsInRedis(t *testing.T) {
	s := start(t)
	rdb := redis.NewClient(&redis.Options{Addr: s.redis.Addr})
	t.Cleanup(func() { rdb.Close() })
	v := two(t, s.one)
	d := v.Document(s.one)
	alices, _ := d.Find(alice)
	back := url.Values{"_stamp": {d.Stamp}, "return_to": {"/private"}}
	anonymous := sitetest.NewVisitor(t)
	const housekeeping = "info ping hello client|setinfo command"

	cost := func(t *testing.T, request func()) map[string]int {
		t.Helper()
		before := commands(t, rdb)
		request()
		cost := commands(t, rdb)
		for name := range cost {
			if cost[name] -= before[name]; cost[name] == 0 || strings.Contains(housekeeping, name) {
				delete(cost, name)
			}
		}
		return cost
	}
	get := func(v *sitetest.Visitor, path string, want int) func() {
		return func() {
			t.Helper()
			if a := v.Get(s.one, path); a.Status != want {
				t.Errorf("GET %s: %d, want %d", path, a.Status, want)
			}
		}
	}
	tests := []struct {
		about   string
		request func()
		want    map[string]int
	}{
		{"a page of somebody with two accounts", get(v, "/private", http.StatusOK), map[string]int{"hgetall": 1}},
		{"is the page right", get(v, "/link/state?v=1", http.StatusOK), map[string]int{"hgetall": 1}},
		{"the first page of a stranger", get(anonymous, "/", http.StatusOK), map[string]int{}},
		{"the sign-in page of a stranger", get(anonymous, "/session/new", http.StatusOK), map[string]int{}},
		{"a stranger who may not see a page", get(anonymous, "/private", http.StatusSeeOther), map[string]int{}},
		{"the browser script", get(v, "/link/multiaccount.js", http.StatusOK), map[string]int{}},
		{"a cookie of the wrong form", get(sitetest.Holding(t, sitetest.Cookie+"=nonsense"), "/", http.StatusOK), map[string]int{}},
		{"a switch: the read, and one script", func() {
			if a := v.Post(s.one, alices.SwitchPath, back); a.Location() != "/private" {
				t.Errorf("switch: %d to %q", a.Status, a.Location())
			}
		}, map[string]int{"hgetall": 1, "evalsha": 1, "hmget": 1, "hset": 1, "pexpire": 1, "publish": 1}}, // hmget and what follows: in the script
	}
	for _, test := range tests {
		t.Run(test.about, func(t *testing.T) {
			if got := cost(t, test.request); !maps.Equal(got, test.want) {
				t.Errorf("got %v, want %v", got, test.want)
			}
		})
	}

	t.Run("strangers leave nothing behind", func(t *testing.T) {
		kept := func() []string { // beside the counts of tries, which are few: the account's, the address's, everybody's
			t.Helper()
			keys, err := rdb.Keys(t.Context(), "*").Result()
			if err != nil {
				t.Fatal(err)
			}
			counts := len(keys)
			keys = slices.DeleteFunc(keys, func(key string) bool { return strings.HasPrefix(key, "accounts:{tries}:") })
			if counts -= len(keys); counts > 3 {
				t.Errorf("%d counts of tries, want 3 at most", counts)
			}
			slices.Sort(keys)
			return keys
		}
		before := kept()
		for _, path := range []string{"/", "/session/new", "/registration/new", "/private", "/link/choose", "/link/accounts"} {
			v := sitetest.NewVisitor(t)
			a := v.Get(s.two, path)
			if a.SetsCookie() || v.CookieHeader(s.two) != "" {
				t.Errorf("GET %s sets a cookie", path)
			}
			v.Post(s.two, "/session", url.Values{"email": {alice}, "password": {"wrong"}})
		}
		if after := kept(); !slices.Equal(after, before) {
			t.Errorf("%q in Redis, want what was there before: %q", after, before)
		}
	})

	t.Run("no key lives for ever", func(t *testing.T) {
		for _, key := range rdb.Keys(t.Context(), "*").Val() {
			if strings.HasPrefix(key, "example:") {
				continue // the app's own tables
			}
			if ttl := rdb.TTL(t.Context(), key).Val(); ttl <= 0 || ttl > 15*24*time.Hour {
				t.Errorf("key %s has the ttl %v", key, ttl)
			}
		}
	})
}
