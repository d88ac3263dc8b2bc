package users_test

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/multiaccount-go/multiaccount/auth"
	"github.com/multiaccount-go/multiaccount/auth/password"
	"github.com/multiaccount-go/multiaccount/example/users"
	"github.com/multiaccount-go/multiaccount/tenant"
	"github.com/redis/go-redis/v9"
)

// newRedis returns a Redis of the test's own.
func newRedis(t *testing.T) *redis.Client {
	t.Helper()
	m := miniredis.NewMiniRedis()
	rdb := redis.NewClient(&redis.Options{
		Dialer: func(context.Context, string, string) (net.Conn, error) { return m.Dial() },
	})
	t.Cleanup(func() { rdb.Close(); m.Close() })
	return rdb
}

// open is one process of the example.
func open(t *testing.T, rdb *redis.Client, at users.Place) *users.Users {
	t.Helper()
	u, err := users.Open(t.Context(), rdb, at)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := u.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return u
}

func register(t *testing.T, u *users.Users, name, email string) auth.User {
	t.Helper()
	parsed, err := tenant.ParseName(name)
	if err != nil {
		t.Fatal(err)
	}
	user, err := u.Register(t.Context(), auth.Registration{Email: email, Name: name, Tenant: parsed})
	if err != nil {
		t.Fatal(err)
	}
	return user
}

func TestSeeds(t *testing.T) {
	u := open(t, newRedis(t), users.Place{Dir: t.TempDir()})
	hasher, err := password.NewArgon2id(password.Argon2idConfig{})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []struct {
		id, email, tenant string
		active            bool
	}{
		// Written down, since links to them, and tests of other programs, hold on to them.
		{"6613a3fd-c2c4-5bc2-a6de-3dc0b2527dd6", "alice@example.com", "Alice", true},
		{"b1c51b78-4720-546f-b8b4-b7d925d6b1b9", "bob@example.com", "Bob", true},
		{"48ed6b1f-c43d-5bd0-bb28-673ca0295aa0", "carol@example.com", "Carol", true},
		{"fca25c9e-9533-5021-a3f9-175720c16097", "dave@example.com", "Dave", false},
	} {
		got, hash, err := u.ByEmail(t.Context(), want.email)
		if err != nil || got.ID != want.id || got.ID != users.SeedIDs()[i] || got.Name != want.tenant || got.IsActive() != want.active {
			t.Fatalf("%s is %+v, %v", want.email, got, err)
		}
		right, weak, err := hasher.Verify(t.Context(), users.SeedPassword, hash)
		if !right || weak || err != nil {
			t.Errorf("%s: right %v, weak %v, %v", want.email, right, weak, err)
		}
		all, err := u.Tenants().Memberships(t.Context(), got.ID)
		if err != nil || len(all) != 1 || all[0].Tenant.Name != want.tenant || all[0].Role != tenant.Owner || !all[0].Home {
			t.Errorf("%s belongs to %+v, %v", want.email, all, err)
		}
	}
}

func TestManyProcessesThatBeginTogetherHaveOneDatabase(t *testing.T) {
	rdb, at := newRedis(t), users.Place{Dir: t.TempDir()}
	const processes = 6
	opened := make([]*users.Users, processes)
	var all sync.WaitGroup
	for i := range opened {
		all.Go(func() {
			var err error
			if opened[i], err = users.Open(t.Context(), rdb, at); err != nil {
				t.Errorf("process %d: %v", i, err)
			}
		})
	}
	all.Wait()
	if t.Failed() {
		t.FailNow()
	}
	erin := register(t, opened[0], "Erin", "erin@example.com")
	for _, u := range opened {
		if found, err := u.ByIDs(t.Context(), append(users.SeedIDs(), erin.ID, "nobody")...); err != nil || len(found) != 5 {
			t.Errorf("got %d users and %v, want the seeds and Erin", len(found), err)
		}
		if err := u.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestBeginningAgainChangesNothing(t *testing.T) {
	rdb, at := newRedis(t), users.Place{Dir: t.TempDir()}
	u := open(t, rdb, at)
	ids := users.SeedIDs()
	if err := u.SetStatus(t.Context(), ids[3], auth.Active); err != nil {
		t.Fatal(err)
	}
	if err := u.Delete(t.Context(), ids[2]); err != nil {
		t.Fatal(err)
	}
	register(t, u, "Carol", "other@example.com") // has the name of the seed that is gone
	again := open(t, rdb, at)
	found, err := again.ByIDs(t.Context(), ids...)
	if err != nil || len(found) != 3 || !found[ids[3]].IsActive() {
		t.Errorf("got %+v, %v; want dave as he was left, and no carol", found, err)
	}
}

func TestAnEmptyRedisBeginsWithAnEmptyDatabase(t *testing.T) {
	dir := t.TempDir()
	register(t, open(t, newRedis(t), users.Place{Dir: dir}), "Erin", "erin@example.com")
	other := open(t, newRedis(t), users.Place{Dir: dir})
	if _, _, err := other.ByEmail(t.Context(), "erin@example.com"); !errors.Is(err, auth.ErrUnknown) {
		t.Errorf("got %v, want an unknown user", err)
	}
}

func TestADatabaseOfOneProcessGoesWithIt(t *testing.T) {
	dir := t.TempDir()
	u, err := users.Open(t.Context(), newRedis(t), users.Place{Dir: dir, OwnOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	if files, _ := filepath.Glob(filepath.Join(dir, "*", "users.db")); len(files) != 1 {
		t.Errorf("files: %q", files)
	}
	if err := u.Close(); err != nil {
		t.Error(err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}

// Redis is not the place that says where files are written.
func TestAKeyThatIsNoIDIsRefused(t *testing.T) {
	rdb, dir := newRedis(t), t.TempDir()
	for _, planted := range []string{"../../etc", "", "x/../../y"} {
		if err := rdb.Set(t.Context(), users.FileKey, planted, 0).Err(); err != nil {
			t.Fatal(err)
		}
		if u, err := users.Open(t.Context(), rdb, users.Place{Dir: dir}); err == nil {
			t.Errorf("%q is taken for an id", planted)
			u.Close()
		}
	}
}

func TestAChangeIsSeenByOtherProcessesAtOnce(t *testing.T) {
	rdb, at := newRedis(t), users.Place{Dir: t.TempDir()}
	here, there := open(t, rdb, at), open(t, rdb, at)
	ctx, stop := context.WithCancel(t.Context())
	var watching sync.WaitGroup
	watching.Go(func() { there.Watch(ctx) })
	t.Cleanup(func() { stop(); watching.Wait() })
	id := users.SeedIDs()[0]
	look := func() auth.User {
		found, err := there.ByIDs(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		return found[id]
	}
	look() // now it is in the cache, for longer than this test waits
	for name, change := range map[string]func() error{
		"name":   func() error { return here.SetName(t.Context(), id, "Alicia") },
		"e-mail": func() error { return here.SetEmail(t.Context(), id, "alicia@example.com") },
		"status": func() error { return here.SetStatus(t.Context(), id, auth.Inactive) },
		"gone":   func() error { return here.Delete(t.Context(), id) },
	} {
		before := look()
		if err := change(); err != nil && !(before.ID == "" && errors.Is(err, auth.ErrUnknown)) {
			t.Fatalf("%s: %v", name, err)
		}
		// A process that has just begun may not be listening yet, so the change is told until it is heard.
		for end := time.Now().Add(10 * time.Second); before.ID != "" && look() == before; time.Sleep(10 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("%s: not seen", name)
			}
			here.Changed(t.Context(), id)
		}
	}
}

func TestProcessesJoinOneThatHasOutlivedItsRedis(t *testing.T) {
	rdb, at := newRedis(t), users.Place{Dir: t.TempDir()}
	first := open(t, rdb, at)
	erin := register(t, first, "Erin", "erin@example.com")
	if err := rdb.FlushAll(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	var watching sync.WaitGroup
	watching.Go(func() { first.Watch(ctx) }) // tells of a gap when it has connected, as after an outage
	t.Cleanup(func() { stop(); watching.Wait() })
	for end := time.Now().Add(10 * time.Second); rdb.Exists(t.Context(), users.FileKey).Val() == 0; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the database is not named again")
		}
	}
	if found, err := open(t, rdb, at).ByIDs(t.Context(), erin.ID); err != nil || len(found) != 1 {
		t.Errorf("got %v, %v; want Erin", found, err)
	}
}
