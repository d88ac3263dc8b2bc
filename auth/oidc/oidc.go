// Package oidc lets people sign in with an account at a provider of OpenID Connect: a company's directory, Google, Keycloak
// and the like. It ends in the one seam that every way of signing in uses, so an account that came in like this stands beside
// others in one browser session.
//
//	providers, err := oidc.New(oidc.Config{
//		Accounts: accounts, Users: users, BaseURL: "https://www.example.com", Key: key,
//		Providers: []oidc.Provider{{Name: "google", Label: "Google", Issuer: "https://accounts.google.com",
//			ClientID: id, ClientSecret: secret}},
//	})
//	providers.Register(app)
//
// The sign-in page shows [OIDC.SignInHTML], the profile [OIDC.ConnectHTML], which connects identities and disconnects them. At the provider, register the redirect URI
// https://www.example.com/auth/google/callback, exactly.
//
// # Who somebody is
//
// A user is known by the provider's issuer and its id of the person, by nothing else. An e-mail address that is equal to that
// of a user here proves nothing about him: whoever comes with one is told to sign in the way he knows and to connect the
// identity in the profile, for which he has to be signed in, recently.
//
// # Why a link that another site makes up does nothing
//
// Signing in begins with a POST from a page of this site, which leaves a cookie: encrypted, for ten minutes, with the state,
// the nonce, the PKCE verifier, and which request to add an account the page was drawn for. The answer of the provider comes
// as a GET from another site, so no check of its origin is possible; instead it counts only in the browser with that cookie, for
// the provider and the state in it. An answer that somebody else brings about finds no cookie, or another state, and neither
// signs in nor uses up an open request to add an account.
//
// # Content Security Policy
//
// The form is answered with a page that leads on to the provider by a Refresh header, so form-action 'self' needs no
// exception.
//
// # Long codes
//
// The answer carries a code in its address, of some providers a long one. Where Fiber answers 431, set its ReadBufferSize to
// 16 KB.
package oidc

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"html/template"
	"io/fs"
	"log/slog"
	"net/http"
	"net/url"
	"regexp"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/multiaccount-go/multiaccount"
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
	Again(c *fiber.Ctx) (multiaccount.Again, bool)
	CurrentID(c *fiber.Ctx) string
	Stamp(c *fiber.Ctx) string
	StampField(c *fiber.Ctx) template.HTML
	SameOrigin() fiber.Handler
	Protect() fiber.Handler
	CheckRecent(c *fiber.Ctx, maxAge time.Duration) error
	AddFlash(c *fiber.Ctx, kind, text string)
	Head(c *fiber.Ctx, follow ...multiaccount.Follow) template.HTML
}

// Config says who may sign in and how. Accounts, Users, BaseURL and Providers are required.
type Config struct {
	// Accounts is the plugin. Mount its Handler before all of this package: it renders the refusals.
	Accounts Accounts
	// Users keeps the users.
	Users auth.Store
	// Providers are whom the app trusts to say who somebody is.
	Providers []Provider
	// BaseURL begins the redirect URIs, such as https://www.example.com. It is not taken from requests.
	BaseURL string
	// Key encrypts what the browser keeps while somebody is at the provider: 32 random bytes or more, the same in all
	// processes, kept like a password. Default: a random one, for one process; who is at the provider while it restarts
	// begins anew.
	Key []byte

	// Policy says what somebody new belongs to. Default: tenant.Personal, a tenant named after the person. With
	// tenant.PerUser the person is asked for its name before the user is created.
	Policy tenant.Policy
	// Names says which names of tenants are reserved. Default: see tenant.NameRules.
	Names tenant.NameRules
	// KnownOnly lets nobody in who has not connected the identity in the profile before. Default: whoever is new becomes
	// a user.
	KnownOnly bool
	// RequireEmail turns those away whose address the provider does not vouch for. Default: they become users without one.
	RequireEmail bool
	// Registered hears of a new user before he is signed in: for what the app keeps of him. It runs after the transaction that
	// made him. When it returns an error the user is deleted again, with his tenant, and the person may try again with 503 (an
	// invitation stays used). Default: nothing.
	Registered func(ctx context.Context, u auth.User) error
	// RecentSignIn is how long ago somebody may have signed in at most who connects or disconnects an identity. Default: ten
	// minutes.
	RecentSignIn time.Duration

	// Paths names the routes. Default: see Paths.
	Paths Paths
	// Texts replaces what people read. Default: English.
	Texts Texts
	// Layout puts the pages into the app's design, like the layout of the plugin. Default: a plain document.
	Layout func(c *fiber.Ctx, page multiaccount.Page) error
	// Templates replaces pages one by one: a file in it that is called like one of [Templates]. Default: none.
	Templates fs.FS
	// InsecurePlainHTTPForDevelopment allows http in BaseURL and in issuers, and names the cookies so that they travel over
	// it. Never set it where people are.
	InsecurePlainHTTPForDevelopment bool

	// OnEvent hears of every identity that was connected or disconnected, for an audit trail. It is called on the request's
	// goroutine and must not keep it waiting. The plugin's own OnEvent tells of sign-ins. Default: nothing.
	OnEvent func(ctx context.Context, e Event)
	// Client talks to the providers. Default: one that waits for an answer for ten seconds.
	Client *http.Client
	// Now is the clock. Default: time.Now.
	Now func() time.Time
	// Log gets what an operator should see. Default: slog.Default().
	Log *slog.Logger
}

// Provider is one provider of OpenID Connect, with this app as its client.
type Provider struct {
	Name         string // in paths: up to 32 of a-z, 0-9 and -
	Label        string // what people call it. Default: Name
	Issuer       string // as in its discovery document, such as https://accounts.google.com
	ClientID     string
	ClientSecret string   // empty: the client has none, and PKCE protects the code
	Scopes       []string // Default: openid, email, profile
	// MaxAge is how long ago the person may have signed in at the provider at most; the provider is asked to see to it, and
	// held to it. Default: no limit. Without one, who has the browser of somebody who is signed in at the provider passes
	// [multiaccount.Plugin.RequireRecent] without a password. Not all providers can.
	MaxAge time.Duration
}

// Paths names the routes of this package, and the page it leads to. Each begins with a slash.
type Paths struct {
	Base    string // the provider's name follows. Default: /auth
	Profile string // where connecting an identity leads back to. Default: /profile
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

// OIDC is sign-in with providers in an app. It is safe for concurrent use. Make it with [New].
type OIDC struct {
	cfg       Config
	providers map[string]*provider
	pages     *way.Pages
	box       *box
	leaving   way.Cookie // of somebody who is at the provider
	arriving  way.Cookie // of somebody new who is asked for the name of a tenant
}

// life is how long somebody may take at the provider, and over the name of a tenant.
const life = 10 * time.Minute

// New checks the configuration and reports every mistake in it at once. It does not talk to the providers: that begins when
// somebody wants to sign in, so an app starts while a provider is away.
func New(cfg Config) (*OIDC, error) {
	cfg.setDefaults()
	if err := cfg.validate(); err != nil {
		return nil, fmt.Errorf("oidc: configuration:\n%w", err)
	}
	o := &OIDC{cfg: cfg, providers: map[string]*provider{}, box: newBox(cfg.Key),
		leaving:  way.NewCookie("oidc", cfg.InsecurePlainHTTPForDevelopment, life),
		arriving: way.NewCookie("oidc-new", cfg.InsecurePlainHTTPForDevelopment, life),
	}
	var err error
	o.pages, err = way.NewPages(Templates(), cfg.Templates, cfg.Texts.Lang, cfg.Layout,
		func(c *fiber.Ctx) template.HTML { return cfg.Accounts.Head(c) })
	if err != nil {
		return nil, fmt.Errorf("oidc: configuration: %w", err)
	}
	for _, p := range cfg.Providers {
		o.providers[p.Name] = newProvider(p, cfg.BaseURL+o.path(p.Name)+"/callback", cfg.Client, cfg.Now)
	}
	return o, nil
}

func (cfg *Config) setDefaults() {
	orDefault(&cfg.Policy, tenant.Personal)
	orDefault(&cfg.RecentSignIn, 10*time.Minute)
	orDefault(&cfg.Paths.Base, "/auth")
	orDefault(&cfg.Paths.Profile, "/profile")
	orDefault(&cfg.Client, &http.Client{Timeout: 10 * time.Second})
	orDefault(&cfg.Log, slog.Default())
	if cfg.Registered == nil {
		cfg.Registered = func(context.Context, auth.User) error { return nil }
	}
	if cfg.OnEvent == nil {
		cfg.OnEvent = func(context.Context, Event) {}
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Key == nil {
		cfg.Key = randomKey()
	}
	providers := make([]Provider, len(cfg.Providers)) // the app's own list stays as it is
	for i, p := range cfg.Providers {
		orDefault(&p.Label, p.Name)
		if p.Scopes == nil {
			p.Scopes = []string{"openid", "email", "profile"}
		}
		providers[i] = p
	}
	cfg.Providers = providers
	cfg.Texts.setDefaults()
}

func orDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

var providerName = regexp.MustCompile(`^[a-z0-9-]{1,32}$`)

func (cfg *Config) validate() error {
	var errs []error
	mistake := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if given.Nothing(cfg.Accounts) {
		mistake("field Accounts is missing: give the plugin")
	}
	if given.Nothing(cfg.Users) {
		mistake("field Users is missing: give a store")
	}
	if len(cfg.Providers) == 0 {
		mistake("field Providers is empty: give one")
	}
	if len(cfg.Key) < 32 {
		mistake("field Key has %d bytes: give 32 random ones or more", len(cfg.Key))
	}
	if !cfg.Policy.Valid() {
		mistake("field Policy is %q: use a policy of package tenant", cfg.Policy)
	}
	if cfg.RecentSignIn < time.Second {
		mistake("field RecentSignIn is %v: use a second or more", cfg.RecentSignIn)
	}
	names, issuers := map[string]bool{}, map[string]bool{}
	for _, p := range cfg.Providers {
		if !providerName.MatchString(p.Name) || p.Name == routeNew || names[p.Name] {
			mistake("provider %q: use a name of its own of up to 32 letters a-z, digits and -, other than %q", p.Name, routeNew)
		}
		issuer, err := url.Parse(p.Issuer)
		if err != nil || issuer.Host == "" || issuer.RawQuery != "" || issuer.Fragment != "" ||
			issuer.Scheme != "https" && !(issuer.Scheme == "http" && cfg.InsecurePlainHTTPForDevelopment) {
			mistake("provider %q: field Issuer is %q: use the https URL that its documents name", p.Name, p.Issuer)
		}
		if issuers[p.Issuer] {
			mistake("provider %q: another one has the same issuer, and the ids of both would be taken for each other", p.Name)
		}
		if p.ClientID == "" {
			mistake("provider %q: field ClientID is missing", p.Name)
		}
		if p.MaxAge < 0 {
			mistake("provider %q: field MaxAge is %v: use a positive time", p.Name, p.MaxAge)
		}
		names[p.Name], issuers[p.Issuer] = true, true
	}
	errs = append(errs, way.CheckBaseURL(cfg.BaseURL, cfg.InsecurePlainHTTPForDevelopment),
		way.CheckPath("Base", cfg.Paths.Base), way.CheckPath("Profile", cfg.Paths.Profile))
	return errors.Join(errs...)
}

// routeNew is where somebody new is asked for the name of a tenant.
const routeNew = "new"

// Register mounts the routes on an app, or on a group without a prefix. Call it after app.Use(accounts.Handler).
//
//	GET  /auth/:provider           asks whether to sign in with it
//	POST /auth/:provider           leads to the provider
//	POST /auth/:provider/connect   leads to the provider, to connect an identity with the current account
//	POST /auth/:provider/disconnect takes an identity from the current account; field subject
//	GET  /auth/:provider/callback  the provider's answer
//	GET  /auth/new, POST /auth/new asks somebody new for the name of a tenant
func (o *OIDC) Register(r fiber.Router) {
	base, a := o.cfg.Paths.Base, o.cfg.Accounts
	r.Get(base+"/"+routeNew, o.newPage)
	r.Post(base+"/"+routeNew, a.SameOrigin(), o.create)
	r.Get(base+"/:provider", o.beginPage)
	r.Post(base+"/:provider", a.SameOrigin(), o.begin)
	r.Post(base+"/:provider/connect", a.Protect(), o.connect)
	r.Post(base+"/:provider/disconnect", a.Protect(), o.disconnect)
	r.Get(base+"/:provider/callback", o.callback)
}

func (o *OIDC) path(name string) string { return o.cfg.Paths.Base + "/" + name }

// of returns the provider that a request names.
func (o *OIDC) of(c *fiber.Ctx) (*provider, error) {
	p := o.providers[c.Params("provider")]
	if p == nil {
		return nil, o.refuse(fiber.StatusNotFound, multiaccount.CodeNotFound, o.cfg.Texts.NotFound)
	}
	return p, nil
}
