// Package apitoken gives programs keys of their own: somebody makes one in the profile, sees it once, and the program sends
// it along with each request:
//
//	Authorization: Bearer mak_JBSWY3DPEHPK3PXP…
//
// A key has nothing to do with browser sessions. Mount [Keys.Handler] in front of the routes that programs may use, and before
// the plugin's Protect, which demands a stamp that no program has. These routes are the whole list; nowhere else does a
// key count:
//
//	app.Use(accounts.Handler)
//	api := app.Group("/api", keys.Handler)
//	api.Get("/notes", func(c *fiber.Ctx) error { key, _ := apitoken.Of(c); … })
//	app.Use(accounts.Protect())
//
// Such a route knows its user from [Of] only. A request that brings a session too is refused, so that no handler can take the
// one for the other, and the routes can be asked for by no page in somebody's name: browsers never send a key by themselves.
//
// # Keys that leak
//
// A key begins with a prefix of the app's and ends with a checksum, so scanners of source code recognise it: [Keys.Pattern].
// The store has only its hash. Who finds one revokes it in the profile; a user who must not act has no working keys. A change
// of the password revokes none, because programs are not signed out by it.
package apitoken

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"html/template"
	"io/fs"
	"log/slog"
	"regexp"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/multiaccount-go/multiaccount"
	"github.com/multiaccount-go/multiaccount/account"
	"github.com/multiaccount-go/multiaccount/auth"
	"github.com/multiaccount-go/multiaccount/auth/internal/way"
	"github.com/multiaccount-go/multiaccount/internal/given"
)

// Accounts is what this package needs of a [multiaccount.Plugin]. Each is one, whatever the app's type of a user.
type Accounts interface {
	CurrentID(c *fiber.Ctx) string
	State(c *fiber.Ctx) account.State
	Available(c *fiber.Ctx) error
	Scope(c *fiber.Ctx) string
	StampField(c *fiber.Ctx) template.HTML
	Protect() fiber.Handler
	RequireUser(c *fiber.Ctx) error
	RequireRecent(maxAge time.Duration) fiber.Handler
	AddFlash(c *fiber.Ctx, kind, text string)
	Head(c *fiber.Ctx, follow ...multiaccount.Follow) template.HTML
}

// Config says how keys work. Accounts and Users are required.
type Config struct {
	// Accounts is the plugin. Mount its Handler before all of this package: it renders the refusals of the profile's pages.
	Accounts Accounts
	// Users keeps the users and what stands for the keys.
	Users auth.Store
	// Prefix begins every key, so that scanners and people recognise whose it is: 2 to 16 of a-z and 0-9, a letter first.
	// Keys with another prefix do not work any more. Default: mak
	Prefix string
	// Active reports whether a key may act now, beside that its user may: whether the tenant that it was made in is still the
	// user's, say. It is asked at each request of a program. Default: it may.
	Active func(ctx context.Context, k Key) (bool, error)
	// Scope returns what the current account works in while it makes a key, such as a tenant: it becomes Key.Scope. Give
	// ScopeID of a tenant.Tenants, which also knows where somebody works who never chose. An error is the answer, and no key
	// is made. Default: the plugin's Scope, which is the choice alone and is empty for whoever never made one.
	Scope func(c *fiber.Ctx) (string, error)
	// MaxLife is how long a key works at most. Default: 365 days.
	MaxLife time.Duration
	// MaxKeys is how many keys a user may have. Default: 20.
	MaxKeys int
	// RecentSignIn is how long ago somebody may have signed in at most who makes a key. Default: ten minutes.
	RecentSignIn time.Duration

	// Base is where the routes are. Default: /profile/api_keys
	Base string
	// Texts replaces what people read. Default: English.
	Texts Texts
	// Layout puts the pages into the app's design, like the layout of the plugin. Default: a plain document.
	Layout func(c *fiber.Ctx, page multiaccount.Page) error
	// Templates replaces pages one by one: a file in it that is called like one of [Templates]. Default: none.
	Templates fs.FS

	// OnEvent hears of every key that was made or revoked, for an audit trail. It is called on the request's goroutine and must
	// not keep it waiting. Default: nothing.
	OnEvent func(ctx context.Context, e Event)
	// Now is the clock. Default: time.Now.
	Now func() time.Time
	// Log gets what an operator should see. It never gets a key. Default: slog.Default().
	Log *slog.Logger
}

// Event says what was done with a key.
type Event struct {
	Action string // ActionCreated or ActionRevoked
	UserID string
	KeyID  string
}

// Actions of events.
const (
	ActionCreated = "api_key.created"
	ActionRevoked = "api_key.revoked"
)

//go:embed pages/*.html
var pages embed.FS

// Templates returns the default templates, which Config.Templates replaces one by one.
func Templates() fs.FS {
	sub, err := fs.Sub(pages, "pages")
	if err != nil {
		panic(err) // the folder is embedded
	}
	return sub
}

// Keys are the keys for programs in an app. It is safe for concurrent use. Make it with [New].
type Keys struct {
	cfg   Config
	pages *way.Pages
	notes notes
}

// New checks the configuration and reports every mistake in it at once.
func New(cfg Config) (*Keys, error) {
	cfg.setDefaults()
	if err := cfg.validate(); err != nil {
		return nil, fmt.Errorf("apitoken: configuration:\n%w", err)
	}
	k := &Keys{cfg: cfg}
	var err error
	k.pages, err = way.NewPages(Templates(), cfg.Templates, cfg.Texts.Lang, cfg.Layout,
		func(c *fiber.Ctx) template.HTML { return cfg.Accounts.Head(c) })
	if err != nil {
		return nil, fmt.Errorf("apitoken: configuration: %w", err)
	}
	return k, nil
}

const day = 24 * time.Hour

func (cfg *Config) setDefaults() {
	orDefault(&cfg.Prefix, "mak")
	orDefault(&cfg.MaxLife, 365*day)
	orDefault(&cfg.MaxKeys, 20)
	orDefault(&cfg.RecentSignIn, 10*time.Minute)
	orDefault(&cfg.Base, "/profile/api_keys")
	orDefault(&cfg.Log, slog.Default())
	if cfg.Active == nil {
		cfg.Active = func(context.Context, Key) (bool, error) { return true, nil }
	}
	if accounts := cfg.Accounts; cfg.Scope == nil {
		cfg.Scope = func(c *fiber.Ctx) (string, error) { return accounts.Scope(c), nil }
	}
	if cfg.OnEvent == nil {
		cfg.OnEvent = func(context.Context, Event) {}
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	cfg.Texts.setDefaults()
}

func orDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

var prefixes = regexp.MustCompile(`^[a-z][a-z0-9]{1,15}$`)

func (cfg *Config) validate() error {
	var errs []error
	mistake := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if given.Nothing(cfg.Accounts) {
		mistake("field Accounts is missing: give the plugin")
	}
	if given.Nothing(cfg.Users) {
		mistake("field Users is missing: give a store")
	}
	if !prefixes.MatchString(cfg.Prefix) {
		mistake("field Prefix is %q: use 2 to 16 of a-z and 0-9, a letter first", cfg.Prefix)
	}
	if cfg.MaxLife < day {
		mistake("field MaxLife is %v: use a day or more", cfg.MaxLife)
	}
	if cfg.MaxKeys < 1 {
		mistake("field MaxKeys is %d: use 1 or more", cfg.MaxKeys)
	}
	if cfg.RecentSignIn < time.Second {
		mistake("field RecentSignIn is %v: use a second or more", cfg.RecentSignIn)
	}
	if err := way.CheckPath("Base", cfg.Base); err != nil || cfg.Base == "/" {
		mistake("field Base is %q: use a local path such as /profile/api_keys, without parameters", cfg.Base)
	}
	return errors.Join(errs...)
}

// Register mounts the pages of the profile on an app, or on a group without a prefix. Call it after app.Use(accounts.Handler).
//
//	GET  /profile/api_keys             the keys of the current account, and a form for another one
//	POST /profile/api_keys             makes one and shows it once; fields name and days
//	POST /profile/api_keys/:id/revoke  revokes one
func (k *Keys) Register(r fiber.Router) {
	base, a := k.cfg.Base, k.cfg.Accounts
	r.Get(base, a.RequireUser, k.list)
	r.Post(base, a.Protect(), a.RequireRecent(k.cfg.RecentSignIn), k.create)
	r.Post(base+"/:id/revoke", a.Protect(), k.revoke)
}
