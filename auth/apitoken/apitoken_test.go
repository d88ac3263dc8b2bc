package apitoken_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/multiaccount-go/multiaccount/auth"
	"github.com/multiaccount-go/multiaccount/auth/apitoken"
	"github.com/multiaccount-go/multiaccount/auth/internal/signintest"
	"github.com/multiaccount-go/multiaccount/internal/htmltest"
)

// site is an app with keys for programs.
type site struct {
	*signintest.Site
	keys  *apitoken.Keys
	store *brokenStore

	mu   sync.Mutex
	acts []string // users who changed something by a program
}

// brokenStore fails when a test says so, and counts look-ups.
type brokenStore struct {
	auth.Store
	mu      sync.Mutex
	down    error
	lookups int
}

func (s *brokenStore) Token(ctx context.Context, p auth.Purpose, h auth.Hash, now time.Time) (auth.Token, error) {
	s.mu.Lock()
	s.lookups++
	down := s.down
	s.mu.Unlock()
	if down != nil {
		return auth.Token{}, down
	}
	return s.Store.Token(ctx, p, h, now)
}

func newSite(t *testing.T, change ...func(*apitoken.Config)) *site {
	t.Helper()
	s := &site{}
	s.Site = signintest.New(t, func(app *signintest.Site) {
		s.store = &brokenStore{Store: app.Users}
		cfg := apitoken.Config{Accounts: app.Accounts, Users: s.store, Now: app.Clock.Now, Log: signintest.Quiet()}
		for _, alter := range change {
			alter(&cfg)
		}
		var err error
		if s.keys, err = apitoken.New(cfg); err != nil {
			t.Fatal(err)
		}
		s.keys.Register(app.App)
		app.App.Get("/session/new", func(c *fiber.Ctx) error { return c.SendString("sign in") })
		api := app.App.Group("/api", s.keys.Handler)
		act := func(c *fiber.Ctx) error {
			key, ok := apitoken.Of(c)
			if !ok {
				return errors.New("no key")
			}
			s.mu.Lock()
			defer s.mu.Unlock()
			s.acts = append(s.acts, key.UserID)
			return c.JSON(fiber.Map{"user": key.UserID, "email": key.User.Email, "scope": key.Scope,
				"current": app.Accounts.CurrentID(c)})
		}
		api.Get("/who", act)
		api.Post("/act", act)
		app.App.Post("/pages/act", app.Accounts.Protect(), func(c *fiber.Ctx) error {
			_, ok := apitoken.Of(c)
			return c.JSON(ok)
		})
	})
	return s
}

// make makes a key in the profile and returns it as the page shows it.
func (s *site) make(b *signintest.Browser, name string) (id, key string) {
	s.T.Helper()
	var made struct{ ID, Key string }
	a := b.Post("/profile/api_keys", url.Values{"name": {name}, "days": {"30"}, "_stamp": {b.Stamp()}}, signintest.AsJSON...)
	if err := json.Unmarshal([]byte(a.Is(http.StatusCreated).Body), &made); err != nil {
		s.T.Fatal(err)
	}
	return made.ID, made.Key
}

// ask is a request of a program.
func (s *site) ask(key string, headers ...string) *signintest.Answer {
	s.T.Helper()
	return s.Browser().Get("/api/who", append([]string{"Authorization", "Bearer " + key}, headers...)...)
}

func TestAProgramActsByItsKey(t *testing.T) {
	s := newSite(t)
	alice := s.User("alice@example.com").ID
	_, key := s.make(s.Browser().Enter(alice), "backup")
	a := s.ask(key).Is(http.StatusOK).Says(`"user":"` + alice + `"`).Says(`"current":""`)
	for name, want := range map[string]string{"Cache-Control": "no-store", "Vary": "Authorization", "Set-Cookie": ""} {
		if got := a.Header.Get(name); got != want {
			t.Errorf("got %s %q, want %q", name, got, want)
		}
	}
	// Neither stamp nor origin: the key says it all.
	s.Browser().Do(http.MethodPost, "/api/act", nil, "Authorization", "bearer "+key).Is(http.StatusOK)
}

func TestAKeyIsShownOnceAndNotInTheStore(t *testing.T) {
	s := newSite(t)
	alice := s.User("alice@example.com").ID
	b := s.Browser().Enter(alice)
	page := b.Post("/profile/api_keys", url.Values{"name": {"<backup>"}, "days": {"30"}, "_stamp": {b.Stamp()}}).
		Is(http.StatusCreated)
	key := htmltest.Parse(t, page.Body).With("id", "key")[0].Attr["value"]
	if got := page.Header.Get("Cache-Control"); got != "no-store" {
		t.Errorf("got Cache-Control %q", got)
	}
	s.ask(key).Is(http.StatusOK)
	list := b.Get("/profile/api_keys").Is(http.StatusOK).Says("&lt;backup&gt;")
	tokens, err := s.Users.Tokens(t.Context(), apitoken.Purpose, alice, s.Clock.Now())
	if err != nil || len(tokens) != 1 {
		t.Fatalf("got %v and error %v", tokens, err)
	}
	if secret := key[4:]; strings.Contains(list.Body, secret[:20]) || strings.Contains(tokens[0].ID+tokens[0].Data, secret[:20]) {
		t.Error("the key is there a second time")
	}
}

func TestScannersFindKeysAndNothingElse(t *testing.T) {
	s := newSite(t, func(cfg *apitoken.Config) { cfg.Prefix = "shop2" })
	_, key := s.make(s.Browser().Enter(s.User("alice@example.com").ID), "backup")
	pattern := regexp.MustCompile(s.keys.Pattern())
	for text, want := range map[string]bool{
		`curl -H "Authorization: Bearer ` + key + `"`: true, "KEY=" + key + "\n": true, key[:len(key)-1]: false, "x" + key: false,
		key + "A": false,
	} {
		if got := pattern.MatchString(text); got != want {
			t.Errorf("%q: got %v, want %v", text, got, want)
		}
	}
}

// TestWhatIsNoKeyLooksLikeOneThatDoesNotWork: byte by byte the same answer, and for what cannot be a key without a look-up.
func TestWhatIsNoKeyLooksLikeOneThatDoesNotWork(t *testing.T) {
	s := newSite(t)
	alice := s.User("alice@example.com")
	b := s.Browser().Enter(alice.ID)
	_, expired := s.make(b, "expired")
	s.Clock.Advance(10 * time.Minute)
	b.Enter(alice.ID)
	revokedID, revoked := s.make(b, "revoked")
	b.Post("/profile/api_keys/"+revokedID+"/revoke", url.Values{"_stamp": {b.Stamp()}}).Leads("/profile/api_keys")
	bob := s.User("bob@example.com").ID
	_, inactive := s.make(s.Browser().Enter(bob), "inactive")
	if err := s.Users.SetStatus(t.Context(), bob, auth.Inactive); err != nil {
		t.Fatal(err)
	}
	carol := s.User("carol@example.com").ID
	_, deleted := s.make(s.Browser().Enter(carol), "deleted")
	if err := s.Users.Delete(t.Context(), carol); err != nil {
		t.Fatal(err)
	}
	s.Clock.Advance(30*24*time.Hour - 10*time.Minute)

	unknown := newSite(t)
	_, elsewhere := unknown.make(unknown.Browser().Enter(unknown.User("x@example.com").ID), "elsewhere")
	other := "A"
	if revoked[10:11] == other {
		other = "B"
	}
	mistyped := revoked[:10] + other + revoked[11:]
	tests := map[string]struct {
		key    string
		lookup bool
	}{
		"expired": {expired, true}, "revoked": {revoked, true}, "of a user who must not act": {inactive, true},
		"of a user who was deleted": {deleted, true}, "of another site": {elsewhere, true},
		"mistyped": {mistyped, false}, "cut off": {revoked[:20], false}, "nothing": {"", false},
		"endless": {strings.Repeat("A", 2000), false}, "another prefix": {"x" + revoked[1:], false},
	}
	want := ""
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s.store.lookups = 0
			a := s.ask(test.key).Is(http.StatusUnauthorized)
			got := a.Body + a.Header.Get("WWW-Authenticate")
			if want == "" {
				want = got
			}
			if got != want || !strings.Contains(got, "invalid_key") {
				t.Errorf("got %s, others got %s", got, want)
			}
			if looked := s.store.lookups > 0; looked != test.lookup {
				t.Errorf("looked up: %v, want %v", looked, test.lookup)
			}
		})
	}
}

func TestAKeyComesInTheHeaderOnly(t *testing.T) {
	s := newSite(t)
	_, key := s.make(s.Browser().Enter(s.User("alice@example.com").ID), "backup")
	b := s.Browser()
	b.Get("/api/who?access_token=" + key).Is(http.StatusUnauthorized).Says("not_signed_in")
	b.Do(http.MethodPost, "/api/act", url.Values{"access_token": {key}}).Is(http.StatusUnauthorized)
	b.Get("/api/who", "Authorization", "Basic "+key).Is(http.StatusUnauthorized)
	b.Get("/api/who", "Authorization", key).Is(http.StatusUnauthorized)
	if got := b.Get("/api/who").Header.Get("WWW-Authenticate"); got != `Bearer realm="api"` {
		t.Errorf("got %q", got)
	}
	if len(s.acts) != 0 {
		t.Errorf("got acts %v", s.acts)
	}
}

func TestSeveralKeysAreNone(t *testing.T) {
	s := newSite(t)
	_, key := s.make(s.Browser().Enter(s.User("alice@example.com").ID), "backup")
	r := httptest.NewRequest(http.MethodGet, "/api/who", nil)
	r.Header["Authorization"] = []string{"Bearer " + key, "Bearer " + key}
	answer, err := s.App.Test(r, -1)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	if answer.StatusCode != http.StatusBadRequest {
		t.Errorf("got status %d, want 400", answer.StatusCode)
	}
}

// TestAKeyBesideASessionIsRefused: nobody has to know which of the two wins.
func TestAKeyBesideASessionIsRefused(t *testing.T) {
	s := newSite(t)
	alice, bob := s.User("alice@example.com").ID, s.User("bob@example.com").ID
	_, key := s.make(s.Browser().Enter(alice), "backup")
	b := s.Browser().Enter(bob)
	b.Get("/api/who", "Authorization", "Bearer "+key).Is(http.StatusBadRequest).Says("ambiguous")
	b.Post("/api/act", url.Values{}, "Authorization", "Bearer "+key).Is(http.StatusBadRequest)
	b.Get("/api/who", "Authorization", "Bearer x").Is(http.StatusBadRequest)
	if len(s.acts) != 0 {
		t.Errorf("got acts %v", s.acts)
	}
	gone := s.Browser()
	gone.SetCookie("__Host-accounts", "left over")
	gone.Get("/api/who", "Authorization", "Bearer "+key).Is(http.StatusOK)
}

// TestASessionDoesNotCountWhereKeysDo is CT-08: pages cannot use the routes that need no stamp.
func TestASessionDoesNotCountWhereKeysDo(t *testing.T) {
	s := newSite(t)
	b := s.Browser().Enter(s.User("alice@example.com").ID)
	b.Post("/api/act", url.Values{"_stamp": {b.Stamp()}}).Is(http.StatusUnauthorized)
	b.Post("/api/act", url.Values{}, signintest.FromElsewhere...).Is(http.StatusUnauthorized)
	if len(s.acts) != 0 {
		t.Errorf("got acts %v", s.acts)
	}
}

// TestAKeyDoesNotCountElsewhere is CT-08: only the routes behind the Handler take keys.
func TestAKeyDoesNotCountElsewhere(t *testing.T) {
	s := newSite(t)
	alice := s.User("alice@example.com").ID
	_, key := s.make(s.Browser().Enter(alice), "backup")
	header := []string{"Authorization", "Bearer " + key, "Accept", "application/json"}
	b := s.Browser()
	b.Post("/pages/act", url.Values{}, header...).Is(http.StatusUnauthorized)
	b.Get("/profile/api_keys", header...).Is(http.StatusUnauthorized)
	b.Post("/profile/api_keys", url.Values{"name": {"x"}, "days": {"1"}}, header...).Is(http.StatusUnauthorized)
	if got := b.IDs(); len(got) != 0 {
		t.Errorf("got a session of %v", got)
	}
}

func TestMakingAKeyIsGuarded(t *testing.T) {
	s := newSite(t)
	alice, bob := s.User("alice@example.com").ID, s.User("bob@example.com").ID
	b := s.Browser().Enter(alice)
	form := url.Values{"name": {"evil"}, "days": {"30"}, "_stamp": {b.Stamp()}}
	b.Post("/profile/api_keys", form, signintest.FromElsewhere...).Is(http.StatusForbidden)
	b.Post("/profile/api_keys", url.Values{"name": {"evil"}, "days": {"30"}}).Is(http.StatusConflict)
	s.Browser().Post("/profile/api_keys", form).Is(http.StatusSeeOther)

	b.Add()
	b.Enter(bob)
	b.Post("/profile/api_keys", form).Is(http.StatusConflict) // the page was drawn for alice

	form.Set("_stamp", b.Stamp())
	s.Clock.Advance(10 * time.Minute)
	answer := b.Post("/profile/api_keys", form).Is(http.StatusSeeOther)
	if got := answer.Header.Get("Location"); !strings.HasPrefix(got, "/session/new?again=") {
		t.Errorf("got %q, want to be asked to sign in again", got)
	}
	for _, id := range []string{alice, bob} {
		if keys, err := s.keys.List(t.Context(), id); err != nil || len(keys) != 0 {
			t.Errorf("got keys %v and error %v, want none", keys, err)
		}
	}
}

func TestAKeyOfSomebodyElseCannotBeRevoked(t *testing.T) {
	s := newSite(t)
	alice := s.Browser().Enter(s.User("alice@example.com").ID)
	id, key := s.make(alice, "backup")
	mallory := s.Browser().Enter(s.User("mallory@example.com").ID)
	unknown := mallory.Post("/profile/api_keys/unknown/revoke", url.Values{"_stamp": {mallory.Stamp()}}).Is(http.StatusNotFound)
	others := mallory.Post("/profile/api_keys/"+id+"/revoke", url.Values{"_stamp": {mallory.Stamp()}}).Is(http.StatusNotFound)
	if unknown.Body != others.Body {
		t.Error("the answers differ")
	}
	s.ask(key).Is(http.StatusOK)
	alice.Post("/profile/api_keys/"+id+"/revoke", url.Values{}).Is(http.StatusConflict) // no stamp
	alice.Post("/profile/api_keys/"+id+"/revoke", url.Values{"_stamp": {alice.Stamp()}}).Leads("/profile/api_keys")
	s.ask(key).Is(http.StatusUnauthorized)
}

func TestMistakesAreToldBesideTheFields(t *testing.T) {
	s := newSite(t, func(cfg *apitoken.Config) { cfg.MaxKeys = 1 })
	b := s.Browser().Enter(s.User("alice@example.com").ID)
	post := func(name, days string, headers ...string) *signintest.Answer {
		return b.Post("/profile/api_keys", url.Values{"name": {name}, "days": {days}, "_stamp": {b.Stamp()}}, headers...)
	}
	for _, test := range []struct{ name, days, field string }{
		{"", "30", "name"}, {strings.Repeat("n", 65), "30", "name"}, {"a\x00b", "30", "name"},
		{"backup", "", "days"}, {"backup", "0", "days"}, {"backup", "-1", "days"}, {"backup", "366", "days"}, {"backup", "1e3", "days"},
	} {
		post(test.name, test.days).Is(http.StatusUnprocessableEntity).Says(`id="key-` + test.field + `-error"`)
		post(test.name, test.days, signintest.AsJSON...).Is(http.StatusUnprocessableEntity).Says(`"fields":{"` + test.field + `":`)
	}
	post("backup", "365").Is(http.StatusCreated)
	post("another", "30").Is(http.StatusConflict).Says("You have 1 keys already")
	post("another", "30", signintest.AsJSON...).Is(http.StatusConflict).Says(`"error":"too_many_keys"`)
}

func TestAProgramMakesAKeyWithJSON(t *testing.T) {
	s := newSite(t)
	b := s.Browser().Enter(s.User("alice@example.com").ID)
	r := httptest.NewRequest(http.MethodPost, "/profile/api_keys", strings.NewReader(`{"name":"backup","days":30}`))
	for name, value := range map[string]string{
		"Content-Type": "application/json", "Accept": "application/json", "Origin": signintest.Origin,
		"X-Account-Stamp": b.Stamp(), "Cookie": "__Host-accounts=" + b.Cookie("__Host-accounts"),
	} {
		r.Header.Set(name, value)
	}
	r.Host = strings.TrimPrefix(signintest.Origin, "https://")
	answer, err := s.App.Test(r, -1)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	if answer.StatusCode != http.StatusCreated {
		t.Errorf("got status %d, want 201", answer.StatusCode)
	}
	b.Get("/profile/api_keys", signintest.AsJSON...).Is(http.StatusOK).Says(`"name":"backup"`).Says(`"used":null`)
}

func TestLastUseIsNotedCoarsely(t *testing.T) {
	s := newSite(t)
	alice := s.User("alice@example.com").ID
	_, key := s.make(s.Browser().Enter(alice), "backup")
	used := func() time.Time {
		t.Helper()
		keys, err := s.keys.List(t.Context(), alice)
		if err != nil || len(keys) != 1 {
			t.Fatalf("got %v and error %v", keys, err)
		}
		return keys[0].Used
	}
	if got := used(); !got.IsZero() {
		t.Errorf("got %v before any use", got)
	}
	first := s.Clock.Now()
	s.ask(key).Is(http.StatusOK)
	s.Clock.Advance(59 * time.Minute)
	s.ask(key).Is(http.StatusOK)
	if got := used(); !got.Equal(first) {
		t.Errorf("got %v, want %v: each request costs a write", got, first)
	}
	s.Clock.Advance(time.Minute)
	s.ask(key).Is(http.StatusOK)
	if got := used(); !got.Equal(s.Clock.Now()) {
		t.Errorf("got %v, want %v", got, s.Clock.Now())
	}
}

// TestNobodyHasTheSecretOfANote: what stands for the use of a key is no key.
func TestNobodyHasTheSecretOfANote(t *testing.T) {
	s := newSite(t)
	alice := s.User("alice@example.com").ID
	id, key := s.make(s.Browser().Enter(alice), "backup")
	s.ask(key).Is(http.StatusOK)
	s.ask(id + "-used").Is(http.StatusUnauthorized)
	if err := s.keys.Revoke(t.Context(), alice, id+"-used"); !errors.Is(err, auth.ErrUnknown) {
		t.Errorf("got %v, want ErrUnknown", err)
	}
}

func TestManyRequestsAtOnce(t *testing.T) {
	s := newSite(t)
	alice := s.User("alice@example.com").ID
	_, key := s.make(s.Browser().Enter(alice), "backup")
	var all sync.WaitGroup
	for range 20 {
		b := s.Browser()
		all.Go(func() { b.Get("/api/who", "Authorization", "Bearer "+key).Says(alice) })
	}
	all.Wait()
	if keys, err := s.keys.List(t.Context(), alice); err != nil || len(keys) != 1 || keys[0].Used.IsZero() {
		t.Errorf("got %v and error %v", keys, err)
	}
}

func TestActiveDecidesAtEachRequest(t *testing.T) {
	allowed, broken := true, error(nil)
	s := newSite(t, func(cfg *apitoken.Config) {
		cfg.Active = func(_ context.Context, k apitoken.Key) (bool, error) { return allowed && k.User.IsActive(), broken }
	})
	_, key := s.make(s.Browser().Enter(s.User("alice@example.com").ID), "backup")
	s.ask(key).Is(http.StatusOK)
	allowed = false
	s.ask(key).Is(http.StatusUnauthorized)
	broken = errors.New("database is away")
	s.ask(key).Is(http.StatusServiceUnavailable)
}

func TestAKeyKeepsTheScopeItWasMadeIn(t *testing.T) {
	s := newSite(t)
	b := s.Browser().Enter(s.User("alice@example.com").ID)
	s.App.Post("/scope", func(c *fiber.Ctx) error { return s.Accounts.SetScope(c, c.FormValue("to"), "") })
	b.Post("/scope", url.Values{"to": {"tenant-1"}}).Is(http.StatusSeeOther)
	_, key := s.make(b, "backup")
	b.Post("/scope", url.Values{"to": {"tenant-2"}}).Is(http.StatusSeeOther)
	s.ask(key).Says(`"scope":"tenant-1"`)
}

func TestWithoutTheStoreNobodyActs(t *testing.T) {
	s := newSite(t)
	_, key := s.make(s.Browser().Enter(s.User("alice@example.com").ID), "backup")
	s.store.mu.Lock()
	s.store.down = errors.New("secret address of the database")
	s.store.mu.Unlock()
	a := s.ask(key).Is(http.StatusServiceUnavailable)
	if a.Header.Get("Retry-After") == "" || strings.Contains(a.Body, "secret address") {
		t.Errorf("got %v %s", a.Header, a.Body)
	}
	if len(s.acts) != 0 {
		t.Errorf("got acts %v", s.acts)
	}
}

func TestEvents(t *testing.T) {
	var heard []string
	s := newSite(t, func(cfg *apitoken.Config) {
		cfg.OnEvent = func(_ context.Context, e apitoken.Event) { heard = append(heard, e.Action+" "+e.UserID+" "+e.KeyID) }
	})
	alice := s.User("alice@example.com").ID
	b := s.Browser().Enter(alice)
	id, _ := s.make(b, "backup")
	b.Post("/profile/api_keys/"+id+"/revoke", url.Values{"_stamp": {b.Stamp()}}).Leads("/profile/api_keys")
	if want := []string{"api_key.created " + alice + " " + id, "api_key.revoked " + alice + " " + id}; !slices.Equal(heard, want) {
		t.Errorf("got %v, want %v", heard, want)
	}
}

func TestConfigurationTellsEveryMistake(t *testing.T) {
	_, err := apitoken.New(apitoken.Config{Prefix: "My Keys", MaxLife: time.Hour, MaxKeys: -1, RecentSignIn: 1, Base: "/:x"})
	if err == nil {
		t.Fatal("got no error")
	}
	for _, want := range []string{"Accounts", "Users", "Prefix", "MaxLife", "MaxKeys", "RecentSignIn", "Base"} {
		if !strings.Contains(err.Error(), "field "+want) {
			t.Errorf("got %v, want %s in it", err, want)
		}
	}
}
