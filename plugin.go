// Package multiaccount keeps several signed-in accounts in one browser session of a Fiber v2 app, switches between them
// without signing in again, and lets every open tab follow live. A page that was drawn for one account can never act as
// another.
//
// An app adds four lines and keeps its own way of signing in:
//
//	accounts, err := multiaccount.New(multiaccount.Config[User]{Users: users.ByIDs})
//	app.Use(accounts.Handler)                            // current and primary user of every request
//	accounts.Register(app)                               // link, switch, sign-out, chooser, switcher, tab socket
//	return accounts.SignIn(c, user.ID, "password")       // in the app's sign-in handler, after its credential check
//
// The app's user type U appears in this package and nowhere below it. The domain is in package account, its storage on
// Redis in redisstore, websockets in live, the switcher's HTML in switcher, hooks for live views in hooks.
package multiaccount

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"sync"

	"github.com/gofiber/fiber/v2"

	"github.com/multiaccount-go/multiaccount/account"
	"github.com/multiaccount-go/multiaccount/internal/origin"
	"github.com/multiaccount-go/multiaccount/live"
	"github.com/multiaccount-go/multiaccount/switcher"
)

// Profile is what the switcher and the JSON document show of a user.
type Profile = switcher.Profile

// Config says how the plugin works in an app. Zero fields have defaults that work; only Users is required.
type Config[U any] struct {
	// Users loads the users with the given ids in one go, inactive ones too. An id that is missing from the map does not
	// exist (any more). It may be called concurrently, at most a few hundred ids at a time.
	// It is called once a request, with the accounts of one session, and once more for whoever signs in. Required.
	Users func(ctx context.Context, ids ...string) (map[string]U, error)
	// Active reports whether a user may act now. It is asked at every request, so it takes effect at once.
	// Default: everybody may.
	Active func(U) bool
	// MayLink reports whether an account may be added to a session that holds others, such as only those of one tenant
	// (tenant.Sharing of package tenant). It is asked when the person has just signed in as it, with the ids of all others, and
	// decided upon together with the save, so two tabs cannot get around it; it may be asked several times. Who may not is
	// answered as one who must not act. An error is a 503. What is linked already stays. Default: always.
	MayLink func(ctx context.Context, others []string, userID string) (bool, error)
	// Profile says what the switcher shows of a user. Default: nothing but the id.
	Profile func(U) Profile

	// Store keeps the sessions. Default: account.NewMemoryStore(), for one process, forgotten at its end.
	Store account.Store
	// Sessions holds the maximum of linked accounts, idle time, lifetime and the like. Default: see account.Options.
	Sessions account.Options
	// Sockets holds the limits of tab sockets and live views. Default: see live.Limits.
	Sockets live.Limits
	// Bus carries messages between live views of several processes: redisstore.NewBus or sqlstore.NewBus. Default: this process.
	Bus live.Bus
	// Places counts the open sockets of an account over several processes, redisstore.NewPlaces for one, for
	// Sockets.SocketsPerOwner. It asks once for each socket that opens. Default: each process counts its own.
	Places live.Places

	// Paths names the plugin's routes and the app's pages it leads to. Default: see Paths.
	Paths Paths
	// Cookie names the session cookie. Default: see CookieConfig.
	Cookie CookieConfig
	// ClearSiteData is what a browser is told to forget after signing out of everything, so that nobody finds pages of the
	// person with the back button. Signing one of several accounts out and switching clear nothing: the others go on. Set it
	// when the app keeps something of the whole origin in localStorage, such as a theme. Default: ClearCacheAndStorage.
	ClearSiteData ClearSiteData
	// Origins are trusted beside the host that a request names, such as "https://www.example.com". Needed only when a
	// proxy does not pass the Host header on. Default: none.
	Origins []string
	// Hosts are those that the site is reached by, such as "www.example.com": Handler answers requests that name another one with 421,
	// before anything is looked up. Skip passes by what a load balancer asks for by its address. Default: any, so let the
	// proxy route by host.
	Hosts []string
	// Follow says what a tab does when the account changes in another one. Default: FollowReload.
	Follow Follow
	// Texts replaces what people read. Default: English.
	Texts Texts
	// Slots replaces parts of the switcher wherever the plugin draws it: in SwitcherHTML, as the fragment that refreshes
	// it, in the chooser. Default: plain lists and forms.
	Slots switcher.Slots
	// Layout puts the plugin's own pages into the app's design: it sends the page with its status, its Head in the head
	// and its Body, which has an h1 and, on the chooser, a switcher. Default: a plain document.
	Layout func(c *fiber.Ctx, p Page) error

	// Locals names what the app's handlers already read, such as "user_id", and how to get it from the current user.
	// Handler sets them after the app's own middleware, or to nil when no account is current. Default: none.
	Locals map[string]func(U) any
	// Adopt returns who is signed in by the app's former session when the browser has none of ours yet, so that nobody
	// is signed out by the change. It is never asked again once the browser had a session of ours. Default: nobody.
	Adopt func(c *fiber.Ctx) (id string, ok bool)
	// Device says what to call the browser of a request in a list of devices, coarsely: "Firefox on Linux". It is asked when
	// somebody signs in, and up to 64 characters are kept in the session. Default: nothing.
	Device func(c *fiber.Ctx) string
	// DemandIntentField lets a sign-in add an account only when its form carries IntentField; a form without the field counts
	// as one that was drawn while nobody had asked. Set it once every form and callback carries it. Default: a form without
	// the field adds the account when a request to do so is open.
	DemandIntentField bool
	// Skip passes a request by: Handler does nothing. For static files and health checks. Default: none.
	Skip func(c *fiber.Ctx) bool

	// OnEvent hears of every change and refusal, for an audit trail. It is called on the request's goroutine, after the
	// change was saved; it must not keep it waiting. Default: nothing.
	OnEvent func(ctx context.Context, e Event)
	// Log gets what an operator should see. Default: slog.Default().
	Log *slog.Logger
}

// Plugin is the plugin in one app. It is safe for concurrent use. Make it with [New] and end it with [Plugin.Close].
type Plugin[U any] struct {
	cfg      Config[U]
	paths    Paths // as configured; the router's prefix is in urls
	urls     urls
	origins  origin.Policy
	sessions *account.Manager
	hub      *live.Hub
	log      *slog.Logger

	plainHTTP sync.Once // the hint about it was given
	crowd     crowd     // accounts whose sessions have to be counted once more
	notices   notices   // sessions whose records have to be looked at

	registered bool // Register was called

	touches chan *account.Session
	stop    context.CancelFunc
	running sync.WaitGroup
}

// New checks the configuration, reports every mistake in it at once, and starts listening to the store's change feed.
func New[U any](cfg Config[U]) (*Plugin[U], error) {
	cfg.setDefaults()
	if err := cfg.validate(); err != nil {
		return nil, fmt.Errorf("multiaccount: configuration:\n%w", err)
	}
	p := &Plugin[U]{
		cfg: cfg, paths: cfg.Paths, urls: cfg.Paths.urls(""),
		origins:  origin.Policy{Allowed: cfg.Origins, Insecure: cfg.Cookie.InsecurePlainHTTPForDevelopment},
		sessions: account.NewManager(cfg.Store, cfg.Sessions),
		log:      cfg.Log,
		touches:  make(chan *account.Session, 1024),
		notices:  newNotices(),
	}
	p.hub = live.NewHub(live.HubConfig{Limits: cfg.Sockets, Origins: p.origins, Bus: cfg.Bus, Places: cfg.Places, Log: cfg.Log})
	ctx, stop := context.WithCancel(context.Background())
	p.stop = stop
	missed := make(chan struct{}, 1)
	p.running.Go(func() { p.watch(ctx, missed) })
	p.running.Go(func() { p.lookInBackground(ctx) })
	p.running.Go(func() { p.sweepNowAndThen(ctx, missed) })
	p.running.Go(func() { p.touchInBackground(ctx) })
	return p, nil
}

func (cfg *Config[U]) setDefaults() {
	if cfg.Active == nil {
		cfg.Active = func(U) bool { return true }
	}
	if cfg.Profile == nil {
		cfg.Profile = func(U) Profile { return Profile{} }
	}
	if cfg.Store == nil {
		cfg.Store = account.NewMemoryStore()
	}
	if cfg.Follow == "" {
		cfg.Follow = FollowReload
	}
	cfg.ClearSiteData = cmp.Or(cfg.ClearSiteData, ClearCacheAndStorage)
	if cfg.OnEvent == nil {
		cfg.OnEvent = func(context.Context, Event) {}
	}
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	if cfg.Layout == nil {
		cfg.Layout = plainLayout
	}
	cfg.Paths.setDefaults()
	cfg.Cookie.setDefaults()
	cfg.Texts.setDefaults()
}

func (cfg *Config[U]) validate() error {
	var errs []error
	if cfg.Users == nil {
		errs = append(errs, errors.New("field Users is missing: give a function that loads users by their ids"))
	}
	if !cfg.Follow.valid() {
		errs = append(errs, fmt.Errorf("field Follow is %q: use %q, %q or %q", cfg.Follow, FollowReload, FollowFragments, FollowNotify))
	}
	for name, value := range cfg.Locals {
		if name == "" || value == nil {
			errs = append(errs, fmt.Errorf("field Locals[%q]: give a name and a function", name))
		}
		if name == localCurrent || name == localPrimary {
			errs = append(errs, fmt.Errorf("field Locals[%q]: the plugin sets this name itself", name))
		}
	}
	for _, part := range []any{cfg.Store, cfg.Places} {
		if part, ok := part.(interface{ Validate() error }); ok {
			errs = append(errs, part.Validate())
		}
	}
	if _, ok := cfg.Store.(account.Index); !ok && cfg.Sessions.SessionsPerAccount > 0 {
		errs = append(errs, errors.New("field Sessions.SessionsPerAccount needs a Store that is an account.Index: use another one, "+
			"or set no limit"))
	}
	errs = append(errs, cfg.Sessions.Validate(), cfg.Sockets.Validate(), cfg.Paths.validate(), cfg.Cookie.validate(),
		cfg.ClearSiteData.validate(), validateHosts(cfg.Hosts), origin.Policy{Allowed: cfg.Origins}.Validate())
	return errors.Join(errs...)
}

// Hub returns the hub of the open tabs, which live views need too.
func (p *Plugin[U]) Hub() *live.Hub { return p.hub }

// Ready returns nil when the store answers, for a readiness check.
func (p *Plugin[U]) Ready(ctx context.Context) error { return p.sessions.Ready(ctx) }

// Close ends the tabs with a code that makes them come back to another process, then everything that runs in the
// background, within ctx. It closes neither the store nor its client. Call it before shutting the app down.
func (p *Plugin[U]) Close(ctx context.Context) error {
	err := p.hub.Close(ctx)
	p.stop()
	done := make(chan struct{})
	go func() { p.running.Wait(); close(done) }()
	select {
	case <-done:
		return err
	case <-ctx.Done():
		return errors.Join(err, ctx.Err())
	}
}

// Register mounts the plugin's routes on an app or a group. Call it once, after app.Use(p.Handler). On an app that is mounted
// into another one, name the mount path in Paths.Base of a plugin registered on the outer app instead: a mounted app does
// not know its path.
func (p *Plugin[U]) Register(r fiber.Router) {
	p.registered = true
	if group, ok := r.(*fiber.Group); ok {
		if strings.ContainsAny(group.Prefix, ":*+") {
			panic(fmt.Sprintf("multiaccount: Register on the group %q: pages need the plugin's paths, and these have parameters. "+
				"Register on the app or on a group without", group.Prefix))
		}
		p.urls = p.paths.urls(group.Prefix)
	}
	at := p.paths
	r.Get(at.Base+at.Link+"/:primary_user_id", p.route(p.linkPage))
	r.Post(at.Base+at.Link+"/:primary_user_id", p.route(p.beginLink))
	r.Post(at.Base+at.Cancel, p.route(p.cancelLink))
	r.Get(at.Base+at.Switch+"/:user_id", p.route(p.switchPage))
	r.Post(at.Base+at.Switch+"/:user_id", p.route(p.switchAccount))
	r.Post(at.Base+at.SignOut+"/:user_id", p.route(p.signOutOne))
	r.Post(at.Base+at.SignOut, p.route(p.signOutAll))
	r.Get(at.Base+at.Choose, p.route(p.chooser))
	r.Get(at.Base+at.Accounts, p.route(p.accounts))
	r.Get(at.Base+at.State, p.route(p.state))
	r.Get(at.Base+at.Live, p.tabSocket)
	r.Get(at.Base+at.Script, p.script)
}

// urls are the paths as a browser sees them, the router's prefix included.
type urls struct {
	base, link, cancel, switchTo, signOut, choose, accounts, state, live, script, signIn string
}

func (p Paths) urls(prefix string) urls {
	base := strings.TrimSuffix(prefix, "/") + p.Base
	return urls{
		base: base, link: base + p.Link + "/", cancel: base + p.Cancel, switchTo: base + p.Switch + "/",
		signOut: base + p.SignOut, choose: base + p.Choose, accounts: base + p.Accounts, state: base + p.State,
		live: base + p.Live, script: base + p.Script, signIn: p.SignIn,
	}
}

// with appends an id to a path. A plus is escaped too: Fiber's UnescapePath would take it for a space.
func with(path, id string) string { return path + strings.ReplaceAll(url.PathEscape(id), "+", "%2B") }
