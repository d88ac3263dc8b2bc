// Package magiclink lets people sign in with a link in an e-mail. It ends in the one seam that every way of signing in uses.
//
//	links, err := magiclink.New(magiclink.Config{
//		Accounts: accounts, Users: users, BaseURL: "https://www.example.com",
//		Send: func(ctx context.Context, email, link string) error { return mailer.Send(ctx, email, "Sign in", link) },
//	})
//	links.Register(app)
//	defer links.Close(ctx)
//
// Somebody asks for a link by his address. The answer is the same, and takes as long, whether anybody has that address: whoever
// it is for is looked up, and the e-mail is sent, after the answer. The link opens a page with a button; programs that look at
// the links in e-mails use nothing up. The button signs in: once, within 15 minutes, in the browser in which the link was asked
// for, so that a link that somebody sends to somebody else, or reads in his e-mail, is of no use.
//
// A link proves that somebody reads the e-mail of an address today. It says nothing of who registered with the address: where
// registration does not prove that, whoever registered with an address of somebody else keeps his password to the account.
package magiclink

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"html/template"
	"io/fs"
	"log/slog"
	"sync"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/multiaccount-go/multiaccount"
	"github.com/multiaccount-go/multiaccount/attempts"
	"github.com/multiaccount-go/multiaccount/auth"
	"github.com/multiaccount-go/multiaccount/auth/internal/way"
	"github.com/multiaccount-go/multiaccount/internal/given"
	"github.com/multiaccount-go/multiaccount/tenant"
)

// Accounts is what this package needs of a [multiaccount.Plugin]. Each is one, whatever the app's type of a user.
type Accounts interface {
	SignIn(c *fiber.Ctx, userID, method string) error
	CanSignIn(c *fiber.Ctx) error
	ClaimIntent(c *fiber.Ctx, nonce string)
	Intent(c *fiber.Ctx) string
	IntentField(c *fiber.Ctx) template.HTML
	ReturnField(c *fiber.Ctx) template.HTML
	Adding(c *fiber.Ctx) (multiaccount.Adding, bool)
	Again(c *fiber.Ctx) (multiaccount.Again, bool)
	SameOrigin() fiber.Handler
	Head(c *fiber.Ctx, follow ...multiaccount.Follow) template.HTML
}

// Limiter bounds how many links are asked for: for one address, whether anybody has it or not, from one network, and by all.
// *attempts.Limiter is one.
type Limiter interface {
	Do(ctx context.Context, t attempts.Try, verify func(context.Context) error) error
}

// Config says how links are sent. Accounts, Users, BaseURL and Send are required.
type Config struct {
	// Accounts is the plugin. Mount its Handler before all of this package: it renders the refusals.
	Accounts Accounts
	// Users keeps the users and what stands for the links.
	Users auth.Store
	// Send sends a link to the address that a user registered with. It is called on a goroutine of its own, up to four times
	// at once, and has half a minute. An error is logged; the person asks again.
	Send func(ctx context.Context, email, link string) error
	// BaseURL begins the links, such as https://www.example.com. It is not taken from requests: whoever sends one says what
	// its Host is, and the secret would go there.
	BaseURL string

	// Limits bounds how many links are asked for. Share no limiter with the password: its counts would lock each other out.
	// Default: one for this process with three links for an address at once, then one after a minute, two, four and so on up to
	// 15 minutes; 20 a minute from one network; 300 a minute by all.
	Limits Limiter
	// AnyBrowser lets a link sign in the browser that it is opened in, whichever that is: for people who ask on one device and
	// read their e-mail on another. Then somebody can be made to sign in as somebody else by a link of theirs; the page says
	// as whom. Default: only the browser in which the link was asked for.
	AnyBrowser bool
	// Life is how long a link works. Default: 15 minutes.
	Life time.Duration

	// Base is where the routes are. Default: /magic_link
	Base string
	// Texts replaces what people read. Default: English.
	Texts Texts
	// Layout puts the pages into the app's design, like the layout of the plugin. Default: a plain document.
	Layout func(c *fiber.Ctx, page multiaccount.Page) error
	// Templates replaces pages one by one: a file in it that is called like one of [Templates]. Default: none.
	Templates fs.FS
	// InsecurePlainHTTPForDevelopment allows http in BaseURL and names the cookie so that it travels over it. Never set it
	// where people are.
	InsecurePlainHTTPForDevelopment bool

	// Now is the clock. Default: time.Now.
	Now func() time.Time
	// Log gets what an operator should see. It never gets a link. Default: slog.Default().
	Log *slog.Logger
}

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

// MagicLink is sign-in by links in an app. It is safe for concurrent use. Make it with [New] and end it with
// [MagicLink.Close].
type MagicLink struct {
	cfg    Config
	pages  *way.Pages
	cookie way.Cookie

	mu      sync.RWMutex // held for reading while something is put into requests
	closed  bool
	wanted  chan request
	senders sync.WaitGroup
	stop    context.CancelFunc
}

const (
	atOnce  = 4   // e-mails
	waiting = 256 // requests; further ones are told to come back
	// patience is how long looking somebody up and sending one e-mail may take.
	patience = 30 * time.Second
)

// New checks the configuration, reports every mistake in it at once, and starts what sends.
func New(cfg Config) (*MagicLink, error) {
	if err := cfg.setDefaults(); err != nil {
		return nil, fmt.Errorf("magiclink: configuration: %w", err)
	}
	if err := cfg.validate(); err != nil {
		return nil, fmt.Errorf("magiclink: configuration:\n%w", err)
	}
	m := &MagicLink{cfg: cfg, wanted: make(chan request, waiting),
		cookie: way.NewCookie("magic-link", cfg.InsecurePlainHTTPForDevelopment, cfg.Life)}
	var err error
	m.pages, err = way.NewPages(Templates(), cfg.Templates, cfg.Texts.Lang, cfg.Layout,
		func(c *fiber.Ctx) template.HTML { return cfg.Accounts.Head(c) })
	if err != nil {
		return nil, fmt.Errorf("magiclink: configuration: %w", err)
	}
	ctx, stop := context.WithCancel(context.Background())
	m.stop = stop
	for range atOnce {
		m.senders.Go(func() {
			for r := range m.wanted {
				m.serve(ctx, r)
			}
		})
	}
	return m, nil
}

// Close takes no more requests, sends what was asked for before, and gives up at the end of ctx. Call it after the app was
// shut down.
func (m *MagicLink) Close(ctx context.Context) error {
	m.mu.Lock()
	if !m.closed {
		m.closed = true
		close(m.wanted)
	}
	m.mu.Unlock()
	done := make(chan struct{})
	go func() { m.senders.Wait(); close(done) }()
	select {
	case <-done:
		m.stop()
		return nil
	case <-ctx.Done():
		m.stop()
		return ctx.Err()
	}
}

func (cfg *Config) setDefaults() error {
	orDefault(&cfg.Life, 15*time.Minute)
	orDefault(&cfg.Base, "/magic_link")
	orDefault(&cfg.Log, slog.Default())
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	cfg.Texts.setDefaults()
	if cfg.Limits == nil {
		limits, err := attempts.New(attempts.Config{
			Name: "magic-link", LoginKey: tenant.EmailKey, Log: cfg.Log,
			PerAccount: attempts.Backoff{Tries: 3, First: time.Minute},
			PerAddress: attempts.Rate{Tries: 20}, Global: attempts.Rate{Tries: 300},
		})
		if err != nil {
			return err
		}
		cfg.Limits = limits
	}
	return nil
}

func orDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

func (cfg *Config) validate() error {
	var errs []error
	for name, missing := range map[string]bool{
		"Accounts": given.Nothing(cfg.Accounts), "Users": given.Nothing(cfg.Users), "Send": cfg.Send == nil,
	} {
		if missing {
			errs = append(errs, fmt.Errorf("field %s is missing", name))
		}
	}
	if cfg.Life < time.Second {
		errs = append(errs, fmt.Errorf("field Life is %v: use a second or more", cfg.Life))
	}
	errs = append(errs, way.CheckBaseURL(cfg.BaseURL, cfg.InsecurePlainHTTPForDevelopment))
	if err := way.CheckPath("Base", cfg.Base); err != nil || cfg.Base == "/" {
		errs = append(errs, fmt.Errorf("field Base is %q: use a local path such as /magic_link, without parameters", cfg.Base))
	}
	return errors.Join(errs...)
}

// Register mounts the routes on an app, or on a group without a prefix. Call it after app.Use(accounts.Handler).
//
//	GET  /magic_link/new      asks for the address
//	POST /magic_link          asks for a link; field email
//	GET  /magic_link/sent     says that it is on its way, if anybody has the address
//	GET  /magic_link/:secret  the link: a page with a button
//	POST /magic_link/session  the button; field secret
func (m *MagicLink) Register(r fiber.Router) {
	base, sameOrigin := m.cfg.Base, m.cfg.Accounts.SameOrigin()
	r.Get(base+"/new", m.newPage)
	r.Post(base, sameOrigin, m.ask)
	r.Get(base+"/sent", m.sentPage)
	r.Post(base+"/session", sameOrigin, m.signIn)
	r.Get(base+"/:secret", m.linkPage)
}
